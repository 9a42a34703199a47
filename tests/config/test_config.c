/* What a configuration means: defaults, precedence, providers, the agent's settings and their other spellings. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "numbers/number.h"

static const struct config_provider *provider_of(const struct fixture *f)
{
    return &f->cfg->providers[f->cfg->agent.provider];
}

TEST(nothing_at_all_gives_the_demo_agent_on_the_sandbox)
{
    struct fixture f;

    fixture_ok(&f, NULL, NULL);
    assert_int_equal(f.cfg->provider_count, 1);
    assert_str_is(f.cfg->providers[0].name, "sandbox");
    assert_int_equal(f.cfg->providers[0].kind, CONFIG_SANDBOX);
    assert_str_is(f.cfg->providers[0].url, "");
    assert_str_is(f.cfg->server.host, "0.0.0.0");
    assert_int_equal(f.cfg->server.port, 8000);
    assert_str_is(f.cfg->agent.name, "demo");
    assert_int_equal(f.cfg->agent.tools.n, 5);
    assert_true(f.cfg->agent.instructions.n > 100);
    assert_int_equal(f.cfg->agent.greeting.kind, GREETING_TEXT);
    assert_int_equal(f.cfg->agent.turn.kind, TURN_LOCAL);
    assert_true(f.cfg->agent.vad.on);
    assert_true(f.cfg->records.recording);
    assert_str_is(f.cfg->records.database, "var/ringtrip.db");
    assert_true(f.cfg->twilio.require_token);
    assert_false(f.cfg->twilio.verify_signature);
    assert_int_equal(f.cfg->warnings.n, 0);
    assert_int_equal(f.cfg->secrets.n, 0);
    fixture_done(&f);
}

TEST(a_key_in_the_environment_makes_openai_the_provider)
{
    struct fixture f;

    fixture_ok(&f, NULL, ENV("OPENAI_API_KEY=sk-test-1234567890", "GPT_REALTIME_VOICE=marin"));
    assert_str_is(provider_of(&f)->name, "openai");
    assert_int_equal(provider_of(&f)->kind, CONFIG_OPENAI);
    assert_str_is(provider_of(&f)->url, "https://api.openai.com/v1");
    assert_str_is(provider_of(&f)->api_key, "sk-test-1234567890");
    assert_str_is(provider_of(&f)->model, "gpt-realtime-2.1");
    assert_str_is(provider_of(&f)->voice, "marin");
    assert_int_equal(f.cfg->secrets.n, 1);
    fixture_done(&f);
}

TEST(every_environment_name_of_the_reference_works)
{
    struct fixture f;

    fixture_ok(&f, NULL,
               ENV("SERVER_HOST=127.0.0.1", "SERVER_PORT=8080", "PORT=9999", "PUBLIC_URL=https://a.example.com/",
                   "PUBLIC_DOMAIN=b.example.com", "GPT_REALTIME_MODEL=gpt-realtime-1.5", "REALTIME_MODEL=other",
                   "REALTIME_VOICE=echo", "DEFAULT_COUNTRY_CODE=de", "SYSTEM_PROMPT=Be brief.",
                   "TWILIO_ACCOUNT_SID=AC1", "TWILIO_AUTH_TOKEN=twilio-secret", "TWILIO_PHONE_NUMBER=+15550001111",
                   "LOG_LEVEL=WARNING", "LOG_FORMAT=json", "LOG_FILE=/tmp/x.log",
                   "RINGTRIP_API_TOKEN=one-token, two-token", "VAD_START_THRESHOLD=0.7", "VAD_MIN_SILENCE_MS=300",
                   "VAD_PRE_SPEECH_PAD_MS=250", "VAD_END_THRESHOLD=0.45", "VAD_CHUNK_SAMPLES=512"));
    assert_str_is(f.cfg->server.host, "127.0.0.1");
    assert_int_equal(f.cfg->server.port, 8080);
    assert_str_is(f.cfg->server.public_url, "https://a.example.com");
    assert_str_is(provider_of(&f)->model, "gpt-realtime-1.5");
    assert_str_is(provider_of(&f)->voice, "echo");
    assert_str_is(f.cfg->default_country, "DE");
    assert_str_is(f.cfg->agent.instructions, "Be brief.");
    assert_str_is(f.cfg->twilio.account_sid, "AC1");
    assert_str_is(f.cfg->twilio.auth_token, "twilio-secret");
    assert_str_is(f.cfg->twilio.phone_number, "+15550001111");
    assert_true(f.cfg->twilio.verify_signature);
    assert_int_equal(f.cfg->log.level, LOG_WARN);
    assert_int_equal(f.cfg->log.format, CONFIG_LOG_JSON);
    assert_str_is(f.cfg->log.file, "/tmp/x.log");
    assert_int_equal(f.cfg->server.tokens.n, 2);
    assert_str_is(f.cfg->server.tokens.v[1], "two-token");
    assert_int_equal(f.cfg->agent.vad.start_ppm, 700000);
    assert_int_equal(f.cfg->agent.vad.end_ppm, 450000);
    assert_int_equal(f.cfg->agent.vad.min_silence_ms, 300);
    assert_int_equal(f.cfg->agent.vad.pre_speech_ms, 250);
    assert_int_equal(f.cfg->agent.vad.rate_hz, 16000);
    fixture_done(&f);
}

TEST(port_and_public_domain_are_fallbacks)
{
    struct fixture f;

    fixture_ok(&f, NULL, ENV("PORT=9000", "PUBLIC_DOMAIN=voice.example.com"));
    assert_int_equal(f.cfg->server.port, 9000);
    assert_str_is(f.cfg->server.public_url, "https://voice.example.com");
    fixture_done(&f);
}

TEST(the_file_wins_over_the_environment_but_for_the_system_prompt)
{
    struct fixture f;

    fixture_ok(&f,
               "server: {listen: '127.0.0.1:7000'}\n"
               "log: {level: debug}\n"
               "agent: {instructions: From the file.}\n"
               "providers: {main: {kind: openai, url: 'ws://127.0.0.1:1', model: m1}}\n",
               ENV("SERVER_HOST=10.0.0.1", "SERVER_PORT=1", "LOG_LEVEL=error", "SYSTEM_PROMPT=From outside.",
                   "GPT_REALTIME_MODEL=m2", "GPT_REALTIME_VOICE=sage"));
    assert_str_is(f.cfg->server.host, "127.0.0.1");
    assert_int_equal(f.cfg->server.port, 7000);
    assert_int_equal(f.cfg->log.level, LOG_DEBUG);
    assert_str_is(f.cfg->agent.instructions, "From outside.");
    assert_str_is(provider_of(&f)->model, "m1");
    assert_str_is(provider_of(&f)->voice, "sage");
    fixture_done(&f);
}

TEST(variables_are_put_into_values)
{
    struct fixture f;

    fixture_ok(&f,
               "server: {public_url: 'https://${HOST_PART}.example.com', listen: '${LISTEN:-:7001}'}\n"
               "agent: {name: 'a $${NOT} ${EMPTY:-}b', greeting: {text: \"${GREET:-Hi}\"}}\n"
               "log: {level: '${LEVEL:-}'}\n"
               "carriers: {twilio: {auth_token: ['${TOKEN_A}', '${TOKEN_B:-}']}}\n",
               ENV("HOST_PART=voice", "TOKEN_A=aaaaaaaa", "LOG_LEVEL=error"));
    assert_str_is(f.cfg->server.public_url, "https://voice.example.com");
    assert_int_equal(f.cfg->server.port, 7001);
    assert_str_is(f.cfg->server.host, "0.0.0.0");
    assert_str_is(f.cfg->agent.name, "a ${NOT} b");
    assert_str_is(f.cfg->agent.greeting.text, "Hi");
    /* What comes to nothing is as if it were not there: the environment's word counts. */
    assert_int_equal(f.cfg->log.level, LOG_ERROR);
    assert_int_equal(f.cfg->twilio.auth_tokens.n, 1);
    fixture_done(&f);
}

