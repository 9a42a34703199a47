/* The account's side of the carrier: text messages and transfers, against a REST service as strict as the vendor's. */
#include "test.h"

#include <stdio.h>

#include "base/err.h"
#include "call/carrier.h"
#include "fakes/twilio_rest.h"
#include "fakes/wait.h"
#include "twilio_bench.h"

struct fixture {
    struct bench b;
    struct twilio_rest_server rest;
    bool done;
    int err, status;
    int64_t code;
    char message[256], id[64], word[32];
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
    f->b.o.rest_ms = 300;
}

/* The service goes before the bench, whose loop it uses. */
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
    f->code = r->code;
    assert_ok(str_copy(f->message, sizeof(f->message), r->message));
    assert_ok(str_copy(f->id, sizeof(f->id), r->id));
    assert_ok(str_copy(f->word, sizeof(f->word), r->state));
}

static bool is_done(void *arg)
{
    return ((struct fixture *)arg)->done;
}

static uint64_t send_sms(struct fixture *f, const char *to, const char *text)
{
    const struct carrier_sms sms = {.to = str_from(to), .text = str_from(text)};
    uint64_t id = 0;
    f->done = false;
    assert_ok(carrier_send_sms(twilio_carrier(f->b.twilio), &sms, on_done, f, &id));
    return id;
}

TEST(a_text_message_is_sent_from_our_number)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    assert_null(carrier_cannot(twilio_carrier(f.b.twilio), CARRIER_SMS));
    send_sms(&f, "+15550002222", "Your parcel & more: w\xc3\xa9 call +1");
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, 0);
    assert_int_equal(f.status, 201);
    assert_string_equal(f.id, "SM00000000000000000000000000000001");
    assert_string_equal(f.word, "queued");
    assert_string_equal(f.rest.to, "+15550002222");
    assert_string_equal(f.rest.from, TWILIO_REST_NUMBER);
    assert_string_equal(f.rest.body, "Your parcel & more: w\xc3\xa9 call +1");
    assert_string_equal(f.rest.problem, "");
    end(&f);
}

TEST(a_messaging_service_takes_the_place_of_the_number)
{
    struct fixture f;
    set_up(&f);
    f.b.o.phone_number = STR("");
    f.b.o.messaging_service = STR("MG0123456789abcdef0123456789abcdef");
    bench_start(&f.b);
    send_sms(&f, "+15550002222", "hi");
    wait_until(f.b.loop, is_done, &f);
    assert_int_equal(f.err, 0);
    assert_string_equal(f.word, "accepted");
    assert_str_is(buf_str(&f.rest.log), "POST Messages.json To=+15550002222 "
                                        "MessagingServiceSid=MG0123456789abcdef0123456789abcdef Body=hi\n");
    end(&f);
}

