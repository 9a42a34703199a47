/*
 * One loop's calls: the table that finds them by id, the one timer that looks for deadlines, what they share. Loop
 * thread only. Not here: sockets, routes, configuration files (gateway.h), the life of a single call (host.h).
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "base/buf.h"
#include "call/call.h"
#include "call/carrier.h"
#include "call/store.h"
#include "gateway/admission.h"
#include "gateway/approvals.h"
#include "gateway/records.h"
#include "gateway/scribe.h"
#include "gateway/snapshot.h"
#include "gateway/tap.h"
#include "gateway/vad_service.h"
#include "net/disk.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "obs/metrics.h"
#include "obs/trace.h"

struct host;
struct logins;
struct tool_job;
struct sms_job;
struct guard_job;

/* What a worker is given at birth; all of it outlives the worker. */
struct worker_env {
    struct loop *loop;
    struct disk *disk;
    struct mcp *mcp;
    struct http_client *http; /* for webhook tools */
    struct logins *logins;
    struct metrics *metrics;
    struct scribe *scribe;
    struct tracer *tracer; /* NULL: calls have no traces */
    struct records *records;
    struct admission *admission;
    const struct store_ops *ops;
    struct store *store;
    const struct vad_model *vad; /* weights of the speech detector; NULL: calls that want it fail */
    struct tap tap;
    /* The carrier of that name, or one to use in its place (carriers.h); NULL, also as an answer: there is none. */
    struct carrier *(*carrier)(struct str name, void *arg);
    /* Where our own sandbox listens now, "" while it does not. */
    struct str (*sandbox_url)(void *arg);
    uint16_t (*own_port)(void *arg); /* where this gateway listens; 0: it does not. NULL: likewise */
    void (*on_empty)(void *arg);     /* the last call is gone */
    void *arg;
};

/* A call that is over, as the carrier may still ask about it. */
struct worker_past {
    char carrier_call_id[CALL_ID_MAX + 1];
    bool apologise;
    char *words; /* of the apology; NULL: the carrier's own */
};
#define WORKER_PAST_N 128

struct worker {
    struct worker_env env;
    struct snapshot *snapshot; /* for new calls */
    struct timer *timer;       /* runs only while there are calls */
    struct host **hosts;       /* by slot; NULL: free */
    uint32_t *generations;
    uint64_t
        *due_us; /* by slot: when the host is to be looked at next; kept apart, or each tick would touch them all */
    uint32_t n_slots, n_hosts;
    uint32_t tool_jobs;           /* under way; they outlive their calls */
    struct tool_job *webhooks;    /* those of them that can be broken off */
    struct guard_job *guard_jobs; /* checks under way that can be broken off; counted in tool_jobs */
    struct approvals approvals;   /* uses of tools that wait for a decision */
    struct approval_hook approval_hook;
    struct sms_job *messages;        /* text messages under way */
    struct call_actions actions;     /* of the step under way */
    struct buf journal;              /* of the step under way */
    struct provider_scratch scratch; /* of the model sessions */
    struct vad_service *vad;         /* NULL without weights */
    size_t queued_bytes;             /* agent audio that waits in all calls together */
    uint32_t watchers;               /* of all calls together */
    bool stepping;
    struct host *dirty; /* hosts with queued events, to be stepped when this step is over */
    struct worker_past past[WORKER_PAST_N];
    uint32_t past_n; /* ever put */
};

MUST_USE int worker_new(const struct worker_env *env, struct snapshot *snapshot, struct worker **ret);
/* Only without calls. NULL is fine. */
struct worker *worker_free(struct worker *w);
/* keeps */
void worker_set_snapshot(struct worker *w, struct snapshot *snapshot);
uint32_t worker_calls(const struct worker *w);
/* Jobs that still hold on to the worker. */
uint32_t worker_busy(const struct worker *w);

struct approval_decision {
    const struct approval *approval; /* lent; may be gone when worker_decide returns */
    bool approve;
    bool always;        /* the same for every later use of the tool in this call */
    struct str message; /* rejected: for the model; empty: the usual */
};
/* -ENOENT: its call is over. */
MUST_USE int worker_decide(struct worker *w, const struct approval_decision *d);

/* Lookups among live calls; NULL: none. */
struct host *worker_by_id(struct worker *w, struct host_id id);
struct host *worker_by_call_id(struct worker *w, struct str call_id);       /* ours, the carrier's or ?call_id= */
struct host *worker_by_carrier_id(struct worker *w, struct str carrier_id); /* the newest */
/* A call of this id, live or being filed away. */
const struct host *worker_find(const struct worker *w, struct str any_id);
bool worker_holds(const struct worker *w, struct str any_id);
/* Asks every call to end. */
void worker_hangup_all(struct worker *w, enum call_reason reason);
/* Closes every socket without asking: calls that did not end by themselves. */
void worker_abort_all(struct worker *w);
/* The carrier asks about a call that is over: was an apology owed? Told once; the words are lent until another call is
 * over. */
bool worker_take_apology(struct worker *w, struct str carrier_id, struct str *ret_words);
/* Sums for gauges. */
uint64_t worker_queued_bytes(const struct worker *w);

/* For host.c: the table. */
MUST_USE int worker_add(struct worker *w, struct host *h, struct host_id *ret);
void worker_due(struct worker *w, struct host_id id, uint64_t due_us);
void worker_remove(struct worker *w, struct host_id id);
void worker_remember(struct worker *w, struct str carrier_id, bool apologise, struct str words);

#endif
