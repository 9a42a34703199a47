#include "cloud/account.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "net/crypto.h"

#define TRIES      3
#define BACKOFF_MS 300
/* So long after the first time a request may leave once more: nobody is kept waiting longer, and who looks for what
 * came of it, perhaps a later process, knows only when it left first. */
#define LATEST_MS 10000
#define BODY_MAX  (64u << 10)
#define WHAT_MAX  192

struct account_request {
    struct cloud *c; /* NULL: the carrier is gone, only the HTTP reply is awaited */
    struct account_request *prev, *next;
    uint64_t id;
    carrier_done_fn done; /* NULL, and reply NULL: nobody waits */
    account_reply_fn reply;
    void (*drop)(void *arg);
    bool (*may_repeat)(void *arg);
    void *arg;
    bool forgotten;
    struct timer *backoff;
    uint64_t begun_us;
    uint64_t http_id;
    bool on_wire; /* http_call will still answer */
    uint32_t tries;
    struct account_order o; /* its texts lie in store */
    char what[WHAT_MAX];
    struct buf store;
};

static void unlink_request(struct account_request *r)
{
    if (r->prev) {
        r->prev->next = r->next;
    } else {
        r->c->requests = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    }
}

static void request_free(struct account_request *r)
{
    timer_free(r->backoff);
    buf_done(&r->store);
    free(r);
}

void account_forget(struct account_request *r)
{
    if (r->drop) {
        r->drop(r->arg);
    }
    r->done = NULL;
    r->reply = NULL;
    r->drop = NULL;
    r->may_repeat = NULL;
    r->forgotten = true;
}

/* Tells who may want to know; body is lent by the reply. */
static void finish(struct account_request *r, const struct carrier_result *result, struct str body)
{
    struct cloud *c = r->c;
    carrier_done_fn done = r->done;
    account_reply_fn reply = r->reply;
    void *arg = r->arg;
    if (result->err < 0) {
        c->stats.rest_failed++;
        log_warn(&c->scope, "carrier.rest-failed", "carrier=%s resource=%s err=%s status=%d code=%lld tries=%u",
                 c->base.ops->name, r->what, err_name(result->err), result->status, (long long)result->code, r->tries);
    } else {
        c->stats.rest_ok++;
    }
    unlink_request(r);
    request_free(r);
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

static void give_up(struct account_request *r, int err)
{
    finish(r, &(struct carrier_result){.err = err, .unclear = may_be_done(err)}, STR(""));
}

struct str account_text(struct json_val doc, const char *key, struct buf *scratch)
{
    struct json_val v = json_get(doc, key);
    struct str s = STR("");
    return v.type == JSON_STRING && json_to_str(v, scratch, &s) >= 0 ? s : STR("");
}

static void conclude(struct account_request *r, const struct http_reply *reply)
{
    struct account_scratch scratch;
    struct carrier_result result = {.status = reply->status};
    for (size_t i = 0; i < ARRAY_LEN(scratch.of); i++) {
        buf_init(&scratch.of[i], ACCOUNT_TEXT_MAX);
    }
    bool good = r->o.read(reply, r->o.over_is_fine, &scratch, &result);
    bool nameless = r->o.makes && result.id.n == 0 && result.request_id.n == 0;
    result.message.n = MIN(result.message.n, (size_t)ACCOUNT_TEXT_MAX);
    result.err = good && !nameless ? 0 : -ERR_HTTP;
    result.unclear = result.err < 0 && (reply->status < 400 || reply->status == 408 || reply->status >= 500);
    finish(r, &result, str_of_span(reply->body));
    for (size_t i = 0; i < ARRAY_LEN(scratch.of); i++) {
        buf_done(&scratch.of[i]);
    }
}

/* Not processed, so safe to repeat: when the carrier says, spread so that many calls do not come back together. */
static bool put_off(struct account_request *r, const struct http_reply *reply)
{
    uint8_t jitter;
    uint64_t wait_ms = MAX((uint64_t)BACKOFF_MS * r->tries, (uint64_t)reply->retry_after_s * 1000);
    uint64_t gone_ms = (loop_now_us(r->c->loop) - r->begun_us) / 1000;
    if (reply->status != 429 || r->tries >= TRIES || gone_ms + wait_ms > LATEST_MS) {
        return false;
    }
    crypto_random(&jitter, sizeof(jitter));
    r->c->stats.rest_retries++;
    timer_start(r->backoff, (wait_ms + jitter) * 1000, 0);
    return true;
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct account_request *r = arg;
    r->on_wire = false;
    if (!r->c) {
        request_free(r);
        return;
    }
    if (reply->err < 0) {
        give_up(r, reply->err);
    } else if (!put_off(r, reply)) {
        conclude(r, reply);
    }
}

static int send_request(struct account_request *r)
{
    const struct account_order *o = &r->o;
    struct buf headers;
    buf_init(&headers, 256);
    if (o->content_type.n > 0) {
        buf_printf(&headers, "Content-Type: " STR_FMT "\r\n", STR_ARG(o->content_type));
    }
    buf_puts(&headers, "Accept: application/json\r\n");
    struct http_call_opts call = {
        .method = o->method,
        .url = o->url,
        .headers = buf_str(&headers),
        .body = o->body,
        .user = o->user,
        .password = o->password,
        .ca_file = r->c->opts.ca_file,
        .deadline_ms = or_u32(r->c->opts.rest_ms, 5000),
        .max_response_bytes = or_u32(o->max_response_bytes, 64u << 10),
    };
    r->tries++;
    int err = headers.err ? headers.err : http_call(r->c->http, &call, on_reply, r, &r->http_id);
    r->on_wire = err >= 0;
    buf_done(&headers);
    return err;
}

static void try_again(void *arg)
{
    struct account_request *r = arg;
    bool unwanted = (r->forgotten && r->o.makes) || (r->may_repeat && !r->may_repeat(r->arg));
    int err = unwanted ? -ECANCELED : send_request(r);
    if (unwanted) {
        finish(r, &(struct carrier_result){.err = err}, STR(""));
    } else if (err < 0) {
        give_up(r, err);
    }
}

/* The order's texts, kept for a second try. */
static int keep(struct account_request *r, const struct account_order *o)
{
    struct str texts[] = {o->url, o->content_type, str_of_span(o->body), o->user, o->password};
    size_t room = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        room += texts[i].n;
    }
    buf_init(&r->store, BODY_MAX + CLOUD_URL_MAX);
    if (!buf_room(&r->store, room)) { /* at once, so that nothing moves */
        return r->store.err;
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t at = r->store.len;
        buf_put_str(&r->store, texts[i]);
        texts[i].p = (const char *)buf_ptr(&r->store) + at;
    }
    r->o = *o;
    r->o.url = texts[0];
    r->o.content_type = texts[1];
    r->o.body = span_of_str(texts[2]);
    r->o.user = texts[3];
    r->o.password = texts[4];
    size_t n = MIN(o->what.n, sizeof(r->what) - 1); /* for people; a cut one does no harm */
    memcpy(r->what, o->what.p, n);
    return 0;
}

