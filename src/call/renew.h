/* The model sessions of one call, one after the other: state and calls of renew.c and replay.c, for src/call alone. */
#ifndef CALL_RENEW_H
#define CALL_RENEW_H

#include "audio/format.h"
#include "call/action.h"

struct call;
struct item;
struct buf;

enum renew_state {
    RENEW_IDLE,    /* nothing is prepared */
    RENEW_WAITING, /* the next one goes on from the current one, which has to be closed first: in a quiet moment */
    RENEW_OPENING, /* a session is being opened */
    RENEW_READY,   /* it could take over; a quiet moment is waited for */
    RENEW_RESTING, /* it could not be opened; tried again after a while */
};

struct renewal {
    enum renew_state state;
    enum call_renewal why;
    uint32_t session;  /* the one that counts */
    uint32_t next;     /* the one that is prepared */
    uint32_t sessions; /* opened so far */
    uint32_t provider; /* of the next one, or of the last */
    uint32_t fails;    /* of this provider, in a row */
    uint32_t tried;    /* providers that failed, in a row */
    uint32_t errors;   /* sessions that were given up because they were of no use, in a row */
    uint32_t renewals;
    uint32_t persona; /* what the prepared one was told of the agent: its version */
    bool ever;        /* there was a session */
    bool proved;      /* the current one has answered */
    bool overdue;     /* the prepared one takes over as soon as it is ready */
    bool resumable;   /* another one can go on from what session memory was */
    bool resumes;     /* the prepared one was asked to */
    bool no_resume;   /* the last one that was asked to could not */
    bool left;        /* the one before was closed by us, at a moment of our choice, for this one to resume it */
    bool switches;    /* the prepared one has somebody else speak: it takes over as soon as nothing is generated */
    uint32_t memory;
    char answered_id[CALL_ID_MAX]; /* last item of the history when a response of the current one was completed */
    char mark_id[CALL_ID_MAX];     /* what session memory knows ends with this item; "": it knows none */
    bool continues;                /* what is wanted is the rest of a response that broke off */
    bool asked_rest;               /* and what was asked for */
    bool again;                    /* the service will hear the begin of a turn that had begun */
    bool drains;
    uint32_t draining; /* an earlier session that may still tell its usage */
    uint64_t lost_us;  /* since when there is none; 0: there is one */
    uint64_t ready_us; /* when the current one took over */
    uint64_t loose_us; /* from then on a moment in which the agent is only played is quiet enough */
    uint64_t quiet_us; /* since when nobody is heard in a gap; 0: somebody is */
    struct {
        enum audio_format in, out;
        bool interrupts, creates, no_truncate, no_update, resumed;
        uint32_t lasts_s;
    } told; /* by the prepared one */
};

void renew_begin(struct call *c);
void renew_ready(struct call *c, const struct call_event *ev);
void renew_failed(struct call *c, const struct call_event *ev);
void renew_asked(struct call *c);
/* The session cannot be told of another persona: one that is takes its place. at_once: it is what the next answer
 * needs. */
void renew_persona(struct call *c, bool at_once);
/* Somebody else is to speak, and the session that says so is not there yet: the current one is asked nothing more. */
bool renew_switches(const struct call *c);
void renew_leaving(struct call *c, const struct call_event *ev);
void renew_resumable(struct call *c, const struct call_event *ev);
void renew_progress(struct call *c); /* after every event */
void renew_timer(struct call *c, int timer);
void renew_end(struct call *c);
/* The session may speak: it counts. What an earlier one still says about its costs is taken in here. */
bool renew_hears(struct call *c, const struct call_event *ev);
/* A session once was there and another one will be: wishes to it are kept. */
bool renew_awaited(const struct call *c);
/* It answers, but not usefully. True: another one takes its place. */
bool renew_useless(struct call *c);
/* A response was completed. */
void renew_proved(struct call *c, bool heard);
/* Somebody else speaks now, or something newer is wanted: the rest of what broke off is not. */
void renew_moved_on(struct call *c);
/* What is asked for when the rest of a response is wanted; base: what it was asked with. */
void renew_put_words(struct call *c, struct buf *out, struct str base);

/* replay.c: the new session is told what was said. Returns the number of items. */
uint32_t replay_history(struct call *c);
/* The same for one that knows all up to this item. */
uint32_t replay_since(struct call *c, struct str item_id);
/* The caller has heard so much of an item: the session must know it if another one said it. */
void replay_said(struct call *c, const struct item *it, struct str heard);

#endif
