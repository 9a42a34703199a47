#include "carriers/twilio_bench.h"

#include <stdio.h>

#include "base/err.h"
#include "call/leg_ops.h"
#include "fakes/wait.h"
#include "test.h"

/* ---- the host ---- */

static void on_leg_event(struct leg *leg, const struct call_event *ev, void *arg)
{
    struct bench *b = arg;
    assert_false(b->gone);
    switch (ev->type) {
    case EV_LEG_START:
        buf_printf(&b->log, "start stream=" STR_FMT " call=" STR_FMT " from=" STR_FMT " format=%s",
                   STR_ARG(ev->leg_start.stream_id), STR_ARG(ev->leg_start.carrier_call_id),
                   STR_ARG(ev->leg_start.caller), audio_format_wire(ev->leg_start.format));
        break;
    case EV_LEG_MEDIA:
        buf_printf(&b->log, "media at=%u n=%zu first=%02x", ev->leg_media.timestamp_ms, ev->leg_media.audio.n,
                   ev->leg_media.audio.n ? ev->leg_media.audio.p[0] : 0);
        break;
    case EV_LEG_MARK:
        buf_printf(&b->log, "mark %u", ev->leg_mark.mark);
        break;
    case EV_LEG_DTMF:
        buf_printf(&b->log, "dtmf %c", ev->leg_dtmf.digit);
        break;
    case EV_LEG_STOP:
        buf_printf(&b->log, "stop");
        break;
    case EV_LEG_TRANSFER_FAILED:
        buf_printf(&b->log, "leg.transfer-failed err=%d code=%d message=\"" STR_FMT "\"", ev->leg_transfer_failed.err,
                   ev->leg_transfer_failed.code, STR_ARG(ev->leg_transfer_failed.message));
        break;
    default:
        fail_msg("a leg said %s", call_event_name(ev->type));
    }
    buf_putc(&b->log, '\n');
    if (b->close_on_media && ev->type == EV_LEG_MEDIA) {
        leg_close(leg);
    }
}

static void on_leg_closed(struct leg *leg UNUSED, int err, void *arg)
{
    struct bench *b = arg;
    assert_false(b->gone);
    b->gone = true;
    b->gone_err = err;
    b->leg = NULL;
}

static const struct leg_handler leg_events = {.on_event = on_leg_event, .on_closed = on_leg_closed};

static void on_incoming(struct carrier *c UNUSED, const struct carrier_incoming *in, struct carrier_answer *ret,
                        void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log,
               "incoming sid=" STR_FMT " from=" STR_FMT " to=" STR_FMT " dir=" STR_FMT " name=" STR_FMT
               " query=" STR_FMT " signed=%d n=%u\n",
               STR_ARG(in->call_id), STR_ARG(in->from), STR_ARG(in->to), STR_ARG(in->direction),
               STR_ARG(in->caller_name), STR_ARG(in->query_call_id), in->signature_ok, in->n_params);
    *ret = b->answer;
}

static void on_after(struct carrier *c UNUSED, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "after sid=" STR_FMT "\n", STR_ARG(in->call_id));
    *ret = b->answer;
}

static void on_dialled(struct carrier *c UNUSED, const struct carrier_incoming *in, struct carrier_answer *ret,
                       void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "dialled " STR_FMT " " STR_FMT "\n", STR_ARG(in->call_id), STR_ARG(in->dial_status));
    *ret = b->answer;
}

static int on_media_start(struct carrier *c UNUSED, const struct carrier_stream *s, struct leg *leg,
                          const struct leg_handler **h, void **harg, void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "ask call=" STR_FMT " token=" STR_FMT " query=" STR_FMT " signed=%d\n", STR_ARG(s->call_id),
               STR_ARG(s->token), STR_ARG(s->query_call_id), s->signature_ok);
    if (b->start_result < 0) {
        return b->start_result;
    }
    b->leg = leg;
    *h = &leg_events;
    *harg = b;
    return 0;
}

