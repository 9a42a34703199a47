/*
 * One configuration as the parts want it: the options of carrier, provider, call and API, filled from struct config
 * once at load time. Immutable and reference-counted; a call keeps the snapshot it was born with. Loop thread only.
 */
#ifndef GATEWAY_SNAPSHOT_H
#define GATEWAY_SNAPSHOT_H

#include "api/api_opts.h"
#include "base/condition.h"
#include "base/json_schema.h"
#include "carriers/twilio/twilio_opts.h"
#include "config/config.h"
#include "providers/openai/openai_opts.h"
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
    uint8_t *sound; /* of call.rules.filler */
};

struct snapshot {
    uint32_t refs;
    struct config *cfg;
    const struct config_provider *provider; /* of the agent */
    bool own_sandbox;                       /* the provider is the sandbox that we start ourselves */
    struct twilio_opts twilio;
    struct api_opts api;
    struct openai_opts openai; /* url empty with own_sandbox */
    struct openai_pair *headers, *query;
    struct tls_ctx *model_tls;   /* NULL: the provider is reached without TLS, or by the system's store */
    struct call_opts call;       /* all but call_id */
    struct snapshot_tool *tools; /* of config.tools, in its order */
    uint32_t n_tools;
    struct arena own; /* texts of what was added to the configuration */
    void *context;    /* of the program that embeds us, for its tools */
};

/* By name; NULL: there is none. */
const struct snapshot_tool *snapshot_tool(const struct snapshot *s, struct str name);

/* Takes cfg's reference, also on failure. ret_err gets a sentence: a CA file that cannot be read, an unknown tool. */
/* snapshot_rules.c: what is configured of a tool's approval, order and filler, into slot->call.rules. */
MUST_USE int snapshot_fill_rules(const struct config *cfg, const struct config_tool *t, struct snapshot_tool *slot,
                                 struct buf *ret_err);
void snapshot_rules_done(struct snapshot_tool *slot);

MUST_USE int snapshot_new(struct config *cfg, struct buf *ret_err, struct snapshot **ret);
struct snapshot *snapshot_ref(struct snapshot *s);
struct snapshot *snapshot_unref(struct snapshot *s);

#endif
