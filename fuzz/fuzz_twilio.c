/*
 * Both Twilio decoders. The first byte chooses: even, the carrier's messages as the gateway reads them; odd, a
 * server's as the strict carrier reads them. What decodes is written again and must decode to the same.
 */
#include "fuzz_wire.h"

#include "wire/twilio.h"

/* A blank in front keeps a message off the short way through; both ways must agree. */
static void both_ways(struct str text, int err, const struct twilio_msg *m)
{
    struct twilio_msg slow;
    struct buf copy, scratch;
    buf_init(&copy, 1 << 20);
    buf_init(&scratch, 1 << 20);
    buf_putc(&copy, ' ');
    buf_put_str(&copy, text);
    REQUIRE(twilio_decode(buf_str(&copy), &scratch, &slow, NULL) == err);
    if (err == 0) {
        REQUIRE(slow.event == m->event && slow.sequence == m->sequence);
        REQUIRE(str_eq(slow.stream_sid, m->stream_sid) && str_eq(slow.event_name, m->event_name));
        if (m->event == TWILIO_MEDIA) {
            REQUIRE(str_eq(slow.media.payload, m->media.payload) && slow.media.track == m->media.track);
            REQUIRE(slow.media.chunk == m->media.chunk && slow.media.timestamp_ms == m->media.timestamp_ms);
            REQUIRE(slow.media.has_timestamp == m->media.has_timestamp);
        }
    }
    buf_done(&copy);
    buf_done(&scratch);
}

/* What decodes is written again. A payload is passed on unread; only base64 goes into a message unescaped. What is no
 * UTF-8 (the socket lets none through) grows when it is written. */
static void written_again(struct world *w, const struct twilio_msg *m)
{
    struct twilio_msg again;
    twilio_put_carrier(&w->out, m);
    REQUIRE(twilio_decode(buf_str(&w->out), &w->other, &again, NULL) == 0);
    REQUIRE(again.event == m->event || m->event == TWILIO_UNKNOWN);
    if (m->event == TWILIO_MEDIA) {
        REQUIRE(str_eq(again.media.payload, m->media.payload));
        REQUIRE(again.media.timestamp_ms == m->media.timestamp_ms && again.media.track == m->media.track);
    }
    if (m->event == TWILIO_START) {
        REQUIRE(again.start.n_params == m->start.n_params && again.start.rate_hz == m->start.rate_hz);
    }
}

static void carrier(struct world *w, struct str text)
{
    struct twilio_msg m;
    const char *field = NULL;
    int err = twilio_decode(text, &w->scratch, &m, &field);
    both_ways(text, err, &m);
    if (err < 0) {
        return;
    }
    REQUIRE(m.event < TWILIO_EVENT_N);
    REQUIRE(m.stream_sid.n <= TWILIO_NAME_MAX);
    REQUIRE(m.event != TWILIO_START || (m.start.n_params <= TWILIO_PARAM_MAX && m.start.call_sid.n > 0));
    if (utf8_valid(text) && (m.event != TWILIO_MEDIA || is_base64(m.media.payload))) {
        written_again(w, &m);
    }
}

static void server(struct world *w UNUSED, struct str text)
{
    struct twilio_server_msg m;
    const char *reason = NULL;
    int code = twilio_decode_server(text, false, STR("MZ1"), &m, &reason);
    REQUIRE(code == 0 || (code == TWILIO_ERR_INVALID && reason));
    REQUIRE(code != 0 || m.command != TWILIO_CMD_MEDIA || (m.text.n > 0 && is_base64(m.text)));
}

FUZZ_READERS(carrier, server)
