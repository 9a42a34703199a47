/* Client side of a WebSocket until the 101: URL, name lookup, TCP (one address after the other), TLS, upgrade. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/crypto.h"
#include "net/ws_impl.h"

enum {
    CONNECT_DEADLINE_MS = 5000,
    ATTEMPT_MIN_US = 250 * 1000,
    RESPONSE_MAX_BYTES = 16 * 1024,
    HOST_MAX = 256,
    DETAIL_MAX = 512,
};

/* Outlives the WebSocket when it is given up during the lookup, which cannot always be cancelled. */
struct lookup {
    uv_getaddrinfo_t req;
    struct ws *ws; /* NULL: nobody waits any more */
};

struct ws_connecting {
    bool secure;
    char host[HOST_MAX]; /* without brackets */
    char port[6];
    struct tls_ctx *tls;
    struct buf request;
    struct buf response;
    struct str protocol; /* offered, inside request */
    char accept[WS_ACCEPT_TEXT + 1];
    struct lookup *lookup;
    struct addrinfo *addrs, *next;
    struct sockaddr_storage literal; /* when the host is an address */
    struct addrinfo literal_info;
    struct timer *timer;
    uint64_t deadline_us;
    uint64_t attempt_due_us; /* the next address is tried then; UINT64_MAX: none is left or TCP stands */
};

static void try_next(struct ws *ws, int last_err);

struct ws_connecting *ws_connecting_free(struct ws_connecting *c)
{
    if (!c) {
        return NULL;
    }
    if (c->lookup) {
        c->lookup->ws = NULL;
        ignore_result(uv_cancel((uv_req_t *)&c->lookup->req)); /* else it ends by itself, unheard */
    }
    if (c->addrs != &c->literal_info) {
        uv_freeaddrinfo(c->addrs);
    }
    timer_free(c->timer);
    tls_unref(c->tls);
    buf_done(&c->request);
    buf_done(&c->response);
    free(c);
    return NULL;
}

/* ---- URL and request ---- */

struct url {
    bool secure;
    struct str authority, host, port, target;
};

static bool url_char_ok(char c)
{
    return c > ' ' && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\';
}

static int url_split_authority(struct url *url)
{
    struct str a = url->authority;
    if (a.n == 0 || str_find(a, '@') != a.n) {
        return -EINVAL;
    }
    size_t host_n = str_find(a, ':');
    url->host = (struct str){a.p, host_n};
    if (a.p[0] == '[') {
        size_t close = str_find(a, ']');
        if (close == a.n || (close + 1 < a.n && a.p[close + 1] != ':')) {
            return -EINVAL;
        }
        url->host = (struct str){a.p + 1, close - 1};
        host_n = close + 1;
    }
    url->port = url->secure ? STR("443") : STR("80");
    if (host_n < a.n) {
        int64_t port;
        url->port = (struct str){a.p + host_n + 1, a.n - host_n - 1};
        if (url->port.n > 5 || str_to_i64(url->port, &port) < 0 || port < 1 || port > UINT16_MAX) {
            return -EINVAL;
        }
    }
    return url->host.n > 0 ? 0 : -EINVAL;
}

static int url_parse(struct str text, struct url *ret)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!url_char_ok(text.p[i])) {
            return -EINVAL;
        }
    }
    struct url url = {.secure = str_starts(text, STR("wss://"))};
    if (!url.secure && !str_starts(text, STR("ws://"))) {
        return -EINVAL;
    }
    size_t scheme_n = url.secure ? 6 : 5;
    struct str rest = {text.p + scheme_n, text.n - scheme_n};
    size_t authority_n = MIN(str_find(rest, '/'), str_find(rest, '?'));
    url.authority = (struct str){rest.p, authority_n};
    url.target = (struct str){rest.p + authority_n, rest.n - authority_n};
    int err = url_split_authority(&url);
    if (err == 0) {
        *ret = url;
    }
    return err;
}