TEST(a_provider_with_everything)
{
    struct fixture f;

    fixture_ok(&f,
               "providers:\n"
               "  azure:\n"
               "    kind: openai\n"
               "    url: wss://r.openai.azure.com/openai/v1/\n"
               "    api_key: azure-key-123\n"
               "    model: gpt-4o-realtime-preview\n" /* a deployment may be called so */
               "    voice: {id: voice_123}\n"
               "    auth_header: api-key\n"
               "    model_in_query: no\n"
               "    dialect: beta\n"
               "    headers: {X-Team: blue, X-Empty: ''}\n"
               "    query: {api-version: 2025-04-01-preview}\n"
               "    ca_file: /etc/ca.pem\n"
               "  spare: {kind: sandbox, url: 'ws://127.0.0.1:9'}\n"
               "agent: {provider: azure}\n"
               "prices:\n"
               "  gpt-4o-realtime-preview: {text_in: 4, text_cached: 0.4, text_out: 16, audio_in: 32, audio_cached: "
               "0.40, audio_out: 64.5}\n"
               "limits: {max_cost: 1.25}\n",
               NULL);
    const struct config_provider *p = provider_of(&f);

    assert_str_is(p->name, "azure");
    assert_str_is(p->url, "wss://r.openai.azure.com/openai/v1");
    assert_str_is(p->model, "gpt-4o-realtime-preview");
    assert_str_is(p->voice, "voice_123");
    assert_str_is(p->auth_header, "api-key");
    assert_false(p->model_in_query);
    assert_int_equal(p->dialect, CONFIG_BETA);
    assert_int_equal(p->headers.n, 1);
    assert_str_is(p->headers.v[0].name, "X-Team");
    assert_str_is(p->query.v[0].value, "2025-04-01-preview");
    assert_int_equal(p->prices.in_text, 4000000);
    assert_int_equal(p->prices.cached_audio, 400000);
    assert_int_equal(p->prices.out_audio, 64500000);
    assert_int_equal(f.cfg->limits.max_cost_micro, 1250000);
    assert_int_equal(f.cfg->provider_count, 2);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
}

