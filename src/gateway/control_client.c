#include "gateway/control_client.h"

#include "base/err.h"
#include "net/http_client.h"

#define ANSWER_MAX  (32u << 20)
#define DEADLINE_MS 10000

struct asking {
    struct loop *loop;
    struct buf *out, *ret_err;
    int result;
};

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct asking *a = arg;
    a->result = reply->err < 0 ? reply->err : reply->status;
    if (reply->err < 0) {
        buf_puts(a->ret_err, reply->detail ? reply->detail : err_text(reply->err));
    } else {
        buf_put(a->out, reply->body.p, reply->body.n);
    }
    loop_stop(a->loop);
}

void control_own_address(const struct config *cfg, struct buf *url)
{
    struct str host = cfg->server.host;
    bool any = host.n == 0 || str_is(host, "0.0.0.0");
    bool any6 = str_is(host, "::");
    bool v6 = memchr(host.p ? host.p : "", ':', host.n) != NULL;
    buf_puts(url, cfg->server.tls_cert.n ? "https://" : "http://");
    buf_puts(url, v6 ? "[" : "");
    buf_put_str(url, any6 ? STR("::1") : any ? STR("127.0.0.1") : host);
    buf_printf(url, "%s:%u", v6 ? "]" : "", cfg->server.port);
}

static int ask(const struct control_request *r, struct str url, struct str headers, struct asking *a)
{
    struct http_client *http = NULL;
    const struct http_call_opts opts = {.method = r->method,
                                        .url = url,
                                        .headers = headers,
                                        .body = span_of_str(r->body),
                                        .deadline_ms = DEADLINE_MS,
                                        .max_response_bytes = ANSWER_MAX};
    int err = loop_new(&a->loop);
    if (err < 0) {
        return err;
    }
    err = http_client_new(a->loop, &http);
    err = err < 0 ? err : http_call(http, &opts, on_reply, a, NULL);
    if (err >= 0) {
        loop_run(a->loop);
        err = a->result;
    }
    http_client_free(http);
    loop_free(a->loop);
    return err;
}

int control_ask(const struct control_request *r, struct buf *out, struct buf *ret_err)
{
    struct config *cfg = NULL;
    struct asking a = {.out = out, .ret_err = ret_err, .result = -ERR_CLOSED};
    struct buf url;
    struct buf headers;
    bool needs_config = !r->url || !r->token;
    int err = needs_config ? config_load(&r->source, ret_err, &cfg) : 0;
    if (err < 0) {
        return err;
    }
    buf_init(&url, 4096);
    buf_init(&headers, 8192);
    struct str token = r->token ? str_from(r->token) : cfg->server.tokens.n ? cfg->server.tokens.v[0] : STR("");
    if (r->url) {
        buf_puts(&url, r->url);
    } else {
        control_own_address(cfg, &url);
    }
    buf_puts(&url, r->path);
    if (token.n) {
        buf_printf(&headers, "Authorization: Bearer " STR_FMT "\r\n", STR_ARG(token));
    }
    buf_puts(&headers, r->body.n ? "Content-Type: application/json\r\n" : "");
    err = url.err < 0 ? url.err : headers.err < 0 ? headers.err : ask(r, buf_str(&url), buf_str(&headers), &a);
    if (err < 0 && ret_err->len == 0) {
        buf_puts(ret_err, err_text(err));
    }
    if (err < 0) {
        buf_printf(ret_err, " (" STR_FMT ")", STR_ARG(buf_str(&url)));
    }
    buf_done(&url);
    buf_done(&headers);
    config_unref(cfg);
    return err;
}
