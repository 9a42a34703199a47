/*
 * What enters a call: everything nondeterministic, as facts with a time. Edges decode their wire formats into these
 * structs; spans and strings are lent until call_step returns. Every event is journalled by the host before the step.
 */
#ifndef CALL_EVENT_H
#define CALL_EVENT_H

#include "audio/format.h"
#include "base/str.h"
#include "call/item.h"
#include "call/reason.h"

#define CALL_EVENT_LIST(X)                                                                                             \
    X(EV_BEGIN, "begin")         /* first of all: the call is known; the model is opened now */                        \
    X(EV_TICK, "tick")           /* a deadline of call_deadline_us has come */                                         \
    X(EV_LEG_START, "leg.start") /* media socket is up and has named its stream */                                     \
    X(EV_LEG_MEDIA, "leg.media") /* 20 ms of the caller, usually */                                                    \
    X(EV_LEG_MARK, "leg.mark")   /* a mark of ours came back */                                                        \
    X(EV_LEG_DTMF, "leg.dtmf")                                                                                         \
    X(EV_LEG_STOP, "leg.stop")                       /* the carrier says that the leg is over */                       \
    X(EV_LEG_CLOSED, "leg.closed")                   /* the socket is gone, with or without stop before */             \
    X(EV_LEG_TRANSFER_FAILED, "leg.transfer-failed") /* ACT_LEG_TRANSFER came to nothing; the leg is as it was */      \
    X(EV_MODEL_READY, "model.ready")                 /* settings confirmed; audio may flow */                          \
    X(EV_MODEL_FAILED, "model.failed") /* cannot be opened, refused, or closed in mid-call; no model events follow */  \
    X(EV_MODEL_SPEECH_STARTED, "model.speech-started")                                                                 \
    X(EV_MODEL_SPEECH_STOPPED, "model.speech-stopped")                                                                 \
    X(EV_MODEL_COMMITTED, "model.committed")                                                                           \
    X(EV_MODEL_USER_TEXT, "model.user-text") /* transcript of what the caller said, final */                           \
    X(EV_MODEL_RESPONSE_CREATED, "model.response-created")                                                             \
    X(EV_MODEL_ITEM_ADDED, "model.item-added") /* an output item of a response began */                                \
    X(EV_MODEL_AUDIO, "model.audio")                                                                                   \
    X(EV_MODEL_AUDIO_DONE, "model.audio-done")                                                                         \
    X(EV_MODEL_TEXT_DELTA, "model.text-delta") /* transcript of the agent's audio */                                   \
    X(EV_MODEL_TEXT_DONE, "model.text-done")                                                                           \
    X(EV_MODEL_TOOL_CALL, "model.tool-call")                                                                           \
    X(EV_MODEL_RESPONSE_DONE, "model.response-done")                                                                   \
    X(EV_MODEL_USER_DELTA, "model.user-delta") /* a piece of that transcript, before it is final */                    \
    X(EV_MODEL_ITEM, "model.item")             /* an item of the conversation, as it is now */                         \
    X(EV_MODEL_ITEM_DELETED, "model.item-deleted")                                                                     \
    X(EV_MODEL_ITEM_TRUNCATED, "model.item-truncated")                                                                 \
    X(EV_MODEL_UPDATED, "model.updated")               /* the oldest ACT_MODEL_UPDATE under way is in force */         \
    X(EV_MODEL_IDLE, "model.idle")                     /* the service's detection waited in vain */                    \
    X(EV_MODEL_USAGE, "model.usage")                   /* what a response costs, told apart from its end */            \
    X(EV_MODEL_TOOL_WITHDRAWN, "model.tool-withdrawn") /* the service wants no output of that call any more */         \
    X(EV_MODEL_LEAVING, "model.leaving")               /* the service will close the session soon */                   \
    X(EV_MODEL_RESUMABLE, "model.resumable") /* another session can go on from here: ACT_MODEL_OPEN resume */          \
    X(EV_MODEL_ERROR, "model.error")         /* an error event that did not close the session */                       \
    X(EV_TOOL_CHECKED, "tool.checked")       /* answers ACT_TOOL_CHECK */                                              \
    X(EV_TOOL_APPROVAL, "tool.approval")     /* somebody has decided about an ACT_TOOL_APPROVAL */                     \
    X(EV_TOOL_RESULT, "tool.result")                                                                                   \
    X(EV_GUARD, "guard")                         /* what guardrails say to an ACT_GUARD_CHECK */                       \
    X(EV_VAD, "vad")                             /* what the detector makes of one ACT_VAD chunk; in order */          \
    X(EV_CONTROL_TURN, "control.turn")           /* a turn opened, closed or thrown away by hand */                    \
    X(EV_CONTROL_HANGUP, "control.hangup")       /* operator, API, drain */                                            \
    X(EV_CONTROL_SHED, "control.shed")           /* the worker is out of room for waiting agent audio */               \
    X(EV_CONTROL_USER_TEXT, "control.user-text") /* text as if the caller had said it: the agent stops for it */       \
    X(EV_CONTROL_INTERRUPT, "control.interrupt") /* the agent is stopped */                                            \
    X(EV_CONTROL_RESPOND, "control.respond")     /* a response is wanted now */                                        \
    X(EV_CONTROL_COMMIT, "control.commit")       /* what the caller said so far is a turn */                           \
    X(EV_CONTROL_SAY, "control.say")             /* the agent says these words */                                      \
    X(EV_CONTROL_MESSAGE, "control.message")     /* an item is put into the conversation; nobody is stopped for it */  \
    X(EV_CONTROL_AGENT, "control.agent")         /* update_agent */                                                    \
    X(EV_CONTROL_ENABLE, "control.enable")       /* a tool or handoff is switched on or off */                         \
    X(EV_CONTROL_RENEW, "control.renew")         /* another model session is wanted, with what was said so far */      \
    X(EV_CONTROL_TRANSFER, "control.transfer")   /* hand the caller over: announced and played out before */           \
    X(EV_CONTROL_KEYS, "control.keys")           /* press keys: tones for whoever listens */                           \
    X(EV_CONTROL_VOICEMAIL, "control.voicemail") /* a machine has answered our call: leave it a message */

