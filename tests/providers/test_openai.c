/* The OpenAI provider against a scripted service on a real socket. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "call/model_ops.h"
#include "fakes/wait.h"
#include "net/cert.h"
#include "providers/fake_openai.h"
#include "providers/openai/openai.h"
#include "test.h"

/* ---- a session under test, with everything it says written down as lines ---- */

struct bench {
    struct fake_openai f;
    struct openai_opts o;
    struct call_opts call;
    struct model *model;
    char url[64];
    struct buf log;   /* "ready in=audio/pcmu ..." */
    struct buf audio; /* decoded, all of it */
    const char *want; /* what wait_line waits for */
    bool gone;
    int gone_err;
    bool close_on_ready;
};

static void put_ready(struct buf *b, const struct call_event *ev)
{
    buf_printf(b,
               "ready in=%s out=%s tools=%u interrupts=%d creates=%d model=" STR_FMT " voice=" STR_FMT " id=" STR_FMT,
               audio_format_wire(ev->model_ready.in), audio_format_wire(ev->model_ready.out), ev->model_ready.n_tools,
               ev->model_ready.interrupts, ev->model_ready.creates, STR_ARG(ev->model_ready.model),
               STR_ARG(ev->model_ready.voice), STR_ARG(ev->model_ready.session_id));
}

static void put_done(struct buf *b, const struct call_event *ev)
{
    const struct call_usage *u = &ev->model_done.usage;
    buf_printf(b, "done " STR_FMT " status=%d reason=" STR_FMT " in=%u/%u cached=%u/%u out=%u/%u",
               STR_ARG(ev->model_done.response_id), ev->model_done.status, STR_ARG(ev->model_done.reason), u->in_text,
               u->in_audio, u->cached_text, u->cached_audio, u->out_text, u->out_audio);
}

static void put_event(struct bench *t, const struct call_event *ev)
{
    struct buf *b = &t->log;
    switch (ev->type) {
    case EV_MODEL_READY:
        put_ready(b, ev);
        break;
    case EV_MODEL_FAILED:
        buf_printf(b, "failed err=%s code=" STR_FMT " ready=%d message=" STR_FMT, err_name(ev->model_failed.err),
                   STR_ARG(ev->model_failed.code), ev->model_failed.was_ready, STR_ARG(ev->model_failed.message));
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        buf_printf(b, "%s " STR_FMT " at=%u", call_event_name(ev->type), STR_ARG(ev->model_speech.item_id),
                   ev->model_speech.at_ms);
        break;
    case EV_MODEL_USER_TEXT:
        buf_printf(b, "user " STR_FMT " failed=%d [" STR_FMT "]", STR_ARG(ev->model_user_text.item_id),
                   ev->model_user_text.failed, STR_ARG(ev->model_user_text.text));
        break;
    case EV_MODEL_RESPONSE_CREATED:
        buf_printf(b, "created " STR_FMT, STR_ARG(ev->model_response.response_id));
        break;
    case EV_MODEL_ITEM_ADDED:
        buf_printf(b, "item " STR_FMT " " STR_FMT, STR_ARG(ev->model_item.response_id),
                   STR_ARG(ev->model_item.item_id));
        break;
    case EV_MODEL_AUDIO:
        buf_put(&t->audio, ev->model_audio.audio.p, ev->model_audio.audio.n);
        buf_printf(b, "audio " STR_FMT " " STR_FMT " %zu", STR_ARG(ev->model_audio.response_id),
                   STR_ARG(ev->model_audio.item_id), ev->model_audio.audio.n);
        break;
    case EV_MODEL_AUDIO_DONE:
        buf_printf(b, "audio-done " STR_FMT " " STR_FMT, STR_ARG(ev->model_audio.response_id),
                   STR_ARG(ev->model_audio.item_id));
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        buf_printf(b, "%s " STR_FMT " [" STR_FMT "]", call_event_name(ev->type), STR_ARG(ev->model_text.item_id),
                   STR_ARG(ev->model_text.text));
        break;
    case EV_MODEL_TOOL_CALL:
        buf_printf(b, "tool " STR_FMT " " STR_FMT " " STR_FMT " [" STR_FMT "]", STR_ARG(ev->model_tool.response_id),
                   STR_ARG(ev->model_tool.tool_call_id), STR_ARG(ev->model_tool.name),
                   STR_ARG(ev->model_tool.arguments));
        break;
    case EV_MODEL_RESPONSE_DONE:
        put_done(b, ev);
        break;
    case EV_MODEL_ERROR:
        buf_printf(b, "error code=" STR_FMT " param=" STR_FMT " request=%u", STR_ARG(ev->model_error.code),
                   STR_ARG(ev->model_error.param), ev->model_error.request);
        break;
    default:
        fail_msg("a model said %s", call_event_name(ev->type));
    }
    buf_putc(b, '\n');
}

