/* The carrier's half of the Twilio protocol, for the phone simulator: its messages, and its strictness. */
#include "base/base64.h"
#include "base/err.h"
#include "wire/reader.h"
#include "wire/twilio.h"

static void put_number_text(struct json_w *w, const char *key, uint64_t v)
{
    json_w_key(w, key);
    json_w_raw(w, STR("\""));
    buf_put_u64(w->out, v);
    buf_putc(w->out, '"');
}

static void put_start(struct json_w *w, const struct twilio_msg *m)
{
    const struct twilio_start *s = &m->start;
    json_w_key(w, "start");
    json_w_open(w);
    json_w_kstr(w, "accountSid", s->account_sid);
    json_w_kstr(w, "streamSid", m->stream_sid);
    json_w_kstr(w, "callSid", s->call_sid);
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
    json_w_ki64(w, "sampleRate", s->rate_hz);
    json_w_ki64(w, "channels", s->channels);
    json_w_close(w);
    json_w_key(w, "customParameters");
    json_w_open(w);
    for (uint32_t i = 0; i < s->n_params; i++) {
        /* A name may need escapes, which json_w_key does not do. */
        json_w_str(w, s->params[i].name);
        buf_putc(w->out, ':');
        w->comma = false;
        json_w_str(w, s->params[i].value);
    }
    json_w_close(w);
    json_w_close(w);
}

static void put_media(struct json_w *w, const struct twilio_media *media, struct str payload, struct span audio)
{
    json_w_key(w, "media");
    json_w_open(w);
    json_w_kz(w, "track", media->track == TWILIO_TRACK_OUTBOUND ? "outbound" : "inbound");
    put_number_text(w, "chunk", media->chunk);
    put_number_text(w, "timestamp", media->timestamp_ms);
    json_w_key(w, "payload");
    json_w_raw(w, STR("\""));
    if (audio.p) {
        base64_put(w->out, audio);
    }
    buf_put_str(w->out, payload);
    buf_putc(w->out, '"');
    json_w_close(w);
}

static const char *const event_names[TWILIO_EVENT_N] = {
    [TWILIO_CONNECTED] = "connected", [TWILIO_START] = "start", [TWILIO_MEDIA] = "media",
    [TWILIO_MARK] = "mark",           [TWILIO_DTMF] = "dtmf",   [TWILIO_STOP] = "stop",
};

static void put_body(struct json_w *w, const struct twilio_msg *m, struct span audio)
{
    switch (m->event) {
    case TWILIO_START:
        put_start(w, m);
        break;
    case TWILIO_MEDIA:
        put_media(w, &m->media, audio.p ? STR_NULL : m->media.payload, audio);
        break;
    case TWILIO_MARK:
        json_w_key(w, "mark");
        json_w_open(w);
        json_w_kstr(w, "name", m->mark);
        json_w_close(w);
        break;
    case TWILIO_DTMF:
        json_w_key(w, "dtmf");
        json_w_open(w);
        json_w_kstr(w, "track", m->dtmf.track.n ? m->dtmf.track : STR("inbound_track"));
        json_w_kstr(w, "digit", (struct str){&m->dtmf.digit, 1});
        json_w_close(w);
        break;
    case TWILIO_STOP:
        json_w_key(w, "stop");
        json_w_open(w);
        json_w_kstr(w, "accountSid", m->stop.account_sid);
        json_w_kstr(w, "callSid", m->stop.call_sid);
        json_w_close(w);
        break;
    case TWILIO_CONNECTED:
    case TWILIO_UNKNOWN:
    case TWILIO_EVENT_N:
        break;
    }
}

static void put_message(struct buf *out, const struct twilio_msg *m, struct span audio)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    if (m->event == TWILIO_CONNECTED) {
        json_w_kz(&w, "event", "connected");
        json_w_kstr(&w, "protocol", m->connected.protocol.n ? m->connected.protocol : STR("Call"));
        json_w_kstr(&w, "version", m->connected.version.n ? m->connected.version : STR("1.0.0"));
        json_w_close(&w);
        return;
    }
    const char *name = event_names[m->event];
    json_w_kstr(&w, "event", name ? str_from(name) : m->event_name);
    put_number_text(&w, "sequenceNumber", m->sequence);
    put_body(&w, m, audio);
    json_w_kstr(&w, "streamSid", m->stream_sid);
    json_w_close(&w);
}

