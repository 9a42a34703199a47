/* Audio on its way in: whole samples, and services that send PCM16 although they confirmed G.711. */
#include <math.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "providers/openai/openai.h"
#include "providers/openai/openai_audio.h"
#include "test.h"

#define SECONDS 1

struct source {
    int16_t pcm[24000 * SECONDS];
    size_t n;
    uint8_t told[24000 * SECONDS * 2]; /* what goes over the wire */
    size_t n_told;
};

static uint32_t noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Something like a voice: three partials of a moving pitch, syllables, a little noise. peak of 32767. */
static void speak(struct source *s, uint32_t hz, double peak)
{
    uint32_t seed = 7;
    s->n = hz * SECONDS;
    for (size_t i = 0; i < s->n; i++) {
        double t = (double)i / hz;
        double syllable = 0.5 - 0.5 * cos(2 * M_PI * 4 * t);
        double pitch = 2 * M_PI * (130 + 20 * sin(5 * t)) * t;
        double v = (sin(pitch) + 0.6 * sin(4 * pitch) + 0.3 * sin(11 * pitch)) / 1.9 * syllable;
        v = v * peak + (double)(noise(&seed) % 64) - 32;
        s->pcm[i] = (int16_t)v;
    }
}

static void as_pcm(struct source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->told[2 * i] = (uint8_t)((uint16_t)s->pcm[i] & 0xff);
        s->told[2 * i + 1] = (uint8_t)((uint16_t)s->pcm[i] >> 8);
    }
    s->n_told = 2 * s->n;
}

static void as_g711(struct source *s, enum audio_format f)
{
    if (f == AUDIO_PCMA) {
        g711_alaw_encode(s->pcm, s->n, s->told);
    } else {
        g711_mulaw_encode(s->pcm, s->n, s->told);
    }
    s->n_told = s->n;
}

/* Feeds it in deltas; what comes out is appended to out. Returns how often the format was found out. */
static int feed(struct openai_audio *a, const struct source *s, size_t delta, struct buf *out)
{
    struct openai_scratch scratch;
    int found = 0;
    openai_scratch_init(&scratch);
    char *text = malloc(base64_enc_len(delta));
    assert_non_null(text);
    for (size_t at = 0; at < s->n_told; at += delta) {
        struct span audio;
        size_t n = base64_encode(text, span_from(s->told + at, MIN(delta, s->n_told - at)));
        int err = openai_audio_read(a, (struct str){text, n}, &scratch, &audio);
        assert_ok(err);
        found += err;
        buf_put(out, audio.p, audio.n);
    }
    free(text);
    openai_scratch_done(&scratch);
    return found;
}

TEST(g711_passes_untouched_at_every_level)
{
    static const double peaks[] = {0, 30, 300, 3000, 12000, 30000};
    static struct source s;
    for (size_t i = 0; i < ARRAY_LEN(peaks) * 2; i++) {
        enum audio_format f = i % 2 ? AUDIO_PCMA : AUDIO_PCMU;
        struct openai_audio a;
        struct buf out;
        buf_init(&out, 1u << 20);
        speak(&s, 8000, peaks[i / 2]);
        as_g711(&s, f);
        openai_audio_init(&a, f);
        assert_int_equal(feed(&a, &s, 333, &out), 0);
        assert_int_equal(out.len, s.n_told);
        assert_memory_equal(buf_ptr(&out), s.told, s.n_told);
        buf_done(&out);
    }
}

TEST(g711_silence_and_made_up_bytes_are_no_pcm)
{
    static struct source s;
    static const int fills[] = {0xff, 0x7f, 0xd5, 0x00, -1, -2};
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        struct openai_audio a;
        struct buf out;
        uint32_t seed = 3;
        buf_init(&out, 1u << 20);
        s.n_told = 8000;
        for (size_t k = 0; k < s.n_told; k++) {
            s.told[k] = (uint8_t)(fills[i] >= 0 ? (uint32_t)fills[i] : fills[i] == -1 ? k : noise(&seed));
        }
        openai_audio_init(&a, AUDIO_PCMU);
        assert_int_equal(feed(&a, &s, 400, &out), 0);
        assert_int_equal(out.len, s.n_told);
        buf_done(&out);
    }
}

