/*
 * Tool calls of the model: a set, not a state. Each gets exactly one output. Outputs wait until the response that
 * called is done (the service refuses them before), and when the last of it is out, one response is asked for.
 */
#include "base/err.h"
#include "call/state.h"

#define OUTPUT_MAX_BYTES 12000 /* reference-systems 5.5: what services take without trouble */

static uint64_t hash(struct str s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
    }
    return h ? h : 1;
}

static struct tool_slot *find_slot(struct call *c, struct str id)
{
    for (int i = 0; i < CALL_TOOL_SLOTS; i++) {
        if (c->tools[i].state != TOOL_FREE && str_is(id, c->tools[i].id)) {
            return &c->tools[i];
        }
    }
    return NULL;
}

static bool was_answered(const struct call *c, struct str id)
{
    uint64_t h = hash(id);
    for (size_t i = 0; i < ARRAY_LEN(c->answered); i++) {
        if (c->answered[i] == h) {
            return true;
        }
    }
    return false;
}

static struct tool_slot *new_slot(struct call *c)
{
    for (int i = 0; i < CALL_TOOL_SLOTS; i++) {
        if (c->tools[i].state == TOOL_FREE) {
            return &c->tools[i];
        }
    }
    return NULL;
}

static uint32_t tool_index(const struct call *c, struct str name)
{
    for (uint32_t i = 0; i < c->o->n_tools; i++) {
        if (str_eq(c->o->tools[i].name, name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void ready(struct tool_slot *s, struct str output)
{
    buf_clear(&s->output, 0);
    if (output.n > OUTPUT_MAX_BYTES) {
        buf_puts(&s->output, "{\"error\":\"the result was too large\"}");
    } else {
        buf_put_str(&s->output, output);
    }
    s->state = TOOL_READY;
    s->deadline_us = UINT64_MAX;
}

static void rearm(struct call *c)
{
    uint64_t due = UINT64_MAX;
    for (int i = 0; i < CALL_TOOL_SLOTS; i++) {
        if (c->tools[i].state == TOOL_RUNNING) {
            due = MIN(due, c->tools[i].deadline_us);
        }
    }
    c->timers[TIMER_TOOL] = due;
}

static void start_tool(struct call *c, struct tool_slot *s, const struct call_event *ev)
{
    const struct call_tool *tool = &c->o->tools[s->tool];
    uint32_t deadline_ms = tool->deadline_ms ? tool->deadline_ms : c->o->deadlines.tool_ms;
    struct str id = call_keep(c, ev->model_tool.tool_call_id);
    struct str name = call_keep(c, ev->model_tool.name);
    struct str arguments = call_keep(c, ev->model_tool.arguments);
    struct call_action *act = call_emit(c, ACT_TOOL_RUN);
    act->tool_run.tool_call_id = id;
    act->tool_run.name = name;
    act->tool_run.arguments = arguments;
    act->tool_run.deadline_ms = deadline_ms;
    s->deadline_us = c->now_us + ms_us(deadline_ms);
    rearm(c);
}

void tools_call(struct call *c, const struct call_event *ev)
{
    c->response_called = true;
    struct str id = ev->model_tool.tool_call_id;
    if (id.n == 0 || id.n >= CALL_ID_MAX || find_slot(c, id) || was_answered(c, id)) {
        call_remark(c, NOTE_TOOL_DUPLICATE, 0, id);
        return;
    }
    struct tool_slot *s = new_slot(c);
    if (!s) {
        /* More at once than any model asks for: answer at once, so that none is left without an output. */
        struct str kept = call_keep(c, id);
        struct call_action *act = call_emit(c, ACT_MODEL_TOOL_OUTPUT);
        act->model_tool_output.request = seq_number(c);
        act->model_tool_output.tool_call_id = kept;
        act->model_tool_output.output = STR("{\"error\":\"too many tools at once\"}");
        return;
    }
    s->state = TOOL_RUNNING;
    c->tools_live++;
    call_copy_id(s->id, id);
    call_copy_id(s->response_id, ev->model_tool.response_id);
    s->deadline_us = UINT64_MAX;
    if (s->output.max_bytes == 0) {
        buf_init(&s->output, OUTPUT_MAX_BYTES + 256);
    }
    s->tool = tool_index(c, ev->model_tool.name);
    if (c->turn_open) {
        c->turn.tools++;
    }
    if (s->tool == UINT32_MAX) {
        call_remark(c, NOTE_TOOL_UNKNOWN, 0, ev->model_tool.name);
        struct buf text;
        buf_init(&text, 512);
        buf_puts(&text, "{\"error\":\"Unknown function: ");
        for (size_t i = 0; i < ev->model_tool.name.n && i < 64; i++) {
            char ch = ev->model_tool.name.p[i];
            buf_putc(&text, ch < 0x20 || ch == '"' || ch == '\\' ? '?' : ch);
        }
        buf_puts(&text, "\"}");
        ready(s, buf_str(&text));
        buf_done(&text);
    } else if (c->o->tools[s->tool].kind == CALL_TOOL_END) {
        ready(s, STR("{\"status\":\"call_ending\"}"));
        life_goodbye(c, ev->model_tool.response_id);
    } else {
        start_tool(c, s, ev);
    }
}

void tools_checked(struct call *c, const struct call_event *ev)
{
    call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_checked.tool_call_id);
}

void tools_approval(struct call *c, const struct call_event *ev)
{
    call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_approval.tool_call_id);
}

void tools_result(struct call *c, const struct call_event *ev)
{
    struct tool_slot *s = find_slot(c, ev->tool_result.tool_call_id);
    if (!s || s->state != TOOL_RUNNING) {
        call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_result.tool_call_id);
        return;
    }
    ready(s, ev->tool_result.output);
    rearm(c);
}

void tools_expired(struct call *c)
{
    for (int i = 0; i < CALL_TOOL_SLOTS; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_RUNNING && s->deadline_us <= c->now_us) {
            call_remark(c, NOTE_TOOL_TIMEOUT, 0, c->o->tools[s->tool].name);
            struct str id = call_keep(c, str_from(s->id));
            call_emit(c, ACT_TOOL_CANCEL)->tool_cancel.tool_call_id = id;
            ready(s, STR("{\"error\":\"The tool did not answer in time. Please try again.\"}"));
        }
    }
    rearm(c);
}

