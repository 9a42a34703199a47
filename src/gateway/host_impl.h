/*
 * The inside of a host, shared by host.c (life, events), host_perform.c (actions), host_model.c (sessions),
 * host_record.c (rows, log), host_note.c (notes), host_tools.c (tools) and their neighbours.
 */
#ifndef GATEWAY_HOST_IMPL_H
#define GATEWAY_HOST_IMPL_H

#include "base/json_doc.h"
#include "call/cost.h"
#include "call/journal.h"
#include "call/model.h"
#include "gateway/event_queue.h"
#include "gateway/host.h"
#include "gateway/host_trace.h"
#include "gateway/plan.h"
#include "gateway/recorder.h"
#include "gateway/vad_service.h"
#include "gateway/watch.h"
#include "tools/builtin/confirmation.h"

enum host_state {
    HOST_LIVE,    /* events are stepped */
    HOST_CLOSING, /* the call is over: waiting for leg and model */
    HOST_FILING,  /* sockets are gone: waiting for the files */
};

/* What the call's row and its last log line need. */
struct host_facts {
    char caller[64], called[64];
    char alias[CALL_ID_MAX + 1];
    char carrier_id[CALL_ID_MAX + 1];
    char stream_id[CALL_ID_MAX + 1];
    char model[96];
    char recording[RECORDS_PATH_MAX], journal[RECORDS_PATH_MAX];
    char error[256];
    char confirmation[CONFIRMATION_MAX]; /* heard in the call; "": none yet */
    enum store_direction direction;
    uint64_t started_wall_us, answered_wall_us;
    uint64_t begun_us;   /* loop clock */
    uint64_t opening_us; /* of the model session; 0: not opening */
    struct cost_usage usage;
    int64_t counted_cost; /* what the metric has got so far */
    struct cost_bill bill;
    uint32_t lines, turns, tools;
    uint32_t renewals;
    uint32_t barge_ins, pauses; /* of the agent: for an interruption, for nothing */
    uint32_t *gaps_ms;          /* response latency of each turn */
    size_t n_gaps, cap_gaps;
    struct call_action end;
    struct buf end_text;    /* end's detail, kept */
    struct buf user, agent; /* text of the turn under way */
};

/* What one of the call's model sessions can be resumed by. */
struct host_memory {
    uint32_t session;
    struct buf handle;
};

struct host_model;                   /* host_model.c */
void host_providers(struct host *h); /* which may be tried: into opts */

struct host {
    /* what every frame needs lies together: at hundreds of calls it comes from far away each time */
    struct worker *worker;
    struct call *call;
    struct leg *leg;
    struct host_model *models; /* sessions, the newest first; until their on_closed */
    struct watcher *watchers;  /* over HTTP */
    struct snapshot *snapshot;
    struct disk_file *journal;
    struct recorder *recorder;
    struct journal_writer journal_writer;
    struct event_queue queue;
    struct host *next_dirty;
    size_t queued_bytes; /* our part of worker->queued_bytes */
    uint64_t deadline_us;
    uint64_t alive_us;    /* when the store heard of the call last */
    uint64_t switched_us; /* when conditions of tools were looked at last */
    struct host_id id;
    enum host_state state;
    bool dirty;        /* on the worker's list */
    bool models_acted; /* a model has performed an action of this step */
    bool had_leg;
    bool apologise;
    bool entered;        /* admission_leave is owed */
    uint32_t files_open; /* on_closed not yet seen */
    struct host_trace trace;
    char call_id[CALL_ID_MAX + 1];
    struct log_scope log;
    struct tap watch;        /* of this call alone */
    struct mask_stream said; /* for the watchers: what the agent says, while it says it */
    char said_item[CALL_ID_MAX + 1];
    uint32_t n_watchers;
    struct plan *plan; /* NULL: the snapshot is this call's alone and says it all */
    struct call_opts opts;
    struct arena lists; /* of opts, when there is no plan */
    struct host_memory memories[3];
    uint32_t memory_n;
    struct vad_stream *vad; /* made with the first chunk */
    struct host_facts facts;
};

/* host.c */
void host_event(struct host *h, const struct call_event *ev);
/* Steps what is queued and lets go of the call when it is over: h may be gone. */
void host_settle(struct host *h);
/* A step is about to come: base/prefetch.h. */
void host_prefetch(const struct host *h, unsigned depth);
/* Ends the call without the core: it broke a promise, or memory is out. */
void host_fail(struct host *h, enum call_reason reason, const char *detail);

