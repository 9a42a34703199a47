/* The sandbox as Gemini Live, on a virtual clock: orders of messages, interruptions, tools, handles, the end. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "peer/sandbox/sandbox_live.h"

#define MAX_MESSAGES 4000

struct box {
    struct live *l;
    struct dialogue *dialogue;
    uint64_t now_us;
    char *messages[MAX_MESSAGES];
    uint32_t n, seen;
    bool closed;
    uint16_t code;
    char reason[200];
    struct live *kept; /* what a handle resumes */
    bool busy;
};

static void box_send(struct span message, void *arg)
{
    struct box *b = arg;
    struct json_val v;
    assert_false(b->closed);
    assert_ok(json_parse(str_of_span(message), &v)); /* each is one whole JSON text */
    assert_true(b->n < MAX_MESSAGES);
    b->messages[b->n++] = str_dup(str_of_span(message));
}

static void box_close(uint16_t code, struct str reason, void *arg)
{
    struct box *b = arg;
    assert_false(b->closed);
    b->closed = true;
    b->code = code;
    assert_true(reason.n <= 123);
    assert_ok(str_copy(b->reason, sizeof(b->reason), reason));
}

static struct clip *box_say(uint32_t ticket UNUSED, struct str text, enum openai_format format, void *arg UNUSED)
{
    size_t n = text.n * 60 * clip_bytes_per_ms(format);
    uint8_t *bytes = calloc(1, n + 1);
    assert_non_null(bytes);
    return clip_new(format, bytes, n);
}

static struct live *box_resume(struct str handle, bool *ret_busy, void *arg)
{
    struct box *b = arg;
    struct live *l = b->kept && live_knows(b->kept, handle) ? b->kept : NULL;
    *ret_busy = b->busy;
    b->kept = l ? NULL : b->kept;
    return l;
}

static const struct live_host host = {box_send, box_close, box_say, NULL, box_resume};

static void open_live(struct box *b, const char *faults)
{
    struct sandbox_faults f = {0};
    struct buf err;
    buf_init(&err, 4096);
    assert_ok(faults_parse(&f, str_from(faults), &err));
    buf_done(&err);
    const struct live_opts o = {.session = {.dialogue = b->dialogue, .faults = &f, .speed = 4, .seed = 7}};
    assert_ok(live_open(&o, &host, b, b->now_us, &b->l));
    b->closed = false;
}

static struct box *box_open(const char *faults)
{
    struct box *b = calloc(1, sizeof(*b));
    struct buf err;
    assert_non_null(b);
    b->now_us = 1000000;
    buf_init(&err, 4096);
    assert_ok(dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &b->dialogue));
    buf_done(&err);
    open_live(b, faults);
    return b;
}

static void box_free(struct box *b)
{
    live_free(b->l);
    live_free(b->kept);
    dialogue_free(b->dialogue);
    for (uint32_t i = 0; i < b->n; i++) {
        free(b->messages[i]);
    }
    free(b);
}

static void say(struct box *b, const char *json)
{
    live_message(b->l, str_from(json), b->now_us);
}

static void run(struct box *b, uint32_t ms)
{
    for (uint32_t t = 0; t < ms && !b->closed; t += 10) {
        b->now_us += 10000;
        if (live_due_us(b->l) <= b->now_us) {
            live_tick(b->l, b->now_us);
        }
    }
}

/* The next message that holds this; NULL: none is left. */
static const char *next(struct box *b, const char *part)
{
    for (; b->seen < b->n; b->seen++) {
        if (strstr(b->messages[b->seen], part)) {
            return b->messages[b->seen++];
        }
    }
    return NULL;
}

static uint32_t count(const struct box *b, const char *part)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        n += strstr(b->messages[i], part) != NULL;
    }
    return n;
}

#define SETUP(rest)                                                                                                    \
    "{\"setup\":{\"model\":\"models/"                                                                                  \
    "gemini-3.8-live\",\"outputAudioTranscription\":{},\"inputAudioTranscription\":{}" rest "}}"
