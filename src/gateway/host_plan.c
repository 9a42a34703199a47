/* What a call gets at its birth, and which of its tools are switched on later. */
#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "gateway/sounds.h"
#include "net/loop.h"

/* Guardrails that look before somebody is asked: the host is, then, and says that somebody must be. */
static void look_before_asking(struct host *h)
{
    for (uint32_t i = 0; h->snapshot->cfg->guarding.before_approval && i < h->opts.n_tools; i++) {
        enum approval_kind *kind = &h->opts.tools[i].rules.approval.kind;
        *kind = *kind == APPROVAL_ALWAYS ? APPROVAL_WHEN : *kind;
    }
}

int host_plan(struct host *h, const struct host_birth *b)
{
    const struct host_facts *f = &h->facts;
    h->snapshot = snapshot_ref(b->snapshot ? b->snapshot : h->worker->snapshot);
    if (h->snapshot->session.own_agents) {
        h->opts = h->snapshot->call;
        int packed = call_opts_pack(&h->opts, &h->lists);
        if (packed >= 0) {
            snapshot_fit_call(h->snapshot, &h->opts);
            look_before_asking(h);
        }
        return packed;
    }
    const struct plan_facts facts = {
        .when = {.called = str_from(f->called),
                 .caller = str_from(f->caller),
                 .carrier = b->carrier,
                 .direction = b->direction == STORE_OUTBOUND ? STR("outbound") : STR("inbound"),
                 .headers = b->headers,
                 .n_headers = b->n_headers,
                 .parameters = b->parameters,
                 .n_parameters = b->n_parameters,
                 .wall_us = (int64_t)f->started_wall_us,
                 .zone = h->snapshot->cfg->zone},
        .caller_name = b->caller_name,
        .call_id = str_from(h->call_id),
        .agent = b->agent,
    };
    int err = plan_make(h->snapshot, &facts, &h->opts, &h->plan);
    if (err >= 0) {
        snapshot_fit_call(h->snapshot, &h->opts);
        look_before_asking(h);
        log_info(&h->log, "call.route", "route=%s agent=" STR_FMT " provider=" STR_FMT " agents=%u tools=%u",
                 h->plan->route ? h->plan->route->name.p : "-", STR_ARG(h->opts.agent), STR_ARG(h->opts.provider),
                 h->opts.n_agents, h->opts.n_tools);
    }
    return err;
}

void host_switch(struct host *h)
{
    struct call_event ev = {.type = EV_CONTROL_ENABLE};
    while (h->plan && plan_turned(h->plan, clock_wall_us(), &ev.control_enable.tool, &ev.control_enable.on)) {
        log_info(&h->log, "call.switch", "tool=" STR_FMT " on=%d", STR_ARG(h->opts.tools[ev.control_enable.tool].name),
                 ev.control_enable.on);
        ignore_result(
            event_queue_put(&h->queue, &ev)); /* stepped with what comes next; without memory that fails too */
    }
}

struct str host_apology(const struct host *h)
{
    return h->plan ? h->plan->apology : h->snapshot->cfg->agent.apology;
}

void host_put_text(const struct host *h, struct str text, struct buf *out)
{
    const struct plan_facts facts = {.call_id = str_from(h->call_id)};
    size_t from = out->len;
    if (!h->plan || plan_text(h->plan, h->snapshot, &facts, text, out) < 0) {
        out->len = from;
        buf_put_str(out, text);
    }
}

void host_voicemail(struct host *h, struct str text, struct str sound, bool after_beep)
{
    const struct sound *recorded = sounds_find(h->snapshot->sounds, sound);
    struct call_event ev = {.type = EV_CONTROL_VOICEMAIL, .control_voicemail = {.after_beep = after_beep}};
    struct buf words;
    buf_init(&words, 16u << 10);
    host_put_text(h, text, &words);
    ev.control_voicemail.text = buf_str(&words);
    ev.control_voicemail.sound = recorded ? recorded->mulaw : (struct span){0};
    log_info(&h->log, "call.voicemail", "after_beep=%d sound=%s", after_beep, recorded ? recorded->name : "");
    host_event(h, &ev);
    buf_done(&words);
}

uint32_t host_provider(const struct host *h, uint32_t turn)
{
    const struct config *cfg = h->snapshot->cfg;
    uint32_t first = h->plan ? h->plan->provider : cfg->agent.provider;
    const struct config_provider *p = &cfg->providers[first];
    return turn > 0 && turn <= p->failover.n ? p->failover_to[turn - 1] : first;
}

void host_opening(struct host *h, uint32_t provider, struct provider_opts *ret)
{
    const struct snapshot *s = h->snapshot;
    struct worker *w = h->worker;
    if (h->plan) {
        plan_opening(h->plan, s, provider, ret);
    } else {
        snapshot_opening(s, provider, &s->cfg->agent, ret);
    }
    snapshot_fit_opening(s, provider, ret);
    provider_scratch(ret, &w->scratch);
    if (s->providers[provider].own_sandbox && provider_url(ret).n == 0) {
        provider_reach(ret, w->env.sandbox_url(w->env.arg));
    }
}
