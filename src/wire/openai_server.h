/*
 * OpenAI Realtime, server side, for the sandbox: strict decoder of client events, the effective session with the
 * merge rules of session.update, and writers of server events in the GA shape. Pure: no ids are invented, no clock is
 * read, no order is kept; the sandbox does that. Beta spellings are refused, as the vendor refuses them.
 */
#ifndef WIRE_OPENAI_SERVER_H
#define WIRE_OPENAI_SERVER_H

#include "wire/openai.h"
#include "wire/picture.h"

#define OPENAI_INSTRUCTIONS_MAX (256 * 1024)
#define OPENAI_TOOLS_MAX        (256 * 1024)
#define OPENAI_RAW_MAX          (64 * 1024) /* prompt, tracing, truncation, metadata and the like */
#define OPENAI_APPEND_MAX       (15 * 1024 * 1024)
#define OPENAI_EVENT_ID_MAX     512

/* What goes into an error event. Messages and codes are those of the vendor. */
struct openai_server_error {
    const char *type; /* "invalid_request_error" */
    const char *code; /* NULL: JSON null */
    char message[640];
    char param[160]; /* "": JSON null */
};

/* Fills an error that the sandbox finds by itself; param NULL or "" gives null. type is invalid_request_error. */
void openai_server_error_set(struct openai_server_error *e, const char *code, const char *param, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* ---- client events ---- */

/* X(constant, wire name) */
#define OPENAI_CLIENT_EVENT_LIST(X)                                                                                    \
    X(OPENAI_CLIENT_SESSION_UPDATE, "session.update")                                                                  \
    X(OPENAI_CLIENT_APPEND, "input_audio_buffer.append")                                                               \
    X(OPENAI_CLIENT_COMMIT, "input_audio_buffer.commit")                                                               \
    X(OPENAI_CLIENT_INPUT_CLEAR, "input_audio_buffer.clear")                                                           \
    X(OPENAI_CLIENT_OUTPUT_CLEAR, "output_audio_buffer.clear")                                                         \
    X(OPENAI_CLIENT_ITEM_CREATE, "conversation.item.create")                                                           \
    X(OPENAI_CLIENT_ITEM_RETRIEVE, "conversation.item.retrieve")                                                       \
    X(OPENAI_CLIENT_ITEM_TRUNCATE, "conversation.item.truncate")                                                       \
    X(OPENAI_CLIENT_ITEM_DELETE, "conversation.item.delete")                                                           \
    X(OPENAI_CLIENT_RESPONSE_CREATE, "response.create")                                                                \
    X(OPENAI_CLIENT_RESPONSE_CANCEL, "response.cancel")

enum openai_client_type {
#define X(name, wire) name,
    OPENAI_CLIENT_EVENT_LIST(X)
#undef X
        OPENAI_CLIENT_N
};

/* response.create.response: each member overrides the session for this response. p NULL / UNSET / NONE: not given. */
struct openai_server_params {
    struct str instructions;
    enum openai_modality output_modality;
    enum openai_format output_format;
    struct str voice;       /* a name or the id of a custom voice */
    struct str tools_raw;   /* JSON array */
    struct str tool_choice; /* raw JSON: "\"auto\"" or an object */
    enum openai_tri parallel_tool_calls;
    struct openai_opt_i64 max_output_tokens; /* v 0: "inf" */
    struct str metadata_raw;                 /* JSON object; p NULL: null */
    bool out_of_band;                        /* conversation "none" */
    bool has_input;                          /* input given: it replaces the context */
    struct json_val input;                   /* array of items, checked: openai_item_next */
};

struct openai_client_event {
    enum openai_client_type type;
    struct str event_id; /* p NULL when absent; set also when the event is refused, if it could be read */
    union {
        struct json_val session; /* session.update: for openai_server_apply_update */
        struct str audio;        /* append: base64, not yet checked (base64_decode; on failure see below) */
        struct {
            bool has_previous;
            struct str previous_item_id; /* "root" puts it first */
            struct openai_item item;     /* id empty: the server chooses; content: the parts, checked */
            /* mcp_approval_response */
            struct str approval_request_id;
            bool approve;
        } create;
        struct {
            struct str item_id;
            uint64_t audio_end_ms; /* truncate */
        } item;
        struct openai_server_params response;
        struct str response_id; /* cancel; p NULL: the active one */
    };
};

/*
 * Decodes one client event, strictly: unknown type, unknown, missing or wrong parameters are errors with the vendor's
 * code, message and param path ("session.x", "item.content[0].text").
 *   scratch    cleared, then holds unescaped text; its limit should be three times the largest message
 *   ret_error  filled on error only
 * Returns 0; -ERR_SYNTAX, -ERR_MISSING, -ERR_TYPE, -ERR_RANGE, -ERR_TOO_BIG, all explained in ret_error.
 */
MUST_USE int openai_server_decode(struct str text, struct buf *scratch, struct openai_client_event *ret,
                                  struct openai_server_error *ret_error);
/* The refusals that only the sandbox can detect, with the vendor's words. */
void openai_server_error_base64(struct openai_server_error *e);
void openai_server_error_binary(struct openai_server_error *e);

/* One content part of a message item. */
enum openai_part_type {
    OPENAI_PART_NONE,
    OPENAI_PART_INPUT_TEXT,
    OPENAI_PART_INPUT_AUDIO,
    OPENAI_PART_INPUT_IMAGE,
    OPENAI_PART_OUTPUT_TEXT,
    OPENAI_PART_OUTPUT_AUDIO,
    OPENAI_PART_TYPE_N
};

struct openai_part {
    enum openai_part_type type;
    bool has_text;        /* false: "transcript":null */
    struct str text;      /* text or transcript */
    struct str audio;     /* base64: input of item.create; written only by item.retrieved */
    struct str image_url; /* data URL, checked: picture_read takes it */
    enum picture_detail detail;
};

/* Walks item.content; it = json_array(item->content). Text goes to scratch, which is not cleared; slices of the
 * decoded event stay valid when its content is walked once. */
bool openai_part_next(struct json_it *it, struct buf *scratch, struct openai_part *ret);

/* ---- the effective session ---- */

/*
 * Settings as the server echoes them. Read the members freely; change them by openai_server_apply_update only.
 * Texts are owned by the struct. All of it is always set: there is no "unset" here, so enums are never UNSET/NONE
 * except where null is a value (noise OFF, vad NONE, effort UNSET = not echoed).
 */
struct openai_server_session {
    bool transcription_only; /* ?intent=transcription or session.type "transcription" */
    char id[OPENAI_ID_MAX + 1];
    char model[OPENAI_ID_MAX + 1];
    int64_t expires_at; /* unix seconds */
    enum openai_modality output_modality;
    struct buf instructions;
    struct buf tools;          /* JSON array, "[]" when none */
    struct buf tool_choice;    /* JSON: "\"auto\"" */
    struct buf tracing;        /* JSON: "null" */
    struct buf truncation;     /* JSON: "\"auto\"" */
    struct buf prompt;         /* JSON: "null" */
    struct buf include;        /* JSON: "null" */
    int64_t max_output_tokens; /* 0: "inf" */
    enum openai_format input_format;
    enum openai_format output_format;
    bool transcription; /* input transcription is on */
    char transcription_model[OPENAI_ID_MAX + 1];
    char transcription_language[32]; /* "": null */
    struct buf transcription_prompt; /* empty: null */
    struct buf transcription_extra;  /* further members as JSON, without braces; may be empty */
    enum openai_noise noise_reduction;
    struct openai_turn_detection turn_detection; /* members of the type all set; idle null when off */
    char voice[OPENAI_ID_MAX + 1];
    bool voice_is_id; /* echoed as {"id":...} */
    double speed;
    enum openai_tri parallel_tool_calls; /* UNSET: not echoed */
    enum openai_effort reasoning_effort; /* UNSET: not echoed */
    bool voice_locked;                   /* set it once the model has produced audio */
};

/* The vendor's defaults of a new connection; id and model are copied (cut at OPENAI_ID_MAX: -ENOSPC). */
MUST_USE int openai_server_session_init(struct openai_server_session *s, struct str id, struct str model);
void openai_server_session_done(struct openai_server_session *s);
/*
 * Merges session.update's session object: members that are present change, arrays and scalars replace, nested
 * objects merge, a newly chosen turn detection type starts from that type's defaults. All or nothing.
 * Returns 0; the errors of openai_server_decode with ret_error filled; -ENOMEM.
 */
MUST_USE int openai_server_apply_update(struct openai_server_session *s, struct json_val session,
                                        struct openai_server_error *ret_error);
/* How many tools the session has, and the name of the i-th function tool (STR_NULL past the end; escapes stay). */
uint32_t openai_server_tool_count(const struct openai_server_session *s);
struct str openai_server_tool_name(const struct openai_server_session *s, uint32_t i);

/* ---- server events, appended to out (sticky error); key order as the vendor's ---- */

/* type: OPENAI_SESSION_CREATED or OPENAI_SESSION_UPDATED. */
void openai_server_put_session(struct buf *out, struct str event_id, enum openai_event_type type,
                               const struct openai_server_session *s);
/* client_event_id: p NULL gives null. */
void openai_server_put_error(struct buf *out, struct str event_id, const struct openai_server_error *e,
                             struct str client_event_id);

struct openai_server_limit {
    const char *name; /* "tokens", "requests" */
    int64_t limit;
    int64_t remaining;
    double reset_seconds;
};

void openai_server_put_limits(struct buf *out, struct str event_id, const struct openai_server_limit *limits, size_t n);

/* An item as it is echoed. Members that do not belong to the type are not written. */
struct openai_server_item {
    enum openai_item_type type;
    enum openai_status status;
    enum openai_role role;
    struct str id;
    struct str name; /* of an mcp_list_tools, whose list is empty: its server_label */
    struct str call_id;
    struct str arguments;
    struct str output;
    const struct openai_part *parts;
    size_t n_parts;
    /* mcp_approval_response */
    struct str approval_request_id;
    bool approve;
};

/*
 * type: OPENAI_ITEM_ADDED, OPENAI_ITEM_DONE (previous: p NULL gives null), OPENAI_ITEM_RETRIEVED (no previous; parts
 * are named "audio"/"text" for the assistant and carry their audio).
 */
void openai_server_put_item(struct buf *out, struct str event_id, enum openai_event_type type, struct str previous,
                            const struct openai_server_item *item);
/* OPENAI_MCP_TOOLS_IN_PROGRESS, _COMPLETED or _FAILED: how far the listing of that item is. */
void openai_server_put_mcp_listing(struct buf *out, struct str event_id, enum openai_event_type type,
                                   struct str item_id);
void openai_server_put_deleted(struct buf *out, struct str event_id, struct str item_id);
void openai_server_put_truncated(struct buf *out, struct str event_id, struct str item_id, uint64_t audio_end_ms);

/* Input transcription of user item item_id. */
void openai_server_put_heard_delta(struct buf *out, struct str event_id, struct str item_id, struct str delta);
/* usage: seconds > 0 writes the "duration" form, else "tokens"; NULL leaves usage out. */
void openai_server_put_heard(struct buf *out, struct str event_id, struct str item_id, struct str transcript,
                             const struct openai_usage *usage);
/* The error's param is left out, as strict clients want it. */
void openai_server_put_heard_failed(struct buf *out, struct str event_id, struct str item_id,
                                    const struct openai_server_error *e);

/* type: OPENAI_SPEECH_STARTED (start_ms), OPENAI_SPEECH_STOPPED (end_ms), OPENAI_IDLE_TIMEOUT (both). */
struct openai_server_span {
    uint64_t start_ms;
    uint64_t end_ms;
};
void openai_server_put_speech(struct buf *out, struct str event_id, enum openai_event_type type,
                              struct openai_server_span span, struct str item_id);
void openai_server_put_committed(struct buf *out, struct str event_id, struct str previous, struct str item_id);
void openai_server_put_input_cleared(struct buf *out, struct str event_id);

struct openai_server_response {
    struct str id;
    enum openai_status status;
    struct str reason;                       /* cancelled, incomplete */
    const struct openai_server_error *error; /* failed */
    const struct openai_server_item *output; /* only response.done */
    size_t n_output;
    struct str conversation_id; /* p NULL: null (out of band) */
    enum openai_modality output_modality;
    int64_t max_output_tokens; /* 0: "inf" */
    enum openai_format output_format;
    struct str voice;
    bool voice_is_id;
    const struct openai_usage *usage; /* NULL: null */
    struct str metadata_raw;          /* p NULL: null */
};

/* type: OPENAI_RESPONSE_CREATED or OPENAI_RESPONSE_DONE. */
void openai_server_put_response(struct buf *out, struct str event_id, enum openai_event_type type,
                                const struct openai_server_response *r);

/* Where in a response an event belongs. */
struct openai_server_ref {
    struct str response_id;
    struct str item_id;
    uint32_t output_index;
    uint32_t content_index;
    struct str call_id;     /* function_call_arguments.* */
    struct str name;        /* function_call_arguments.done */
    struct str obfuscation; /* deltas: padding; p NULL leaves it out */
};

/* type: OPENAI_OUTPUT_ITEM_ADDED or _DONE. */
void openai_server_put_output_item(struct buf *out, struct str event_id, enum openai_event_type type,
                                   const struct openai_server_ref *ref, const struct openai_server_item *item);
/* type: OPENAI_PART_ADDED or _DONE; modality: part "audio" with transcript, or "text" with text. */
struct openai_server_part {
    enum openai_modality modality;
    struct str text;
};
void openai_server_put_part(struct buf *out, struct str event_id, enum openai_event_type type,
                            const struct openai_server_ref *ref, const struct openai_server_part *part);
/*
 * type: OPENAI_TEXT_DELTA, _TEXT_DONE, _TRANSCRIPT_DELTA, _TRANSCRIPT_DONE, _ARGUMENTS_DELTA, _ARGUMENTS_DONE,
 * _AUDIO_DONE (text is not looked at).
 */
void openai_server_put_text(struct buf *out, struct str event_id, enum openai_event_type type,
                            const struct openai_server_ref *ref, struct str text);
/* response.output_audio.delta, bytes in the output format; the hot path. */
void openai_server_put_audio(struct buf *out, struct str event_id, const struct openai_server_ref *ref,
                             struct span audio);

#endif
