/*
 * Calls that the gateway makes, on real sockets: a carrier's account on the other side, people who answer or do not.
 * What holds for every carrier runs over every carrier; what one of them has alone says so.
 */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"

static bool is_plivo(const struct dial_bench *b)
{
    return b->as == &phone_plivo;
}

OVER_CARRIERS(a_call_is_made_answered_and_recorded)
{
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    b.callee.ring_ms = 300;
    dial_bench_dial(&b, ", \"opening_reason\": \"your parcel has come\", \"campaign_id\": \"spring\", \"variables\": "
                        "{\"name\": \"Ada\"}");
    dial_bench_wait(&b, "answered", "caller-hangup");
    assert_str_is(rig_json(&b.last, "direction"), "outbound");
    assert_str_is(rig_json(&b.last, "from"), BENCH_OURS);
    assert_str_is(rig_json(&b.last, "to"), BENCH_CALLED);
    assert_str_is(rig_json(&b.last, "status"), "completed");
    assert_str_is(rig_json(&b.last, "dial.campaign_id"), "spring");
    assert_str_is(rig_json(&b.last, "dial.cause"), is_plivo(&b) ? "NORMAL_CLEARING" : "200");
    assert_str_is(rig_json(&b.last, "carrier_call_id"), b.sid);
    assert_true(b.heard && b.r.model_waited); /* nobody who answers waits for the model */
    assert_int_equal(dial_bench_stats(&b).calls, 1);
    assert_int_equal(dial_bench_stats(&b).callbacks_failed, 0);
    dial_bench_close(&b);
}

OVER_CARRIERS(who_does_not_answer_is_told_apart)
{
    static const struct {
        enum exchange_callee_kind kind;
        const char *outcome, *reason, *cause, *plivo_cause;
    } cases[] = {
        {EXCHANGE_BUSY, "busy", "busy", "486", "USER_BUSY"},
        {EXCHANGE_NO_ANSWER, "no_answer", "no-answer", "480", "NO_ANSWER"},
        {EXCHANGE_FAIL, "failed", "not-dialled", "404", "UNALLOCATED_NUMBER"},
    };
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        b.callee = (struct exchange_callee){.kind = cases[i].kind, .ring_ms = 50};
        dial_bench_dial(&b, "");
        dial_bench_wait(&b, cases[i].outcome, cases[i].reason);
        assert_str_is(rig_json(&b.last, "dial.cause"), is_plivo(&b) ? cases[i].plivo_cause : cases[i].cause);
    }
    assert_int_equal(b.answered, 0);
    dial_bench_close(&b);
}

OVER_CARRIERS(what_the_service_refuses_is_a_failed_call_that_rang_nowhere)
{
    static const struct {
        int status;
        const char *cause, *plivo_cause;
    } cases[] = {{401, "20003", "http-401"}, {429, "20429", "http-429"}};
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        exchange_refuse(b.x, cases[i].status, 3, 0);
        dial_bench_dial(&b, "");
        dial_bench_wait(&b, "failed", "not-dialled");
        assert_str_is(rig_json(&b.last, "dial.cause"), is_plivo(&b) ? cases[i].plivo_cause : cases[i].cause);
        exchange_refuse(b.x, 0, 0, 0);
    }
    assert_int_equal(dial_bench_stats(&b).calls, 0);
    dial_bench_close(&b);
}

/* Too busy to look at it: it certainly was not made, so it may be asked once more, and not before the time is up. */
OVER_CARRIERS(a_service_that_is_too_busy_is_asked_again_when_it_says)
{
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    uint64_t began_us = clock_now_us();
    exchange_refuse(b.x, 429, 1, 2);
    dial_bench_dial(&b, "");
    dial_bench_wait(&b, "answered", "caller-hangup");
    assert_true(clock_now_us() - began_us >= 2000000);
    assert_int_equal(dial_bench_stats(&b).calls, 1);
    exchange_refuse(b.x, 429, 1, 3600); /* nobody waits an hour with an open model */
    dial_bench_dial(&b, "");
    dial_bench_wait(&b, "failed", "not-dialled");
    assert_int_equal(dial_bench_stats(&b).calls, 1);
    dial_bench_close(&b);
}

struct trouble {
    uint32_t faults, variants;
};

