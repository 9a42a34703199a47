/* Media sockets of the Twilio carrier over real WebSockets: admission, messages, actions, ends, hostile input. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "call/leg_ops.h"
#include "carriers/twilio_bench.h"
#include "fakes/wait.h"
#include "test.h"

static struct carrier_stats stats(struct bench *b)
{
    struct carrier_stats s;
    carrier_stats(twilio_carrier(b->twilio), &s);
    return s;
}

/* ---- admission ---- */

TEST(a_start_with_a_token_becomes_a_leg)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_dial(&b, "/media-stream", "");
    assert_int_equal(stats(&b).unauthenticated, 1);
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b, BENCH_START);
    bench_wait_log(&b, "start stream");
    assert_str_is(buf_str(&b.log),
                  "ask call=" BENCH_CALL " token=tok-1 query= signed=0\n"
                  "start stream=" BENCH_STREAM " call=" BENCH_CALL " from=+15005550001 format=audio/pcmu\n");
    assert_string_equal(leg_kind(b.leg), "twilio");
    assert_int_equal(stats(&b).unauthenticated, 0);
    assert_int_equal(stats(&b).streams, 1);
    bench_done(&b);
    assert_true(b.gone);
    assert_err(b.gone_err, ECANCELED);
}

TEST(a_socket_without_token_and_signature_is_refused)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_dial(&b, "/media-stream", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b, BENCH_START_WITH("{}"));
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1008);
    assert_string_equal(b.close_reason, "Not authorized");
    assert_str_is(buf_str(&b.log), "");
    assert_int_equal(stats(&b).refused_streams, 1);
    bench_done(&b);
}

TEST(without_require_token_the_host_alone_decides)
{
    struct bench b;
    bench_init(&b);
    b.o.require_token = false;
    bench_start(&b);
    bench_dial(&b, "/media-stream?call_id=c7", "");
    bench_say(&b, BENCH_START_WITH("{}"));
    bench_wait_log(&b, "start stream");
    assert_has(buf_str(&b.log), "token= query=c7 signed=0");
    bench_done(&b);
}

TEST(a_token_in_the_query_is_taken)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_dial(&b, "/media-stream?token=tok%2D2&call_id=c7", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b, BENCH_START_WITH("{}"));
    bench_wait_log(&b, "start stream");
    assert_has(buf_str(&b.log), "token=tok-2 query=c7");
    bench_done(&b);
}

TEST(the_hosts_refusals_have_names)
{
    static const struct {
        int err;
        uint16_t code;
        const char *reason;
    } cases[] = {
        {-ENOENT, 1008, "Call not found"},
        {-ERR_AUTH, 1008, "Not authorized"},
        {-ERR_STATE, 1008, "Call already has a stream"},
        {-ERR_LIMIT, 1013, "Over capacity"},
        {-ENOMEM, 1011, "Internal error"},
    };
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        b.start_result = cases[i].err;
        bench_dial(&b, "/media-stream", "");
        bench_say(&b, BENCH_CONNECTED);
        bench_say(&b, BENCH_START);
        bench_wait_closed(&b);
        assert_int_equal(b.close_code, cases[i].code);
        assert_string_equal(b.close_reason, cases[i].reason);
    }
    assert_false(b.gone);
    settle(b.loop);
    assert_int_equal(stats(&b).sockets, 0);
    assert_int_equal(stats(&b).unauthenticated, 0);
    bench_done(&b);
}

TEST(an_unknown_call_id_in_the_query_is_closed_at_once)
{
    struct bench b;
    bench_init(&b);
    b.query_result = -ENOENT;
    bench_start(&b);
    bench_dial(&b, "/media-stream?call_id=nope", "");
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1008);
    assert_string_equal(b.close_reason, "Call not found");
    bench_done(&b);
}

TEST(a_socket_that_never_starts_is_closed)
{
    struct bench b;
    bench_init(&b);
    b.o.socket_start_ms = 30;
    bench_start(&b);
    bench_dial(&b, "/media-stream", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1008);
    assert_has(str_from(b.close_reason), "no start message");
    assert_int_equal(stats(&b).start_timeouts, 1);
    bench_done(&b);
}

