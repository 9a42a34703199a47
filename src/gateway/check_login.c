/* Logs in as the provider would, and keeps the token for the session that is opened next. */
#include "base/err.h"
#include "gateway/checker.h"
#include "gateway/logins.h"

struct trying {
    struct loop *loop;
    struct checker *c;
    const struct config_provider *p;
    uint64_t begun_us;
    struct buf *token;
    bool in;
};

static void fail(struct checker *c, const struct config_provider *p, struct str problem, const char *advice)
{
    buf_printf(&c->text, "%s cannot log in: " STR_FMT, p->name.p, STR_ARG(problem));
    buf_puts(&c->remedy, advice);
    checker_say(c, CHECK_ERROR, "provider");
}

static void on_tried(struct gemini_login *l, void *arg)
{
    struct trying *t = arg;
    struct gemini_login_state s;
    gemini_login_state(l, &s);
    if (s.err < 0) {
        fail(t->c, t->p, s.problem, s.advice);
    } else if (s.token.n == 0) {
        fail(t->c, t->p, STR("the access token has run out already"), "ask another token server: token_url");
    } else {
        uint64_t ms = (clock_now_us() - t->begun_us) / 1000;
        buf_put_str(t->token, s.token);
        buf_printf(&t->c->text, "%s logs in%s" STR_FMT ": an access token for %u s, in %llu ms", t->p->name.p,
                   s.account.n > 0 ? " as " : "", STR_ARG(s.account), s.lasts_s, (unsigned long long)ms);
        checker_say(t->c, CHECK_OK, "provider");
        t->in = t->token->err == 0;
    }
    loop_stop(t->loop);
}

bool check_login(struct checker *c, const struct config_provider *p, struct buf *token)
{
    struct trying t = {.c = c, .p = p, .begun_us = clock_now_us(), .token = token};
    struct http_client *http = NULL;
    struct gemini_login *login = NULL;
    struct gemini_login_opts o;
    if (!config_is_live(p) || p->gemini.login == CONFIG_LOGIN_KEY) {
        return true;
    }
    logins_fill(p, &o);
    int err = loop_new(&t.loop);
    err = err < 0 ? err : http_client_new(t.loop, &http);
    o.loop = t.loop;
    o.http = http;
    o.deadline_ms = c->patience_ms;
    o.on_tried = on_tried;
    o.arg = &t;
    err = err < 0 ? err : gemini_login_open(&o, &login);
    if (err < 0) {
        fail(c, p, str_from(err_text(err)), "give the machine more memory and open files");
    } else {
        loop_run(t.loop);
    }
    gemini_login_close(login);
    http_client_free(http);
    loop_free(t.loop);
    return t.in;
}
