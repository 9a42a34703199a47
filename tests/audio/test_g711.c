#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "audio/g711.h"

/* The recommendation in arithmetic, apart from the tables: the magnitude of a code. */
static int mulaw_by_rule(uint8_t code)
{
    int mantissa = ~code & 0x0F;
    int segment = ~code >> 4 & 7;
    int magnitude = ((2 * mantissa + 33) << segment) - 33; /* 14 bits */
    return code & 0x80 ? 4 * magnitude : -4 * magnitude;
}

static int alaw_by_rule(uint8_t code)
{
    int c = code ^ 0x55;
    int mantissa = c & 0x0F;
    int segment = c >> 4 & 7;
    int magnitude = segment ? (2 * mantissa + 33) << (segment - 1) : 2 * mantissa + 1; /* 13 bits */
    return c & 0x80 ? 8 * magnitude : -8 * magnitude;
}

TEST(blocks_of_every_length_agree_with_single_codes)
{
    uint8_t codes[300];
    int16_t pcm[300];
    for (size_t i = 0; i < sizeof(codes); i++) {
        codes[i] = (uint8_t)(i * 7);
    }
    for (size_t n = 0; n <= sizeof(codes); n++) {
        g711_mulaw_decode(span_from(codes, n), pcm);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(pcm[i], g711_mulaw_decode1(codes[i]));
        }
    }
    for (unsigned c = 0; c < 256; c++) {
        uint8_t same[8];
        memset(same, (int)c, sizeof(same));
        g711_mulaw_decode(span_from(same, sizeof(same)), pcm);
        assert_int_equal(pcm[3], g711_mulaw_decode1((uint8_t)c));
    }
}

TEST(all_codes_decode_by_the_rule)
{
    for (int c = 0; c < 256; c++) {
        assert_int_equal(g711_mulaw_decode1((uint8_t)c), mulaw_by_rule((uint8_t)c));
        assert_int_equal(g711_alaw_decode1((uint8_t)c), alaw_by_rule((uint8_t)c));
    }
}

TEST(reference_values_hold)
{
    assert_int_equal(g711_mulaw_decode1(0xFF), 0);
    assert_int_equal(g711_mulaw_decode1(0x7F), 0);
    assert_int_equal(g711_mulaw_decode1(0x80), 32124);
    assert_int_equal(g711_mulaw_decode1(0x00), -32124);
    assert_int_equal(g711_mulaw_decode1(0xFE), 8);
    assert_int_equal(g711_alaw_decode1(0xD5), 8);
    assert_int_equal(g711_alaw_decode1(0x55), -8);
    assert_int_equal(g711_alaw_decode1(0xAA), 32256);
    assert_int_equal(g711_alaw_decode1(0x2A), -32256);
    assert_int_equal(g711_mulaw_encode1(0), 0xFF);
    assert_int_equal(g711_mulaw_encode1(INT16_MAX), 0x80);
    assert_int_equal(g711_mulaw_encode1(INT16_MIN), 0x00);
    assert_int_equal(g711_alaw_encode1(0), 0xD5);
    assert_int_equal(g711_alaw_encode1(INT16_MAX), 0xAA);
    assert_int_equal(g711_alaw_encode1(INT16_MIN), 0x2A);
}

TEST(every_code_survives_the_round_trip)
{
    for (int c = 0; c < 256; c++) {
        uint8_t mu = g711_mulaw_encode1(g711_mulaw_decode1((uint8_t)c));
        assert_int_equal(mu, c == 0x7F ? 0xFF : c); /* minus zero is zero */
        assert_int_equal(g711_alaw_encode1(g711_alaw_decode1((uint8_t)c)), c);
    }
}

/* Half the width of the cell that a code stands for, by its segment. */
static int mulaw_half_cell(uint8_t code)
{
    return 4 << (~code >> 4 & 7);
}

static int alaw_half_cell(uint8_t code)
{
    int segment = (code ^ 0x55) >> 4 & 7;
    return 8 << MAX(segment - 1, 0);
}

/* For each of the 65,536 samples. */
TEST(encoding_is_monotonic_and_never_leaves_the_cell)
{
    int last_mu = INT32_MIN;
    int last_a = INT32_MIN;
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        uint8_t mu = g711_mulaw_encode1((int16_t)x);
        uint8_t a = g711_alaw_encode1((int16_t)x);
        int mu_value = g711_mulaw_decode1(mu);
        int a_value = g711_alaw_decode1(a);
        assert_true(mu_value >= last_mu && a_value >= last_a);
        last_mu = mu_value;
        last_a = a_value;
        if (abs(x) < 32636) { /* past that mu-law clips */
            assert_true(abs(mu_value - x) <= mulaw_half_cell(mu));
        }
        assert_true(abs(a_value - x) <= alaw_half_cell(a));
    }
}

