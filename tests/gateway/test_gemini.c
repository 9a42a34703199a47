/*
 * Calls over Gemini Live: a whole gateway, a phone, and the sandbox speaking that protocol. Greeting, questions, tools,
 * barge-in, handoffs, sessions that end and are resumed, services that refuse.
 */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"
#include "gateway/mapped.h"
#include "gateway/replay.h"

#define VOICE      SOURCE_ROOT "/tests/audio/vad/clean_8k_ulaw.wav"
#define VOICE_HEAD 58
#define CHUNK      256
#define LIVE       ", dialect: live"
#define SERVER     "agent: {provider: test, turn_detection: server_vad}\n"

static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};
static const struct phone_when over_the_greeting = {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 1500};

static const char counting[] = "name: counting\n"
                               "greeting: Hello and welcome to this rather long greeting of ours, which goes on.\n"
                               "refusal: What?\n"
                               "unavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "script: [say one, say two, say three, say four]\n"
                               "intents:\n"
                               "  one: {rules: [say one], say: This is the answer to number one.}\n"
                               "  two: {rules: [say two], say: This is the answer to number two.}\n"
                               "  three: {rules: [say three], say: This is the answer to number three.}\n"
                               "  four: {rules: [say four], say: This is the answer to number four.}\n";
static const char *const words[] = {"one", "two", "three", "four"};

static struct span voice;

static int map_voice(void **state UNUSED)
{
    return mapped_open(VOICE, &voice);
}

static int unmap_voice(void **state UNUSED)
{
    mapped_close(voice);
    return 0;
}

static struct span speech(size_t from, size_t to)
{
    return span_from(voice.p + VOICE_HEAD + from * CHUNK, (to - from) * CHUNK);
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_true(report.records > 3);
    assert_int_equal(report.first_diff, 0);
}

static struct rig_reply record_of(struct rig *r)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r->last_call) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void talk(struct rig *r, uint32_t n)
{
    struct phone_when when[4];
    for (uint32_t i = 0; i < n; i++) {
        when[i] = (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1300};
    }
    r->call_ms = 60000;
    rig_wait_over(rig_call(r, when, n, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500}));
}

static void assert_answered(struct rig *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char said[32];
        char answer[64];
        snprintf(said, sizeof(said), "say %s", words[i]);
        snprintf(answer, sizeof(answer), "This is the answer to number %s.", words[i]);
        assert_has(buf_str(&r->heard), said);
        assert_has(buf_str(&r->spoken), answer);
    }
    assert_int_equal(r->notes[NOTE_ILLEGAL], 0);
}

TEST(a_call_is_greeted_and_its_questions_are_answered)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE, .extra = SERVER, .dialogue = counting});
    talk(&r, 2);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_has(buf_str(&r.spoken), "Hello"); /* the configured greeting, word by word */
    assert_answered(&r, 2);
    struct rig_reply reply = record_of(&r);
    assert_str_is(rig_json(&reply, "model"), "gemini-3.8-live");
    buf_done(&reply.body);
    assert_replays(&r);
    rig_close(&r, false);
}

static void tell(struct rig *r, const char *body)
{
    char path[160];
    struct rig_reply list = rig_http(r, "GET", "/v1/calls?status=in_progress", NULL, NULL);
    size_t at = str_search(buf_str(&list.body), STR("{\"id\":\""));
    assert_true(at != SIZE_MAX);
    struct str id = {buf_str(&list.body).p + at + 7, list.body.len - at - 7};
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/" STR_FMT "/message", (int)str_find(id, '"'), id.p) < 0);
    struct rig_reply reply = rig_http(r, "POST", path, "Content-Type: application/json\r\n", body);
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    buf_done(&list.body);
}

