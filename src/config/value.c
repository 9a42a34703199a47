/* One value: text or a YAML node into the field of a struct, with the sentence that says what was expected. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "config/draft.h"

#define MAX_ELEMENTS 256

static bool is_secret(enum option_type type)
{
    return type == OPTION_SECRET || type == OPTION_SECRETS || type == OPTION_SECRET_MAP;
}

static int refuse(const struct option *o, struct str got, struct buf *why)
{
    const char *near = NULL;

    wanted_put(why, o);
    if (is_secret(o->type)) {
        return -ERR_CONFIG; /* never show it */
    }
    buf_printf(why, ", not \"" STR_FMT "%s\"", (int)MIN(got.n, 60u), got.p ? got.p : "", got.n > 60 ? "..." : "");
    if (o->words && option_word_nearest(o->words, got, &near)) {
        buf_printf(why, "; did you mean \"%s\"?", near);
    }
    return -ERR_CONFIG;
}

/* ------------------------------------------------------------------------------------------------ single words */

static int keep_str(struct draft *d, struct str text, struct str *field)
{
    struct str copy = arena_str(d->arena, text);

    if (!copy.p) {
        return -ENOMEM;
    }
    *field = copy;
    return 0;
}

static const struct option_word *word_find(const struct option_word *words, struct str text)
{
    for (; words->word; words++) {
        if (str_ieq(text, str_from(words->word))) {
            return words;
        }
    }
    return NULL;
}

static bool bool_parse(struct str s, bool *ret)
{
    static const struct option_word words[] = {{"true", 1, false}, {"yes", 1, false},   {"on", 1, false},
                                               {"1", 1, false},    {"false", 0, false}, {"no", 0, false},
                                               {"off", 0, false},  {"0", 0, false},     {NULL, 0, false}};
    const struct option_word *w = word_find(words, s);

    if (w) {
        *ret = w->value;
    }
    return w;
}

/* "5s" and the like in thousandths of unit (1000 for seconds as base, 1 for milliseconds). */
static int duration_parse(struct str s, int64_t unit_ms, int64_t *ret)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    int64_t factor = unit_ms;
    int64_t value;
    int err;

    for (uint32_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_ends(s, str_from(units[i].suffix))) {
            factor = units[i].ms;
            s.n -= strlen(units[i].suffix);
            break;
        }
    }
    err = str_to_i64(str_trim(s), &value);
    if (err < 0) {
        return err;
    }
    if (value < 0 || value > INT64_MAX / 86400000 || (value * factor) % unit_ms != 0) {
        return -ERR_RANGE;
    }
    *ret = value * factor / unit_ms;
    return 0;
}

/* "12.50" to 12500000, exactly. */
static int money_parse(struct str s, int64_t *ret)
{
    size_t dot = str_find(s, '.');
    struct str fraction = dot < s.n ? (struct str){s.p + dot + 1, s.n - dot - 1} : STR("0");
    int64_t whole, part;
    int err = str_to_i64((struct str){s.p, dot}, &whole);

    if (err < 0 || fraction.n == 0 || fraction.n > 6 || s.p[0] == '-' || s.p[0] == '+' || fraction.p[0] == '-' ||
        fraction.p[0] == '+') {
        return -ERR_SYNTAX;
    }
    err = str_to_i64(fraction, &part);
    if (err < 0 || whole > 1000000000) {
        return err < 0 ? err : -ERR_RANGE;
    }
    for (size_t i = fraction.n; i < 6; i++) {
        part *= 10;
    }
    *ret = whole * 1000000 + part;
    return 0;
}

static int integer_parse(const struct option *o, struct str text, int64_t *ret)
{
    int err;

    if (o->word0 && str_ieq(text, str_from(o->word0))) {
        *ret = 0;
        return 0;
    }
    if (o->type == OPTION_MS || o->type == OPTION_SECONDS) {
        err = duration_parse(text, o->type == OPTION_MS ? 1 : 1000, ret);
    } else {
        err = str_to_i64(text, ret);
    }
    if (err >= 0 && ((double)*ret < o->min || (double)*ret > o->max)) {
        err = -ERR_RANGE;
    }
    return err;
}

static int set_integer(const struct option *o, void *field, struct str text, struct buf *why)
{
    int64_t value = 0;

    if (integer_parse(o, text, &value) < 0) {
        return refuse(o, text, why);
    }
    if (o->type == OPTION_U16) {
        *(uint16_t *)field = (uint16_t)value;
    } else if (o->type == OPTION_I32) {
        *(int32_t *)field = (int32_t)value;
    } else {
        *(uint32_t *)field = (uint32_t)value;
    }
    return 0;
}