static void on_event(struct model *model, const struct call_event *ev, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone);
    put_event(t, ev);
    if (t->close_on_ready && ev->type == EV_MODEL_READY) {
        model_close(model);
    }
}

static void on_closed(struct model *model UNUSED, int err, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone);
    t->gone = true;
    t->gone_err = err;
}

static const struct model_handler events = {.on_event = on_event, .on_closed = on_closed};

static struct call_tool end_call(void)
{
    return (struct call_tool){.name = STR("end_call"),
                              .description = STR("Ends the call."),
                              .parameters = STR("{\"type\":\"object\",\"properties\":{}}"),
                              .kind = CALL_TOOL_END};
}

static void bench_init_tls(struct bench *t, struct tls_ctx *tls)
{
    *t = (struct bench){.f = {.on_open = FAKE_CREATED, .on_update = FAKE_UPDATED, .tls = tls}};
    buf_init(&t->log, 1u << 20);
    buf_init(&t->audio, 64u << 20);
    fake_openai_open(&t->f);
    call_opts_init(&t->call);
    t->call.instructions = STR("Be brief.");
    t->call.turn.kind = TURN_SERVER_VAD;
    t->call.turn.create_response = t->call.turn.interrupt_response = true;
    t->call.n_tools = 1;
    t->call.tools[0] = end_call();
    t->o.url = str_from(fake_openai_url(&t->f, t->url, sizeof(t->url)));
    t->o.api_key = STR("sk-secret");
    t->o.model = STR("gpt-realtime-2.1");
    t->o.voice = STR("marin");
    t->o.input_format = t->o.output_format = AUDIO_PCMU;
}

static void bench_init(struct bench *t)
{
    bench_init_tls(t, NULL);
}

static void bench_open(struct bench *t)
{
    assert_ok(openai_open(t->f.loop, &t->o, &t->call, &events, t, &t->model));
}

static bool has_line(void *arg)
{
    struct bench *t = arg;
    return str_search(buf_str(&t->log), str_from(t->want)) != SIZE_MAX;
}

static void wait_line(struct bench *t, const char *want)
{
    t->want = want;
    wait_until(t->f.loop, has_line, t);
}

static bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

static void bench_done(struct bench *t)
{
    if (t->model && !t->gone) {
        model_close(t->model);
        wait_until(t->f.loop, is_gone, t);
    }
    fake_openai_done(&t->f);
    buf_done(&t->log);
    buf_done(&t->audio);
}

/* Opens and waits until the settings are confirmed; the log is then empty. */
static void bench_ready(struct bench *t)
{
    bench_open(t);
    wait_line(t, "ready ");
    buf_clear(&t->log, 0);
}

static void assert_has(struct str text, const char *part)
{
    if (str_search(text, str_from(part)) == SIZE_MAX) {
        fail_msg("[%s] is not in [" STR_FMT "]", part, STR_ARG(text));
    }
}

static void assert_has_not(struct str text, const char *part)
{
    if (str_search(text, str_from(part)) != SIZE_MAX) {
        fail_msg("[%s] is in [" STR_FMT "]", part, STR_ARG(text));
    }
}

