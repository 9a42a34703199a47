/* What is wrong with a configuration is said with file, line and column, in words that help. */
#include <stdio.h>

#include "fixture.h"

TEST(unknown_keys_name_the_nearest_one)
{
    assert_refused("servre: {}\n", NULL, "t.yaml:1:1: unknown key \"servre\"; did you mean \"server\"?\n");
    assert_refused("provider:\n  x: {}\n", NULL, "t.yaml:1:1: unknown key \"provider\"; did you mean \"providers\"?\n");
    assert_refused("agent:\n  turn_detection:\n    silence_duration: 5\n", NULL,
                   "t.yaml:3:5: unknown key \"silence_duration\"; did you mean \"silence_duration_ms\"?\n");
    assert_refused("providers:\n  main:\n    api_ky: x\n    url: 'ws://127.0.0.1:1'\n", NULL,
                   "t.yaml:3:5: unknown key \"api_ky\"; did you mean \"api_key\"?\n");
    assert_refused("prices: {m: {audio: 1}}\n", NULL,
                   "t.yaml:1:14: unknown key \"audio\"; did you mean \"audio_in\"?\n");
    assert_refused("agent: {zzzzzz: 1}\n", NULL, "t.yaml:1:9: unknown key \"zzzzzz\" in agent\n");
    assert_refused("zzzzzzzz: 1\n", NULL, "t.yaml:1:1: unknown key \"zzzzzzzz\"\n");
    assert_refused("server.listen: ':1'\n", NULL,
                   "t.yaml:1:1: unknown key \"server.listen\"; did you mean \"server\"?\n");
    assert_refused("limits: {max_calls: 5, maxcalls: 5}\n", NULL,
                   "t.yaml:1:24: unknown key \"maxcalls\"; did you mean \"max_calls\"?\n");
}

