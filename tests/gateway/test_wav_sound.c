/* A WAV file's channel at another rate. */
#include "gateway/wav_sound.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "test.h"

static struct wav made(enum wav_codec codec, uint32_t rate_hz, uint32_t channels, const void *p, size_t n)
{
    return (struct wav){.codec = codec, .rate_hz = rate_hz, .channels = channels, .data = span_from(p, n)};
}

TEST(a_channel_is_taken_out)
{
    static const uint8_t stereo[] = {1, 0, 0xFF, 0xFF, 2, 0, 0xFE, 0xFF, 3, 0, 0xFD, 0xFF};
    struct wav wav = made(WAV_PCM16, 8000, 2, stereo, sizeof(stereo));
    int16_t *pcm = NULL;
    size_t n = 0;
    for (uint32_t channel = 0; channel < 2; channel++) {
        assert_ok(wav_sound_read(&wav, channel, 8000, &pcm, &n));
        assert_int_equal(n, 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pcm[i], channel ? -i - 1 : i + 1);
        }
        free(pcm);
    }
    assert_err(wav_sound_read(&wav, 2, 8000, &pcm, &n), ERR_RANGE);
}

TEST(one_channel_is_left_and_right)
{
    static const uint8_t mulaw[] = {0xFF, 0x80, 0x00};
    struct wav wav = made(WAV_MULAW, 8000, 1, mulaw, sizeof(mulaw));
    int16_t *pcm = NULL;
    size_t n = 0;
    assert_ok(wav_sound_read(&wav, 1, 8000, &pcm, &n));
    assert_int_equal(n, 3);
    assert_int_equal(pcm[1], 32124);
    assert_int_equal(pcm[2], -32124);
    free(pcm);
}

TEST(no_sound_is_no_error)
{
    struct wav wav = made(WAV_PCM16, 44100, 2, NULL, 0);
    int16_t *pcm = NULL;
    size_t n = 1;
    assert_ok(wav_sound_read(&wav, 1, 8000, &pcm, &n));
    assert_int_equal(n, 0);
    assert_null(pcm);
}

/* A tone that both rates hold comes out as the same tone, in time and level; one that only the higher holds is gone. */
static void tone(uint32_t in_hz, uint32_t out_hz, double tone_hz, bool kept)
{
    size_t n_in = in_hz / 2;
    int16_t *in = malloc(n_in * sizeof(*in));
    int16_t *pcm = NULL;
    size_t n = 0;
    assert_non_null(in);
    for (size_t i = 0; i < n_in; i++) {
        in[i] = (int16_t)lrint(10000 * sin(2 * M_PI * tone_hz * (double)i / in_hz));
    }
    struct wav wav = made(WAV_PCM16, in_hz, 1, in, n_in * 2);
    assert_ok(wav_sound_read(&wav, 0, out_hz, &pcm, &n));
    assert_int_equal(n, ((uint64_t)n_in * out_hz + in_hz - 1) / in_hz);
    for (size_t i = n / 8; i < n - n / 8; i++) { /* the ends are cut off sound */
        double want = kept ? 10000 * sin(2 * M_PI * tone_hz * (double)i / out_hz) : 0;
        if (fabs(pcm[i] - want) > 100) { /* -40 dB */
            fail_msg("%u to %u Hz, tone of %.0f Hz: sample %zu is %d, not %.0f", in_hz, out_hz, tone_hz, i, pcm[i],
                     want);
        }
    }
    free(pcm);
    free(in);
}

TEST(rates_are_changed)
{
    static const uint32_t rates[] = {6000, 8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        tone(rates[i], 8000, 1000, true);
        tone(rates[i], 16000, 440, true);
        if (rates[i] > 11025) {
            tone(rates[i], 8000, 5500, false);
        }
    }
}

TEST(full_scale_does_not_wrap)
{
    static int16_t in[4410];
    int16_t *pcm = NULL;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        in[i] = i / 40 % 2 ? INT16_MAX : INT16_MIN;
    }
    struct wav wav = made(WAV_PCM16, 44100, 1, in, sizeof(in));
    assert_ok(wav_sound_read(&wav, 0, 16000, &pcm, &n));
    for (size_t i = 100; i < n - 100; i++) { /* in the middle of each half wave the sign is that of the input */
        size_t at = i * 44100 / 16000;
        if (at % 40 > 10 && at % 40 < 30) {
            assert_true((pcm[i] > 0) == (in[at] > 0));
        }
    }
    free(pcm);
}

TEST(odd_rates_are_survived)
{
    static int16_t in[300];
    static const uint32_t rates[] = {1, 7, 7999, 191999};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        int16_t *pcm = NULL;
        size_t n = 0;
        struct wav wav = made(WAV_PCM16, rates[i], 1, in, sizeof(in));
        assert_ok(wav_sound_read(&wav, 0, 8000, &pcm, &n));
        assert_int_equal(n, (300ull * 8000 + rates[i] - 1) / rates[i]);
        free(pcm);
    }
    static const uint8_t one[2];
    int16_t *pcm = NULL;
    size_t n = 0;
    struct wav endless = made(WAV_PCM16, 1, 1, one, (size_t)200000 * 2);
    assert_err(wav_sound_read(&endless, 0, 8000, &pcm, &n), ERR_TOO_BIG); /* 55 hours, refused before it is read */
}

TEST_MAIN(T(a_channel_is_taken_out), T(one_channel_is_left_and_right), T(no_sound_is_no_error), T(rates_are_changed),
          T(full_scale_does_not_wrap), T(odd_rates_are_survived))
