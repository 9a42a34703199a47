/* Access tokens of Vertex AI: asked for at a real token server, renewed in time, and what happens when it will not. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "fakes/token_server.h"
#include "fakes/wait.h"
#include "providers/gemini/gemini_grant.h"
#include "providers/gemini/gemini_login.h"
#include "test.h"

struct bench {
    struct loop *loop;
    struct http_client *http;
    struct token_server server;
    struct gemini_login_opts o;
    struct gemini_login *login;
    uint32_t tried, want;
};

static void on_tried(struct gemini_login *l UNUSED, void *arg)
{
    ((struct bench *)arg)->tried++;
}

static void init(struct bench *b)
{
    *b = (struct bench){0};
    assert_ok(loop_new(&b->loop));
    assert_ok(http_client_new(b->loop, &b->http));
    token_server_open(&b->server, b->loop);
    b->o = (struct gemini_login_opts){.loop = b->loop,
                                      .http = b->http,
                                      .key_file = str_from(b->server.key_file),
                                      .url = str_from(b->server.url),
                                      .pause_ms = 1,
                                      .on_tried = on_tried,
                                      .arg = b};
}

static void open_login(struct bench *b)
{
    assert_ok(gemini_login_open(&b->o, &b->login));
    assert_int_equal(b->tried, 0); /* nothing is called before it returns */
}

static void done(struct bench *b)
{
    b->login = gemini_login_close(b->login);
    http_client_free(b->http);
    token_server_close(&b->server);
    loop_free(b->loop);
}

static bool has_tried(void *arg)
{
    struct bench *b = arg;
    return b->tried >= b->want;
}

static bool has_token(void *arg)
{
    struct bench *b = arg;
    struct gemini_login_state s;
    gemini_login_state(b->login, &s);
    return s.token.n > 0;
}

static struct gemini_login_state after(struct bench *b, uint32_t n)
{
    struct gemini_login_state s;
    b->want = n;
    wait_until(b->loop, has_tried, b);
    gemini_login_state(b->login, &s);
    return s;
}

TEST(a_service_account_gets_a_token_for_what_it_signed)
{
    struct bench b;
    init(&b);
    open_login(&b);
    struct gemini_login_state s = after(&b, 1);
    assert_str_is(s.token, "ya29.token-1");
    assert_str_is(s.account, "voice@my-project.iam.gserviceaccount.com");
    assert_int_equal(s.err, 0);
    assert_in_range(s.lasts_s, 3500, 3600);
    assert_in_range(s.retry_ms, 3300000, 3375000); /* asked for again 225 s before it runs out */
    done(&b);
}

TEST(a_user_s_own_login_is_a_refresh_token)
{
    struct bench b;
    init(&b);
    token_server_write(&b.server, "{\"type\":\"authorized_user\",\"client_id\":\"c 1\",\"client_secret\":\"s&1\","
                                  "\"refresh_token\":\"1//r\"}");
    open_login(&b);
    assert_str_is(after(&b, 1).token, "ya29.token-1");
    done(&b);
}

TEST(the_metadata_server_is_asked_in_its_own_way)
{
    struct bench b;
    init(&b);
    b.o.key_file = STR("");
    open_login(&b);
    assert_str_is(after(&b, 1).token, "ya29.token-1");
    done(&b);
}

TEST(a_machine_without_an_account_is_told_what_it_lacks)
{
    struct bench b;
    init(&b);
    b.o.key_file = STR("");
    b.server.status = 404;
    b.server.body = "not found";
    open_login(&b);
    struct gemini_login_state s = after(&b, 1);
    assert_int_equal(s.err, -ERR_AUTH);
    assert_str_is(s.problem, "the token server answered with HTTP status 404");
    assert_string_equal(s.advice, "attach a service account with the role Vertex AI User to this machine");
    done(&b);
}