TEST(a_refusal_carries_the_vendors_number_and_sentence)
{
    static const struct {
        struct twilio_rest_fault fault;
        int err, status;
        int64_t code;
        const char *message;
        uint32_t requests;
    } cases[] = {
        {{9, 400, "{\"code\":21610,\"message\":\"Attempt to send to unsubscribed recipient\",\"status\":400}"},
         -ERR_HTTP,
         400,
         21610,
         "Attempt to send to unsubscribed recipient",
         1},
        {{9, 401, "{\"code\":20003,\"message\":\"Authenticate\"}"}, -ERR_HTTP, 401, 20003, "Authenticate", 1},
        {{9, 429, "{\"code\":20429,\"message\":\"Too Many Requests\"}"}, -ERR_HTTP, 429, 20429, "Too Many Requests", 3},
        {{9, 502, "<html>bad gateway</html>"}, -ERR_HTTP, 502, 0, "", 1}, /* may have been sent: not again */
        {{9, 404, "{\"code\":20404}"}, -ERR_HTTP, 404, 20404, "", 1},
        {{9, 200, "\xff\xfe{"}, 0, 200, 0, "", 1},
        {{9, 400, "{\"code\":\"x\",\"message\":7,\"sid\":{}}"}, -ERR_HTTP, 400, 0, "", 1},
        {{9, 0, NULL}, -ETIMEDOUT, 0, 0, "", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        set_up(&f);
        bench_start(&f.b);
        f.rest.fault = cases[i].fault;
        send_sms(&f, "+15550002222", "hi");
        wait_until(f.b.loop, is_done, &f);
        assert_int_equal(f.err, cases[i].err);
        assert_int_equal(f.status, cases[i].status);
        assert_int_equal(f.code, cases[i].code);
        assert_string_equal(f.message, cases[i].message);
        assert_int_equal(f.rest.requests, cases[i].requests);
        end(&f);
    }
}

TEST(what_cannot_be_sent_is_refused_before_it_costs_anything)
{
    static const struct {
        const char *to, *text;
    } cases[] = {
        {"15550002222", "hi"},           {"+1555000222a", "hi"},     {"", "hi"}, {"+1", "hi"}, {"+15550002222", ""},
        {"+15550002222&To=+1900", "hi"}, {"+1234567890123456", "hi"}};
    struct fixture f;
    char longer[1602];
    uint64_t id = 0;
    set_up(&f);
    bench_start(&f.b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct carrier_sms sms = {.to = str_from(cases[i].to), .text = str_from(cases[i].text)};
        assert_err(carrier_send_sms(twilio_carrier(f.b.twilio), &sms, on_done, &f, &id), EINVAL);
    }
    memset(longer, 'x', sizeof(longer) - 1);
    longer[1601] = '\0';
    const struct carrier_sms sms = {.to = STR("+15550002222"), .text = str_from(longer)};
    assert_err(carrier_send_sms(twilio_carrier(f.b.twilio), &sms, on_done, &f, &id), EINVAL);
    settle(f.b.loop);
    assert_int_equal(f.rest.requests, 0);
    assert_false(f.done);
    end(&f);
}

TEST(without_an_account_or_a_number_it_says_so)
{
    struct fixture f;
    uint64_t id = 0;
    const struct carrier_sms sms = {.to = STR("+15550002222"), .text = STR("hi")};
    set_up(&f);
    f.b.o.phone_number = STR("");
    bench_start(&f.b);
    assert_string_equal(carrier_cannot(twilio_carrier(f.b.twilio), CARRIER_SMS),
                        "Text messages are not configured: there is no number to send them from.");
    f.b.o.account_sid = STR("");
    assert_string_equal(carrier_cannot(twilio_carrier(f.b.twilio), CARRIER_SMS),
                        "Text messages are not configured: there is no Twilio account.");
    assert_err(carrier_send_sms(twilio_carrier(f.b.twilio), &sms, on_done, &f, &id), ERR_STATE);
    assert_string_equal(carrier_kind(twilio_carrier(f.b.twilio)), "twilio");
    end(&f);
}

TEST(a_cancelled_message_answers_nobody)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    uint64_t first = send_sms(&f, "+15550002222", "one");
    uint64_t second = send_sms(&f, "+15550002222", "two");
    assert_true(first != second);
    carrier_cancel(twilio_carrier(f.b.twilio), first);
    carrier_cancel(twilio_carrier(f.b.twilio), 4711);
    wait_until(f.b.loop, is_done, &f); /* the second's; the first's would break the assertion in on_done */
    settle(f.b.loop);
    assert_int_equal(f.rest.messages, 2);
    end(&f);
}

/* ---- transfers ---- */

static int transfer(struct fixture *f, const char *to)
{
    struct call_action act = {.type = ACT_LEG_TRANSFER};
    act.leg_transfer.to = str_from(to);
    act.leg_transfer.name = STR("support");
    return leg_perform(f->b.leg, &act);
}

static bool was_updated(void *arg)
{
    return ((struct fixture *)arg)->rest.updates > 0;
}

TEST(a_transfer_gives_the_call_a_dial_that_tells_us_how_it_ended)
{
    struct fixture f;
    char value[128];
    set_up(&f);
    f.b.o.public_url = STR("https://voice.example.com");
    twilio_rest_add_call(&f.rest, BENCH_CALL);
    bench_start(&f.b);
    bench_leg(&f.b);
    assert_null(leg_cannot_transfer(f.b.leg));
    assert_ok(transfer(&f, "+15550001111"));
    assert_err(transfer(&f, "+15550001111"), ERR_STATE); /* one at a time */
    wait_until(f.b.loop, was_updated, &f);
    settle(f.b.loop);
    assert_string_equal(f.rest.call_sid, BENCH_CALL);
    twilio_rest_dial(&f.rest, "", value, sizeof(value));
    assert_string_equal(value, "+15550001111");
    twilio_rest_dial(&f.rest, "action", value, sizeof(value));
    assert_string_equal(value, "https://voice.example.com/twilio/dialled");
    twilio_rest_dial(&f.rest, "timeout", value, sizeof(value));
    assert_string_equal(value, "30");
    assert_string_equal(f.rest.problem, "");
    assert_false(f.b.ws_closed); /* the carrier stops the stream, not we */
    assert_has_not(buf_str(&f.b.log), "transfer-failed");
    end(&f);
}

