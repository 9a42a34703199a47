/* Who may open a media socket, and what happens to those who send rubbish. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"

#define SID "CA11111111111111111111111111111111"

TEST(a_token_opens_one_socket_once)
{
    struct rig r;
    char token[64];
    struct rig_reply reply;
    rig_open(&r, &(struct rig_opts){0});
    rig_webhook(&r, SID, token, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(strlen(token), 32);
    buf_done(&reply.body);
    struct rig_socket *first = rig_socket(&r, "/media-stream");
    rig_send_start(first, SID, token);
    rig_send_media(first, 1);
    settle(r.loop);
    assert_int_equal(r.begun, 1);
    assert_false(first->closed);
    struct rig_socket *second = rig_socket(&r, "/media-stream");
    rig_send_start(second, SID, token);
    rig_wait_closed(second);
    assert_int_equal(second->code, 1008);
    assert_false(first->closed);
    assert_int_equal(r.begun, 1);
    ws_close(first->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    rig_close(&r, false);
}

TEST(a_wrong_missing_or_foreign_token_is_refused)
{
    struct rig r;
    char token[64];
    struct rig_reply reply;
    rig_open(&r, &(struct rig_opts){.extra = "deadlines: {leg_start_ms: 1500}"});
    rig_webhook(&r, SID, token, &reply);
    buf_done(&reply.body);
    static const char *const tokens[] = {NULL, "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct rig_socket *s = rig_socket(&r, "/media-stream");
        rig_send_start(s, SID, tokens[i]);
        rig_wait_closed(s);
        assert_int_equal(s->code, 1008);
    }
    struct rig_socket *s = rig_socket(&r, "/media-stream");
    rig_send_start(s, "CA22222222222222222222222222222222", token); /* the token of another call */
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    rig_wait_ended(&r, 1); /* and the call that nobody came for is given up */
    assert_int_equal(r.last_reason, REASON_NO_MEDIA);
    s = rig_socket(&r, "/media-stream");
    rig_send_start(s, SID, token); /* late: its call is gone */
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    assert_int_equal(r.begun, 1);
    rig_close(&r, false);
}

TEST(a_repeated_webhook_is_the_same_call_with_the_same_token)
{
    struct rig r;
    char first[64];
    char second[64];
    struct rig_reply reply;
    rig_open(&r, &(struct rig_opts){0});
    rig_webhook(&r, SID, first, &reply);
    buf_done(&reply.body);
    rig_webhook(&r, SID, second, &reply);
    buf_done(&reply.body);
    assert_int_equal(r.begun, 1);
    assert_string_equal(first, second); /* whichever answer the carrier follows */
    struct rig_socket *s = rig_socket(&r, "/media-stream");
    rig_send_start(s, SID, second);
    settle(r.loop);
    assert_false(s->closed);
    struct rig_socket *late = rig_socket(&r, "/media-stream");
    rig_send_start(late, SID, first);
    rig_wait_closed(late);
    assert_int_equal(late->code, 1008); /* it works once */
    assert_false(s->closed);
    ws_abort(s->ws, -ERR_CLOSED);
    rig_wait_ended(&r, 1);
    rig_close(&r, false);
}

TEST(without_require_token_a_socket_alone_is_a_call)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.carrier = "{require_token: false}"});
    struct rig_socket *s = rig_socket(&r, "/media-stream");
    rig_send_start(s, SID, NULL);
    for (uint32_t i = 1; i <= 10; i++) {
        rig_send_media(s, i);
    }
    while (s->messages < 3) {
        settle(r.loop); /* the agent greets */
    }
    assert_int_equal(r.begun, 1);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    assert_int_equal(r.last_reason, REASON_CARRIER_CLOSED);
    rig_close(&r, false);
}

TEST(the_query_form_of_the_call_id_finds_its_call_or_1008)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.carrier = "{require_token: false}"});
    struct rig_reply reply =
        rig_http(&r, "POST", "/twiml?call_id=my-test-7", "Content-Type: application/x-www-form-urlencoded\r\n", "");
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    struct rig_socket *s = rig_socket(&r, "/media-stream?call_id=nobody");
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    assert_string_equal(s->reason, "Call not found");
    s = rig_socket(&r, "/media-stream?call_id=my-test-7");
    rig_send_start(s, SID, NULL);
    settle(r.loop);
    assert_false(s->closed);
    assert_int_equal(r.begun, 1);
    struct rig_socket *again = rig_socket(&r, "/media-stream?call_id=my-test-7");
    rig_send_start(again, SID, NULL);
    rig_wait_closed(again);
    assert_int_equal(again->code, 1008);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    rig_close(&r, false);
}

