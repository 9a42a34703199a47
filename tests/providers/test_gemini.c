/* The Gemini provider against a scripted service on a real socket: how a session is set up, goes on and ends. */
#include <stdio.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "providers/gemini_bench.h"
#include "test.h"

/* ---- the setup ---- */

TEST(the_key_is_a_header_and_the_setup_says_what_a_phone_call_needs)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    assert_log(&t, "model.ready in=pcm16_16k out=pcm16 interrupts=0 creates=0 tools=1 resumed=0\n");
    struct str request = buf_str(&t.f.request);
    assert_has(request, "BidiGenerateContent");
    assert_has(request, "v1beta");
    assert_has_not(request, "?key"); /* never in an address that is logged */
    static const char *const parts[] = {"models/gemini-3.8-live",
                                        "\"voiceName\":\"Kore\"",
                                        "Be kind.",
                                        "\"name\":\"look\"",
                                        "\"behavior\":\"BLOCKING\"",
                                        "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\"}}}",
                                        "\"disabled\":true",
                                        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
                                        "\"inputAudioTranscription\":{}",
                                        "\"outputAudioTranscription\":{}",
                                        "\"sessionResumption\":{}",
                                        "\"slidingWindow\":{}"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    assert_not_sent(&t, "thinkingConfig"); /* the model would refuse it */
    assert_not_sent(&t, "additionalProperties");
    bench_done(&t);
}

TEST(families_of_models_are_told_what_they_take)
{
    struct bench t;
    bench_init(&t, TURN_SERVER_VAD);
    t.o.model = STR("gemini-3.8-live-extended-thinking");
    t.o.handle = STR("h-9");
    t.o.end_sensitivity = STR("low");
    t.call.turn.silence_duration_ms = 700;
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    assert_log(&t, "model.ready in=pcm16_16k out=pcm16 interrupts=1 creates=1 tools=1 resumed=1\n");
    static const char *const parts[] = {"\"thinkingLevel\":\"LOW\"", "NON_BLOCKING",
                                        "\"endOfSpeechSensitivity\":\"END_SENSITIVITY_LOW\"",
                                        "\"silenceDurationMs\":700", "\"handle\":\"h-9\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    bench_done(&t);
}

TEST(every_setting_of_a_voice_agent_is_sent)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.temperature = 0.5;
    t.o.top_p = 0.9;
    t.o.top_k = 40;
    t.o.max_output_tokens = 512;
    t.o.seed = 7;
    t.o.presence_penalty = -0.5;
    t.o.frequency_penalty = 0.25;
    t.o.media_resolution = STR("low");
    t.o.hear_languages = STR("en-US, de-DE");
    t.o.hear_vocabulary = STR("Ringtrip, Plivo");
    t.o.hear_mode = STR("verbatim");
    t.o.trigger_tokens = 25000;
    t.o.target_tokens = 8000;
    t.o.google_search = true;
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    static const char *const parts[] = {"\"temperature\":0.5",
                                        "\"topP\":0.9",
                                        "\"topK\":40",
                                        "\"maxOutputTokens\":512",
                                        "\"presencePenalty\":-0.5",
                                        "\"frequencyPenalty\":0.25",
                                        "\"seed\":7",
                                        "\"mediaResolution\":\"MEDIA_RESOLUTION_LOW\"",
                                        "\"googleSearch\":{}",
                                        "\"languageCodes\":[\"en-US\",\"de-DE\"]",
                                        "\"customVocabulary\":[\"Ringtrip\",\"Plivo\"]",
                                        "\"mode\":\"VERBATIM\"",
                                        "\"triggerTokens\":\"25000\",\"slidingWindow\":{\"targetTokens\":\"8000\"}"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    assert_not_sent(&t, "historyConfig");
    bench_done(&t);
}

/* The setup that such options make. */
static void assert_setup(const char *model, void (*fill)(struct bench *t), const char *has, const char *has_not)
{
    struct bench t;
    bench_init(&t, TURN_SERVER_VAD);
    t.o.model = str_from(model);
    t.o.start_sensitivity = STR("low");
    t.o.language_code = STR("de-DE");
    t.o.thinking_level = STR("minimal");
    t.o.thinking_budget = 0;
    t.o.affective_dialog = t.o.proactive_audio = true;
    t.call.turn.prefix_padding_ms = 20;
    t.call.turn.silence_duration_ms = 300;
    if (fill) {
        fill(&t);
    }
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    wait_sent(&t, has);
    if (has_not) {
        assert_not_sent(&t, has_not);
    }
    bench_done(&t);
}

static void no_interruption(struct bench *t)
{
    t->call.turn.interrupt_response = false;
}

static void only_activity(struct bench *t)
{
    t->o.turn_coverage = STR("TURN_INCLUDES_ONLY_ACTIVITY");
}

/* What a model does not take would close the session: each family gets what it knows. */
TEST(each_family_gets_its_own_settings)
{
    static const char old[] = "gemini-2.5-flash-native-audio-latest";
    static const char legacy[] = "gemini-3.1-flash-live-preview";
    static const char now[] = "gemini-3.8-live";
    static const char thinking[] = "gemini-3.8-live-extended-thinking";
    assert_setup(old, NULL, "\"thinkingConfig\":{\"thinkingBudget\":0}", "thinkingLevel");
    assert_setup(old, NULL, "\"enableAffectiveDialog\":true", NULL);
    assert_setup(old, NULL, "\"proactivity\":{\"proactiveAudio\":true}", NULL);
    assert_setup(old, NULL, "\"turnCoverage\":\"TURN_INCLUDES_ONLY_ACTIVITY\"", NULL);
    assert_setup(legacy, NULL, "\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}", "thinkingBudget");
    assert_setup(legacy, NULL, "\"functionDeclarations\"", "\"behavior\"");
    assert_setup(legacy, NULL, "\"turnCoverage\":\"TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO\"",
                 "enableAffectiveDialog");
    assert_setup(thinking, NULL, "\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}", "proactivity");
    assert_setup(now, NULL, "\"setup\"", "thinkingConfig");
    assert_setup(now, NULL, "\"languageCode\":\"de-DE\"", "enableAffectiveDialog");
    assert_setup(
        now, NULL,
        "\"startOfSpeechSensitivity\":\"START_SENSITIVITY_LOW\",\"prefixPaddingMs\":20,\"silenceDurationMs\":300",
        "endOfSpeechSensitivity");
    assert_setup(now, NULL, "\"activityHandling\":\"START_OF_ACTIVITY_INTERRUPTS\"", NULL);
    assert_setup(now, no_interruption, "\"activityHandling\":\"NO_INTERRUPTION\"", NULL);
    assert_setup(now, only_activity, "\"turnCoverage\":\"TURN_INCLUDES_ONLY_ACTIVITY\"", NULL);
}

/* An address of our own: what Vertex AI and ephemeral tokens change of it. */
static void asks_for(const char *project, const char *location, const char *key, const char *target, const char *header,
                     const char *model)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.project = str_from(project);
    t.o.location = str_from(location);
    t.o.api_key = str_from(key);
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    struct str request = buf_str(&t.f.request);
    if (str_search(request, str_from(target)) == SIZE_MAX || str_search(request, str_from(header)) == SIZE_MAX) {
        fail_msg("neither %s nor %s in " STR_FMT, target, header, STR_ARG(request));
    }
    const char *parts[] = {model};
    assert_sent_order(&t, parts, 1);
    bench_done(&t);
}

