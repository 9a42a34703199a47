/* What the service is told as it stands: stored prompts, truncation, temperature, further settings of transcription. */
#include <stdio.h>

#include "fixture.h"

#define PROMPT_BAD "t.yaml:1:17: agent.prompt must be a map with id, version and variables"

TEST(a_stored_prompt_is_kept_as_the_service_takes_it)
{
    struct fixture f;
    fixture_ok(&f, "agent: {prompt: {id: pmpt_1, version: '2', variables: {city: Berlin}}}", NULL);
    assert_str_is(f.cfg->agent.prompt, "{\"id\":\"pmpt_1\",\"version\":\"2\",\"variables\":{\"city\":\"Berlin\"}}");
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, NULL, NULL);
    assert_str_is(f.cfg->agent.prompt, "");
    assert_str_is(f.cfg->agent.truncation, "");
    assert_str_is(f.cfg->agent.transcription.extra, "");
    assert_true(f.cfg->agent.temperature < 0);
    fixture_done(&f);
    assert_refused("agent: {prompt: pmpt_1}", NULL, PROMPT_BAD ", not a single text\n");
    assert_refused("agent: {prompt: {version: '2'}}", NULL, PROMPT_BAD "; \"id\" is missing\n");
    assert_refused("agent: {prompt: {id: x, version: 2}}", NULL,
                   PROMPT_BAD "; \"version\" must be a text (in quotes)\n");
    assert_refused("agent: {prompt: {id: x, variables: 2}}", NULL, PROMPT_BAD "; \"variables\" must be a map\n");
    assert_refused("agent: {prompt: {id: x, name: y}}", NULL, PROMPT_BAD "; \"name\" does not belong there\n");
}

TEST(truncation_is_a_word_or_a_ratio)
{
    struct fixture f;
    fixture_ok(&f, "agent: {truncation: disabled}", NULL);
    assert_str_is(f.cfg->agent.truncation, "disabled");
    fixture_done(&f);
    fixture_ok(
        &f,
        "agent: {truncation: {type: retention_ratio, retention_ratio: 0.8, token_limits: {post_instructions: 8000}}}",
        NULL);
    assert_str_is(
        f.cfg->agent.truncation,
        "{\"type\":\"retention_ratio\",\"retention_ratio\":0.8,\"token_limits\":{\"post_instructions\":8000}}");
    fixture_done(&f);
    static const char *const bad[] = {"sometimes",
                                      "{type: retention_ratio}",
                                      "{type: ratio, retention_ratio: 0.5}",
                                      "{type: retention_ratio, retention_ratio: 1.5}",
                                      "{type: retention_ratio, retention_ratio: 0.5, x: 1}",
                                      "{type: retention_ratio, retention_ratio: 0.5, token_limits: 3}",
                                      "[auto]"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char yaml[200];
        assert_true(snprintf(yaml, sizeof(yaml), "agent: {truncation: %s}", bad[i]) > 0);
        assert_int_equal(fixture_load(&f, yaml, NULL), -ERR_CONFIG);
        assert_has(buf_str(&f.errors), "agent.truncation");
        fixture_done(&f);
    }
}

TEST(a_temperature_is_for_services_that_have_one)
{
    struct fixture f;
    fixture_ok(&f, "agent: {temperature: 0.7}\nproviders: {openai: {api_key: sk-1234567}}", NULL);
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_str_is(f.cfg->warnings.v[0],
                  "agent.temperature: the provider openai has no temperature any more; it is not sent");
    fixture_done(&f);
    fixture_ok(&f, "agent: {temperature: 0.7}\nproviders: {openai: {api_key: sk-1234567, dialect: beta}}", NULL);
    assert_int_equal(f.cfg->warnings.n, 0);
    assert_float_equal(f.cfg->agent.temperature, 0.7, 1e-9);
    fixture_done(&f);
    assert_refused("agent: {temperature: 0.2}\nproviders: {openai: {api_key: sk-1234567, dialect: beta}}", NULL,
                   "t.yaml:1:22: agent.temperature: the provider openai takes 0.6 to 1.2\n");
    assert_int_equal(fixture_load(&f, "agent: {temperature: 3}", NULL), -ERR_CONFIG);
    fixture_done(&f);
}

