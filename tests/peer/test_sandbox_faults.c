/* The sandbox under load and misbehaving on command: profiles and fault switches, in virtual time. */
#include "session_talk.h"

#include "base/err.h"

TEST(the_load_profile_talks_and_interrupts_itself)
{
    struct box *b = box_open(&(struct box_opts){.profile = SANDBOX_CONTINUOUS, .deaf = true});
    box_do(b, CREATE);
    box_run(b, 60000);
    assert_in_range(box_count(b, "input_audio_buffer.speech_started"), 5, 6);
    assert_in_range(box_count(b, "response.done"), 5, 7);
    size_t chars = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        chars += box_is(b, i, "response.output_audio.delta") ? json_get(box_event(b, i), "delta").s.n : 0;
    }
    assert_true(chars / 4 * 3 / 48 > 60000); /* more sound than time: it never falls silent */
    box_free(b);
}

static void run_fault(const char *faults, struct box **ret)
{
    struct box *b = open_ulaw(faults, NULL);
    box_do(b, CREATE);
    box_run(b, 30000);
    *ret = b;
}

TEST(faults_do_what_they_say)
{
    static const struct {
        const char *fault, *event;
        int count; /* of events of that type after session.created; -1: at least one */
    } cases[] = {
        {"text-only", "response.output_audio.delta", 0},
        {"text-only", "response.output_text.done", 1},
        {"no-updated", "session.updated", 0},
        {"no-response", "response.created", 0},
        {"no-created", "response.created", 0},
        {"no-created", "response.done", 1},
        {"twice-done", "response.done", 2},
        {"no-limits", "rate_limits.updated", 0},
        {"unknown-events", "response.weather.delta", 1},
        {"huge=100000", "response.huge", 1},
        {"error", "error", 1},
        {"late-done=1000", "response.done", 1},
        {"late-done=60000", "response.done", 0},
        {"slow=60000", "response.output_item.added", 0},
        {"slow=100,bursts=500", "response.done", 1},
        {"", "response.output_audio.delta", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b;
        run_fault(cases[i].fault, &b);
        int count = (int)box_count(b, cases[i].event);
        if (cases[i].count < 0 ? count == 0 : count != cases[i].count) {
            fail_msg("%s: %d times %s", cases[i].fault, count, cases[i].event);
        }
        assert_false(b->closed);
        box_free(b);
    }
}

TEST(faults_in_status_and_format)
{
    struct box *b;
    run_fault("fail=insufficient_quota", &b);
    struct json_val e = box_next(b, "response.done");
    assert_at(e, "response.status", "failed");
    assert_at(e, "response.status_details.error.code", "insufficient_quota");
    box_free(b);
    run_fault("incomplete=content_filter", &b);
    assert_at(box_next(b, "response.done"), "response.status_details.reason", "content_filter");
    box_free(b);
    run_fault("pcm-told", &b);
    assert_at(box_next(b, "session.updated"), "session.audio.output.format.type", "audio/pcm");
    assert_int_equal(json_get(box_next(b, "response.output_audio.delta"), "delta").s.n, base64_enc_len(121 * 48));
    box_free(b);
    run_fault("pcm-untold", &b);
    assert_at(box_next(b, "session.updated"), "session.audio.output.format.type", "audio/pcmu");
    assert_int_equal(json_get(box_next(b, "response.output_audio.delta"), "delta").s.n, base64_enc_len(121 * 48));
    box_free(b);
}

TEST(faults_that_end_the_connection)
{
    static const struct {
        const char *fault;
        uint16_t code;
    } cases[] = {{"close=4321", 4321}, {"close", 1011}, {"drop", 0}, {"expire=3", 1001}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b;
        run_fault(cases[i].fault, &b);
        assert_true(b->closed);
        assert_int_equal(b->close_code, cases[i].code);
        if (i < 3) {
            assert_int_equal(box_count(b, "response.output_audio.delta"), 1);
        }
        box_free(b);
    }
}

TEST(late_audio_comes_after_the_cancelled_response)
{
    struct box *b = open_ready("late-audio", NULL);
    box_do(b, CREATE);
    box_run(b, 500);
    box_forget(b);
    box_do(b, CANCEL);
    box_next(b, "response.done");
    assert_int_equal(box_count(b, "response.output_audio.delta"), 3);
    box_free(b);
}

TEST(the_same_call_id_comes_twice)
{
    struct box *b = open_ready("same-call-id", NULL);
    box_do(b, TEXT("where is my order 11"));
    box_do(b, CREATE);
    box_run(b, 10000);
    struct json_val first = box_next(b, "response.function_call_arguments.done");
    struct json_val second = box_next(b, "response.function_call_arguments.done");
    assert_string_equal(text_at(first, "call_id"), text_at(second, "call_id"));
    box_free(b);
}

TEST(broken_messages_are_broken)
{
    struct box *b;
    run_fault("bad-audio,binary", &b);
    assert_at(box_next(b, "response.output_audio.delta"), "delta", "!!not*base64!!");
    assert_int_equal(b->binaries, 1);
    box_free(b);
    run_fault("bad-json", &b);
    struct json_val v;
    uint32_t broken = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        broken += json_parse(str_from(b->events[i]), &v) < 0;
    }
    assert_int_equal(broken, 1);
    box_free(b);
    b = open_ready("heard-failed", NULL);
    box_append(b, 600, true);
    box_append(b, 500, false);
    box_heard(b, true, "hello");
    struct json_val e = box_next(b, "conversation.item.input_audio_transcription.failed");
    assert_at(e, "error.type", "transcription_error");
    assert_int_equal(json_path(e, "error.param").type, JSON_NONE);
    box_free(b);
}

