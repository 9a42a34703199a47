#include "audio/line.h"

#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/g711.h"
#include "audio/level.h"

#define BLOCK 480 /* samples looked at at a time; bounds the stack */

/* A voice that clips stays at full scale for half its period: 5 ms of 100 Hz are 40 samples. Longer runs of 0x00 are
 * no sound; shorter ones are none when they begin out of quiet, where no voice jumps to the end of the scale. */
#define ZERO_RUN           64
#define ZERO_RUN_KNOWN     40 /* once the line was seen to do it */
#define ZERO_ABRUPT        8
#define ZERO_ABRUPT_KNOWN  2
#define ZERO_QUIET         4096
#define ZERO_BEFORE        4
#define ZERO_FINDING_MS    20
#define DC_MINIMUM         64 /* below it nothing is subtracted: the audio stays bit by bit */
#define CLIPPED_PERCENT    4
#define MEAN_LOUD          10000
#define PAUSE_MS           200 /* a longer wait for a frame says nothing about the rate */
#define FAST_AFTER_MS      4000
#define FAST_SLACK_MS      3000
#define SLOW_AFTER_MS      8000
#define ODD_FRAMES_FINDING 3
#define USUAL_AFTER        8 /* frames of another size in a row make it the usual one */
#define SUSPECT_WINDOWS    2

static const char *const words[LINE_FINDING_N] = {
#define X(name, word) [name] = word,
    LINE_FINDING_LIST(X)
#undef X
};

const char *line_finding_word(enum line_finding f)
{
    return f < LINE_FINDING_N ? words[f] : "unknown";
}

void line_init(struct line *l, enum audio_format f)
{
    *l = (struct line){.format = f, .rate_hz = audio_rate_hz(f)};
}

static void find(struct line *l, enum line_finding f)
{
    l->findings |= 1u << f;
}

static bool companded(const struct line *l)
{
    return l->format == AUDIO_PCMU || l->format == AUDIO_PCMA;
}

/* ---- sizes and times of frames ---- */

static void look_size(struct line *l, size_t n)
{
    if (l->frames++ == 0) {
        l->usual = (uint32_t)n;
    }
    bool half = n % audio_sample_bytes(l->format) != 0;
    if (n == l->usual) {
        l->other_n = 0;
    } else {
        l->odd_frames++;
        l->other_n = n == l->other ? l->other_n + 1 : 1;
        l->other = (uint32_t)n;
        if (l->other_n == USUAL_AFTER) {
            l->usual = l->other;
        }
    }
    if (half || l->odd_frames >= ODD_FRAMES_FINDING) {
        find(l, LINE_FRAME_SIZE);
    }
}

/* A backlog that comes in a burst after a stall is no rate: the sums over the whole call tell. */
static void look_clock(struct line *l, uint64_t now_ms, uint32_t samples)
{
    struct line_clock *k = &l->clock;
    if (k->started) {
        uint64_t wait = now_ms > k->last_ms ? now_ms - k->last_ms : 0;
        k->all_ms += wait;
        k->all_samples += k->last_samples;
        if (wait <= PAUSE_MS) {
            k->steady_ms += wait;
            k->steady_samples += k->last_samples;
        }
    }
    k->started = true;
    k->last_ms = now_ms;
    k->last_samples = samples;
    uint64_t all_media_ms = k->all_samples * 1000 / l->rate_hz;
    uint64_t steady_media_ms = k->steady_samples * 1000 / l->rate_hz;
    bool fast = k->all_ms >= FAST_AFTER_MS && all_media_ms > k->all_ms * 3 / 2 + FAST_SLACK_MS;
    bool slow = k->steady_ms >= SLOW_AFTER_MS && steady_media_ms * 10 < k->steady_ms * 6;
    if (fast || slow) {
        find(l, LINE_RATE_MISMATCH);
    }
}

/* Too many samples show in all that came, with the stalls before the bursts; too few in what came without a pause. */
static uint32_t clock_rate(const struct line_clock *k, uint32_t agreed_hz)
{
    uint64_t all_hz = k->all_samples * 1000 / MAX(k->all_ms, 1);
    uint64_t steady_hz = k->steady_samples * 1000 / MAX(k->steady_ms, 1);
    return (uint32_t)(all_hz > agreed_hz ? all_hz : steady_hz);
}

/* ---- 0x00 for silence ---- */

static uint32_t zero_least(const struct line *l, bool abrupt)
{
    if (l->zero_known) {
        return abrupt ? ZERO_ABRUPT_KNOWN : ZERO_RUN_KNOWN;
    }
    return abrupt ? ZERO_ABRUPT : ZERO_RUN;
}

/* The few samples before a run: one alone may be a clipped wave on its way through zero. */
static bool quiet_before(const struct line *l, const uint8_t *bytes, size_t i)
{
    size_t n = MIN(i, (size_t)ZERO_BEFORE);
    int16_t x[ZERO_BEFORE];
    codec_decode(l->format, span_from(bytes + i - n, n), x);
    bool quiet = n == ZERO_BEFORE || l->before < ZERO_QUIET;
    for (size_t k = 0; k < n; k++) {
        quiet = quiet && abs(x[k]) < ZERO_QUIET;
    }
    return quiet;
}