static int build_request(struct ws_connecting *c, const struct url *url, const struct ws_client_opts *opts)
{
    uint8_t nonce[16];
    char key[WS_KEY_TEXT + 1];
    crypto_random(nonce, sizeof(nonce));
    key[base64_encode(key, span_from(nonce, sizeof(nonce)))] = '\0';
    ws_accept_key(str_from(key), c->accept);

    struct buf *b = &c->request;
    const char *slash = url->target.n > 0 && url->target.p[0] == '/' ? "" : "/";
    buf_printf(b, "GET %s" STR_FMT " HTTP/1.1\r\nHost: " STR_FMT "\r\n", slash, STR_ARG(url->target),
               STR_ARG(url->authority));
    buf_printf(b, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
               key);
    size_t protocol_at = 0;
    if (opts->protocol.n > 0) {
        buf_puts(b, "Sec-WebSocket-Protocol: ");
        protocol_at = b->len;
        buf_put_str(b, opts->protocol);
        buf_puts(b, "\r\n");
    }
    buf_put_str(b, opts->headers);
    buf_puts(b, "\r\n");
    if (b->err) {
        return b->err;
    }
    c->protocol = (struct str){(const char *)buf_ptr(b) + protocol_at, opts->protocol.n};
    return 0;
}

/* ---- response ---- */

static void fail(struct ws *ws, int err, struct str detail)
{
    ws_die(ws, err, (struct str){detail.p, MIN(detail.n, (size_t)DETAIL_MAX)});
}

/* Is item one of the comma-separated elements of list? */
static bool list_has(struct str list, struct str item)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        if (str_ieq(str_trim(part), item)) {
            return true;
        }
    }
    return false;
}

struct response {
    int status;
    bool upgrade, connection, accept, extensions, repeated;
    struct str protocol;
};

static bool parse_status(struct str line, int *ret)
{
    int64_t status;
    if (line.n < 12 || !str_starts(line, STR("HTTP/1.1 ")) || (line.n > 12 && line.p[12] != ' ') ||
        str_to_i64((struct str){line.p + 9, 3}, &status) < 0 || status < 100 || status > 999) {
        return false;
    }
    *ret = (int)status;
    return true;
}

static void take_header(struct response *r, struct str name, struct str value, const char *accept)
{
    if (str_ieq(name, STR("upgrade"))) {
        r->upgrade |= str_ieq(value, STR("websocket"));
    } else if (str_ieq(name, STR("connection"))) {
        r->connection |= list_has(value, STR("upgrade"));
    } else if (str_ieq(name, STR("sec-websocket-accept"))) {
        r->repeated |= r->accept;
        r->accept = str_is(value, accept);
    } else if (str_ieq(name, STR("sec-websocket-extensions"))) {
        r->extensions |= value.n > 0;
    } else if (str_ieq(name, STR("sec-websocket-protocol"))) {
        r->repeated |= r->protocol.n > 0;
        r->protocol = value;
    }
}

/* head: status line and header lines, without the empty line at the end. */
static bool parse_response(struct str head, const char *accept, struct response *ret)
{
    struct str line;
    if (!str_split(&head, '\n', &line) || !parse_status(str_trim(line), &ret->status)) {
        return false;
    }
    while (str_split(&head, '\n', &line)) {
        line = str_trim(line);
        size_t colon = str_find(line, ':');
        if (colon == line.n || colon == 0) {
            return false;
        }
        take_header(ret, (struct str){line.p, colon}, str_trim((struct str){line.p + colon + 1, line.n - colon - 1}),
                    accept);
    }
    return true;
}

static const char *refusal(const struct response *r, struct str offered)
{
    if (!r->upgrade || !r->connection) {
        return "the server's 101 lacks the upgrade headers";
    }
    if (!r->accept || r->repeated) {
        return "the server's Sec-WebSocket-Accept is wrong";
    }
    if (r->extensions) {
        return "the server selected an extension that was not offered";
    }
    if (r->protocol.n > 0 && !list_has(offered, r->protocol)) {
        return "the server selected a protocol that was not offered";
    }
    return NULL;
}

static void open_ws(struct ws *ws, struct str protocol, struct span rest)
{
    /* The response lies in the connecting phase's memory, and the handler may end ws. */
    struct ws_connecting *c = ws->connecting;
    struct stream *stream = ws->stream;
    ws->connecting = NULL;
    ws_start(ws, stream);
    if (ws->state == WS_OPEN && ws->handler->on_open) {
        ws->handler->on_open(ws, protocol, ws->arg);
    }
    if (rest.n > 0) {
        ws_receive(ws, buf_ptr(&c->response) + (c->response.len - rest.n), rest.n);
    }
    ws_connecting_free(c);
}

