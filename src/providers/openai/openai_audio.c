#include "providers/openai/openai_audio.h"

#include "audio/g711.h"
#include "base/base64.h"
#include "base/err.h"

#define KEEP_BYTES     (256u << 10) /* a buffer that grew beyond it is given back before the next delta */
#define ENOUGH_PAIRS   160u
#define UNTOLD_PERCENT 50u

void openai_audio_init(struct openai_audio *a, enum audio_format confirmed)
{
    *a = (struct openai_audio){.format = confirmed};
    bool g711 = confirmed == AUDIO_PCMU || confirmed == AUDIO_PCMA;
    /* 24 kHz to 8 kHz is one of the pairs it knows. */
    a->verdict = g711 && resample_init(&a->down, 24000, 8000) == 0 ? OPENAI_AUDIO_UNDECIDED : OPENAI_AUDIO_AS_TOLD;
}

void openai_audio_restart(struct openai_audio *a)
{
    a->has_carry = false;
    if (a->verdict == OPENAI_AUDIO_PCM_UNTOLD) {
        resample_reset(&a->down);
    }
}

/* A high byte of a PCM16 sample below an eighth of full scale. */
static bool is_near(uint8_t b)
{
    return b < 0x10 || b >= 0xf0;
}

/* Pairs of bytes near zero are quiet in both: they say nothing, and there may be many before the first word. */
static void count(struct openai_audio *a, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        bool even_far = !is_near(p[i]);
        bool odd_far = !is_near(p[i + 1]);
        a->n_pairs += even_far || odd_far;
        a->n_even_far += even_far;
        a->n_odd_far += odd_far;
    }
}

/*
 * In PCM16 the bytes at even places (low ones) are anything and those at odd places nearly always near zero; in G.711
 * all places are alike.
 */
static void judge(struct openai_audio *a)
{
    if (a->n_pairs >= ENOUGH_PAIRS) {
        bool untold = a->n_even_far > a->n_odd_far && a->n_even_far - a->n_odd_far > a->n_pairs * UNTOLD_PERCENT / 100;
        a->verdict = untold ? OPENAI_AUDIO_PCM_UNTOLD : OPENAI_AUDIO_AS_TOLD;
    }
}

static bool is_pcm(const struct openai_audio *a)
{
    return a->format == AUDIO_PCM16_24K || a->verdict == OPENAI_AUDIO_PCM_UNTOLD;
}

/* The lone byte at the end of p[0 .. n) waits for the next delta. */
static size_t keep_half_sample(struct openai_audio *a, const uint8_t *p, size_t n)
{
    a->has_carry = n % 2 != 0;
    if (a->has_carry) {
        a->carry = p[--n];
    }
    return n;
}

/* data: n bytes of PCM16 at 24 kHz, aligned; replaced by G.711 at 8 kHz. */
static int convert(struct openai_audio *a, struct buf *pcm, uint8_t *data, size_t n, struct span *ret)
{
    size_t samples = n / 2;
    size_t out_samples = 0;
    buf_clear(pcm);
    int16_t *out = (int16_t *)(void *)buf_room(pcm, (resample_out_max(&a->down, samples) + 1) * sizeof(int16_t));
    if (!out) {
        return pcm->err;
    }
    resample_run(&a->down, (const int16_t *)(const void *)data, samples, out, &out_samples);
    if (a->format == AUDIO_PCMA) {
        g711_alaw_encode(out, out_samples, data);
    } else {
        g711_mulaw_encode(out, out_samples, data);
    }
    *ret = span_from(data, out_samples);
    return 0;
}

static void shrink(struct buf *b)
{
    if (b->cap > KEEP_BYTES) {
        size_t max = b->max_bytes;
        buf_done(b);
        buf_init(b, max);
    }
}

int openai_audio_read(struct openai_audio *a, struct str base64, struct openai_scratch *scratch, struct span *ret)
{
    struct buf *b = &scratch->audio;
    size_t ahead = a->has_carry ? 1 : 0;
    shrink(b);
    shrink(&scratch->pcm);
    buf_clear(b);
    uint8_t *data = buf_room(b, base64_dec_max(base64.n) + ahead);
    int n = data ? base64_decode(data + ahead, base64) : b->err;
    if (n < 0) {
        return n;
    }
    bool undecided = a->verdict == OPENAI_AUDIO_UNDECIDED;
    if (undecided) {
        count(a, data, (size_t)n);
        judge(a);
    }
    size_t whole = (size_t)n + ahead;
    if (ahead) {
        data[0] = a->carry;
    }
    if (is_pcm(a)) {
        whole = keep_half_sample(a, data, whole);
    }
    *ret = span_from(data, whole);
    if (a->verdict != OPENAI_AUDIO_PCM_UNTOLD) {
        return 0;
    }
    int err = convert(a, &scratch->pcm, data, whole, ret);
    return err < 0 ? err : undecided;
}
