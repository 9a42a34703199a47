/* The OpenAI provider against a scripted service on a real socket: setting up, refusals, names. */
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "fakes/wait.h"
#include "net/cert.h"
#include "providers/openai_bench.h"
#include "test.h"

/* ---- setting up ---- */

TEST(a_session_is_ready_only_after_its_settings_were_confirmed)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = NULL;
    bench_open(&t);
    settle(t.f.loop);
    assert_log(&t, "");
    assert_has(buf_str(&t.f.request), "/v1/realtime?model=gpt-realtime-2.1\n");
    assert_has(buf_str(&t.f.request), "Authorization: Bearer sk-secret\n");
    assert_has_not(buf_str(&t.f.request), "OpenAI-Beta");
    fake_openai_say(&t.f, FAKE_UPDATED);
    wait_line(&t, "ready ");
    assert_log(&t, "ready in=audio/pcmu out=audio/pcmu tools=1 interrupts=1 creates=1 model=gpt-realtime-2.1 "
                   "voice=marin id=sess_1\n");
    bench_done(&t);
}

TEST(the_update_carries_every_setting_in_the_ga_shape)
{
    struct bench t;
    bench_init(&t);
    t.o.transcription.enabled = true;
    t.o.transcription.language = STR("en");
    t.o.noise_reduction = STR("near_field");
    t.o.speed = 1.25;
    t.o.max_output_tokens = 500;
    t.o.tool_choice = STR("end_call");
    t.o.reasoning_effort = STR("low");
    t.o.parallel_tool_calls_set = true;
    t.o.tracing = STR("\"auto\"");
    t.o.truncation = STR("\"disabled\"");
    t.o.prompt = STR("{\"id\":\"pmpt_1\",\"version\":\"2\"}");
    t.o.transcription.extra = STR("\"delay\":\"low\",\"keywords\":[\"gadget\"]");
    t.o.temperature = 0.7; /* it has none any more */
    t.call.turn.threshold = 0.6;
    t.call.turn.prefix_padding_ms = 250;
    t.call.turn.silence_duration_ms = 400;
    t.call.turn.interrupt_response = false;
    bench_ready(&t);
    assert_member(&t, "type", "session.update");
    assert_member(&t, "event_id", "rt_setup");
    assert_member(&t, "session.type", "realtime");
    assert_member(&t, "session.instructions", "Be brief.");
    assert_member(&t, "session.output_modalities", "[\"audio\"]");
    assert_member(&t, "session.audio.input.format.type", "audio/pcmu");
    assert_member(&t, "session.audio.output.format.type", "audio/pcmu");
    assert_member(&t, "session.audio.output.voice", "marin");
    assert_member(&t, "session.audio.output.speed", "1.25");
    assert_member(&t, "session.audio.input.transcription.model", "gpt-4o-mini-transcribe");
    assert_member(&t, "session.audio.input.transcription.language", "en");
    assert_member(&t, "session.audio.input.noise_reduction.type", "near_field");
    assert_member(&t, "session.audio.input.turn_detection.type", "server_vad");
    assert_member(&t, "session.audio.input.turn_detection.threshold", "0.6");
    assert_member(&t, "session.audio.input.turn_detection.prefix_padding_ms", "250");
    assert_member(&t, "session.audio.input.turn_detection.silence_duration_ms", "400");
    assert_member(&t, "session.audio.input.turn_detection.create_response", "true");
    assert_member(&t, "session.audio.input.turn_detection.interrupt_response", "false");
    assert_member(&t, "session.max_output_tokens", "500");
    assert_member(&t, "session.tool_choice.name", "end_call");
    assert_member(&t, "session.reasoning.effort", "low");
    assert_member(&t, "session.parallel_tool_calls", "false");
    assert_member(&t, "session.tracing", "auto");
    assert_member(&t, "session.truncation", "disabled");
    assert_member(&t, "session.prompt.id", "pmpt_1");
    assert_member(&t, "session.prompt.version", "2");
    assert_member(&t, "session.audio.input.transcription.delay", "low");
    assert_member(&t, "session.audio.input.transcription.keywords", "[\"gadget\"]");
    assert_has_not(buf_str(&t.f.got), "temperature");
    assert_has(buf_str(&t.f.got), "\"tools\":[{\"type\":\"function\",\"name\":\"end_call\",\"description\":"
                                  "\"Ends the call.\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]");
    bench_done(&t);
}