/* Replaces runs of 0x00 that are no sound. Returns how many bytes that were. */
static uint32_t replace_zeros(struct line *l, uint8_t *bytes, size_t n)
{
    uint32_t replaced = 0;
    size_t i = 0;
    while (i < n) {
        const uint8_t *found = memchr(bytes + i, 0, n - i);
        if (!found) {
            break;
        }
        size_t from = (size_t)(found - bytes);
        size_t to = from + 1;
        while (to < n && bytes[to] == 0) {
            to++;
        }
        bool goes_on = from == 0 && l->zero_run > 0;
        l->zero_abrupt = goes_on ? l->zero_abrupt : quiet_before(l, bytes, from);
        l->zero_run = (uint32_t)MIN((goes_on ? l->zero_run : 0) + (to - from), (size_t)UINT16_MAX);
        if (l->zero_run >= zero_least(l, l->zero_abrupt)) {
            memset(bytes + from, audio_silence_byte(l->format), to - from);
            replaced += (uint32_t)(to - from);
        }
        i = to;
    }
    if (n && (l->zero_run == 0 || i < n)) { /* the block does not end in zeros */
        l->zero_run = 0;
    }
    return replaced;
}

/* ---- level, mean, statistics ---- */

static int32_t loudest_end(const int16_t *x, size_t n)
{
    int32_t loudest = 0;
    for (size_t i = n - MIN(n, (size_t)ZERO_BEFORE); i < n; i++) {
        loudest = MAX(loudest, abs(x[i]));
    }
    return loudest;
}

static int16_t scale_end(enum audio_format f)
{
    return f == AUDIO_PCMU ? 32124 : f == AUDIO_PCMA ? 32256 : 32700;
}

/* The mean over all so far, then over about the last second. count: samples that are real. */
static void follow_mean(struct line *l, int32_t sum, uint32_t count)
{
    if (count == 0) {
        return;
    }
    l->dc_samples += count;
    int64_t over = (int64_t)MIN(l->dc_samples, (uint64_t)l->rate_hz);
    l->dc_q16 += ((int64_t)sum * 65536 - l->dc_q16 * (int64_t)count) / over;
}

static int32_t mean_now(const struct line *l)
{
    return l->dc_samples >= l->rate_hz ? (int32_t)(l->dc_q16 / 65536) : 0;
}

static bool looks_linear(const struct line_window *w)
{
    if (w->bytes[0] == 0 || w->bytes[1] == 0) {
        return false;
    }
    uint32_t even = w->extremes[0] * 100 / w->bytes[0];
    uint32_t odd = w->extremes[1] * 100 / w->bytes[1];
    uint32_t high = MAX(even, odd);
    uint32_t low = MIN(even, odd);
    return high >= low + 40 && low >= 1 && low <= 15; /* a low byte is anything: 8 of 256 values are 3 % */
}

static void close_window(struct line *l)
{
    struct line_window *w = &l->window;
    if (w->samples < l->rate_hz) {
        return;
    }
    if (w->clipped * 100 >= w->samples * CLIPPED_PERCENT || w->magnitude / w->samples >= MEAN_LOUD) {
        find(l, LINE_FULL_SCALE);
    }
    l->suspect = looks_linear(w) ? l->suspect + 1 : 0;
    if (l->suspect >= SUSPECT_WINDOWS) {
        l->linear_samples += (uint64_t)w->samples * (l->suspect == SUSPECT_WINDOWS ? SUSPECT_WINDOWS : 1);
        find(l, LINE_CODEC_MISMATCH);
    }
    *w = (struct line_window){0};
}

static void count_bytes(struct line *l, const uint8_t *bytes, size_t n)
{
    struct line_window *w = &l->window;
    size_t even = l->odd_place;
    uint32_t extremes[2];
    level_extremes(bytes, n, extremes);
    w->extremes[0] += extremes[even];
    w->extremes[1] += extremes[1 - even];
    w->bytes[0] += (uint32_t)((n + 1 - even) / 2);
    w->bytes[1] += (uint32_t)((n + even) / 2);
}

/* ---- one block ---- */

/* Subtracts what goes from one value to another over the block, so that a new estimate makes no step. */
static void subtract(const int16_t *x, size_t n, int32_t from, int32_t to, int16_t *out)
{
    if (from == 0 && to == 0) {
        memcpy(out, x, n * sizeof(*out));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t offset = from + (int32_t)((to - from) * (int64_t)(i + 1) / (int64_t)n);
        int32_t y = x[i] - offset;
        out[i] = (int16_t)CLAMP(y, INT16_MIN, INT16_MAX);
    }
}

