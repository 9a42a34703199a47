/* Items of the conversation and new settings in mid-session: what the provider says of them, and what it sends. */
#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "providers/openai_bench.h"
#include "test.h"

static void say(struct bench *t, const char *json)
{
    fake_openai_say(&t->f, json);
}

#define ITEM(event, item)                                                                                              \
    "{\"type\":\"conversation.item." event "\",\"event_id\":\"e\",\"previous_item_id\":\"p1\",\"item\":" item "}"

TEST(items_of_both_vocabularies_are_told_with_their_parts)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    say(&t, ITEM("added", "{\"id\":\"u1\",\"type\":\"message\",\"role\":\"user\",\"status\":\"in_progress\","
                          "\"content\":[{\"type\":\"input_audio\",\"transcript\":null}]}"));
    say(&t, ITEM("done", "{\"id\":\"u2\",\"type\":\"message\",\"role\":\"user\",\"status\":\"completed\",\"content\":["
                         "{\"type\":\"input_text\",\"text\":\"look \\u00e4\"},{\"type\":\"input_image\",\"image_url\":"
                         "\"data:x\",\"detail\":\"low\"},{\"type\":\"video\"}]}"));
    say(&t, ITEM("created", "{\"id\":\"a1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\","
                            "\"content\":[{\"type\":\"audio\",\"transcript\":\"Hello.\"}]}"));
    say(&t, ITEM("retrieved", "{\"id\":\"a2\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"incomplete\","
                              "\"content\":[{\"type\":\"output_audio\",\"transcript\":\"\",\"audio\":\"AAAA\"},"
                              "{\"type\":\"output_text\",\"text\":\"w\"}]}"));
    say(&t, "{\"type\":\"conversation.item.added\",\"event_id\":\"e\",\"previous_item_id\":null,\"item\":{\"id\":"
            "\"s1\",\"type\":\"message\",\"role\":\"system\",\"content\":[]}}");
    settle(t.f.loop);
    assert_str_is(buf_str(&t.items), "u1 after=p1 message user in_progress audio[?]\n"
                                     "u2 after=p1 message user completed text[look \xc3\xa4] image[data:x]\n"
                                     "a1 after=p1 message assistant completed audio[Hello.]\n"
                                     "a2 after=p1 message assistant incomplete audio[] text[w]\n"
                                     "s1 after= message system \n");
    assert_log(&t, "");
    bench_done(&t);
}

TEST(function_items_come_with_call_and_output)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    say(&t, ITEM("added", "{\"id\":\"f1\",\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"c1\","
                          "\"name\":\"look\",\"arguments\":\"{}\"}"));
    say(&t, ITEM("added", "{\"id\":\"o1\",\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"42\"}"));
    say(&t, ITEM("added", "{\"id\":\"m1\",\"type\":\"mcp_call\"}"));
    settle(t.f.loop);
    assert_str_is(buf_str(&t.items), "f1 after=p1 function_call  completed c1 look({})=\n"
                                     "o1 after=p1 function_output   c1 ()=42\n");
    bench_done(&t);
}

/* Keys that a caller pressed are put in by us; what the service echoes of them stays out of the journal. */
TEST(the_echo_of_an_item_of_ours_has_no_text)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    say(&t, ITEM("added", "{\"id\":\"rt_item_7\",\"type\":\"message\",\"role\":\"user\",\"status\":\"completed\","
                          "\"content\":[{\"type\":\"input_text\",\"text\":\"keys 1 2 3\"}]}"));
    settle(t.f.loop);
    assert_str_is(buf_str(&t.items), "rt_item_7 after=p1 message user completed\n");
    bench_done(&t);
}

TEST(what_is_gone_and_what_was_cut_is_told)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    say(&t, "{\"type\":\"conversation.item.deleted\",\"event_id\":\"e\",\"item_id\":\"u1\"}");
    say(&t, "{\"type\":\"conversation.item.truncated\",\"event_id\":\"e\",\"item_id\":\"a1\",\"content_index\":0,"
            "\"audio_end_ms\":640}");
    say(&t, "{\"type\":\"conversation.item.input_audio_transcription.delta\",\"event_id\":\"e\",\"item_id\":\"u1\","
            "\"content_index\":0,\"delta\":\"Hel\"}");
    say(&t, "{\"type\":\"input_audio_buffer.timeout_triggered\",\"event_id\":\"e\",\"item_id\":\"u2\","
            "\"audio_start_ms\":0,\"audio_end_ms\":5000}");
    settle(t.f.loop);
    assert_str_is(buf_str(&t.items), "model.item-deleted u1 0\nmodel.item-truncated a1 640\nheard u1 [Hel]\n"
                                     "model.idle\n");
    bench_done(&t);
}

static struct call_tool a_tool(const char *name)
{
    return (struct call_tool){.name = str_from(name), .description = STR("d")};
}

