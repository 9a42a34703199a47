/* The carrier's half of the Plivo protocol, for the phone simulator: its messages, and its strictness. */
#include "base/base64.h"
#include "base/err.h"
#include "wire/plivo.h"
#include "wire/reader.h"

static const char *const fault_words[PLIVO_FAULT_N] = {
#define X(name, word) [name] = word,
    PLIVO_FAULT_LIST(X)
#undef X
};

const char *plivo_fault_word(enum plivo_fault fault)
{
    return fault < PLIVO_FAULT_N ? fault_words[fault] : "none";
}

/* One of the carrier's numbers, in either of its spellings. */
static void put_number(struct json_w *w, const struct plivo_msg *m, const char *key, uint64_t v)
{
    json_w_key(w, key);
    if (m->numbers_as_text) {
        json_w_raw(w, STR("\""));
        buf_put_u64(w->out, v);
        buf_putc(w->out, '"');
    } else {
        json_w_i64(w, (int64_t)v);
    }
}

static void put_start(struct json_w *w, const struct plivo_msg *m)
{
    const struct plivo_start *s = &m->start;
    json_w_key(w, "start");
    json_w_open(w);
    json_w_kstr(w, "callId", s->call_id);
    json_w_kstr(w, "streamId", m->stream_id);
    json_w_kstr(w, "accountId", s->account_id);
    json_w_key(w, "tracks");
    json_w_array(w);
    if (s->inbound) {
        json_w_str(w, STR("inbound"));
    }
    if (s->outbound) {
        json_w_str(w, STR("outbound"));
    }
    json_w_end(w);
    json_w_key(w, "mediaFormat");
    json_w_open(w);
    json_w_kstr(w, "encoding", s->encoding);
    put_number(w, m, "sampleRate", s->rate_hz);
    json_w_close(w);
    json_w_close(w);
}

static void put_timestamp(struct json_w *w, uint64_t ms)
{
    json_w_key(w, "timestamp");
    json_w_raw(w, STR("\""));
    buf_put_u64(w->out, ms);
    buf_putc(w->out, '"');
}

static void put_media(struct json_w *w, const struct plivo_msg *m, struct span audio)
{
    const struct plivo_media *media = &m->media;
    json_w_key(w, "media");
    json_w_open(w);
    json_w_kz(w, "track", media->outbound ? "outbound" : "inbound");
    put_timestamp(w, media->timestamp_ms);
    put_number(w, m, "chunk", media->chunk);
    json_w_key(w, "payload");
    json_w_raw(w, STR("\""));
    if (audio.p) {
        base64_put(w->out, audio);
    } else {
        buf_put_str(w->out, media->payload);
    }
    buf_putc(w->out, '"');
    json_w_close(w);
}

static const char *const event_names[PLIVO_EVENT_N] = {
    [PLIVO_START] = "start",          [PLIVO_MEDIA] = "media", [PLIVO_DTMF] = "dtmf", [PLIVO_PLAYED] = "playedStream",
    [PLIVO_CLEARED] = "clearedAudio", [PLIVO_STOP] = "stop",   [PLIVO_TEXT] = "text", [PLIVO_FAILED] = "playFailed",
};

static void put_body(struct json_w *w, const struct plivo_msg *m, struct span audio)
{
    switch (m->event) {
    case PLIVO_START:
        put_start(w, m);
        break;
    case PLIVO_MEDIA:
        put_media(w, m, audio);
        break;
    case PLIVO_DTMF:
        json_w_key(w, "dtmf");
        json_w_open(w);
        json_w_kz(w, "track", "inbound");
        json_w_kstr(w, "digit", (struct str){&m->digit, 1});
        json_w_close(w);
        break;
    case PLIVO_PLAYED:
        json_w_kstr(w, "name", m->name);
        break;
    case PLIVO_TEXT:
        json_w_kstr(w, "text", m->text);
        break;
    case PLIVO_STOP:
    case PLIVO_FAILED:
        if (m->text.n > 0) {
            json_w_kstr(w, "reason", m->text);
        }
        break;
    case PLIVO_CLEARED:
    case PLIVO_UNKNOWN:
    case PLIVO_EVENT_N:
        break;
    }
}