TEST(a_retired_model_becomes_the_default_with_one_warning)
{
    struct fixture f;

    fixture_ok(&f, NULL, ENV("OPENAI_API_KEY=sk-1234567", "REALTIME_MODEL=gpt-4o-realtime-preview-2024-10-01"));
    assert_str_is(provider_of(&f)->model, "gpt-realtime-2.1");
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_str_is(f.cfg->warnings.v[0], "providers.openai.model: the model gpt-4o-realtime-preview-2024-10-01 has been "
                                        "retired by the service; using gpt-realtime-2.1");
    fixture_done(&f);
}

TEST(a_voice_unknown_to_the_service_is_only_warned_of)
{
    struct fixture f;

    fixture_ok(&f, NULL, ENV("OPENAI_API_KEY=sk-1234567", "REALTIME_VOICE=nova"));
    assert_str_is(provider_of(&f)->voice, "nova");
    assert_int_equal(f.cfg->warnings.n, 1);
    fixture_done(&f);
}

TEST(a_key_of_gemini_makes_it_the_provider)
{
    struct fixture f;

    fixture_ok(&f, NULL,
               ENV("GEMINI_API_KEY=AIza-1", "GEMINI_MODEL=models/gemini-2.5-flash-native-audio-latest",
                   "GEMINI_VOICE=Aoede", "REALTIME_VOICE=ash", "GPT_REALTIME_MODEL=gpt-realtime-2.1"));
    const struct config_provider *p = provider_of(&f);
    assert_str_is(p->name, "gemini");
    assert_int_equal(p->kind, CONFIG_GEMINI);
    assert_str_is(p->url, "https://generativelanguage.googleapis.com");
    assert_str_is(p->api_key, "AIza-1");
    assert_str_is(p->model, "models/gemini-2.5-flash-native-audio-latest"); /* old, but it is tried */
    assert_str_is(p->voice, "Aoede");
    assert_str_is(p->auth_header, "x-goog-api-key");
    assert_int_equal(p->session_max_s, 600);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, NULL, ENV("GEMINI_API_KEY=AIza-1"));
    assert_str_is(provider_of(&f)->model, "gemini-3.8-live");
    assert_str_is(provider_of(&f)->voice, "Kore");
    assert_true(provider_of(&f)->gemini.temperature < 0);
    assert_int_equal(provider_of(&f)->gemini.thinking_budget, -2);
    fixture_done(&f);
    fixture_ok(&f, NULL, ENV("OPENAI_API_KEY=sk-1", "GEMINI_API_KEY=AIza-1"));
    assert_str_is(provider_of(&f)->name, "openai");
    fixture_done(&f);
}