enum call_event_type {
#define X(name, word) name,
    CALL_EVENT_LIST(X)
#undef X
        CALL_EVENT_N
};
const char *call_event_name(enum call_event_type type);

/* What a push-to-talk button does. */
enum turn_cue { TURN_CUE_START, TURN_CUE_COMMIT, TURN_CUE_DISCARD, TURN_CUE_N };
const char *turn_cue_name(enum turn_cue cue); /* "start", "commit", "discard" */

/* What the host makes of a tool call whose approval depends. */
enum tool_check { TOOL_CHECK_RUN, TOOL_CHECK_ASK, TOOL_CHECK_REFUSE, TOOL_CHECK_N };
const char *tool_check_name(enum tool_check check); /* "run", "ask", "refuse" */

enum interrupt_kind {
    INTERRUPT_NORMAL,   /* playback stops, what was not heard is truncated; cancelled unless the service does that */
    INTERRUPT_FORCED,   /* likewise, and cancelled in any case */
    INTERRUPT_RESPONSE, /* the response is cancelled; what came of it is still played */
    INTERRUPT_PLAYBACK, /* a response that is over is not played further; a newer one goes on */
    INTERRUPT_KIND_N
};
const char *interrupt_kind_name(enum interrupt_kind kind); /* "normal", "forced", "response", "playback" */

enum response_status {
    RESPONSE_COMPLETED,
    RESPONSE_CANCELLED,
    RESPONSE_INCOMPLETE,
    RESPONSE_FAILED,
    RESPONSE_STATUS_N
};

/* Tokens of one response, by modality; cached ones are contained in the input figures. */
struct call_usage {
    uint32_t in_text, in_audio, cached_text, cached_audio;
    uint32_t out_text, out_audio;
};

