/*
 * The HTTP API of the gateway: what a person or a program asks about calls, health and metrics. Loop thread only.
 * Not here: webhooks and media sockets (carriers), calls themselves: the host is asked through struct api_host.
 *
 *     GET    /                     service card                         open
 *     GET    /health /live /ready  state of the process                 open
 *     GET    /metrics              Prometheus; JSON when asked for      open
 *     GET    /openapi.json         every route, for programs            open
 *     GET    /calls                {total, calls}                       control
 *     GET    /calls/{id}/status    one call, short                      control
 *     POST   /calls/{id}/hangup    ends it                              control
 *     DELETE /calls/{id}           deletes every trace of it            control
 *     GET    /v1/calls[/{id}]      records in full                      control
 *     GET    /v1/calls/{id}/trace  its spans                            control
 *     POST   /v1/calls             makes a call                         control
 *     POST   /outbound/call, /outbound/hangup/{id}, GET /outbound/status/{id}, /outbound/campaign/{id}   control
 *     POST   /v1/calls/{id}/hangup, DELETE /v1/calls/{id}               control
 *     POST   /v1/calls/{id}/turn   opens, commits, drops the turn       control
 *     POST   /v1/calls/{id}/text   as if the caller had said it         control
 *     POST   /v1/calls/{id}/interrupt, respond, commit, say, message, agent   control
 *     GET    /v1/calls/{id}/history   items of the conversation so far        control
 *     GET    /v1/calls/{id}/events    what happens, as server-sent events     control
 *     GET    /v1/callbacks[/{id}]  what was promised to callers         control
 *     POST   /v1/callbacks/{id}/close                                   control
 *     ...    /v1/campaigns[/{id}[/...]], /v1/do-not-call   docs/campaigns.md  control
 *     GET    /v1/approvals         tools that wait for a decision   control
 *     POST   /v1/approvals/{id}    the decision                     control
 *
 * {id} is ours or the carrier's. Control routes need "Authorization: Bearer" with a configured token, except from
 * loopback without any sign of a proxy or of a foreign web page (api_auth.h). Every error is {"error": "..."}.
 */
#ifndef API_API_H
#define API_API_H

#include "api/api_opts.h"
#include "base/e164.h"
#include "call/event.h"
#include "call/opts.h"
#include "call/store.h"
#include "dialer/dialer.h"
#include "net/http_server.h"
#include "obs/metrics.h"

struct api;

/* The inside of a live call. Words are static. */
struct api_live {
    const char *phase, *caller, *response, *playout;
    uint32_t queued_ms, outstanding_ms;
    uint32_t pending_tools, barge_ins, turns;
    struct str agent; /* who speaks; lent */
};

struct api_health {
    bool ready;
    const char *reason; /* why not; a word, static */
    uint32_t calls, max_calls;
    uint64_t uptime_s;
    uint32_t mcp_servers, mcp_up; /* servers of tools */
};

/* A use of a tool that waits for a decision. */
struct api_approval {
    struct str id, call_id, tool_call_id, tool, arguments, agent, caller;
    uint64_t asked_wall_us;
    uint64_t expires_wall_us; /* 0: with its call */
    bool expires_approved;
};
typedef void (*api_approval_fn)(const struct api_approval *approval, void *arg);

struct api_decision {
    bool approve;
    bool always;        /* for every later use of the tool in this call */
    struct str message; /* rejected: for the model; empty: the usual */
};

typedef void (*api_removed_fn)(int err, void *arg);

struct api_host {
    void (*health)(struct api_health *ret, void *arg);
    /* False: no such call is live. */
    bool (*live)(struct str id, struct api_live *ret, void *arg);
    /* 0: it is being ended; -ENOENT: not live. */
    int (*hangup)(struct str id, void *arg);
    /* The carrier is asked to record. -ENOENT; -ERR_STATE: not now, and *ret_why is a sentence. */
    int (*record)(struct str id, const char **ret_why, void *arg);
    /* Push to talk. -ENOENT: not live; -ERR_STATE: not now, and *ret_why is a sentence. */
    int (*turn)(struct str id, enum turn_cue cue, const char **ret_why, void *arg);
    /* Text as if the caller had said it; likewise. -ERR_RANGE: *ret_why is the guardrail that objects. */
    int (*text)(struct str id, struct str text, const char **ret_why, void *arg);
    /* One of EV_CONTROL_*; likewise. ev is lent. */
    int (*control)(struct str id, const struct call_event *ev, const char **ret_why, void *arg);
    /* Which of the call's agents bears that name. -ENOENT: not live; -EINVAL: none. */
    int (*agent)(struct str id, struct str name, uint32_t *ret_index, void *arg);
    /*
     * Takes x over and streams. -ENOENT; -ERR_STATE; -ERR_LIMIT: too many watch; -EINVAL: the query, *ret_why is a
     * sentence: then x is still the caller's.
     */
    int (*events)(struct str id, struct http_exchange *x, struct str query, const char **ret_why, void *arg);
    /* {"call_id": ..., "agent": ..., "history": [...]} of a live call. -ENOENT */
    int (*history)(struct str id, struct buf *out, void *arg);
    /* Calls fn for each that waits, the oldest first; returns how many. */
    uint32_t (*approvals)(api_approval_fn fn, void *fn_arg, void *arg);
    /* -ENOENT: nothing waits under this id. */
    int (*decide)(struct str id, const struct api_decision *decision, void *arg);
    /* Deletes row and files of a call that is over; done once, later. -EBUSY: it is live. */
    int (*remove)(struct str id, api_removed_fn done, void *done_arg, void *arg);
    /* Calls fn when everything written so far can be read in the store. */
    int (*settle)(loop_fn fn, void *fn_arg, void *arg);
    /* A telephone number as somebody wrote it, as +15551234567. -EINVAL with a sentence. */
    int (*number)(struct str text, char ret[E164_MAX], struct buf *why, void *arg);
    /* What is done about answering machines unless the request says otherwise. */
    enum dialer_machine (*on_machine)(void *arg);
    /* Starts a call: outbound_dial. handler may be NULL. Negative with a sentence. */
    int (*dial)(const struct dialer_request *req, const struct dialer_handler *handler, void *handler_arg,
                char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *why, void *arg);
    void (*dial_forget)(struct str id, void *arg); /* dialer_forget */
    /* The same for tables of contacts: any thread. NULL: base/e164.h. */
    int (*contact_number)(struct str text, struct str country, char ret[E164_MAX]);
    /* A time zone of that name exists. Any thread, may block. NULL: all do. */
    bool (*zone_known)(struct str name);
    /* A campaign was started, stopped, given contacts. NULL: nobody minds. */
    void (*campaigns_changed)(void *arg);
    /* Gauges that are worked out only when somebody looks. */
    void (*gauges)(void *arg);
};

struct api_new_opts {
    struct loop *loop;
    const struct store_ops *ops;
    struct store *store;
    struct metrics *metrics;
    const struct api_host *host;
    void *arg;
};

MUST_USE int api_new(const struct api_new_opts *o, const struct api_opts *opts, struct api **ret);
/* Only when api_pending is 0. NULL is fine. */
struct api *api_free(struct api *api);
/* opts is lent until the next one. */
void api_set_opts(struct api *api, const struct api_opts *opts);
/* Answers every request, now or later: unknown paths with 404. */
void api_handle(struct api *api, struct http_exchange *x, const struct http_request *req);
/* Requests that wait for the store. */
uint32_t api_pending(const struct api *api);

#endif
