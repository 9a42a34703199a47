/*
 * The inside of a call, shared by the files of src/call and nobody else. Each part has one file that changes it:
 * uplink.c, playout.c, sequencer.c, toolset.c, bargein.c, guard.c, history.c, life.c, transfer.c, keys.c. call.c
 * dispatches.
 */
#ifndef CALL_STATE_H
#define CALL_STATE_H

#include "audio/beep.h"
#include "audio/comfort.h"
#include "audio/convert.h"
#include "audio/dtmf.h"
#include "audio/echo.h"
#include "audio/line.h"
#include "audio/place.h"
#include "audio/tone.h"
#include "base/buf.h"
#include "call/agents.h"
#include "call/call.h"
#include "call/conversation.h"
#include "call/detector.h"
#include "call/guard.h"
#include "call/hold.h"
#include "call/ledger.h"
#include "call/machine.h"
#include "call/renew.h"
#include "call/tool_state.h"
#include "call/track.h"

#define CALL_ITEMS             16
#define CALL_DEAD              8
#define CALL_TEXT_MAX          16384
#define CALL_LAST_WORDS_MS     300   /* audio in the response of end_call or a transfer that counts as its last words */
#define CALL_LAST_WORDS_MAX_MS 30000 /* last words that have begun may take this long */
#define CALL_KEYS_MAX          32
#define CALL_KEYS_OUT_MAX      32
#define CALL_TRANSFER_TO_MAX   256
#define CALL_WANT_MAX          (256 * 1024) /* instructions of an agent and a sentence */

enum leg_state { LEG_NONE, LEG_UP, LEG_HANGING_UP, LEG_DOWN };
enum model_state { MODEL_OPENING, MODEL_READY, MODEL_GONE };

enum call_timer {
    TIMER_LEG_START,
    TIMER_MODEL_READY,
    TIMER_GREETING,
    TIMER_RESPONSE, /* requested: created is due; generating: next sign of life; cancelling: done */
    TIMER_EXPECT,   /* the service should create a response by itself now */
    TIMER_FAREWELL,
    TIMER_HANGUP,
    TIMER_MEDIA,
    TIMER_FILL,
    TIMER_MAX_CALL,
    TIMER_PUMP,
    TIMER_OVERDUE,
    TIMER_TOOL,
    TIMER_FILLER,
    TIMER_KEYS,         /* the caller has stopped pressing keys */
    TIMER_VERDICT,      /* a pause must end */
    TIMER_COMMIT,       /* hybrid: we heard the turn end, the service should have too */
    TIMER_SILENCE,      /* the caller's: the next rung */
    TIMER_DEAD_AIR,     /* the model's: an answer is owed */
    TIMER_RENEW,        /* another session is to be opened */
    TIMER_RENEW_OPEN,   /* it should be ready */
    TIMER_RENEW_LATEST, /* it takes over in any moment */
    TIMER_GAP,          /* there has been no session for too long */
    TIMER_GAP_FILLER,
    TIMER_DRAIN,     /* an old session has told all it had */
    TIMER_GUARD,     /* a check of guardrails is overdue */
    TIMER_HOLD,      /* held audio has waited long enough */
    TIMER_ARM,       /* the grace period behind a protected greeting is over */
    TIMER_TRANSFER,  /* the next step of a handing over is due */
    TIMER_UPDATE,    /* new settings are to be confirmed */
    TIMER_VOICEMAIL, /* neither beep nor silence: the machine is left alone */
    TIMER_N
};

/* One output item of the model while it is received, sent and heard. */
struct item {
    uint32_t number; /* counts up from 1; 0: free */
    char id[CALL_ID_MAX];
    char response_id[CALL_ID_MAX];
    uint32_t session;               /* which model session said it */
    uint32_t received, sent, acked; /* bytes, leg format; received and sent without padding */
    uint32_t heard;                 /* the most that acked ever was: resuming moves that back */
    int32_t start_ms;               /* first byte sent; -1: not yet */
    uint32_t agent;                 /* whose words */
    bool audio_done;
    bool text_done;
    bool ours;   /* not the model's: it is not told how much of it was heard */
    bool broken; /* its session ended in the middle of it */
    bool let_go; /* held too long: it is not held any more */
    struct buf text;
};

