/*
 * Hearing: one utterance of 8 kHz speech to the words of a grammar, or a refusal. Two pocketsphinx decoders look at the
 * same samples: the grammar, which always finds something, and a phone loop, which says how well free sounds would have
 * fitted; the words count only when they fit nearly as well. Each utterance is decoded whole and by itself, so the
 * result does not depend on what was heard before. Thread: one at a time per object; it blocks (0.05 s of CPU per
 * second of speech), so loops use the job pool. Built without pocketsphinx asr_new answers -ENOTSUP
 * (speech_asr_none.c).
 */
#ifndef PEER_SPEECH_ASR_H
#define PEER_SPEECH_ASR_H

#include "base/buf.h"

struct asr;

struct asr_opts {
    struct str jsgf;         /* the grammar; its public rule is what can be heard */
    const struct str *words; /* the different words of it */
    size_t n_words;
    /* Phones of words that the dictionary may lack; false when unknown. May be NULL. */
    bool (*pronounce)(struct str word, struct str *ret_phones, void *arg);
    void *arg;
    const char *model_dir; /* NULL: where pocketsphinx keeps its models */
    int32_t max_margin;    /* phone loop score - grammar score; 0: 1500 */
    double s_per_word;     /* speech time allowed per word; 0: 0.6 */
    double s_extra;        /* and once; 0: 0.5 */
};

struct asr_result {
    bool accepted;
    char words[512]; /* what the grammar made of it, also when refused; empty: nothing */
    int32_t margin;
    uint32_t speech_ms;
};

bool asr_available(void);
/* Loads models (about 20 ms). ret_err gets a sentence. -ENOTSUP, -ENOENT (model, or a word without phones), -ENOMEM */
MUST_USE int asr_new(const struct asr_opts *opts, struct buf *ret_err, struct asr **ret);
struct asr *asr_free(struct asr *a);
/*
 * Hears one utterance.
 *   pcm          8 kHz samples, lent
 *   silence_ms   how much of it is the silence that ended the speech
 * -EINVAL (empty, or longer than 60 s), -ENOMEM, -EIO (a decoder gave up)
 */
MUST_USE int asr_hear(struct asr *a, const int16_t *pcm, size_t n, uint32_t silence_ms, struct asr_result *ret);

#endif
