/*
 * Calls that the gateway makes over Plivo, on real sockets: the simulated account takes the request, rings, asks for
 * the document and talks. What outgoing calls are, test_outbound.c says; here is what this carrier changes, and what it
 * may do late, twice, early or never.
 */
#include <stdio.h>

#include "base/err.h"
#include "peer/exchange/exchange.h"
#include "rig.h"

#define ACCOUNT "MA0123456789ABCDEFGH"
#define TOKEN   "0123456789abcdef0123456789abcdef"
#define OURS    "+15005550006"
#define PUBLIC  "https://voice.example.com"

struct fixture {
    struct rig r;
    struct exchange *x;
    struct http_client *http;
    struct exchange_callee callee;
    char carrier[512];
    char call_id[80];
    uint32_t ended, answered;
    bool early; /* the agent was heard within a second of the answer */
    struct rig_reply last;
};

static void on_dial(struct exchange *x UNUSED, const struct exchange_call *call UNUSED, struct exchange_callee *ret,
                    void *arg)
{
    struct fixture *f = arg;
    *ret = f->callee;
}

static void on_ended(struct exchange *x UNUSED, const struct exchange_call *call UNUSED, const struct phone_report *r,
                     void *arg)
{
    struct fixture *f = arg;
    f->ended++;
    f->answered += r != NULL;
    f->early = r && r->greeting_ms >= 0 && r->greeting_ms < 1000;
}

static const struct exchange_handler handler = {.on_dial = on_dial, .on_ended = on_ended};

/* The exchange needs the loop, and the gateway needs its port: the rig comes first, on a loop of ours. */
static void set_up_as(struct fixture *f, uint32_t variants)
{
    struct loop *loop = NULL;
    *f = (struct fixture){.callee = {.kind = EXCHANGE_HUMAN, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 300}}};
    assert_ok(loop_new(&loop));
    assert_ok(http_client_new(loop, &f->http));
    const struct exchange_opts o = {.as = &phone_plivo,
                                    .variants = variants,
                                    .account_sid = STR(ACCOUNT),
                                    .auth_token = STR(TOKEN),
                                    .numbers = STR(OURS),
                                    .sign_base = STR(PUBLIC),
                                    .http = f->http};
    assert_ok(exchange_open(loop, &o, &handler, f, &f->x));
    snprintf(f->carrier, sizeof(f->carrier),
             "{auth_id: " ACCOUNT ", auth_token: \"" TOKEN "\", phone_number: \"" OURS
             "\", api_base: \"http://127.0.0.1:%u\"}",
             exchange_port(f->x));
    rig_open(&f->r, &(struct rig_opts){.as = &phone_plivo,
                                       .loop = loop,
                                       .carrier = f->carrier,
                                       .public_url = PUBLIC,
                                       .auth_token = TOKEN,
                                       .extra = ""});
    char base[96];
    snprintf(base, sizeof(base), "http://%s", f->r.base);
    exchange_deliver(f->x, base);
}

static bool idle(void *arg)
{
    return exchange_idle(((struct fixture *)arg)->x);
}

static void end(struct fixture *f)
{
    exchange_stop(f->x);
    wait_until(f->r.loop, idle, f);
    f->x = exchange_free(f->x);
    http_client_free(f->http);
    rig_close(&f->r, false);
}

/* The answer to POST /v1/calls. */
static struct rig_reply ask(struct fixture *f, const char *body, const char *headers)
{
    char all[256];
    snprintf(all, sizeof(all), "Content-Type: application/json\r\n%s", headers);
    return rig_http(&f->r, "POST", "/v1/calls", all, body);
}

static void dial(struct fixture *f, const char *more)
{
    char body[1024];
    snprintf(body, sizeof(body), "{\"to\": \"+15550002222\"%s}", more);
    struct rig_reply reply = ask(f, body, "");
    assert_int_equal(reply.status, 201);
    assert_ok(str_copy(f->call_id, sizeof(f->call_id), rig_json(&reply, "call_id")));
    buf_done(&reply.body);
}

static bool is_told(const struct rig_reply *reply, const char *path)
{
    struct str v = rig_json(reply, path);
    return v.n > 0 && !str_is(v, "null");
}

static bool has_outcome(void *arg)
{
    struct fixture *f = arg;
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s", f->call_id);
    buf_done(&f->last.body);
    f->last = rig_http(&f->r, "GET", path, "", "");
    return f->last.status == 200 && is_told(&f->last, "dial.outcome") && is_told(&f->last, "ended_at");
}

static bool is_ringing(void *arg)
{
    struct fixture *f = arg;
    ignore_result(has_outcome(f));
    return str_is(rig_json(&f->last, "status"), "ringing");
}