TEST(wrong_types_and_ranges_say_what_is_wanted)
{
    static const struct {
        const char *yaml;
        const char *want;
    } cases[] = {
        {"limits: {max_calls: many}", "1:21: limits.max_calls must be a whole number from 1 to 100000, not \"many\""},
        {"limits: {max_calls: 0}", "1:21: limits.max_calls must be a whole number from 1 to 100000, not \"0\""},
        {"limits: {max_calls: 1.5}", "1:21: limits.max_calls must be a whole number from 1 to 100000, not \"1.5\""},
        {"limits: {max_calls: [1]}", "1:21: limits.max_calls must be a whole number from 1 to 100000, not a list"},
        {"limits: {max_calls: 99999999999999999999}",
         "1:21: limits.max_calls must be a whole number from 1 to 100000, not \"99999999999999999999\""},
        {"limits: {max_call_s: 25h}",
         "1:22: limits.max_call_s must be a duration in seconds (or 30s, 5m, 1h) from 0 to 86400 or none, not \"25h\""},
        {"limits: {max_call_s: 1500ms}", "1:22: limits.max_call_s must be a duration in seconds (or 30s, 5m, 1h) from "
                                         "0 to 86400 or none, not \"1500ms\""},
        {"prices: {m: {text_in: 0.0000001}}",
         "1:23: prices.m.text_in must be an amount with at most six decimals, from 0 to 100000, not \"0.0000001\""},
        {"prices: {m: {text_in: -1}}",
         "1:23: prices.m.text_in must be an amount with at most six decimals, from 0 to 100000, not \"-1\""},
        {"records: {recording: perhaps}", "1:22: records.recording must be true or false, not \"perhaps\""},
        {"log: {level: inf}",
         "1:14: log.level must be one of error, warn, info, debug, not \"inf\"; did you mean \"info\"?"},
        {"agent: {greeting: {kind: audio}}",
         "1:26: agent.greeting.kind must be one of none, text, prompt, not \"audio\""},
        {"agent: {turn_detection: {type: radar}}",
         "1:32: agent.turn_detection.type must be one of local, server_vad, semantic_vad, hybrid, manual, not "
         "\"radar\""},
        {"agent: {turn_detection: {type: server-vad}}",
         "1:32: agent.turn_detection.type must be one of local, server_vad, semantic_vad, hybrid, manual, not "
         "\"server-vad\"; did you mean \"server_vad\"?"},
        {"agent: {turn_detection: {chunk_samples: 400}}",
         "1:41: agent.turn_detection.chunk_samples must be 256 or 512, not \"400\""},
        {"agent: {turn_detection: {start_threshold: 50}}",
         "1:43: agent.turn_detection.start_threshold must be a number from 0 to 1, not \"50\""},
        {"agent: {turn_detection: {preset: loud}}",
         "1:34: agent.turn_detection.preset must be quiet or noisy, not \"loud\""},
        {"agent: {silence: {prompts: [a, b, c, d, e]}}",
         "1:28: agent.silence.prompts must be a sentence or a list of at most 4"},
        {"agent: {silence: {prompts: [a, '  ']}}",
         "1:28: agent.silence.prompts must be a sentence or a list of at most 4; one of them is blank"},
        {"agent: {silence: {goodbye: ''}}", "1:28: agent.silence.goodbye is empty"},
        {"agent: {turn_detection: {threshold: 2}}",
         "1:37: agent.turn_detection.threshold must be a number from 0 to 1, not \"2\""},
        {"agent: {turn_detection: {threshold: .nan}}",
         "1:37: agent.turn_detection.threshold must be a number from 0 to 1, not \".nan\""},
        {"agent: {input_audio_format: opus}",
         "1:29: agent.input_format must be audio/pcmu, audio/pcma or audio/pcm (or g711_ulaw, g711_alaw, pcm16), not "
         "\"opus\""},
        {"agent: {input_audio_format: {rate: 8000}}",
         "1:29: agent.input_format must be audio/pcmu, audio/pcma or audio/pcm (or g711_ulaw, g711_alaw, pcm16); "
         "\"type\" is missing"},
        {"agent: {voice: {name: x}}", "1:16: agent.voice must be a name or {id: voice_...}; \"id\" is missing"},
        {"agent: {tools: [end_call, order_pizza]}", "1:27: agent.tools: there is no tool \"order_pizza\""},
        {"agent: {tools: [end_cal]}", "1:17: agent.tools: there is no tool \"end_cal\"; did you mean \"end_call\"?"},
        {"agent: {tools: [end_call, end_call]}", "1:16: agent.tools names the same end_call twice"},
        {"agent: {tools: [[end_call]]}", "1:16: agent.tools must be a list of tools: names, or maps that describe one"},
        {"agent: {tool_choice: fly}",
         "1:22: agent.tool_choice must be auto, none, required or one of the agent's tools, not \"fly\""},
        {"agent: {modalities: [text]}", "1:21: agent.output_modalities: a phone call needs audio"},
        {"agent: {max_output_tokens: 5000}",
         "1:28: agent.max_output_tokens must be a whole number from 0 to 4096 or inf, not \"5000\""},
        {"server: {listen: 'host'}",
         "1:18: server.listen must be host:port, [ipv6]:port, :port or a port, not \"host\""},
        {"server: {listen: '::1:8000'}",
         "1:18: server.listen must be host:port, [ipv6]:port, :port or a port, not \"::1:8000\""},
        {"server: {listen: ':70000'}",
         "1:18: server.listen must be host:port, [ipv6]:port, :port or a port, not \":70000\""},
        {"server: {public_url: voice.example.com/path}",
         "1:22: server.public_url must be an address such as https://voice.example.com (http, https, ws or wss), not "
         "\"voice.example.com/path\""},
        {"server: {public_url: 'wss://voice.example.com'}",
         "1:22: server.public_url must begin with https:// or http://"},
        {"server: {public_url: 'https://user@host'}",
         "1:22: server.public_url must be an address such as https://voice.example.com (http, https, ws or wss), not "
         "\"https://user@host\""},
        {"server: {trusted_proxies: [10.0.0.0/33]}",
         "1:27: server.trusted_proxies must be a list of addresses or blocks such as 10.0.0.0/8, not \"10.0.0.0/33\""},
        {"server: {tls: {cert: c.pem}}", "1:22: server.tls needs both cert and key"},
        {"server: 5", "1:9: server must be a map of keys, not a single text"},
        {"server: [1]", "1:9: server must be a map of keys, not a list"},
        {"providers: [1]", "1:12: providers must be a map of providers"},
        {"providers: {a: 5}", "1:13: providers.a must be a map of keys"},
        {"providers: {'a b': {}}", "1:13: a provider's name is made of letters, digits, - and _, not \"a b\""},
        {"providers: {a: {kind: opnai}}",
         "1:23: providers.a.kind must be one of openai, gemini, sandbox, not \"opnai\"; did you mean \"openai\"?"},
        {"providers: {a: {kind: sandbox, headers: {'X Y': z}}}",
         "1:41: providers.a.headers has a name or text that cannot be sent (\"X Y\")"},
        {"providers: {a: {kind: sandbox, headers: {X: \"a\\nb\"}}}",
         "1:41: providers.a.headers has a name or text that cannot be sent (\"X\")"},
        {"providers: {a: {kind: sandbox, headers: text}}",
         "1:41: providers.a.headers must be a map of names to texts, not a single text"},
        {"carriers: {twilio: {verify_signature: true}}",
         "1:39: carriers.twilio.verify_signature needs carriers.twilio.auth_token (or TWILIO_AUTH_TOKEN)"},
        {"limits: {max_cost: 1}", "1:20: limits.max_cost needs prices.gpt-realtime-2.1"},
        {"playout: {burst_ms: 300}", "1:21: playout.burst_ms is longer than playout.lead_ms"},
        {"playout: {max_lead_ms: 100}", "1:24: playout.max_lead_ms is shorter than playout.lead_ms"},
        {"default_country_code: Germany", "1:23: default_country_code must be two letters such as US, not \"Germany\""},
        {"agent: {provider: x}", "1:19: agent.provider: there is no provider \"x\""},
        {"agent: {instructions: a, system_prompt: b}", "1:41: agent.instructions is given twice, under two spellings"},
        {"agent: {instructions: a, instructions_file: b}",
         "1:45: agent.instructions and agent.instructions_file are both given"},
        {"agent: {instructions_file: /nonexistent/x.txt}",
         "1:28: agent.instructions_file: /nonexistent/x.txt: No such file or directory"},
        {"[1, 2]", "1:1: a configuration is a map of keys (server:, providers:, agent:, ...)"},
        {"just text", "1:1: a configuration is a map of keys (server:, providers:, agent:, ...)"},
    };
    char want[600];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true((size_t)snprintf(want, sizeof(want), "t.yaml:%s\n", cases[i].want) < sizeof(want));
        assert_refused(cases[i].yaml, NULL, want);
    }
}

