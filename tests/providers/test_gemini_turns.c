/* The Gemini provider against a scripted service: who speaks when, answers, tools; what is sent, what is told, in which
 * order. */
#include <stdio.h>

#include "fakes/wait.h"
#include "providers/gemini_bench.h"
#include "test.h"

/* ---- turns ---- */

TEST(a_turn_of_ours_goes_between_marks_and_its_answer_is_the_one_asked_for)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_append(&t, 8000);
    bench_append(&t, 640);
    bench_simple(&t, ACT_MODEL_COMMIT);
    bench_respond(&t, "");
    wait_sent(&t, "activityEnd");
    static const char *const parts[] = {"activityStart", "\"audio\"", "\"audio\"", "\"audio\"", "activityEnd"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts)); /* 250 ms are two messages */
    assert_not_sent(&t, "clientContent");           /* the end of the turn is the question */
    bench_say(&t, HEARD(" hello"));
    bench_say(&t, HEARD(" there"));
    bench_say(&t, "{}");
    bench_say(&t, "{\"serverContent\":{}}");
    bench_say(&t, "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"I think\",\"thought\":true}]}}}");
    bench_say(&t, "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/"
                  "pcm;rate=24000\",\"data\":\"AQIDBA==\"}},"
                  "{\"inlineData\":{\"mimeType\":\"audio/"
                  "pcm\",\"data\":\"AQI=\"}}]},\"outputTranscription\":{\"text\":\"Good \"}}}");
    bench_say(&t, SAID("day"));
    bench_say(&t, FLAG("generationComplete"));
    bench_say(
        &t, "{\"serverContent\":{\"turnComplete\":true},\"usageMetadata\":{\"promptTokenCount\":30,"
            "\"responseTokenCount\":5,"
            "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":10},{\"modality\":\"AUDIO\",\"tokenCount\":"
            "20}],"
            "\"responseTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":5}],\"thoughtsTokenCount\":3}}");
    wait_line(&t, "model.response-done");
    assert_log(&t, "model.committed gu_1\n"
                   "model.item gu_1\n"
                   "model.response-created gr_1\n"
                   "model.user-delta gu_1 [ hello]\n"
                   "model.user-delta gu_1 [ there]\n"
                   "model.user-text gu_1 [hello there]\n"
                   "model.item-added\n"
                   "model.audio gi_1 4\n"
                   "model.audio gi_1 2\n"
                   "model.text-delta [Good ]\n"
                   "model.text-delta [day]\n"
                   "model.audio-done gi_1\n"
                   "model.usage in=10/20 out=3/5\n"
                   "model.text-done [Good day]\n"
                   "model.response-done gr_1 0 \n");
    bench_done(&t);
}

/* Details are optional, and thoughts are paid for as output. */
TEST(what_a_turn_cost_is_told_by_modality_as_far_as_it_is_known)
{
    static const struct {
        const char *usage, *want;
    } cases[] = {
        {"\"promptTokenCount\":30,\"responseTokenCount\":5,\"cachedContentTokenCount\":12,\"thoughtsTokenCount\":2",
         "model.usage in=30/0 out=7/0 cached=12/0\n"},
        {"\"promptTokenCount\":30,\"responseTokenCount\":5,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
         "\"tokenCount\":10},"
         "{\"modality\":\"AUDIO\",\"tokenCount\":20}],\"cacheTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":4},"
         "{\"modality\":\"AUDIO\",\"tokenCount\":6}]",
         "model.usage in=10/20 out=5/0 cached=4/6\n"},
        {"\"promptTokenCount\":\"9\",\"candidatesTokenCount\":3", "model.usage in=9/0 out=3/0\n"}, /* Vertex AI */
    };
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char json[512];
        int n = snprintf(json, sizeof(json), "{\"usageMetadata\":{%s}}", cases[i].usage);
        assert_in_range(n, 1, sizeof(json) - 1);
        bench_say(&t, json);
        wait_line(&t, "model.usage");
        assert_log(&t, cases[i].want);
    }
    bench_done(&t);
}

TEST(a_turn_without_a_word_has_failed_with_the_services_reason)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, "{\"serverContent\":{\"turnComplete\":true,\"turnCompleteReason\":\"PROHIBITED_INPUT_CONTENT\"}}");
    wait_line(&t, "model.response-done");
    assert_log(&t, "model.response-created gr_1\nmodel.response-done gr_1 3 PROHIBITED_INPUT_CONTENT\n");
    bench_done(&t);
}

