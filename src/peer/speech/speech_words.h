/*
 * When each word of a spoken text sounds. A word is what blanks separate, with its punctuation. Pure.
 */
#ifndef PEER_SPEECH_WORDS_H
#define PEER_SPEECH_WORDS_H

#include "base/str.h"

struct speech_word {
    uint32_t from, n; /* bytes of the text */
    uint32_t start_ms, end_ms;
};

/* In the order of the text; zeroed is empty. Words that make no sound ("-") are left out. */
struct speech_words {
    struct speech_word *at;
    uint32_t n, cap;
};

void speech_words_done(struct speech_words *w);
/* -ENOMEM */
MUST_USE int speech_words_add(struct speech_words *w, struct speech_word word);
/* The next word of text at or after *at, which moves behind it; n is 0 at the end. Times are not filled in. */
struct speech_word speech_word_next(struct str text, size_t *at);
/* Times in proportion to length, for speech whose times are not known. Adds to w. -ENOMEM */
MUST_USE int speech_words_guess(struct speech_words *w, struct str text, uint32_t total_ms);
/* Bytes of the text that were heard when the sound was cut at ms: up to the last word that was half out. */
size_t speech_words_heard(const struct speech_words *w, uint64_t ms);

#endif
