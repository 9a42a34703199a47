#include "peer/sandbox/sandbox_server.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "net/crypto.h"
#include "peer/sandbox/sandbox_chat.h"
#include "peer/sandbox/sandbox_hearing.h"
#include "peer/sandbox/sandbox_inspect.h"
#include "peer/sandbox/sandbox_join.h"
#include "peer/sandbox/sandbox_live.h"
#include "peer/sandbox/sandbox_secrets.h"
#include "peer/sandbox/sandbox_tokens.h"
#include "peer/sandbox/sandbox_voice.h"
#include "peer/speech/speech_tts.h"

#define TICK_US           10000       /* one timer paces all sessions */
#define MAX_MESSAGE_BYTES (24u << 20) /* an append of 15 MiB as base64 */
#define MAX_QUEUE_BYTES   (48u << 20)
#define SLOW_PEER_BYTES   (4u << 20) /* unsent: generation waits, as behind a full socket */
#define PING_MS           20000
#define KEEP_SESSIONS     256
#define KEEP_LIVE         64

/* One connection. Jobs find it by id, since it may be gone when they finish. */
struct conn {
    struct conn *next;
    uint64_t id;
    struct sandbox_server *server;
    struct ws *ws;
    struct sandbox_session *session; /* NULL: refused at connect, only closing, */
    struct live *live;               /* or it speaks as Gemini Live does */
};

struct sandbox_server {
    struct loop *loop;
    struct sandbox_server_opts opts;
    struct http_server *http;
    struct timer *timer;
    struct voice *voice;
    struct hearing *hearing;
    struct inspect inspect;
    struct secrets secrets;
    struct tokens tokens;
    struct conn *conns;
    uint32_t n_conns;
    uint64_t ids;
    uint32_t refused;             /* connections (fault) */
    struct live *kept[KEEP_LIVE]; /* without a connection, to be resumed; a ring */
    uint32_t kept_n;
};

/* What a job must know to report back. */
struct job_ticket {
    struct sandbox_server *server;
    uint64_t conn_id;
    uint32_t ticket;
};

static struct conn *conn_find(const struct sandbox_server *server, uint64_t id)
{
    struct conn *c = server->conns;
    while (c && c->id != id) {
        c = c->next;
    }
    return c;
}

/* ---- what the session asks for ---- */

static void host_send(struct str json, void *arg)
{
    struct conn *c = arg;
    ignore_result(ws_send_text(c->ws, json)); /* a dead connection ends in on_closed */
}

static void host_send_binary(struct span data, void *arg)
{
    struct conn *c = arg;
    ignore_result(ws_send_binary(c->ws, data)); /* as above */
}

static void host_close(uint16_t code, struct str reason, void *arg)
{
    struct conn *c = arg;
    log_info(NULL, "sandbox.close", "session=%llu code=%u reason=\"" STR_FMT "\"", (unsigned long long)c->id, code,
             STR_ARG(reason));
    if (code == 0) {
        ws_abort(c->ws, -ECONNRESET);
    } else {
        ws_close(c->ws, code, reason);
    }
}

static struct job_ticket *job_ticket_new(struct conn *c, uint32_t ticket)
{
    struct job_ticket *t = malloc(sizeof(*t));
    if (t) {
        *t = (struct job_ticket){c->server, c->id, ticket};
    }
    return t;
}

static struct conn *job_ticket_take(struct job_ticket *t, uint32_t *ret_ticket)
{
    struct conn *c = conn_find(t->server, t->conn_id);
    *ret_ticket = t->ticket;
    free(t);
    return c && (c->session || c->live) ? c : NULL;
}

static void on_said(struct clip *clip, void *arg)
{
    uint32_t ticket = 0;
    struct conn *c = job_ticket_take(arg, &ticket);
    if (!c) {
        clip_unref(clip);
        return;
    }
    uint64_t now_us = loop_now_us(c->server->loop);
    if (c->live) {
        live_said(c->live, ticket, clip, now_us);
    } else {
        sandbox_session_said(c->session, ticket, clip, now_us);
    }
}

