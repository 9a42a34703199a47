/*
 * The caller does speak over the agent (turn.c or the service says so): in one step the sending stops, the carrier is
 * cleared, the response is cancelled and every item that was not heard to its end is truncated at the ledger's low
 * mark, clamped to what was received.
 */
#include "base/err.h"
#include "call/state.h"

static void tell_interrupted(struct call *c, const struct item *it, uint32_t heard_ms)
{
    struct str id = call_keep(c, str_from(it->id));
    struct str response = call_keep(c, str_from(it->response_id));
    struct call_signal *s = call_tell(c, SIGNAL_INTERRUPTED);
    s->agent = it->agent;
    s->item_id = id;
    s->response_id = response;
    s->ms = heard_ms;
}

static uint32_t heard_of(struct call *c, const struct item *it)
{
    uint32_t low = it->acked;
    uint32_t high = it->acked;
    ledger_heard(&c->ledger, it->number, c->now_us, &low, &high);
    return MIN(MAX(low, it->heard), it->received);
}

/* The first item is over: what was heard of it is settled everywhere. */
static uint32_t truncate_first(struct call *c)
{
    struct item *it = item_at(c, 0);
    uint32_t low = heard_of(c, it);
    uint32_t heard_ms = bytes_ms(c, low);
    bool theirs = !it->ours && it->session == c->renew.session;
    if (it->received && theirs && (low < it->received || !it->audio_done) && c->model == MODEL_READY) {
        struct str id = call_keep(c, str_from(it->id));
        struct call_action *act = call_emit(c, ACT_MODEL_TRUNCATE);
        act->model_truncate.request = seq_number(c);
        act->model_truncate.item_id = id;
        act->model_truncate.heard_ms = heard_ms;
    }
    seq_bury(c, it->response_id); /* also one that is done: a confused service may send more of it */
    line_agent(c, it, low);
    item_retire(c);
    return heard_ms;
}

static uint32_t truncate_items(struct call *c)
{
    uint32_t first_ms = 0;
    for (uint32_t i = 0; c->item_n; i++) {
        uint32_t heard_ms = truncate_first(c);
        first_ms = i == 0 ? heard_ms : first_ms;
    }
    return first_ms;
}

void cut_response(struct call *c, struct str response_id)
{
    bool paused = c->playout == PLAYOUT_PAUSED;
    const struct item *first = item_at(c, 0);
    if (!first || c->playout == PLAYOUT_EMPTY || !str_is(response_id, first->response_id)) {
        return;
    }
    tell_interrupted(c, first, bytes_ms(c, heard_of(c, first)));
    if (!paused) {
        playout_pause(c); /* what the carrier holds comes back to the head of the queue */
    }
    for (struct item *it = item_at(c, 0); it && str_is(response_id, it->response_id); it = item_at(c, 0)) {
        uint32_t rest = it->received - it->sent;
        c->flushed_bytes += rest;
        fifo_take(&c->queue, NULL, rest);
        truncate_first(c);
    }
    if (!paused) {
        c->fade_in = false;
        playout_resume(c);
    }
}

uint32_t cut_agent(struct call *c, enum canceller who)
{
    bool tones = keys_sounding(c); /* then nothing of the agent is at the carrier */
    if (!ledger_idle(&c->ledger) && c->leg == LEG_UP && !tones) {
        call_emit(c, ACT_LEG_CLEAR);
    }
    if (c->item_n) {
        tell_interrupted(c, item_at(c, 0), bytes_ms(c, heard_of(c, item_at(c, 0))));
    }
    c->flushed_bytes += c->queue.len;
    seq_cancel(c, who);
    uint32_t heard_ms = truncate_items(c);
    if (!tones) {
        playout_settle_cut(c);
    }
    fifo_clear(&c->queue);
    c->conv_fresh = false;
    c->fade_in = c->resumes = false;
    playout_to(c, PL_CUT);
    if (c->response == RESPONSE_DONE) {
        response_to(c, RE_PLAYED);
    }
    return heard_ms;
}

void barge_in(struct call *c, enum call_verdict why)
{
    ladder_reset(c);
    tools_interrupted(c);
    renew_moved_on(c);
    bool audible = c->playout != PLAYOUT_EMPTY;
    enum canceller who = c->model_interrupts ? SERVICE_CANCELS : WE_CANCEL;
    if (audible) {
        c->barge_ins++;
        if (c->turn_open) {
            c->turn.interrupted = true;
            c->turn.verdict = why;
            c->turn.agent_end_ms = call_since_ms(c);
        }
        uint32_t heard_ms = cut_agent(c, who);
        call_remark(c, NOTE_BARGE_IN, heard_ms, str_from(call_verdict_name(why)));
    } else if (c->response == RESPONSE_GENERATING) {
        seq_cancel(c, who); /* not a sound of it was played */
    }
    if (c->phase == PHASE_GREETING) {
        phase_to(c, PH_CONVERSE);
        timer_off(c, TIMER_GREETING);
    }
    turn_begin(c);
    c->turn.speech_start_ms = call_since_ms(c);
}
