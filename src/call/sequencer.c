/*
 * One response at a time. A response.create never overlaps another; what piles up meanwhile coalesces into one; an
 * error releases the slot only when it is ours. Where the service creates responses by itself, ours wait for its own to
 * come first. A cancelled response is dead: its late audio never reaches the caller.
 */
#include "base/err.h"
#include "call/state.h"

#define RETRIES_MAX 2
#define RETRY_MS    1000 /* an overload or a limit of the service passes */
#define ANSWERED_MS 5000 /* after the answer the words of a turn are still waited for */

uint32_t seq_number(struct call *c)
{
    return ++c->requests;
}

bool seq_is_dead(const struct call *c, struct str response_id)
{
    for (int i = 0; i < CALL_DEAD; i++) {
        if (c->dead[i][0] && str_is(response_id, c->dead[i])) {
            return true;
        }
    }
    return false;
}

void seq_bury(struct call *c, const char *response_id)
{
    if (response_id[0] && !seq_is_dead(c, str_from(response_id))) {
        call_copy_id(c->dead[c->dead_next++ % CALL_DEAD], str_from(response_id));
    }
}

static void request_as(struct call *c, struct str instructions, bool no_tools, bool filler)
{
    if (c->model != MODEL_READY && !renew_awaited(c)) {
        return;
    }
    c->want_filler = filler;
    c->renew.continues = c->renew.asked_rest = false;
    c->want = true; /* one for all that piled up, as the last one wants it */
    c->want_no_tools = no_tools;
    buf_clear(&c->want_text);
    buf_put_str(&c->want_text, instructions);
    seq_try(c);
}

void seq_request(struct call *c, struct str instructions, bool no_tools)
{
    request_as(c, instructions, no_tools, false);
}

void seq_fill(struct call *c, struct str instructions)
{
    if (!c->want) {
        request_as(c, instructions, true, true);
    }
}

/* May a response.create leave now? */
static bool clear_to_send(const struct call *c)
{
    if (c->model != MODEL_READY || c->leg != LEG_UP || renew_switches(c)) {
        return false;
    }
    if (c->response != RESPONSE_NONE && c->response != RESPONSE_DONE) {
        return false;
    }
    if (c->renew.continues && c->playout != PLAYOUT_EMPTY) {
        return false; /* what came of it is heard first */
    }
    if (call_leaving(c)) {
        return true; /* last words do not wait for the caller to fall silent */
    }
    /* The service answers the caller by itself: what we have to add is answered with it. */
    bool service_turn = c->model_creates && c->caller != CALLER_SILENT;
    return !service_turn && !turn_holds_floor(c) && c->timers[TIMER_EXPECT] == UINT64_MAX;
}

void seq_try(struct call *c)
{
    if (!c->want || !clear_to_send(c) || !response_to(c, RE_REQUEST)) {
        return;
    }
    struct buf words;
    buf_init(&words, CALL_WANT_MAX);
    renew_put_words(c, &words, buf_str(&c->want_text));
    struct str text = call_keep(c, buf_str(&words));
    buf_done(&words);
    c->renew.asked_rest = c->renew.continues;
    c->renew.continues = false;
    struct call_action *act = call_emit(c, ACT_MODEL_RESPOND);
    act->model_respond.request = c->in_flight = seq_number(c);
    act->model_respond.instructions = text;
    act->model_respond.no_tools = c->want_no_tools;
    c->want = c->collided = false;
    buf_done(&c->asked_text);
    c->asked_text = c->want_text;
    c->asked_no_tools = c->want_no_tools;
    c->asked_filler = c->want_filler;
    buf_init(&c->want_text, CALL_WANT_MAX);
    timer_set(c, TIMER_RESPONSE, c->o->deadlines.response_ms);
}

void seq_want_again(struct call *c)
{
    if (!c->want && !c->asked_filler) {
        c->want = true;
        c->want_filler = false;
        c->want_no_tools = c->asked_no_tools;
        buf_clear(&c->want_text);
        buf_put_str(&c->want_text, buf_str(&c->asked_text));
    }
}

