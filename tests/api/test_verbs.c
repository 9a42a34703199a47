/* What may be asked of the agent on a live call over HTTP, and the stream of what happens. */
#include "gateway/rig.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/err.h"
#include "net/net_test.h"

static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

/* POST to a call's route; wants this status and these words in the answer. */
static void post(struct rig *r, const char *id, const char *route, const char *body, int want, const char *words)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/%s", id, route) < 0);
    struct rig_reply reply = rig_http(r, "POST", path, "Content-Type: application/json\r\n", body);
    if (reply.status != want || str_search(buf_str(&reply.body), str_from(words)) == SIZE_MAX) {
        fail_msg("POST %s %s: %d " STR_FMT ", not %d with \"%s\"", path, body ? body : "", reply.status,
                 STR_ARG(buf_str(&reply.body)), want, words);
    }
    buf_done(&reply.body);
}

static struct rig_reply get(struct rig *r, const char *id, const char *route)
{
    char path[200];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/%s", id, route) < 0);
    return rig_http(r, "GET", path, NULL, NULL);
}

/* A call in the midst of its greeting; its id. */
static struct rig_call *connected_call(struct rig *r, char ret_id[64])
{
    struct rig_call *c = rig_call(r, NULL, 0, never);
    while (c->agent_begins == 0) {
        settle(r->loop);
    }
    struct rig_reply reply = rig_http(r, "GET", "/calls?status=live", NULL, NULL);
    struct str list = rig_json(&reply, "calls");
    size_t at = str_search(list, STR("\"call_id\":\""));
    assert_true(at != SIZE_MAX);
    assert_ok(str_copy(ret_id, 64, (struct str){list.p + at + 11, 36}));
    buf_done(&reply.body);
    return c;
}

static void hang_up(struct rig *r, struct rig_call *c, const char *id)
{
    post(r, id, "hangup", NULL, 202, "hanging_up");
    rig_wait_over(c);
}

/* Until the agent has said all there was. */
static void wait_silent(struct rig *r, const char *id)
{
    for (;;) {
        char path[160];
        ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
        struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
        bool silent =
            str_is(rig_json(&reply, "live.playout"), "empty") && str_is(rig_json(&reply, "live.response"), "none");
        buf_done(&reply.body);
        if (silent) {
            return;
        }
    }
}

/* ---- a reader of the stream, on a thread of its own ---- */

static void read_stream(struct raw *s)
{
    char request[400];
    ignore_result(
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (const char *)s->arg) < 0);
    raw_send(s, str_from(request));
    raw_read(s, STR_NULL);
}

static void watch(struct rig *r, struct raw *s, const char *id, const char *query, char path[200])
{
    ignore_result(snprintf(path, 200, "/v1/calls/%s/events%s", id, query) < 0);
    raw_connect(s, NULL, gateway_port(r->gw), read_stream, path);
    for (int i = 0; i < 50; i++) { /* let the watcher come in before anything happens */
        run_loop_for(r->loop, 2000);
    }
}

#define assert_says(s, text) assert_has(buf_str(&(s)->got), text)

/* Every frame is one JSON object, and they are numbered without a gap. */
static void assert_frames(const struct raw *s)
{
    struct str rest = buf_str(&s->got);
    struct str line;
    size_t body = str_search(rest, STR("\r\n\r\n"));
    assert_true(body != SIZE_MAX);
    rest = (struct str){rest.p + body + 4, rest.n - body - 4};
    int64_t expected = 0;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        struct json_val v;
        int64_t n = -1;
        if (str_starts(line, STR("id: "))) {
            assert_ok(str_to_i64((struct str){line.p + 4, line.n - 4}, &n));
            assert_int_equal(n, expected++);
        } else if (str_starts(line, STR("data: "))) {
            assert_ok(json_parse((struct str){line.p + 6, line.n - 6}, &v));
            assert_int_equal(v.type, JSON_OBJECT);
        } else {
            assert_true(line.n == 0 || str_starts(line, STR("event: ")));
        }
    }
    assert_true(expected > 1);
}

/* ---- bodies ---- */

