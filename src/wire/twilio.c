#include "wire/twilio.h"

#include "base/base64.h"
#include "base/err.h"
#include "wire/reader.h"

static int read_connected(struct reader *r, struct json_val top, struct twilio_msg *m)
{
    struct twilio_connected *c = &m->connected;
    *c = (struct twilio_connected){0};
    int err = reader_opt_str(r, json_get(top, "protocol"), "protocol", TWILIO_NAME_MAX, &c->protocol);
    return err < 0 ? err : reader_opt_str(r, json_get(top, "version"), "version", TWILIO_NAME_MAX, &c->version);
}

static int read_tracks(struct reader *r, struct json_val v, struct twilio_start *s)
{
    struct json_val track;
    struct json_it it = json_array(v);
    while (json_elem(&it, &track)) {
        struct str name;
        int err = reader_str(r, track, "start.tracks", TWILIO_NAME_MAX, &name);
        if (err < 0) {
            return err;
        }
        s->inbound = s->inbound || str_is(name, "inbound");
        s->outbound = s->outbound || str_is(name, "outbound");
    }
    return reader_end(r, &it, "start.tracks");
}

static int read_format(struct reader *r, struct json_val v, struct twilio_start *s)
{
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = 0;
        if (KEY_IS(key, "encoding")) {
            err = reader_str(r, member, "start.mediaFormat.encoding", TWILIO_NAME_MAX, &s->encoding);
        } else if (KEY_IS(key, "sampleRate")) {
            err = reader_u32(r, member, "start.mediaFormat.sampleRate", &s->rate_hz);
        } else if (KEY_IS(key, "channels")) {
            err = reader_u32(r, member, "start.mediaFormat.channels", &s->channels);
        }
        if (err < 0) {
            return err;
        }
    }
    if (it.err == 0 && !s->encoding.p) {
        return reader_fail(r, "start.mediaFormat.encoding", -ERR_MISSING);
    }
    return reader_end(r, &it, "start.mediaFormat");
}

static int read_params(struct reader *r, struct json_val v, struct twilio_start *s)
{
    if (v.type == JSON_NULL) {
        return 0;
    }
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        if (s->n_params == TWILIO_PARAM_MAX) {
            return reader_fail(r, "start.customParameters", -ERR_TOO_BIG);
        }
        struct str_pair *p = &s->params[s->n_params];
        struct json_val name = {JSON_STRING, memchr(key.p, '\\', key.n) != NULL, key};
        int err = reader_str(r, name, "start.customParameters", TWILIO_PARAM_BYTES_MAX, &p->name);
        if (err == 0) {
            err = reader_str(r, member, "start.customParameters", TWILIO_PARAM_BYTES_MAX, &p->value);
        }
        if (err < 0) {
            return err;
        }
        s->n_params++;
    }
    return reader_end(r, &it, "start.customParameters");
}

static int read_start(struct reader *r, struct json_val v, struct twilio_msg *m)
{
    struct twilio_start *s = &m->start;
    s->account_sid = s->call_sid = s->encoding = STR_NULL;
    s->inbound = s->outbound = false;
    s->rate_hz = s->channels = s->n_params = 0;
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = 0;
        if (KEY_IS(key, "accountSid")) {
            err = reader_str(r, member, "start.accountSid", TWILIO_NAME_MAX, &s->account_sid);
        } else if (KEY_IS(key, "callSid")) {
            err = reader_str(r, member, "start.callSid", TWILIO_NAME_MAX, &s->call_sid);
        } else if (KEY_IS(key, "streamSid")) {
            err = m->stream_sid.n ? 0 : reader_str(r, member, "start.streamSid", TWILIO_NAME_MAX, &m->stream_sid);
        } else if (KEY_IS(key, "tracks")) {
            err = read_tracks(r, member, s);
        } else if (KEY_IS(key, "mediaFormat")) {
            err = read_format(r, member, s);
        } else if (KEY_IS(key, "customParameters")) {
            err = read_params(r, member, s);
        }
        if (err < 0) {
            return err;
        }
    }
    int err = reader_end(r, &it, "start");
    if (err < 0) {
        return err;
    }
    return s->call_sid.n == 0      ? reader_fail(r, "start.callSid", -ERR_MISSING)
           : m->stream_sid.n == 0  ? reader_fail(r, "streamSid", -ERR_MISSING)
           : s->encoding.p == NULL ? reader_fail(r, "start.mediaFormat", -ERR_MISSING)
                                   : 0;
}