TEST(sockets_without_start_are_limited)
{
    struct bench b;
    bench_init(&b);
    b.o.max_unauthenticated = 1;
    bench_start(&b);
    bench_dial(&b, "/media-stream", "");
    struct ws *first = b.ws;
    bench_dial(&b, "/media-stream", "");
    assert_true(b.ws_closed);
    assert_int_equal(b.http_status, 503);
    assert_int_equal(stats(&b).refused_limit, 1);
    b.ws = first;
    bench_say(&b, BENCH_START);
    bench_wait_log(&b, "start stream");
    bench_done(&b);
}

/* ---- signed upgrades: wss://gw.example.com/twilio/media, made by the vendor's library ---- */

static void sign_upgrades(struct bench *b)
{
    b->o.public_url = STR("https://gw.example.com");
    b->o.media_path = STR("/twilio/media");
    b->o.verify_signature = true;
    b->o.auth_tokens[0] = STR(BENCH_AUTH_TOKEN);
    b->o.n_auth_tokens = 1;
}

TEST(a_signed_upgrade_needs_no_token)
{
    static const char *const signatures[] = {
        "XbuEIyqfcj7N6LuncPZwBi5k3OI=", /* as written */
        "3WOChzT7xOuqSQPWtgWioHafx+o=", /* with a slash at the end */
        "aRgUStiV0RdF4YNQ5EgMLNFyU/A=", /* with :443 */
    };
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        struct bench b;
        char header[128];
        bench_init(&b);
        sign_upgrades(&b);
        bench_start(&b);
        snprintf(header, sizeof(header), "x-twilio-signature: %s\r\n", signatures[i]);
        bench_dial(&b, "/twilio/media", header);
        assert_true(b.open);
        bench_say(&b, BENCH_CONNECTED);
        bench_say(&b, BENCH_START_WITH("{}"));
        bench_wait_log(&b, "start stream");
        assert_has(buf_str(&b.log), "signed=1");
        bench_done(&b);
    }
}

TEST(a_wrongly_signed_upgrade_is_refused_and_an_unsigned_one_needs_a_token)
{
    struct bench b;
    bench_init(&b);
    sign_upgrades(&b);
    bench_start(&b);
    bench_dial(&b, "/twilio/media", "X-Twilio-Signature: R1GVrTSOg+9lJTeSC4KAm6UTTSs=\r\n"); /* signed as https */
    assert_true(b.ws_closed);
    assert_int_equal(b.http_status, 403);
    assert_int_equal(stats(&b).bad_signatures, 1);
    bench_dial(&b, "/twilio/media", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b, BENCH_START_WITH("{}"));
    bench_wait_closed(&b);
    assert_string_equal(b.close_reason, "Not authorized");
    bench_dial(&b, "/twilio/media", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b, BENCH_START);
    bench_wait_log(&b, "start stream");
    bench_done(&b);
}

/* ---- messages ---- */

TEST(what_the_carrier_says_becomes_the_legs_events)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    bench_say(&b, BENCH_MEDIA("155", "fwH/AA=="));
    bench_say(&b, "{\"event\":\"media\",\"streamSid\":\"" BENCH_STREAM
                  "\",\"media\":{\"track\":\"outbound\",\"timestamp\":\"160\",\"payload\":\"AAAA\"}}");
    bench_say(&b, "{\"event\":\"mark\",\"sequenceNumber\":\"4\",\"streamSid\":\"" BENCH_STREAM
                  "\",\"mark\":{\"name\":\"rt17\"}}");
    bench_say(&b, "{\"event\":\"mark\",\"streamSid\":\"" BENCH_STREAM "\",\"mark\":{\"name\":\"other\"}}");
    bench_say(&b, "{\"event\":\"mark\",\"streamSid\":\"" BENCH_STREAM "\",\"mark\":{\"name\":\"rt99999999999\"}}");
    bench_say(&b, "{\"event\":\"dtmf\",\"streamSid\":\"" BENCH_STREAM
                  "\",\"sequenceNumber\":\"5\",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"#\"}}");
    bench_say(&b, "{\"event\":\"brand-new\",\"streamSid\":\"" BENCH_STREAM "\",\"x\":1}");
    bench_say(&b, "{\"event\":\"stop\",\"streamSid\":\"" BENCH_STREAM
                  "\",\"stop\":{\"accountSid\":\"AC1\",\"callSid\":\"" BENCH_CALL "\"}}");
    bench_say(&b, BENCH_MEDIA("175", "fwH/AA=="));
    ws_close(b.ws, 1000, STR_NULL);
    bench_wait_closed(&b);
    settle(b.loop);
    assert_str_is(buf_str(&b.log), "media at=155 n=4 first=7f\nmark 17\nmark 0\nmark 0\ndtmf #\nstop\n");
    assert_true(b.gone);
    assert_int_equal(b.gone_err, 0);
    assert_int_equal(stats(&b).foreign_marks, 2);
    assert_int_equal(stats(&b).unknown_events, 1);
    assert_int_equal(stats(&b).bad_messages, 0);
    bench_done(&b);
}

