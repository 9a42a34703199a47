/* REST requests of the account: sent, backed off, answered once. What they ask stands in their form. */
#include <stdlib.h>

#include "base/json.h"
#include "carriers/twilio/twilio_impl.h"
#include "net/crypto.h"

#define REST_TRIES      3
#define REST_BACKOFF_MS 300
#define RESOURCE_MAX    (TWILIO_NAME_MAX + 32)
#define MESSAGE_MAX     512 /* of the vendor's sentences */

struct twilio_rest {
    struct twilio *t; /* NULL: the carrier is gone, only the HTTP reply is awaited */
    struct twilio_rest *prev, *next;
    uint64_t id;
    carrier_done_fn done; /* NULL, and reply NULL: nobody waits */
    twilio_reply_fn reply;
    void (*drop)(void *arg);
    void *arg;
    struct timer *backoff;
    uint64_t http_id;
    bool on_wire; /* http_call will still answer */
    bool get, makes;
    bool over_is_fine; /* a call that is over already is what was wanted */
    uint32_t tries;
    char resource[RESOURCE_MAX]; /* "Calls/CA....json" */
    struct buf body;
};

static void unlink_rest(struct twilio_rest *r)
{
    if (r->prev) {
        r->prev->next = r->next;
    } else {
        r->t->rests = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    }
}

static void rest_free(struct twilio_rest *r)
{
    timer_free(r->backoff);
    buf_done(&r->body);
    free(r);
}

void twilio_rest_forget(struct twilio_rest *r)
{
    if (r->drop) {
        r->drop(r->arg);
    }
    r->done = NULL;
    r->reply = NULL;
    r->drop = NULL;
}

/* Tells who may want to know; body is lent by the reply. */
static void finish(struct twilio_rest *r, const struct carrier_result *result, struct str body)
{
    struct twilio *t = r->t;
    carrier_done_fn done = r->done;
    twilio_reply_fn reply = r->reply;
    void *arg = r->arg;
    if (result->err < 0) {
        t->stats.rest_failed++;
        log_warn(&t->scope, "twilio.rest-failed", "resource=%s err=%s status=%d code=%lld tries=%u", r->resource,
                 err_name(result->err), result->status, (long long)result->code, r->tries);
    } else {
        t->stats.rest_ok++;
    }
    unlink_rest(r);
    rest_free(r);
    if (reply) {
        reply(result, body, arg);
    } else if (done) {
        done(result, arg);
    }
}

/* Without an answer: could the request have been carried out all the same? Not when it never left us. */
static bool may_be_done(int err)
{
    switch (err) {
    case -ERR_DNS:
    case -ERR_TLS:
    case -ECONNREFUSED:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -EINVAL:
    case -ENOMEM:
        return false;
    default:
        return true;
    }
}

static void give_up(struct twilio_rest *r, int err)
{
    finish(r, &(struct carrier_result){.err = err, .unclear = may_be_done(err)}, STR(""));
}

/* A member of the reply's object; unescaped into scratch where that is needed. */
static struct str text_of(struct json_val doc, const char *key, struct buf *scratch)
{
    struct json_val v = json_get(doc, key);
    struct str s = STR("");
    return v.type == JSON_STRING && json_to_str(v, scratch, &s) >= 0 ? s : STR("");
}

static bool is_done(const struct twilio_rest *r, const struct http_reply *reply, int64_t code)
{
    /* The vendor's ways to say that there is no such call any more. */
    bool over = (reply->status == 404 && (code == 20404 || code == 0)) || (reply->status == 400 && code == 21220);
    return (reply->status >= 200 && reply->status < 300) || (r->over_is_fine && over);
}

static void conclude(struct twilio_rest *r, const struct http_reply *reply)
{
    struct json_val doc = {0};
    struct buf scratch[3];
    struct carrier_result result = {.status = reply->status};
    for (size_t i = 0; i < ARRAY_LEN(scratch); i++) {
        buf_init(&scratch[i], MESSAGE_MAX);
    }
    if (json_open(str_of_span(reply->body), &doc) == 0) {                /* gateways in front of it answer HTML */
        ignore_result(json_to_i64(json_get(doc, "code"), &result.code)); /* absent: 0 */
        result.message = text_of(doc, "message", &scratch[0]);
        result.message.n = MIN(result.message.n, (size_t)MESSAGE_MAX);
        result.id = text_of(doc, "sid", &scratch[1]);
        result.state = text_of(doc, "status", &scratch[2]);
    }
    bool nameless = r->makes && result.id.n == 0;
    result.err = is_done(r, reply, result.code) && !nameless ? 0 : -ERR_HTTP;
    result.unclear = result.err < 0 && (reply->status < 400 || reply->status == 408 || reply->status >= 500);
    finish(r, &result, str_of_span(reply->body));
    for (size_t i = 0; i < ARRAY_LEN(scratch); i++) {
        buf_done(&scratch[i]);
    }
}

