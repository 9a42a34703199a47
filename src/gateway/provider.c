#include "gateway/provider.h"

#include "providers/openai/openai.h"

void provider_scratch_init(struct provider_scratch *s)
{
    openai_scratch_init(&s->openai);
}

void provider_scratch_done(struct provider_scratch *s)
{
    openai_scratch_done(&s->openai);
}

uint32_t provider_caps(const struct config_provider *p UNUSED)
{
    return OPENAI_CAPS;
}

struct str provider_url(const struct provider_opts *o)
{
    return o->openai.url;
}

struct str provider_model(const struct provider_opts *o)
{
    return o->openai.model;
}

void provider_reach(struct provider_opts *o, struct str url)
{
    o->openai.url = url;
}

void provider_unlock(struct provider_opts *o, struct str api_key)
{
    o->openai.api_key = api_key;
}

void provider_headers(struct provider_opts *o, const struct str_pair *headers, uint32_t n)
{
    o->openai.headers = headers;
    o->openai.n_headers = n;
}

void provider_introduce(struct provider_opts *o, const struct call_persona *persona)
{
    o->openai.persona = persona;
}

void provider_resume(struct provider_opts *o UNUSED, struct str handle UNUSED)
{
}

void provider_scratch(struct provider_opts *o, struct provider_scratch *scratch)
{
    o->openai.scratch = &scratch->openai;
}

void provider_watch(struct provider_opts *o, void (*on_raw)(struct str text, void *arg), void *arg)
{
    o->openai.on_raw = on_raw;
    o->openai.raw_arg = arg;
}

int provider_open(struct loop *loop, const struct provider_opts *o, const struct call_opts *call,
                  const struct model_handler *h, void *arg, struct model **ret)
{
    return openai_open(loop, &o->openai, call, h, arg, ret);
}
