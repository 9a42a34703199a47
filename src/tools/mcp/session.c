#include "tools/mcp/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

#define FIRST_PAUSE_MS 1000
#define MAX_PAUSE_MS   60000
#define OFF_LOOP_BYTES (32u << 10) /* larger messages are parsed in the job pool */
#define OWN_MAX        ((size_t)1 << 20)

/* ---- life ---- */

void mcp_session_unref(struct mcp_session *s)
{
    if (--s->refs == 0) {
        mcp_list_done(&s->tools);
        mcp_list_done(&s->coming);
        arena_done(&s->own);
        free(s);
    }
}

static void on_timer(void *arg);

/* Texts into s->own. */
static int keep_texts(struct mcp_session *s, const struct str *from, uint32_t n, const struct str **ret)
{
    struct str *to = arena_alloc(&s->own, MAX(n, 1u) * sizeof(*to));
    for (uint32_t i = 0; to && i < n; i++) {
        to[i] = arena_str(&s->own, from[i]);
        to = to[i].p ? to : NULL;
    }
    *ret = to;
    return to ? 0 : -ENOMEM;
}

static int keep_pairs(struct mcp_session *s, const struct mcp_pair *from, uint32_t n, const struct mcp_pair **ret)
{
    struct mcp_pair *to = arena_alloc(&s->own, MAX(n, 1u) * sizeof(*to));
    for (uint32_t i = 0; to && i < n; i++) {
        to[i] = (struct mcp_pair){arena_str(&s->own, from[i].name), arena_str(&s->own, from[i].value)};
        to = to[i].name.p && to[i].value.p ? to : NULL;
    }
    *ret = to;
    return to ? 0 : -ENOMEM;
}

static int keep_opts(struct mcp_session *s, const struct mcp_server_opts *o)
{
    s->o = *o;
    s->o.name = arena_str(&s->own, o->name);
    s->o.url = arena_str(&s->own, o->url);
    s->o.ca_file = arena_str(&s->own, o->ca_file);
    s->o.prefix = arena_str(&s->own, o->prefix);
    int err = s->o.name.p && s->o.url.p && s->o.ca_file.p && s->o.prefix.p ? 0 : -ENOMEM;
    err = err < 0 ? err : keep_texts(s, o->argv, o->n_argv, &s->o.argv);
    err = err < 0 ? err : keep_texts(s, o->tools, o->n_tools, &s->o.tools);
    err = err < 0 ? err : keep_pairs(s, o->env, o->n_env, &s->o.env);
    return err < 0 ? err : keep_pairs(s, o->headers, o->n_headers, &s->o.headers);
}

int mcp_session_new(struct mcp *m, const struct mcp_server_opts *o, struct str print, struct mcp_session **ret)
{
    struct mcp_session *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->hub = m;
    s->refs = 1;
    list_init(&s->requests);
    arena_init(&s->own, OWN_MAX);
    s->print = arena_str(&s->own, print);
    int err = s->print.p ? keep_opts(s, o) : -ENOMEM;
    err = err < 0 ? err : timer_new(m->loop, on_timer, s, &s->timer);
    if (err < 0) {
        mcp_session_unref(s);
        return err;
    }
    *ret = s;
    return 0;
}

static void stop_transport(struct mcp_session *s)
{
    if (s->o.n_argv) {
        mcp_pipe_stop(s);
    } else {
        mcp_remote_stop(s);
    }
}

/* ---- requests ---- */

static void request_free(struct mcp_request *r)
{
    list_leave(&r->link);
    timer_free(r->deadline);
    if (r->run) {
        r->run->request = NULL;
    }
    free(r);
}

struct mcp_request *mcp_session_find(struct mcp_session *s, uint64_t id)
{
    for (struct list *at = s->requests.next; at != &s->requests; at = at->next) {
        struct mcp_request *r = CONTAINER_OF(at, struct mcp_request, link);
        if (r->id == id) {
            return r;
        }
    }
    return NULL;
}

void mcp_session_answer(struct mcp_request *r, enum mcp_outcome outcome, struct str text)
{
    struct mcp_run *run = r->run;
    request_free(r);
    if (run) {
        const struct mcp_output output = {outcome, text};
        run->done(&output, run->arg);
        free(run);
    }
}

