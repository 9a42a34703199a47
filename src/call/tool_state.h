/*
 * The tools of a call while they are under way: the inside of toolset.c (calls and outputs), approval.c (somebody
 * decides), consent.c (the caller decides) and filler.c (what the caller hears meanwhile). Part of state.h.
 *
 *     call ─▶ checking ─▶ asking ─▶ waiting ─▶ running ─▶ ready ─▶ sent ─▶ free
 *                  └─ confirming ──────┘            started ─▶ background ─▶ report ─▶ free
 */
#ifndef CALL_TOOL_STATE_H
#define CALL_TOOL_STATE_H

#include "base/buf.h"
#include "call/action.h"

struct call;
struct call_event;
struct item;

#define CALL_TOOL_SLOTS     16
#define CALL_ANSWERED       64
#define CALL_CONSENT_SPEECH 4

enum tool_state {
    TOOL_FREE,
    TOOL_CHECKING,   /* the host is asked whether this use needs an approval */
    TOOL_ASKING,     /* somebody decides */
    TOOL_CONFIRMING, /* the caller has answered, the transcript is awaited */
    TOOL_WAITING,    /* for those called before it */
    TOOL_RUNNING,
    TOOL_STARTED,    /* in the background: runs, and its output "started" is not out yet */
    TOOL_READY,      /* its output waits for the end of the response that called it */
    TOOL_BACKGROUND, /* runs, and the model knows that */
    TOOL_REPORT,     /* what it came to waits until nobody speaks */
    TOOL_SENT,       /* its output is out; kept until the service has taken it */
};

struct tool_slot {
    enum tool_state state;
    char id[CALL_ID_MAX];
    char response_id[CALL_ID_MAX];
    uint32_t tool;  /* index in opts; UINT32_MAX: unknown */
    uint32_t agent; /* who called */
    uint64_t what;  /* name and arguments */
    uint32_t order; /* counts up with every call */
    uint64_t called_us;
    uint64_t deadline_us;   /* of the state */
    uint64_t not_before_us; /* ready: a refused output is sent again then */
    uint32_t request;       /* sent: its number */
    uint32_t resends;
    bool mute;   /* its output asks for no response */
    bool filled; /* the caller has heard that it takes a while */
    struct buf arguments, output;
};

/* A call that got its output. */
struct tool_done {
    uint64_t id, what;
};

/* A decision for every further use of a tool in this call. */
enum sticky { STICKY_NONE, STICKY_APPROVE, STICKY_REJECT };

enum consent_state {
    CONSENT_NONE,
    CONSENT_TOLD, /* the agent was told to ask */
    CONSENT_HEARD /* and has spoken since: what the caller says now counts */
};

/* What the caller thinks of one use of a tool. */
struct consent {
    enum consent_state state;
    uint64_t what;
    char response_id[CALL_ID_MAX]; /* which called it: its own speech is no question */
    bool yes, no;
    bool lost;                            /* an answer whose transcript will not be known */
    uint64_t speech[CALL_CONSENT_SPEECH]; /* items of the caller without transcript yet, hashed; 0: free */
};

struct tool_record {
    enum sticky sticky;
    struct buf message; /* of a sticky rejection */
    struct consent consent;
};

/* toolset.c */
void tools_call(struct call *c, const struct call_event *ev);
void tools_result(struct call *c, const struct call_event *ev);
void tools_flush(struct call *c); /* outputs whose parent response is over go out */
void tools_expired(struct call *c);
void tools_cancel_all(struct call *c);
void tools_interrupted(struct call *c); /* the caller has begun a turn */
void tools_withdrawn(struct call *c, const struct call_event *ev);
void tools_error(struct call *c, uint32_t request);    /* the service refuses a request of this number */
void tools_accepted(struct call *c, uint32_t request); /* it has taken everything before this one */
bool tools_pending(const struct call *c);
uint32_t tools_busy(const struct call *c); /* outputs owed by ourselves; not those that somebody must decide about */
/* For the files beside it. */
struct tool_slot *tools_find(struct call *c, struct str id);
const struct call_tool *tools_of(const struct call *c, const struct tool_slot *s); /* NULL: unknown */
void tools_start(struct call *c, struct tool_slot *s);                             /* approved, or nobody needs to */
void tools_tell(struct call *c, const struct tool_slot *s, enum call_signal_kind kind, struct str text);
void tools_ready(struct call *c, struct tool_slot *s, struct str output);
void tools_rearm(struct call *c);
void tools_done(struct call *c); /* memory */

/* approval.c */
void approval_begin(struct call *c, struct tool_slot *s);
void approval_expired(struct call *c, struct tool_slot *s);
void tools_checked(struct call *c, const struct call_event *ev);
void tools_approval(struct call *c, const struct call_event *ev);
void approval_reject(struct call *c, struct tool_slot *s, enum approval_outcome outcome, struct str message);
void approval_decided(struct call *c, const struct tool_slot *s, enum approval_outcome outcome);

/* consent.c */
void consent_begin(struct call *c, struct tool_slot *s);
void consent_expired(struct call *c, struct tool_slot *s);
void consent_asked(struct call *c, const struct item *it);  /* the agent begins to be heard */
void consent_committed(struct call *c, struct str item_id); /* the caller has said something */
void consent_said(struct call *c, struct str item_id, struct str text, bool failed);
void consent_typed(struct call *c, struct str text);

/* filler.c */
void filler_progress(struct call *c); /* after every event */
bool floor_is_free(const struct call *c);

#endif