static int on_media_query(struct carrier *c UNUSED, struct str call_id UNUSED, void *arg)
{
    return ((struct bench *)arg)->query_result;
}

static void on_status(struct carrier *c UNUSED, const struct carrier_status *s, void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "status %s sid=" STR_FMT " is=" STR_FMT " final=%d stale=%d seq=%d dur=%d err=" STR_FMT "\n",
               s->kind == CARRIER_STATUS_CALL ? "call" : "stream", STR_ARG(s->call_id), STR_ARG(s->status), s->final,
               s->stale, (int)s->sequence, (int)s->duration_s, STR_ARG(s->error));
}

static void on_progress(struct carrier *c UNUSED, const struct carrier_progress *p, void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "progress " STR_FMT " " STR_FMT " %s %s %s stale=%d dur=%d cause=" STR_FMT "\n",
               STR_ARG(p->attempt), STR_ARG(p->ref.call_id), carrier_stage_word(p->stage),
               carrier_outcome_word(p->outcome), carrier_answerer_word(p->answerer), p->stale, (int)p->duration_s,
               STR_ARG(p->cause));
}

static bool trusts_proxy(struct str peer UNUSED, void *arg)
{
    return ((struct bench *)arg)->trust_proxy;
}

static const struct carrier_host host = {
    .on_incoming = on_incoming,
    .on_media_start = on_media_start,
    .on_media_query = on_media_query,
    .on_after = on_after,
    .on_dialled = on_dialled,
    .on_status = on_status,
    .on_progress = on_progress,
    .trusts_proxy = trusts_proxy,
};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct bench *b = arg;
    if (!carrier_handle(twilio_carrier(b->twilio), x, req)) {
        http_respond(x, 404, STR("text/plain"), STR_NULL, span_of_str(STR("no such path")));
    }
}

static const struct http_server_handler requests = {.on_request = on_request};

/* ---- the REST service ---- */

static void on_rest(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct bench *b = arg;
    assert_true(b->n_rest < b->n_rest_script);
    const struct rest_answer *a = &b->rest_script[b->n_rest++];
    buf_printf(&b->rest_got, STR_FMT " " STR_FMT " " STR_FMT " %.*s\n", STR_ARG(req->method), STR_ARG(req->target),
               STR_ARG(http_header(req, "Authorization")), (int)req->body.n, (const char *)req->body.p);
    if (a->status == 0) {
        b->unanswered = x;
        return;
    }
    http_respond(x, a->status, STR("application/json"), STR_NULL, span_of_str(str_from(a->body)));
}

static const struct http_server_handler rest_requests = {.on_request = on_rest};

void bench_rest(struct bench *b, const struct rest_answer *script, uint32_t n)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    b->rest_script = script;
    b->n_rest_script = n;
    assert_ok(http_server_open(b->loop, &so, &rest_requests, b, &b->rest));
    snprintf(b->rest_base, sizeof(b->rest_base), "http://127.0.0.1:%u", (unsigned)http_server_port(b->rest));
    b->o.api_base = str_from(b->rest_base);
    b->o.account_sid = STR("AC1");
    b->o.auth_tokens[0] = STR(BENCH_AUTH_TOKEN);
    b->o.n_auth_tokens = 1;
}

/* ---- life ---- */

void bench_init(struct bench *b)
{
    *b = (struct bench){.answer = {.kind = CARRIER_ANSWER_HANGUP}};
    buf_init(&b->log, 1u << 20);
    buf_init(&b->got, 16u << 20);
    buf_init(&b->body, 1u << 20);
    buf_init(&b->rest_got, 1u << 20);
    assert_ok(loop_new(&b->loop));
    assert_ok(http_client_new(b->loop, &b->http));
    b->o.require_token = true;
}