static void on_pause(void *arg)
{
    *(bool *)arg = true;
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

/* Looks again and again, with the loop running in between. */
static void wait_record(struct fixture *f, bool (*is_there)(void *arg))
{
    struct timer *timer = NULL;
    bool over = false;
    assert_ok(timer_new(f->r.loop, on_pause, &over, &timer));
    for (int i = 0; i < 1500 && !is_there(f); i++) {
        over = false;
        timer_start(timer, 30000, 0);
        wait_until(f->r.loop, is_set, &over);
    }
    timer_free(timer);
}

/* The record of the call once everything is known of it; compare with rig_json(&f->last, ...). */
static void wait_outcome(struct fixture *f, const char *outcome, const char *reason)
{
    wait_record(f, has_outcome);
    assert_str_is(rig_json(&f->last, "dial.outcome"), outcome);
    assert_str_is(rig_json(&f->last, "outcome"), outcome);
    assert_str_is(rig_json(&f->last, "reason"), reason);
}

static void done(struct fixture *f)
{
    buf_done(&f->last.body);
    f->last = (struct rig_reply){0};
}

TEST(a_call_is_made_answered_and_recorded)
{
    struct fixture f;
    struct exchange_stats stats;
    set_up_as(&f, 0);
    f.callee.ring_ms = 300;
    dial(&f, ", \"opening_reason\": \"your parcel has come\", \"campaign_id\": \"spring\"");
    wait_outcome(&f, "answered", "caller-hangup");
    assert_str_is(rig_json(&f.last, "direction"), "outbound");
    assert_str_is(rig_json(&f.last, "from"), OURS);
    assert_str_is(rig_json(&f.last, "to"), "+15550002222");
    assert_str_is(rig_json(&f.last, "dial.campaign_id"), "spring");
    assert_str_is(rig_json(&f.last, "dial.cause"), "NORMAL_CLEARING");
    assert_int_equal(rig_json(&f.last, "carrier_call_id").n, 36);
    assert_true(f.early); /* the model was ready before the answer */
    exchange_stats(f.x, &stats);
    assert_int_equal(stats.calls, 1);
    assert_int_equal(stats.callbacks_failed, 0);
    assert_string_equal(stats.problem, "");
    done(&f);
    end(&f);
}

TEST(who_does_not_answer_is_told_apart)
{
    static const struct {
        enum exchange_callee_kind kind;
        const char *outcome, *reason, *cause;
    } cases[] = {
        {EXCHANGE_BUSY, "busy", "busy", "USER_BUSY"},
        {EXCHANGE_NO_ANSWER, "no_answer", "no-answer", "NO_ANSWER"},
        {EXCHANGE_FAIL, "failed", "not-dialled", "UNALLOCATED_NUMBER"},
    };
    struct fixture f;
    set_up_as(&f, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f.callee = (struct exchange_callee){.kind = cases[i].kind, .ring_ms = 50};
        dial(&f, "");
        wait_outcome(&f, cases[i].outcome, cases[i].reason);
        assert_str_is(rig_json(&f.last, "dial.cause"), cases[i].cause);
        done(&f);
    }
    assert_int_equal(f.answered, 0);
    end(&f);
}

TEST(what_the_service_refuses_is_a_failed_call_that_rang_nowhere)
{
    static const int statuses[] = {401, 429};
    struct fixture f;
    struct exchange_stats stats;
    set_up_as(&f, 0);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        exchange_refuse(f.x, statuses[i], 3);
        dial(&f, "");
        wait_outcome(&f, "failed", "not-dialled");
        exchange_refuse(f.x, 0, 0);
        done(&f);
    }
    exchange_stats(f.x, &stats);
    assert_int_equal(stats.calls, 0);
    end(&f);
}

TEST(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice)
{
    static const struct {
        uint32_t faults, variants;
    } cases[] = {
        {EXCHANGE_TWICE, 0},
        {EXCHANGE_EARLY, 0},
        {EXCHANGE_LATE, 0},
        {EXCHANGE_LATE_REPLY, 0},
        {EXCHANGE_ASK_TWICE, 0},
        {EXCHANGE_OTHER_ID, 0},
        {EXCHANGE_ERROR_REPLY, 0},
        {EXCHANGE_MUTE_REPLY, 0},
        {EXCHANGE_DOUBLE, 0},
        {EXCHANGE_NO_CALLBACKS, 0},
        {EXCHANGE_OTHER_ID | EXCHANGE_LATE_REPLY | EXCHANGE_TWICE | EXCHANGE_ASK_TWICE, 0},
        {EXCHANGE_EARLY | EXCHANGE_ERROR_REPLY | EXCHANGE_TWICE, PHONE_VARIANT_STRINGS | PHONE_VARIANT_STOP},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct exchange_stats stats;
        set_up_as(&f, cases[i].variants);
        exchange_set_faults(f.x, cases[i].faults);
        f.callee.ring_ms = 50;
        dial(&f, "");
        wait_outcome(&f, "answered", "caller-hangup");
        exchange_stats(f.x, &stats);
        assert_int_equal(stats.calls, cases[i].faults & EXCHANGE_DOUBLE ? 2 : 1);
        assert_int_equal(f.answered, 1);
        done(&f);
        end(&f);
    }
}

