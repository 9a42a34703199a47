#include "api/api_dial.h"

#include <stdio.h>
#include <string.h>

#include "api/api_job.h"
#include "api/api_json.h"
#include "base/e164.h"
#include "base/err.h"
#include "base/json_doc.h"
#include "net/crypto.h"

#define KEY_MAX      255
#define TEXT_MAX     8000 /* of one text of a request */
#define WHY_MAX      1024
#define RING_MAX_S   600
#define CALL_MAX_S   14400
#define UUID_VERSION 0x80 /* of our own making */
#define UUID_VARIANT 0x80

/* One request on its way: read, looked up when it has a key, dialled. */
struct dial_job {
    struct api_job base;
    struct dialer_request req; /* texts in the arena */
    struct dialer_variable variables[DIALER_MAX_VARIABLES];
    char to[E164_MAX], from[E164_MAX];
    bool has_key;
    bool found; /* a call of this key is in the store, */
    bool other; /* but it went elsewhere */
    struct store_call before;
    struct buf why;
};

/* ---- reading ---- */

/* Statuses of what outbound_dial answers. */
static int status_of(int err)
{
    switch (err) {
    case -EINVAL:
    case -ENOENT:
    case -ERR_CONFIG:
    case -ERR_TOO_BIG:
        return 422;
    case -ERR_LIMIT:
        return 429;
    case -EEXIST:
        return 409;
    default:
        return 503;
    }
}

/* The sentence is kept: job->why goes before the answer. */
static void fail(struct dial_job *job, int status, const char *why)
{
    size_t n = strlen(why) + 1;
    char *kept = arena_alloc(&job->base.arena, n);
    if (kept) {
        memcpy(kept, why, n);
    }
    job->base.status = status;
    job->base.error = kept ? kept : "Out of memory";
}

static bool put_text(struct dial_job *job, const struct json_doc *body, const char *key, struct str *ret)
{
    const struct json_doc *v = json_doc_get(body, str_from(key));
    if (!v || v->type == JSON_NULL) {
        return true;
    }
    if (v->type != JSON_STRING || v->text.n > TEXT_MAX || memchr(v->text.p, '\0', v->text.n)) {
        buf_printf(&job->why, "%s must be a text of at most %d bytes", key, TEXT_MAX);
        return false;
    }
    *ret = v->text.n ? arena_str(&job->base.arena, v->text) : STR("");
    return ret->p != NULL;
}

static bool put_seconds(struct dial_job *job, const struct json_doc *body, const char *key, uint32_t max, uint32_t *ret)
{
    const struct json_doc *v = json_doc_get(body, str_from(key));
    if (!v || v->type == JSON_NULL) {
        return true;
    }
    if (v->type != JSON_NUMBER || !v->whole || v->number < 1 || v->number > max) {
        buf_printf(&job->why, "%s must be a whole number of seconds from 1 to %u", key, max);
        return false;
    }
    *ret = (uint32_t)v->number;
    return true;
}

static bool put_variables(struct dial_job *job, const struct json_doc *body)
{
    const struct json_doc *v = json_doc_get(body, STR("variables"));
    if (!v || v->type == JSON_NULL) {
        return true;
    }
    if (v->type != JSON_OBJECT || v->count > DIALER_MAX_VARIABLES) {
        buf_printf(&job->why, "variables must be an object of at most %d texts or numbers", DIALER_MAX_VARIABLES);
        return false;
    }
    for (const struct json_doc *m = v->first; m; m = m->next) {
        struct dialer_variable *to = &job->variables[job->req.n_variables++];
        bool plain = m->type == JSON_STRING || m->type == JSON_NUMBER;
        bool fits = m->key.n > 0 && m->key.n <= 64 && m->text.n <= TEXT_MAX;
        if (!plain || !fits || memchr(m->text.p ? m->text.p : "", '\0', m->text.n)) {
            buf_puts(&job->why, "variables must be texts or numbers, names at most 64 bytes long");
            return false;
        }
        to->name = arena_str(&job->base.arena, m->key);
        to->value = m->text.n ? arena_str(&job->base.arena, m->text) : STR("");
        if (!to->name.p || !to->value.p) {
            return false;
        }
    }
    return true;
}