TEST(bodies_that_make_no_sense_are_refused_before_the_call_is_looked_for)
{
    static const struct {
        const char *route, *body, *words;
    } cases[] = {
        {"interrupt", "[]", "JSON object"},
        {"interrupt", "{\"mode\":\"softly\"}", "playback"},
        {"interrupt", "{\"mode\":1}", "text"},
        {"respond", "{\"tools\":\"no\"}", "true or false"},
        {"respond", "{\"instructions\":[]}", "text"},
        {"say", "", "8000 bytes"},
        {"say", "{\"text\":\"  \"}", "8000 bytes"},
        {"say", "{\"text\":\"\xff\"}", "JSON object"},
        {"message", "{}", "says nothing"},
        {"message", "{\"text\":\"\"}", "says nothing"},
        {"message", "{\"content\":{}}", "list of parts"},
        {"message", "{\"content\":[7]}", "must be an object"},
        {"message", "{\"content\":[{\"type\":\"input_video\"}]}", "input_image"},
        {"message", "{\"content\":[{\"type\":\"input_text\",\"text\":\"\"}]}", "says nothing"},
        {"message", "{\"text\":\"x\",\"role\":\"tool\"}", "assistant"},
        {"message", "{\"role\":\"system\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:x\"}]}",
         "Only a message of the user"},
        {"message",
         "{\"content\":[{\"type\":\"text\"},{\"type\":\"text\"},{\"type\":\"text\"},{\"type\":\"text\"},"
         "{\"type\":\"text\"},{\"type\":\"text\"},{\"type\":\"text\"},{\"type\":\"text\"},{\"type\":\"text\"}]}",
         "too many"},
        {"agent", "{}", "must name"},
    };
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        post(&r, "unknown", cases[i].route, cases[i].body, 400, cases[i].words);
    }
    static const char *const good[][2] = {{"interrupt", ""},
                                          {"respond", "{}"},
                                          {"commit", ""},
                                          {"say", "{\"text\":\"x\"}"},
                                          {"message", "{\"text\":\"x\"}"},
                                          {"agent", "{\"agent\":\"x\"}"}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        post(&r, "unknown", good[i][0], good[i][1], 404, "not found");
    }
    struct rig_reply reply = get(&r, "unknown", "events");
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
    reply = get(&r, "unknown", "events?colour=red");
    assert_int_equal(reply.status, 400);
    buf_done(&reply.body);
    reply = get(&r, "unknown", "history");
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(the_verbs_need_a_token_where_there_are_tokens)
{
    static const char *const routes[] = {"interrupt", "respond", "commit", "say", "message", "agent", "reconnect"};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.tokens = "secret-token-1"});
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        char path[160];
        ignore_result(snprintf(path, sizeof(path), "/v1/calls/x/%s", routes[i]) < 0);
        struct rig_reply reply = rig_http(&r, "POST", path, "X-Forwarded-For: 10.0.0.1\r\n", "{\"text\":\"x\"}");
        assert_int_equal(reply.status, 401);
        buf_done(&reply.body);
    }
    struct rig_reply reply = rig_http(&r, "GET", "/v1/calls/x/events", "X-Forwarded-For: 10.0.0.1\r\n", NULL);
    assert_int_equal(reply.status, 401);
    buf_done(&reply.body);
    rig_close(&r, false);
}

/* ---- verbs ---- */

TEST(an_interrupt_stops_what_is_said_and_nothing_else)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    post(&r, id, "interrupt", "{\"mode\":\"forced\"}", 200, "accepted");
    while (c->clears == 0) {
        settle(r.loop);
    }
    assert_true(r.notes[NOTE_BARGE_IN] >= 1);
    wait_silent(&r, id);
    post(&r, id, "interrupt", "", 409, "Nothing is being said");
    post(&r, id, "interrupt", "{\"mode\":\"response\"}", 409, "No response");
    post(&r, id, "interrupt", "{\"mode\":\"playback\"}", 409, "Nothing is being played");
    hang_up(&r, c, id);
    rig_close(&r, false);
}

