/*
 * OpenAI Realtime, client side: writers of client events and a tolerant decoder of server events (GA names, the beta
 * spellings of compatible servers too). Pure; slices lend the text or the scratch buffer. Not here: sockets, order of
 * events, retries, the server side (openai_server.h). Source: GA Realtime API as of autumn 2026.
 *
 * Conventions of optional settings: zero-initialised means "not sent". A struct str is left out when p is NULL and
 * sent as "" when it is empty but not NULL. raw: JSON given by the caller, copied as it is.
 */
#ifndef WIRE_OPENAI_H
#define WIRE_OPENAI_H

#include "base/buf.h"
#include "base/json.h"

#define OPENAI_ID_MAX 128 /* bytes of any id that we accept: session, response, item, call, event */

enum openai_format {
    OPENAI_FORMAT_NONE,
    OPENAI_FORMAT_PCM24K,
    OPENAI_FORMAT_PCMU,
    OPENAI_FORMAT_PCMA,
    OPENAI_FORMAT_N
};
enum openai_tri { OPENAI_UNSET, OPENAI_NO, OPENAI_YES };
enum openai_modality { OPENAI_MODALITY_NONE, OPENAI_MODALITY_AUDIO, OPENAI_MODALITY_TEXT };
enum openai_noise { OPENAI_NOISE_UNSET, OPENAI_NOISE_OFF, OPENAI_NOISE_NEAR, OPENAI_NOISE_FAR };
enum openai_vad { OPENAI_VAD_UNSET, OPENAI_VAD_NONE, OPENAI_VAD_SERVER, OPENAI_VAD_SEMANTIC };
enum openai_effort {
    OPENAI_EFFORT_UNSET,
    OPENAI_EFFORT_MINIMAL,
    OPENAI_EFFORT_LOW,
    OPENAI_EFFORT_MEDIUM,
    OPENAI_EFFORT_HIGH,
    OPENAI_EFFORT_XHIGH
};
enum openai_eagerness {
    OPENAI_EAGERNESS_UNSET,
    OPENAI_EAGERNESS_LOW,
    OPENAI_EAGERNESS_MEDIUM,
    OPENAI_EAGERNESS_HIGH,
    OPENAI_EAGERNESS_AUTO
};

struct openai_opt_i64 {
    bool set;
    bool null; /* set and null: JSON null is sent */
    int64_t v;
};

struct openai_opt_f64 {
    bool set;
    double v;
};

#define OPENAI_I64(x) ((struct openai_opt_i64){.set = true, .v = (x)})
#define OPENAI_F64(x) ((struct openai_opt_f64){.set = true, .v = (x)})

struct openai_turn_detection {
    enum openai_vad type; /* OPENAI_VAD_NONE sends null: manual turns */
    struct openai_opt_f64 threshold;
    struct openai_opt_i64 prefix_padding_ms;
    struct openai_opt_i64 silence_duration_ms;
    struct openai_opt_i64 idle_timeout_ms;
    enum openai_eagerness eagerness; /* semantic only */
    enum openai_tri create_response;
    enum openai_tri interrupt_response;
};

struct openai_transcription {
    enum openai_tri on; /* OPENAI_NO sends null */
    struct str model;
    struct str language;
    struct str prompt;
    struct str raw_extra; /* members to add, without braces: "\"delay\":\"low\"" */
};

/* What session.update can set. Fields that the type of turn detection does not allow are not sent. */
struct openai_session {
    bool transcription_only; /* type "transcription" */
    struct str model;
    struct str instructions;
    enum openai_modality output_modality;
    enum openai_format input_format;
    enum openai_format output_format;
    struct openai_transcription transcription;
    enum openai_noise noise_reduction;
    struct openai_turn_detection turn_detection;
    struct str voice;    /* a name */
    struct str voice_id; /* a custom voice; goes out as {"id":...} and wins over voice */
    struct openai_opt_f64 speed;
    struct openai_opt_f64 temperature; /* of dated previews: not in the GA shape */
    struct str tools_raw;              /* JSON array */
    struct str tool_choice;            /* "auto", "none", "required"; or a function's name with tool_choice_function */
    bool tool_choice_function;
    struct str tool_choice_raw; /* JSON; wins */
    enum openai_tri parallel_tool_calls;
    enum openai_effort reasoning_effort;
    struct openai_opt_i64 max_output_tokens; /* 0 and less: "inf" */
    struct str prompt_raw;                   /* JSON object or null */
    struct str tracing_raw;
    struct str truncation_raw;
    struct str include_raw;
};