TEST(vertex_ai_and_ephemeral_tokens_have_ways_of_their_own)
{
    asks_for("p-1", "", "ya29", "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
             "Authorization: Bearer ya29",
             "\"model\":\"projects/p-1/locations/us-central1/publishers/google/models/gemini-3.8-live\"");
    asks_for("p-1", "europe-west4", "ya29", ".LlmBidiService/", "Bearer",
             "\"model\":\"projects/p-1/locations/europe-west4/");
    asks_for("", "", "auth_tokens/abc", ".GenerativeService.BidiGenerateContentConstrained",
             "Authorization: Token auth_tokens/abc", "\"model\":\"models/gemini-3.8-live\"");
}

/* ---- the session ---- */

TEST(history_goes_out_in_one_message_before_what_is_asked)
{
    const struct call_item items[] = {
        {.type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("hello")}}},
        {.type = ITEM_MESSAGE,
         .role = ITEM_ASSISTANT,
         .n_parts = 1,
         .parts = {{.kind = PART_TEXT, .text = STR("Hi.")}}},
        {.type = ITEM_FUNCTION_CALL, .call_id = STR("c1"), .name = STR("look"), .arguments = STR("{\"a\":1}")},
        {.type = ITEM_FUNCTION_OUTPUT, .call_id = STR("c1"), .output = STR("{\"b\":2}")}};
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        struct call_action act = {.type = ACT_MODEL_ITEM};
        act.model_item.item = &items[i];
        assert_ok(model_perform(t.model, &act));
    }
    model_step_over(t.model);
    wait_sent(&t, "clientContent");
    static const char *const parts[] = {"\"role\":\"user\",\"parts\":[{\"text\":\"hello\"}]",
                                        "\"role\":\"model\",\"parts\":[{\"text\":\"Hi.\"}]",
                                        "The tool look was called with {\\\"a\\\":1}",
                                        "The tool look answered {\\\"b\\\":2}", "\"turnComplete\":false"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    buf_clear(&t.f.got);
    bench_output(&t, "c1", "late", false); /* a call of the session before: told, not answered */
    bench_respond(&t, "");
    wait_sent(&t, "The tool look answered late");
    assert_not_sent(&t, "toolResponse");
    bench_done(&t);
}

