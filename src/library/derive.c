#include "library/derive.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "library/tool_call.h"
#include "library/wording.h"

#define ANOTHER "Another agent takes over."

static int keep(struct snapshot *s, const char *text, struct str *ret)
{
    struct str kept = arena_str(&s->own, str_from(text ? text : ""));
    if (!kept.p) {
        return -ENOMEM;
    }
    *ret = kept;
    return 0;
}

/* ---- tools ---- */

static enum approval_kind approval_of(const struct rt_tool *tool)
{
    switch (tool->approval) {
    case RT_APPROVAL_NEVER:
        break;
    case RT_APPROVAL_ALWAYS:
        return APPROVAL_ALWAYS;
    case RT_APPROVAL_ASK:
        return APPROVAL_WHEN;
    }
    return APPROVAL_NEVER;
}

static int describe(struct snapshot *s, const struct rt_tool *tool, struct call_tool *ret)
{
    struct call_tool t = {.kind = CALL_TOOL_HOST, .deadline_ms = tool->timeout_ms};
    tool_rules_init(&t.rules);
    t.rules.approval.kind = approval_of(tool);
    int err = keep(s, tool->name, &t.name);
    if (err >= 0) {
        err = keep(s, tool->description, &t.description);
    }
    if (err >= 0) {
        err = keep(s, tool->schema, &t.parameters);
    }
    if (err >= 0) {
        *ret = t;
    }
    return err;
}

/* The host's half of a tool: how it is run. */
static int add_slot(struct snapshot *s, const struct call_tool *call, struct crew *crew, const struct rt_tool *tool)
{
    struct snapshot_tool *tools = reallocarray(s->tools, s->n_tools + 1, sizeof(*tools));
    if (!tools) {
        return -ENOMEM;
    }
    s->tools = tools;
    struct snapshot_tool *slot = &s->tools[s->n_tools];
    *slot = (struct snapshot_tool){.call = *call, .is_code = true};
    slot->code = (struct code_opts){
        .crew = crew,
        .run = tool_call_run,
        .asks = tool->approval == RT_APPROVAL_ASK ? tool_call_asks : NULL,
        .arg = (void *)(uintptr_t)tool, /* only read there */
    };
    int err = json_schema_new(call->parameters, NULL, NULL, NULL, &slot->schema);
    s->n_tools += err >= 0;
    return err;
}

static bool same_tool(const struct rt_tool *a, const struct rt_tool *b)
{
    return a->fn == b->fn && a->arg == b->arg && strcmp(a->schema, b->schema) == 0;
}

int derive_add_tool(struct snapshot *s, struct crew *crew, const struct rt_tool *tool, uint32_t *ret_index)
{
    struct call_opts *o = &s->call;
    for (uint32_t i = 0; i < o->n_tools; i++) { /* several agents may have it */
        const struct snapshot_tool *slot =
            str_is(o->tools[i].name, tool->name) ? snapshot_tool(s, o->tools[i].name) : NULL;
        if (slot && slot->is_code && same_tool(slot->code.arg, tool)) {
            *ret_index = i;
            return 0;
        }
    }
    if (o->n_tools == CALL_MAX_TOOLS) {
        return -ERR_LIMIT;
    }
    struct call_tool call;
    int err = describe(s, tool, &call);
    if (err >= 0) {
        err = add_slot(s, &call, crew, tool);
    }
    if (err >= 0) {
        *ret_index = o->n_tools;
        o->tools[o->n_tools++] = call;
    }
    return err;
}

int derive_offer_tool(struct snapshot *s, struct crew *crew, const struct rt_tool *tool, const char *agent)
{
    struct call_tool call;
    uint32_t slot = 0;
    if (s->n_added == ARRAY_LEN(s->added)) {
        return -ERR_LIMIT;
    }
    while (slot < s->n_tools && !str_eq(s->tools[slot].call.name, str_from(tool->name))) {
        slot++;
    }
    int err = 0;
    if (slot == s->n_tools) { /* else another agent has it already */
        err = describe(s, tool, &call);
        err = err < 0 ? err : add_slot(s, &call, crew, tool);
    }
    if (err >= 0) {
        s->added[s->n_added++] = (struct snapshot_added){slot, agent};
    }
    return err;
}

/* ---- agents ---- */

int derive_instructions(const struct rt_agent *agent, char **ret)
{
    if (agent->instructions_fn) {
        return wording_ask(agent->instructions_fn, agent->instructions_arg, ret);
    }
    *ret = str_dup(str_from(agent->instructions ? agent->instructions : ""));
    return *ret ? 0 : -ENOMEM;
}

static bool has_name(const struct snapshot *s, const struct call_agent *a, struct str name)
{
    for (uint32_t i = 0; i < a->n_tools; i++) {
        if (str_eq(s->call.tools[a->tools[i]].name, name)) {
            return true;
        }
    }
    return false;
}

