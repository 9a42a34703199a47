/*
 * The real speech detector for simulated calls, and speech for it to hear: the reference sound of tests/audio/vad,
 * mu-law, 8 kHz. Included by one program each, beside its stage.
 */
#ifndef TESTS_CALL_EAR_H
#define TESTS_CALL_EAR_H

#include "stage.h"

#include "audio/g711.h"
#include "audio/vad/vad.h"
#include "audio/wav.h"

#define FRAME     160
#define EAR_VOICE 16000 /* two seconds */

static struct vad_model *ear_model;
static struct vad_state ear_stream;
static uint8_t ear_file[1 << 20];
static struct span ear_sound; /* all of it */
static const uint8_t *voice;  /* EAR_VOICE bytes from where it is loud */

/* For sim.hear. */
static uint32_t hear(const struct call_action *act)
{
    int16_t pcm[32 + 256];
    size_t context = act->vad.chunk == 0 ? 32 : 0;
    assert_int_equal(act->vad.pcm.n, (context + 256) * sizeof(int16_t));
    memcpy(pcm, act->vad.pcm.p, act->vad.pcm.n);
    if (act->vad.reset) {
        vad_reset(&ear_stream);
    }
    struct vad_state look = vad_look(&ear_stream, VAD_8K, pcm);
    struct vad_job job = {.state = context ? &look : &ear_stream, .pcm = pcm + context};
    vad_run(ear_model, VAD_8K, &job, 1);
    return (uint32_t)(job.probability * 1e6F);
}

/* Set-up and tear-down of the group. */
static int ear_open(void **state UNUSED)
{
    struct wav wav;
    const char *why = NULL;
    FILE *f = fopen(VAD_VECTORS "/clean_8k_ulaw.wav", "rbe");
    assert_non_null(f);
    size_t n = fread(ear_file, 1, sizeof(ear_file), f);
    assert_int_equal(fclose(f), 0);
    assert_ok(wav_parse(span_from(ear_file, n), &wav, &why));
    ear_sound = wav.data;
    size_t loud = 0; /* of the last 20 ms */
    size_t at = 0;
    for (; at + EAR_VOICE < n && loud < 100; at++) { /* codes of mu-law: low ones are loud */
        loud = (ear_file[at] & 0x7F) < 0x30 ? loud + 1 : loud - (loud > 0 && at % 4 == 0);
    }
    voice = ear_file + at - FRAME;
    return vad_model_builtin(&ear_model);
}

static int ear_close(void **state UNUSED)
{
    ear_model = vad_model_free(ear_model);
    return 0;
}

#endif
