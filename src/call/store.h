/*
 * The record keeper's interface: what is kept of every call and the operations a store implements (store/sqlite).
 * EVERY operation BLOCKS (disk): job threads only, never a loop thread. Every operation is thread-safe.
 * The store reads no clock: wall-clock times (microseconds since 1970) come in with the data.
 * Strings that go in are lent until return; strings that come out live in the arena the caller gave.
 */
#ifndef CALL_STORE_H
#define CALL_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/action.h"
#include "call/cost.h"
#include "call/reason.h"

/* X(constant, word of the API and the database) */
#define STORE_STATUS_LIST(X)                                                                                           \
    X(STORE_INITIATED, "initiated")                                                                                    \
    X(STORE_RINGING, "ringing")                                                                                        \
    X(STORE_IN_PROGRESS, "in_progress")                                                                                \
    X(STORE_COMPLETED, "completed")                                                                                    \
    X(STORE_FAILED, "failed")
enum store_status {
#define X(name, word) name,
    STORE_STATUS_LIST(X)
#undef X
        STORE_STATUS_N
};

#define STORE_DIRECTION_LIST(X)                                                                                        \
    X(STORE_INBOUND, "inbound")                                                                                        \
    X(STORE_OUTBOUND, "outbound")
enum store_direction {
#define X(name, word) name,
    STORE_DIRECTION_LIST(X)
#undef X
        STORE_DIRECTION_N
};

/* Word of an enum value and back (-EINVAL). Never NULL. */
const char *store_status_word(enum store_status status);
const char *store_direction_word(enum store_direction direction);
MUST_USE int store_status_parse(struct str word, enum store_status *ret);
MUST_USE int store_direction_parse(struct str word, enum store_direction *ret);
/* A fault of the store, not of what was asked: the same may succeed later. */
bool store_may_pass(int err);
/* COMPLETED or FAILED: how a call that ended for this reason counts; the default of STORE_CALL_END. */
enum store_status store_status_of(enum call_reason reason);

struct store_call {
    struct str id; /* ours; at most 64 bytes */
    struct str carrier;
    struct str provider;
    struct str model;
    struct str agent;
    enum store_direction direction;
    struct str caller; /* as the carrier gave it, "+15551234567" */
    struct str called;
    struct str carrier_call_id; /* Twilio: CA... */
    struct str stream_id;       /* Twilio: MZ... */
    enum store_status status;
    struct str outcome;      /* free word of the agent or the carrier, may be empty */
    enum call_reason reason; /* REASON_NONE: not over */
    struct str error;        /* text for people, may be empty */
    uint64_t started_us;     /* wall clock; 0: not yet */
    uint64_t answered_us;
    uint64_t ended_us;
    uint64_t duration_ms; /* of the media leg, start to stop */
    uint64_t alive_us;    /* last sign of life; the store raises it by itself */
    struct str recording; /* path, may be empty */
    struct str journal;   /* path, may be empty */
    struct cost_usage usage;
    int64_t cost_micro; /* STORE_NO_COST: the model has no price */
    bool has_line;      /* line is known: an end that was told */
    struct call_line line;
    struct str confirmation; /* number that was given in the call: kept when told, else (out only) the last callback's
                                id; may be empty */
    uint32_t renewals;       /* model sessions that took over from another */
    uint32_t turn_count;     /* out only: number of rows */
    uint32_t line_count;     /* out only */
};
#define STORE_NO_COST (-1)

struct store_turn {
    struct str call_id;
    struct call_turn t; /* a second add of the same t.number replaces */
    struct str user_text;
    struct str agent_text;
    struct str agent; /* name of who spoke first in it */
};

struct store_line {
    struct str call_id;
    uint32_t seq; /* order of the transcript, from 1; a second add of the same seq replaces (a later, better text) */
    int32_t at_ms;
    enum call_party who;
    struct str text;
    struct str unheard;
    bool estimated;
    struct str agent; /* name of who spoke, or was spoken to */
};