#define MANUAL ",\"realtimeInputConfig\":{\"automaticActivityDetection\":{\"disabled\":true}}"
#define TOOL(more)                                                                                                     \
    ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"check_order_status\",\"parameters\":{\"type\":\"OBJECT\","     \
    "\"properties\":{}}" more "}]}]"
#define TYPED(text)                                                                                                    \
    "{\"clientContent\":{\"turns\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" text "\"}]}],\"turnComplete\":true}}"
#define START "{\"realtimeInput\":{\"activityStart\":{}}}"
#define END   "{\"realtimeInput\":{\"activityEnd\":{}}}"

static struct box *ready(const char *setup)
{
    struct box *b = box_open("");
    say(b, setup);
    assert_non_null(next(b, "setupComplete"));
    assert_int_equal(b->seen, 1); /* nothing before it */
    return b;
}

/* A second of a loud square wave. */
static void sound(struct box *b)
{
    int16_t pcm[1600];
    char text[5000];
    for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
        pcm[i] = i / 20 % 2 ? 9000 : -9000;
    }
    int n = snprintf(text, sizeof(text),
                     "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":\"");
    n += (int)base64_encode(text + n, span_from(pcm, sizeof(pcm)));
    snprintf(text + n, sizeof(text) - (size_t)n, "\"}}}");
    for (int i = 0; i < 10; i++) {
        say(b, text);
        run(b, 100);
    }
}

/* ---- */

TEST(a_turn_ends_twice_when_it_is_generated_and_when_it_was_heard)
{
    struct box *b = ready(SETUP(""));
    assert_non_null(next(b, "newHandle"));
    say(b, TYPED("hello"));
    uint64_t from_us = b->now_us;
    run(b, 800);
    assert_non_null(next(b, "inlineData"));
    assert_non_null(next(b, "generationComplete"));
    assert_int_equal(count(b, "turnComplete"), 0); /* it is faster than speech */
    run(b, 10000);
    const char *end = next(b, "turnComplete");
    assert_non_null(end);
    assert_has(str_from(end), "usageMetadata");
    assert_non_null(next(b, "newHandle"));
    assert_true(b->now_us > from_us);
    assert_int_equal(count(b, "interrupted"), 0);
    box_free(b);
}

TEST(a_turn_that_is_believed_to_be_heard_is_interrupted_too)
{
    struct box *b = ready(SETUP(MANUAL));
    say(b, TYPED("hello"));
    run(b, 800);
    assert_non_null(next(b, "generationComplete"));
    say(b, START);
    const char *cut = next(b, "\"interrupted\": true");
    assert_non_null(cut);
    assert_non_null(next(b, "turnComplete"));
    sound(b);
    say(b, END);
    run(b, 1000);
    assert_non_null(next(b, "inputTranscription"));
    assert_non_null(next(b, "inlineData"));
    box_free(b);
}

TEST(sound_outside_of_the_marks_is_no_turn)
{
    struct box *b = ready(SETUP(MANUAL));
    sound(b);
    run(b, 2000);
    assert_int_equal(count(b, "inlineData") + count(b, "inputTranscription"), 0);
    say(b, "{\"realtimeInput\":{\"audioStreamEnd\":true}}");
    assert_true(b->closed && b->code == 1007); /* only with its own detection */
    box_free(b);
}

TEST(marks_are_refused_while_the_server_detects)
{
    struct box *b = ready(SETUP(""));
    say(b, START);
    assert_int_equal(b->code, 1007);
    box_free(b);
}

