/* Calls that Twilio is asked to start: what is sent, what is clear and what is not, its list, its callbacks. */
#include "test.h"

#include <stdio.h>

#include "base/err.h"
#include "call/carrier.h"
#include "fakes/twilio_rest.h"
#include "fakes/wait.h"
#include "twilio_bench.h"

#define ATTEMPT "7c0a4b0e-6f0d-4c0e-9a55-0123456789ab"

struct fixture {
    struct bench b;
    struct twilio_rest_server rest;
    bool done;
    int err, status;
    bool unclear;
    char id[64], words[512];
    uint32_t n;
    bool more;
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    bench_init(&f->b);
    twilio_rest_open(&f->rest, f->b.loop);
    f->b.o.api_base = str_from(f->rest.base);
    f->b.o.account_sid = STR(TWILIO_REST_ACCOUNT);
    f->b.o.auth_tokens[0] = STR(TWILIO_REST_TOKEN);
    f->b.o.n_auth_tokens = 1;
    f->b.o.phone_number = STR(TWILIO_REST_NUMBER);
    f->b.o.public_url = STR("https://voice.example.com");
    f->b.o.rest_ms = 300;
}

static void end(struct fixture *f)
{
    carrier_free(twilio_carrier(f->b.twilio));
    f->b.twilio = NULL;
    settle(f->b.loop);
    twilio_rest_close(&f->rest);
    bench_done(&f->b);
}

static void on_done(const struct carrier_result *r, void *arg)
{
    struct fixture *f = arg;
    assert_false(f->done);
    f->done = true;
    f->err = r->err;
    f->status = r->status;
    f->unclear = r->unclear;
    assert_ok(str_copy(f->id, sizeof(f->id), r->id));
}

static void on_found(const struct carrier_found *found, void *arg)
{
    struct fixture *f = arg;
    struct buf words;
    buf_init(&words, sizeof(f->words));
    f->done = true;
    f->err = found->err;
    f->n = found->n;
    f->more = found->more;
    for (uint32_t i = 0; i < found->n; i++) {
        const struct carrier_call *c = &found->calls[i];
        buf_printf(&words, "%s" STR_FMT " %s %s %s %d", i ? "; " : "", STR_ARG(c->ref.call_id),
                   carrier_stage_word(c->stage), carrier_outcome_word(c->outcome), carrier_answerer_word(c->answerer),
                   (int)c->duration_s);
    }
    assert_ok(str_copy(f->words, sizeof(f->words), buf_str(&words)));
    buf_done(&words);
}

static bool is_done(void *arg)
{
    return ((struct fixture *)arg)->done;
}

static struct carrier *carrier(struct fixture *f)
{
    return twilio_carrier(f->b.twilio);
}

static uint64_t dial(struct fixture *f, const struct carrier_dial *d)
{
    uint64_t id = 0;
    f->done = false;
    assert_ok(carrier_dial(carrier(f), d, on_done, f, &id));
    return id;
}

TEST(a_call_is_asked_for_with_the_attempt_in_every_url)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    assert_null(carrier_cannot(carrier(&f), CARRIER_DIAL));
    dial(&f, &(struct carrier_dial){.attempt = STR(ATTEMPT), .to = STR("+15550002222"), .ring_s = 25});
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, 0);
    assert_int_equal(f.status, 201);
    assert_string_equal(f.id, "CA00000000000000000000000000000001");
    assert_string_equal(f.rest.problem, "");
    assert_str_is(buf_str(&f.rest.log),
                  "POST Calls.json To=+15550002222 From=" TWILIO_REST_NUMBER
                  " Url=https://voice.example.com/twiml?attempt=" ATTEMPT " Method=POST"
                  " FallbackUrl=https://voice.example.com/twilio/fallback?attempt=" ATTEMPT " FallbackMethod=POST"
                  " StatusCallback=https://voice.example.com/twilio/status?attempt=" ATTEMPT
                  " StatusCallbackMethod=POST StatusCallbackEvent=initiated StatusCallbackEvent=ringing"
                  " StatusCallbackEvent=answered StatusCallbackEvent=completed Timeout=25\n");
    end(&f);
}

