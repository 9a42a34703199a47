/* Events of a session as JSON: every kind has its name, both where there are two, and is one valid object. */
#include "base/err.h"
#include "gateway/session_json.h"
#include "test.h"

static struct call_opts opts;
static struct call_opts_room lists;
static struct cost_usage total = {.in_text = 7, .out_audio = 5};
static char room[8192];

static struct session_json settings(void)
{
    call_opts_init(&opts);
    call_opts_lend(&opts, &lists);
    opts.n_agents = 2;
    opts.agents[0].name = STR("desk");
    opts.agents[1].name = STR("billing");
    return (struct session_json){.opts = &opts, .seq = 3, .at_ms = 1200, .usage = &total};
}

/* The JSON of an action as the tap tells it; "" when watchers are told nothing. */
static const char *json_of(const struct call_action *act, enum tap_kind kind, bool audio)
{
    struct session_json s = settings();
    struct buf out;
    const char *type = NULL;
    s.audio = audio;
    buf_init(&out, 1 << 20);
    const struct tap_event e = {.kind = kind, .action = act};
    if (session_json_put(&out, &s, &e, &type)) {
        struct json_val v;
        assert_ok(json_parse(buf_str(&out), &v));
        assert_int_equal(v.type, JSON_OBJECT);
        assert_str_is(json_get(v, "type").s, type);
        const char *alias = session_json_alias(type);
        assert_true(!alias == (json_get(v, "alias").type == JSON_NONE));
        assert_str_is(json_get(v, "seq").s, "3");
    }
    assert_ok(str_copy(room, sizeof(room), buf_str(&out)));
    buf_done(&out);
    return room;
}

static const char *signal_of(struct call_signal sig)
{
    struct call_action act = {.type = ACT_SIGNAL};
    act.signal = sig;
    return json_of(&act, TAP_SIGNAL, false);
}

TEST(every_signal_has_a_name_but_the_one_that_another_action_tells)
{
    static const struct call_item item = {.id = STR("i1"), .role = ITEM_USER};
    for (int k = 0; k < CALL_SIGNAL_N; k++) {
        struct call_signal sig = {.kind = (enum call_signal_kind)k, .item = &item};
        const char *json = signal_of(sig);
        assert_int_equal(json[0] == '\0', k == SIGNAL_GUARDRAIL);
    }
}

TEST(events_with_two_names_have_both)
{
    assert_has(str_from(signal_of((struct call_signal){.kind = SIGNAL_AUDIO})),
               "\"type\":\"audio\",\"alias\":\"audio_delta\"");
    assert_has(str_from(signal_of((struct call_signal){.kind = SIGNAL_AUDIO_END})), "\"alias\":\"audio_done\"");
    assert_null(session_json_alias("handoff"));
}

TEST(a_handoff_names_both_agents)
{
    const char *json = signal_of((struct call_signal){.kind = SIGNAL_HANDOFF, .agent = 0, .to = 1});
    assert_has(str_from(json), "\"type\":\"handoff\"");
    assert_has(str_from(json), "\"from_agent\":\"desk\",\"to_agent\":\"billing\"");
}

TEST(tools_carry_what_they_were_given_and_gave)
{
    struct call_signal sig = {.kind = SIGNAL_TOOL_START,
                              .agent = 1,
                              .name = STR("refund"),
                              .tool_call_id = STR("c1"),
                              .text = STR("{\"n\":1}")};
    assert_has(str_from(signal_of(sig)),
               "\"agent\":\"billing\",\"tool\":\"refund\",\"call_id\":\"c1\",\"arguments\":\"{\\\"n\\\":1}\"");
    sig.kind = SIGNAL_TOOL_END;
    assert_has(str_from(signal_of(sig)), "\"output\":\"{\\\"n\\\":1}\"");
}

TEST(audio_is_sent_only_when_it_is_wanted)
{
    struct call_action act = {.type = ACT_SIGNAL};
    act.signal =
        (struct call_signal){.kind = SIGNAL_AUDIO, .item_id = STR("i1"), .audio = span_from("\xff\xff\xff", 3)};
    assert_has(str_from(json_of(&act, TAP_SIGNAL, true)), "\"bytes\":3,\"audio\":\"////\"}");
    assert_has_not(str_from(json_of(&act, TAP_SIGNAL, false)), "\"audio\":\"/");
}

