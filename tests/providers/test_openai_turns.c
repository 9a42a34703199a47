/*
 * Turn detection towards the service: what each kind asks for, byte by byte, and what comes back, from a scripted
 * service and from the sandbox, which is as strict as the vendor.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "fakes/wait.h"
#include "peer/sandbox/sandbox_dialogue.h"
#include "peer/sandbox/sandbox_server.h"
#include "providers/openai_bench.h"
#include "test.h"

/* ---- what is asked for ---- */

#define UPDATE(turns)                                                                                                  \
    "{\"type\":\"session.update\",\"event_id\":\"rt_setup\",\"session\":{\"type\":\"realtime\",\"instructions\":\"Be " \
    "brief.\",\"output_modalities\":[\"audio\"],\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"},"           \
    "\"transcription\":null,\"turn_detection\":" turns "},\"output\":{\"format\":{\"type\":\"audio/pcmu\"},"           \
    "\"voice\":\"marin\"}},\"tools\":[{\"type\":\"function\",\"name\":\"end_call\",\"description\":\"Ends the "        \
    "call.\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]}}\n"

#define NOT_GIVEN .threshold = -1, .prefix_padding_ms = -1, .silence_duration_ms = -1, .idle_timeout_ms = -1
#define WORD(w)   .eagerness = {w, sizeof(w) - 1}

struct kind {
    struct call_turn_opts turn;
    const char *update;
    bool interrupts, creates; /* what a service that agrees does by itself */
};

static const struct kind kinds[] = {
    {{.kind = TURN_LOCAL, NOT_GIVEN}, UPDATE("null"), false, false},
    {{.kind = TURN_MANUAL, NOT_GIVEN}, UPDATE("null"), false, false},
    /* Wishes that the kind has no use for stay at home. */
    {{.kind = TURN_LOCAL,
      .threshold = 0.4,
      .prefix_padding_ms = 100,
      .silence_duration_ms = 200,
      .idle_timeout_ms = 6000,
      WORD("low"),
      .create_response = true,
      .interrupt_response = true},
     UPDATE("null"),
     false,
     false},
    {{.kind = TURN_SERVER_VAD,
      .threshold = 0.55,
      .prefix_padding_ms = 250,
      .silence_duration_ms = 450,
      .idle_timeout_ms = 6000,
      .create_response = true,
      .interrupt_response = true},
     UPDATE("{\"type\":\"server_vad\",\"threshold\":0.55,\"prefix_padding_ms\":250,\"silence_duration_ms\":450,"
            "\"idle_timeout_ms\":6000,\"create_response\":true,\"interrupt_response\":true}"),
     true,
     true},
    {{.kind = TURN_SERVER_VAD, NOT_GIVEN, .create_response = true},
     UPDATE("{\"type\":\"server_vad\",\"create_response\":true,\"interrupt_response\":false}"),
     false,
     true},
    {{.kind = TURN_SERVER_VAD, NOT_GIVEN, .interrupt_response = true},
     UPDATE("{\"type\":\"server_vad\",\"create_response\":false,\"interrupt_response\":true}"),
     true,
     false},
    {{.kind = TURN_SEMANTIC_VAD, NOT_GIVEN, WORD("high"), .create_response = true, .interrupt_response = true},
     UPDATE("{\"type\":\"semantic_vad\",\"eagerness\":\"high\",\"create_response\":true,\"interrupt_response\":true}"),
     true,
     true},
    {{.kind = TURN_SEMANTIC_VAD, NOT_GIVEN, WORD("low"), .create_response = true},
     UPDATE("{\"type\":\"semantic_vad\",\"eagerness\":\"low\",\"create_response\":true,\"interrupt_response\":false}"),
     false,
     true},
    /* We answer and we interrupt, whatever was wished for. */
    {{.kind = TURN_HYBRID,
      .threshold = 0.4,
      .prefix_padding_ms = 200,
      .silence_duration_ms = 350,
      .idle_timeout_ms = 6000,
      .create_response = true,
      .interrupt_response = true},
     UPDATE("{\"type\":\"server_vad\",\"threshold\":0.4,\"prefix_padding_ms\":200,\"silence_duration_ms\":350,"
            "\"create_response\":false,\"interrupt_response\":false}"),
     false,
     false},
    {{.kind = TURN_HYBRID, NOT_GIVEN, WORD("auto")},
     UPDATE("{\"type\":\"semantic_vad\",\"eagerness\":\"auto\",\"create_response\":false,\"interrupt_response\":"
            "false}"),
     false,
     false},
};