static void assert_log(struct bench *t, const char *want)
{
    assert_str_is(buf_str(&t->log), want);
}

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

static struct json_val member(struct bench *t, const char *path)
{
    struct json_val v;
    assert_ok(json_parse(str_trim(buf_str(&t->f.got)), &v));
    return json_path(v, path);
}

static void assert_member(struct bench *t, const char *path, const char *want)
{
    struct json_val v = member(t, path);
    if (!str_is(v.s, want)) {
        fail_msg("%s is [" STR_FMT "], not [%s]", path, STR_ARG(v.s), want);
    }
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
    assert_has(buf_str(&t.f.got), "\"tools\":[{\"type\":\"function\",\"name\":\"end_call\",\"description\":"
                                  "\"Ends the call.\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]");
    bench_done(&t);
}

TEST(each_kind_of_turn_asks_for_its_own_detection)
{
    static const struct {
        enum turn_kind kind;
        const char *want;
    } cases[] = {
        {TURN_SEMANTIC_VAD, "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"high\","},
        {TURN_MANUAL, "\"turn_detection\":null"},
        {TURN_LOCAL, "\"turn_detection\":null"},
        {TURN_HYBRID, "\"create_response\":false,\"interrupt_response\":false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench t;
        bench_init(&t);
        t.call.turn.kind = cases[i].kind;
        t.call.turn.eagerness = STR("high");
        bench_ready(&t);
        assert_has(buf_str(&t.f.got), cases[i].want);
        bench_done(&t);
    }
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
    t.o.query = &(struct openai_pair){STR("deployment"), STR("my gpt")};
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
    struct openai_pair headers[] = {{STR("X-Extra"), STR("7")}, {STR("authorization"), STR("Basic abc")}};
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

#define ERROR_EVENT(code, param, message, id)                                                                          \
    "{\"type\":\"error\",\"event_id\":\"e9\",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"" code           \
    "\",\"message\":\"" message "\",\"param\":" param ",\"event_id\":" id "}}"

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
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws:///v1");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws://127.0.0.1:1/a b");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &events, &t, &m), ERR_CONFIG);
    t.o.url = STR("ws://127.0.0.1:1");
    t.o.api_key = STR("key\r\nX-Evil: 1");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &events, &t, &m), ERR_CONFIG);
    t.o.api_key = STR("key");
    t.call.tools[0].parameters = STR("{\"type\":");
    assert_err(openai_open(t.f.loop, &t.o, &t.call, &events, &t, &m), ERR_CONFIG);
    assert_null(m);
    bench_done(&t);
}

/* ---- events ---- */

#define DELTA(type, item, data)                                                                                        \
    "{\"type\":\"" type "\",\"event_id\":\"e\",\"response_id\":\"r1\",\"item_id\":\"" item                             \
    "\",\"output_index\":0,\"content_index\":0,\"delta\":\"" data "\"}"