static bool put_machine(struct dial_job *job, const struct json_doc *body)
{
    struct str word = STR("");
    if (!put_text(job, body, "on_machine", &word)) {
        return false;
    }
    if (word.n > 0 && dialer_machine_parse(word, &job->req.machine) < 0) {
        buf_puts(&job->why, "on_machine must be talk, hangup or voicemail");
        return false;
    }
    return true;
}

static bool put_detection(struct dial_job *job, const struct json_doc *body)
{
    const struct json_doc *v = json_doc_get(body, STR("machine_detection"));
    if (v && v->type != JSON_TRUE && v->type != JSON_FALSE && v->type != JSON_NULL) {
        buf_puts(&job->why, "machine_detection must be true or false");
        return false;
    }
    job->req.amd = v && v->type == JSON_TRUE ? CARRIER_AMD_DETECT : CARRIER_AMD_OFF;
    return true;
}

/* A member that nobody knows is a mistake: "recipient" would otherwise never be called. */
static bool knows_all(struct dial_job *job, const struct json_doc *body)
{
    static const char *const known[] = {
        "to",         "phone_number",      "from",      "carrier",         "agent",   "campaign_id",
        "objective",  "opening_reason",    "context",   "variables",       "ring_s",  "max_call_s",
        "on_machine", "machine_detection", "voicemail", "idempotency_key", "consent", "voicemail_sound"};
    for (const struct json_doc *m = body->first; m; m = m->next) {
        bool ok = false;
        for (size_t i = 0; i < ARRAY_LEN(known) && !ok; i++) {
            ok = str_is(m->key, known[i]);
        }
        if (!ok) {
            buf_printf(&job->why, "\"" STR_FMT "\" is not known here", STR_ARG(m->key));
            return false;
        }
    }
    return true;
}

static bool put_consent(struct dial_job *job, const struct json_doc *body)
{
    return question_read(json_doc_get(body, STR("consent")), &job->base.arena, &job->why, &job->req.question) >= 0;
}

static bool put_number(struct dial_job *job, const char *what, struct str text, char ret[E164_MAX])
{
    struct api *api = job->base.api;
    if (text.n == 0) {
        ret[0] = '\0';
        return true;
    }
    int err = api->o.host->number(text, ret, &job->why, api->o.arg);
    if (err < 0 && job->why.len == 0) {
        buf_printf(&job->why, "%s is no telephone number", what);
    }
    return err >= 0;
}

/* The id of a key's call is made of the key: whoever asks again asks for the same call, also of the next process. */
static void take_key(struct dial_job *job, struct str key)
{
    uint8_t digest[32];
    char hex[65];
    static const char salt[] = "ringtrip idempotency key\n";
    struct buf text;
    buf_init(&text, sizeof(salt) + KEY_MAX);
    buf_puts(&text, salt);
    buf_put_str(&text, key);
    crypto_sha256(buf_span(&text), digest);
    buf_done(&text);
    digest[6] = (uint8_t)((digest[6] & 0x0F) | UUID_VERSION);
    digest[8] = (uint8_t)((digest[8] & 0x3F) | UUID_VARIANT);
    crypto_hex(span_from(digest, sizeof(digest)), hex);
    int n = snprintf(job->base.id, sizeof(job->base.id), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                     hex + 20);
    job->req.id = (struct str){job->base.id, (size_t)n};
    job->has_key = true;
}

/* False: why, or out of memory. */
static bool read_members(struct dial_job *job, const struct json_doc *body, struct str *ret_key)
{
    struct dialer_request *r = &job->req;
    struct str to = STR("");
    struct str phone = STR("");
    struct str from = STR("");
    bool ok =
        knows_all(job, body) && put_text(job, body, "to", &to) && put_text(job, body, "phone_number", &phone) &&
        put_text(job, body, "from", &from) && put_text(job, body, "carrier", &r->carrier) &&
        put_text(job, body, "agent", &r->agent) && put_text(job, body, "campaign_id", &r->campaign) &&
        put_text(job, body, "opening_reason", &r->opening_reason) && put_text(job, body, "objective", &r->objective) &&
        put_text(job, body, "context", &r->context) && put_text(job, body, "voicemail", &r->voicemail) &&
        put_text(job, body, "voicemail_sound", &r->voicemail_sound) &&
        put_text(job, body, "idempotency_key", ret_key) && put_seconds(job, body, "ring_s", RING_MAX_S, &r->ring_s) &&
        put_seconds(job, body, "max_call_s", CALL_MAX_S, &r->max_call_s) && put_machine(job, body) &&
        put_detection(job, body) && put_consent(job, body) && put_variables(job, body);
    if (!ok) {
        return false;
    }
    to = to.n ? to : phone;
    if (to.n == 0) {
        buf_puts(&job->why, "to is missing: the number that is called");
        return false;
    }
    ok = put_number(job, "to", to, job->to) && put_number(job, "from", from, job->from);
    r->to = str_from(job->to);
    r->from = str_from(job->from);
    r->variables = job->variables;
    return ok;
}