/* What is sent instead of a proper beginning. No call may come of it, and the socket must go. */
static const char *const rubbish[] = {
    "",
    "garbage",
    "{",
    "[]",
    "{\"event\":5}",
    "{\"event\":\"media\",\"media\":{\"payload\":\"AAAA\"}}",
    "{\"event\":\"start\"}",
    "{\"event\":\"start\",\"start\":{},\"streamSid\":\"MZ1\"}",
    "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\",\"callSid\":\"CA1\",\"mediaFormat\":{\"encoding\":\"audio/"
    "opus\","
    "\"sampleRate\":48000,\"channels\":2}},\"streamSid\":\"MZ1\"}",
    "{\"event\":\"stop\",\"streamSid\":\"MZ1\"}",
};

TEST(rubbish_before_the_start_closes_the_socket_and_makes_no_call)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.carrier = "{require_token: false}", .extra = "deadlines: {socket_start_ms: 300}"});
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        struct rig_socket *s = rig_socket(&r, "/media-stream");
        rig_send(s, rubbish[i]);
        rig_wait_closed(s);
        assert_int_equal(r.begun, 0);
    }
    rig_close(&r, false);
}

static const char *const rubbish_later[] = {
    "garbage",
    "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"***\",\"timestamp\":\"20\"}}",
    "{\"event\":\"media\",\"streamSid\":\"%s\"}",
    "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"streamSid\":\"%s\",\"callSid\":\"" SID
    "\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1}},"
    "\"streamSid\":\"MZ1\"}",
};

TEST(rubbish_in_mid_call_ends_it_with_a_closed_record)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.carrier = "{require_token: false}"});
    for (uint32_t i = 0; i < ARRAY_LEN(rubbish_later); i++) {
        char text[1024];
        struct rig_socket *s = rig_socket(&r, "/media-stream");
        rig_send_start(s, SID, NULL);
        rig_send_media(s, 1);
        settle(r.loop);
        assert_int_equal(r.begun, i + 1);
        ignore_result(snprintf(text, sizeof(text), "%.*s", 1000, rubbish_later[i]) < 0);
        size_t at = str_search(str_from(rubbish_later[i]), STR("%s"));
        if (at != SIZE_MAX) {
            ignore_result(snprintf(text, sizeof(text), "%.*s%s%s", (int)at, rubbish_later[i], s->stream_sid,
                                   rubbish_later[i] + at + 2) < 0);
        }
        rig_send(s, text);
        rig_wait_closed(s);
        rig_wait_ended(&r, i + 1);
        print_message("# %s\n", call_reason_name(r.last_reason));
        assert_true(r.last_reason == REASON_PROTOCOL || r.last_reason == REASON_CARRIER_CLOSED);
    }
    rig_close(&r, false);
}

TEST(an_oversized_message_ends_the_call)
{
    struct rig r;
    struct buf big;
    rig_open(&r, &(struct rig_opts){.carrier = "{require_token: false}"});
    struct rig_socket *s = rig_socket(&r, "/media-stream");
    rig_send_start(s, SID, NULL);
    settle(r.loop);
    buf_init(&big, 8 << 20);
    for (size_t i = 0; i < 3u << 20; i++) {
        buf_putc(&big, 'a');
    }
    rig_send(s, buf_cstr(&big));
    buf_done(&big);
    rig_wait_closed(s);
    rig_wait_ended(&r, 1);
    rig_close(&r, false);
}

TEST(sockets_without_a_proof_are_bounded)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = "limits: {max_unauthenticated_sockets: 2}\n"
                                             "deadlines: {socket_start_ms: 400}"});
    struct rig_socket *a = rig_socket(&r, "/media-stream");
    struct rig_socket *b = rig_socket(&r, "/media-stream");
    struct rig_socket *c = rig_socket(&r, "/media-stream");
    assert_true(a->opened && b->opened);
    assert_true(c->closed && !c->opened);
    assert_int_equal(c->http_status, 503);
    struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), "ringtrip_unauthenticated_sockets 2\n");
    assert_has(buf_str(&reply.body), "ringtrip_calls_refused_total{cause=\"sockets\"} 1\n");
    buf_done(&reply.body);
    rig_wait_closed(a);
    rig_wait_closed(b);
    rig_close(&r, false);
}

TEST_MAIN(T(a_token_opens_one_socket_once), T(a_wrong_missing_or_foreign_token_is_refused),
          T(a_repeated_webhook_is_the_same_call_with_the_same_token), T(without_require_token_a_socket_alone_is_a_call),
          T(the_query_form_of_the_call_id_finds_its_call_or_1008),
          T(rubbish_before_the_start_closes_the_socket_and_makes_no_call),
          T(rubbish_in_mid_call_ends_it_with_a_closed_record), T(an_oversized_message_ends_the_call),
          T(sockets_without_a_proof_are_bounded))
