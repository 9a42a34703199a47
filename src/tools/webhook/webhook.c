#include "tools/webhook/webhook.h"

#include <stdlib.h>

#include "base/err.h"
#include "tools/webhook/answer.h"
#include "tools/webhook/request.h"

#define OFF_LOOP_BYTES (32u << 10) /* larger answers are parsed in the job pool */
#define MIN_RETRY_US   100000
#define TOO_MANY_US    500000 /* "too many requests" that does not say when */
#define MAX_TRIES      2

/* Owns all it needs: the call, and its options, may be gone before the answer comes. */
struct webhook {
    struct loop *loop;
    struct http_client *http;
    enum webhook_method method;
    bool may_retry;
    char *response;
    char *ca_file; /* NULL: none */
    uint32_t max_response_bytes;
    struct webhook_request request;
    uint64_t deadline_us;
    uint64_t http_id;    /* 0: no request under way */
    struct timer *timer; /* of the pause before the second try; NULL: none */
    uint32_t retry_on;
    bool cancelled;
    struct buf body, type; /* of a large answer */
    struct buf output;
    struct webhook_result result;
    webhook_done_fn done;
    void *arg;
};

const char *webhook_outcome_word(enum webhook_outcome outcome)
{
    static const char *const words[WEBHOOK_OUTCOME_N] = {"ok", "error", "timeout", "cancelled"};
    return (unsigned)outcome < WEBHOOK_OUTCOME_N ? words[outcome] : "error";
}

static void webhook_free(struct webhook *w)
{
    timer_free(w->timer);
    webhook_request_done(&w->request);
    buf_done(&w->body);
    buf_done(&w->type);
    buf_done(&w->output);
    free(w->response);
    free(w->ca_file);
    free(w);
}

/* Tells and frees. */
static void finish(struct webhook *w)
{
    if (w->cancelled) {
        w->result.outcome = WEBHOOK_CANCELLED;
        buf_clear(&w->output);
    } else if (w->output.err < 0) { /* out of memory: our texts fit */
        w->result.outcome = WEBHOOK_ERROR;
        buf_clear(&w->output);
    }
    w->result.output = buf_str(&w->output);
    w->done(&w->result, w->arg);
    webhook_free(w);
}

/* ---- answers ---- */

static void read_answer(struct webhook *w, struct str content_type, struct str body)
{
    const struct webhook_answer a = {w->result.status, content_type, body};
    bool ok = webhook_answer_write(&a, str_from(w->response), &w->output);
    w->result.outcome = ok ? WEBHOOK_OK : WEBHOOK_ERROR;
}

static int parse_work(void *arg)
{
    struct webhook *w = arg;
    read_answer(w, buf_str(&w->type), buf_str(&w->body));
    return 0;
}

static void parse_done(int err, void *arg)
{
    struct webhook *w = arg;
    w->cancelled |= err < 0; /* the loop ends */
    finish(w);
}

static bool parse_off_loop(struct webhook *w, const struct http_reply *reply)
{
    buf_init(&w->body, reply->body.n);
    buf_init(&w->type, 1024);
    buf_put(&w->body, reply->body.p, reply->body.n);
    buf_put_str(&w->type, reply->content_type.n <= 1024 ? reply->content_type : STR(""));
    return w->body.err == 0 && w->type.err == 0 && job_run(w->loop, parse_work, parse_done, w) >= 0;
}

static void fail(struct webhook *w, int err)
{
    w->result.outcome = err == -ETIMEDOUT ? WEBHOOK_TIMEOUT : WEBHOOK_ERROR;
    webhook_failure_write(err, &w->output);
}

/* ---- tries ---- */

static void on_reply(const struct http_reply *reply, void *arg);

static int try_once(struct webhook *w)
{
    uint64_t now_us = loop_now_us(w->loop);
    uint64_t left_us = w->deadline_us > now_us ? w->deadline_us - now_us : 0;
    const struct http_call_opts o = {
        .method = webhook_method_name(w->method),
        .url = buf_str(&w->request.url),
        .headers = buf_str(&w->request.headers),
        .body = buf_span(&w->request.body),
        .ca_file = w->ca_file,
        .deadline_ms = (uint32_t)MAX(left_us / 1000, (uint64_t)1),
        .max_response_bytes = w->max_response_bytes,
    };
    int err = http_call(w->http, &o, on_reply, w, &w->http_id);
    w->result.tries += err >= 0;
    return err;
}