/* What is to be done about the sound that the detector follows. */
enum sound_state {
    SOUND_NONE,
    SOUND_OPEN, /* undecided */
    SOUND_TURN, /* it is the caller's turn */
};

enum farewell_state {
    FAREWELL_NONE,
    FAREWELL_CALLED,  /* end_call came; its response is still under way */
    FAREWELL_ASKED,   /* a goodbye was asked for */
    FAREWELL_PLAYING, /* the goodbye can be heard, or nothing more is owed */
};

enum transfer_state {
    TRANSFER_NONE,
    TRANSFER_CALLED,  /* wanted; the response that called for it is under way */
    TRANSFER_ASKED,   /* an announcement was asked for */
    TRANSFER_PLAYING, /* the announcement can be heard, or none is owed */
    TRANSFER_ORDERED, /* the leg has its order */
};

/* The caller is to be handed over. */
struct transfer {
    enum transfer_state state;
    char tool_call_id[CALL_ID_MAX]; /* answered when it fails; "": nobody asked through a tool */
    char response_id[CALL_ID_MAX];  /* whose speech counts as the announcement */
    struct buf to, name;
};

enum voicemail_state {
    VOICEMAIL_NONE,
    VOICEMAIL_DUE,     /* wanted before there is a leg to say it on */
    VOICEMAIL_WAITING, /* for the beep, or for silence */
    VOICEMAIL_SPEAKING
};

/* A machine has answered: nobody but our beep detector hears it any more. */
struct voicemail {
    enum voicemail_state state;
    bool after_beep;
    struct beep *beep; /* NULL: not listened for yet */
    struct buf text;
    struct buf sound; /* mu-law, 8000 Hz; empty: the text is said */
};

enum keys_state {
    KEYS_NONE,
    KEYS_WAITING, /* for the agent to fall silent */
    KEYS_SENDING,
    KEYS_DRAINING, /* all of it is at the carrier */
};

/* Keys that we press. */
struct keys_out {
    enum keys_state state;
    char tool_call_id[CALL_ID_MAX];
    char keys[CALL_KEYS_OUT_MAX + 1];
    uint32_t at, n; /* key under way; how many there are */
    uint32_t left;  /* samples of it that are still to be made */
    bool begun;     /* the tone of this key has begun */
    struct tone tone;
    uint64_t deaf_until_us; /* our own tones may come back: no keys of the caller before */
};

struct call {
    const struct call_opts *o;
    struct call_actions *out; /* of the step under way */
    uint64_t now_us;
    uint64_t timers[TIMER_N]; /* due time; UINT64_MAX: off */

    enum call_phase phase;
    enum caller_state caller;
    enum response_state response;
    enum playout_state playout;
    enum leg_state leg;
    enum model_state model;
    uint32_t illegal;

    /* life.c */
    uint64_t leg_start_us;
    enum call_reason reason;
    bool apologise;
    bool greeted; /* the greeting was asked for: never twice */
    enum call_reason model_reason;
    enum farewell_state farewell;
    struct str farewell_words; /* lent by the options, or farewell_own; empty: those of the options */
    struct buf farewell_own;   /* given with hangup_call */
    char farewell_response[CALL_ID_MAX];
    char detail[160];

    /* intake.c */
    struct place place;
    struct line line;
    struct dtmf dtmf;
    struct echo_guard *echo; /* NULL: switched off, or no leg yet */
    struct comfort *comfort; /* NULL: nobody here looks at the caller's audio, or no leg yet */
    bool keys_reported;      /* the carrier reports keys: none is looked for in the audio */