static void survive(const struct phone_vendor *as, const struct trouble *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct dial_bench b;
        dial_bench_open_with(&b, &(struct dial_bench_opts){.as = as, .variants = cases[i].variants});
        exchange_set_faults(b.x, cases[i].faults);
        b.callee.ring_ms = 50;
        dial_bench_dial(&b, "");
        dial_bench_wait(&b, "answered", "caller-hangup");
        assert_int_equal(dial_bench_stats(&b).calls, cases[i].faults & EXCHANGE_DOUBLE ? 2 : 1);
        assert_int_equal(b.answered, 1);
        assert_true(b.heard); /* the agent, not only a ringing telephone */
        dial_bench_close(&b);
    }
}

OVER_CARRIERS(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice)
{
    static const struct trouble cases[] = {
        {EXCHANGE_TWICE, 0},
        {EXCHANGE_EARLY, 0},
        {EXCHANGE_LATE, 0},
        {EXCHANGE_LATE_REPLY, 0},
        {EXCHANGE_ASK_TWICE, 0},
        {EXCHANGE_ERROR_REPLY, 0}, /* 500, and the call was made */
        {EXCHANGE_MUTE_REPLY, 0},  /* a time-out, and the call was made */
        {EXCHANGE_DOUBLE, 0},
        {EXCHANGE_NO_CALLBACKS, 0},
        {EXCHANGE_EARLY | EXCHANGE_ERROR_REPLY | EXCHANGE_TWICE, 0},
        {EXCHANGE_NO_CALLBACKS | EXCHANGE_ERROR_REPLY, 0}, /* only its list of calls knows */
    };
    survive(as, cases, ARRAY_LEN(cases));
}

/* This carrier's requests have ids besides those of their calls, and its pages disagree with its captures. */
TEST(what_only_plivo_does_otherwise_changes_nothing)
{
    static const struct trouble cases[] = {
        {EXCHANGE_OTHER_ID, 0},
        {EXCHANGE_OTHER_ID | EXCHANGE_LATE_REPLY | EXCHANGE_TWICE | EXCHANGE_ASK_TWICE, 0},
        {EXCHANGE_EARLY | EXCHANGE_ERROR_REPLY | EXCHANGE_TWICE, PHONE_VARIANT_STRINGS | PHONE_VARIANT_STOP},
    };
    survive(&phone_plivo, cases, ARRAY_LEN(cases));
}

/* An error, or no word at all, to a request that in truth made nothing: the carrier's list tells, after a while. */
OVER_CARRIERS(a_request_that_made_nothing_is_found_out_and_not_repeated)
{
    struct dial_bench b;
    char first[80];
    dial_bench_open(&b, as, "limits: {max_calls_per_number: 2}\n");
    exchange_refuse(b.x, 500, 1, 0);
    dial_bench_dial(&b, "");
    assert_ok(str_copy(first, sizeof(first), str_from(b.call_id)));
    for (int i = 0; i < 50 && dial_bench_stats(&b).requests == 0; i++) {
        settle(b.r.loop);
    }
    exchange_refuse(b.x, 0, 1, 0);
    dial_bench_dial(&b, ", \"ring_s\": 5");
    dial_bench_wait(&b, "failed", "no-media"); /* our own side waits as long as it rings */
    assert_str_is(rig_json(&b.last, "dial.cause"), "not-placed");
    assert_ok(str_copy(b.call_id, sizeof(b.call_id), str_from(first)));
    dial_bench_wait(&b, "failed", "not-dialled");
    assert_str_is(rig_json(&b.last, "dial.cause"), "not-placed");
    assert_int_equal(dial_bench_stats(&b).calls, 0);
    dial_bench_close(&b);
}

/* The carrier cannot reach the answer URL: who has answered hears the apology of the other one, and is hung up on. */
OVER_CARRIERS(the_fallback_url_is_asked_when_the_answer_url_fails)
{
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    exchange_set_faults(b.x, EXCHANGE_UNHEARD);
    dial_bench_dial(&b, "");
    dial_bench_wait(&b, "answered", "no-media");
    assert_true(dial_bench_was_told(&b, is_plivo(&b) ? "<Speak" : "<Say"));
    assert_true(dial_bench_was_told(&b, "<Hangup"));
    assert_false(dial_bench_was_told(&b, "<Stream"));
    dial_bench_close(&b);
}

