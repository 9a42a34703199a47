/*
 * What is kept of campaigns: lists of people who are called, who is being called by which gateway, and what became of
 * it. The interface; implemented beside call/store.h by the same stores. EVERY operation BLOCKS: job threads only.
 * Thread-safe, also between processes. Reads no clock: times are wall clock, microseconds since 1970, and come in.
 *
 * At most once. A contact is dialled only along this road, and each step is one transaction:
 *
 *     lease (fence + 1) ─▶ intend (the attempt's row; refused when the lease is lost) ─▶ the request ─▶ close
 *
 * Everything after lease names the contact's fence; a step with an older one is refused with -ERR_STATE. An attempt
 * whose owner is gone is taken over (take_over), never dialled again: it is found out what became of it.
 */
#ifndef CALL_CAMPAIGN_STORE_H
#define CALL_CAMPAIGN_STORE_H

#include "base/arena.h"

struct store;

/* X(constant, word of API and database) */
#define CAMPAIGN_STATUS_LIST(X)                                                                                        \
    X(CAMPAIGN_DRAFT, "draft")                                                                                         \
    X(CAMPAIGN_RUNNING, "running")                                                                                     \
    X(CAMPAIGN_PAUSED, "paused")                                                                                       \
    X(CAMPAIGN_STOPPED, "stopped")                                                                                     \
    X(CAMPAIGN_ARCHIVED, "archived")
enum campaign_status {
#define X(name, word) name,
    CAMPAIGN_STATUS_LIST(X)
#undef X
        CAMPAIGN_STATUS_N
};

#define CONTACT_STATE_LIST(X)                                                                                          \
    X(CONTACT_PENDING, "pending")                                                                                      \
    X(CONTACT_LEASED, "leased") /* a gateway is about to call; nothing has been sent */                                \
    X(CONTACT_DIALING, "dialing")                                                                                      \
    X(CONTACT_AMD_PENDING, "amd_pending") /* answered, by whom is being found out */                                   \
    X(CONTACT_IN_PROGRESS, "in_progress")                                                                              \
    X(CONTACT_COMPLETED, "completed")                                                                                  \
    X(CONTACT_FAILED, "failed")                                                                                        \
    X(CONTACT_CANCELED, "canceled")
enum contact_state {
#define X(name, word) name,
    CONTACT_STATE_LIST(X)
#undef X
        CONTACT_STATE_N
};

#define ATTEMPT_OUTCOME_LIST(X)                                                                                        \
    X(ATTEMPT_NONE, "none") /* not over */                                                                             \
    X(ATTEMPT_ANSWERED_HUMAN, "answered_human")                                                                        \
    X(ATTEMPT_VOICEMAIL_DROPPED, "voicemail_dropped")                                                                  \
    X(ATTEMPT_MACHINE_DETECTED, "machine_detected")                                                                    \
    X(ATTEMPT_CONSENT_DENIED, "consent_denied")                                                                        \
    X(ATTEMPT_CONSENT_TIMEOUT, "consent_timeout")                                                                      \
    X(ATTEMPT_NO_ANSWER, "no_answer")                                                                                  \
    X(ATTEMPT_BUSY, "busy")                                                                                            \
    X(ATTEMPT_ERROR, "error")                                                                                          \
    X(ATTEMPT_CANCELED, "canceled") /* certainly not dialled, or by us */                                              \
    X(ATTEMPT_UNKNOWN, "unknown")   /* it may have rung: never dialled again by itself */
enum attempt_outcome {
#define X(name, word) name,
    ATTEMPT_OUTCOME_LIST(X)
#undef X
        ATTEMPT_OUTCOME_N
};

const char *campaign_status_word(enum campaign_status status);
const char *contact_state_word(enum contact_state state);
const char *attempt_outcome_word(enum attempt_outcome outcome);
MUST_USE int campaign_status_parse(struct str word, enum campaign_status *ret); /* -EINVAL, as the others */
MUST_USE int contact_state_parse(struct str word, enum contact_state *ret);
MUST_USE int attempt_outcome_parse(struct str word, enum attempt_outcome *ret);