TEST(each_kind_asks_for_its_own_detection)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct bench t;
        bench_init(&t);
        t.call.turn = kinds[i].turn;
        bench_ready(&t);
        assert_str_is(buf_str(&t.f.got), kinds[i].update);
        bench_done(&t);
    }
}

/* A service that echoes nothing is believed: then what was asked for is what the call goes by. */
TEST(an_unconfirmed_kind_is_what_was_asked_for)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct bench t;
        char want[40];
        bench_init(&t);
        t.f.on_update = "{\"type\":\"session.updated\",\"session\":{}}";
        t.call.turn = kinds[i].turn;
        bench_open(&t);
        wait_line(&t, "ready ");
        snprintf(want, sizeof(want), "interrupts=%d creates=%d ", kinds[i].interrupts, kinds[i].creates);
        assert_has(buf_str(&t.log), want);
        bench_done(&t);
    }
}

TEST(the_flat_shape_knows_no_idle_timeout)
{
    struct bench t;
    bench_init(&t);
    t.o.dialect = OPENAI_BETA;
    t.call.turn = kinds[3].turn;
    bench_ready(&t);
    assert_has(buf_str(&t.f.got),
               "\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.55,\"prefix_padding_ms\":250,"
               "\"silence_duration_ms\":450,\"create_response\":true,\"interrupt_response\":true}");
    bench_done(&t);
    bench_init(&t);
    t.o.dialect = OPENAI_BETA;
    t.call.turn.kind = TURN_LOCAL;
    bench_ready(&t);
    assert_has(buf_str(&t.f.got), "\"turn_detection\":null");
    bench_done(&t);
}

/* ---- what is confirmed ---- */

struct heard {
    char event[40];
    char fields[200];
};

static void keep_turns_line(enum log_level level UNUSED, const struct log_scope *scope UNUSED, const char *event,
                            const char *fields, void *arg)
{
    struct heard *h = arg;
    if (str_is(str_from(event), "model.turns-deviate") || str_is(str_from(event), "model.idle-timeout")) {
        assert_ok(str_copy(h->event, sizeof(h->event), str_from(event)));
        assert_ok(str_copy(h->fields, sizeof(h->fields), str_from(fields)));
    }
}

TEST(a_service_that_goes_its_own_way_is_reported_and_followed)
{
    struct bench t;
    struct heard h = {0};
    log_set_sink(keep_turns_line, &h, LOG_WARN);
    bench_init(&t);
    t.call.turn.kind = TURN_LOCAL; /* null was asked for, FAKE_UPDATED confirms server_vad */
    bench_open(&t);
    wait_line(&t, "ready ");
    assert_has(buf_str(&t.log), "interrupts=1 creates=1");
    assert_string_equal(h.event, "model.turns-deviate");
    assert_string_equal(h.fields, "interrupts=1 asked=0 creates=1 asked=0");
    bench_done(&t);
    h = (struct heard){0};
    bench_init(&t);
    bench_ready(&t);
    assert_string_equal(h.event, "");
    bench_done(&t);
    log_set_sink(NULL, NULL, LOG_WARN);
}