/* Voice, model, formats and turns cannot change behind a handoff, so none of them may stand in the message. */
TEST(an_update_carries_instructions_and_tools_and_nothing_else)
{
    struct bench t;
    bench_init(&t);
    t.call.tools[1] = a_tool("pay");
    t.call.tools[2] = a_tool("refund");
    t.call.n_tools = 3;
    bench_ready(&t);
    buf_clear(&t.f.got);
    struct call_action act = {.type = ACT_MODEL_UPDATE};
    act.model_update.request = 9;
    act.model_update.persona = (struct call_persona){.agent = 1, .instructions = STR("Bill."), .n_tools = 2};
    act.model_update.persona.tools[0] = 2;
    act.model_update.persona.tools[1] = 0;
    assert_ok(model_perform(t.model, &act));
    settle(t.f.loop);
    assert_str_is(str_trim(buf_str(&t.f.got)),
                  "{\"type\":\"session.update\",\"event_id\":\"rt_9\",\"session\":{\"type\":\"realtime\","
                  "\"instructions\":\"Bill.\",\"tools\":[{\"type\":\"function\",\"name\":\"refund\",\"description\":"
                  "\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{}}},{\"type\":\"function\",\"name\":"
                  "\"end_call\",\"description\":\"Ends the call.\",\"parameters\":{\"type\":\"object\",\"properties\":"
                  "{}}}]}}");
    assert_str_is(buf_str(&t.items), "model.updated\n");
    bench_done(&t);
}

TEST(an_update_that_cannot_be_written_sends_nothing_and_the_session_lives)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    buf_clear(&t.f.got);
    t.call.tools[0].parameters = STR("no json");
    struct call_action act = {.type = ACT_MODEL_UPDATE};
    act.model_update.request = 9;
    act.model_update.persona.n_tools = 1;
    assert_err(model_perform(t.model, &act), ERR_CONFIG);
    assert_ok(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}));
    settle(t.f.loop);
    assert_str_is(str_trim(buf_str(&t.f.got)), "{\"type\":\"input_audio_buffer.commit\"}");
    bench_done(&t);
}

TEST(a_session_may_begin_with_somebody_else_than_the_first_agent)
{
    struct bench t;
    bench_init(&t);
    struct call_persona second = {.agent = 1, .instructions = STR("I am second."), .n_tools = 0};
    t.o.persona = &second;
    bench_ready(&t);
    assert_member(&t, "session.instructions", "I am second.");
    assert_has(buf_str(&t.f.got), "\"tools\":[]");
    bench_done(&t);
}

static void put(struct bench *t, const struct call_item *it)
{
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.request = 4;
    act.model_item.item = it;
    assert_ok(model_perform(t->model, &act));
}

TEST(items_are_put_in_as_the_service_wants_them)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    buf_clear(&t.f.got);
    struct call_item user = {.id = STR("rt_item_1"), .role = ITEM_USER, .n_parts = 3};
    user.parts[0] = (struct call_part){.kind = PART_TEXT, .text = STR("see \"this\"")};
    user.parts[1] = (struct call_part){.kind = PART_IMAGE, .text = STR("data:i"), .detail = STR("high")};
    user.parts[2] = (struct call_part){.kind = PART_AUDIO, .text = STR_NULL};
    struct call_item said = {
        .id = STR("rt_item_2"), .previous_id = STR("rt_item_1"), .role = ITEM_ASSISTANT, .n_parts = 1};
    said.parts[0] = (struct call_part){.kind = PART_AUDIO, .text = STR("I see.")};
    struct call_item rule = {.id = STR("rt_item_3"), .role = ITEM_SYSTEM, .n_parts = 1};
    rule.parts[0] = (struct call_part){.kind = PART_TEXT, .text = STR("Go on.")};
    const struct call_item called = {.id = STR("f1"),
                                     .type = ITEM_FUNCTION_CALL,
                                     .call_id = STR("c1"),
                                     .name = STR("look"),
                                     .arguments = STR("{\"a\":1}")};
    const struct call_item answered = {.type = ITEM_FUNCTION_OUTPUT, .call_id = STR("c1"), .output = STR("42")};
    put(&t, &user);
    put(&t, &said);
    put(&t, &rule);
    put(&t, &called);
    put(&t, &answered);
    settle(t.f.loop);
    static const char *const want[] = {
        "\"event_id\":\"rt_4\",\"item\":{\"id\":\"rt_item_1\",\"type\":\"message\",\"role\":\"user\",\"content\":["
        "{\"type\":\"input_text\",\"text\":\"see \\\"this\\\"\"},{\"type\":\"input_image\",\"image_url\":\"data:i\","
        "\"detail\":\"high\"}]}}",
        "\"previous_item_id\":\"rt_item_1\",\"item\":{\"id\":\"rt_item_2\",\"type\":\"message\",\"role\":\"assistant\","
        "\"content\":[{\"type\":\"output_text\",\"text\":\"I see.\"}]}}",
        "\"role\":\"system\",\"content\":[{\"type\":\"input_text\",\"text\":\"Go on.\"}]}}",
        "\"item\":{\"id\":\"f1\",\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"look\",\"arguments\":"
        "\"{\\\"a\\\":1}\"}}",
        "\"item\":{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"42\"}}",
    };
    struct str rest = buf_str(&t.f.got);
    struct str line;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(str_split(&rest, '\n', &line));
        assert_has(line, want[i]);
    }
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &(const struct call_item){.type = ITEM_OTHER};
    assert_err(model_perform(t.model, &act), EINVAL);
    bench_done(&t);
}

TEST_MAIN(T(items_of_both_vocabularies_are_told_with_their_parts), T(function_items_come_with_call_and_output),
          T(the_echo_of_an_item_of_ours_has_no_text), T(what_is_gone_and_what_was_cut_is_told),
          T(an_update_carries_instructions_and_tools_and_nothing_else),
          T(an_update_that_cannot_be_written_sends_nothing_and_the_session_lives),
          T(a_session_may_begin_with_somebody_else_than_the_first_agent), T(items_are_put_in_as_the_service_wants_them))
