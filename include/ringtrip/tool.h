/**
 * @file tool.h
 * Tools: functions of the program that a model may call.
 *
 * A rt_tool describes one; adding it to an agent or a gateway copies it, so that the handle may be changed or freed at
 * once. Its callback runs on a worker thread of the runner, never on the media path: it may block, and it may also
 * return without an answer and give it later, from any thread, through the rt_tool_call it was given.
 */
#ifndef RINGTRIP_TOOL_H
#define RINGTRIP_TOOL_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A description of a tool. Thread: one at a time. */
struct rt_tool;

/**
 * One call of a tool by the model. The callback gets it and owns it from then on: exactly one rt_tool_call_done or
 * rt_tool_call_fail ends it, on any thread, at any time. It may outlive its session; the answer is then dropped.
 */
struct rt_tool_call;

/**
 * Runs a tool. Thread: a worker thread; several calls, also of one tool, may run at once.
 */
typedef void (*rt_tool_fn)(struct rt_tool_call *call, void *arg);

/**
 * Answers a question about one call before it runs: 1 yes, 0 no, negative: yes (a question without an answer is never
 * a permission). call is lent and must not be ended here. Thread: a worker thread.
 */
typedef int (*rt_tool_ask_fn)(const struct rt_tool_call *call, void *arg);

/**
 * Is the tool there? 1 yes, 0 no. Asked when a session's settings are built, and again before the tool runs. Thread:
 * the one that connects the session, or a worker thread.
 */
typedef int (*rt_enabled_fn)(void *arg);

/** When a person must allow a call. */
enum rt_approval {
    RT_APPROVAL_NEVER,  /**< it runs at once; the default */
    RT_APPROVAL_ALWAYS, /**< every call waits for rt_session_approve or rt_session_reject */
    RT_APPROVAL_ASK     /**< a callback decides, see rt_tool_set_approval_fn */
};

/** What becomes of a call that failed or took too long. */
enum rt_tool_failure {
    RT_TOOL_FAILURE_TELL, /**< the model gets an error text as the output and goes on; the default */
    RT_TOOL_FAILURE_RAISE /**< the same, and the session gives RT_EVENT_ERROR with the tool's name */
};

/**
 * A tool by name (letters, digits, _ and -, at most 64), what it does in words for the model, and the JSON Schema of
 * its arguments (one object; NULL: no arguments). Everything is copied. Returns 0, -RT_ERR_SYNTAX or -RT_ERR_TYPE (the
 * schema), -EINVAL (the name), -ENOMEM; *ret is untouched on error.
 */
RT_API int rt_tool_new(const char *name, const char *description, const char *schema_json, rt_tool_fn fn, void *arg,
                       struct rt_tool **ret);
/** NULL is fine. Agents keep their copies. */
RT_API void rt_tool_free(struct rt_tool *tool);

/** A call must be answered within ms (100 to 600000; 0: 10 seconds, the default). -EINVAL */
RT_API int rt_tool_set_timeout(struct rt_tool *tool, uint32_t ms);
/** Who must allow a call; for RT_APPROVAL_ASK use rt_tool_set_approval_fn. -EINVAL */
RT_API int rt_tool_set_approval(struct rt_tool *tool, enum rt_approval approval);
/** fn decides for each call whether it needs an approval. Arguments that are no valid JSON always need one. */
RT_API int rt_tool_set_approval_fn(struct rt_tool *tool, rt_tool_ask_fn fn, void *arg);
/** What becomes of failures. -EINVAL */
RT_API int rt_tool_set_failure(struct rt_tool *tool, enum rt_tool_failure failure);
/** fn says whether the tool is there at all; NULL: it always is. */
RT_API int rt_tool_set_enabled_fn(struct rt_tool *tool, rt_enabled_fn fn, void *arg);

/** Name of the tool. Lent until the call ends. Thread: any. */
RT_API const char *rt_tool_call_name(const struct rt_tool_call *call);
/** The model's id of the call. Lent until the call ends. Thread: any. */
RT_API const char *rt_tool_call_id(const struct rt_tool_call *call);
/** Arguments as JSON that the schema has been checked against. Lent until the call ends. Thread: any. */
RT_API const char *rt_tool_call_arguments(const struct rt_tool_call *call);
/** Name of the agent that called. Lent until the call ends. Thread: any. */
RT_API const char *rt_tool_call_agent(const struct rt_tool_call *call);
/** Id of the session or telephone call. Lent until the call ends. Thread: any. */
RT_API const char *rt_tool_call_session_id(const struct rt_tool_call *call);
/** The context pointer of the session's options; NULL in a gateway. Thread: any. */
RT_API void *rt_tool_call_context(const struct rt_tool_call *call);
/** 1 when nobody waits for the answer any more (deadline, hang-up, closed session): long work may stop. Thread: any. */
RT_API int rt_tool_call_cancelled(const struct rt_tool_call *call);
/**
 * Answers with a text (JSON or not; at most 64 kB) and ends the call; call is gone when this returns. Returns 0,
 * -RT_ERR_CLOSED when nobody waited any more, -RT_ERR_TOO_BIG or -ENOMEM (the model is then told that it failed).
 * Thread: any.
 */
RT_API int rt_tool_call_done(struct rt_tool_call *call, const char *output);
/** Answers that it failed and why, in words for the model (NULL: a default sentence); else as rt_tool_call_done. */
RT_API int rt_tool_call_fail(struct rt_tool_call *call, const char *why);

#ifdef __cplusplus
}
#endif

#endif