/* 3.1 takes content for history only at the beginning, and until one is complete. */
TEST(old_models_are_told_the_history_as_history)
{
    const struct call_item said = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("hello")}}};
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-3.1-flash-live-preview");
    t.o.continues = true;
    bench_start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"historyConfig\":{\"initialHistoryInClientContent\":true}");
    buf_clear(&t.f.got);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &said;
    bench_perform(&t, &act);
    wait_sent(&t, "\"turnComplete\":true");
    buf_clear(&t.f.got);
    bench_perform(&t, &act);
    wait_sent(&t, "\"turnComplete\":false"); /* as usual behind it */
    bench_done(&t);
    bench_init(&t, TURN_LOCAL); /* and with nothing to tell, whatever comes first ends it */
    t.o.model = STR("gemini-3.1-flash-live-preview");
    t.o.continues = true;
    bench_start(&t);
    wait_line(&t, "model.ready");
    bench_append(&t, 640);
    wait_sent(&t, "\"audio\"");
    static const char *const parts[] = {"{\"clientContent\":{\"turnComplete\":true}}", "activityStart", "\"audio\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    bench_done(&t);
}

TEST(pictures_go_out_as_frames_of_video)
{
    struct call_item shown = {.type = ITEM_MESSAGE,
                              .role = ITEM_USER,
                              .n_parts = 2,
                              .parts = {{.kind = PART_TEXT, .text = STR("What is this?")},
                                        {.kind = PART_IMAGE, .text = STR("data:image/jpeg;base64,AQID")}}};
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &shown;
    bench_perform(&t, &act);
    bench_respond(&t, "");
    wait_sent(&t, "What is this?");
    static const char *const parts[] = {
        "{\"realtimeInput\":{\"video\":{\"mimeType\":\"image/jpeg\",\"data\":\"AQID\"}}}", "What is this?"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    buf_clear(&t.f.got);
    shown.parts[1].text = STR("https://example.com/a.jpg"); /* nothing is fetched for the service */
    bench_perform(&t, &act);
    bench_respond(&t, "");
    wait_sent(&t, "What is this?");
    assert_not_sent(&t, "video");
    bench_done(&t);
}

TEST(another_agent_is_told_of_where_the_service_takes_it)
{
    struct call_persona other = {.instructions = STR("Be brief."), .tools = {0}, .n_tools = 1};
    struct bench t;
    struct call_action act = {.type = ACT_MODEL_UPDATE};
    act.model_update.persona = other;
    bench_ready(&t, TURN_LOCAL);
    assert_int_equal(model_perform(t.model, &act), -ENOTSUP);
    bench_done(&t);
    bench_init(&t, TURN_LOCAL);
    t.o.context_update = true;
    bench_start(&t);
    wait_line(&t, "model.ready");
    bench_perform(&t, &act);
    wait_line(&t, "model.updated");
    wait_sent(&t, "contextUpdate");
    static const char *const parts[] = {
        "\"contextUpdate\":{\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief.\"}]",
        "\"tools\":{\"tools\":[{\"functionDeclarations\":[{\"name\":\"look\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    bench_done(&t);
}

/* A filler is a turn of its own; what was said before it stays until the answer is there. */
TEST(extended_thinking_is_over_when_it_says_so)
{
    const struct call_item said = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("later")}}};
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-3.8-live-extended-thinking");
    bench_start(&t);
    wait_line(&t, "model.ready");
    bench_respond(&t, "");
    bench_say(&t, AUDIO("AQI="));
    bench_say(&t, "{\"serverContent\":{\"turnComplete\":true,\"interactionStatus\":\"IN_PROGRESS\"}}");
    wait_line(&t, "model.response-done gr_1");
    buf_clear(&t.f.got);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &said;
    bench_perform(&t, &act); /* content would interrupt it */
    bench_say(&t, AUDIO("AQIDBA=="));
    wait_line(&t, "model.audio gi_2 4");
    assert_not_sent(&t, "later");
    bench_say(&t, "{\"serverContent\":{\"turnComplete\":true,\"interactionStatus\":\"IDLE\"}}");
    wait_sent(&t, "later");
    bench_done(&t);
}

