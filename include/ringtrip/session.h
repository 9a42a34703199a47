/**
 * @file session.h
 * Runners and sessions: a conversation of the program's own user with an agent, without a telephone.
 *
 *     rt_runner_new          agents, settings, threads
 *     rt_session_new         one conversation; nothing is connected
 *     rt_session_connect     the model is there
 *     rt_session_send_audio, rt_session_send_message ...      what the user says
 *     rt_session_next_event  what the agent says and does
 *     rt_session_close, rt_session_free, rt_runner_free
 *
 * A session is a call of the same core that answers telephones, with the program in the telephone's place: turns,
 * interruptions, tools, handoffs, guardrails, reconnects and traces are the same.
 *
 * **Threads.** A runner has one loop thread that carries all its sessions, and worker threads for callbacks that may
 * block. Functions of a session may be called from any thread, several at once. Callbacks say on which thread they
 * come. On the loop thread (on_event, playback callbacks) functions that wait return -RT_ERR_STATE: connect, reconnect
 * and free; close begins to close and does not wait.
 *
 * **Ownership.** Options and texts are copied. Pointers named context or arg are the program's and outlive the session.
 */
#ifndef RINGTRIP_SESSION_H
#define RINGTRIP_SESSION_H

#include <ringtrip/agent.h>
#include <ringtrip/event.h>
#include <ringtrip/playback.h>
#include <ringtrip/settings.h>
#include <ringtrip/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Agents with all that their sessions share. */
struct rt_runner;
/** One conversation. */
struct rt_session;

/** How to make a runner. rt_runner_opts_init fills in struct_size and zeroes; zero always is the default. */
struct rt_runner_opts {
    size_t struct_size;           /**< set by rt_runner_opts_init */
    const struct rt_agent *agent; /**< who begins; NULL: an agent of the configuration */
    const char *config_file;      /**< YAML with providers, agents, tools and so on; NULL: none */
    const char *config_text;      /**< the same as text, instead of a file; NULL: none */
    const char *env_file;         /**< ".env"-style file; NULL: ".env" in the working folder if there; "": none */
    const struct rt_agent *const *agents; /**< further ones that sessions may be switched to; NULL: none */
    size_t agent_count;                   /**< how many */
    const char *agent_name;               /**< without agent: which one of the configuration begins; NULL: its first */
    const struct rt_settings *settings;   /**< of all sessions; NULL: none */
    const struct rt_guardrail *const *guardrails; /**< of all agents, besides their own */
    size_t guardrail_count;                       /**< how many */
    uint32_t guardrail_debounce;                  /**< characters between two checks; 0: 100 */
    int sequential_tools;                         /**< 1: the calls of one answer run one after the other */
    int tracing_disabled;                         /**< 1: no traces, neither here nor at the service */
    uint32_t worker_threads;                      /**< for callbacks that may block; 0: 4; at most 64 */
    const char *records_dir;                      /**< where records, recordings and journals go; NULL: none is kept */
    const char
        *sandbox_program; /**< ringtrip-sandbox, when it is not beside the program or in PATH; NULL: look there */
    const struct rt_trace_processor *trace_processor; /**< copied; NULL: nobody hears of spans */
    void *trace_arg;                                  /**< for trace_processor */
    rt_log_fn log;                                    /**< NULL: nothing is logged */
    void *log_arg;                                    /**< for log */
};
/** Zeroes, and the size. Thread: any. */
RT_API void rt_runner_opts_init(struct rt_runner_opts *opts);

/**
 * Checks agents and settings and starts the threads. Without a configuration and without OPENAI_API_KEY the offline
 * sandbox answers, a process of its own that the runner starts and stops. On failure nothing is left and err_text
 * (room for err_cap bytes; may be NULL) says what is wrong: -RT_ERR_CONFIG, -EEXIST (two tools or agents of one name),
 * -ENOENT, -ENOMEM ... *ret is untouched on error. Thread: any. Blocks (files).
 */
RT_API int rt_runner_new(const struct rt_runner_opts *opts, struct rt_runner **ret, char *err_text, size_t err_cap);
/** Waits for callbacks that run. -RT_ERR_STATE while sessions are left, or on a thread of the runner: nothing happens.
 * NULL is fine. */
RT_API int rt_runner_free(struct rt_runner *runner);

/** What a callback for events gets; event is lent until it returns. Thread: the loop thread; return soon. */
typedef void (*rt_event_fn)(struct rt_session *session, const struct rt_event *event, void *arg);

/** One request header. */
struct rt_header {
    const char *name;  /**< "api-key" */
    const char *value; /**< its value */
};

