#include "tools/webhook/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/template.h"
#include "net/crypto.h"

#define MAX_HEADERS_BYTES (64 * 1024)
#define SHOWN             60

const char *webhook_method_name(enum webhook_method method)
{
    static const char *const names[WEBHOOK_METHOD_N] = {"POST", "GET", "PUT", "PATCH", "DELETE"};
    return (unsigned)method < WEBHOOK_METHOD_N ? names[method] : "POST";
}

void webhook_put_error(struct buf *out, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args); /* a message may be cut */
    va_end(args);
    buf_puts(out, "{\"error\":");
    json_put_quoted(out, (struct str){text, (size_t)CLAMP(n, 0, (int)sizeof(text) - 1)});
    buf_putc(out, '}');
}

/* ---- values ---- */

struct values {
    const struct webhook_opts *o;
    const struct webhook_call *c;
};

static struct json_doc text_value(struct str s)
{
    return (struct json_doc){.type = JSON_STRING, .text = s.p ? s : STR("")};
}

static struct json_doc get_value(void *arg, struct str name)
{
    const struct values *v = arg;
    const struct json_doc *found = NULL;
    if (str_is(name, "arguments")) {
        found = v->c->arguments;
    } else if (str_starts(name, STR("arguments."))) {
        found = json_doc_find(v->c->arguments, (struct str){name.p + 10, name.n - 10});
    } else if (str_is(name, "call.id")) {
        return text_value(v->c->call_id);
    } else if (str_is(name, "caller")) {
        return text_value(v->c->caller);
    } else if (str_is(name, "called")) {
        return text_value(v->c->called);
    } else if (str_is(name, "agent")) {
        return text_value(v->c->agent);
    } else if (str_is(name, "tool")) {
        return text_value(v->o->name);
    } else if (str_is(name, "tool_call_id")) {
        return text_value(v->c->tool_call_id);
    }
    return found ? *found : (struct json_doc){.type = JSON_NONE};
}

/* Words for the model: it knows its arguments, not our templates. */
static int explain(int err, struct str name, struct buf *refusal)
{
    if (str_starts(name, STR("arguments."))) {
        name = (struct str){name.p + 10, name.n - 10};
    }
    int n = (int)MIN(name.n, (size_t)SHOWN);
    switch (err) {
    case -ERR_MISSING:
        webhook_put_error(refusal, "%.*s is missing. Call the function again with it.", n, name.p);
        return -ERR_RANGE;
    case -ERR_TYPE:
        webhook_put_error(refusal, "%.*s must be a text or a number.", n, name.p);
        return -ERR_RANGE;
    case -ERR_RANGE:
        webhook_put_error(refusal, "%.*s cannot be used as it is. Ask the caller for it again.", n, name.p);
        return -ERR_RANGE;
    case -ERR_TOO_BIG:
        webhook_put_error(refusal, "The arguments are too long. Call the function again with less text.");
        return err;
    default:
        return err;
    }
}

/* ---- address ---- */

/* A value and the text around it may make a dot segment together: "/.{{x}}". */
static bool has_dot_segment(struct str url)
{
    struct str rest = {url.p, str_find(url, '?')};
    struct str part;
    while (str_split(&rest, '/', &part)) {
        if (str_is(part, ".") || str_is(part, "..")) {
            return true;
        }
    }
    return false;
}

static int write_url(struct values *v, struct webhook_request *r, struct buf *refusal)
{
    struct str name;
    int err = template_write(v->o->url, TEMPLATE_URL, get_value, v, &r->url, &name);
    if (err < 0) {
        return explain(err, name, refusal);
    }
    if (has_dot_segment(buf_str(&r->url))) {
        webhook_put_error(refusal, "The arguments cannot be used as they are.");
        return -ERR_RANGE;
    }
    return 0;
}

/* ---- body ---- */

static void put_default_body(const struct values *v, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kstr(&w, "tool", v->o->name);
    json_w_kstr(&w, "call_id", v->c->call_id);
    json_w_kstr(&w, "tool_call_id", v->c->tool_call_id);
    json_w_key(&w, "arguments");
    json_doc_write(v->c->arguments, out);
    json_w_close(&w);
}

static int write_body(struct values *v, struct webhook_request *r, struct buf *refusal)
{
    enum webhook_method m = v->o->method;
    struct str name = STR("");
    int err = 0;
    if (v->o->body.n > 0) {
        err = template_write(v->o->body, TEMPLATE_JSON, get_value, v, &r->body, &name);
    } else if (m == WEBHOOK_POST || m == WEBHOOK_PUT || m == WEBHOOK_PATCH) {
        put_default_body(v, &r->body);
        err = r->body.err;
    }
    return err < 0 ? explain(err, name, refusal) : 0;
}

