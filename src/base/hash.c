#include "base/hash.h"

#define KEY_A UINT64_C(0xA0761D6478BD642F) /* odd, as many ones as zeros */
#define KEY_B UINT64_C(0xE7037ED1A0B428DB)

__extension__ typedef unsigned __int128 wide_product;

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide_product p = (wide_product)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Fewer than 16 bytes as two words, zeros behind them. */
static void words_of(struct span bytes, uint64_t ret[2])
{
    ret[0] = ret[1] = 0;
    if (bytes.n > 0) {
        memcpy(ret, bytes.p, bytes.n);
    }
}

uint64_t hash_bytes(uint64_t seed, struct span bytes)
{
    uint64_t h = seed ^ KEY_A;
    uint64_t last[2];
    if (bytes.n < sizeof(last)) {
        words_of(bytes, last);
    } else {
        const uint8_t *end = bytes.p + bytes.n - sizeof(last); /* the last two words may overlap those before */
        for (const uint8_t *p = bytes.p; p < end; p += sizeof(last)) {
            h = fold(word_at(p) ^ KEY_B, word_at(p + 8) ^ h);
        }
        last[0] = word_at(end);
        last[1] = word_at(end + 8);
    }
    h = fold(last[0] ^ KEY_B, last[1] ^ h);
    return fold(h ^ KEY_A, bytes.n ^ KEY_B);
}
