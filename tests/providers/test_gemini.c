/* The Gemini provider against a scripted service on a real socket: what is sent, what is told, in which order. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "call/model.h"
#include "fakes/wait.h"
#include "providers/fake_openai.h"
#include "providers/gemini/gemini.h"
#include "test.h"

#define READY "{\"setupComplete\":{}}"

struct bench {
    struct fake_openai f; /* a service that says what it is told to, whatever the protocol */
    struct gemini_opts o;
    struct call_opts call;
    struct call_opts_room room; /* of call */
    struct model *model;
    char url[64];
    struct buf log;
    const char *want;
    size_t want_sent;
    bool gone;
};

/* "gr_5f3a_12" -> "gr_12": what sets sessions apart is not looked at. */
static void put_id(struct buf *b, struct str id)
{
    size_t first = str_find(id, '_');
    size_t last = first;
    for (size_t i = 0; i < id.n; i++) {
        last = id.p[i] == '_' ? i : last;
    }
    buf_printf(b, " %.*s%.*s", (int)first, id.p ? id.p : "", (int)(id.n - MIN(last, id.n)),
               id.p ? id.p + MIN(last, id.n) : "");
}

static void on_event(struct model *model UNUSED, const struct call_event *ev, void *arg)
{
    struct bench *t = arg;
    struct buf *b = &t->log;
    const struct call_usage *u = &ev->model_usage.usage;
    buf_puts(b, call_event_name(ev->type));
    switch ((int)ev->type) {
    case EV_MODEL_READY:
        buf_printf(b, " in=%s out=%s interrupts=%d creates=%d tools=%u resumed=%d",
                   audio_format_name(ev->model_ready.in), audio_format_name(ev->model_ready.out),
                   ev->model_ready.interrupts, ev->model_ready.creates, ev->model_ready.n_tools,
                   ev->model_ready.resumed);
        break;
    case EV_MODEL_FAILED:
        buf_printf(b, " %s " STR_FMT " [" STR_FMT "]", err_name(ev->model_failed.err), STR_ARG(ev->model_failed.code),
                   STR_ARG(ev->model_failed.message));
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        put_id(b, ev->model_speech.item_id);
        break;
    case EV_MODEL_ITEM:
        put_id(b, ev->model_item.item->id);
        break;
    case EV_MODEL_USER_TEXT:
    case EV_MODEL_USER_DELTA:
        put_id(b, ev->model_user_text.item_id);
        buf_printf(b, " [" STR_FMT "]%s", STR_ARG(ev->model_user_text.text),
                   ev->model_user_text.failed ? " failed" : "");
        break;
    case EV_MODEL_RESPONSE_CREATED:
        put_id(b, ev->model_response.response_id);
        break;
    case EV_MODEL_AUDIO_DONE:
        put_id(b, ev->model_audio.item_id);
        break;
    case EV_MODEL_AUDIO:
        put_id(b, ev->model_audio.item_id);
        buf_printf(b, " %zu", ev->model_audio.audio.n);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        buf_printf(b, " [" STR_FMT "]", STR_ARG(ev->model_text.text));
        break;
    case EV_MODEL_TOOL_CALL:
        put_id(b, ev->model_tool.response_id);
        buf_printf(b, " " STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(ev->model_tool.tool_call_id),
                   STR_ARG(ev->model_tool.name), STR_ARG(ev->model_tool.arguments));
        break;
    case EV_MODEL_RESPONSE_DONE:
        put_id(b, ev->model_done.response_id);
        buf_printf(b, " %d " STR_FMT, ev->model_done.status, STR_ARG(ev->model_done.reason));
        break;
    case EV_MODEL_USAGE:
        buf_printf(b, " in=%u/%u out=%u/%u", u->in_text, u->in_audio, u->out_text, u->out_audio);
        break;
    case EV_MODEL_TOOL_WITHDRAWN:
        buf_printf(b, " " STR_FMT, STR_ARG(ev->model_withdrawn.tool_call_id));
        break;
    case EV_MODEL_LEAVING:
        buf_printf(b, " %u", ev->model_leaving.left_ms);
        break;
    default:
        break;
    }
    buf_putc(b, '\n');
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    ((struct bench *)arg)->gone = true;
}

