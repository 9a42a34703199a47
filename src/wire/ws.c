#include "wire/ws.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

enum { BIT_FIN = 0x80, BITS_RESERVED = 0x70, BIT_MASKED = 0x80, CLOSE_CODE_INTERNAL = 1011 };

size_t ws_head_len(uint64_t len, bool masked)
{
    return (size_t)(len <= 125 ? 2 : len <= UINT16_MAX ? 4 : 10) + (masked ? 4 : 0);
}

size_t ws_head_encode(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t *mask)
{
    size_t n = 0;
    uint8_t mask_bit = mask ? BIT_MASKED : 0;
    out[n++] = (uint8_t)(BIT_FIN | opcode);
    if (len <= 125) {
        out[n++] = (uint8_t)(mask_bit | len);
    } else if (len <= UINT16_MAX) {
        out[n++] = mask_bit | 126;
        out[n++] = (uint8_t)(len >> 8);
        out[n++] = (uint8_t)len;
    } else {
        out[n++] = mask_bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8) {
            out[n++] = (uint8_t)(len >> shift);
        }
    }
    if (mask) {
        memcpy(out + n, mask, 4);
        n += 4;
    }
    return n;
}

static bool opcode_known(unsigned opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* Lengths must be written in the shortest form (section 5.2). Returns 0 or -ERR_WS. */
static int decode_len(const uint8_t *p, unsigned short_len, uint64_t *ret)
{
    if (short_len < 126) {
        *ret = short_len;
        return 0;
    }
    uint64_t len = 0;
    size_t n = short_len == 126 ? 2 : 8;
    for (size_t i = 0; i < n; i++) {
        len = len << 8 | p[i];
    }
    if (len < 126 || (n == 8 && (len <= UINT16_MAX || len >> 63))) {
        return -ERR_WS;
    }
    *ret = len;
    return 0;
}

int ws_head_decode(struct span in, struct ws_head *ret)
{
    if (in.n < 1) {
        return 0;
    }
    unsigned opcode = in.p[0] & 0x0f;
    bool fin = in.p[0] & BIT_FIN;
    bool control = opcode >= WS_CLOSE;
    if ((in.p[0] & BITS_RESERVED) || !opcode_known(opcode) || (control && !fin)) {
        return -ERR_WS;
    }
    if (in.n < 2) {
        return 0;
    }
    unsigned short_len = in.p[1] & 0x7f;
    bool masked = in.p[1] & BIT_MASKED;
    if (control && short_len > WS_CONTROL_MAX) {
        return -ERR_WS;
    }
    size_t len_bytes = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    size_t head_len = 2 + len_bytes + (masked ? 4 : 0);
    if (in.n < head_len) {
        return 0;
    }
    uint64_t len;
    int err = decode_len(in.p + 2, short_len, &len);
    if (err < 0) {
        return err;
    }
    *ret = (struct ws_head){.fin = fin, .opcode = (enum ws_opcode)opcode, .masked = masked, .len = len};
    if (masked) {
        memcpy(ret->mask, in.p + 2 + len_bytes, 4);
    }
    return (int)head_len;
}

typedef uint32_t words4 __attribute__((vector_size(16))); /* GCC and clang */

void ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t mask[4])
{
    uint32_t one;
    memcpy(&one, mask, sizeof(one));
    const words4 wide = {one, one, one, one};
    size_t i = 0;
    /* Each word is read before it is written and dst never runs ahead of src, so overlap is harmless. */
#pragma GCC unroll 4
    for (; i + sizeof(wide) <= n; i += sizeof(wide)) {
        words4 word;
        memcpy(&word, src + i, sizeof(word));
        word ^= wide;
        memcpy(dst + i, &word, sizeof(word));
    }
    for (; i < n; i++) {
        dst[i] = (uint8_t)(src[i] ^ mask[i & 3]);
    }
}

static bool has_high_bit(const uint8_t *p, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        all |= word;
    }
    return all & UINT64_C(0x8080808080808080);
}

