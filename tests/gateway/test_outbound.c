/* Calls that the gateway makes, on real sockets: a carrier's account on the other side, people who answer or do not. */
#include <stdio.h>

#include "base/err.h"
#include "peer/exchange/exchange.h"
#include "rig.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
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
static void set_up(struct fixture *f, const char *extra)
{
    struct loop *loop = NULL;
    *f = (struct fixture){.callee = {.kind = EXCHANGE_HUMAN, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 300}}};
    assert_ok(loop_new(&loop));
    assert_ok(http_client_new(loop, &f->http));
    const struct exchange_opts o = {.account_sid = STR(ACCOUNT),
                                    .auth_token = STR(TOKEN),
                                    .numbers = STR(OURS),
                                    .sign_base = STR(PUBLIC),
                                    .http = f->http};
    assert_ok(exchange_open(loop, &o, &handler, f, &f->x));
    snprintf(f->carrier, sizeof(f->carrier),
             "{account_sid: " ACCOUNT ", auth_token: \"" TOKEN "\", phone_number: \"" OURS
             "\", api_base: \"http://127.0.0.1:%u\"}",
             exchange_port(f->x));
    rig_open(&f->r,
             &(struct rig_opts){
                 .loop = loop, .carrier = f->carrier, .public_url = PUBLIC, .auth_token = TOKEN, .extra = extra});
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
    set_up(&f, "");
    f.callee.ring_ms = 300;
    dial(&f, ", \"opening_reason\": \"your parcel has come\", \"campaign_id\": \"spring\", \"variables\": {\"name\": "
             "\"Ada\"}");
    wait_outcome(&f, "answered", "caller-hangup");
    assert_str_is(rig_json(&f.last, "direction"), "outbound");
    assert_str_is(rig_json(&f.last, "from"), OURS);
    assert_str_is(rig_json(&f.last, "to"), "+15550002222");
    assert_str_is(rig_json(&f.last, "status"), "completed");
    assert_str_is(rig_json(&f.last, "dial.campaign_id"), "spring");
    assert_str_is(rig_json(&f.last, "dial.cause"), "200");
    assert_true(str_starts(rig_json(&f.last, "carrier_call_id"), STR("CA")));
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
        {EXCHANGE_BUSY, "busy", "busy", "486"},
        {EXCHANGE_NO_ANSWER, "no_answer", "no-answer", "480"},
        {EXCHANGE_FAIL, "failed", "not-dialled", "404"},
    };
    struct fixture f;
    set_up(&f, "");
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
    static const struct {
        int status;
        const char *cause;
    } cases[] = {{401, "20003"}, {429, "20429"}};
    struct fixture f;
    struct exchange_stats stats;
    set_up(&f, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        exchange_refuse(f.x, cases[i].status, 3);
        dial(&f, "");
        wait_outcome(&f, "failed", "not-dialled");
        assert_str_is(rig_json(&f.last, "dial.cause"), cases[i].cause);
        exchange_refuse(f.x, 0, 0);
        done(&f);
    }
    exchange_stats(f.x, &stats);
    assert_int_equal(stats.calls, 0);
    end(&f);
}

TEST(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice)
{
    static const uint32_t faults[] = {EXCHANGE_TWICE,
                                      EXCHANGE_EARLY,
                                      EXCHANGE_ERROR_REPLY,
                                      EXCHANGE_MUTE_REPLY,
                                      EXCHANGE_DOUBLE,
                                      EXCHANGE_NO_CALLBACKS,
                                      EXCHANGE_EARLY | EXCHANGE_ERROR_REPLY | EXCHANGE_TWICE};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct fixture f;
        struct exchange_stats stats;
        set_up(&f, "");
        exchange_set_faults(f.x, faults[i]);
        f.callee.ring_ms = 50;
        dial(&f, "");
        wait_outcome(&f, "answered", "caller-hangup");
        exchange_stats(f.x, &stats);
        assert_int_equal(stats.calls, faults[i] & EXCHANGE_DOUBLE ? 2 : 1);
        assert_int_equal(f.answered, 1);
        done(&f);
        end(&f);
    }
}

