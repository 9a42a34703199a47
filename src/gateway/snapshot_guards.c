/* Guardrails of a snapshot: rules are compiled, endpoints get their requests, and what every call is told of them. */
#include <stdlib.h>

#include "base/err.h"
#include "gateway/snapshot.h"

#define ANSWER_BODY    "{{arguments}}" /* the question is written by us and put in whole */
#define CHAT_ANSWER    "choices.0.message.content"
#define CODE_MS        5000
#define MAX_BASE_BYTES 4096
#define GRACE_MS       500 /* an endpoint's own deadline comes first */

static const char *path_or_null(struct str s)
{
    return s.n > 0 ? s.p : NULL; /* a snapshot's strings are NUL-terminated */
}

/* Room for one more. */
static int headers_of(struct snapshot_guard *g, const struct config_map *m)
{
    g->headers = calloc((size_t)m->n + 1, sizeof(*g->headers));
    if (!g->headers) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        g->headers[i] = (struct webhook_pair){m->v[i].name, m->v[i].value};
    }
    g->webhook.headers = g->headers;
    g->webhook.n_headers = m->n;
    return 0;
}

/* wss://host/v1/realtime is where a session is opened; the texts of the same service live beside it. */
static int put_chat_url(struct str base, struct buf *out)
{
    bool ws = str_starts(base, STR("ws://")) || str_starts(base, STR("wss://"));
    if (ws) {
        buf_puts(out, str_starts(base, STR("wss://")) ? "https" : "http");
        size_t scheme = str_find(base, ':');
        base = (struct str){base.p + scheme, base.n - scheme};
    }
    base.n = MIN(str_find(base, '?'), base.n);
    while (base.n && base.p[base.n - 1] == '/') {
        base.n--;
    }
    if (str_ends(base, STR("/realtime"))) {
        base.n -= strlen("/realtime");
    }
    buf_put_str(out, base);
    size_t host = str_search(base, STR("://"));
    host = host == SIZE_MAX ? 0 : host + 3;
    struct str rest = {base.p + host, base.n - host};
    buf_puts(out, str_find(rest, '/') == rest.n ? "/v1" : "");
    buf_puts(out, "/chat/completions");
    return out->err;
}

static int keep(struct snapshot *s, struct buf *text, struct str *ret)
{
    *ret = text->err < 0 ? STR_NULL : arena_str(&s->own, buf_str(text));
    return text->err < 0 ? text->err : ret->p ? 0 : -ENOMEM;
}

static int fill_model(struct snapshot *s, struct snapshot_guard *g)
{
    const struct config_guardrail *c = g->config;
    const struct config_provider *p = s->provider;
    bool own = c->url.n == 0 && p->kind == CONFIG_SANDBOX && p->url.n == 0;
    struct str key = c->api_key.n ? c->api_key : c->url.n ? STR("") : p->api_key;
    struct buf text;
    int err = 0;
    buf_init(&text, MAX_BASE_BYTES);
    if (!own) {
        err = c->url.n ? (buf_put_str(&text, c->url), buf_puts(&text, "/chat/completions"), text.err)
                       : put_chat_url(p->url, &text);
        err = err < 0 ? err : keep(s, &text, &g->webhook.url);
    }
    if (err >= 0 && key.n) {
        bool bearer = c->url.n || str_ieq(p->auth_header, STR("Authorization"));
        buf_clear(&text);
        buf_puts(&text, bearer ? "Bearer " : "");
        buf_put_str(&text, key);
        struct webhook_pair *h = &g->headers[g->webhook.n_headers++];
        h->name = bearer ? STR("Authorization") : p->auth_header;
        err = keep(s, &text, &h->value);
    }
    g->webhook.response = STR(CHAT_ANSWER);
    buf_done(&text);
    return err;
}