static const struct model_handler events = {.on_event = on_event, .on_closed = on_closed};

static void init(struct bench *t, enum turn_kind kind)
{
    memset(t, 0, sizeof(*t));
    fake_openai_open(&t->f);
    t->f.on_open = READY;
    buf_init(&t->log, 1 << 20);
    call_opts_init(&t->call);
    call_opts_lend(&t->call, &t->room);
    t->call.turn.kind = kind;
    t->call.turn.interrupt_response = t->call.turn.create_response = true;
    t->call.instructions = STR("Be kind.");
    t->call.n_tools = 1;
    t->call.tools[0] =
        (struct call_tool){.name = STR("look"),
                           .description = STR("Looks."),
                           .parameters = STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
                                             "\"additionalProperties\":false}")};
    t->o = (struct gemini_opts){.url = str_from(fake_openai_url(&t->f, t->url, sizeof(t->url))),
                                .api_key = STR("AIza-secret"),
                                .temperature = -1,
                                .top_p = -1,
                                .seed = -1,
                                .thinking_budget = -2,
                                .hears = true,
                                .compress = true};
}

static void start(struct bench *t)
{
    assert_ok(gemini_open(t->f.loop, &t->o, &t->call, &events, t, &t->model));
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

static bool was_sent(void *arg)
{
    struct bench *t = arg;
    return str_search(buf_str(&t->f.got), str_from(t->want)) != SIZE_MAX;
}

static void wait_sent(struct bench *t, const char *want)
{
    t->want = want;
    wait_until(t->f.loop, was_sent, t);
}

static bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

static void done(struct bench *t)
{
    if (!t->gone) {
        model_close(t->model);
        wait_until(t->f.loop, is_gone, t);
    }
    buf_done(&t->log);
    fake_openai_done(&t->f);
}

static void ready(struct bench *t, enum turn_kind kind)
{
    init(t, kind);
    start(t);
    wait_line(t, "model.ready");
    wait_sent(t, "\"setup\"");
    buf_clear(&t->log, 0);
    buf_clear(&t->f.got, 0);
}

static void assert_log(struct bench *t, const char *want)
{
    assert_str_is(buf_str(&t->log), want);
    buf_clear(&t->log, 0);
}

static void perform(struct bench *t, const struct call_action *act)
{
    model_cork(t->model);
    assert_ok(model_perform(t->model, act));
    model_uncork(t->model);
}

static void simple(struct bench *t, enum call_action_type type)
{
    perform(t, &(struct call_action){.type = type});
}

static void append(struct bench *t, size_t n)
{
    static uint8_t pcm[16000];
    struct call_action act = {.type = ACT_MODEL_APPEND};
    act.model_append.audio = span_from(pcm, n);
    perform(t, &act);
}

static void respond(struct bench *t, const char *instructions)
{
    struct call_action act = {.type = ACT_MODEL_RESPOND};
    act.model_respond.request = 1;
    act.model_respond.instructions = str_from(instructions);
    perform(t, &act);
}

static void output(struct bench *t, const char *id, const char *json, bool silent)
{
    struct call_action act = {.type = ACT_MODEL_TOOL_OUTPUT};
    act.model_tool_output.tool_call_id = str_from(id);
    act.model_tool_output.output = str_from(json);
    act.model_tool_output.silent = silent;
    perform(t, &act);
}

#define AUDIO(data)                                                                                                    \
    "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/"                             \
    "pcm;rate=24000\",\"data\":\"" data "\"}}],\"role\":\"model\"}}}"
#define SAID(text)  "{\"serverContent\":{\"outputTranscription\":{\"text\":\"" text "\"}}}"
#define HEARD(text) "{\"serverContent\":{\"inputTranscription\":{\"text\":\"" text "\"}}}"
#define FLAG(name)  "{\"serverContent\":{\"" name "\":true}}"
#define CALL(id)    "{\"toolCall\":{\"functionCalls\":[{\"name\":\"look\",\"args\":{\"a\": \"b c\"},\"id\":\"" id "\"}]}}"

static void say(struct bench *t, const char *json)
{
    fake_openai_say(&t->f, json);
}

static void assert_sent_order(struct bench *t, const char *const *parts, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        struct str rest = {buf_str(&t->f.got).p + from, t->f.got.len - from};
        size_t at = str_search(rest, str_from(parts[i]));
        if (at == SIZE_MAX) {
            fail_msg("\"%s\" is missing, or too early, in:\n" STR_FMT, parts[i], STR_ARG(buf_str(&t->f.got)));
        }
        from += at + 1;
    }
}