    /* uplink.c */
    enum audio_format leg_format, model_in, model_out;
    struct audio_conv up, down;
    struct hold waiting;    /* caller audio that the model has not got yet: not ready, or the gate is shut */
    struct hold kept;       /* what the session got and has not turned into words */
    size_t rewound;         /* of waiting's open part: what an earlier session got */
    uint32_t kept_asked;    /* hold_count when the last response was created: it answers so many turns */
    uint32_t kept_answered; /* of kept, these are not needed any more */
    uint64_t kept_until_us; /* after that; 0: nothing is to be dropped */
    bool gated;             /* the model hears turns only: local and manual detection */
    bool gate_open;
    uint64_t turn_bytes; /* appended since the gate opened */
    size_t shelf_bytes;  /* of what waits: speech that may not count yet; behind it the ring goes on */
    uint64_t uplink_bytes, appended_bytes;
    uint64_t media_pos;     /* samples: where the next caller frame belongs on the media clock */
    uint64_t media_seen_us; /* arrival of the last frame; 0: none yet */
    uint64_t media_first_us;
    uint64_t filled_us; /* silence was appended up to this time */
    uint32_t stalls, stall_ms;

    char keys[CALL_KEYS_MAX + 1]; /* pressed and not yet told to the model */

    /* turn.c */
    struct detector detector;
    enum sound_state sound;
    bool armed;          /* sounds count: not before the end of a protected greeting */
    bool shelved;        /* real speech while it could not count: the next turn, and it waits in the ring */
    uint64_t shelf_from; /* where it begins */
    bool tried;          /* this sound has had its pause */
    uint32_t need_ms;    /* speech that makes it real, once it met the agent; 0: not yet */
    uint64_t paused_us;  /* begin of the pause under way */
    uint64_t backoff_us; /* the next pause needs more until then */
    uint32_t sound_frames, echo_frames; /* of the sound under way: caller frames, those judged to be echo */
    uint32_t own_commits;               /* commits of ours that the service has not confirmed yet */

    /* playout.c */
    struct buf back;      /* scratch of a pause: what was sent and not heard */
    struct buf recent;    /* the last heard audio of an item, for resuming at a quiet point */
    uint32_t recent_item; /* its number */
    bool resumes;         /* the next burst follows a pause of ours: the carrier ran dry for it, not by itself */
    bool fade_in;         /* the next burst resumes what was cut in mid-sound */
    uint64_t audible_us;  /* since when the agent can be heard without end; 0: it cannot */
    struct fifo queue;    /* downlink audio in item order, not yet sent */
    struct ledger ledger;
    struct track track;
    struct item items[CALL_ITEMS]; /* ring in order of arrival */
    uint32_t item_first, item_n, item_next;
    uint32_t lead_ms;
    uint64_t downlink_bytes, sent_bytes, flushed_bytes, late_bytes;
    bool conv_fresh;

    /* sequencer.c */
    uint32_t requests;  /* numbers given to requests that can fail */
    uint32_t in_flight; /* of them the response.create that waits for its response; 0: none */
    char active_id[CALL_ID_MAX];
    bool model_interrupts, model_creates;
    bool model_no_truncate, model_no_update; /* what its session cannot be told */
    bool want, want_no_tools, asked_no_tools;
    bool want_filler, asked_filler; /* it only fills a silence: nothing is lost without it */
    char filler_id[CALL_ID_MAX];    /* the last such response */
    bool collided;        /* what is wanted came too late for the response under way: it is asked for again behind it */
    struct buf want_text; /* instructions of the response that is wanted; empty: the session's */
    uint32_t response_ms; /* audio of the active one so far */
    bool response_called; /* it called a tool */
    bool response_wrote;  /* it has text, of a session without sound */
    struct buf asked_text; /* those of the one in flight, for another try */
    uint32_t retries;
    char dead[CALL_DEAD][CALL_ID_MAX];
    uint32_t dead_next;

    struct renewal renew; /* renew.c */