TEST(handles_and_leaving_are_told)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_say(&t, "{\"sessionResumptionUpdate\":{\"newHandle\":\"h-1\",\"resumable\":true}}");
    bench_say(&t, "{\"sessionResumptionUpdate\":{}}");
    bench_say(&t, "{\"goAway\":{\"timeLeft\":\"50s\"}}");
    wait_line(&t, "model.leaving 50000");
    assert_log(&t, "model.resumable\nmodel.leaving 50000\n");
    assert_str_is(model_memory(t.model), "h-1");
    bench_done(&t);
}

static void refused(uint16_t code, const char *reason, const char *want)
{
    struct bench t;
    bench_init(&t, TURN_LOCAL);
    t.f.on_open = NULL;
    t.f.close_after_open = code;
    t.f.close_reason = reason;
    t.o.model = STR("gemini-2.0-flash-live-001");
    bench_start(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_str_is(buf_str(&t.log), want);
    bench_done(&t);
}

TEST(a_close_has_a_name_and_says_what_to_do)
{
    refused(1008, "models/gemini-2.0-flash-live-001 is not found for API version v1beta, or is not supported for bidi",
            "model.failed config model-not-found [models/gemini-2.0-flash-live-001 is not found for API version "
            "v1beta, or is not "
            "supported for bidi (gemini-2.0-flash-live-001 is retired; use gemini-3.8-live)]\n");
    refused(1007, "API key not valid. Please pass a valid API key.",
            "model.failed auth api-key-refused [API key not valid. Please pass a valid API key. (check the key "
            "(api_key, GEMINI_API_KEY))]\n");
    refused(
        1008,
        "Request trace id: 1, Method doesn't allow unregistered callers (callers without established identity). Pleas",
        "model.failed auth api-key-missing [Request trace id: 1, Method doesn't allow unregistered callers (callers "
        "without "
        "established identity). Pleas (give a key (api_key, GEMINI_API_KEY))]\n");
    refused(1011, "You exceeded your current quota, please check your plan and billing details.",
            "model.failed limit quota [You exceeded your current quota, please check your plan and billing details. "
            "(see plan and "
            "billing of the key)]\n");
    refused(1008, "Requested entity was not found.",
            "model.failed closed session-not-found [Requested entity was not found. (the handle is too old or belongs "
            "to another model: a fresh session is told the conversation)]\n");
    refused(1007, "Request contains an invalid argument.",
            "model.failed config invalid-argument [Request contains an invalid argument. (a setting or the voice is "
            "not one of this model, or the context is full) (gemini-2.0-flash-live-001 is an older model; "
            "gemini-3.8-live takes its place)]\n");
    refused(1011, "Internal error encountered.",
            "model.failed closed service-error [Internal error encountered. (a fault of the service: the session is "
            "resumed, and failover takes over when that fails)]\n");
    refused(1011, "Deadline expired before operation could complete.",
            "model.failed closed session_expired [Deadline expired before operation could complete. (the connection "
            "has reached its age: the session goes on over a new one)]\n");
    refused(1008, "The operation was aborted.",
            "model.failed closed aborted [The operation was aborted. (the connection was too old for the service: the "
            "session goes on over a new one)]\n");
}

TEST(garbage_harms_nobody)
{
    struct bench t;
    bench_ready(&t, TURN_LOCAL);
    bench_say(&t, "nonsense");
    bench_say(&t, "{\"serverContent\":[]}");
    bench_say(&t, AUDIO("!!!!"));
    bench_say(&t, "{\"toolCall\":{\"functionCalls\":[{\"args\":{}}]}}");
    bench_say(&t, FLAG("turnComplete"));
    bench_say(&t, "{\"goAway\":{}}");
    wait_line(&t, "model.leaving 0");
    bench_done(&t);
}

TEST_MAIN(T(the_key_is_a_header_and_the_setup_says_what_a_phone_call_needs),
          T(families_of_models_are_told_what_they_take), T(every_setting_of_a_voice_agent_is_sent),
          T(each_family_gets_its_own_settings), T(vertex_ai_and_ephemeral_tokens_have_ways_of_their_own),
          T(history_goes_out_in_one_message_before_what_is_asked), T(old_models_are_told_the_history_as_history),
          T(pictures_go_out_as_frames_of_video), T(another_agent_is_told_of_where_the_service_takes_it),
          T(extended_thinking_is_over_when_it_says_so), T(handles_and_leaving_are_told),
          T(a_close_has_a_name_and_says_what_to_do), T(garbage_harms_nobody))