static void assert_not_sent(struct bench *t, const char *part)
{
    assert_true(str_search(buf_str(&t->f.got), str_from(part)) == SIZE_MAX);
}

/* ---- the setup ---- */

TEST(the_key_is_a_header_and_the_setup_says_what_a_phone_call_needs)
{
    struct bench t;
    init(&t, TURN_LOCAL);
    start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    assert_log(&t, "model.ready in=pcm16_16k out=pcm16 interrupts=0 creates=0 tools=1 resumed=0\n");
    struct str request = buf_str(&t.f.request);
    assert_true(str_search(request, STR("BidiGenerateContent")) != SIZE_MAX);
    assert_true(str_search(request, STR("v1beta")) != SIZE_MAX);
    assert_true(str_search(request, STR("?key")) == SIZE_MAX); /* never in an address that is logged */
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
    done(&t);
}

TEST(families_of_models_are_told_what_they_take)
{
    struct bench t;
    init(&t, TURN_SERVER_VAD);
    t.o.model = STR("gemini-3.8-live-extended-thinking");
    t.o.handle = STR("h-9");
    t.o.end_sensitivity = STR("low");
    t.call.turn.silence_duration_ms = 700;
    start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    assert_log(&t, "model.ready in=pcm16_16k out=pcm16 interrupts=1 creates=1 tools=1 resumed=1\n");
    static const char *const parts[] = {"\"thinkingLevel\":\"LOW\"", "NON_BLOCKING",
                                        "\"endOfSpeechSensitivity\":\"END_SENSITIVITY_LOW\"",
                                        "\"silenceDurationMs\":700", "\"handle\":\"h-9\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    done(&t);
}

TEST(every_setting_of_a_voice_agent_is_sent)
{
    struct bench t;
    init(&t, TURN_LOCAL);
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
    start(&t);
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
    done(&t);
}

/* An address of our own: what Vertex AI and ephemeral tokens change of it. */
static void asks_for(const char *project, const char *location, const char *key, const char *target, const char *header,
                     const char *model)
{
    struct bench t;
    init(&t, TURN_LOCAL);
    t.o.project = str_from(project);
    t.o.location = str_from(location);
    t.o.api_key = str_from(key);
    start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"setup\"");
    struct str request = buf_str(&t.f.request);
    if (str_search(request, str_from(target)) == SIZE_MAX || str_search(request, str_from(header)) == SIZE_MAX) {
        fail_msg("neither %s nor %s in " STR_FMT, target, header, STR_ARG(request));
    }
    const char *parts[] = {model};
    assert_sent_order(&t, parts, 1);
    done(&t);
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

/* ---- turns ---- */

TEST(a_turn_of_ours_goes_between_marks_and_its_answer_is_the_one_asked_for)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    append(&t, 8000);
    append(&t, 640);
    simple(&t, ACT_MODEL_COMMIT);
    respond(&t, "");
    wait_sent(&t, "activityEnd");
    static const char *const parts[] = {"activityStart", "\"audio\"", "\"audio\"", "activityEnd"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    assert_not_sent(&t, "clientContent"); /* the end of the turn is the question */
    say(&t, HEARD(" hello"));
    say(&t, HEARD(" there"));
    say(&t, "{}");
    say(&t, "{\"serverContent\":{}}");
    say(&t, "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"I think\",\"thought\":true}]}}}");
    say(&t, "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/"
            "pcm;rate=24000\",\"data\":\"AQIDBA==\"}},"
            "{\"inlineData\":{\"mimeType\":\"audio/"
            "pcm\",\"data\":\"AQI=\"}}]},\"outputTranscription\":{\"text\":\"Good \"}}}");
    say(&t, SAID("day"));
    say(&t, FLAG("generationComplete"));
    say(&t, "{\"serverContent\":{\"turnComplete\":true},\"usageMetadata\":{\"promptTokenCount\":30,"
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
    done(&t);
}

TEST(words_that_come_late_still_belong_to_the_response)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "Say exactly: \"Hi there.\" Say nothing else.");
    wait_sent(&t, "[Direction, not said by the caller] Say exactly: \\\"Hi there.\\\"");
    say(&t, AUDIO("AQI="));
    say(&t, FLAG("generationComplete"));
    say(&t, SAID("Hi there."));
    wait_line(&t, "model.response-done"); /* without a turnComplete, which comes when all is heard */
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\nmodel.audio-done gi_1\n"
                   "model.text-delta [Hi there.]\nmodel.text-done [Hi there.]\nmodel.response-done gr_1 0 \n");
    done(&t);
}

