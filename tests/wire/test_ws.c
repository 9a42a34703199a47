#include "test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/ws.h"

enum { MAX_BYTES = 70000 };

/* ---- helpers ---- */

/* Everything a reader said about a stream of bytes, as text that can be compared. */
struct heard {
    struct buf text;
    int err;
    uint16_t close_code;
};

static void hear(struct heard *h, const struct ws_msg *m)
{
    buf_printf(&h->text, "[%d %u %zu ", (int)m->opcode, m->opcode == WS_CLOSE ? m->code : 0, m->data.n);
    buf_put(&h->text, m->data.p, m->data.n);
    buf_putc(&h->text, ']');
}

/* Reads bytes in pieces of the given sizes (the last size repeats); the input is a heap copy, so that the sanitizer
 * sees every byte read past a piece. */
static void read_in_pieces(enum ws_role role, uint32_t max, struct span bytes, const size_t *pieces, size_t pieces_n,
                           struct heard *ret)
{
    struct ws_reader r;
    ws_reader_init(&r, role, max);
    *ret = (struct heard){0};
    buf_init(&ret->text, 16 * 1024 * 1024);
    for (size_t at = 0, k = 0; at < bytes.n && ret->err == 0; k++) {
        size_t n = MIN(pieces[MIN(k, pieces_n - 1)], bytes.n - at);
        uint8_t *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes.p + at, n);
        struct ws_input in = {piece, n};
        struct ws_msg m;
        int rc;
        while ((rc = ws_reader_next(&r, &in, &m)) > 0) {
            hear(ret, &m);
        }
        ret->err = rc;
        ret->close_code = r.close_code;
        free(piece);
        at += n;
    }
    ws_reader_done(&r);
}

static void read_all(enum ws_role role, struct span bytes, struct heard *ret)
{
    read_in_pieces(role, MAX_BYTES, bytes, &bytes.n, 1, ret);
}

static void put_frame(struct buf *out, enum ws_opcode opcode, bool fin, struct span payload, const uint8_t *mask)
{
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_head_encode(head, opcode, payload.n, mask);
    if (!fin) {
        head[0] &= 0x7f;
    }
    buf_put(out, head, n);
    size_t at = out->len;
    buf_put(out, payload.p, payload.n);
    if (mask && payload.n > 0) {
        ws_mask(buf_ptr(out) + at, buf_ptr(out) + at, payload.n, mask);
    }
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        out[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
        hex += 2;
    }
    return n;
}

/* ---- tests ---- */