TEST(a_blocking_call_is_dropped_when_it_is_interrupted)
{
    struct box *b = ready(SETUP(MANUAL TOOL(",\"behavior\":\"BLOCKING\"")));
    say(b, TYPED("where is my order 12345"));
    run(b, 8000);
    assert_non_null(next(b, "toolCall"));
    assert_int_equal(count(b, "turnComplete"), 0); /* it waits */
    say(b, START);
    assert_non_null(next(b, "interrupted"));
    uint32_t n = b->n;
    say(b, "{\"toolResponse\":{\"functionResponses\":[{\"id\":\"whatever\",\"name\":\"check_order_status\","
           "\"response\":{}}]}}");
    run(b, 500);
    assert_int_equal(b->n, n); /* a late answer is ignored */
    assert_false(b->closed);
    box_free(b);
}

static void answer(struct box *b, const char *call, const char *scheduling)
{
    char id[64] = "";
    char json[300];
    const char *at = strstr(call, "\"id\": \"");
    assert_non_null(at);
    assert_ok(str_copy(id, sizeof(id), (struct str){at + 7, strcspn(at + 7, "\"")}));
    snprintf(json, sizeof(json),
             "{\"toolResponse\":{\"functionResponses\":[{\"id\":\"%s\",\"name\":\"check_order_status\",\"response\":{"
             "\"output\":"
             "{\"status\":\"shipped\"}}%s}]}}",
             id, scheduling);
    say(b, json);
}

TEST(calls_that_do_not_block_are_answered_as_scheduled)
{
    static const char *const words[] = {",\"scheduling\":\"SILENT\"", ",\"scheduling\":\"INTERRUPT\"",
                                        ",\"scheduling\":\"WHEN_IDLE\""};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct box *b = ready(SETUP(TOOL(",\"behavior\":\"NON_BLOCKING\"")));
        say(b, TYPED("where is my order 12345"));
        run(b, 1200);
        const char *call = next(b, "toolCall");
        assert_non_null(call);
        uint32_t before = count(b, "interrupted");
        answer(b, call, words[i]);
        assert_int_equal(count(b, "interrupted") - before, i == 1); /* the turn under way is cut at once, or not */
        run(b, 15000);
        assert_int_equal(count(b, "turnComplete"), i == 0 ? 1 : 2);
        box_free(b);
    }
}

TEST(what_a_model_does_not_take_closes_in_place_of_setup_complete)
{
    static const struct {
        const char *setup;
        uint16_t code;
        const char *reason;
    } cases[] = {
        {"{\"setup\":{\"model\":\"models/gemini-2.0-flash-live-001\"}}", 1008, "is not found for API version"},
        {"{\"setup\":{\"model\":\"models/"
         "gemini-3.8-live\",\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}}}}",
         1007, "invalid"},
        {"{\"setup\":{\"model\":\"models/gemini-3.8-live\",\"generationConfig\":{\"enableAffectiveDialog\":true}}}",
         1007, "invalid"},
        {"{\"setup\":{\"model\":\"models/gemini-3.8-live\",\"proactivity\":{\"proactiveAudio\":false}}}", 1007,
         "invalid"},
        {"{\"setup\":{\"model\":\"models/gemini-3.8-live-extended-thinking\"}}", 1007, "invalid"},
        {"{\"setup\":{\"model\":\"models/gemini-3.8-live\",\"sessionResumption\":{\"handle\":\"h\"}}}", 1008,
         "Requested entity was not found."},
        {"{\"clientContent\":{}}", 1007, "invalid"}, /* before the setup */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = box_open("");
        say(b, cases[i].setup);
        assert_true(b->closed);
        assert_int_equal(b->code, cases[i].code);
        assert_has(str_from(b->reason), cases[i].reason);
        assert_int_equal(b->n, 0);
        box_free(b);
    }
    struct box *b = ready(SETUP(""));
    say(b, SETUP("")); /* a second one */
    assert_int_equal(b->code, 1007);
    box_free(b);
}

