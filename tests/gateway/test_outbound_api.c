/* Who asks for a call over HTTP: what is taken, what is refused and with what words, and the reference's own routes. */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"

TEST(the_same_key_makes_one_call)
{
    struct dial_bench b;
    char first[80];
    dial_bench_open(&b, &phone_twilio, "");
    struct rig_reply a = dial_bench_ask(&b, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(a.status, 201);
    assert_ok(str_copy(first, sizeof(first), rig_json(&a, "call_id")));
    struct rig_reply again = dial_bench_ask(&b, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(again.status, 200);
    assert_has(buf_str(&again.body), first);
    assert_ok(str_copy(b.call_id, sizeof(b.call_id), str_from(first)));
    dial_bench_wait(&b, "answered", "caller-hangup");
    struct rig_reply late = dial_bench_ask(&b, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(late.status, 200);
    struct rig_reply other = dial_bench_ask(&b, "{\"to\": \"+15550003333\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(other.status, 409);
    assert_int_equal(dial_bench_stats(&b).calls, 1);
    buf_done(&a.body);
    buf_done(&again.body);
    buf_done(&late.body);
    buf_done(&other.body);
    dial_bench_close(&b);
}

TEST(what_cannot_be_called_is_refused_with_a_status_and_a_sentence)
{
    static const struct {
        const char *body;
        int status;
        const char *holds;
    } cases[] = {
        {"nonsense", 400, "JSON object"},
        {"[]", 400, "JSON object"},
        {"{}", 422, "to is missing"},
        {"{\"to\": 5}", 422, "to must be a text"},
        {"{\"to\": \"hello\"}", 422, "\\\"hello\\\" cannot be called"},
        {"{\"to\": \"+15550002222\", \"from\": \"x\"}", 422, "\\\"x\\\" cannot be called"},
        {"{\"to\": \"+15550002222\", \"agent\": \"Nobody\"}", 422, "no agent"},
        {"{\"to\": \"+15550002222\", \"ring_s\": 0}", 422, "ring_s must be"},
        {"{\"to\": \"+15550002222\", \"on_machine\": \"shout\"}", 422, "on_machine must be"},
        {"{\"to\": \"+15550002222\", \"variables\": {\"a\": []}}", 422, "variables must be"},
        {"{\"to\": \"+15550002222\", \"recipient\": \"x\"}", 422, "not known here"},
        {"{\"to\": \"+15550002222\", \"carrier\": \"nobody\"}", 503, "no such carrier"},
    };
    struct dial_bench b;
    dial_bench_open(&b, &phone_twilio, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig_reply reply = dial_bench_ask(&b, cases[i].body, "");
        assert_int_equal(reply.status, cases[i].status);
        assert_has(buf_str(&reply.body), cases[i].holds);
        buf_done(&reply.body);
    }
    assert_int_equal(dial_bench_stats(&b).requests, 0);
    dial_bench_close(&b);
}

TEST(limits_are_kept)
{
    struct dial_bench b;
    dial_bench_open(&b, &phone_twilio, "outbound: {max_calls: 2}\nlimits: {max_calls_per_number: 1}\n");
    b.callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .ring_ms = 60000};
    dial_bench_dial(&b, "");
    struct rig_reply same = dial_bench_ask(&b, "{\"to\": \"+15550002222\"}", "");
    assert_int_equal(same.status, 429); /* one call to a number at a time */
    struct rig_reply other = dial_bench_ask(&b, "{\"to\": \"+15550003333\"}", "");
    assert_int_equal(other.status, 201);
    struct rig_reply third = dial_bench_ask(&b, "{\"to\": \"+15550004444\"}", "");
    assert_int_equal(third.status, 429);
    assert_has(buf_str(&third.body), "outbound.max_calls is 2");
    buf_done(&same.body);
    buf_done(&other.body);
    buf_done(&third.body);
    dial_bench_close(&b);
}

TEST(modes_close_one_direction)
{
    struct dial_bench b;
    dial_bench_open(&b, &phone_twilio, "mode: inbound\n");
    struct rig_reply reply = dial_bench_ask(&b, "{\"to\": \"+15550002222\"}", "");
    assert_int_equal(reply.status, 503);
    assert_has(buf_str(&reply.body), "mode is inbound");
    buf_done(&reply.body);
    dial_bench_close(&b);
}

OVER_CARRIERS(the_references_routes_have_its_shapes)
{
    struct dial_bench b;
    char path[200];
    dial_bench_open(&b, as, "");
    struct rig_reply r = rig_http(&b.r, "POST", "/outbound/call", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "error"), "phone_number is required");
    buf_done(&r.body);
    r = rig_http(&b.r, "POST",
                 "/outbound/call?phone_number=%2B15550002222&campaign_id=spring&opening_reason=a%20parcel", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "status"), "ringing");
    assert_str_is(rig_json(&r, "phone_number"), "+15550002222");
    assert_int_equal(!str_is(rig_json(&r, "plivo_request_uuid"), "null"), as == &phone_plivo);
    assert_ok(str_copy(b.call_id, sizeof(b.call_id), rig_json(&r, "call_id")));
    buf_done(&r.body);
    dial_bench_wait(&b, "answered", "caller-hangup");
    snprintf(path, sizeof(path), "/outbound/status/%s", b.call_id);
    r = rig_http(&b.r, "GET", path, "", "");
    assert_str_is(rig_json(&r, "status"), "completed");
    assert_str_is(rig_json(&r, "outcome"), "success");
    assert_str_is(rig_json(&r, "campaign_id"), "spring");
    assert_str_is(rig_json(&r, "opening_reason"), "a parcel");
    buf_done(&r.body);
    r = rig_http(&b.r, "GET", "/outbound/campaign/spring", "", "");
    assert_has(buf_str(&r.body), "\"total\":1,\"calls\":[{\"call_id\":\"");
    buf_done(&r.body);
    r = rig_http(&b.r, "GET", "/outbound/campaign/none", "", "");
    assert_has(buf_str(&r.body), "\"campaign_id\":\"none\",\"total\":0,\"calls\":[]");
    buf_done(&r.body);
    r = rig_http(&b.r, "GET", "/outbound/status/none", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "error"), "Call not found");
    buf_done(&r.body);
    snprintf(path, sizeof(path), "/outbound/hangup/%s", b.call_id);
    r = rig_http(&b.r, "POST", path, "", "");
    assert_str_is(rig_json(&r, "error"), "Call is not active (status: completed)");
    buf_done(&r.body);
    dial_bench_close(&b);
}