TEST(settings_of_gemini_are_for_gemini)
{
    struct fixture f;

    assert_refused("providers: {o: {kind: openai, api_key: k, top_k: 3}}", NULL,
                   "t.yaml:1:50: providers.o.top_k is a setting of Gemini Live: it needs kind: gemini\n");
    assert_refused("providers: {g: {kind: gemini, api_key: k, thinking_level: low}}", NULL,
                   "t.yaml:1:59: providers.g.thinking_level: the model gemini-3.8-live takes none; "
                   "gemini-3.8-live-extended-thinking does\n");
    assert_refused("providers: {gemini: {}}", NULL,
                   "t.yaml:1:13: providers.gemini.api_key is missing; give it there or as GEMINI_API_KEY\n");
    assert_refused("providers: {o: {kind: openai, api_key: k, dialect: live}}", NULL,
                   "t.yaml:1:52: providers.o.dialect: live is for a sandbox; say kind: gemini\n");
    fixture_ok(&f, "providers: {g: {kind: gemini, api_key: k, voice: ash, temperature: 0.4}}", NULL);
    assert_true(provider_of(&f)->gemini.temperature > 0.3);
    assert_int_equal(f.cfg->warnings.n, 1); /* no voice of that service */
    fixture_done(&f);
    /* Vertex AI: the rest follows from project and location */
    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1, api_key: ya29}}", NULL);
    assert_str_is(provider_of(&f)->url, "https://us-central1-aiplatform.googleapis.com");
    assert_str_is(provider_of(&f)->auth_header, "Authorization");
    fixture_done(&f);
    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1, location: global, api_key: ya29}}", NULL);
    assert_str_is(provider_of(&f)->url, "https://aiplatform.googleapis.com");
    fixture_done(&f);
    assert_refused("providers: {g: {kind: gemini, project: p-1}}", NULL,
                   "t.yaml:1:13: providers.g: Vertex AI wants access tokens: give credentials_file (the JSON key of a "
                   "service account), login: metadata (on a machine of Google Cloud), or api_key (one access token)\n");
    assert_refused("providers: {g: {kind: gemini, api_key: k, location: global}}", NULL,
                   "t.yaml:1:53: providers.g.location needs providers.g.project (Vertex AI)\n");
    fixture_ok(&f, "providers: {sandbox: {dialect: live}}", NULL);
    assert_true(config_is_live(provider_of(&f)));
    assert_str_is(provider_of(&f)->model, "gemini-3.8-live");
    fixture_done(&f);
}

TEST(vertex_ai_logs_in_by_a_key_file_or_the_metadata_server)
{
    static const char *const env[] = {"GOOGLE_APPLICATION_CREDENTIALS=/k/e.json", "GEMINI_API_KEY=AIza", NULL};
    struct fixture f;

    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1, credentials_file: /k/v.json}}", env);
    assert_int_equal(provider_of(&f)->gemini.login, CONFIG_LOGIN_FILE);
    assert_str_is(provider_of(&f)->gemini.credentials_file, "/k/v.json");
    assert_str_is(provider_of(&f)->api_key, ""); /* it is of the Gemini API, and goes nowhere */
    fixture_done(&f);
    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1}}", env);
    assert_int_equal(provider_of(&f)->gemini.login, CONFIG_LOGIN_FILE);
    assert_str_is(provider_of(&f)->gemini.credentials_file, "/k/e.json");
    fixture_done(&f);
    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1, api_key: ya29}}", env);
    assert_int_equal(provider_of(&f)->gemini.login, CONFIG_LOGIN_KEY);
    fixture_done(&f);
    fixture_ok(&f, "providers: {g: {kind: gemini, project: p-1, login: metadata}}", NULL);
    assert_int_equal(provider_of(&f)->gemini.login, CONFIG_LOGIN_METADATA);
    fixture_done(&f);
    fixture_ok(&f, "providers: {g: {kind: gemini}}", env); /* the Gemini API: the key file is somebody else's */
    assert_int_equal(provider_of(&f)->gemini.login, CONFIG_LOGIN_KEY);
    fixture_done(&f);
    assert_refused("providers: {g: {kind: gemini, project: p-1, login: file}}", NULL,
                   "t.yaml:1:52: providers.g.login: file needs providers.g.credentials_file\n");
    assert_refused("providers: {g: {kind: gemini, project: p-1, api_key: k, token_url: \"https://t.example\"}}", NULL,
                   "t.yaml:1:68: providers.g.token_url needs credentials_file or login: metadata beside it\n");
    assert_refused("providers: {g: {kind: gemini, api_key: k, login: metadata}}", NULL,
                   "t.yaml:1:50: providers.g.login needs providers.g.project (Vertex AI)\n");
}

/* What --print prints loads again: an empty setting says nothing. */
static void assert_round_trip(const char *yaml, const char *const *env)
{
    struct fixture f, again;
    struct buf dump, dump2;

    buf_init(&dump, 1 << 20);
    buf_init(&dump2, 1 << 20);
    fixture_ok(&f, yaml, env);
    config_dump_masked(f.cfg, &dump);
    fixture_ok(&again, buf_cstr(&dump), NULL);
    config_dump_masked(again.cfg, &dump2);
    assert_string_equal(buf_cstr(&dump), buf_cstr(&dump2));
    fixture_done(&f);
    fixture_done(&again);
    buf_done(&dump);
    buf_done(&dump2);
}

