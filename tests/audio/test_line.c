#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "audio/line.h"

#define FRAME 160

struct rig {
    struct line line;
    uint64_t now_ms;
    uint32_t findings; /* all that frames told */
    uint8_t clean[8000];
    int16_t pcm[8000];
    struct line_frame f;
};

static struct rig *rig_new(enum audio_format format)
{
    struct rig *r = test_calloc(1, sizeof(*r));
    line_init(&r->line, format);
    r->now_ms = 5000;
    return r;
}

/* One frame, 20 ms after the last one. */
static void hear(struct rig *r, const uint8_t *bytes, size_t n)
{
    r->f = (struct line_frame){.audio = span_from(bytes, n), .now_ms = r->now_ms, .clean = r->clean, .pcm = r->pcm};
    line_run(&r->line, &r->f);
    assert_int_equal(r->findings & r->f.findings, 0); /* each is told once */
    r->findings |= r->f.findings;
    r->now_ms += 20;
}

static struct line_stats stats(const struct rig *r)
{
    struct line_stats s;
    line_stats(&r->line, &s);
    return s;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Something like a voice: harmonics of a gliding pitch in syllables, of the amplitude given. Sample t of 8 kHz. */
static double voice(double t, double amplitude)
{
    double s = t / 8000;
    double pitch = 2 * M_PI * (120 * s + 3 * sin(2 * s));
    double syllable = fmax(0, sin(2 * M_PI * 3 * s)) * (0.6 + 0.4 * sin(2 * M_PI * 0.7 * s));
    double sum = 0;
    for (int h = 2; h < 20; h++) {
        sum += sin(pitch * h + h) / h;
    }
    return amplitude * syllable * sum;
}

static void speak(struct rig *r, uint32_t frames, double amplitude, double offset)
{
    for (uint32_t k = 0; k < frames; k++) {
        int16_t x[FRAME];
        uint8_t bytes[2 * FRAME];
        for (uint32_t i = 0; i < FRAME; i++) {
            double v = voice((double)(r->line.samples + i), amplitude) + offset;
            x[i] = (int16_t)lrint(CLAMP(v, -32768.0, 32767.0));
        }
        size_t n = codec_encode(r->line.format, x, FRAME, bytes);
        hear(r, bytes, n);
    }
}

TEST(every_finding_has_a_word)
{
    for (int f = 0; f < LINE_FINDING_N; f++) {
        assert_true(strlen(line_finding_word((enum line_finding)f)) > 5);
    }
    assert_string_equal(line_finding_word(LINE_ZERO_SILENCE), "zero-silence");
    assert_string_equal(line_finding_word(LINE_FINDING_N), "unknown");
}

/* A minute of speech and silence in every format: nothing is found, nothing is changed. */
TEST(a_clean_line_passes_bit_by_bit)
{
    static const enum audio_format formats[] = {AUDIO_PCMU, AUDIO_PCMA, AUDIO_PCM16_8K};
    for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
        struct rig *r = rig_new(formats[k]);
        uint32_t silent_ms = 0;
        for (uint32_t second = 0; second < 60; second++) {
            for (uint32_t frame = 0; frame < 50; frame++) {
                int16_t x[FRAME];
                uint8_t bytes[2 * FRAME];
                for (uint32_t i = 0; i < FRAME; i++) {
                    double v = second % 4 == 3 ? 0 : voice((double)(r->line.samples + i), 6000);
                    x[i] = (int16_t)lrint(v);
                }
                size_t n = codec_encode(formats[k], x, FRAME, bytes);
                hear(r, bytes, n);
                codec_decode(formats[k], span_from(bytes, n), x);
                assert_false(r->f.changed);
                assert_memory_equal(r->clean, bytes, n);
                assert_int_equal(r->f.n_pcm, FRAME);
                assert_memory_equal(r->pcm, x, sizeof(x));
                bool flat = true;
                for (uint32_t i = 1; i < FRAME; i++) {
                    flat = flat && x[i] == x[0];
                }
                assert_int_equal(r->f.silent, flat);
                silent_ms += flat ? 20 : 0;
            }
        }
        struct line_stats s = stats(r);
        assert_int_equal(s.findings, 0);
        assert_int_equal(s.frames, 3000);
        assert_int_equal(s.media_ms, 60000);
        assert_int_equal(s.silent_ms, silent_ms);
        assert_true(silent_ms >= 15000);
        assert_int_equal(s.zero_ms + s.clipped_ms + s.odd_frames, 0);
        assert_int_equal(s.usual_bytes, FRAME * audio_sample_bytes(formats[k]));
        test_free(r);
    }
}