/* The request in flight came to nothing: the same once more, unless something newer is wanted. False: tried enough. */
static bool try_again(struct call *c)
{
    if (c->asked_filler) {
        return true; /* it is done without */
    }
    if (c->retries++ >= RETRIES_MAX) {
        return false;
    }
    seq_want_again(c);
    return true;
}

/* What was asked for came to nothing: the first time by accident, perhaps; the last try waits so long before. */
static void failed(struct call *c, struct str why, uint32_t wait_ms)
{
    if (try_again(c)) {
        if (c->retries == RETRIES_MAX && wait_ms) {
            timer_set(c, TIMER_EXPECT, wait_ms);
        }
    } else if (!renew_useless(c)) {
        life_detail(c, why);
        life_hangup(c, REASON_MODEL_SILENT, true);
    }
}

void seq_created(struct call *c, struct str response_id)
{
    bool ours = c->response == RESPONSE_REQUESTED;
    c->kept_asked = hold_count(&c->kept);
    c->renew.again = false;
    if (c->response == RESPONSE_GENERATING && !str_is(response_id, c->active_id)) {
        seq_bury(c, c->active_id); /* the peer runs two at once; only the newer one is played */
    }
    response_to(c, RE_CREATED);
    if (ours) {
        tools_accepted(c, c->in_flight);
    } else {
        c->asked_filler = false;
    }
    if (c->asked_filler) {
        call_copy_id(c->filler_id, response_id);
    }
    c->response_ms = 0;
    c->response_called = c->response_wrote = false;
    c->response_agent = c->agent;
    call_copy_id(c->active_id, response_id);
    timer_off(c, TIMER_EXPECT);
    timer_set(c, TIMER_RESPONSE, c->o->deadlines.stall_ms);
    if (!ours && c->farewell == FAREWELL_NONE && !call_leaving(c) && !c->collided) {
        c->renew.continues = c->renew.asked_rest = false;
        c->want = false; /* it sees everything that was put into the conversation before it */
        buf_done(&c->want_text);
    }
    if (c->turn_open && c->turn.created_ms < 0) {
        c->turn.created_ms = call_since_ms(c);
    } else if (!c->turn_open) {
        turn_begin(c);
        c->turn.created_ms = call_since_ms(c);
    }
    struct str id = call_keep(c, response_id);
    call_tell(c, SIGNAL_AGENT_START)->response_id = id;
    /* Asked for before the caller began to speak: it would be talked over. */
    bool talked_over = ours && !call_leaving(c) && c->caller == CALLER_SPEAKING;
    /* The service answers a caller who says goodbye too: that would come behind our last words. */
    bool after_goodbye = !ours && call_leaving(c);
    if (talked_over || after_goodbye) {
        seq_cancel(c, WE_CANCEL);
    }
}

void seq_alive(struct call *c)
{
    if (c->response == RESPONSE_GENERATING) {
        timer_set(c, TIMER_RESPONSE, c->o->deadlines.stall_ms);
    }
}

static void settled(struct call *c)
{
    c->in_flight = 0;
    c->active_id[0] = '\0';
    buf_done(&c->asked_text);
    timer_off(c, TIMER_RESPONSE);
}

static void tell_end(struct call *c, struct str response_id, enum response_status status)
{
    static const char *const words[] = {"completed", "cancelled", "incomplete", "failed"};
    struct str id = call_keep(c, response_id.n ? response_id : str_from(c->active_id));
    struct call_signal *s = call_tell(c, SIGNAL_AGENT_END);
    s->agent = c->response_agent;
    s->response_id = id;
    s->text = str_from(words[status]);
}

void seq_done(struct call *c, struct str response_id, enum response_status status, struct str reason)
{
    /* Not the one we wait for: an out-of-band or long dead response. Nothing named counts as the active one. */
    bool other = response_id.n && c->active_id[0] && !str_is(response_id, c->active_id);
    if (other || (c->response == RESPONSE_REQUESTED && seq_is_dead(c, response_id))) {
        return;
    }
    if (status == RESPONSE_CANCELLED && c->response == RESPONSE_GENERATING) {
        seq_bury(c, c->active_id);
    }
    enum response_state was = c->response;
    tell_end(c, response_id, status);
    response_to(c, RE_DONE);
    if (status == RESPONSE_FAILED) {
        call_remark(c, NOTE_RESPONSE_FAILED, 0, reason);
        failed(c, reason, RETRY_MS);
    } else if (status == RESPONSE_COMPLETED) {
        c->retries = 0;
        c->renew.asked_rest = false;
        c->kept_answered = c->kept_asked;
        c->kept_until_us = c->now_us + ms_us(ANSWERED_MS);
        renew_proved(c, c->response_ms > 0);
    }
    bool ours_to_hear = was == RESPONSE_GENERATING && status == RESPONSE_COMPLETED && !c->asked_filler;
    settled(c);
    if (ours_to_hear && c->response_ms == 0 && !c->response_called && !c->o->text_only) {
        ladder_mute_answer(c);
    }
}