TEST(what_is_to_be_said_is_said)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    post(&r, id, "say", "{\"text\":\"A colleague joins us.\",\"interrupt\":true}", 200, "accepted");
    uint32_t begins = c->agent_begins;
    while (c->agent_begins == begins) {
        settle(r.loop);
    }
    wait_silent(&r, id);
    struct rig_reply reply = get(&r, id, "history");
    assert_int_equal(reply.status, 200);
    assert_has(buf_str(&reply.body), "A colleague joins us.");
    assert_has(buf_str(&reply.body), "\"role\":\"assistant\"");
    buf_done(&reply.body);
    hang_up(&r, c, id);
    rig_close(&r, false);
}

TEST(a_message_is_answered_and_stands_in_the_history)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    uint32_t begins = c->agent_begins;
    wait_silent(&r, id);
    post(&r, id, "message",
         "{\"content\":[{\"type\":\"input_text\",\"text\":\"what are your opening hours\"},{\"type\":\"input_text\","
         "\"text\":\"\"}]}",
         200, "accepted");
    while (c->agent_begins == begins) {
        settle(r.loop);
    }
    post(&r, id, "message", "{\"role\":\"system\",\"text\":\"The caller is a member.\",\"respond\":false}", 200,
         "accepted");
    struct rig_reply reply = get(&r, id, "history");
    struct str all = buf_str(&reply.body);
    assert_has(all, "{\"item_id\":\"rt_item_1\",\"previous_item_id\":");
    assert_has(all, "\"type\":\"message\","
                    "\"status\":\"completed\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
                    "\"text\":\"what are your opening hours\"}]");
    assert_has(all, "\"role\":\"system\"");
    buf_done(&reply.body);
    hang_up(&r, c, id);
    rig_close(&r, false);
}

TEST(instructions_may_change_in_a_live_call_and_an_unknown_agent_is_none)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    post(&r, id, "agent", "{\"instructions\":\"Speak like a pirate.\"}", 200, "accepted");
    post(&r, id, "agent", "{\"agent\":\"nobody\"}", 400, "no agent of that name");
    post(&r, id, "respond", "{}", 200, "accepted");
    hang_up(&r, c, id);
    post(&r, id, "respond", "{}", 409, "over");
    rig_close(&r, false);
}

TEST(another_model_session_may_be_asked_for)
{
    struct rig r;
    char id[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    post(&r, id, "reconnect", "", 200, "accepted");
    post(&r, id, "reconnect", "{}", 409, "already");
    hang_up(&r, c, id);
    assert_int_equal(r.notes[NOTE_RENEWAL], 1);
    post(&r, id, "reconnect", "", 409, "over");
    rig_close(&r, false);
    rig_open(&r, &(struct rig_opts){.extra = "renewal: {enabled: false}"});
    c = connected_call(&r, id);
    post(&r, id, "reconnect", "", 409, "off");
    hang_up(&r, c, id);
    rig_close(&r, false);
}

/* ---- the stream ---- */

TEST(a_watcher_is_told_everything_in_order_until_the_call_is_over)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    wait_silent(&r, id);
    watch(&r, &s, id, "", path);
    uint32_t begins = c->agent_begins;
    post(&r, id, "message", "{\"text\":\"where is my order one two three four\"}", 200, "accepted");
    while (c->agent_begins == begins) {
        settle(r.loop);
    }
    wait_silent(&r, id);
    hang_up(&r, c, id);
    run_loop_for(r.loop, 100 * 1000); /* the last of it leaves */
    raw_join(&s);
    assert_true(str_starts(buf_str(&s.got), STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")));
    static const char *const in_order[] = {
        "event: session\ndata: {\"type\":\"session\",\"seq\":0",
        "event: history_added\n",
        "\"type\":\"agent_start\"",
        "\"type\":\"tool_start\"",
        "\"tool\":\"check_order_status\"",
        "\"type\":\"tool_end\"",
        "\"type\":\"audio\",\"alias\":\"audio_delta\"",
        "\"type\":\"transcript_delta\"",
        "\"type\":\"audio_end\",\"alias\":\"audio_done\"",
        "\"type\":\"agent_end\"",
        "\"type\":\"turn\"",
        "event: end_of_stream\n",
    };
    struct str rest = buf_str(&s.got);
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
        size_t at = str_search(rest, str_from(in_order[i]));
        if (at == SIZE_MAX) {
            fail_msg("%s is not there, or not in its place:\n" STR_FMT, in_order[i], STR_ARG(buf_str(&s.got)));
        }
        rest = (struct str){rest.p + at, rest.n - at};
    }
    assert_says(&s, "\"type\":\"usage\"");
    assert_says(&s, "\"latency_ms\":");
    assert_says(&s, "\"reason\":\"api-hangup\"");
    assert_has_not(buf_str(&s.got), "\"audio\":\"");
    assert_has_not(buf_str(&s.got), "raw_model_event");
    assert_frames(&s);
    raw_done(&s);
    rig_close(&r, false);
}

TEST(audio_raw_events_and_the_other_names_come_when_asked_for)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    watch(&r, &s, id, "?raw=1&audio=1&names=alias", path);
    post(&r, id, "say", "{\"text\":\"Hello again.\"}", 200, "accepted");
    wait_silent(&r, id);
    settle(r.loop);
    wait_silent(&r, id);
    hang_up(&r, c, id);
    run_loop_for(r.loop, 100 * 1000); /* the last of it leaves */
    raw_join(&s);
    assert_says(&s, "event: audio_delta\n");
    assert_says(&s, "\"audio\":\"");
    assert_says(&s, "event: raw_model_event\n");
    assert_frames(&s);
    raw_done(&s);
    rig_close(&r, false);
}

