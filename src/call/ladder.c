/*
 * Nobody waits in silence for ever. The caller says nothing: prompts, a goodbye, the hang-up. The model says nothing:
 * it is asked once more, then the caller gets an apology and the hang-up. A response without sound is asked for again,
 * one without end is stopped. What the caller does sets the ladder back to its first rung; what we prompt does not.
 */
#include "base/err.h"
#include "call/state.h"

#define BUSY_RETRY_MS 200 /* a sound is undecided: the rung waits for it */
#define MUTE_MAX      3   /* answers without sound in a row, beyond the nudges */

void ladder_reset(struct call *c)
{
    c->rung = 0;
    timer_off(c, TIMER_SILENCE);
}

static bool both_silent(const struct call *c)
{
    bool nobody = c->caller == CALLER_SILENT || c->caller == CALLER_MAYBE_SPEECH;
    bool idle = c->response == RESPONSE_NONE && !c->want && c->playout == PLAYOUT_EMPTY && !tools_pending(c);
    return c->phase == PHASE_CONVERSATION && c->leg == LEG_UP && c->model == MODEL_READY && nobody && idle &&
           !c->keys[0] && c->timers[TIMER_EXPECT] == UINT64_MAX;
}

/* An answer is owed and nothing can be heard. Tools have deadlines of their own. */
static bool answer_owed(const struct call *c)
{
    bool asked = c->want || (c->response != RESPONSE_NONE && c->response != RESPONSE_DONE);
    return c->phase == PHASE_CONVERSATION && c->leg == LEG_UP && c->model == MODEL_READY && asked &&
           c->playout == PLAYOUT_EMPTY && !c->response_wrote && c->caller == CALLER_SILENT && tools_busy(c) == 0;
}

void ladder_progress(struct call *c)
{
    if (c->o->silence.on && both_silent(c)) {
        if (c->timers[TIMER_SILENCE] == UINT64_MAX) {
            timer_set(c, TIMER_SILENCE, c->rung ? c->o->silence.again_ms : c->o->silence.after_ms);
        }
    } else {
        timer_off(c, TIMER_SILENCE);
    }
    if (c->playout != PLAYOUT_EMPTY) {
        c->nudged = c->mute = 0;
    }
    if (c->o->dead_air.on && answer_owed(c)) {
        if (c->timers[TIMER_DEAD_AIR] == UINT64_MAX) {
            timer_set(c, TIMER_DEAD_AIR, c->o->dead_air.nudge_ms);
        }
    } else {
        timer_off(c, TIMER_DEAD_AIR);
    }
}

static void climb(struct call *c)
{
    const struct call_silence_opts *o = &c->o->silence;
    if (c->caller != CALLER_SILENT) {
        timer_set(c, TIMER_SILENCE, BUSY_RETRY_MS);
        return;
    }
    int64_t waited = c->rung ? o->again_ms : o->after_ms;
    if (c->rung < o->n_prompts) {
        call_remark(c, NOTE_SILENCE, waited, STR("prompt"));
        life_say(c, o->prompts[c->rung]);
        c->rung++;
    } else {
        call_remark(c, NOTE_SILENCE, waited, STR("goodbye"));
        life_goodbye_with(c, REASON_CALLER_SILENT, o->goodbye);
    }
}

static void nudge(struct call *c)
{
    if (c->nudged++ < c->o->dead_air.nudges) {
        call_remark(c, NOTE_DEAD_AIR, c->o->dead_air.nudge_ms, STR("nudge"));
        seq_again(c);
        return;
    }
    if (renew_useless(c)) {
        c->nudged = c->mute = 0;
        call_remark(c, NOTE_DEAD_AIR, c->o->dead_air.nudge_ms, STR("renewal"));
        return;
    }
    call_remark(c, NOTE_DEAD_AIR, c->o->dead_air.nudge_ms, STR("apology"));
    life_detail(c, STR("the model said nothing for too long"));
    life_hangup(c, REASON_MODEL_SILENT, true);
}

void ladder_timer(struct call *c, enum call_timer t)
{
    if (t == TIMER_SILENCE && both_silent(c)) {
        climb(c);
    } else if (t == TIMER_DEAD_AIR && answer_owed(c)) {
        nudge(c);
    }
}

void ladder_mute_answer(struct call *c)
{
    if (!c->o->dead_air.on || c->phase != PHASE_CONVERSATION) {
        return;
    }
    c->mute++;
    bool again = c->mute <= c->o->dead_air.nudges;
    bool enough = c->mute > c->o->dead_air.nudges + MUTE_MAX;
    call_remark(c, NOTE_DEAD_AIR, c->mute, again ? STR("no-audio") : enough ? STR("apology") : STR("left-mute"));
    if (again) {
        seq_request(c, STR_NULL, false);
    } else if (enough && renew_useless(c)) {
        c->nudged = c->mute = 0;
    } else if (enough) {
        life_detail(c, STR("the model answers without a sound"));
        life_hangup(c, REASON_MODEL_SILENT, true);
    }
}

void ladder_audio(struct call *c, uint32_t response_ms)
{
    uint32_t most = c->o->dead_air.max_response_ms;
    if (c->o->dead_air.on && most && response_ms > most && c->response == RESPONSE_GENERATING) {
        call_remark(c, NOTE_DEAD_AIR, response_ms, STR("endless"));
        struct str id = call_keep(c, str_from(c->active_id));
        playout_response_done(c, id); /* what has come is still played */
        seq_cancel(c, WE_CANCEL);
    }
}
