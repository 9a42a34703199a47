#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "audio/fade.h"

#define N 320

static size_t block(enum audio_format f, int16_t value, uint8_t *out)
{
    int16_t pcm[N];
    for (size_t i = 0; i < N; i++) {
        pcm[i] = value;
    }
    return codec_encode(f, pcm, N, out);
}

TEST(the_curve_rises_from_zero_to_one_and_mirrors_itself)
{
    for (size_t n = 1; n <= 240; n++) {
        int32_t last = 0;
        for (size_t i = 0; i < n; i++) {
            int32_t g = fade_gain_q15(i, n);
            assert_in_range(g, last, 32768);
            assert_in_range(g + fade_gain_q15(n - 1 - i, n), 32768 - 8, 32768 + 8);
            double cosine = 16384 * (1 - cos(M_PI * ((double)i + 0.5) / (double)n));
            assert_true(fabs(g - cosine) < 0.011 * 32768);
            last = g;
        }
        assert_int_equal(fade_gain_q15(n, n), 32768);
    }
}

TEST(five_ms_in_every_format)
{
    assert_int_equal(fade_bytes(AUDIO_PCMU), 40);
    assert_int_equal(fade_bytes(AUDIO_PCM16_16K), 160);
    assert_int_equal(fade_bytes(AUDIO_PCM16_24K), 240);
}

TEST(the_envelope_is_monotonic_and_the_rest_is_untouched)
{
    static const int16_t values[] = {30000, -30000, 1000, -1000, 40, -40, INT16_MAX, INT16_MIN};
    for (int f = 0; f < AUDIO_FORMAT_N; f++) {
        for (size_t v = 0; v < ARRAY_LEN(values); v++) {
            uint8_t was[2 * N];
            uint8_t in[2 * N];
            uint8_t out[2 * N];
            int16_t a[N];
            int16_t b[N];
            size_t n = block((enum audio_format)f, values[v], was);
            size_t ramp = fade_bytes((enum audio_format)f);
            size_t ramp_samples = codec_samples((enum audio_format)f, ramp);
            memcpy(in, was, n);
            memcpy(out, was, n);
            fade_in((enum audio_format)f, in, n, ramp);
            fade_out((enum audio_format)f, out, n, ramp);
            assert_memory_equal(in + ramp, was + ramp, n - ramp);
            assert_memory_equal(out, was, n - ramp);
            codec_decode((enum audio_format)f, span_from(in, n), a);
            codec_decode((enum audio_format)f, span_from(out, n), b);
            assert_in_range(abs(a[0]), 0, abs(values[v]) / 100 + 8);
            for (size_t i = 0; i < N; i++) {
                assert_int_equal(a[i], b[N - 1 - i]); /* one is the mirror of the other */
                assert_true(i == 0 || abs(a[i]) >= abs(a[i - 1]));
            }
            assert_true(abs(a[ramp_samples / 4]) < abs(values[v]) / 2 + 8);
            assert_true(abs(a[ramp_samples - 1]) * 100 > abs(values[v]) * 90 - 1000);
        }
    }
}

/* No step at the cut: a tone that ends in a fade-out goes down to nothing by small steps. */
TEST(a_cut_tone_has_no_step)
{
    uint8_t audio[N];
    int16_t pcm[N];
    for (int i = 0; i < N; i++) {
        pcm[i] = (int16_t)lrint(20000 * sin(2 * M_PI * 300 * i / 8000 + 1));
    }
    codec_encode(AUDIO_PCMU, pcm, N, audio);
    fade_out(AUDIO_PCMU, audio, N, fade_bytes(AUDIO_PCMU));
    codec_decode(AUDIO_PCMU, span_from(audio, N), pcm);
    assert_true(abs(pcm[N - 1]) < 50);
    double slope = 20000 * 2 * M_PI * 300 / 8000;
    for (int i = 1; i < N; i++) {
        assert_true(abs(pcm[i] - pcm[i - 1]) < slope + 1100); /* and the codec's own steps */
    }
}

TEST(silence_stays_silence)
{
    for (int f = 0; f < AUDIO_FORMAT_N; f++) {
        uint8_t audio[N];
        uint8_t want[N];
        memset(want, audio_silence_byte((enum audio_format)f), N);
        memcpy(audio, want, N);
        fade_in((enum audio_format)f, audio, N, N);
        fade_out((enum audio_format)f, audio, N, N);
        assert_memory_equal(audio, want, N);
    }
    uint8_t minus_zero = 0x7F;
    fade_in(AUDIO_PCMU, &minus_zero, 1, 1);
    assert_int_equal(minus_zero, 0x7F);
}

TEST(short_blocks_are_ramped_whole_and_half_samples_left_alone)
{
    for (size_t n = 0; n <= 9; n++) {
        uint8_t audio[9];
        memset(audio, 0x55, sizeof(audio));
        fade_in(AUDIO_PCM16_8K, audio, n, 80);
        fade_out(AUDIO_PCM16_8K, audio, n, 80);
        for (size_t i = n / 2 * 2; i < sizeof(audio); i++) {
            assert_int_equal(audio[i], 0x55);
        }
        if (n >= 2) {
            assert_int_not_equal(audio[1], 0x55);
        }
    }
}

/* A cross-fade of a block with itself is the block. */
TEST(a_fade_in_and_a_fade_out_add_up)
{
    int16_t x[80];
    uint8_t in[160];
    uint8_t out[160];
    for (int i = 0; i < 80; i++) {
        x[i] = (int16_t)(i * 397 - 15000);
    }
    codec_encode(AUDIO_PCM16_8K, x, 80, in);
    memcpy(out, in, sizeof(in));
    fade_in(AUDIO_PCM16_8K, in, sizeof(in), sizeof(in));
    fade_out(AUDIO_PCM16_8K, out, sizeof(out), sizeof(out));
    int16_t a[80];
    int16_t b[80];
    codec_decode(AUDIO_PCM16_8K, span_from(in, sizeof(in)), a);
    codec_decode(AUDIO_PCM16_8K, span_from(out, sizeof(out)), b);
    for (int i = 0; i < 80; i++) {
        assert_true(abs(a[i] + b[i] - x[i]) <= 8);
    }
}

TEST_MAIN(T(the_curve_rises_from_zero_to_one_and_mirrors_itself), T(five_ms_in_every_format),
          T(the_envelope_is_monotonic_and_the_rest_is_untouched), T(a_cut_tone_has_no_step), T(silence_stays_silence),
          T(short_blocks_are_ramped_whole_and_half_samples_left_alone), T(a_fade_in_and_a_fade_out_add_up))