TEST(wrong_messages_close_the_socket_with_a_named_reason)
{
    static const struct {
        bool started;
        const char *say;
        uint16_t code;
        const char *reason;
        int err;
    } cases[] = {
        {false, BENCH_MEDIA("1", "AAAA"), 1008, "wrong-state: media before start", ERR_STATE},
        {false, "{\"event\":\"stop\",\"streamSid\":\"x\",\"stop\":{}}", 1008, "wrong-state: stop before start",
         ERR_STATE},
        {false, "nonsense", 1002, "syntax: message", ERR_SYNTAX},
        {false, "{\"event\":7}", 1002, "wrong-type: event", ERR_TYPE},
        {false, "{}", 1002, "missing-field: event", ERR_MISSING},
        {true, BENCH_START, 1008, "wrong-state: second start", ERR_STATE},
        {true, BENCH_CONNECTED, 1008, "wrong-state: second connected", ERR_STATE},
        {true, BENCH_MEDIA("1", "AA*A"), 1002, "bad-base64: media.payload", ERR_BASE64},
        {true, "{\"event\":\"media\",\"streamSid\":\"MZother\",\"media\":{\"payload\":\"AAAA\"}}", 1008,
         "wrong-state: wrong streamSid", ERR_STATE},
        {true, "{\"event\":\"media\",\"streamSid\":\"" BENCH_STREAM "\",\"media\":{\"payload\":7}}", 1002,
         "wrong-type: media.payload", ERR_TYPE},
        {true, "{\"event\":\"media\",\"streamSid\":\"" BENCH_STREAM "\"}", 1002, "missing-field: media", ERR_MISSING},
        {true, "{\"event\":\"dtmf\",\"streamSid\":\"" BENCH_STREAM "\",\"dtmf\":{\"digit\":\"x\"}}", 1002,
         "out-of-range: dtmf.digit", ERR_RANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b);
        bench_start(&b);
        if (cases[i].started) {
            bench_leg(&b);
        } else {
            bench_dial(&b, "/media-stream", "");
        }
        bench_say(&b, cases[i].say);
        bench_wait_closed(&b);
        settle(b.loop);
        assert_int_equal(b.close_code, cases[i].code);
        assert_string_equal(b.close_reason, cases[i].reason);
        assert_int_equal(b.gone, cases[i].started);
        if (b.gone) {
            assert_int_equal(b.gone_err, -cases[i].err);
        }
        assert_int_equal(stats(&b).bad_messages, 1);
        assert_int_equal(stats(&b).sockets, 0);
        bench_done(&b);
    }
}

TEST(another_media_format_is_refused)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_dial(&b, "/media-stream", "");
    bench_say(&b, BENCH_CONNECTED);
    bench_say(&b,
              "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\",\"callSid\":\"CA1\",\"mediaFormat\":{\"encoding\":"
              "\"audio/l16\",\"sampleRate\":16000,\"channels\":1},\"customParameters\":{\"token\":\"t\"}},"
              "\"streamSid\":\"MZ1\"}");
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1002);
    assert_has(str_from(b.close_reason), "wrong-type: start.mediaFormat");
    bench_done(&b);
}

TEST(binary_frames_are_refused)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    assert_ok(ws_send_binary(b.ws, span_from("\0\1\2", 3)));
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1003);
    settle(b.loop);
    assert_err(b.gone_err, ERR_TYPE);
    bench_done(&b);
}