static struct clip *host_say(uint32_t ticket, struct str text, enum openai_format format, void *arg)
{
    struct conn *c = arg;
    struct job_ticket *t = job_ticket_new(c, ticket);
    struct clip *clip = t ? voice_say(c->server->voice, text, format, on_said, t) : clip_new(format, NULL, 0);
    if (clip) {
        free(t);
    }
    return clip;
}

static void conn_heard(struct conn *c, uint32_t ticket, bool accepted, struct str words)
{
    uint64_t now_us = loop_now_us(c->server->loop);
    if (c->live) {
        live_heard(c->live, ticket, accepted, words, now_us);
    } else {
        sandbox_session_heard(c->session, ticket, accepted, words, now_us);
    }
}

static void on_heard(const struct asr_result *result, void *arg)
{
    uint32_t ticket = 0;
    struct conn *c = job_ticket_take(arg, &ticket);
    if (!c) {
        return;
    }
    if (result) {
        log_debug(NULL, "sandbox.heard", "session=%llu words=\"%s\" accepted=%d margin=%d ms=%u",
                  (unsigned long long)c->id, result->words, result->accepted, result->margin, result->speech_ms);
    }
    conn_heard(c, ticket, result && result->accepted, str_from(result ? result->words : ""));
}

static void host_hear(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg)
{
    struct conn *c = arg;
    struct job_ticket *t = job_ticket_new(c, ticket);
    if (!t || hearing_request(c->server->hearing, pcm, n, silence_ms, on_heard, t) < 0) {
        free(t);
        conn_heard(c, ticket, false, STR(""));
    }
}

static void live_host_send(struct span message, void *arg)
{
    struct conn *c = arg;
    ignore_result(ws_send_binary(c->ws, message)); /* a dead connection ends in on_closed */
}

static struct live *live_host_resume(struct str handle, bool *ret_busy, void *arg)
{
    struct conn *c = arg;
    struct sandbox_server *server = c->server;
    for (struct conn *other = server->conns; other; other = other->next) {
        *ret_busy = *ret_busy || (other != c && other->live && live_knows(other->live, handle));
    }
    for (size_t i = 0; !*ret_busy && i < KEEP_LIVE; i++) {
        struct live *l = server->kept[i];
        if (l && live_knows(l, handle) && loop_now_us(server->loop) < live_kept_until_us(l)) {
            server->kept[i] = NULL;
            return l;
        }
    }
    return NULL;
}

static const struct live_host live_full = {live_host_send, host_close, host_say, host_hear, live_host_resume};
static const struct live_host live_canned = {live_host_send, host_close, host_say, NULL, live_host_resume};

static const struct sandbox_host host_full = {host_send, host_send_binary, host_close, host_say, host_hear};
static const struct sandbox_host host_canned = {host_send, host_send_binary, host_close, host_say, NULL};

/* ---- time ---- */

static uint64_t conn_due_us(const struct conn *c)
{
    return c->live ? live_due_us(c->live) : c->session ? sandbox_session_due_us(c->session) : UINT64_MAX;
}

static void on_tick(void *arg)
{
    struct sandbox_server *server = arg;
    uint64_t now_us = loop_now_us(server->loop);
    for (struct conn *c = server->conns; c; c = c->next) {
        if (conn_due_us(c) <= now_us && ws_queued_bytes(c->ws) < SLOW_PEER_BYTES) {
            if (c->live) {
                live_tick(c->live, now_us);
            } else {
                sandbox_session_tick(c->session, now_us);
            }
        }
    }
}

/* ---- WebSocket ---- */

static void on_text(struct ws *ws, struct str text, void *arg)
{
    struct conn *c = arg;
    if (c->live) {
        live_message(c->live, text, loop_now_us(c->server->loop));
    } else if (c->session) {
        sandbox_session_message(c->session, text, loop_now_us(c->server->loop));
    }
}

static void on_binary(struct ws *ws, struct span data, void *arg)
{
    struct conn *c = arg;
    if (c->live) {
        on_text(ws, str_of_span(data), arg);
    } else if (c->session) {
        sandbox_session_binary(c->session, loop_now_us(c->server->loop));
    }
}

static struct truth *session_end(struct conn *c)
{
    struct truth *t = c->live ? live_take_truth(c->live) : sandbox_session_take_truth(c->session);
    t->closed = true;
    t->closed_us = loop_now_us(c->server->loop);
    return t;
}