TEST(machine_detection_runs_beside_the_call)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    dial(&f, &(struct carrier_dial){.attempt = STR("a_1"),
                                    .to = STR("+15550002222"),
                                    .from = STR(TWILIO_REST_NUMBER),
                                    .max_call_s = 600,
                                    .amd = CARRIER_AMD_MESSAGE_END,
                                    .amd_timeout_ms = 90000});
    wait_until(f.b.loop, is_done, &f);
    struct str log = buf_str(&f.rest.log);
    assert_has(log, " Timeout=30 TimeLimit=600 MachineDetection=DetectMessageEnd"
                    " MachineDetectionTimeout=59 AsyncAmd=true AsyncAmdStatusCallback="
                    "https://voice.example.com/twilio/amd?attempt=a_1"
                    " AsyncAmdStatusCallbackMethod=POST\n");
    dial(&f, &(struct carrier_dial){.attempt = STR("a_2"), .to = STR("+15550002222"), .amd = CARRIER_AMD_DETECT});
    wait_until(f.b.loop, is_done, &f);
    assert_has(buf_str(&f.rest.log), " MachineDetection=Enable AsyncAmd=true");
    end(&f);
}

TEST(a_recording_is_asked_for_once_with_both_sides_apart)
{
    const struct carrier_call_ref ref = {.call_id = STR("CA1")};
    struct fixture f;
    uint64_t id = 0;
    set_up(&f);
    bench_start(&f.b);
    f.done = false;
    assert_ok(carrier_record(carrier(&f), &ref, on_done, &f, &id));
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, 0);
    assert_string_equal(f.id, "RE00000000000000000000000000000001");
    assert_str_is(buf_str(&f.rest.log), "POST Calls/CA1/Recordings.json RecordingChannels=dual"
                                        " RecordingStatusCallback=https://voice.example.com/twilio/recording"
                                        " RecordingStatusCallbackMethod=POST RecordingStatusCallbackEvent=completed"
                                        " RecordingStatusCallbackEvent=absent\n");
    assert_int_equal(carrier_record(carrier(&f), &(struct carrier_call_ref){.call_id = STR("CA1/x")}, on_done, &f, &id),
                     -EINVAL);
    f.rest.fault = (struct twilio_rest_fault){9, 500, "{}"}; /* perhaps it records: never twice */
    f.done = false;
    assert_ok(carrier_record(carrier(&f), &ref, on_done, &f, &id));
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, -ERR_HTTP);
    assert_true(f.unclear);
    assert_int_equal(f.rest.requests, 2);
    end(&f);
}

TEST(what_is_certain_and_what_is_not)
{
    static const struct {
        struct twilio_rest_fault fault;
        int err, status;
        bool unclear;
        uint32_t requests;
    } cases[] = {
        {{9, 401, "{\"code\":20003,\"message\":\"Authenticate\"}"}, -ERR_HTTP, 401, false, 1},
        {{9, 400, "{\"code\":21211}"}, -ERR_HTTP, 400, false, 1},
        {{9, 429, "{\"code\":20429}"}, -ERR_HTTP, 429, false, 3}, /* not processed: repeated, by us alone */
        {{1, 429, "{\"code\":20429}"}, 0, 201, false, 2},
        {{9, 500, "{\"code\":20500}"}, -ERR_HTTP, 500, true, 1}, /* perhaps it rings: never again */
        {{9, 503, "<html>"}, -ERR_HTTP, 503, true, 1},
        {{9, 408, ""}, -ERR_HTTP, 408, true, 1},
        {{9, 302, ""}, -ERR_HTTP, 302, true, 1},
        {{9, 201, "<html>ok</html>"}, -ERR_HTTP, 201, true, 1}, /* done by all signs, and we do not know its name */
        {{9, 201, "{\"sid\":null}"}, -ERR_HTTP, 201, true, 1},
        {{9, 0, NULL}, -ETIMEDOUT, 0, true, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        set_up(&f);
        bench_start(&f.b);
        f.rest.fault = cases[i].fault;
        dial(&f, &(struct carrier_dial){.attempt = STR(ATTEMPT), .to = STR("+15550002222")});
        wait_until(f.b.loop, is_done, &f);
        assert_int_equal(f.err, cases[i].err);
        assert_int_equal(f.status, cases[i].status);
        assert_int_equal(f.unclear, cases[i].unclear);
        assert_int_equal(f.rest.requests, cases[i].requests);
        end(&f);
    }
}

/* Later it might be taken for one that was never made: its absence in the list proves that by the first one's time. */
TEST(a_request_that_was_turned_away_does_not_leave_once_more_after_ten_seconds)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    f.rest.fault = (struct twilio_rest_fault){9, 429, "{\"code\":20429}", 6};
    dial(&f, &(struct carrier_dial){.attempt = STR(ATTEMPT), .to = STR("+15550002222")});
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.status, 429);
    assert_false(f.unclear);
    assert_int_equal(f.rest.requests, 2); /* at 0 and 6 s, not at 12 */
    end(&f);
}