static void read_little_and_leave(struct raw *s)
{
    char request[400];
    ignore_result(
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (const char *)s->arg) < 0);
    raw_send(s, str_from(request));
    raw_read(s, STR("event: session"));
}

static const char guarded[] = "guardrails:\n"
                              "  no_scripts: {kind: shapes, shapes: [script], on: input, for_all: true}\n"
                              "  no_promises: {kind: words, words: [guarantee*], for_all: true}\n"
                              "guardrail_settings: {mask: [card, ssn]}\n";

TEST(texts_from_outside_that_a_guardrail_refuses_do_not_come_into_the_call)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    rig_open(&r, &(struct rig_opts){.extra = guarded});
    struct rig_call *c = connected_call(&r, id);
    watch(&r, &s, id, "", path);
    post(&r, id, "text", "{\"text\":\"<script>\"}", 422, "no_scripts");
    post(&r, id, "message", "{\"text\":\"look at javascript: this\"}", 422, "no_scripts");
    post(&r, id, "message",
         "{\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_text\",\"text\":"
         "\"<script\"}]}",
         422, "no_scripts");
    post(&r, id, "say", "{\"text\":\"exec(1)\"}", 422, "no_scripts");
    post(&r, id, "say", "{\"text\":\"We guarantee it.\"}", 422, "no_promises"); /* the agent may not say so either */
    post(&r, id, "message", "{\"role\":\"assistant\",\"text\":\"It is guaranteed.\"}", 422, "no_promises");
    post(&r, id, "message", "{\"text\":\"Do you guarantee it?\",\"respond\":false}", 200, "accepted");
    struct rig_reply reply = get(&r, id, "history");
    assert_has(buf_str(&reply.body), "Do you guarantee it?");
    assert_has_not(buf_str(&reply.body), "javascript");
    buf_done(&reply.body);
    hang_up(&r, c, id);
    run_loop_for(r.loop, 100 * 1000);
    raw_join(&s);
    assert_says(&s, "event: guardrail_tripped\n");
    assert_says(&s, "\"side\":\"input\",\"guardrails\":\"no_promises\"");
    assert_frames(&s);
    raw_done(&s);
    rig_close(&r, false);
}

TEST(secrets_are_masked_in_all_that_watchers_are_told)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    rig_open(&r, &(struct rig_opts){.extra = guarded});
    struct rig_call *c = connected_call(&r, id);
    watch(&r, &s, id, "?raw=1", path);
    post(&r, id, "message", "{\"text\":\"My card is 4111 1111 1111 1111.\",\"respond\":false}", 200, "accepted");
    wait_silent(&r, id);
    post(&r, id, "say", "{\"text\":\"Your number 123-45-6789 is known.\"}", 200, "accepted");
    settle(r.loop);
    wait_silent(&r, id);
    settle(r.loop);
    wait_silent(&r, id);
    struct rig_reply reply = get(&r, id, "history");
    assert_has(buf_str(&reply.body), "My card is ***.");
    assert_has_not(buf_str(&reply.body), "4111");
    buf_done(&reply.body);
    hang_up(&r, c, id);
    run_loop_for(r.loop, 100 * 1000);
    raw_join(&s);
    assert_says(&s, "My card is ***.");
    assert_says(&s, "Your number *** is known.");
    assert_says(&s, "event: transcript_delta\n");
    assert_has_not(buf_str(&s.got), "4111");
    assert_has_not(buf_str(&s.got), "6789");
    assert_frames(&s);
    raw_done(&s);
    rig_close(&r, false);
}

