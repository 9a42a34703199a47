#include "peer/sandbox/sandbox_voice.h"

#include <stdlib.h>

#include "base/err.h"
#include "peer/speech/speech_tts.h"

#define CACHE_DEFAULT_BYTES (16u << 20)
#define CACHE_SLOTS         256
#define NOISE_S             12 /* no line of noise is longer */
#define NOISE_MS_PER_CHAR   65

struct voice_entry {
    char *text; /* NULL: free */
    size_t text_n;
    struct clip *clip;
    uint64_t used; /* tick of the last use */
};

struct voice {
    struct loop *loop;
    struct voice_opts opts;
    struct voice_entry cache[CACHE_SLOTS];
    size_t cache_bytes;
    uint64_t ticks;
    struct clip *noise[OPENAI_FORMAT_N];
    struct voice_job *jobs; /* under way */
};

/* Who waits for a clip. */
struct voice_waiter {
    struct voice_waiter *next;
    voice_fn done;
    void *arg;
};

struct voice_job {
    struct voice_job *next;
    struct voice *voice;
    struct str text; /* owned */
    enum openai_format format;
    struct voice_waiter *waiters;
    struct clip *clip;
};

/* ---- noise ---- */

/* Noise and a low tone, four syllables a second with short pauses between "words": loud where speech is loud. */
static void noise_fill(int16_t *pcm, size_t n, uint32_t rate_hz)
{
    uint32_t seed = 7;
    int32_t low = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t ms = (uint32_t)(i * 1000 / rate_hz);
        uint32_t in_syllable = ms % 250;
        bool pause = ms % 1500 > 1300;
        int32_t envelope = pause ? 0 : in_syllable < 125 ? (int32_t)in_syllable : 250 - (int32_t)in_syllable;
        seed = seed * 1664525u + 1013904223u;
        low += ((int32_t)(seed >> 17) - 16384 - low) / 4;
        int32_t tone = (i * 120 / rate_hz * rate_hz / 120 == i) ? 16000 : 0; /* 120 pulses a second */
        pcm[i] = (int16_t)CLAMP((low + tone) * envelope / 160, -20000, 20000);
    }
}

static int noise_make(struct voice *v)
{
    size_t n = (size_t)NOISE_S * 8000;
    int16_t *pcm = malloc(n * sizeof(*pcm));
    int err = pcm ? 0 : -ENOMEM;
    if (pcm) {
        noise_fill(pcm, n, 8000);
    }
    static const enum openai_format formats[] = {OPENAI_FORMAT_PCM24K, OPENAI_FORMAT_PCMU, OPENAI_FORMAT_PCMA};
    for (size_t i = 0; err == 0 && i < ARRAY_LEN(formats); i++) {
        err = clip_encode(pcm, n, 8000, formats[i], &v->noise[formats[i]]);
    }
    free(pcm);
    return err;
}

static struct clip *noise_say(struct voice *v, struct str text, enum openai_format format)
{
    const struct clip *whole = v->noise[format];
    size_t n = text.n * NOISE_MS_PER_CHAR * clip_bytes_per_ms(format);
    return clip_view(format, span_from(whole->audio.p, MIN(n, whole->audio.n)));
}

/* ---- cache ---- */

static struct voice_entry *cache_find(struct voice *v, struct str text, enum openai_format format)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        struct voice_entry *e = &v->cache[i];
        if (e->text && e->clip->format == format && str_eq((struct str){e->text, e->text_n}, text)) {
            return e;
        }
    }
    return NULL;
}

static void cache_drop(struct voice *v, struct voice_entry *e)
{
    v->cache_bytes -= e->clip->audio.n;
    free(e->text);
    clip_unref(e->clip);
    *e = (struct voice_entry){0};
}

/* A free slot; the least recently used goes while there are too many bytes or no slot. */
static struct voice_entry *cache_room(struct voice *v, size_t bytes)
{
    for (;;) {
        struct voice_entry *oldest = NULL, *empty = NULL;
        for (size_t i = 0; i < CACHE_SLOTS; i++) {
            struct voice_entry *e = &v->cache[i];
            if (!e->text) {
                empty = e;
            } else if (!oldest || e->used < oldest->used) {
                oldest = e;
            }
        }
        if (empty && v->cache_bytes + bytes <= v->opts.cache_bytes) {
            return empty;
        }
        if (!oldest) {
            return NULL;
        }
        cache_drop(v, oldest);
    }
}

static void cache_put(struct voice *v, struct str text, struct clip *clip)
{
    if (clip->audio.n > v->opts.cache_bytes / 4 || cache_find(v, text, clip->format)) {
        return;
    }
    struct voice_entry *e = cache_room(v, clip->audio.n);
    char *copy = e ? str_dup(text) : NULL;
    if (copy) {
        *e = (struct voice_entry){.text = copy, .text_n = text.n, .clip = clip_ref(clip), .used = ++v->ticks};
        v->cache_bytes += clip->audio.n;
    }
}

