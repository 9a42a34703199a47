/* What an objection leads to: the answer stops, the host is told, the model is asked anew, or the call ends. */
#include "call/guard_impl.h"

/* Words of the text that begin in [from, to). */
static uint32_t count_words(struct str text, size_t from, size_t to)
{
    uint32_t n = 0;
    for (size_t i = from; i < MIN(to, text.n); i++) {
        bool blank = text.p[i] == ' ' || text.p[i] == '\n';
        bool starts = i == from || text.p[i - 1] == ' ' || text.p[i - 1] == '\n';
        n += !blank && starts;
    }
    return n;
}

/* How far into the text the caller may have heard; never less than he did. */
static size_t heard_upto(struct call *c, const struct guard_item *gi)
{
    const struct item *it = item_find(c, str_from(gi->id));
    struct str text = buf_str(&gi->text);
    if (!it) {
        return text.n; /* played to its end, or cut before: then what was heard is known no better */
    }
    uint32_t low = it->acked;
    uint32_t high = it->acked;
    ledger_heard(&c->ledger, it->number, c->now_us, &low, &high);
    high = MIN(MAX(high, it->heard), it->received);
    if (it->audio_done && gi->done) {
        return text_heard(text, high, it->received);
    }
    uint32_t pace_us = c->guard->unit_us ? c->guard->unit_us : c->o->guards.unit_us;
    uint64_t left_us = (uint64_t)bytes_ms(c, high) * 1000;
    size_t at = 0;
    while (at < text.n && left_us >= (uint64_t)text_weight(text.p[at]) * pace_us) {
        left_us -= (uint64_t)text_weight(text.p[at++]) * pace_us;
    }
    return at;
}

static uint32_t leaked_words(struct call *c, const struct guard_item *gi, const struct call_event *ev, uint32_t tripped)
{
    if (gi->side != GUARD_OUTPUT) {
        return 0;
    }
    struct str text = buf_str(&gi->text);
    size_t from = text.n;
    size_t to = MIN((size_t)ev->guard.to, text.n);
    if (to > 0) {
        from = MIN((size_t)ev->guard.from, to);
    } else { /* somewhere in what it had not found harmless before */
        to = text.n;
        for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
            from = tripped & guard_bit(i) ? MIN(from, (size_t)gi->covered[i]) : from;
        }
    }
    return count_words(text, from, MIN(to, heard_upto(c, gi)));
}

bool guard_awaits_response(const struct call *c)
{
    return c->response == RESPONSE_REQUESTED || c->timers[TIMER_EXPECT] != UINT64_MAX;
}

static uint32_t stop_answer(struct call *c, const struct guard_item *gi)
{
    if (gi->side == GUARD_INPUT) { /* whatever answers it, or is about to */
        bool busy = c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING;
        c->guard->stop_next = guard_awaits_response(c);
        return busy && c->phase != PHASE_FAREWELL ? cut_agent(c, WE_CANCEL) : 0;
    }
    bool active = c->response == RESPONSE_GENERATING && strcmp(gi->response_id, c->active_id) == 0;
    uint32_t heard_ms = cut_response(c, str_from(gi->response_id));
    seq_bury(c, gi->response_id);
    if (active) {
        seq_cancel(c, WE_CANCEL);
    }
    return heard_ms;
}

/* Nobody else has begun to say something, or is about to. */
static bool may_retry(const struct call *c, const struct guard_item *gi)
{
    bool newer = gi->side == GUARD_OUTPUT &&
                 (c->response == RESPONSE_REQUESTED || strcmp(gi->response_id, c->guard->latest) != 0);
    return !newer && c->model == MODEL_READY && c->leg == LEG_UP &&
           (c->phase == PHASE_CONVERSATION || c->phase == PHASE_GREETING);
}

static void tell_model(struct call *c, const struct guard_item *gi, uint32_t tripped)
{
    struct buf text;
    buf_init(&text, CALL_WANT_MAX);
    uint32_t plain = 0;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if ((tripped & guard_bit(i)) && guard_at(c, i)->feedback.n) {
            buf_puts(&text, text.len ? " " : "");
            buf_put_str(&text, guard_at(c, i)->feedback);
        } else {
            plain |= tripped & guard_bit(i);
        }
    }
    if (plain) {
        struct buf names;
        buf_init(&names, GUARD_NAMES_MAX);
        struct str list = guard_put_names(c, plain, &names);
        buf_puts(&text, text.len ? " " : "");
        if (gi->side == GUARD_OUTPUT) {
            buf_printf(&text,
                       "(Note of the system: your answer was stopped by these guardrails: " STR_FMT
                       ". Answer again in another way that respects them, and do not mention this note.)",
                       STR_ARG(list));
        } else {
            buf_printf(&text,
                       "(Note of the system: the last words of the caller were stopped by these guardrails: " STR_FMT
                       ". Do not act on them. Say in one sentence that you cannot help with that.)",
                       STR_ARG(list));
        }
        buf_done(&names);
    }
    struct str kept = call_keep(c, buf_str(&text));
    struct str id = conv_own_text(c, kept);
    struct call_action *act = call_emit(c, ACT_MODEL_USER_TEXT);
    act->model_user_text.item_id = id;
    act->model_user_text.text = kept;
    seq_request(c, STR_NULL, false);
    buf_done(&text);
}

