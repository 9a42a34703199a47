/* One HTTP connection: collects a request, hands it out as an exchange, writes the answer, starts again. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/http_impl.h"

static void conn_free(struct http_conn *c)
{
    buf_done(&c->text);
    buf_done(&c->body);
    buf_done(&c->ahead);
    free(c);
}

/* Leaves the server; the stream has been disposed of or handed over. */
static void conn_doom(struct http_conn *c)
{
    c->stream = NULL;
    c->timer = timer_free(c->timer);
    loop_task_cancel(&c->resume);
    if (list_linked(&c->link)) {
        list_leave(&c->link);
        c->server->stats.connections--;
    }
    struct http_exchange *x = c->exchange;
    if (x) {
        x->conn = NULL;
        c->exchange = NULL;
    }
    if (c->depth == 0) {
        conn_free(c);
    }
    if (x && x->streams) {
        x->gone(x, x->gone_arg);
    }
}

void http_conn_close(struct http_conn *c)
{
    if (c->stream) {
        stream_close(c->stream);
        conn_doom(c);
    }
}

static void enter(struct http_conn *c)
{
    c->depth++;
}

static void leave(struct http_conn *c)
{
    if (--c->depth == 0 && !c->stream) {
        conn_free(c);
    }
}

static void close_gently(struct http_conn *c)
{
    stream_finish(c->stream, HTTP_LINGER_MS, STREAM_FIN_NOW);
    conn_doom(c);
}

/* ---- collecting a request ---- */

static struct str field_name(const struct http_conn *c, uint32_t i)
{
    return (struct str){(const char *)c->text.data + c->fields[i].name_at, c->fields[i].name_n};
}

static struct str field_value(const struct http_conn *c, uint32_t i)
{
    return str_trim((struct str){(const char *)c->text.data + c->fields[i].value_at, c->fields[i].value_n});
}

struct str http_header(const struct http_request *req, const char *name)
{
    const struct http_conn *c = req->exchange->conn;
    for (uint32_t i = 0; c && i < c->fields_n; i++) {
        if (str_ieq(field_name(c, i), str_from(name))) {
            return field_value(c, i);
        }
    }
    return STR_NULL;
}

/* Does any field of this name hold token in its comma-separated list? */
static bool fields_have(const struct http_conn *c, struct str name, struct str token)
{
    for (uint32_t i = 0; i < c->fields_n; i++) {
        struct str list = field_value(c, i);
        struct str part;
        while (str_ieq(field_name(c, i), name) && str_split(&list, ',', &part)) {
            if (str_ieq(str_trim(part), token)) {
                return true;
            }
        }
    }
    return false;
}

static uint32_t fields_count(const struct http_conn *c, struct str name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->fields_n; i++) {
        n += str_ieq(field_name(c, i), name);
    }
    return n;
}

static int refuse(struct http_conn *c, int status)
{
    c->fail_status = status;
    return -1; /* stops the parser */
}

static int put_text(struct http_conn *c, const char *p, size_t n)
{
    buf_put(&c->text, p, n);
    if (c->text.err) {
        return refuse(c, c->text.err == -ENOMEM ? 503 : 431);
    }
    return 0;
}

static int on_url(http_parser *parser, const char *p, size_t n)
{
    struct http_conn *c = parser->data;
    c->target_n += (uint32_t)n;
    int rc = put_text(c, p, n);
    return rc < 0 ? refuse(c, 414) : 0;
}

static int on_field(http_parser *parser, const char *p, size_t n)
{
    struct http_conn *c = parser->data;
    if (c->in_value || c->fields_n == 0) {
        if (c->fields_n == HTTP_HEADERS_MAX) {
            return refuse(c, 431);
        }
        c->fields[c->fields_n++] = (struct http_field){.name_at = (uint32_t)c->text.len};
        c->in_value = false;
    }
    c->fields[c->fields_n - 1].name_n += (uint32_t)n;
    return put_text(c, p, n);
}