/* One that may be resumed is kept, with its truth, which goes on. */
static void live_end(struct conn *c)
{
    struct sandbox_server *server = c->server;
    if (live_detach(c->live, loop_now_us(server->loop))) {
        struct live **at = &server->kept[server->kept_n++ % KEEP_LIVE];
        live_free(*at);
        *at = c->live;
        return;
    }
    if (live_truth(c->live)) {
        inspect_keep(&server->inspect, session_end(c));
    }
    live_free(c->live);
}

static void on_closed(struct ws *ws, const struct ws_close *why, void *arg)
{
    struct conn *c = arg;
    struct sandbox_server *server = c->server;
    log_info(NULL, "sandbox.closed", "session=%llu code=%u err=%s", (unsigned long long)c->id, why->code,
             err_name(why->err));
    struct conn **at = &server->conns;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    if (c->session && server->opts.profile == SANDBOX_DIALOGUE) {
        inspect_keep(&server->inspect, session_end(c));
    }
    sandbox_session_free(c->session);
    if (c->live) {
        live_end(c);
    }
    free(c);
    if (--server->n_conns == 0 && server->timer) {
        timer_stop(server->timer);
    }
}

static const struct ws_handler ws_handler = {.on_text = on_text, .on_binary = on_binary, .on_closed = on_closed};

static struct conn *conn_open(struct sandbox_server *server, struct http_exchange *x, struct str protocol)
{
    struct ws_opts opts = {
        .max_message_bytes = MAX_MESSAGE_BYTES,
        .max_queue_bytes = MAX_QUEUE_BYTES,
        .ping_ms = server->opts.ping_ms ? server->opts.ping_ms : PING_MS,
    };
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        http_respond(x, 503, STR("text/plain"), STR(""), span_of_str(STR("out of memory\n")));
        return NULL;
    }
    c->server = server;
    c->id = ++server->ids;
    if (http_upgrade(x, protocol, &opts, &ws_handler, c, &c->ws) < 0) {
        free(c); /* the peer has gone */
        return NULL;
    }
    c->next = server->conns;
    server->conns = c;
    if (server->n_conns++ == 0) {
        timer_start(server->timer, TICK_US, TICK_US);
    }
    return c;
}

/* ---- connecting ---- */

static void conn_refuse(struct conn *c, const struct openai_server_error *e, uint16_t code)
{
    struct buf out;
    char reason[64];
    buf_init(&out, 8192);
    openai_server_put_error(&out, STR("event_refused000000000000000"), e, STR_NULL);
    ignore_result(ws_send_text(c->ws, buf_str(&out))); /* the close below matters more */
    buf_clear(&out);
    buf_printf(&out, "invalid_request_error.%s", e->code);
    if (str_copy(reason, sizeof(reason), buf_str(&out)) < 0) {
        reason[0] = '\0';
    }
    buf_done(&out);
    log_info(NULL, "sandbox.refused", "session=%llu code=%s", (unsigned long long)c->id, e->code);
    ws_close(c->ws, code, str_from(reason));
}

static struct sandbox_session_opts conn_opts(const struct conn *c, const struct join *j, struct sandbox_faults *faults)
{
    const struct sandbox_server_opts *o = &c->server->opts;
    uint64_t seed = o->seed + c->id;
    if (o->seed == 0) {
        crypto_random(&seed, sizeof(seed));
    }
    *faults = j->faults;
    faults->on[FAULT_DROP_HEARD] &= c->id == 1; /* what is heard again would cut off the next one too */
    return (struct sandbox_session_opts){
        .model = str_from(j->model[0] ? j->model : "gpt-realtime"),
        .transcription_only = j->transcription,
        .settings = j->secret ? buf_str(&j->secret->settings) : STR(""),
        .answer_s = o->answer_s,
        .dialogue = o->dialogue,
        .faults = faults,
        .profile = o->profile,
        .speed = o->speed,
        .first_byte_ms = o->first_byte_ms,
        .session_s = o->session_s,
        .wall_ms = clock_wall_us() / 1000,
        .seed = seed,
    };
}

