#include "net/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/loop_impl.h"

enum { DEADLINE_MS = 10 * 1000, RESPONSE_MAX_BYTES = 256 * 1024, HEADER_LINE_MAX = 16 * 1024 };

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct timer *timer;
    struct list calls;
    uint64_t last_id;
    uint32_t depth; /* inside curl or a done callback: the memory must stay */
    bool freed;
};

struct http_call {
    struct curl_slist *connect_to; /* NULL: the url's */
    struct list link;
    struct http_client *client;
    uint64_t id;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    const char *want_header; /* NULL: none */
    http_reply_fn done;
    void *arg;
    struct loop_task cancel;
    char error[CURL_ERROR_SIZE];
};

/* A socket of curl that the loop watches. */
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

static void call_free(struct http_call *call)
{
    list_leave(&call->link);
    loop_task_cancel(&call->cancel);
    if (call->easy) {
        curl_multi_remove_handle(call->client->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->connect_to);
    curl_slist_free_all(call->headers);
    buf_done(&call->body);
    free(call);
}

static void client_leave(struct http_client *c)
{
    if (--c->depth == 0 && c->freed) {
        curl_multi_cleanup(c->multi);
        free(c);
    }
}

/* ---- results ---- */

static int err_of(const struct http_call *call, CURLcode code)
{
    long os_errno = 0;
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return -ERR_DNS;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
        return os_errno > 0 ? -(int)os_errno : -ECONNREFUSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return -ERR_TLS;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return -EINVAL;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_WRITE_ERROR: /* our own refusal, see on_body */
        return call->body.err ? call->body.err : -ERR_HTTP;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return -ERR_CLOSED;
    default:
        return -ERR_HTTP;
    }
}

/* Tells and frees. */
static void finish(struct http_call *call, int err, const char *detail)
{
    struct http_client *c = call->client;
    struct http_reply reply = {.err = err};
    if (err < 0) {
        reply.detail = detail;
    } else {
        long status = 0;
        const char *type = NULL;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        curl_off_t wait = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait);
        reply.status = (int)status;
        reply.retry_after_s = (uint32_t)CLAMP(wait, 0, (curl_off_t)UINT32_MAX);
        reply.body = buf_span(&call->body);
        reply.content_type = str_from(type);
        struct curl_header *header;
        if (call->want_header &&
            curl_easy_header(call->easy, call->want_header, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
            reply.header = str_from(header->value);
        }
    }
    list_leave(&call->link);
    c->depth++;
    call->done(&reply, call->arg);
    call_free(call);
    client_leave(c);
}

static void collect(struct http_client *c)
{
    int left;
    CURLMsg *msg;
    while (!c->freed && (msg = curl_multi_info_read(c->multi, &left))) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }
        struct http_call *call;
        CURLcode code = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        int err = err_of(call, code);
        const char *detail = err == -ERR_TOO_BIG ? err_text(err)
                             : call->error[0]    ? call->error
                                                 : curl_easy_strerror(code);
        finish(call, err, detail);
    }
}

static void drive(struct http_client *c, curl_socket_t fd, int events)
{
    int running;
    c->depth++;
    curl_multi_socket_action(c->multi, fd, events, &running);
    collect(c);
    client_leave(c);
}

/* ---- curl on the loop ---- */

static void on_timer(void *arg)
{
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct http_client *c = arg;
    if (ms < 0) {
        timer_stop(c->timer);
    } else {
        timer_start(c->timer, (uint64_t)ms * 1000, 0);
    }
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    loop_enter(w->client->loop);
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    drive(w->client, w->fd, flags);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_new(struct http_client *c, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (!w) {
        return NULL;
    }
    w->client = c;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init_socket(&c->loop->uv, &w->poll, fd) < 0) {
        free(w);
        return NULL;
    }
    curl_multi_assign(c->multi, fd, w);
    return w;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct http_client *c = arg;
    struct watch *w = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            curl_multi_assign(c->multi, fd, NULL);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    w = w ? w : watch_new(c, fd);
    if (!w) {
        return 0; /* the call then ends by its deadline */
    }
    int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);
    uv_poll_start(&w->poll, events, on_poll);
    return 0;
}

/* Statics of libcurl; the only state of the process that this file touches. */
static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_client_new(struct loop *loop, struct http_client **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct http_client *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->loop = loop;
    list_init(&c->calls);
    c->multi = curl_multi_init();
    int err = c->multi ? timer_new(loop, on_timer, c, &c->timer) : -ENOMEM;
    if (err < 0) {
        curl_multi_cleanup(c->multi);
        free(c);
        return err;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    *ret = c;
    return 0;
}

struct http_client *http_client_free(struct http_client *c)
{
    if (!c || c->freed) {
        return NULL;
    }
    c->depth++;
    while (!list_empty(&c->calls)) {
        finish(CONTAINER_OF(c->calls.next, struct http_call, link), -ECANCELED, "the client was closed");
    }
    c->freed = true;
    /* No callback of curl may come any more: its sockets are closed by the cleanup, which still wants the socket
     * function to drop our watches, but not the timer. */
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, NULL);
    c->timer = timer_free(c->timer);
    client_leave(c);
    return NULL;
}

/* ---- one call ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    buf_put(&call->body, p, size * n);
    return call->body.err ? 0 : size * n; /* fewer bytes than offered end the transfer */
}