struct campaign_row {
    struct str id; /* at most 64 bytes */
    struct str name;
    enum campaign_status status;
    struct str note;         /* why it is paused, for people; may be empty */
    struct str settings;     /* JSON; the dialer's */
    uint32_t max_concurrent; /* calls at once, over all gateways */
    uint64_t interval_us;    /* between two dials, over all gateways */
    uint64_t run_start_us;   /* nothing before; 0: no bound */
    uint64_t run_end_us;     /* nothing at or after; 0: no bound */
    uint64_t created_us, updated_us, started_us;
};

struct contact_row {
    uint64_t id; /* out: given by the store */
    struct str campaign_id;
    struct str name;
    struct str phone;    /* E.164; once in a campaign */
    struct str timezone; /* empty: the campaign's; likewise below */
    struct str agent;
    struct str caller_id;
    struct str vars; /* JSON, an object */
    enum contact_state state;
    uint32_t attempts;
    enum attempt_outcome last_outcome;
    uint64_t next_us; /* not before */
    uint64_t fence;   /* of its last lease */
    struct str owner;
    uint64_t lease_until_us;
    struct str note; /* why it waits or was left out; may be empty */
};

struct attempt_row {
    struct str id; /* the call's, too */
    struct str campaign_id;
    uint64_t contact_id;
    uint32_t number; /* from 1 */
    uint64_t fence;
    struct str owner;
    struct str phone, caller_id, agent;
    uint64_t created_us;  /* intent */
    uint64_t answered_us; /* 0: not */
    uint64_t ended_us;    /* 0: open */
    int64_t duration_s;   /* -1: not known */
    enum attempt_outcome outcome;
    struct str answerer; /* who answered, by the carrier's detection: human, machine, unsure; may be empty */
    struct str consent;  /* accepted, denied, timeout; empty: not asked */
    struct str carrier_call_id, request_id;
    struct str cause; /* the carrier's */
    struct str error; /* a sentence */
};

/* What is new about an attempt: empty texts and zeros leave what is stored. */
struct attempt_news {
    struct str id;
    uint64_t fence;
    enum contact_state state; /* of the contact: DIALING, AMD_PENDING, IN_PROGRESS */
    uint64_t answered_us;
    struct str answerer, consent, carrier_call_id, request_id;
};

struct attempt_end {
    struct str id;
    uint64_t fence;
    enum attempt_outcome outcome;
    uint64_t ended_us;
    int64_t duration_s; /* -1 */
    struct str answerer, consent, cause, error;
    struct str carrier_call_id, request_id; /* as in attempt_news: what was not noted in time */
    uint64_t answered_us;
    /* What becomes of the contact. */
    enum contact_state state; /* PENDING: again at next_us */
    uint64_t next_us;
    bool uncounted; /* it did not count as an attempt: nothing was sent */
};

struct campaign_lease {
    struct str campaign_id;
    struct str owner;
    uint64_t now_us, until_us;
};

/* One contact in the hands of a gateway. */
struct campaign_hold {
    uint64_t contact_id, fence;
};

struct campaign_progress {
    uint64_t contacts;
    uint64_t states[CONTACT_STATE_N];
    uint64_t outcomes[ATTEMPT_OUTCOME_N]; /* of attempts; NONE: under way */
    uint64_t attempts;
    uint64_t next_us; /* the next pending contact's; 0: none */
};

#define CAMPAIGN_LIST_MAX 1000
struct campaign_filter {
    struct str campaign_id; /* contacts, attempts */
    uint64_t contact_id;    /* attempts; 0: of all */
    uint32_t states;        /* a bit for each status or state; 0: all */
    uint32_t limit;         /* 0: 100; at most CAMPAIGN_LIST_MAX */
    uint32_t offset;
};
struct campaign_rows {
    union {
        struct campaign_row *campaigns; /* the newest first */
        struct contact_row *contacts;   /* in the order of their import */
        struct attempt_row *attempts;   /* the newest first */
    };
    uint32_t n;
    uint64_t total;
};

struct dnc_row {
    struct str phone, reason;
    uint64_t added_us;
};