/* A span of the call's trace (obs/trace.h), with its contents as JSON. */
struct store_span {
    struct str call_id;
    uint32_t seq;         /* order of beginning, from 1 */
    struct str trace_id;  /* 32 hex digits */
    struct str span_id;   /* 16; a second add of the same one replaces: the end of what had begun */
    struct str parent_id; /* 16, or empty: the first span, unless somebody called us within a trace */
    struct str type;      /* call, turn, response, tool ... */
    struct str name;
    uint32_t kind;     /* as OTLP numbers them: 1 internal, 2 server, 3 client */
    uint64_t start_us; /* wall clock */
    uint64_t end_us;   /* 0: not over, or cut off by a kill */
    bool failed;       /* status error */
    struct str error;  /* its text */
    struct str attrs;  /* JSON, an object */
    struct str events; /* JSON, an array of {name, at_us, attributes} */
};

struct store_callback {
    struct str id; /* "CB123456" */
    struct str call_id;
    struct str phone;
    struct str department;
    struct str reason;
    struct str scheduled; /* as the caller said it */
    uint64_t created_us;
    uint64_t closed_us; /* 0: still to be done */
    struct str note;    /* of whoever closed it, may be empty */
};

#define STORE_CALLBACK_NOTE_MAX 1000

/* What a call that we started was for, and what its carrier told of it; beside its row in calls. */
struct store_dial {
    struct str call_id;
    struct str campaign; /* may be empty, like all that follow */
    struct str opening_reason, objective, context;
    struct str request_id;  /* the carrier's, of the request */
    struct str answered_by; /* carrier_answerer_word */
    struct str outcome;     /* dialer_outcome_word; also becomes that of the call */
    struct str cause;       /* the carrier's word or number */
    struct str detail;      /* a sentence for people */
    uint64_t asked_us;      /* wall clock: the request was about to leave; 0: the carrier was never asked */
    uint64_t ringing_us, answered_us, ended_us;
    uint64_t talk_s; /* answer to end, by the carrier */
};

struct store_dial_filter {
    struct str campaign; /* empty: all */
    uint32_t limit;      /* 0: 100; at most 1000 */
    uint32_t offset;
};

struct store_dials {
    struct store_dial *list;  /* newest first */
    struct store_call *calls; /* of the same index */
    uint32_t n;
    uint64_t total; /* of all that match */
};

struct store_callback_filter {
    bool open, closed; /* which ones; neither: all */
    uint32_t limit;    /* 0: 100; at most 1000 */
    uint32_t offset;
};

struct store_callbacks {
    struct store_callback *list; /* newest first */
    uint32_t n;
    uint64_t total; /* of all that match */
};

struct store_order {
    struct str number;
    struct str email;
    struct str status; /* shipped, processing, delivered, cancelled, ... */
    struct str item;
    struct str carrier;
    struct str tracking;
    struct str detail; /* "ships within 24 hours" */
    int32_t days;      /* shipped: days until it arrives; delivered: days since; else 0 */
    struct str signed_by;
};

/* One write. The strings inside are lent for the duration of the write. */
enum store_op_kind {
    STORE_CALL_BEGIN,  /* call: inserts; one that close_stale has closed lives again; -EEXIST */
    STORE_CALL_UPDATE, /* call: id plus what changes; empty strings, zero times and zero usage leave what is stored */
    STORE_CALL_END,    /* call: id, reason, ended_us, final figures; the first end wins. status: COMPLETED or
                          FAILED are kept, any other is replaced by store_status_of(reason) */
    STORE_CALL_ALIVE,  /* call: id, alive_us */
    STORE_TURN_ADD,
    STORE_LINE_ADD,
    STORE_CALLBACK_ADD,
    STORE_SPAN_ADD,
    STORE_CALLBACK_CLOSE, /* callback: id, note; -ENOENT; -ERR_STATE: it was closed before */
    STORE_DIAL_PUT, /* dial: inserts or changes; empty texts and zeros leave what is stored. -ENOENT: no such call */
};

struct store_op {
    enum store_op_kind kind;
    uint64_t at_us; /* wall clock; sign of life of the call */
    union {
        const struct store_call *call;
        const struct store_turn *turn;
        const struct store_line *line;
        const struct store_callback *callback;
        const struct store_span *span;
        const struct store_dial *dial;
    } u;
};