/* ---- headers ---- */

static bool has_header(const struct webhook_opts *o, const char *name)
{
    for (uint32_t i = 0; i < o->n_headers; i++) {
        if (str_ieq(o->headers[i].name, str_from(name))) {
            return true;
        }
    }
    return false;
}

static int write_header(struct values *v, const struct webhook_pair *h, struct buf *out, struct buf *refusal)
{
    struct buf line;
    struct str name;
    buf_init(&line, WEBHOOK_MAX_HEADER_BYTES);
    int err = template_write(h->value, TEMPLATE_HEADER, get_value, v, &line, &name);
    if (err < 0) {
        err = explain(err, name, refusal);
    } else {
        buf_put_str(out, h->name);
        buf_puts(out, ": ");
        buf_put_str(out, buf_str(&line));
        buf_puts(out, "\r\n");
    }
    buf_done(&line);
    return err;
}

/* Path and query, what a receiver sees of an address. */
static struct str target_of(struct str url)
{
    size_t host = str_search(url, STR("://"));
    host = host == SIZE_MAX ? 0 : host + 3;
    struct str rest = {url.p + host, url.n - host};
    size_t path = str_find(rest, '/');
    return (struct str){rest.p + path, rest.n - path};
}

/* Over the time and the body; without one over the time and the target. */
static int put_signature(const struct webhook_opts *o, const struct webhook_request *r, int64_t unix_s,
                         struct buf *headers)
{
    uint8_t mac[32];
    char hex[65];
    struct buf text;
    buf_init(&text, WEBHOOK_MAX_BODY_BYTES + 64);
    buf_printf(&text, "%lld.", (long long)unix_s);
    buf_put_str(&text, r->body.len ? buf_str(&r->body) : target_of(buf_str(&r->url)));
    int err = text.err;
    if (err == 0) {
        crypto_hmac_sha256(span_of_str(o->sign_secret), buf_span(&text), mac);
        crypto_hex(span_from(mac, sizeof(mac)), hex);
        buf_printf(headers, "X-Ringtrip-Signature: t=%lld,v1=%s\r\n", (long long)unix_s, hex);
    }
    buf_done(&text);
    return err;
}

/* The state goes with its parent or not at all. */
static void put_trace(const struct webhook_call *c, struct buf *headers)
{
    buf_printf(headers, "traceparent: " STR_FMT "\r\n", STR_ARG(c->traceparent));
    if (c->tracestate.n) {
        buf_printf(headers, "tracestate: " STR_FMT "\r\n", STR_ARG(c->tracestate));
    }
}

static int write_headers(struct values *v, int64_t unix_s, struct webhook_request *r, struct buf *refusal)
{
    const struct webhook_opts *o = v->o;
    for (uint32_t i = 0; i < o->n_headers; i++) {
        int err = write_header(v, &o->headers[i], &r->headers, refusal);
        if (err < 0) {
            return err;
        }
    }
    if (r->body.len && !has_header(o, "Content-Type")) {
        buf_puts(&r->headers, "Content-Type: application/json\r\n");
    }
    if (!has_header(o, "Accept")) {
        buf_puts(&r->headers, "Accept: application/json\r\n");
    }
    if (v->c->traceparent.n && !has_header(o, "traceparent")) {
        put_trace(v->c, &r->headers);
    }
    int err = o->sign_secret.n ? put_signature(o, r, unix_s, &r->headers) : 0;
    return err < 0 ? err : r->headers.err;
}

int webhook_request_write(const struct webhook_opts *o, const struct webhook_call *c, int64_t unix_s,
                          struct webhook_request *ret, struct buf *refusal)
{
    struct values v = {o, c};
    buf_init(&ret->url, WEBHOOK_MAX_URL_BYTES);
    buf_init(&ret->headers, MAX_HEADERS_BYTES);
    buf_init(&ret->body, WEBHOOK_MAX_BODY_BYTES);
    int err = write_url(&v, ret, refusal);
    err = err < 0 ? err : write_body(&v, ret, refusal);
    return err < 0 ? err : write_headers(&v, unix_s, ret, refusal);
}

void webhook_request_done(struct webhook_request *r)
{
    buf_done(&r->url);
    buf_done(&r->headers);
    buf_done(&r->body);
}