static enum guard_verb verb_of(const struct call *c, uint32_t tripped)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if ((tripped & guard_bit(i)) && guard_at(c, i)->verb == GUARD_END_CALL) {
            return GUARD_END_CALL;
        }
    }
    return GUARD_CANCEL;
}

bool guard_too_often(struct call *c)
{
    uint32_t most = c->o->guards.max_trips;
    return ++c->guard->trips > most && most > 0;
}

void guard_end_over(struct call *c, const char *why, bool apologise)
{
    life_detail(c, str_from(why));
    if (apologise || c->phase == PHASE_FAREWELL) {
        life_hangup(c, REASON_GUARDRAIL, apologise);
    } else {
        life_goodbye_with(c, REASON_GUARDRAIL, STR_NULL);
    }
}

void guard_interrupted(struct call *c)
{
    if (c->turn_open) {
        c->turn.interrupted = true;
        c->turn.verdict = VERDICT_GUARDRAIL;
        c->turn.agent_end_ms = call_since_ms(c);
    }
}

static void remember_trip(struct call *c, const struct guard_item *gi)
{
    if (gi->response_id[0]) {
        call_copy_id(c->guard->tripped[c->guard->tripped_next++ % GUARD_TRIPPED], str_from(gi->response_id));
    }
}

static void put_trip(struct call *c, const struct guard_item *gi, const struct call_event *ev, struct call_action *act)
{
    struct buf names;
    buf_init(&names, GUARD_NAMES_MAX);
    act->guard_trip.check = ev->guard.check;
    act->guard_trip.side = gi->side;
    act->guard_trip.response_id = call_keep(c, str_from(gi->response_id));
    act->guard_trip.item_id = call_keep(c, str_from(gi->id));
    act->guard_trip.agent = gi->agent;
    act->guard_trip.names = call_keep(c, guard_put_names(c, act->guard_trip.guards, &names));
    act->guard_trip.info = call_keep(c, (struct str){ev->guard.info.p, MIN(ev->guard.info.n, (size_t)GUARD_INFO_MAX)});
    act->guard_trip.text = call_keep(c, buf_str(&gi->text));
    buf_done(&names);
}

void guard_trip(struct call *c, struct guard_item *gi, const struct call_event *ev, uint32_t tripped)
{
    if (guard_was_tripped(c, gi->response_id)) {
        return; /* stopped once is stopped */
    }
    remember_trip(c, gi);
    gi->mask = 0;
    gi->done = true; /* nothing more of it is looked at */
    struct call_action told = {.type = ACT_GUARD_TRIP};
    told.guard_trip.guards = tripped;
    told.guard_trip.verb = verb_of(c, tripped);
    told.guard_trip.leaked_words = leaked_words(c, gi, ev, tripped);
    put_trip(c, gi, ev, &told);
    bool audible = c->playout != PLAYOUT_EMPTY;
    told.guard_trip.heard_ms = stop_answer(c, gi);
    if (audible && c->playout == PLAYOUT_EMPTY) {
        guard_interrupted(c);
    }
    bool enough = guard_too_often(c);
    bool ends = told.guard_trip.verb == GUARD_END_CALL || enough;
    told.guard_trip.retried = !ends && may_retry(c, gi);
    *call_emit(c, ACT_GUARD_TRIP) = told;
    struct call_signal *s = call_tell(c, SIGNAL_GUARDRAIL);
    s->agent = gi->agent;
    s->response_id = told.guard_trip.response_id;
    s->item_id = told.guard_trip.item_id;
    s->name = told.guard_trip.names;
    s->text = told.guard_trip.text;
    guard_remark(c, NOTE_GUARD_TRIPPED, told.guard_trip.leaked_words, tripped);
    if (enough) {
        guard_end_over(c, "guardrails stopped one answer after the other", true);
    } else if (ends && c->phase != PHASE_FAREWELL) {
        guard_end_over(c, "a guardrail ended the call", false);
    } else if (told.guard_trip.retried) {
        tell_model(c, gi, tripped);
    }
}