/* Client events, appended to out (sticky error). event_id: p NULL leaves it out. */
void openai_put_session_update(struct buf *out, struct str event_id, const struct openai_session *session);
/* Hot path: bytes in the session's input format, straight to base64 in the buffer. */
void openai_put_append(struct buf *out, struct span audio);
/* The carrier's base64 as it is: copied unchecked. */
void openai_put_append_text(struct buf *out, struct str base64);
void openai_put_commit(struct buf *out, struct str event_id);
void openai_put_input_clear(struct buf *out, struct str event_id);

enum openai_put_item_kind {
    OPENAI_PUT_USER,
    OPENAI_PUT_ASSISTANT,
    OPENAI_PUT_SYSTEM,
    OPENAI_PUT_FUNCTION_OUTPUT,
    OPENAI_PUT_FUNCTION_CALL /* of an earlier session */
};

struct openai_put_item {
    enum openai_put_item_kind kind;
    struct str id;               /* optional, at most 32 characters are safe */
    struct str previous_item_id; /* optional; "root" puts it first */
    struct str call_id;          /* function call and output */
    struct str name;             /* function call */
    struct str text;             /* message text, the output, or the arguments */
    struct str content_raw;      /* messages: JSON array of parts, instead of text */
};

void openai_put_item_create(struct buf *out, struct str event_id, const struct openai_put_item *item);

struct openai_put_response {
    struct str instructions;
    enum openai_modality output_modality;
    struct str tool_choice;
    struct str tool_choice_raw;
    struct str tools_raw;
    struct openai_opt_i64 max_output_tokens;
    bool out_of_band; /* conversation "none" */
    struct str metadata_raw;
    struct str input_raw; /* JSON array */
};

/* opts NULL: no response member at all. */
void openai_put_response_create(struct buf *out, struct str event_id, const struct openai_put_response *opts);
void openai_put_response_cancel(struct buf *out, struct str event_id, struct str response_id);
void openai_put_truncate(struct buf *out, struct str event_id, struct str item_id, uint64_t audio_end_ms);

/* X(constant, GA wire name); beta spellings decode to the same constants. */
#define OPENAI_EVENT_LIST(X)                                                                                           \
    X(OPENAI_SESSION_CREATED, "session.created")                                                                       \
    X(OPENAI_SESSION_UPDATED, "session.updated")                                                                       \
    X(OPENAI_ERROR, "error")                                                                                           \
    X(OPENAI_RATE_LIMITS, "rate_limits.updated")                                                                       \
    X(OPENAI_CONVERSATION_CREATED, "conversation.created")                                                             \
    X(OPENAI_ITEM_ADDED, "conversation.item.added")                                                                    \
    X(OPENAI_ITEM_DONE, "conversation.item.done")                                                                      \
    X(OPENAI_ITEM_CREATED, "conversation.item.created")                                                                \
    X(OPENAI_ITEM_RETRIEVED, "conversation.item.retrieved")                                                            \
    X(OPENAI_ITEM_TRUNCATED, "conversation.item.truncated")                                                            \
    X(OPENAI_ITEM_DELETED, "conversation.item.deleted")                                                                \
    X(OPENAI_INPUT_TRANSCRIPT_DELTA, "conversation.item.input_audio_transcription.delta")                              \
    X(OPENAI_INPUT_TRANSCRIPT_DONE, "conversation.item.input_audio_transcription.completed")                           \
    X(OPENAI_INPUT_TRANSCRIPT_FAILED, "conversation.item.input_audio_transcription.failed")                            \
    X(OPENAI_INPUT_TRANSCRIPT_SEGMENT, "conversation.item.input_audio_transcription.segment")                          \
    X(OPENAI_SPEECH_STARTED, "input_audio_buffer.speech_started")                                                      \
    X(OPENAI_SPEECH_STOPPED, "input_audio_buffer.speech_stopped")                                                      \
    X(OPENAI_COMMITTED, "input_audio_buffer.committed")                                                                \
    X(OPENAI_INPUT_CLEARED, "input_audio_buffer.cleared")                                                              \
    X(OPENAI_IDLE_TIMEOUT, "input_audio_buffer.timeout_triggered")                                                     \
    X(OPENAI_DTMF, "input_audio_buffer.dtmf_event_received")                                                           \
    X(OPENAI_OUTPUT_STARTED, "output_audio_buffer.started")                                                            \
    X(OPENAI_OUTPUT_STOPPED, "output_audio_buffer.stopped")                                                            \
    X(OPENAI_OUTPUT_CLEARED, "output_audio_buffer.cleared")                                                            \
    X(OPENAI_RESPONSE_CREATED, "response.created")                                                                     \
    X(OPENAI_RESPONSE_DONE, "response.done")                                                                           \
    X(OPENAI_OUTPUT_ITEM_ADDED, "response.output_item.added")                                                          \
    X(OPENAI_OUTPUT_ITEM_DONE, "response.output_item.done")                                                            \
    X(OPENAI_PART_ADDED, "response.content_part.added")                                                                \
    X(OPENAI_PART_DONE, "response.content_part.done")                                                                  \
    X(OPENAI_TEXT_DELTA, "response.output_text.delta")                                                                 \
    X(OPENAI_TEXT_DONE, "response.output_text.done")                                                                   \
    X(OPENAI_TRANSCRIPT_DELTA, "response.output_audio_transcript.delta")                                               \
    X(OPENAI_TRANSCRIPT_DONE, "response.output_audio_transcript.done")                                                 \
    X(OPENAI_AUDIO_DELTA, "response.output_audio.delta")                                                               \
    X(OPENAI_AUDIO_DONE, "response.output_audio.done")                                                                 \
    X(OPENAI_ARGUMENTS_DELTA, "response.function_call_arguments.delta")                                                \
    X(OPENAI_ARGUMENTS_DONE, "response.function_call_arguments.done")                                                  \
    X(OPENAI_MCP_ARGUMENTS_DELTA, "response.mcp_call_arguments.delta")                                                 \
    X(OPENAI_MCP_ARGUMENTS_DONE, "response.mcp_call_arguments.done")                                                   \
    X(OPENAI_MCP_CALL_IN_PROGRESS, "response.mcp_call.in_progress")                                                    \
    X(OPENAI_MCP_CALL_COMPLETED, "response.mcp_call.completed")                                                        \
    X(OPENAI_MCP_CALL_FAILED, "response.mcp_call.failed")                                                              \
    X(OPENAI_MCP_TOOLS_IN_PROGRESS, "mcp_list_tools.in_progress")                                                      \
    X(OPENAI_MCP_TOOLS_COMPLETED, "mcp_list_tools.completed")                                                          \
    X(OPENAI_MCP_TOOLS_FAILED, "mcp_list_tools.failed")

