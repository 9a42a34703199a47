/*
 * The question that is put to who answers before the agent speaks, over both carriers: the account's document, the key
 * and its webhook, and what may go wrong with them. How an attempt weighs a key: dialer/test_attempt.c.
 */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"

#define CONSENT(more)                                                                                                  \
    ", \"variables\": {\"name\": \"Ada\"}, \"consent\": {\"prompt\": \"Hello {{name}}, press 1 & go on.\", "           \
    "\"goodbye\": \"Farewell then.\"" more "}"
#define STREAM "<Stream "

static const struct phone_vendor *const vendors[] = {&phone_twilio, &phone_plivo};

static uint32_t times_told(const struct dial_bench *b, const char *text)
{
    struct str rest = buf_str(&b->docs);
    uint32_t n = 0;
    for (size_t at; (at = str_search(rest, str_from(text))) != SIZE_MAX; n++) {
        rest = (struct str){rest.p + at + 1, rest.n - at - 1};
    }
    return n;
}

TEST(a_key_decides_whether_the_agent_speaks)
{
    static const struct {
        const char *keys, *outcome, *reason, *metric;
        uint32_t prompts;
        bool talks, goodbye;
    } cases[] = {
        {"1", "answered", "caller-hangup", "ringtrip_consents_total{reply=\"accepted\"} 1", 1, true, false},
        {"2", "consent_denied", "no-consent", "ringtrip_consents_total{reply=\"denied\"} 1", 1, false, true},
        {"", "consent_timeout", "no-consent", "ringtrip_consents_total{reply=\"timeout\"} 1", 2, false, true},
        {"51", "answered", "caller-hangup", "ringtrip_consents_total{reply=\"accepted\"} 2", 2, true, false},
        {"-2", "consent_denied", "no-consent", "ringtrip_consents_total{reply=\"denied\"} 2", 2, false, true},
        {"#*", "consent_timeout", "no-consent", "ringtrip_consents_total{reply=\"timeout\"} 2", 2, false, true},
        {"h", "consent_timeout", "no-consent", "ringtrip_consents_total{reply=\"timeout\"} 3", 1, false, false},
    };
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        struct dial_bench b;
        dial_bench_open(&b, vendors[v], "");
        b.callee.key_wait_ms = 50;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            b.callee.keys = str_from(cases[i].keys);
            b.r.model_waited = b.heard = false;
            dial_bench_dial(&b, CONSENT(""));
            dial_bench_wait(&b, cases[i].outcome, cases[i].reason);
            assert_int_equal(times_told(&b, "Hello Ada, press 1 &amp; go on."), cases[i].prompts);
            assert_int_equal(dial_bench_was_told(&b, STREAM), cases[i].talks);
            assert_int_equal(dial_bench_was_told(&b, "Farewell then."), cases[i].goodbye);
            assert_int_equal(b.heard, cases[i].talks);
            assert_int_equal(b.r.model_waited, cases[i].talks);
            dial_bench_metric(&b, cases[i].metric);
        }
        dial_bench_close(&b);
    }
}

TEST(whatever_the_carrier_does_late_or_twice_the_question_is_put_once)
{
    static const uint32_t faults[] = {EXCHANGE_TWICE, EXCHANGE_EARLY, EXCHANGE_MUTE_REPLY, EXCHANGE_NO_CALLBACKS,
                                      EXCHANGE_ASK_TWICE};
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
            struct dial_bench b;
            dial_bench_open(&b, vendors[v], "");
            exchange_set_faults(b.x, faults[i]);
            b.callee.keys = STR("1");
            dial_bench_dial(&b, CONSENT(""));
            dial_bench_wait(&b, "answered", "caller-hangup");
            dial_bench_metric(&b, "ringtrip_consents_total{reply=\"accepted\"} 1");
            exchange_set_faults(b.x, 0);
            dial_bench_close(&b);
        }
    }
}

/* ---- webhooks by hand ---- */

static struct rig_reply tell(struct dial_bench *b, const char *call, const char *path, const char *key,
                             const char *token)
{
    const struct str_pair form[] = {
        {b->as == &phone_plivo ? STR("CallUUID") : STR("CallSid"), str_from(call)},
        {STR("CallStatus"), STR("in-progress")},
        {STR("Direction"), b->as == &phone_plivo ? STR("outbound") : STR("outbound-api")},
        {STR("Digits"), str_from(key)},
    };
    return dial_bench_hook(b, path, form, ARRAY_LEN(form) - (key[0] ? 0 : 1), token);
}

static const char *asked_path(struct dial_bench *b, unsigned round, char room[200])
{
    snprintf(room, 200, "%s?attempt=%s&round=%u", b->as == &phone_plivo ? "/plivo/asked" : "/twilio/asked", b->call_id,
             round);
    return room;
}

static void assert_holds(struct rig_reply reply, const char *text, bool holds)
{
    if (reply.status != 200 || (str_search(buf_str(&reply.body), str_from(text)) != SIZE_MAX) != holds) {
        fail_msg("%d, %s \"%s\": " STR_FMT, reply.status, holds ? "without" : "with", text,
                 STR_ARG(buf_str(&reply.body)));
    }
    buf_done(&reply.body);
}

static bool is_answered(void *arg)
{
    struct exchange_stats stats;
    exchange_stats(((struct dial_bench *)arg)->x, &stats);
    return stats.answered > 0 && ((struct dial_bench *)arg)->docs.len > 0;
}

/* Somebody who listens to the question and presses nothing for a long time. */
static void open_asked(struct dial_bench *b, const struct phone_vendor *as)
{
    dial_bench_open(b, as, "");
    b->callee.key_wait_ms = 600000;
    dial_bench_dial(b, CONSENT(""));
    wait_until(b->r.loop, is_answered, b);
}