/* 0x00 is -32124 in mu-law: it must never reach a detector as sound, from the second byte of the habit on. */
TEST(zeros_for_silence_become_silence)
{
    static const enum audio_format formats[] = {AUDIO_PCMU, AUDIO_PCMA};
    for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
        struct rig *r = rig_new(formats[k]);
        uint8_t zeros[FRAME] = {0};
        uint8_t silence[FRAME];
        memset(silence, audio_silence_byte(formats[k]), sizeof(silence));
        for (int i = 0; i < 10; i++) {
            hear(r, zeros, sizeof(zeros));
            assert_memory_equal(r->clean, silence, sizeof(silence));
            assert_true(r->f.changed && r->f.silent);
            assert_true(abs(r->pcm[0]) <= 8 && abs(r->pcm[FRAME - 1]) <= 8);
        }
        assert_int_equal(r->findings, 1u << LINE_ZERO_SILENCE);
        struct line_stats s = stats(r);
        assert_int_equal(s.zero_ms, 200);
        assert_int_equal(s.silent_ms, 200);
        assert_int_equal(s.clipped_ms, 0);
        test_free(r);
    }
}

/* Runs that begin and end inside frames, between words. */
TEST(zeros_inside_a_frame_are_replaced_to_the_sample)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    uint8_t frame[FRAME];
    uint8_t silence[FRAME];
    memset(silence, 0xFF, sizeof(silence));
    for (int k = 0; k < 20; k++) {
        memset(frame, 0xEE, sizeof(frame)); /* +232 */
        memset(frame + 100, 0, 60);
        hear(r, frame, sizeof(frame));
        assert_memory_equal(r->clean, frame, 100);
        assert_memory_equal(r->clean + 100, silence, 60);
        memset(frame, 0, 30);
        memset(frame + 30, 0x6E, 130); /* -232 */
        hear(r, frame, sizeof(frame));
        assert_memory_equal(r->clean, silence, 30);
        assert_memory_equal(r->clean + 30, frame + 30, 130);
    }
    assert_int_equal(r->findings, 1u << LINE_ZERO_SILENCE);
    memset(frame, 0xEE, sizeof(frame)); /* now that it is known: two at the end of a frame are enough */
    memset(frame + 158, 0, 2);
    hear(r, frame, sizeof(frame));
    assert_memory_equal(r->clean + 158, silence, 2);
    test_free(r);
}

/* A voice that clips hits -32124 too, for up to half its period: that is sound. */
TEST(clipping_is_not_taken_for_silence)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    for (int k = 0; k < 200; k++) {
        int16_t x[FRAME];
        uint8_t bytes[FRAME];
        for (int i = 0; i < FRAME; i++) { /* 100 Hz, driven 20 times over full scale */
            x[i] = (int16_t)CLAMP(lrint(600000 * sin(2 * M_PI * 100 * (k * FRAME + i) / 8000.0)), -32768L, 32767L);
        }
        codec_encode(AUDIO_PCMU, x, FRAME, bytes);
        hear(r, bytes, sizeof(bytes));
        assert_false(r->f.changed);
    }
    assert_int_equal(r->findings, 1u << LINE_FULL_SCALE);
    assert_in_range(stats(r).clipped_ms, 3700, 4000);
    assert_int_equal(stats(r).zero_ms, 0);
    test_free(r);
}

TEST(full_scale_noise_is_found_and_survived)
{
    struct rig *r = rig_new(AUDIO_PCM16_8K);
    uint32_t seed = 11;
    for (int k = 0; k < 100; k++) {
        uint8_t bytes[2 * FRAME];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)next_random(&seed);
        }
        hear(r, bytes, sizeof(bytes));
    }
    assert_int_equal(r->findings, 1u << LINE_FULL_SCALE);
    assert_true(abs(stats(r).dc_offset) < LINE_DC_FINDING);
    test_free(r);
}

