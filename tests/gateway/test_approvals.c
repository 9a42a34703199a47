/*
 * Whole calls whose agent has a tool that somebody must allow, or that behaves badly: caller, gateway and sandbox on
 * one loop, the endpoint in a process of its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/replay.h"
#include "gateway/rig.h"

extern char **environ;

/* ---- the endpoint ---- */

struct till {
    pid_t pid;
    int stdin_fd;
    unsigned port;
};

static void open_till(struct till *t)
{
    posix_spawn_file_actions_t actions;
    char program[] = "python3";
    char script[] = SOURCE_ROOT "/tests/gateway/till.py";
    char *argv[] = {program, script, NULL};
    int in[2], out[2];
    char text[16] = "";
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in[0], 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
    assert_int_equal(posix_spawnp(&t->pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    assert_true(read(out[0], text, sizeof(text) - 1) > 1); /* written at once */
    close(out[0]);
    t->stdin_fd = in[1];
    struct str line = str_trim(str_from(text));
    int64_t port = 0;
    assert_ok(str_to_i64(line, &port));
    t->port = (unsigned)port;
}

static void close_till(struct till *t)
{
    close(t->stdin_fd);
    assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
}

/* ---- the call ---- */

static const char dialogue[] =
    "name: test\n"
    "greeting: Hello.\n"
    "refusal: What?\n"
    "unavailable: Not now.\n"
    "prompt: Anything else?\n"
    "script:\n"
    "  - order one two three four\n"
    "  - goodbye\n"
    "rules:\n"
    "  digit: one | two | three | four\n"
    "  order_number: <digit> <digit>+\n"
    "slots:\n"
    "  order_number: digits\n"
    "intents:\n"
    "  order:\n"
    "    rules: [\"order [<order_number>]\"]\n"
    "    say: Looking.\n"
    "    call: {tool: lookup_parcel, arguments: {number: \"{order_number}\", amount: \"5\"}}\n"
    "  goodbye:\n"
    "    rules: [goodbye]\n"
    "    say: Goodbye.\n"
    "    call: {tool: end_call, arguments: {reason: done}}\n"
    "results:\n"
    "  lookup_parcel:\n"
    "    - when: {error: \"*\"}\n"
    "      say: That did not work.\n"
    "    - say: \"Your parcel is in {result.city}.\"\n";

static const struct phone_when at_once[] = {{0}};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};
/* Longer than any pause in these calls. */
static const struct phone_when answered = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 3500};

static void open_with(struct rig *r, const struct till *t, const char *path, const char *rules, const char *tokens,
                      const char *said)
{
    static char extra[2000];
    struct rig_opts o = {.extra = extra, .dialogue = said, .tokens = tokens};
    ignore_result(snprintf(extra, sizeof(extra),
                           "tools:\n"
                           "  lookup_parcel:\n"
                           "    description: Finds a parcel.\n"
                           "    parameters:\n"
                           "      type: object\n"
                           "      properties: {number: {type: string}, amount: {type: string}}\n"
                           "    webhook: {url: 'http://127.0.0.1:%u/%s', timeout_ms: 3000}\n"
                           "    %s\n"
                           "agent:\n"
                           "  turn_detection: server_vad\n"
                           "  tools: [end_call, lookup_parcel]\n",
                           t->port, path, rules) < 0);
    rig_open(r, &o);
}

static void open_call(struct rig *r, const struct till *t, const char *path, const char *rules, const char *tokens)
{
    open_with(r, t, path, rules, tokens, dialogue);
}

static struct rig_reply record_of(struct rig *r)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r->last_call) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static bool was_said(struct rig *r, const char *sentence)
{
    struct rig_reply reply = record_of(r);
    bool said = str_search(rig_json(&reply, "transcript"), str_from(sentence)) != SIZE_MAX;
    if (!said) {
        print_error("the transcript: " STR_FMT "\n", STR_ARG(rig_json(&reply, "transcript")));
    }
    buf_done(&reply.body);
    return said;
}

