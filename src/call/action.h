/*
 * What a call wants done. call_step fills a list; the host carries it out in order, at once. Spans and strings are lent
 * until the next step with the same list. No vendor's words: adapters translate.
 */
#ifndef CALL_ACTION_H
#define CALL_ACTION_H

#include "base/arena.h"
#include "call/event.h"
#include "call/opts.h"
#include "call/signal.h"

#define CALL_ACTION_LIST(X)                                                                                            \
    X(ACT_LEG_MEDIA, "leg.media")       /* audio in the leg's format; mark behind it when not 0 */                     \
    X(ACT_LEG_MARK, "leg.mark")         /* a mark alone */                                                             \
    X(ACT_LEG_CLEAR, "leg.clear")       /* drop what waits at the carrier */                                           \
    X(ACT_LEG_HANGUP, "leg.hangup")     /* end the phone leg */                                                        \
    X(ACT_LEG_TRANSFER, "leg.transfer") /* hand it over; it then stops, or EV_LEG_TRANSFER_FAILED comes */             \
    X(ACT_MODEL_OPEN, "model.open")     /* a session, told of model_open.persona */                                    \
    X(ACT_MODEL_APPEND, "model.append")                                                                                \
    X(ACT_MODEL_COMMIT, "model.commit")                                                                                \
    X(ACT_MODEL_CLEAR_INPUT, "model.clear-input")                                                                      \
    X(ACT_MODEL_RESPOND, "model.respond")                                                                              \
    X(ACT_MODEL_CANCEL, "model.cancel")                                                                                \
    X(ACT_MODEL_TRUNCATE, "model.truncate")                                                                            \
    X(ACT_MODEL_TOOL_OUTPUT, "model.tool-output")                                                                      \
    X(ACT_MODEL_UPDATE, "model.update") /* the session is told of another persona */                                   \
    X(ACT_MODEL_ITEM, "model.item")     /* an item is put into the conversation */                                     \
    X(ACT_MODEL_USER_TEXT, "model.user-text")                                                                          \
    X(ACT_MODEL_CLOSE, "model.close")                                                                                  \
    X(ACT_TOOL_CHECK, "tool.check")       /* does this use need an approval? EV_TOOL_CHECKED answers */                \
    X(ACT_TOOL_APPROVAL, "tool.approval") /* somebody must decide; EV_TOOL_APPROVAL answers */                         \
    X(ACT_TOOL_DECIDED, "tool.decided")   /* it is: nobody needs to decide any more */                                 \
    X(ACT_TOOL_RUN, "tool.run")                                                                                        \
    X(ACT_TOOL_CANCEL, "tool.cancel") /* nobody waits for it any more */                                               \
    X(ACT_GUARD_CHECK, "guard.check") /* text for guardrails; EV_GUARD answers */                                      \
    X(ACT_GUARD_TRIP, "guard.trip")   /* one objected: what it was about, once for each response */                    \
    X(ACT_VAD, "vad.chunk")           /* one chunk for the local detector; EV_VAD answers */                           \
    X(ACT_RECORD, "record")           /* settled audio of both sides */                                                \
    X(ACT_LINE, "line")               /* one line of the transcript */                                                 \
    X(ACT_TURN, "turn")               /* one finished turn */                                                          \
    X(ACT_NOTE, "note")               /* a decision, for log, metrics and record */                                    \
    X(ACT_SIGNAL, "signal")           /* an event of the session, for who watches */                                   \
    X(ACT_USAGE, "usage")                                                                                              \
    X(ACT_END, "end") /* last: the call is over, tear down */

enum call_action_type {
#define X(name, word) name,
    CALL_ACTION_LIST(X)
#undef X
        CALL_ACTION_N
};
const char *call_action_name(enum call_action_type type);

/* Why a model session is opened. X(constant, word) */
#define CALL_RENEWAL_LIST(X)                                                                                           \
    X(RENEWAL_FIRST, "first")   /* the call begins */                                                                  \
    X(RENEWAL_LIMIT, "limit")   /* the one before will end by the service's rule */                                    \
    X(RENEWAL_ASKED, "asked")   /* somebody wants it */                                                                \
    X(RENEWAL_AGENT, "agent")   /* somebody else speaks, and the one before cannot be told */                          \
    X(RENEWAL_CLOSED, "closed") /* the one before was closed or lost */                                                \
    X(RENEWAL_ERROR, "error")   /* it was of no use any more */                                                        \
    X(RENEWAL_FAILED, "failed") /* it could not be opened */

