/*
 * Base64 with AVX2: 24 bytes and 32 characters at a time. Bits are moved between the 8-bit and the 6-bit grid by byte
 * shuffles and multiplications; the alphabet is five ranges of characters, told apart by comparisons (encoding) or by
 * the two halves of the character (decoding).
 */
#include "base/base64_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* 0..63 in every byte to its character: an offset by range, looked up by a small number made for each range. */
AVX2 static __m256i to_characters(__m256i six)
{
    const __m256i offsets = _mm256_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                             '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0,
                                             'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                             '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    /* 0 for 0..51, 1..12 for 52..63; then 13 for 0..25 */
    __m256i range = _mm256_subs_epu8(six, _mm256_set1_epi8(51));
    __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), six);
    range = _mm256_or_si256(range, _mm256_and_si256(upper, _mm256_set1_epi8(13)));
    return _mm256_add_epi8(_mm256_shuffle_epi8(offsets, range), six);
}

/* Twelve bytes in each half, from its byte 0 on, to sixteen times six bits. */
AVX2 static __m256i to_six_bits(__m256i v)
{
    /* each 32-bit lane gets the bytes 1 0 2 1 of its three */
    v = _mm256_shuffle_epi8(v, _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4, 3, 5,
                                                4, 7, 6, 8, 7, 10, 9, 11, 10));
    __m256i ac = _mm256_mulhi_epu16(_mm256_and_si256(v, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
    __m256i bd = _mm256_mullo_epi16(_mm256_and_si256(v, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
    return _mm256_or_si256(ac, bd);
}

AVX2 size_t base64_encode_avx2(char *out, struct span in)
{
    size_t done = 0;
    while (in.n - done >= 28) { /* the upper half is read from byte 12 to byte 28 */
        __m128i lo = _mm_loadu_si128((const __m128i *)(const void *)(in.p + done));
        __m128i hi = _mm_loadu_si128((const __m128i *)(const void *)(in.p + done + 12));
        __m256i v = to_characters(to_six_bits(_mm256_set_m128i(hi, lo)));
        _mm256_storeu_si256((__m256i *)(void *)out, v);
        out += 32;
        done += 24;
    }
    return done;
}

AVX2 size_t base64_decode_avx2(uint8_t *out, struct str in)
{
    /* A character is good when the bits of its two halves have none in common. */
    const __m256i bad_lo = _mm256_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A,
                                            0x1B, 0x1B, 0x1B, 0x1A, 0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                            0x11, 0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
    const __m256i bad_hi = _mm256_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10,
                                            0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                            0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    /* by the upper half, less one for '/': what to add to get the six bits */
    const __m256i roll = _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 19, 4, -65,
                                          -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i low_half = _mm256_set1_epi8(0x0F);
    size_t done = 0;
    while (in.n - done >= 48) {
        __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(in.p + done));
        __m256i hi = _mm256_and_si256(_mm256_srli_epi32(c, 4), low_half);
        __m256i lo = _mm256_and_si256(c, low_half);
        if (!_mm256_testz_si256(_mm256_shuffle_epi8(bad_lo, lo), _mm256_shuffle_epi8(bad_hi, hi))) {
            break;
        }
        __m256i slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));
        __m256i six = _mm256_add_epi8(c, _mm256_shuffle_epi8(roll, _mm256_add_epi8(slash, hi)));
        /* 4 x 6 bits to 24 in each 32-bit lane, its three bytes to the front, both halves together */
        __m256i twelve = _mm256_maddubs_epi16(six, _mm256_set1_epi32(0x01400140));
        __m256i full = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));
        full = _mm256_shuffle_epi8(full, _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1,
                                                          0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
        full = _mm256_permutevar8x32_epi32(full, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        _mm256_storeu_si256((__m256i *)(void *)out, full);
        out += 24;
        done += 32;
    }
    return done;
}

#else

size_t base64_encode_avx2(char *out UNUSED, struct span in UNUSED)
{
    return 0;
}

size_t base64_decode_avx2(uint8_t *out UNUSED, struct str in UNUSED)
{
    return 0;
}

#endif