static int set_number(const struct option *o, void *field, struct str text, struct buf *why)
{
    int64_t money;
    double value;

    if (o->type == OPTION_MONEY) {
        if (money_parse(text, &money) < 0 || (double)money > o->max * 1e6) {
            return refuse(o, text, why);
        }
        *(int64_t *)field = money;
        return 0;
    }
    if (str_to_f64(text, &value) < 0 || value < o->min || value > o->max) {
        return refuse(o, text, why);
    }
    if (o->type == OPTION_PPM) {
        *(uint32_t *)field = (uint32_t)(value * 1e6 + 0.5);
        return 0;
    }
    *(double *)field = value;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ addresses */

static bool host_ok(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == '_' || c == ':' || c == '[' || c == ']' || c == '%')) {
            return false;
        }
    }
    return host.n > 0 && host.n < 256;
}

static int set_hostname(struct draft *d, const struct option *o, struct str *field, struct str text, struct buf *why)
{
    char url[300];
    int n;

    if (!host_ok(text) || str_find(text, '/') < text.n) {
        return refuse(o, text, why);
    }
    n = snprintf(url, sizeof(url), "https://" STR_FMT, STR_ARG(text));
    return keep_str(d, (struct str){url, (size_t)n}, field);
}

static int set_url(struct draft *d, const struct option *o, struct str *field, struct str text, struct buf *why)
{
    static const char *const schemes[] = {"https://", "http://", "wss://", "ws://"};
    struct str rest = STR_NULL;

    for (uint32_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts(text, str_from(schemes[i]))) {
            rest = (struct str){text.p + strlen(schemes[i]), text.n - strlen(schemes[i])};
        }
    }
    if (o->host_alone && str_search(text, STR("://")) == SIZE_MAX) {
        return set_hostname(d, o, field, text, why);
    }
    for (size_t i = 0; i < text.n; i++) {
        if ((uint8_t)text.p[i] <= ' ' || text.p[i] == '#' || text.p[i] == '"') {
            return refuse(o, text, why);
        }
    }
    if (!host_ok((struct str){rest.p, str_find(rest, '/')})) {
        return refuse(o, text, why);
    }
    while (text.p[text.n - 1] == '/') {
        text.n--;
    }
    return keep_str(d, text, field);
}

static int set_listen(struct draft *d, const struct option *o, struct config_server *server, struct str text,
                      struct buf *why)
{
    size_t colon = text.n;
    struct str host, port;
    int64_t number;

    for (size_t i = 0; i < text.n; i++) {
        colon = text.p[i] == ':' ? i : colon;
    }
    host = colon < text.n ? (struct str){text.p, colon} : STR("");
    port = colon < text.n ? (struct str){text.p + colon + 1, text.n - colon - 1} : text;
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = (struct str){host.p + 1, host.n - 2};
    } else if (str_find(host, ':') < host.n) {
        return refuse(o, text, why);
    }
    if (str_to_i64(port, &number) < 0 || number < 0 || number > 65535 || (host.n && !host_ok(host))) {
        return refuse(o, text, why);
    }
    server->port = (uint16_t)number;
    return keep_str(d, host.n ? host : STR("0.0.0.0"), &server->host);
}

static bool block_parse(struct str text, struct config_block *ret)
{
    size_t slash = str_find(text, '/');
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    int64_t bits = -1;

    if (str_copy(host, sizeof(host), (struct str){text.p, slash}) < 0) {
        return false;
    }
    if (slash < text.n &&
        (str_to_i64((struct str){text.p + slash + 1, text.n - slash - 1}, &bits) < 0 || bits < 0 || bits > 128)) {
        return false;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

        memcpy(ret->addr, mapped, sizeof(mapped));
        memcpy(ret->addr + 12, &v4, 4);
        ret->bits = (uint8_t)(bits < 0 ? 128 : bits + 96);
        return bits <= 32;
    }
    ret->bits = (uint8_t)(bits < 0 ? 128 : bits);
    return inet_pton(AF_INET6, host, ret->addr) == 1;
}

static int set_blocks(struct draft *d, const struct option *o, const struct config_list *list, struct buf *why)
{
    struct config_block *blocks = arena_alloc(d->arena, sizeof(*blocks) * MAX(list->n, 1u));

    if (!blocks) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        if (!block_parse(list->v[i], &blocks[i])) {
            return refuse(o, list->v[i], why);
        }
    }
    d->cfg->server.trusted_proxies = blocks;
    d->cfg->server.trusted_proxy_count = list->n;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the service's */

