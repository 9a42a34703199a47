/*
 * What guardrails that live elsewhere are asked, and how their answers are read: an HTTP endpoint of somebody's, and a
 * text model behind a chat/completions endpoint. Pure: the host sends and receives.
 */
#ifndef GUARDS_QUESTION_H
#define GUARDS_QUESTION_H

#include "base/buf.h"
#include "guards/guards_opts.h"

#define GUARD_INFO_BYTES 400

struct guard_question {
    struct str guardrail;
    struct str side;  /* "output", "input" */
    struct str agent; /* the one that began the turn */
    struct str call_id, response_id, item_id;
    struct str text; /* of the item so far */
    bool final;      /* nothing will be added */
};

struct guard_verdict {
    bool tripped;
    uint32_t from, to; /* bytes of the text; to 0: not said */
};

/* {"guardrail", "side", "agent", "call_id", "response_id", "item_id", "text", "final"} */
void guard_question_put(const struct guard_question *q, struct buf *out);
/* A chat completion with the instructions, the text as data, and a schema of the answer ("": ours). */
void guard_chat_put(const struct guard_question *q, struct str model, struct str instructions, struct str schema,
                    struct buf *out);
/*
 * {"tripped": bool, "reason": text, "from": n, "to": n}: only tripped is needed; from and to count characters of the
 * text that was asked about. info gets the reason, cut. -ERR_SYNTAX, -ERR_TYPE (no object), -ERR_MISSING (no boolean
 * tripped), -ERR_TOO_BIG, -ENOMEM
 */
MUST_USE int guard_answer_read(struct str json, struct str text, struct guard_verdict *ret, struct buf *info);

#endif