    /* ladder.c */
    uint32_t rung, nudged, mute;

    /* toolset.c */
    struct tool_slot *tools;      /* n_slots of them; they move only when a tool is called */
    uint32_t n_slots, tools_live; /* made with the first calls, at most CALL_TOOL_SLOTS; not free */
    struct tool_done *answered;   /* ring of CALL_ANSWERED; NULL before the first call */
    uint32_t answered_n, tool_order;
    struct tool_record *tool_records; /* by index in opts; NULL before the first call */
    uint64_t quiet_us;                /* since when nobody speaks while a tool runs; 0: somebody does */
    bool tools_owe_reply;             /* outputs went out and no response was asked for yet */

    struct voicemail voicemail; /* voicemail.c */
    struct transfer transfer;   /* transfer.c */
    struct keys_out keys_out;   /* keys.c */

    /* agents.c */
    uint32_t agent;          /* who speaks from now on */
    uint32_t response_agent; /* who began the response under way, or the last one */
    struct call_persona persona;
    uint32_t persona_version, persona_told; /* told: what the last session or update was given */
    struct buf persona_text;                /* instructions given by hand; empty: the agent's own */
    uint64_t tools_off;                     /* mask over opts.tools */
    struct agent_update updates[CALL_UPDATES];
    uint32_t n_updates;
    char handoff_response[CALL_ID_MAX]; /* the last one that handed off: it does so once */

    /* conversation.c */
    struct items history;
    uint32_t own_items; /* ids given */

    /* control.c */
    struct buf say; /* waits for a moment in which no answer is owed */

    /* guard.c */
    struct guard *guard; /* NULL: nobody looks */

    /* history.c */
    struct call_turn turn;
    bool turn_open;
    uint32_t turns, barge_ins;
};

/* call.c: the ways out. Memory for texts and audio comes from the step's arena. */
struct call_action *call_emit(struct call *c, enum call_action_type type);
struct str call_keep(struct call *c, struct str s);
void call_remark(struct call *c, enum call_note n, int64_t value, struct str text);
void call_copy_id(char dst[CALL_ID_MAX], struct str id); /* longer ids are cut; the wire layer refuses them before */
int32_t call_since_ms(const struct call *c);
uint64_t call_position(const struct call *c, uint64_t at_us); /* samples on the media clock */
static inline uint64_t ms_us(uint32_t ms)
{
    return (uint64_t)ms * 1000;
}
/* What audio and words of one turn have in common; never 0. */
static inline uint64_t call_tag(struct str id)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.n; i++) {
        h = (h ^ (uint8_t)id.p[i]) * UINT64_C(0x100000001b3);
    }
    return h ? h : 1;
}
static inline void timer_set(struct call *c, enum call_timer t, uint32_t ms)
{
    c->timers[t] = c->now_us + ms_us(ms);
}
static inline void timer_off(struct call *c, enum call_timer t)
{
    c->timers[t] = UINT64_MAX;
}
/* The one setter of each machine: looks into the table, notes illegal pairs, returns whether it moved. */
bool phase_to(struct call *c, enum phase_event e);
bool caller_to(struct call *c, enum caller_event e);
bool response_to(struct call *c, enum response_event e);
bool playout_to(struct call *c, enum playout_event e);

/* voicemail.c */
void voicemail_wanted(struct call *c, const struct call_event *ev);
void voicemail_leg_up(struct call *c); /* what was wanted before begins */
bool voicemail_on(const struct call *c);
/* What the machine says, 8000 to 24000 Hz. */
void voicemail_hear(struct call *c, const int16_t *pcm, size_t n);
void voicemail_timer(struct call *c);
/* The leg goes down, or nothing could be said: what the call is then said to have ended for. */
void voicemail_broken(struct call *c);
bool voicemail_has_sound(const struct call *c); /* it needs no model any more */
void voicemail_drop(struct call *c);            /* somebody else takes the call: what answered is heard again */
void voicemail_done(struct call *c);