enum call_renewal {
#define X(name, word) name,
    CALL_RENEWAL_LIST(X)
#undef X
        RENEWAL_N
};
const char *call_renewal_name(enum call_renewal why);

/* X(constant, word): what ACT_NOTE may say. value's meaning stands beside it. */
#define CALL_NOTE_LIST(X)                                                                                              \
    X(NOTE_ANSWERED, "answered")           /* greeting or conversation begins; value: ms since leg start */            \
    X(NOTE_GREETING_DONE, "greeting-done") /* value: ms of it that were heard */                                       \
    X(NOTE_GREETING_TIMEOUT, "greeting-timeout")                                                                       \
    X(NOTE_GREETING_DEVIATION, "greeting-deviation") /* text: what was said instead */                                 \
    X(NOTE_BARGE_IN, "barge-in")                     /* value: ms of the item that were heard; text: verdict */        \
    X(NOTE_BARGE_IN_IGNORED, "barge-in-ignored")     /* text: why */                                                   \
    X(NOTE_PAUSE, "playout-pause")                   /* a sound over the agent; value: ms of the item heard so far */  \
    X(NOTE_RESUME, "playout-resume")                 /* value: ms of the pause; text: verdict */                       \
    X(NOTE_TURN_START, "turn-start")                 /* local detector; value: ms of speech; text: p and thresholds */ \
    X(NOTE_TURN_END, "turn-end")                     /* value: ms of silence counted; text: p and thresholds */        \
    X(NOTE_SOUND_REJECTED, "sound-rejected")         /* not a turn; value: ms of sound; text: verdict */               \
    X(NOTE_SILENCE, "silence")                   /* the caller says nothing; value: ms; text: rung of the ladder */    \
    X(NOTE_DEAD_AIR, "dead-air")                 /* the model says nothing; value: ms; text: what is done */           \
    X(NOTE_LINE, "line")                         /* an oddity of the line, once each; text: which; value: figure */    \
    X(NOTE_LATE_AUDIO, "late-audio")             /* of a dead response, dropped; value: bytes */                       \
    X(NOTE_UNDERRUN, "underrun")                 /* the carrier ran dry in mid-item; value: new lead ms */             \
    X(NOTE_UPLINK_DROP, "uplink-drop")           /* value: bytes of caller audio lost to the limit */                  \
    X(NOTE_UPLINK_FILL, "uplink-fill")           /* value: ms of silence put into a gap */                             \
    X(NOTE_QUEUE_FULL, "queue-full")             /* downlink limit; the response is cancelled */                       \
    X(NOTE_RESPONSE_TIMEOUT, "response-timeout") /* text: created, stall or cancel */                                  \
    X(NOTE_RESPONSE_FAILED, "response-failed")   /* text: code */                                                      \
    X(NOTE_RESPONSE_COLLISION, "response-collision")                                                                   \
    X(NOTE_MODEL_ERROR, "model-error")         /* text: code */                                                        \
    X(NOTE_TOOL_UNKNOWN, "tool-unknown")       /* text: name */                                                        \
    X(NOTE_TOOL_DUPLICATE, "tool-duplicate")   /* text: call id */                                                     \
    X(NOTE_TOOL_CONFLICT, "tool-conflict")     /* a known call id with another name or arguments; text: call id */     \
    X(NOTE_TOOL_FILLER, "tool-filler")         /* text: words, sound or approval; value: ms since the call */          \
    X(NOTE_TOOL_BACKGROUND, "tool-background") /* text: started or reported */                                         \
    X(NOTE_TOOL_CANCELLED, "tool-cancelled")   /* the caller interrupted; text: name */                                \
    X(NOTE_TOOL_RESENT, "tool-resent")         /* the service refused an output; text: call id */                      \
    X(NOTE_TOOL_TIMEOUT, "tool-timeout")       /* text: name */                                                        \
    X(NOTE_TOOL_LATE, "tool-late")             /* a result that nobody waits for */                                    \
    X(NOTE_FAREWELL, "farewell")               /* text: played, no-audio, timeout */                                   \
    X(NOTE_RECORD_LATE, "record-late")         /* agent audio settled too late; value: samples */                      \
    X(NOTE_MARK_LOST, "mark-lost")             /* settled by the clock instead */                                      \
    X(NOTE_RENEWAL, "renewal")                 /* another model session is opened; value: its number; text: why */     \
    X(NOTE_NOT_TRUNCATED, "not-truncated")     /* the model believes that more was heard; value: ms of it */           \
    X(NOTE_LEAVING, "leaving")                 /* the service will close the session; value: ms until then */          \
    X(NOTE_RENEWED, "renewed")                 /* it has taken over; value: ms without one; text: why then */          \
    X(NOTE_RENEWAL_FAILED, "renewal-failed")   /* value: failures in a row; text: code */                              \
    X(NOTE_FAILOVER, "failover")               /* another provider is tried; value: its index */                       \
    X(NOTE_REPLAYED, "replayed")               /* the new session was told what was said; value: items */              \
    X(NOTE_FILLER, "filler")                   /* the caller hears a filler; value: ms of silence before */            \
    X(NOTE_GUARD_TRIPPED, "guardrail")         /* value: words of it that the caller heard; text: names */             \
    X(NOTE_GUARD_FAILED, "guardrail-failed")   /* it could not tell and was passed over; text: names */                \
    X(NOTE_GUARD_EXPIRED, "guardrail-expired") /* held audio was not checked in time; value: ms; text: what is done */ \
    X(NOTE_HANDOFF, "handoff")                 /* value: index of the agent who speaks now; text: its name */          \
    X(NOTE_HANDOFF_REFUSED, "handoff-refused") /* text: why; the agent stays */                                        \
    X(NOTE_UPDATE_REFUSED, "update-refused")   /* new settings; text: code */                                          \
    X(NOTE_UPDATE_TIMEOUT, "update-timeout")   /* new settings were not confirmed in time */                           \
    X(NOTE_HISTORY_FULL, "history-full")       /* the oldest item was dropped; text: its id */                         \
    X(NOTE_CONTROL_REFUSED, "control-refused") /* text: which wish, and why */                                         \
    X(NOTE_DTMF, "dtmf")                                                                                               \
    X(NOTE_TRANSFER, "transfer")          /* text: announcing, ordered, failed, refused, cancelled */                  \
    X(NOTE_KEYS, "keys-sent")             /* tones of ours were played; value: how many */                             \
    X(NOTE_ILLEGAL, "illegal-transition") /* text: machine state x event; a bug or a confused peer */