TEST(the_examples_of_rfc_6455_section_5_7_are_read)
{
    static const struct {
        const char *name, *hex, *want;
        enum ws_role role;
    } cases[] = {
        {"unmasked text", "81 05 48 65 6c 6c 6f", "[1 0 5 Hello]", WS_CLIENT},
        {"masked text", "81 85 37 fa 21 3d 7f 9f 4d 51 58", "[1 0 5 Hello]", WS_SERVER},
        {"fragmented text", "01 03 48 65 6c 80 02 6c 6f", "[1 0 5 Hello]", WS_CLIENT},
        {"unmasked ping", "89 05 48 65 6c 6c 6f", "[9 0 5 Hello]", WS_CLIENT},
        {"masked pong", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", "[10 0 5 Hello]", WS_SERVER},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[64];
        struct heard h;
        read_all(cases[i].role, span_from(bytes, from_hex(cases[i].hex, bytes)), &h);
        assert_int_equal(h.err, 0);
        assert_str_is(buf_str(&h.text), cases[i].want);
        buf_done(&h.text);
    }
}

TEST(headers_of_rfc_6455_section_5_7_are_written)
{
    uint8_t head[WS_HEAD_MAX];
    const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    static const uint8_t binary_256[] = {0x82, 0x7e, 0x01, 0x00};
    static const uint8_t binary_64k[] = {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0};
    static const uint8_t masked_text[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d};
    assert_int_equal(ws_head_encode(head, WS_BINARY, 256, NULL), 4);
    assert_memory_equal(head, binary_256, 4);
    assert_int_equal(ws_head_encode(head, WS_BINARY, 65536, NULL), 10);
    assert_memory_equal(head, binary_64k, 10);
    assert_int_equal(ws_head_encode(head, WS_TEXT, 5, mask), 6);
    assert_memory_equal(head, masked_text, 6);
    uint8_t text[5];
    ws_mask(text, (const uint8_t *)"Hello", 5, mask);
    assert_memory_equal(text, "\x7f\x9f\x4d\x51\x58", 5);
}

TEST(every_length_at_the_boundaries_survives_the_round_trip)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 124, 125, 126, 127, 65534, 65535, 65536, 65537, MAX_BYTES};
    const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t *payload = malloc(MAX_BYTES);
    assert_non_null(payload);
    for (size_t i = 0; i < MAX_BYTES; i++) {
        payload[i] = (uint8_t)(i * 31 + 7);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
        const uint8_t *m = i % 2 ? mask : NULL;
        size_t n = sizes[i / 2];
        struct buf out;
        buf_init(&out, MAX_BYTES * 2);
        put_frame(&out, WS_BINARY, true, span_from(payload, n), m);
        assert_int_equal(out.len - n, ws_head_len(n, m != NULL));
        struct ws_reader r;
        ws_reader_init(&r, m ? WS_SERVER : WS_CLIENT, MAX_BYTES);
        struct ws_input in = {buf_ptr(&out), out.len};
        struct ws_msg msg;
        assert_int_equal(ws_reader_next(&r, &in, &msg), 1);
        assert_int_equal(msg.data.n, n);
        assert_memory_equal(msg.data.p ? msg.data.p : payload, payload, n);
        assert_int_equal(ws_reader_next(&r, &in, &msg), 0);
        ws_reader_done(&r);
        buf_done(&out);
    }
    free(payload);
}

TEST(a_whole_frame_is_lent_from_the_input_and_nothing_is_allocated)
{
    uint8_t bytes[] = {0x81, 0x05, 'H', 'e', 'l', 'l', 'o', 0x81, 0x02, 'y', 'o'};
    struct ws_reader r;
    ws_reader_init(&r, WS_CLIENT, 100);
    struct ws_input in = {bytes, sizeof(bytes)};
    struct ws_msg m;
    assert_int_equal(ws_reader_next(&r, &in, &m), 1);
    assert_ptr_equal(m.data.p, bytes + 2);
    assert_int_equal(ws_reader_next(&r, &in, &m), 1);
    assert_ptr_equal(m.data.p, bytes + 9);
    assert_int_equal(ws_reader_next(&r, &in, &m), 0);
    assert_null(r.tail.data);
    assert_null(r.message.data);
}

TEST(memory_for_incomplete_input_is_given_back)
{
    uint8_t bytes[] = {0x01, 0x03, 'H', 'e', 'l', 0x80, 0x02, 'l', 'o'};
    struct ws_reader r;
    struct ws_msg m;
    ws_reader_init(&r, WS_CLIENT, 100);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        struct ws_input in = {bytes + i, 1};
        assert_int_equal(ws_reader_next(&r, &in, &m), i + 1 == sizeof(bytes));
    }
    assert_str_is(str_of_span(m.data), "Hello");
    struct ws_input nothing = {0};
    assert_int_equal(ws_reader_next(&r, &nothing, &m), 0);
    assert_null(r.tail.data);
    assert_null(r.message.data);
}

TEST(control_frames_come_between_fragments)
{
    static const char hex[] = "01 01 61  89 02 70 69  00 01 62  8a 00  80 01 63  88 02 03 e8";
    uint8_t bytes[64];
    struct heard h;
    read_all(WS_CLIENT, span_from(bytes, from_hex(hex, bytes)), &h);
    assert_int_equal(h.err, 0);
    assert_str_is(buf_str(&h.text), "[9 0 2 pi][10 0 0 ][1 0 3 abc][8 1000 0 ]");
    buf_done(&h.text);
}

