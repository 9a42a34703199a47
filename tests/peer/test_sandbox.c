/*
 * The sandbox over real sockets: connecting and its refusals, closes, binary frames, big and broken messages, and one
 * whole spoken conversation in mu-law where the speech libraries are there.
 */
#include "sandbox_fixture.h"

#include "peer/speech/speech_asr.h"

/* ---- connecting ---- */

TEST(the_first_frame_is_session_created_with_the_model)
{
    struct fixture *f = server_canned();
    struct client *c = client_open_with(f, "?model=gpt-realtime%2D2", "", "realtime, openai-insecure-api-key.x");
    const char *e = client_await(c, "session.created");
    assert_int_equal(c->seen, 1);
    assert_has(str_from(e), "\"model\":\"gpt-realtime-2\"");
    assert_string_equal(c->protocol, "realtime");
    client_free(c);
    c = client_open(f, "?intent=transcription");
    assert_has(str_from(client_await(c, "session.created")), "realtime.transcription_session");
    assert_string_equal(c->protocol, "");
    client_free(c);
    server_done(f);
}

TEST(refusals_come_after_the_upgrade_as_error_and_close)
{
    static const struct {
        const char *query, *headers, *error, *reason;
        uint16_t code;
    } cases[] = {
        {"?model=gpt-realtime", "", "invalid_api_key", "invalid_request_error.invalid_api_key", 3000},
        {"?model=gpt-realtime", "Authorization: Bearer wrong\r\n", "invalid_api_key",
         "invalid_request_error.invalid_api_key", 3000},
        {"", "Authorization: Bearer right\r\n", "missing_model", "invalid_request_error.missing_model", 4000},
        {"?model=gpt-4", "Authorization: Bearer right\r\n", "invalid_model", "invalid_request_error.invalid_model",
         4000},
        {"?model=gpt-realtime", "Authorization: Bearer right\r\nOpenAI-Beta: realtime=v1\r\n",
         "beta_api_shape_disabled", "invalid_request_error.beta_api_shape_disabled", 4000},
        {"?model=gpt-realtime&fault=nope", "api-key: right\r\n", "invalid_fault", "invalid_request_error.invalid_fault",
         4000},
    };
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .key = STR("right")});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client *c = client_open_with(f, cases[i].query, cases[i].headers, "");
        wait_until(f->loop, is_closed, c);
        assert_true(c->open);
        assert_int_equal(c->n, 1);
        assert_has(str_from(c->events[0]), cases[i].error);
        assert_int_equal(c->why.code, cases[i].code);
        assert_string_equal(c->reason, cases[i].reason);
        client_free(c);
    }
    /* The key may come in either header, or as a subprotocol. */
    struct client *c = client_open_with(f, "?model=gpt-realtime", "", "realtime,openai-insecure-api-key.right");
    client_await(c, "session.created");
    client_free(c);
    server_done(f);
}

TEST(unknown_calls_and_paths_are_404)
{
    struct fixture *f = server_canned();
    struct client *c = client_open(f, "?call_id=rtc_1");
    wait_until(f->loop, is_closed, c);
    assert_false(c->open);
    assert_int_equal(c->why.http_status, 404);
    client_free(c);
    c = client_open(f, "/nowhere");
    wait_until(f->loop, is_closed, c);
    assert_int_equal(c->why.http_status, 404);
    client_free(c);
    server_done(f);
}

/* ---- messages ---- */

TEST(binary_frames_and_garbage_are_errors_not_the_end)
{
    struct fixture *f = server_canned();
    struct client *c = client_open(f, "?model=gpt-realtime");
    client_await(c, "session.created");
    assert_ok(ws_send_binary(c->ws, span_of_str(STR("abc"))));
    assert_has(str_from(client_await(c, "error")), "invalid_event");
    client_do(c, "]]");
    assert_has(str_from(client_await(c, "error")), "invalid_json");
    client_do(c, "{\"type\":\"response.create\"}");
    client_await(c, "response.done");
    client_free(c);
    server_done(f);
}

