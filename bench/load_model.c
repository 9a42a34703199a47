#include "load_model.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "net/http_server.h"
#include "net/ws.h"
#include "peer/phone/phone_link.h"

#define SESSIONS_MAX 4096
#define TICK_US      5000
#define SPEED        4
#define BARGE_IN_US  10000000ull /* after the answer's first audio */
#define SPEAK_US     400000ull   /* the caller's interruption lasts */
#define WORD         "word "

/* Sizes of deltas in blocks: 60 to 300 ms, as uneven as the real service's, but none comes too late to be played. */
static const uint8_t delta_blocks[] = {5, 8, 6, 15, 3, 12, 10, 4, 14, 7};

enum phase { PHASE_IDLE, PHASE_SENDING, PHASE_SENT, PHASE_INTERRUPTED };

struct session {
    struct load_model *model;
    struct ws *ws; /* NULL: free */
    uint16_t id;
    enum phase phase;
    bool manual;    /* the gateway finds the turns */
    uint8_t answer; /* number of the present one */
    uint32_t next_block, next_delta;
    uint64_t began_us, interrupted_us;
    uint64_t sent_us[ANSWERS];
};

struct load_model {
    struct loop *loop;
    struct http_server *server;
    struct timer *timer;
    const struct load_model_handler *h;
    void *arg;
    struct session *sessions;
    uint32_t n_used; /* highest id ever used */
    struct load_model_counts counts;
    uint64_t event;
};

/* ---- blocks ---- */

void block_fill(uint8_t block[BLOCK_BYTES], struct stamp s)
{
    struct phone_dice dice = {((uint64_t)s.id << 32) | s.number};
    for (size_t i = 0; i < BLOCK_BYTES; i += 8) {
        uint64_t r = phone_dice_next(&dice) | 0x2020202020202020u; /* codes of moderate level, both signs */
        memcpy(block + i, &r, 8);
    }
    uint8_t head[STAMP_BYTES] = {0x5A,
                                 s.kind,
                                 (uint8_t)(s.id >> 8),
                                 (uint8_t)s.id,
                                 s.answer,
                                 (uint8_t)(s.number >> 16),
                                 (uint8_t)(s.number >> 8),
                                 (uint8_t)s.number,
                                 0};
    for (size_t i = 0; i < STAMP_BYTES - 1; i++) {
        head[STAMP_BYTES - 1] ^= head[i];
    }
    memcpy(block, head, sizeof(head));
}

bool stamp_read(const uint8_t *p, struct stamp *ret)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < STAMP_BYTES - 1; i++) {
        sum ^= p[i];
    }
    if (p[0] != 0x5A || sum != p[STAMP_BYTES - 1]) {
        return false;
    }
    *ret = (struct stamp){.kind = p[1],
                          .id = (uint16_t)(p[2] << 8 | p[3]),
                          .answer = p[4],
                          .number = (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7]};
    return true;
}

/* ---- events to the gateway ---- */

static struct buf *event_begin(struct session *s, const char *type)
{
    struct buf *b = ws_begin(s->ws);
    buf_printf(b, "{\"type\":\"%s\",\"event_id\":\"event_%llu\"", type, (unsigned long long)++s->model->event);
    return b;
}

static void event_end(struct session *s, struct buf *b)
{
    buf_putc(b, '}');
    ignore_result(ws_end(s->ws)); /* a dead socket says so by on_closed */
}

static void put_ids(struct session *s, struct buf *b)
{
    buf_printf(b, ",\"response_id\":\"resp_%u_%u\",\"item_id\":\"item_%u_%u\",\"output_index\":0,\"content_index\":0",
               s->id, s->answer, s->id, s->answer);
}

static void put_item(struct session *s, struct buf *b, const char *status, bool content)
{
    buf_printf(b,
               ",\"item\":{\"id\":\"item_%u_%u\",\"object\":\"realtime.item\",\"type\":\"message\",\"status\":\"%s\","
               "\"role\":\"assistant\",\"content\":[%s]}",
               s->id, s->answer, status, content ? "{\"type\":\"output_audio\",\"transcript\":\"word\"}" : "");
}