/* host_perform.c */
void host_perform(struct host *h, const struct call_action *act);
void host_open_recorder(struct host *h, enum audio_format format);
void host_open_journal(struct host *h);
void host_close_files(struct host *h);

/* host_model.c */
void host_open_model(struct host *h, const struct call_action *act);
void host_close_model(struct host *h, uint32_t session);
void host_close_models(struct host *h);
/* To the session that the action names; nothing when there is none. */
void host_perform_model(struct host *h, const struct call_action *act);
void host_forget_models(struct host *h);                        /* memory of them */
void host_prefetch_model(const struct host *h, unsigned depth); /* the newest */
/* Tells the models that performed an action of this step that it was the last; only when models_acted. */
void host_models_step_over(struct host *h);

/* host_tools.c */
void host_run_tool(struct host *h, const struct call_action *act);
/* What can be broken off is; built-in tools end by themselves, and the call takes no notice. */
void host_cancel_tool(struct host *h, struct str tool_call_id);
void host_cancel_tools(struct host *h);

/* host_approvals.c */
void host_check_tool(struct host *h, const struct call_action *act);
void host_ask_approval(struct host *h, const struct call_action *act);
void host_approval_decided(struct host *h, const struct call_action *act);
void host_approvals_drop(struct host *h); /* the call is over */

/* host_plan.c: what this call gets. -ENOMEM */
MUST_USE int host_plan(struct host *h, const struct host_birth *b);
/* Tools and handoffs whose condition has turned are switched: before the call begins, every few seconds, and before
 * the event that one was called. Only queued. */
void host_switch(struct host *h);
/* How to open a session over a provider (index into config.providers); url empty while our sandbox does not run. */
void host_opening(struct host *h, uint32_t provider, struct provider_opts *ret);
/* What the carrier says to a caller whom no model can tell; empty: its own sentence. */
struct str host_apology(const struct host *h);
/* Index into config.providers of the one the call begins with (0), or of those that take over (1, 2, ...). */
uint32_t host_provider(const struct host *h, uint32_t turn);

/* host_carrier.c: 0: it is under way, and will be answered. Else refusal may hold the answer. */
MUST_USE int host_run_wish(struct host *h, struct str tool_call_id, struct str name, struct str arguments,
                           struct buf *refusal);
/* p NULL: all of the call. */
void host_cancel_message(struct host *h, struct str tool_call_id);

/* host_reservation.c: the concierge's call. Is this the tool, and is there an account to call with? */
bool host_dials_reservation(const struct host *h, struct str tool);
/* 0: it is under way, and will be answered. Else refusal may hold the answer. */
MUST_USE int host_run_reservation(struct host *h, struct str tool_call_id, struct str arguments, struct buf *refusal);

/* host_guard.c */
void host_check_guards(struct host *h, const struct call_action *act);
void host_guard_tripped(struct host *h, const struct call_action *act);
void host_cancel_guards(struct host *h);
/* Arguments of a tool before it runs. Objected to: refusal gets the output, and the name is returned; else NULL. */
const char *host_guard_arguments(struct host *h, struct str tool, const struct json_doc *arguments,
                                 struct buf *refusal);
/* The text as others may see it: masked into out when that is configured, else itself. */
struct str host_masked(const struct host *h, struct str text, struct buf *out);

/* host_record.c */
void record_begin(struct host *h);
/* A sign of life every few seconds: when a killed process' calls are closed, their end is the last of them. */
void record_alive(struct host *h, uint64_t now_us);
uint64_t record_alive_due_us(const struct host *h); /* when that is to be called again */
void record_ringing(struct host *h);                /* the carrier has named it */
void record_answered(struct host *h, const struct call_event *ev);
void record_model_ready(struct host *h, uint32_t provider, const struct call_event *ev);
void record_model_failed(struct host *h, const struct call_event *ev);
void record_line(struct host *h, const struct call_action *act);
void record_resolution(struct host *h, const struct call_signal *s);
void record_turn(struct host *h, const struct call_action *act);
void record_usage(struct host *h, const struct call_action *act);
void record_end(struct host *h);
void host_tap(struct host *h, enum tap_kind kind, const struct call_action *act, const struct call_event *ev);
void host_facts_done(struct host_facts *f);

/* host_note.c */
void record_note(struct host *h, const struct call_action *act);

#endif
