/**
 * @file event.h
 * What a session tells its program.
 */
#ifndef RINGTRIP_EVENT_H
#define RINGTRIP_EVENT_H

#include <ringtrip/history.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The events: constant, name, a second name that other software uses for the same (or the same once more), what it
 * tells and which members mean something beside type, name and agent.
 */
#define RT_EVENT_LIST(X)                                                                                               \
    X(RT_EVENT_CONNECTION, "connection_status", "connection_status") /* text: connecting, connected ... */             \
    X(RT_EVENT_AGENT_START, "agent_start", "agent_start")            /* an answer begins: response_id */               \
    X(RT_EVENT_AGENT_END, "agent_end", "agent_end")                  /* and is over: response_id, text: status */      \
    X(RT_EVENT_AUDIO, "audio", "audio_delta")                        /* audio, response_id, item_id */                 \
    X(RT_EVENT_AUDIO_END, "audio_end", "audio_done")                 /* of that item: item_id */                       \
    X(RT_EVENT_AUDIO_INTERRUPTED, "audio_interrupted", "audio_interrupted") /* drop what waits to be played */         \
    X(RT_EVENT_AUDIO_PAUSED, "audio_paused", "audio_paused")                /* drop what waits: it may come again */   \
    X(RT_EVENT_AUDIO_RESUMED, "audio_resumed", "audio_resumed")          /* it does: text says what the sound was */   \
    X(RT_EVENT_TRANSCRIPT_DELTA, "transcript_delta", "transcript_delta") /* of the agent's words: text, item_id */     \
    X(RT_EVENT_TRANSCRIPT_DONE, "transcript_done", "transcript_done")    /* all of them: text, item_id */              \
    X(RT_EVENT_INPUT_TRANSCRIPT, "input_audio_transcription_completed", "input_transcript") /* the user's words */     \
    X(RT_EVENT_TOOL_START, "tool_start", "tool_start") /* tool_name, tool_call_id, arguments */                        \
    X(RT_EVENT_TOOL_END, "tool_end", "tool_end")       /* the same and output, failed */                               \
    X(RT_EVENT_TOOL_APPROVAL_REQUIRED, "tool_approval_required", "tool_approval_required")                             \
    X(RT_EVENT_HANDOFF, "handoff", "handoff")                               /* from_agent, to_agent */                 \
    X(RT_EVENT_HISTORY_ADDED, "history_added", "history_added")             /* item */                                 \
    X(RT_EVENT_HISTORY_UPDATED, "history_updated", "history_updated")       /* history */                              \
    X(RT_EVENT_GUARDRAIL_TRIPPED, "guardrail_tripped", "guardrail_tripped") /* guardrail, text: why, message */        \
    X(RT_EVENT_INPUT_TIMEOUT, "input_audio_timeout_triggered", "input_audio_timeout_triggered")                        \
    X(RT_EVENT_USAGE, "usage", "usage")                         /* usage */                                            \
    X(RT_EVENT_ERROR, "error", "error")                         /* err, code, text */                                  \
    X(RT_EVENT_RAW_MODEL, "raw_model_event", "raw_model_event") /* text: JSON of the model's service */                \
    X(RT_EVENT_END, "end_of_stream", "end_of_stream")           /* the last one: err, text: why it ended */            \
    X(RT_EVENT_TURN, "turn", "turn")                            /* a turn is over: latency_ms, heard_ms */

/** What happened. */
enum rt_event_type {
#define X(constant, name, alias) constant,
    RT_EVENT_LIST(X)
#undef X
        RT_EVENT_N
};

/** "audio". Never NULL. Thread: any. */
RT_API const char *rt_event_name(enum rt_event_type type);
/** The other name: "audio_delta". Never NULL. Thread: any. */
RT_API const char *rt_event_alias(enum rt_event_type type);

/** Formats of audio that a program may give and get. Mono. */
enum rt_audio_format {
    RT_AUDIO_PCM16_24K, /**< int16, little endian, 24000 samples a second; the default */
    RT_AUDIO_PCM16_16K, /**< the same at 16000 */
    RT_AUDIO_PCM16_8K,  /**< the same at 8000 */
    RT_AUDIO_PCMU,      /**< G.711 mu-law, 8000 */
    RT_AUDIO_PCMA       /**< G.711 A-law, 8000 */
};
/** Bytes of a millisecond: 48, 32, 16, 8, 8; 0 for no format. Thread: any. */
RT_API uint32_t rt_audio_bytes_per_ms(enum rt_audio_format format);

/** Tokens. cached ones are contained in the input figures. Members may be added at the end. */
struct rt_usage {
    size_t struct_size;           /**< sizeof(struct rt_usage), set by the caller of rt_session_usage */
    uint64_t responses;           /**< how many answers these are */
    uint64_t input_tokens;        /**< all of the input */
    uint64_t output_tokens;       /**< all of the output */
    uint64_t total_tokens;        /**< both */
    uint64_t input_text_tokens;   /**< of the input */
    uint64_t input_audio_tokens;  /**< of the input */
    uint64_t cached_text_tokens;  /**< of the text input */
    uint64_t cached_audio_tokens; /**< of the audio input */
    uint64_t output_text_tokens;  /**< of the output */
    uint64_t output_audio_tokens; /**< of the output */
};

/**
 * One event. Texts are never NULL, "" where they mean nothing. Members may be added at the end; programs never allocate
 * one.
 */
struct rt_event {
    enum rt_event_type type;            /**< which members mean something */
    const char *name;                   /**< rt_event_name(type) */
    void *context;                      /**< of the session's options */
    uint64_t at_us;                     /**< monotonic time at which it happened, microseconds */
    const char *agent;                  /**< who is speaking with the user */
    const char *from_agent;             /**< handoff */
    const char *to_agent;               /**< handoff */
    const char *response_id;            /**< the answer it belongs to */
    const char *item_id;                /**< the item it belongs to */
    uint32_t content_index;             /**< its content part */
    const uint8_t *audio;               /**< audio: samples in the session's format */
    size_t audio_bytes;                 /**< how many bytes */
    const char *text;                   /**< words, a status, a reason */
    const char *tool_name;              /**< tools */
    const char *tool_call_id;           /**< tools */
    const char *arguments;              /**< tools: JSON */
    const char *output;                 /**< tool_end: what the model gets */
    int failed;                         /**< tool_end: the output is an error text */
    const char *guardrail;              /**< names of those that tripped, with ", " between */
    const char *message;                /**< guardrail_tripped: the text checked so far */
    const struct rt_history *history;   /**< history_updated; lent until rt_event_free; else NULL */
    const struct rt_history_item *item; /**< history_added; likewise */
    const struct rt_usage *usage;       /**< usage, of this answer; likewise */
    uint32_t heard_ms;                  /**< audio_interrupted, turn: how much of the answer was heard */
    int err;                            /**< error, end_of_stream: negative, or 0 */
    const char *code;                   /**< error: short word, of the service when it sent one */
    int32_t latency_ms;                 /**< turn: from the end of the user's words to the first sound of the answer;
                                             negative: there was no such moment (typed words, no sound) */
};

/** NULL is fine. Thread: any. */
RT_API void rt_event_free(struct rt_event *event);

#ifdef __cplusplus
}
#endif

#endif