/* A token that lasts a second is spent before it is used: another one is asked for, and both are counted. */
TEST(a_token_is_renewed_before_it_runs_out)
{
    struct bench b;
    init(&b);
    b.server.lasts_s = 1;
    open_login(&b);
    assert_int_equal(after(&b, 1).token.n, 0);
    b.server.lasts_s = 3600;
    assert_str_is(after(&b, 2).token, "ya29.token-2");
    done(&b);
}

TEST(a_refusal_says_what_to_do_and_is_tried_again_with_pauses)
{
    struct bench b;
    init(&b);
    b.server.status = 400;
    b.server.body = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT\\nSignature.\"}";
    open_login(&b);
    struct gemini_login_state s = after(&b, 3);
    assert_int_equal(s.err, -ERR_AUTH);
    assert_str_is(s.problem, "the token server answered with HTTP status 400: invalid_grant: Invalid JWT Signature.");
    assert_has(str_from(s.advice), "clock");
    assert_int_equal(s.token.n, 0);
    b.server.status = 0;
    wait_until(b.loop, has_token, &b);
    done(&b);
}

TEST(a_new_token_that_is_refused_is_not_asked_for_again)
{
    struct bench b;
    init(&b);
    b.server.lasts_s = 60;
    open_login(&b);
    assert_str_is(after(&b, 1).token, "ya29.token-1");
    b.server.status = 503;
    b.server.body = "";
    gemini_login_refused(b.login); /* it is new: what was refused was something else */
    settle(b.loop);
    assert_int_equal(b.server.asked, 1);
    struct gemini_login_state s;
    gemini_login_state(b.login, &s);
    assert_in_range(s.retry_ms, 20000, 30000); /* half its life, from when it came */
    done(&b);
}

TEST(a_server_that_says_nothing_is_given_up)
{
    struct bench b;
    init(&b);
    b.server.silent = true;
    b.o.deadline_ms = 50;
    b.o.pause_ms = 60000;
    open_login(&b);
    struct gemini_login_state s = after(&b, 1);
    assert_int_equal(s.err, -ETIMEDOUT);
    assert_true(str_starts(s.problem, STR("the token server cannot be asked: ")));
    assert_has(str_from(s.advice), "firewall");
    done(&b);
}

/* Closed with a request under way, and with a job: sanitizers would see what is left behind. */
TEST(a_login_may_be_closed_at_any_moment)
{
    struct bench b;
    init(&b);
    b.server.silent = true;
    open_login(&b);
    while (b.server.asked == 0) {
        settle(b.loop);
    }
    b.login = gemini_login_close(b.login);
    open_login(&b);
    b.login = gemini_login_close(b.login); /* before its timer */
    done(&b);
    assert_int_equal(b.tried, 0);
}

TEST(a_key_file_is_read_anew_each_time)
{
    struct bench b;
    init(&b);
    token_server_write(&b.server, "{");
    open_login(&b);
    struct gemini_login_state s = after(&b, 1);
    assert_int_equal(s.err, -ERR_CONFIG);
    assert_str_is(s.problem, "the key file is no JSON object");
    token_server_write(&b.server, buf_cstr(&b.server.key_text));
    wait_until(b.loop, has_token, &b);
    gemini_login_state(b.login, &s);
    assert_str_is(s.token, "ya29.token-1");
    done(&b);
}

TEST(a_key_file_that_is_not_there_is_named)
{
    struct bench b;
    init(&b);
    b.o.key_file = STR("/nowhere/vertex.json");
    b.o.pause_ms = 60000;
    open_login(&b);
    struct gemini_login_state s = after(&b, 1);
    assert_int_equal(s.err, -ERR_CONFIG);
    assert_str_is(s.problem, "the key file /nowhere/vertex.json cannot be read: No such file or directory");
    assert_int_equal(b.server.asked, 0);
    done(&b);
}

/* ---- texts ---- */

static void refuses(const char *file, const char *url, const char *want)
{
    struct gemini_grant g;
    struct buf problem;
    gemini_grant_init(&g);
    buf_init(&problem, 4096);
    assert_err(gemini_grant_make(&g, str_from(file), str_from(url), 1700000000, &problem), ERR_CONFIG);
    assert_str_is(buf_str(&problem), want);
    gemini_grant_done(&g);
    buf_done(&problem);
}

