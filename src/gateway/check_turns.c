#include "gateway/checker.h"

struct report {
    struct checker *c;
    const struct config_agent *a;
};

/* The service hears alone: what it makes of a sound is done before we could doubt it. */
static bool service_decides(const struct config_agent *a)
{
    return !a->vad.on && a->turn.kind != TURN_MANUAL;
}

static void put_service(struct report *r)
{
    const struct call_turn_opts *t = &r->a->turn;

    if (t->eagerness.n) {
        buf_printf(&r->c->text, "the service by meaning, eagerness %s", t->eagerness.p);
    } else {
        buf_printf(&r->c->text, "the service at %.6g, %d ms of silence", t->threshold, (int)t->silence_duration_ms);
    }
}

static void put_ours(struct report *r)
{
    const struct call_vad_opts *v = &r->a->vad;

    buf_printf(&r->c->text, "our detector from %.6g, below %.6g silent, %u kHz branch", v->start_ppm / 1e6,
               v->end_ppm / 1e6, v->rate_hz / 1000);
}

static void detection(struct report *r)
{
    const struct config_agent *a = r->a;

    buf_printf(&r->c->text, "agent %s, %s: ", a->name.p, turn_kind_name(a->turn.kind));
    switch (a->turn.kind) {
    case TURN_LOCAL:
        put_ours(r);
        buf_printf(&r->c->text, ", %u ms of silence end a turn", a->vad.min_silence_ms);
        break;
    case TURN_HYBRID:
        put_service(r);
        buf_puts(&r->c->text, ", and ");
        put_ours(r);
        buf_puts(&r->c->text, "; we ask for each answer");
        break;
    case TURN_MANUAL:
        buf_puts(&r->c->text, "a button, by the API");
        break;
    case TURN_SERVER_VAD:
    case TURN_SEMANTIC_VAD:
    case TURN_KIND_N:
        put_service(r);
        buf_puts(&r->c->text, a->turn.create_response ? "" : "; we ask for each answer");
        break;
    }
    if (a->vad.on && (a->turn.kind == TURN_MANUAL || a->turn.kind == TURN_SEMANTIC_VAD)) {
        buf_puts(&r->c->text, "; for interruptions ");
        put_ours(r);
    }
    checker_say(r->c, CHECK_OK, "turn detection");
}

static void interruption(struct report *r)
{
    const struct config_agent *a = r->a;
    const struct call_barge_in_opts *b = &a->barge_in;

    if (!b->on) {
        buf_puts(&r->c->text, "none: agent.barge_in.enabled is false");
    } else if (service_decides(a)) {
        buf_printf(&r->c->text,
                   "in one step, because under %s the service alone decides what is speech%s; local, hybrid, or "
                   "semantic_vad with a threshold can take a pause back",
                   turn_kind_name(a->turn.kind),
                   a->turn.interrupt_response ? " and stops its answer by itself" : ", and we stop the answer then");
    } else if (!b->pause) {
        buf_printf(
            &r->c->text,
            "in one step, because agent.barge_in.pause is false: the agent speaks on until it has heard %u ms of "
            "speech",
            b->min_speech_ms);
    } else {
        buf_printf(&r->c->text,
                   "in two steps: a sound pauses the agent at once; %u ms of speech stop it (%u ms at the edges of its "
                   "turn), else it goes on after at most %u ms",
                   b->min_speech_ms, MAX(b->backchannel_ms, b->min_speech_ms), b->verdict_ms);
    }
    checker_say(r->c, CHECK_OK, "interruption");
}

static void silence(struct report *r)
{
    const struct call_silence_opts *s = &r->a->silence;

    if (s->on) {
        buf_printf(&r->c->text,
                   "a caller who says nothing is asked %u times, first after %.6g s, then goodbye and hang-up%s",
                   s->n_prompts, s->after_ms / 1e3, r->a->silence_outbound ? "" : "; not on calls that we place");
        checker_say(r->c, CHECK_OK, "silence");
    } else if (r->a->turn.idle_timeout_ms > 0) {
        buf_printf(&r->c->text,
                   "left to the service, which speaks up after %.6g s (idle_timeout_ms); agent.silence is off",
                   r->a->turn.idle_timeout_ms / 1e3);
        checker_say(r->c, CHECK_OK, "silence");
    } else {
        buf_puts(&r->c->text, "agent.silence is off: a caller who says nothing holds the line until limits.max_call_s");
        buf_puts(&r->c->remedy, "set agent.silence.enabled: true, or a short limits.max_call_s");
        checker_say(r->c, CHECK_WARNING, "silence");
    }
    if (!r->a->dead_air.on) {
        buf_puts(&r->c->text, "agent.dead_air is off: a model that says nothing leaves the caller in silence");
        buf_puts(&r->c->remedy, "set agent.dead_air.enabled: true");
        checker_say(r->c, CHECK_WARNING, "silence");
    }
}

static void echo(struct report *r)
{
    if (!r->a->echo_guard) {
        buf_puts(&r->c->text, "agent.echo_guard is off: through a loudspeaker the agent may interrupt itself");
        buf_puts(&r->c->remedy, "set agent.echo_guard: true");
        checker_say(r->c, CHECK_WARNING, "echo");
    }
}

void check_turns(struct checker *c, const struct config_agent *agent)
{
    struct report r = {.c = c, .a = agent};

    detection(&r);
    interruption(&r);
    silence(&r);
    echo(&r);
}