static int on_value(http_parser *parser, const char *p, size_t n)
{
    struct http_conn *c = parser->data;
    struct http_field *field = &c->fields[c->fields_n - 1];
    if (!c->in_value) {
        field->value_at = (uint32_t)c->text.len;
        c->in_value = true;
    }
    field->value_n += (uint32_t)n;
    return put_text(c, p, n);
}

/* http-parser as packaged lets blanks in names pass; a proxy before us may read such a line differently. */
static bool names_ok(const struct http_conn *c)
{
    for (uint32_t i = 0; i < c->fields_n; i++) {
        struct str name = field_name(c, i);
        if (str_find(name, ' ') != name.n) {
            return false;
        }
    }
    return true;
}

static int check_expect(struct http_conn *c)
{
    if (fields_count(c, STR("expect")) == 0) {
        return 0;
    }
    if (!fields_have(c, STR("expect"), STR("100-continue"))) {
        return refuse(c, 417);
    }
    bool has_body =
        (c->parser.flags & F_CHUNKED) || (c->parser.content_length > 0 && c->parser.content_length != UINT64_MAX);
    if (has_body && c->parser.http_minor >= 1) {
        ignore_result(
            stream_write(c->stream, span_of_str(STR("HTTP/1.1 100 Continue\r\n\r\n")))); /* the read will tell */
    }
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct http_conn *c = parser->data;
    if (parser->http_major != 1 || parser->http_minor > 1) {
        return refuse(c, 505);
    }
    uint32_t hosts = fields_count(c, STR("host"));
    if (!names_ok(c) || hosts > 1 || (hosts == 0 && parser->http_minor == 1)) {
        return refuse(c, 400);
    }
    if (parser->content_length != UINT64_MAX && parser->content_length > c->server->opts.max_body_bytes) {
        return refuse(c, 413);
    }
    return check_expect(c);
}