TEST(words_that_come_late_still_belong_to_the_response)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "Say exactly: \"Hi there.\" Say nothing else.");
    wait_sent(&t, "[Direction, not said by the caller] Say exactly: \\\"Hi there.\\\"");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, FLAG("generationComplete"));
    bench_say(&t, SAID("Hi there."));
    wait_line(&t, "model.response-done"); /* without a turnComplete, which comes when all is heard */
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\nmodel.audio-done gi_1\n"
                   "model.text-delta [Hi there.]\nmodel.text-done [Hi there.]\nmodel.response-done gr_1 0 \n");
    bench_done(&t);
}

TEST(the_first_wish_without_words_asks_for_a_greeting_and_own_instructions_are_not_repeated)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    wait_sent(&t, "Greet the caller now.");
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done gr_1 0");
    buf_clear(&t.f.got);
    bench_respond(&t, "Be kind.\n\nSay goodbye.");
    wait_sent(&t, "[Direction, not said by the caller] Say goodbye.");
    bench_done(&t);
}

/* An old turn that is cut ends with a turnComplete of its own. */
TEST(what_comes_of_a_cut_turn_is_not_the_next_one)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, AUDIO("AQI="));
    wait_line(&t, "model.audio gi_1");
    struct call_action cancel = {.type = ACT_MODEL_CANCEL};
    bench_perform(&t, &cancel);
    bench_append(&t, 640);
    bench_say(&t, AUDIO("AQIDBA==")); /* was on its way */
    bench_say(&t, FLAG("interrupted"));
    bench_simple(&t, ACT_MODEL_COMMIT);
    bench_respond(&t, "");
    bench_say(&t, FLAG("turnComplete"));
    bench_say(&t, AUDIO("AQIDBAUG"));
    wait_line(&t, "model.audio gi_2");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\n"
                   "model.audio-done gi_1\nmodel.text-done []\nmodel.response-done gr_1 1 client_cancelled\n"
                   "model.committed gu_1\nmodel.item gu_1\nmodel.response-created gr_2\n"
                   "model.item-added\nmodel.audio gi_2 6\n");
    bench_done(&t);
}

/* Nobody does anything for a while after a turn was cut: no step of the call is needed for it to be told. */
TEST(what_waits_for_the_end_of_a_cut_turn_goes_out_with_it)
{
    const struct call_item said = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("later")}}};
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, FLAG("interrupted"));
    wait_line(&t, "model.response-done gr_1");
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &said;
    bench_perform(&t, &act);
    settle(t.f.loop);
    assert_not_sent(&t, "later");
    bench_say(&t, FLAG("turnComplete"));
    wait_sent(&t, "later");
    bench_done(&t);
}

TEST(interrupted_is_the_callers_word_under_the_services_detection)
{
    struct bench t;
    bench_ready(&t, TURN_SERVER_VAD);
    bench_append(&t, 640);
    bench_say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_START\"}}");
    bench_say(&t, HEARD("hi"));
    bench_say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_END\"}}");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, FLAG("generationComplete"));
    bench_say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_START\"}}"); /* no order while the agent is heard */
    bench_say(&t, FLAG("interrupted"));
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "1 turn_detected");
    assert_log(
        &t, "model.speech-started gu_1\nmodel.user-delta gu_1 [hi]\nmodel.speech-stopped gu_1\nmodel.committed gu_1\n"
            "model.item gu_1\nmodel.user-text gu_1 [hi]\nmodel.response-created gr_1\nmodel.item-added\n"
            "model.audio gi_1 2\nmodel.audio-done gi_1\nmodel.speech-started gu_2\nmodel.text-done []\n"
            "model.response-done gr_1 1 turn_detected\n");
    assert_not_sent(&t, "activity");
    bench_done(&t);
}

TEST(a_stream_that_stops_is_said_to_have_ended)
{
    struct bench t;
    bench_ready(&t, TURN_SERVER_VAD);
    bench_append(&t, 640);
    wait_sent(&t, "audioStreamEnd");
    bench_done(&t);
}

/* ---- tools ---- */

TEST(a_call_ends_the_response_and_its_answer_begins_the_next)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, CALL("fc_1"));
    wait_line(&t, "model.response-done gr_1");
    assert_log(
        &t,
        "model.response-created gr_1\nmodel.tool-call gr_1 fc_1 look {\"a\":\"b c\"}\nmodel.response-done gr_1 0 \n");
    buf_clear(&t.f.got);
    bench_output(&t, "fc_1", "{\"ok\":true}", false);
    bench_respond(&t, "");
    wait_sent(&t, "{\"id\":\"fc_1\",\"name\":\"look\",\"response\":{\"output\":{\"ok\":true}}}");
    assert_not_sent(&t, "clientContent");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done gr_2");
    bench_done(&t);
}

