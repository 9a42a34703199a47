/* Several agents, shared tools, handoffs, routes and providers that take over. */
#include "fixture.h"

#define HOOK "webhook: {url: 'https://crm.example.com/c'}"
#define TWO                                                                                                            \
    "agents:\n"                                                                                                        \
    "  triage: {instructions: Ask., handoffs: [Billing Desk]}\n"                                                       \
    "  Billing Desk: {instructions: Bill., handoff_description: Knows bills., handoffs: [triage]}\n"

TEST(agents_are_a_map_and_the_first_takes_calls)
{
    struct fixture f;
    fixture_ok(&f, TWO, NULL);
    assert_int_equal(f.cfg->agent_count, 2);
    assert_int_equal(f.cfg->start_agent, 0);
    assert_str_is(f.cfg->agent.name, "triage");
    const struct config_agent *a = &f.cfg->agents[0];
    assert_str_is(a->instructions, "Ask.");
    assert_int_equal(a->handoff_count, 1);
    assert_int_equal(a->handoffs[0].agent, 1);
    assert_str_is(a->handoffs[0].tool_name, "transfer_to_billing_desk");
    assert_str_is(a->handoffs[0].description, "Knows bills.");
    assert_null(a->handoffs[0].enabled);
    assert_str_is(f.cfg->agents[1].handoffs[0].tool_name, "transfer_to_triage");
    assert_int_equal(a->tools.n, 1); /* not the demonstration's */
    assert_str_is(a->tools.v[0], "end_call");
    fixture_done(&f);
}

TEST(one_agent_needs_no_map)
{
    struct fixture f;
    fixture_ok(&f, "agent: {name: shop, instructions: Sell.}", NULL);
    assert_int_equal(f.cfg->agent_count, 1);
    assert_str_is(f.cfg->agents[0].name, "shop");
    assert_str_is(f.cfg->agents[0].instructions, "Sell.");
    assert_str_is(f.cfg->start_agent_name, "shop");
    fixture_done(&f);
}

TEST(what_agent_says_is_said_to_all)
{
    struct fixture f;
    fixture_ok(&f,
               "agents:\n"
               "  a: {instructions: A.}\n"
               "  b: {instructions: B., voice: marin, turn_detection: {type: server_vad, silence_duration_ms: 700},"
               " tools: []}\n"
               "  c: {greeting: Hi from c}\n"
               "agent:\n" /* its place in the file does not matter */
               "  voice: ash\n"
               "  instructions: Shared.\n"
               "  turn_detection: {type: local, min_silence_ms: 600}\n"
               "  tools: [end_call]\n",
               NULL);
    const struct config_agent *a = f.cfg->agents;
    assert_int_equal(f.cfg->agent_count, 3);
    assert_str_is(a[0].instructions, "A.");
    assert_str_is(a[0].voice, "ash");
    assert_int_equal(a[0].vad.min_silence_ms, 600);
    assert_int_equal(a[0].tools.n, 1);
    assert_str_is(a[1].voice, "marin");
    assert_int_equal(a[1].turn.kind, TURN_SERVER_VAD);
    assert_int_equal(a[1].turn.silence_duration_ms, 700);
    assert_int_equal(a[1].tools.n, 0);
    assert_str_is(a[2].instructions, "Shared.");
    assert_str_is(a[2].greeting.text, "Hi from c");
    /* The demonstration's greeting is nobody's here. */
    assert_int_equal(a[0].greeting.kind, GREETING_PROMPT);
    assert_str_is(a[0].greeting.text, "");
    fixture_done(&f);
}

TEST(own_instructions_come_before_a_shared_file)
{
    struct fixture f;
    fixture_ok(&f,
               "agent: {instructions_file: /etc/hostname}\n"
               "agents: {a: {instructions: Own.}, b: {}}\n",
               NULL);
    assert_str_is(f.cfg->agents[0].instructions, "Own.");
    assert_true(f.cfg->agents[1].instructions.n > 0);
    assert_false(str_is(f.cfg->agents[1].instructions, "Own."));
    fixture_done(&f);
    fixture_ok(&f, "agent: {instructions: Shared.}\nagents: {a: {instructions_file: /etc/hostname}}\n", NULL);
    assert_false(str_is(f.cfg->agents[0].instructions, "Shared."));
    fixture_done(&f);
}