/* intake.c */
void intake_init(struct call *c); /* the leg is up */
void uplink_media(struct call *c, uint32_t timestamp_ms, struct span audio);
void uplink_fill(struct call *c); /* TIMER_FILL: the carrier is silent while somebody waits for an end of speech */
void intake_stats(const struct call *c, struct call_line *ret);
void intake_echo(const struct call *c, struct echo_stats *ret); /* zeros without a guard */
void intake_done(struct call *c);

/* uplink.c */
void uplink_pass(struct call *c, struct span audio); /* caller audio in the leg's format, in order */
void uplink_pass_silence(struct call *c, uint32_t bytes);
void uplink_open(struct call *c); /* the model is ready: what waited goes out */
void uplink_key(struct call *c, char digit);
void uplink_keys_done(struct call *c);             /* the keys become a text of the caller */
void uplink_text(struct call *c, struct str text); /* as if the caller had said it; the agent stops for it */

/* What waits from position from on is kept for the next turn, whatever comes. */
void uplink_shelve(struct call *c, uint64_t from);
/* The session is lost or left: what it has not turned into words waits for the next one. */
void uplink_rewind(struct call *c);
/* A turn that the new session has to hear, in its format; tag 0: the oldest. Each is given once; without a name it gets
 * this one. */
bool uplink_turn(struct call *c, uint64_t tag, uint64_t name, struct span *ret);
/* The new session knows all turns: what is left goes out, then live audio. */
void uplink_handed_over(struct call *c);

/* Speech begins at position from: the shelf, or what waited from there on, goes out, then all until the gate is shut.
 */
void uplink_gate_open(struct call *c, uint64_t from);
/* The turn is over: padded to what the service takes, committed; the gate is shut. */
void uplink_commit(struct call *c);
/* Nobody wants the turn under way: what the service has of it is dropped. */
void uplink_discard(struct call *c);

/* turn.c */
void turn_init(struct call *c); /* the leg is up */
void turn_heard(struct call *c, uint64_t at, const int16_t *pcm, size_t n, enum echo_verdict echo);
void turn_vad(struct call *c, uint32_t number, uint32_t ppm);
void turn_cue(struct call *c, enum turn_cue cue);
void turn_progress(struct call *c); /* after every event: protection over, agent audible, shelf free? */
void turn_timer(struct call *c, enum call_timer t);
void turn_committed(struct call *c); /* the service says so */
void turn_arm(struct call *c);       /* the greeting is over */
/* True while the agent is or should be heard and the caller's sounds are judged here, not by the service. */
bool turn_judged_here(const struct call *c);
/* The caller has the floor or may have it: nothing is asked for. */
bool turn_holds_floor(const struct call *c);

/* playout.c */
void playout_pause(struct call *c);
/* Back to playing, from a quiet point at most so far before what was heard. Returns ms moved back. */
uint32_t playout_resume(struct call *c);
uint32_t playout_rest_ms(const struct call *c); /* what is known and was not heard yet */
void playout_audio(struct call *c, struct str response_id, struct str item_id, struct span audio);
/* A sound of ours, mu-law at 8000 Hz, behind what waits; the model knows nothing of it. */
void playout_sound(struct call *c, struct span mulaw);
void playout_item_done(struct call *c, struct str response_id, struct str item_id);
void playout_response_done(struct call *c, struct str response_id);
void playout_mark(struct call *c, uint32_t mark);
void playout_shed(struct call *c); /* no more audio of the response under way is taken in */
void playout_pump(struct call *c);
struct item *playout_head(struct call *c); /* the one whose audio is at the head of the queue; NULL: none yet */
void playout_progress(struct call *c);     /* retires what was heard, moves the machine */
void playout_overdue(struct call *c);
void playout_record(struct call *c, bool all);
/* What the carrier has and was not heard comes back: its clear, and the queue is as if it had not been sent. */
void playout_take_back(struct call *c);
/* Takes n bytes out of the queue, from so many bytes in. */
void playout_drop(struct call *c, size_t at, size_t n);
void playout_settle_cut(struct call *c); /* records the heard part of what is under way, drops the rest */
/* A mark without audio: through an empty queue it is back at once. */
void playout_open_mark(struct call *c);
/* Audio of nobody's item, now and with a mark of its own. False: memory is out. */
bool playout_tones(struct call *c, struct span audio);
uint32_t playout_tones_room_ms(const struct call *c);
uint32_t playout_known_ms(struct call *c, const char *response_id); /* ms of audio known of a response */
struct item *item_at(struct call *c, uint32_t i);
struct item *item_find(struct call *c, struct str item_id);
struct item *item_need(struct call *c, struct str response_id, struct str item_id);
void item_retire(struct call *c); /* frees the first one */
void item_remove(struct call *c, uint32_t i);
uint32_t bytes_ms(const struct call *c, uint64_t bytes);

