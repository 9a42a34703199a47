/*
 * Tool calls of the model: a set, not a state. Each gets exactly one output. Outputs wait until the response that
 * called is done (the service refuses them before), and when the last of it is out, one response is asked for.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/json_hash.h"
#include "call/state.h"

#define OUTPUT_MAX_BYTES    12000      /* what services take without trouble */
#define ARGUMENTS_MAX_BYTES (64 << 10) /* no tool takes more */
#define BACKGROUND_MS       300000     /* for what runs in the background and has no time of its own */
#define RESENDS_MAX         2
#define RESEND_MS           300
#define SLOTS_STEP          4
_Static_assert(CALL_TOOL_SLOTS % SLOTS_STEP == 0, "the last step fits");

/* ---- slots ---- */

struct tool_slot *tools_find(struct call *c, struct str id)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        if (c->tools[i].state != TOOL_FREE && str_is(id, c->tools[i].id)) {
            return &c->tools[i];
        }
    }
    return NULL;
}

const struct call_tool *tools_of(const struct call *c, const struct tool_slot *s)
{
    return s->tool < c->o->n_tools ? &c->o->tools[s->tool] : NULL;
}

static void release(struct tool_slot *s)
{
    s->state = TOOL_FREE;
    s->deadline_us = UINT64_MAX;
    buf_done(&s->arguments);
    buf_done(&s->output);
}

/* What a call that uses no tool has no memory for. */
static int make_room(struct call *c)
{
    if (!c->answered) {
        c->answered = calloc(CALL_ANSWERED, sizeof(*c->answered));
    }
    if (!c->tool_records) {
        c->tool_records = calloc(MAX(c->o->n_tools, 1u), sizeof(*c->tool_records));
    }
    return c->answered && c->tool_records ? 0 : -ENOMEM;
}

/* Slots for more tools at a time; without memory there are as many as before. */
static struct tool_slot *add_slots(struct call *c)
{
    uint32_t n = c->n_slots;
    struct tool_slot *slots = n < CALL_TOOL_SLOTS ? realloc(c->tools, (n + SLOTS_STEP) * sizeof(*slots)) : NULL;
    if (!slots) {
        return NULL;
    }
    memset(slots + n, 0, SLOTS_STEP * sizeof(*slots));
    c->tools = slots;
    c->n_slots = n + SLOTS_STEP;
    return &slots[n];
}

/* A free one, else the oldest of those that are only kept in case. */
static struct tool_slot *new_slot(struct call *c)
{
    struct tool_slot *oldest = NULL;
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_FREE) {
            return s;
        }
        if (s->state == TOOL_SENT && (!oldest || s->order < oldest->order)) {
            oldest = s;
        }
    }
    struct tool_slot *fresh = add_slots(c);
    if (!fresh && oldest) {
        release(oldest);
    }
    return fresh ? fresh : oldest;
}

/* An output is owed to the model. */
static bool owes(const struct tool_slot *s)
{
    return s->state >= TOOL_CHECKING && s->state <= TOOL_READY;
}

uint32_t tools_busy(const struct call *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; c->tools_live && i < c->n_slots; i++) {
        n += owes(&c->tools[i]) && c->tools[i].state != TOOL_ASKING;
    }
    return n;
}

void tools_rearm(struct call *c)
{
    uint64_t due = UINT64_MAX;
    for (uint32_t i = 0; i < c->n_slots; i++) {
        const struct tool_slot *s = &c->tools[i];
        if (s->state != TOOL_FREE && s->state != TOOL_SENT) {
            due = MIN(due, s->deadline_us);
        }
        if (s->state == TOOL_READY && s->not_before_us > c->now_us) {
            due = MIN(due, s->not_before_us);
        }
    }
    c->timers[TIMER_TOOL] = due;
}

static void keep_output(struct tool_slot *s, struct str output)
{
    if (s->output.max_bytes == 0) {
        buf_init(&s->output, OUTPUT_MAX_BYTES + 256);
    }
    buf_clear(&s->output);
    if (output.n > OUTPUT_MAX_BYTES) {
        buf_puts(&s->output, "{\"error\":\"the result was too large\"}");
    } else {
        buf_put_str(&s->output, output);
    }
}

void tools_ready(struct call *c, struct tool_slot *s, struct str output)
{
    keep_output(s, output);
    buf_done(&s->arguments);
    s->state = TOOL_READY;
    s->deadline_us = UINT64_MAX;
    s->not_before_us = 0;
    tools_rearm(c);
}

/* ---- start ---- */