static void put_response(struct session *s, struct buf *b, const char *status)
{
    buf_printf(b,
               ",\"response\":{\"object\":\"realtime.response\",\"id\":\"resp_%u_%u\",\"status\":\"%s\",\"output\":[],"
               "\"conversation_id\":\"conv_%u\",\"output_modalities\":[\"audio\"],\"usage\":{\"total_tokens\":300,"
               "\"input_tokens\":100,\"output_tokens\":200,\"input_token_details\":{\"text_tokens\":50,"
               "\"audio_tokens\":50,\"cached_tokens\":0},\"output_token_details\":{\"text_tokens\":40,"
               "\"audio_tokens\":160}}}",
               s->id, s->answer, status, s->id);
}

static void answer_begin(struct session *s)
{
    s->answer++;
    s->phase = PHASE_SENDING;
    s->next_block = s->next_delta = 0;
    s->began_us = clock_now_us();
    s->sent_us[s->answer] = 0;
    s->model->counts.answers++;
    struct buf *b = event_begin(s, "response.created");
    put_response(s, b, "in_progress");
    event_end(s, b);
    b = event_begin(s, "response.output_item.added");
    buf_printf(b, ",\"response_id\":\"resp_%u_%u\",\"output_index\":0", s->id, s->answer);
    put_item(s, b, "in_progress", false);
    event_end(s, b);
    b = event_begin(s, "conversation.item.added");
    put_item(s, b, "in_progress", false);
    event_end(s, b);
    b = event_begin(s, "response.content_part.added");
    put_ids(s, b);
    buf_puts(b, ",\"part\":{\"type\":\"audio\",\"transcript\":\"\"}");
    event_end(s, b);
}

static void answer_delta(struct session *s, uint32_t n)
{
    uint8_t audio[BLOCK_BYTES * 16];
    struct buf *b = event_begin(s, "response.output_audio_transcript.delta");
    put_ids(s, b);
    buf_puts(b, ",\"delta\":\"" WORD "\"");
    event_end(s, b);
    for (uint32_t i = 0; i < n; i++) {
        block_fill(audio + i * BLOCK_BYTES,
                   (struct stamp){.kind = STAMP_DOWN, .id = s->id, .answer = s->answer, .number = s->next_block + i});
    }
    b = event_begin(s, "response.output_audio.delta");
    put_ids(s, b);
    buf_puts(b, ",\"delta\":\"");
    uint8_t *at = buf_room(b, base64_enc_len(n * BLOCK_BYTES));
    if (at) {
        buf_added(b, base64_encode((char *)at, span_from(audio, n * BLOCK_BYTES)));
    }
    buf_putc(b, '"');
    if (s->next_block == 0) {
        s->sent_us[s->answer] = clock_now_us();
    }
    event_end(s, b);
    s->next_block += n;
}

static void answer_end(struct session *s)
{
    static const char *const done[] = {"response.output_audio.done", "response.output_audio_transcript.done",
                                       "response.content_part.done"};
    s->phase = PHASE_SENT;
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        struct buf *b = event_begin(s, done[i]);
        put_ids(s, b);
        buf_puts(b, i == 1   ? ",\"transcript\":\"word\""
                    : i == 2 ? ",\"part\":{\"type\":\"audio\",\"transcript\":\"word\"}"
                             : "");
        event_end(s, b);
    }
    struct buf *b = event_begin(s, "response.output_item.done");
    buf_printf(b, ",\"response_id\":\"resp_%u_%u\",\"output_index\":0", s->id, s->answer);
    put_item(s, b, "completed", true);
    event_end(s, b);
    b = event_begin(s, "conversation.item.done");
    put_item(s, b, "completed", true);
    event_end(s, b);
    b = event_begin(s, "response.done");
    put_response(s, b, "completed");
    event_end(s, b);
}

static void speech_event(struct session *s, const char *type, const char *member)
{
    struct buf *b = event_begin(s, type);
    buf_printf(b, ",\"item_id\":\"user_%u_%u\",\"%s\":1000", s->id, s->answer, member);
    event_end(s, b);
}