TEST(a_dropped_call_that_comes_again_gets_the_same_output_once)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    bench_append(&t, 640);
    bench_say(&t, FLAG("interrupted"));
    bench_say(&t, FLAG("turnComplete"));
    bench_simple(&t, ACT_MODEL_COMMIT);
    bench_respond(&t, "");
    bench_output(&t, "fc_1", "{\"ok\":1}", true);
    bench_say(&t, CALL("fc_2")); /* the service has dropped the first one without a word */
    wait_sent(&t, "{\"id\":\"fc_2\",\"name\":\"look\",\"response\":{\"output\":{\"ok\":1}}}");
    struct str log = buf_str(&t.log);
    assert_has(log, "model.tool-call");
    size_t at = str_search(log, STR("model.tool-call"));
    struct str rest = {log.p + at + 1, log.n - at - 1};
    assert_has_not(rest, "model.tool-call");
    bench_done(&t);
}

TEST(a_cancelled_call_is_withdrawn)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, CALL("fc_1"));
    bench_say(&t, "{\"toolCallCancellation\":{\"ids\":[\"fc_1\",\"fc_7\"]}}");
    wait_line(&t, "model.tool-withdrawn fc_1");
    bench_done(&t);
}

TEST(an_output_that_asks_for_no_answer_is_kept_back_from_a_model_that_would_give_one)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    buf_clear(&t.f.got);
    bench_output(&t, "fc_1", "{}", true);
    bench_respond(&t, "Say goodbye.");
    wait_sent(&t, "Say goodbye.");
    assert_not_sent(&t, "toolResponse");
    bench_done(&t);
}

TEST(old_models_get_no_audio_while_a_call_is_pending)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-2.5-flash-native-audio-latest");
    bench_start(&t);
    wait_line(&t, "model.ready");
    bench_respond(&t, "");
    bench_say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    wait_sent(&t, "clientContent");
    buf_clear(&t.f.got);
    bench_append(&t, 640);
    bench_simple(&t, ACT_MODEL_COMMIT);
    bench_output(&t, "fc_1", "{}", false);
    wait_sent(&t, "activityEnd");
    static const char *const parts[] = {"toolResponse", "activityStart", "\"audio\"", "activityEnd"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    bench_say(&t, CALL("fc_2"));
    wait_line(&t, "fc_2");
    buf_clear(&t.f.got);
    bench_append(&t, 640);
    bench_simple(&t, ACT_MODEL_CLEAR_INPUT); /* it was noise: what was begun is ended, and nothing of it said */
    bench_output(&t, "fc_2", "{}", false);
    wait_sent(&t, "activityEnd");
    assert_not_sent(&t, "\"audio\"");
    bench_done(&t);
}

/* A turn that nobody asked for, begun while the caller speaks: he would be talked over. */
TEST(what_begins_while_the_caller_speaks_is_not_told)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_append(&t, 640);
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, FLAG("turnComplete"));
    bench_say(&t, "{\"sessionResumptionUpdate\":{\"newHandle\":\"h\",\"resumable\":true}}");
    wait_line(&t, "model.resumable");
    bench_simple(&t, ACT_MODEL_COMMIT);
    bench_respond(&t, "");
    bench_say(&t, AUDIO("AQIDBA=="));
    wait_line(&t, "model.audio gi_1 4");
    assert_log(&t, "model.resumable\nmodel.committed gu_1\nmodel.item gu_1\nmodel.response-created gr_1\n"
                   "model.item-added\nmodel.audio gi_1 4\n");
    bench_done(&t);
}

/* Noise that the service hears over the agent, and thinks better of. */
TEST(a_voice_over_the_agent_counts_only_when_it_interrupts)
{
    struct bench t;
    bench_ready(&t, TURN_SERVER_VAD);
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_START\"}}");
    bench_say(&t, FLAG("generationComplete"));
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\nmodel.audio-done gi_1\n"
                   "model.text-done []\nmodel.response-done gr_1 0 \n");
    bench_done(&t);
}

/* At another rate it would be a voice of another pitch. */
TEST(sound_of_another_rate_is_not_played)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_respond(&t, "");
    bench_say(&t,
              "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=16000\","
              "\"data\":\"AQI=\"}}]}}}");
    bench_say(&t, AUDIO("AQIDBA=="));
    wait_line(&t, "model.audio gi_1 4");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 4\n");
    bench_done(&t);
}

TEST(an_agent_of_text_has_words_and_no_sound)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.text_only = true;
    bench_start(&t);
    wait_line(&t, "model.ready");
    buf_clear(&t.log);
    bench_respond(&t, "");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, SAID("Good day."));
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.text-delta [Good day.]\n"
                   "model.audio-done gi_1\nmodel.text-done [Good day.]\nmodel.response-done gr_1 0 \n");
    bench_done(&t);
}