TEST(capabilities_decide_which_kinds_a_provider_can_do)
{
    static const struct {
        uint32_t caps;
        bool local, server, semantic, manual, hybrid, hybrid_by_meaning;
    } cases[] = {
        {OPENAI_CAPS, true, true, true, true, true, true},
        {0, false, false, false, false, false, false},
        {MODEL_TAKES_TURNS, true, false, false, true, false, false},
        {MODEL_HEARS_SPEECH, false, true, false, false, false, false},
        {MODEL_HEARS_SPEECH | MODEL_ONLY_HEARS, false, true, false, false, true, false},
        {MODEL_HEARS_MEANING | MODEL_ONLY_HEARS, false, false, true, false, false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t caps = cases[i].caps;
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_LOCAL}), cases[i].local);
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_SERVER_VAD}), cases[i].server);
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_SEMANTIC_VAD}), cases[i].semantic);
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_MANUAL}), cases[i].manual);
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_HYBRID}), cases[i].hybrid);
        assert_int_equal(model_can_turn(caps, &(struct call_turn_opts){.kind = TURN_HYBRID, WORD("low")}),
                         cases[i].hybrid_by_meaning);
    }
}

/* ---- the sandbox ---- */

struct box {
    struct bench t;
    struct dialogue *dialogue;
    struct sandbox_server *server;
    char url[64];
};

static void box_open(struct box *b, const struct call_turn_opts *turn)
{
    struct buf err;
    buf_init(&err, 4096);
    bench_init(&b->t);
    assert_ok(dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &b->dialogue));
    struct sandbox_server_opts o = {.dialogue = b->dialogue, .speech = SANDBOX_SPEECH_CANNED, .speed = 100, .seed = 1};
    assert_ok(sandbox_server_open(b->t.f.loop, &o, &err, &b->server));
    buf_done(&err);
    snprintf(b->url, sizeof(b->url), "ws://127.0.0.1:%u", sandbox_server_port(b->server));
    b->t.o.url = str_from(b->url);
    b->t.call.turn = *turn;
    bench_open(&b->t);
    wait_line(&b->t, "ready ");
}

static void box_done(struct box *b)
{
    model_close(b->t.model);
    wait_until(b->t.f.loop, is_gone, &b->t);
    sandbox_server_stop(b->server);
    bench_done(&b->t);
    sandbox_server_free(b->server);
    dialogue_free(b->dialogue);
}

static void box_do(struct box *b, const struct call_action *act)
{
    assert_ok(model_perform(b->t.model, act));
}

/* A loud tone, or silence, in 20 ms messages. */
static void box_append(struct box *b, uint32_t ms, bool loud)
{
    uint8_t frame[160];
    for (uint32_t i = 0; i < sizeof(frame); i++) {
        frame[i] = !loud ? 0xFF : i / 10 % 2 ? 0x10 : 0x90;
    }
    struct call_action act = {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from(frame, sizeof(frame))}};
    for (uint32_t at = 0; at < ms; at += 20) {
        box_do(b, &act);
    }
}

static const struct call_action respond = {.type = ACT_MODEL_RESPOND, .model_respond = {.request = 1}};

TEST(the_sandbox_confirms_every_kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct box b;
        char want[40];
        box_open(&b, &kinds[i].turn);
        snprintf(want, sizeof(want), "interrupts=%d creates=%d ", kinds[i].interrupts, kinds[i].creates);
        assert_has(buf_str(&b.t.log), want);
        box_done(&b);
    }
}

TEST(a_turn_of_our_own_is_committed_and_answered)
{
    struct box b;
    box_open(&b, &(struct call_turn_opts){.kind = TURN_LOCAL, NOT_GIVEN});
    box_append(&b, 400, true);
    box_append(&b, 1000, false);
    settle(b.t.f.loop);
    assert_has_not(buf_str(&b.t.log), "model.speech"); /* its detection is off */
    assert_has_not(buf_str(&b.t.log), "created");
    box_do(&b, &(struct call_action){.type = ACT_MODEL_COMMIT});
    wait_line(&b.t, "model.committed ");
    settle(b.t.f.loop);
    assert_has_not(buf_str(&b.t.log), "created"); /* a commit alone is no question */
    box_do(&b, &respond);
    wait_line(&b.t, "audio-done ");
    box_done(&b);
}