TEST(an_append_of_fifteen_mebibytes_is_taken)
{
    struct fixture *f = server_canned();
    struct client *c = client_open(f, "?model=gpt-realtime");
    client_await(c, "session.created");
    client_do(c, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{"
                 "\"turn_detection\":null}}}}");
    client_await(c, "session.updated");
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    size_t n = 20u << 20; /* base64 of 15 MiB of silence */
    char *json = malloc(sizeof(head) + n + 3);
    assert_non_null(json);
    memcpy(json, head, sizeof(head) - 1);
    memset(json + sizeof(head) - 1, 'A', n);
    memcpy(json + sizeof(head) - 1 + n, "\"}", 2);
    assert_ok(ws_send_text(c->ws, (struct str){json, sizeof(head) - 1 + n + 2}));
    free(json);
    client_do(c, "{\"type\":\"input_audio_buffer.commit\"}");
    client_await(c, "input_audio_buffer.committed");
    client_free(c);
    server_done(f);
}

TEST(faults_of_one_connection_leave_the_others_alone)
{
    struct fixture *f = server_canned();
    struct client *bad = client_open(f, "?model=gpt-realtime&fault=close%3D4242");
    struct client *cut = client_open(f, "?model=gpt-realtime&fault=drop");
    struct client *big = client_open(f, "?model=gpt-realtime&fault=huge,binary");
    struct client *good = client_open(f, "?model=gpt-realtime");
    struct client *all[] = {bad, cut, big, good};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        client_await(all[i], "session.created");
        client_do(all[i], "{\"type\":\"response.create\"}");
    }
    wait_until(f->loop, is_closed, bad);
    assert_int_equal(bad->why.code, 4242);
    wait_until(f->loop, is_closed, cut);
    assert_int_equal(cut->why.code, 1006);
    client_await(big, "response.done");
    assert_in_range(big->biggest, 10485760, 10486000);
    assert_int_equal(big->binaries, 1);
    assert_has(str_from(client_await(good, "response.done")), "\"status\":\"completed\"");
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        client_free(all[i]);
    }
    server_done(f);
}

TEST(clients_that_vanish_in_the_middle_leave_nothing_behind)
{
    struct fixture *f = server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .speed = 1});
    struct client *c[8];
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i] = client_open(f, "?model=gpt-realtime");
        client_await(c[i], "session.created");
        client_do(c[i], "{\"type\":\"response.create\"}");
        client_await(c[i], "response.output_audio.delta");
    }
    assert_int_equal(sandbox_server_sessions(f->server), ARRAY_LEN(c));
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        ws_abort(c[i]->ws, -ECONNRESET);
        wait_until(f->loop, is_closed, c[i]);
        client_free(c[i]);
    }
    settle(f->loop);
    assert_int_equal(sandbox_server_sessions(f->server), 0);
    server_done(f);
}

TEST(stopping_says_goodbye_to_every_session)
{
    struct fixture *f = server_canned();
    struct client *c = client_open(f, "?model=gpt-realtime");
    client_await(c, "session.created");
    client_do(c, "{\"type\":\"response.create\"}");
    client_await(c, "response.created");
    sandbox_server_stop(f->server);
    wait_until(f->loop, is_closed, c);
    assert_int_equal(c->why.code, 1001);
    client_free(c);
    server_done(f);
}

/* ---- a spoken conversation ---- */

TEST(a_spoken_conversation_with_a_tool_and_a_refusal)
{
    if (!asr_available() || !tts_available()) {
        skip();
    }
    struct fixture *f = server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_FULL});
    struct client *c = client_open(f, "?model=gpt-realtime");
    client_await(c, "session.created");
    client_do(c, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"tools\":[{\"type\":\"function\","
                 "\"name\":\"check_order_status\",\"parameters\":{}}],\"audio\":{\"input\":{\"format\":{\"type\":"
                 "\"audio/pcmu\"},\"transcription\":{\"model\":\"whisper-1\"},\"turn_detection\":{\"type\":"
                 "\"server_vad\",\"silence_duration_ms\":500}},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
    client_await(c, "session.updated");
    client_speak(c, "where is my order one two three four", 700);
    assert_has(str_from(client_await(c, "conversation.item.input_audio_transcription.completed")),
               "\"where is my order one two three four\"");
    const char *e = client_await(c, "response.function_call_arguments.done");
    assert_has(str_from(e), "{\\\"order_number\\\":\\\"1234\\\"}");
    client_await(c, "response.done");
    client_speak(c, "quantum chromodynamics rarely explains my breakfast preferences", 700);
    assert_has(str_from(client_await(c, "conversation.item.input_audio_transcription.completed")), "(unclear)");
    assert_has(str_from(client_await(c, "response.output_audio_transcript.done")), "did not get that");
    client_await(c, "response.done");
    client_free(c);
    server_done(f);
}

TEST_MAIN(T(the_first_frame_is_session_created_with_the_model), T(refusals_come_after_the_upgrade_as_error_and_close),
          T(unknown_calls_and_paths_are_404), T(binary_frames_and_garbage_are_errors_not_the_end),
          T(an_append_of_fifteen_mebibytes_is_taken), T(faults_of_one_connection_leave_the_others_alone),
          T(clients_that_vanish_in_the_middle_leave_nothing_behind), T(stopping_says_goodbye_to_every_session),
          T(a_spoken_conversation_with_a_tool_and_a_refusal))