TEST(tools_are_shared_by_name)
{
    struct fixture f;
    fixture_ok(&f,
               "tools:\n"
               "  lookup: {description: Looks up., " HOOK "}\n"
               "  end_call: {description: Ends it., enabled: {days: mon-fri}}\n"
               "agents:\n"
               "  a: {instructions: A., tools: [lookup, end_call]}\n"
               "  b: {instructions: B., tools: [check_order_status, lookup, {name: own, description: Own., " HOOK
               "}]}\n",
               NULL);
    const struct config *c = f.cfg;
    assert_int_equal(c->tool_count, 4);
    uint32_t lookup = config_find_tool(c, STR("lookup"));
    assert_int_equal(c->agents[0].tool_refs[0], lookup);
    assert_int_equal(c->agents[1].tool_refs[1], lookup);
    const struct config_tool *end = &c->tools[config_find_tool(c, STR("end_call"))];
    assert_true(end->builtin);
    assert_non_null(end->enabled);
    assert_str_is(end->description, "Ends it.");
    assert_str_is(c->agents[1].tools.v[2], "own");
    assert_int_equal(c->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, "tools: [{name: lookup, description: L., " HOOK "}]\nagent: {tools: [lookup]}",
               NULL); /* as a list */
    assert_str_is(f.cfg->agent.tools.v[0], "lookup");
    fixture_done(&f);
}

TEST(routes_are_read_in_order)
{
    struct fixture f;
    fixture_ok(&f,
               TWO "providers: {main: {kind: sandbox}, eu: {kind: sandbox}}\n"
                   "agent: {provider: main, tools: [end_call, check_order_status]}\n"
                   "routes:\n"
                   "  - {when: {called: '+1555'}, agent: Billing Desk, provider: eu, tools: [end_call], language: de,"
                   " voice: marin, greeting: Hallo, variables: {brand: X}}\n"
                   "  - {name: rest, greeting: ''}\n",
               NULL);
    const struct config_route *r = f.cfg->routes;
    assert_int_equal(f.cfg->route_count, 2);
    assert_str_is(r[0].name, "#1");
    assert_int_equal(r[0].agent, 1);
    assert_int_equal(r[0].provider, 1);
    assert_true(r[0].narrowed && r[0].greeting_given);
    assert_str_is(r[0].tools.v[0], "end_call");
    assert_str_is(r[0].language, "de");
    assert_str_is(r[0].voice, "marin");
    assert_str_is(r[0].variables.v[0].value, "X");
    assert_str_is(r[1].name, "rest");
    assert_int_equal(r[1].agent, 0);
    assert_int_equal(r[1].provider, CONFIG_NONE);
    assert_true(!r[1].narrowed && r[1].greeting_given && r[1].greeting.n == 0);
    struct when_facts facts = {.called = STR("+1555")};
    assert_ptr_equal(config_find_route(f.cfg, &facts), &r[0]);
    facts.called = STR("+1556");
    assert_ptr_equal(config_find_route(f.cfg, &facts), &r[1]);
    fixture_done(&f);
}

TEST(a_route_to_an_agent_that_is_off_is_passed_over)
{
    struct fixture f;
    struct when_facts facts = {.called = STR("+1"), .caller = STR("+49")};
    fixture_ok(&f,
               "agents:\n"
               "  a: {instructions: A.}\n"
               "  b: {instructions: B., enabled: {caller: '+1*'}}\n"
               "routes: [{when: {called: '+1'}, agent: b}, {when: {called: '+1'}, agent: a}]\n",
               NULL);
    assert_ptr_equal(config_find_route(f.cfg, &facts), &f.cfg->routes[1]);
    facts.caller = STR("+1777");
    assert_ptr_equal(config_find_route(f.cfg, &facts), &f.cfg->routes[0]);
    fixture_done(&f);
}

TEST(providers_name_who_takes_over_and_narrow_tools)
{
    struct fixture f;
    fixture_ok(&f,
               "providers:\n"
               "  main: {kind: sandbox, failover: [spare, last], tools: [end_call]}\n"
               "  spare: {kind: sandbox}\n"
               "  last: {kind: sandbox}\n"
               "agent: {provider: main}\n",
               NULL);
    const struct config_provider *p = f.cfg->providers;
    assert_int_equal(p[0].failover.n, 2);
    assert_int_equal(p[0].failover_to[0], 1);
    assert_int_equal(p[0].failover_to[1], 2);
    assert_true(p[0].narrowed);
    assert_false(p[1].narrowed);
    fixture_done(&f);
}

TEST(the_environment_speaks_to_the_starting_agent)
{
    struct fixture f;
    fixture_ok(&f, TWO "start_agent: Billing Desk\n",
               ENV("SYSTEM_PROMPT=From outside.", "GREETING=Hi.", "VAD_MIN_SILENCE_MS=900", "AGENT_NAME=x"));
    assert_str_is(f.cfg->agents[0].instructions, "Ask.");
    assert_str_is(f.cfg->agents[1].instructions, "From outside.");
    assert_str_is(f.cfg->agents[1].greeting.text, "Hi.");
    assert_int_equal(f.cfg->agents[0].vad.min_silence_ms, 900); /* how to listen is told to all */
    assert_str_is(f.cfg->agents[1].name, "Billing Desk");
    fixture_done(&f);
}