TEST(a_printed_gemini_or_vertex_provider_loads_again)
{
    static const char *const env[] = {"GEMINI_API_KEY=AIza-1234567890", NULL};

    assert_round_trip(NULL, env);
    assert_round_trip("providers: {g: {kind: gemini, project: p-1, credentials_file: /k/v.json}}", NULL);
    assert_round_trip("providers: {g: {kind: gemini, project: p-1, location: global, login: metadata}}", NULL);
}

TEST(a_voice_stays_with_its_kind_of_service)
{
    struct fixture f;

    fixture_ok(&f,
               "providers: {g: {kind: gemini, api_key: k, failover: [o]}, o: {kind: openai, api_key: k, voice: ash}}\n"
               "agent: {provider: g, voice: Puck}",
               NULL);
    assert_str_is(config_voice(f.cfg, &f.cfg->agent, 0), "Puck");
    assert_str_is(config_voice(f.cfg, &f.cfg->agent, 1), "ash");
    fixture_done(&f);
}

TEST(a_key_over_an_open_line_is_warned_of)
{
    struct fixture f;

    fixture_ok(&f, "providers: {p: {kind: openai, url: 'ws://10.1.1.1:80', api_key: secret-key}}", NULL);
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_str_is(f.cfg->warnings.v[0], "providers.p.url is not encrypted: the key travels in the clear");
    fixture_done(&f);
    fixture_ok(&f, "providers: {p: {kind: openai, url: 'ws://127.example.com', api_key: secret-key}}", NULL);
    assert_int_equal(f.cfg->warnings.n, 1);
    fixture_done(&f);
    fixture_ok(&f, "providers: {p: {kind: openai, url: 'ws://127.0.0.1:80', api_key: secret-key}}", NULL);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
}

TEST(beta_spellings_are_translated)
{
    struct fixture f;

    fixture_ok(&f,
               "agent:\n"
               "  modalities: [text, audio]\n"
               "  input_audio_format: g711_ulaw\n"
               "  output_audio_format: pcm16\n"
               "  input_audio_transcription: {model: whisper-1, language: de}\n"
               "  input_audio_noise_reduction: {type: far_field}\n"
               "  max_response_output_tokens: inf\n"
               "  temperature: 0.8\n"
               "  voice: shimmer\n"
               "  turn_detection: {type: vad, threshold: 0.6, silence_duration_ms: 700, eagerness: low}\n"
               "  tool_choice: {type: function, name: end_call}\n",
               NULL);
    const struct config_agent *a = &f.cfg->agent;

    assert_int_equal(a->output_modality, CONFIG_AUDIO);
    assert_true(a->input_format.given);
    assert_int_equal(a->input_format.format, AUDIO_PCMU);
    assert_int_equal(a->output_format.format, AUDIO_PCM16_24K);
    assert_str_is(a->transcription.model, "whisper-1");
    assert_str_is(a->transcription.language, "de");
    assert_true(a->transcription.enabled);
    assert_int_equal(a->noise_reduction, CONFIG_FAR_FIELD);
    assert_int_equal(a->max_output_tokens, 0);
    assert_str_is(config_voice(f.cfg, a, CONFIG_NONE), "shimmer");
    assert_int_equal(a->turn.kind, TURN_SERVER_VAD);
    assert_float_equal(a->turn.threshold, 0.6, 1e-9);
    assert_int_equal(a->turn.silence_duration_ms, 700);
    assert_str_is(a->turn.eagerness, "");
    assert_str_is(a->tool_choice, "end_call");
    /* temperature and eagerness, each once. */
    assert_int_equal(f.cfg->warnings.n, 2);
    bool eagerness = false, temperature = false;
    for (uint32_t i = 0; i < f.cfg->warnings.n; i++) {
        eagerness = eagerness || str_is(f.cfg->warnings.v[i],
                                        "t.yaml:10:84: agent.turn_detection.eagerness has no effect with this type of "
                                        "turn detection");
        temperature = temperature || str_starts(f.cfg->warnings.v[i], STR("agent.temperature: the provider "));
    }
    assert_true(eagerness && temperature);
    fixture_done(&f);
}