static int fill_edge(struct snapshot *s, struct snapshot_guard *g)
{
    const struct config_guardrail *c = g->config;
    g->webhook = (struct webhook_opts){
        .name = c->name,
        .method = WEBHOOK_POST,
        .url = c->url,
        .body = STR(ANSWER_BODY),
        .response = STR(""),
        .sign_secret = c->sign_secret,
        .ca_file = path_or_null(c->ca_file),
        .timeout_ms = c->timeout_ms,
        .max_response_bytes = c->max_response_bytes,
        .retry = true, /* a question may be asked twice */
        .retry_on = WEBHOOK_RETRY_USUAL,
    };
    int err = headers_of(g, &c->headers);
    return err < 0 || g->kind != GUARD_MODEL ? err : fill_model(s, g);
}

static int fill_guard(struct snapshot *s, uint32_t index, struct buf *ret_err)
{
    const struct config_guardrail *c = &s->cfg->guardrails[index];
    struct snapshot_guard *g = &s->guards[index];
    bool local = guard_kind_is_local(c->def.kind);
    g->kind = c->def.kind;
    g->config = c;
    s->guarding.list[index] = (struct call_guard){
        .name = c->name,
        .feedback = c->feedback,
        .sides = c->sides,
        .verb = c->action,
        .local = local,
        .holds = local || c->hold,
        .deadline_ms = local ? 0 : c->timeout_ms + GRACE_MS,
    };
    s->guarding.everywhere |= c->for_all ? UINT32_C(1) << index : 0;
    s->guarding.n_list++;
    if (!local) {
        return fill_edge(s, g);
    }
    struct buf why;
    buf_init(&why, 512);
    int err = guard_rule_new(&c->def, &why, &g->rule);
    if (err == -ERR_CONFIG) {
        buf_printf(ret_err, "guardrails." STR_FMT ": %s", STR_ARG(c->name),
                   why.err < 0 ? "it is no rule" : buf_cstr(&why));
    }
    buf_done(&why);
    return err;
}

int snapshot_fill_guards(struct snapshot *s, struct buf *ret_err)
{
    const struct config_guarding *c = &s->cfg->guarding;
    struct call_opts defaults;
    call_opts_init(&defaults);
    s->guarding = defaults.guards;
    s->guarding.list = s->guard_list;
    s->guarding.debounce_chars = c->debounce_chars;
    s->guarding.hold_back = c->hold_back;
    s->guarding.hold_max_ms = c->hold_max_ms;
    s->guarding.expiry = c->expiry;
    s->guarding.margin_ms = c->margin_ms;
    s->guarding.max_trips = c->max_trips;
    int err = c->mask_shapes ? guard_mask_new(c->mask_shapes, &s->mask) : 0;
    for (uint32_t i = 0; i < s->cfg->guardrail_count && err >= 0; i++) {
        err = fill_guard(s, i, ret_err);
    }
    return err;
}

void snapshot_guards_done(struct snapshot *s)
{
    guard_mask_free(s->mask);
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        guard_rule_free(s->guards[i].rule);
        free(s->guards[i].headers);
    }
}

uint32_t snapshot_agent_guards(const struct snapshot *s, const struct config_agent *a)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < a->guardrails.n; i++) {
        uint32_t at = config_find_guardrail(s->cfg, a->guardrails.v[i]);
        mask |= at < CALL_MAX_GUARDS ? UINT32_C(1) << at : 0;
    }
    return mask;
}

int snapshot_add_guard(struct snapshot *s, struct str name, const struct guard_code *code, bool hold)
{
    uint32_t index = s->guarding.n_list;
    if (index == CALL_MAX_GUARDS) {
        return -ERR_LIMIT;
    }
    s->guards[index] = (struct snapshot_guard){.kind = GUARD_CODE, .code = *code};
    s->guarding.list[index] = (struct call_guard){
        .name = name, .sides = 1u << GUARD_OUTPUT, .holds = hold, .deadline_ms = CODE_MS + GRACE_MS};
    s->guarding.everywhere |= UINT32_C(1) << index;
    s->guarding.n_list++;
    s->call.guards = s->guarding; /* of the call that was planned already */
    return 0;
}