TEST(wrong_fault_lists_are_refused_with_the_reason)
{
    struct sandbox_faults f = {0};
    struct buf err;
    buf_init(&err, 1000);
    assert_err(faults_parse(&f, STR("text-only,nonsense"), &err), EINVAL);
    assert_has(buf_str(&err), "\"nonsense\"");
    buf_clear(&err);
    assert_err(faults_parse(&f, STR("drop=1"), &err), EINVAL);
    assert_has(buf_str(&err), "takes no value");
    static const char *const numbers[] = {"slow=fast", "slow=-1", "stall=", "huge=4294967296", "times=1s"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        buf_clear(&err);
        assert_err(faults_parse(&f, str_from(numbers[i]), &err), EINVAL);
        assert_has(buf_str(&err), "takes a number");
    }
    static const char *const codes[] = {"close=0",    "close=now",  "close=1005",
                                        "close=1006", "close=2000", "close=66536"};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        buf_clear(&err);
        assert_err(faults_parse(&f, str_from(codes[i]), &err), EINVAL);
        assert_has(buf_str(&err), "takes a close code");
    }
    assert_ok(faults_parse(&f, STR("slow=0,close=1000,fail=anything_at_all"), &err));
    buf_done(&err);
}

TEST(obfuscation_pads_every_delta_and_nothing_else)
{
    static const char *const faults[] = {"", "obfuscation"};
    for (size_t k = 0; k < ARRAY_LEN(faults); k++) {
        struct box *b = open_ready(faults[k], NULL);
        box_do(b, CREATE);
        box_run(b, 30000);
        for (uint32_t i = b->seen; i < b->n; i++) {
            bool delta = str_ends(json_get(box_event(b, i), "type").s, STR(".delta"));
            assert_int_equal(json_get(box_event(b, i), "obfuscation").type == JSON_STRING, k == 1 && delta);
        }
        box_free(b);
    }
}

/* What has been sent 100 ms after the answer was asked for, and the same time after each of two pauses. */
TEST(bursts_are_a_second_each_with_a_pause_behind)
{
    struct box *b = open_ready("bursts=2000", NULL);
    uint32_t before = 0;
    box_do(b, CREATE);
    box_run(b, 100);
    for (int i = 0; i < 3; i++) {
        uint32_t after = box_count(b, "response.output_audio.delta");
        assert_true(after > before);
        box_run(b, 1800);
        assert_int_equal(box_count(b, "response.output_audio.delta"), after);
        box_run(b, 200);
        before = after;
    }
    box_free(b);
}

TEST(what_was_heard_may_never_be_told)
{
    static const char *const faults[] = {"", "no-heard"};
    for (uint32_t k = 0; k < ARRAY_LEN(faults); k++) {
        struct box *b = open_ready(faults[k], NULL);
        box_append(b, 600, true);
        box_append(b, 500, false);
        box_heard(b, true, "what are your opening hours");
        box_run(b, 20000);
        assert_int_equal(box_count(b, "conversation.item.input_audio_transcription.completed"), k == 0);
        assert_at(box_next(b, "response.done"), "response.status", "completed"); /* it is answered all the same */
        box_free(b);
    }
}

TEST(the_same_seed_gives_the_same_session)
{
    struct box *a = open_ready(NULL, NULL), *b = open_ready(NULL, NULL);
    struct box *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        box_do(both[i], CREATE);
        box_run(both[i], 20000);
    }
    assert_int_equal(a->n, b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        assert_string_equal(a->events[i], b->events[i]);
    }
    box_free(a);
    box_free(b);
}

TEST(sessions_end_when_they_are_told_to)
{
    static const struct {
        const char *faults;
        uint16_t code;
    } cases[] = {{"close-after=700", 1011}, {"drop-after=700", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_ready(cases[i].faults, NULL);
        box_run(b, 600);
        assert_false(b->closed);
        box_run(b, 200);
        assert_true(b->closed);
        assert_int_equal(b->close_code, cases[i].code);
        box_free(b);
    }
    struct box *b = open_ready("drop-heard=300", NULL);
    box_append(b, 200, true);
    assert_false(b->closed);
    box_append(b, 200, true);
    assert_true(b->closed);
    box_free(b);
}

TEST(session_created_may_be_late)
{
    struct box *b = box_open(&(struct box_opts){.faults = "created-late=500"});
    box_run(b, 400);
    assert_int_equal(box_count(b, "session.created"), 0);
    box_run(b, 200);
    box_next(b, "session.created");
    box_free(b);
}

TEST_MAIN(T(the_load_profile_talks_and_interrupts_itself), T(faults_do_what_they_say), T(faults_in_status_and_format),
          T(faults_that_end_the_connection), T(late_audio_comes_after_the_cancelled_response),
          T(the_same_call_id_comes_twice), T(broken_messages_are_broken),
          T(wrong_fault_lists_are_refused_with_the_reason), T(obfuscation_pads_every_delta_and_nothing_else),
          T(bursts_are_a_second_each_with_a_pause_behind), T(what_was_heard_may_never_be_told),
          T(the_same_seed_gives_the_same_session), T(sessions_end_when_they_are_told_to),
          T(session_created_may_be_late))