static void read_request(struct dial_job *job, const struct http_request *req)
{
    const struct json_doc *body = NULL;
    struct str key = STR("");
    int err = json_doc_parse(str_of_span(req->body), &body);
    if (err < 0 || body->type != JSON_OBJECT) {
        fail(job, 400, "The body must be a JSON object: {\"to\": \"+15551234567\", ...}");
    } else if (!read_members(job, body, &key)) {
        buf_puts(&job->why, job->why.len ? "" : "Out of memory");
        fail(job, 422, buf_cstr(&job->why) ? buf_cstr(&job->why) : "The request is not usable");
    } else {
        struct str header = http_header(req, "Idempotency-Key");
        key = header.n ? header : key;
        if (key.n > KEY_MAX) {
            fail(job, 422, "The idempotency key must have at most 255 bytes");
        } else if (key.n > 0) {
            take_key(job, key);
        }
    }
    json_doc_free(body);
}

/* ---- POST /v1/calls ---- */

static void finish(int err, void *arg)
{
    struct dial_job *job = arg;
    job->base.headers = job->base.status == 429 ? STR("Retry-After: 5\r\n") : STR_NULL;
    buf_done(&job->why);
    api_job_finish(err, job);
}

static void answer_made(struct dial_job *job, const char *id, struct str to, struct str from, const char *status)
{
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_kz(&w, "call_id", id);
    json_w_kz(&w, "status", status);
    json_w_kstr(&w, "to", to);
    json_w_kstr(&w, "from", from);
    json_w_close(&w);
}

static void dial(struct dial_job *job)
{
    struct api *api = job->base.api;
    char id[CARRIER_ATTEMPT_MAX + 1];
    int err = api->o.host->dial(&job->req, NULL, NULL, id, &job->why, api->o.arg);
    if (err == -EEXIST && job->has_key) {
        job->base.status = 200; /* the same request, twice at once */
        answer_made(job, job->base.id, job->req.to, job->req.from, "initiated");
    } else if (err < 0) {
        const char *why = job->why.len ? buf_cstr(&job->why) : NULL;
        fail(job, status_of(err), why ? why : err_text(err));
    } else {
        job->base.status = 201;
        answer_made(job, id, job->req.to, job->req.from, "initiated");
    }
    finish(0, job);
}

/* Job thread: was a call of this key made before? */
static int look_up(void *arg)
{
    struct dial_job *job = arg;
    const struct api_new_opts *o = &job->base.api->o;
    int err = o->ops->call_get(o->store, str_from(job->base.id), &job->base.arena, &job->before);
    job->found = err >= 0;
    job->other = job->found && !str_eq(job->before.called, job->req.to);
    return err == -ENOENT ? 0 : err;
}

static void looked_up(int err, void *arg)
{
    struct dial_job *job = arg;
    if (err < 0) {
        finish(err, job);
    } else if (job->other) {
        fail(job, 409, "This idempotency key has made a call to another number");
        finish(0, job);
    } else if (job->found) {
        answer_made(job, job->base.id, job->before.called, job->before.caller, store_status_word(job->before.status));
        finish(0, job);
    } else {
        dial(job);
    }
}

static void start(void *arg)
{
    struct dial_job *job = arg;
    api_job_run(&job->base, look_up, looked_up);
}

void api_dial(struct api *api, struct http_exchange *x, const struct http_request *req)
{
    struct dial_job *job = api_job_new(api, x, sizeof(*job), STR(""));
    if (!job) {
        return;
    }
    buf_init(&job->why, WHY_MAX);
    job->req.machine = api->o.host->on_machine(api->o.arg);
    read_request(job, req);
    if (job->base.error) {
        finish(0, job);
    } else if (!job->has_key) {
        dial(job);
    } else {
        int err = api->o.host->settle(start, job, api->o.arg);
        if (err < 0) {
            finish(err, job);
        }
    }
}
