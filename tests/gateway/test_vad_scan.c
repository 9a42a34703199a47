/* The detector over a whole sound: chunks as in the reference, stretches as calls would hear them. */
#include "gateway/vad_scan.h"

#include <math.h>

#include "audio/vad_vectors.h"

struct heard {
    const struct vad_sound *sound;
    uint32_t chunks;
    struct vad_speech speech[32];
    size_t n;
};

static void on_chunk(uint32_t chunk, float probability, void *arg)
{
    struct heard *h = arg;
    assert_int_equal(chunk, h->chunks);
    if (h->sound) {
        assert_true(fabs((double)probability - h->sound->want[chunk]) <= VAD_TOLERANCE);
    }
    h->chunks++;
}

static void on_speech(const struct vad_speech *speech, void *arg)
{
    struct heard *h = arg;
    assert_in_range(h->n, 0, 31);
    h->speech[h->n++] = *speech;
}

static const struct vad_scan_handler handler = {.on_chunk = on_chunk, .on_speech = on_speech};

static struct vad_model *model;

static int set_up(void **state UNUSED)
{
    return vad_model_builtin(&model);
}

static int tear_down(void **state UNUSED)
{
    model = vad_model_free(model);
    return 0;
}

static struct vad_scan_opts defaults(enum vad_branch branch)
{
    return (struct vad_scan_opts){.branch = branch, .start_ppm = 500000, .end_ppm = 350000, .min_silence_ms = 400};
}

TEST(chunks_are_those_of_the_reference)
{
    for (size_t i = 0; i < ARRAY_LEN(vad_vectors); i++) {
        struct vad_sound sound = vad_sound_new(&vad_vectors[i]);
        struct vad_scan_opts o = defaults(vad_vectors[i].branch);
        struct heard h = {.sound = &sound};
        vad_scan(model, &o, sound.pcm, sound.chunks * vad_chunk_samples(o.branch), &handler, &h);
        assert_int_equal(h.chunks, sound.chunks);
        vad_sound_done(&sound);
    }
}

/* By the rule, from the reference's own probabilities. */
static size_t by_rule(const struct vad_sound *sound, const struct vad_scan_opts *o, struct vad_speech *ret)
{
    size_t n = 0;
    size_t first = 0;
    size_t last = 0;
    bool speaks = false;
    for (size_t i = 0; i < sound->chunks; i++) {
        double p = sound->want[i] * 1e6;
        if (!speaks && p >= o->start_ppm) {
            speaks = true;
            first = i;
        }
        last = speaks && p >= o->end_ppm ? i : last;
        if (speaks && ((i - last) * VAD_CHUNK_MS >= o->min_silence_ms || i + 1 == sound->chunks)) {
            ret[n++] = (struct vad_speech){.start_ms = first * VAD_CHUNK_MS, .end_ms = (last + 1) * VAD_CHUNK_MS};
            speaks = false;
        }
    }
    return n;
}

TEST(stretches_follow_the_thresholds)
{
    static const uint32_t silences[] = {32, 100, 400, 2000};
    struct vad_sound sound = vad_sound_new(&vad_vectors[0]);
    for (size_t i = 0; i < ARRAY_LEN(silences); i++) {
        struct vad_speech want[32];
        struct vad_scan_opts o = defaults(VAD_8K);
        struct heard h = {.sound = NULL};
        o.min_silence_ms = silences[i];
        size_t n = by_rule(&sound, &o, want);
        vad_scan(model, &o, sound.pcm, sound.chunks * 256, &handler, &h);
        assert_int_equal(h.n, n);
        for (size_t j = 0; j < n; j++) {
            assert_int_equal(h.speech[j].start_ms, want[j].start_ms);
            assert_int_equal(h.speech[j].end_ms, want[j].end_ms);
            assert_true(h.speech[j].peak >= 0.5F && h.speech[j].peak <= 1);
            assert_true(h.speech[j].mean > 0.3F && h.speech[j].mean <= h.speech[j].peak);
        }
    }
    vad_sound_done(&sound);
}

TEST(a_sound_that_ends_in_speech_ends_its_stretch)
{
    struct vad_sound sound = vad_sound_new(&vad_vectors[0]);
    struct vad_scan_opts o = defaults(VAD_8K);
    struct heard h = {.sound = NULL};
    vad_scan(model, &o, sound.pcm, 3 * 8000 + 1, &handler, &h); /* three seconds: in the middle of the first one */
    assert_int_equal(h.n, 1);
    assert_in_range(h.speech[0].end_ms, 2900, 3008);
    assert_int_equal(h.chunks, 94); /* the last one holds a single sample */
    vad_sound_done(&sound);
}

TEST(nothing_and_silence_hold_no_speech)
{
    static const int16_t silence[16000];
    struct vad_scan_opts o = defaults(VAD_16K);
    struct heard h = {.sound = NULL};
    vad_scan(model, &o, NULL, 0, &handler, &h);
    assert_int_equal(h.chunks, 0);
    vad_scan(model, &o, silence, 16000, &handler, &h);
    assert_int_equal(h.chunks, 32);
    assert_int_equal(h.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(chunks_are_those_of_the_reference),
        T(stretches_follow_the_thresholds),
        T(a_sound_that_ends_in_speech_ends_its_stretch),
        T(nothing_and_silence_hold_no_speech),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