static int set_audio(const struct option *o, struct config_audio *field, struct str text, struct buf *why)
{
    enum audio_format format;

    if (audio_format_parse(text, &format) < 0 ||
        (format != AUDIO_PCMU && format != AUDIO_PCMA && format != AUDIO_PCM16_24K)) {
        return refuse(o, text, why);
    }
    *field = (struct config_audio){.given = true, .format = format};
    return 0;
}

/* Old texts say [text, audio]; with audio the text comes by itself. */
static int set_modalities(const struct option *o, enum config_modality *field, const struct config_list *list,
                          struct buf *why)
{
    bool audio = false;

    for (uint32_t i = 0; i < list->n; i++) {
        if (!str_ieq(list->v[i], STR("audio")) && !str_ieq(list->v[i], STR("text"))) {
            return refuse(o, list->v[i], why);
        }
        audio = audio || str_ieq(list->v[i], STR("audio"));
    }
    if (list->n == 0) {
        return refuse(o, STR("[]"), why);
    }
    *field = audio ? CONFIG_AUDIO : CONFIG_TEXT;
    return 0;
}

static int set_word(struct draft *d, const struct option *o, void *field, struct str text, struct buf *why)
{
    const struct option_word *w = word_find(o->words, text);

    if (!w) {
        return refuse(o, text, why);
    }
    if (o->type == OPTION_ENUM) {
        *(int *)field = w->value; /* every enum of ours is an int in size */
        return 0;
    }
    return keep_str(d, str_from(w->word), field);
}

/* ------------------------------------------------------------------------------------------------ lists and maps */

struct elements {
    struct str v[MAX_ELEMENTS];
    uint32_t n;
};

static int set_elements(struct draft *d, const struct option *o, void *field, const struct elements *e, struct buf *why)
{
    struct str *v = arena_alloc(d->arena, sizeof(*v) * MAX(e->n, 1u));
    struct config_list list = {v, e->n};

    if (!v) {
        return -ENOMEM;
    }
    if (o->type == OPTION_TEXTS && e->n > CALL_SILENCE_PROMPTS) {
        wanted_put(why, o);
        return -ERR_CONFIG;
    }
    for (uint32_t i = 0; i < e->n; i++) {
        if (o->words && !word_find(o->words, e->v[i])) {
            return refuse(o, e->v[i], why);
        }
        if (o->type == OPTION_TEXTS && str_trim(e->v[i]).n == 0) {
            wanted_put(why, o);
            buf_puts(why, "; one of them is blank");
            return -ERR_CONFIG;
        }
        for (uint32_t j = 0; j < i && o->type != OPTION_TEXTS; j++) {
            if (str_eq(e->v[i], v[j])) {
                buf_printf(why, "names the same %s twice", o->type == OPTION_SECRETS ? "text" : v[j].p);
                return -ERR_CONFIG;
            }
        }
        v[i] = arena_str(d->arena, e->v[i]);
        if (!v[i].p) {
            return -ENOMEM;
        }
        if (o->type == OPTION_SECRETS) {
            draft_secret(d, v[i]);
        }
    }
    if (o->type == OPTION_BLOCKS) {
        return set_blocks(d, o, &list, why);
    }
    if (o->type == OPTION_MODALITIES) {
        return set_modalities(o, field, &list, why);
    }
    *(struct config_list *)field = list;
    return 0;
}

static bool takes_list(enum option_type type)
{
    return type == OPTION_LIST || type == OPTION_TEXTS || type == OPTION_SECRETS || type == OPTION_BLOCKS ||
           type == OPTION_MODALITIES;
}

static int set_list_text(struct draft *d, const struct option *o, void *field, struct str text, struct buf *why)
{
    char comma = o->type == OPTION_TEXTS ? '|' : ',';
    struct elements e = {.n = 0};
    struct str part;

    while (str_split(&text, comma, &part)) {
        part = str_trim(part);
        if (part.n == 0) {
            continue;
        }
        if (e.n == MAX_ELEMENTS) {
            buf_printf(why, "has more than %u elements", MAX_ELEMENTS);
            return -ERR_CONFIG;
        }
        e.v[e.n++] = part;
    }
    return set_elements(d, o, field, &e, why);
}

static int set_list_node(struct draft *d, const struct option *o, void *field, const struct yaml_node *n,
                         struct buf *why)
{
    struct elements e = {.n = 0};

