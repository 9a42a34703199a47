/* The real programs as children, and the phones that ring them: so many at a time, then the record of each call. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "net/http_client.h"
#include "net/process.h"

#define UP_US        20000000 /* a child that is not ready by then is broken */
#define APART_US     130000   /* between two calls; they shall not run in step */
#define RECORD_TRIES 40
#define CALL_MAX_MS  45000
#define CALL_ROUNDS  3 /* a call whose phone was late is made again, so often in all */

struct child {
    const char *marker; /* what stands before the port in the line that says it is ready */
    struct process *process;
    uint16_t port;
    FILE *log;
    struct rig *rig;
};

struct job {
    struct rig *rig;
    size_t index;
    enum { JOB_CALL, JOB_RECORD, JOB_AGAIN, JOB_DONE } state;
    struct phone *phone; /* JOB_CALL */
    bool asked;          /* JOB_RECORD: a request is under way */
    uint32_t tries, rounds;
    char url[256];
};

struct rig {
    const struct rig_opts *o;
    const struct set *set;
    struct outcome *outcomes;
    struct loop *loop;
    struct http_client *http;
    struct phone_wheel *wheel;
    struct timer *timer;
    struct child sandbox, gateway;
    struct job *jobs;
    size_t next, running, done;
    int err;
    bool stopping;
};

static void give_up(struct rig *r, int err, const char *why)
{
    if (r->err == 0) {
        r->err = err;
        ignore_result(fprintf(stderr, "conversations: %s\n", why) < 0);
    }
    loop_stop(r->loop);
}

/* ---- children ---- */

static void child_line(struct process *p UNUSED, struct str line, void *arg)
{
    struct child *c = arg;
    ignore_result(fprintf(c->log, STR_FMT "\n", STR_ARG(line)) < 0);
    size_t at = c->port ? SIZE_MAX : str_search(line, str_from(c->marker));
    if (at != SIZE_MAX) {
        struct str rest = {line.p + at + strlen(c->marker), line.n - at - strlen(c->marker)};
        size_t n = 0;
        while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9') {
            n++;
        }
        int64_t port = 0;
        if (str_to_i64((struct str){rest.p, n}, &port) == 0) {
            c->port = (uint16_t)port;
            loop_stop(c->rig->loop);
        }
    }
}

static void child_closed(struct process *p UNUSED, int status, int signo, void *arg)
{
    struct child *c = arg;
    c->process = NULL;
    if (!c->rig->stopping) {
        ignore_result(fprintf(c->log, "-- ended with %d, signal %d\n", status, signo) < 0);
        give_up(c->rig, -ECHILD, "a program ended before its time; see the logs");
    } else {
        loop_stop(c->rig->loop);
    }
}

static const struct process_handler child_handler = {.on_line = child_line, .on_closed = child_closed};

static void too_long(void *arg)
{
    give_up(arg, -ETIMEDOUT, "a program did not get ready; see the logs");
}

/* Standard error goes the way of standard output: the log is what we wait for. */
static int child_start(struct rig *r, struct child *c, const char *name, const char *marker, const char *const *args)
{
    const char *argv[24] = {"/bin/sh", "-c", "exec \"$0\" \"$@\" 2>&1"};
    char path[512];
    size_t n = 3;
    for (; args[n - 3] && n + 1 < ARRAY_LEN(argv); n++) {
        argv[n] = args[n - 3];
    }
    argv[n] = NULL;
    ignore_result(snprintf(path, sizeof(path), "%s/%s.log", r->o->dir, name) < 0);
    c->rig = r;
    c->marker = marker;
    c->log = fopen(path, "we");
    if (!c->log) {
        return -errno;
    }
    int err = process_open(r->loop, &(struct process_opts){.file = argv[0], .argv = argv, .kill_ms = 5000},
                           &child_handler, c, &c->process);
    if (err == 0) {
        timer_start(r->timer, UP_US, 0);
        loop_run(r->loop);
        timer_stop(r->timer);
        err = r->err;
    }
    return err;
}