TEST(what_breaks_the_protocol_is_refused_with_the_right_code)
{
    static const struct {
        const char *name, *hex;
        enum ws_role role;
        int err;
        uint16_t code;
    } cases[] = {
        {"reserved bit 1", "c1 00", WS_CLIENT, -ERR_WS, 1002},
        {"reserved bit 2", "a1 00", WS_CLIENT, -ERR_WS, 1002},
        {"reserved bit 3", "91 00", WS_CLIENT, -ERR_WS, 1002},
        {"first byte alone is enough", "f1", WS_CLIENT, -ERR_WS, 1002},
        {"opcode 3", "83 00", WS_CLIENT, -ERR_WS, 1002},
        {"opcode 7", "87 00", WS_CLIENT, -ERR_WS, 1002},
        {"opcode 11", "8b 00", WS_CLIENT, -ERR_WS, 1002},
        {"opcode 15", "8f 00", WS_CLIENT, -ERR_WS, 1002},
        {"unmasked from a client", "81 01 61", WS_SERVER, -ERR_WS, 1002},
        {"unmasked empty from a client", "81 00", WS_SERVER, -ERR_WS, 1002},
        {"masked from a server", "81 81 00 00 00 00 61", WS_CLIENT, -ERR_WS, 1002},
        {"fragmented ping", "09 00", WS_CLIENT, -ERR_WS, 1002},
        {"ping of 126 bytes", "89 7e 00 7e", WS_CLIENT, -ERR_WS, 1002},
        {"close of 126 bytes", "88 7e 00 7e", WS_CLIENT, -ERR_WS, 1002},
        {"continuation of nothing", "80 01 61", WS_CLIENT, -ERR_WS, 1002},
        {"new message inside fragments", "01 01 61 81 01 62", WS_CLIENT, -ERR_WS, 1002},
        {"length 125 in 16 bits", "82 7e 00 7d", WS_CLIENT, -ERR_WS, 1002},
        {"length 65535 in 64 bits", "82 7f 00 00 00 00 00 00 ff ff", WS_CLIENT, -ERR_WS, 1002},
        {"length with the top bit", "82 7f 80 00 00 00 00 00 00 00", WS_CLIENT, -ERR_WS, 1002},
        {"one byte over the limit", "82 7f 00 00 00 00 00 01 11 71", WS_CLIENT, -ERR_TOO_BIG, 1009},
        {"63 bits of length", "82 7f 7f ff ff ff ff ff ff ff", WS_CLIENT, -ERR_TOO_BIG, 1009},
        {"fragments over the limit", "02 01 61 80 7f 00 00 00 00 00 01 11 70", WS_CLIENT, -ERR_TOO_BIG, 1009},
        {"close of one byte", "88 01 03", WS_CLIENT, -ERR_WS, 1002},
        {"close code 999", "88 02 03 e7", WS_CLIENT, -ERR_WS, 1002},
        {"close code 1004", "88 02 03 ec", WS_CLIENT, -ERR_WS, 1002},
        {"close code 1005", "88 02 03 ed", WS_CLIENT, -ERR_WS, 1002},
        {"close code 1006", "88 02 03 ee", WS_CLIENT, -ERR_WS, 1002},
        {"close code 1015", "88 02 03 f7", WS_CLIENT, -ERR_WS, 1002},
        {"close code 2999", "88 02 0b b7", WS_CLIENT, -ERR_WS, 1002},
        {"close code 5000", "88 02 13 88", WS_CLIENT, -ERR_WS, 1002},
        {"close reason not UTF-8", "88 03 03 e8 ff", WS_CLIENT, -ERR_UTF8, 1007},
        {"text not UTF-8", "81 02 c3 28", WS_CLIENT, -ERR_UTF8, 1007},
        {"text ends inside a character", "81 01 c3", WS_CLIENT, -ERR_UTF8, 1007},
        {"overlong slash", "81 02 c0 af", WS_CLIENT, -ERR_UTF8, 1007},
        {"surrogate", "81 03 ed a0 80", WS_CLIENT, -ERR_UTF8, 1007},
        {"beyond U+10FFFF", "81 04 f4 90 80 80", WS_CLIENT, -ERR_UTF8, 1007},
        {"fragmented text not UTF-8", "01 01 c3 80 01 28", WS_CLIENT, -ERR_UTF8, 1007},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[64];
        struct heard whole, single;
        size_t one = 1, n = from_hex(cases[i].hex, bytes);
        read_all(cases[i].role, span_from(bytes, n), &whole);
        read_in_pieces(cases[i].role, MAX_BYTES, span_from(bytes, n), &one, 1, &single);
        if (whole.err != cases[i].err || single.err != cases[i].err || whole.close_code != cases[i].code) {
            print_error("%s: %d, %d, code %u\n", cases[i].name, whole.err, single.err, whole.close_code);
            fail();
        }
        assert_int_equal(single.close_code, cases[i].code);
        buf_done(&whole.text);
        buf_done(&single.text);
    }
}