static void answer_error(struct mcp_request *r, enum mcp_outcome outcome, struct str why)
{
    struct buf text;
    buf_init(&text, MCP_OUTPUT_MAX);
    buf_puts(&text, "{\"error\":");
    json_put_quoted(&text, why);
    buf_putc(&text, '}');
    mcp_session_answer(r, outcome, text.err < 0 ? STR("{\"error\":\"The tool failed.\"}") : buf_str(&text));
    buf_done(&text);
}

void mcp_session_fail(struct mcp_session *s, struct mcp_request *r, enum mcp_outcome outcome, const char *why)
{
    if (r->kind == REQUEST_CALL) {
        answer_error(r, outcome, str_from(why));
    } else {
        request_free(r);
        mcp_session_lost(s, why);
    }
}

static void fail_all(struct mcp_session *s, enum mcp_outcome outcome, const char *why)
{
    while (!list_empty(&s->requests)) {
        struct mcp_request *r = CONTAINER_OF(s->requests.next, struct mcp_request, link);
        if (r->http_id) {
            http_cancel(s->hub->http, r->http_id);
        }
        if (outcome == MCP_CANCELLED) {
            mcp_session_answer(r, outcome, STR(""));
        } else {
            answer_error(r, outcome, str_from(why));
        }
    }
}

static void on_deadline(void *arg)
{
    struct mcp_request *r = arg;
    struct mcp_session *s = r->session;
    struct buf text;
    buf_init(&text, 512);
    mcp_put_cancelled(&text, r->id, "the deadline has passed");
    ignore_result(s->o.n_argv ? mcp_pipe_send(s, buf_str(&text)) : 0); /* it may be dead: nothing is lost */
    buf_done(&text);
    mcp_session_fail(s, r, MCP_TIMEOUT, "The tool did not answer in time.");
}

/* Sends what text says; the answer comes to a new request. */
static int ask(struct mcp_session *s, enum mcp_request_kind kind, struct str text, uint32_t deadline_ms,
               struct mcp_request **ret)
{
    struct mcp_request *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    *r = (struct mcp_request){.session = s, .id = s->last_id, .kind = kind};
    list_append(&s->requests, &r->link);
    int err = 0;
    if (s->o.n_argv) {
        err = timer_new(s->hub->loop, on_deadline, r, &r->deadline);
        err = err < 0 ? err : mcp_pipe_send(s, text);
        if (err >= 0) {
            timer_start(r->deadline, (uint64_t)deadline_ms * 1000, 0);
        }
    } else {
        err = mcp_remote_send(s, text, r, deadline_ms);
    }
    if (err < 0) {
        request_free(r);
        return err;
    }
    *ret = r;
    return 0;
}

static void tell(struct mcp_session *s, struct str text)
{
    int err = s->o.n_argv ? mcp_pipe_send(s, text) : mcp_remote_send(s, text, NULL, s->o.start_ms);
    if (err < 0) {
        log_warn(NULL, "mcp.not-sent", "server=" STR_FMT " error=%s", STR_ARG(s->o.name), err_name(err));
    }
}

/* ---- the session's course ---- */

void mcp_session_lost(struct mcp_session *s, const char *why)
{
    if (s->closed || s->state == SESSION_DOWN) {
        return;
    }
    bool was_up = s->state == SESSION_UP;
    s->state = SESSION_DOWN;
    snprintf(s->problem, sizeof(s->problem), "%s", why);
    s->failures = was_up ? 0 : MIN(s->failures + 1, 16u);
    uint32_t pause_ms = MIN((uint32_t)FIRST_PAUSE_MS << MIN(s->failures, 6u), (uint32_t)MAX_PAUSE_MS);
    log_warn(NULL, "mcp.down", "server=" STR_FMT " why=\"%s\" again_ms=%u", STR_ARG(s->o.name), s->problem, pause_ms);
    stop_transport(s);
    timer_start(s->timer, (uint64_t)pause_ms * 1000, 0);
    fail_all(s, MCP_FAILED, "The server of this tool has gone. It is being started again.");
    if (s->hub->on_state) {
        s->hub->on_state(s->hub->arg);
    }
}