static int read_media(struct reader *r, struct json_val v, struct twilio_msg *m)
{
    m->media = (struct twilio_media){0};
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = 0;
        if (KEY_IS(key, "payload")) {
            if (member.type != JSON_STRING) {
                return reader_wrong(r, "media.payload", member);
            }
            m->media.payload = member.s; /* base64 has no escapes worth undoing but "\/", which read_str undoes */
            if (member.escaped) {
                err = reader_str(r, member, "media.payload", SIZE_MAX, &m->media.payload);
            }
        } else if (KEY_IS(key, "timestamp")) {
            err = reader_u64(r, member, "media.timestamp", &m->media.timestamp_ms);
            m->media.has_timestamp = true;
        } else if (KEY_IS(key, "chunk")) {
            err = reader_u64(r, member, "media.chunk", &m->media.chunk);
        } else if (KEY_IS(key, "track")) {
            struct str track;
            err = reader_str(r, member, "media.track", TWILIO_NAME_MAX, &track);
            m->media.track =
                err == 0 && str_starts(track, STR("outbound")) ? TWILIO_TRACK_OUTBOUND : TWILIO_TRACK_INBOUND;
        }
        if (err < 0) {
            return err;
        }
    }
    if (it.err == 0 && !m->media.payload.p) {
        return reader_fail(r, "media.payload", -ERR_MISSING);
    }
    return reader_end(r, &it, "media");
}

static int read_mark(struct reader *r, struct json_val v, struct twilio_msg *m)
{
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "mark", v);
    }
    return reader_str(r, json_get(v, "name"), "mark.name", TWILIO_NAME_MAX, &m->mark);
}

static int read_dtmf(struct reader *r, struct json_val v, struct twilio_msg *m)
{
    m->dtmf = (struct twilio_dtmf){0};
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "dtmf", v);
    }
    struct str digit;
    int err = reader_str(r, json_get(v, "digit"), "dtmf.digit", TWILIO_NAME_MAX, &digit);
    if (err < 0) {
        return err;
    }
    err = reader_key(r, digit, "dtmf.digit", &m->dtmf.digit);
    if (err < 0) {
        return err;
    }
    return reader_opt_str(r, json_get(v, "track"), "dtmf.track", TWILIO_NAME_MAX, &m->dtmf.track);
}

static int read_stop(struct reader *r, struct json_val v, struct twilio_msg *m)
{
    m->stop = (struct twilio_stop){0};
    if (v.type != JSON_OBJECT) {
        return reader_absent(v) ? 0 : reader_fail(r, "stop", -ERR_TYPE);
    }
    struct twilio_stop *stop = &m->stop;
    int err = reader_opt_str(r, json_get(v, "accountSid"), "stop.accountSid", TWILIO_NAME_MAX, &stop->account_sid);
    if (err < 0) {
        return err;
    }
    return reader_opt_str(r, json_get(v, "callSid"), "stop.callSid", TWILIO_NAME_MAX, &stop->call_sid);
}

static enum twilio_event event_of(struct str name)
{
    static const struct {
        struct str name;
        enum twilio_event event;
    } events[] = {{STR("media"), TWILIO_MEDIA}, {STR("mark"), TWILIO_MARK}, {STR("dtmf"), TWILIO_DTMF},
                  {STR("start"), TWILIO_START}, {STR("stop"), TWILIO_STOP}, {STR("connected"), TWILIO_CONNECTED}};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (str_eq(name, events[i].name)) {
            return events[i].event;
        }
    }
    return TWILIO_UNKNOWN;
}

/*
 * Walks the top level once. The event's own object is kept as a slice, by whichever name it has: the event may come
 * after it.
 */
static int read_top(struct reader *r, struct json_val top, struct twilio_msg *m, struct json_val bodies[TWILIO_EVENT_N])
{
    struct json_it it = json_object(top);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        int err = 0;
        if (KEY_IS(key, "event")) {
            err = reader_str(r, v, "event", TWILIO_NAME_MAX, &m->event_name);
        } else if (KEY_IS(key, "streamSid")) {
            err = reader_opt_str(r, v, "streamSid", TWILIO_NAME_MAX, &m->stream_sid);
        } else if (KEY_IS(key, "sequenceNumber")) {
            err = reader_u64(r, v, "sequenceNumber", &m->sequence);
        } else {
            bodies[event_of(key)] = v;
        }
        if (err < 0) {
            return err;
        }
    }
    if (it.err < 0) {
        return reader_fail(r, NULL, it.err);
    }
    return m->event_name.p ? 0 : reader_fail(r, "event", -ERR_MISSING);
}

static int read_body(struct reader *r, struct json_val top, const struct json_val *bodies, struct twilio_msg *m)
{
    struct json_val body = bodies[m->event];
    switch (m->event) {
    case TWILIO_MEDIA:
        return read_media(r, body, m);
    case TWILIO_START:
        return read_start(r, body, m);
    case TWILIO_MARK:
        return read_mark(r, body, m);
    case TWILIO_DTMF:
        return read_dtmf(r, body, m);
    case TWILIO_STOP:
        return read_stop(r, body, m);
    case TWILIO_CONNECTED:
        return read_connected(r, top, m);
    case TWILIO_UNKNOWN:
    case TWILIO_EVENT_N:
        break;
    }
    return 0;
}