/* What the block's samples tell; replaced: how many of them are ours. */
static void learn(struct line *l, const struct level *v, size_t n, uint32_t replaced)
{
    uint32_t real = (uint32_t)n - replaced;
    l->samples += n;
    l->zero_samples += replaced;
    l->clipped_samples += v->clipped;
    l->window.samples += (uint32_t)n;
    l->window.clipped += v->clipped;
    l->window.magnitude += (uint32_t)v->magnitude;
    follow_mean(l, v->sum, real);
    if (l->zero_samples * 1000 >= (uint64_t)ZERO_FINDING_MS * l->rate_hz) {
        l->zero_known = true;
        find(l, LINE_ZERO_SILENCE);
    }
    if (abs(mean_now(l)) >= LINE_DC_FINDING) {
        find(l, LINE_DC_OFFSET);
    }
    close_window(l);
}

struct block {
    uint8_t bytes[2 * BLOCK];
    int16_t pcm[BLOCK + 1];
    size_t n_bytes, n;
    bool whole; /* bytes and samples are the same audio */
};

static void decode_block(struct line *l, struct block *b)
{
    const uint8_t *p = b->bytes;
    size_t n_bytes = b->n_bytes;
    b->n = 0;
    b->whole = !l->has_carry && n_bytes % audio_sample_bytes(l->format) == 0;
    if (l->has_carry && n_bytes) {
        uint8_t joined[2] = {l->carry, p[0]};
        b->n = codec_decode(l->format, span_from(joined, 2), b->pcm);
        l->has_carry = false;
        p++;
        n_bytes--;
    }
    b->n += codec_decode(l->format, span_from(p, n_bytes), b->pcm + b->n);
    if (n_bytes % audio_sample_bytes(l->format)) {
        l->carry = p[n_bytes - 1];
        l->has_carry = true;
    }
}

/* Takes the offset out. */
static void take_mean(struct line *l, struct line_frame *f, struct block *b)
{
    int32_t mean = mean_now(l);
    int32_t heard = abs(mean) >= DC_MINIMUM ? mean : 0;
    int32_t least = l->dc_cut ? LINE_DC_LARGE / 2 : LINE_DC_LARGE;
    int32_t cut = abs(mean) >= least ? mean : 0;
    if (f->pcm && b->n) {
        subtract(b->pcm, b->n, l->dc_heard, heard, f->pcm + f->n_pcm);
    }
    if ((l->dc_cut || cut) && b->whole && b->n) {
        int16_t x[BLOCK];
        subtract(b->pcm, b->n, l->dc_cut, cut, x);
        codec_encode(l->format, x, b->n, b->bytes);
        f->changed = true;
    }
    l->dc_heard = heard;
    l->dc_cut = cut;
}

static void run_block(struct line *l, struct line_frame *f, struct block *b, struct level *whole)
{
    uint32_t replaced = 0;
    if (companded(l)) {
        replaced = replace_zeros(l, b->bytes, b->n_bytes);
        if (replaced == 0) { /* what we put there is no statistic */
            count_bytes(l, b->bytes, b->n_bytes);
        }
        l->odd_place ^= b->n_bytes % 2;
        f->changed |= replaced > 0;
    }
    decode_block(l, b);
    if (b->n) {
        struct level v = level_measure(b->pcm, b->n, scale_end(l->format));
        whole->low = MIN(whole->low, v.low);
        whole->high = MAX(whole->high, v.high);
        l->before = loudest_end(b->pcm, b->n);
        learn(l, &v, b->n, replaced);
    }
    take_mean(l, f, b);
    f->n_pcm += b->n;
}

void line_run(struct line *l, struct line_frame *f)
{
    uint32_t before = l->findings;
    struct level whole = {.low = INT16_MAX, .high = INT16_MIN};
    struct block b;
    size_t step = (size_t)BLOCK * audio_sample_bytes(l->format);
    f->n_pcm = 0;
    f->changed = false;
    look_size(l, f->audio.n);
    for (size_t at = 0; at < f->audio.n; at += b.n_bytes) {
        b.n_bytes = MIN(f->audio.n - at, step);
        memcpy(b.bytes, f->audio.p + at, b.n_bytes);
        run_block(l, f, &b, &whole);
        if (f->clean) {
            memcpy(f->clean + at, b.bytes, b.n_bytes);
        }
    }
    look_clock(l, f->now_ms, (uint32_t)f->n_pcm);
    f->silent = f->n_pcm > 0 && whole.low == whole.high;
    l->silent_samples += f->silent ? f->n_pcm : 0;
    f->findings = l->findings & ~before;
}

void line_stats(const struct line *l, struct line_stats *ret)
{
    uint64_t rate = l->rate_hz;
    *ret = (struct line_stats){.frames = l->frames,
                               .media_ms = l->samples * 1000 / rate,
                               .usual_bytes = l->usual,
                               .odd_frames = (uint32_t)l->odd_frames,
                               .zero_ms = (uint32_t)(l->zero_samples * 1000 / rate),
                               .clipped_ms = (uint32_t)(l->clipped_samples * 1000 / rate),
                               .silent_ms = (uint32_t)(l->silent_samples * 1000 / rate),
                               .linear_ms = (uint32_t)(l->linear_samples * 1000 / rate),
                               .rate_hz = l->findings >> LINE_RATE_MISMATCH & 1 ? clock_rate(&l->clock, l->rate_hz) : 0,
                               .dc_offset = mean_now(l),
                               .findings = l->findings};
}