TEST(an_oversized_message_ends_the_leg_with_a_name)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    static char big[100000];
    memset(big, 'x', sizeof(big) - 1);
    bench_say(&b, big);
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1009);
    settle(b.loop);
    assert_true(b.gone);
    assert_err(b.gone_err, ERR_TOO_BIG);
    bench_done(&b);
}

TEST(a_socket_that_dies_without_stop_tells_so)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    ws_abort(b.ws, -ECANCELED);
    bench_wait_closed(&b);
    settle(b.loop);
    assert_true(b.gone);
    assert_true(b.gone_err < 0);
    bench_done(&b);
}

TEST(a_leg_may_be_closed_in_its_own_event)
{
    struct bench b;
    bench_init(&b);
    b.close_on_media = true;
    bench_start(&b);
    bench_leg(&b);
    bench_say(&b, BENCH_MEDIA("1", "AAAA"));
    bench_say(&b, BENCH_MEDIA("2", "AAAA"));
    bench_wait_closed(&b);
    settle(b.loop);
    assert_str_is(buf_str(&b.log), "media at=1 n=3 first=00\n");
    assert_int_equal(b.close_code, 1000);
    assert_true(b.gone);
    assert_int_equal(b.gone_err, 0);
    bench_done(&b);
}

/* ---- actions ---- */

TEST(actions_become_the_carriers_messages)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    struct call_action acts[] = {
        {.type = ACT_LEG_MEDIA, .leg_media = {.audio = span_from("\x7f\x01\xff\x00", 4), .mark = 7}},
        {.type = ACT_LEG_MEDIA, .leg_media = {.audio = span_from("\x00\x00\x00", 3)}},
        {.type = ACT_LEG_MARK, .leg_mark = {.mark = 4294967295u}},
        {.type = ACT_LEG_CLEAR},
    };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        assert_ok(leg_perform(b.leg, &acts[i]));
    }
    assert_err(leg_perform(b.leg, &(struct call_action){.type = ACT_MODEL_COMMIT}), EINVAL);
    bench_wait_got(&b, "clear");
    assert_str_is(buf_str(&b.got),
                  "{\"event\":\"media\",\"streamSid\":\"" BENCH_STREAM "\",\"media\":{\"payload\":\"fwH/AA==\"}}\n"
                  "{\"event\":\"mark\",\"streamSid\":\"" BENCH_STREAM "\",\"mark\":{\"name\":\"rt7\"}}\n"
                  "{\"event\":\"media\",\"streamSid\":\"" BENCH_STREAM "\",\"media\":{\"payload\":\"AAAA\"}}\n"
                  "{\"event\":\"mark\",\"streamSid\":\"" BENCH_STREAM "\",\"mark\":{\"name\":\"rt4294967295\"}}\n"
                  "{\"event\":\"clear\",\"streamSid\":\"" BENCH_STREAM "\"}\n");
    bench_done(&b);
}

TEST(a_carrier_that_does_not_read_ends_the_leg_with_a_name)
{
    struct bench b;
    bench_init(&b);
    b.o.max_send_queue_bytes = 64u << 10;
    bench_start(&b);
    bench_leg(&b);
    ws_pause_reading(b.ws, true);
    static uint8_t second[8000];
    struct call_action act = {.type = ACT_LEG_MEDIA, .leg_media = {.audio = span_from(second, sizeof(second))}};
    int err = 0;
    for (int i = 0; i < 5000 && err == 0; i++) {
        err = leg_perform(b.leg, &act);
    }
    assert_err(err, ERR_LIMIT);
    settle(b.loop);
    assert_true(b.gone);
    assert_err(b.gone_err, ERR_LIMIT);
    bench_done(&b);
}

static void hang_up(struct bench *b, bool apologise)
{
    struct call_action act = {.type = ACT_LEG_HANGUP, .leg_hangup = {REASON_AGENT_HANGUP, apologise}};
    assert_ok(leg_perform(b->leg, &act));
}

TEST(without_rest_a_hangup_leaves_the_socket)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    hang_up(&b, false);
    struct call_action act = {.type = ACT_LEG_CLEAR};
    assert_err(leg_perform(b.leg, &act), ERR_CLOSED);
    bench_wait_closed(&b);
    assert_int_equal(b.close_code, 1000);
    settle(b.loop);
    assert_true(b.gone);
    assert_int_equal(b.gone_err, 0);
    bench_done(&b);
}