static int start_sandbox(struct rig *r)
{
    const char *args[] = {r->o->sandbox, "--listen", "127.0.0.1:0", "--dialogue", r->o->dialogue,
                          "--decoders",  "2",        "--seed",      "1",          r->o->hearing ? NULL : "--canned",
                          NULL};
    return child_start(r, &r->sandbox, "sandbox", "listening on ws://127.0.0.1:", args);
}

/* The environment is that of the example: everything that is no matter of manners. */
static int start_gateway(struct rig *r)
{
    char url[64];
    char gemini[64];
    ignore_result(snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1", r->sandbox.port) < 0);
    ignore_result(snprintf(gemini, sizeof(gemini), "ws://127.0.0.1:%u", r->sandbox.port) < 0);
    const char *const env[][2] = {{"OPENAI_BASE_URL", url},
                                  {"GOOGLE_GEMINI_BASE_URL", gemini},
                                  {"GEMINI_API_KEY", "sandbox"},
                                  {"OPENAI_API_KEY", "sandbox"},
                                  {"LISTEN_HOST", "127.0.0.1"},
                                  {"SERVER_PORT", "0"},
                                  {"GREETING", "Hello, this is the shop."},
                                  {"RECORDS_DIR", r->o->dir},
                                  {"TURN_DETECTION", r->o->turn}};
    for (size_t i = 0; i < ARRAY_LEN(env); i++) {
        if (env[i][1] && setenv(env[i][0], env[i][1], 1) != 0) {
            return -errno;
        }
    }
    const char *args[] = {r->o->ringtrip, "serve", "-c", r->o->config, NULL};
    return child_start(r, &r->gateway, "gateway", "gateway.ready port=", args);
}

static void child_stop(struct child *c)
{
    if (c->process) {
        process_close(c->process);
        while (c->process) {
            loop_run(c->rig->loop);
        }
    }
    if (c->log) {
        ignore_result(fclose(c->log));
    }
}

/* ---- calls ---- */

static void job_end(struct job *j, struct str record)
{
    struct rig *r = j->rig;
    struct outcome *o = &r->outcomes[j->index];
    measure_record(o, record);
    o->rounds = ++j->rounds;
    bool again = r->o->again && o->blurred && j->rounds < CALL_ROUNDS && !r->stopping;
    j->state = again ? JOB_AGAIN : JOB_DONE;
    if (r->o->verbose || o->failed) {
        ignore_result(printf("# %-28s %s%s\n", o->convo->name, o->failed ? o->problem : "",
                             again ? " (its phone was late: made again)" : "") < 0);
        ignore_result(fflush(stdout));
    }
    r->running--;
    if (again) {
        return;
    }
    if (++r->done == r->set->n) {
        loop_stop(r->loop);
    }
}

static void on_record(const struct http_reply *reply, void *arg)
{
    struct job *j = arg;
    struct json_val doc;
    struct str body = str_of_span(reply->body);
    bool whole = reply->err == 0 && reply->status == 200 && json_parse(body, &doc) == 0 &&
                 json_get(doc, "ended_at").type == JSON_STRING;
    j->asked = false;
    if (whole || ++j->tries >= RECORD_TRIES || j->rig->stopping) {
        job_end(j, whole ? body : STR(""));
    }
}

/* The record is complete a moment after the phone has hung up. */
static void look(struct job *j)
{
    const struct http_call_opts o = {.method = "GET", .url = str_from(j->url), .max_response_bytes = 1 << 20};
    if (j->state == JOB_RECORD && !j->asked) {
        j->asked = http_call(j->rig->http, &o, on_record, j, NULL) == 0;
        j->tries += !j->asked;
    }
}

static void on_closed(struct phone *p UNUSED, const struct phone_report *report, void *arg)
{
    struct job *j = arg;
    j->phone = NULL;
    j->state = JOB_RECORD;
    ignore_result(snprintf(j->url, sizeof(j->url), "http://127.0.0.1:%u/v1/calls/%s", j->rig->gateway.port,
                           report->call_sid) < 0);
    measure_phone(&j->rig->outcomes[j->index], &j->rig->set->calls[j->index], report);
    if (report->err < 0) {
        job_end(j, STR(""));
    }
}

static const struct phone_handler phone_handler = {.on_closed = on_closed};

static void call_open(struct rig *r, struct job *j)
{
    const struct convo *c = &r->set->calls[j->index];
    char url[64];
    j->state = JOB_CALL;
    j->tries = 0;
    ignore_result(snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", r->gateway.port,
                           r->o->as == &phone_plivo ? "/answer" : "/twiml") < 0);
    const struct phone_opts o = {.as = r->o->as,
                                 .url = str_from(url),
                                 .items = c->items,
                                 .n_items = c->n_items,
                                 .hangup = c->hangup,
                                 .max_ms = CALL_MAX_MS,
                                 .quiet_ms = 500,
                                 .delay_ms = c->delay_ms,
                                 .jitter_ms = c->jitter_ms,
                                 .line = c->line,
                                 .packets = c->packets,
                                 .seed = c->seed,
                                 .truth = true,
                                 .wheel = r->wheel,
                                 .http = r->http};
    int err = phone_open(r->loop, &o, &phone_handler, j, &j->phone);
    if (err < 0) {
        give_up(r, err, "a phone could not be opened");
        return;
    }
    r->running++;
}