/* Bytes at the front that are certainly ASCII. */
static size_t ascii_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i + 64 <= n && !has_high_bit(p + i, 64)) {
        i += 64;
    }
    while (i + 8 <= n && !has_high_bit(p + i, 8)) {
        i += 8;
    }
    return n >= 8 && n - i < 8 && !has_high_bit(p + n - 8, 8) ? n : i; /* the last word overlaps the one before */
}

bool ws_utf8_ok(struct span text)
{
    const uint8_t *p = text.p;
    size_t n = text.n;
    while (n > 0) {
        size_t len = ascii_run(p, n);
        if (len == 0) {
            len = utf8_len((struct str){(const char *)p, n});
        }
        if (len == 0) {
            return false;
        }
        p += len;
        n -= len;
    }
    return true;
}

bool ws_code_ok(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

size_t ws_close_encode(uint8_t out[WS_CONTROL_MAX], uint16_t code, struct str reason)
{
    size_t n = MIN(reason.n, (size_t)WS_CONTROL_MAX - 2);
    while (n > 0 && n < reason.n && ((uint8_t)reason.p[n] & 0xc0) == 0x80) {
        n--; /* would split a character */
    }
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (n > 0) {
        memcpy(out + 2, reason.p, n);
    }
    return n + 2;
}

void ws_reader_init(struct ws_reader *r, enum ws_role role, uint32_t max_message_bytes)
{
    *r = (struct ws_reader){.role = role, .max_message_bytes = max_message_bytes};
    buf_init(&r->tail, (size_t)max_message_bytes + WS_CONTROL_MAX + WS_HEAD_MAX);
    buf_init(&r->message, max_message_bytes);
}

void ws_reader_done(struct ws_reader *r)
{
    buf_done(&r->tail);
    buf_done(&r->message);
}

static int fail(struct ws_reader *r, int err, uint16_t close_code)
{
    r->close_code = close_code;
    return err;
}

/* What the header alone tells; checked before a byte of the payload is waited for. */
static int check_head(struct ws_reader *r, const struct ws_head *head)
{
    if (head->masked != (r->role == WS_SERVER)) {
        return fail(r, -ERR_WS, WS_CODE_PROTOCOL);
    }
    if (head->opcode >= WS_CLOSE) {
        return 0;
    }
    bool continues = head->opcode == WS_CONTINUATION;
    if (continues != (r->fragmented != WS_CONTINUATION)) {
        return fail(r, -ERR_WS, WS_CODE_PROTOCOL);
    }
    if (head->len > r->max_message_bytes - r->message.len) {
        return fail(r, -ERR_TOO_BIG, WS_CODE_TOO_BIG);
    }
    return 0;
}

static int finish_data(struct ws_reader *r, enum ws_opcode opcode, struct span data, struct ws_msg *ret)
{
    if (opcode == WS_TEXT && !ws_utf8_ok(data)) {
        return fail(r, -ERR_UTF8, WS_CODE_UTF8);
    }
    *ret = (struct ws_msg){.opcode = opcode, .data = data};
    return 1;
}

/* Returns 1 with a message, 0 when more fragments have to come. */
static int accept_data(struct ws_reader *r, const struct ws_head *head, struct span data, struct ws_msg *ret)
{
    if (head->opcode != WS_CONTINUATION && head->fin) {
        return finish_data(r, head->opcode, data, ret);
    }
    buf_put(&r->message, data.p, data.n);
    if (r->message.err) {
        return fail(r, r->message.err, CLOSE_CODE_INTERNAL);
    }
    if (head->opcode != WS_CONTINUATION) {
        r->fragmented = head->opcode;
    }
    if (!head->fin) {
        return 0;
    }
    enum ws_opcode opcode = r->fragmented;
    r->fragmented = WS_CONTINUATION;
    r->spent_message = true;
    return finish_data(r, opcode, buf_span(&r->message), ret);
}

static int accept_control(struct ws_reader *r, enum ws_opcode opcode, struct span data, struct ws_msg *ret)
{
    *ret = (struct ws_msg){.opcode = opcode, .data = data};
    if (opcode != WS_CLOSE) {
        return 1;
    }
    ret->code = WS_CODE_NONE;
    if (data.n == 0) {
        return 1;
    }
    if (data.n == 1) {
        return fail(r, -ERR_WS, WS_CODE_PROTOCOL);
    }
    ret->code = (uint16_t)(data.p[0] << 8 | data.p[1]);
    ret->data = span_from(data.p + 2, data.n - 2);
    if (!ws_code_ok(ret->code)) {
        return fail(r, -ERR_WS, WS_CODE_PROTOCOL);
    }
    if (!ws_utf8_ok(ret->data)) {
        return fail(r, -ERR_UTF8, WS_CODE_UTF8);
    }
    return 1;
}

/* payload lies behind its header in writable memory. */
static int accept_frame(struct ws_reader *r, const struct ws_head *head, uint8_t *payload, struct ws_msg *ret)
{
    size_t n = (size_t)head->len;
    if (head->masked) {
        ws_mask(payload, payload, n, head->mask);
    }
    struct span data = span_from(payload, n);
    return head->opcode >= WS_CLOSE ? accept_control(r, head->opcode, data, ret) : accept_data(r, head, data, ret);
}

/* Gives back what the last message lay in; the memory goes, so that an idle connection holds none. */
static void release_spent(struct ws_reader *r)
{
    if (r->spent_tail) {
        buf_done(&r->tail);
        r->spent_tail = false;
    }
    if (r->spent_message) {
        buf_done(&r->message);
        r->spent_message = false;
    }
}

static void take(struct ws_input *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

static int keep_tail(struct ws_reader *r, struct ws_input *in, size_t n)
{
    buf_put(&r->tail, in->p, n);
    take(in, n);
    return r->tail.err ? fail(r, r->tail.err, CLOSE_CODE_INTERNAL) : 0;
}

/*
 * One step on a frame whose beginning lies in the tail: moves only the bytes that complete the header or the frame,
 * so that what follows is again read in place. 1 message, 0 no message yet (in may hold more), < 0 error.
 */
static int next_from_tail(struct ws_reader *r, struct ws_input *in, struct ws_msg *ret)
{
    struct ws_head head;
    int head_len = ws_head_decode(buf_span(&r->tail), &head);
    while (head_len == 0 && in->n > 0) {
        int err = keep_tail(r, in, 1);
        if (err < 0) {
            return err;
        }
        head_len = ws_head_decode(buf_span(&r->tail), &head);
    }
    if (head_len <= 0) {
        return head_len < 0 ? fail(r, head_len, WS_CODE_PROTOCOL) : 0;
    }
    int err = check_head(r, &head);
    if (err < 0) {
        return err;
    }
    size_t missing = (size_t)head_len + (size_t)head.len - r->tail.len;
    size_t n = MIN(missing, in->n);
    err = keep_tail(r, in, n);
    if (err < 0 || n < missing) {
        return err;
    }
    r->spent_tail = true;
    return accept_frame(r, &head, buf_ptr(&r->tail) + head_len, ret);
}

/* As above for a frame that starts in the lent bytes. */
static int next_in_place(struct ws_reader *r, struct ws_input *in, struct ws_msg *ret)
{
    struct ws_head head;
    int head_len = ws_head_decode(span_from(in->p, in->n), &head);
    if (head_len < 0) {
        return fail(r, head_len, WS_CODE_PROTOCOL);
    }
    if (head_len > 0) {
        int err = check_head(r, &head);
        if (err < 0) {
            return err;
        }
        if (in->n - (size_t)head_len >= head.len) {
            uint8_t *payload = in->p + head_len;
            take(in, (size_t)head_len + (size_t)head.len);
            return accept_frame(r, &head, payload, ret);
        }
    }
    return keep_tail(r, in, in->n);
}

int ws_reader_next(struct ws_reader *r, struct ws_input *in, struct ws_msg *ret)
{
    release_spent(r);
    while (in->n > 0) {
        int rc = r->tail.len > 0 ? next_from_tail(r, in, ret) : next_in_place(r, in, ret);
        if (rc != 0) {
            return rc;
        }
        /* A fragment was taken from the tail: nothing is lent, the tail can go before the next frame. */
        if (r->spent_tail) {
            release_spent(r);
        }
    }
    return 0;
}
