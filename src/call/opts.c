#include "call/opts.h"

#include "base/err.h"

void tool_rules_init(struct tool_rules *r)
{
    *r = (struct tool_rules){.approval = {.timeout_ms = 60000}};
}

void call_opts_init(struct call_opts *o)
{
    *o = (struct call_opts){
        .greeting = {.kind = GREETING_PROMPT, .fallback_ms = 5000},
        .turn = {.kind = TURN_SERVER_VAD,
                 .threshold = -1,
                 .prefix_padding_ms = -1,
                 .silence_duration_ms = -1,
                 .idle_timeout_ms = -1,
                 .create_response = true,
                 .interrupt_response = true},
        .vad = {.rate_hz = 8000,
                .start_ppm = 500000,
                .end_ppm = 350000,
                .min_speech_ms = 96,
                .min_silence_ms = 400,
                .pre_speech_ms = 300,
                .grace_ms = 500},
        .barge_in = {.on = true,
                     .pause = true,
                     .verdict_ms = 420,
                     .pause_ppm = 166666,
                     .min_speech_ms = 224,
                     .echo_extra_ms = 160,
                     .reject_silence_ms = 128,
                     .backchannel_ms = 640,
                     .edge_ms = 1000,
                     .back_ms = 300,
                     .backoff_ms = 10000,
                     .backoff_ppm = 200000},
        .silence = {.on = true,
                    .after_ms = 15000,
                    .again_ms = 10000,
                    .n_prompts = 2,
                    .prompts = {STR("Are you still there?"), STR("I cannot hear you. Are you still on the line?")},
                    .goodbye = STR("I still cannot hear you, so I will hang up now. Goodbye.")},
        .dead_air = {.on = true, .nudge_ms = 8000, .nudges = 1, .max_response_ms = 300000},
        .renewal = {.n_providers = 1,
                    .before_s = 180,
                    .latest_s = 15,
                    .open_ms = 6000,
                    .attempts = 3,
                    .backoff_ms = 250,
                    .gap_ms = 15000,
                    .filler_ms = 2000,
                    .max_items = 300,
                    .max_bytes = 64 << 10},
        .echo_guard = true,
        .playout = {.lead_ms = 200, .max_lead_ms = 600, .burst_ms = 100},
        .deadlines = {.leg_start_ms = 15000,
                      .model_ready_ms = 8000,
                      .response_ms = 5000,
                      .stall_ms = 15000,
                      .cancel_ms = 3000,
                      .tool_ms = 10000,
                      .farewell_ms = 5000,
                      .hangup_ms = 5000,
                      .media_ms = 20000,
                      .update_ms = 5000,
                      .transfer_ms = 20000},
        .limits = {.max_call_s = 3600, .queue_ms = 600000, .uplink_ms = 10000, .history_kb = 512},
        .record = true,
        .approvals = {.yes = STR(
                          "yes\nyeah\nyep\nsure\nok\nokay\ncorrect\nthat is right\nthat's right\ngo ahead\nof course"),
                      .no = STR("no\nnope\nnot\ndon't\ndo not\nnever\nstop\nwait\ncancel"),
                      .transcript_ms = 3000},
        .guards = {.debounce_chars = 100, .hold_max_ms = 1500, .unit_us = 45000, .margin_ms = 400, .max_trips = 3},
    };
}

#define COPY_LIST(to, from, n)                                                                                         \
    do {                                                                                                               \
        if ((n) > 0 && (to) != (from)) {                                                                               \
            memcpy((to), (from), (n) * sizeof(*(to)));                                                                 \
        }                                                                                                              \
        (from) = (to);                                                                                                 \
    } while (0)

void call_opts_lend(struct call_opts *o, struct call_opts_room *room)
{
    COPY_LIST(room->tools, o->tools, o->n_tools);
    COPY_LIST(room->agents, o->agents, o->n_agents);
    COPY_LIST(room->guards, o->guards.list, o->guards.n_list);
}

int call_opts_pack(struct call_opts *o, struct arena *a)
{
    struct call_tool *tools = arena_raw(a, o->n_tools * sizeof(*tools));
    struct call_agent *agents = arena_raw(a, o->n_agents * sizeof(*agents));
    struct call_guard *guards = arena_raw(a, o->guards.n_list * sizeof(*guards));
    if (!tools || !agents || !guards) {
        return -ENOMEM;
    }
    COPY_LIST(tools, o->tools, o->n_tools);
    COPY_LIST(agents, o->agents, o->n_agents);
    COPY_LIST(guards, o->guards.list, o->guards.n_list);
    return 0;
}

int call_agent_add_tool(struct call_agent *a, uint32_t tool)
{
    if (tool >= CALL_MAX_TOOLS || a->n_tools == CALL_MAX_TOOLS) {
        return -ERR_LIMIT;
    }
    a->tools[a->n_tools++] = (uint8_t)tool;
    return 0;
}

struct call_agent call_opts_agent(const struct call_opts *o, uint32_t index)
{
    if (index < o->n_agents) {
        return o->agents[index];
    }
    struct call_agent only = {.name = o->agent, .instructions = o->instructions, .n_tools = o->n_tools};
    for (uint32_t i = 0; i < o->n_tools; i++) {
        only.tools[i] = (uint8_t)i;
    }
    return only;
}

struct call_persona call_opts_persona(const struct call_opts *o, uint32_t index)
{
    struct call_agent a = call_opts_agent(o, index);
    struct call_persona p = {.agent = index, .instructions = a.instructions, .n_tools = a.n_tools};
    memcpy(p.tools, a.tools, sizeof(p.tools));
    return p;
}

struct str call_opts_name(const struct call_opts *o, uint32_t index)
{
    return index < o->n_agents ? o->agents[index].name : o->agent;
}

uint32_t call_opts_find_agent(const struct call_opts *o, struct str name)
{
    for (uint32_t i = 0; i < MAX(o->n_agents, 1u); i++) {
        if (str_eq(o->n_agents ? o->agents[i].name : o->agent, name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
}

int call_handoff_name(struct str agent, char ret[CALL_ID_MAX])
{
    struct str prefix = STR("transfer_to_");
    if (agent.n + prefix.n >= CALL_ID_MAX) {
        return -ERR_TOO_BIG;
    }
    memcpy(ret, prefix.p, prefix.n);
    for (size_t i = 0; i < agent.n; i++) {
        char ch = agent.p[i];
        char low = ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
        ret[prefix.n + i] = is_word(low) ? low : '_';
    }
    ret[prefix.n + agent.n] = '\0';
    return 0;
}