TEST(ga_and_camel_case_spellings_are_translated)
{
    struct fixture f;

    fixture_ok(&f,
               "agent:\n"
               "  modelName: gpt-realtime\n"
               "  modelSettings:\n"
               "    audio:\n"
               "      input:\n"
               "        format: {type: audio/pcma}\n"
               "        noiseReduction: near_field\n"
               "        transcription: null\n"
               "        turnDetection: {type: semantic_vad, eagerness: high, interruptResponse: false, createResponse: "
               "false}\n"
               "      output: {format: {type: audio/pcm, rate: 24000}, voice: {id: voice_9}, speed: 1.25}\n"
               "    toolChoice: required\n"
               "    maxOutputTokens: 512\n"
               "    parallelToolCalls: false\n"
               "    reasoning: {effort: low}\n"
               "    outputModalities: [audio]\n",
               NULL);
    const struct config_agent *a = &f.cfg->agent;

    assert_str_is(config_model(f.cfg, a, CONFIG_NONE), "gpt-realtime");
    assert_str_is(config_voice(f.cfg, &f.cfg->agent, CONFIG_NONE), "voice_9");
    assert_int_equal(a->input_format.format, AUDIO_PCMA);
    assert_int_equal(a->output_format.format, AUDIO_PCM16_24K);
    assert_int_equal(a->noise_reduction, CONFIG_NEAR_FIELD);
    assert_false(a->transcription.enabled);
    assert_int_equal(a->turn.kind, TURN_SEMANTIC_VAD);
    assert_str_is(a->turn.eagerness, "high");
    assert_false(a->turn.create_response);
    assert_false(a->turn.interrupt_response);
    assert_true(a->turn.threshold < 0);
    assert_int_equal(a->turn.silence_duration_ms, -1);
    assert_float_equal(a->speed, 1.25, 1e-9);
    assert_str_is(a->tool_choice, "required");
    assert_int_equal(a->max_output_tokens, 512);
    assert_true(a->parallel_tool_calls_set);
    assert_false(a->parallel_tool_calls);
    assert_int_equal(a->reasoning_effort, CONFIG_EFFORT_LOW);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
}

TEST(groups_may_be_one_word)
{
    struct fixture f;

    fixture_ok(&f,
               "agent: {greeting: Hello there, turn_detection: semantic_vad, transcription: whisper-1, apology: Sorry, "
               "farewell: Bye}",
               NULL);
    assert_int_equal(f.cfg->agent.greeting.kind, GREETING_TEXT);
    assert_str_is(f.cfg->agent.greeting.text, "Hello there");
    assert_int_equal(f.cfg->agent.turn.kind, TURN_SEMANTIC_VAD);
    assert_str_is(f.cfg->agent.transcription.model, "whisper-1");
    assert_str_is(f.cfg->agent.apology, "Sorry");
    assert_str_is(f.cfg->agent.farewell, "Bye");
    fixture_done(&f);
    fixture_ok(&f, "agent: {greeting: null, turn_detection: null, transcription: ~, noise_reduction: null}", NULL);
    assert_int_equal(f.cfg->agent.greeting.kind, GREETING_NONE);
    assert_int_equal(f.cfg->agent.turn.kind, TURN_MANUAL);
    assert_false(f.cfg->agent.turn.create_response);
    assert_false(f.cfg->agent.transcription.enabled);
    fixture_done(&f);
}

TEST(anchors_and_aliases_work)
{
    struct fixture f;

    fixture_ok(&f,
               "providers:\n"
               "  a: &base {kind: sandbox, url: 'ws://127.0.0.1:5', headers: {X-A: one}}\n"
               "  b: *base\n"
               "agent: {provider: b}\n",
               NULL);
    assert_str_is(provider_of(&f)->name, "b");
    assert_str_is(provider_of(&f)->url, "ws://127.0.0.1:5");
    assert_str_is(provider_of(&f)->headers.v[0].value, "one");
    fixture_done(&f);
}

TEST(durations_have_units)
{
    struct fixture f;

    fixture_ok(
        &f,
        "deadlines: {tool_ms: 2m, stall_ms: 750, drain_ms: 0}\nlimits: {max_call_s: 1h, max_calls_per_number: none}\n",
        NULL);
    assert_int_equal(f.cfg->deadlines.tool_ms, 120000);
    assert_int_equal(f.cfg->deadlines.stall_ms, 750);
    assert_int_equal(f.cfg->deadlines.drain_ms, 0);
    assert_int_equal(f.cfg->limits.max_call_s, 3600);
    assert_int_equal(f.cfg->limits.max_calls_per_number, 0);
    fixture_done(&f);
}