/* The service finds the turn by itself: no wish of ours carries along what was put into the conversation before. */
TEST(a_message_that_wants_no_answer_is_known_when_the_caller_speaks)
{
    const struct phone_when later = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2500};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE, .extra = SERVER, .dialogue = counting});
    struct rig_call *c = rig_call(&r, &later, 1, agent_stops);
    wait_text(r.loop, &r.spoken, "How can I help you");
    tell(&r, "{\"text\":\"say one\",\"respond\":false}");
    tell(&r, "{\"role\":\"assistant\",\"text\":\"One it is.\",\"respond\":false}");
    rig_wait_over(c);
    assert_has(buf_str(&r.spoken), "This is the answer to number two."); /* the first sentence of the script was said */
    assert_has_not(buf_str(&r.spoken), "number one");
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_turn_that_we_find_goes_out_between_activity_marks)
{
    const struct phone_when after_it = {.kind = PHONE_WHEN_AFTER, .ms = 8000};
    struct rig r;
    rig_open(&r, &(struct rig_opts){
                     .provider = LIVE, .extra = "agent: {turn_detection: {type: local}}", .dialogue = counting});
    r.sounds[0] = speech(188, 212);
    struct rig_call *c = rig_call(&r, &after_it, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_true(c->turns[0].answered);
    assert_int_equal(r.notes[NOTE_TURN_END], 1);
    assert_answered(&r, 1);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(speech_over_the_agent_stops_it_and_the_model_believes_more_was_heard)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){
                     .provider = LIVE, .extra = "agent: {turn_detection: {type: local}}", .dialogue = counting});
    r.sounds[0] = speech(250, 310);
    struct rig_call *c = rig_call(&r, &over_the_greeting, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_true(c->clears >= 1);
    assert_int_equal(c->after_clear_bytes, 0);
    assert_true(r.notes[NOTE_BARGE_IN] >= 1);
    assert_true(r.notes[NOTE_NOT_TRUNCATED] >= 1);
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    assert_has(buf_str(&r.spoken), "This is the answer to number one.");
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(with_the_services_detection_interrupted_is_one_step)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE, .extra = SERVER, .dialogue = counting});
    struct rig_call *c = rig_call(&r, &over_the_greeting, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_true(c->clears >= 1);
    assert_int_equal(r.notes[NOTE_BARGE_IN], 1);
    assert_int_equal(r.notes[NOTE_PAUSE], 0);
    assert_has(buf_str(&r.spoken), "This is the answer to number one.");
    assert_replays(&r);
    rig_close(&r, false);
}

#define DESK(script)                                                                                                   \
    "name: test\ngreeting: Hello.\nrefusal: What?\nunavailable: Not now.\nprompt: Anything else?\nscript:\n" script    \
    "rules:\n  digit: one | two | three | four\n  order_number: <digit> <digit>+\nslots:\n  order_number: digits\n"    \
    "intents:\n  order:\n    rules: [\"order [<order_number>]\"]\n    say: Looking.\n"                                 \
    "    call: {tool: check_order_status, arguments: {order_number: \"{order_number}\"}}\n"                            \
    "  goodbye:\n    rules: [goodbye]\n    say: Goodbye.\n    call: {tool: end_call, arguments: {reason: done}}\n"     \
    "results:\n  check_order_status:\n    - say: Your order is on its way.\n"

TEST(a_tool_is_called_answered_once_and_spoken_of)
{
    static const struct phone_when when[] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1300}};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE,
                                    .extra = SERVER,
                                    .dialogue = DESK("  - order one two three four\n  - goodbye\n")});
    struct rig_call *c = rig_call(&r, when, 2, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_AGENT_HANGUP);
    assert_int_equal(c->hangup, PHONE_SIDE_AGENT);
    assert_int_equal(r.tools, 1);
    assert_has(buf_str(&r.spoken), "Looking.");
    assert_has(buf_str(&r.spoken), "Your order is on its way.");
    assert_has(buf_str(&r.spoken), "Goodbye.");
    assert_int_equal(r.notes[NOTE_TOOL_UNKNOWN], 0);
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    assert_replays(&r);
    rig_close(&r, false);
}

