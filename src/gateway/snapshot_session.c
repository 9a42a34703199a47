/* A call that is a session of a program: what it wants otherwise than the configuration's calls. */
#include "gateway/snapshot.h"

#define LONG_MS 604800000u /* a week: users of a program may be silent, or have no microphone */

void snapshot_fit_call(const struct snapshot *s, struct call_opts *o)
{
    const struct snapshot_session *own = &s->session;
    if (!own->own) {
        return;
    }
    o->carrier = STR("embedded");
    o->deadlines.media_ms = LONG_MS;
    o->dtmf_in_band = false;
    o->record = o->record && own->record;
    o->text_only = own->text_only;
    o->barge_in.pause = o->barge_in.pause && !own->immediate;
    o->guards.debounce_chars = own->debounce_chars ? own->debounce_chars : o->guards.debounce_chars;
    for (uint32_t i = 0; own->sequential && i < o->n_tools; i++) {
        o->tools[i].rules.mode = TOOL_SEQUENTIAL;
    }
}

/* Address and key are those of the provider that the session asked for; who takes over has its own. */
static void reach(const struct snapshot_session *own, struct provider_opts *o)
{
    provider_transport(o, &own->transport);
    if (own->url.p) {
        provider_reach(o, own->url);
    }
    if (own->headers) {
        provider_headers(o, own->headers, own->n_headers);
        provider_unlock(o, STR("")); /* given headers are all there is */
    } else if (own->api_key.p) {
        provider_unlock(o, own->api_key);
    }
}

void snapshot_fit_opening(const struct snapshot *s, uint32_t provider, struct provider_opts *o)
{
    const struct snapshot_session *own = &s->session;
    if (!own->own) {
        return;
    }
    if (provider == s->cfg->agent.provider) {
        reach(own, o);
    }
    provider_watch(o, own->on_raw, own->raw_arg);
    o->openai.text_only = o->gemini.text_only = own->text_only;
    o->openai.input_format = own->input_set ? own->input : o->openai.input_format;
    o->openai.output_format = own->output_set ? own->output : o->openai.output_format;
}
