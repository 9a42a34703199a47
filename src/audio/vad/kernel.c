/*
 * Built once for each instruction set: VAD_LANES floats in a vector, VAD_KERNEL the name, VAD_NEEDS what it asks of the
 * CPU (enum vad_cpu). A layer is computed in tiles: some columns (frames or streams that share the weights) times some
 * vectors of outputs, all sums in registers, inputs broadcast one by one. So every output is one sum in the order of
 * its inputs, whatever the tile: that is why a chunk gives the same bits alone and in a batch. A chunk by itself leaves
 * out the inputs that ReLU made zero, and with them a third of the weights it would have to wait for; no sum changes.
 * The weights of a branch are larger than many a second-level cache: what the processor cannot foresee is fetched
 * ahead.
 */
#include "audio/vad/kernel.h"
#include "audio/vad/stft.h"

#define L      VAD_LANES
#define INLINE static inline __attribute__((always_inline))
/* Once for all batches, so that the compiler cannot round it in two ways. */
#define ONCE static __attribute__((noinline))

typedef float v __attribute__((vector_size(4 * L), may_alias));
typedef float vu __attribute__((vector_size(4 * L), aligned(4), may_alias)); /* anywhere in memory */
typedef int32_t vi __attribute__((vector_size(4 * L)));

INLINE v load(const float *p)
{
    return *(const vu *)(const void *)p;
}

INLINE void store(float *p, v x)
{
    *(vu *)(void *)p = x;
}

INLINE v splat(float x)
{
    return x - (v){0}; /* not +: minus zero stays */
}

INLINE v relu(v x)
{
    return (v)((vi)(x > 0) & (vi)x);
}

INLINE v clamp(v x, float lo, float hi)
{
    vi low = x < lo;
    vi high = x > hi;
    return (v)((low & (vi)splat(lo)) | (high & (vi)splat(hi)) | (~(low | high) & (vi)x));
}

/* exp within 2 units of the last place: 2^n by the exponent's bits, the rest by a polynomial on +-ln(2)/2. */
INLINE v exp_v(v x)
{
    const float magic = 12582912.0F; /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    x = clamp(x, -87.0F, 87.0F);
    v shifted = x * 1.44269504F + magic;
    v n = shifted - magic;
    v r = x - n * 0.693359375F;
    r = r + n * 2.12194440e-4F; /* ln 2 in two pieces */
    v p = splat(1.9875691e-4F);
    p = p * r + 1.3981999e-3F;
    p = p * r + 8.3334519e-3F;
    p = p * r + 4.1665795e-2F;
    p = p * r + 1.6666665e-1F;
    p = p * r + 0.5F;
    p = p * (r * r) + r;
    p = p + 1.0F;
    vi power = ((vi)shifted - (vi)splat(magic) + 127) << 23;
    return p * (v)power;
}

INLINE v sigmoid(v x)
{
    return 1.0F / (1.0F + exp_v(-x));
}

INLINE v tanh_v(v x)
{
    return 2.0F / (1.0F + exp_v(x * -2.0F)) - 1.0F;
}

/* ---- layers ---- */

/* What shares one walk over the weights of a layer: the same frame of several streams, or the frames of one. */
struct columns {
    const float *in[VAD_BATCH];
    float *out[VAD_BATCH];
    /* Inputs from .. to are used; by all columns but the first one its first `lead`, by all but the last one its last
     * `trail`: where those meet padding. */
    uint32_t from, to, lead, trail;
};

/* Adds inputs from .. to for the columns first .. n - 1, of n in all. Everything but the range is a constant. */
INLINE void accumulate(v *sum, const float *const *w, const struct columns *c, uint32_t from, uint32_t to,
                       const unsigned first, const unsigned n, const unsigned vectors)
{
#pragma GCC unroll 2
    for (uint32_t k = from; k < to; k++) {
#pragma GCC unroll 8
        for (unsigned j = first; j < n; j++) {
            v x = splat(c->in[j][k]);
#pragma GCC unroll 8
            for (unsigned i = 0; i < vectors; i++) {
                sum[j * vectors + i] += *(const v *)(const void *)(w[i] + (size_t)k * VAD_BLOCK) * x;
            }
        }
    }
}

