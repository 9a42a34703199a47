#include "providers/fake_openai.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct fake_openai *f = arg;
    buf_put_str(&f->got, text);
    buf_putc(&f->got, '\n');
    if (f->on_update && str_search(text, STR("\"session.update\"")) != SIZE_MAX) {
        fake_openai_say(f, f->on_update);
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct fake_openai *f = arg;
    f->ws = NULL;
    f->closed = true;
    f->close_code = why->code;
}

static const struct ws_handler clients = {.on_text = on_text, .on_closed = on_closed};

static void keep_header(struct fake_openai *f, const struct http_request *req, const char *name)
{
    struct str v = http_header(req, name);
    if (v.p) {
        buf_printf(&f->request, "%s: " STR_FMT "\n", name, STR_ARG(v));
    }
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fake_openai *f = arg;
    buf_clear(&f->request);
    buf_printf(&f->request, STR_FMT "\n", STR_ARG(req->target));
    keep_header(f, req, "Authorization");
    keep_header(f, req, "api-key");
    keep_header(f, req, "X-Extra");
    keep_header(f, req, "OpenAI-Beta");
    if (f->refuse_status) {
        http_respond(x, f->refuse_status, STR("text/plain"), STR_NULL, span_of_str(STR("no")));
        return;
    }
    struct ws_opts o = {.max_message_bytes = 64u << 20, .max_queue_bytes = 64u << 20, .close_deadline_ms = 200};
    assert_ok(http_upgrade(x, STR_NULL, &o, &clients, f, &f->ws));
    if (f->on_open) {
        fake_openai_say(f, f->on_open);
    }
    if (f->close_after_open) {
        ws_close(f->ws, f->close_after_open, str_from(f->close_reason));
    }
    if (f->hold_reading) {
        ws_pause_reading(f->ws, true);
    }
}

static const struct http_server_handler requests = {.on_request = on_request};

void fake_openai_open(struct fake_openai *f)
{
    struct http_server_opts o = {.host = "127.0.0.1", .tls = f->tls};
    buf_init(&f->request, 64u << 10);
    buf_init(&f->got, 64u << 20);
    assert_ok(loop_new(&f->loop));
    assert_ok(http_server_open(f->loop, &o, &requests, f, &f->server));
    f->port = http_server_port(f->server);
}

void fake_openai_done(struct fake_openai *f)
{
    http_server_free(f->server);
    loop_free(f->loop);
    buf_done(&f->request);
    buf_done(&f->got);
}

void fake_openai_say(struct fake_openai *f, const char *json)
{
    assert_non_null(f->ws);
    assert_ok(ws_send_text(f->ws, str_from(json)));
}

const char *fake_openai_url(const struct fake_openai *f, char *room, size_t cap)
{
    snprintf(room, cap, "%s://127.0.0.1:%u", f->tls ? "wss" : "ws", (unsigned)f->port);
    return room;
}