/*
 * The media message as the carrier really spells it, 50 times a second on every call: compared, not scanned. Anything
 * else, however slightly, goes the general way and must come out the same there (fuzz/fuzz_twilio.c holds them equal).
 */
static bool eat(struct str *rest, const char *z, size_t n)
{
    if (rest->n < n || memcmp(rest->p, z, n) != 0) {
        return false;
    }
    rest->p += n;
    rest->n -= n;
    return true;
}
#define EAT(rest, lit) eat((rest), (lit), sizeof(lit) - 1)

/* Up to the next quote, which stays; no escapes. */
static bool eat_plain(struct str *rest, struct str *ret)
{
    const char *quote = memchr(rest->p, '"', rest->n);
    if (!quote) {
        return false;
    }
    *ret = (struct str){rest->p, (size_t)(quote - rest->p)};
    *rest = (struct str){quote, rest->n - ret->n};
    return memchr(ret->p, '\\', ret->n) == NULL;
}

static bool eat_number(struct str *rest, uint64_t *ret)
{
    size_t n = 0;
    uint64_t v = 0;
    while (n < rest->n && n <= READER_DIGITS_MAX && rest->p[n] >= '0' && rest->p[n] <= '9') {
        v = v * 10 + (uint64_t)(rest->p[n++] - '0');
    }
    rest->p += n;
    rest->n -= n;
    *ret = v;
    return n > 0 && n <= READER_DIGITS_MAX;
}

static bool decode_usual_media(struct str text, struct twilio_msg *m)
{
    struct twilio_media *media = &m->media;
    struct str rest = text;
    if (!EAT(&rest, "{\"event\":\"media\",\"sequenceNumber\":\"") || !eat_number(&rest, &m->sequence) ||
        !EAT(&rest, "\",\"media\":{\"track\":\"")) {
        return false;
    }
    media->track = TWILIO_TRACK_INBOUND;
    if (!EAT(&rest, "inbound")) {
        media->track = TWILIO_TRACK_OUTBOUND;
        if (!EAT(&rest, "outbound")) {
            return false;
        }
    }
    media->has_timestamp = true;
    m->event = TWILIO_MEDIA;
    m->event_name = (struct str){text.p + sizeof("{\"event\":\"") - 1, sizeof("media") - 1};
    return EAT(&rest, "\",\"chunk\":\"") && eat_number(&rest, &media->chunk) && EAT(&rest, "\",\"timestamp\":\"") &&
           eat_number(&rest, &media->timestamp_ms) && EAT(&rest, "\",\"payload\":\"") &&
           eat_plain(&rest, &media->payload) && EAT(&rest, "\"},\"streamSid\":\"") &&
           eat_plain(&rest, &m->stream_sid) && m->stream_sid.n <= TWILIO_NAME_MAX && EAT(&rest, "\"}") && rest.n == 0;
}

int twilio_decode(struct str text, struct buf *scratch, struct twilio_msg *ret, const char **ret_field)
{
    if (decode_usual_media(text, ret)) {
        return 0;
    }
    struct reader r = reader_of(text, scratch);
    struct json_val top;
    struct json_val bodies[TWILIO_EVENT_N] = {0};
    ret->event = TWILIO_UNKNOWN;
    ret->event_name = ret->stream_sid = STR_NULL;
    ret->sequence = 0;
    int err = json_open(text, &top);
    if (err == 0) {
        err = read_top(&r, top, ret, bodies);
    }
    if (err == 0) {
        ret->event = event_of(ret->event_name);
        err = read_body(&r, top, bodies, ret);
    }
    if (err < 0 && ret_field) {
        *ret_field = r.field;
    }
    return err;
}

struct str twilio_start_param(const struct twilio_start *start, const char *name)
{
    for (uint32_t i = 0; i < start->n_params; i++) {
        if (str_is(start->params[i].name, name)) {
            return start->params[i].value;
        }
    }
    return STR_NULL;
}

/* ---- writers of the server's side ---- */

#define PUT(out, lit) buf_put((out), (lit), sizeof(lit) - 1)

void twilio_put_media(struct buf *out, struct str stream_sid, struct span audio)
{
    PUT(out, "{\"event\":\"media\",\"streamSid\":");
    json_put_quoted(out, stream_sid);
    PUT(out, ",\"media\":{\"payload\":\"");
    base64_put(out, audio);
    PUT(out, "\"}}");
}

void twilio_put_mark(struct buf *out, struct str stream_sid, struct str name)
{
    PUT(out, "{\"event\":\"mark\",\"streamSid\":");
    json_put_quoted(out, stream_sid);
    PUT(out, ",\"mark\":{\"name\":");
    json_put_quoted(out, name);
    PUT(out, "}}");
}

void twilio_put_clear(struct buf *out, struct str stream_sid)
{
    PUT(out, "{\"event\":\"clear\",\"streamSid\":");
    json_put_quoted(out, stream_sid);
    PUT(out, "}");
}