static const char two_agents[] = "start_agent: front_desk\n"
                                 "agents:\n"
                                 "  front_desk:\n"
                                 "    turn_detection: server_vad\n"
                                 "    instructions: You are the front desk.\n"
                                 "    tools: [end_call]\n"
                                 "    handoffs: [billing]\n"
                                 "  billing:\n"
                                 "    turn_detection: server_vad\n"
                                 "    instructions: You bill.\n"
                                 "    handoff_description: Knows every invoice.\n"
                                 "    tools: [check_order_status, end_call]\n"
                                 "    handoffs: [front_desk]\n";

TEST(a_handoff_is_a_session_of_its_own_with_what_was_said)
{
    static const struct phone_when when[] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1300},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1300}};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE,
                                    .extra = two_agents,
                                    .dialogue = DESK("  - please connect me to billing\n  - order one two three four\n"
                                                     "  - goodbye\n")});
    r.call_ms = 60000;
    struct rig_call *c = rig_call(&r, when, 3, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(r.last_reason, REASON_AGENT_HANGUP);
    assert_int_equal(r.notes[NOTE_HANDOFF], 1);
    assert_int_equal(r.notes[NOTE_RENEWED], 1); /* that is how the model learns of it */
    assert_true(r.replayed >= 2);
    assert_int_equal(r.notes[NOTE_UPDATE_REFUSED] + r.notes[NOTE_UPDATE_TIMEOUT], 0);
    assert_int_equal(r.tools, 1); /* a tool that only the second one has */
    assert_has(buf_str(&r.spoken), "This is billing. How can I help you?");
    assert_has(buf_str(&r.spoken), "Your order is on its way.");
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_session_that_goes_away_is_resumed_and_no_turn_is_lost)
{
    struct rig r;
    rig_open(&r,
             &(struct rig_opts){
                 .provider = LIVE ", session_max_s: 0", .faults = "expire=6", .extra = SERVER, .dialogue = counting});
    talk(&r, 4);
    print_message("# %u renewals, %u items told, %u failed\n", r.notes[NOTE_RENEWED], r.replayed,
                  r.notes[NOTE_RENEWAL_FAILED]);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_true(r.notes[NOTE_LEAVING] >= 2);
    assert_true(r.notes[NOTE_RENEWED] >= 2);
    assert_int_equal(r.notes[NOTE_RENEWAL_FAILED], 0); /* never beside one that is open: that is refused */
    assert_answered(&r, 4);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_session_that_breaks_is_resumed_and_no_turn_is_lost)
{
    struct rig r;
    rig_open(&r,
             &(struct rig_opts){.provider = LIVE, .faults = "drop-after=9000", .extra = SERVER, .dialogue = counting});
    talk(&r, 3);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_true(r.notes[NOTE_RENEWED] >= 1);
    assert_int_equal(r.notes[NOTE_RENEWAL_FAILED], 0);
    assert_answered(&r, 3);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_model_that_is_gone_is_refused_by_name_and_the_caller_hears_it)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.provider = LIVE ", model: gemini-2.0-flash-live-001", .extra = SERVER});
    rig_wait_over(rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_NEVER}));
    assert_int_equal(r.last_reason, REASON_MODEL_REFUSED);
    struct rig_reply reply = record_of(&r);
    struct str error = rig_json(&reply, "error");
    assert_has(error, "model-not-found");
    buf_done(&reply.body);
    rig_close(&r, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_call_is_greeted_and_its_questions_are_answered),
                                       T(a_message_that_wants_no_answer_is_known_when_the_caller_speaks),
                                       T(a_turn_that_we_find_goes_out_between_activity_marks),
                                       T(speech_over_the_agent_stops_it_and_the_model_believes_more_was_heard),
                                       T(with_the_services_detection_interrupted_is_one_step),
                                       T(a_tool_is_called_answered_once_and_spoken_of),
                                       T(a_handoff_is_a_session_of_its_own_with_what_was_said),
                                       T(a_session_that_goes_away_is_resumed_and_no_turn_is_lost),
                                       T(a_session_that_breaks_is_resumed_and_no_turn_is_lost),
                                       T(a_model_that_is_gone_is_refused_by_name_and_the_caller_hears_it)};
    return cmocka_run_group_tests(tests, map_voice, unmap_voice);
}
