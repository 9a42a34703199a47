/* Shapes and errors of the HTTP API. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"

static void assert_reply(struct rig *r, const char *method, const char *path, int want)
{
    struct rig_reply reply = rig_http(r, method, path, NULL, NULL);
    if (reply.status != want) {
        fail_msg("%s %s: %d, not %d", method, path, reply.status, want);
    }
    assert_str_is(str_from(reply.type), "application/json");
    if (want >= 400) {
        assert_true(rig_json(&reply, "error").n > 0);
    }
    buf_done(&reply.body);
}

TEST(the_service_card_has_the_members_of_both_references)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.carrier = "{phone_number: \"+15551234567\"}"});
    struct rig_reply reply = rig_http(&r, "GET", "/", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "status"), "ok");
    assert_str_is(rig_json(&reply, "service"), "ringtrip");
    assert_str_is(rig_json(&reply, "phone_number"), "+15551234567");
    assert_str_is(rig_json(&reply, "public_domain"), "null");
    assert_str_is(rig_json(&reply, "version"), RINGTRIP_VERSION);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(the_card_of_an_unconfigured_service_says_so)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.public_url = "https://voice.example.com"});
    struct rig_reply reply = rig_http(&r, "GET", "/", NULL, NULL);
    assert_str_is(rig_json(&reply, "phone_number"), "not configured");
    assert_str_is(rig_json(&reply, "public_domain"), "voice.example.com");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/health", NULL, NULL);
    assert_str_is(rig_json(&reply, "status"), "healthy");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(mistakes_get_a_status_and_a_sentence)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    assert_reply(&r, "GET", "/nothing/here", 404);
    assert_reply(&r, "GET", "/calls/", 404);
    assert_reply(&r, "GET", "/calls/../status", 404);
    assert_reply(&r, "GET", "/calls/a%2Fb/status", 404);
    assert_reply(&r, "GET", "/calls/unknown/status", 404);
    assert_reply(&r, "GET", "/v1/calls/unknown", 404);
    assert_reply(&r, "POST", "/calls/unknown/hangup", 404);
    assert_reply(&r, "DELETE", "/calls/unknown", 404);
    assert_reply(&r, "GET", "/calls/unknown/hangup", 405);
    assert_reply(&r, "POST", "/calls", 405);
    assert_reply(&r, "PUT", "/v1/calls/unknown", 405);
    assert_reply(&r, "POST", "/metrics", 405);
    assert_reply(&r, "GET", "/calls?limit=0", 400);
    assert_reply(&r, "GET", "/calls?limit=1001", 400);
    assert_reply(&r, "GET", "/calls?limit=many", 400);
    assert_reply(&r, "GET", "/calls?offset=-1", 400);
    assert_reply(&r, "GET", "/calls?status=sleeping", 400);
    assert_reply(&r, "GET", "/v1/calls?caller=%zz", 400);
    assert_reply(&r, "GET", "/v1/calls?caller=%2B1555&status=live&limit=10&offset=5", 200);
    rig_close(&r, false);
}

TEST(metrics_speak_two_languages)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_true(str_starts(str_from(reply.type), STR("text/plain; version=0.0.4")));
    assert_has(buf_str(&reply.body), "# TYPE ringtrip_calls_active gauge");
    assert_has(buf_str(&reply.body), "ringtrip_ready 1\n");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/metrics", "Accept: application/json\r\n", NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "total_calls"), "0");
    assert_str_is(rig_json(&reply, "status_counts.completed"), "0");
    assert_true(rig_json(&reply, "server").n > 0);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(lists_are_filtered_and_paged)
{
    struct rig r;
    struct rig_reply reply;
    char token[64];
    rig_open(&r, &(struct rig_opts){.extra = "deadlines: {leg_start_ms: 500}"});
    for (uint32_t i = 1; i <= 3; i++) {
        char sid[40];
        ignore_result(snprintf(sid, sizeof(sid), "CA%032u", i) < 0);
        rig_webhook(&r, sid, token, &reply);
        buf_done(&reply.body);
    }
    reply = rig_http(&r, "GET", "/v1/calls?status=live", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "3");
    buf_done(&reply.body);
    rig_wait_ended(&r, 3); /* nobody came with a socket */
    reply = rig_http(&r, "GET", "/v1/calls?status=live", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "0");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/v1/calls?status=failed&limit=2&caller=%2B15550001111", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "3");
    assert_has(buf_str(&reply.body), "\"reason\":\"no-media\"");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/v1/calls?caller=%2B1999", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "0");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(the_service_card_has_the_members_of_both_references), T(the_card_of_an_unconfigured_service_says_so),
          T(mistakes_get_a_status_and_a_sentence), T(metrics_speak_two_languages), T(lists_are_filtered_and_paged))