TEST(a_turn_with_an_audio_reply_becomes_the_calls_events)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    static const char *const said[] = {
        "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":420,\"item_id\":\"u1\"}",
        "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":2180,\"item_id\":\"u1\"}",
        "{\"type\":\"input_audio_buffer.committed\",\"previous_item_id\":null,\"item_id\":\"u1\"}",
        "{\"type\":\"conversation.item.added\",\"item\":{\"id\":\"u1\",\"type\":\"message\",\"role\":\"user\","
        "\"content\":[{\"type\":\"input_audio\",\"transcript\":null}]}}",
        "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"status\":\"in_progress\",\"output\":[]}}",
        "{\"type\":\"response.output_item.added\",\"response_id\":\"r1\",\"output_index\":0,\"item\":{\"id\":\"a1\","
        "\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
        DELTA("response.output_audio_transcript.delta", "a1", "Hi \\u00e9"),
        DELTA("response.output_audio.delta", "a1", "AQID"),
        DELTA("response.audio.delta", "a1", "BA=="),
        "{\"type\":\"response.output_audio.done\",\"response_id\":\"r1\",\"item_id\":\"a1\"}",
        "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"r1\",\"item_id\":\"a1\","
        "\"transcript\":\"Hi there\"}",
        "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"u1\",\"transcript\":"
        "\"Hello.\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}",
        "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"completed\",\"output\":[],\"usage\":{"
        "\"total_tokens\":253,\"input_tokens\":132,\"output_tokens\":121,\"input_token_details\":{\"text_tokens\":119,"
        "\"audio_tokens\":13,\"cached_tokens\":64,\"cached_tokens_details\":{\"text_tokens\":60,\"audio_tokens\":4}},"
        "\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":91}}}}",
        "{\"type\":\"rate_limits.updated\",\"rate_limits\":[{\"name\":\"tokens\",\"limit\":1,\"remaining\":1,"
        "\"reset_seconds\":2.2}]}",
        "{\"type\":\"conversation.item.input_audio_transcription.failed\",\"item_id\":\"u2\",\"error\":{\"code\":"
        "\"audio_unintelligible\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        fake_openai_say(&t.f, said[i]);
    }
    wait_line(&t, "user u2");
    assert_log(&t, "model.speech-started u1 at=420\n"
                   "model.speech-stopped u1 at=2180\n"
                   "model.committed u1 at=0\n"
                   "created r1\n"
                   "item r1 a1\n"
                   "model.text-delta a1 [Hi \xc3\xa9]\n"
                   "audio r1 a1 3\n"
                   "audio r1 a1 1\n"
                   "audio-done r1 a1\n"
                   "model.text-done a1 [Hi there]\n"
                   "user u1 failed=0 [Hello.]\n"
                   "done r1 status=0 reason= in=119/13 cached=60/4 out=30/91\n"
                   "user u2 failed=1 []\n");
    assert_memory_equal(buf_ptr(&t.audio), "\1\2\3\4", 4);
    bench_done(&t);
}

TEST(linear_samples_split_between_deltas_are_put_together)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = FAKE_UPDATED_WITH(FAKE_PCM, FAKE_PCM, FAKE_TURNS);
    bench_ready(&t);
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQID"));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "BA=="));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "BQ=="));
    fake_openai_say(&t.f, "{\"type\":\"response.output_audio.done\",\"response_id\":\"r1\",\"item_id\":\"a1\"}");
    wait_line(&t, "audio-done");
    assert_log(&t, "audio r1 a1 2\naudio r1 a1 2\naudio-done r1 a1\n");
    assert_memory_equal(buf_ptr(&t.audio), "\1\2\3\4", 4);
    bench_done(&t);
}

#define CALL_ITEM(id, call, args, status)                                                                              \
    "{\"id\":\"" id "\",\"type\":\"function_call\",\"status\":\"" status "\",\"name\":\"check\",\"call_id\":\"" call   \
    "\",\"arguments\":\"" args "\"}"
#define ITEM_EVENT(type, item) "{\"type\":\"response.output_item." type "\",\"response_id\":\"r1\",\"item\":" item "}"
#define ARGUMENTS_DONE(id, call)                                                                                       \
    "{\"type\":\"response.function_call_arguments.done\",\"response_id\":\"r1\",\"item_id\":\"" id                     \
    "\",\"call_id\":\"" call "\",\"arguments\":\"{\\\"n\\\":1}\"}"
#define RESPONSE_DONE(status, output)                                                                                  \
    "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"" status "\",\"output\":[" output "]}}"