static bool parent_runs(const struct call *c, const struct tool_slot *s)
{
    bool busy = c->response == RESPONSE_GENERATING || c->response == RESPONSE_CANCELLING;
    return busy && (!s->response_id[0] || str_is(str_from(s->response_id), c->active_id));
}

static void put_output(struct call *c, struct tool_slot *s)
{
    struct str id = call_keep(c, str_from(s->id));
    struct str output = call_keep(c, buf_str(&s->output));
    struct call_action *act = call_emit(c, ACT_MODEL_TOOL_OUTPUT);
    act->model_tool_output.request = seq_number(c);
    act->model_tool_output.tool_call_id = id;
    act->model_tool_output.output = output;
    c->answered[c->answered_n++ % ARRAY_LEN(c->answered)] = hash(id);
    bool ends = s->tool != UINT32_MAX && c->o->tools[s->tool].kind == CALL_TOOL_END;
    c->tools_owe_reply = c->tools_owe_reply || !ends;
    s->state = TOOL_FREE;
    c->tools_live--;
    buf_done(&s->output);
}

void tools_flush(struct call *c)
{
    for (int i = 0; c->tools_live && i < CALL_TOOL_SLOTS; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_READY && c->model == MODEL_READY && !parent_runs(c, s)) {
            put_output(c, s);
        }
    }
    if (c->tools_owe_reply && c->tools_live == 0) {
        c->tools_owe_reply = false;
        if (c->phase != PHASE_FAREWELL) {
            seq_request(c, STR_NULL, false);
        }
    }
}

bool tools_pending(const struct call *c)
{
    return c->tools_live || c->tools_owe_reply;
}

void tools_cancel_all(struct call *c)
{
    for (int i = 0; i < CALL_TOOL_SLOTS; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_RUNNING) {
            struct str id = call_keep(c, str_from(s->id));
            call_emit(c, ACT_TOOL_CANCEL)->tool_cancel.tool_call_id = id;
        }
        s->state = TOOL_FREE;
        buf_done(&s->output);
    }
    c->tools_live = 0;
    c->tools_owe_reply = false;
    timer_off(c, TIMER_TOOL);
}