TEST(a_service_that_is_not_there_has_certainly_called_nobody)
{
    struct fixture f;
    set_up(&f);
    f.b.o.api_base = STR("http://127.0.0.1:1");
    bench_start(&f.b);
    dial(&f, &(struct carrier_dial){.attempt = STR(ATTEMPT), .to = STR("+15550002222")});
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, -ECONNREFUSED);
    assert_false(f.unclear);
    end(&f);
}

TEST(what_cannot_be_dialled_never_leaves_us)
{
    const struct carrier_dial bad[] = {
        {.attempt = STR(""), .to = STR("+15550002222")},
        {.attempt = STR("a&To=+1900"), .to = STR("+15550002222")},
        {.attempt = STR("a/b"), .to = STR("+15550002222")},
        {.attempt = STR("a"), .to = STR("")},
        {.attempt = STR("a"), .to = STR("15550002222")},
        {.attempt = STR("a"), .to = STR("+15550002222"), .from = STR("5550001")},
    };
    struct fixture f;
    char longer[CARRIER_ATTEMPT_MAX + 2];
    uint64_t id = 0;
    set_up(&f);
    bench_start(&f.b);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(carrier_dial(carrier(&f), &bad[i], on_done, &f, &id), EINVAL);
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    const struct carrier_dial too_long = {.attempt = str_from(longer), .to = STR("+15550002222")};
    assert_err(carrier_dial(carrier(&f), &too_long, on_done, &f, &id), EINVAL);
    const struct carrier_call_ref hostile = {.call_id = STR("CA1/../../Messages")};
    assert_err(carrier_hangup(carrier(&f), &hostile, NULL, NULL, &id), EINVAL);
    assert_err(carrier_find_calls(carrier(&f), &(struct carrier_find){.ref = hostile}, on_found, &f, &id), EINVAL);
    settle(f.b.loop);
    assert_int_equal(f.rest.requests, 0);
    end(&f);
}

TEST(what_is_missing_is_said_in_a_sentence)
{
    struct fixture f;
    uint64_t id = 0;
    set_up(&f);
    f.b.o.public_url = STR("");
    bench_start(&f.b);
    assert_string_equal(carrier_cannot(carrier(&f), CARRIER_DIAL),
                        "Twilio cannot dial: server.public_url is not set, so it would not find back to us.");
    const struct carrier_dial d = {.attempt = STR("a"), .to = STR("+15550002222")};
    assert_err(carrier_dial(carrier(&f), &d, on_done, &f, &id), ERR_STATE);
    f.b.o.phone_number = STR("");
    assert_string_equal(carrier_cannot(carrier(&f), CARRIER_DIAL),
                        "Twilio cannot dial: carriers.twilio.phone_number, the caller id, is not set.");
    f.b.o.account_sid = STR("");
    assert_string_equal(carrier_cannot(carrier(&f), CARRIER_DIAL),
                        "Twilio cannot dial: carriers.twilio.account_sid and auth_token are not set.");
    end(&f);
}

TEST(a_call_is_hung_up_in_any_stage)
{
    struct fixture f;
    uint64_t id = 0;
    set_up(&f);
    twilio_rest_add_call(&f.rest, BENCH_CALL);
    bench_start(&f.b);
    const struct carrier_call_ref ref = {.call_id = STR(BENCH_CALL)};
    for (int i = 0; i < 2; i++) { /* the second time it is over: also fine */
        f.done = false;
        assert_ok(carrier_hangup(carrier(&f), &ref, on_done, &f, &id));
        wait_until(f.b.loop, is_done, &f);
        assert_int_equal(f.err, 0);
    }
    assert_string_equal(f.rest.status, "completed");
    end(&f);
}