static void try_again(void *arg);

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct twilio_rest *r = arg;
    r->on_wire = false;
    if (!r->t) {
        rest_free(r);
        return;
    }
    if (reply->err < 0) {
        give_up(r, reply->err);
    } else if (reply->status == 429 && r->tries < REST_TRIES) {
        /* Not processed, so safe to repeat: backed off, spread so that many calls do not come back together. */
        uint8_t jitter;
        crypto_random(&jitter, sizeof(jitter));
        r->t->stats.rest_retries++;
        timer_start(r->backoff, ((uint64_t)REST_BACKOFF_MS * r->tries + jitter) * 1000, 0);
    } else {
        conclude(r, reply);
    }
}

static int send_request(struct twilio_rest *r)
{
    const struct twilio_opts *o = r->t->opts;
    struct buf url;
    buf_init(&url, TWILIO_URL_MAX);
    buf_put_str(&url, twilio_or_str(o->api_base, "https://api.twilio.com"));
    buf_printf(&url, "/2010-04-01/Accounts/" STR_FMT "/%s", STR_ARG(o->account_sid), r->resource);
    if (r->get && r->body.len > 0) {
        buf_putc(&url, '?');
        buf_put_str(&url, buf_str(&r->body));
    }
    struct http_call_opts call = {
        .method = r->get ? "GET" : "POST",
        .url = buf_str(&url),
        .headers = r->get ? STR("Accept: application/json\r\n")
                          : STR("Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"),
        .body = r->get ? (struct span){NULL, 0} : buf_span(&r->body),
        .user = o->account_sid,
        .password = o->auth_tokens[0],
        .ca_file = o->ca_file,
        .deadline_ms = twilio_or(o->rest_ms, 5000),
        .max_response_bytes = r->get ? 256u << 10 : 64u << 10,
    };
    r->tries++;
    int err = url.err ? url.err : http_call(r->t->http, &call, on_reply, r, &r->http_id);
    r->on_wire = err >= 0;
    buf_done(&url);
    return err;
}

static void try_again(void *arg)
{
    struct twilio_rest *r = arg;
    int err = send_request(r);
    if (err < 0) {
        give_up(r, err);
    }
}

bool twilio_can_rest(const struct twilio *t)
{
    return t->http && t->opts->account_sid.n > 0 && t->opts->n_auth_tokens > 0;
}

int twilio_rest_start(struct twilio *t, const struct twilio_order *o, const struct twilio_wait *w)
{
    if (!twilio_can_rest(t)) {
        return -ERR_STATE;
    }
    struct twilio_rest *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->t = t;
    r->id = ++t->rest_ids;
    r->done = w->done;
    r->reply = w->reply;
    r->drop = w->drop;
    r->arg = w->arg;
    r->get = o->get;
    r->makes = o->makes;
    r->over_is_fine = o->over_is_fine;
    buf_init(&r->body, 64u << 10);
    buf_put_str(&r->body, o->form);
    int err = str_copy(r->resource, sizeof(r->resource), o->resource);
    if (err >= 0) {
        err = r->body.err ? r->body.err : timer_new(t->loop, try_again, r, &r->backoff);
    }
    if (err >= 0) {
        err = send_request(r);
    }
    if (err < 0) {
        rest_free(r);
        return err;
    }
    r->next = t->rests;
    if (t->rests) {
        t->rests->prev = r;
    }
    t->rests = r;
    if (w->ret) {
        *w->ret = r;
    }
    return 0;
}

uint64_t twilio_rest_id(const struct twilio_rest *r)
{
    return r->id;
}

struct twilio_rest *twilio_rest_find(struct twilio *t, uint64_t id)
{
    struct twilio_rest *r = t->rests;
    while (r && r->id != id) {
        r = r->next;
    }
    return r;
}

void twilio_drop_rests(struct twilio *t)
{
    while (t->rests) {
        struct twilio_rest *r = t->rests;
        carrier_done_fn done = r->done;
        twilio_reply_fn reply = r->reply;
        void *arg = r->arg;
        unlink_rest(r);
        r->t = NULL;
        if (r->on_wire) {
            timer_stop(r->backoff);
            http_cancel(t->http, r->http_id); /* its answer frees r */
        } else {
            rest_free(r);
        }
        const struct carrier_result result = {.err = -ECANCELED, .unclear = true};
        if (reply) {
            reply(&result, STR(""), arg);
        } else if (done) {
            done(&result, arg);
        }
    }
}
