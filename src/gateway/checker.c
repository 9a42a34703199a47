#include "gateway/checker.h"

#include "base/err.h"
#include "net/http_client.h"

#define TEXT_MAX    (64u << 10)
#define BODY_MAX    (256u << 10)
#define PATIENCE_MS 10000

const char *check_level_word(enum check_level level)
{
    static const char *const words[CHECK_LEVEL_N] = {"pass", "warn", "fail"};
    return (unsigned)level < CHECK_LEVEL_N ? words[level] : "fail";
}

void checker_init(struct checker *c, check_fn fn, void *arg)
{
    *c = (struct checker){.fn = fn, .arg = arg, .patience_ms = PATIENCE_MS};
    buf_init(&c->text, TEXT_MAX);
    buf_init(&c->remedy, TEXT_MAX);
}

void checker_done(struct checker *c)
{
    buf_done(&c->text);
    buf_done(&c->remedy);
}

void checker_say(struct checker *c, enum check_level level, const char *subject)
{
    const struct check_finding f = {
        .level = level,
        .subject = subject,
        .text = c->text.err < 0 ? STR("(too long to show)") : buf_str(&c->text),
        .remedy = buf_str(&c->remedy),
    };
    c->worst = MAX(c->worst, level);
    c->fn(&f, c->arg);
    buf_clear(&c->text);
    buf_clear(&c->remedy);
}

void checker_tell(struct checker *c, enum check_level level, const char *subject, const char *text, const char *remedy)
{
    buf_puts(&c->text, text);
    buf_puts(&c->remedy, remedy);
    checker_say(c, level, subject);
}

/* ---- one request ---- */

struct asking {
    struct loop *loop;
    struct checker_get *g;
    uint64_t begun_us;
};

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct asking *a = arg;
    struct checker_get *g = a->g;
    g->err = reply->err;
    g->status = reply->status;
    g->took_us = clock_now_us() - a->begun_us;
    buf_put(&g->body, reply->body.p, reply->body.n);
    if (reply->err < 0) {
        struct str detail = str_from(reply->detail ? reply->detail : err_text(reply->err));
        detail.n = MIN(detail.n, sizeof(g->detail) - 1);
        ignore_result(str_copy(g->detail, sizeof(g->detail), detail)); /* it fits now */
    }
    loop_stop(a->loop);
}

void checker_get(struct checker *c, struct loop *loop, struct checker_get *g)
{
    struct loop *own = NULL;
    struct http_client *client = NULL;
    struct asking a = {.g = g, .begun_us = clock_now_us()};
    buf_init(&g->body, BODY_MAX);
    g->err = loop ? 0 : loop_new(&own);
    a.loop = loop ? loop : own;
    if (g->err >= 0) {
        g->err = http_client_new(a.loop, &client);
    }
    if (g->err >= 0) {
        const struct http_call_opts o = {.method = "GET",
                                         .url = g->url,
                                         .user = g->user,
                                         .password = g->password,
                                         .ca_file = g->ca_file,
                                         .deadline_ms = c->patience_ms,
                                         .max_response_bytes = BODY_MAX};
        g->err = http_call(client, &o, on_reply, &a, NULL);
    }
    if (g->err >= 0) {
        loop_run(a.loop);
    } else {
        ignore_result(str_copy(g->detail, sizeof(g->detail), str_from(err_text(g->err)))); /* short */
    }
    http_client_free(client);
    loop_free(own);
}

void checker_got(struct checker_get *g)
{
    buf_done(&g->body);
}