struct store_filter {
    struct str status; /* a status word, "live" (not ended) or empty: all */
    struct str caller; /* exact number or empty */
    uint64_t since_us; /* started at or after */
    uint64_t until_us; /* started before; 0: no bound */
    uint32_t limit;    /* 0: 100; at most 1000 */
    uint32_t offset;
};

struct store_page {
    struct store_call *calls; /* newest first */
    uint32_t n;
    uint64_t total; /* of all that match */
};

struct store_counts {
    uint64_t total;
    uint64_t status[STORE_STATUS_N];
};

/* Paths whose owner was deleted; the caller unlinks them (and says so in the log when that fails). */
struct store_paths {
    struct str *paths;
    uint32_t n;
    uint32_t calls; /* how many calls were deleted */
};

struct store_opts {
    const char *url;    /* PostgreSQL only: postgres://user:password@host:port/database */
    const char *node;   /* PostgreSQL only: this gateway's name, copied; NULL or "": the host's */
    const char *path;   /* SQLite only: file; created 0600, missing folder 0700. NULL or "": in memory */
    uint32_t busy_ms;   /* 0: 5000 */
    uint32_t max_pages; /* 0: no bound; tests of a full disk */
    bool exclusive;     /* one process may own the records (serve): -EBUSY when another one does */
    bool demo_rows;     /* fill the table of demonstration orders when it is empty */
};

struct store;
struct campaign_ops;

/* All return 0 or more, or: -ENOENT (no such row), -EEXIST, -ENOSPC (disk full), -ERR_CORRUPT, -EIO, -ENOMEM, -EBUSY,
 * -ERR_CLOSED (the server is away: whether a write went in is not known). */
struct store_ops {
    const char *name;
    const struct campaign_ops *campaigns; /* call/campaign_store.h, on the same struct store; NULL: none */
    /* ret_err gets a sentence for people on failure. -ERR_CONFIG when the file is of a newer program. */
    int (*open)(const struct store_opts *opts, struct buf *ret_err, struct store **ret);
    /* Writes out and frees. NULL is fine. */
    void (*close)(struct store *s);
    /* All or nothing, in order, one transaction. ret_failed (may be NULL) gets the index of the op that failed. */
    int (*write)(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed);
    int (*call_get)(struct store *s, struct str id, struct arena *a, struct store_call *ret);
    /* The id of the call that carries this carrier's id (Twilio's CallSid). */
    int (*call_find)(struct store *s, struct str carrier_call_id, struct arena *a, struct str *ret_id);
    int (*call_list)(struct store *s, const struct store_filter *f, struct arena *a, struct store_page *ret);
    int (*call_counts)(struct store *s, struct store_counts *ret);
    int (*turn_list)(struct store *s, struct str id, struct arena *a, struct store_turn **ret, uint32_t *ret_n);
    int (*line_list)(struct store *s, struct str id, struct arena *a, struct store_line **ret, uint32_t *ret_n);
    /* In the order of their beginning. */
    int (*span_list)(struct store *s, struct str id, struct arena *a, struct store_span **ret, uint32_t *ret_n);
    /* Deletes every trace of the call from the database and the write-ahead log; paths are the files to unlink. */
    int (*call_delete)(struct store *s, struct str id, struct arena *a, struct store_paths *ret);
    /* At start, exclusive only: closes as "killed" what a dead process left live, ended at its last sign of life.
     * Returns how many. */
    int (*close_stale)(struct store *s, uint64_t now_us);
    /* Deletes ended calls that began before before_us, at most limit of them. */
    int (*sweep)(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret);
    int (*order_get)(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret);
    int (*callback_list)(struct store *s, const struct store_callback_filter *f, struct arena *a,
                         struct store_callbacks *ret);
    int (*callback_get)(struct store *s, struct str id, struct arena *a, struct store_callback *ret);
    int (*dial_get)(struct store *s, struct str call_id, struct arena *a, struct store_dial *ret);
    int (*dial_list)(struct store *s, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret);
};

#endif