enum openai_event_type {
    OPENAI_UNKNOWN,
#define X(name, wire) name,
    OPENAI_EVENT_LIST(X)
#undef X
        OPENAI_EVENT_N
};

enum openai_item_type {
    OPENAI_ITEM_UNKNOWN,
    OPENAI_ITEM_MESSAGE,
    OPENAI_ITEM_FUNCTION_CALL,
    OPENAI_ITEM_FUNCTION_OUTPUT,
    OPENAI_ITEM_MCP_LIST_TOOLS,
    OPENAI_ITEM_MCP_CALL,
    OPENAI_ITEM_MCP_APPROVAL_REQUEST,
    OPENAI_ITEM_MCP_APPROVAL_RESPONSE,
    OPENAI_ITEM_REFERENCE, /* only inside response.create */
    OPENAI_ITEM_TYPE_N
};
enum openai_role { OPENAI_ROLE_NONE, OPENAI_ROLE_USER, OPENAI_ROLE_ASSISTANT, OPENAI_ROLE_SYSTEM, OPENAI_ROLE_N };
/* Of items and of responses. */
enum openai_status {
    OPENAI_STATUS_NONE, /* absent or unknown */
    OPENAI_STATUS_IN_PROGRESS,
    OPENAI_STATUS_COMPLETED,
    OPENAI_STATUS_INCOMPLETE,
    OPENAI_STATUS_CANCELLED,
    OPENAI_STATUS_FAILED,
    OPENAI_STATUS_N
};

struct openai_item {
    enum openai_item_type type;
    enum openai_status status;
    enum openai_role role;
    struct str id;
    struct str name; /* function and mcp calls */
    struct str call_id;
    struct str arguments; /* JSON as text, unescaped; may be invalid JSON */
    struct str output;
    struct str text; /* of the first content part that has a text or transcript */
    struct json_val content;
};

/* error events, failed transcriptions, failed responses. Members may be empty. */
struct openai_error {
    struct str type;
    struct str code;
    struct str message;
    struct str param;
    struct str event_id; /* of the client event that failed */
};