/* 0 or more, or what call/store.h says. */
struct campaign_ops {
    int (*create)(struct store *s, const struct campaign_row *c); /* -EEXIST */
    int (*get)(struct store *s, struct str id, struct arena *a, struct campaign_row *ret);
    int (*list)(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret);
    /* Name, settings and what belongs to them. -ENOENT; -ERR_STATE: it runs or is archived. */
    int (*change)(struct store *s, const struct campaign_row *c);
    /* Only from one of the bits of from. -ENOENT, -ERR_STATE */
    int (*move)(struct store *s, struct str id, uint32_t from, enum campaign_status to, struct str note,
                uint64_t now_us);
    /* With its contacts and attempts. -ENOENT; -ERR_STATE: it runs; -EBUSY: somebody is being called. */
    int (*remove)(struct store *s, struct str id);
    /* One transaction; ret_added tells of each whether it is new (false: its phone is there already). */
    int (*add)(struct store *s, const struct contact_row *list, uint32_t n, uint64_t now_us, bool *ret_added);
    int (*contacts)(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret);
    /* By hand: back to PENDING (attempts counted from zero) or CANCELED. -ENOENT; -ERR_STATE: it is being called. */
    int (*contact_set)(struct store *s, struct str campaign_id, uint64_t id, enum contact_state state);
    int (*attempts)(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret);
    int (*attempt)(struct store *s, struct str id, struct arena *a, struct attempt_row *ret);
    int (*progress)(struct store *s, struct str id, struct campaign_progress *ret);
    /*
     * The next contact that is due, if the campaign runs, has a place free and its interval is over. 0: ret is leased.
     * -EAGAIN: not now; *ret_next_us says when it may be worth another try, 0: nobody is left who waits.
     * -ERR_LIMIT: as many are being called as may be. -ERR_STATE: it does not run. -ENOENT
     */
    int (*lease)(struct store *s, const struct campaign_lease *l, struct arena *a, struct contact_row *ret,
                 uint64_t *ret_next_us);
    /* Gives a leased contact back, not dialled, and the interval with it. -ERR_STATE: the lease is lost. */
    int (*release)(struct store *s, const struct contact_row *c, uint64_t next_us, struct str note);
    /*
     * Writes the attempt's row: from now on the contact counts as dialled. -ERR_STATE: the lease is lost or the
     * campaign does not run; -EPERM: the number must not be called (the contact is CANCELED); -EEXIST.
     */
    int (*intend)(struct store *s, const struct attempt_row *t, uint64_t until_us);
    /* -ERR_STATE: it is over, or another gateway has it. -ENOENT */
    int (*note)(struct store *s, const struct attempt_news *n);
    /* The first end wins. -ERR_STATE: it is over, or another gateway has it. -ENOENT */
    int (*close)(struct store *s, const struct attempt_end *e);
    /*
     * What the owner has in hand is alive until then. Only that: a contact whose lease was given but never heard of
     * must run out. Returns how many are still the owner's.
     */
    int (*renew)(struct store *s, struct str owner, const struct campaign_hold *held, uint32_t n, uint64_t until_us);
    /* At start: leases of owners whose name begins so, but for owner itself, run out now. Returns how many. */
    int (*expire)(struct store *s, struct str prefix, struct str owner);
    /*
     * Leases that have run out: contacts that were not dialled become PENDING again, open attempts become owner's, with
     * a new fence, at most limit of them. The former owner's word counts no more.
     */
    int (*take_over)(struct store *s, const struct campaign_lease *l, uint32_t limit, struct arena *a,
                     struct campaign_rows *ret);
    /* Numbers that no campaign may call. */
    int (*dnc_add)(struct store *s, const struct dnc_row *list, uint32_t n); /* known ones keep their reason */
    int (*dnc_remove)(struct store *s, struct str phone);                    /* -ENOENT */
    int (*dnc_get)(struct store *s, struct str phone, struct arena *a, struct dnc_row *ret);
    int (*dnc_list)(struct store *s, uint32_t limit, uint32_t offset, struct arena *a, struct dnc_row **ret,
                    uint32_t *ret_n, uint64_t *ret_total);
};

#endif