enum call_note {
#define X(name, word) name,
    CALL_NOTE_LIST(X)
#undef X
        CALL_NOTE_N
};
const char *call_note_name(enum call_note note);

enum call_party { PARTY_CALLER, PARTY_AGENT, PARTY_TOOL, PARTY_N };
const char *call_party_name(enum call_party party);

/* Why the agent was stopped, or was not. X(constant, word) */
#define CALL_VERDICT_LIST(X)                                                                                           \
    X(VERDICT_NONE, "none")               /* nobody spoke over the agent */                                            \
    X(VERDICT_SPEECH, "speech")           /* local detector: real speech */                                            \
    X(VERDICT_SERVICE, "service")         /* the service's detector said so */                                         \
    X(VERDICT_CONTROL, "control")         /* text, keys or a button */                                                 \
    X(VERDICT_SHORT, "short")             /* resumed: over before it counted as speech */                              \
    X(VERDICT_BACKCHANNEL, "backchannel") /* resumed: a short sound at an edge of the agent's turn */                  \
    X(VERDICT_ECHO, "echo")               /* resumed: our own voice came back */                                       \
    X(VERDICT_TIMEOUT, "timeout")         /* resumed: no verdict in time */                                            \
    X(VERDICT_GUARDRAIL, "guardrail")     /* no sound: a guardrail stopped it */                                       \
    X(VERDICT_PROTECTED, "protected")     /* not even paused */

enum call_verdict {
#define X(name, word) name,
    CALL_VERDICT_LIST(X)
#undef X
        VERDICT_N
};
const char *call_verdict_name(enum call_verdict verdict);
/* VERDICT_NONE: it is none of them. */
enum call_verdict call_verdict_find(struct str word);

#define CALL_VERDICTS_MAX 96 /* all their words */
/* A bit for each verdict, as words with spaces between and back; what is no verdict is left out. */
struct str call_verdicts_words(uint32_t mask, char ret[CALL_VERDICTS_MAX]);
uint32_t call_verdicts_find(struct str words);