/* 200 as the reference answers in every case; the record says that the call has failed, and why. */
OVER_CARRIERS(credentials_that_are_wrong_are_told_and_a_failed_record)
{
    struct dial_bench b;
    char path[160];
    dial_bench_open(&b, as, "");
    exchange_refuse(b.x, 401, 9, 0);
    struct rig_reply r = rig_http(&b.r, "POST", "/outbound/call?phone_number=%2B15550002222", "", "");
    assert_int_equal(r.status, 200);
    assert_ok(str_copy(b.call_id, sizeof(b.call_id), rig_json(&r, "call_id")));
    assert_true(str_starts(rig_json(&r, "error"), STR("The call was not placed: ")));
    assert_has_not(buf_str(&r.body), "\"status\"");
    buf_done(&r.body);
    dial_bench_wait(&b, "failed", "not-dialled");
    assert_str_is(rig_json(&b.last, "dial.cause"), as == &phone_plivo ? "http-401" : "20003");
    snprintf(path, sizeof(path), "/outbound/status/%s", b.call_id);
    r = rig_http(&b.r, "GET", path, "", "");
    assert_str_is(rig_json(&r, "status"), "failed");
    assert_str_is(rig_json(&r, "outcome"), "failed");
    buf_done(&r.body);
    dial_bench_close(&b);
}

/* Webhooks under the reference's names are understood: an application that still has them goes on working. */
TEST(the_webhooks_of_the_reference_are_taken)
{
    struct dial_bench b;
    dial_bench_open(&b, &phone_plivo, "");
    struct rig_reply r = rig_http(&b.r, "POST", "/outbound/hangup", "", "CallUUID=unknown");
    assert_int_equal(r.status, 403); /* signed, as all of them */
    buf_done(&r.body);
    r = rig_http(&b.r, "POST", "/outbound/answer?call_id=unknown", "", "CallUUID=unknown");
    assert_int_equal(r.status, 403);
    buf_done(&r.body);
    dial_bench_close(&b);
}

TEST_MAIN(T(the_same_key_makes_one_call), T(what_cannot_be_called_is_refused_with_a_status_and_a_sentence),
          T(limits_are_kept), T(modes_close_one_direction), TC(the_references_routes_have_its_shapes),
          TC(credentials_that_are_wrong_are_told_and_a_failed_record), T(the_webhooks_of_the_reference_are_taken))
