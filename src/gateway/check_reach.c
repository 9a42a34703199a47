/*
 * Does the public URL lead here? Listens on the port as the gateway would, then asks for a word of its own through the
 * public URL, first by HTTPS, then by a WebSocket on the path of each carrier's media, as the carrier would. When a
 * gateway serves on the port already, that one must answer. What is asked from this machine shows names, certificate,
 * tunnel and proxy; a firewall that lets only this machine in it does not show.
 */
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "gateway/checker.h"
#include "net/crypto.h"
#include "net/http_server.h"

#define WORD_BYTES   12
#define OTHER_PORT   8080 /* of the concierge that many come from */
#define MEDIA_TWILIO "/media-stream"
#define MEDIA_PLIVO  "/ws"

struct reach {
    struct checker *c;
    const struct config *cfg;
    struct loop *loop;
    struct http_server *server;
    bool serves; /* a gateway listens there already */
    char word[WORD_BYTES * 2 + 1];
    uint32_t asked; /* requests that came in meanwhile */
    /* the socket on its way through the public URL */
    bool opened, answered;
    int ws_err, ws_status;
    char ws_detail[200];
    struct timer *patience;
    struct ws *ws;
};

/* ---- this end ---- */

static void served_text(struct ws *ws, struct str text UNUSED, void *arg UNUSED)
{
    ws_close(ws, 1000, STR_NULL);
}

static void served_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg UNUSED)
{
}

static const struct ws_handler served = {.on_text = served_text, .on_closed = served_closed};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct reach *r = arg;
    struct ws *ws = NULL;
    r->asked++;
    if (req->wants_upgrade) {
        if (http_upgrade(x, STR_NULL, &(struct ws_opts){.max_message_bytes = 4096}, &served, r, &ws) >= 0) {
            ignore_result(ws_send_text(ws, str_from(r->word))); /* then it is not received, which is told */
        }
        return;
    }
    http_respond(x, 200, STR("text/plain"), STR_NULL, span_of_str(str_from(r->word)));
}

static const struct http_server_handler handler = {.on_request = on_request};

static bool is_gateway(struct str body)
{
    struct json_val doc;
    return json_parse(body, &doc) >= 0 && doc.type == JSON_OBJECT && str_is(json_get(doc, "service").s, "ringtrip");
}

/* Is it a gateway that listens there already? */
static bool ask_neighbour(struct reach *r)
{
    const struct config_server *s = &r->cfg->server;
    const char *host = str_is(s->host, "0.0.0.0") || str_is(s->host, "::") ? "127.0.0.1" : s->host.p;
    struct buf url;
    buf_init(&url, 512);
    buf_printf(&url, str_find(str_from(host), ':') < strlen(host) ? "http://[%s]:%u/health" : "http://%s:%u/health",
               host, s->port);
    struct checker_get g = {.url = buf_str(&url)};
    checker_get(r->c, r->loop, &g);
    bool is = g.err >= 0 && is_gateway(buf_str(&g.body));
    checker_got(&g);
    buf_done(&url);
    return is;
}

static void say_port(struct reach *r, int err)
{
    struct checker *c = r->c;
    const struct config_server *s = &r->cfg->server;
    buf_printf(&c->text, "%s:%u ", s->host.p, s->port);
    if (err >= 0) {
        buf_puts(&c->text, "is free");
    } else if (r->serves) {
        buf_puts(&c->text, "is taken by a gateway that serves");
    } else {
        buf_printf(&c->text, "cannot be listened on: %s", err_text(err));
    }
    if (err == -EADDRINUSE && !r->serves) {
        buf_puts(&c->remedy, "stop who listens there, or set server.listen (PORT) to another port");
    } else if (err == -EACCES) {
        buf_puts(&c->remedy, "ports below 1024 need CAP_NET_BIND_SERVICE: take another one behind a proxy, or set "
                             "AmbientCapabilities in the unit");
    } else if (err < 0 && !r->serves) {
        buf_puts(&c->remedy, "set server.listen (SERVER_HOST, PORT) to an address of this machine");
    }
    checker_say(c, err >= 0 || r->serves ? CHECK_OK : CHECK_ERROR, "port");
}