/* ---- REST ---- */

static bool rest_was_asked(void *arg)
{
    struct bench *b = arg;
    return b->n_rest == b->n_rest_script;
}

TEST(a_hangup_by_rest_ends_the_call_and_leaves_the_socket_to_the_carrier)
{
    static const struct rest_answer script[] = {{200, "{\"sid\":\"" BENCH_CALL "\"}"}};
    struct bench b;
    bench_init(&b);
    bench_rest(&b, script, 1);
    bench_start(&b);
    bench_leg(&b);
    hang_up(&b, false);
    hang_up(&b, false);
    wait_until(b.loop, rest_was_asked, &b);
    settle(b.loop);
    assert_str_is(buf_str(&b.rest_got), "POST /2010-04-01/Accounts/AC1/Calls/" BENCH_CALL ".json Basic "
                                        "QUMxOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm Status=completed\n");
    assert_false(b.ws_closed);
    assert_int_equal(stats(&b).rest_ok, 1);
    bench_done(&b);
}

TEST(an_apology_by_rest_is_spoken_by_the_carrier)
{
    static const struct rest_answer script[] = {{200, "{}"}};
    struct bench b;
    bench_init(&b);
    bench_rest(&b, script, 1);
    b.o.apology = STR("So & so.");
    bench_start(&b);
    bench_leg(&b);
    hang_up(&b, true);
    wait_until(b.loop, rest_was_asked, &b);
    settle(b.loop);
    assert_has(buf_str(&b.rest_got),
               " Twiml=%3C%3Fxml%20version%3D%221.0%22%20encoding%3D%22UTF-8%22%3F%3E%3CResponse%3E"
               "%3CSay%3ESo%20%26amp%3B%20so.%3C%2FSay%3E%3CHangup%2F%3E%3C%2FResponse%3E\n");
    bench_done(&b);
}

TEST(when_rest_fails_or_the_call_is_over_the_socket_is_left)
{
    static const struct {
        struct rest_answer script[3];
        uint32_t n;
        uint64_t ok, failed, retries;
    } cases[] = {
        {{{404, "{\"code\":20404,\"status\":404}"}}, 1, 1, 0, 0},
        {{{400, "{\"code\":21220,\"status\":400}"}}, 1, 1, 0, 0},
        {{{400, "{\"code\":21211,\"status\":400}"}}, 1, 0, 1, 0},
        {{{401, "{\"code\":20003}"}}, 1, 0, 1, 0},
        {{{500, "<html>oops</html>"}}, 1, 0, 1, 0},
        {{{429, "{\"code\":20429}"}, {429, "{}"}, {429, "{}"}}, 3, 0, 1, 2},
        {{{0, ""}}, 1, 0, 1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b);
        bench_rest(&b, cases[i].script, cases[i].n);
        b.o.rest_ms = 100;
        bench_start(&b);
        bench_leg(&b);
        hang_up(&b, true);
        bench_wait_closed(&b);
        settle(b.loop);
        assert_int_equal(b.close_code, 1000);
        assert_int_equal(b.n_rest, cases[i].n);
        assert_int_equal(stats(&b).rest_ok, cases[i].ok);
        assert_int_equal(stats(&b).rest_failed, cases[i].failed);
        assert_int_equal(stats(&b).rest_retries, cases[i].retries);
        assert_true(b.gone);
        bench_done(&b);
    }
}

TEST(a_busy_rest_service_is_asked_again)
{
    static const struct rest_answer script[] = {{429, "{\"code\":20429}"}, {200, "{}"}};
    struct bench b;
    bench_init(&b);
    bench_rest(&b, script, 2);
    bench_start(&b);
    bench_leg(&b);
    hang_up(&b, false);
    wait_until(b.loop, rest_was_asked, &b);
    settle(b.loop);
    assert_false(b.ws_closed);
    assert_int_equal(stats(&b).rest_ok, 1);
    assert_int_equal(stats(&b).rest_retries, 1);
    bench_done(&b);
}

struct outcome {
    bool done;
    int err, status;
};

