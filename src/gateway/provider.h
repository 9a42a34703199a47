/*
 * How to open a session over one of the configured providers, whatever protocol it speaks: one set of options per
 * protocol, of which the provider's kind chooses. The only place of the gateway that knows which protocols there are.
 * Not here: which provider a call gets (plan.h, host_model.c). Loop thread only.
 */
#ifndef GATEWAY_PROVIDER_H
#define GATEWAY_PROVIDER_H

#include "call/model.h"
#include "config/config.h"
#include "net/loop.h"
#include "providers/gemini/gemini_opts.h"
#include "providers/openai/openai_opts.h"

/* Texts are lent by the snapshot or the plan. */
struct provider_opts {
    bool live; /* gemini counts, else openai */
    struct openai_opts openai;
    struct gemini_opts gemini;
};

/* Decoding buffers of one loop, shared by all its sessions. */
struct provider_scratch {
    struct openai_scratch openai;
    struct gemini_scratch gemini;
};

void provider_scratch_init(struct provider_scratch *s);
void provider_scratch_done(struct provider_scratch *s);

/* enum model_caps: what its sessions can do, before there is one. */
uint32_t provider_caps(const struct config_provider *p);
struct str provider_url(const struct provider_opts *o);
struct str provider_model(const struct provider_opts *o);

/* Changes of one session. All lend. */
void provider_reach(struct provider_opts *o, struct str url);
void provider_unlock(struct provider_opts *o, struct str api_key);
void provider_headers(struct provider_opts *o, const struct str_pair *headers, uint32_t n);
/* How the socket is kept. 0: as it is. */
struct provider_transport {
    uint32_t ping_ms, pong_ms; /* PROVIDER_NEVER: none; only where the service answers pings */
    uint32_t connect_ms;       /* from the name's lookup to the open socket */
    uint32_t max_message_bytes;
};
#define PROVIDER_NEVER OPENAI_NEVER
void provider_transport(struct provider_opts *o, const struct provider_transport *t);
void provider_introduce(struct provider_opts *o, const struct call_persona *persona);
/* What was said in the sessions before it will be told to it. */
void provider_continue(struct provider_opts *o);
/* It shall go on from the session of this handle. */
void provider_resume(struct provider_opts *o, struct str handle);
void provider_scratch(struct provider_opts *o, struct provider_scratch *scratch);
void provider_watch(struct provider_opts *o, void (*on_raw)(struct str text, void *arg), void *arg);

/* As the open function of the provider that it is: nothing is called before it returns, and nothing on failure. */
MUST_USE int provider_open(struct loop *loop, const struct provider_opts *o, const struct call_opts *call,
                           const struct model_handler *h, void *arg, struct model **ret);

#endif