static int listen_here(struct reach *r, struct tls_ctx *tls)
{
    const struct config_server *s = &r->cfg->server;
    const struct http_server_opts o = {.host = s->host.p, .port = s->port, .tls = tls};
    int err = http_server_open(r->loop, &o, &handler, r, &r->server);
    if (err == -EADDRINUSE) { /* one with a certificate is not asked by a number: through the public URL, then */
        r->serves = tls ? r->cfg->server.public_url.n > 0 : ask_neighbour(r);
    }
    say_port(r, err);
    return err;
}

/* ---- through the public URL ---- */

static void put_led_nowhere(struct reach *r)
{
    struct buf *b = &r->c->remedy;
    uint16_t port = r->cfg->server.port;
    buf_printf(b, "point the tunnel or proxy of this name to port %u of this machine (docs/reach.md)", port);
    if (port != OTHER_PORT) {
        buf_printf(b, "; one made for the concierge example leads to %d: change it, or set PORT=%d", OTHER_PORT,
                   OTHER_PORT);
    }
}

/* False: the rest need not be tried. */
static bool by_http(struct reach *r)
{
    struct checker *c = r->c;
    struct str base = r->cfg->server.public_url;
    struct buf url;
    buf_init(&url, 2048);
    buf_printf(&url, STR_FMT "/health", STR_ARG(base));
    struct checker_get g = {.url = buf_str(&url)};
    checker_get(c, r->loop, &g);
    bool here = g.err >= 0 && (r->serves ? is_gateway(buf_str(&g.body)) : str_is(buf_str(&g.body), r->word));
    if (here) {
        buf_printf(&c->text, STR_FMT " leads %s, in %llu ms", STR_ARG(base),
                   r->serves ? "to the gateway that serves now" : "here", (unsigned long long)(g.took_us / 1000));
        checker_say(c, CHECK_OK, "public url");
    } else if (g.err < 0) {
        buf_printf(&c->text, STR_FMT " cannot be reached: %s", STR_ARG(base), g.detail);
        if (g.err == -ERR_TLS) {
            buf_puts(&c->remedy, "carriers want a certificate of a public authority, with its chain, for this name");
        } else if (g.err == -ERR_DNS) {
            buf_puts(&c->remedy, "look at the spelling of PUBLIC_URL; tunnels that are started anew often have another "
                                 "name");
        } else {
            put_led_nowhere(r);
        }
        checker_say(c, CHECK_ERROR, "public url");
    } else {
        buf_printf(&c->text, STR_FMT " leads to somebody else, who answers HTTP %d", STR_ARG(base), g.status);
        put_led_nowhere(r);
        checker_say(c, CHECK_ERROR, "public url");
    }
    checker_got(&g);
    buf_done(&url);
    return here;
}

static void on_open(struct ws *ws, struct str protocol UNUSED, void *arg)
{
    struct reach *r = arg;
    r->opened = true;
    if (r->serves) { /* a gateway waits for the carrier's start: that it let us in is enough */
        r->answered = true;
        ws_close(ws, 1000, STR_NULL);
    }
}

static void on_text(struct ws *ws, struct str text, void *arg)
{
    struct reach *r = arg;
    r->answered = str_is(text, r->word);
    ws_close(ws, 1000, STR_NULL);
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct reach *r = arg;
    struct str detail = why->reason;
    detail.n = MIN(detail.n, sizeof(r->ws_detail) - 1);
    ignore_result(str_copy(r->ws_detail, sizeof(r->ws_detail), detail)); /* it fits now */
    r->ws = NULL;
    r->ws_err = why->err;
    r->ws_status = why->http_status;
    loop_stop(r->loop);
}

static void on_patience(void *arg)
{
    struct reach *r = arg;
    if (r->ws) {
        ws_abort(r->ws, -ETIMEDOUT);
    }
}

static const struct ws_handler visiting = {.on_open = on_open, .on_text = on_text, .on_closed = on_closed};

static int visit(struct reach *r, struct str url)
{
    const struct ws_client_opts o = {.url = url, .connect_deadline_ms = r->c->patience_ms};
    r->opened = r->answered = false;
    r->ws_err = r->ws_status = 0;
    int err = ws_connect(r->loop, &o, &visiting, r, &r->ws);
    if (err >= 0) {
        timer_start(r->patience, (uint64_t)r->c->patience_ms * 1000, 0);
        loop_run(r->loop);
        timer_stop(r->patience);
        err = r->answered ? 0 : r->ws_err < 0 ? r->ws_err : -ERR_CLOSED;
    }
    return err;
}

