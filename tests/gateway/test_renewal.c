/*
 * Model sessions that end under a running call: real sockets, a phone that talks on, a sandbox that breaks off. Every
 * sentence of the caller must reach some session in order, and every answer the caller in full, whatever happens to
 * the sessions.
 */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"
#include "gateway/replay.h"

#define TURNS 10

static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

/* The canned sandbox takes each tone for the next sentence; the answers count along. */
static const char counting[] =
    "name: counting\n"
    "greeting: Hello.\n"
    "refusal: What?\n"
    "unavailable: Not now.\n"
    "prompt: Anything else?\n"
    "script: [say one, say two, say three, say four, say five, say six, say seven, say eight, say nine, say ten]\n"
    "intents:\n"
    "  one: {rules: [say one], say: This is the answer to number one.}\n"
    "  two: {rules: [say two], say: This is the answer to number two.}\n"
    "  three: {rules: [say three], say: This is the answer to number three.}\n"
    "  four: {rules: [say four], say: This is the answer to number four.}\n"
    "  five: {rules: [say five], say: This is the answer to number five.}\n"
    "  six: {rules: [say six], say: This is the answer to number six.}\n"
    "  seven: {rules: [say seven], say: This is the answer to number seven.}\n"
    "  eight: {rules: [say eight], say: This is the answer to number eight.}\n"
    "  nine: {rules: [say nine], say: This is the answer to number nine.}\n"
    "  ten: {rules: [say ten], say: This is the answer to number ten.}\n";
static const char *const words[] = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_true(report.records > 3);
    assert_int_equal(report.first_diff, 0);
}

static void assert_recorded(struct rig *r, uint32_t renewals)
{
    char path[160], want[16];
    snprintf(path, sizeof(path), "/v1/calls/%s", r->last_call);
    snprintf(want, sizeof(want), "%u", renewals);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_true(str_is(rig_json(&reply, "renewals"), want));
    buf_done(&reply.body);
}

static void flatten(struct buf *lines)
{
    for (size_t i = 0; i < lines->len; i++) {
        uint8_t *at = buf_ptr(lines) + i;
        *at = *at == '\n' ? ' ' : *at;
    }
}

static void assert_contains_once(struct str text, const char *part)
{
    assert_has(text, part);
    size_t at = str_search(text, str_from(part));
    struct str rest = {text.p + at + 1, text.n - at - 1};
    assert_has_not(rest, part);
}

/* The first n sentences were heard in order and answered to the end. */
static void assert_nothing_lost(struct rig *r, uint32_t n)
{
    size_t last = 0;
    flatten(&r->heard);
    flatten(&r->spoken);
    for (uint32_t i = 0; i < n; i++) {
        char said[32], answer[64];
        snprintf(said, sizeof(said), "say %s ", words[i]);
        snprintf(answer, sizeof(answer), "This is the answer to number %s.", words[i]);
        assert_contains_once(buf_str(&r->heard), said);
        assert_contains_once(buf_str(&r->spoken), answer);
        size_t at = str_search(buf_str(&r->heard), str_from(said));
        assert_true(i == 0 || at > last);
        last = at;
    }
}

#define AGENT "agent: {provider: test, turn_detection: server_vad}\n"

static struct rig_call *talk(struct rig *r, uint32_t n)
{
    struct phone_when when[TURNS];
    for (uint32_t i = 0; i < n; i++) {
        when[i] = (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1300};
    }
    r->call_ms = 90000;
    struct rig_call *c = rig_call(r, when, n, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500});
    rig_wait_over(c);
    return c;
}

TEST(sessions_that_expire_every_two_seconds_are_renewed_and_no_turn_is_lost)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.faults = "expire=2", .dialogue = counting});
    talk(&r, TURNS);
    print_message("# %u renewals, %u items told, %u failed\n", r.notes[NOTE_RENEWED], r.replayed,
                  r.notes[NOTE_RENEWAL_FAILED]);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_true(r.notes[NOTE_RENEWED] >= 20);
    assert_recorded(&r, r.notes[NOTE_RENEWED]);
    assert_nothing_lost(&r, TURNS);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(sessions_that_are_cut_off_anywhere_lose_no_turn)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.faults = "drop-after=2700", .dialogue = counting});
    talk(&r, TURNS);
    print_message("# %u renewals, %u items told, %u failed\n", r.notes[NOTE_RENEWED], r.replayed,
                  r.notes[NOTE_RENEWAL_FAILED]);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_true(r.notes[NOTE_RENEWED] >= 8);
    assert_nothing_lost(&r, TURNS);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_session_cut_off_in_mid_speech_loses_nothing)
{
    static const struct phone_when when[] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 700},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 700}};
    for (uint32_t ms = 1400; ms <= 2600; ms += 400) { /* before, in and behind the first sentence */
        struct rig r;
        char faults[64];
        snprintf(faults, sizeof(faults), "drop-heard=%u", ms);
        print_message("# %s\n", faults);
        rig_open(&r, &(struct rig_opts){.faults = faults, .dialogue = counting});
        r.call_ms = 20000;
        struct rig_call *c = rig_call(&r, when, 2, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500});
        rig_wait_over(c);
        assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
        assert_true(r.notes[NOTE_RENEWED] >= 1);
        assert_nothing_lost(&r, 2);
        assert_replays(&r);
        rig_close(&r, false);
    }
}

TEST(another_provider_takes_over_when_the_first_does_not_come_back)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.spare = "failover: [spare], query: {fault: \"drop-after:3500,refuse:1000\"}",
                                    .dialogue = counting,
                                    .extra = AGENT "renewal: {attempts: 2, backoff_ms: 100}"});
    talk(&r, 4);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_int_equal(r.notes[NOTE_FAILOVER], 1);
    assert_int_equal(r.notes[NOTE_RENEWED], 1);
    assert_int_equal(r.notes[NOTE_RENEWAL_FAILED], 2);
    assert_nothing_lost(&r, 4);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(the_apology_comes_when_no_provider_does)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.faults = "drop-after=2500,refuse=1000",
                                    .dialogue = counting,
                                    .extra = "renewal: {attempts: 2, backoff_ms: 100}"});
    r.call_ms = 20000;
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_MODEL_CLOSED);
    assert_has(buf_str(&c->docs), "<Say");
    assert_replays(&r);
    rig_close(&r, false);
}

TEST_MAIN(T(sessions_that_expire_every_two_seconds_are_renewed_and_no_turn_is_lost),
          T(sessions_that_are_cut_off_anywhere_lose_no_turn), T(a_session_cut_off_in_mid_speech_loses_nothing),
          T(another_provider_takes_over_when_the_first_does_not_come_back), T(the_apology_comes_when_no_provider_does))