TEST(a_model_is_its_providers_a_voice_the_agents)
{
    struct fixture f;
    fixture_ok(&f,
               "providers: {a: {kind: sandbox, model: m-a, voice: v-a}, b: {kind: sandbox, model: m-b, voice: v-b}}\n"
               "agent: {provider: a, model: m-own, voice: ash}\n",
               NULL);
    const struct config_agent *a = &f.cfg->agent;
    assert_str_is(config_model(f.cfg, a, CONFIG_NONE), "m-own");
    assert_str_is(config_model(f.cfg, a, 0), "m-own");
    assert_str_is(config_model(f.cfg, a, 1), "m-b");
    assert_str_is(config_voice(f.cfg, a, 1), "ash");
    fixture_done(&f);
}

TEST(what_is_printed_can_be_read_again)
{
    struct fixture f, again;
    struct buf dump, dump2;
    fixture_ok(&f,
               TWO "start_agent: Billing Desk\ncompany_name: 'A \"B\"'\nvariables: {x: '1: 2'}\n"
                   "providers: {main: {kind: sandbox, failover: [spare]}, spare: {kind: sandbox, tools: []}}\n"
                   "agent: {provider: main, tools: [t, end_call]}\n"
                   "tools: {t: {description: T., enabled: {not: {hours: '9-10', time_zone: '+01:00'}}, " HOOK "}}\n"
                   "routes: [{when: {header: {A: b, C: [d, e]}}, agent: triage, tools: []}, {voice: ash}]\n",
               NULL);
    buf_init(&dump, 1 << 20);
    buf_init(&dump2, 1 << 20);
    config_dump_masked(f.cfg, &dump);
    fixture_ok(&again, buf_cstr(&dump), NULL);
    config_dump_masked(again.cfg, &dump2);
    assert_string_equal(buf_cstr(&dump), buf_cstr(&dump2));
    assert_int_equal(again.cfg->start_agent, 1);
    assert_true(again.cfg->routes[0].narrowed && !again.cfg->routes[1].narrowed);
    assert_true(again.cfg->providers[1].narrowed && !again.cfg->providers[0].narrowed);
    assert_false(again.cfg->routes[1].greeting_given);
    fixture_done(&again);
    fixture_done(&f);
    buf_done(&dump);
    buf_done(&dump2);
}