/* One tile: `vectors` vectors of outputs from `first` on, for `n` columns. Both are constants where this is inlined. */
INLINE void tile(const struct vad_layer *l, uint32_t first, const struct columns *c, const bool rectify,
                 const unsigned n, const unsigned vectors)
{
    v sum[16]; /* n * vectors of them */
    const float *w[8];
#pragma GCC unroll 8
    for (unsigned i = 0; i < vectors; i++) {
        uint32_t out = first + i * L;
        w[i] = l->w + (size_t)(out / VAD_BLOCK) * l->in * VAD_BLOCK + out % VAD_BLOCK;
#pragma GCC unroll 8
        for (unsigned j = 0; j < n; j++) {
            sum[j * vectors + i] = load(l->bias + out);
        }
    }
    /* Frames of one stream come as two or as all four. */
    if (n == 2 || n == VAD_FRAMES) {
        accumulate(sum, w, c, c->from, c->from + c->lead, 1, n, vectors);
    }
    accumulate(sum, w, c, c->from + c->lead, c->to - c->trail, 0, n, vectors);
    if (n == VAD_FRAMES) {
        accumulate(sum, w, c, c->to - c->trail, c->to, 0, n - 1, vectors);
    }
#pragma GCC unroll 8
    for (unsigned j = 0; j < n; j++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < vectors; i++) {
            v x = sum[j * vectors + i];
            store(c->out[j] + first + i * L, rectify ? relu(x) : x);
        }
    }
}

/* The inputs of column j of n. */
INLINE uint32_t column_from(const struct columns *c, size_t j)
{
    return c->from + (j == 0 ? c->lead : 0);
}

INLINE uint32_t column_to(const struct columns *c, size_t j, size_t n)
{
    return c->to - (j + 1 == n ? c->trail : 0);
}

#if VAD_LANES == 4

/* An input that is broadcast for two vectors costs as much as they do: one column after the other takes eight, whose
 * weights the first-level cache keeps. */
INLINE void layer(const struct vad_layer *l, const struct columns *c, size_t n, const bool rectify)
{
    for (uint32_t first = 0; first < l->out; first += 8 * L) {
        for (size_t j = 0; j < n; j++) {
            struct columns one = {
                .in = {c->in[j]}, .out = {c->out[j]}, .from = column_from(c, j), .to = column_to(c, j, n)};
            tile(l, first, &one, rectify, 1, 8);
        }
    }
}

#else

#define TILES(n, vectors)                                                                                              \
    for (uint32_t first = 0; first < l->out; first += (vectors)*L) {                                                   \
        tile(l, first, c, rectify, n, vectors);                                                                        \
    }                                                                                                                  \
    break

/* n columns. As many sums as the registers hold; each weight is read once for all. */
INLINE void layer(const struct vad_layer *l, const struct columns *c, size_t n, const bool rectify)
{
    switch (n) {
    case 1:
        TILES(1, 8);
    case 2:
        TILES(2, 4);
    case 3:
        TILES(3, 4);
    case 4:
        TILES(4, 2);
    case 5:
        TILES(5, 2);
    case 6:
        TILES(6, 2);
    }
}

#endif

ONCE void layer_relu(const struct vad_layer *l, const struct columns *c, size_t n)
{
    layer(l, c, n, true);
}

ONCE void layer_linear(const struct vad_layer *l, const struct columns *c, size_t n)
{
    layer(l, c, n, false);
}

/* ---- layers whose inputs come from ReLU ---- */

#define SPARSE_MAX (3 * VAD_HIDDEN) /* inputs */
#define AHEAD      16               /* inputs whose weights are on their way while those of one are added */
#define LINE       16               /* floats that memory brings at once */

/* Those of a column that are not zero, in order: what is added for the others is nothing. */
struct sparse {
    float x[SPARSE_MAX];
    uint32_t row[SPARSE_MAX + AHEAD]; /* where its weights lie in a block; behind the last: what to fetch then */
    uint32_t n;
};

