#include "peer/sandbox/sandbox_hearing.h"

#include <stdlib.h>

#include "base/err.h"

#define MAX_DECODERS 16
#define MAX_WAITING  256
#define MAX_WORDS    4000

struct request {
    struct request *next;
    struct hearing *hearing;
    struct asr *asr;
    int16_t *pcm;
    size_t n;
    uint32_t silence_ms;
    hearing_fn done;
    void *arg;
    struct asr_result result;
};

struct hearing {
    struct loop *loop;
    struct asr *idle[MAX_DECODERS];
    uint32_t n_idle;
    struct request *first, **tail;
    uint32_t waiting;
    bool deaf; /* the dialogue has no spoken sentences */
};

static void request_free(struct request *r)
{
    free(r->pcm);
    free(r);
}

static int request_work(void *arg)
{
    struct request *r = arg;
    return asr_hear(r->asr, r->pcm, r->n, r->silence_ms, &r->result);
}

static void hearing_next(struct hearing *h);

static void request_done(int result, void *arg)
{
    struct request *r = arg;
    struct hearing *h = r->hearing;
    h->idle[h->n_idle++] = r->asr;
    r->done(result < 0 ? NULL : &r->result, r->arg);
    request_free(r);
    hearing_next(h);
}

static void hearing_next(struct hearing *h)
{
    while (h->first && h->n_idle > 0) {
        struct request *r = h->first;
        h->first = r->next;
        h->tail = h->first ? h->tail : &h->first;
        h->waiting--;
        r->asr = h->idle[--h->n_idle];
        if (job_run(h->loop, request_work, request_done, r) < 0) {
            request_done(-ENOMEM, r);
            return;
        }
    }
}

int hearing_request(struct hearing *h, const int16_t *pcm, size_t n, uint32_t silence_ms, hearing_fn done, void *arg)
{
    if (h->deaf) {
        return -ENOTSUP;
    }
    if (h->waiting == MAX_WAITING) {
        return -ERR_LIMIT;
    }
    struct request *r = calloc(1, sizeof(*r));
    int16_t *copy = malloc(n * sizeof(*copy) + 1);
    if (!r || !copy) {
        free(r);
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, pcm, n * sizeof(*copy));
    *r = (struct request){.hearing = h, .pcm = copy, .n = n, .silence_ms = silence_ms, .done = done, .arg = arg};
    *h->tail = r;
    h->tail = &r->next;
    h->waiting++;
    hearing_next(h);
    return 0;
}

/* ---- life ---- */

struct word_array {
    struct str *at;
    size_t n;
};

static bool word_add(struct str word, void *arg)
{
    struct word_array *a = arg;
    a->at[a->n++] = word;
    return a->n < MAX_WORDS;
}

static bool pronounce(struct str word, struct str *ret_phones, void *arg)
{
    return dialogue_pronunciation(arg, word, ret_phones);
}

static int hearing_load(struct hearing *h, const struct hearing_opts *opts, struct buf *ret_err)
{
    struct word_array words = {.at = calloc(MAX_WORDS, sizeof(*words.at))};
    struct buf jsgf;
    buf_init(&jsgf, 1u << 20);
    grammar_write_jsgf(dialogue_grammar(opts->dialogue), &jsgf);
    if (!words.at || jsgf.err) {
        free(words.at);
        buf_done(&jsgf);
        return -ENOMEM;
    }
    grammar_each_word(dialogue_grammar(opts->dialogue), word_add, &words);
    struct asr_opts asr_opts = {
        .jsgf = buf_str(&jsgf),
        .words = words.at,
        .n_words = words.n,
        .pronounce = pronounce,
        .arg = (void *)(uintptr_t)opts->dialogue, /* only read */
        .model_dir = opts->model_dir,
        .max_margin = opts->max_margin,
        .s_per_word = opts->s_per_word,
        .s_extra = opts->s_extra,
    };
    int err = 0;
    uint32_t count = CLAMP(opts->decoders, 1u, (uint32_t)MAX_DECODERS);
    while (err >= 0 && h->n_idle < count) {
        err = asr_new(&asr_opts, ret_err, &h->idle[h->n_idle]);
        h->n_idle += err >= 0;
    }
    free(words.at);
    buf_done(&jsgf);
    return err;
}

int hearing_new(struct loop *loop, const struct hearing_opts *opts, struct buf *ret_err, struct hearing **ret)
{
    struct hearing *h = calloc(1, sizeof(*h));
    if (!h) {
        return -ENOMEM;
    }
    h->loop = loop;
    h->tail = &h->first;
    h->deaf = grammar_spoken_count(dialogue_grammar(opts->dialogue)) == 0;
    int err = h->deaf ? 0 : hearing_load(h, opts, ret_err);
    if (err < 0) {
        hearing_free(h);
        return err;
    }
    *ret = h;
    return 0;
}

struct hearing *hearing_free(struct hearing *h)
{
    while (h && h->first) {
        struct request *r = h->first;
        h->first = r->next;
        r->done(NULL, r->arg);
        request_free(r);
    }
    if (h) {
        for (uint32_t i = 0; i < h->n_idle; i++) {
            asr_free(h->idle[i]);
        }
        free(h);
    }
    return NULL;
}