static void conn_start(struct conn *c, const struct join *j)
{
    const struct sandbox_server_opts *o = &c->server->opts;
    struct sandbox_faults faults;
    struct sandbox_session_opts opts = conn_opts(c, j, &faults);
    log_info(NULL, "sandbox.session", "session=%llu model=%s peer=%s", (unsigned long long)c->id, j->model,
             ws_peer(c->ws));
    const struct sandbox_host *host = o->speech == SANDBOX_SPEECH_FULL ? &host_full : &host_canned;
    if (sandbox_session_open(&opts, host, c, loop_now_us(c->server->loop), &c->session) < 0) {
        ws_close(c->ws, 1011, STR("out of memory"));
    }
}

/* The first connection is served; the fault counts those behind it. */
static bool refuses(struct sandbox_server *server, const struct sandbox_faults *faults)
{
    bool refused = server->ids > 0 && server->refused < fault_number(faults, FAULT_REFUSE);
    server->refused += refused;
    return refused;
}

static void on_realtime(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    struct join j;
    struct openai_server_error e;
    uint16_t code = 0;
    join_read(&j, req, &server->opts.faults, &server->secrets, clock_wall_us() / 1000000);
    if (j.has_call_id) {
        http_respond(x, 404, STR("application/json"), STR(""),
                     span_of_str(STR("{\"error\":{\"message\":\"No session found for the provided call_id\",\"type\":"
                                     "\"invalid_request_error\",\"param\":null,\"code\":\"call_id_not_found\"}}\n")));
    } else if (refuses(server, &j.faults)) {
        http_respond(x, 503, STR("text/plain"), STR(""), span_of_str(STR("told to refuse\n")));
    } else {
        struct conn *c = conn_open(server, x, j.protocol_realtime ? STR("realtime") : STR(""));
        if (c && join_refused(&j, server->opts.key, &e, &code)) {
            conn_refuse(c, &e, code);
        } else if (c) {
            conn_start(c, &j);
        }
    }
    join_done(&j);
}

/* Tokens have a method of their own, and keys do not open it. Empty: welcome. */
static struct str live_refusal(struct conn *c, const struct join *j, bool constrained, uint16_t *ret_code)
{
    struct str key = c->server->opts.key;
    bool token = str_starts(str_from(j->key), STR(TOKEN_PREFIX));
    *ret_code = 1007;
    if (token || constrained) {
        bool good = token && constrained && tokens_use(&c->server->tokens, str_from(j->key), clock_wall_us() / 1000000);
        return good ? STR("") : STR("Token is missing, malformed or used up.");
    }
    if (key.n > 0 && j->key[0] == '\0') {
        *ret_code = 1008;
        return STR("Request trace id: 7c1f0b52e0d4, Method doesn't allow unregistered callers (callers without "
                   "established identity). Pleas");
    }
    return key.n > 0 && !join_key_right(key, j->key) ? STR("API key not valid. Please pass a valid API key.") : STR("");
}

/* A refusal comes as a close behind the upgrade, as the service does it. */
static void live_start(struct conn *c, const struct join *j, bool constrained)
{
    const struct sandbox_server_opts *o = &c->server->opts;
    struct sandbox_faults faults;
    struct live_opts opts = {.session = conn_opts(c, j, &faults)};
    uint16_t code = 0;
    struct str refusal = live_refusal(c, j, constrained, &code);
    if (refusal.n > 0) {
        ws_close(c->ws, code, refusal);
    } else if (live_open(&opts, o->speech == SANDBOX_SPEECH_FULL ? &live_full : &live_canned, c,
                         loop_now_us(c->server->loop), &c->live) < 0) {
        ws_close(c->ws, 1011, STR("Internal error encountered."));
    }
    log_info(NULL, "sandbox.session", "session=%llu protocol=live peer=%s", (unsigned long long)c->id, ws_peer(c->ws));
}

static void on_live(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    struct join j;
    join_read(&j, req, &server->opts.faults, &server->secrets, clock_wall_us() / 1000000);
    if (refuses(server, &j.faults)) {
        http_respond(x, 503, STR("text/plain"), STR(""), span_of_str(STR("told to refuse\n")));
    } else {
        struct conn *c = conn_open(server, x, STR(""));
        if (c) {
            live_start(c, &j, str_ends(req->path, STR("Constrained")));
        }
    }
    join_done(&j);
}