TEST(transcoding_is_decoding_and_encoding)
{
    uint8_t all[256];
    uint8_t got[256];
    for (int c = 0; c < 256; c++) {
        all[c] = (uint8_t)c;
    }
    g711_mulaw_to_alaw(span_from(all, 256), got);
    for (int c = 0; c < 256; c++) {
        uint8_t want = g711_alaw_encode1(g711_mulaw_decode1((uint8_t)c));
        assert_int_equal(got[c], c == 0x7F ? 0x55 : want);
    }
    g711_alaw_to_mulaw(span_from(all, 256), got);
    for (int c = 0; c < 256; c++) {
        assert_int_equal(got[c], g711_mulaw_encode1(g711_alaw_decode1((uint8_t)c)));
    }
    g711_alaw_to_mulaw(span_from(all, 256), all);
    assert_memory_equal(all, got, 256); /* in place */
}

/*
 * The decision values of the recommendation (tables 1 and 2), written down as it does: so many intervals of such a
 * width. mu-law in units of 1/8192 of its range (14 bits), A-law of 1/4096 (13 bits, of which the lowest is always
 * even).
 */
struct interval {
    int count, width;
};
static const struct interval mulaw_intervals[] = {{1, 1},   {15, 2},  {16, 4},   {16, 8},  {16, 16},
                                                  {16, 32}, {16, 64}, {16, 128}, {16, 256}};
static const struct interval alaw_intervals[] = {{32, 2}, {16, 4}, {16, 8}, {16, 16}, {16, 32}, {16, 64}, {16, 128}};

/* ret: the 129 decision values in 16-bit units. */
static void decisions(const struct interval *list, size_t n, int unit, int *ret)
{
    int at = 0;
    *ret++ = 0;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < list[i].count; k++) {
            at += list[i].width;
            *ret++ = at * unit;
        }
    }
}

/* Number of the interval that holds a sample; what lies beyond the last value is in the last one. A negative sample
 * that is a decision value itself belongs nearer to zero (one's complement, as in the ITU-T software tool library). */
static int interval_of(int x, const int *decision)
{
    int magnitude = x < 0 ? -x - 1 : x;
    int n = 0;
    while (n < 127 && decision[n + 1] <= magnitude) {
        n++;
    }
    return n;
}

TEST(all_samples_are_encoded_by_the_decision_values)
{
    int mulaw[129];
    int alaw[129];
    decisions(mulaw_intervals, ARRAY_LEN(mulaw_intervals), 4, mulaw);
    decisions(alaw_intervals, ARRAY_LEN(alaw_intervals), 8, alaw);
    assert_int_equal(mulaw[128], 8159 * 4); /* the virtual decision value x128 of table 2a */
    assert_int_equal(alaw[128], 4096 * 8);
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        int n = interval_of(x, mulaw);
        int m = interval_of(x, alaw);
        assert_int_equal(g711_mulaw_encode1((int16_t)x), x < 0 ? 0x7F - n : 0xFF - n);
        assert_int_equal(g711_alaw_encode1((int16_t)x), (x < 0 ? m : m | 0x80) ^ 0x55);
    }
}

/* Each output lies in the middle of its interval; mu-law's first one at zero. */
TEST(all_codes_decode_to_the_middle_of_their_interval)
{
    int mulaw[129];
    int alaw[129];
    decisions(mulaw_intervals, ARRAY_LEN(mulaw_intervals), 4, mulaw);
    decisions(alaw_intervals, ARRAY_LEN(alaw_intervals), 8, alaw);
    for (int n = 0; n < 128; n++) {
        int y = n ? (mulaw[n] + mulaw[n + 1]) / 2 : 0;
        assert_int_equal(g711_mulaw_decode1((uint8_t)(0xFF - n)), y);
        assert_int_equal(g711_mulaw_decode1((uint8_t)(0x7F - n)), -y);
        int z = (alaw[n] + alaw[n + 1]) / 2;
        assert_int_equal(g711_alaw_decode1((uint8_t)((n | 0x80) ^ 0x55)), z);
        assert_int_equal(g711_alaw_decode1((uint8_t)(n ^ 0x55)), -z);
    }
}

TEST(decision_values_and_both_zeros_fall_where_they_must)
{
    assert_int_equal(g711_mulaw_encode1(3), 0xFF);
    assert_int_equal(g711_mulaw_encode1(4), 0xFE); /* the value itself is in the upper interval */
    assert_int_equal(g711_mulaw_encode1(-1), 0x7F);
    assert_int_equal(g711_mulaw_encode1(-4), 0x7F); /* and below zero in the one nearer to it */
    assert_int_equal(g711_mulaw_encode1(-5), 0x7E);
    assert_int_equal(g711_alaw_encode1(15), 0xD5);
    assert_int_equal(g711_alaw_encode1(16), 0xD4);
    assert_int_equal(g711_alaw_encode1(-1), 0x55);
    assert_int_equal(g711_alaw_encode1(-16), 0x55);
    assert_int_equal(g711_alaw_encode1(-17), 0x54);
    assert_int_equal(g711_mulaw_encode1(g711_mulaw_decode1(0x7F)), 0xFF); /* minus zero is not kept by samples */
}

