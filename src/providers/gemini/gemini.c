/* Life of a session: connecting, setting up, speaking, failing, closing. */
#include "providers/gemini/gemini.h"

#include <stdlib.h>

#include "providers/gemini/gemini_impl.h"

#define MAX_MESSAGE_BYTES (16u << 20)
#define MAX_QUEUE_BYTES   (8u << 20) /* the service stops reading for seconds at times */
#define CLOSE_WAIT_MS     2000
#define SETUP_MS          10000
#define CONTENT_MAX       (2u << 20)
#define HELD_MAX          (10u * 2 * GEMINI_IN_HZ)
#define PULSE_US          250000

void gemini_scratch_init(struct gemini_scratch *s)
{
    buf_init(&s->text, 2 * MAX_MESSAGE_BYTES);
    buf_init(&s->audio, MAX_MESSAGE_BYTES);
}

void gemini_scratch_done(struct gemini_scratch *s)
{
    buf_done(&s->text);
    buf_done(&s->audio);
}

static void destroy(struct gemini_model *m)
{
    struct buf *bufs[] = {&m->setup, &m->response.words, &m->caller.words, &m->turns,
                          &m->held,  &m->handle,         &m->instructions};
    timer_free(m->deadline);
    timer_free(m->pulse);
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
        buf_done(bufs[i]);
    }
    gemini_tools_done(&m->tools);
    gemini_scratch_done(&m->own_scratch);
    free(m);
}

void gemini_emit(struct gemini_model *m, const struct call_event *ev)
{
    if (m->state == GEMINI_READY) {
        m->base.handler->on_event(&m->base, ev, m->base.arg);
    }
}

static void tell_failed(struct gemini_model *m, int err, struct str code, struct str message)
{
    if (m->told_failed) {
        return;
    }
    m->told_failed = true;
    timer_stop(m->deadline);
    timer_stop(m->pulse);
    m->state = GEMINI_CLOSING;
    struct buf room;
    buf_init(&room, 4096);
    json_put_quoted(&room, message);
    log_warn(&m->scope, "model.failed", "err=%s code=" STR_FMT " ready=%d message=" STR_FMT, err_name(err),
             STR_ARG(code), m->was_ready, STR_ARG(buf_str(&room)));
    buf_done(&room);
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = err;
    ev.model_failed.code = code;
    ev.model_failed.message = message;
    ev.model_failed.was_ready = m->was_ready;
    m->base.handler->on_event(&m->base, &ev, m->base.arg);
}

void gemini_fail(struct gemini_model *m, int err, struct str code, struct str message)
{
    tell_failed(m, err, code, message);
    ws_close(m->ws, 1000, STR_NULL);
}

static void on_deadline(void *arg)
{
    struct gemini_model *m = arg;
    if (m->state == GEMINI_READY) {
        gemini_words_due(m);
    } else if (m->state != GEMINI_CLOSING) {
        gemini_fail(m, -ETIMEDOUT, STR_NULL, STR("the service did not answer the setup with setupComplete"));
    }
}

static void on_pulse(void *arg)
{
    gemini_pulse(arg);
}

static void on_open(struct ws *ws, struct str protocol UNUSED, void *arg)
{
    struct gemini_model *m = arg;
    if (m->state == GEMINI_CONNECTING) {
        m->state = GEMINI_SETTING_UP;
        timer_start(m->deadline, (uint64_t)m->setup_ms * 1000, 0);
        ignore_result(ws_send_text(ws, buf_str(&m->setup))); /* a failure comes as on_closed */
    }
}