TEST(mistakes_are_told_with_their_place_and_the_nearest_name)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"agents: [a]", "t.yaml:1:9: agents must be a map of agents\n"},
        {"agents: {}", "t.yaml:1:9: agents must be a map of agents\n"},
        {"agents: {a: x}", "t.yaml:1:10: agents.a must be a map of keys\n"},
        {"agents: {a: {}}", "t.yaml:1:10: agents.a.instructions is missing\n"},
        {"agents: {a/b: {instructions: x}}",
         "t.yaml:1:10: an agent's name is made of at most 48 letters, digits, blanks, - and _, not \"a/b\"\n"},
        {"agents: {a: {instructions: x, name: b}}", "t.yaml:1:37: agents.a.name: its name is a already\n"},
        {"agents: {a: {instructons: x}}", "t.yaml:1:14: unknown key \"instructons\"; did you mean \"instructions\"?\n"
                                          "t.yaml:1:10: agents.a.instructions is missing\n"},
        {"agents: {a: {instructions: x, speed: 9}}",
         "t.yaml:1:38: agents.a.speed must be a number from 0.25 to 1.5, not \"9\"\n"},
        {"agents: {a: {instructions: x, silence: {goodbye: ' '}}}", "t.yaml:1:50: agents.a.silence.goodbye is empty\n"},
        {"agents: {triage: {instructions: x, handoffs: [triaje]}}",
         "t.yaml:1:47: agents.triage.handoffs: there is no agent \"triaje\"; did you mean \"triage\"?\n"},
        {"agents: {a: {instructions: x, handoffs: [a]}}",
         "t.yaml:1:42: agents.a.handoffs: a cannot hand over to itself\n"},
        {"agents: {a: {instructions: x, handoffs: [{agnt: a}]}}",
         "t.yaml:1:43: unknown key \"agnt\" in agents.a.handoffs[0]; did you mean \"agent\"?\n"
         "t.yaml:1:41: agents.a.handoffs needs the name of an agent in entry 0\n"},
        {"agents: {a: {instructions: x, handoffs: [b-c, b_c]}, b-c: {instructions: x}, b_c: {instructions: x}}",
         "t.yaml:1:47: agents.a.handoffs: b-c and b_c would both be the tool transfer_to_b_c\n"},
        {"tools: {transfer_to_b: {description: T., " HOOK "}}\n"
         "agents: {a: {instructions: x, handoffs: [b], tools: [transfer_to_b]}, b: {instructions: x}}",
         "t.yaml:2:42: agents.a.handoffs: b would be the tool transfer_to_b, and there is another one in "
         "agents.a.tools\n"},
        {"agents: {a: {instructions: x, tools: [lookup]}}\ntools: {look_up: {description: T., " HOOK "}}",
         "t.yaml:1:39: agents.a.tools: there is no tool \"lookup\"; did you mean \"look_up\"?\n"},
        {"tools: {t: x}", "t.yaml:1:12: tools.t must be a map of keys\n"},
        {"tools: {t: {description: T.}}", "t.yaml:1:12: tools.t.webhook.url is missing\n"},
        {"tools: {end_call: {parameters: {type: object}}}",
         "t.yaml:1:32: tools.end_call.parameters: end_call is built in and has its own\n"},
        {"tools: {t: {description: T., enabled: {cald: x}, " HOOK "}}",
         "t.yaml:1:40: unknown key \"cald\" in tools.t.enabled; did you mean \"called\"?\n"},
        {"start_agent: b\nagents: {aa: {instructions: x}}", "t.yaml:1:14: start_agent: there is no agent \"b\"\n"},
        {"agents: {bill: {instructions: x}}\nstart_agent: bil",
         "t.yaml:2:14: start_agent: there is no agent \"bil\"; did you mean \"bill\"?\n"},
        {"concierge: {agent: bil}\nagents: {bill: {instructions: x}}",
         "t.yaml:1:20: concierge.agent: there is no agent \"bil\"; did you mean \"bill\"?\n"},
        {"routes: {a: b}", "t.yaml:1:9: routes must be a list of maps (when:, agent:, ...)\n"},
        {"routes: [a]", "t.yaml:1:10: routes must be a list of maps (when:, agent:, ...)\n"},
        {"routes: [{agent: demoo}]",
         "t.yaml:1:18: routes[0].agent: there is no agent \"demoo\"; did you mean \"demo\"?\n"},
        {"routes: [{wen: true}]", "t.yaml:1:11: unknown key \"wen\"; did you mean \"when\"?\n"},
        {"routes: [{provider: sandbx}]",
         "t.yaml:1:21: routes[0].provider: there is no provider \"sandbx\"; did you mean \"sandbox\"?\n"},
        {"routes: [{tools: [end_cal]}]",
         "t.yaml:1:18: routes[0].tools: no agent has a tool \"end_cal\"; did you mean \"end_call\"?\n"},
        {"routes: [{agent: demo}, {agent: demo}]",
         "t.yaml:1:25: routes[1] is never reached: routes[0] has no when and takes every call\n"},
        {"routes: [{variables: {a-b: x}}]",
         "t.yaml:1:22: routes[0].variables: \"a-b\" is no name: letters, digits and _, at most 64\n"},
        {"providers: {a: {kind: sandbox, failover: [zzz]}}",
         "t.yaml:1:42: providers.a.failover: there is no provider \"zzz\"\n"},
        {"providers: {a: {kind: sandbox, failover: [a]}}",
         "t.yaml:1:42: providers.a.failover: a cannot take over from itself\n"},
        {"providers: {a: {kind: sandbox, tools: [none_such]}}",
         "t.yaml:1:39: providers.a.tools: no agent has a tool \"none_such\"\n"},
        {"time_zone: Mars", "t.yaml:1:12: time_zone: \"Mars\" is no time zone of this system; write one such as "
                            "Europe/Berlin or +02:00\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(cases[i].yaml, NULL, cases[i].want);
    }
}

TEST(there_are_not_too_many_agents)
{
    struct buf yaml;
    struct fixture f;
    buf_init(&yaml, 1 << 16);
    buf_puts(&yaml, "agents:\n");
    for (int i = 0; i <= CONFIG_MAX_AGENTS; i++) {
        buf_printf(&yaml, "  a%d: {instructions: x}\n", i);
    }
    assert_int_equal(fixture_load(&f, buf_cstr(&yaml), NULL), -ERR_CONFIG);
    assert_str_is(buf_str(&f.errors), "t.yaml:34:3: more than 32 agents\n");
    fixture_done(&f);
    buf_done(&yaml);
}

TEST_MAIN(T(agents_are_a_map_and_the_first_takes_calls), T(one_agent_needs_no_map), T(what_agent_says_is_said_to_all),
          T(own_instructions_come_before_a_shared_file), T(tools_are_shared_by_name), T(routes_are_read_in_order),
          T(a_route_to_an_agent_that_is_off_is_passed_over), T(providers_name_who_takes_over_and_narrow_tools),
          T(the_environment_speaks_to_the_starting_agent), T(a_model_is_its_providers_a_voice_the_agents),
          T(what_is_printed_can_be_read_again), T(mistakes_are_told_with_their_place_and_the_nearest_name),
          T(there_are_not_too_many_agents))