TEST(a_ringing_call_is_taken_back)
{
    struct fixture f;
    char path[160];
    set_up(&f, "");
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

TEST(a_machine_gets_the_message)
{
    struct fixture f;
    set_up(&f, "");
    f.callee = (struct exchange_callee){
        .kind = EXCHANGE_MACHINE, .ring_ms = 50, .detect_ms = 300, .hangup = {.kind = PHONE_WHEN_NEVER}};
    dial(&f, ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
    wait_outcome(&f, "voicemail", "voicemail");
    assert_str_is(rig_json(&f.last, "dial.answered_by"), "machine_end");
    assert_int_equal(f.answered, 1);
    done(&f);
    f.callee.answered_by = "machine_start";
    dial(&f, ", \"on_machine\": \"hangup\"");
    wait_outcome(&f, "machine", "machine");
    done(&f);
    f.callee.answered_by = "unknown"; /* never hung up on */
    f.callee.hangup = (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 300};
    dial(&f, ", \"on_machine\": \"hangup\"");
    wait_outcome(&f, "answered", "caller-hangup");
    assert_str_is(rig_json(&f.last, "dial.answered_by"), "unsure");
    done(&f);
    end(&f);
}

TEST(the_same_key_makes_one_call)
{
    struct fixture f;
    struct exchange_stats stats;
    char first[80];
    set_up(&f, "");
    struct rig_reply a = ask(&f, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(a.status, 201);
    assert_ok(str_copy(first, sizeof(first), rig_json(&a, "call_id")));
    struct rig_reply b = ask(&f, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(b.status, 200);
    assert_true(str_search(buf_str(&b.body), str_from(first)) != SIZE_MAX);
    assert_ok(str_copy(f.call_id, sizeof(f.call_id), str_from(first)));
    wait_outcome(&f, "answered", "caller-hangup");
    struct rig_reply c = ask(&f, "{\"to\": \"+15550002222\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(c.status, 200);
    struct rig_reply d = ask(&f, "{\"to\": \"+15550003333\"}", "Idempotency-Key: order-4711\r\n");
    assert_int_equal(d.status, 409);
    exchange_stats(f.x, &stats);
    assert_int_equal(stats.calls, 1);
    buf_done(&a.body);
    buf_done(&b.body);
    buf_done(&c.body);
    buf_done(&d.body);
    done(&f);
    end(&f);
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
    struct fixture f;
    struct exchange_stats stats;
    set_up(&f, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig_reply reply = ask(&f, cases[i].body, "");
        assert_int_equal(reply.status, cases[i].status);
        assert_true(str_search(buf_str(&reply.body), str_from(cases[i].holds)) != SIZE_MAX);
        buf_done(&reply.body);
    }
    exchange_stats(f.x, &stats);
    assert_int_equal(stats.requests, 0);
    end(&f);
}

TEST(limits_are_kept)
{
    struct fixture f;
    set_up(&f, "outbound: {max_calls: 2}\nlimits: {max_calls_per_number: 1}\n");
    f.callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .ring_ms = 60000};
    dial(&f, "");
    struct rig_reply same = ask(&f, "{\"to\": \"+15550002222\"}", "");
    assert_int_equal(same.status, 429); /* one call to a number at a time */
    struct rig_reply other = ask(&f, "{\"to\": \"+15550003333\"}", "");
    assert_int_equal(other.status, 201);
    struct rig_reply third = ask(&f, "{\"to\": \"+15550004444\"}", "");
    assert_int_equal(third.status, 429);
    assert_true(str_search(buf_str(&third.body), STR("outbound.max_calls is 2")) != SIZE_MAX);
    buf_done(&same.body);
    buf_done(&other.body);
    buf_done(&third.body);
    end(&f);
}

TEST(modes_close_one_direction)
{
    struct fixture f;
    set_up(&f, "mode: inbound\n");
    struct rig_reply reply = ask(&f, "{\"to\": \"+15550002222\"}", "");
    assert_int_equal(reply.status, 503);
    assert_true(str_search(buf_str(&reply.body), STR("mode is inbound")) != SIZE_MAX);
    buf_done(&reply.body);
    end(&f);
}

TEST(the_references_routes_have_its_shapes)
{
    struct fixture f;
    char path[200];
    set_up(&f, "");
    struct rig_reply r = rig_http(&f.r, "POST", "/outbound/call", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "error"), "phone_number is required");
    buf_done(&r.body);
    r = rig_http(&f.r, "POST",
                 "/outbound/call?phone_number=%2B15550002222&campaign_id=spring&opening_reason=a%20parcel", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "status"), "ringing");
    assert_str_is(rig_json(&r, "phone_number"), "+15550002222");
    assert_ok(str_copy(f.call_id, sizeof(f.call_id), rig_json(&r, "call_id")));
    buf_done(&r.body);
    wait_outcome(&f, "answered", "caller-hangup");
    snprintf(path, sizeof(path), "/outbound/status/%s", f.call_id);
    r = rig_http(&f.r, "GET", path, "", "");
    assert_str_is(rig_json(&r, "status"), "completed");
    assert_str_is(rig_json(&r, "outcome"), "success");
    assert_str_is(rig_json(&r, "campaign_id"), "spring");
    assert_str_is(rig_json(&r, "opening_reason"), "a parcel");
    buf_done(&r.body);
    r = rig_http(&f.r, "GET", "/outbound/campaign/spring", "", "");
    assert_true(str_search(buf_str(&r.body), STR("\"total\":1,\"calls\":[{\"call_id\":\"")) != SIZE_MAX);
    buf_done(&r.body);
    r = rig_http(&f.r, "GET", "/outbound/campaign/none", "", "");
    assert_true(str_search(buf_str(&r.body), STR("\"campaign_id\":\"none\",\"total\":0,\"calls\":[]")) != SIZE_MAX);
    buf_done(&r.body);
    r = rig_http(&f.r, "GET", "/outbound/status/none", "", "");
    assert_int_equal(r.status, 200);
    assert_str_is(rig_json(&r, "error"), "Call not found");
    buf_done(&r.body);
    snprintf(path, sizeof(path), "/outbound/hangup/%s", f.call_id);
    r = rig_http(&f.r, "POST", path, "", "");
    assert_str_is(rig_json(&r, "error"), "Call is not active (status: completed)");
    buf_done(&r.body);
    done(&f);
    end(&f);
}

TEST_MAIN(T(a_call_is_made_answered_and_recorded), T(who_does_not_answer_is_told_apart),
          T(what_the_service_refuses_is_a_failed_call_that_rang_nowhere),
          T(what_goes_wrong_on_the_way_loses_nothing_and_calls_nobody_twice), T(a_ringing_call_is_taken_back),
          T(a_machine_gets_the_message), T(the_same_key_makes_one_call),
          T(what_cannot_be_called_is_refused_with_a_status_and_a_sentence), T(limits_are_kept),
          T(modes_close_one_direction), T(the_references_routes_have_its_shapes))
