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

static void truncate_at(struct call *c, const struct item *it, uint32_t heard_ms)
{
    if (c->model_no_truncate) {
        call_remark(c, NOTE_NOT_TRUNCATED, bytes_ms(c, it->received) - MIN(heard_ms, bytes_ms(c, it->received)),
                    str_from(it->id));
        return;
    }
    struct str id = call_keep(c, str_from(it->id));
    struct call_action *act = call_emit(c, ACT_MODEL_TRUNCATE);
    act->model_truncate.request = seq_number(c);
    act->model_truncate.item_id = id;
    act->model_truncate.heard_ms = heard_ms;
}

/* The session that knows the item believes that more of it was heard. */
static bool is_cut_short(const struct call *c, const struct item *it, uint32_t heard)
{
    bool theirs = !it->ours && it->session == c->renew.session;
    return it->received && theirs && (heard < it->received || !it->audio_done) && c->model == MODEL_READY;
}

/* The first item is over: what was heard of it is settled everywhere. */
static uint32_t truncate_first(struct call *c)
{
    struct item *it = item_at(c, 0);
    uint32_t low = heard_of(c, it);
    uint32_t heard_ms = bytes_ms(c, low);
    if (is_cut_short(c, it, low)) {
        truncate_at(c, it, heard_ms);
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

static bool is_of(const struct item *it, struct str response_id)
{
    return str_is(response_id, it->response_id);
}

/* Drops the item at i with what waits of it, at so many bytes into the queue. Returns ms of it that were heard. */
static uint32_t cut_item(struct call *c, uint32_t i, size_t at)
{
    const struct item *it = item_at(c, i);
    uint32_t heard = heard_of(c, it); /* nothing of it is at the carrier any more */
    uint32_t heard_ms = bytes_ms(c, heard);
    playout_drop(c, at, it->received - it->sent);
    if (is_cut_short(c, it, heard)) {
        truncate_at(c, it, heard_ms);
    }
    line_agent(c, it, heard);
    item_remove(c, i);
    return heard_ms;
}

uint32_t cut_response(struct call *c, struct str response_id)
{
    bool sounds = false;
    bool any = false;
    for (uint32_t i = 0; i < c->item_n; i++) {
        const struct item *it = item_at(c, i);
        any = any || is_of(it, response_id);
        sounds = sounds || (is_of(it, response_id) && it->sent > it->acked);
    }
    if (!any) {
        return 0;
    }
    if (is_of(item_at(c, 0), response_id) && c->playout != PLAYOUT_EMPTY) {
        tell_interrupted(c, item_at(c, 0), bytes_ms(c, heard_of(c, item_at(c, 0))));
    }
    if (sounds && c->leg == LEG_UP) {
        playout_take_back(c);
        c->resumes = true; /* what others have said goes on behind a gap of ours */
    }
    uint32_t heard_ms = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < c->item_n;) {
        const struct item *it = item_at(c, i);
        if (is_of(it, response_id)) {
            uint32_t ms = cut_item(c, i, at);
            heard_ms = ms ? ms : heard_ms;
        } else {
            at += it->received - it->sent;
            i++;
        }
    }
    c->conv_fresh = false;
    if (c->item_n == 0 && c->playout != PLAYOUT_EMPTY) {
        c->fade_in = c->resumes = false;
        playout_to(c, PL_CUT);
        if (c->response == RESPONSE_DONE) {
            response_to(c, RE_PLAYED);
        }
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