struct call_event {
    enum call_event_type type;
    uint32_t session; /* EV_MODEL_*: which model session says so, as ACT_MODEL_OPEN numbered it; the first is 0 */
    union {
        struct {
            enum audio_format format;
            struct str stream_id, carrier_call_id, caller, called;
        } leg_start;
        struct {
            uint32_t timestamp_ms; /* media clock of the carrier, any origin */
            struct span audio;     /* in the leg's format */
        } leg_media;
        struct {
            uint32_t mark; /* number we gave it; 0: not one of ours */
        } leg_mark;
        struct {
            char digit;
        } leg_dtmf;
        struct {
            int err; /* 0: orderly */
        } leg_closed;
        struct {
            int err;
            int32_t code;       /* the carrier's own number, 0: none */
            struct str message; /* its sentence, may be empty */
        } leg_transfer_failed;
        struct {
            enum audio_format in, out;
            struct str session_id, model, voice;
            uint32_t n_tools;
            bool interrupts;  /* the service cancels by itself when the caller speaks */
            bool creates;     /* the service creates a response by itself when the caller stops */
            uint32_t lasts_s; /* the service ends the session after so long; 0: it did not say */
            bool no_truncate; /* it cannot be told how much of an item was heard */
            bool no_update;   /* what it was told of the persona holds as long as it lives */
            bool resumed;     /* it knows what an earlier session knew, as ACT_MODEL_OPEN wanted */
        } model_ready;
        struct {
            int err;
            struct str code, message; /* of the service, when it said so */
            bool was_ready;
        } model_failed;
        struct {
            struct str item_id;
            uint32_t at_ms; /* on the clock of appended audio */
        } model_speech;     /* started, stopped, committed */
        struct {
            struct str item_id, text;
            bool failed; /* the transcription did not work */
        } model_user_text;
        struct {
            struct str response_id;
        } model_response; /* created */
        struct {
            struct str response_id, item_id;
        } model_item_added;
        struct {
            struct str response_id;       /* of output items */
            const struct call_item *item; /* never NULL */
        } model_item;
        struct {
            struct str item_id;
            uint32_t ms;   /* truncated: what is left of its audio */
        } model_item_gone; /* deleted, truncated */
        struct {
            struct str response_id, item_id;
            struct span audio; /* in the model's output format */
        } model_audio;         /* audio; audio-done without bytes */
        struct {
            struct str response_id, item_id, text;
        } model_text; /* delta, done (whole text) */
        struct {
            struct str response_id, item_id, tool_call_id, name, arguments;
        } model_tool;
        struct {
            struct str response_id;
            enum response_status status;
            struct str reason; /* turn_detected, client_cancelled, max_output_tokens, error code ... */
            struct call_usage usage;
        } model_done;
        struct {
            struct str code, message, param;
            uint32_t request; /* number of the request that failed, 0 when the service named none */
        } model_error;
        struct {
            struct call_usage usage;
        } model_usage;
        struct {
            struct str tool_call_id;
        } model_withdrawn;
        struct {
            uint32_t left_ms; /* 0: it did not say how soon */
        } model_leaving;
        struct {
            struct str tool_call_id, output;
            bool failed; /* output is an error text */
        } tool_result;
        struct {
            struct str tool_call_id;
            enum tool_check check;
            struct str output; /* refused: what the model is told */
        } tool_checked;
        struct {
            struct str tool_call_id;
            bool approve;
            bool always;        /* the same for every later use of this tool in this call */
            struct str message; /* rejected: what the model is told; empty: the usual */
        } tool_approval;
        struct {
            uint32_t check;    /* number of the ACT_GUARD_CHECK; each of its guards answers once, in any order */
            uint32_t answered; /* masks: those that speak here, */
            uint32_t tripped;  /* of them those that object, */
            uint32_t failed;   /* and those that could not tell: they count as content */
            uint32_t covered;  /* bytes of the item's text that no later word can make objectionable to them */
            uint32_t from, to; /* bytes of the item's text that were objected to; to 0: not known */
            struct str info;   /* why, for people and listeners; may be empty */
        } guard;
        struct {
            uint32_t chunk; /* number of the ACT_VAD it answers; 0: the look ahead */
            uint32_t ppm;   /* probability of speech in millionths, 0 to 1000000 */
        } vad;
        struct {
            enum turn_cue cue;
        } control_turn;
        struct {
            enum call_reason reason;
        } control_hangup;
        struct {
            struct str text;
        } control_text;
        struct {
            enum interrupt_kind kind;
            struct str response_id; /* empty: whichever runs or is played */
        } control_interrupt;
        struct {
            struct str instructions; /* empty: the session's */
            bool no_tools;
        } control_respond;
        struct {
            struct str text;
            bool interrupt; /* stop what is being said */
        } control_say;
        struct {
            const struct call_item *item; /* role and parts; a function call has no business here */
            bool respond;                 /* a response is wanted */
        } control_message;
        struct {
            uint32_t agent;          /* UINT32_MAX: the same one */
            struct str instructions; /* empty: that agent's own */
        } control_agent;
        struct {
            uint32_t tool; /* of opts.tools */
            bool on;
        } control_enable;
        struct {
            struct str tool_call_id; /* the tool that is answered when it is clear what became of it; empty: none */
            struct str to;           /* "+15551234567" or "sip:..." */
            struct str name;         /* for people: "support"; may be empty */
        } control_transfer;
        struct {
            struct str tool_call_id; /* likewise */
            struct str keys;         /* 0-9 * # A-D, w: half a second, W: one second */
        } control_keys;
        struct {
            struct str text;   /* what is said, word for word, before we hang up */
            struct span sound; /* mu-law, 8000 Hz: played in place of the text; empty: the text is said */
            bool after_beep;   /* its greeting is still to be heard: we wait for the beep, or for silence */
        } control_voicemail;
    };
};

#endif