/* Whether those called before it let it start: nobody waits for what runs in the background. */
static bool may_run(const struct call *c, const struct tool_slot *s)
{
    bool alone = tools_of(c, s)->rules.mode == TOOL_SEQUENTIAL;
    for (uint32_t i = 0; i < c->n_slots; i++) {
        const struct tool_slot *t = &c->tools[i];
        const struct call_tool *tool = tools_of(c, t);
        bool under_way = t->state >= TOOL_CHECKING && t->state <= TOOL_RUNNING;
        if (t != s && under_way && t->order < s->order && (alone || (tool && tool->rules.mode == TOOL_SEQUENTIAL))) {
            return false;
        }
    }
    return true;
}

static uint32_t deadline_ms(const struct call *c, const struct call_tool *tool)
{
    return tool->deadline_ms ? tool->deadline_ms : tool->rules.background ? BACKGROUND_MS : c->o->deadlines.tool_ms;
}

void tools_tell(struct call *c, const struct tool_slot *s, enum call_signal_kind kind, struct str text)
{
    const struct call_tool *tool = tools_of(c, s);
    struct str id = call_keep(c, str_from(s->id));
    struct str response = call_keep(c, str_from(s->response_id));
    struct str name = tool ? call_keep(c, tool->name) : STR("");
    struct str kept = call_keep(c, text);
    struct call_signal *told = call_tell(c, kind);
    told->agent = s->agent;
    told->tool_call_id = id;
    told->response_id = response;
    told->name = name;
    told->text = kept;
}

/* Done at once: the session is told before the output goes out. */
static void hand_off(struct call *c, struct tool_slot *s)
{
    struct buf out;
    buf_init(&out, 1024);
    agents_handoff(c, s, &out);
    tools_ready(c, s, buf_str(&out));
    buf_done(&out);
}

static void run(struct call *c, struct tool_slot *s)
{
    const struct call_tool *tool = tools_of(c, s);
    tools_tell(c, s, SIGNAL_TOOL_START, buf_str(&s->arguments));
    if (tool->kind == CALL_TOOL_HANDOFF) {
        hand_off(c, s);
        return;
    }
    uint32_t ms = deadline_ms(c, tool);
    struct str id = call_keep(c, str_from(s->id));
    struct str name = call_keep(c, tool->name);
    struct str arguments = call_keep(c, buf_str(&s->arguments));
    struct call_action *act = call_emit(c, ACT_TOOL_RUN);
    act->tool_run.tool_call_id = id;
    act->tool_run.name = name;
    act->tool_run.arguments = arguments;
    act->tool_run.agent = s->agent;
    act->tool_run.deadline_ms = ms;
    s->state = TOOL_RUNNING;
    s->deadline_us = c->now_us + ms_us(ms);
    buf_done(&s->arguments);
    if (tool->rules.background) {
        s->state = TOOL_STARTED;
        keep_output(s,
                    STR("{\"status\":\"started\",\"note\":\"The result will be told later. Do not call it again.\"}"));
        call_remark(c, NOTE_TOOL_BACKGROUND, 0, STR("started"));
    }
}

/* In the order of the calls, so that one that waits is not overtaken. */
static void start_waiting(struct call *c)
{
    for (uint32_t after = 0;;) {
        struct tool_slot *next = NULL;
        for (uint32_t i = 0; i < c->n_slots; i++) {
            struct tool_slot *s = &c->tools[i];
            if (s->state == TOOL_WAITING && s->order > after && (!next || s->order < next->order)) {
                next = s;
            }
        }
        if (!next) {
            return;
        }
        after = next->order;
        if (may_run(c, next)) {
            run(c, next);
            tools_rearm(c);
        }
    }
}

void tools_start(struct call *c, struct tool_slot *s)
{
    s->state = TOOL_WAITING;
    s->deadline_us = UINT64_MAX;
    start_waiting(c);
    tools_rearm(c);
}

/* ---- a call ---- */

/* Delivered twice, or an id that stood for something else before: neither gets another output. */
static bool is_known(struct call *c, struct str id, uint64_t what)
{
    uint64_t h = str_hash(id);
    const struct tool_slot *s = tools_find(c, id);
    bool known = s != NULL;
    bool same = s && s->what == what;
    for (size_t i = 0; i < CALL_ANSWERED && !known; i++) {
        known = c->answered[i].id == h;
        same = known && c->answered[i].what == what;
    }
    if (known) {
        call_remark(c, same ? NOTE_TOOL_DUPLICATE : NOTE_TOOL_CONFLICT, 0, id);
    }
    if (known && !same) {
        struct str kept = call_keep(c, id);
        struct call_signal *told = call_tell(c, SIGNAL_ERROR);
        told->name = STR("tool_call_conflict");
        told->text = kept;
    }
    return known;
}