/* How it was decided whether a tool may run. X(constant, word) */
#define APPROVAL_OUTCOME_LIST(X)                                                                                       \
    X(APPROVAL_APPROVED, "approved")                                                                                   \
    X(APPROVAL_REJECTED, "rejected")                                                                                   \
    X(APPROVAL_TIMEOUT_APPROVED, "timeout-approved")                                                                   \
    X(APPROVAL_TIMEOUT_REJECTED, "timeout-rejected")                                                                   \
    X(APPROVAL_STICKY_APPROVED, "sticky-approved") /* decided for the whole call before */                             \
    X(APPROVAL_STICKY_REJECTED, "sticky-rejected")                                                                     \
    X(APPROVAL_CALLER_ASKED, "caller-asked") /* spoken: the agent was told to ask */                                   \
    X(APPROVAL_CALLER_APPROVED, "caller-approved")                                                                     \
    X(APPROVAL_CALLER_REJECTED, "caller-rejected")                                                                     \
    X(APPROVAL_GONE, "gone") /* the call or its turn ended */

enum approval_outcome {
#define X(name, word) name,
    APPROVAL_OUTCOME_LIST(X)
#undef X
        APPROVAL_OUTCOME_N
};
const char *approval_outcome_name(enum approval_outcome outcome);

/* What was learned about the line by the end of a call. */
struct call_line {
    bool echo;              /* an echo of the agent was found */
    uint32_t echo_loss_cb;  /* return loss in tenths of a dB */
    uint32_t echo_delay_ms; /* from our sending to its return */
    uint32_t gate_closures; /* times that the echo guard closed the uplink */
    uint32_t gated_ms;      /* caller audio replaced by silence for it */
    uint32_t gaps, gap_ms;  /* missing media */
    uint32_t late, doubled; /* frames that came out of order, or twice */
    uint32_t stalls;        /* times that media came late all at once */
    uint32_t stall_ms;      /* waits before that, in all */
    uint32_t odd_frames;    /* of another size than the usual */
    uint32_t clipped_ms;    /* at full scale */
    uint32_t zero_ms;       /* 0x00 where mu-law silence is 0xFF */
    uint32_t linear_ms;     /* linear samples inside a companded stream */
    uint32_t rate_hz;       /* of sampling, by the clock; 0: as agreed */
    int32_t dc_offset;      /* of int16, running mean at the end */
};

/* One exchange. Times are ms since the leg's start; -1: did not happen. */
struct call_turn {
    uint32_t number;                         /* 0: the greeting */
    int32_t speech_start_ms, speech_stop_ms; /* as the detector told */
    int32_t commit_ms;                       /* turn handed to the model, by us or by the service */
    int32_t created_ms;                      /* response created */
    int32_t first_audio_ms;                  /* first delta from the model */
    int32_t first_sent_ms;                   /* first byte to the carrier */
    int32_t agent_end_ms;                    /* heard to the end, or cut */
    uint32_t item_ms;                        /* audio received */
    uint32_t heard_ms;                       /* of it, the ledger's low mark */
    uint32_t tools;
    uint32_t agent; /* index in opts.agents of who spoke first in it */
    bool interrupted;
    enum call_verdict verdict;  /* the last one on a sound over the agent in this turn */
    uint32_t pauses, paused_ms; /* of the agent, for sounds that came to nothing */
    uint32_t paused_for;        /* what those were: a bit for each verdict */
    uint32_t end_silence_ms;    /* silence counted when the local detector ended the caller's speech */
};
/* From where the caller fell silent, or the turn was handed over, to the agent's first sound; -1: there is no such
 * time. */
int32_t call_turn_latency_ms(const struct call_turn *t);