int account_start(struct cloud *c, const struct account_order *o, const struct account_wait *w)
{
    if (!c->http) {
        return -ERR_STATE;
    }
    struct account_request *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->c = c;
    r->id = ++c->request_ids;
    r->begun_us = loop_now_us(c->loop);
    r->done = w->done;
    r->reply = w->reply;
    r->drop = w->drop;
    r->may_repeat = w->may_repeat;
    r->arg = w->arg;
    int err = keep(r, o);
    if (err >= 0) {
        err = timer_new(c->loop, try_again, r, &r->backoff);
    }
    if (err >= 0) {
        err = send_request(r);
    }
    if (err < 0) {
        request_free(r);
        return err;
    }
    r->next = c->requests;
    if (c->requests) {
        c->requests->prev = r;
    }
    c->requests = r;
    if (w->ret) {
        *w->ret = r;
    }
    return 0;
}

uint64_t account_id(const struct account_request *r)
{
    return r->id;
}

void account_rename(struct account_request *r, uint64_t id)
{
    r->id = id;
}

void account_cancel(struct carrier *carrier, uint64_t id)
{
    struct cloud *c = CONTAINER_OF(carrier, struct cloud, base);
    struct account_request *r = c->requests;
    while (r && r->id != id) {
        r = r->next;
    }
    if (r) {
        account_forget(r);
    }
}

void account_drop_all(struct cloud *c)
{
    while (c->requests) {
        struct account_request *r = c->requests;
        carrier_done_fn done = r->done;
        account_reply_fn reply = r->reply;
        void *arg = r->arg;
        unlink_request(r);
        r->c = NULL;
        if (r->on_wire) {
            timer_stop(r->backoff);
            http_cancel(c->http, r->http_id); /* its answer frees r */
        } else {
            request_free(r);
        }
        const struct carrier_result result = {.err = -ECANCELED, .unclear = true};
        if (reply) {
            reply(&result, STR(""), arg);
        } else if (done) {
            done(&result, arg);
        }
    }
}