/* ---- other requests ---- */

static void respond_error(struct http_exchange *x, int status, const struct openai_server_error *e)
{
    struct buf out;
    buf_init(&out, 8192);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_key(&w, "error");
    json_w_open(&w);
    json_w_kz(&w, "message", e->message);
    json_w_kz(&w, "type", e->type);
    json_w_kz(&w, "param", e->param[0] ? e->param : NULL);
    json_w_kz(&w, "code", e->code);
    json_w_close(&w);
    json_w_close(&w);
    http_respond(x, status, STR("application/json"), STR(""), buf_span(&out));
    buf_done(&out);
}

static bool request_has_key(const struct sandbox_server *server, const struct http_request *req)
{
    char key[JOIN_KEY_BYTES];
    join_read_key(req, key);
    return join_key_right(server->opts.key, key);
}

static void on_client_secrets(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    struct openai_server_error e;
    struct buf out;
    if (!str_is(req->method, "POST")) {
        http_respond(x, 405, STR("text/plain"), STR("Allow: POST\r\n"), span_of_str(STR("only POST\n")));
        return;
    }
    if (!request_has_key(server, req)) {
        openai_server_error_set(&e, "invalid_api_key", NULL, "Incorrect API key provided.");
        respond_error(x, 401, &e);
        return;
    }
    buf_init(&out, 4u << 20);
    int err = secrets_make(&server->secrets, str_of_span(req->body), clock_wall_us() / 1000000, &out, &e);
    if (err < 0) {
        respond_error(x, err == -ENOMEM ? 500 : 400, &e);
    } else {
        http_respond(x, 200, STR("application/json"), STR(""), buf_span(&out));
    }
    buf_done(&out);
}

static void on_tokens(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    const char *why = "Method not found.";
    int status = 404;
    struct buf out;
    buf_init(&out, 4096);
    if (str_is(req->method, "POST") && !request_has_key(server, req)) {
        status = 400; /* as the service has it */
        why = "API key not valid. Please pass a valid API key.";
    } else if (str_is(req->method, "POST")) {
        int err = tokens_make(&server->tokens, str_of_span(req->body), clock_wall_us() / 1000000, &out, &why);
        status = err < 0 ? 400 : 200;
    }
    if (status != 200) {
        buf_clear(&out);
        buf_printf(&out, "{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}", status, why,
                   status == 404 ? "NOT_FOUND" : "INVALID_ARGUMENT");
    }
    http_respond(x, status, STR("application/json"), STR(""), buf_span(&out));
    buf_done(&out);
}

static void on_inspect(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    const struct truth **live = calloc(server->n_conns + 1, sizeof(const struct truth *));
    size_t n = 0;
    if (server->opts.key.n > 0 && !request_has_key(server, req)) {
        http_respond(x, 401, STR("text/plain"), STR(""), span_of_str(STR("the key is missing or wrong\n")));
    } else if (!live) {
        http_respond(x, 503, STR("text/plain"), STR(""), span_of_str(STR("out of memory\n")));
    } else {
        for (const struct conn *c = server->conns; c; c = c->next) {
            if (c->live && live_truth(c->live)) {
                live[n++] = live_truth(c->live);
            } else if (c->session) {
                live[n++] = sandbox_session_truth(c->session);
            }
        }
        inspect_answer(&server->inspect, x, req, live, n);
    }
    free(live);
}