TEST(proxies_are_trusted_by_block)
{
    static const struct {
        const char *address;
        bool trusted;
    } cases[] = {{"10.1.2.3", true},       {"10.1.2.3:5060", true},
                 {"11.0.0.1", false},      {"192.168.1.7", true},
                 {"192.168.1.8", false},   {"[2001:db8::1]:443", true},
                 {"2001:db8:1::1", false}, {"::ffff:10.9.9.9", true},
                 {"127.0.0.1", false},     {"", false},
                 {"10.1.2", false},        {"nonsense", false}};
    struct fixture f;

    fixture_ok(&f, "server: {trusted_proxies: [10.0.0.0/8, 192.168.1.7, '2001:db8::/48']}", NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (config_trusts_proxy(f.cfg, str_from(cases[i].address)) != cases[i].trusted) {
            fail_msg("%s", cases[i].address);
        }
    }
    fixture_done(&f);
    fixture_ok(&f, NULL, NULL);
    assert_true(config_trusts_proxy(f.cfg, STR("127.0.0.1:1")));
    assert_true(config_trusts_proxy(f.cfg, STR("::1")));
    assert_false(config_trusts_proxy(f.cfg, STR("10.0.0.1")));
    fixture_done(&f);
    fixture_ok(&f, "server: {trusted_proxies: []}", NULL);
    assert_false(config_trusts_proxy(f.cfg, STR("127.0.0.1")));
    fixture_done(&f);
}

/* As their country writes them: with a trunk prefix. */
TEST(departments_have_numbers_of_their_country)
{
    struct fixture f;

    fixture_ok(&f, "default_country_code: DE\ndepartments: {sales: 030 901820, desk: \"sip:desk@pbx.example.com\"}",
               NULL);
    assert_int_equal(f.cfg->departments.n, 2);
    for (size_t i = 0; i < f.cfg->departments.n; i++) {
        bool sales = str_is(f.cfg->departments.v[i].name, "sales");
        assert_str_is(f.cfg->departments.v[i].value, sales ? "+4930901820" : "sip:desk@pbx.example.com");
    }
    fixture_done(&f);
    assert_err(fixture_load(&f, "departments: {sales: \"12\"}", NULL), ERR_CONFIG);
    assert_has(buf_str(&f.errors), "neither a telephone number");
    fixture_done(&f);
}

TEST(a_trunk_prefix_behind_the_country_is_not_dialled)
{
    struct fixture f;

    if (!str_starts(str_from(phone_number_source()), STR("libphonenumber"))) {
        skip(); /* calling codes alone know of none */
    }
    fixture_ok(&f, "departments: {sales: \"+49 (0) 30 901820\"}", NULL);
    assert_str_is(f.cfg->departments.v[0].value, "+4930901820");
    fixture_done(&f);
}

TEST(prices_are_found_without_the_date)
{
    struct fixture f;

    fixture_ok(&f, "prices: {m: {text_in: 1}, m-2026-02-02: {text_in: 2}}", NULL);
    assert_int_equal(config_prices(f.cfg, STR("m"))->in_text, 1000000);
    assert_int_equal(config_prices(f.cfg, STR("m-2025-01-01"))->in_text, 1000000);
    assert_int_equal(config_prices(f.cfg, STR("models/m"))->in_text, 1000000);
    assert_int_equal(config_prices(f.cfg, STR("projects/p/models/m-2026-02-02"))->in_text, 2000000);
    assert_int_equal(config_prices(f.cfg, STR("m-2026-02-02"))->in_text, 2000000);
    assert_null(config_prices(f.cfg, STR("m-x")));
    assert_null(config_prices(f.cfg, STR("-2025-01-01")));
    fixture_done(&f);
}

TEST(the_dump_shows_no_secret_and_loads_again)
{
    struct fixture f, again;
    struct buf out;

    fixture_ok(&f,
               "server: {tokens: [control-token], public_url: 'https://v.example.com'}\n"
               "providers: {p: {kind: openai, url: 'wss://h/v1', api_key: sk-hidden, headers: {X-K: header-hidden}}}\n"
               "carriers: {twilio: {auth_token: twilio-token}}\n"
               "prices: {m: {text_in: 0.5}}\n"
               "limits: {max_call_s: 77}\n",
               NULL);
    buf_init(&out, 1 << 20);
    config_dump_masked(f.cfg, &out);
    assert_int_equal(out.err, 0);
    assert_has_not(buf_str(&out), "hidden");
    assert_has_not(buf_str(&out), "-token\"");
    assert_int_equal(f.cfg->secrets.n, 4);
    fixture_ok(&again, buf_cstr(&out), NULL);
    assert_int_equal(again.cfg->limits.max_call_s, 77);
    assert_str_is(again.cfg->server.public_url, "https://v.example.com");
    assert_int_equal(again.cfg->prices[0].prices.in_text, 500000);
    fixture_done(&again);
    fixture_done(&f);
    buf_done(&out);
}

