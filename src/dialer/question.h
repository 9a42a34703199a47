/*
 * The question that is put to whoever answers before an agent speaks: "to talk to us press 1, else 2". The carrier asks
 * it and reads the key, while it is said and for a while after; no model hears of it. Here: what it is, as the API
 * takes it and campaigns keep it ("consent"), and how long it may take. Not here: when it is asked, and what a key
 * means for the attempt (attempt.h); how the carrier is told (carriers/x). Pure.
 */
#ifndef DIALER_QUESTION_H
#define DIALER_QUESTION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

struct json_doc;

#define QUESTION_TEXT_MAX  1000 /* bytes of the prompt, and of the goodbye */
#define QUESTION_TIMES_MAX 5
#define QUESTION_WAIT_MIN  5 /* what both carriers can wait */
#define QUESTION_WAIT_MAX  60

struct question {
    struct str prompt;               /* {{...}} as in the agent's texts; empty, like sound: nobody is asked */
    struct str goodbye;              /* to who did not accept; empty: a plain English sentence */
    struct str sound, goodbye_sound; /* recordings that are played in place of them; empty: the words are said */
    uint32_t sound_ms;               /* how long sound is, once somebody has looked */
    uint32_t wait_s;                 /* for a key, when all is said */
    uint32_t times;                  /* said so often at most */
    char accept, deny;               /* keys: 0 to 9, * and # */
};

/* What came of it. X(constant, word of the store, API and metrics) */
#define QUESTION_REPLY_LIST(X)                                                                                         \
    X(QUESTION_NONE, "")       /* nobody was asked */                                                                  \
    X(QUESTION_ASKED, "asked") /* and has not decided */                                                               \
    X(QUESTION_ACCEPTED, "accepted")                                                                                   \
    X(QUESTION_DENIED, "denied")                                                                                       \
    X(QUESTION_TIMEOUT, "timeout") /* no key that means something, or hung up */
enum question_reply {
#define X(name, word) name,
    QUESTION_REPLY_LIST(X)
#undef X
        QUESTION_REPLY_N
};
const char *question_reply_word(enum question_reply reply);
/* QUESTION_NONE for an unknown word. */
enum question_reply question_reply_parse(struct str word);

/*
 * The object {"prompt" or "sound", "timeout", "times", "accept", "deny", "goodbye" or "goodbye_sound"}; NULL or null:
 * no question. Texts live in a. -ERR_CONFIG: err gets a sentence that names the member; -ENOMEM.
 */
MUST_USE int question_read(const struct json_doc *doc, struct arena *a, struct buf *err, struct question *ret);
/* The same object; null without a question. */
void question_write(const struct question *q, struct json_w *w);
/* Texts into a. -ENOMEM */
MUST_USE int question_copy(struct question *q, struct arena *a);

static inline bool question_is_put(const struct question *q)
{
    return q->prompt.n > 0 || q->sound.n > 0;
}
/* Long enough for the prompt once, its wait, and the carrier's way back to us; and for the goodbye. */
uint64_t question_round_us(const struct question *q);
uint64_t question_goodbye_us(const struct question *q);
struct str question_goodbye(const struct question *q);

#endif