static double energy(struct span mulaw)
{
    double e = 0;
    for (size_t i = 0; i < mulaw.n; i++) {
        double v = g711_mulaw_decode1(mulaw.p[i]);
        e += v * v;
    }
    return mulaw.n ? sqrt(e / (double)mulaw.n) : 0;
}

TEST(untold_pcm_is_found_out_and_becomes_what_was_confirmed)
{
    static const double peaks[] = {1500, 6000, 25000};
    static struct source s;
    for (size_t i = 0; i < ARRAY_LEN(peaks); i++) {
        struct openai_audio a;
        struct buf out;
        buf_init(&out, 1u << 20);
        speak(&s, 24000, peaks[i]);
        as_pcm(&s);
        openai_audio_init(&a, AUDIO_PCMU);
        memset(s.told, 0, 4800); /* digital silence, then a quiet hiss, before the first word */
        for (size_t k = 4800; k < 9600; k += 2) {
            s.told[k] = (uint8_t)(k / 2 % 3 == 0 ? 0xff : k / 2 % 5);
            s.told[k + 1] = s.told[k] == 0xff ? 0xff : 0;
        }
        assert_int_equal(feed(&a, &s, 2400, &out), 1);
        assert_int_equal(a.verdict, OPENAI_AUDIO_PCM_UNTOLD);
        /* A third of the samples, one byte each; what was silent before passed as it was. */
        assert_in_range(out.len, 8000, 8000 + 9600);
        struct span tail = span_from(buf_ptr(&out) + out.len - 6000, 6000);
        double rms = 0;
        for (size_t k = s.n / 4; k < s.n; k++) {
            rms += (double)s.pcm[k] * s.pcm[k];
        }
        rms = sqrt(rms / ((double)s.n * 3 / 4));
        assert_true(fabs(energy(tail) / rms - 1) < 0.1);
        buf_done(&out);
    }
}

TEST(told_pcm_comes_in_whole_samples_whatever_the_pieces)
{
    static struct source s;
    speak(&s, 24000, 8000);
    as_pcm(&s);
    struct openai_audio a;
    struct buf out;
    buf_init(&out, 1u << 20);
    openai_audio_init(&a, AUDIO_PCM16_24K);
    assert_int_equal(feed(&a, &s, 1001, &out), 0);
    assert_int_equal(out.len, s.n_told);
    assert_memory_equal(buf_ptr(&out), s.told, s.n_told);
    buf_done(&out);
}

TEST(half_a_sample_does_not_reach_the_next_item)
{
    struct openai_audio a;
    struct openai_scratch scratch;
    struct span audio;
    openai_scratch_init(&scratch);
    openai_audio_init(&a, AUDIO_PCM16_24K);
    assert_int_equal(openai_audio_read(&a, STR("AQID"), &scratch, &audio), 0);
    assert_int_equal(audio.n, 2);
    openai_audio_restart(&a);
    assert_int_equal(openai_audio_read(&a, STR("CQg="), &scratch, &audio), 0);
    assert_int_equal(audio.n, 2);
    assert_memory_equal(audio.p, "\x09\x08", 2);
    assert_err(openai_audio_read(&a, STR("*"), &scratch, &audio), ERR_BASE64);
    openai_scratch_done(&scratch);
}

TEST_MAIN(T(g711_passes_untouched_at_every_level), T(g711_silence_and_made_up_bytes_are_no_pcm),
          T(untold_pcm_is_found_out_and_becomes_what_was_confirmed),
          T(told_pcm_comes_in_whole_samples_whatever_the_pieces), T(half_a_sample_does_not_reach_the_next_item))