TEST(several_problems_come_at_once_in_order)
{
    assert_refused(
        "server: {listn: 1}\nlimits: {max_calls: x}\nagent: {tool_choice: y}\n", NULL,
        "t.yaml:1:10: unknown key \"listn\"; did you mean \"listen\"?\n"
        "t.yaml:2:21: limits.max_calls must be a whole number from 1 to 100000, not \"x\"\n"
        "t.yaml:3:22: agent.tool_choice must be auto, none, required or one of the agent's tools, not \"y\"\n");
}

TEST(the_environment_is_checked_like_the_file)
{
    assert_refused(NULL, ENV("SERVER_PORT=80000"),
                   "environment: SERVER_PORT: must be a whole number from 0 to 65535, not \"80000\"\n");
    assert_refused(NULL, ENV("LOG_LEVEL=loud"),
                   "environment: LOG_LEVEL: must be one of error, warn, info, debug, not \"loud\"\n");
    assert_refused(NULL, ENV("PUBLIC_DOMAIN=https://x.example.com"),
                   "environment: PUBLIC_DOMAIN: must be a host name alone, such as voice.example.com, not "
                   "\"https://x.example.com\"\n");
    assert_refused("server: {public_url: 'https://${NOT_THERE}'}", NULL,
                   "t.yaml:1:22: server.public_url names the environment variable NOT_THERE, which is not set; "
                   "${NOT_THERE:-} would allow that\n");
    assert_refused("log: {file: '${9X}'}", NULL,
                   "t.yaml:1:13: log.file names \"9X\", which is no name of an environment variable\n");
    assert_refused("log: {file: '${X'}", ENV("X=1"), "t.yaml:1:13: log.file has a ${ without a closing }\n");
}

TEST(a_secret_never_stands_in_a_message)
{
    struct fixture f;

    assert_int_equal(fixture_load(&f, "providers: {p: {api_key: \"sk-very\\nsecret\", url: 'ws://127.0.0.1:1'}}", NULL),
                     -ERR_CONFIG);
    assert_has_not(buf_str(&f.errors), "very");
    assert_has(buf_str(&f.errors), "providers.p.api_key holds a line break");
    fixture_done(&f);
    assert_int_equal(fixture_load(&f, "server: {tokens: {a: hidden-token}}", NULL), -ERR_CONFIG);
    assert_has_not(buf_str(&f.errors), "hidden");
    fixture_done(&f);
}

TEST(the_service_needs_a_key_and_a_choice)
{
    assert_refused("providers: {main: {kind: openai}}\n", NULL,
                   "t.yaml:1:13: providers.main.api_key is missing; give it there or as OPENAI_API_KEY\n");
    assert_refused("providers:\n  a: {kind: sandbox}\n  b: {kind: sandbox}\n", NULL,
                   "t.yaml:3:3: several providers are configured; name one of them in agent.provider\n");
}

TEST(many_problems_are_cut)
{
    struct fixture f;
    struct buf yaml;

    buf_init(&yaml, 1 << 20);
    for (int i = 0; i < 200; i++) {
        buf_printf(&yaml, "unknown%d: 1\n", i);
    }
    assert_int_equal(fixture_load(&f, buf_cstr(&yaml), NULL), -ERR_CONFIG);
    assert_true(str_ends(buf_str(&f.errors), STR("and 150 more problems\n")));
    fixture_done(&f);
    buf_done(&yaml);
}

TEST_MAIN(T(unknown_keys_name_the_nearest_one), T(wrong_types_and_ranges_say_what_is_wanted),
          T(several_problems_come_at_once_in_order), T(the_environment_is_checked_like_the_file),
          T(a_secret_never_stands_in_a_message), T(the_service_needs_a_key_and_a_choice), T(many_problems_are_cut))