TEST(good_close_frames_are_understood)
{
    static const struct {
        const char *hex, *want;
    } cases[] = {
        {"88 00", "[8 1005 0 ]"},
        {"88 02 03 e8", "[8 1000 0 ]"},
        {"88 02 03 eb", "[8 1003 0 ]"},
        {"88 02 03 ef", "[8 1007 0 ]"},
        {"88 02 03 f6", "[8 1014 0 ]"},
        {"88 02 0b b8", "[8 3000 0 ]"},
        {"88 02 13 87", "[8 4999 0 ]"},
        {"88 05 03 e9 62 79 65", "[8 1001 3 bye]"},
        {"88 04 03 e8 c3 a9", "[8 1000 2 \xc3\xa9]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[64];
        struct heard h;
        read_all(WS_CLIENT, span_from(bytes, from_hex(cases[i].hex, bytes)), &h);
        assert_int_equal(h.err, 0);
        assert_str_is(buf_str(&h.text), cases[i].want);
        buf_done(&h.text);
    }
}

TEST(the_reason_of_a_close_frame_is_cut_at_a_character)
{
    uint8_t out[WS_CONTROL_MAX];
    char reason[200];
    memset(reason, 'a', sizeof(reason));
    assert_int_equal(ws_close_encode(out, 1000, STR("bye")), 5);
    assert_memory_equal(out,
                        "\x03\xe8"
                        "bye",
                        5);
    assert_int_equal(ws_close_encode(out, 1000, (struct str){reason, 123}), 125);
    assert_int_equal(ws_close_encode(out, 1000, (struct str){reason, sizeof(reason)}), 125);
    memcpy(reason + 121, "\xe2\x82\xac", 3); /* the euro sign would end at 124 */
    assert_int_equal(ws_close_encode(out, 1000, (struct str){reason, sizeof(reason)}), 123);
    assert_true(ws_utf8_ok(span_from(out + 2, 121)));
}

TEST(utf8_is_judged_at_every_offset_of_the_fast_path)
{
    static const char *const good[] = {"\x7f",         "\xc2\x80",         "\xdf\xbf",
                                       "\xe0\xa0\x80", "\xed\x9f\xbf",     "\xee\x80\x80",
                                       "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff", "\xe2\x82", "\xf0\x9f\x98"};
    for (size_t pad = 0; pad < 70; pad++) {
        for (size_t tail = 0; tail < 10; tail++) {
            for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
                bool want = i < ARRAY_LEN(good);
                struct str text = str_from(want ? good[i] : bad[i - ARRAY_LEN(good)]);
                struct buf b;
                buf_init(&b, 200);
                for (size_t k = 0; k < pad; k++) {
                    buf_putc(&b, 'x');
                }
                buf_put_str(&b, text);
                buf_put(&b, "yyyyyyyyyy", tail);
                assert_int_equal(ws_utf8_ok(buf_span(&b)), want);
                buf_done(&b);
            }
        }
    }
}