static void by_socket(struct reach *r, const char *path)
{
    struct checker *c = r->c;
    struct str base = r->cfg->server.public_url;
    bool tls = str_starts(base, STR("https:"));
    struct str rest = {base.p + (tls ? 5 : 4) + 1, base.n - (tls ? 5 : 4) - 1}; /* behind "https:" */
    struct buf url;
    buf_init(&url, 2048);
    buf_printf(&url, "%s:" STR_FMT "%s", tls ? "wss" : "ws", STR_ARG(rest), path);
    int err = visit(r, buf_str(&url));
    if (err >= 0) {
        buf_printf(&c->text, STR_FMT " takes the WebSocket upgrade", STR_ARG(buf_str(&url)));
        checker_say(c, CHECK_OK, "public url");
    } else {
        buf_printf(&c->text, STR_FMT " takes no WebSocket: ", STR_ARG(buf_str(&url)));
        if (r->ws_status) {
            buf_printf(&c->text, "the upgrade is answered with HTTP %d", r->ws_status);
        } else {
            buf_printf(&c->text, "%s", r->opened ? "it opens, but nothing comes through" : err_text(err));
        }
        buf_puts(&c->remedy,
                 "the proxy must pass Upgrade and Connection on, and keep the socket open as long as a call: "
                 "docs/reach.md has the lines for nginx, Caddy and others");
        checker_say(c, CHECK_ERROR, "public url");
    }
    buf_done(&url);
}

static bool is_local(struct str url)
{
    static const char *const names[] = {"://localhost", "://127.", "://[::1]", "://10.", "://192.168.", "://0.0.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_search(url, str_from(names[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* What its spelling says already. */
static void look_at_url(struct reach *r)
{
    struct checker *c = r->c;
    struct str url = r->cfg->server.public_url;
    if (is_local(url)) {
        buf_printf(&c->text, STR_FMT " is an address of this machine or house: no carrier reaches it", STR_ARG(url));
        buf_puts(&c->remedy, "fine for ringtrip phone; for real calls set PUBLIC_URL to the name of a tunnel or proxy");
        checker_say(c, CHECK_WARNING, "public url");
    } else if (!str_starts(url, STR("https:"))) {
        buf_printf(&c->text, STR_FMT " is not https: carriers open media sockets by wss only", STR_ARG(url));
        buf_puts(&c->remedy, "put a proxy with a certificate in front, or set server.tls, and write https://");
        checker_say(c, CHECK_ERROR, "public url");
    }
}

static void from_outside(struct reach *r)
{
    if (r->cfg->server.port == 0 && !r->serves) {
        checker_tell(r->c, CHECK_WARNING, "public url",
                     "not tried: the port is any free one, so nothing can lead to it",
                     "set server.listen (PORT) to a fixed port");
    } else if (by_http(r)) {
        const struct config *cfg = r->cfg;
        if (cfg->twilio.enabled || !cfg->plivo.enabled) {
            by_socket(r, MEDIA_TWILIO);
        }
        if (cfg->plivo.enabled && (cfg->plivo.auth_id.n > 0 || !cfg->twilio.enabled)) {
            by_socket(r, MEDIA_PLIVO);
        }
    }
}

static int prepare(struct reach *r)
{
    uint8_t random[WORD_BYTES];
    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        ignore_result(snprintf(r->word + i * 2, 3, "%02x", random[i])); /* two digits and the end */
    }
    int err = loop_new(&r->loop);
    return err < 0 ? err : timer_new(r->loop, on_patience, r, &r->patience);
}

void check_reach(struct checker *c, const struct config *cfg, struct tls_ctx *tls, bool offline)
{
    struct reach r = {.c = c, .cfg = cfg};
    bool asks = !offline && cfg->server.public_url.n > 0;
    int err = prepare(&r);
    if (err < 0) {
        checker_tell(c, CHECK_ERROR, "port", err_text(err), "give this process more memory or descriptors");
    } else {
        err = listen_here(&r, tls);
        if (cfg->server.public_url.n > 0) {
            look_at_url(&r);
        }
        if (asks && (err >= 0 || r.serves)) {
            from_outside(&r);
        }
    }
    timer_free(r.patience);
    http_server_free(r.server);
    loop_free(r.loop);
}
