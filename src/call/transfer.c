/*
 * Handing the caller over: announced, played out, then ordered at the leg, which knows how its carrier does it. When
 * that fails the agent is told, through the tool that asked, and goes on.
 *
 *     wanted ─▶ (called ─▶ asked) ─▶ playing ─▶ ordered ─▶ the leg stops: ended, "transferred"
 *                                                      └─▶ failed: conversation
 */
#include "base/err.h"
#include "base/json.h"
#include "call/state.h"

#define MESSAGE_MAX 1024

/* The tool's one output: what became of it. Without a tool nobody waits for one. */
static void answer(struct call *c, const char *tool_call_id, const char *status, struct str message)
{
    struct buf out;
    if (!tool_call_id[0]) {
        return;
    }
    buf_init(&out, (size_t)4 * MESSAGE_MAX);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "status", status);
    if (c->transfer.name.len) {
        json_w_kstr(&w, "department", buf_str(&c->transfer.name));
    }
    json_w_kstr(&w, "message", message);
    json_w_close(&w);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = str_from(tool_call_id);
    ev.tool_result.output = out.err < 0 ? STR("{\"status\":\"error\"}") : buf_str(&out);
    ev.tool_result.failed = str_is(str_from(status), "error");
    tools_result(c, &ev);
    buf_done(&out);
}

void transfer_drop(struct call *c)
{
    c->transfer.state = TRANSFER_NONE;
    c->transfer.tool_call_id[0] = '\0';
    buf_done(&c->transfer.to);
    buf_done(&c->transfer.name);
    timer_off(c, TIMER_TRANSFER);
}

/* The response that the tool call came with: what it said may be announcement enough. */
static const char *calling_response(const struct call *c, struct str tool_call_id)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        const struct tool_slot *s = &c->tools[i];
        if (s->state != TOOL_FREE && tool_call_id.n && str_is(tool_call_id, s->id)) {
            return s->response_id;
        }
    }
    return "";
}

static const char *why_not(const struct call *c, struct str to)
{
    if (c->transfer.state != TRANSFER_NONE) {
        return "A transfer is under way already.";
    }
    if (c->leg != LEG_UP || (phase_next(c->phase, PH_TRANSFER) < 0)) {
        return "The call cannot be transferred now.";
    }
    return to.n == 0 ? "There is no number to transfer to." : NULL;
}

void transfer_wanted(struct call *c, const struct call_event *ev)
{
    struct transfer *t = &c->transfer;
    const char *refusal = why_not(c, ev->control_transfer.to);
    char id[CALL_ID_MAX];
    call_copy_id(id, ev->control_transfer.tool_call_id);
    if (refusal) {
        call_remark(c, NOTE_TRANSFER, 0, STR("refused"));
        answer(c, id, "error", str_from(refusal));
        return;
    }
    phase_to(c, PH_TRANSFER);
    timer_off(c, TIMER_GREETING);
    timer_off(c, TIMER_FAREWELL);
    c->farewell = FAREWELL_NONE; /* a goodbye under way gives way; its words are the announcement then */
    voicemail_drop(c);
    buf_init(&t->to, CALL_TRANSFER_TO_MAX);
    buf_init(&t->name, CALL_TRANSFER_TO_MAX);
    buf_put_str(&t->to, ev->control_transfer.to);
    buf_put_str(&t->name, ev->control_transfer.name);
    call_copy_id(t->tool_call_id, ev->control_transfer.tool_call_id);
    call_copy_id(t->response_id, str_from(calling_response(c, ev->control_transfer.tool_call_id)));
    t->state = TRANSFER_CALLED;
    timer_set(c, TIMER_TRANSFER, c->o->deadlines.stall_ms);
    call_remark(c, NOTE_TRANSFER, 0, STR("announcing"));
    if (t->to.err < 0 || t->name.err < 0) {
        c->out->overflow = true;
    }
}

static void play_out(struct call *c)
{
    c->transfer.state = TRANSFER_PLAYING;
    timer_set(c, TIMER_TRANSFER, CALL_LAST_WORDS_MAX_MS);
}

static void announce(struct call *c)
{
    struct transfer *t = &c->transfer;
    if (c->model != MODEL_READY) {
        play_out(c);
        return;
    }
    t->state = TRANSFER_ASKED;
    timer_set(c, TIMER_TRANSFER, c->o->deadlines.farewell_ms);
    if (c->o->transfer.text.n) {
        life_say(c, c->o->transfer.text);
        return;
    }
    struct buf wish;
    buf_init(&wish, 2 * CALL_TRANSFER_TO_MAX);
    buf_puts(&wish, "You are about to connect the caller with ");
    buf_put_str(&wish, t->name.len ? buf_str(&t->name) : STR("a colleague"));
    buf_puts(&wish, ". Tell them so in one short sentence and ask them to hold the line.");
    life_ask(c, wish.err < 0 ? STR("Tell the caller that you connect them now.") : buf_str(&wish), true);
    buf_done(&wish);
}