static void turn_committed(struct session *s)
{
    speech_event(s, "input_audio_buffer.committed", "unused");
    struct buf *b = event_begin(s, "conversation.item.input_audio_transcription.completed");
    buf_printf(b, ",\"item_id\":\"user_%u_%u\",\"content_index\":0,\"transcript\":\"wait a moment\"", s->id, s->answer);
    event_end(s, b);
}

static void interruption_end(struct session *s)
{
    speech_event(s, "input_audio_buffer.speech_stopped", "audio_end_ms");
    turn_committed(s);
    answer_begin(s);
}

/* ---- the clock ---- */

static void session_step(struct session *s, uint64_t now)
{
    uint64_t age = now - s->began_us;
    if (s->phase == PHASE_SENDING) {
        uint64_t due_blocks = age * SPEED / 20000;
        uint32_t n = delta_blocks[s->next_delta % ARRAY_LEN(delta_blocks)];
        n = MIN(n, ANSWER_BLOCKS - s->next_block);
        if (s->next_block + n <= due_blocks || s->next_block == 0) {
            s->next_delta++;
            answer_delta(s, n);
        }
        if (s->next_block == ANSWER_BLOCKS) {
            answer_end(s);
        }
    } else if (s->phase == PHASE_SENT && age >= BARGE_IN_US && !s->manual) {
        s->phase = PHASE_INTERRUPTED;
        s->interrupted_us = now;
        s->model->counts.barge_ins++;
        speech_event(s, "input_audio_buffer.speech_started", "audio_start_ms");
    } else if (s->phase == PHASE_INTERRUPTED && now - s->interrupted_us >= SPEAK_US) {
        interruption_end(s);
    }
}

static void tick(void *arg)
{
    struct load_model *m = arg;
    uint64_t now = clock_now_us();
    for (uint32_t i = 0; i < m->n_used; i++) {
        if (m->sessions[i].ws) {
            session_step(&m->sessions[i], now);
        }
    }
}

/* ---- events from the gateway ---- */

static void take_append(struct session *s, struct json_val msg)
{
    struct str audio = json_get(msg, "audio").s;
    uint8_t head[16];
    struct stamp stamp;
    /* Only the stamp of the first block: every message of a pass-through carries one block. */
    if (audio.n >= 20 && base64_decode(head, (struct str){audio.p, 12}) == STAMP_BYTES && stamp_read(head, &stamp) &&
        stamp.kind == STAMP_UP) {
        s->model->h->on_block(stamp, clock_now_us(), s->model->arg);
    }
}

static void take_update(struct session *s, struct json_val msg)
{
    s->manual = json_path(msg, "session.audio.input.turn_detection").type == JSON_NULL;
    struct buf *b = event_begin(s, "session.updated");
    buf_puts(b, ",\"session\":");
    buf_put_str(b, json_get(msg, "session").s);
    event_end(s, b);
}

static void take_truncate(struct session *s, struct json_val msg)
{
    int64_t ms = 0;
    ignore_result(json_to_i64(json_get(msg, "audio_end_ms"), &ms)); /* 0 then */
    struct buf *b = event_begin(s, "conversation.item.truncated");
    buf_printf(b, ",\"item_id\":\"" STR_FMT "\",\"content_index\":0,\"audio_end_ms\":%lld",
               STR_ARG(json_get(msg, "item_id").s), (long long)ms);
    event_end(s, b);
}

static void take_cancel(struct session *s, struct json_val msg)
{
    if (s->phase == PHASE_SENDING) {
        s->phase = PHASE_SENT;
        struct buf *b = event_begin(s, "response.done");
        put_response(s, b, "cancelled");
        event_end(s, b);
        return;
    }
    s->model->counts.errors_sent++;
    struct buf *b = event_begin(s, "error");
    buf_printf(b,
               ",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"response_cancel_not_active\",\"message\":"
               "\"no active response\",\"param\":null,\"event_id\":\"" STR_FMT "\"}",
               STR_ARG(json_get(msg, "event_id").s));
    event_end(s, b);
}