/* So long until the second try; below 0: there is none. */
static int64_t pause_us(const struct webhook *w, const struct http_reply *reply)
{
    bool passing = reply->err == 0 ? (webhook_retry_bit(reply->status) & w->retry_on) != 0
                                   : reply->err != -ETIMEDOUT && reply->err != -ERR_TLS && reply->err != -ERR_TOO_BIG &&
                                         reply->err != -EINVAL && reply->err != -ENOMEM && reply->err != -ECANCELED;
    uint64_t pause = reply->err < 0             ? 0
                     : reply->retry_after_s > 0 ? (uint64_t)reply->retry_after_s * 1000000
                     : reply->status == 429     ? TOO_MANY_US
                                                : 0;
    bool fits = loop_now_us(w->loop) + pause + MIN_RETRY_US < w->deadline_us;
    return passing && w->may_retry && w->result.tries < MAX_TRIES && fits ? (int64_t)pause : -1;
}

static void on_pause(void *arg)
{
    struct webhook *w = arg;
    w->timer = timer_free(w->timer);
    int err = w->cancelled ? -ECANCELED : try_once(w);
    if (err < 0) {
        fail(w, err);
        finish(w);
    }
}

/* True: it goes on with another try. */
static bool try_again(struct webhook *w, const struct http_reply *reply)
{
    int64_t pause = pause_us(w, reply);
    if (pause <= 0) {
        return pause == 0 && try_once(w) >= 0;
    }
    if (timer_new(w->loop, on_pause, w, &w->timer) < 0) {
        return false;
    }
    timer_start(w->timer, (uint64_t)pause, 0);
    return true;
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct webhook *w = arg;
    w->http_id = 0;
    w->cancelled |= reply->err == -ECANCELED;
    w->result.err = reply->err;
    w->result.status = reply->status;
    if (!w->cancelled && try_again(w, reply)) {
        return;
    }
    if (w->cancelled) {
        finish(w);
        return;
    }
    if (reply->err == 0 && reply->body.n > OFF_LOOP_BYTES && parse_off_loop(w, reply)) {
        return; /* parse_done goes on */
    }
    if (reply->err < 0) {
        fail(w, reply->err);
    } else {
        read_answer(w, reply->content_type, str_of_span(reply->body));
    }
    finish(w);
}

int webhook_run(struct loop *loop, struct http_client *http, const struct webhook_opts *opts,
                const struct webhook_call *call, struct buf *refusal, webhook_done_fn done, void *arg,
                struct webhook **ret)
{
    struct webhook *w = calloc(1, sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    w->loop = loop;
    w->http = http;
    w->method = opts->method;
    w->may_retry = opts->retry || opts->method == WEBHOOK_GET || opts->method == WEBHOOK_PUT;
    w->retry_on = opts->retry_on;
    w->max_response_bytes = opts->max_response_bytes;
    w->deadline_us = loop_now_us(loop) + (uint64_t)opts->timeout_ms * 1000;
    w->done = done;
    w->arg = arg;
    buf_init(&w->output, WEBHOOK_MAX_OUTPUT_BYTES + 1024);
    w->response = str_dup(opts->response.p ? opts->response : STR(""));
    w->ca_file = opts->ca_file ? str_dup(str_from(opts->ca_file)) : NULL;
    int err = webhook_request_write(opts, call, clock_wall_us() / 1000000, &w->request, refusal);
    if (err >= 0 && (!w->response || (opts->ca_file && !w->ca_file))) {
        err = -ENOMEM;
    }
    err = err < 0 ? err : try_once(w);
    if (err < 0) {
        webhook_free(w);
        return err;
    }
    *ret = w;
    return 0;
}

void webhook_cancel(struct webhook *w)
{
    w->cancelled = true;
    if (w->http_id) {
        http_cancel(w->http, w->http_id);
    } else if (w->timer) {
        timer_start(w->timer, 0, 0); /* done comes from the loop */
    }
}