static void ask_list(struct mcp_session *s, struct str cursor)
{
    struct buf text;
    struct mcp_request *r;
    buf_init(&text, 2 * MCP_CURSOR_MAX + 512);
    mcp_put_list(&text, ++s->last_id, cursor);
    int err = ask(s, REQUEST_LIST, buf_str(&text), s->o.start_ms, &r);
    buf_done(&text);
    if (err < 0) {
        mcp_session_lost(s, err_text(err));
    }
}

static void begin_list(struct mcp_session *s)
{
    s->list_again = false;
    if (mcp_list_begin(&s->coming) < 0) {
        mcp_session_lost(s, err_text(-ENOMEM));
        return;
    }
    s->state = s->state == SESSION_UP ? SESSION_UP : SESSION_LISTING;
    ask_list(s, STR(""));
}

static bool listing(const struct mcp_session *s)
{
    return s->coming.v != NULL;
}

static void listed(struct mcp_session *s)
{
    bool first = s->state != SESSION_UP;
    bool changed = !mcp_list_same(&s->tools, &s->coming);
    struct mcp_list old = s->tools;
    s->tools = s->coming;
    s->coming = (struct mcp_list){0};
    s->state = SESSION_UP;
    s->failures = 0;
    s->problem[0] = '\0';
    timer_stop(s->timer);
    if (!s->o.n_argv && s->o.refresh_s) {
        timer_start(s->timer, (uint64_t)s->o.refresh_s * 1000000, 0);
    }
    if (first || changed) {
        log_info(NULL, "mcp.up", "server=" STR_FMT " tools=%u skipped=%u version=%s", STR_ARG(s->o.name), s->tools.n,
                 s->tools.skipped, s->version);
    }
    for (uint32_t i = 0; i < s->o.n_tools && s->o.n_tools > s->tools.n; i++) {
        bool there = false;
        for (uint32_t k = 0; k < s->tools.n; k++) {
            there = there || str_eq(s->tools.v[k].remote, s->o.tools[i]);
        }
        if (!there) {
            log_warn(NULL, "mcp.no-such-tool", "server=" STR_FMT " tool=" STR_FMT, STR_ARG(s->o.name),
                     STR_ARG(s->o.tools[i]));
        }
    }
    if (changed && s->hub->on_changed) {
        s->hub->on_changed(s->hub->arg);
    }
    if (s->hub->on_state) {
        s->hub->on_state(s->hub->arg);
    }
    mcp_list_done(&old);
    if (s->list_again) {
        begin_list(s);
    }
}

static void on_timer(void *arg)
{
    struct mcp_session *s = arg;
    if (s->state == SESSION_DOWN) {
        mcp_session_start(s);
    } else if (s->state == SESSION_UP) {
        if (!listing(s)) {
            begin_list(s);
        }
    } else {
        mcp_session_lost(s, "it did not tell its tools in time");
    }
}

void mcp_session_start(struct mcp_session *s)
{
    struct buf text;
    struct mcp_request *r;
    s->state = SESSION_GREETING;
    s->version[0] = '\0';
    mcp_list_done(&s->coming);
    int err = s->o.n_argv ? mcp_pipe_start(s) : 0;
    if (err >= 0) {
        buf_init(&text, 1024);
        mcp_put_initialize(&text, ++s->last_id, "ringtrip", RINGTRIP_VERSION);
        err = ask(s, REQUEST_INITIALIZE, buf_str(&text), s->o.start_ms, &r);
        buf_done(&text);
    }
    if (err < 0) {
        mcp_session_lost(s, err_text(err));
        return;
    }
    timer_start(s->timer, (uint64_t)s->o.start_ms * 1000, 0);
}

static void welcomed(struct mcp_session *s, const struct mcp_message *m)
{
    struct mcp_welcome w;
    struct buf text;
    int err = mcp_read_welcome(m, &w);
    if (err < 0 || !mcp_version_known(w.version)) {
        mcp_session_lost(s, err < 0 ? "its answer to initialize is none" : "it speaks another version of the protocol");
        return;
    }
    ignore_result(str_copy(s->version, sizeof(s->version), w.version)); /* known ones fit */
    buf_init(&text, 256);
    mcp_put_initialized(&text);
    tell(s, buf_str(&text));
    buf_done(&text);
    if (!w.tools) {
        log_warn(NULL, "mcp.no-tools", "server=" STR_FMT, STR_ARG(s->o.name));
    }
    begin_list(s);
}