/* The next of the set, then those that are made again. */
static struct job *job_next(struct rig *r)
{
    if (r->next < r->set->n) {
        struct job *j = &r->jobs[r->next];
        *j = (struct job){.rig = r, .index = r->next++};
        return j;
    }
    for (size_t i = 0; i < r->next; i++) {
        if (r->jobs[i].state == JOB_AGAIN) {
            return &r->jobs[i];
        }
    }
    return NULL;
}

static void next_call(void *arg)
{
    struct rig *r = arg;
    struct job *j = r->running < r->o->parallel ? job_next(r) : NULL;
    if (j) {
        call_open(r, j);
    }
    for (size_t i = 0; i < r->next; i++) {
        look(&r->jobs[i]);
    }
}

static int run_calls(struct rig *r)
{
    r->jobs = calloc(r->set->n, sizeof(*r->jobs));
    if (!r->jobs) {
        return -ENOMEM;
    }
    timer_free(r->timer);
    int err = timer_new(r->loop, next_call, r, &r->timer);
    if (err == 0) {
        timer_start(r->timer, 1000, APART_US);
        loop_run(r->loop);
        err = r->err;
    }
    return err;
}

static void close_all(struct rig *r)
{
    r->stopping = true;
    for (size_t i = 0; r->jobs && i < r->next; i++) {
        if (r->jobs[i].phone) {
            phone_close(r->jobs[i].phone);
        }
    }
    child_stop(&r->gateway);
    child_stop(&r->sandbox);
    timer_free(r->timer);
    http_client_free(r->http);
    phone_wheel_free(r->wheel);
    loop_free(r->loop);
    free(r->jobs);
}

int rig_run(const struct rig_opts *o, const struct set *set, struct outcome *outcomes)
{
    struct rig r = {.o = o, .set = set, .outcomes = outcomes};
    int err = loop_new(&r.loop);
    if (err < 0) {
        return err;
    }
    err = http_client_new(r.loop, &r.http);
    if (err == 0) {
        err = phone_wheel_new(r.loop, &r.wheel);
    }
    if (err == 0) {
        err = timer_new(r.loop, too_long, &r, &r.timer);
    }
    if (err == 0) {
        err = start_sandbox(&r);
    }
    if (err == 0) {
        err = start_gateway(&r);
    }
    if (err == 0) {
        err = run_calls(&r);
    }
    close_all(&r);
    return err;
}