struct openai_usage {
    bool present;
    uint64_t total_tokens;
    uint64_t input_tokens;
    uint64_t input_text_tokens;
    uint64_t input_audio_tokens;
    uint64_t input_image_tokens;
    uint64_t cached_tokens; /* contained in input_tokens */
    uint64_t cached_text_tokens;
    uint64_t cached_audio_tokens;
    uint64_t output_tokens;
    uint64_t output_text_tokens;
    uint64_t output_audio_tokens;
    double seconds; /* transcription billed by duration, else 0 */
};

/* What the server says it uses. */
struct openai_session_info {
    struct str id;
    struct str model;
    struct str voice;                /* the name, or the id of a custom voice */
    enum openai_format input_format; /* NONE: absent or unknown */
    enum openai_format output_format;
    enum openai_modality output_modality;
    uint32_t n_tools;
    struct openai_turn_detection turn_detection; /* type UNSET: the key is absent; NONE: null */
    bool transcription;                          /* input transcription is on */
    int64_t expires_at;                          /* unix seconds, 0 when absent */
};

struct openai_response {
    struct str id;
    enum openai_status status;
    struct str status_name;
    struct str reason; /* "turn_detected", "client_cancelled", "max_output_tokens", "content_filter" */
    struct openai_error error;
    struct openai_usage usage;
    struct str conversation_id; /* empty: out of band or absent */
    struct json_val metadata;
    struct json_val output; /* array of items: openai_item_next */
};

struct openai_event {
    enum openai_event_type type;
    struct str type_name;   /* as spelled on the wire */
    struct str event_id;    /* these are empty when absent */
    struct str response_id; /* also of response.* objects */
    struct str item_id;     /* also of item objects */
    struct str previous_item_id;
    struct str call_id;
    uint32_t output_index;
    uint32_t content_index;
    /*
     * The text of the event: delta, whole transcript, text, arguments or DTMF digit, unescaped.
     * OPENAI_AUDIO_DELTA: base64, unchecked.
     */
    struct str text;
    union {
        struct openai_session_info session; /* session.* */
        struct openai_error error;          /* error, transcription.failed */
        struct openai_item item;            /* conversation.item.{added,done,created,retrieved}, output_item.* */
        struct openai_response response;    /* response.created, response.done */
        struct openai_usage usage;          /* transcription.completed */
        struct {
            uint64_t start_ms; /* of the session's input clock */
            uint64_t end_ms;
        } audio;         /* speech_started, speech_stopped, timeout_triggered, truncated (end) */
        struct str name; /* function_call_arguments.done */
        struct {
            double requests_remaining; /* -1 when absent */
            double tokens_remaining;
            double reset_seconds; /* the longest */
        } limits;
    };
};

/*
 * Decodes one server event; tolerant: unknown types come as OPENAI_UNKNOWN, unknown members pass, nearly everything
 * but the type may be missing. scratch is cleared, then holds unescaped text.
 *   ret_field  on error the member that is wrong, NULL when the text as a whole is; may be NULL
 * Returns 0; -ERR_SYNTAX, -ERR_MISSING (type, an object without which the event means nothing), -ERR_TYPE,
 * -ERR_RANGE, -ERR_TOO_BIG (an id).
 */
MUST_USE int openai_decode(struct str text, struct buf *scratch, struct openai_event *ret, const char **ret_field);
/* Walks response.output; it = json_array(response->output). An item that is no object ends the walk with it->err. */
bool openai_item_next(struct json_it *it, struct buf *scratch, struct openai_item *ret);
/* Reads one item object. Text goes to scratch, which is not cleared; older slices of it stay valid only if the
 * caller reserved room (openai_decode does, for the size of its text). */
MUST_USE int openai_item_read(struct json_val v, struct buf *scratch, struct openai_item *ret);

const char *openai_event_name(enum openai_event_type type);
const char *openai_status_name(enum openai_status status);
const char *openai_item_type_name(enum openai_item_type type);
const char *openai_role_name(enum openai_role role);
/* {"type":...} of audio.input.format, as text: "audio/pcmu". */
const char *openai_format_name(enum openai_format format);
/* Takes both vocabularies: the GA object or type text, "pcm16", "g711_ulaw", "g711_alaw". NONE when unknown. */
enum openai_format openai_format_read(struct json_val v);
const char *openai_eagerness_name(enum openai_eagerness eagerness);
const char *openai_effort_name(enum openai_effort effort);
/* {"type":"audio/pcm","rate":24000} and so on, without key. */
void openai_put_format(struct json_w *w, enum openai_format format);

#endif