TEST(a_tool_call_is_told_once_however_often_the_service_tells_it)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    fake_openai_say(&t.f, RESPONSE_DONE("completed", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    wait_line(&t, "done r1");
    assert_log(&t, "item r1 f1\n"
                   "tool r1 c1 check [{\"n\":1}]\n"
                   "done r1 status=0 reason= in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(arguments_alone_are_a_tool_call_when_the_response_ends_well)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, RESPONSE_DONE("completed", ""));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    wait_line(&t, "done r1");
    settle(t.f.loop);
    assert_log(&t, "item r1 f1\n"
                   "tool r1 c1 check [{\"n\":1}]\n"
                   "done r1 status=0 reason= in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(a_tool_call_that_was_cut_off_is_none)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "incomplete")));
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"cancelled\","
                          "\"status_details\":{\"type\":\"cancelled\",\"reason\":\"turn_detected\"},\"output\":[]}}");
    wait_line(&t, "done r1");
    assert_log(&t, "item r1 f1\ndone r1 status=1 reason=turn_detected in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(responses_that_fail_tell_their_code)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"failed\","
                          "\"status_details\":{\"type\":\"failed\",\"error\":{\"type\":\"x\",\"code\":"
                          "\"rate_limit_exceeded\",\"message\":\"slow down\"}}}}");
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r2\",\"status\":\"incomplete\","
                          "\"status_details\":{\"type\":\"incomplete\",\"reason\":\"max_output_tokens\"},"
                          "\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}}");
    wait_line(&t, "done r2");
    assert_log(&t, "done r1 status=3 reason=rate_limit_exceeded in=0/0 cached=0/0 out=0/0\n"
                   "done r2 status=2 reason=max_output_tokens in=10/0 cached=0/0 out=5/0\n");
    bench_done(&t);
}

TEST(errors_name_the_request_that_failed)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ERROR_EVENT("response_cancel_not_active", "null", "no", "\"rt_41\""));
    fake_openai_say(&t.f, ERROR_EVENT("invalid_value", "\"item\"", "no", "\"somebody_else_7\""));
    fake_openai_say(&t.f, ERROR_EVENT("server_error", "null", "no", "null"));
    wait_line(&t, "server_error");
    assert_log(&t, "error code=response_cancel_not_active param= request=41\n"
                   "error code=invalid_value param=item request=0\n"
                   "error code=server_error param= request=0\n");
    bench_done(&t);
}

/* ---- actions ---- */

TEST(each_action_is_one_message)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    buf_clear(&t.f.got, 0);
    struct call_action acts[] = {
        {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from("\xff\xff\xff\xff", 4)}},
        {.type = ACT_MODEL_COMMIT},
        {.type = ACT_MODEL_CLEAR_INPUT},
        {.type = ACT_MODEL_RESPOND, .model_respond = {.request = 1}},
        {.type = ACT_MODEL_RESPOND,
         .model_respond = {.request = 2, .instructions = STR("Say exactly: \"Bye.\""), .no_tools = true}},
        {.type = ACT_MODEL_CANCEL, .model_cancel = {.request = 3}},
        {.type = ACT_MODEL_CANCEL, .model_cancel = {.request = 4, .response_id = STR("r1")}},
        {.type = ACT_MODEL_TRUNCATE, .model_truncate = {.request = 5, .item_id = STR("a1"), .heard_ms = 640}},
        {.type = ACT_MODEL_TOOL_OUTPUT,
         .model_tool_output = {.request = 6, .tool_call_id = STR("c1"), .output = STR("{\"ok\":true}")}},
        {.type = ACT_MODEL_USER_TEXT, .model_user_text = {.text = STR("Hello \"you\"")}},
    };
    model_cork(t.model);
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        assert_ok(model_perform(t.model, &acts[i]));
    }
    model_uncork(t.model);
    assert_err(model_perform(t.model, &(struct call_action){.type = ACT_LEG_CLEAR}), EINVAL);
    settle(t.f.loop);
    static const char *const want[] = {
        "{\"type\":\"input_audio_buffer.append\",\"audio\":\"/////w==\"}",
        "{\"type\":\"input_audio_buffer.commit\"}",
        "{\"type\":\"input_audio_buffer.clear\"}",
        "{\"type\":\"response.create\",\"event_id\":\"rt_1\"}",
        "\"event_id\":\"rt_2\",\"response\":{\"instructions\":\"Say exactly: \\\"Bye.\\\"\",\"tool_choice\":\"none\"}}",
        "{\"type\":\"response.cancel\",\"event_id\":\"rt_3\"}",
        "\"event_id\":\"rt_4\",\"response_id\":\"r1\"",
        "\"event_id\":\"rt_5\",\"item_id\":\"a1\",\"content_index\":0,\"audio_end_ms\":640",
        "\"event_id\":\"rt_6\",\"item\":{\"type\":\"function_call_output\"",
        "\"content\":[{\"type\":\"input_text\",\"text\":\"Hello \\\"you\\\"\"}]",
    };
    struct str rest = buf_str(&t.f.got);
    struct str line;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(str_split(&rest, '\n', &line));
        struct json_val v;
        assert_ok(json_parse(line, &v));
        assert_has(line, want[i]);
    }
    assert_int_equal(rest.n, 0);
    bench_done(&t);
}