void bench_start(struct bench *b)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    assert_ok(twilio_new(b->loop, b->http, &b->o, &host, b, &b->twilio));
    assert_ok(http_server_open(b->loop, &so, &requests, b, &b->server));
    snprintf(b->base, sizeof(b->base), "http://127.0.0.1:%u", (unsigned)http_server_port(b->server));
}

static bool is_ws_gone(void *arg)
{
    return !((struct bench *)arg)->ws;
}

void bench_done(struct bench *b)
{
    if (b->unanswered) {
        http_respond(b->unanswered, 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    if (b->twilio) {
        carrier_free(twilio_carrier(b->twilio));
    }
    if (b->ws) {
        ws_abort(b->ws, -ECANCELED);
        wait_until(b->loop, is_ws_gone, b);
    }
    http_client_free(b->http);
    http_server_free(b->server);
    http_server_free(b->rest);
    loop_free(b->loop);
    buf_done(&b->log);
    buf_done(&b->got);
    buf_done(&b->body);
    buf_done(&b->rest_got);
}

/* ---- webhooks ---- */

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(reply->err, 0);
    b->replied = true;
    b->status = reply->status;
    buf_clear(&b->body);
    buf_put(&b->body, reply->body.p, reply->body.n);
}

static bool has_reply(void *arg)
{
    return ((struct bench *)arg)->replied;
}

void bench_call(struct bench *b, const char *method, const char *target, const char *body, const char *headers)
{
    char url[2048];
    snprintf(url, sizeof(url), "%s%s", b->base, target);
    struct http_call_opts o = {
        .method = method, .url = str_from(url), .headers = str_from(headers), .body = span_of_str(str_from(body))};
    b->replied = false;
    assert_ok(http_call(b->http, &o, on_reply, b, NULL));
    wait_until(b->loop, has_reply, b);
}

void bench_post(struct bench *b, const char *target, const char *form, const char *headers)
{
    char all[1024];
    snprintf(all, sizeof(all), "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n%s", headers);
    bench_call(b, "POST", target, form, all);
}

/* ---- the media socket ---- */

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    ((struct bench *)arg)->open = true;
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct bench *b = arg;
    buf_put_str(&b->got, text);
    buf_putc(&b->got, '\n');
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct bench *b = arg;
    b->ws = NULL;
    b->ws_closed = true;
    b->close_code = why->code;
    b->http_status = why->http_status;
    snprintf(b->close_reason, sizeof(b->close_reason), STR_FMT, STR_ARG(why->reason));
}

static const struct ws_handler phone = {.on_open = on_open, .on_text = on_text, .on_closed = on_closed};

static bool is_settled(void *arg)
{
    struct bench *b = arg;
    return b->open || b->ws_closed;
}

void bench_dial(struct bench *b, const char *target, const char *headers)
{
    char url[512];
    snprintf(url, sizeof(url), "ws%s%s", b->base + 4, target);
    struct ws_client_opts o = {.url = str_from(url), .headers = str_from(headers), .ws = {.close_deadline_ms = 200}};
    b->open = b->ws_closed = false;
    assert_ok(ws_connect(b->loop, &o, &phone, b, &b->ws));
    wait_until(b->loop, is_settled, b);
}

void bench_say(struct bench *b, const char *text)
{
    assert_non_null(b->ws);
    assert_ok(ws_send_text(b->ws, str_from(text)));
}

void bench_leg(struct bench *b)
{
    bench_dial(b, "/media-stream", "");
    bench_say(b, BENCH_CONNECTED);
    bench_say(b, BENCH_START);
    bench_wait_log(b, "start stream");
    buf_clear(&b->log);
}

void bench_wait_log(struct bench *b, const char *want)
{
    wait_text(b->loop, &b->log, want);
}

void bench_wait_got(struct bench *b, const char *want)
{
    wait_text(b->loop, &b->got, want);
}

static bool is_ws_closed(void *arg)
{
    return ((struct bench *)arg)->ws_closed;
}

void bench_wait_closed(struct bench *b)
{
    wait_until(b->loop, is_ws_closed, b);
}