TEST(the_first_wish_without_words_asks_for_a_greeting_and_own_instructions_are_not_repeated)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    wait_sent(&t, "Greet the caller now.");
    say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done gr_1 0");
    buf_clear(&t.f.got, 0);
    respond(&t, "Be kind.\n\nSay goodbye.");
    wait_sent(&t, "[Direction, not said by the caller] Say goodbye.");
    done(&t);
}

/* An old turn that is cut ends with a turnComplete of its own. */
TEST(what_comes_of_a_cut_turn_is_not_the_next_one)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    say(&t, AUDIO("AQI="));
    wait_line(&t, "model.audio gi_1");
    struct call_action cancel = {.type = ACT_MODEL_CANCEL};
    perform(&t, &cancel);
    append(&t, 640);
    say(&t, AUDIO("AQIDBA==")); /* was on its way */
    say(&t, FLAG("interrupted"));
    simple(&t, ACT_MODEL_COMMIT);
    respond(&t, "");
    say(&t, FLAG("turnComplete"));
    say(&t, AUDIO("AQIDBAUG"));
    wait_line(&t, "model.audio gi_2");
    assert_log(&t, "model.response-created gr_1\nmodel.item-added\nmodel.audio gi_1 2\n"
                   "model.audio-done gi_1\nmodel.text-done []\nmodel.response-done gr_1 1 client_cancelled\n"
                   "model.committed gu_1\nmodel.item gu_1\nmodel.response-created gr_2\n"
                   "model.item-added\nmodel.audio gi_2 6\n");
    done(&t);
}

TEST(interrupted_is_the_callers_word_under_the_services_detection)
{
    struct bench t;
    ready(&t, TURN_SERVER_VAD);
    append(&t, 640);
    say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_START\"}}");
    say(&t, HEARD("hi"));
    say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_END\"}}");
    say(&t, AUDIO("AQI="));
    say(&t, FLAG("generationComplete"));
    say(&t, "{\"voiceActivity\":{\"type\":\"ACTIVITY_START\"}}"); /* no order while the agent is heard */
    say(&t, FLAG("interrupted"));
    say(&t, FLAG("turnComplete"));
    wait_line(&t, "1 turn_detected");
    assert_log(
        &t, "model.speech-started gu_1\nmodel.user-delta gu_1 [hi]\nmodel.speech-stopped gu_1\nmodel.committed gu_1\n"
            "model.item gu_1\nmodel.user-text gu_1 [hi]\nmodel.response-created gr_1\nmodel.item-added\n"
            "model.audio gi_1 2\nmodel.audio-done gi_1\nmodel.speech-started gu_2\nmodel.text-done []\n"
            "model.response-done gr_1 1 turn_detected\n");
    assert_not_sent(&t, "activity");
    done(&t);
}