TEST(a_watcher_who_leaves_is_forgotten_and_the_call_goes_on)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = connected_call(&r, id);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/events", id) < 0);
    raw_connect(&s, r.loop, gateway_port(r.gw), read_little_and_leave, path);
    run_loop(r.loop);
    raw_join(&s);
    raw_done(&s);
    run_loop_for(r.loop, 50 * 1000);
    struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), "ringtrip_watchers 0\n");
    buf_done(&reply.body);
    hang_up(&r, c, id);
    rig_close(&r, false);
}

static atomic_bool let_go;

/* Reads the head and then nothing: the kernel's buffers fill, then ours. */
static void ask_and_sleep(struct raw *s)
{
    char request[400];
    int small = 65536;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    ignore_result(
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (const char *)s->arg) < 0);
    raw_send(s, str_from(request));
    while (!let_go) {
        raw_wait_ms(20);
    }
    raw_read(s, STR_NULL);
}

TEST(a_watcher_who_does_not_read_is_dropped_by_name_and_holds_nothing_up)
{
    struct rig r;
    struct raw s;
    char id[64];
    char path[200];
    let_go = false;
    /* A slow machine takes its time: the caller's silence ends nothing here. */
    rig_open(&r, &(struct rig_opts){.extra = "agent: {turn_detection: server_vad, silence: {enabled: false}}"});
    struct rig_call *c = connected_call(&r, id);
    wait_silent(&r, id);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/events", id) < 0);
    raw_connect(&s, r.loop, gateway_port(r.gw), ask_and_sleep, path);
    run_loop_for(r.loop, 100 * 1000);
    static char big[31000];
    memset(big, 'x', sizeof(big) - 1);
    ignore_result(snprintf(big, sizeof(big), "{\"role\":\"system\",\"respond\":false,\"text\":\"") < 0);
    memset(big + strlen(big), 'x', sizeof(big) - 1 - strlen(big) - 2);
    memcpy(big + sizeof(big) - 3, "\"}", 3);
    bool dropped = false;
    for (int i = 0; i < 1200 && !dropped; i++) {
        post(&r, id, "message", big, 200, "accepted");
        struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
        dropped = str_search(buf_str(&reply.body), STR("ringtrip_watchers_dropped_total 1\n")) != SIZE_MAX;
        buf_done(&reply.body);
    }
    assert_true(dropped);
    let_go = true;
    run_loop(r.loop); /* until the reader has come to the end */
    raw_join(&s);
    hang_up(&r, c, id);
    assert_says(&s, "event: dropped\ndata: {\"type\":\"dropped\",\"reason\":\"slow_reader\"}");
    raw_done(&s);
    rig_close(&r, false);
}

TEST_MAIN(T(bodies_that_make_no_sense_are_refused_before_the_call_is_looked_for),
          T(the_verbs_need_a_token_where_there_are_tokens), T(an_interrupt_stops_what_is_said_and_nothing_else),
          T(what_is_to_be_said_is_said), T(a_message_is_answered_and_stands_in_the_history),
          T(instructions_may_change_in_a_live_call_and_an_unknown_agent_is_none),
          T(another_model_session_may_be_asked_for), T(a_watcher_is_told_everything_in_order_until_the_call_is_over),
          T(audio_raw_events_and_the_other_names_come_when_asked_for),
          T(texts_from_outside_that_a_guardrail_refuses_do_not_come_into_the_call),
          T(secrets_are_masked_in_all_that_watchers_are_told),
          T(a_watcher_who_leaves_is_forgotten_and_the_call_goes_on),
          T(a_watcher_who_does_not_read_is_dropped_by_name_and_holds_nothing_up))
