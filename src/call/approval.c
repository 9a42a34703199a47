/*
 * Whose yes a tool needs. Somebody outside decides (EV_TOOL_APPROVAL) or the caller does (consent.c), in time or by
 * the policy; meanwhile the call goes on. A decision may hold for every further use of the tool in this call.
 */
#include "base/err.h"
#include "call/state.h"

#define CHECK_MS    5000 /* the host's answer whether a use needs an approval; without one it does */
#define MESSAGE_MAX 4096

/* Tools of one name share their record: agents may list the same one twice. */
static struct tool_record *record_of(struct call *c, const struct tool_slot *s)
{
    struct str name = tools_of(c, s)->name;
    uint32_t i = 0;
    while (i < s->tool && !str_eq(c->o->tools[i].name, name)) {
        i++;
    }
    return &c->tool_records[i];
}

void approval_decided(struct call *c, const struct tool_slot *s, enum approval_outcome outcome)
{
    struct str id = call_keep(c, str_from(s->id));
    struct str name = call_keep(c, tools_of(c, s)->name);
    struct call_action *act = call_emit(c, ACT_TOOL_DECIDED);
    act->tool_decided.tool_call_id = id;
    act->tool_decided.name = name;
    act->tool_decided.outcome = outcome;
}

/* The message that came with the decision, else the configured one, else ours. */
static void put_rejection(const struct call *c, struct str name, struct str message, struct buf *out)
{
    static const struct str key = {"{{tool}}", 8};
    struct str text = c->o->approvals.rejection;
    if (message.n) {
        buf_put_str(out, message);
        return;
    }
    text = text.n ? text : STR("The use of {{tool}} was not approved.");
    for (size_t at = str_search(text, key); at != SIZE_MAX; at = str_search(text, key)) {
        buf_put_str(out, (struct str){text.p, at});
        buf_put_str(out, name);
        text = (struct str){text.p + at + key.n, text.n - at - key.n};
    }
    buf_put_str(out, text);
}

void approval_reject(struct call *c, struct tool_slot *s, enum approval_outcome outcome, struct str message)
{
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    put_rejection(c, tools_of(c, s)->name, message, &text);
    approval_decided(c, s, outcome);
    tools_ready(c, s, text.err < 0 ? STR("It was not approved.") : buf_str(&text));
    buf_done(&text);
}

static void approve(struct call *c, struct tool_slot *s, enum approval_outcome outcome)
{
    approval_decided(c, s, outcome);
    tools_start(c, s);
}

static struct call_action *ask_host(struct call *c, const struct tool_slot *s, enum call_action_type type)
{
    struct str id = call_keep(c, str_from(s->id));
    struct str name = call_keep(c, tools_of(c, s)->name);
    struct str arguments = call_keep(c, buf_str(&s->arguments));
    struct call_action *act = call_emit(c, type);
    act->tool_ask.tool_call_id = id;
    act->tool_ask.name = name;
    act->tool_ask.arguments = arguments;
    act->tool_ask.agent = s->agent;
    return act;
}

static void ask(struct call *c, struct tool_slot *s)
{
    const struct tool_rules *r = &tools_of(c, s)->rules;
    struct call_action *act = ask_host(c, s, ACT_TOOL_APPROVAL);
    act->tool_ask.timeout_ms = r->approval.timeout_ms;
    act->tool_ask.timeout_approves = r->approval.timeout_approves;
    tools_tell(c, s, SIGNAL_TOOL_APPROVAL, buf_str(&s->arguments));
    s->state = TOOL_ASKING;
    s->deadline_us = r->approval.timeout_ms ? c->now_us + ms_us(r->approval.timeout_ms) : UINT64_MAX;
    s->filled = false; /* what it waits for now is something else */
    tools_rearm(c);
}

static void check(struct call *c, struct tool_slot *s)
{
    ask_host(c, s, ACT_TOOL_CHECK);
    s->state = TOOL_CHECKING;
    s->deadline_us = c->now_us + ms_us(CHECK_MS);
    tools_rearm(c);
}

void approval_begin(struct call *c, struct tool_slot *s)
{
    struct tool_record *rec = record_of(c, s);
    if (rec->sticky == STICKY_APPROVE) {
        approve(c, s, APPROVAL_STICKY_APPROVED);
        return;
    }
    if (rec->sticky == STICKY_REJECT) {
        approval_reject(c, s, APPROVAL_STICKY_REJECTED, buf_str(&rec->message));
        return;
    }
    switch (tools_of(c, s)->rules.approval.kind) {
    case APPROVAL_NEVER:
    case APPROVAL_KIND_N:
        tools_start(c, s);
        break;
    case APPROVAL_ALWAYS:
        ask(c, s);
        break;
    case APPROVAL_WHEN:
        check(c, s);
        break;
    case APPROVAL_SPOKEN:
        consent_begin(c, s);
        break;
    }
}

void tools_checked(struct call *c, const struct call_event *ev)
{
    struct tool_slot *s = tools_find(c, ev->tool_checked.tool_call_id);
    if (!s || s->state != TOOL_CHECKING) {
        call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_checked.tool_call_id);
        return;
    }
    switch (ev->tool_checked.check) {
    case TOOL_CHECK_RUN:
        tools_start(c, s);
        break;
    case TOOL_CHECK_REFUSE:
        tools_ready(c, s, ev->tool_checked.output);
        break;
    case TOOL_CHECK_ASK:
    case TOOL_CHECK_N:
        ask(c, s);
        break;
    }
}

/* One of those that wait, decided as this event says. */
static void settle(struct call *c, struct tool_slot *s, bool approved, enum approval_outcome outcome,
                   struct str message)
{
    if (approved) {
        approve(c, s, outcome);
    } else {
        approval_reject(c, s, outcome, message);
    }
}

static void make_sticky(struct call *c, struct tool_record *rec, const struct call_event *ev)
{
    bool approved = ev->tool_approval.approve;
    rec->sticky = approved ? STICKY_APPROVE : STICKY_REJECT;
    if (rec->message.max_bytes == 0) {
        buf_init(&rec->message, MESSAGE_MAX);
    }
    buf_clear(&rec->message);
    buf_put_str(&rec->message, ev->tool_approval.message);
    if (rec->message.err < 0) {
        buf_clear(&rec->message); /* too long for a message: the usual one then */
    }
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_ASKING && record_of(c, s) == rec) {
            settle(c, s, approved, approved ? APPROVAL_STICKY_APPROVED : APPROVAL_STICKY_REJECTED,
                   buf_str(&rec->message));
        }
    }
}

void tools_approval(struct call *c, const struct call_event *ev)
{
    struct tool_slot *s = tools_find(c, ev->tool_approval.tool_call_id);
    if (!s || s->state != TOOL_ASKING) {
        call_remark(c, NOTE_TOOL_LATE, 0, ev->tool_approval.tool_call_id);
        return;
    }
    bool approved = ev->tool_approval.approve;
    struct tool_record *rec = record_of(c, s);
    settle(c, s, approved, approved ? APPROVAL_APPROVED : APPROVAL_REJECTED, ev->tool_approval.message);
    if (ev->tool_approval.always) {
        make_sticky(c, rec, ev);
    }
}

void approval_expired(struct call *c, struct tool_slot *s)
{
    if (s->state == TOOL_CHECKING) {
        ask(c, s); /* in doubt somebody is asked */
        return;
    }
    bool approved = tools_of(c, s)->rules.approval.timeout_approves;
    settle(c, s, approved, approved ? APPROVAL_TIMEOUT_APPROVED : APPROVAL_TIMEOUT_REJECTED,
           STR("Nobody decided in time, so it was not approved."));
}