TEST(a_stream_that_stops_is_said_to_have_ended)
{
    struct bench t;
    ready(&t, TURN_SERVER_VAD);
    append(&t, 640);
    wait_sent(&t, "audioStreamEnd");
    done(&t);
}

/* ---- tools ---- */

TEST(a_call_ends_the_response_and_its_answer_begins_the_next)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    say(&t, CALL("fc_1"));
    wait_line(&t, "model.response-done gr_1");
    assert_log(
        &t,
        "model.response-created gr_1\nmodel.tool-call gr_1 fc_1 look {\"a\":\"b c\"}\nmodel.response-done gr_1 0 \n");
    buf_clear(&t.f.got, 0);
    output(&t, "fc_1", "{\"ok\":true}", false);
    respond(&t, "");
    wait_sent(&t, "{\"id\":\"fc_1\",\"name\":\"look\",\"response\":{\"output\":{\"ok\":true}}}");
    assert_not_sent(&t, "clientContent");
    say(&t, AUDIO("AQI="));
    say(&t, FLAG("turnComplete"));
    wait_line(&t, "model.response-done gr_2");
    done(&t);
}

TEST(a_dropped_call_that_comes_again_gets_the_same_output_once)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    append(&t, 640);
    say(&t, FLAG("interrupted"));
    say(&t, FLAG("turnComplete"));
    simple(&t, ACT_MODEL_COMMIT);
    respond(&t, "");
    output(&t, "fc_1", "{\"ok\":1}", true);
    say(&t, CALL("fc_2")); /* the service has dropped the first one without a word */
    wait_sent(&t, "{\"id\":\"fc_2\",\"name\":\"look\",\"response\":{\"output\":{\"ok\":1}}}");
    struct str log = buf_str(&t.log);
    size_t at = str_search(log, STR("model.tool-call"));
    assert_true(str_search((struct str){log.p + at + 1, log.n - at - 1}, STR("model.tool-call")) == SIZE_MAX);
    done(&t);
}

TEST(a_cancelled_call_is_withdrawn)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    say(&t, CALL("fc_1"));
    say(&t, "{\"toolCallCancellation\":{\"ids\":[\"fc_1\",\"fc_7\"]}}");
    wait_line(&t, "model.tool-withdrawn fc_1");
    done(&t);
}

TEST(an_output_that_asks_for_no_answer_is_kept_back_from_a_model_that_would_give_one)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    respond(&t, "");
    say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    buf_clear(&t.f.got, 0);
    output(&t, "fc_1", "{}", true);
    respond(&t, "Say goodbye.");
    wait_sent(&t, "Say goodbye.");
    assert_not_sent(&t, "toolResponse");
    done(&t);
}