static void put_message(struct buf *out, const struct plivo_msg *m, struct span audio)
{
    struct json_w w = json_w(out);
    const char *name = event_names[m->event];
    json_w_open(&w);
    json_w_kstr(&w, "event", m->event_name.n > 0 || !name ? m->event_name : str_from(name));
    put_number(&w, m, "sequenceNumber", m->sequence);
    if (m->event != PLIVO_START) {
        json_w_kstr(&w, "streamId", m->stream_id);
    }
    put_body(&w, m, audio);
    if (m->extra_headers.p) {
        json_w_kstr(&w, "extra_headers", m->extra_headers);
    }
    json_w_close(&w);
}

void plivo_put_carrier(struct buf *out, const struct plivo_msg *msg)
{
    put_message(out, msg, span_from(NULL, 0));
}

void plivo_put_carrier_media(struct buf *out, const struct plivo_msg *msg, struct span audio)
{
    put_message(out, msg, span_from(audio.p ? audio.p : (const uint8_t *)"", audio.n));
}

/* ---- what a server sent, as the vendor judges it ---- */

struct strict {
    struct json_val event, stream_id, media, name, dtmf;
};

/* Each known key at most once, nothing else. */
static const char *collect(struct json_val top, struct strict *s)
{
    struct json_it it = json_object(top);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        struct json_val *slot = str_is(key, "event")      ? &s->event
                                : str_is(key, "streamId") ? &s->stream_id
                                : str_is(key, "media")    ? &s->media
                                : str_is(key, "name")     ? &s->name
                                : str_is(key, "dtmf")     ? &s->dtmf
                                                          : NULL;
        if (!slot) {
            return "surplus key in the message";
        }
        if (slot->type != JSON_NONE) {
            return "key given twice";
        }
        *slot = v;
    }
    return it.err < 0 ? "malformed JSON" : NULL;
}

struct judgement {
    enum plivo_fault fault;
    const char *why;
};

static const struct judgement fine = {PLIVO_FAULT_NONE, NULL};

static struct judgement wrong(enum plivo_fault fault, const char *why)
{
    return (struct judgement){fault, why};
}

static struct judgement judge_audio(struct json_val v, struct plivo_server_msg *ret)
{
    struct json_it it = json_object(v);
    struct json_val type = {0}, rate = {0}, payload = {0};
    struct str key;
    struct json_val member;
    if (v.type != JSON_OBJECT) {
        return wrong(PLIVO_FAULT_MESSAGE, "media is missing");
    }
    while (json_next(&it, &key, &member)) {
        struct json_val *slot = str_is(key, "contentType")  ? &type
                                : str_is(key, "sampleRate") ? &rate
                                : str_is(key, "payload")    ? &payload
                                                            : NULL;
        if (!slot || slot->type != JSON_NONE) {
            return wrong(PLIVO_FAULT_MESSAGE, slot ? "key given twice" : "surplus key in media");
        }
        *slot = member;
    }
    if (type.type == JSON_STRING && str_find(type.s, ';') < type.s.n) {
        return wrong(PLIVO_FAULT_CONTENT_TYPE, "the rate belongs into sampleRate, not into contentType");
    }
    if (type.type != JSON_STRING || !str_is(type.s, PLIVO_MULAW)) {
        return wrong(PLIVO_FAULT_CONTENT_TYPE, "contentType is not that of the stream");
    }
    if (rate.type != JSON_NUMBER || !str_is(rate.s, "8000")) {
        return wrong(PLIVO_FAULT_CONTENT_TYPE, "sampleRate is not that of the stream, as a number");
    }
    if (payload.type != JSON_STRING || payload.escaped || !reader_is_base64(payload.s)) {
        return wrong(PLIVO_FAULT_PAYLOAD, "media.payload is not base64");
    }
    /* 160 bytes are 216 characters, the last two of them padding */
    if (payload.s.n != base64_enc_len(PLIVO_FRAME_BYTES) || payload.s.p[payload.s.n - 1] != '=' ||
        payload.s.p[payload.s.n - 2] != '=') {
        return wrong(PLIVO_FAULT_PAYLOAD, "media.payload is not exactly 160 bytes");
    }
    ret->text = payload.s;
    return fine;
}

