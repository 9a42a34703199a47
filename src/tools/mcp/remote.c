/* A server over streamable HTTP: each message is a POST, its answer the response or an event of it. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "tools/mcp/session.h"

#define HEADERS_MAX 16384

/* What a POST was for; lives until its reply. */
struct post {
    struct mcp_session *session;
    uint64_t id; /* of the request; 0: none */
};

static bool is_stream(struct str type)
{
    type.n = str_find(type, ';');
    return str_ieq(str_trim(type), STR("text/event-stream"));
}

static void take_body(struct mcp_session *s, const struct http_reply *reply)
{
    struct str body = str_of_span(reply->body);
    if (!is_stream(reply->content_type)) {
        body = str_trim(body);
        if (body.n) {
            mcp_session_message(s, body);
        }
        return;
    }
    struct buf data;
    buf_init(&data, MCP_MESSAGE_MAX);
    while (mcp_next_event(&body, &data) && data.err == 0 && !s->closed) {
        mcp_session_message(s, buf_str(&data));
    }
    buf_done(&data);
}

static void keep_session_id(struct mcp_session *s, struct str id)
{
    if (id.n && s->state == SESSION_GREETING && str_copy(s->id_text, sizeof(s->id_text), id) >= 0) {
        s->http_session = str_from(s->id_text);
    }
}

static const char *sentence(const struct http_reply *reply)
{
    return reply->err == -ETIMEDOUT     ? "The tool did not answer in time."
           : reply->err == -ERR_TOO_BIG ? "The tool's answer is too large."
           : reply->err < 0             ? "The server of this tool cannot be reached."
                                        : "The server of this tool refused.";
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct post *post = arg;
    struct mcp_session *s = post->session;
    uint64_t id = post->id;
    free(post);
    struct mcp_request *r = id ? mcp_session_find(s, id) : NULL;
    if (r) {
        r->http_id = 0;
    }
    bool ok = reply->err == 0 && reply->status >= 200 && reply->status < 300;
    if (!ok && reply->err != -ECANCELED) {
        log_warn(NULL, "mcp.refused", "server=" STR_FMT " status=%d error=%s", STR_ARG(s->o.name), reply->status,
                 err_name(reply->err));
    }
    if (s->closed) {
        /* nobody waits */
    } else if (!ok && reply->status == 404 && s->http_session.n && s->state != SESSION_DOWN) {
        mcp_session_lost(s, "it has forgotten the session"); /* specification, transports: begin a new one */
    } else if (!ok && r) {
        mcp_session_fail(s, r, reply->err == -ETIMEDOUT ? MCP_TIMEOUT : MCP_FAILED, sentence(reply));
    } else if (ok) {
        keep_session_id(s, reply->header);
        bool later = reply->body.n > (32u << 10); /* it may be read in the job pool */
        take_body(s, reply);
        r = id && !later ? mcp_session_find(s, id) : NULL;
        if (r) {
            mcp_session_fail(s, r, MCP_FAILED, "The server of this tool gave no answer.");
        }
    }
    mcp_session_unref(s);
}

/* What is configured wins. */
static bool has_header(const struct mcp_session *s, const char *name)
{
    for (uint32_t i = 0; i < s->o.n_headers; i++) {
        if (str_ieq(s->o.headers[i].name, str_from(name))) {
            return true;
        }
    }
    return false;
}

static void put_trace(const struct mcp_session *s, struct buf *out)
{
    if (!s->use || s->use->traceparent.n == 0 || has_header(s, "traceparent")) {
        return;
    }
    buf_printf(out, "traceparent: " STR_FMT "\r\n", STR_ARG(s->use->traceparent));
    if (s->use->tracestate.n > 0) {
        buf_printf(out, "tracestate: " STR_FMT "\r\n", STR_ARG(s->use->tracestate));
    }
}

static int put_headers(const struct mcp_session *s, struct buf *out)
{
    buf_puts(out, "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    if (s->version[0]) {
        buf_printf(out, "MCP-Protocol-Version: %s\r\n", s->version);
    }
    if (s->http_session.n) {
        buf_printf(out, "Mcp-Session-Id: " STR_FMT "\r\n", STR_ARG(s->http_session));
    }
    for (uint32_t i = 0; i < s->o.n_headers; i++) {
        buf_printf(out, STR_FMT ": " STR_FMT "\r\n", STR_ARG(s->o.headers[i].name), STR_ARG(s->o.headers[i].value));
    }
    put_trace(s, out);
    return out->err;
}

static int send_http(struct mcp_session *s, const char *method, struct str text, struct mcp_request *r,
                     uint32_t deadline_ms)
{
    struct post *post = calloc(1, sizeof(*post));
    struct buf headers;
    if (!post) {
        return -ENOMEM;
    }
    buf_init(&headers, HEADERS_MAX);
    *post = (struct post){s, r ? r->id : 0};
    int err = put_headers(s, &headers);
    const struct http_call_opts o = {
        .method = method,
        .url = s->o.url,
        .headers = buf_str(&headers),
        .body = span_of_str(text),
        .ca_file = s->o.ca_file.n ? s->o.ca_file.p : NULL,
        .deadline_ms = deadline_ms,
        .max_response_bytes = MCP_MESSAGE_MAX,
        .want_header = "Mcp-Session-Id",
    };
    uint64_t id = 0;
    err = err < 0 ? err : http_call(s->hub->http, &o, on_reply, post, &id);
    buf_done(&headers);
    if (err < 0) {
        free(post);
        return err;
    }
    s->refs++; /* until on_reply */
    if (r) {
        r->http_id = id;
    }
    return 0;
}

int mcp_remote_send(struct mcp_session *s, struct str text, struct mcp_request *r, uint32_t deadline_ms)
{
    return send_http(s, "POST", text, r, deadline_ms);
}

void mcp_remote_stop(struct mcp_session *s)
{
    if (s->http_session.n && !s->hub->freed) {
        ignore_result(send_http(s, "DELETE", STR(""), NULL, 5000)); /* a courtesy: the session ends by itself, too */
    }
    s->http_session = STR_NULL;
    s->version[0] = '\0';
}