static void remember(struct call *c, struct str id, uint64_t what)
{
    c->answered[c->answered_n++ % CALL_ANSWERED] = (struct tool_done){str_hash(id), what};
}

static void put_error(struct buf *out, const char *before, struct str name)
{
    struct buf text;
    buf_init(&text, 512);
    buf_puts(&text, before);
    buf_put_str(&text, (struct str){name.p, MIN(name.n, (size_t)64)});
    buf_puts(out, "{\"error\":");
    json_put_quoted(out, buf_str(&text));
    buf_putc(out, '}');
    buf_done(&text);
}

static void refuse_unknown(struct call *c, struct tool_slot *s, struct str name)
{
    struct buf text;
    call_remark(c, NOTE_TOOL_UNKNOWN, 0, name);
    buf_init(&text, 1024);
    put_error(&text, "Unknown function: ", name);
    s->mute = true;
    tools_ready(c, s, buf_str(&text));
    buf_done(&text);
    struct str kept = call_keep(c, name);
    struct call_signal *told = call_tell(c, SIGNAL_ERROR);
    told->name = STR("tool_not_found");
    told->text = kept;
}

static void take_call(struct call *c, struct tool_slot *s, const struct call_event *ev)
{
    struct str name = ev->model_tool.name;
    s->tool = agents_tool(c, name);
    if (s->tool == UINT32_MAX) {
        refuse_unknown(c, s, name);
        return;
    }
    bool hands_over = c->o->tools[s->tool].kind == CALL_TOOL_HANDOFF || c->o->tools[s->tool].kind == CALL_TOOL_ASKED;
    if (agents_tool_off(c, s->tool) && !hands_over) {
        tools_ready(c, s, STR("{\"error\":\"This tool is not available now.\"}"));
        return;
    }
    if (c->o->tools[s->tool].kind == CALL_TOOL_END) {
        tools_tell(c, s, SIGNAL_TOOL_START, ev->model_tool.arguments);
        struct buf output;
        buf_init(&output, GOODBYE_OUTPUT_MAX);
        goodbye_called(c, ev, &output);
        tools_ready(c, s, output.err < 0 ? STR("{\"status\":\"call_ending\"}") : buf_str(&output));
        buf_done(&output);
        return;
    }
    buf_init(&s->arguments, ARGUMENTS_MAX_BYTES);
    buf_put_str(&s->arguments, ev->model_tool.arguments);
    if (s->arguments.err < 0) {
        tools_ready(c, s, STR("{\"error\":\"The arguments are too long.\"}"));
        return;
    }
    approval_begin(c, s);
}

/* More at once than any model asks for: answered at once, so that none is left without an output. */
static void refuse_crowd(struct call *c, struct str id, uint64_t what)
{
    struct str kept = call_keep(c, id);
    struct call_action *act = call_emit(c, ACT_MODEL_TOOL_OUTPUT);
    act->model_tool_output.request = seq_number(c);
    act->model_tool_output.tool_call_id = kept;
    act->model_tool_output.output = STR("{\"error\":\"too many tools at once\"}");
    remember(c, id, what);
    conv_output(c, id, act->model_tool_output.output);
}

void tools_call(struct call *c, const struct call_event *ev)
{
    struct str id = ev->model_tool.tool_call_id;
    uint64_t what = str_hash(ev->model_tool.name) ^ json_hash(ev->model_tool.arguments);
    c->response_called = true;
    if (id.n == 0 || id.n >= CALL_ID_MAX) {
        call_remark(c, NOTE_TOOL_DUPLICATE, 0, id);
        return;
    }
    if (make_room(c) < 0) {
        c->out->overflow = true;
        return;
    }
    if (is_known(c, id, what)) {
        return;
    }
    struct tool_slot *s = new_slot(c);
    if (!s) {
        refuse_crowd(c, id, what);
        return;
    }
    *s = (struct tool_slot){.state = TOOL_WAITING,
                            .what = what,
                            .order = ++c->tool_order,
                            .called_us = c->now_us,
                            .deadline_us = UINT64_MAX};
    s->agent = c->response_agent;
    c->tools_live++;
    call_copy_id(s->id, id);
    call_copy_id(s->response_id, ev->model_tool.response_id);
    if (c->turn_open) {
        c->turn.tools++;
    }
    take_call(c, s, ev);
}