static void on_data(struct stream *s, uint8_t *p, size_t n, void *arg)
{
    (void)s;
    struct ws *ws = arg;
    struct ws_connecting *c = ws->connecting;
    buf_put(&c->response, p, n);
    if (c->response.err) {
        fail(ws, c->response.err, STR("the upgrade response is too long"));
        return;
    }
    struct str text = buf_str(&c->response);
    size_t head_n = str_search(text, STR("\r\n\r\n"));
    if (head_n == SIZE_MAX) {
        if (text.n > RESPONSE_MAX_BYTES) {
            fail(ws, -ERR_TOO_BIG, STR("the upgrade response is too long"));
        }
        return;
    }
    struct response r = {0};
    struct str rest = {text.p + head_n + 4, text.n - head_n - 4};
    if (!parse_response((struct str){text.p, head_n}, c->accept, &r)) {
        fail(ws, -ERR_HTTP, STR("the upgrade response is not HTTP/1.1"));
    } else if (r.status != 101) {
        ws->why.http_status = r.status;
        fail(ws, -ERR_HTTP, rest.n > 0 ? rest : (struct str){text.p, str_find(text, '\r')});
    } else if (refusal(&r, c->protocol)) {
        fail(ws, -ERR_WS, str_from(refusal(&r, c->protocol)));
    } else {
        open_ws(ws, r.protocol, span_of_str(rest));
    }
}

/* ---- connection ---- */

static void on_end(struct stream *s, int err, void *arg)
{
    struct ws *ws = arg;
    struct ws_connecting *c = ws->connecting;
    bool tcp_failed = c->attempt_due_us != 0 && err != -ERR_TLS && err != -ECANCELED;
    if (tcp_failed) {
        try_next(ws, err);
    } else {
        fail(ws, err < 0 ? err : -ERR_CLOSED, str_from(stream_error(s)));
    }
}

static void on_open(struct stream *s, void *arg)
{
    struct ws *ws = arg;
    ws->connecting->attempt_due_us = 0;
    int err = stream_write(s, buf_span(&ws->connecting->request));
    if (err < 0) {
        fail(ws, err, STR_NULL);
    }
}

static const struct stream_handler connecting_handler = {.on_open = on_open, .on_data = on_data, .on_end = on_end};

static void arm_timer(struct ws *ws)
{
    struct ws_connecting *c = ws->connecting;
    uint64_t now_us = loop_now_us(ws->loop);
    uint64_t due_us = c->attempt_due_us ? MIN(c->attempt_due_us, c->deadline_us) : c->deadline_us;
    timer_start(c->timer, due_us > now_us ? due_us - now_us : 0, 0);
}

static uint64_t count_addrs(const struct addrinfo *ai)
{
    uint64_t n = 0;
    for (; ai; ai = ai->ai_next) {
        n++;
    }
    return n;
}

static void try_next(struct ws *ws, int last_err)
{
    struct ws_connecting *c = ws->connecting;
    if (ws->stream) {
        stream_close(ws->stream);
        ws->stream = NULL;
    }
    while (c->next) {
        struct addrinfo *ai = c->next;
        c->next = ai->ai_next;
        last_err = stream_connect(ws->loop, ai->ai_addr, c->secure ? c->tls : NULL, c->host, &ws->stream);
        if (last_err == 0) {
            uint64_t now_us = loop_now_us(ws->loop);
            uint64_t left_us = c->deadline_us > now_us ? c->deadline_us - now_us : 0;
            uint64_t share_us = MAX(left_us / (count_addrs(c->next) + 1), (uint64_t)ATTEMPT_MIN_US);
            c->attempt_due_us = c->next ? now_us + share_us : UINT64_MAX;
            stream_set_handler(ws->stream, &connecting_handler, ws);
            arm_timer(ws);
            return;
        }
    }
    fail(ws, last_err, str_from(err_text(last_err)));
}

