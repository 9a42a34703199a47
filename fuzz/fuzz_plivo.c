/*
 * Both Plivo decoders. The first byte chooses: even, the carrier's messages as the gateway reads them, with their extra
 * headers; odd, a server's as the strict carrier reads them. What decodes is written again and must decode to the same.
 */
#include "fuzz_wire.h"

#include "wire/plivo.h"

static void written_again(struct world *w, struct plivo_msg m)
{
    struct plivo_msg again;
    m.extra_headers = STR_NULL;
    plivo_put_carrier(&w->out, &m);
    REQUIRE(plivo_decode(buf_str(&w->out), &w->other, &again, NULL) == 0);
    REQUIRE(again.event == m.event && again.sequence == m.sequence);
    REQUIRE(m.event != PLIVO_MEDIA ||
            (again.media.timestamp_ms == m.media.timestamp_ms && str_eq(again.media.payload, m.media.payload)));
    REQUIRE(m.event != PLIVO_DTMF || again.digit == m.digit);
}

static void carrier(struct world *w, struct str text)
{
    struct plivo_msg m;
    struct str_pair pairs[PLIVO_EXTRA_MAX];
    const char *field = NULL;
    if (plivo_decode(text, &w->scratch, &m, &field) < 0) {
        return;
    }
    REQUIRE(m.event < PLIVO_EVENT_N && m.stream_id.n <= PLIVO_NAME_MAX);
    REQUIRE(m.event != PLIVO_START || (m.start.call_id.n > 0 && m.stream_id.n > 0));
    uint32_t n = plivo_extra(m.extra_headers, pairs);
    REQUIRE(n <= PLIVO_EXTRA_MAX);
    for (uint32_t i = 0; i < n; i++) {
        REQUIRE(pairs[i].name.n > 0);
    }
    if (utf8_valid(text) && (m.event != PLIVO_MEDIA || is_base64(m.media.payload))) {
        written_again(w, m);
    }
}

static void server(struct world *w UNUSED, struct str text)
{
    struct plivo_server_msg m;
    const char *reason = NULL;
    enum plivo_fault fault = plivo_decode_server(text, false, STR("s1"), &m, &reason);
    REQUIRE(fault < PLIVO_FAULT_N && (fault == PLIVO_FAULT_NONE || reason));
    if (fault == PLIVO_FAULT_NONE && m.command == PLIVO_CMD_AUDIO) {
        uint8_t bytes[PLIVO_FRAME_BYTES + 8];
        REQUIRE(m.text.n == base64_enc_len(PLIVO_FRAME_BYTES));
        REQUIRE(base64_decode(bytes, m.text) == PLIVO_FRAME_BYTES);
    }
}

FUZZ_READERS(carrier, server)
