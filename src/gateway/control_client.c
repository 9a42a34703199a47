#include "gateway/control_client.h"

#include <stdio.h>

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

/* The host of "https://voice.example.com:8443/x"; empty: there is none. */
static struct str host_of(struct str url)
{
    size_t at = str_search(url, STR("://"));
    struct str rest = at == SIZE_MAX ? STR("") : (struct str){url.p + at + 3, url.n - at - 3};
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != ':') {
        end++;
    }
    return (struct str){rest.p, rest.n > 0 && rest.p[0] == '[' ? 0 : end};
}

int control_own_address(const struct config *cfg, uint16_t port, struct control_address *ret)
{
    struct str host = cfg->server.host;
    struct str name = cfg->server.tls_cert.n ? host_of(cfg->server.public_url) : STR("");
    char here[256];
    port = port ? port : cfg->server.port;
    if (host.n == 0 || str_is(host, "0.0.0.0")) {
        host = STR("127.0.0.1");
    } else if (str_is(host, "::")) {
        host = STR("::1");
    }
    bool v6 = memchr(host.p, ':', host.n) != NULL;
    int n = snprintf(here, sizeof(here), "%s" STR_FMT "%s", v6 ? "[" : "", STR_ARG(host), v6 ? "]" : "");
    if (n < 0 || (size_t)n >= sizeof(here)) {
        return -ENOSPC;
    }
    struct str called = name.n > 0 ? name : str_from(here);
    n = snprintf(ret->url, sizeof(ret->url), "%s://" STR_FMT ":%u", cfg->server.tls_cert.n ? "https" : "http",
                 STR_ARG(called), port);
    int m = snprintf(ret->connect_to, sizeof(ret->connect_to), "%s:%u", here, port);
    ret->headers = cfg->server.tls_cert.n ? "Host: localhost\r\n" : ""; /* it is: control routes want to know */
    ret->ca_file = cfg->server.tls_cert.n ? cfg->server.tls_cert.p : NULL;
    return n < 0 || (size_t)n >= sizeof(ret->url) || m < 0 || (size_t)m >= sizeof(ret->connect_to) ? -ENOSPC : 0;
}

static int ask(const struct control_request *r, const struct control_address *at, struct str url, struct str headers,
               struct asking *a)
{
    struct http_client *http = NULL;
    const struct http_call_opts opts = {.method = r->method,
                                        .url = url,
                                        .headers = headers,
                                        .body = span_of_str(r->body),
                                        .ca_file = at->ca_file,
                                        .connect_to = at->connect_to[0] ? at->connect_to : NULL,
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
    struct control_address at = {.headers = "", .ca_file = r->ca_file};
    struct buf url;
    struct buf headers;
    bool needs_config = !r->url || !r->token;
    int err = needs_config ? config_load(&r->source, ret_err, &cfg) : 0;
    if (err < 0) {
        return err == -ENOMEM ? err : -ERR_CONFIG; /* not to be taken for a gateway that is not there */
    }
    buf_init(&url, 4096);
    buf_init(&headers, 8192);
    struct str token = r->token ? str_from(r->token) : cfg->server.tokens.n ? cfg->server.tokens.v[0] : STR("");
    err = r->url ? 0 : control_own_address(cfg, 0, &at);
    buf_puts(&url, r->url ? r->url : at.url);
    buf_puts(&url, r->path);
    buf_puts(&headers, at.headers);
    if (token.n) {
        buf_printf(&headers, "Authorization: Bearer " STR_FMT "\r\n", STR_ARG(token));
    }
    buf_puts(&headers, r->body.n ? "Content-Type: application/json\r\n" : "");
    err = err < 0           ? err
          : url.err < 0     ? url.err
          : headers.err < 0 ? headers.err
                            : ask(r, &at, buf_str(&url), buf_str(&headers), &a);
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