static void on_ready(struct gemini_model *m, const struct gemini_message *msg)
{
    struct call_event ev = {.type = EV_MODEL_READY};
    timer_stop(m->deadline);
    buf_done(&m->setup);
    buf_init(&m->setup, 0);
    m->state = GEMINI_READY;
    m->was_ready = true;
    ev.model_ready.in = AUDIO_PCM16_16K;
    ev.model_ready.out = AUDIO_PCM16_24K;
    ev.model_ready.session_id = msg->session_id;
    ev.model_ready.model = str_from(m->model);
    ev.model_ready.voice = str_from(m->voice);
    ev.model_ready.n_tools = m->n_tools;
    ev.model_ready.interrupts = m->interrupts;
    ev.model_ready.creates = !m->manual;
    ev.model_ready.no_truncate = true;
    ev.model_ready.no_update = !m->updates;
    ev.model_ready.resumed = m->resumed;
    log_info(&m->scope, "model.ready", "model=%s voice=%s in=16000 out=24000 tools=%u turns=%s resumed=%d", m->model,
             m->voice, m->n_tools, m->manual ? "marked" : "detected", m->resumed);
    if (!m->manual) {
        timer_start(m->pulse, PULSE_US, PULSE_US);
    }
    gemini_emit(m, &ev);
}

static void on_setup_message(struct gemini_model *m, struct str text)
{
    struct gemini_message msg;
    if (gemini_read(m, text, &msg) && msg.setup_complete && m->state == GEMINI_SETTING_UP) {
        on_ready(m, &msg);
    }
}

/* The service sends its messages in binary frames, others in text frames. */
static void on_message(struct gemini_model *m, struct str text)
{
    if (m->on_raw && m->state != GEMINI_CLOSING) {
        m->on_raw(text, m->raw_arg); /* whoever listens may close us */
    }
    switch (m->state) {
    case GEMINI_READY:
        gemini_on_message(m, text);
        break;
    case GEMINI_CONNECTING:
    case GEMINI_SETTING_UP:
        on_setup_message(m, text);
        break;
    case GEMINI_CLOSING:
        break;
    }
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    on_message(arg, text);
}

static void on_binary(struct ws *ws UNUSED, struct span data, void *arg)
{
    on_message(arg, str_of_span(data));
}

/* Below 500 the service itself has judged; above, something in front of it could not reach it. */
static void fail_by_http(struct gemini_model *m, int status)
{
    char code[32];
    char message[96];
    int err = status == 401 || status == 403 ? -ERR_AUTH : status == 429 ? -ERR_LIMIT : -ERR_CONFIG;
    bool judged = status >= 400 && status < 500;
    snprintf(code, sizeof(code), "http-%d", status);
    snprintf(message, sizeof(message), "the WebSocket upgrade was answered with HTTP status %d", status);
    tell_failed(m, judged ? err : -ERR_HTTP, judged ? str_from(code) : STR_NULL, str_from(message));
}

static void fail_by_close(struct gemini_model *m, const struct ws_close *why)
{
    char plain[32];
    struct buf room;
    buf_init(&room, 1024);
    struct gemini_reason r = gemini_judge_close(m, why->code, why->reason, &room);
    snprintf(plain, sizeof(plain), "ws-%u", (unsigned)why->code);
    tell_failed(m, r.err, str_from(r.code[0] ? r.code : plain), r.message);
    buf_done(&room);
}

static void tell_why(struct gemini_model *m, const struct ws_close *why)
{
    if (why->http_status != 0 && why->http_status != 101) {
        fail_by_http(m, why->http_status);
    } else if (why->err < 0 && (why->code == 0 || why->code == 1005 || why->code == 1006)) {
        struct str detail = why->reason.n > 0 ? why->reason : str_from(err_text(why->err));
        tell_failed(m, why->err, STR_NULL, detail);
    } else {
        fail_by_close(m, why);
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct gemini_model *m = arg;
    if (m->state != GEMINI_CLOSING) {
        tell_why(m, why);
    }
    m->ws = NULL;
    m->state = GEMINI_CLOSING;
    m->base.handler->on_closed(&m->base, why->err, m->base.arg);
    destroy(m);
}

static const struct ws_handler ws_events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_binary = on_binary,
    .on_closed = on_closed,
};