static void order(struct call *c)
{
    struct transfer *t = &c->transfer;
    struct str to = call_keep(c, buf_str(&t->to));
    struct str name = call_keep(c, buf_str(&t->name));
    t->state = TRANSFER_ORDERED;
    timer_set(c, TIMER_TRANSFER, c->o->deadlines.transfer_ms);
    struct call_action *act = call_emit(c, ACT_LEG_TRANSFER);
    act->leg_transfer.to = to;
    act->leg_transfer.name = name;
    call_remark(c, NOTE_TRANSFER, 0, STR("ordered"));
}

void transfer_progress(struct call *c)
{
    struct transfer *t = &c->transfer;
    bool over = c->response == RESPONSE_NONE || c->response == RESPONSE_DONE;
    bool silent = over && c->playout == PLAYOUT_EMPTY && !keys_pending(c);
    if (t->state == TRANSFER_CALLED && over) {
        bool said = t->response_id[0] && playout_known_ms(c, t->response_id) >= CALL_LAST_WORDS_MS;
        if (said) {
            play_out(c);
        } else {
            announce(c);
        }
    } else if (t->state == TRANSFER_ASKED) {
        if (c->playout != PLAYOUT_EMPTY && c->response != RESPONSE_REQUESTED) {
            play_out(c);
        } else if (silent && !c->want) {
            order(c); /* the announcement was mute */
        }
    } else if (t->state == TRANSFER_PLAYING && silent) {
        order(c);
    }
}

bool transfer_done(const struct call *c)
{
    return c->phase == PHASE_TRANSFERRING && c->transfer.state == TRANSFER_ORDERED;
}

void transfer_model_gone(struct call *c)
{
    if (c->transfer.state != TRANSFER_ORDERED) {
        play_out(c); /* nobody needs the model for what is left to do */
    }
}

static void go_on(struct call *c, struct str message)
{
    struct transfer *t = &c->transfer;
    char id[CALL_ID_MAX];
    call_copy_id(id, str_from(t->tool_call_id));
    phase_to(c, PH_TRANSFER_FAILED);
    call_remark(c, NOTE_TRANSFER, 0, STR("failed"));
    if (c->model != MODEL_READY) {
        transfer_drop(c);
        life_hangup(c, c->reason, true); /* neither agent nor colleague: the apology is all that is left */
        return;
    }
    if (calling_response(c, str_from(id))[0]) {
        answer(c, id, "error", message);
    } else {
        /* An operator's wish, or the tool's time was up: the caller was told that they are connected. */
        life_ask(c, STR("The caller could not be connected. Say that you are sorry, and go on helping them."), false);
    }
    transfer_drop(c);
}

void transfer_failed(struct call *c, const struct call_event *ev)
{
    if (c->phase != PHASE_TRANSFERRING || c->transfer.state != TRANSFER_ORDERED) {
        return;
    }
    struct buf text;
    struct str why = ev->leg_transfer_failed.message;
    buf_init(&text, (size_t)2 * MESSAGE_MAX);
    why.n = MIN(why.n, (size_t)MESSAGE_MAX);
    buf_puts(&text, "The caller could not be connected");
    if (why.n) {
        buf_puts(&text, ": ");
        buf_put_str(&text, why);
    } else {
        buf_printf(&text, ": %s.", err_text(ev->leg_transfer_failed.err));
    }
    if (ev->leg_transfer_failed.code) {
        buf_printf(&text, " (error %d)", ev->leg_transfer_failed.code);
    }
    buf_puts(&text, " Tell the caller and offer something else.");
    go_on(c, text.err < 0 ? STR("The caller could not be connected.") : buf_str(&text));
    buf_done(&text);
}

void transfer_timer(struct call *c)
{
    switch (c->transfer.state) {
    case TRANSFER_NONE:
        break;
    case TRANSFER_CALLED:
    case TRANSFER_ASKED:
    case TRANSFER_PLAYING:
        order(c); /* whoever should announce it does not come to it */
        break;
    case TRANSFER_ORDERED:
        go_on(c, STR("The carrier did not connect the caller in time. Tell the caller and offer something else."));
        break;
    }
}