TEST(a_session_goes_away_ends_and_is_resumed_where_its_handle_stands)
{
    struct box *b = box_open("expire=20");
    char handle[64] = "";
    char setup[256];
    say(b, SETUP(""));
    say(b, TYPED("hello"));
    run(b, 9000);
    assert_non_null(next(b, "turnComplete"));
    const char *update = next(b, "newHandle");
    assert_non_null(update);
    const char *at = strstr(update, "\"newHandle\": \"") + 14;
    assert_ok(str_copy(handle, sizeof(handle), (struct str){at, strcspn(at, "\"")}));
    run(b, 3000);
    assert_non_null(next(b, "\"timeLeft\": \""));
    run(b, 20000);
    assert_int_equal(b->code, 1011);
    assert_string_equal(b->reason, "Deadline expired before operation could complete.");
    assert_true(live_detach(b->l, b->now_us));
    b->kept = b->l;
    assert_true(live_knows(b->kept, str_from(handle)));
    snprintf(setup, sizeof(setup), SETUP(",\"sessionResumption\":{\"handle\":\"%s\"}"), handle);
    b->busy = true; /* beside one that is open it is refused */
    open_live(b, "");
    struct live *kept = b->kept;
    b->kept = NULL;
    say(b, setup);
    assert_int_equal(b->code, 1011);
    live_free(b->l);
    b->kept = kept;
    b->busy = false;
    open_live(b, "");
    say(b, setup);
    assert_false(b->closed);
    assert_non_null(next(b, "setupComplete"));
    say(b, TYPED("goodbye"));
    run(b, 3000);
    assert_non_null(next(b, "inlineData"));
    box_free(b);
}

TEST(a_direction_is_followed_and_not_heard)
{
    struct box *b = ready(SETUP(""));
    say(b, TYPED("[Direction] Say exactly: 'x' \\\"One moment please.\\\" Say nothing else."));
    run(b, 8000);
    assert_non_null(next(b, "One moment"));
    assert_int_equal(count(b, "inputTranscription"), 0);
    box_free(b);
}

/* What was said before comes first and is not answered; behind it content counts as usual. */
TEST(a_history_is_taken_until_it_is_complete)
{
    struct box *b = ready(SETUP(",\"historyConfig\":{\"initialHistoryInClientContent\":true}"));
    say(b, TYPED("hello"));
    run(b, 3000);
    assert_int_equal(count(b, "inlineData"), 0);
    say(b, TYPED("goodbye"));
    run(b, 3000);
    assert_true(count(b, "inlineData") > 0);
    box_free(b);
}

TEST(instructions_and_tools_change_in_mid_session_and_a_picture_is_checked)
{
    struct box *b = ready(SETUP(""));
    say(b,
        "{\"contextUpdate\":{\"tools\":{\"tools\":[{\"functionDeclarations\":[{\"name\":\"check_order_status\"}]}]}}}");
    say(b, "{\"realtimeInput\":{\"video\":{\"mimeType\":\"image/png\",\"data\":\"AQID\"}}}");
    say(b, TYPED("where is my order 12345"));
    run(b, 3000);
    assert_non_null(next(b, "check_order_status"));
    say(b, "{\"realtimeInput\":{\"video\":{\"mimeType\":\"text/html\",\"data\":\"AQID\"}}}");
    assert_int_equal(b->code, 1007);
    box_free(b);
}

TEST_MAIN(T(a_turn_ends_twice_when_it_is_generated_and_when_it_was_heard),
          T(a_turn_that_is_believed_to_be_heard_is_interrupted_too), T(sound_outside_of_the_marks_is_no_turn),
          T(marks_are_refused_while_the_server_detects), T(a_blocking_call_is_dropped_when_it_is_interrupted),
          T(calls_that_do_not_block_are_answered_as_scheduled),
          T(what_a_model_does_not_take_closes_in_place_of_setup_complete),
          T(a_session_goes_away_ends_and_is_resumed_where_its_handle_stands), T(a_direction_is_followed_and_not_heard),
          T(a_history_is_taken_until_it_is_complete),
          T(instructions_and_tools_change_in_mid_session_and_a_picture_is_checked))