TEST(an_empty_commit_is_an_error_that_hurts_nobody)
{
    struct box b;
    box_open(&b, &(struct call_turn_opts){.kind = TURN_MANUAL, NOT_GIVEN});
    box_append(&b, 60, true);
    box_do(&b, &(struct call_action){.type = ACT_MODEL_COMMIT});
    wait_line(&b.t, "error code=input_audio_buffer_commit_empty param= request=0\n");
    /* What is thrown away cannot be committed either. */
    box_append(&b, 400, true);
    box_do(&b, &(struct call_action){.type = ACT_MODEL_CLEAR_INPUT});
    buf_clear(&b.t.log);
    box_do(&b, &(struct call_action){.type = ACT_MODEL_COMMIT});
    wait_line(&b.t, "error code=input_audio_buffer_commit_empty");
    assert_has_not(buf_str(&b.t.log), "committed");
    box_append(&b, 120, true);
    box_do(&b, &(struct call_action){.type = ACT_MODEL_COMMIT});
    wait_line(&b.t, "model.committed ");
    assert_has_not(buf_str(&b.t.log), "failed");
    box_done(&b);
}

TEST(under_hybrid_the_service_tells_of_turns_and_leaves_them_to_us)
{
    struct box b;
    box_open(&b, &(struct call_turn_opts){
                     .kind = TURN_HYBRID, .threshold = 0.5, .prefix_padding_ms = 300, .silence_duration_ms = 300});
    box_do(&b, &respond);
    wait_line(&b.t, "audio ");
    box_append(&b, 600, true); /* over the answer, which goes on */
    wait_line(&b.t, "model.speech-started ");
    box_append(&b, 800, false);
    wait_line(&b.t, "model.speech-stopped ");
    wait_line(&b.t, "model.committed ");
    wait_line(&b.t, "done ");
    assert_has(buf_str(&b.t.log), " status=0 ");
    settle(b.t.f.loop);
    buf_clear(&b.t.log);
    settle(b.t.f.loop);
    assert_has_not(buf_str(&b.t.log), "created");
    box_do(&b, &respond);
    wait_line(&b.t, "created ");
    box_done(&b);
}

TEST(an_idle_caller_is_the_services_under_its_own_timeout)
{
    struct box b;
    struct heard h = {0};
    box_open(&b, &(struct call_turn_opts){.kind = TURN_SERVER_VAD,
                                          .threshold = 0.5,
                                          .prefix_padding_ms = 300,
                                          .silence_duration_ms = 300,
                                          .idle_timeout_ms = 5000,
                                          .create_response = true,
                                          .interrupt_response = true});
    log_set_sink(keep_turns_line, &h, LOG_INFO);
    box_do(&b, &respond);
    wait_line(&b.t, "done ");
    buf_clear(&b.t.log);
    for (int s = 0; s < 60 && h.event[0] == '\0'; s++) { /* behind what the answer takes to be heard */
        box_append(&b, 1000, false);
        settle(b.t.f.loop);
    }
    assert_string_equal(h.event, "model.idle-timeout");
    wait_line(&b.t, "created ");
    assert_has(buf_str(&b.t.log), "model.committed ");
    assert_has_not(buf_str(&b.t.log), "model.speech-started");
    log_set_sink(NULL, NULL, LOG_WARN);
    box_done(&b);
}

TEST_MAIN(T(each_kind_asks_for_its_own_detection), T(an_unconfirmed_kind_is_what_was_asked_for),
          T(the_flat_shape_knows_no_idle_timeout), T(a_service_that_goes_its_own_way_is_reported_and_followed),
          T(capabilities_decide_which_kinds_a_provider_can_do), T(the_sandbox_confirms_every_kind),
          T(a_turn_of_our_own_is_committed_and_answered), T(an_empty_commit_is_an_error_that_hurts_nobody),
          T(under_hybrid_the_service_tells_of_turns_and_leaves_them_to_us),
          T(an_idle_caller_is_the_services_under_its_own_timeout))
