/*
 * Both Plivo decoders. The first byte chooses: even, the carrier's messages as the gateway reads them, with their extra
 * headers; odd, a server's as the strict carrier reads them. What decodes is written again and must decode to the same.
 */
#include "fuzz.h"

#include "base/base64.h"
#include "wire/plivo.h"

static bool writable(struct str text, const struct plivo_msg *m)
{
    uint8_t *bytes = malloc(base64_dec_max(m->event == PLIVO_MEDIA ? m->media.payload.n : 0));
    bool ok = utf8_valid(text) && bytes && (m->event != PLIVO_MEDIA || base64_decode(bytes, m->media.payload) >= 0);
    free(bytes);
    return ok;
}

static void carrier(struct str text)
{
    struct plivo_msg m;
    struct plivo_msg again;
    struct str_pair pairs[PLIVO_EXTRA_MAX];
    struct buf scratch, other, out;
    const char *field = NULL;
    buf_init(&scratch, 1 << 20);
    buf_init(&other, 1 << 22);
    buf_init(&out, 1 << 22);
    if (plivo_decode(text, &scratch, &m, &field) == 0) {
        REQUIRE(m.event < PLIVO_EVENT_N && m.stream_id.n <= PLIVO_NAME_MAX);
        REQUIRE(m.event != PLIVO_START || (m.start.call_id.n > 0 && m.stream_id.n > 0));
        uint32_t n = plivo_extra(m.extra_headers, pairs);
        REQUIRE(n <= PLIVO_EXTRA_MAX);
        for (uint32_t i = 0; i < n; i++) {
            REQUIRE(pairs[i].name.n > 0);
        }
        if (writable(text, &m)) {
            m.extra_headers = STR_NULL;
            plivo_put_carrier(&out, &m);
            REQUIRE(plivo_decode(buf_str(&out), &other, &again, NULL) == 0);
            REQUIRE(again.event == m.event && again.sequence == m.sequence);
            REQUIRE(m.event != PLIVO_MEDIA ||
                    (again.media.timestamp_ms == m.media.timestamp_ms && str_eq(again.media.payload, m.media.payload)));
            REQUIRE(m.event != PLIVO_DTMF || again.digit == m.digit);
        }
    }
    buf_done(&scratch);
    buf_done(&other);
    buf_done(&out);
}

static void server(struct str text)
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
