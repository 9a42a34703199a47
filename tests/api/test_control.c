/* What the API does to live calls: turns by hand, text in the caller's stead. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"

#define API_BIG 8100 /* a body that holds a text over the limit */

static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

/* POST to a call's route; wants this status and, at 400 and more, these words in the sentence. */
static void post(struct rig *r, const char *id, const char *route, const char *body, int want, const char *words)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/%s", id, route) < 0);
    struct rig_reply reply = rig_http(r, "POST", path, "Content-Type: application/json\r\n", body);
    if (reply.status != want || (words && str_search(buf_str(&reply.body), str_from(words)) == SIZE_MAX)) {
        fail_msg("POST %s %s: %d " STR_FMT ", not %d with \"%s\"", path, body, reply.status,
                 STR_ARG(buf_str(&reply.body)), want, words ? words : "");
    }
    buf_done(&reply.body);
}

/* The only live call's id. */
static void live_id(struct rig *r, char ret[64])
{
    struct rig_reply reply = rig_http(r, "GET", "/calls?status=live", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "1");
    struct str list = rig_json(&reply, "calls");
    size_t at = str_search(list, STR("\"call_id\":\""));
    assert_true(at != SIZE_MAX);
    assert_ok(str_copy(ret, 64, (struct str){list.p + at + 11, 36}));
    buf_done(&reply.body);
}

static struct rig_call *connected_call(struct rig *r, char ret_id[64])
{
    struct rig_call *c = rig_call(r, NULL, 0, never);
    while (c->agent_begins == 0) {
        settle(r->loop);
    }
    live_id(r, ret_id);
    return c;
}

static void hang_up(struct rig *r, struct rig_call *c, const char *id)
{
    post(r, id, "hangup", NULL, 202, "hanging_up");
    rig_wait_over(c);
}

TEST(bodies_that_make_no_sense_are_refused)
{
    static const char *const turns[] = {"",
                                        "start",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"action\":1}",
                                        "{\"action\":null}",
                                        "{\"action\":\"\"}",
                                        "{\"action\":\"START\"}",
                                        "{\"action\":\"start\"} x"};
    static const char *const texts[] = {
        "",   "{}",         "{\"text\":7}",        "{\"text\":\"\"}", "{\"text\":\" \\n \"}",
        "[]", "{\"text\":", "{\"text\":\"\xff\"}", "\"hello\""};
    struct rig r;
    char big[API_BIG];
    rig_open(&r, &(struct rig_opts){0});
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        post(&r, "unknown", "turn", turns[i], 400, "commit");
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        post(&r, "unknown", "text", texts[i], 400, "8000 bytes");
    }
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    memcpy(big, "{\"text\":\"", 9);
    memcpy(big + sizeof(big) - 3, "\"}", 2);
    post(&r, "unknown", "text", big, 400, "8000 bytes");
    post(&r, "unknown", "turn", "{\"action\":\"start\"}", 404, "not found");
    post(&r, "unknown", "text", "{\"text\":\"hello\"}", 404, "not found");
    post(&r, "unknown", "record", "", 404, "not found");
    rig_close(&r, false);
}

TEST(text_is_taken_as_if_the_caller_had_said_it)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    uint32_t begins = c->agent_begins;
    post(&r, id, "record", "", 409, "account is not configured");
    post(&r, id, "text", "{\"text\":\" order one two three four \\u00e4 \"}", 200, "accepted");
    while (c->agent_begins == begins) { /* the agent answers */
        settle(r.loop);
    }
    hang_up(&r, c, id);
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    struct rig_reply reply = rig_http(&r, "GET", path, NULL, NULL);
    assert_has(rig_json(&reply, "transcript"), "\"text\":\"order one two three four \xc3\xa4\"");
    buf_done(&reply.body);
    post(&r, id, "text", "{\"text\":\"hello\"}", 409, "over");
    post(&r, id, "turn", "{\"action\":\"start\"}", 409, "over");
    rig_close(&r, false);
}

TEST(a_call_that_is_not_connected_takes_no_words)
{
    struct rig r;
    struct rig_reply reply;
    char token[64];
    rig_open(&r, &(struct rig_opts){.extra = "deadlines: {leg_start_ms: 3000}"});
    rig_webhook(&r, "CA00000000000000000000000000000001", token, &reply);
    buf_done(&reply.body);
    post(&r, "CA00000000000000000000000000000001", "text", "{\"text\":\"hello\"}", 409, "not connected");
    rig_close(&r, false);
}

TEST(turns_are_made_by_hand_only_where_the_agent_waits_for_it)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    post(&r, id, "turn", "{\"action\":\"start\"}", 409, "manual");
    hang_up(&r, c, id);
    rig_close(&r, false);
}

TEST(a_button_makes_the_turns_of_an_agent_that_waits_for_it)
{
    struct rig r;
    char id[64], path[160];
    rig_open(&r, &(struct rig_opts){.extra = "agent: {turn_detection: {type: manual}}"});
    struct rig_call *c = connected_call(&r, id);
    uint32_t begins = c->agent_begins;
    post(&r, id, "turn", "{\"action\":\"commit\"}", 409, "No turn is open");
    post(&r, id, "turn", "{\"action\":\"discard\"}", 409, "No turn is open");
    post(&r, id, "turn", "{\"action\":\"start\"}", 200, "start"); /* over the greeting: it stops */
    post(&r, id, "turn", "{\"action\":\"start\"}", 409, "open already");
    post(&r, id, "turn", "{\"action\":\"discard\"}", 200, "discard");
    post(&r, id, "turn", "{\"action\":\"start\"}", 200, "start");
    for (int i = 0; i < 10; i++) {
        settle(r.loop);
    }
    assert_true(c->clears >= 1);
    post(&r, id, "turn", "{\"action\":\"commit\"}", 200, "commit");
    while (c->agent_begins == begins) {
        settle(r.loop);
    }
    hang_up(&r, c, id);
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    struct rig_reply reply = rig_http(&r, "GET", path, NULL, NULL);
    struct str turns = rig_json(&reply, "turns");
    assert_has(turns, "\"verdict\":\"control\"");
    assert_has(turns, "\"user_text\":\"order one two three four\"");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(bodies_that_make_no_sense_are_refused), T(text_is_taken_as_if_the_caller_had_said_it),
          T(a_call_that_is_not_connected_takes_no_words), T(turns_are_made_by_hand_only_where_the_agent_waits_for_it),
          T(a_button_makes_the_turns_of_an_agent_that_waits_for_it))