void twilio_put_carrier(struct buf *out, const struct twilio_msg *msg)
{
    put_message(out, msg, span_from(NULL, 0));
}

void twilio_put_carrier_media(struct buf *out, const struct twilio_msg *msg, struct span audio)
{
    put_message(out, msg, span_from(audio.p ? audio.p : (const uint8_t *)"", audio.n));
}

/* ---- what a server sent, as the vendor judges it ---- */

struct strict {
    struct json_val event;
    struct json_val stream_sid;
    struct json_val media;
    struct json_val mark;
};

/* Each known key at most once, nothing else. */
static const char *collect(struct json_val top, struct strict *s)
{
    struct json_it it = json_object(top);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        struct json_val *slot = str_is(key, "event")       ? &s->event
                                : str_is(key, "streamSid") ? &s->stream_sid
                                : str_is(key, "media")     ? &s->media
                                : str_is(key, "mark")      ? &s->mark
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

/* An object with exactly one member of that name, a plain string. */
static const char *only_string(struct json_val v, const char *name, struct json_val *ret)
{
    if (v.type != JSON_OBJECT) {
        return "the event's object is missing";
    }
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    struct json_val found = {0};
    while (json_next(&it, &key, &member)) {
        if (!str_is(key, name)) {
            return "surplus key in the event's object";
        }
        if (found.type != JSON_NONE) {
            return "key given twice";
        }
        found = member;
    }
    if (found.type != JSON_STRING) {
        return found.type == JSON_NONE ? "required field is missing" : "field of the wrong type";
    }
    *ret = found;
    return NULL;
}

static const char *mark_name(struct json_val v, struct twilio_server_msg *ret)
{
    ret->text = v.s;
    if (!v.escaped) {
        return NULL;
    }
    if (json_copy_str(v, ret->name, sizeof(ret->name)) < 0) {
        return "mark.name is too long or not text";
    }
    ret->text = str_from(ret->name);
    return NULL;
}

static const char *judge(struct str text, struct str stream_sid, struct twilio_server_msg *ret)
{
    struct json_val top;
    struct strict s = {0};
    if (json_parse(text, &top) < 0 || top.type != JSON_OBJECT) {
        return "the message is not a JSON object";
    }
    const char *wrong = collect(top, &s);
    if (wrong) {
        return wrong;
    }
    if (s.event.type != JSON_STRING) {
        return "event is missing";
    }
    if (s.stream_sid.type != JSON_STRING || !str_eq(s.stream_sid.s, stream_sid) || stream_sid.n == 0) {
        return "wrong streamSid";
    }
    struct json_val v;
    if (str_is(s.event.s, "media")) {
        ret->command = TWILIO_CMD_MEDIA;
        wrong = s.mark.type != JSON_NONE ? "surplus key in the message" : only_string(s.media, "payload", &v);
        ret->text = wrong ? STR_NULL : v.s;
        return wrong ? wrong : reader_is_base64(v.s) ? NULL : "media.payload is not base64";
    }
    if (str_is(s.event.s, "mark")) {
        ret->command = TWILIO_CMD_MARK;
        wrong = s.media.type != JSON_NONE ? "surplus key in the message" : only_string(s.mark, "name", &v);
        return wrong ? wrong : mark_name(v, ret);
    }
    if (str_is(s.event.s, "clear")) {
        ret->command = TWILIO_CMD_CLEAR;
        ret->text = STR_NULL;
        return s.media.type != JSON_NONE || s.mark.type != JSON_NONE ? "surplus key in the message" : NULL;
    }
    return "unknown event";
}

int twilio_decode_server(struct str text, bool binary, struct str stream_sid, struct twilio_server_msg *ret,
                         const char **ret_reason)
{
    const char *wrong = binary ? "binary frame" : judge(text, stream_sid, ret);
    if (!wrong) {
        return 0;
    }
    if (ret_reason) {
        *ret_reason = wrong;
    }
    return binary ? TWILIO_ERR_MALFORMED : TWILIO_ERR_INVALID;
}
