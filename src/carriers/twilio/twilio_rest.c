/* REST calls about a running call: end it, or give it other TwiML. */
#include <stdlib.h>

#include "base/json.h"
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_twiml.h"
#include "net/crypto.h"

#define REST_TRIES      3
#define REST_BACKOFF_MS 300

struct twilio_rest {
    struct twilio *t; /* NULL: the carrier is gone, only the HTTP reply is awaited */
    struct twilio_rest *prev, *next;
    struct twilio_leg *leg; /* whose hang-up it is; NULL: none, or gone */
    twilio_done_fn done;
    void *arg;
    struct timer *backoff;
    uint64_t http_id;
    bool on_wire; /* http_call will still answer */
    bool hangup;  /* a call that is over already is fine */
    uint32_t tries;
    char call_sid[TWILIO_NAME_MAX + 1];
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
    r->leg = NULL;
}

/* Tells both who may want to know. */
static void finish(struct twilio_rest *r, int err, int status)
{
    struct twilio *t = r->t;
    struct twilio_leg *leg = r->leg;
    twilio_done_fn done = r->done;
    void *arg = r->arg;
    if (err < 0) {
        t->stats.rest_failed++;
        log_warn(&t->scope, "twilio.rest-failed", "call_sid=%s err=%s status=%d tries=%u", r->call_sid, err_name(err),
                 status, r->tries);
    } else {
        t->stats.rest_ok++;
    }
    unlink_rest(r);
    rest_free(r);
    if (leg) {
        leg->rest = NULL;
        twilio_leg_hung_up(leg, err, status);
    }
    if (done) {
        done(err, status, arg);
    }
}

static int64_t error_code(struct span body)
{
    struct json_val v;
    int64_t code = 0;
    if (json_open(str_of_span(body), &v) == 0) {
        ignore_result(json_to_i64(json_get(v, "code"), &code)); /* absent: 0 */
    }
    return code;
}

/* The vendor's ways to say that there is no such call any more. */
static bool is_over(const struct http_reply *reply)
{
    int64_t code = error_code(reply->body);
    return (reply->status == 404 && (code == 20404 || code == 0)) || (reply->status == 400 && code == 21220);
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
        finish(r, reply->err, 0);
    } else if (reply->status >= 200 && reply->status < 300) {
        finish(r, 0, reply->status);
    } else if (r->hangup && is_over(reply)) {
        finish(r, 0, reply->status);
    } else if (reply->status == 429 && r->tries < REST_TRIES) {
        /* Not processed, so safe to repeat: backed off, spread so that many calls do not come back together. */
        uint8_t jitter;
        crypto_random(&jitter, sizeof(jitter));
        r->t->stats.rest_retries++;
        timer_start(r->backoff, ((uint64_t)REST_BACKOFF_MS * r->tries + jitter) * 1000, 0);
    } else {
        log_warn(&r->t->scope, "twilio.rest-refused", "call_sid=%s status=%d code=%lld", r->call_sid, reply->status,
                 (long long)error_code(reply->body));
        finish(r, -ERR_HTTP, reply->status);
    }
}

static int send_request(struct twilio_rest *r)
{
    const struct twilio_opts *o = r->t->opts;
    struct buf url;
    buf_init(&url, TWILIO_URL_MAX);
    buf_put_str(&url, twilio_or_str(o->api_base, "https://api.twilio.com"));
    buf_printf(&url, "/2010-04-01/Accounts/" STR_FMT "/Calls/%s.json", STR_ARG(o->account_sid), r->call_sid);
    struct http_call_opts call = {
        .method = "POST",
        .url = buf_str(&url),
        .headers = STR("Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"),
        .body = buf_span(&r->body),
        .user = o->account_sid,
        .password = o->auth_tokens[0],
        .ca_file = o->ca_file,
        .deadline_ms = twilio_or(o->rest_ms, 5000),
        .max_response_bytes = 64u << 10,
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
        finish(r, err, 0);
    }
}

/* A sid becomes part of a path. */
static bool is_sid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= TWILIO_NAME_MAX;
}

bool twilio_can_rest(const struct twilio *t)
{
    return t->http && t->opts->account_sid.n > 0 && t->opts->n_auth_tokens > 0;
}

/* twiml empty: the call is ended. *ret is the request under way. */
static int start(struct twilio *t, struct str call_sid, struct str twiml, struct twilio_rest **ret)
{
    if (!twilio_can_rest(t)) {
        return -ERR_STATE;
    }
    if (!is_sid(call_sid)) {
        return -EINVAL;
    }
    struct twilio_rest *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->t = t;
    ignore_result(str_copy(r->call_sid, sizeof(r->call_sid), call_sid)); /* is_sid has looked at the length */
    buf_init(&r->body, 64u << 10);
    if (twiml.n > 0) {
        form_put(&r->body, STR("Twiml"), twiml);
    } else {
        form_put(&r->body, STR("Status"), STR("completed"));
    }
    int err = r->body.err ? r->body.err : timer_new(t->loop, try_again, r, &r->backoff);
    if (err == 0) {
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
    *ret = r;
    return 0;
}

static int start_hangup(struct twilio *t, struct str call_sid, bool apologise, struct twilio_rest **ret)
{
    struct buf twiml;
    buf_init(&twiml, 16u << 10);
    if (apologise) {
        twilio_put_say(&twiml, twilio_apology(t));
    }
    int err = twiml.err ? twiml.err : start(t, call_sid, buf_str(&twiml), ret);
    if (err == 0) {
        (*ret)->hangup = true;
    }
    buf_done(&twiml);
    return err;
}

int twilio_leg_rest(struct twilio_leg *l, bool apologise)
{
    struct twilio_rest *r;
    int err = start_hangup(l->t, str_from(l->call_sid), apologise, &r);
    if (err == 0) {
        r->leg = l;
        l->rest = r;
    }
    return err;
}

int twilio_rest_hangup(struct twilio *t, struct str call_sid, bool apologise, twilio_done_fn done, void *arg)
{
    struct twilio_rest *r;
    int err = start_hangup(t, call_sid, apologise, &r);
    if (err == 0) {
        r->done = done;
        r->arg = arg;
    }
    return err;
}

int twilio_update_call(struct twilio *t, struct str call_sid, struct str twiml, twilio_done_fn done, void *arg)
{
    struct twilio_rest *r;
    int err = twiml.n > 0 ? start(t, call_sid, twiml, &r) : -EINVAL;
    if (err == 0) {
        r->done = done;
        r->arg = arg;
    }
    return err;
}

void twilio_drop_rests(struct twilio *t)
{
    while (t->rests) {
        struct twilio_rest *r = t->rests;
        twilio_done_fn done = r->done;
        void *arg = r->arg;
        unlink_rest(r);
        if (r->leg) {
            r->leg->rest = NULL;
            r->leg = NULL;
        }
        r->t = NULL;
        if (r->on_wire) {
            timer_stop(r->backoff);
            http_cancel(t->http, r->http_id); /* its answer frees r */
        } else {
            rest_free(r);
        }
        if (done) {
            done(-ECANCELED, 0, arg);
        }
    }
}
