/*
 * WebSocket frames. The first byte chooses the role and the second how the rest is cut; what is read must not depend
 * on the cuts.
 */
#include "fuzz.h"

#include "base/err.h"
#include "wire/ws.h"

enum { MAX_BYTES = 4096 };

struct heard {
    uint64_t hash;
    int err;
    uint16_t close_code;
};

static void hear(struct heard *h, const struct ws_msg *m)
{
    h->hash = h->hash * 31 + (uint64_t)m->opcode;
    h->hash = h->hash * 31 + (m->opcode == WS_CLOSE ? m->code : 0);
    for (size_t i = 0; i < m->data.n; i++) {
        h->hash = h->hash * 31 + m->data.p[i];
    }
    REQUIRE(m->data.n <= MAX_BYTES);
    REQUIRE(m->opcode != WS_TEXT || ws_utf8_ok(m->data));
    REQUIRE(m->opcode < WS_CLOSE || m->data.n <= WS_CONTROL_MAX);
}

static struct heard read_cut(enum ws_role role, const uint8_t *data, size_t size, size_t piece)
{
    struct heard h = {0};
    struct ws_reader r;
    ws_reader_init(&r, role, MAX_BYTES);
    for (size_t at = 0; at < size && h.err == 0; at += piece) {
        size_t n = MIN(piece, size - at);
        uint8_t *copy = malloc(n);
        if (!copy) {
            abort();
        }
        memcpy(copy, data + at, n);
        struct ws_input in = {copy, n};
        struct ws_msg m;
        int rc;
        while ((rc = ws_reader_next(&r, &in, &m)) > 0) {
            hear(&h, &m);
        }
        h.err = rc;
        h.close_code = r.close_code;
        free(copy);
    }
    ws_reader_done(&r);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    enum ws_role role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
    size_t piece = 1 + data[1];
    data += 2;
    size -= 2;
    struct heard whole = read_cut(role, data, size, size);
    struct heard cut = read_cut(role, data, size, piece);
    REQUIRE(whole.err == cut.err && whole.hash == cut.hash && whole.close_code == cut.close_code);
    return 0;
}