/* ---- jobs ---- */

/* 8 kHz voice for the telephone's formats, the 16 kHz one where it can be heard. */
static int job_work(void *arg)
{
    struct voice_job *job = arg;
    struct tts_audio audio;
    struct speech_words words = {0};
    bool wide = job->format == OPENAI_FORMAT_PCM24K;
    int err = tts_say_words(job->text, wide ? TTS_KAL_16K : TTS_KAL_8K, &audio, &words);
    if (err >= 0) {
        err = clip_encode(audio.samples, audio.n, audio.rate_hz, job->format, &job->clip);
        tts_audio_done(&audio);
    }
    if (err >= 0) {
        job->clip->words = words;
    } else {
        speech_words_done(&words);
    }
    return err;
}

static void job_free(struct voice_job *job)
{
    while (job->waiters) {
        struct voice_waiter *w = job->waiters;
        job->waiters = w->next;
        free(w);
    }
    free((void *)(uintptr_t)job->text.p);
    free(job);
}

static void job_forget(struct voice_job *job)
{
    struct voice_job **at = &job->voice->jobs;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

static void job_done(int result, void *arg)
{
    struct voice_job *job = arg;
    struct clip *clip = result < 0 ? clip_unref(job->clip) : job->clip;
    job_forget(job);
    if (clip) {
        cache_put(job->voice, job->text, clip);
    }
    for (struct voice_waiter *w = job->waiters; w; w = w->next) {
        w->done(clip ? clip_ref(clip) : NULL, w->arg);
    }
    clip_unref(clip);
    job_free(job);
}

static void job_failed(void *arg)
{
    job_done(-ENOMEM, arg);
}

/* Last in, last served: the order of asking is the order of answering. */
static int job_wait(struct voice_job *job, voice_fn done, void *arg)
{
    struct voice_waiter *w = malloc(sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    *w = (struct voice_waiter){NULL, done, arg};
    struct voice_waiter **at = &job->waiters;
    while (*at) {
        at = &(*at)->next;
    }
    *at = w;
    return 0;
}

static struct voice_job *job_find(const struct voice *v, struct str text, enum openai_format format)
{
    struct voice_job *job = v->jobs;
    while (job && !(job->format == format && str_eq(job->text, text))) {
        job = job->next;
    }
    return job;
}

static int job_start(struct voice *v, struct str text, enum openai_format format, struct voice_waiter waiter)
{
    struct voice_job *job = calloc(1, sizeof(*job));
    char *copy = job ? str_dup(text) : NULL;
    if (!copy) {
        free(job);
        return -ENOMEM;
    }
    *job = (struct voice_job){.next = v->jobs, .voice = v, .text = {copy, text.n}, .format = format};
    int err = job_wait(job, waiter.done, waiter.arg);
    v->jobs = job;
    if (err >= 0 && job_run(v->loop, job_work, job_done, job) < 0) {
        err = loop_post(v->loop, job_failed, job);
    }
    if (err < 0) {
        job_forget(job);
        job_free(job);
    }
    return err;
}

struct clip *voice_say(struct voice *v, struct str text, enum openai_format format, voice_fn done, void *arg)
{
    if (v->opts.noise) {
        return noise_say(v, text, format);
    }
    struct voice_entry *e = cache_find(v, text, format);
    if (e) {
        e->used = ++v->ticks;
        return clip_ref(e->clip);
    }
    struct voice_job *job = job_find(v, text, format);
    int err = job ? job_wait(job, done, arg) : job_start(v, text, format, (struct voice_waiter){NULL, done, arg});
    return err < 0 ? clip_new(format, NULL, 0) : NULL; /* out of memory: the line stays silent */
}

/* ---- life ---- */

int voice_new(struct loop *loop, const struct voice_opts *opts, struct voice **ret)
{
    struct voice *v = calloc(1, sizeof(*v));
    if (!v) {
        return -ENOMEM;
    }
    v->loop = loop;
    v->opts = *opts;
    v->opts.cache_bytes = opts->cache_bytes ? opts->cache_bytes : CACHE_DEFAULT_BYTES;
    int err = opts->noise ? noise_make(v) : 0;
    if (err < 0) {
        voice_free(v);
        return err;
    }
    *ret = v;
    return 0;
}

struct voice *voice_free(struct voice *v)
{
    if (v) {
        for (size_t i = 0; i < CACHE_SLOTS; i++) {
            if (v->cache[i].text) {
                cache_drop(v, &v->cache[i]);
            }
        }
        for (size_t i = 0; i < OPENAI_FORMAT_N; i++) {
            clip_unref(v->noise[i]);
        }
        free(v);
    }
    return NULL;
}