TEST(masking_moves_forward_over_itself)
{
    const uint8_t mask[4] = {0xde, 0xad, 0xbe, 0xef};
    for (size_t gap = 0; gap <= 14; gap++) {
        for (size_t n = 0; n <= 100; n++) {
            uint8_t bytes[128], want[128];
            for (size_t i = 0; i < sizeof(bytes); i++) {
                bytes[i] = (uint8_t)(i * 7 + 1);
            }
            for (size_t i = 0; i < n; i++) {
                want[i] = bytes[gap + i] ^ mask[i % 4];
            }
            ws_mask(bytes, bytes + gap, n, mask);
            assert_memory_equal(bytes, want, n);
        }
    }
}

/* ---- property: how the bytes are cut changes nothing ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

/* A random conversation; one in four is damaged in one byte. */
static void put_conversation(struct buf *out, uint64_t *seed, bool masked)
{
    static const enum ws_opcode kinds[] = {WS_TEXT, WS_BINARY, WS_PING, WS_PONG};
    char letters[700];
    memset(letters, 'z', sizeof(letters));
    uint32_t messages = 1 + next_random(seed) % 6;
    for (uint32_t i = 0; i < messages; i++) {
        enum ws_opcode kind = kinds[next_random(seed) % ARRAY_LEN(kinds)];
        uint32_t parts = kind <= WS_BINARY ? 1 + next_random(seed) % 4 : 1;
        for (uint32_t k = 0; k < parts; k++) {
            uint8_t mask[4];
            uint32_t word = next_random(seed);
            memcpy(mask, &word, 4);
            size_t n = next_random(seed) % (kind <= WS_BINARY ? sizeof(letters) : WS_CONTROL_MAX + 1);
            put_frame(out, k == 0 ? kind : WS_CONTINUATION, k + 1 == parts, span_from(letters, n),
                      masked ? mask : NULL);
            if (next_random(seed) % 3 == 0) {
                put_frame(out, WS_PING, true, span_from(letters, next_random(seed) % 20), masked ? mask : NULL);
            }
        }
    }
    if (next_random(seed) % 4 == 0) {
        buf_ptr(out)[next_random(seed) % out->len] ^= (uint8_t)(1 << next_random(seed) % 8);
    }
}

TEST(random_cuts_read_the_same_as_one_piece)
{
    uint64_t seed = 2026;
    for (int round = 0; round < 3000; round++) {
        bool masked = round % 2;
        struct buf bytes;
        buf_init(&bytes, 1024 * 1024);
        put_conversation(&bytes, &seed, masked);
        size_t pieces[64];
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
            pieces[i] = 1 + next_random(&seed) % (round % 5 ? 300 : 3);
        }
        enum ws_role role = masked ? WS_SERVER : WS_CLIENT;
        struct heard whole, cut;
        read_in_pieces(role, 1500, buf_span(&bytes), &bytes.len, 1, &whole);
        read_in_pieces(role, 1500, buf_span(&bytes), pieces, ARRAY_LEN(pieces), &cut);
        assert_int_equal(whole.err, cut.err);
        assert_int_equal(whole.close_code, cut.close_code);
        assert_true(str_eq(buf_str(&whole.text), buf_str(&cut.text)));
        buf_done(&whole.text);
        buf_done(&cut.text);
        buf_done(&bytes);
    }
}

TEST_MAIN(T(the_examples_of_rfc_6455_section_5_7_are_read), T(headers_of_rfc_6455_section_5_7_are_written),
          T(every_length_at_the_boundaries_survives_the_round_trip),
          T(a_whole_frame_is_lent_from_the_input_and_nothing_is_allocated),
          T(memory_for_incomplete_input_is_given_back), T(control_frames_come_between_fragments),
          T(what_breaks_the_protocol_is_refused_with_the_right_code), T(good_close_frames_are_understood),
          T(the_reason_of_a_close_frame_is_cut_at_a_character), T(utf8_is_judged_at_every_offset_of_the_fast_path),
          T(masking_moves_forward_over_itself), T(random_cuts_read_the_same_as_one_piece))
