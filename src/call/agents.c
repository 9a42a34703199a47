/*
 * Who speaks. A handoff is a tool: when it is called, the agent changes and the session is told of the new one's
 * instructions and tools at once, so that this stands before the tool's output and before the response that the output
 * asks for. Voice and model stay, history stays. What is confirmed late or not at all blocks nothing; what is refused
 * is taken back, because then the old agent goes on speaking.
 */
#include "base/err.h"
#include "base/json.h"
#include "call/state.h"

void agents_init(struct call *c)
{
    c->agent = c->response_agent = 0;
    c->persona = call_opts_persona(c->o, 0);
    buf_init(&c->persona_text, CALL_WANT_MAX);
}

void agents_done(struct call *c)
{
    buf_done(&c->persona_text);
}

struct str agents_name(const struct call *c, uint32_t agent)
{
    return call_opts_name(c->o, agent);
}

bool agents_tool_off(const struct call *c, uint32_t tool)
{
    return tool < CALL_MAX_TOOLS && (c->tools_off >> tool & 1) != 0;
}

static bool has_name(const struct call *c, const struct call_persona *p, struct str name)
{
    for (uint32_t i = 0; i < p->n_tools; i++) {
        if (p->tools[i] < c->o->n_tools && str_eq(c->o->tools[p->tools[i]].name, name)) {
            return true;
        }
    }
    return false;
}

/* The current agent as it is now: given instructions before its own, without what is switched off, each name once. */
static void rebuild(struct call *c)
{
    struct call_persona all = call_opts_persona(c->o, c->agent);
    c->persona = all;
    c->persona.n_tools = 0;
    for (uint32_t i = 0; i < all.n_tools; i++) {
        uint8_t tool = all.tools[i];
        if (tool < c->o->n_tools && !agents_tool_off(c, tool) && !has_name(c, &c->persona, c->o->tools[tool].name)) {
            c->persona.tools[c->persona.n_tools++] = tool;
        }
    }
    if (c->persona_text.len) {
        c->persona.instructions = buf_str(&c->persona_text);
    }
    c->persona_version++;
}

void agents_told(struct call *c, struct call_persona *ret)
{
    *ret = c->persona;
    ret->instructions = call_keep(c, c->persona.instructions);
    c->persona_told = c->persona_version;
}

/* Tells the session; before: who speaks on if it refuses. */
static void update(struct call *c, uint32_t before, bool at_once)
{
    if (c->model != MODEL_READY) {
        return; /* agents_ready makes up for it */
    }
    if (c->n_updates == CALL_UPDATES) { /* a service that confirms nothing: the oldest is given up */
        memmove(c->updates, c->updates + 1, (CALL_UPDATES - 1) * sizeof(c->updates[0]));
        c->n_updates--;
    }
    uint32_t request = seq_number(c);
    c->updates[c->n_updates++] = (struct agent_update){request, before, c->persona_version};
    if (c->model_no_update) {
        renew_persona(c, at_once);
        return;
    }
    struct call_persona persona;
    agents_told(c, &persona);
    struct call_action *act = call_emit(c, ACT_MODEL_UPDATE);
    act->model_update.request = request;
    act->model_update.persona = persona;
    timer_set(c, TIMER_UPDATE, c->o->deadlines.update_ms);
}

void agents_ready(struct call *c)
{
    c->n_updates = 0; /* an earlier session's */
    timer_off(c, TIMER_UPDATE);
    if (c->persona_told != c->persona_version) {
        update(c, c->agent, true);
    }
}

static void switch_to(struct call *c, uint32_t agent)
{
    uint32_t before = c->agent;
    c->agent = agent;
    rebuild(c);
    update(c, before, true);
}

static uint32_t tool_of(const struct call *c, uint32_t agent, struct str name)
{
    struct call_agent a = call_opts_agent(c->o, agent);
    uint32_t off = UINT32_MAX;
    for (uint32_t i = 0; i < a.n_tools; i++) {
        uint32_t tool = a.tools[i];
        if (tool >= c->o->n_tools || !str_eq(c->o->tools[tool].name, name)) {
            continue;
        }
        if (!agents_tool_off(c, tool)) {
            return tool;
        }
        off = off == UINT32_MAX ? tool : off;
    }
    return off; /* it will be told that it cannot be used now */
}

uint32_t agents_tool(const struct call *c, struct str name)
{
    uint32_t tool = tool_of(c, c->response_agent, name);
    /* A response that the service began by itself before it had read of the new agent is still the old one's. */
    return tool == UINT32_MAX && c->n_updates ? tool_of(c, c->updates[0].before, name) : tool;
}

/* ---- handoff ---- */

/* What a handoff is called with means nothing here, but it must be an object, or nothing at all. */
static bool arguments_ok(const struct tool_slot *s)
{
    struct json_val v;
    struct str text = str_trim(buf_str(&s->arguments));
    return text.n == 0 || (json_parse(text, &v) == 0 && v.type == JSON_OBJECT);
}

