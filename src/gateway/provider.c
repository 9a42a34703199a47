#include "gateway/provider.h"

#include "providers/gemini/gemini.h"
#include "providers/openai/openai.h"

void provider_scratch_init(struct provider_scratch *s)
{
    openai_scratch_init(&s->openai);
    gemini_scratch_init(&s->gemini);
}

void provider_scratch_done(struct provider_scratch *s)
{
    openai_scratch_done(&s->openai);
    gemini_scratch_done(&s->gemini);
}

uint32_t provider_caps(const struct config_provider *p)
{
    return config_is_live(p) ? GEMINI_CAPS : OPENAI_CAPS;
}

struct str provider_url(const struct provider_opts *o)
{
    return o->live ? o->gemini.url : o->openai.url;
}

struct str provider_model(const struct provider_opts *o)
{
    return o->live ? o->gemini.model : o->openai.model;
}

void provider_reach(struct provider_opts *o, struct str url)
{
    o->openai.url = o->gemini.url = url;
}

void provider_unlock(struct provider_opts *o, struct str api_key)
{
    o->openai.api_key = o->gemini.api_key = api_key;
}

void provider_headers(struct provider_opts *o, const struct str_pair *headers, uint32_t n)
{
    o->openai.headers = o->gemini.headers = headers;
    o->openai.n_headers = o->gemini.n_headers = n;
}

void provider_transport(struct provider_opts *o, const struct provider_transport *t)
{
    o->openai.ping_ms = t->ping_ms ? t->ping_ms : o->openai.ping_ms;
    o->openai.pong_ms = t->pong_ms ? t->pong_ms : o->openai.pong_ms;
    if (t->connect_ms) {
        o->openai.connect_ms = o->gemini.connect_ms = t->connect_ms;
    }
    if (t->max_message_bytes) {
        o->openai.max_message_bytes = o->gemini.max_message_bytes = t->max_message_bytes;
    }
}

void provider_introduce(struct provider_opts *o, const struct call_persona *persona)
{
    o->openai.persona = o->gemini.persona = persona;
}

void provider_continue(struct provider_opts *o)
{
    o->gemini.continues = true; /* the other protocol takes items at any time */
}

void provider_resume(struct provider_opts *o, struct str handle)
{
    o->gemini.handle = handle; /* the other protocol has nothing of the kind */
}

void provider_scratch(struct provider_opts *o, struct provider_scratch *scratch)
{
    o->openai.scratch = &scratch->openai;
    o->gemini.scratch = &scratch->gemini;
}

void provider_watch(struct provider_opts *o, void (*on_raw)(struct str text, void *arg), void *arg)
{
    o->openai.on_raw = o->gemini.on_raw = on_raw;
    o->openai.raw_arg = o->gemini.raw_arg = arg;
}

int provider_open(struct loop *loop, const struct provider_opts *o, const struct call_opts *call,
                  const struct model_handler *h, void *arg, struct model **ret)
{
    return o->live ? gemini_open(loop, &o->gemini, call, h, arg, ret)
                   : openai_open(loop, &o->openai, call, h, arg, ret);
}