/* ---- its end ---- */

void tools_result(struct call *c, const struct call_event *ev)
{
    struct tool_slot *s = tools_find(c, ev->tool_result.tool_call_id);
    if (s && s->state == TOOL_BACKGROUND) {
        keep_output(s, ev->tool_result.output);
        s->state = TOOL_REPORT;
        s->deadline_us = UINT64_MAX;
        tools_rearm(c);
    } else if (s && s->state == TOOL_RUNNING && !ev->tool_result.failed && tools_of(c, s)->kind == CALL_TOOL_ASKED) {
        hand_off(c, s);
    } else if (s && (s->state == TOOL_RUNNING || s->state == TOOL_STARTED)) {
        tools_ready(c, s, ev->tool_result.output);
    } else {
        call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_result.tool_call_id);
    }
}

static void tell_cancel(struct call *c, const struct tool_slot *s)
{
    struct str id = call_keep(c, str_from(s->id));
    call_emit(c, ACT_TOOL_CANCEL)->tool_cancel.tool_call_id = id;
}

/* The host is working on it. */
static bool runs(const struct tool_slot *s)
{
    return s->state == TOOL_RUNNING || s->state == TOOL_STARTED || s->state == TOOL_BACKGROUND;
}

static void time_is_up(struct call *c, struct tool_slot *s)
{
    const struct call_tool *tool = tools_of(c, s);
    struct str text = tool->rules.timeout_text.n
                          ? tool->rules.timeout_text
                          : STR("{\"error\":\"The tool did not answer in time. Please try again.\"}");
    call_remark(c, NOTE_TOOL_TIMEOUT, 0, tool->name);
    tell_cancel(c, s);
    if (s->state == TOOL_BACKGROUND) {
        keep_output(s, text);
        s->state = TOOL_REPORT;
        s->deadline_us = UINT64_MAX;
    } else {
        tools_ready(c, s, text);
    }
}

void tools_expired(struct call *c)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_FREE || s->deadline_us > c->now_us) {
            continue;
        }
        if (runs(s)) {
            time_is_up(c, s);
        } else if (s->state == TOOL_CONFIRMING) {
            consent_expired(c, s);
        } else if (s->state == TOOL_ASKING || s->state == TOOL_CHECKING) {
            approval_expired(c, s);
        }
    }
    tools_rearm(c);
}

void tools_interrupted(struct call *c)
{
    for (uint32_t i = 0; c->tools_live && i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        const struct call_tool *tool = tools_of(c, s);
        if (!owes(s) || s->state == TOOL_READY || !tool || !tool->rules.cancel_on_interrupt) {
            continue;
        }
        if (runs(s)) {
            tell_cancel(c, s);
        } else if (s->state == TOOL_ASKING) {
            approval_decided(c, s, APPROVAL_GONE);
        }
        call_remark(c, NOTE_TOOL_CANCELLED, 0, tool->name);
        s->mute = true; /* what the caller says now is answered */
        tools_ready(c, s, STR("{\"error\":\"Cancelled: the caller interrupted.\"}"));
    }
}

void tools_withdrawn(struct call *c, const struct call_event *ev)
{
    struct str id = ev->model_withdrawn.tool_call_id;
    struct tool_slot *s = tools_find(c, id);
    if (!s || !owes(s)) {
        return; /* it has its output */
    }
    const struct call_tool *tool = tools_of(c, s);
    if (runs(s)) {
        tell_cancel(c, s);
    } else if (s->state == TOOL_ASKING) {
        approval_decided(c, s, APPROVAL_GONE);
    }
    call_remark(c, NOTE_TOOL_CANCELLED, 0, tool ? tool->name : id);
    remember(c, id, s->what);
    conv_output(c, id, STR("{\"error\":\"Cancelled: the caller interrupted.\"}"));
    release(s);
    c->tools_live--;
    tools_rearm(c);
}

/* ---- outputs ---- */

static bool parent_runs(const struct call *c, const struct tool_slot *s)
{
    bool busy = c->response == RESPONSE_GENERATING || c->response == RESPONSE_CANCELLING;
    return busy && (!s->response_id[0] || str_is(str_from(s->response_id), c->active_id));
}