TEST(old_models_get_no_audio_while_a_call_is_pending)
{
    struct bench t;
    init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-2.5-flash-native-audio-latest");
    start(&t);
    wait_line(&t, "model.ready");
    respond(&t, "");
    say(&t, CALL("fc_1"));
    wait_line(&t, "model.tool-call");
    wait_sent(&t, "clientContent");
    buf_clear(&t.f.got, 0);
    append(&t, 640);
    simple(&t, ACT_MODEL_COMMIT);
    output(&t, "fc_1", "{}", false);
    wait_sent(&t, "activityEnd");
    static const char *const parts[] = {"toolResponse", "activityStart", "\"audio\"", "activityEnd"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    done(&t);
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
    ready(&t, TURN_LOCAL);
    model_cork(t.model);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        struct call_action act = {.type = ACT_MODEL_ITEM};
        act.model_item.item = &items[i];
        assert_ok(model_perform(t.model, &act));
    }
    model_uncork(t.model);
    wait_sent(&t, "clientContent");
    static const char *const parts[] = {"\"role\":\"user\",\"parts\":[{\"text\":\"hello\"}]",
                                        "\"role\":\"model\",\"parts\":[{\"text\":\"Hi.\"}]",
                                        "The tool look was called with {\\\"a\\\":1}",
                                        "The tool look answered {\\\"b\\\":2}", "\"turnComplete\":false"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    buf_clear(&t.f.got, 0);
    output(&t, "c1", "late", false); /* a call of the session before: told, not answered */
    respond(&t, "");
    wait_sent(&t, "The tool look answered late");
    assert_not_sent(&t, "toolResponse");
    done(&t);
}

/* 3.1 takes content for history only at the beginning, and until one is complete. */
TEST(old_models_are_told_the_history_as_history)
{
    const struct call_item said = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("hello")}}};
    struct bench t;
    init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-3.1-flash-live-preview");
    t.o.continues = true;
    start(&t);
    wait_line(&t, "model.ready");
    wait_sent(&t, "\"historyConfig\":{\"initialHistoryInClientContent\":true}");
    buf_clear(&t.f.got, 0);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &said;
    perform(&t, &act);
    wait_sent(&t, "\"turnComplete\":true");
    buf_clear(&t.f.got, 0);
    perform(&t, &act);
    wait_sent(&t, "\"turnComplete\":false"); /* as usual behind it */
    done(&t);
    init(&t, TURN_LOCAL); /* and with nothing to tell, whatever comes first ends it */
    t.o.model = STR("gemini-3.1-flash-live-preview");
    t.o.continues = true;
    start(&t);
    wait_line(&t, "model.ready");
    append(&t, 640);
    wait_sent(&t, "\"audio\"");
    static const char *const parts[] = {"{\"clientContent\":{\"turnComplete\":true}}", "activityStart", "\"audio\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    done(&t);
}

TEST(pictures_go_out_as_frames_of_video)
{
    struct call_item shown = {.type = ITEM_MESSAGE,
                              .role = ITEM_USER,
                              .n_parts = 2,
                              .parts = {{.kind = PART_TEXT, .text = STR("What is this?")},
                                        {.kind = PART_IMAGE, .text = STR("data:image/jpeg;base64,AQID")}}};
    struct bench t;
    ready(&t, TURN_LOCAL);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &shown;
    perform(&t, &act);
    respond(&t, "");
    wait_sent(&t, "What is this?");
    static const char *const parts[] = {
        "{\"realtimeInput\":{\"video\":{\"mimeType\":\"image/jpeg\",\"data\":\"AQID\"}}}", "What is this?"};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    buf_clear(&t.f.got, 0);
    shown.parts[1].text = STR("https://example.com/a.jpg"); /* nothing is fetched for the service */
    perform(&t, &act);
    respond(&t, "");
    wait_sent(&t, "What is this?");
    assert_not_sent(&t, "video");
    done(&t);
}

TEST(another_agent_is_told_of_where_the_service_takes_it)
{
    struct call_persona other = {.instructions = STR("Be brief."), .tools = {0}, .n_tools = 1};
    struct bench t;
    struct call_action act = {.type = ACT_MODEL_UPDATE};
    act.model_update.persona = other;
    ready(&t, TURN_LOCAL);
    assert_int_equal(model_perform(t.model, &act), -ENOTSUP);
    done(&t);
    init(&t, TURN_LOCAL);
    t.o.context_update = true;
    start(&t);
    wait_line(&t, "model.ready");
    perform(&t, &act);
    wait_line(&t, "model.updated");
    wait_sent(&t, "contextUpdate");
    static const char *const parts[] = {
        "\"contextUpdate\":{\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief.\"}]",
        "\"tools\":{\"tools\":[{\"functionDeclarations\":[{\"name\":\"look\""};
    assert_sent_order(&t, parts, ARRAY_LEN(parts));
    done(&t);
}