    for (const struct yaml_node *c = n->first; c; c = c->next) {
        struct str text;
        int err;

        if (c->kind != YAML_SCALAR || yaml_is_null(c)) {
            wanted_put(why, o);
            buf_puts(why, "; an element is none");
            return -ERR_CONFIG;
        }
        if (e.n == MAX_ELEMENTS) {
            buf_printf(why, "has more than %u elements", MAX_ELEMENTS);
            return -ERR_CONFIG;
        }
        err = env_expand(&d->env, c->text, why, &text);
        if (err < 0) {
            return err;
        }
        if (text.n) { /* ${VAR:-} may come to nothing */
            e.v[e.n++] = text;
        }
    }
    return set_elements(d, o, field, &e, why);
}

static bool header_text_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool header_name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c <= ' ' || c == 0x7F || strchr("()<>@,;:\\\"/[]?={}", c)) {
            return false;
        }
    }
    return s.n > 0;
}

static int set_map_node(struct draft *d, const struct option *o, struct config_map *field, const struct yaml_node *n,
                        struct buf *why)
{
    struct config_pair *v = arena_alloc(d->arena, sizeof(*v) * MAX(n->n, 1u));
    uint32_t count = 0;

    if (!v) {
        return -ENOMEM;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        struct str text = STR_NULL;
        int err = 0;

        if (c->kind != YAML_SCALAR) {
            buf_printf(why, "must be a map of names to texts; \"%.60s\" is none", c->key.p);
            return -ERR_CONFIG;
        }
        err = yaml_is_null(c) ? 0 : env_expand(&d->env, c->text, why, &text);
        if (err < 0) {
            return err;
        }
        if (!header_name_ok(c->key) || !header_text_ok(text)) {
            buf_printf(why, "has a name or text that cannot be sent (\"%.60s\")", c->key.p);
            return -ERR_CONFIG;
        }
        if (text.n == 0) {
            continue;
        }
        v[count].name = arena_str(d->arena, c->key);
        v[count].value = arena_str(d->arena, text);
        if (!v[count].name.p || !v[count].value.p) {
            return -ENOMEM;
        }
        if (o->type == OPTION_SECRET_MAP) {
            draft_secret(d, v[count].value);
        }
        count++;
    }
    *field = (struct config_map){v, count};
    return 0;
}

/* ------------------------------------------------------------------------------------------------ entry points */

static int set_secret(struct draft *d, struct str *field, struct str text, struct buf *why)
{
    int err;

    if (!header_text_ok(text)) {
        buf_puts(why, "holds a line break or another control character");
        return -ERR_CONFIG;
    }
    err = keep_str(d, text, field);
    if (err >= 0) {
        draft_secret(d, *field);
    }
    return err;
}

static int set_file(struct draft *d, struct str *field, struct str text, bool from_file)
{
    char path[4096];
    int n;

    if (!from_file || text.p[0] == '/' || d->folder.n == 0) {
        return keep_str(d, text, field);
    }
    n = snprintf(path, sizeof(path), STR_FMT STR_FMT, STR_ARG(d->folder), STR_ARG(text));
    return n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : keep_str(d, (struct str){path, (size_t)n}, field);
}

int value_set_text(struct draft *d, const struct option *o, void *base, struct str text, bool from_file,
                   struct buf *why)
{
    void *field = (char *)base + o->offset;

    if (takes_list(o->type)) {
        return set_list_text(d, o, field, text, why);
    }
    if (o->words) {
        return set_word(d, o, field, text, why);
    }
    switch (o->type) {
    case OPTION_STR:
    case OPTION_VOICE:
    case OPTION_CHOICE:
        return keep_str(d, text, field);
    case OPTION_SECRET:
        return set_secret(d, field, text, why);
    case OPTION_FILE:
        return set_file(d, field, text, from_file);
    case OPTION_URL:
        return set_url(d, o, field, text, why);
    case OPTION_HOSTNAME:
        return set_hostname(d, o, field, text, why);
    case OPTION_LISTEN:
        return set_listen(d, o, &d->cfg->server, text, why);
    case OPTION_U16:
    case OPTION_U32:
    case OPTION_I32:
    case OPTION_MS:
    case OPTION_SECONDS:
        return set_integer(o, field, text, why);
    case OPTION_F64:
    case OPTION_PPM:
    case OPTION_MONEY:
        return set_number(o, field, text, why);
    case OPTION_BOOL:
        return bool_parse(text, field) ? 0 : refuse(o, text, why);
    case OPTION_AUDIO:
        return set_audio(o, field, text, why);
    case OPTION_DROPPED:
        return 0;
    case OPTION_TOOLS:
        return draft_refs_text(d, &d->tool_refs, text, why);
    case OPTION_HANDOFFS:
        return draft_refs_text(d, &d->handoff_refs, text, why);
    case OPTION_WHEN:
    case OPTION_ENUM:
    case OPTION_LIST:
    case OPTION_TEXTS:
    case OPTION_SECRETS:
    case OPTION_BLOCKS:
    case OPTION_MODALITIES:
    case OPTION_MAP:
    case OPTION_SECRET_MAP:
    case OPTION_SCHEMA:
    case OPTION_TRACING:
    case OPTION_PROMPT:
    case OPTION_TRUNCATION:
        break;
    }
    return refuse(o, text, why);
}

