/*
 * Both Twilio decoders. The first byte chooses: even, the carrier's messages as the gateway reads them; odd, a
 * server's as the strict carrier reads them. What decodes is written again and must decode to the same.
 */
#include "fuzz.h"

#include "base/base64.h"
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

static void carrier(struct str text)
{
    struct twilio_msg m;
    struct twilio_msg again;
    struct buf scratch, other, out;
    const char *field = NULL;
    buf_init(&scratch, 1 << 20);
    buf_init(&other, 1 << 22);
    buf_init(&out, 1 << 22);
    int err = twilio_decode(text, &scratch, &m, &field);
    both_ways(text, err, &m);
    if (err == 0) {
        REQUIRE(m.event < TWILIO_EVENT_N);
        REQUIRE(m.stream_sid.n <= TWILIO_NAME_MAX);
        if (m.event == TWILIO_START) {
            REQUIRE(m.start.n_params <= TWILIO_PARAM_MAX && m.start.call_sid.n > 0);
        }
        /* A payload is passed on unread; only base64 goes into a message unescaped. What is no UTF-8 (the socket lets
         * none through) grows when it is written. */
        uint8_t *bytes = malloc(base64_dec_max(m.event == TWILIO_MEDIA ? m.media.payload.n : 0));
        bool writable =
            utf8_valid(text) && bytes && (m.event != TWILIO_MEDIA || base64_decode(bytes, m.media.payload) >= 0);
        if (writable) {
            twilio_put_carrier(&out, &m);
            REQUIRE(twilio_decode(buf_str(&out), &other, &again, NULL) == 0);
            REQUIRE(again.event == m.event || m.event == TWILIO_UNKNOWN);
            if (m.event == TWILIO_MEDIA) {
                REQUIRE(str_eq(again.media.payload, m.media.payload));
                REQUIRE(again.media.timestamp_ms == m.media.timestamp_ms && again.media.track == m.media.track);
            }
            if (m.event == TWILIO_START) {
                REQUIRE(again.start.n_params == m.start.n_params && again.start.rate_hz == m.start.rate_hz);
            }
        }
        free(bytes);
    }
    buf_done(&scratch);
    buf_done(&other);
    buf_done(&out);
}

static void server(struct str text)
{
    struct twilio_server_msg m;
    const char *reason = NULL;
    int code = twilio_decode_server(text, false, STR("MZ1"), &m, &reason);
    REQUIRE(code == 0 || (code == TWILIO_ERR_INVALID && reason));
    if (code == 0 && m.command == TWILIO_CMD_MEDIA) {
        uint8_t *bytes = malloc(base64_dec_max(m.text.n));
        REQUIRE(!bytes || base64_decode(bytes, m.text) > 0);
        free(bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data + 1, size - 1};
    if (data[0] % 2 == 0) {
        carrier(text);
    } else {
        server(text);
    }
    return 0;
}
