/*
 * Gemini Live (BidiGenerateContent), client side: writers of client messages and a tolerant decoder of server messages.
 * Pure; slices lend the text or the scratch buffer. Not here: sockets, what follows from what, the server side
 * (gemini_server.h). Source: v1beta of the Live API as of autumn 2026.
 *
 * A server message is one JSON object with one member, or several: audio, transcripts and flags may come together and
 * are to be looked at in the order interrupted, parts, transcripts, generation_complete, turn_complete.
 */
#ifndef WIRE_GEMINI_H
#define WIRE_GEMINI_H

#include "base/buf.h"
#include "base/json.h"

#define GEMINI_ID_MAX     128  /* bytes of a function call's id or name */
#define GEMINI_HANDLE_MAX 4096 /* bytes of a handle to resume by */
#define GEMINI_IN_HZ      16000
#define GEMINI_OUT_HZ     24000

/* ---- from the server ---- */

enum gemini_voice { GEMINI_VOICE_NONE, GEMINI_VOICE_START, GEMINI_VOICE_END };

struct gemini_usage {
    bool present;
    uint64_t in, in_text, in_audio; /* prompt and what tools put into it; in: the total */
    uint64_t out, out_text, out_audio;
    uint64_t cached, cached_text, cached_audio; /* contained in the input figures */
    uint64_t thoughts;                          /* not contained in out */
};

struct gemini_message {
    size_t bytes; /* of its text */
    bool setup_complete;
    struct str session_id; /* of setupComplete; may be empty */
    bool interrupted, generation_complete, turn_complete;
    bool waiting_for_input;
    struct str reason;        /* turnCompleteReason, empty: none */
    struct json_val parts;    /* of modelTurn: gemini_part_next */
    bool has_heard, has_said; /* inputTranscription, outputTranscription */
    struct str heard, said;   /* pieces, with their leading blanks */
    bool heard_finished;
    struct json_val calls;     /* gemini_call_next */
    struct json_val cancelled; /* array of ids: gemini_id_next */
    bool go_away;
    uint32_t left_ms; /* goAway: until the connection is closed; 0: not said */
    bool has_resumption, resumable;
    struct str handle; /* with resumable; else empty */
    enum gemini_voice voice;
    bool has_status, idle; /* interactionStatus */
    struct gemini_usage usage;
    uint32_t n_unknown; /* members that we do not know */
};

/*
 * Decodes one message. Unknown members are passed over, a missing one is as if it were false or empty.
 * ret_field, may be NULL: the one that is wrong, static. -ERR_SYNTAX, -ERR_TYPE, -ERR_RANGE, -ERR_TOO_BIG, -ENOMEM
 */
MUST_USE int gemini_decode(struct str text, struct buf *scratch, struct gemini_message *ret, const char **ret_field);

enum gemini_part_kind {
    GEMINI_PART_AUDIO,   /* base64 of little-endian PCM16 */
    GEMINI_PART_TEXT,    /* what the model writes, not the transcript of its audio */
    GEMINI_PART_THOUGHT, /* is never told to a caller */
    GEMINI_PART_OTHER,
};

struct gemini_part {
    enum gemini_part_kind kind;
    struct str text;  /* or base64 */
    uint32_t rate_hz; /* audio; as its type says, else GEMINI_OUT_HZ */
};

/* Parts of a decoded message, over json_array(msg.parts). False: no more; it->err then as of the iterator. */
bool gemini_part_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch,
                      struct gemini_part *ret);

struct gemini_call {
    struct str id;   /* may be empty (some Vertex models) */
    struct str name; /* never empty */
    struct str args; /* a JSON object, as it came; "{}" when there was none */
};

/* Over json_array(msg.calls). What is no call is passed over. */
bool gemini_call_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch,
                      struct gemini_call *ret);
/* Over json_array(msg.cancelled). */
bool gemini_id_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch, struct str *ret);
/* "9.5s" to milliseconds. -ERR_TYPE, -ERR_RANGE */
MUST_USE int gemini_duration_ms(struct str text, uint32_t *ret);
/* Appends the JSON text without blanks between its tokens. */
void gemini_put_compact(struct buf *out, struct str json);

/* ---- to the server ---- */

enum gemini_tri { GEMINI_UNSET, GEMINI_NO, GEMINI_YES };

