#include "peer/speech/speech_words.h"

#include <stdlib.h>

#include "base/err.h"

void speech_words_done(struct speech_words *w)
{
    free(w->at);
    *w = (struct speech_words){0};
}

int speech_words_add(struct speech_words *w, struct speech_word word)
{
    if (w->n == w->cap) {
        uint32_t cap = MAX(2 * w->cap, 16u);
        struct speech_word *at = realloc(w->at, cap * sizeof(*at));
        if (!at) {
            return -ENOMEM;
        }
        w->at = at;
        w->cap = cap;
    }
    w->at[w->n++] = word;
    return 0;
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

struct speech_word speech_word_next(struct str text, size_t *at)
{
    size_t i = *at;
    while (i < text.n && is_blank(text.p[i])) {
        i++;
    }
    struct speech_word word = {.from = (uint32_t)i};
    while (i < text.n && !is_blank(text.p[i])) {
        i++;
    }
    word.n = (uint32_t)i - word.from;
    *at = i;
    return word;
}

int speech_words_guess(struct speech_words *w, struct str text, uint32_t total_ms)
{
    size_t at = 0;
    for (;;) {
        struct speech_word word = speech_word_next(text, &at);
        if (word.n == 0) {
            return 0;
        }
        word.start_ms = (uint32_t)((uint64_t)total_ms * word.from / text.n);
        word.end_ms = (uint32_t)((uint64_t)total_ms * (word.from + word.n) / text.n);
        int err = speech_words_add(w, word);
        if (err < 0) {
            return err;
        }
    }
}

size_t speech_words_heard(const struct speech_words *w, uint64_t ms)
{
    size_t heard = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        const struct speech_word *word = &w->at[i];
        if (((uint64_t)word->start_ms + word->end_ms) / 2 > ms) {
            break;
        }
        heard = (size_t)word->from + word->n;
    }
    return heard;
}