static void took_list(struct mcp_session *s, const struct mcp_message *m)
{
    char cursor[MCP_CURSOR_MAX];
    int err = listing(s) ? mcp_list_read(&s->coming, &s->o, m, cursor) : -ERR_STATE;
    if (err < 0) {
        mcp_session_lost(s, err == -ERR_LIMIT ? "its list of tools has no end" : "its list of tools cannot be read");
    } else if (cursor[0]) {
        ask_list(s, str_from(cursor));
    } else {
        listed(s);
    }
}

/* ---- messages ---- */

/* One message with what can be made of it without the session; owned by a job when it is large. */
struct digest {
    struct mcp_session *session;
    struct buf text; /* a large one */
    struct mcp_message m;
    int err;
    bool is_output;
    int output_err;
    bool failed;
    struct buf output;
};

static void digest_read(struct digest *d, struct str text)
{
    d->err = mcp_read(text, &d->m);
    d->is_output = d->err >= 0 && d->m.kind == MCP_RESULT &&
                   (json_get(d->m.body, "content").type != JSON_NONE ||
                    json_get(d->m.body, "structuredContent").type != JSON_NONE);
    buf_init(&d->output, text.n + MCP_OUTPUT_MAX);
    if (d->is_output) {
        d->output_err = mcp_read_result(&d->m, MCP_OUTPUT_MAX, &d->output, &d->failed);
    }
}

static void answer_call(struct mcp_request *r, const struct digest *d)
{
    if (d->m.kind == MCP_ERROR) {
        struct buf why;
        buf_init(&why, MCP_OUTPUT_MAX / 2);
        buf_puts(&why, "The tool's server says: ");
        mcp_error_text(&d->m, &why);
        answer_error(r, MCP_FAILED, why.err < 0 ? STR("The tool failed.") : buf_str(&why));
        buf_done(&why);
    } else if (!d->is_output || d->output_err < 0) {
        answer_error(r, MCP_FAILED, STR("The tool's answer cannot be read."));
    } else if (d->failed) {
        answer_error(r, MCP_FAILED, d->output.len ? buf_str(&d->output) : STR("The tool failed."));
    } else {
        mcp_session_answer(r, MCP_OK, d->output.len ? buf_str(&d->output) : STR("{\"status\":\"ok\"}"));
    }
}

static void answered(struct mcp_session *s, struct mcp_request *r, const struct digest *d)
{
    if (r->kind == REQUEST_CALL) {
        answer_call(r, d);
        return;
    }
    enum mcp_request_kind kind = r->kind;
    request_free(r);
    if (d->m.kind == MCP_ERROR) {
        struct buf why;
        buf_init(&why, 1024);
        mcp_error_text(&d->m, &why);
        const char *z = buf_cstr(&why);
        mcp_session_lost(s, z ? z : "it refused");
        buf_done(&why);
    } else if (kind == REQUEST_INITIALIZE) {
        welcomed(s, &d->m);
    } else {
        took_list(s, &d->m);
    }
}

static void answer_server(struct mcp_session *s, const struct mcp_message *m)
{
    struct buf text;
    buf_init(&text, 4096);
    if (str_is(m->method, "ping")) {
        mcp_put_empty_result(&text, m->raw_id);
    } else {
        mcp_put_no_method(&text, m->raw_id);
    }
    if (text.err == 0) {
        tell(s, buf_str(&text));
    }
    buf_done(&text);
}

static void deliver(struct mcp_session *s, const struct digest *d)
{
    if (s->closed || s->state == SESSION_DOWN) {
        return;
    }
    if (d->err < 0) {
        log_warn(NULL, "mcp.message", "server=" STR_FMT " error=%s", STR_ARG(s->o.name), err_name(d->err));
        return;
    }
    if (d->m.kind == MCP_REQUEST) {
        answer_server(s, &d->m);
    } else if (d->m.kind == MCP_NOTIFICATION) {
        if (str_is(d->m.method, "notifications/tools/list_changed") && s->state == SESSION_UP) {
            if (listing(s)) {
                s->list_again = true;
            } else {
                begin_list(s);
            }
        }
    } else {
        struct mcp_request *r = mcp_session_find(s, d->m.id);
        if (r) { /* else nobody waits any more */
            answered(s, r, d);
        }
    }
}