struct gemini_opt {
    bool set;
    double v;
};
#define GEMINI_OPT(x) ((struct gemini_opt){.set = true, .v = (x)})

/* Zero-initialised means "not sent"; a struct str is left out when it is empty. raw: JSON, copied as it is. */
struct gemini_setup {
    struct str model; /* "gemini-..." becomes "models/gemini-..."; what holds a slash stays */
    bool text_only;
    struct gemini_opt temperature, top_p, top_k, max_output_tokens, seed;
    struct gemini_opt presence_penalty, frequency_penalty;
    struct str media_resolution; /* MEDIA_RESOLUTION_LOW, _MEDIUM, _HIGH */
    struct str voice, language_code;
    struct str thinking_level; /* MINIMAL, LOW, MEDIUM, HIGH */
    struct gemini_opt thinking_budget;
    enum gemini_tri include_thoughts, affective_dialog, proactive_audio;
    struct str instructions;
    struct str functions_raw; /* array of function declarations */
    bool google_search;
    bool hear, say;                                     /* transcripts of the caller and of the model */
    struct str hear_languages_raw, hear_vocabulary_raw; /* arrays */
    struct str hear_mode;                               /* VERBATIM, SMART */
    bool manual;                                        /* automatic detection is off: activity marks are sent */
    struct str start_sensitivity, end_sensitivity;
    struct gemini_opt prefix_padding_ms, silence_duration_ms;
    struct str activity_handling, turn_coverage;
    bool resumable;    /* handles are wanted */
    struct str handle; /* of the session that goes on */
    bool history;      /* content is history until one is complete: it is not answered */
    bool compress;
    struct gemini_opt trigger_tokens, target_tokens;
    struct str safety_raw;
};

void gemini_put_setup(struct buf *out, const struct gemini_setup *s);

enum gemini_mark { GEMINI_ACTIVITY_START, GEMINI_ACTIVITY_END, GEMINI_STREAM_END };

/* pcm: little-endian PCM16 at GEMINI_IN_HZ */
void gemini_put_audio(struct buf *out, struct span pcm);
void gemini_put_mark(struct buf *out, enum gemini_mark mark);

/* One still picture, as a frame of video. base64: of the file, as it is. */
void gemini_put_image(struct buf *out, struct str mime_type, struct str base64);
/* Other instructions and functions for the session under way; functions_raw as in gemini_setup. */
void gemini_put_context(struct buf *out, struct str instructions, struct str functions_raw);

/* A text as if the caller had said it: starts a generation and interrupts by itself. */
void gemini_put_realtime_text(struct buf *out, struct str text);

enum gemini_role { GEMINI_ROLE_USER, GEMINI_ROLE_MODEL };

/* Adds one turn to a list of them, which gemini_put_content takes; an empty text adds nothing. */
void gemini_add_turn(struct buf *turns, enum gemini_role role, struct str text);
/* turns may be empty. complete: the model is to answer, and what it says is interrupted. */
void gemini_put_content(struct buf *out, struct str turns, bool complete);

enum gemini_scheduling {
    GEMINI_SCHEDULING_UNSET,
    GEMINI_WHEN_IDLE,
    GEMINI_INTERRUPT,
    GEMINI_SILENT,
};

struct gemini_result {
    struct str id, name;
    struct str output; /* JSON of any type, or any text */
    bool failed;
    enum gemini_scheduling scheduling;
};

void gemini_put_tool_response(struct buf *out, const struct gemini_result *list, size_t n);

/* ---- gemini_schema.c ---- */

/*
 * Writes a JSON Schema as the API's own dialect of it: upper-case types, only the members that it knows, references
 * resolved, oneOf as anyOf, const as enum, null as nullable. What cannot be said is left out, so that the function
 * stays callable; the gateway checks arguments against the whole schema anyway. -ERR_SYNTAX, -ERR_TYPE (no object),
 * -ERR_TOO_BIG (deeper than JSON_MAX_DEPTH / 2, or a reference into itself)
 */
MUST_USE int gemini_put_schema(struct json_w *w, struct str schema);
/* Letters, digits, _ . : -, beginning with a letter or _, at most GEMINI_ID_MAX. */
bool gemini_name_ok(struct str name);

#endif