/* sequencer.c */
void seq_request(struct call *c, struct str instructions, bool no_tools);
void seq_fill(struct call *c, struct str instructions); /* nothing that is waited for */
void seq_try(struct call *c);
void seq_created(struct call *c, struct str response_id);
void seq_done(struct call *c, struct str response_id, enum response_status status, struct str reason);
void seq_error(struct call *c, uint32_t request, struct str code);
/* Who stops the generation: we, or the service by its own turn detection. */
enum canceller { WE_CANCEL, SERVICE_CANCELS };
void seq_cancel(struct call *c, enum canceller who); /* the active response is dead to us */
void seq_again(struct call *c); /* what runs comes to nothing: cancelled, and the same asked for anew */
void seq_expired(struct call *c);
void seq_want_again(struct call *c); /* what was asked for, unless something newer is wanted */
void seq_reset(struct call *c);      /* the session is over: nothing of it is under way */
void seq_break(struct call *c);      /* the session is left: it need not go on */
void seq_alive(struct call *c);
void seq_bury(struct call *c, const char *response_id); /* no audio of it is played any more */
bool seq_is_dead(const struct call *c, struct str response_id);
uint32_t seq_number(struct call *c);

/* bargein.c */
void barge_in(struct call *c, enum call_verdict why);
/* Stops the agent at once: clear, cancel, truncate at what was heard. Returns ms heard of the first item. */
uint32_t cut_agent(struct call *c, enum canceller who);
/*
 * Takes one response's audio out of what waits and what is under way, and truncates its items; what belongs to others
 * plays on. The response itself goes on. response_id is kept by the caller. Returns ms heard of its last item that was
 * heard at all.
 */
uint32_t cut_response(struct call *c, struct str response_id);

/* control.c */
void control_interrupt(struct call *c, const struct call_event *ev);
void control_respond(struct call *c, const struct call_event *ev);
void control_commit(struct call *c, const struct call_event *ev);
void control_say(struct call *c, const struct call_event *ev);
void control_message(struct call *c, const struct call_event *ev);
void control_progress(struct call *c); /* after every event */

/* guard.c */
void guard_created(struct call *c, struct str response_id);
void guard_text(struct call *c, const struct call_event *ev); /* delta, done */
void guard_said(struct call *c, struct str text, bool by_voice);
void guard_response_done(struct call *c, struct str response_id);
void guard_session_over(struct call *c); /* no more text comes of anything */
void guard_answer(struct call *c, const struct call_event *ev);
void guard_overdue(struct call *c);
void guard_held(struct call *c);     /* TIMER_HOLD */
void guard_progress(struct call *c); /* after every event: is audio held that could be played? */
/* -ENOMEM */
MUST_USE int guard_init(struct call *c);
void guard_done(struct call *c);
/* An item was said to its end: so long did its text take. */
void guard_learn(struct call *c, const struct item *it);
/* Of the item's received bytes those that may be played; all of them without hold-back. */
uint32_t guard_released(const struct call *c, const struct item *it);