static struct judgement judge_checkpoint(struct json_val v, struct plivo_server_msg *ret)
{
    if (v.type != JSON_STRING || v.s.n == 0) {
        return wrong(PLIVO_FAULT_MESSAGE, "name is missing");
    }
    if (json_copy_str(v, ret->name, sizeof(ret->name)) < 0) {
        return wrong(PLIVO_FAULT_MESSAGE, "name is too long or not text");
    }
    ret->text = str_from(ret->name);
    return fine;
}

static struct judgement judge_keys(struct json_val v, struct plivo_server_msg *ret)
{
    if (v.type != JSON_STRING || v.escaped || v.s.n == 0 || v.s.n > PLIVO_KEYS_MAX) {
        return wrong(PLIVO_FAULT_MESSAGE, "dtmf is missing or too long");
    }
    for (size_t i = 0; i < v.s.n; i++) {
        if (!memchr("0123456789*#ABCDabcdwW", v.s.p[i], 22)) {
            return wrong(PLIVO_FAULT_MESSAGE, "dtmf holds what is no key");
        }
    }
    ret->text = v.s;
    return fine;
}

static struct judgement judge_event(const struct strict *s, struct plivo_server_msg *ret)
{
    if (str_is(s->event.s, "playAudio")) {
        ret->command = PLIVO_CMD_AUDIO;
        return judge_audio(s->media, ret);
    }
    if (s->media.type != JSON_NONE) {
        return wrong(PLIVO_FAULT_MESSAGE, "surplus key in the message");
    }
    if (str_is(s->event.s, "checkpoint")) {
        ret->command = PLIVO_CMD_CHECKPOINT;
        return s->stream_id.type == JSON_NONE ? wrong(PLIVO_FAULT_STREAM, "streamId is missing")
                                              : judge_checkpoint(s->name, ret);
    }
    if (str_is(s->event.s, "clearAudio")) {
        ret->command = PLIVO_CMD_CLEAR;
        ret->text = STR_NULL;
        return s->stream_id.type == JSON_NONE ? wrong(PLIVO_FAULT_STREAM, "streamId is missing") : fine;
    }
    if (str_is(s->event.s, "sendDTMF")) {
        ret->command = PLIVO_CMD_KEYS;
        return judge_keys(s->dtmf, ret);
    }
    return wrong(PLIVO_FAULT_MESSAGE, "unknown event");
}

static struct judgement judge(struct str text, struct str stream_id, struct plivo_server_msg *ret)
{
    struct json_val top;
    struct strict s = {0};
    if (json_parse(text, &top) < 0 || top.type != JSON_OBJECT) {
        return wrong(PLIVO_FAULT_MESSAGE, "the message is not a JSON object");
    }
    const char *why = collect(top, &s);
    if (why) {
        return wrong(PLIVO_FAULT_MESSAGE, why);
    }
    if (s.event.type != JSON_STRING) {
        return wrong(PLIVO_FAULT_MESSAGE, "event is missing");
    }
    if (s.stream_id.type != JSON_NONE && (s.stream_id.type != JSON_STRING || !str_eq(s.stream_id.s, stream_id))) {
        return wrong(PLIVO_FAULT_STREAM, "wrong streamId");
    }
    return judge_event(&s, ret);
}

enum plivo_fault plivo_decode_server(struct str text, bool binary, struct str stream_id, struct plivo_server_msg *ret,
                                     const char **ret_reason)
{
    struct judgement j = binary ? wrong(PLIVO_FAULT_MESSAGE, "binary frame") : judge(text, stream_id, ret);
    if (j.fault != PLIVO_FAULT_NONE && ret_reason) {
        *ret_reason = j.why;
    }
    return j.fault;
}