static void *use_snapshot(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        config_ref(arg);
        config_unref(arg);
    }
    return config_unref(arg);
}

TEST(plivo_is_set_by_the_references_names)
{
    struct fixture f;

    fixture_ok(&f, NULL,
               ENV("PLIVO_AUTH_ID=MA1", "PLIVO_AUTH_TOKEN=plivo-secret", "PLIVO_PHONE_NUMBER=15550001111",
                   "PUBLIC_URL=https://a.example.com"));
    assert_str_is(f.cfg->plivo.auth_id, "MA1");
    assert_str_is(f.cfg->plivo.auth_token, "plivo-secret");
    assert_str_is(f.cfg->plivo.phone_number, "+15550001111");
    assert_str_is(f.cfg->plivo.application, "Ringtrip");
    assert_true(f.cfg->plivo.verify_signature && f.cfg->plivo.require_token && f.cfg->plivo.configure);
    assert_false(f.cfg->plivo.text_events);
    fixture_done(&f);
}

/* A carrier that nobody configured would answer unsigned requests. */
TEST(a_carrier_is_served_when_it_is_configured_or_none_is)
{
    static const struct {
        const char *yaml;
        bool twilio, plivo;
    } cases[] = {
        {"{}", true, true},
        {"carriers: {twilio: {auth_token: secret-1}}", true, false},
        {"carriers: {plivo: {auth_token: secret-1}}", false, true},
        {"carriers: {plivo: {auth_id: MA1}}", false, true},
        {"carriers: {plivo: {enabled: true}}", false, true},
        {"carriers: {plivo: {enabled: false}}", true, false},
        {"carriers: {twilio: {account_sid: AC1}, plivo: {auth_id: MA1}}", true, true},
        {"carriers: {twilio: {account_sid: AC1, enabled: false}, plivo: {auth_id: MA1}}", false, true},
        {"carriers: {twilio: {account_sid: AC1}, plivo: {enabled: true}}", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;

        fixture_ok(&f, cases[i].yaml, NULL);
        if (f.cfg->twilio.enabled != cases[i].twilio || f.cfg->plivo.enabled != cases[i].plivo) {
            fail_msg("%s: twilio %d, plivo %d", cases[i].yaml, f.cfg->twilio.enabled, f.cfg->plivo.enabled);
        }
        fixture_done(&f);
    }
}

TEST(references_are_counted_across_threads)
{
    struct fixture f;
    pthread_t threads[4];

    fixture_ok(&f, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_snapshot, config_ref(f.cfg)), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_str_is(f.cfg->agent.name, "demo");
    fixture_done(&f);
}

TEST_MAIN(T(nothing_at_all_gives_the_demo_agent_on_the_sandbox), T(a_key_in_the_environment_makes_openai_the_provider),
          T(every_environment_name_of_the_reference_works), T(port_and_public_domain_are_fallbacks),
          T(the_file_wins_over_the_environment_but_for_the_system_prompt), T(variables_are_put_into_values),
          T(a_provider_with_everything), T(a_retired_model_becomes_the_default_with_one_warning),
          T(a_voice_unknown_to_the_service_is_only_warned_of), T(a_key_over_an_open_line_is_warned_of),
          T(a_key_of_gemini_makes_it_the_provider), T(settings_of_gemini_are_for_gemini),
          T(a_printed_gemini_or_vertex_provider_loads_again), T(vertex_ai_logs_in_by_a_key_file_or_the_metadata_server),
          T(a_voice_stays_with_its_kind_of_service), T(beta_spellings_are_translated),
          T(ga_and_camel_case_spellings_are_translated), T(groups_may_be_one_word), T(anchors_and_aliases_work),
          T(durations_have_units), T(proxies_are_trusted_by_block), T(departments_have_numbers_of_their_country),
          T(a_trunk_prefix_behind_the_country_is_not_dialled), T(prices_are_found_without_the_date),
          T(the_dump_shows_no_secret_and_loads_again), T(plivo_is_set_by_the_references_names),
          T(a_carrier_is_served_when_it_is_configured_or_none_is), T(references_are_counted_across_threads))