/** For intervals: not at all. */
#define RT_NEVER UINT32_MAX

/** When agent audio is handed out. */
enum rt_delivery {
    RT_DELIVERY_PACED,    /**< as it is to be played, at most a fraction of a second ahead; the default */
    RT_DELIVERY_IMMEDIATE /**< as fast as the model makes it; the program keeps what is not yet played */
};

/** How to make a session. rt_session_opts_init fills in struct_size and zeroes; zero always is the default. */
struct rt_session_opts {
    size_t struct_size;              /**< set by rt_session_opts_init */
    void *context;                   /**< handed to every callback and event */
    const char *api_key;             /**< of the model's service; NULL: that of the configuration or OPENAI_API_KEY */
    rt_text_fn api_key_fn;           /**< asked by rt_session_connect instead; NULL: nobody is asked */
    void *api_key_arg;               /**< for api_key_fn */
    const char *url;                 /**< of the service; NULL: that of the configuration */
    const struct rt_header *headers; /**< when given they replace the Authorization header */
    size_t header_count;             /**< how many */
    const struct rt_settings *settings;         /**< over those of the runner; NULL: none */
    enum rt_audio_format format;                /**< of audio in and out */
    enum rt_delivery delivery;                  /**< when audio is handed out */
    struct rt_playback *playback;               /**< fed by the program, outlives the session; NULL: the clock */
    const struct rt_playback_ops *playback_ops; /**< or a tracker of the program's own; NULL: none */
    void *playback_arg;                         /**< for playback_ops */
    rt_event_fn on_event;                       /**< gets every event; NULL: they wait for rt_session_next_event */
    void *event_arg;                            /**< for on_event */
    size_t max_event_bytes; /**< events that may wait; 0: 64 MB. Over it audio is dropped, and it is an error */
    int raw_events;         /**< 1: RT_EVENT_RAW_MODEL for every event of the model's service */
    const char *user;       /**< who speaks with the agent (caller_number of templates); NULL: nobody known */
    uint32_t connect_ms;    /**< for the whole of rt_session_connect; 0: 15000. Servers of tools (mcp) that start are
                                 waited for two thirds of it at most, then the session begins without their tools */
    const char *called;     /**< whom the user wanted (called_number); decides with user which route of the
                                 configuration counts, unless agent_name or agent says who begins. NULL: unknown */
    const struct rt_header *variables; /**< parameters: values of templates and conditions of the configuration */
    size_t variable_count;             /**< how many */
    uint32_t ping_ms;      /**< so often a ping goes to the service, 100 to 600000; RT_NEVER: none; 0: that of the
                                configuration. Not for a service that does not answer them in time (Gemini) */
    uint32_t pong_ms;      /**< without any byte for so long after a ping the connection is lost; likewise */
    uint32_t handshake_ms; /**< from the name's lookup to the open socket, 100 to 600000; 0: likewise */
    uint32_t
        max_message_bytes; /**< a longer message of the service ends the connection, 65536 to 16777216; 0: likewise */
    const char *trace_parent; /**< W3C traceparent of the span that the session's trace belongs below
                                 (rt_trace_parent); NULL: a trace of its own */
};
/** Zeroes, and the size. Thread: any. */
RT_API void rt_session_opts_init(struct rt_session_opts *opts);

/** A session; opts may be NULL. -EINVAL, -ENOMEM. Thread: any. */
RT_API int rt_session_new(struct rt_runner *runner, const struct rt_session_opts *opts, struct rt_session **ret);
/** Closes first, and waits for it. -RT_ERR_STATE on a thread of the runner: nothing happens. NULL is fine. */
RT_API int rt_session_free(struct rt_session *session);

/**
 * Asks callbacks for instructions and key, connects, and waits until the model has confirmed the settings. Returns 0;
 * -RT_ERR_STATE: it is connected or connecting already, or closed; what made it fail otherwise (rt_session_error has a
 * sentence): -RT_ERR_AUTH, -RT_ERR_TLS, -RT_ERR_CONFIG, -ETIMEDOUT ... A session that failed to connect may try again.
 */
RT_API int rt_session_connect(struct rt_session *session);
/** Why the last function failed, or why the session ended, as a sentence; "" without. Lent until the next call of it.
 */
RT_API const char *rt_session_error(struct rt_session *session);
/**
 * Ends the conversation and waits until that is done: tools that run are told, what they still answer is dropped, and
 * nothing is sent or changes any more. Waiting rt_session_next_event return. Again, and on several threads at once, is
 * fine: all wait for the same end. Returns 0.
 */