/* ---- the list ---- */

#define LISTED(sid, from, status, date, extra)                                                                         \
    "{\"sid\":\"" sid "\",\"to\":\"+15550002222\",\"from\":\"" from "\",\"status\":\"" status                          \
    "\",\"direction\":\"outbound-api\",\"date_created\":" date extra "}"
#define OURS     TWILIO_REST_NUMBER
#define AT(time) "\"Mon, 05 Jan 2026 " time " +0000\""

static void find(struct fixture *f, const struct carrier_find *what)
{
    uint64_t id = 0;
    f->done = false;
    assert_ok(carrier_find_calls(carrier(f), what, on_found, f, &id));
    wait_until(f->b.loop, is_done, f);
}

TEST(the_carriers_list_is_searched_for_what_may_be_ours)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    f.rest.list = "{\"calls\":[" LISTED("CA5", OURS, "queued", "null", "") "," LISTED(
        "CA4", OURS, "in-progress", AT("10:00:10"),
        ",\"answered_by\":\"human\"") "," LISTED("CA3", "+15559999999", "ringing", AT("10:00:05"),
                                                 "") ",{\"sid\":7}," LISTED("CA2", OURS, "no-answer", AT("09:59:30"),
                                                                            ",\"duration\":\"0\"") "," LISTED("CA1",
                                                                                                              OURS,
                                                                                                              "complete"
                                                                                                              "d",
                                                                                                              AT("09:"
                                                                                                                 "58:"
                                                                                                                 "59"),
                                                                                                              "") "],"
                                                                                                                  "\"ne"
                                                                                                                  "xt_"
                                                                                                                  "page"
                                                                                                                  "_uri"
                                                                                                                  "\":"
                                                                                                                  "\"/"
                                                                                                                  "x\""
                                                                                                                  "}";
    /* 2026-01-05 10:00:00 */
    find(&f, &(struct carrier_find){.to = STR("+15550002222"), .since_wall_us = UINT64_C(1767607200) * 1000000});
    assert_int_equal(f.err, 0);
    assert_string_equal(f.words, "CA5 queued none none -1; CA4 answered none human -1; CA2 ended no_answer none 0");
    assert_false(f.more); /* the last one was too old: what follows is older still */
    assert_str_is(buf_str(&f.rest.log), "GET Calls.json?To=%2B15550002222&From=%2B15005550006&PageSize=50\n");
    end(&f);
}

TEST(one_call_is_asked_for_by_its_sid)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    const struct carrier_find what = {.ref = {.call_id = STR(BENCH_CALL)}};
    f.rest.list = LISTED(BENCH_CALL, "sip:x", "completed", "null", ",\"duration\":\"49\"");
    find(&f, &what);
    assert_int_equal(f.err, 0);
    assert_string_equal(f.words, BENCH_CALL " ended completed none 49");
    f.rest.list = NULL; /* 404 */
    find(&f, &what);
    assert_int_equal(f.err, 0);
    assert_int_equal(f.n, 0);
    f.rest.fault = (struct twilio_rest_fault){.times = 1, .status = 500};
    find(&f, &what);
    assert_int_equal(f.err, -ERR_HTTP);
    f.rest.list = "[]";
    find(&f, &what);
    assert_true(f.err < 0);
    f.rest.list = "<html>";
    find(&f, &what);
    assert_true(f.err < 0);
    end(&f);
}

TEST(a_search_that_nobody_waits_for_ends_silently)
{
    struct fixture f;
    uint64_t id = 0;
    set_up(&f);
    bench_start(&f.b);
    f.rest.list = "{\"calls\":[]}";
    assert_ok(carrier_find_calls(carrier(&f), &(struct carrier_find){.to = STR("+15550002222")}, on_found, &f, &id));
    carrier_cancel(carrier(&f), id);
    f.rest.fault = (struct twilio_rest_fault){.times = 9}; /* and one that never gets an answer */
    assert_ok(carrier_find_calls(carrier(&f), &(struct carrier_find){.to = STR("+15550002222")}, on_found, &f, &id));
    settle(f.b.loop);
    assert_false(f.done);
    end(&f); /* it hears that it was cancelled */
    assert_true(f.done);
    assert_int_equal(f.err, -ECANCELED);
}

/* ---- what comes back ---- */

