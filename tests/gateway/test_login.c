/* Calls over Vertex AI: the gateway logs in by itself, at a real token server, and says why when it cannot. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"
#include "fakes/token_server.h"

struct vertex {
    struct rig rig;
    struct token_server tokens;
    char provider[400];
};

#define SILENT (-1)

/* status: of the token server's answers; 0: tokens. */
static void open_vertex(struct vertex *v, struct rig_opts *o, int status, const char *body)
{
    assert_ok(loop_new(&o->loop));
    token_server_open(&v->tokens, o->loop);
    v->tokens.status = MAX(status, 0);
    v->tokens.silent = status == SILENT;
    v->tokens.body = body;
    ignore_result(snprintf(v->provider, sizeof(v->provider),
                           ", dialect: live, project: my-project, credentials_file: \"%s\", token_url: \"%s\"",
                           v->tokens.key_file, v->tokens.url) < 0);
    o->provider = v->provider;
    rig_open(&v->rig, o);
}

static void close_vertex(struct vertex *v)
{
    rig_stop_gateway(&v->rig);
    token_server_close(&v->tokens);
    rig_close(&v->rig, false);
}

static void call_once(struct rig *r)
{
    rig_wait_over(rig_call(r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400}));
}

static void assert_figure(struct rig *r, const char *line)
{
    struct rig_reply reply = rig_http(r, "GET", "/metrics", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}

/* The model takes no other key than the token; a second call and a reload ask for no other one. */
TEST(calls_open_their_sessions_with_a_token_that_was_fetched)
{
    struct vertex v;
    open_vertex(&v, &(struct rig_opts){.key = "ya29.token-1"}, 0, NULL);
    call_once(&v.rig);
    assert_true(v.rig.calls[0].agent_ms > 300);
    assert_int_equal(v.rig.last_reason, REASON_CALLER_HANGUP);
    gateway_reload(v.rig.gw);
    settle(v.rig.loop);
    call_once(&v.rig);
    assert_true(v.rig.calls[1].agent_ms > 300);
    assert_int_equal(v.tokens.asked, 1);
    assert_figure(&v.rig, "ringtrip_logins_total{result=\"ok\"} 1");
    close_vertex(&v);
}

static bool is_ready(struct rig *r, const char *otherwise)
{
    struct rig_reply reply = rig_http(r, "GET", "/ready", NULL, NULL);
    bool ready = reply.status == 200;
    assert_true(ready || (reply.status == 503 && str_search(buf_str(&reply.body), str_from(otherwise)) != SIZE_MAX));
    buf_done(&reply.body);
    return ready;
}

/* Else a balancer would send calls that nobody can answer yet. */
TEST(nobody_is_sent_to_a_gateway_that_still_logs_in)
{
    struct vertex v;
    open_vertex(&v, &(struct rig_opts){.key = "ya29.token-1"}, SILENT, NULL);
    while (!v.tokens.held) {
        settle(v.rig.loop);
    }
    assert_false(is_ready(&v.rig, "logging-in"));
    token_server_speak(&v.tokens);
    while (!is_ready(&v.rig, "logging-in")) {
        settle(v.rig.loop);
    }
    call_once(&v.rig);
    assert_true(v.rig.calls[0].agent_ms > 300);
    close_vertex(&v);
}

TEST(a_key_that_is_refused_is_told_in_the_record_and_another_provider_takes_over)
{
    struct vertex v;
    char path[160];
    open_vertex(&v,
                &(struct rig_opts){.spare = "failover: [spare]",
                                   .extra = "agent: {provider: test, turn_detection: server_vad}\n"},
                401, "{\"error\":\"invalid_client\",\"error_description\":\"The service account is disabled.\"}");
    call_once(&v.rig);
    assert_true(v.rig.calls[0].agent_ms > 300);
    assert_figure(&v.rig, "ringtrip_logins_total{result=\"error\"} ");
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", v.rig.last_call) < 0);
    struct rig_reply reply = rig_http(&v.rig, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "model"), "gpt-realtime-2.1"); /* the spare's */
    buf_done(&reply.body);
    close_vertex(&v);
}

TEST_MAIN(T(calls_open_their_sessions_with_a_token_that_was_fetched), T(nobody_is_sent_to_a_gateway_that_still_logs_in),
          T(a_key_that_is_refused_is_told_in_the_record_and_another_provider_takes_over))