static int connect_to(struct gemini_model *m, const struct gemini_opts *opts)
{
    struct buf url;
    struct buf headers;
    buf_init(&url, 8192);
    buf_init(&headers, 32768);
    int err = gemini_put_url(&url, opts);
    if (err == 0) {
        err = gemini_put_headers(&headers, opts);
    }
    if (err == 0) {
        struct ws_client_opts o = {
            /* No pings: the service answers them after up to half a minute. */
            .ws = {.max_message_bytes =
                       opts->max_message_bytes ? MIN(opts->max_message_bytes, MAX_MESSAGE_BYTES) : MAX_MESSAGE_BYTES,
                   .max_queue_bytes = MAX_QUEUE_BYTES,
                   .close_deadline_ms = CLOSE_WAIT_MS},
            .url = buf_str(&url),
            .headers = buf_str(&headers),
            .tls = opts->tls,
            .connect_deadline_ms = opts->connect_ms,
        };
        err = ws_connect(m->loop, &o, &ws_events, m, &m->ws);
    }
    buf_done(&url);
    buf_done(&headers);
    return err;
}

static void birth(struct gemini_model *m, struct loop *loop, const struct gemini_opts *opts,
                  const struct call_opts *call)
{
    m->loop = loop;
    m->born_us = clock_now_us();
    m->state = GEMINI_CONNECTING;
    m->setup_ms = opts->setup_ms ? opts->setup_ms : SETUP_MS;
    m->resumed = opts->handle.n > 0;
    ignore_result(str_copy(m->call_id, sizeof(m->call_id), call->call_id)); /* too long: logged without */
    m->scope = (struct log_scope){.call_id = m->call_id, .worker = -1};
    buf_init(&m->setup, 2 * CONTENT_MAX);
    buf_init(&m->response.words, GEMINI_TEXT_MAX);
    buf_init(&m->caller.words, GEMINI_TEXT_MAX);
    buf_init(&m->turns, CONTENT_MAX);
    buf_init(&m->held, HELD_MAX);
    buf_init(&m->handle, GEMINI_HANDLE_MAX);
    buf_init(&m->instructions, CONTENT_MAX);
    gemini_scratch_init(&m->own_scratch);
    gemini_tools_init(&m->tools, m->born_us);
    m->scratch = opts->scratch ? opts->scratch : &m->own_scratch;
    m->on_raw = opts->on_raw;
    m->raw_arg = opts->raw_arg;
}

int gemini_open(struct loop *loop, const struct gemini_opts *opts, const struct call_opts *call,
                const struct model_handler *h, void *arg, struct model **ret)
{
    struct gemini_model *m = calloc(1, sizeof(*m));
    if (!m) {
        return -ENOMEM;
    }
    m->base = (struct model){.ops = &gemini_model_ops, .handler = h, .arg = arg};
    birth(m, loop, opts, call);
    int err = gemini_setup_write(m, opts, call);
    if (err == 0) {
        err = timer_new(loop, on_deadline, m, &m->deadline);
    }
    if (err == 0) {
        err = timer_new(loop, on_pulse, m, &m->pulse);
    }
    if (err == 0) {
        err = connect_to(m, opts);
    }
    if (err < 0) {
        destroy(m);
        return err;
    }
    *ret = &m->base;
    return 0;
}

void gemini_end(struct model *model)
{
    struct gemini_model *m = gemini_of(model);
    m->told_failed = true; /* whoever closes needs no explanation */
    m->state = GEMINI_CLOSING;
    timer_stop(m->deadline);
    timer_stop(m->pulse);
    if (m->ws) {
        ws_close(m->ws, 1000, STR_NULL);
    }
}

static void cork(struct model *model)
{
    struct gemini_model *m = gemini_of(model);
    if (m->ws) {
        ws_cork(m->ws);
    }
}

/* The step is over: what was put into the conversation and is not followed by a wish goes out by itself. */
static void uncork(struct model *model)
{
    struct gemini_model *m = gemini_of(model);
    if (m->ws) {
        gemini_flush_turns(m);
        ws_uncork(m->ws);
    }
}

static struct str memory(struct model *model)
{
    return buf_str(&gemini_of(model)->handle);
}

const struct model_ops gemini_model_ops = {
    .name = "gemini",
    .caps = GEMINI_CAPS,
    .perform = gemini_perform,
    .cork = cork,
    .uncork = uncork,
    .close = gemini_end,
    .memory = memory,
};
