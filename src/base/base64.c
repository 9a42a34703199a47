#include "base/base64.h"

#include "base/buf.h"

#include "base/base64_avx2.h"
#include "base/cpu.h"
#include "base/err.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Two output characters for every 12-bit value, and the four shifted decode tables. Filled before main. */
static char enc12[4096][2];
static uint32_t dec[4][256];
#define BAD UINT32_C(0x80000000)

__attribute__((constructor)) static void base64_tables(void)
{
    for (unsigned i = 0; i < 4096; i++) {
        enc12[i][0] = alphabet[i >> 6];
        enc12[i][1] = alphabet[i & 63];
    }
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned i = 0; i < 256; i++) {
            dec[k][i] = BAD;
        }
    }
    for (uint32_t i = 0; i < 64; i++) {
        unsigned char c = (unsigned char)alphabet[i];
        dec[0][c] = i << 18;
        dec[1][c] = i << 12;
        dec[2][c] = i << 6;
        dec[3][c] = i;
    }
}

size_t base64_encode(char *out, struct span in)
{
    char *o = out;
    const uint8_t *p = in.p;
    size_t n = in.n;
    if (cpu_has_avx2()) {
        size_t done = base64_encode_avx2(out, in);
        p += done;
        n -= done;
        o += done / 3 * 4;
    }
    for (; n >= 3; n -= 3, p += 3, o += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        memcpy(o, enc12[v >> 12], 2);
        memcpy(o + 2, enc12[v & 4095], 2);
    }
    if (n) {
        uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
        memcpy(o, enc12[v >> 12], 2);
        o[2] = n == 2 ? alphabet[v >> 6 & 63] : '=';
        o[3] = '=';
        o += 4;
    }
    return (size_t)(o - out);
}

int base64_decode(uint8_t *out, struct str in)
{
    if (in.n % 4 != 0 || in.n > INT32_MAX) {
        return -ERR_BASE64;
    }
    if (in.n == 0) {
        return 0;
    }
    const unsigned char *p = (const unsigned char *)in.p;
    size_t pad = (size_t)(p[in.n - 1] == '=') + (size_t)(p[in.n - 1] == '=' && p[in.n - 2] == '=');
    size_t whole = in.n / 4 - (pad ? 1 : 0);
    uint8_t *o = out;
    uint32_t bad = 0;
    size_t first = 0;
    if (cpu_has_avx2()) {
        size_t done = base64_decode_avx2(out, in);
        p += done;
        o += done / 4 * 3;
        first = done / 4;
    }
    for (size_t i = first; i < whole; i++, p += 4, o += 3) {
        uint32_t v = dec[0][p[0]] | dec[1][p[1]] | dec[2][p[2]] | dec[3][p[3]];
        bad |= v;
        if (i + 1 < whole) {
            /* One store of four bytes, the last of which the next round overwrites. */
            uint32_t be = __builtin_bswap32(v << 8);
            memcpy(o, &be, sizeof(be));
        } else {
            o[0] = (uint8_t)(v >> 16);
            o[1] = (uint8_t)(v >> 8);
            o[2] = (uint8_t)v;
        }
    }
    if (pad) {
        uint32_t v = dec[0][p[0]] | dec[1][p[1]] | (pad == 1 ? dec[2][p[2]] : 0);
        bad |= v;
        *o++ = (uint8_t)(v >> 16);
        if (pad == 1) {
            *o++ = (uint8_t)(v >> 8);
        }
    }
    return bad & BAD ? -ERR_BASE64 : (int)(o - out);
}

void base64_put(struct buf *out, struct span in)
{
    uint8_t *at = buf_room(out, base64_enc_len(in.n));
    if (at) {
        buf_added(out, base64_encode((char *)at, in));
    }
}