static void sparse_find(struct sparse *s, const float *in, uint32_t from, uint32_t to)
{
    uint32_t found = 0; /* no branch: the pattern is another one in each chunk */
    for (uint32_t k = from; k < to && found < SPARSE_MAX; k++) {
        s->x[found] = in[k];
        s->row[found] = k * VAD_BLOCK;
        found += in[k] != 0;
    }
    s->n = found;
}

/* Behind the last rows of a tile come the first ones of the next, so many floats on. */
static void sparse_aim(struct sparse *s, uint32_t to_next)
{
    for (uint32_t i = 0; i < AHEAD; i++) {
        s->row[s->n + i] = to_next + (i < s->n ? s->row[i] : 0);
    }
}

/* Eight vectors of outputs from `first` on: with 8 lanes that is two blocks. */
INLINE void sparse_tile(const struct vad_layer *l, uint32_t first, const struct sparse *s, float *out,
                        const bool rectify)
{
    v sum[8];
    const float *w[8];
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        uint32_t o = first + i * L;
        w[i] = l->w + (size_t)(o / VAD_BLOCK) * l->in * VAD_BLOCK + o % VAD_BLOCK;
        sum[i] = load(l->bias + o);
    }
#pragma GCC unroll 2
    for (uint32_t k = 0; k < s->n; k++) {
        v x = splat(s->x[k]);
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i += LINE / L) {
            __builtin_prefetch(w[i] + s->row[k + AHEAD]);
        }
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            sum[i] += *(const v *)(const void *)(w[i] + s->row[k]) * x;
        }
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        store(out + first + i * L, rectify ? relu(sum[i]) : sum[i]);
    }
}

ONCE void sparse_layer(const struct vad_layer *l, const struct columns *c, size_t n, const bool rectify)
{
    struct sparse s[VAD_BATCH];
    for (size_t j = 0; j < n; j++) {
        sparse_find(&s[j], c->in[j], column_from(c, j), column_to(c, j, n));
    }
    for (uint32_t first = 0; first < l->out; first += 8 * L) {
        for (size_t j = 0; j < n; j++) {
            sparse_aim(&s[j], first + 8 * L < l->out ? 8 * L * l->in : 0);
            sparse_tile(l, first, &s[j], c->out[j], rectify);
        }
    }
}

/* Several columns have hardly an input that is zero in all: those that share registers read every weight, but once. */
static void layer_after_relu(const struct vad_layer *l, const struct columns *c, size_t n, bool rectify)
{
    if (n == 1 || L == 4) {
        sparse_layer(l, c, n, rectify);
    } else if (rectify) {
        layer_relu(l, c, n);
    } else {
        layer_linear(l, c, n);
    }
}

/* ---- one chunk ---- */

/* Context, chunk and reflection, then their spectrum. */
ONCE void analyse(const struct vad_net *net, const struct vad_job *job, struct vad_scratch *s)
{
    uint32_t context = net->points / 4;
    uint32_t chunk = net->points * 2;
    uint32_t n = context + chunk;
    memcpy(s->samples, job->state->context, context * sizeof(float));
    for (uint32_t i = 0; i < chunk; i++) {
        s->samples[context + i] = (float)job->pcm[i] * (1.0F / 32768.0F);
    }
    memcpy(job->state->context, s->samples + chunk, context * sizeof(float));
    for (uint32_t i = 0; i < context; i++) {
        s->samples[n + i] = s->samples[n - 2 - i];
    }
    stft_magnitudes(net, s->samples, s->magnitude + net->bins);
    memcpy(s->lstm_in + VAD_HIDDEN, job->state->h, sizeof(job->state->h));
}