static void put_output(struct call *c, struct tool_slot *s)
{
    const struct call_tool *tool = tools_of(c, s);
    struct str id = call_keep(c, str_from(s->id));
    struct str output = call_keep(c, buf_str(&s->output));
    struct call_action *act = call_emit(c, ACT_MODEL_TOOL_OUTPUT);
    act->model_tool_output.request = s->request = seq_number(c);
    act->model_tool_output.tool_call_id = id;
    act->model_tool_output.output = output;
    act->model_tool_output.silent = (s->mute && tool) || call_leaving(c) || (tool && tool->kind == CALL_TOOL_END);
    if (s->resends == 0) {
        remember(c, id, s->what);
        tools_tell(c, s, SIGNAL_TOOL_END, output);
        conv_output(c, id, output);
    }
    bool ends = tool && tool->kind == CALL_TOOL_END;
    c->tools_owe_reply = c->tools_owe_reply || !(ends || s->mute);
    s->state = s->state == TOOL_STARTED ? TOOL_BACKGROUND : TOOL_SENT;
    c->tools_live--;
}

static void put_report(struct call *c, struct tool_slot *s)
{
    struct buf text;
    buf_init(&text, OUTPUT_MAX_BYTES + 1024);
    buf_puts(&text, "The tool ");
    buf_put_str(&text, tools_of(c, s)->name);
    buf_puts(&text, ", which was started before, has come to a result. Tell the caller what matters of it: ");
    buf_put_str(&text, buf_str(&s->output));
    const struct call_item told = {.type = ITEM_MESSAGE,
                                   .role = ITEM_SYSTEM, /* nobody said it; its call has had its one output */
                                   .n_parts = 1,
                                   .parts = {{.kind = PART_TEXT, .text = call_keep(c, buf_str(&text))}}};
    buf_done(&text);
    const struct call_item *item = conv_own(c, &told);
    if (item && c->model == MODEL_READY) { /* else the next session is told with the rest */
        struct call_action *act = call_emit(c, ACT_MODEL_ITEM);
        act->model_item.request = seq_number(c);
        act->model_item.item = item;
    }
    call_remark(c, NOTE_TOOL_BACKGROUND, 0, STR("reported"));
    release(s);
    seq_request(c, STR_NULL, false);
}

/* What came of tools in the background is told when nobody speaks, one after the other. */
static void report(struct call *c)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        if (c->tools[i].state == TOOL_REPORT && floor_is_free(c)) {
            put_report(c, &c->tools[i]);
        }
    }
}

void tools_flush(struct call *c)
{
    bool muted = false;
    start_waiting(c);
    for (uint32_t i = 0; c->tools_live && i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        bool out = s->state == TOOL_STARTED || (s->state == TOOL_READY && s->not_before_us <= c->now_us);
        if (out && c->model == MODEL_READY && !renew_switches(c) && !parent_runs(c, s)) {
            put_output(c, s);
            muted = muted || (s->mute && s->tool == UINT32_MAX);
        }
    }
    bool all = tools_busy(c) == 0;
    bool talks = !call_leaving(c);
    if (c->tools_owe_reply && all) {
        c->tools_owe_reply = false;
        if (talks) {
            seq_request(c, STR_NULL, false);
        }
    } else if (muted && all && talks && c->response_ms == 0 && c->playout == PLAYOUT_EMPTY && !c->want) {
        ladder_mute_answer(c); /* nothing was said but a call into the void */
    }
    report(c);
}

void tools_error(struct call *c, uint32_t request)
{
    for (uint32_t i = 0; request && i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_SENT && s->request == request && s->resends < RESENDS_MAX) {
            s->resends++;
            s->state = TOOL_READY;
            s->not_before_us = c->now_us + ms_us(RESEND_MS);
            c->tools_live++;
            call_remark(c, NOTE_TOOL_RESENT, s->resends, str_from(s->id));
            tools_rearm(c);
        }
    }
}

void tools_accepted(struct call *c, uint32_t request)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        if (c->tools[i].state == TOOL_SENT && c->tools[i].request < request) {
            release(&c->tools[i]);
        }
    }
}

bool tools_pending(const struct call *c)
{
    return c->tools_live || c->tools_owe_reply;
}

void tools_cancel_all(struct call *c)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (runs(s)) {
            tell_cancel(c, s);
        } else if (s->state == TOOL_ASKING) {
            approval_decided(c, s, APPROVAL_GONE);
        }
        release(s);
    }
    c->tools_live = 0;
    c->tools_owe_reply = false;
    timer_off(c, TIMER_TOOL);
    timer_off(c, TIMER_FILLER);
}

void tools_done(struct call *c)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        release(&c->tools[i]);
    }
    for (uint32_t i = 0; c->tool_records && i < c->o->n_tools; i++) {
        buf_done(&c->tool_records[i].message);
    }
    free(c->tools);
    free(c->tool_records);
    free(c->answered);
}
