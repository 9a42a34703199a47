/* There is no error message in this protocol: every failure is a close code and a sentence cut at 123 bytes. */
#include "providers/gemini/gemini_impl.h"

/* By the begin of the sentence, else by the code alone (text NULL). A setting that is refused in mid-session is no
 * setting: then the session is lost, and the next one may be better. */
static const struct rule {
    uint16_t code;
    const char *text;
    int before, after; /* setupComplete */
    const char *name;
    const char *advice;
} rules[] = {
    {1007, "API key expired", -ERR_AUTH, -ERR_AUTH, "api-key-refused", "renew the key (api_key, GEMINI_API_KEY)"},
    {1007, "API key not valid", -ERR_AUTH, -ERR_AUTH, "api-key-refused", "check the key (api_key, GEMINI_API_KEY)"},
    {1007, "User location", -ERR_CONFIG, -ERR_CONFIG, "location", "the service is not offered at this place"},
    {1007, "Invalid JSON payload", -ERR_CONFIG, -ERR_CLOSED, "unknown-field", "the service takes no such setting"},
    {1007, NULL, -ERR_CONFIG, -ERR_CLOSED, "invalid-argument",
     "a setting or the voice is not one of this model, or the context is full"},
    {1008, "not found for API version", -ERR_CONFIG, -ERR_CONFIG, "model-not-found", NULL},
    {1008, "not supported for bidiGenerateContent", -ERR_CONFIG, -ERR_CONFIG, "model-not-found", NULL},
    {1008, "unregistered callers", -ERR_AUTH, -ERR_AUTH, "api-key-missing", "give a key (api_key, GEMINI_API_KEY)"},
    {1008, "Requested entity was not found", -ERR_CLOSED, -ERR_CLOSED, "session-not-found",
     "the handle is too old or belongs to another model: a fresh session is told the conversation"},
    {1008, "Operation is not implemented", -ERR_CONFIG, -ERR_CLOSED, "not-supported",
     "the model does not support a setting"},
    {1008, "The operation was aborted", -ERR_CLOSED, -ERR_CLOSED, "aborted",
     "the connection was too old for the service: the session goes on over a new one"},
    {1008, NULL, -ERR_CONFIG, -ERR_CLOSED, "refused",
     "the key, or its project, may not do this: ringtrip check tries key, model and settings"},
    {1011, "Deadline expired", -ERR_CLOSED, -ERR_CLOSED, "session_expired",
     "the connection has reached its age: the session goes on over a new one"},
    {1011, "You exceeded your current quota", -ERR_LIMIT, -ERR_LIMIT, "quota", "see plan and billing of the key"},
    {1011, "RESOURCE_EXHAUSTED", -ERR_LIMIT, -ERR_LIMIT, "quota", "see plan and billing of the key"},
    {1011, "Resource has been exhausted", -ERR_LIMIT, -ERR_LIMIT, "quota", "see plan and billing of the key"},
    {1011, NULL, -ERR_CLOSED, -ERR_CLOSED, "service-error",
     "a fault of the service: the session is resumed, and failover takes over when that fails"},
};

static const struct rule *find(uint16_t code, struct str reason)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct rule *r = &rules[i];
        if (r->code == code && (!r->text || str_search(reason, str_from(r->text)) != SIZE_MAX)) {
            return r;
        }
    }
    return NULL;
}

/* A model that is gone: who configured it wants to know what took its place. */
static void put_successor(const struct gemini_model *m, struct buf *room, bool gone)
{
    struct str successor = gemini_successor(str_from(m->model));
    buf_printf(room, " (%s", m->model);
    if (!gone) {
        buf_printf(room, " is an older model; " STR_FMT " takes its place)", STR_ARG(successor));
    } else if (successor.n > 0) {
        buf_printf(room, " is retired; use " STR_FMT ")", STR_ARG(successor));
    } else {
        buf_printf(room, " is not offered to this key; the default is %s)", GEMINI_DEFAULT_MODEL);
    }
}

void gemini_judge(struct link *link, const struct ws_close *why, struct buf *room, struct link_failure *ret)
{
    const struct gemini_model *m = gemini_of(&link->base);
    const struct rule *r = find(why->code, why->reason);
    char plain[32];
    *ret = (struct link_failure){.err = !r ? -ERR_CLOSED : link->was_ready ? r->after : r->before};
    buf_put_str(room, why->reason.n > 0 ? why->reason : STR("the service closed the session"));
    if (r && r->advice) {
        buf_printf(room, " (%s)", r->advice);
    }
    /* A model that goes may be refused in other words, too; a key or a quota is not its matter. */
    bool gone = r && strcmp(r->name, "model-not-found") == 0;
    bool older = !link->was_ready && ret->err == -ERR_CONFIG && gemini_successor(str_from(m->model)).n > 0;
    if (gone || older) {
        put_successor(m, room, gone);
    }
    size_t n = room->len;
    snprintf(plain, sizeof(plain), "ws-%u", (unsigned)why->code);
    buf_puts(room, r ? "" : plain);
    struct str all = buf_str(room); /* it has its final place now */
    ret->message = (struct str){all.p, n};
    ret->code = r ? str_from(r->name) : (struct str){all.p + n, all.n - n};
}