TEST(a_ringing_call_is_taken_back)
{
    struct fixture f;
    char path[160];
    set_up_as(&f, 0);
    f.callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .ring_ms = 60000};
    dial(&f, "");
    wait_record(&f, is_ringing);
    snprintf(path, sizeof(path), "/v1/calls/%s/hangup", f.call_id);
    struct rig_reply reply = rig_http(&f.r, "POST", path, "", "");
    assert_int_equal(reply.status / 100, 2);
    buf_done(&reply.body);
    wait_outcome(&f, "canceled", "api-hangup");
    assert_int_equal(f.answered, 0);
    assert_int_equal(f.ended, 1);
    done(&f);
    end(&f);
}

/* This carrier knows humans and machines, and not when a greeting ends: our own detector finds the beep, or the quiet.
 */
TEST(a_machine_gets_the_message)
{
    struct fixture f;
    set_up_as(&f, 0);
    f.callee = (struct exchange_callee){
        .kind = EXCHANGE_MACHINE, .ring_ms = 50, .detect_ms = 300, .hangup = {.kind = PHONE_WHEN_NEVER}};
    dial(&f, ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
    wait_outcome(&f, "voicemail", "voicemail");
    assert_str_is(rig_json(&f.last, "dial.answered_by"), "machine");
    assert_int_equal(f.answered, 1);
    done(&f);
    dial(&f, ", \"on_machine\": \"hangup\"");
    wait_outcome(&f, "machine", "machine");
    done(&f);
    end(&f);
}

/* 200 as the reference answers in every case; the record says that the call has failed, and why. */
TEST(credentials_that_are_wrong_are_told_and_a_failed_record)
{
    struct fixture f;
    char path[160];
    set_up_as(&f, 0);
    exchange_refuse(f.x, 401, 9);
    struct rig_reply r = rig_http(&f.r, "POST", "/outbound/call?phone_number=%2B15550002222", "", "");
    assert_int_equal(r.status, 200);
    assert_ok(str_copy(f.call_id, sizeof(f.call_id), rig_json(&r, "call_id")));
    assert_true(str_starts(rig_json(&r, "error"), STR("The call was not placed: ")));
    assert_true(str_search(buf_str(&r.body), STR("\"status\"")) == SIZE_MAX);
    buf_done(&r.body);
    wait_outcome(&f, "failed", "not-dialled");
    assert_str_is(rig_json(&f.last, "dial.cause"), "http-401");
    snprintf(path, sizeof(path), "/outbound/status/%s", f.call_id);
    r = rig_http(&f.r, "GET", path, "", "");
    assert_str_is(rig_json(&r, "status"), "failed");
    assert_str_is(rig_json(&r, "outcome"), "failed");
    buf_done(&r.body);
    done(&f);
    exchange_refuse(f.x, 0, 0);
    r = rig_http(&f.r, "POST", "/outbound/call?phone_number=%2B15550002222", "", "");
    assert_str_is(rig_json(&r, "status"), "ringing");
    assert_true(rig_json(&r, "plivo_request_uuid").n > 0);
    assert_ok(str_copy(f.call_id, sizeof(f.call_id), rig_json(&r, "call_id")));
    buf_done(&r.body);
    wait_outcome(&f, "answered", "caller-hangup");
    done(&f);
    end(&f);
}

/* Webhooks under the reference's names are understood: an application that still has them goes on working. */
TEST(the_webhooks_of_the_reference_are_taken)
{
    struct fixture f;
    set_up_as(&f, 0);
    struct rig_reply r = rig_http(&f.r, "POST", "/outbound/hangup", "", "CallUUID=unknown");
    assert_int_equal(r.status, 403); /* signed, as all of them */
    buf_done(&r.body);
    r = rig_http(&f.r, "POST", "/outbound/answer?call_id=unknown", "", "CallUUID=unknown");
    assert_int_equal(r.status, 403);
    buf_done(&r.body);
    end(&f);
}

TEST_MAIN(T(credentials_that_are_wrong_are_told_and_a_failed_record), T(the_webhooks_of_the_reference_are_taken),
          T(a_call_is_made_answered_and_recorded), T(who_does_not_answer_is_told_apart),
          T(what_the_service_refuses_is_a_failed_call_that_rang_nowhere),
          T(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice), T(a_ringing_call_is_taken_back),
          T(a_machine_gets_the_message))