static double mean_of(const int16_t *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

/* The detectors' samples have no offset after a second, the model's keep a small one. */
TEST(an_offset_is_found_and_taken_out_for_the_detectors)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    speak(r, 49, 3000, 900);
    assert_int_equal(r->findings, 0);
    speak(r, 50, 3000, 900);
    assert_int_equal(r->findings, 1u << LINE_DC_OFFSET);
    assert_in_range(stats(r).dc_offset, 850, 950);
    for (int k = 0; k < 50; k++) {
        speak(r, 1, 0, 900); /* between words nothing but the offset */
        assert_false(r->f.changed);
        assert_true(fabs(mean_of(r->pcm, FRAME)) < 60);
    }
    test_free(r);
}

TEST(a_large_offset_is_taken_out_for_the_model_too_without_a_step)
{
    struct rig *r = rig_new(AUDIO_PCM16_8K);
    int16_t last = 0;
    for (int k = 0; k < 150; k++) {
        int16_t got[FRAME];
        speak(r, 1, 0, -6000);
        codec_decode(AUDIO_PCM16_8K, span_from(r->clean, 2 * FRAME), got);
        for (int i = 0; i < FRAME; i++) {
            assert_true((k == 0 && i == 0) || abs(got[i] - last) < 60);
            last = got[i];
        }
        assert_int_equal(r->f.changed, k >= 49);
    }
    assert_int_equal(last, 0);
    assert_int_equal(r->pcm[FRAME - 1], 0);
    assert_int_equal(stats(r).dc_offset, -6000);
    test_free(r);
}

TEST(frames_of_other_sizes_are_counted_and_a_new_size_is_learnt)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    uint8_t bytes[400];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(0x70 + i % 8 * 0x11);
    }
    for (int k = 0; k < 20; k++) {
        hear(r, bytes, 160);
    }
    hear(r, bytes, 159);
    hear(r, bytes, 0);
    assert_int_equal(r->findings, 0);
    assert_int_equal(r->f.n_pcm, 0);
    hear(r, bytes, 400);
    assert_int_equal(r->findings, 1u << LINE_FRAME_SIZE);
    assert_int_equal(r->f.n_pcm, 400);
    assert_memory_equal(r->clean, bytes, 400);
    for (int k = 0; k < 30; k++) {
        hear(r, bytes, 320);
    }
    assert_int_equal(stats(r).usual_bytes, 320);
    assert_int_equal(stats(r).odd_frames, 3 + 8);
    test_free(r);
}

/* Linear audio cut inside a sample goes on with the next frame. */
TEST(half_samples_are_carried)
{
    struct rig *r = rig_new(AUDIO_PCM16_16K);
    uint8_t stream[1000];
    int16_t want[500];
    int16_t got[500];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(stream); i++) {
        stream[i] = (uint8_t)(i * 13 % 60);
    }
    codec_decode(AUDIO_PCM16_16K, span_from(stream, sizeof(stream)), want);
    for (size_t at = 0; at < sizeof(stream);) {
        size_t step = MIN(at % 97 + 1, sizeof(stream) - at);
        hear(r, stream + at, step);
        assert_memory_equal(r->clean, stream + at, step);
        memcpy(got + n, r->pcm, r->f.n_pcm * sizeof(*got));
        n += r->f.n_pcm;
        at += step;
    }
    assert_int_equal(n, 500);
    assert_memory_equal(got, want, sizeof(want));
    assert_true(r->findings & 1u << LINE_FRAME_SIZE);
    test_free(r);
}

/* 16 kHz sent as 8: twice the samples a second, in frames of any size. */
TEST(another_rate_is_found_by_the_clock)
{
    static const struct {
        uint32_t bytes, every_ms;
        bool wrong;
    } cases[] = {{160, 20, false}, {160, 10, true},  {320, 20, true},  {320, 40, false},
                 {80, 20, true},   {160, 23, false}, {160, 17, false}, {160, 30, false}};
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct rig *r = rig_new(AUDIO_PCMU);
        uint8_t bytes[320];
        memset(bytes, 0xF0, sizeof(bytes));
        uint64_t start = r->now_ms;
        for (uint64_t t = start; t < start + 20000; t += cases[k].every_ms) {
            r->now_ms = t;
            bytes[0] = (uint8_t)(0x70 + t % 128);
            hear(r, bytes, cases[k].bytes);
        }
        assert_int_equal(r->findings >> LINE_RATE_MISMATCH & 1, cases[k].wrong);
        uint32_t really_hz = cases[k].bytes * 1000 / cases[k].every_ms;
        assert_int_equal(stats(r).rate_hz, cases[k].wrong ? really_hz : 0);
        test_free(r);
    }
}