TEST(items_look_as_the_reference_has_them)
{
    struct call_item it = {
        .id = STR("i1"), .role = ITEM_ASSISTANT, .status = ITEM_INCOMPLETE, .n_parts = 1, .agent = 1};
    it.parts[0] = (struct call_part){.kind = PART_AUDIO, .text = STR("One two")};
    it.unheard = STR("three");
    const char *json = signal_of((struct call_signal){.kind = SIGNAL_HISTORY_UPDATED, .index = 4, .item = &it});
    assert_has(str_from(json),
               "\"index\":4,\"item\":{\"item_id\":\"i1\",\"previous_item_id\":null,\"type\":\"message\",\"status\":"
               "\"incomplete\",\"role\":\"assistant\",\"content\":[{\"type\":\"audio\",\"transcript\":\"One two\"}],"
               "\"agent\":\"billing\",\"unheard\":\"three\"}");
    struct call_item user = {.id = STR("i2"), .role = ITEM_USER, .n_parts = 3};
    user.parts[0] = (struct call_part){.kind = PART_AUDIO};
    user.parts[1] =
        (struct call_part){.kind = PART_IMAGE, .text = STR("data:image/png;base64,AA"), .detail = STR("low")};
    user.parts[2] = (struct call_part){.kind = PART_IMAGE, .text = STR("https://x/y.png")};
    json = signal_of((struct call_signal){.kind = SIGNAL_HISTORY_ADDED, .item = &user});
    assert_has(str_from(json),
               "{\"type\":\"input_audio\",\"transcript\":null},{\"type\":\"input_image\",\"image_url\":null,"
               "\"detail\":\"low\"},{\"type\":\"input_image\",\"image_url\":\"https://x/y.png\"}");
    const struct call_item call = {.id = STR("f1"),
                                   .type = ITEM_FUNCTION_CALL,
                                   .status = ITEM_IN_PROGRESS,
                                   .call_id = STR("c1"),
                                   .name = STR("look"),
                                   .arguments = STR("{}")};
    json = signal_of((struct call_signal){.kind = SIGNAL_HISTORY_ADDED, .item = &call});
    assert_has(str_from(json), "\"call_id\":\"c1\",\"name\":\"look\",\"arguments\":\"{}\",\"output\":null");
}

TEST(usage_is_of_the_response_and_of_the_call)
{
    struct call_action act = {.type = ACT_USAGE, .usage = {.in_text = 2, .in_audio = 3, .out_text = 4}};
    const char *json = json_of(&act, TAP_SIGNAL, false);
    assert_has(str_from(json), "\"input_text_tokens\":2,\"input_audio_tokens\":3");
    assert_has(str_from(json),
               "\"total_tokens\":9,\"call\":{\"input_tokens\":7,\"output_tokens\":5,\"total_tokens\":12}");
}

TEST(the_latency_of_a_turn_is_known_or_null)
{
    struct call_action act = {.type = ACT_TURN};
    act.turn =
        (struct call_turn){.number = 1, .agent = 1, .speech_stop_ms = 1000, .commit_ms = 1400, .first_audio_ms = 1750};
    assert_has(str_from(json_of(&act, TAP_ACTION, false)), "\"latency_ms\":750");
    act.turn.speech_stop_ms = -1;
    assert_has(str_from(json_of(&act, TAP_ACTION, false)), "\"latency_ms\":350");
    act.turn.first_audio_ms = -1;
    assert_has(str_from(json_of(&act, TAP_ACTION, false)), "\"latency_ms\":null");
    act.turn.commit_ms = -1;
    assert_has(str_from(json_of(&act, TAP_ACTION, false)), "\"latency_ms\":null");
}

TEST(approvals_guardrails_and_the_end_are_told)
{
    struct call_signal ask = {
        .kind = SIGNAL_TOOL_APPROVAL, .name = STR("refund"), .tool_call_id = STR("c1"), .text = STR("{}")};
    assert_has(str_from(signal_of(ask)), "\"type\":\"tool_approval_required\"");
    assert_has(str_from(signal_of(ask)), "\"tool\":\"refund\",\"call_id\":\"c1\",\"arguments\":\"{}\"");
    struct call_action trip = {.type = ACT_GUARD_TRIP};
    trip.guard_trip.names = STR("cards");
    trip.guard_trip.text = STR("my number is");
    const char *json = json_of(&trip, TAP_SIGNAL, false);
    assert_has(str_from(json), "\"type\":\"guardrail_tripped\"");
    assert_has(str_from(json), "\"guardrails\":\"cards\"");
    assert_has(str_from(json), "\"message\":\"my number is\"");
    struct call_action end = {.type = ACT_END};
    end.end.reason = REASON_CALLER_HANGUP;
    assert_has(str_from(json_of(&end, TAP_END, false)), "\"type\":\"end_of_stream\"");
}

TEST(what_is_nobodys_business_is_not_told)
{
    struct call_action media = {.type = ACT_LEG_MEDIA};
    struct call_action note = {.type = ACT_NOTE};
    assert_string_equal(json_of(&media, TAP_ACTION, false), "");
    assert_string_equal(json_of(&note, TAP_ACTION, false), "");
}

TEST(raw_events_are_those_of_the_model_alone)
{
    struct session_json s = settings();
    struct buf out;
    buf_init(&out, 1 << 16);
    struct call_event media = {.type = EV_LEG_MEDIA};
    assert_false(session_json_put_raw(&out, &s, &media));
    assert_int_equal(out.len, 0);
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.text = STR("say \"hi\"\n");
    assert_true(session_json_put_raw(&out, &s, &ev));
    struct json_val v;
    assert_ok(json_parse(buf_str(&out), &v));
    assert_str_is(json_get(v, "name").s, "model.user-text");
    buf_done(&out);
}

TEST_MAIN(T(every_signal_has_a_name_but_the_one_that_another_action_tells), T(events_with_two_names_have_both),
          T(a_handoff_names_both_agents), T(tools_carry_what_they_were_given_and_gave),
          T(audio_is_sent_only_when_it_is_wanted), T(items_look_as_the_reference_has_them),
          T(usage_is_of_the_response_and_of_the_call), T(the_latency_of_a_turn_is_known_or_null),
          T(approvals_guardrails_and_the_end_are_told), T(what_is_nobodys_business_is_not_told),
          T(raw_events_are_those_of_the_model_alone))