struct call_action {
    enum call_action_type type;
    uint32_t session; /* ACT_MODEL_*: for which model session; counts up from 0 */
    union {
        struct {
            struct span audio;
            uint32_t mark;
            struct str item_id; /* whose words these are, for legs that tell their users; not in the journal */
            uint32_t item_ms;   /* where in that item they begin */
        } leg_media;
        struct {
            uint32_t mark;
        } leg_mark;
        struct {
            enum call_reason reason;
            bool apologise;   /* the caller is owed a sentence that the model cannot say */
            struct str words; /* that sentence; the host's, empty: the carrier's own; not in the journal */
        } leg_hangup;
        struct {
            uint32_t provider; /* 0: the agent's own; others stand in for it, below opts.renewal.n_providers */
            enum call_renewal why;
            bool resume; /* it shall go on from what session from was, which is closed */
            uint32_t from;
            struct call_persona persona;
        } model_open;
        struct {
            struct str to, name; /* as of EV_CONTROL_TRANSFER */
        } leg_transfer;
        struct {
            struct span audio; /* in the model's input format */
        } model_append;
        struct {
            uint32_t request;        /* number to recognise an error by; never 0 */
            struct str instructions; /* empty: the session's */
            bool no_tools;
        } model_respond;
        struct {
            uint32_t request;
            struct str response_id; /* empty: whatever is active */
        } model_cancel;
        struct {
            uint32_t request;
            struct str item_id;
            uint32_t heard_ms;
        } model_truncate;
        struct {
            uint32_t request;
            struct str tool_call_id, output;
            bool silent; /* nothing is to be said to it */
        } model_tool_output;
        struct {
            struct str item_id;
            struct str text;
        } model_user_text;
        struct {
            uint32_t request;
            struct call_persona persona;
        } model_update;
        struct {
            uint32_t request;
            const struct call_item *item; /* an id of ours */
        } model_item;
        struct call_signal signal;
        struct {
            struct str tool_call_id, name, arguments;
            uint32_t deadline_ms;
            uint32_t agent; /* index of the one who called; not in the journal */
        } tool_run;
        struct {
            struct str tool_call_id, name, arguments;
            uint32_t timeout_ms;   /* approval: until then; 0: the end of the call. check: 0 */
            bool timeout_approves; /* approval: what happens then */
            uint32_t agent;        /* index of the one who called; not in the journal */
        } tool_ask;                /* check, approval */
        struct {
            struct str tool_call_id, name;
            enum approval_outcome outcome;
        } tool_decided;
        struct {
            struct str tool_call_id;
        } tool_cancel;
        struct {
            uint32_t check; /* counts up from 1; its answers carry the same */
            enum guard_side side;
            uint32_t guards; /* mask: who is asked */
            struct str response_id, item_id;
            uint32_t agent;  /* index of the one that began the turn */
            uint32_t offset; /* of text in the item's text: what lies before was checked by them */
            struct str text;
            bool final; /* nothing will be added */
        } guard_check;
        struct {
            uint32_t check;
            enum guard_side side;
            uint32_t guards; /* mask: those that objected */
            struct str response_id, item_id;
            uint32_t agent;
            struct str names; /* of them, comma separated */
            struct str info;  /* as the event gave it */
            struct str text;  /* of the item, as far as it was known */
            enum guard_verb verb;
            uint32_t heard_ms;     /* of the item */
            uint32_t leaked_words; /* of what was objected to, heard by the caller at most */
            bool retried;          /* a new answer was asked for */
        } guard_trip;
        struct {
            /* Counts up from 1; its answer carries the same. 0: a look ahead, the last chunk's length of sound up to
             * now behind its context (a quarter of a frame of the network), which leaves the stream as it was. */
            uint32_t chunk;
            uint32_t rate_hz; /* 8000: 256 samples, 16000: 512 */
            bool reset;       /* forget what was heard before, then take this chunk */
            struct span pcm;  /* int16, native order */
        } vad;
        struct {
            uint64_t at_samples; /* contiguous with the record before it */
            struct span pairs;   /* caller byte, agent byte, caller byte ... in the leg's format */
        } record;
        struct {
            enum call_party who;
            uint32_t agent; /* index in opts.agents: of the one who spoke or was spoken to */
            int32_t at_ms;  /* since the leg's start */
            struct str text;
            struct str unheard; /* agent: what was said and not heard, estimated */
            bool estimated;     /* the cut is an estimate */
        } line;
        struct call_turn turn;
        struct {
            enum call_note note;
            int64_t value;
            struct str text;
        } note;
        struct call_usage usage;
        struct {
            enum call_reason reason;
            struct str detail;
            uint32_t duration_ms; /* leg start to stop */
            struct call_line line;
        } end;
    };
};

#define CALL_MAX_ACTIONS 512

struct call_actions {
    struct call_action list[CALL_MAX_ACTIONS];
    uint32_t n;
    bool overflow; /* a step wanted more, or memory ran out: the call must end */
    struct arena bytes;
};

void call_actions_init(struct call_actions *a);
void call_actions_done(struct call_actions *a);
void call_actions_clear(struct call_actions *a);

#endif
