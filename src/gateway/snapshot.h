/*
 * One configuration as the parts want it: the options of carrier, provider, call and API, filled from struct config
 * once at load time. Immutable and reference-counted; a call keeps the snapshot it was born with. Loop thread only.
 */
#ifndef GATEWAY_SNAPSHOT_H
#define GATEWAY_SNAPSHOT_H

#include "api/api_opts.h"
#include "base/condition.h"
#include "base/json_schema.h"
#include "carriers/plivo/plivo_opts.h"
#include "carriers/twilio/twilio_opts.h"
#include "config/config.h"
#include "gateway/provider.h"
#include "guards/rule.h"
#include "guards/shapes.h"
#include "net/crew.h"
#include "tools/builtin/reservation.h"
#include "tools/builtin/wish.h"
#include "tools/code/code_opts.h"
#include "tools/webhook/webhook_opts.h"

/* What the host knows of a tool besides what the call is told. */
struct snapshot_tool {
    struct call_tool call;      /* as a call may be told of it */
    struct json_schema *schema; /* of its arguments */
    bool is_webhook;            /* else built in, */
    bool is_code;               /* or a function of the program that embeds us */
    struct code_opts code;
    struct webhook_opts webhook;
    struct webhook_pair *headers;
    struct condition **conditions; /* one of which makes an approval necessary */
    uint32_t n_conditions;
    uint8_t *sound;        /* of call.rules.filler */
    struct str mcp_server; /* p NULL: none of those of a server of the Model Context Protocol */
    struct str mcp_tool;   /* its name there */
    uint32_t mcp_ms;
};

/* How to reach one of config.providers. */
struct snapshot_provider {
    const struct config_provider *config;
    bool used;                    /* by an agent, a route, or as one that takes over; the rest is empty otherwise */
    bool own_sandbox;             /* it is the sandbox that we start ourselves */
    struct provider_opts opening; /* what does not depend on the agent; url empty with own_sandbox */
    struct str_pair *headers, *query;
    struct tls_ctx *tls; /* NULL: reached without TLS */
};

/* A tool of the program that embeds us, in s->tools, for those who are told of more than their configuration. */
struct snapshot_added {
    uint32_t tool;     /* index in tools */
    const char *agent; /* NULL: every one */
};

/* What a function of the program that embeds us is asked. Texts are lent and end in NUL. */
struct guard_code_check {
    const char *agent, *call_id, *text, *side;
    bool final;
    void *context; /* of the snapshot */
};
/* 0: fine, 1: it objects (why may get a sentence), negative: it could not tell. Thread: one of the crew; may block.
 */
typedef int (*guard_code_fn)(const struct guard_code_check *check, struct buf *why, void *arg);

struct guard_code {
    guard_code_fn fn;
    void *arg;
    struct crew *crew;
};

/* What the host knows of a guardrail besides what the call is told; by index in call_guard_opts.list. */
struct snapshot_guard {
    enum guard_kind kind;
    const struct config_guardrail *config; /* NULL: a function of the program */
    struct guard_rule *rule;               /* of kinds that answer at once */
    struct webhook_opts webhook;           /* http and model; url empty: the sandbox that we start ourselves */
    struct webhook_pair *headers;
    struct guard_code code;
};

/*
 * What a session of a program has of its own: it is a call with a snapshot for itself alone (the library's derive.c).
 * Zero for telephone calls.
 */
struct snapshot_session {
    bool own;         /* it is one: the rest counts */
    bool own_agents;  /* the program's agents stand in call; else those of the configuration are planned at its birth */
    bool fixed_agent; /* who begins was chosen: no route chooses another */
    struct str url, api_key;        /* of the first provider; p NULL: the configuration's */
    const struct str_pair *headers; /* likewise; NULL: the configuration's. They replace the key */
    uint32_t n_headers;
    struct provider_transport transport;        /* likewise */
    bool text_only;                             /* the model writes */
    bool immediate;                             /* what was handed out cannot be taken back */
    bool sequential;                            /* tools run one after the other */
    bool record;                                /* there is a place for recordings */
    uint32_t debounce_chars;                    /* of guardrails; 0: the configuration's */
    enum audio_format input, output;            /* of the model, */
    bool input_set, output_set;                 /* unless the configuration has them */
    void (*on_raw)(struct str text, void *arg); /* NULL: nobody wants the service's own events */
    void *raw_arg;
};