static void assert_metric(struct rig *r, const char *line)
{
    struct rig_reply reply = rig_http(r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_int_equal(report.first_diff, 0);
}

/* The id of what waits first, once something does; the list as it was then. */
static void wait_pending(struct rig *r, char ret_id[32], struct buf *ret_list)
{
    ret_id[0] = '\0';
    while (!ret_id[0]) {
        struct rig_reply reply = rig_http(r, "GET", "/v1/approvals", NULL, NULL);
        assert_int_equal(reply.status, 200);
        struct str list = rig_json(&reply, "approvals");
        size_t at = str_search(list, STR("\"id\":\"apr_"));
        if (at != SIZE_MAX) {
            assert_ok(str_copy(ret_id, 32, (struct str){list.p + at + 6, 20}));
            buf_clear(ret_list);
            buf_put_str(ret_list, list);
        }
        buf_done(&reply.body);
        settle(r->loop);
    }
}

static void decide(struct rig *r, const char *id, const char *body, int want)
{
    char path[64];
    ignore_result(snprintf(path, sizeof(path), "/v1/approvals/%s", id) < 0);
    struct rig_reply reply = rig_http(r, "POST", path, "Content-Type: application/json\r\n", body);
    if (reply.status != want) {
        fail_msg("POST %s %s: %d " STR_FMT, path, body, reply.status, STR_ARG(buf_str(&reply.body)));
    }
    buf_done(&reply.body);
}

static void hang_up(struct rig_call *c)
{
    phone_hang_up(c->phone, "enough");
    rig_wait_over(c);
}

TEST(approval_by_http_while_the_phone_is_on_the_line)
{
    struct rig r;
    struct till t;
    char id[32];
    struct buf list;
    buf_init(&list, 1 << 16);
    open_till(&t);
    open_call(&r, &t, "ok", "approval: always", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    wait_pending(&r, id, &list);
    struct str seen = buf_str(&list);
    assert_has(seen, "\"tool\":\"lookup_parcel\"");
    assert_has(seen, "\"arguments\":{\"number\":\"1234\",\"amount\":\"5\"}");
    assert_has(seen, "\"caller\":\"+15005550001\"");
    assert_has(seen, "\"on_timeout\":\"reject\"");
    assert_metric(&r, "ringtrip_approvals_pending 1");
    while (r.notes[NOTE_TOOL_FILLER] == 0) { /* the caller is told */
        settle(r.loop);
    }
    uint32_t lines = r.lines;
    while (r.lines == lines) { /* and has heard it */
        settle(r.loop);
    }
    assert_int_equal(r.tools, 0);
    decide(&r, id, "{\"decision\": \"approve\"}", 200);
    decide(&r, id, "{\"decision\": \"approve\"}", 404); /* decided */
    rig_wait_over(c);
    assert_int_equal(r.tools, 1);
    assert_true(was_said(&r, "One moment, I have to get approval for that."));
    assert_true(was_said(&r, "Your parcel is in Lisbon."));
    assert_metric(&r, "ringtrip_approvals_pending 0");
    assert_metric(&r, "ringtrip_approvals_total{outcome=\"approved\"} 1");
    assert_metric(&r, "ringtrip_tool_fillers_total{kind=\"approval\"} 1");
    assert_replays(&r);
    buf_done(&list);
    rig_close(&r, false);
    close_till(&t);
}

/* A model that asks as it is told, and calls again whatever the caller has said. */
#define ASKING(answer)                                                                                                 \
    "name: test\n"                                                                                                     \
    "greeting: Hello.\n"                                                                                               \
    "refusal: What?\n"                                                                                                 \
    "unavailable: Not now.\n"                                                                                          \
    "prompt: Anything else?\n"                                                                                         \
    "script: [find my parcel, " answer "]\n"                                                                           \
    "intents:\n"                                                                                                       \
    "  find:\n"                                                                                                        \
    "    rules: [find my parcel]\n"                                                                                    \
    "    call: {tool: lookup_parcel, arguments: {number: \"1234\"}}\n"                                                 \
    "  answer:\n"                                                                                                      \
    "    rules: [" answer "]\n"                                                                                        \
    "    call: {tool: lookup_parcel, arguments: {number: \"1234\"}}\n"                                                 \
    "results:\n"                                                                                                       \
    "  lookup_parcel:\n"                                                                                               \
    "    - when: {status: approval_required}\n"                                                                        \
    "      say: I would look up your parcel. Shall I?\n"                                                               \
    "    - when: {status: not_approved}\n"                                                                             \
    "      say: Then I leave it.\n"                                                                                    \
    "    - say: \"Your parcel is in {result.city}.\"\n"

static void ask_the_caller(const char *said, uint32_t want_tools, const char *want, const char *want_metric)
{
    static const struct phone_when turns[] = {{0}, {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500}};
    struct rig r;
    struct till t;
    open_till(&t);
    open_with(&r, &t, "ok", "approval: spoken", NULL, said);
    struct rig_call *c = rig_call(&r, turns, ARRAY_LEN(turns), answered);
    rig_wait_over(c);
    assert_int_equal(r.tools, want_tools);
    assert_true(was_said(&r, "I would look up your parcel. Shall I?"));
    assert_true(was_said(&r, want));
    assert_metric(&r, "ringtrip_approvals_total{outcome=\"caller-asked\"} 1");
    assert_metric(&r, want_metric);
    assert_replays(&r);
    rig_close(&r, false);
    close_till(&t);
}

TEST(the_callers_own_yes_lets_the_tool_run)
{
    ask_the_caller(ASKING("yes please do"), 1, "Your parcel is in Lisbon.",
                   "ringtrip_approvals_total{outcome=\"caller-approved\"} 1");
}

TEST(the_callers_no_keeps_it_from_running_whatever_the_model_does)
{
    ask_the_caller(ASKING("no better not"), 0, "Then I leave it.",
                   "ringtrip_approvals_total{outcome=\"caller-rejected\"} 1");
}

TEST(rejection_reaches_the_model_and_nothing_runs)
{
    struct rig r;
    struct till t;
    char id[32];
    struct buf list;
    buf_init(&list, 1 << 16);
    open_till(&t);
    open_call(&r, &t, "ok", "approval: {when: 'number != 9999', words: 'I ask my boss.'}", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    wait_pending(&r, id, &list);
    decide(&r, id, "{\"decision\": \"reject\", \"message\": \"{\\\"error\\\": \\\"not today\\\"}\", \"always\": true}",
           200);
    rig_wait_over(c);
    assert_int_equal(r.tools, 0);
    assert_true(was_said(&r, "That did not work."));
    assert_metric(&r, "ringtrip_approvals_total{outcome=\"rejected\"} 1");
    assert_replays(&r);
    buf_done(&list);
    rig_close(&r, false);
    close_till(&t);
}

TEST(condition_that_does_not_hold_asks_nobody)
{
    struct rig r;
    struct till t;
    open_till(&t);
    open_call(&r, &t, "ok", "approval: {when: [number == 9999, number matches ^0]}", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_int_equal(r.tools, 1);
    assert_true(was_said(&r, "Your parcel is in Lisbon."));
    assert_metric(&r, "ringtrip_approvals_total{outcome=\"approved\"} 0");
    assert_replays(&r);
    rig_close(&r, false);
    close_till(&t);
}

#define LOOKS_FIRST(min)                                                                                               \
    "approval: always\n"                                                                                               \
    "guardrail_settings: {pre_approval_tool_input_guardrails: true}\n"                                                 \
    "guardrails: {sum: {kind: range, on: tool, argument: amount, min: " min ", max: 50, for_all: true}}"

TEST(nobody_is_asked_about_what_a_guardrail_refuses)
{
    struct rig r;
    struct till t;
    char id[32];
    struct buf list;
    buf_init(&list, 1 << 16);
    open_till(&t);
    open_call(&r, &t, "ok", LOOKS_FIRST("10"), NULL);
    rig_wait_over(rig_call(&r, at_once, 1, answered));
    assert_int_equal(r.tools, 0);
    assert_true(was_said(&r, "That did not work."));
    assert_replays(&r);
    rig_close(&r, false);

    open_call(&r, &t, "ok", LOOKS_FIRST("1"), NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    wait_pending(&r, id, &list); /* what is harmless still needs somebody's yes */
    decide(&r, id, "{\"decision\": \"approve\"}", 200);
    rig_wait_over(c);
    assert_int_equal(r.tools, 1);
    assert_true(was_said(&r, "Your parcel is in Lisbon."));
    rig_close(&r, false);
    buf_done(&list);
    close_till(&t);
}

TEST(call_that_ends_takes_its_approvals_with_it)
{
    struct rig r;
    struct till t;
    char id[32];
    struct buf list;
    buf_init(&list, 1 << 16);
    open_till(&t);
    open_call(&r, &t, "ok", "approval: always", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, never);
    wait_pending(&r, id, &list);
    hang_up(c);
    decide(&r, id, "{\"decision\": \"approve\"}", 404);
    struct rig_reply reply = rig_http(&r, "GET", "/v1/approvals", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "0");
    buf_done(&reply.body);
    assert_metric(&r, "ringtrip_approvals_total{outcome=\"gone\"} 1");
    assert_int_equal(r.tools, 0);
    assert_replays(&r);
    buf_done(&list);
    rig_close(&r, false);
    close_till(&t);
}

TEST(decisions_that_make_no_sense_are_refused)
{
    static const char *const bodies[] = {"",
                                         "{",
                                         "[]",
                                         "{}",
                                         "\"approve\"",
                                         "{\"decision\": true}",
                                         "{\"decision\": \"maybe\"}",
                                         "{\"decision\": \"approve\", \"always\": \"yes\"}",
                                         "{\"decision\": \"reject\", \"message\": 7}",
                                         "{\"decision\": \"reject\", \"message\": \"\xff\"}"};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.tokens = "secret-token-123"});
    struct rig_reply reply = rig_http(&r, "GET", "/v1/approvals", "Authorization: Bearer wrong\r\n", NULL);
    assert_int_equal(reply.status, 401);
    buf_done(&reply.body);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        reply = rig_http(&r, "POST", "/v1/approvals/apr_1", "Authorization: Bearer secret-token-123\r\n", bodies[i]);
        if (reply.status != 400) {
            fail_msg("%s: %d", bodies[i], reply.status);
        }
        buf_done(&reply.body);
    }
    reply = rig_http(&r, "POST", "/v1/approvals/apr_1", "Authorization: Bearer secret-token-123\r\n",
                     "{\"decision\": \"approve\"}");
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
    reply = rig_http(&r, "DELETE", "/v1/approvals", "Authorization: Bearer secret-token-123\r\n", NULL);
    assert_int_equal(reply.status, 405);
    buf_done(&reply.body);
    rig_close(&r, false);
}

/* ---- tools that behave badly ---- */

/* A call that uses the tool; what the caller is told at the end of it. */
static void misbehave(const char *path, const char *rules, const char *want, bool fills)
{
    struct rig r;
    struct till t;
    open_till(&t);
    open_call(&r, &t, path, rules, NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(r.tools, 1);
    assert_true(was_said(&r, want));
    assert_metric(&r, fills ? "ringtrip_tool_fillers_total{kind=\"words\"} 1" : "fillers_total{kind=\"words\"} 0");
    assert_replays(&r);
    rig_close(&r, false); /* asserts that nothing is left */
    close_till(&t);
}

TEST(slow_tool_is_bridged_and_its_answer_follows)
{
    misbehave("slow", "filler: {after_ms: 400, words: 'One moment, please.'}", "Your parcel is in Lisbon.", true);
}

TEST(hanging_tool_is_bridged_within_two_seconds_and_the_call_goes_on)
{
    struct rig r;
    struct till t;
    open_till(&t);
    open_call(&r, &t, "hang", "mode: parallel", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_true(was_said(&r, "One moment, please."));
    assert_true(was_said(&r, "That did not work."));
    assert_metric(&r, "ringtrip_tool_calls_total{result=\"timeout\"} 1");
    assert_metric(&r, "ringtrip_tool_fillers_total{kind=\"words\"} 1");
    assert_replays(&r);
    rig_close(&r, false);
    close_till(&t);
}

TEST(crashing_tool_is_an_error_for_the_model)
{
    misbehave("crash", "mode: parallel", "That did not work.", false);
}

TEST(five_megabytes_are_cut_off)
{
    misbehave("big", "mode: parallel", "That did not work.", false);
}

TEST(what_is_no_json_is_an_error_for_the_model)
{
    misbehave("garbage", "mode: parallel", "That did not work.", false);
    misbehave("html", "mode: parallel", "That did not work.", false);
}

static bool is_running(void *arg)
{
    const struct rig *r = arg;
    return r->tools > 0;
}

TEST(answer_after_the_call_goes_nowhere)
{
    struct rig r;
    struct till t;
    open_till(&t);
    open_call(&r, &t, "slow", "filler: false", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, never);
    wait_until(r.loop, is_running, &r);
    hang_up(c);
    assert_replays(&r);
    rig_close(&r, false);
    close_till(&t);
}

TEST(background_tool_reports_when_it_is_quiet)
{
    struct rig r;
    struct till t;
    open_till(&t);
    open_call(&r, &t, "slow", "background: true", NULL);
    struct rig_call *c = rig_call(&r, at_once, 1, never);
    while (r.notes[NOTE_TOOL_BACKGROUND] < 2) {
        settle(r.loop);
    }
    hang_up(c);
    assert_metric(&r, "ringtrip_tool_background_total{step=\"started\"} 1");
    assert_metric(&r, "ringtrip_tool_background_total{step=\"reported\"} 1");
    assert_replays(&r);
    rig_close(&r, false);
    close_till(&t);
}

TEST_MAIN(T(approval_by_http_while_the_phone_is_on_the_line), T(the_callers_own_yes_lets_the_tool_run),
          T(the_callers_no_keeps_it_from_running_whatever_the_model_does),
          T(rejection_reaches_the_model_and_nothing_runs), T(condition_that_does_not_hold_asks_nobody),
          T(nobody_is_asked_about_what_a_guardrail_refuses), T(call_that_ends_takes_its_approvals_with_it),
          T(decisions_that_make_no_sense_are_refused), T(slow_tool_is_bridged_and_its_answer_follows),
          T(hanging_tool_is_bridged_within_two_seconds_and_the_call_goes_on),
          T(crashing_tool_is_an_error_for_the_model), T(five_megabytes_are_cut_off),
          T(what_is_no_json_is_an_error_for_the_model), T(answer_after_the_call_goes_nowhere),
          T(background_tool_reports_when_it_is_quiet))