TEST(nothing_is_sent_before_the_settings_are_confirmed)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = NULL;
    bench_open(&t);
    settle(t.f.loop);
    struct call_action act = {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from("\xff", 1)}};
    assert_err(model_perform(t.model, &act), ERR_STATE);
    settle(t.f.loop);
    assert_has_not(buf_str(&t.f.got), "append");
    bench_done(&t);
}

/* ---- ends ---- */

TEST(a_close_in_mid_call_tells_the_error_that_came_before_it)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}");
    fake_openai_say(&t.f, ERROR_EVENT("session_expired", "null", "Your session hit the maximum duration.", "null"));
    ws_close(t.f.ws, 1001, STR("Your session hit the maximum duration."));
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "created r1\n"
                   "error code=session_expired param= request=0\n"
                   "failed err=closed code=session_expired ready=1 message=Your session hit the maximum duration.\n");
    bench_done(&t);
}

TEST(an_old_error_does_not_explain_a_later_close)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ERROR_EVENT("response_cancel_not_active", "null", "no", "\"rt_1\""));
    fake_openai_say(&t.f, "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}");
    ws_close(t.f.ws, 1011, STR("internal trouble"));
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=closed code=ws-1011 ready=1 message=internal trouble\n");
    bench_done(&t);
}

TEST(a_lost_connection_is_told_without_a_code)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    ws_abort(t.f.ws, -ECANCELED);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=");
    assert_has(buf_str(&t.log), "code= ready=1");
    bench_done(&t);
}

TEST(a_session_closed_by_its_host_says_nothing_more)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    model_close(t.model);
    model_close(t.model);
    struct call_action act = {.type = ACT_MODEL_COMMIT};
    assert_err(model_perform(t.model, &act), ERR_CLOSED);
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQID"));
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "");
    assert_int_equal(t.f.close_code, 1000);
    bench_done(&t);
}

TEST(a_session_may_be_closed_in_its_own_event_and_while_connecting)
{
    struct bench t;
    bench_init(&t);
    t.close_on_ready = true;
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "ready ");
    assert_has_not(buf_str(&t.log), "failed");
    t.gone = false;
    buf_clear(&t.log, 0);
    bench_open(&t);
    model_close(t.model);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "");
    bench_done(&t);
}

/* ---- hostile services ---- */

TEST(garbage_is_counted_and_survived)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    static const char *const said[] = {
        "",
        "nonsense",
        "[]",
        "{\"type\":5}",
        "{\"no\":\"type\"}",
        "{\"type\":\"response.done\"}",
        "{\"type\":\"response.created\",\"response\":7}",
        "{\"type\":\"never.heard.of\",\"x\":{\"y\":[1,2,3]}}",
        DELTA("response.output_audio.delta", "a1", "***"),
        "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"item_id\":\"a1\"}",
        "{\"type\":\"response.output_item.done\",\"response_id\":\"r1\",\"item\":{\"type\":\"function_call\","
        "\"status\":\"completed\",\"arguments\":\"{}\"}}",
        DELTA("response.output_audio.delta", "a1", "AQID"),
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        fake_openai_say(&t.f, said[i]);
    }
    assert_ok(ws_send_binary(t.f.ws, span_from("\0\1", 2)));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQIDBAUG"));
    wait_line(&t, "audio r1 a1 6");
    assert_has_not(buf_str(&t.log), "tool");
    assert_has_not(buf_str(&t.log), "failed");
    bench_done(&t);
}