RT_API int rt_session_close(struct rt_session *session);
/** Id of the conversation in logs, records and traces. Lent until the session is freed. */
RT_API const char *rt_session_id(const struct rt_session *session);
/** The context of the options. */
RT_API void *rt_session_context(const struct rt_session *session);

/**
 * Takes the next event: 1 and *ret, which the caller frees by rt_event_free; 0: none within timeout_ms (below 0: waits
 * for ever). When all are taken and the session is over: once the error that ended it, if one did; then -RT_ERR_CLOSED.
 * Several threads may wait; each event goes to one of them.
 */
RT_API int rt_session_next_event(struct rt_session *session, int timeout_ms, struct rt_event **ret);
/** Readable (poll, epoll) while rt_session_next_event would not wait. The session's: do not read or close it. */
RT_API int rt_session_fd(const struct rt_session *session);

/**
 * Audio of the user, in the session's format, in pieces of any size; copied. commit: these were the last words of a
 * turn (only with turn detection off). Returns 0; -EAGAIN: 10 seconds wait already, this piece was not taken;
 * -EINVAL: not whole samples; -RT_ERR_CLOSED: not connected.
 */
RT_API int rt_session_send_audio(struct rt_session *session, const void *audio, size_t bytes, int commit);
/**
 * A text of the user; the agent answers it. Does not wait. One that a guardrail of the configuration for input (on:
 * input) objects to does not reach the agent: RT_EVENT_GUARDRAIL_TRIPPED without a response tells of it. -EINVAL
 * (empty), -RT_ERR_TOO_BIG, -RT_ERR_CLOSED
 */
RT_API int rt_session_send_message(struct rt_session *session, const char *text);

/** A part of a message. */
enum rt_part_kind {
    RT_PART_TEXT, /**< text */
    RT_PART_IMAGE /**< url: data: or https:; detail: "low", "high", "auto" or NULL */
};
/** One part of a message. */
struct rt_part {
    enum rt_part_kind kind; /**< which members mean something */
    const char *text;       /**< RT_PART_TEXT */
    const char *url;        /**< RT_PART_IMAGE */
    const char *detail;     /**< RT_PART_IMAGE */
};
/** A message of several parts; text parts that are empty or no UTF-8 are left out. As rt_session_send_message. */
RT_API int rt_session_send_parts(struct rt_session *session, const struct rt_part *parts, size_t count);
/** Asks for an answer now. Coalesces with what is asked for already. -RT_ERR_CLOSED */
RT_API int rt_session_generate_response(struct rt_session *session);
/** Stops the agent: what waits to be played is dropped, and the model learns what was heard. -RT_ERR_CLOSED */
RT_API int rt_session_interrupt(struct rt_session *session);
/** Another agent goes on, without a handoff event. Checked first: -EEXIST, -ENOENT ..., the old one then stays. */
RT_API int rt_session_update_agent(struct rt_session *session, const struct rt_agent *agent);
/** The same with an agent that the session knows, by name. -ENOENT */
RT_API int rt_session_switch_agent(struct rt_session *session, const char *name);
/** Allows a tool call that waits; always: also later calls of this tool in this session. -ENOENT: no such call waits */
RT_API int rt_session_approve(struct rt_session *session, const char *tool_call_id, int always);
/** Refuses one; message (NULL: a default) is what the model gets. Likewise. */
RT_API int rt_session_reject(struct rt_session *session, const char *tool_call_id, int always, const char *message);
/** A new connection to the model takes over, with the history replayed. -RT_ERR_CLOSED */
RT_API int rt_session_reconnect(struct rt_session *session);

/**
 * Begins a span of the program's own below what happens now (the turn, else the whole session) and gives its id.
 * Spans that belong to no session: trace.h.
 * -RT_ERR_CLOSED; -RT_ERR_STATE: nothing is traced. Waits for the loop thread, not for longer.
 */
RT_API int rt_session_span_start(struct rt_session *session, const char *name, char id[RT_SPAN_ID_MAX]);
/** Gives it an attribute. -ENOENT: it is over. */
RT_API int rt_session_span_attribute(struct rt_session *session, const char *id, const char *key, const char *value);
/** Ends it; error (NULL: none) says what went wrong. -ENOENT: it is over. */
RT_API int rt_session_span_end(struct rt_session *session, const char *id, const char *error);

/** The conversation so far; freed by rt_history_free. -ENOMEM */
RT_API int rt_session_history(struct rt_session *session, struct rt_history **ret);
/** Tokens of all answers so far. ret->struct_size is set by the caller. -EINVAL */
RT_API int rt_session_usage(struct rt_session *session, struct rt_usage *ret);

#ifdef __cplusplus
}
#endif

#endif