static void on_done(const struct carrier_result *r, void *arg)
{
    *(struct outcome *)arg = (struct outcome){true, r->err, r->status};
}

static bool is_done(void *arg)
{
    return ((struct outcome *)arg)->done;
}

TEST(a_call_is_updated_by_rest)
{
    static const struct rest_answer script[] = {{200, "{}"}, {404, "{\"code\":20404}"}};
    struct bench b;
    struct outcome o = {0};
    bench_init(&b);
    bench_rest(&b, script, 2);
    bench_start(&b);
    assert_ok(twilio_update_call(b.twilio, STR("CA1"), STR("<Response/>"), on_done, &o));
    wait_until(b.loop, is_done, &o);
    assert_int_equal(o.err, 0);
    assert_int_equal(o.status, 200);
    assert_has(buf_str(&b.rest_got), "/Calls/CA1.json");
    assert_has(buf_str(&b.rest_got), "Twiml=%3CResponse%2F%3E");
    o.done = false;
    assert_ok(twilio_update_call(b.twilio, STR("CA1"), STR("<Response/>"), on_done, &o));
    wait_until(b.loop, is_done, &o);
    assert_err(o.err, ERR_HTTP); /* new TwiML for a call that is over did not do what was asked */
    assert_int_equal(o.status, 404);
    assert_err(twilio_update_call(b.twilio, STR("../../x"), STR("<Response/>"), on_done, &o), EINVAL);
    assert_err(twilio_update_call(b.twilio, STR(""), STR("<Response/>"), on_done, &o), EINVAL);
    bench_done(&b);
}

TEST(rest_under_way_at_the_end_is_cancelled)
{
    static const struct rest_answer script[] = {{0, ""}, {0, ""}};
    struct bench b;
    struct outcome o = {0};
    bench_init(&b);
    bench_rest(&b, script, 2);
    bench_start(&b);
    bench_leg(&b);
    assert_ok(
        carrier_hangup(twilio_carrier(b.twilio), &(struct carrier_call_ref){.call_id = STR("CA1")}, on_done, &o, NULL));
    settle(b.loop);
    assert_false(o.done);
    http_respond(b.unanswered, 200, STR_NULL, STR_NULL, (struct span){NULL, 0});
    b.unanswered = NULL;
    carrier_free(twilio_carrier(b.twilio));
    b.twilio = NULL;
    assert_true(o.done);
    assert_true(b.gone);
    settle(b.loop);
    bench_done(&b);
}

TEST(rest_needs_an_account)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    assert_err(
        carrier_hangup(twilio_carrier(b.twilio), &(struct carrier_call_ref){.call_id = STR("CA1")}, NULL, NULL, NULL),
        ERR_STATE);
    bench_done(&b);
}

TEST_MAIN(T(a_start_with_a_token_becomes_a_leg), T(a_socket_without_token_and_signature_is_refused),
          T(without_require_token_the_host_alone_decides), T(a_token_in_the_query_is_taken),
          T(the_hosts_refusals_have_names), T(an_unknown_call_id_in_the_query_is_closed_at_once),
          T(a_socket_that_never_starts_is_closed), T(sockets_without_start_are_limited),
          T(a_signed_upgrade_needs_no_token), T(a_wrongly_signed_upgrade_is_refused_and_an_unsigned_one_needs_a_token),
          T(what_the_carrier_says_becomes_the_legs_events), T(wrong_messages_close_the_socket_with_a_named_reason),
          T(another_media_format_is_refused), T(binary_frames_are_refused),
          T(an_oversized_message_ends_the_leg_with_a_name), T(a_socket_that_dies_without_stop_tells_so),
          T(a_leg_may_be_closed_in_its_own_event), T(actions_become_the_carriers_messages),
          T(a_carrier_that_does_not_read_ends_the_leg_with_a_name), T(without_rest_a_hangup_leaves_the_socket),
          T(a_hangup_by_rest_ends_the_call_and_leaves_the_socket_to_the_carrier),
          T(an_apology_by_rest_is_spoken_by_the_carrier), T(when_rest_fails_or_the_call_is_over_the_socket_is_left),
          T(a_busy_rest_service_is_asked_again), T(a_call_is_updated_by_rest),
          T(rest_under_way_at_the_end_is_cancelled), T(rest_needs_an_account))