TEST(callbacks_with_an_attempt_tell_how_far_the_call_is)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    static const struct {
        const char *form, *want;
    } cases[] = {
        {"CallSid=CA1&CallStatus=initiated&SequenceNumber=0",
         "progress a1 CA1 queued none none stale=0 dur=-1 cause=initiated\n"},
        {"CallSid=CA1&CallStatus=in-progress&SequenceNumber=2",
         "progress a1 CA1 answered none none stale=0 dur=-1 cause=in-progress\n"},
        {"CallSid=CA1&CallStatus=ringing&SequenceNumber=1",
         "progress a1 CA1 ringing none none stale=1 dur=-1 cause=ringing\n"},
        {"CallSid=CA1&CallStatus=completed&SequenceNumber=3&CallDuration=49&AnsweredBy=human&SipResponseCode=200",
         "progress a1 CA1 ended completed human stale=0 dur=49 cause=200\n"},
        {"CallSid=CA2&CallStatus=busy&SequenceNumber=2&CallDuration=0&SipResponseCode=486",
         "progress a1 CA2 ended busy none stale=0 dur=0 cause=486\n"},
        {"CallSid=CA3&CallStatus=something-new",
         "progress a1 CA3 unknown none none stale=0 dur=-1 cause=something-new\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&f.b.log);
        bench_post(&f.b, "/twilio/status?attempt=a1", cases[i].form, "");
        assert_int_equal(f.b.status, 204);
        assert_has(buf_str(&f.b.log), cases[i].want);
    }
    buf_clear(&f.b.log);
    bench_post(&f.b, "/twilio/status", "CallSid=CA1&CallStatus=ringing&attempt=a1", ""); /* the form is not our URL */
    assert_has_not(buf_str(&f.b.log), "progress");
    end(&f);
}

TEST(the_verdict_on_who_answered_comes_by_itself)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"human", "human"},
        {"machine_start", "machine"},
        {"fax", "machine"},
        {"machine_end_beep", "machine_end"},
        {"machine_end_silence", "machine_end"},
        {"machine_end_other", "machine_end"},
        {"unknown", "unsure"},
        {"robot", "unsure"},
    };
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char form[128];
        char want[128];
        snprintf(form, sizeof(form), "CallSid=CA1&AccountSid=AC1&AnsweredBy=%s&MachineDetectionDuration=1800",
                 cases[i].word);
        snprintf(want, sizeof(want), "progress a1 CA1 unknown none %s stale=0", cases[i].want);
        buf_clear(&f.b.log);
        bench_post(&f.b, "/twilio/amd?attempt=a1", form, "");
        assert_int_equal(f.b.status, 204);
        assert_has(buf_str(&f.b.log), want);
    }
    end(&f);
}

TEST(an_unsigned_verdict_is_refused)
{
    struct fixture f;
    set_up(&f);
    f.b.o.verify_signature = true;
    bench_start(&f.b);
    bench_post(&f.b, "/twilio/amd?attempt=a1", "CallSid=CA1&AnsweredBy=machine_end_beep", "");
    assert_int_equal(f.b.status, 403);
    bench_post(&f.b, "/twilio/status?attempt=a1", "CallSid=CA1&CallStatus=completed", "");
    assert_int_equal(f.b.status, 403);
    assert_has_not(buf_str(&f.b.log), "progress");
    end(&f);
}

TEST_MAIN(T(a_call_is_asked_for_with_the_attempt_in_every_url), T(machine_detection_runs_beside_the_call),
          T(a_recording_is_asked_for_once_with_both_sides_apart), T(what_is_certain_and_what_is_not),
          T(a_request_that_was_turned_away_does_not_leave_once_more_after_ten_seconds),
          T(a_service_that_is_not_there_has_certainly_called_nobody), T(what_cannot_be_dialled_never_leaves_us),
          T(what_is_missing_is_said_in_a_sentence), T(a_call_is_hung_up_in_any_stage),
          T(the_carriers_list_is_searched_for_what_may_be_ours), T(one_call_is_asked_for_by_its_sid),
          T(a_search_that_nobody_waits_for_ends_silently), T(callbacks_with_an_attempt_tell_how_far_the_call_is),
          T(the_verdict_on_who_answered_comes_by_itself), T(an_unsigned_verdict_is_refused))