static int add_headers(struct http_call *call, struct str lines)
{
    struct str line;
    struct buf text;
    buf_init(&text, HEADER_LINE_MAX);
    int err = 0;
    while (err == 0 && str_split(&lines, '\n', &line)) {
        line = str_trim(line);
        if (line.n == 0) {
            continue;
        }
        buf_clear(&text);
        buf_put_str(&text, line);
        const char *z = buf_cstr(&text);
        struct curl_slist *list = z ? curl_slist_append(call->headers, z) : NULL;
        call->headers = list ? list : call->headers;
        err = list ? 0 : text.err ? text.err : -ENOMEM;
    }
    buf_done(&text);
    return err;
}

/* setopt copies strings, so every failure is one of memory. */
static int set_text(struct http_call *call, CURLoption option, struct str text)
{
    char *z = str_dup(text);
    CURLcode code = z ? curl_easy_setopt(call->easy, option, z) : CURLE_OUT_OF_MEMORY;
    free(z);
    return code == CURLE_OK ? 0 : -ENOMEM;
}

/* libcurl's "HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT", any host and port for the first two. */
static int set_address(struct http_call *call, const char *address)
{
    struct buf text;
    buf_init(&text, 512);
    buf_puts(&text, "::");
    buf_puts(&text, address);
    const char *z = buf_cstr(&text);
    call->connect_to = z ? curl_slist_append(NULL, z) : NULL;
    buf_done(&text);
    if (!call->connect_to || curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to) != CURLE_OK ||
        curl_easy_setopt(call->easy, CURLOPT_PROXY, "") != CURLE_OK) {
        return -ENOMEM;
    }
    return 0;
}

static int set_request(struct http_call *call, const struct http_call_opts *opts)
{
    CURL *e = call->easy;
    struct str method = str_from(opts->method);
    bool sends_body = opts->body.n > 0 || str_is(method, "POST") || str_is(method, "PUT") || str_is(method, "PATCH");
    if (sends_body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)opts->body.n);
        const void *body = opts->body.p ? (const void *)opts->body.p : "";
        if (curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, body) != CURLE_OK) {
            return -ENOMEM;
        }
    } else if (str_is(method, "HEAD")) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    }
    int err = set_text(call, CURLOPT_URL, opts->url);
    err = err ? err : set_text(call, CURLOPT_CUSTOMREQUEST, method);
    err = err ? err : add_headers(call, STR("Expect:")); /* no pause before the body */
    err = err ? err : add_headers(call, opts->headers);
    if (!err && opts->user.n > 0) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        err = set_text(call, CURLOPT_USERNAME, opts->user);
        err = err ? err : set_text(call, CURLOPT_PASSWORD, opts->password);
    }
    if (!err && opts->ca_file) {
        err = set_text(call, CURLOPT_CAINFO, str_from(opts->ca_file));
    }
    if (!err && opts->connect_to) {
        err = set_address(call, opts->connect_to);
    }
    return err;
}

static void set_behaviour(struct http_call *call, const struct http_call_opts *opts)
{
    CURL *e = call->easy;
    long deadline_ms = opts->deadline_ms ? (long)opts->deadline_ms : DEADLINE_MS;
    curl_easy_setopt(e, CURLOPT_PRIVATE, call);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, deadline_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, deadline_ms);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "ringtrip/" RINGTRIP_VERSION);
}

static int call_start(struct http_call *call, const struct http_call_opts *opts)
{
    int err = call->easy ? set_request(call, opts) : -ENOMEM;
    if (err < 0) {
        return err;
    }
    set_behaviour(call, opts);
    return curl_multi_add_handle(call->client->multi, call->easy) == CURLM_OK ? 0 : -ENOMEM;
}

static void on_canceled(void *arg)
{
    finish(arg, -ECANCELED, "the call was cancelled");
}

int http_call(struct http_client *c, const struct http_call_opts *opts, http_reply_fn done, void *arg, uint64_t *ret_id)
{
    if (!str_starts(opts->url, STR("http://")) && !str_starts(opts->url, STR("https://"))) {
        return -EINVAL;
    }
    struct http_call *call = calloc(1, sizeof(*call));
    if (!call) {
        return -ENOMEM;
    }
    call->client = c;
    call->want_header = opts->want_header;
    call->done = done;
    call->arg = arg;
    call->cancel = (struct loop_task){.fn = on_canceled, .arg = call};
    call->easy = curl_easy_init();
    buf_init(&call->body, opts->max_response_bytes ? opts->max_response_bytes : RESPONSE_MAX_BYTES);
    int err = call_start(call, opts);
    if (err < 0) {
        call_free(call);
        return err;
    }
    call->id = ++c->last_id;
    list_append(&c->calls, &call->link);
    if (ret_id) {
        *ret_id = call->id;
    }
    return 0;
}

void http_cancel(struct http_client *c, uint64_t id)
{
    for (struct list *at = c->calls.next; at != &c->calls; at = at->next) {
        struct http_call *call = CONTAINER_OF(at, struct http_call, link);
        if (call->id == id && !list_linked(&call->cancel.link)) {
            curl_multi_remove_handle(c->multi, call->easy);
            loop_defer(c->loop, &call->cancel);
            return;
        }
    }
}
