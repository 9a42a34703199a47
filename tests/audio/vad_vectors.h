/*
 * The reference vectors of tests/audio/vad: sound made for this project, and what onnxruntime said to each chunk of it.
 * Also the model file, for tests that read it. VAD_VECTORS is the folder, VAD_ONNX the file; both from meson.
 */
#ifndef TESTS_AUDIO_VAD_VECTORS_H
#define TESTS_AUDIO_VAD_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "audio/vad/vad.h"
#include "audio/wav.h"
#include "base/buf.h"
#include "test.h"

#define VAD_TOLERANCE 1e-4 /* of a probability; float32 implementations were within 1.6e-5 of each other */

/* Speech, speech in noise, no speech. */
static const struct vad_vector {
    const char *name;
    enum vad_branch branch;
    size_t chunks;
} vad_vectors[] = {
    {"clean_8k_ulaw", VAD_8K, 618}, {"noisy_8k_ulaw", VAD_8K, 521}, {"nonspeech_8k_ulaw", VAD_8K, 275},
    {"clean_16k", VAD_16K, 618},    {"noisy_16k", VAD_16K, 521},    {"nonspeech_16k", VAD_16K, 275},
};

struct vad_sound {
    int16_t *pcm; /* chunks * vad_chunk_samples, the last one filled up with zeros */
    double *want; /* a probability for each chunk */
    size_t chunks;
};

static inline UNUSED void vad_read_file(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s cannot be opened", path);
        return;
    }
    buf_init(ret, 16u << 20);
    size_t n = 1;
    while (n) {
        uint8_t *room = buf_room(ret, 65536);
        assert_non_null(room);
        n = fread(room, 1, 65536, f);
        buf_added(ret, n);
    }
    fclose(f);
}

static inline UNUSED struct buf vad_vector_file(const char *name, const char *suffix)
{
    char path[1024];
    struct buf b;
    assert_in_range(snprintf(path, sizeof(path), "%s/%s%s", VAD_VECTORS, name, suffix), 1, sizeof(path) - 1);
    vad_read_file(path, &b);
    return b;
}

static inline UNUSED struct vad_sound vad_sound_new(const struct vad_vector *v)
{
    struct buf wav_file = vad_vector_file(v->name, ".wav");
    struct buf csv_file = vad_vector_file(v->name, ".csv");
    struct wav wav;
    size_t chunk = vad_chunk_samples(v->branch);
    assert_ok(wav_parse(buf_span(&wav_file), &wav, NULL));
    assert_int_equal(wav.rate_hz, vad_rate_hz(v->branch));
    struct vad_sound s = {.chunks = (wav_frames(&wav) + chunk - 1) / chunk};
    assert_int_equal(s.chunks, v->chunks);
    s.pcm = calloc(s.chunks * chunk, sizeof(*s.pcm));
    s.want = calloc(s.chunks, sizeof(*s.want));
    assert_true(s.pcm && s.want);
    assert_int_equal(wav_read_mono(&wav, 0, s.chunks * chunk, s.pcm), wav_frames(&wav));
    struct str rest = buf_str(&csv_file);
    struct str line;
    size_t rows = 0;
    assert_true(str_split(&rest, '\n', &line)); /* the heading */
    while (str_split(&rest, '\n', &line) && line.n) {
        struct str number;
        assert_true(str_split(&line, ',', &number) && rows < s.chunks);
        assert_ok(str_to_f64(str_trim(line), &s.want[rows]));
        rows++;
    }
    assert_int_equal(rows, s.chunks);
    buf_done(&wav_file);
    buf_done(&csv_file);
    return s;
}

static inline UNUSED void vad_sound_done(struct vad_sound *s)
{
    free(s->pcm);
    free(s->want);
}

#endif