TEST(key_files_that_are_none_say_why)
{
    refuses("", "", "the key file is no JSON object");
    refuses("[]", "", "the key file is no JSON object");
    refuses("{}", "", "the key file is of type \"\", not service_account or authorized_user");
    refuses("{\"type\":\"external_account\"}", "",
            "the key file is of type \"external_account\", not service_account or authorized_user");
    refuses("{\"type\":\"service_account\"}", "", "the key file has no client_email");
    refuses("{\"type\":\"service_account\",\"client_email\":\"a@b\"}", "", "the key file has no private_key");
    refuses("{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"-----BEGIN\"}", "",
            "the private_key of the key file is damaged: it must be PEM as downloaded");
    refuses("{\"type\":\"authorized_user\",\"client_id\":\"a\"}", "", "the key file has no client_secret");
    refuses("{\"type\":\"authorized_user\",\"client_id\":\"a\"}", "http://tokens.example.com/",
            "the address of the token server is not encrypted: credentials would travel in the clear");
    refuses("{\"type\":\"authorized_user\",\"client_id\":\"a\"}", "http://localhost.example.com/",
            "the address of the token server is not encrypted: credentials would travel in the clear");
    refuses("{\"type\":\"authorized_user\",\"token_uri\":\"nowhere\"}", "", "the address of the token server is none");
}

static void answers(const char *text, int err, const char *token, uint32_t lasts_s)
{
    struct buf got;
    uint32_t lasts = 0;
    buf_init(&got, 1 << 16);
    assert_int_equal(gemini_grant_answer(str_from(text), &got, &lasts), err);
    if (err >= 0) {
        assert_str_is(buf_str(&got), token);
        assert_int_equal(lasts, lasts_s);
    }
    buf_done(&got);
}

TEST(answers_are_tokens_that_a_header_can_carry)
{
    answers("{\"access_token\":\"ya29.x\",\"expires_in\":3599}", 0, "ya29.x", 3599);
    answers("{\"access_token\":\"ya29.x\"}", 0, "ya29.x", 300);
    answers("{\"access_token\":\"ya29.x\",\"expires_in\":-5}", 0, "ya29.x", 1);
    answers("{\"access_token\":\"ya29.x\",\"expires_in\":1e300}", 0, "ya29.x", 43200);
    answers("{\"access_token\":\"ya29.x\",\"expires_in\":\"soon\"}", 0, "ya29.x", 300);
    answers("{\"access_token\":\"a b\"}", -ERR_SYNTAX, NULL, 0);
    answers("{\"access_token\":\"a\\r\\nX-Evil: 1\"}", -ERR_SYNTAX, NULL, 0);
    answers("{\"access_token\":\"\"}", -ERR_SYNTAX, NULL, 0);
    answers("{\"access_token\":7}", -ERR_SYNTAX, NULL, 0);
    answers("[]", -ERR_SYNTAX, NULL, 0);
    answers("<html>", -ERR_SYNTAX, NULL, 0);
}

TEST_MAIN(T(a_service_account_gets_a_token_for_what_it_signed), T(a_user_s_own_login_is_a_refresh_token),
          T(the_metadata_server_is_asked_in_its_own_way), T(a_machine_without_an_account_is_told_what_it_lacks),
          T(a_token_is_renewed_before_it_runs_out), T(a_refusal_says_what_to_do_and_is_tried_again_with_pauses),
          T(a_new_token_that_is_refused_is_not_asked_for_again), T(a_server_that_says_nothing_is_given_up),
          T(a_login_may_be_closed_at_any_moment), T(a_key_file_is_read_anew_each_time),
          T(a_key_file_that_is_not_there_is_named), T(key_files_that_are_none_say_why),
          T(answers_are_tokens_that_a_header_can_carry))
