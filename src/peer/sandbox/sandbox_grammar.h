/*
 * The sandbox's sentences: a subset of JSGF (words, alternatives, groups, optionals, * and +, rule references),
 * matched against word lists. The same text is handed to the recogniser, so that spoken and typed sentences are
 * understood by one grammar. No weights, no tags, no recursion. Pure; thread: any, read-only after the last compile.
 */
#ifndef PEER_SANDBOX_GRAMMAR_H
#define PEER_SANDBOX_GRAMMAR_H

#include "base/arena.h"
#include "base/buf.h"

#define GRAMMAR_MAX_SLOTS 16
#define GRAMMAR_MAX_WORDS 128 /* of one utterance; what follows is ignored */

struct grammar;
struct pattern; /* one compiled expression; lives as long as its grammar */

/* A normalised utterance: lower case, digits as words, no punctuation. */
struct words {
    struct str at[GRAMMAR_MAX_WORDS]; /* lent from text */
    uint32_t n;
    struct buf text;
};

/* Which words were taken, [from, to), and which of them by each slot, [begin, end); begin == end: none. */
struct pattern_match {
    uint16_t from, to;
    uint16_t begin[GRAMMAR_MAX_SLOTS];
    uint16_t end[GRAMMAR_MAX_SLOTS];
};

enum pattern_use { PATTERN_SPOKEN, PATTERN_TYPED };
enum pattern_where { PATTERN_WHOLE, PATTERN_ANYWHERE };

void words_init(struct words *w);
void words_done(struct words *w);
/* Replaces the contents by the normalised text. */
MUST_USE int words_set(struct words *w, struct str text);

MUST_USE int grammar_new(struct grammar **ret);
struct grammar *grammar_free(struct grammar *g);
DEFINE_CLEANUP(struct grammar, grammar_free);
/* A named rule. ret_err gets a sentence. -EEXIST, -ERR_SYNTAX */
MUST_USE int grammar_add_rule(struct grammar *g, struct str name, struct str expr, struct buf *ret_err);
/* From now on references to the rule are remembered by matches. Returns the slot's index. -ERR_LIMIT, -ENOENT */
MUST_USE int grammar_add_slot(struct grammar *g, struct str rule);
/* Index of a slot or -ENOENT. */
int grammar_slot(const struct grammar *g, struct str name);
struct str grammar_slot_name(const struct grammar *g, uint32_t slot);
uint32_t grammar_slot_count(const struct grammar *g);
/* Compiles an expression; all rules it names must exist. A spoken one is an alternative of what can be heard. */
MUST_USE int grammar_compile(struct grammar *g, struct str expr, enum pattern_use use, struct buf *ret_err,
                             const struct pattern **ret);
bool pattern_match(const struct pattern *p, const struct words *w, enum pattern_where where, struct pattern_match *ret);
/* How many spoken expressions there are: with none, nothing can be heard. */
uint32_t grammar_spoken_count(const struct grammar *g);
/* The JSGF text of everything that was compiled. */
void grammar_write_jsgf(const struct grammar *g, struct buf *out);
/* Calls fn for every different word; stops early when it returns false. */
void grammar_each_word(const struct grammar *g, bool (*fn)(struct str word, void *arg), void *arg);

#endif