/* A filler is a turn of its own; what was said before it stays until the answer is there. */
TEST(extended_thinking_is_over_when_it_says_so)
{
    const struct call_item said = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = STR("later")}}};
    struct bench t;
    init(&t, TURN_LOCAL);
    t.o.model = STR("gemini-3.8-live-extended-thinking");
    start(&t);
    wait_line(&t, "model.ready");
    respond(&t, "");
    say(&t, AUDIO("AQI="));
    say(&t, "{\"serverContent\":{\"turnComplete\":true,\"interactionStatus\":\"IN_PROGRESS\"}}");
    wait_line(&t, "model.response-done gr_1");
    buf_clear(&t.f.got, 0);
    struct call_action act = {.type = ACT_MODEL_ITEM};
    act.model_item.item = &said;
    perform(&t, &act); /* content would interrupt it */
    say(&t, AUDIO("AQIDBA=="));
    wait_line(&t, "model.audio gi_2 4");
    assert_not_sent(&t, "later");
    say(&t, "{\"serverContent\":{\"turnComplete\":true,\"interactionStatus\":\"IDLE\"}}");
    wait_sent(&t, "later");
    done(&t);
}

TEST(handles_and_leaving_are_told)
{
    struct bench t;
    ready(&t, TURN_LOCAL);
    say(&t, "{\"sessionResumptionUpdate\":{\"newHandle\":\"h-1\",\"resumable\":true}}");
    say(&t, "{\"sessionResumptionUpdate\":{}}");
    say(&t, "{\"goAway\":{\"timeLeft\":\"50s\"}}");
    wait_line(&t, "model.leaving 50000");
    assert_log(&t, "model.resumable\nmodel.leaving 50000\n");
    assert_str_is(model_memory(t.model), "h-1");
    done(&t);
}

static void refused(uint16_t code, const char *reason, const char *want)
{
    struct bench t;
    init(&t, TURN_LOCAL);
    t.f.on_open = NULL;
    t.f.close_after_open = code;
    t.f.close_reason = reason;
    t.o.model = STR("gemini-2.0-flash-live-001");
    start(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_str_is(buf_str(&t.log), want);
    done(&t);
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
    ready(&t, TURN_LOCAL);
    say(&t, "nonsense");
    say(&t, "{\"serverContent\":[]}");
    say(&t, AUDIO("!!!!"));
    say(&t, "{\"toolCall\":{\"functionCalls\":[{\"args\":{}}]}}");
    say(&t, FLAG("turnComplete"));
    say(&t, "{\"goAway\":{}}");
    wait_line(&t, "model.leaving 0");
    done(&t);
}

TEST_MAIN(T(the_key_is_a_header_and_the_setup_says_what_a_phone_call_needs),
          T(families_of_models_are_told_what_they_take), T(every_setting_of_a_voice_agent_is_sent),
          T(vertex_ai_and_ephemeral_tokens_have_ways_of_their_own), T(old_models_are_told_the_history_as_history),
          T(pictures_go_out_as_frames_of_video), T(another_agent_is_told_of_where_the_service_takes_it),
          T(extended_thinking_is_over_when_it_says_so),
          T(a_turn_of_ours_goes_between_marks_and_its_answer_is_the_one_asked_for),
          T(words_that_come_late_still_belong_to_the_response),
          T(the_first_wish_without_words_asks_for_a_greeting_and_own_instructions_are_not_repeated),
          T(what_comes_of_a_cut_turn_is_not_the_next_one),
          T(interrupted_is_the_callers_word_under_the_services_detection), T(a_stream_that_stops_is_said_to_have_ended),
          T(a_call_ends_the_response_and_its_answer_begins_the_next),
          T(a_dropped_call_that_comes_again_gets_the_same_output_once), T(a_cancelled_call_is_withdrawn),
          T(an_output_that_asks_for_no_answer_is_kept_back_from_a_model_that_would_give_one),
          T(old_models_get_no_audio_while_a_call_is_pending), T(history_goes_out_in_one_message_before_what_is_asked),
          T(handles_and_leaving_are_told), T(a_close_has_a_name_and_says_what_to_do), T(garbage_harms_nobody))