/* POST /v1/calls/{id}/record: the answer's status. */
static int ask_to_record(struct dial_bench *b)
{
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s/record", b->call_id);
    struct rig_reply reply = rig_http(&b->r, "POST", path, "", "");
    buf_done(&reply.body);
    return reply.status;
}

OVER_CARRIERS(an_answered_call_is_recorded_by_its_carrier_when_asked)
{
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    b.callee = (struct exchange_callee){
        .kind = EXCHANGE_HUMAN, .ring_ms = 300, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000}};
    dial_bench_dial(&b, "");
    assert_int_equal(ask_to_record(&b), 409);
    while (b.heard_audio.len == 0) {
        settle(b.r.loop);
    }
    assert_int_equal(ask_to_record(&b), 202);
    dial_bench_wait(&b, "answered", "caller-hangup");
    assert_int_equal(dial_bench_stats(&b).recordings, 1);
    assert_int_equal(ask_to_record(&b), 409);
    dial_bench_metric(&b, "ringtrip_carrier_requests_total{result=\"failed\"} 0");
    dial_bench_close(&b);
}

OVER_CARRIERS(a_ringing_call_is_taken_back)
{
    struct dial_bench b;
    char path[160];
    dial_bench_open(&b, as, "");
    b.callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .ring_ms = 60000};
    dial_bench_dial(&b, "");
    dial_bench_wait_status(&b, "ringing");
    snprintf(path, sizeof(path), "/v1/calls/%s/hangup", b.call_id);
    struct rig_reply reply = rig_http(&b.r, "POST", path, "", "");
    assert_int_equal(reply.status / 100, 2);
    buf_done(&reply.body);
    dial_bench_wait(&b, "canceled", "api-hangup");
    assert_int_equal(b.answered, 0);
    assert_int_equal(b.ended, 1);
    dial_bench_close(&b);
}

/* Twilio tells when a greeting is over; Plivo knows only machines, and our own detector finds the beep, or the quiet.
 */
OVER_CARRIERS(a_machine_gets_the_message)
{
    struct dial_bench b;
    dial_bench_open(&b, as, "");
    b.callee = (struct exchange_callee){
        .kind = EXCHANGE_MACHINE, .ring_ms = 50, .detect_ms = 300, .hangup = {.kind = PHONE_WHEN_NEVER}};
    dial_bench_dial(&b, ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
    dial_bench_wait(&b, "voicemail", "voicemail");
    assert_true(b.heard);
    assert_str_is(rig_json(&b.last, "dial.answered_by"), is_plivo(&b) ? "machine" : "machine_end");
    assert_int_equal(b.answered, 1);
    b.callee.answered_by = "machine_start";
    dial_bench_dial(&b, ", \"on_machine\": \"hangup\"");
    dial_bench_wait(&b, "machine", "machine");
    dial_bench_close(&b);
}

TEST(who_may_be_a_person_is_never_hung_up_on)
{
    struct dial_bench b;
    dial_bench_open(&b, &phone_twilio, "");
    b.callee.detect_ms = 300;
    b.callee.answered_by = "unknown";
    dial_bench_dial(&b, ", \"on_machine\": \"hangup\"");
    dial_bench_wait(&b, "answered", "caller-hangup");
    assert_str_is(rig_json(&b.last, "dial.answered_by"), "unsure");
    dial_bench_dial(&b, ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
    dial_bench_wait(&b, "answered", "caller-hangup");
    dial_bench_close(&b);
}

TEST_MAIN(TC(a_call_is_made_answered_and_recorded), TC(who_does_not_answer_is_told_apart),
          TC(what_the_service_refuses_is_a_failed_call_that_rang_nowhere),
          TC(a_service_that_is_too_busy_is_asked_again_when_it_says),
          TC(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice),
          T(what_only_plivo_does_otherwise_changes_nothing),
          TC(a_request_that_made_nothing_is_found_out_and_not_repeated),
          TC(the_fallback_url_is_asked_when_the_answer_url_fails),
          TC(an_answered_call_is_recorded_by_its_carrier_when_asked), TC(a_ringing_call_is_taken_back),
          TC(a_machine_gets_the_message), T(who_may_be_a_person_is_never_hung_up_on))
