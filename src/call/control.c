/*
 * What a person or a program asks of a live call: to be silent, to answer, to say something, to know something. The
 * wishes take the same ways as what happens by itself: one response at a time, truncated at what was heard.
 */
#include "base/err.h"
#include "call/state.h"

static bool refuse(struct call *c, struct str why)
{
    call_remark(c, NOTE_CONTROL_REFUSED, 0, why);
    return false;
}

/* Somebody can be spoken to. */
static bool talks(struct call *c, struct str otherwise)
{
    bool there = c->model == MODEL_READY || renew_awaited(c);
    bool up = there && c->leg == LEG_UP && c->phase != PHASE_SETUP && c->phase != PHASE_FAREWELL;
    return up || refuse(c, otherwise);
}

/* ---- interrupt ---- */

/* Only the generation ends: what came of it is still heard. */
static void stop_response(struct call *c, struct str response_id)
{
    if (c->response != RESPONSE_GENERATING || (response_id.n && !str_is(response_id, c->active_id))) {
        refuse(c, STR("interrupt: that response is not under way"));
        return;
    }
    struct str id = call_keep(c, str_from(c->active_id));
    playout_response_done(c, id);
    seq_cancel(c, WE_CANCEL);
}

static void stop_playback(struct call *c, struct str response_id)
{
    const struct item *it = item_at(c, 0);
    struct str id = response_id.n || !it ? response_id : str_from(it->response_id);
    bool runs = c->response == RESPONSE_GENERATING && str_is(id, c->active_id);
    if (runs || !it) {
        refuse(c, runs ? STR("interrupt: that response is not over") : STR("interrupt: nothing is played"));
        return;
    }
    cut_response(c, call_keep(c, id));
}

static void stop_all(struct call *c, bool forced)
{
    if (c->playout == PLAYOUT_EMPTY && c->response != RESPONSE_GENERATING) {
        refuse(c, STR("interrupt: nothing is said"));
        return;
    }
    uint32_t heard_ms = cut_agent(c, c->model_interrupts && !forced ? SERVICE_CANCELS : WE_CANCEL);
    timer_off(c, TIMER_VERDICT);
    if (c->turn_open) {
        c->turn.interrupted = true;
        c->turn.verdict = VERDICT_CONTROL;
        c->turn.agent_end_ms = call_since_ms(c);
    }
    call_remark(c, NOTE_BARGE_IN, heard_ms, str_from(call_verdict_name(VERDICT_CONTROL)));
}

void control_interrupt(struct call *c, const struct call_event *ev)
{
    if (!talks(c, STR("interrupt: nobody talks"))) {
        return;
    }
    switch (ev->control_interrupt.kind) {
    case INTERRUPT_NORMAL:
    case INTERRUPT_FORCED:
        stop_all(c, ev->control_interrupt.kind == INTERRUPT_FORCED);
        break;
    case INTERRUPT_RESPONSE:
        stop_response(c, ev->control_interrupt.response_id);
        break;
    case INTERRUPT_PLAYBACK:
        stop_playback(c, ev->control_interrupt.response_id);
        break;
    case INTERRUPT_KIND_N:
        break;
    }
}

/* ---- respond, commit, say ---- */

void control_respond(struct call *c, const struct call_event *ev)
{
    if (talks(c, STR("respond: nobody talks"))) {
        ladder_reset(c);
        seq_request(c, ev->control_respond.instructions, ev->control_respond.no_tools);
    }
}

void control_commit(struct call *c, const struct call_event *ev UNUSED)
{
    if (!talks(c, STR("commit: nobody talks"))) {
        return;
    }
    if (c->gated) {
        turn_cue(c, TURN_CUE_COMMIT); /* closes the turn that is open, and asks for the answer */
    } else if (c->model == MODEL_READY) {
        call_emit(c, ACT_MODEL_COMMIT); /* confirmed like one of the service's own, and answered like it */
    }
}

void control_say(struct call *c, const struct call_event *ev)
{
    if (!talks(c, STR("say: nobody talks"))) {
        return;
    }
    ladder_reset(c);
    if (ev->control_say.interrupt && (c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING)) {
        stop_all(c, true);
    }
    buf_puts(&c->say, c->say.len ? " " : "");
    buf_put_str(&c->say, ev->control_say.text);
    if (c->say.err < 0) {
        refuse(c, STR("say: too much waits already"));
        buf_done(&c->say);
        buf_init(&c->say, CALL_WANT_MAX);
    }
}

void control_progress(struct call *c)
{
    /* Behind what is owed to the caller already: a wish of its own would take its place. */
    bool free = !c->want && c->response != RESPONSE_REQUESTED && c->response != RESPONSE_GENERATING;
    if (c->say.len && free && c->model == MODEL_READY && c->phase == PHASE_CONVERSATION && !tools_pending(c)) {
        life_say(c, buf_str(&c->say));
        buf_clear(&c->say);
    }
}

/* ---- message ---- */

static void line_of(struct call *c, const struct call_item *it)
{
    for (uint32_t i = 0; it->role == ITEM_USER && i < it->n_parts; i++) {
        if (it->parts[i].kind == PART_TEXT) {
            line_caller(c, it->parts[i].text);
        }
    }
}

void control_message(struct call *c, const struct call_event *ev)
{
    if (!talks(c, STR("message: nobody talks"))) {
        return;
    }
    struct call_item wanted = *ev->control_message.item;
    wanted.type = ITEM_MESSAGE;
    wanted.role = wanted.role == ITEM_NO_ROLE ? ITEM_USER : wanted.role;
    if (wanted.role == ITEM_USER) {
        ladder_reset(c);
    }
    const struct call_item *item = conv_own(c, &wanted);
    if (!item) {
        return;
    }
    if (c->model == MODEL_READY) { /* else the next session is told with the rest */
        struct call_action *act = call_emit(c, ACT_MODEL_ITEM);
        act->model_item.request = seq_number(c);
        act->model_item.item = item;
    }
    line_of(c, item);
    if (ev->control_message.respond) {
        seq_request(c, STR_NULL, false);
    }
}