TEST(a_beta_service_gets_the_flat_shape)
{
    struct bench t;
    bench_init(&t);
    t.o.dialect = OPENAI_BETA;
    t.o.url = STR_NULL;
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/openai/realtime?api-version=2025-01-01-preview", t.f.port);
    t.o.url = str_from(url);
    t.o.no_model_query = true;
    t.o.query = &(struct str_pair){STR("deployment"), STR("my gpt")};
    t.o.n_query = 1;
    t.o.auth_header = STR("api-key");
    t.f.on_update = "{\"type\":\"session.updated\",\"session\":{\"id\":\"s\",\"input_audio_format\":\"g711_ulaw\","
                    "\"output_audio_format\":\"pcm16\"}}";
    bench_open(&t);
    wait_line(&t, "ready ");
    assert_has(buf_str(&t.log), "ready in=audio/pcmu out=audio/pcm tools=0");
    assert_has(buf_str(&t.f.request),
               "/openai/realtime?api-version=2025-01-01-preview&deployment=my%20gpt\napi-key: sk-secret\n");
    assert_member(&t, "session.modalities", "[\"audio\",\"text\"]");
    assert_member(&t, "session.input_audio_format", "g711_ulaw");
    assert_member(&t, "session.turn_detection.type", "server_vad");
    bench_done(&t);
}

TEST(extra_headers_and_query_reach_the_service)
{
    struct bench t;
    bench_init(&t);
    struct str_pair headers[] = {{STR("X-Extra"), STR("7")}, {STR("authorization"), STR("Basic abc")}};
    t.o.headers = headers;
    t.o.n_headers = 2;
    bench_ready(&t);
    assert_has(buf_str(&t.f.request), "X-Extra: 7\n");
    assert_has(buf_str(&t.f.request), "Authorization: Basic abc\n");
    assert_has_not(buf_str(&t.f.request), "sk-secret");
    bench_done(&t);
}

TEST(what_the_service_confirms_counts)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = FAKE_UPDATED_WITH(FAKE_PCM, FAKE_PCM, "null");
    bench_open(&t);
    wait_line(&t, "ready ");
    assert_has(buf_str(&t.log), "ready in=audio/pcm out=audio/pcm tools=1 interrupts=0 creates=0");
    bench_done(&t);
}

TEST(a_service_that_echoes_nothing_has_accepted_what_was_asked)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = "{\"type\":\"session.updated\",\"session\":{}}";
    bench_open(&t);
    wait_line(&t, "ready ");
    assert_log(&t, "ready in=audio/pcmu out=audio/pcmu tools=0 interrupts=1 creates=1 model=gpt-realtime-2.1 "
                   "voice=marin id=\n");
    bench_done(&t);
}

TEST(an_unknown_confirmed_format_fails_and_names_the_field)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = FAKE_UPDATED_WITH(FAKE_PCMU, "{\"type\":\"audio/opus\"}", FAKE_TURNS);
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=config code=unknown-format ready=0 message=session.audio.output.format: ");
    bench_done(&t);
}

/* ---- refusals and silence ---- */

TEST(a_refused_key_is_told_by_the_error_event_before_the_close)
{
    struct bench t;
    bench_init(&t);
    t.f.on_open = ERROR_EVENT("invalid_api_key", "null", "Incorrect API key provided", "null");
    t.f.close_after_open = 3000;
    t.f.close_reason = "invalid_request_error.invalid_api_key";
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "failed err=auth code=invalid_api_key ready=0 message=Incorrect API key provided\n");
    bench_done(&t);
}

TEST(a_refused_model_is_told_by_the_close_reason_alone)
{
    struct bench t;
    bench_init(&t);
    t.f.on_open = NULL;
    t.f.close_after_open = 4000;
    t.f.close_reason = "invalid_request_error.invalid_model";
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "failed err=config code=invalid_model ready=0 message=invalid_request_error.invalid_model\n");
    bench_done(&t);
}

TEST(a_refused_setting_names_its_field)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update =
        ERROR_EVENT("invalid_value", "\"session.audio.output.voice\"", "Invalid value: 'x'.", "\"rt_setup\"");
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "failed err=config code=invalid_value ready=0 message=session.audio.output.voice: Invalid value: "
                   "'x'.\n");
    bench_done(&t);
}

TEST(a_refused_upgrade_tells_its_status)
{
    static const struct {
        int status;
        const char *want;
    } cases[] = {
        {401, "failed err=auth code=http-401 ready=0"},
        {404, "failed err=config code=http-404 ready=0"},
        {503, "failed err=http code= ready=0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench t;
        bench_init(&t);
        t.f.refuse_status = cases[i].status;
        bench_open(&t);
        wait_until(t.f.loop, is_gone, &t);
        assert_has(buf_str(&t.log), cases[i].want);
        bench_done(&t);
    }
}

TEST(a_service_that_never_speaks_times_out)
{
    struct bench t;
    bench_init(&t);
    t.f.on_open = NULL;
    t.o.created_ms = 30;
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=ETIMEDOUT code= ready=0 message=the service accepted the connection but");
    bench_done(&t);
}

TEST(a_service_that_never_confirms_times_out)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = NULL;
    t.o.updated_ms = 30;
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=ETIMEDOUT code= ready=0 message=the service did not confirm");
    bench_done(&t);
}

TEST(a_refusal_without_a_close_is_told_at_the_deadline)
{
    struct bench t;
    bench_init(&t);
    t.f.on_open = ERROR_EVENT("invalid_model", "\"model\"", "No such model.", "null");
    t.o.created_ms = 30;
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "failed err=config code=invalid_model ready=0 message=model: No such model.\n");
    bench_done(&t);
}