static int digest_work(void *arg)
{
    struct digest *d = arg;
    digest_read(d, buf_str(&d->text));
    return 0;
}

static void digest_free(struct digest *d)
{
    buf_done(&d->text);
    buf_done(&d->output);
    mcp_session_unref(d->session);
    free(d);
}

static void digest_done(int err, void *arg)
{
    struct digest *d = arg;
    if (err >= 0) {
        deliver(d->session, d);
    }
    digest_free(d);
}

static bool digest_off_loop(struct mcp_session *s, struct str text)
{
    struct digest *d = calloc(1, sizeof(*d));
    if (!d) {
        return false;
    }
    d->session = s;
    s->refs++;
    buf_init(&d->text, text.n);
    buf_put_str(&d->text, text);
    if (d->text.err < 0 || job_run(s->hub->loop, digest_work, digest_done, d) < 0) {
        digest_free(d);
        return false;
    }
    return true;
}

void mcp_session_message(struct mcp_session *s, struct str text)
{
    if (text.n > OFF_LOOP_BYTES && digest_off_loop(s, text)) {
        return;
    }
    struct digest d = {.session = s};
    s->refs++;
    digest_read(&d, text);
    deliver(s, &d);
    buf_done(&d.output);
    mcp_session_unref(s);
}

/* ---- calls ---- */

int mcp_session_call(struct mcp_session *s, const struct mcp_order *o, mcp_done_fn done, void *arg,
                     struct mcp_run **ret)
{
    if (s->state != SESSION_UP || s->closed) {
        return -ERR_CLOSED;
    }
    struct mcp_run *run = calloc(1, sizeof(*run));
    if (!run) {
        return -ENOMEM;
    }
    struct buf text;
    struct mcp_request *r;
    buf_init(&text, MCP_MESSAGE_MAX);
    mcp_put_call(&text, ++s->last_id, &o->use);
    uint32_t ms = o->timeout_ms ? o->timeout_ms : s->o.timeout_ms;
    s->use = &o->use;
    int err = text.err < 0 ? text.err : ask(s, REQUEST_CALL, buf_str(&text), ms, &r);
    s->use = NULL;
    buf_done(&text);
    if (err < 0) {
        free(run);
        return err;
    }
    *run = (struct mcp_run){.session = s, .request = r, .done = done, .arg = arg};
    r->run = run;
    *ret = run;
    return 0;
}

static void tell_cancelled(void *arg)
{
    struct mcp_run *run = arg;
    const struct mcp_output output = {MCP_CANCELLED, STR("")};
    run->done(&output, run->arg);
    free(run);
}

void mcp_run_cancel(struct mcp_run *run)
{
    struct mcp_request *r = run->request;
    if (!r) {
        return; /* it is on its way */
    }
    struct mcp_session *s = run->session;
    struct buf text;
    buf_init(&text, 512);
    mcp_put_cancelled(&text, r->id, "nobody waits for it any more");
    tell(s, buf_str(&text));
    buf_done(&text);
    if (loop_post(s->hub->loop, tell_cancelled, run) < 0) {
        return; /* out of memory: its deadline ends it */
    }
    r->run = NULL;
    run->request = NULL;
    if (r->http_id) {
        http_cancel(s->hub->http, r->http_id);
    }
    request_free(r);
}

bool mcp_session_idle(const struct mcp_session *s)
{
    for (struct list *at = s->requests.next; at != &s->requests; at = at->next) {
        if (CONTAINER_OF(at, struct mcp_request, link)->kind == REQUEST_CALL) {
            return false;
        }
    }
    return true;
}

void mcp_session_close(struct mcp_session *s)
{
    if (s->closed) {
        return;
    }
    s->closed = true;
    list_leave(&s->link);
    fail_all(s, MCP_CANCELLED, "");
    s->timer = timer_free(s->timer);
    stop_transport(s);
    mcp_session_unref(s);
}
