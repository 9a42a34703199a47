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

static void destroy(struct link *link)
{
    struct gemini_model *m = gemini_of(&link->base);
    struct buf *bufs[] = {&m->response.words, &m->caller.words, &m->turns, &m->held, &m->handle, &m->instructions};
    timer_free(m->pulse);
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
        buf_done(bufs[i]);
    }
    gemini_tools_done(&m->tools);
    gemini_scratch_done(&m->own_scratch);
    link_done(link);
    free(m);
}

static void on_deadline(struct link *link)
{
    if (link->state == LINK_READY) {
        gemini_words_due(gemini_of(&link->base));
    } else {
        link_fail(link, -ETIMEDOUT, STR_NULL, STR("the service did not answer the setup with setupComplete"));
    }
}

static void on_pulse(void *arg)
{
    gemini_pulse(arg);
}

static void on_open(struct link *link)
{
    link_deadline(link, (uint64_t)gemini_of(&link->base)->setup_ms * 1000);
    ignore_result(ws_send_text(link->ws, buf_str(&link->setup))); /* a failure comes as on_closed */
}

static void on_ready(struct gemini_model *m, const struct gemini_message *msg)
{
    struct call_event ev = {.type = EV_MODEL_READY};
    link_ready(&m->link);
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
    log_info(&m->link.scope, "model.ready", "model=%s voice=%s in=16000 out=24000 tools=%u turns=%s resumed=%d",
             m->model, m->voice, m->n_tools, m->manual ? "marked" : "detected", m->resumed);
    if (!m->manual) {
        timer_start(m->pulse, PULSE_US, PULSE_US);
    }
    link_emit(&m->link, &ev);
}

/* The service sends its messages in binary frames, others in text frames. */
static void on_message(struct link *link, struct str text)
{
    struct gemini_model *m = gemini_of(&link->base);
    struct gemini_message msg;
    if (link->state == LINK_READY) {
        gemini_on_message(m, text);
    } else if (gemini_read(m, text, &msg) && msg.setup_complete) {
        on_ready(m, &msg);
    }
}

static const struct link_ops link_events = {
    .on_open = on_open,
    .on_message = on_message,
    .on_deadline = on_deadline,
    .judge = gemini_judge,
    .destroy = destroy,
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
        err = link_connect(&m->link, &o);
    }
    buf_done(&url);
    buf_done(&headers);
    return err;
}

static void birth(struct gemini_model *m, const struct gemini_opts *opts)
{
    m->born_us = clock_now_us();
    m->setup_ms = opts->setup_ms ? opts->setup_ms : SETUP_MS;
    m->resumed = opts->handle.n > 0;
    buf_init(&m->response.words, GEMINI_TEXT_MAX);
    buf_init(&m->caller.words, GEMINI_TEXT_MAX);
    buf_init(&m->turns, CONTENT_MAX);
    buf_init(&m->held, HELD_MAX);
    buf_init(&m->handle, GEMINI_HANDLE_MAX);
    buf_init(&m->instructions, CONTENT_MAX);
    gemini_scratch_init(&m->own_scratch);
    gemini_tools_init(&m->tools, m->born_us);
    m->scratch = opts->scratch ? opts->scratch : &m->own_scratch;
    m->link.on_raw = opts->on_raw;
    m->link.raw_arg = opts->raw_arg;
}

int gemini_open(struct loop *loop, const struct gemini_opts *opts, const struct call_opts *call,
                const struct model_handler *h, void *arg, struct model **ret)
{
    struct gemini_model *m = calloc(1, sizeof(*m));
    if (!m) {
        return -ENOMEM;
    }
    birth(m, opts);
    link_listen(&m->link, &gemini_model_ops, h, arg);
    int err = link_init(&m->link, loop, &link_events, call->call_id, 2 * CONTENT_MAX);
    if (err == 0) {
        err = gemini_setup_write(m, opts, call);
    }
    if (err == 0) {
        err = timer_new(loop, on_pulse, m, &m->pulse);
    }
    if (err == 0) {
        err = connect_to(m, opts);
    }
    if (err < 0) {
        destroy(&m->link);
        return err;
    }
    *ret = &m->link.base;
    return 0;
}

/* What was put into the conversation and is not followed by a wish goes out by itself. */
static void step_over(struct model *model)
{
    gemini_flush_turns(gemini_of(model));
}

static struct str memory(struct model *model)
{
    return buf_str(&gemini_of(model)->handle);
}

const struct model_ops gemini_model_ops = {
    .name = "gemini",
    .caps = GEMINI_CAPS,
    .perform = gemini_perform,
    .step_over = step_over,
    .close = link_end,
    .prefetch = link_prefetch,
    .memory = memory,
};