bool value_takes_map(enum option_type type)
{
    return type == OPTION_MAP || type == OPTION_SECRET_MAP || type == OPTION_AUDIO || type == OPTION_VOICE ||
           type == OPTION_CHOICE || type == OPTION_SCHEMA || type == OPTION_WHEN || type == OPTION_TRACING ||
           type == OPTION_PROMPT || type == OPTION_TRUNCATION || type == OPTION_DROPPED;
}

/* {type: audio/pcm, rate: 24000}, {id: voice_1}, {type: function, name: x}: the one member that counts. */
static int set_from_member(struct draft *d, const struct option *o, void *base, const struct yaml_node *n,
                           struct buf *why)
{
    static const char *const known[] = {"type", "id", "name", "rate"};
    const char *wanted = o->type == OPTION_AUDIO ? "type" : o->type == OPTION_VOICE ? "id" : "name";
    struct str text = STR_NULL;

    for (const struct yaml_node *c = n->first; c; c = c->next) {
        bool ok = false;

        for (uint32_t i = 0; i < ARRAY_LEN(known); i++) {
            ok = ok || str_is(c->key, known[i]);
        }
        if (!ok || c->kind != YAML_SCALAR) {
            wanted_put(why, o);
            buf_printf(why, "; \"%.60s\" does not belong there", c->key.p);
            return -ERR_CONFIG;
        }
        if (str_is(c->key, wanted)) {
            int err = env_expand(&d->env, c->text, why, &text);

            if (err < 0) {
                return err;
            }
        }
    }
    if (text.n == 0) {
        wanted_put(why, o);
        buf_printf(why, "; \"%s\" is missing", wanted);
        return -ERR_CONFIG;
    }
    return value_set_text(d, o, base, text, true, why);
}

int value_set_node(struct draft *d, const struct option *o, void *base, const struct yaml_node *n, struct buf *why)
{
    void *field = (char *)base + o->offset;
    struct str text;
    int err;

    if (o->type == OPTION_DROPPED) {
        return 1;
    }
    if (o->type == OPTION_WHEN) {
        char path[160];

        snprintf(path, sizeof(path), "%s%s", d->prefix ? d->prefix : "", o->key); /* for messages */
        *(const struct when **)field = when_read(d, n, path);
        return 1;
    }
    if (n->kind == YAML_LIST && (o->type == OPTION_TOOLS || o->type == OPTION_HANDOFFS)) {
        err = o->type == OPTION_TOOLS ? take_tool_refs(d, n, why) : take_handoff_refs(d, n, why);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_LIST && takes_list(o->type)) {
        err = set_list_node(d, o, field, n, why);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_MAP && (o->type == OPTION_MAP || o->type == OPTION_SECRET_MAP)) {
        err = set_map_node(d, o, field, n, why);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_MAP && o->type == OPTION_SCHEMA) {
        err = schema_keep(d, n, field);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_MAP && o->type == OPTION_TRACING) {
        err = tracing_keep(d, n, field, why);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_MAP && (o->type == OPTION_PROMPT || o->type == OPTION_TRUNCATION)) {
        err = o->type == OPTION_PROMPT ? prompt_keep(d, n, field, why) : truncation_keep(d, n, field, why);
        return err < 0 ? err : 1;
    }
    if (n->kind == YAML_MAP && value_takes_map(o->type)) {
        err = set_from_member(d, o, base, n, why);
        return err < 0 ? err : 1;
    }
    if (n->kind != YAML_SCALAR || o->type == OPTION_MAP || o->type == OPTION_SECRET_MAP || o->type == OPTION_SCHEMA ||
        o->type == OPTION_PROMPT) {
        wanted_put(why, o);
        buf_printf(why, ", not a %s", n->kind == YAML_LIST ? "list" : n->kind == YAML_MAP ? "map" : "single text");
        return -ERR_CONFIG;
    }
    err = env_expand(&d->env, n->text, why, &text);
    if (err < 0) {
        return err;
    }
    if (text.n == 0 && (n->plain || n->text.n || o->type != OPTION_STR || o->words)) {
        return 0; /* as if the key were not there; only "" empties a text */
    }
    err = value_set_text(d, o, base, text, true, why);
    return err < 0 ? err : 1;
}