TEST(transcription_takes_words_and_languages_to_expect)
{
    struct fixture f;
    fixture_ok(&f, "agent: {transcription: {keywords: ['Ring \"trip\"', gadget], languages: [de, en], delay: low}}",
               NULL);
    assert_str_is(f.cfg->agent.transcription.extra,
                  "\"keywords\":[\"Ring \\\"trip\\\"\",\"gadget\"],\"languages\":[\"de\",\"en\"],\"delay\":\"low\"");
    fixture_done(&f);
    fixture_ok(&f, "agent: {transcription: {delay: xhigh}}", NULL);
    assert_str_is(f.cfg->agent.transcription.extra, "\"delay\":\"xhigh\"");
    fixture_done(&f);
    assert_int_equal(fixture_load(&f, "agent: {transcription: {delay: long}}", NULL), -ERR_CONFIG);
    fixture_done(&f);
}

TEST(what_a_service_does_not_know_is_told)
{
    struct fixture f;
    fixture_ok(&f,
               "agent: {prompt: {id: p}, truncation: auto, temperature: 0.5}\n"
               "providers: {g: {kind: gemini, api_key: abcdefgh}}",
               NULL);
    assert_int_equal(f.cfg->warnings.n, 2);
    assert_str_is(f.cfg->warnings.v[0], "agent.prompt: the provider g does not know it; it is not sent");
    assert_str_is(f.cfg->warnings.v[1], "agent.truncation: the provider g does not know it; it is not sent");
    fixture_done(&f);
}

TEST(pings_have_their_times_or_none)
{
    struct fixture f;
    fixture_ok(
        &f,
        "providers: {a: {api_key: sk-1234567}, b: {api_key: sk-1234567, ping_ms: none, pong_ms: 5s, connect_ms: 900}}\n"
        "agent: {provider: a}",
        NULL);
    assert_int_equal(f.cfg->providers[0].ping_ms, 20000);
    assert_int_equal(f.cfg->providers[0].pong_ms, 60000);
    assert_int_equal(f.cfg->providers[0].connect_ms, 5000);
    assert_int_equal(f.cfg->providers[1].ping_ms, 0);
    assert_int_equal(f.cfg->providers[1].pong_ms, 5000);
    assert_int_equal(f.cfg->providers[1].connect_ms, 900);
    fixture_done(&f);
}

TEST(what_is_printed_can_be_read_again)
{
    struct fixture f, again;
    struct buf dump, dump2;
    fixture_ok(
        &f,
        "agent: {prompt: {id: p, variables: {a: b}}, truncation: {type: retention_ratio, retention_ratio: 0.5},\n"
        "        transcription: {keywords: [a, b], languages: [de], delay: high}}",
        NULL);
    buf_init(&dump, 1 << 20);
    buf_init(&dump2, 1 << 20);
    config_dump_masked(f.cfg, &dump);
    fixture_ok(&again, buf_cstr(&dump), NULL);
    config_dump_masked(again.cfg, &dump2);
    assert_string_equal(buf_cstr(&dump), buf_cstr(&dump2));
    assert_str_is(again.cfg->agent.prompt, "{\"id\":\"p\",\"variables\":{\"a\":\"b\"}}");
    fixture_done(&again);
    fixture_done(&f);
    buf_done(&dump);
    buf_done(&dump2);
}

TEST_MAIN(T(a_stored_prompt_is_kept_as_the_service_takes_it), T(truncation_is_a_word_or_a_ratio),
          T(a_temperature_is_for_services_that_have_one), T(transcription_takes_words_and_languages_to_expect),
          T(what_a_service_does_not_know_is_told), T(pings_have_their_times_or_none),
          T(what_is_printed_can_be_read_again))