static void on_timer(void *arg)
{
    struct ws *ws = arg;
    struct ws_connecting *c = ws->connecting;
    uint64_t now_us = loop_now_us(ws->loop);
    if (now_us >= c->deadline_us) {
        fail(ws, -ETIMEDOUT, STR("not connected in time"));
    } else if (c->attempt_due_us && now_us >= c->attempt_due_us) {
        try_next(ws, -ETIMEDOUT);
    } else {
        arm_timer(ws);
    }
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *addrs)
{
    struct lookup *lookup = CONTAINER_OF(req, struct lookup, req);
    struct ws *ws = lookup->ws;
    free(lookup);
    if (!ws) {
        uv_freeaddrinfo(addrs);
        return;
    }
    loop_enter(ws->loop);
    ws->connecting->lookup = NULL;
    ws->connecting->addrs = ws->connecting->next = addrs;
    if (status < 0) {
        fail(ws, -ERR_DNS, str_from(uv_strerror(status)));
    } else {
        try_next(ws, -ERR_DNS);
    }
}

/* An address needs no lookup; its one attempt is made from the next pass, so that nothing is called before return. */
static bool use_literal(struct ws_connecting *c)
{
    int64_t port;
    if (str_to_i64(str_from(c->port), &port) < 0) {
        return false;
    }
    struct sockaddr_in *in4 = (void *)&c->literal;
    struct sockaddr_in6 *in6 = (void *)&c->literal;
    if (uv_ip4_addr(c->host, (int)port, in4) != 0 && uv_ip6_addr(c->host, (int)port, in6) != 0) {
        return false;
    }
    c->literal_info.ai_addr = (struct sockaddr *)&c->literal;
    c->addrs = c->next = &c->literal_info;
    return true;
}

static int start_lookup(struct ws *ws)
{
    struct ws_connecting *c = ws->connecting;
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup) {
        return -ENOMEM;
    }
    lookup->ws = ws;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int err = uv_getaddrinfo(&ws->loop->uv, &lookup->req, on_lookup, c->host, c->port, &hints);
    if (err < 0) {
        free(lookup);
        return err;
    }
    c->lookup = lookup;
    return 0;
}

static void start_literal(void *arg)
{
    try_next(arg, -ENOTCONN);
}

/* The system's authorities are a file of 200 kB: read once per loop, not once per connection. */
static int loop_client_tls(struct loop *loop)
{
    return loop->client_tls ? 0 : tls_client_new(NULL, NULL, &loop->client_tls);
}

static int prepare(struct loop *loop, struct ws_connecting *c, const struct ws_client_opts *opts)
{
    struct url url;
    int err = url_parse(opts->url, &url);
    if (err < 0 || (opts->headers.n > 0 && !str_ends(opts->headers, STR("\r\n")))) {
        return -EINVAL;
    }
    c->secure = url.secure;
    if (str_copy(c->host, sizeof(c->host), url.host) < 0 || str_copy(c->port, sizeof(c->port), url.port) < 0) {
        return -EINVAL;
    }
    if (c->secure) {
        err = opts->tls ? 0 : loop_client_tls(loop);
        c->tls = tls_ref(opts->tls ? opts->tls : loop->client_tls);
    }
    return err < 0 ? err : build_request(c, &url, opts);
}

static int start(struct ws *ws, struct ws_connecting *c, uint32_t deadline_ms)
{
    ws->connecting = c;
    int err = timer_new(ws->loop, on_timer, ws, &c->timer);
    if (err < 0) {
        return err;
    }
    c->deadline_us = loop_now_us(ws->loop) + (uint64_t)(deadline_ms ? deadline_ms : CONNECT_DEADLINE_MS) * 1000;
    arm_timer(ws);
    if (!use_literal(c)) {
        return start_lookup(ws);
    }
    ws->task.fn = start_literal;
    loop_defer(ws->loop, &ws->task);
    return 0;
}

int ws_connect(struct loop *loop, const struct ws_client_opts *opts, const struct ws_handler *h, void *arg,
               struct ws **ret)
{
    struct ws_connecting *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    buf_init(&c->request, 64 * 1024);
    buf_init(&c->response, LOOP_RECV_BYTES + RESPONSE_MAX_BYTES);
    struct ws *ws;
    int err = prepare(loop, c, opts);
    if (err == 0) {
        err = ws_new(loop, WS_CLIENT, &opts->ws, h, arg, &ws);
    }
    if (err < 0) {
        ws_connecting_free(c);
        return err;
    }
    err = start(ws, c, opts->connect_deadline_ms);
    if (err < 0) {
        ws_free(ws);
        return err;
    }
    *ret = ws;
    return 0;
}
