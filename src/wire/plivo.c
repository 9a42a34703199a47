#include "wire/plivo.h"

#include "base/base64.h"
#include "base/err.h"
#include "wire/reader.h"

#define EXTRA_PREFIX "X-PH-"

static int read_tracks(struct reader *r, struct json_val v, struct plivo_start *s)
{
    struct json_val track;
    struct json_it it = json_array(v);
    while (json_elem(&it, &track)) {
        struct str name;
        int err = reader_str(r, track, "start.tracks", PLIVO_NAME_MAX, &name);
        if (err < 0) {
            return err;
        }
        s->inbound = s->inbound || str_is(name, "inbound");
        s->outbound = s->outbound || str_is(name, "outbound");
    }
    return reader_end(r, &it, "start.tracks");
}

static int read_format(struct reader *r, struct json_val v, struct plivo_start *s)
{
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "start.mediaFormat", v);
    }
    int err = reader_str(r, json_get(v, "encoding"), "start.mediaFormat.encoding", PLIVO_NAME_MAX, &s->encoding);
    struct json_val rate = json_get(v, "sampleRate");
    return err < 0 || reader_absent(rate) ? err : reader_u32(r, rate, "start.mediaFormat.sampleRate", &s->rate_hz);
}

static int read_start(struct reader *r, struct json_val v, struct plivo_msg *m)
{
    struct plivo_start *s = &m->start;
    *s = (struct plivo_start){0};
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = 0;
        if (KEY_IS(key, "callId")) {
            err = reader_str(r, member, "start.callId", PLIVO_NAME_MAX, &s->call_id);
        } else if (KEY_IS(key, "streamId")) {
            err = reader_str(r, member, "start.streamId", PLIVO_NAME_MAX, &m->stream_id);
        } else if (KEY_IS(key, "accountId") && member.type == JSON_NUMBER) {
            s->account_id = member.s;
        } else if (KEY_IS(key, "accountId")) {
            err = reader_opt_str(r, member, "start.accountId", PLIVO_NAME_MAX, &s->account_id);
        } else if (KEY_IS(key, "tracks")) {
            err = read_tracks(r, member, s);
        } else if (KEY_IS(key, "mediaFormat")) {
            err = read_format(r, member, s);
        }
        if (err < 0) {
            return err;
        }
    }
    int err = reader_end(r, &it, "start");
    if (err < 0) {
        return err;
    }
    return s->call_id.n == 0       ? reader_fail(r, "start.callId", -ERR_MISSING)
           : m->stream_id.n == 0   ? reader_fail(r, "start.streamId", -ERR_MISSING)
           : s->encoding.p == NULL ? reader_fail(r, "start.mediaFormat", -ERR_MISSING)
                                   : 0;
}

static int read_payload(struct reader *r, struct json_val v, struct str *ret)
{
    if (v.type != JSON_STRING) {
        return reader_wrong(r, "media.payload", v);
    }
    *ret = v.s; /* base64 has no escapes worth undoing but "\/" */
    return v.escaped ? reader_str(r, v, "media.payload", SIZE_MAX, ret) : 0;
}

static int read_media(struct reader *r, struct json_val v, struct plivo_msg *m)
{
    m->media = (struct plivo_media){0};
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = 0;
        if (KEY_IS(key, "payload")) {
            err = read_payload(r, member, &m->media.payload);
        } else if (KEY_IS(key, "timestamp")) {
            err = reader_u64(r, member, "media.timestamp", &m->media.timestamp_ms);
            m->media.has_timestamp = true;
        } else if (KEY_IS(key, "chunk")) {
            err = reader_u64(r, member, "media.chunk", &m->media.chunk);
        } else if (KEY_IS(key, "track")) {
            struct str track;
            err = reader_str(r, member, "media.track", PLIVO_NAME_MAX, &track);
            m->media.outbound = err == 0 && str_starts(track, STR("outbound"));
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

static int read_dtmf(struct reader *r, struct json_val v, struct plivo_msg *m)
{
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "dtmf", v);
    }
    struct json_val key = json_get(v, "digit");
    struct str digit = key.s; /* 0 to 9 may come as numbers */
    int err = key.type == JSON_NUMBER ? 0 : reader_str(r, key, "dtmf.digit", PLIVO_NAME_MAX, &digit);
    return err < 0 ? err : reader_key(r, digit, "dtmf.digit", &m->digit);
}

/* The words of the end and of errors stand at the top or in an object of the event's name. */
static int read_reason(struct reader *r, struct json_val top, const char *object, struct str *ret)
{
    struct json_val v = json_get(top, "reason");
    struct json_val inner = json_get(top, object);
    if (v.type == JSON_NONE && inner.type == JSON_OBJECT) {
        v = json_get(inner, "reason");
    }
    *ret = STR("");
    return v.type == JSON_STRING ? reader_str(r, v, "reason", PLIVO_TEXT_MAX, ret) : 0;
}

static enum plivo_event event_of(struct str name)
{
    static const struct {
        struct str name;
        enum plivo_event event;
    } events[] = {{STR("media"), PLIVO_MEDIA},       {STR("playedStream"), PLIVO_PLAYED},
                  {STR("played"), PLIVO_PLAYED},     {STR("clearedAudio"), PLIVO_CLEARED},
                  {STR("dtmf"), PLIVO_DTMF},         {STR("start"), PLIVO_START},
                  {STR("stop"), PLIVO_STOP},         {STR("text"), PLIVO_TEXT},
                  {STR("playFailed"), PLIVO_FAILED}, {STR("error"), PLIVO_FAILED}};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (str_eq(name, events[i].name)) {
            return events[i].event;
        }
    }
    return PLIVO_UNKNOWN;
}

