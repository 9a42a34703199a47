/* The .env files that people have from the systems they come from load as they are, and mean what they meant. */
#include <stdio.h>

#include "fixture.h"

struct moved {
    struct config *cfg;
    struct buf errors;
};

static const char *nothing(const char *name UNUSED, void *arg UNUSED)
{
    return NULL;
}

static void load(struct moved *m, const char *name)
{
    char path[512];
    assert_true((size_t)snprintf(path, sizeof(path), "%s/tests/config/dotenv/%s.env", SOURCE_ROOT, name) <
                sizeof(path));
    const struct config_source src = {.dotenv_path = path, .env = nothing};
    buf_init(&m->errors, 1 << 16);
    if (config_load(&src, &m->errors, &m->cfg) < 0) {
        fail_msg("%s: %s", name, buf_cstr(&m->errors));
    }
}

static void unload(struct moved *m)
{
    config_unref(m->cfg);
    buf_done(&m->errors);
}

static const struct config_provider *provider(const struct moved *m)
{
    return &m->cfg->providers[m->cfg->agent.provider];
}

static bool warned(const struct moved *m, const char *text)
{
    for (uint32_t i = 0; i < m->cfg->warnings.n; i++) {
        if (str_search(m->cfg->warnings.v[i], str_from(text)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

TEST(a_plivo_number_with_a_speech_model_of_openai)
{
    struct moved m;
    load(&m, "plivo-gpt-realtime");
    const struct config *c = m.cfg;
    assert_int_equal(provider(&m)->kind, CONFIG_OPENAI);
    assert_str_is(provider(&m)->api_key, "sk-proj-made-up-for-this-test");
    assert_str_is(provider(&m)->model, "gpt-realtime-1.5");
    assert_str_is(provider(&m)->voice, "coral");
    assert_true(c->plivo.enabled);
    assert_str_is(c->plivo.auth_id, "MA00000000000000AAAA");
    assert_str_is(c->plivo.auth_token, "made-up-plivo-token");
    assert_str_is(c->plivo.phone_number, "+14155550100");
    assert_str_is(c->server.public_url, "https://a1b2c3.ngrok-free.app");
    assert_int_equal(c->server.port, 8000);
    assert_str_is(c->default_country, "GB");
    assert_str_is(c->agent.instructions, "You are Alex of TechFlow.\n# What you know\nThree plans; a trial of "
                                         "\"fourteen\" days.\n\nKeep it short.");
    assert_int_equal(c->agent.vad.start_ppm, 600000);
    assert_int_equal(c->agent.vad.end_ppm, 400000);
    assert_int_equal(c->agent.vad.min_silence_ms, 500);
    assert_int_equal(c->agent.vad.pre_speech_ms, 150);
    assert_int_equal(c->agent.vad.rate_hz, 16000);
    unload(&m);
}

TEST(a_plivo_number_with_gemini_live)
{
    struct moved m;
    load(&m, "plivo-gemini-live");
    assert_int_equal(provider(&m)->kind, CONFIG_GEMINI);
    assert_str_is(provider(&m)->api_key, "AIza-made-up-for-this-test");
    assert_has(provider(&m)->model, "gemini-2.5-flash-native-audio-latest");
    assert_str_is(provider(&m)->voice, "Aoede");
    assert_true(m.cfg->plivo.enabled);
    assert_str_is(m.cfg->plivo.phone_number, "+14155550102");
    assert_str_is(m.cfg->server.public_url, "https://gemini.example.com");
    assert_int_equal(m.cfg->server.port, 8010);
    assert_str_is(m.cfg->agent.instructions, "You answer for TechFlow. Be brief.");
    assert_int_equal(m.cfg->agent.vad.start_ppm, 550000);
    unload(&m);
}

TEST(the_concierge_on_twilio)
{
    struct moved m;
    load(&m, "twilio-concierge");
    const struct config *c = m.cfg;
    assert_str_is(provider(&m)->api_key, "sk-made-up-for-this-test");
    assert_str_is(provider(&m)->voice, "alloy");
    assert_true(warned(&m, "gpt-4o-realtime-preview-2024-10-01 has been retired")); /* and replaced, or it fails */
    assert_has_not(provider(&m)->model, "preview");
    assert_str_is(c->twilio.account_sid, "AC00000000000000000000000000000000");
    assert_str_is(c->twilio.auth_token, "made-up-twilio-token");
    assert_str_is(c->twilio.phone_number, "+15005550006");
    assert_str_is(c->server.public_url, "https://voice.example.com"); /* of a host alone */
    assert_str_is(c->server.host, "0.0.0.0");
    assert_int_equal(c->server.port, 8080);
    unload(&m);
}

TEST(a_program_on_realtime_agents)
{
    struct moved m;
    load(&m, "openai-agents-realtime");
    assert_int_equal(provider(&m)->kind, CONFIG_OPENAI);
    assert_str_is(provider(&m)->api_key, "sk-made-up-for-this-test");
    assert_str_is(provider(&m)->url, "https://api.openai.com/v1");
    assert_int_equal(m.cfg->server.port, 8000);
    unload(&m);
}

TEST(an_agent_on_asterisk)
{
    struct moved m;
    load(&m, "asterisk-provider");
    assert_int_equal(provider(&m)->kind, CONFIG_OPENAI);
    assert_str_is(provider(&m)->api_key, "sk-made-up-for-this-test");
    assert_str_is(m.cfg->company_name, "Example Shop");
    assert_int_equal(m.cfg->log.level, LOG_DEBUG);
    unload(&m);
}

/* What the page tells people to write is what loads. */
TEST(the_file_in_the_page_for_asterisk_loads)
{
    static const char *const env[] = {"OPENAI_API_KEY=sk-x", NULL};
    char page[20000], *yaml, *end;
    struct fixture f;
    FILE *file = fopen(SOURCE_ROOT "/docs/moving/asterisk-provider.md", "r");
    assert_non_null(file);
    size_t n = fread(page, 1, sizeof(page) - 1, file);
    assert_int_equal(fclose(file), 0);
    page[n] = '\0';
    yaml = strstr(page, "```yaml\n");
    end = yaml ? strstr(yaml + 8, "```") : NULL;
    assert_non_null(end);
    *end = '\0';
    fixture_ok(&f, yaml + 8, env);
    assert_str_is(f.cfg->start_agent_name, "demo_openai");
    assert_str_is(f.cfg->agent.greeting.text, "Hi {caller_name}, I'm your AI assistant. How can I help you today?");
    assert_int_equal(f.cfg->agent.turn.kind, TURN_SERVER_VAD);
    assert_int_equal(f.cfg->agent.turn.silence_duration_ms, 1000);
    fixture_done(&f);
}

/* A file that was copied as it is says where each thing goes. */
TEST(keys_of_the_asterisk_agent_that_lie_elsewhere_are_told_where)
{
    static const struct {
        const char *yaml, *key, *hint;
    } cases[] = {
        {"providers: {x: {base_url: 'wss://a'}}", "base_url", "write url"},
        {"providers: {x: {enabled: true}}", "enabled", "leave out a provider that is not wanted"},
        {"providers: {x: {greeting: Hi}}", "greeting", "it belongs to the agent: agent.greeting"},
        {"providers: {x: {turn_detection: {type: server_vad}}}", "turn_detection",
         "it belongs to the agent: agent.turn_detection"},
        {"providers: {x: {farewell_hangup_delay_sec: 3}}", "farewell_hangup_delay_sec",
         "leave it out: we hang up when the goodbye has been played"},
        {"contexts: {a: {prompt: x}}", "contexts", "write agents"},
        {"agent: {background_music: none}", "background_music", "leave it out: there is none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char want[160];
        assert_true(fixture_load(&f, cases[i].yaml, NULL) < 0);
        ignore_result(snprintf(want, sizeof(want), "unknown key \"%s\"; %s\n", cases[i].key, cases[i].hint) < 0);
        assert_has(buf_str(&f.errors), want);
        fixture_done(&f);
    }
}

TEST(a_public_url_may_be_a_host_name_alone)
{
    static const char *const env[] = {"PUBLIC_URL=voice.example.com", NULL};
    static const char *const bad[] = {"PUBLIC_URL=voice.example.com/path", NULL};
    struct fixture f;
    fixture_ok(&f, NULL, env);
    assert_str_is(f.cfg->server.public_url, "https://voice.example.com");
    fixture_done(&f);
    assert_refused(NULL, bad,
                   "environment: PUBLIC_URL: must be an address such as https://voice.example.com (http, https, ws or "
                   "wss), not \"voice.example.com/path\"\n");
}

/* nova and its like were never voices of the realtime service; Gemini closes the session over a wrong letter. */
TEST(an_unknown_voice_warns_and_the_valid_ones_are_named)
{
    static const char *const openai[] = {"OPENAI_API_KEY=sk-x", "GPT_REALTIME_VOICE=nova", NULL};
    static const char *const gemini[] = {"GEMINI_API_KEY=AIza", "GEMINI_VOICE=kore", NULL};
    static const char *const fine[] = {"OPENAI_API_KEY=sk-x", "GPT_REALTIME_VOICE=voice_123", NULL};
    struct fixture f;
    fixture_ok(&f, NULL, openai);
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_has(f.cfg->warnings.v[0], "nova is not one");
    assert_has(f.cfg->warnings.v[0], ": alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin "
                                     "and cedar");
    fixture_done(&f);
    fixture_ok(&f, NULL, gemini);
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_has(f.cfg->warnings.v[0], "kore is not one");
    assert_has(f.cfg->warnings.v[0], "Kore, Fenrir");
    assert_has(f.cfg->warnings.v[0], " and Sulafat");
    fixture_done(&f);
    fixture_ok(&f, NULL, fine);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
}

/* docker --env-file takes lines literally: the quotes of a .env arrive with the value. */
TEST(quotes_that_docker_leaves_are_taken_off_with_a_warning)
{
    static const char *const env[] = {"OPENAI_API_KEY=\"sk-x-1234567890\"", "GPT_REALTIME_VOICE='ash'",
                                      "PUBLIC_URL=\"\"", NULL};
    static const char *const single[] = {"OPENAI_API_KEY=sk-x", "SYSTEM_PROMPT=\"Say 'hi", NULL};
    static const char *const several[] = {"OPENAI_API_KEY=sk-x", "SYSTEM_PROMPT=\"Yes\" means \"no\"", NULL};
    static const char *const nothing[] = {"OPENAI_API_KEY=\"\"", "GEMINI_API_KEY=''", NULL};
    struct fixture f;
    fixture_ok(&f, NULL, env);
    assert_str_is(f.cfg->providers[0].api_key, "sk-x-1234567890");
    assert_str_is(f.cfg->providers[0].voice, "ash");
    assert_str_is(f.cfg->server.public_url, "");
    assert_int_equal(f.cfg->warnings.n, 2);
    assert_str_is(f.cfg->warnings.v[0], "environment: OPENAI_API_KEY stands in quotes, as docker --env-file leaves "
                                        "them; they are taken off");
    fixture_done(&f);
    fixture_ok(&f, NULL, single);
    assert_str_is(f.cfg->agent.instructions, "\"Say 'hi");
    fixture_done(&f);
    fixture_ok(&f, NULL, several);
    assert_str_is(f.cfg->agent.instructions, "\"Yes\" means \"no\"");
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, NULL, nothing);
    assert_int_equal(f.cfg->providers[0].kind, CONFIG_SANDBOX);
    fixture_done(&f);
}

TEST_MAIN(T(keys_of_the_asterisk_agent_that_lie_elsewhere_are_told_where),
          T(quotes_that_docker_leaves_are_taken_off_with_a_warning), T(the_file_in_the_page_for_asterisk_loads),
          T(a_public_url_may_be_a_host_name_alone), T(an_unknown_voice_warns_and_the_valid_ones_are_named),
          T(a_plivo_number_with_a_speech_model_of_openai), T(a_plivo_number_with_gemini_live),
          T(the_concierge_on_twilio), T(a_program_on_realtime_agents), T(an_agent_on_asterisk))
