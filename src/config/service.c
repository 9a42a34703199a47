/* What the model's service is told as it stands here: a stored prompt, truncation, further settings of transcription.
 */
#include "base/err.h"
#include "base/json.h"
#include "config/draft.h"

#define EXTRA_MAX     (16u << 10)
#define BETA_COOL     0.6 /* what dated previews take */
#define BETA_HOT      1.2
#define RATIO_WANTED  "must be auto, disabled or a map with type: retention_ratio and retention_ratio (0 to 1)"
#define PROMPT_WANTED "must be a map with id, version and variables"

static int refuse(const char *wanted, const struct yaml_node *c, const char *what, struct buf *why)
{
    buf_printf(why, "%s; \"%.60s\" %s", wanted, c->key.p, what);
    return -ERR_CONFIG;
}

/* A number that stands there bare would go out as one, and the service takes texts alone. */
static bool is_text(const struct yaml_node *c)
{
    struct json_val v;

    return c->kind == YAML_SCALAR && !yaml_is_null(c) && c->text.n > 0 &&
           !(c->plain && json_parse(c->text, &v) >= 0 && v.type != JSON_STRING);
}

int prompt_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why)
{
    bool named = false;

    for (const struct yaml_node *c = n->first; c; c = c->next) {
        if (str_is(c->key, "variables")) {
            if (c->kind != YAML_MAP) {
                return refuse(PROMPT_WANTED, c, "must be a map", why);
            }
        } else if (!str_is(c->key, "id") && !str_is(c->key, "version")) {
            return refuse(PROMPT_WANTED, c, "does not belong there", why);
        } else if (!is_text(c)) {
            return refuse(PROMPT_WANTED, c, "must be a text (in quotes)", why);
        }
        named = named || str_is(c->key, "id");
    }
    if (!named) {
        buf_puts(why, PROMPT_WANTED "; \"id\" is missing");
        return -ERR_CONFIG;
    }
    return schema_keep(d, n, ret);
}

static bool is_ratio(const struct yaml_node *c)
{
    double v;

    return c->kind == YAML_SCALAR && c->plain && str_to_f64(c->text, &v) >= 0 && v >= 0 && v <= 1;
}

int truncation_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why)
{
    bool typed = false, ratio = false;

    for (const struct yaml_node *c = n->first; c; c = c->next) {
        if (str_is(c->key, "type") && str_is(c->text, "retention_ratio")) {
            typed = true;
        } else if (str_is(c->key, "retention_ratio") && is_ratio(c)) {
            ratio = true;
        } else if (!str_is(c->key, "token_limits") || c->kind != YAML_MAP) {
            return refuse(RATIO_WANTED, c, "is not one of these", why);
        }
    }
    if (!typed || !ratio) {
        buf_puts(why, RATIO_WANTED);
        return -ERR_CONFIG;
    }
    return schema_keep(d, n, ret);
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static void put_list(struct buf *out, const char *key, const struct config_list *list)
{
    if (list->n == 0) {
        return;
    }
    buf_printf(out, "%s\"%s\":[", out->len ? "," : "", key);
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(out, i ? "," : "");
        json_put_quoted(out, list->v[i]);
    }
    buf_putc(out, ']');
}

static void fill_extra(struct draft *d, struct config_transcription *t)
{
    struct buf out;

    buf_init(&out, EXTRA_MAX);
    put_list(&out, "keywords", &t->keywords);
    put_list(&out, "languages", &t->languages);
    if (t->delay.n) {
        buf_printf(&out, "%s\"delay\":", out.len ? "," : "");
        json_put_quoted(&out, t->delay);
    }
    if (out.err == -ERR_TOO_BIG) {
        draft_fail(d, draft_origin(d, "agent.transcription.keywords"), "agent.transcription.keywords are too long");
    }
    t->extra = out.err < 0 ? STR("") : arena_str(d->arena, buf_str(&out));
    d->out_of_memory = d->out_of_memory || !t->extra.p || out.err == -ENOMEM;
    buf_done(&out);
}

/* Only the dated previews of this protocol have a temperature. */
static void check_temperature(struct draft *d, const struct config_provider *p)
{
    double t = d->cfg->agent.temperature;

    if (p->kind != CONFIG_OPENAI && p->kind != CONFIG_SANDBOX) {
        return;
    }
    if (p->dialect != CONFIG_BETA) {
        draft_warn(d, "agent.temperature: the provider %s has no temperature any more; it is not sent", p->name.p);
    } else if (t < BETA_COOL || t > BETA_HOT) {
        draft_fail(d, draft_origin(d, "agent.temperature"), "agent.temperature: the provider %s takes %.1f to %.1f",
                   p->name.p, BETA_COOL, BETA_HOT);
    }
}

static void warn_unknown(struct draft *d, const struct config_provider *p, const char *key, struct str value)
{
    if (value.n > 0) {
        draft_warn(d, "%s: the provider %s does not know it; it is not sent", key, p->name.p);
    }
}

void finish_service(struct draft *d, const struct config_provider *p)
{
    struct config_agent *a = &d->cfg->agent;

    if (!draft_given(d, "agent.temperature")) {
        a->temperature = -1;
    } else if (p) {
        check_temperature(d, p);
    }
    fill_extra(d, &a->transcription);
    if (p && p->kind == CONFIG_GEMINI) {
        warn_unknown(d, p, "agent.prompt", a->prompt);
        warn_unknown(d, p, "agent.truncation", a->truncation);
        warn_unknown(d, p, "agent.transcription.keywords, languages and delay", a->transcription.extra);
    }
}