TEST(sip_addresses_and_unknown_public_urls_have_their_own_documents)
{
    struct fixture f;
    char value[128];
    set_up(&f);
    f.b.o.transfer_ring_s = 12;
    twilio_rest_add_call(&f.rest, BENCH_CALL);
    bench_start(&f.b);
    bench_leg(&f.b);
    assert_ok(transfer(&f, "sip:desk@pbx.example.com;transport=tls"));
    wait_until(f.b.loop, was_updated, &f);
    twilio_rest_dial(&f.rest, "", value, sizeof(value));
    assert_string_equal(value, "sip:desk@pbx.example.com;transport=tls");
    twilio_rest_dial(&f.rest, "timeout", value, sizeof(value));
    assert_string_equal(value, "12");
    twilio_rest_dial(&f.rest, "action", value, sizeof(value));
    assert_string_equal(value, "");
    assert_has(str_from(f.rest.twiml), "</Dial><Hangup/>");
    end(&f);
}

TEST(a_refused_transfer_leaves_the_leg_as_it_was)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b); /* no such call: 404 */
    bench_leg(&f.b);
    assert_err(transfer(&f, "5550001111"), EINVAL);
    assert_err(transfer(&f, ""), EINVAL);
    assert_ok(transfer(&f, "+15550001111"));
    bench_wait_log(&f.b, "leg.transfer-failed");
    assert_has(buf_str(&f.b.log), "code=20404 message=\"The requested resource was not found\"");
    struct call_action act = {.type = ACT_LEG_MARK, .leg_mark = {.mark = 7}};
    assert_ok(leg_perform(f.b.leg, &act));
    bench_wait_got(&f.b, "rt7");
    end(&f);
}

TEST(without_an_account_a_leg_cannot_be_transferred)
{
    struct fixture f;
    set_up(&f);
    f.b.o.account_sid = STR("");
    bench_start(&f.b);
    bench_leg(&f.b);
    assert_string_equal(leg_cannot_transfer(f.b.leg), "Transfers are not configured: there is no Twilio account.");
    assert_err(transfer(&f, "+15550001111"), ERR_STATE);
    end(&f);
}

TEST(a_leg_that_goes_while_its_transfer_is_under_way_hears_nothing_of_it)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    f.rest.fault = (struct twilio_rest_fault){.times = 1};
    bench_leg(&f.b);
    assert_ok(transfer(&f, "+15550001111"));
    settle(f.b.loop);
    leg_close(f.b.leg);
    bench_wait_closed(&f.b);
    settle(f.b.loop);
    assert_true(f.b.gone);
    http_respond(f.rest.unanswered[--f.rest.n_unanswered], 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    settle(f.b.loop);
    assert_has_not(buf_str(&f.b.log), "transfer-failed");
    end(&f);
}

/* ---- what follows a transfer ---- */

TEST(the_host_says_what_follows_a_transfer)
{
    struct fixture f;
    set_up(&f);
    bench_start(&f.b);
    f.b.answer = (struct carrier_answer){.kind = CARRIER_ANSWER_SAY, .text = STR("Nobody is there.")};
    bench_post(&f.b, "/twilio/dialled", "CallSid=" BENCH_CALL "&DialCallStatus=no-answer", "");
    assert_int_equal(f.b.status, 200);
    assert_has(buf_str(&f.b.body), "<Say>Nobody is there.</Say><Hangup/>");
    assert_has(buf_str(&f.b.log), "dialled " BENCH_CALL " no-answer");
    end(&f);
}

TEST_MAIN(T(a_text_message_is_sent_from_our_number), T(a_messaging_service_takes_the_place_of_the_number),
          T(a_refusal_carries_the_vendors_number_and_sentence),
          T(what_cannot_be_sent_is_refused_before_it_costs_anything), T(without_an_account_or_a_number_it_says_so),
          T(a_cancelled_message_answers_nobody), T(a_transfer_gives_the_call_a_dial_that_tells_us_how_it_ended),
          T(sip_addresses_and_unknown_public_urls_have_their_own_documents),
          T(a_refused_transfer_leaves_the_leg_as_it_was), T(without_an_account_a_leg_cannot_be_transferred),
          T(a_leg_that_goes_while_its_transfer_is_under_way_hears_nothing_of_it),
          T(the_host_says_what_follows_a_transfer))