void seq_error(struct call *c, uint32_t request, struct str code)
{
    bool benign = str_is(code, "response_cancel_not_active") || str_is(code, "input_audio_buffer_commit_empty") ||
                  str_is(code, "item_truncate_invalid_item_id");
    call_remark(c, NOTE_MODEL_ERROR, request, code);
    tools_error(c, request);
    if (str_is(code, "input_audio_buffer_commit_empty") && c->own_commits) {
        c->own_commits--; /* it will not be confirmed */
    }
    bool collision = str_is(code, "conversation_already_has_active_response");
    bool mine = c->in_flight && (request == c->in_flight || (request == 0 && collision));
    if (c->response == RESPONSE_CANCELLING && str_is(code, "response_cancel_not_active")) {
        response_to(c, RE_REFUSED);
        settled(c);
        return;
    }
    if (benign || !mine || c->response != RESPONSE_REQUESTED) {
        return;
    }
    response_to(c, RE_REFUSED);
    if (collision) {
        /* Another one runs that we have not seen yet: ask again when it is done, or after a while. */
        call_remark(c, NOTE_RESPONSE_COLLISION, 0, STR_NULL);
        c->collided = try_again(c); /* tried enough: the other one is the answer */
        timer_set(c, TIMER_EXPECT, 1000);
    } else {
        failed(c, code, RETRY_MS);
    }
    settled(c);
}

static void tell_cancel(struct call *c)
{
    struct str id = call_keep(c, str_from(c->active_id));
    struct call_action *act = call_emit(c, ACT_MODEL_CANCEL);
    act->model_cancel.request = seq_number(c);
    act->model_cancel.response_id = id;
}

void seq_cancel(struct call *c, enum canceller who)
{
    if (c->response != RESPONSE_GENERATING) {
        return;
    }
    seq_bury(c, c->active_id);
    response_to(c, RE_CANCEL);
    timer_set(c, TIMER_RESPONSE, c->o->deadlines.cancel_ms);
    if (who == WE_CANCEL) {
        tell_cancel(c);
    }
}

void seq_again(struct call *c)
{
    seq_want_again(c);
    seq_cancel(c, WE_CANCEL);
}

void seq_break(struct call *c)
{
    if (c->response == RESPONSE_GENERATING) {
        tell_cancel(c);
    }
}

void seq_reset(struct call *c)
{
    settled(c);
    timer_off(c, TIMER_EXPECT);
    c->retries = c->response_ms = 0;
    c->collided = c->response_called = c->asked_filler = false;
    memset(c->dead, 0, sizeof(c->dead));
}

void seq_expired(struct call *c)
{
    switch (c->response) {
    case RESPONSE_REQUESTED:
        call_remark(c, NOTE_RESPONSE_TIMEOUT, 0, STR("created"));
        response_to(c, RE_LOST);
        failed(c, STR("no response was created"), 0); /* that took long enough */
        settled(c);
        break;
    case RESPONSE_GENERATING:
        call_remark(c, NOTE_RESPONSE_TIMEOUT, 0, STR("stall"));
        playout_response_done(c, str_from(c->active_id));
        seq_cancel(c, WE_CANCEL);
        break;
    case RESPONSE_CANCELLING:
        call_remark(c, NOTE_RESPONSE_TIMEOUT, 0, STR("cancel"));
        response_to(c, RE_LOST);
        settled(c);
        break;
    case RESPONSE_NONE:
    case RESPONSE_DONE:
    case RESPONSE_N:
        break;
    }
}