static char *big_delta(size_t audio_bytes)
{
    static const char head[] = "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"item_id\":\"a1\","
                               "\"delta\":\"";
    size_t chars = base64_enc_len(audio_bytes);
    char *text = malloc(sizeof(head) + chars + 3);
    assert_non_null(text);
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 'A', chars);
    memcpy(text + sizeof(head) - 1 + chars, "\"}", 3);
    return text;
}

TEST(a_message_of_ten_megabytes_is_taken)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    char *text = big_delta(7500000);
    fake_openai_say(&t.f, text);
    free(text);
    wait_line(&t, "audio r1 a1 7500000");
    bench_done(&t);
}

TEST(a_message_over_the_limit_ends_the_session_with_a_name)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    char *text = big_delta(15000000);
    fake_openai_say(&t.f, text);
    free(text);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=too-big code= ready=1");
    bench_done(&t);
}

TEST(a_service_that_does_not_read_ends_the_session_with_a_name)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    ws_pause_reading(t.f.ws, true);
    static uint8_t second[48000];
    struct call_action act = {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from(second, sizeof(second))}};
    int err = 0;
    for (int i = 0; i < 2000 && err == 0; i++) {
        err = model_perform(t.model, &act);
    }
    assert_err(err, ERR_LIMIT);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=limit code= ready=1");
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
          T(the_update_carries_every_setting_in_the_ga_shape), T(each_kind_of_turn_asks_for_its_own_detection),
          T(a_beta_service_gets_the_flat_shape), T(extra_headers_and_query_reach_the_service),
          T(what_the_service_confirms_counts), T(a_service_that_echoes_nothing_has_accepted_what_was_asked),
          T(an_unknown_confirmed_format_fails_and_names_the_field),
          T(a_refused_key_is_told_by_the_error_event_before_the_close),
          T(a_refused_model_is_told_by_the_close_reason_alone), T(a_refused_setting_names_its_field),
          T(a_refused_upgrade_tells_its_status), T(a_service_that_never_speaks_times_out),
          T(a_service_that_never_confirms_times_out), T(a_refusal_without_a_close_is_told_at_the_deadline),
          T(a_service_that_falls_silent_on_the_wire_is_given_up), T(wss_needs_a_certificate_that_is_trusted),
          T(an_unreachable_service_has_no_code), T(unusable_options_are_refused_at_once),
          T(a_turn_with_an_audio_reply_becomes_the_calls_events),
          T(linear_samples_split_between_deltas_are_put_together),
          T(a_tool_call_is_told_once_however_often_the_service_tells_it),
          T(arguments_alone_are_a_tool_call_when_the_response_ends_well), T(a_tool_call_that_was_cut_off_is_none),
          T(responses_that_fail_tell_their_code), T(errors_name_the_request_that_failed), T(each_action_is_one_message),
          T(nothing_is_sent_before_the_settings_are_confirmed),
          T(a_close_in_mid_call_tells_the_error_that_came_before_it), T(an_old_error_does_not_explain_a_later_close),
          T(a_lost_connection_is_told_without_a_code), T(a_session_closed_by_its_host_says_nothing_more),
          T(a_session_may_be_closed_in_its_own_event_and_while_connecting), T(garbage_is_counted_and_survived),
          T(a_message_of_ten_megabytes_is_taken), T(a_message_over_the_limit_ends_the_session_with_a_name),
          T(a_service_that_does_not_read_ends_the_session_with_a_name),
          T(a_retired_model_becomes_the_default_with_one_warning), T(sessions_of_one_loop_share_their_buffers))