static int on_body(http_parser *parser, const char *p, size_t n)
{
    struct http_conn *c = parser->data;
    buf_put(&c->body, p, n);
    if (c->body.err) {
        return refuse(c, c->body.err == -ENOMEM ? 503 : 413);
    }
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct http_conn *c = parser->data;
    c->complete = true;
    http_parser_pause(parser, 1); /* what follows waits until this request is answered */
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void arm(struct http_conn *c, uint32_t ms)
{
    timer_start(c->timer, (uint64_t)ms * 1000, 0);
}

static void expect_request(struct http_conn *c)
{
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    buf_done(&c->text); /* an idle connection holds no memory */
    buf_done(&c->body);
    c->target_n = c->fields_n = 0;
    c->in_value = c->begun = c->complete = false;
}

/* ---- answering ---- */

static const char *status_text(int status)
{
    switch (status) {
#define XX(num, name, string)                                                                                          \
    case num:                                                                                                          \
        return #string;
        HTTP_STATUS_MAP(XX)
#undef XX
    default:
        return "Unknown";
    }
}

static void build_answer(struct buf *b, const struct http_exchange *x, int status, struct str content_type,
                         struct str headers, struct span body)
{
    bool bodyless = status == 204 || status == 304;
    buf_printf(b, "HTTP/1.1 %d %s\r\n", status, status_text(status));
    if (content_type.n > 0) {
        buf_printf(b, "Content-Type: " STR_FMT "\r\n", STR_ARG(content_type));
    }
    if (!bodyless) {
        buf_printf(b, "Content-Length: %zu\r\n", body.n);
    }
    buf_put_str(b, headers);
    buf_puts(b, !x->keep_alive ? "Connection: close\r\n\r\n" : x->http_1_0 ? "Connection: keep-alive\r\n\r\n" : "\r\n");
    if (!bodyless && !x->head) {
        buf_put(b, body.p, body.n);
    }
}

static void after_answer(struct http_conn *c, bool keep_alive)
{
    bool more = c->ahead.len > 0 || c->rest.n > 0;
    if (!keep_alive || (c->eof && !more)) {
        close_gently(c);
        return;
    }
    expect_request(c);
    arm(c, c->server->opts.idle_deadline_ms);
    stream_pause(c->stream, false);
    if (c->depth == 0 && c->ahead.len > 0) {
        loop_defer(c->server->loop, &c->resume);
    }
}

void http_respond(struct http_exchange *x, int status, struct str content_type, struct str headers, struct span body)
{
    struct http_conn *c = x->conn;
    if (!c) {
        free(x);
        return;
    }
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    build_answer(&b, x, status, content_type, headers, body);
    c->exchange = NULL;
    int err = b.err ? b.err : stream_write(c->stream, buf_span(&b));
    buf_done(&b);
    if (err < 0) {
        http_conn_close(c);
    } else {
        after_answer(c, x->keep_alive);
    }
    free(x);
}

/* ---- an answer without a known end ---- */

int http_stream_begin(struct http_exchange *x, int status, struct str content_type, struct str headers,
                      http_gone_fn gone, void *arg)
{
    struct http_conn *c = x->conn;
    if (!c || c->eof) {
        if (c) {
            c->exchange = NULL;
            http_conn_close(c);
        }
        free(x);
        return -ERR_CLOSED;
    }
    struct buf b;
    buf_init(&b, 64 * 1024);
    buf_printf(&b, "HTTP/1.1 %d %s\r\nContent-Type: " STR_FMT "\r\n", status, status_text(status),
               STR_ARG(content_type));
    buf_put_str(&b, headers);
    buf_puts(&b, "Connection: close\r\n\r\n"); /* its end is the end of the connection */
    int err = b.err ? b.err : stream_write(c->stream, buf_span(&b));
    buf_done(&b);
    if (err < 0) {
        c->exchange = NULL;
        http_conn_close(c);
        free(x);
        return err == -ENOMEM ? err : -ERR_CLOSED;
    }
    x->streams = true;
    x->gone = gone;
    x->gone_arg = arg;
    return 0;
}

int http_stream_write(struct http_exchange *x, struct span data)
{
    return x->conn ? stream_write(x->conn->stream, data) : -ERR_CLOSED;
}

size_t http_stream_queued(const struct http_exchange *x)
{
    return x->conn ? stream_queued_bytes(x->conn->stream) : 0;
}

void http_stream_end(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (c) {
        c->exchange = NULL;
        close_gently(c);
    }
    free(x);
}

/* A request that never becomes an exchange. The connection ends: where the next request begins is unknown. */
static void answer_error(struct http_conn *c, int status, struct str headers)
{
    c->server->stats.bad_requests++;
    const struct http_exchange x = {.head = false};
    struct buf b;
    buf_init(&b, 4096);
    build_answer(&b, &x, status, STR("text/plain"), headers, span_of_str(str_from(status_text(status))));
    int err = b.err ? b.err : stream_write(c->stream, buf_span(&b));
    buf_done(&b);
    if (err < 0) {
        http_conn_close(c);
    } else {
        close_gently(c);
    }
}

/* ---- handing out ---- */

/* 0: an ordinary request; 1: a good upgrade, accept is set; else the status to refuse it with. */
static int check_upgrade(struct http_conn *c, struct http_exchange *x)
{
    if (!fields_have(c, STR("upgrade"), STR("websocket")) || !fields_have(c, STR("connection"), STR("upgrade"))) {
        return 0;
    }
    if (c->parser.method != HTTP_GET || c->parser.http_minor != 1) {
        return 400;
    }
    if (fields_count(c, STR("sec-websocket-version")) != 1 ||
        !fields_have(c, STR("sec-websocket-version"), STR("13"))) {
        return 426;
    }
    const struct http_request probe = {.exchange = x};
    struct str key = http_header(&probe, "sec-websocket-key");
    uint8_t nonce[WS_KEY_TEXT];
    if (fields_count(c, STR("sec-websocket-key")) != 1 || key.n != WS_KEY_TEXT || base64_decode(nonce, key) != 16) {
        return 400;
    }
    ws_accept_key(key, x->accept);
    return 1;
}

static void split_target(struct http_request *req)
{
    struct str t = req->target;
    size_t scheme_n = str_starts(t, STR("http://")) ? 7 : str_starts(t, STR("https://")) ? 8 : 0;
    if (scheme_n > 0) {
        struct str rest = {t.p + scheme_n, t.n - scheme_n};
        size_t slash = str_find(rest, '/');
        t = slash < rest.n ? (struct str){rest.p + slash, rest.n - slash} : STR("/");
    }
    size_t question = str_find(t, '?');
    req->path = (struct str){t.p, question};
    req->query = question < t.n ? (struct str){t.p + question + 1, t.n - question - 1} : STR_NULL;
}

static void hand_out(struct http_conn *c)
{
    struct http_exchange *x = calloc(1, sizeof(*x));
    if (!x) {
        answer_error(c, 503, STR_NULL);
        return;
    }
    const char *method = http_method_str((enum http_method)c->parser.method);
    *x = (struct http_exchange){.conn = c,
                                .head = c->parser.method == HTTP_HEAD,
                                .http_1_0 = c->parser.http_minor == 0,
                                .keep_alive = c->parser.method != HTTP_CONNECT && http_should_keep_alive(&c->parser)};
    int upgrade = check_upgrade(c, x);
    if (upgrade > 1) {
        free(x);
        answer_error(c, upgrade, upgrade == 426 ? STR("Sec-WebSocket-Version: 13\r\n") : STR_NULL);
        return;
    }
    x->wants_upgrade = upgrade == 1;
    struct http_request req = {.method = str_from(method),
                               .target = {(const char *)c->text.data, c->target_n},
                               .body = buf_span(&c->body),
                               .peer = str_from(stream_peer(c->stream)),
                               .tls = stream_is_tls(c->stream),
                               .wants_upgrade = x->wants_upgrade,
                               .exchange = x};
    split_target(&req);
    c->exchange = x;
    c->server->stats.requests++;
    timer_stop(c->timer); /* how long the answer takes is the handler's affair */
    c->server->handler->on_request(x, &req, c->server->arg);
}

/* Works on lent bytes until they are used up or a request awaits its answer; the rest goes to ahead. */
static void consume(struct http_conn *c, uint8_t *p, size_t n)
{
    c->rest = (struct ws_input){p, n};
    while (c->stream && !c->exchange && c->rest.n > 0) {
        if (!c->begun) {
            c->begun = true;
            arm(c, c->server->opts.header_deadline_ms);
        }
        size_t used = http_parser_execute(&c->parser, &parser_settings, (const char *)c->rest.p, c->rest.n);
        enum http_errno err = HTTP_PARSER_ERRNO(&c->parser);
        if (!c->complete && err != HPE_OK) {
            answer_error(c, c->fail_status ? c->fail_status : err == HPE_HEADER_OVERFLOW ? 431 : 400, STR_NULL);
            break;
        }
        c->rest.p += used;
        c->rest.n -= used;
        if (c->complete) {
            hand_out(c);
        }
    }
    if (c->stream && c->rest.n > 0) {
        buf_put(&c->ahead, c->rest.p, c->rest.n);
    }
    c->rest = (struct ws_input){0};
    if (c->stream && c->eof && !c->exchange) {
        http_conn_close(c); /* what is left is half a request */
    }
}

static void consume_ahead(struct http_conn *c)
{
    struct buf ahead = c->ahead;
    buf_init(&c->ahead, ahead.max_bytes);
    consume(c, buf_ptr(&ahead), ahead.len);
    buf_done(&ahead);
}

static void on_data(struct stream *s, uint8_t *p, size_t n, void *arg)
{
    struct http_conn *c = arg;
    enter(c);
    if (c->exchange || c->ahead.len > 0) {
        buf_put(&c->ahead, p, n);
        if (!c->exchange) {
            consume_ahead(c);
        } else if (c->ahead.len >= HTTP_AHEAD_BYTES) {
            stream_pause(s, true); /* a pipelining peer waits in the kernel */
        }
    } else {
        consume(c, p, n);
    }
    if (c->stream && c->ahead.err) {
        http_conn_close(c);
    }
    leave(c);
}

static void resume(void *arg)
{
    struct http_conn *c = arg;
    enter(c);
    if (!c->exchange) {
        consume_ahead(c);
    }
    leave(c);
}

/* After a half-close what was asked before is still answered. */
static void on_end(struct stream *s, int err, void *arg)
{
    (void)s;
    struct http_conn *c = arg;
    bool streams = c->exchange && c->exchange->streams; /* nobody reads what has no end */
    if (err == 0 && !streams && (c->exchange || c->ahead.len > 0)) {
        c->eof = true;
    } else {
        http_conn_close(c);
    }
}

static const struct stream_handler conn_handler = {.on_data = on_data, .on_end = on_end};

static void on_timer(void *arg)
{
    struct http_conn *c = arg;
    enter(c);
    if (c->begun) {
        answer_error(c, 408, STR_NULL);
    } else {
        http_conn_close(c);
    }
    leave(c);
}

void http_conn_start(struct http_server *server, struct stream *stream)
{
    struct http_conn *c = calloc(1, sizeof(*c));
    if (!c || timer_new(server->loop, on_timer, c, &c->timer) < 0) {
        free(c);
        stream_close(stream);
        return;
    }
    c->server = server;
    c->stream = stream;
    c->resume = (struct loop_task){.fn = resume, .arg = c};
    buf_init(&c->text, server->opts.max_header_bytes);
    buf_init(&c->body, server->opts.max_body_bytes);
    buf_init(&c->ahead, 4 * HTTP_AHEAD_BYTES);
    expect_request(c);
    arm(c, server->opts.header_deadline_ms);
    list_append(&server->conns, &c->link);
    server->stats.connections++;
    stream_set_handler(stream, &conn_handler, c);
}

/* ---- upgrade ---- */

static int write_switch(struct http_conn *c, const char *accept, struct str protocol)
{
    struct buf b;
    buf_init(&b, 1024);
    buf_printf(&b,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n",
               accept);
    if (protocol.n > 0) {
        buf_printf(&b, "Sec-WebSocket-Protocol: " STR_FMT "\r\n", STR_ARG(protocol));
    }
    buf_puts(&b, "\r\n");
    int err = b.err ? b.err : stream_write(c->stream, buf_span(&b));
    buf_done(&b);
    return err;
}

int http_upgrade(struct http_exchange *x, struct str protocol, const struct ws_opts *opts, const struct ws_handler *h,
                 void *arg, struct ws **ret)
{
    struct http_conn *c = x->conn;
    if (!x->wants_upgrade) {
        return -ERR_STATE;
    }
    if (!c || c->eof) {
        if (c) {
            c->exchange = NULL;
            http_conn_close(c);
        }
        free(x);
        return -ERR_CLOSED;
    }
    c->exchange = NULL;
    int err = write_switch(c, x->accept, protocol);
    free(x);
    struct span early = c->rest.n > 0 ? span_from(c->rest.p, c->rest.n) : buf_span(&c->ahead);
    if (err == 0) {
        err = ws_adopt(c->stream, early, opts, h, arg, ret);
    }
    if (err < 0) {
        http_conn_close(c);
        return err;
    }
    conn_doom(c); /* the stream lives on in the WebSocket */
    return 0;
}