/* LSTM cell and decoder. */
ONCE void conclude(const struct vad_net *net, struct vad_job *job, const struct vad_scratch *s)
{
    struct vad_state *state = job->state;
    v sum = {0};
    for (uint32_t i = 0; i < VAD_HIDDEN; i += L) {
        v in = sigmoid(load(s->gates + i));
        v forget = sigmoid(load(s->gates + VAD_HIDDEN + i));
        v candidate = tanh_v(load(s->gates + 2 * VAD_HIDDEN + i));
        v out = sigmoid(load(s->gates + 3 * VAD_HIDDEN + i));
        v c = forget * load(state->c + i) + in * candidate;
        v h = out * tanh_v(c);
        store(state->c + i, c);
        store(state->h + i, h);
        sum += relu(h) * load(net->out_w + i);
    }
    float logit = net->out_bias[0];
    for (unsigned i = 0; i < L; i++) {
        logit += sum[i];
    }
    job->probability = sigmoid(splat(logit))[0];
}

/* ---- batches ---- */

/* Of the first and the last frame one tap meets padding. Few streams: frame by frame the weights are read more often.
 */
static void encode0(const struct vad_net *net, struct vad_scratch *s, size_t n)
{
    uint32_t bins = net->bins;
    struct columns c = {.to = 3 * bins, .lead = bins, .trail = bins};
    for (size_t i = 0; i < n && n < VAD_FRAMES; i++) {
        for (size_t frame = 0; frame < VAD_FRAMES; frame++) {
            c.in[frame] = s[i].magnitude + frame * bins;
            c.out[frame] = s[i].encoder0 + (frame + 1) * 128;
        }
        layer_relu(&net->encoder[0], &c, VAD_FRAMES);
    }
    for (size_t frame = 0; frame < VAD_FRAMES && n >= VAD_FRAMES; frame++) {
        c = (struct columns){.from = frame == 0 ? bins : 0, .to = frame == VAD_FRAMES - 1 ? 2 * bins : 3 * bins};
        for (size_t i = 0; i < n; i++) {
            c.in[i] = s[i].magnitude + frame * bins;
            c.out[i] = s[i].encoder0 + (frame + 1) * 128;
        }
        layer_relu(&net->encoder[0], &c, n);
    }
}

static void encode1(const struct vad_net *net, struct vad_scratch *s, size_t n)
{
    struct columns c = {.to = 3 * 128, .lead = 128};
    if (n == 1) {
        for (size_t frame = 0; frame < 2; frame++) {
            c.in[frame] = s->encoder0 + frame * 2 * 128;
            c.out[frame] = s->encoder1 + frame * 64;
        }
        layer_after_relu(&net->encoder[1], &c, 2, true);
        return;
    }
    for (size_t frame = 0; frame < 2; frame++) {
        c = (struct columns){.from = frame == 0 ? 128 : 0, .to = 3 * 128};
        for (size_t i = 0; i < n; i++) {
            c.in[i] = s[i].encoder0 + frame * 2 * 128;
            c.out[i] = s[i].encoder1 + frame * 64;
        }
        layer_after_relu(&net->encoder[1], &c, n, true);
    }
}

static void run(const struct vad_net *net, struct vad_job *jobs, size_t n, struct vad_scratch *s)
{
    struct columns encoder2 = {.to = net->encoder[2].in};
    struct columns encoder3 = {.to = net->encoder[3].in};
    struct columns lstm = {.to = net->lstm.in};
    for (size_t i = 0; i < n; i++) {
        analyse(net, &jobs[i], &s[i]);
        encoder2.in[i] = s[i].encoder1;
        encoder2.out[i] = s[i].encoder2;
        encoder3.in[i] = s[i].encoder2;
        encoder3.out[i] = s[i].lstm_in;
        lstm.in[i] = s[i].lstm_in;
        lstm.out[i] = s[i].gates;
    }
    encode0(net, s, n);
    encode1(net, s, n);
    layer_after_relu(&net->encoder[2], &encoder2, n, true);
    layer_after_relu(&net->encoder[3], &encoder3, n, true);
    layer_after_relu(&net->lstm, &lstm, n, false);
    for (size_t i = 0; i < n; i++) {
        conclude(net, &jobs[i], &s[i]);
    }
}

#define TEXT_(x)    #x
#define TEXT(x)     TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
const struct vad_kernel JOIN(vad_kernel_, VAD_KERNEL) = {.name = TEXT(VAD_KERNEL), .needs = VAD_NEEDS, .run = run};
