/*
 * The caller does speak over the agent (turn.c or the service says so): in one step the sending stops, the carrier is
 * cleared, the response is cancelled and every item that was not heard to its end is truncated at the ledger's low
 * mark, clamped to what was received.
 */
#include "base/err.h"
#include "call/state.h"

static uint32_t truncate_items(struct call *c)
{
    uint32_t first_ms = 0;
    for (uint32_t i = 0; c->item_n; i++) {
        struct item *it = item_at(c, 0);
        uint32_t low = it->acked;
        uint32_t high = it->acked;
        ledger_heard(&c->ledger, it->number, c->now_us, &low, &high);
        low = MIN(MAX(low, it->heard), it->received);
        uint32_t heard_ms = bytes_ms(c, low);
        if (i == 0) {
            first_ms = heard_ms;
        }
        if (it->received && !it->ours && (low < it->received || !it->audio_done) && c->model == MODEL_READY) {
            struct str id = call_keep(c, str_from(it->id));
            struct call_action *act = call_emit(c, ACT_MODEL_TRUNCATE);
            act->model_truncate.request = seq_number(c);
            act->model_truncate.item_id = id;
            act->model_truncate.heard_ms = heard_ms;
        }
        seq_bury(c, it->response_id); /* also one that is done: a confused service may send more of it */
        line_agent(c, it, low);
        item_retire(c);
    }
    return first_ms;
}

uint32_t cut_agent(struct call *c, enum canceller who)
{
    bool tones = keys_sounding(c); /* then nothing of the agent is at the carrier */
    if (!ledger_idle(&c->ledger) && c->leg == LEG_UP && !tones) {
        call_emit(c, ACT_LEG_CLEAR);
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
