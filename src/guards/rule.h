/*
 * Guardrails that answer at once: one text, one rule, no I/O. Regular expressions are compiled when the rule is made,
 * have a bound on the work they may do, and tell how much of an unfinished text they are sure of: what no later word
 * can make objectionable. A rule belongs to one thread at a time.
 */
#ifndef GUARDS_RULE_H
#define GUARDS_RULE_H

#include "base/buf.h"
#include "base/json_doc.h"
#include "guards/guards_opts.h"

struct guard_rule;

struct guard_finding {
    bool tripped;
    uint32_t from, to; /* bytes that were objected to; to 0: the whole */
    uint32_t sure;     /* nothing found: bytes that stay harmless whatever follows */
    const char *what;  /* name of the shape, "too long" ...; NULL: nothing to add */
};

/* def's texts are copied. -ERR_CONFIG with a sentence in ret_err; -ENOMEM. */
MUST_USE int guard_rule_new(const struct guard_def *def, struct buf *ret_err, struct guard_rule **ret);
struct guard_rule *guard_rule_free(struct guard_rule *r);
/* final: nothing follows. -ERR_LIMIT: the expression would have taken too long. -ENOMEM */
MUST_USE int guard_rule_scan(struct guard_rule *r, struct str text, bool final, struct guard_finding *ret);
/* The same over every text among the arguments of a tool; ranges look at their number. from and to say nothing. */
MUST_USE int guard_rule_scan_arguments(struct guard_rule *r, const struct json_doc *arguments,
                                       struct guard_finding *ret);

#endif