/* Coding what was coded changes nothing more; nor does a second way through the other law. */
TEST(coding_twice_is_coding_once)
{
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        int16_t mu = g711_mulaw_decode1(g711_mulaw_encode1((int16_t)x));
        int16_t a = g711_alaw_decode1(g711_alaw_encode1((int16_t)x));
        assert_int_equal(g711_mulaw_decode1(g711_mulaw_encode1(mu)), mu);
        assert_int_equal(g711_alaw_decode1(g711_alaw_encode1(a)), a);
    }
    for (int c = 0; c < 256; c++) {
        uint8_t once = g711_alaw_to_mulaw_table[g711_mulaw_to_alaw_table[c]];
        assert_int_equal(g711_alaw_to_mulaw_table[g711_mulaw_to_alaw_table[once]], once);
        once = g711_mulaw_to_alaw_table[g711_alaw_to_mulaw_table[c]];
        assert_int_equal(g711_mulaw_to_alaw_table[g711_alaw_to_mulaw_table[once]], once);
    }
}

/* Blocks of every length against single samples, all 65,536 of them. */
TEST(encoded_blocks_agree_with_single_samples)
{
    static int16_t pcm[65536];
    static uint8_t mu[65536];
    static uint8_t a[65536];
    for (int i = 0; i < 65536; i++) {
        pcm[i] = (int16_t)(i * 40503);
    }
    for (size_t n = 0, at = 0; at < 65536; at += n, n = n % 331 + 1) {
        n = MIN(n, 65536 - at);
        g711_mulaw_encode(pcm + at, n, mu + at);
        g711_alaw_encode(pcm + at, n, a + at);
    }
    for (int i = 0; i < 65536; i++) {
        assert_int_equal(mu[i], g711_mulaw_encode1(pcm[i]));
        assert_int_equal(a[i], g711_alaw_encode1(pcm[i]));
    }
}

TEST(silence_stays_silence)
{
    uint8_t bytes[160];
    int16_t pcm[160];
    memset(bytes, 0xFF, sizeof(bytes));
    g711_mulaw_decode(span_from(bytes, 160), pcm);
    for (size_t i = 0; i < 160; i++) {
        assert_int_equal(pcm[i], 0);
    }
    g711_mulaw_encode(pcm, 160, bytes);
    for (size_t i = 0; i < 160; i++) {
        assert_int_equal(bytes[i], 0xFF);
    }
    g711_alaw_encode(pcm, 160, bytes);
    g711_alaw_decode(span_from(bytes, 160), pcm);
    for (size_t i = 0; i < 160; i++) {
        assert_int_equal(bytes[i], 0xD5);
        assert_int_equal(pcm[i], 8);
    }
    g711_mulaw_decode(span_from(NULL, 0), pcm);
    g711_mulaw_encode(NULL, 0, bytes);
}

static double signal_to_noise_db(const int16_t *x, const int16_t *y, size_t n)
{
    double signal = 0;
    double noise = 1e-9;
    for (size_t i = 0; i < n; i++) {
        signal += (double)x[i] * x[i];
        noise += (double)(x[i] - y[i]) * (x[i] - y[i]);
    }
    return 10 * log10(signal / noise);
}

TEST(a_tone_comes_back_at_telephone_quality)
{
    static const double levels[] = {32000, 8000, 2000, 500};
    for (size_t k = 0; k < ARRAY_LEN(levels); k++) {
        int16_t x[8000];
        int16_t y[8000];
        uint8_t bytes[8000];
        for (int i = 0; i < 8000; i++) {
            x[i] = (int16_t)lrint(levels[k] * sin(2 * M_PI * 440 * i / 8000));
        }
        g711_mulaw_encode(x, 8000, bytes);
        g711_mulaw_decode(span_from(bytes, 8000), y);
        assert_true(signal_to_noise_db(x, y, 8000) > 30);
        g711_alaw_encode(x, 8000, bytes);
        g711_alaw_decode(span_from(bytes, 8000), y);
        assert_true(signal_to_noise_db(x, y, 8000) > 30);
    }
}

TEST_MAIN(T(blocks_of_every_length_agree_with_single_codes), T(all_codes_decode_by_the_rule), T(reference_values_hold),
          T(every_code_survives_the_round_trip), T(encoding_is_monotonic_and_never_leaves_the_cell),
          T(transcoding_is_decoding_and_encoding), T(all_samples_are_encoded_by_the_decision_values),
          T(all_codes_decode_to_the_middle_of_their_interval), T(decision_values_and_both_zeros_fall_where_they_must),
          T(coding_twice_is_coding_once), T(encoded_blocks_agree_with_single_samples), T(silence_stays_silence),
          T(a_tone_comes_back_at_telephone_quality))