/* Stalls, bursts that make up for them, lost frames and a stream that pauses are no rate. */
TEST(bursts_and_pauses_are_no_other_rate)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    uint8_t bytes[FRAME];
    memset(bytes, 0xF0, sizeof(bytes));
    uint64_t media = r->now_ms;
    for (int k = 0; k < 3000; k++, media += 20) {
        uint64_t stall = media - media % 4000 + 3000; /* of every 4 s the first 3 come at once */
        r->now_ms = MAX(media, stall);
        if (k % 5 != 0) {
            hear(r, bytes, sizeof(bytes));
        }
    }
    uint64_t pause = r->now_ms;
    for (int k = 0; k < 1000; k++) { /* one frame in a while */
        r->now_ms = pause + (uint64_t)k * 1000;
        hear(r, bytes, sizeof(bytes));
    }
    assert_int_equal(r->findings, 0);
    test_free(r);
}

TEST(linear_samples_in_a_companded_stream_are_found)
{
    struct rig *r = rig_new(AUDIO_PCMU);
    for (int k = 0; k < 200; k++) {
        int16_t x[FRAME / 2];
        uint8_t bytes[FRAME];
        for (int i = 0; i < FRAME / 2; i++) {
            x[i] = (int16_t)lrint(voice(k * FRAME / 2 + i, 2500));
        }
        codec_encode(AUDIO_PCM16_8K, x, FRAME / 2, bytes);
        hear(r, bytes, sizeof(bytes));
    }
    assert_true(r->findings & 1u << LINE_CODEC_MISMATCH);
    assert_int_equal(stats(r).linear_ms, 4000);
    test_free(r);
}

/* A tone of a quarter of the rate has a pattern with a period of two, but is a tone. */
TEST(a_tone_of_two_kilohertz_is_no_linear_audio)
{
    for (int phase = 0; phase < 8; phase++) {
        struct rig *r = rig_new(AUDIO_PCMU);
        for (int k = 0; k < 200; k++) {
            int16_t x[FRAME];
            uint8_t bytes[FRAME];
            for (int i = 0; i < FRAME; i++) {
                x[i] = (int16_t)lrint(8000 * sin(M_PI * i / 2 + phase * M_PI / 16));
            }
            codec_encode(AUDIO_PCMU, x, FRAME, bytes);
            hear(r, bytes, sizeof(bytes));
        }
        assert_int_equal(r->findings, 0);
        test_free(r);
    }
}

/* In place, and with nothing wanted, it finds the same. */
TEST(outputs_are_optional_and_may_be_the_input)
{
    struct line a;
    struct line b;
    line_init(&a, AUDIO_PCMU);
    line_init(&b, AUDIO_PCMU);
    uint32_t seed = 4;
    for (int k = 0; k < 100; k++) {
        uint8_t bytes[700];
        uint8_t clean[700];
        size_t n = next_random(&seed) % sizeof(bytes);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = next_random(&seed) % 3 ? 0 : (uint8_t)next_random(&seed);
        }
        memset(bytes, 0, n / 2);
        struct line_frame x = {.audio = span_from(bytes, n), .clean = clean};
        line_run(&a, &x);
        struct line_frame y = {.audio = span_from(bytes, n), .clean = bytes};
        line_run(&b, &y);
        assert_memory_equal(clean, bytes, n);
        assert_int_equal(x.n_pcm, y.n_pcm);
        assert_int_equal(x.findings, y.findings);
    }
    assert_memory_equal(&a.window, &b.window, sizeof(a.window));
    assert_true(a.findings & 1u << LINE_ZERO_SILENCE);
}

TEST_MAIN(T(every_finding_has_a_word), T(a_clean_line_passes_bit_by_bit), T(zeros_for_silence_become_silence),
          T(zeros_inside_a_frame_are_replaced_to_the_sample), T(clipping_is_not_taken_for_silence),
          T(full_scale_noise_is_found_and_survived), T(an_offset_is_found_and_taken_out_for_the_detectors),
          T(a_large_offset_is_taken_out_for_the_model_too_without_a_step),
          T(frames_of_other_sizes_are_counted_and_a_new_size_is_learnt), T(half_samples_are_carried),
          T(another_rate_is_found_by_the_clock), T(bursts_and_pauses_are_no_other_rate),
          T(linear_samples_in_a_companded_stream_are_found), T(a_tone_of_two_kilohertz_is_no_linear_audio),
          T(outputs_are_optional_and_may_be_the_input))