static void take_item(struct session *s, struct json_val msg)
{
    static const char *const types[] = {"conversation.item.added", "conversation.item.done"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct buf *b = event_begin(s, types[i]);
        buf_puts(b, ",\"item\":");
        buf_put_str(b, json_get(msg, "item").s);
        event_end(s, b);
    }
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct session *s = arg;
    struct json_val msg;
    if (json_open(text, &msg) < 0) {
        s->model->counts.unknown_events++;
        return;
    }
    struct str type = json_get(msg, "type").s;
    if (str_is(type, "input_audio_buffer.append")) {
        take_append(s, msg);
    } else if (str_is(type, "session.update")) {
        take_update(s, msg);
    } else if (str_is(type, "response.create")) {
        if (s->phase != PHASE_SENDING) {
            answer_begin(s);
        }
    } else if (str_is(type, "input_audio_buffer.commit")) {
        s->model->h->on_commit(s->id, clock_now_us(), s->model->arg);
        turn_committed(s);
    } else if (str_is(type, "response.cancel")) {
        take_cancel(s, msg);
    } else if (str_is(type, "conversation.item.truncate")) {
        take_truncate(s, msg);
    } else if (str_is(type, "conversation.item.create")) {
        take_item(s, msg);
    } else {
        s->model->counts.unknown_events++;
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg)
{
    struct session *s = arg;
    s->ws = NULL;
    s->model->counts.sessions--;
}

static const struct ws_handler ws_handler = {.on_text = on_text, .on_closed = on_closed};

static struct session *session_free(struct load_model *m)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (!m->sessions[i].ws) {
            m->n_used = MAX(m->n_used, i + 1);
            return &m->sessions[i];
        }
    }
    return NULL;
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct load_model *m = arg;
    struct session *s = req->wants_upgrade ? session_free(m) : NULL;
    static const struct ws_opts opts;
    if (!s) {
        http_respond(x, 404, STR("text/plain"), STR_NULL, span_from("no", 2));
        return;
    }
    *s = (struct session){.model = m, .id = (uint16_t)(s - m->sessions)};
    if (http_upgrade(x, STR_NULL, &opts, &ws_handler, s, &s->ws) < 0) {
        s->ws = NULL;
        return;
    }
    m->counts.sessions++;
    struct buf *b = event_begin(s, "session.created");
    buf_printf(b,
               ",\"session\":{\"type\":\"realtime\",\"object\":\"realtime.session\",\"id\":\"sess_%u\",\"model\":"
               "\"load\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000}},\"output\":"
               "{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000},\"voice\":\"marin\"}}}",
               s->id);
    event_end(s, b);
}

static const struct http_server_handler http_handler = {.on_request = on_request};

/* ---- life ---- */

int load_model_open(struct loop *loop, uint16_t port, struct tls_ctx *tls, const struct load_model_handler *h,
                    void *arg, struct load_model **ret)
{
    struct load_model *m = calloc(1, sizeof(*m));
    struct session *sessions = calloc(SESSIONS_MAX, sizeof(*sessions));
    if (!m || !sessions) {
        free(m);
        free(sessions);
        return -ENOMEM;
    }
    m->loop = loop;
    m->h = h;
    m->arg = arg;
    m->sessions = sessions;
    struct http_server_opts opts = {.host = "127.0.0.1", .port = port, .tls = tls};
    int err = http_server_open(loop, &opts, &http_handler, m, &m->server);
    if (err == 0) {
        err = timer_new(loop, tick, m, &m->timer);
    }
    if (err < 0) {
        load_model_close(m);
        load_model_free(m);
        return err;
    }
    timer_start(m->timer, TICK_US, TICK_US);
    *ret = m;
    return 0;
}

uint16_t load_model_port(const struct load_model *m)
{
    return http_server_port(m->server);
}

uint64_t load_model_sent_us(const struct load_model *m, uint16_t session, uint8_t answer)
{
    return session < SESSIONS_MAX ? m->sessions[session].sent_us[answer] : 0;
}

struct load_model_counts load_model_counts(const struct load_model *m)
{
    return m->counts;
}

void load_model_close(struct load_model *m)
{
    m->timer = timer_free(m->timer);
    m->server = http_server_free(m->server);
}

void load_model_free(struct load_model *m)
{
    free(m->sessions);
    free(m);
}
