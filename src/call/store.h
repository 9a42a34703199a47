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
#include "call/close.h"
#include "call/cost.h"

/* X(constant, word of the API and the database) */
#define STORE_STATUS_LIST(X)                                                                                           \
    X(STATUS_INITIATED, "initiated")                                                                                   \
    X(STATUS_RINGING, "ringing")                                                                                       \
    X(STATUS_IN_PROGRESS, "in_progress")                                                                               \
    X(STATUS_COMPLETED, "completed")                                                                                   \
    X(STATUS_FAILED, "failed")
enum store_status {
#define X(name, word) name,
    STORE_STATUS_LIST(X)
#undef X
        STORE_STATUS_N
};

#define STORE_DIRECTION_LIST(X)                                                                                        \
    X(DIRECTION_INBOUND, "inbound")                                                                                    \
    X(DIRECTION_OUTBOUND, "outbound")
enum store_direction {
#define X(name, word) name,
    STORE_DIRECTION_LIST(X)
#undef X
        STORE_DIRECTION_N
};

#define STORE_WHO_LIST(X)                                                                                              \
    X(WHO_CALLER, "caller")                                                                                            \
    X(WHO_AGENT, "agent")                                                                                              \
    X(WHO_TOOL, "tool")                                                                                                \
    X(WHO_SYSTEM, "system")
enum store_who {
#define X(name, word) name,
    STORE_WHO_LIST(X)
#undef X
        STORE_WHO_N
};

#define STORE_TURN_LIST(X)                                                                                             \
    X(TURN_GREETING, "greeting")                                                                                       \
    X(TURN_REPLY, "reply")                                                                                             \
    X(TURN_TOOL_REPLY, "tool_reply")                                                                                   \
    X(TURN_FAREWELL, "farewell")                                                                                       \
    X(TURN_APOLOGY, "apology")
enum store_turn_kind {
#define X(name, word) name,
    STORE_TURN_LIST(X)
#undef X
        STORE_TURN_N
};

/* Word of an enum value and back (-EINVAL). Never NULL. */
const char *store_status_word(enum store_status s);
const char *store_direction_word(enum store_direction d);
const char *store_who_word(enum store_who w);
const char *store_turn_word(enum store_turn_kind k);
MUST_USE int store_status_parse(struct str word, enum store_status *ret);
MUST_USE int store_direction_parse(struct str word, enum store_direction *ret);
MUST_USE int store_who_parse(struct str word, enum store_who *ret);
MUST_USE int store_turn_parse(struct str word, enum store_turn_kind *ret);

#define STORE_UNKNOWN_MS (-1) /* a latency that was not measured */

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
    struct str outcome; /* free word of the agent or the carrier, may be empty */
    enum call_close close;
    struct str error;    /* text for people, may be empty */
    uint64_t started_us; /* wall clock; 0: not yet */
    uint64_t answered_us;
    uint64_t ended_us;
    uint64_t duration_ms; /* of the media leg, start to stop */
    uint64_t alive_us;    /* last sign of life; the store raises it by itself */
    struct str recording; /* path, may be empty */
    struct str journal;   /* path, may be empty */
    struct cost_usage usage;
    int64_t cost_micro;  /* STORE_NO_COST: the model has no price */
    uint32_t turn_count; /* out only: number of rows */
    uint32_t line_count; /* out only */
};
#define STORE_NO_COST (-1)

struct store_turn {
    struct str call_id;
    uint32_t number; /* from 1; a second add of the same number replaces */
    enum store_turn_kind kind;
    struct str user_text;
    struct str agent_text;
    uint64_t start_ms; /* since the leg's start */
    uint64_t end_ms;
    uint32_t heard_ms; /* of the agent's audio */
    uint32_t item_ms;
    bool interrupted;
    int32_t response_ms;    /* end of the caller's speech to the first agent audio sent; STORE_UNKNOWN_MS */
    int32_t created_ms;     /* end of speech to response.created */
    int32_t first_delta_ms; /* end of speech to the model's first audio */
    int32_t tool_ms;        /* spent in tools within this turn */
};

struct store_line {
    struct str call_id;
    uint32_t seq; /* order of the transcript, from 1; a second add of the same seq replaces (a later, better text) */
    uint64_t at_ms;
    enum store_who who;
    struct str text;
    bool estimated; /* cut by playout position, or not yet final */
};

struct store_callback {
    struct str id; /* "CB123456" */
    struct str call_id;
    struct str phone;
    struct str department;
    struct str reason;
    struct str scheduled; /* as the caller said it */
    uint64_t created_us;
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
    STORE_CALL_BEGIN,  /* call: inserts; -EEXIST */
    STORE_CALL_UPDATE, /* call: id plus what changes; empty strings, zero times and zero usage leave what is stored */
    STORE_CALL_END,    /* call: id, close, ended_us and the final figures; the first end wins */
    STORE_CALL_ALIVE,  /* call: id, alive_us */
    STORE_TURN_ADD,
    STORE_LINE_ADD,
    STORE_CALLBACK_ADD,
};

struct store_op {
    enum store_op_kind kind;
    uint64_t at_us; /* wall clock; sign of life of the call */
    union {
        const struct store_call *call;
        const struct store_turn *turn;
        const struct store_line *line;
        const struct store_callback *callback;
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
    const char *path;   /* file; created 0600, missing folder 0700. NULL or "": in memory */
    uint32_t busy_ms;   /* 0: 5000 */
    uint32_t max_pages; /* 0: no bound; tests of a full disk */
    bool demo_rows;     /* fill the table of demonstration orders when it is empty */
};

struct store;

/* All return 0 or more, or: -ENOENT (no such row), -EEXIST, -ENOSPC (disk full), -ERR_CORRUPT, -EIO, -ENOMEM, -EBUSY.
 */
struct store_ops {
    const char *name;
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
    /* Deletes every trace of the call from the database and the write-ahead log; paths are the files to unlink. */
    int (*call_delete)(struct store *s, struct str id, struct arena *a, struct store_paths *ret);
    /* At start: closes as "killed" what a dead process left live, ended at its last sign of life. Returns how many. */
    int (*close_stale)(struct store *s, uint64_t now_us);
    /* Deletes ended calls that began before before_us, at most limit of them. */
    int (*sweep)(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret);
    int (*order_get)(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret);
    int (*callback_list)(struct store *s, uint32_t limit, struct arena *a, struct store_callback **ret,
                         uint32_t *ret_n);
};

#endif