/* ladder.c */
void ladder_reset(struct call *c);    /* the caller has done something */
void ladder_progress(struct call *c); /* after every event */
void ladder_timer(struct call *c, enum call_timer t);
void ladder_mute_answer(struct call *c); /* a response was completed and had neither sound nor tool call */
void ladder_audio(struct call *c, uint32_t response_ms);

/* transfer.c */
void transfer_wanted(struct call *c, const struct call_event *ev);
void transfer_failed(struct call *c, const struct call_event *ev);
void transfer_progress(struct call *c);
void transfer_timer(struct call *c);
void transfer_model_gone(struct call *c);
/* The leg is down: was it because it was handed over? */
bool transfer_done(const struct call *c);
void transfer_drop(struct call *c); /* the call ends otherwise, or is over */
/* The caller is on the way out: to goodbye, or to somebody else. What they say now is not answered. */
static inline bool call_leaving(const struct call *c)
{
    return c->phase == PHASE_FAREWELL || c->phase == PHASE_TRANSFERRING;
}

/* goodbye.c */
#define GOODBYE_OUTPUT_MAX 8192
/* end_call, hangup_call or another of their kind was called; ret_output gets its answer. */
void goodbye_called(struct call *c, const struct call_event *ev, struct buf *ret_output);

/* keys.c */
void keys_wanted(struct call *c, const struct call_event *ev);
void keys_pump(struct call *c); /* before playout_pump */
/* Tones are under way: the agent's audio waits, and a clear would take them. */
bool keys_sounding(const struct call *c);
bool keys_pending(const struct call *c); /* sounding, or waiting to */
bool keys_deaf(const struct call *c);    /* what sounds like the caller's keys may be ours */
void keys_drop(struct call *c);

/* history.c */
void turn_begin(struct call *c);
void turn_close(struct call *c);
void turn_settle(struct call *c); /* closes the turn when nothing of it is under way */
void line_agent(struct call *c, const struct item *it, uint32_t heard_bytes);
void line_caller(struct call *c, struct str text);
void text_delta(struct call *c, const struct call_event *ev);
void text_done(struct call *c, const struct call_event *ev);
/* How much of the text was said when so many of its total bytes of sound were heard: to the end of a word. */
size_t text_heard(struct str text, uint32_t heard, uint32_t total);
uint32_t text_weight(char letter); /* how long it takes to say, in letters */

/* life.c */
void life_begin(struct call *c);
void life_leg_start(struct call *c, const struct call_event *ev);
void life_leg_over(struct call *c, enum call_reason reason);
void life_both_up(struct call *c); /* the model is ready: is the leg? */
/* What the end of the call will be put down to if no other session helps. */
void life_model_why(struct call *c, const struct call_event *ev, struct str code);
void life_model_gone(struct call *c); /* none does */
void life_hangup(struct call *c, enum call_reason reason, bool apologise);
void life_goodbye(struct call *c, struct str response_id); /* end_call was called */
void life_say(struct call *c, struct str words);           /* these words and nothing else, when the model is free */
void life_fill(struct call *c, struct str words);          /* the same, to fill a silence */
/* As the agent, its own instructions before the wish. */
void life_ask(struct call *c, struct str wish, bool no_tools);
/* Cuts the agent off, says these words (or the agent's own goodbye) and hangs up. */
void life_goodbye_with(struct call *c, enum call_reason reason, struct str words);
/* In PHASE_FAREWELL: says these words and hangs up; words stay until the end of the call. */
void life_last_words(struct call *c, struct str words);
/* In PHASE_FAREWELL: what waits to be played is the last of the call, for max_ms at most. */
void life_play_out(struct call *c, uint32_t max_ms);
void life_progress(struct call *c);
void life_timer(struct call *c, enum call_timer t);
void life_end(struct call *c);
/* What the record's detail will say; longer texts are cut. */
void life_detail(struct call *c, struct str why);

#endif