static void on_chat(struct sandbox_server *server, struct http_exchange *x, const struct http_request *req)
{
    struct openai_server_error e;
    struct buf out;
    if (!str_is(req->method, "POST") || !request_has_key(server, req)) {
        bool post = str_is(req->method, "POST");
        openai_server_error_set(&e, post ? "invalid_api_key" : "method_not_allowed", NULL,
                                post ? "Incorrect API key provided." : "Only POST is supported here.");
        respond_error(x, post ? 401 : 405, &e);
        return;
    }
    buf_init(&out, 1u << 20);
    int err = chat_answer(str_of_span(req->body), clock_wall_us() / 1000000, &out);
    if (err < 0) {
        openai_server_error_set(&e, "invalid_request_error", "messages", "The body is no chat completion request.");
        respond_error(x, err == -ENOMEM ? 500 : 400, &e);
    } else {
        http_respond(x, 200, STR("application/json"), STR(""), buf_span(&out));
    }
    buf_done(&out);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct sandbox_server *server = arg;
    if (str_is(req->path, "/v1/realtime") || str_is(req->path, "/openai/v1/realtime")) {
        if (req->wants_upgrade) {
            on_realtime(server, x, req);
            return;
        }
        http_respond(x, 426, STR("text/plain"), STR("Upgrade: websocket\r\n"),
                     span_of_str(STR("this is a WebSocket endpoint\n")));
    } else if (str_is(req->path, "/v1/realtime/client_secrets") ||
               str_is(req->path, "/openai/v1/realtime/client_secrets")) {
        on_client_secrets(server, x, req);
    } else if (str_is(req->path, "/v1/chat/completions")) {
        on_chat(server, x, req);
    } else if (tokens_is_path(req->path)) {
        on_tokens(server, x, req);
    } else if (live_is_path(req->path) && req->wants_upgrade) {
        on_live(server, x, req);
    } else if (inspect_is_path(req->path)) {
        on_inspect(server, x, req);
    } else if (str_is(req->path, "/live") || str_is(req->path, "/health")) {
        http_respond(x, 200, STR("text/plain"), STR(""), span_of_str(STR("ok\n")));
    } else {
        http_respond(x, 404, STR("text/plain"), STR(""),
                     span_of_str(STR("not here; the sandbox serves /v1/realtime?model=...\n")));
    }
}

static const struct http_server_handler http_handler = {on_request};

/* ---- life ---- */

static int server_start(struct sandbox_server *s, struct buf *ret_err)
{
    const struct sandbox_server_opts *o = &s->opts;
    bool canned = o->speech == SANDBOX_SPEECH_CANNED;
    int err = voice_new(s->loop, &(struct voice_opts){.noise = !tts_available()}, &s->voice);
    if (err >= 0 && !canned) {
        struct hearing_opts hearing = {
            .dialogue = o->dialogue, .decoders = o->decoders, .max_margin = o->max_margin, .model_dir = o->model_dir};
        err = hearing_new(s->loop, &hearing, ret_err, &s->hearing);
    }
    if (err >= 0) {
        err = timer_new(s->loop, on_tick, s, &s->timer);
    }
    if (err < 0) {
        return err;
    }
    struct http_server_opts http = {.host = o->host ? o->host : "127.0.0.1", .port = o->port, .tls = o->tls};
    err = http_server_open(s->loop, &http, &http_handler, s, &s->http);
    if (err < 0) {
        buf_printf(ret_err, strchr(http.host, ':') ? "cannot listen on [%s]:%u: %s" : "cannot listen on %s:%u: %s",
                   http.host, o->port, err_text(err));
    }
    return err;
}

int sandbox_server_open(struct loop *loop, const struct sandbox_server_opts *opts, struct buf *ret_err,
                        struct sandbox_server **ret)
{
    struct sandbox_server *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    s->opts = *opts;
    s->inspect.keep = opts->keep_sessions ? opts->keep_sessions : KEEP_SESSIONS;
    int err = server_start(s, ret_err);
    if (err < 0) {
        if (ret_err->len == 0) {
            buf_puts(ret_err, err_text(err));
        }
        s->timer = timer_free(s->timer);
        sandbox_server_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

uint16_t sandbox_server_port(const struct sandbox_server *s)
{
    return http_server_port(s->http);
}

uint32_t sandbox_server_sessions(const struct sandbox_server *s)
{
    return s->n_conns;
}

void sandbox_server_stop(struct sandbox_server *s)
{
    s->http = http_server_free(s->http);
    s->timer = timer_free(s->timer);
    for (struct conn *c = s->conns; c; c = c->next) {
        ws_close(c->ws, 1001, STR("the sandbox is shutting down"));
    }
}

struct sandbox_server *sandbox_server_free(struct sandbox_server *s)
{
    if (s) {
        for (size_t i = 0; i < KEEP_LIVE; i++) {
            live_free(s->kept[i]);
        }
        inspect_done(&s->inspect);
        secrets_done(&s->secrets);
        hearing_free(s->hearing);
        voice_free(s->voice);
        free(s);
    }
    return NULL;
}