/* ---- tools that do not block ---- */

static void talk_beside_tools(struct bench *t, const char *scheduling)
{
    bench_init(t, TURN_SERVER_VAD);
    t->o.tools = GEMINI_TOOLS_TALK;
    t->o.scheduling = str_from(scheduling);
    bench_start(t);
    wait_line(t, "model.ready");
    wait_sent(t, "\"behavior\":\"NON_BLOCKING\"");
    bench_respond(t, "");
    bench_say(t, CALL("fc_1"));
    wait_line(t, "model.tool-call");
    bench_say(t, AUDIO("AQI=")); /* "One moment, please." */
    wait_line(t, "model.audio gi_2 2");
    buf_clear(&t->log);
    buf_clear(&t->f.got);
}

/* The turn that an output cuts short was cut by us. */
TEST(an_output_that_interrupts_is_not_the_caller_speaking)
{
    struct bench t;
    talk_beside_tools(&t, "interrupt");
    bench_output(&t, "fc_1", "{\"ok\":1}", false);
    wait_sent(&t, "\"scheduling\":\"INTERRUPT\"");
    bench_say(&t, FLAG("interrupted"));
    bench_say(&t, FLAG("turnComplete"));
    bench_say(&t, AUDIO("AQIDBA=="));
    wait_line(&t, "model.audio gi_3 4");
    assert_log(&t, "model.audio-done gi_2\nmodel.text-done []\nmodel.response-done gr_2 1 interrupted\n"
                   "model.response-created gr_3\nmodel.item-added\nmodel.audio gi_3 4\n");
    bench_done(&t);
}

/* The service drops only calls that it waits for. */
TEST(a_call_that_nobody_waits_for_outlives_an_interruption)
{
    struct bench t;
    talk_beside_tools(&t, "");
    bench_say(&t, FLAG("interrupted"));
    bench_say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done gr_2 1 turn_detected");
    bench_output(&t, "fc_1", "{\"ok\":1}", false);
    wait_sent(&t, "\"scheduling\":\"WHEN_IDLE\"");
    bench_done(&t);
}

TEST(an_output_without_an_answer_is_only_remembered)
{
    struct bench t;
    talk_beside_tools(&t, "interrupt");
    bench_output(&t, "fc_1", "{}", true);
    wait_sent(&t, "\"scheduling\":\"SILENT\"");
    bench_done(&t);
}

TEST(a_tool_is_refused_in_an_answer_that_is_to_have_none)
{
    struct bench t;
    struct call_action act = {.type = ACT_MODEL_RESPOND};
    bench_ready(&t, TURN_LOCAL);
    act.model_respond.request = 1;
    act.model_respond.no_tools = true;
    bench_perform(&t, &act);
    bench_say(&t, CALL("fc_1"));
    wait_sent(
        &t, "{\"id\":\"fc_1\",\"name\":\"look\",\"response\":{\"error\":\"Tools are not available in this answer.\"}}");
    bench_say(&t, AUDIO("AQI="));
    wait_line(&t, "model.audio gi_1 2");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\n");
    bench_done(&t);
}

TEST_MAIN(T(a_turn_of_ours_goes_between_marks_and_its_answer_is_the_one_asked_for),
          T(what_a_turn_cost_is_told_by_modality_as_far_as_it_is_known),
          T(a_turn_without_a_word_has_failed_with_the_services_reason),
          T(words_that_come_late_still_belong_to_the_response),
          T(the_first_wish_without_words_asks_for_a_greeting_and_own_instructions_are_not_repeated),
          T(what_comes_of_a_cut_turn_is_not_the_next_one), T(what_waits_for_the_end_of_a_cut_turn_goes_out_with_it),
          T(interrupted_is_the_callers_word_under_the_services_detection), T(a_stream_that_stops_is_said_to_have_ended),
          T(a_call_ends_the_response_and_its_answer_begins_the_next),
          T(a_dropped_call_that_comes_again_gets_the_same_output_once), T(a_cancelled_call_is_withdrawn),
          T(an_output_that_asks_for_no_answer_is_kept_back_from_a_model_that_would_give_one),
          T(old_models_get_no_audio_while_a_call_is_pending), T(what_begins_while_the_caller_speaks_is_not_told),
          T(a_voice_over_the_agent_counts_only_when_it_interrupts), T(sound_of_another_rate_is_not_played),
          T(an_agent_of_text_has_words_and_no_sound), T(an_output_that_interrupts_is_not_the_caller_speaking),
          T(a_call_that_nobody_waits_for_outlives_an_interruption), T(an_output_without_an_answer_is_only_remembered),
          T(a_tool_is_refused_in_an_answer_that_is_to_have_none))