TEST(a_service_that_falls_silent_on_the_wire_is_given_up)
{
    struct bench t;
    bench_init(&t);
    t.o.ping_ms = 20;
    t.o.pong_ms = 40;
    bench_ready(&t);
    settle(t.f.loop);
    settle(t.f.loop);
    settle(t.f.loop);
    assert_log(&t, ""); /* pongs keep it alive */
    ws_pause_reading(t.f.ws, true);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=ETIMEDOUT code= ready=1");
    bench_done(&t);
}

TEST(wss_needs_a_certificate_that_is_trusted)
{
    struct cert_dir good;
    struct cert_dir other;
    struct tls_ctx *server = NULL;
    cert_dir_new(&good, "IP:127.0.0.1", 10);
    cert_dir_new(&other, "IP:127.0.0.1", 10);
    assert_ok(tls_server_new(good.cert, good.key, NULL, &server));
    for (int trusted = 0; trusted < 2; trusted++) {
        struct bench t;
        struct tls_ctx *client = NULL;
        assert_ok(tls_client_new(trusted ? good.ca : other.ca, NULL, &client));
        bench_init_tls(&t, server);
        t.o.tls = client;
        bench_open(&t);
        if (trusted) {
            wait_line(&t, "ready ");
        } else {
            wait_until(t.f.loop, is_gone, &t);
            assert_has(buf_str(&t.log), "failed err=tls code= ready=0 message=");
        }
        bench_done(&t);
        tls_unref(client);
    }
    tls_unref(server);
    cert_dir_done(&good);
    cert_dir_done(&other);
}

TEST(an_unreachable_service_has_no_code)
{
    struct bench t;
    bench_init(&t);
    t.o.url = STR("ws://127.0.0.1:1");
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=ECONNREFUSED code= ready=0");
    bench_done(&t);
}

TEST(unusable_options_are_refused_at_once)
{
    struct bench t;
    bench_init(&t);
    struct model *m = NULL;
    t.o.url = STR("ftp://example.com");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &bench_events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws:///v1");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &bench_events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws://127.0.0.1:1/a b");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &bench_events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws://127.0.0.1:1");
    t.o.api_key = STR("key\r\nX-Evil: 1");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &bench_events, &t, &m), ERR_CONFIG);
    t.o.api_key = STR("key");
    t.call.tools[0].parameters = STR("{\"type\":");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &bench_events, &t, &m), ERR_CONFIG);
    assert_null(m);
    bench_done(&t);
}

/* ---- names ---- */

static uint32_t n_retired_warnings;

static void count_retired(enum log_level level UNUSED, const struct log_scope *scope UNUSED, const char *event,
                          const char *fields UNUSED, void *arg UNUSED)
{
    n_retired_warnings += str_is(str_from(event), "model.retired");
}

TEST(a_retired_model_becomes_the_default_with_one_warning)
{
    log_set_sink(count_retired, NULL, LOG_WARN);
    for (int i = 0; i < 2; i++) {
        struct bench t;
        bench_init(&t);
        t.o.model = STR("gpt-4o-realtime-preview-2024-10-01");
        bench_ready(&t);
        assert_has(buf_str(&t.f.request), "?model=" OPENAI_DEFAULT_MODEL "\n");
        bench_done(&t);
    }
    log_set_sink(NULL, NULL, LOG_WARN);
    assert_int_equal(n_retired_warnings, 1);
}

TEST(sessions_of_one_loop_share_their_buffers)
{
    struct bench t;
    struct openai_scratch scratch;
    openai_scratch_init(&scratch);
    bench_init(&t);
    t.o.scratch = &scratch;
    bench_ready(&t);
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQID"));
    wait_line(&t, "audio r1 a1 3");
    assert_true(scratch.audio.cap > 0);
    bench_done(&t);
    openai_scratch_done(&scratch);
}

TEST_MAIN(T(a_session_is_ready_only_after_its_settings_were_confirmed),
          T(the_update_carries_every_setting_in_the_ga_shape), T(a_beta_service_gets_the_flat_shape),
          T(extra_headers_and_query_reach_the_service), T(what_the_service_confirms_counts),
          T(a_service_that_echoes_nothing_has_accepted_what_was_asked),
          T(an_unknown_confirmed_format_fails_and_names_the_field),
          T(a_refused_key_is_told_by_the_error_event_before_the_close),
          T(a_refused_model_is_told_by_the_close_reason_alone), T(a_refused_setting_names_its_field),
          T(a_refused_upgrade_tells_its_status), T(a_service_that_never_speaks_times_out),
          T(a_service_that_never_confirms_times_out), T(a_refusal_without_a_close_is_told_at_the_deadline),
          T(a_service_that_falls_silent_on_the_wire_is_given_up), T(wss_needs_a_certificate_that_is_trusted),
          T(an_unreachable_service_has_no_code), T(unusable_options_are_refused_at_once),
          T(a_retired_model_becomes_the_default_with_one_warning), T(sessions_of_one_loop_share_their_buffers))
