/**
 * @file guardrail.h
 * Output guardrails: callbacks that read what an agent says while it says it, and may stop it.
 *
 * The transcript of each item is checked whenever it has grown by the debounce length (100 characters). On the first
 * trip of a response the agent is interrupted, RT_EVENT_GUARDRAIL_TRIPPED is given, and the model is told which
 * guardrails tripped, so that it says something else.
 */
#ifndef RINGTRIP_GUARDRAIL_H
#define RINGTRIP_GUARDRAIL_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A guardrail. Adding it to an agent or a runner copies it. Thread: one at a time. */
struct rt_guardrail;

/** What is to be judged. Lent until the callback returns. Members may be added at the end. */
struct rt_guardrail_check {
    const char *agent;      /**< the agent that began the turn, also after a handoff */
    const char *session_id; /**< id of the session or telephone call */
    const char *text;       /**< the whole text of the item so far */
    void *context;          /**< of the session's options; NULL in a gateway */
};

/**
 * Judges a text: 0 fine, 1 tripped (why may then get a sentence), negative: it could not be judged, which is logged
 * and counts as fine. Thread: a worker thread; may block, at most a few seconds.
 */
typedef int (*rt_guardrail_fn)(const struct rt_guardrail_check *check, struct rt_text *why, void *arg);

/** A guardrail by name; the name is copied. Returns 0, -EINVAL, -ENOMEM; *ret is untouched on error. */
RT_API int rt_guardrail_new(const char *name, rt_guardrail_fn fn, void *arg, struct rt_guardrail **ret);
/** NULL is fine. */
RT_API void rt_guardrail_free(struct rt_guardrail *guardrail);

#ifdef __cplusplus
}
#endif

#endif