static int add_to_agent(struct snapshot *s, struct call_agent *a, uint32_t tool, struct buf *err)
{
    struct str name = s->call.tools[tool].name;
    if (has_name(s, a, name)) {
        buf_printf(err, "agent \"" STR_FMT "\" has two tools or handoffs called \"" STR_FMT "\"", STR_ARG(a->name),
                   STR_ARG(name));
        return -EEXIST;
    }
    return call_agent_add_tool(a, tool);
}

static int add_tools(struct rt_runner *r, struct snapshot *s, const struct rt_agent *from, struct call_agent *a,
                     struct buf *err)
{
    for (uint32_t i = 0; i < from->n_tools; i++) {
        const struct rt_tool *tool = from->tools[i];
        uint32_t index = 0;
        if (tool->enabled && tool->enabled(tool->enabled_arg) <= 0) {
            continue;
        }
        int e = derive_add_tool(s, r->crew, tool, &index);
        e = e < 0 ? e : add_to_agent(s, a, index, err);
        if (e < 0) {
            buf_puts(err, err->len == 0 && e == -ERR_LIMIT ? "the agents have too many tools" : "");
            return e;
        }
    }
    return 0;
}

static int add_handoff(struct rt_runner *r, struct snapshot *s, uint32_t to, struct call_agent *a, struct buf *err)
{
    const struct rt_agent *target = r->graph->agents[to].agent;
    struct call_opts *o = &s->call;
    struct call_tool t = {.kind = CALL_TOOL_HANDOFF, .agent = to};
    char name[CALL_ID_MAX];
    tool_rules_init(&t.rules);
    if (o->n_tools == CALL_MAX_TOOLS) {
        return -ERR_LIMIT;
    }
    int e = call_handoff_name(str_from(target->name), name);
    if (e >= 0) {
        e = keep(s, name, &t.name);
    }
    if (e >= 0) {
        e = keep(s, target->handoff_description ? target->handoff_description : ANOTHER, &t.description);
    }
    if (e < 0) {
        return e;
    }
    t.parameters = STR("{\"type\":\"object\",\"properties\":{},\"required\":[]}");
    o->tools[o->n_tools] = t;
    return add_to_agent(s, a, o->n_tools++, err);
}

/* One that the program is asked about: a tool of its own that hands over when it is done. */
static int add_asked(struct rt_runner *r, struct snapshot *s, const struct graph_handoff *h, struct call_agent *a,
                     struct buf *err)
{
    const char *words = r->graph->agents[h->to].agent->handoff_description;
    uint32_t index = 0;
    int e = derive_add_tool(s, r->crew, h->tool, &index);
    if (e < 0) {
        return e;
    }
    const struct rt_tool *first = snapshot_tool(s, str_from(h->tool->name))->code.arg;
    if (first->enabled != h->tool->enabled || first->enabled_arg != h->tool->enabled_arg) {
        return add_handoff(r, s, h->to, a,
                           err); /* one name, one function: this condition is asked when it is offered */
    }
    struct call_tool *t = &s->call.tools[index];
    t->kind = CALL_TOOL_ASKED;
    t->agent = h->to;
    e = t->description.n > 0 ? 0 : keep(s, words ? words : ANOTHER, &t->description);
    return e < 0 ? e : add_to_agent(s, a, index, err);
}

static int add_handoffs(struct rt_runner *r, struct snapshot *s, const struct graph_agent *from, struct call_agent *a,
                        struct buf *err)
{
    int e = 0;
    for (uint32_t i = 0; i < from->n_handoffs && e >= 0; i++) {
        const struct graph_handoff *h = &from->handoffs[i];
        bool on = !h->tool || !h->tool->enabled || h->tool->enabled(h->tool->enabled_arg) > 0;
        if (on) {
            e = h->tool ? add_asked(r, s, h, a, err) : add_handoff(r, s, h->to, a, err);
        }
    }
    return e;
}

static int add_agent(struct rt_runner *r, struct snapshot *s, uint32_t i, struct buf *err)
{
    const struct graph_agent *from = &r->graph->agents[i];
    struct call_agent *a = &s->call.agents[i];
    char *instructions = NULL;
    *a = (struct call_agent){0};
    int e = keep(s, from->agent->name, &a->name);
    if (e >= 0) {
        e = derive_instructions(from->agent, &instructions);
    }
    if (e >= 0) {
        e = keep(s, instructions, &a->instructions);
        free(instructions);
    } else if (e != -ENOMEM) {
        buf_printf(err, "the instructions of agent \"%s\": %s", from->agent->name, err_text(e));
    }
    if (e >= 0) {
        e = keep(s, from->agent->handoff_description, &a->handoff_description);
    }
    if (e >= 0) {
        e = add_tools(r, s, from->agent, a, err);
    }
    return e < 0 ? e : add_handoffs(r, s, from, a, err);
}

/* The lists of a call are as long as they are; here they are filled anew. */
static int more_room(struct snapshot *s)
{
    struct call_opts_room *room = arena_alloc(&s->own, sizeof(*room));
    if (!room) {
        return -ENOMEM;
    }
    call_opts_lend(&s->call, room);
    return 0;
}