struct plan;

struct snapshot {
    uint32_t refs;
    struct config *cfg;
    const struct config_provider *provider; /* of the starting agent */
    struct snapshot_provider *providers;    /* of config.providers, in its order */
    bool own_sandbox;                       /* one that is used is the sandbox that we start ourselves */
    struct twilio_opts twilio;
    struct plivo_opts plivo;
    struct api_opts api;
    struct provider_opts opening; /* of the starting agent over its provider; see also plan.h */
    struct plan *plan;            /* of a call of which nothing is known, for the texts of call */
    struct call_opts call;        /* of such a call, all but call_id */
    struct snapshot_tool *tools;  /* of config.tools, in its order */
    uint32_t n_tools;
    struct builtin_concierge concierge;
    struct builtin_wish_ctx wishes; /* for the tools that ask the carrier */
    struct arena own;               /* texts of what was added to the configuration */
    void *context;                  /* of the program that embeds us, for its tools */
    struct snapshot_session session;
    struct snapshot_added added[CALL_MAX_TOOLS];
    uint32_t n_added;
    struct snapshot_tool *mcp; /* of config.mcp, as the servers offered them when this was made */
    uint32_t n_mcp;
    struct snapshot_guard guards[CALL_MAX_GUARDS];
    struct call_guard_opts guarding; /* what every call is told of them; its list is: */
    struct call_guard guard_list[CALL_MAX_GUARDS];
    struct guard_mask *mask; /* NULL: nothing is masked */
    uint8_t *gap_bytes;      /* of gap_sound */
    struct span gap_sound;   /* for a gap between two model sessions; empty: the call's own */
    struct sounds *sounds;   /* recordings that calls play; NULL: there are none */
};

/* The agent over the provider (index into config.providers). */
void snapshot_opening(const struct snapshot *s, uint32_t provider, const struct config_agent *a,
                      struct provider_opts *ret);
/* What a call is told that begins with this agent: all but its texts, tools and agents. */
void snapshot_call(const struct snapshot *s, const struct config_agent *a, struct call_opts *ret);
/* snapshot_session.c: what the program's session wants otherwise; nothing is changed for telephone calls. */
void snapshot_fit_call(const struct snapshot *s, struct call_opts *o);
void snapshot_fit_opening(const struct snapshot *s, uint32_t provider, struct provider_opts *o);
/* By name; NULL: there is none. */
const struct snapshot_tool *snapshot_tool(const struct snapshot *s, struct str name);

/* Takes cfg's reference, also on failure. ret_err gets a sentence: a CA file that cannot be read, an unknown tool.
 */
/* snapshot_rules.c: what is configured of a tool's approval, order and filler, into slot->call.rules. */
MUST_USE int snapshot_fill_rules(const struct config *cfg, const struct config_tool *t, struct snapshot_tool *slot,
                                 struct buf *ret_err);
void snapshot_rules_done(struct snapshot_tool *slot);

/* A WAV file of at most ten seconds as mu-law, in memory that the caller frees. key: for the sentence. */
MUST_USE int snapshot_sound(struct str file, const char *key, uint8_t **ret_bytes, struct span *ret,
                            struct buf *ret_err);

/* snapshot_guards.c */
MUST_USE int snapshot_fill_guards(struct snapshot *s, struct buf *ret_err);
void snapshot_guards_done(struct snapshot *s);
/* Those that the agent names, as a mask. */
uint32_t snapshot_agent_guards(const struct snapshot *s, const struct config_agent *a);
/*
 * One more, a function of the program, for every agent and what they say; before any call uses the snapshot. name
 * is lent for the snapshot's life. hold: audio waits for its opinion. -ERR_LIMIT
 */
MUST_USE int snapshot_add_guard(struct snapshot *s, struct str name, const struct guard_code *code, bool hold);

MUST_USE int snapshot_new(struct config *cfg, struct buf *ret_err, struct snapshot **ret);
struct snapshot *snapshot_ref(struct snapshot *s);
struct snapshot *snapshot_unref(struct snapshot *s);

#endif
