#include "test.h"

#include <errno.h>
#include <math.h>

#include "audio/convert.h"
#include "audio/g711.h"

#define IN_MAX 48000

static uint8_t in[IN_MAX];
static uint8_t once[IN_MAX * 6 + 16];
static uint8_t pieces[IN_MAX * 6 + 16];

static size_t convert(enum audio_format from, enum audio_format to, size_t n_in)
{
    struct audio_conv c;
    size_t n = 0;
    audio_conv_init(&c, from, to);
    assert_int_equal(audio_conv_run(&c, span_from(in, n_in), once, sizeof(once), &n), 0);
    return n;
}

TEST(lengths_are_those_of_the_acceptance_list)
{
    memset(in, 0xFF, sizeof(in));
    assert_int_equal(convert(AUDIO_PCMU, AUDIO_PCM16_24K, 8000), 48000);
    assert_int_equal(convert(AUDIO_PCMU, AUDIO_PCM16_8K, 8000), 16000);
    assert_int_equal(convert(AUDIO_PCMU, AUDIO_PCM16_16K, 8000), 32000);
    assert_int_equal(convert(AUDIO_PCMU, AUDIO_PCMA, 8000), 8000);
    memset(in, 0, sizeof(in));
    assert_int_equal(convert(AUDIO_PCM16_24K, AUDIO_PCMU, 48000), 8000);
    assert_int_equal(convert(AUDIO_PCM16_24K, AUDIO_PCM16_16K, 48000), 32000);
    assert_int_equal(convert(AUDIO_PCM16_8K, AUDIO_PCMU, 320), 160);
    for (size_t i = 0; i < 160; i++) {
        assert_int_equal(once[i], 0xFF);
    }
    for (unsigned a = 0; a < AUDIO_FORMAT_N; a++) {
        for (unsigned b = 0; b < AUDIO_FORMAT_N; b++) {
            assert_int_equal(convert((enum audio_format)a, (enum audio_format)b, 0), 0);
        }
    }
}

TEST(equal_formats_are_copied)
{
    for (size_t i = 0; i < 1001; i++) {
        in[i] = (uint8_t)(i * 31);
    }
    for (unsigned f = 0; f < AUDIO_FORMAT_N; f++) {
        assert_int_equal(convert((enum audio_format)f, (enum audio_format)f, 1001), 1001);
        assert_memory_equal(once, in, 1001);
    }
}

/* Cut anywhere, also in the middle of samples, the bytes that come out are the same. */
TEST(blocks_of_any_size_give_the_same_bytes)
{
    uint32_t seed = 5;
    for (size_t i = 0; i < 5000; i++) {
        seed = seed * 1664525u + 1013904223u;
        in[i] = (uint8_t)(seed >> 24);
    }
    for (unsigned a = 0; a < AUDIO_FORMAT_N; a++) {
        for (unsigned b = 0; b < AUDIO_FORMAT_N; b++) {
            size_t n_once = convert((enum audio_format)a, (enum audio_format)b, 5000);
            struct audio_conv c;
            audio_conv_init(&c, (enum audio_format)a, (enum audio_format)b);
            size_t n_pieces = 0;
            for (size_t i = 0; i < 5000;) {
                seed = seed * 1664525u + 1013904223u;
                size_t block = MIN(seed >> 8 & 511, 5000 - i);
                size_t room = audio_conv_max(&c, block);
                size_t got = 0;
                assert_int_equal(audio_conv_run(&c, span_from(in + i, block), pieces + n_pieces, room, &got), 0);
                assert_true(got <= room);
                n_pieces += got;
                i += block;
            }
            assert_int_equal(n_pieces, n_once);
            assert_memory_equal(pieces, once, n_once);
        }
    }
}

TEST(half_a_sample_waits_for_its_other_half)
{
    struct audio_conv c;
    uint8_t out[8];
    size_t n = 9;
    audio_conv_init(&c, AUDIO_PCM16_8K, AUDIO_PCMU);
    assert_int_equal(audio_conv_run(&c, span_from("\x00", 1), out, sizeof(out), &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(audio_conv_max(&c, 1), 1);
    assert_int_equal(audio_conv_run(&c, span_from("\x80\x00", 2), out, sizeof(out), &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0], g711_mulaw_encode1(INT16_MIN));
    assert_int_equal(audio_conv_run(&c, span_from("\x40", 1), out, sizeof(out), &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(out[0], g711_mulaw_encode1(0x4000));
}

TEST(too_little_room_consumes_nothing)
{
    struct audio_conv c;
    uint8_t out[960];
    size_t n = 7;
    memset(in, 0x20, 160);
    audio_conv_init(&c, AUDIO_PCMU, AUDIO_PCM16_24K);
    assert_int_equal(audio_conv_run(&c, span_from(in, 160), out, 959, &n), -ENOSPC);
    assert_int_equal(n, 7);
    assert_int_equal(audio_conv_run(&c, span_from(in, 160), out, 960, &n), 0);
    assert_int_equal(n, 960);
}

TEST(a_tone_goes_to_the_model_and_back)
{
    static uint8_t up[48000];
    static uint8_t down[8000];
    struct audio_conv to_model;
    struct audio_conv to_phone;
    audio_conv_init(&to_model, AUDIO_PCMU, AUDIO_PCM16_24K);
    audio_conv_init(&to_phone, AUDIO_PCM16_24K, AUDIO_PCMU);
    for (int i = 0; i < 8000; i++) {
        in[i] = g711_mulaw_encode1((int16_t)lrint(12000 * sin(2 * M_PI * 440 * i / 8000)));
    }
    size_t n_up;
    size_t n_down;
    assert_int_equal(audio_conv_run(&to_model, span_from(in, 8000), up, sizeof(up), &n_up), 0);
    assert_int_equal(audio_conv_run(&to_phone, span_from(up, n_up), down, sizeof(down), &n_down), 0);
    assert_int_equal(n_down, 8000);
    /* Both filters together delay by 95 / 3 samples of 8 kHz; the best whole lag must correlate. */
    double best = 0;
    for (int lag = 28; lag <= 36; lag++) {
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 200; i < 7000; i++) {
            double x = g711_mulaw_decode1(in[i]);
            double y = g711_mulaw_decode1(down[i + lag]);
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        best = fmax(best, xy / sqrt(xx * yy));
    }
    assert_true(best > 0.98);
}

TEST_MAIN(T(lengths_are_those_of_the_acceptance_list), T(equal_formats_are_copied),
          T(blocks_of_any_size_give_the_same_bytes), T(half_a_sample_waits_for_its_other_half),
          T(too_little_room_consumes_nothing), T(a_tone_goes_to_the_model_and_back))