static const char *cannot_hand_off(const struct call *c, const struct tool_slot *s, uint32_t to)
{
    if (!arguments_ok(s)) {
        return "The arguments are no JSON object.";
    }
    if (to >= c->o->n_agents) {
        return "There is no such agent.";
    }
    if (agents_tool_off(c, s->tool)) {
        return "This agent is not available now.";
    }
    if (s->response_id[0] && str_is(str_from(s->response_id), c->handoff_response)) {
        return "The call was handed over already.";
    }
    return c->phase == PHASE_FAREWELL ? "The call is ending." : NULL;
}

static void tell_handoff(struct call *c, enum call_signal_kind kind, uint32_t from, uint32_t to, struct str call_id)
{
    struct str kept = call_keep(c, call_id);
    struct str name = call_keep(c, agents_name(c, to));
    struct call_signal *s = call_tell(c, kind);
    s->agent = from;
    s->to = to;
    s->name = name;
    s->tool_call_id = kept;
}

static void put_assistant(struct buf *out, struct str name)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kstr(&w, "assistant", name);
    json_w_close(&w);
}

void agents_handoff(struct call *c, const struct tool_slot *s, struct buf *ret_output)
{
    uint32_t to = c->o->tools[s->tool].agent;
    const char *why = cannot_hand_off(c, s, to);
    if (why) {
        struct json_w w = json_w(ret_output);
        call_remark(c, NOTE_HANDOFF_REFUSED, to, str_from(why));
        json_w_open(&w);
        json_w_kz(&w, "error", why);
        json_w_close(&w);
        return;
    }
    uint32_t from = c->agent;
    call_copy_id(c->handoff_response, str_from(s->response_id));
    buf_clear(&c->persona_text); /* what was said by hand was meant for the other one */
    switch_to(c, to);
    tell_handoff(c, SIGNAL_HANDOFF, from, to, str_from(s->id));
    call_remark(c, NOTE_HANDOFF, to, agents_name(c, to));
    put_assistant(ret_output, agents_name(c, to));
}

/* ---- confirmation ---- */

void agents_updated(struct call *c)
{
    if (c->n_updates == 0) {
        return;
    }
    memmove(c->updates, c->updates + 1, (c->n_updates - 1) * sizeof(c->updates[0]));
    if (--c->n_updates == 0) {
        timer_off(c, TIMER_UPDATE);
    }
}

static struct agent_update *find_update(struct call *c, uint32_t request)
{
    for (uint32_t i = 0; i < c->n_updates; i++) {
        if (c->updates[i].request == request) {
            return &c->updates[i];
        }
    }
    return NULL;
}

bool agents_error(struct call *c, uint32_t request, struct str code)
{
    struct agent_update *u = request ? find_update(c, request) : NULL;
    if (!u) {
        return false;
    }
    struct agent_update was = *u;
    memmove(u, u + 1, (size_t)(c->updates + c->n_updates - (u + 1)) * sizeof(*u));
    if (--c->n_updates == 0) {
        timer_off(c, TIMER_UPDATE);
    }
    call_remark(c, NOTE_UPDATE_REFUSED, was.before, code);
    if (was.version == c->persona_version && was.before != c->agent) {
        uint32_t from = c->agent;
        c->agent = was.before;
        rebuild(c);
        c->persona_told = c->persona_version; /* the session was told of it once, and it holds */
        tell_handoff(c, SIGNAL_AGENT_CHANGED, from, c->agent, STR_NULL);
    }
    return true;
}

void agents_not_switched(struct call *c, struct str code)
{
    if (c->n_updates) {
        ignore_result(agents_error(c, c->updates[c->n_updates - 1].request, code)); /* it is there */
    }
}

void agents_expired(struct call *c)
{
    call_remark(c, NOTE_UPDATE_TIMEOUT, c->n_updates, agents_name(c, c->agent));
    c->n_updates = 0;
}

/* ---- by hand ---- */

void agents_switch(struct call *c, const struct call_event *ev)
{
    uint32_t to = ev->control_agent.agent == UINT32_MAX ? c->agent : ev->control_agent.agent;
    if (to >= MAX(c->o->n_agents, 1u)) {
        call_remark(c, NOTE_CONTROL_REFUSED, to, STR("agent: there is none of that number"));
        return;
    }
    uint32_t from = c->agent;
    buf_clear(&c->persona_text);
    buf_put_str(&c->persona_text, ev->control_agent.instructions);
    switch_to(c, to);
    tell_handoff(c, SIGNAL_AGENT_CHANGED, from, to, STR_NULL);
}

void agents_enable(struct call *c, const struct call_event *ev)
{
    uint32_t tool = ev->control_enable.tool;
    if (tool >= c->o->n_tools || agents_tool_off(c, tool) == !ev->control_enable.on) {
        return;
    }
    c->tools_off ^= UINT64_C(1) << tool;
    struct call_persona before = c->persona;
    rebuild(c);
    bool same = before.n_tools == c->persona.n_tools &&
                memcmp(before.tools, c->persona.tools, before.n_tools * sizeof(before.tools[0])) == 0;
    if (same) {
        c->persona_version--; /* not one of this agent's */
    } else {
        update(c, c->agent, false);
    }
}