static int read_body(struct reader *r, struct json_val top, struct plivo_msg *m)
{
    switch (m->event) {
    case PLIVO_MEDIA:
        return read_media(r, json_get(top, "media"), m);
    case PLIVO_START:
        return read_start(r, json_get(top, "start"), m);
    case PLIVO_DTMF:
        return read_dtmf(r, json_get(top, "dtmf"), m);
    case PLIVO_PLAYED:
        return reader_str(r, json_get(top, "name"), "name", PLIVO_NAME_MAX, &m->name);
    case PLIVO_TEXT:
        return reader_str(r, json_get(top, "text"), "text", PLIVO_TEXT_MAX, &m->text);
    case PLIVO_FAILED:
    case PLIVO_STOP:
        return read_reason(r, top, "stop", &m->text);
    case PLIVO_CLEARED:
    case PLIVO_UNKNOWN:
    case PLIVO_EVENT_N:
        break;
    }
    return 0;
}

/* extra_headers is a string in most captures, an object in some, and of no weight: any other type is as if absent. */
static int read_top(struct reader *r, struct json_val top, struct plivo_msg *m)
{
    struct json_it it = json_object(top);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        int err = 0;
        if (KEY_IS(key, "event")) {
            err = reader_str(r, v, "event", PLIVO_NAME_MAX, &m->event_name);
        } else if (KEY_IS(key, "streamId")) {
            err = reader_opt_str(r, v, "streamId", PLIVO_NAME_MAX, &m->stream_id);
        } else if (KEY_IS(key, "sequenceNumber")) {
            err = reader_absent(v) ? 0 : reader_u64(r, v, "sequenceNumber", &m->sequence);
        } else if (KEY_IS(key, "extra_headers") && v.type == JSON_STRING) {
            err = reader_str(r, v, "extra_headers", PLIVO_TEXT_MAX, &m->extra_headers);
        } else if (KEY_IS(key, "extra_headers") && v.type == JSON_OBJECT) {
            m->extra_headers = v.s;
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

int plivo_decode(struct str text, struct buf *scratch, struct plivo_msg *ret, const char **ret_field)
{
    struct reader r = reader_of(text, scratch);
    struct json_val top;
    *ret = (struct plivo_msg){.event = PLIVO_UNKNOWN};
    int err = json_open(text, &top);
    if (err == 0) {
        err = read_top(&r, top, ret);
    }
    if (err == 0) {
        ret->event = event_of(ret->event_name);
        err = read_body(&r, top, ret);
    }
    if (err < 0 && ret_field) {
        *ret_field = r.field;
    }
    return err;
}

/* ---- extra headers ---- */

/* Without blanks, and without quotes around it. */
static struct str bare(struct str s)
{
    s = str_trim(s);
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        s = (struct str){s.p + 1, s.n - 2};
    }
    return s;
}

uint32_t plivo_extra(struct str text, struct str_pair ret[PLIVO_EXTRA_MAX])
{
    struct str prefix = STR(EXTRA_PREFIX);
    uint32_t n = 0;
    text = str_trim(text);
    bool braces = text.n >= 2 && text.p[0] == '{' && text.p[text.n - 1] == '}';
    char between = braces ? ':' : '=';
    if (braces) {
        text = (struct str){text.p + 1, text.n - 2};
    }
    while (text.n > 0 && n < PLIVO_EXTRA_MAX) {
        size_t end = MIN(str_find(text, ','), braces ? text.n : str_find(text, ';'));
        struct str one = {text.p, end};
        size_t split = str_find(one, between);
        if (split < one.n) {
            struct str name = bare((struct str){one.p, split});
            if (str_starts(name, prefix)) {
                name = (struct str){name.p + prefix.n, name.n - prefix.n};
            }
            ret[n] = (struct str_pair){name, bare((struct str){one.p + split + 1, one.n - split - 1})};
            n += name.n > 0;
        }
        end = MIN(end + 1, text.n);
        text = (struct str){text.p + end, text.n - end};
    }
    return n;
}

/* ---- writers of the server's side ---- */

#define PUT(out, lit) buf_put((out), (lit), sizeof(lit) - 1)

void plivo_put_audio(struct buf *out, struct span mulaw)
{
    PUT(out,
        "{\"event\":\"playAudio\",\"media\":{\"contentType\":\"" PLIVO_MULAW "\",\"sampleRate\":8000,\"payload\":\"");
    base64_put(out, mulaw);
    PUT(out, "\"}}");
}

void plivo_put_checkpoint(struct buf *out, struct str stream_id, struct str name)
{
    PUT(out, "{\"event\":\"checkpoint\",\"streamId\":");
    json_put_quoted(out, stream_id);
    PUT(out, ",\"name\":");
    json_put_quoted(out, name);
    PUT(out, "}");
}

void plivo_put_clear(struct buf *out, struct str stream_id)
{
    PUT(out, "{\"event\":\"clearAudio\",\"streamId\":");
    json_put_quoted(out, stream_id);
    PUT(out, "}");
}