/* The program's agents stand in place of those of the configuration. */
static int replace_agents(struct rt_runner *r, struct snapshot *s, struct buf *err)
{
    struct call_opts *o = &s->call;
    const struct rt_agent *first = r->graph->agents[0].agent;
    o->n_tools = 0;
    o->n_agents = 0;
    int e = more_room(s);
    if (e < 0) {
        return e;
    }
    o->n_agents = r->graph->n;
    for (uint32_t i = 0; i < r->graph->n && e >= 0; i++) {
        e = add_agent(r, s, i, err);
    }
    if (e < 0) {
        return e;
    }
    o->agent = o->agents[0].name;
    o->instructions = o->agents[0].instructions;
    o->greeting.kind = first->greeting ? GREETING_TEXT : GREETING_NONE;
    return keep(s, first->greeting, &o->greeting.text);
}

/* ---- the session ---- */

static int keep_headers(struct snapshot *s, const struct derive_opts *o)
{
    struct str_pair *pairs = arena_alloc(&s->own, MAX(o->n_headers, (size_t)1) * sizeof(*pairs));
    int err = pairs ? 0 : -ENOMEM;
    for (size_t i = 0; i < o->n_headers && err >= 0; i++) {
        err = keep(s, o->headers[i].name, &pairs[i].name);
        err = err < 0 ? err : keep(s, o->headers[i].value, &pairs[i].value);
    }
    s->session.headers = err < 0 || o->n_headers == 0 ? NULL : pairs;
    s->session.n_headers = (uint32_t)o->n_headers;
    return err;
}

static int point_at(struct snapshot *s, const struct derive_opts *o)
{
    struct snapshot_session *own = &s->session;
    int err = keep_headers(s, o);
    if (err >= 0 && o->url) {
        err = keep(s, o->url, &own->url);
        s->own_sandbox = false;
    }
    return err < 0 || !o->api_key ? err : keep(s, o->api_key, &own->api_key);
}

/* The program's own format is the best for the model too, unless the service has only a better one. */
static enum audio_format model_format(enum audio_format format)
{
    return format == AUDIO_PCMU || format == AUDIO_PCMA ? format : AUDIO_PCM16_24K;
}

static bool has(const struct derive_opts *o, enum setting setting)
{
    return o->settings && o->settings->json[setting];
}

static bool wants_text(const struct rt_settings *s)
{
    const char *json = s ? s->json[SETTING_MODALITIES] : NULL;
    return json && !strstr(json, "\"audio\"");
}

static void adapt(const struct rt_runner *r, struct snapshot *s, const struct derive_opts *o)
{
    struct snapshot_session *own = &s->session;
    own->own = true;
    own->own_agents = r->graph != NULL;
    own->fixed_agent = r->agent_name != NULL;
    own->text_only = wants_text(o->settings);
    own->immediate = o->immediate;
    own->sequential = r->sequential;
    own->record = r->records_dir != NULL;
    own->debounce_chars = r->debounce;
    own->input = own->output = model_format(o->format);
    own->input_set = !has(o, SETTING_INPUT_FORMAT);
    own->output_set = o->immediate || !has(o, SETTING_OUTPUT_FORMAT);
    own->transport = o->transport;
    own->on_raw = o->on_raw;
    own->raw_arg = o->raw_arg;
    s->context = o->context;
}

struct loading {
    struct rt_runner *r;
    struct buf *err;
    struct snapshot *snapshot;
};

static bool was_told(const struct config *cfg, struct str warning)
{
    for (uint32_t i = 0; i < cfg->warnings.n; i++) {
        if (str_eq(cfg->warnings.v[i], warning)) {
            return true;
        }
    }
    return false;
}

/* What this session's settings alone give cause to; the runner's were told when it was made. */
static void tell_warnings(const struct rt_runner *r, const struct config *cfg)
{
    for (uint32_t i = 0; i < cfg->warnings.n; i++) {
        if (!was_told(r->config, cfg->warnings.v[i])) {
            log_warn(NULL, "config.warning", "text=\"" STR_FMT "\"", STR_ARG(cfg->warnings.v[i]));
        }
    }
}

static int load(const struct config_source *source, void *arg)
{
    struct loading *l = arg;
    struct config *cfg = NULL;
    int err = config_load(source, l->err, &cfg);
    if (err >= 0) {
        tell_warnings(l->r, cfg);
    }
    return err < 0 ? err : gateway_snapshot(l->r->gw, cfg, l->err, &l->snapshot); /* takes cfg */
}

int derive_snapshot(struct rt_runner *r, const struct derive_opts *o, struct buf *err, struct snapshot **ret)
{
    struct loading l = {r, err, NULL};
    int e = runner_load(r, o->settings, load, &l);
    if (e < 0) {
        return e;
    }
    e = point_at(l.snapshot, o);
    if (e >= 0 && r->graph) {
        e = replace_agents(r, l.snapshot, err);
    }
    for (size_t i = 0; i < r->n_guardings && e >= 0; i++) {
        e = guarding_add(l.snapshot, r->crew, &r->guardings[i]);
    }
    if (e < 0) {
        snapshot_unref(l.snapshot);
        return e;
    }
    adapt(r, l.snapshot, o);
    *ret = l.snapshot;
    return 0;
}