TEST(what_is_not_signed_by_the_carrier_accepts_for_nobody)
{
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        struct dial_bench b;
        char path[200];
        open_asked(&b, vendors[v]);
        struct rig_reply forged = tell(&b, b.sid, asked_path(&b, 1, path), "1", "ffffffffffffffffffffffffffffffff");
        assert_int_equal(forged.status, 403);
        buf_done(&forged.body);
        /* A signature is for its URL: another round, or another attempt, is another one. */
        struct rig_reply bare = rig_http(&b.r, "POST", path, "Content-Type: application/x-www-form-urlencoded\r\n",
                                         "Digits=1&CallSid=x&CallUUID=x");
        assert_int_equal(bare.status, 403);
        buf_done(&bare.body);
        /* Signed, but of another call; and of an attempt that nobody knows. */
        assert_holds(tell(&b, "CAffffffffffffffffffffffffffffffff", path, "1", BENCH_TOKEN), STREAM, false);
        snprintf(path, sizeof(path), "%s?attempt=nobody&round=1",
                 vendors[v] == &phone_plivo ? "/plivo/asked" : "/twilio/asked");
        struct rig_reply unknown = tell(&b, b.sid, path, "1", BENCH_TOKEN);
        assert_holds(unknown, "Goodbye", true);
        dial_bench_metric(&b, "ringtrip_consents_total{reply=\"accepted\"} 0");
        /* The right one still counts. */
        assert_holds(tell(&b, b.sid, asked_path(&b, 1, path), "1", BENCH_TOKEN), STREAM, true);
        dial_bench_metric(&b, "ringtrip_consents_total{reply=\"accepted\"} 1");
        dial_bench_close(&b);
    }
}

TEST(a_webhook_that_comes_twice_gets_the_same_answer)
{
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        struct dial_bench b;
        char path[200];
        open_asked(&b, vendors[v]);
        for (int i = 0; i < 2; i++) { /* not two rounds */
            assert_holds(tell(&b, b.sid, asked_path(&b, 1, path), "7", BENCH_TOKEN), "round=2", true);
        }
        assert_holds(tell(&b, b.sid, asked_path(&b, 1, path), "1", BENCH_TOKEN), STREAM, false); /* overtaken */
        for (int i = 0; i < 2; i++) {
            assert_holds(tell(&b, b.sid, asked_path(&b, 2, path), "1", BENCH_TOKEN), STREAM, true);
        }
        dial_bench_metric(&b, "ringtrip_consents_total{reply=\"accepted\"} 1");
        dial_bench_close(&b);
        open_asked(&b, vendors[v]);
        for (int i = 0; i < 2; i++) {
            assert_holds(tell(&b, b.sid, asked_path(&b, 1, path), "2", BENCH_TOKEN), "Farewell then.", true);
        }
        assert_holds(tell(&b, b.sid, asked_path(&b, 1, path), "1", BENCH_TOKEN), STREAM, false);
        dial_bench_metric(&b, "ringtrip_consents_total{reply=\"denied\"} 1");
        dial_bench_close(&b);
    }
}

TEST(a_machine_does_not_hear_the_question_to_its_end)
{
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        struct dial_bench b;
        dial_bench_open(&b, vendors[v], "");
        b.callee = (struct exchange_callee){.kind = EXCHANGE_MACHINE,
                                            .ring_ms = 50,
                                            .detect_ms = 400,
                                            .key_wait_ms = 600000,
                                            .hangup = {.kind = PHONE_WHEN_NEVER}};
        dial_bench_dial(&b, CONSENT("") ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
        dial_bench_wait(&b, "voicemail", "voicemail");
        assert_int_equal(times_told(&b, "Hello Ada"), 1);
        dial_bench_metric(&b, "ringtrip_consents_total{reply=\"accepted\"} 0");
        dial_bench_dial(&b, CONSENT("") ", \"on_machine\": \"hangup\"");
        dial_bench_wait(&b, "machine", "machine");
        assert_false(dial_bench_was_told(&b, STREAM));
        dial_bench_close(&b);
    }
}

TEST(an_operator_ends_a_call_that_is_being_asked)
{
    struct dial_bench b;
    char path[160];
    open_asked(&b, &phone_twilio);
    snprintf(path, sizeof(path), "/v1/calls/%s/hangup", b.call_id);
    struct rig_reply reply = rig_http(&b.r, "POST", path, "", "");
    assert_int_equal(reply.status / 100, 2);
    buf_done(&reply.body);
    dial_bench_wait(&b, "canceled", "api-hangup");
    dial_bench_close(&b);
}

TEST(a_question_that_cannot_be_put_is_refused)
{
    struct dial_bench b;
    dial_bench_open(&b, &phone_twilio, "");
    struct rig_reply reply = rig_http(&b.r, "POST", "/v1/calls", "Content-Type: application/json\r\n",
                                      "{\"to\": \"+15550002222\", \"consent\": {\"prompt\": \"x\", \"timeout\": 1}}");
    assert_int_equal(reply.status, 422);
    assert_has(buf_str(&reply.body), "consent.timeout must be a whole number from 5 to 60");
    buf_done(&reply.body);
    dial_bench_close(&b);
}

TEST_MAIN(T(a_key_decides_whether_the_agent_speaks),
          T(whatever_the_carrier_does_late_or_twice_the_question_is_put_once),
          T(what_is_not_signed_by_the_carrier_accepts_for_nobody), T(a_webhook_that_comes_twice_gets_the_same_answer),
          T(a_machine_does_not_hear_the_question_to_its_end), T(an_operator_ends_a_call_that_is_being_asked),
          T(a_question_that_cannot_be_put_is_refused))
