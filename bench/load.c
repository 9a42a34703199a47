/*
 * Load run: N simulated phones and the model's end in one process, a gateway in another one between them.
 *
 *     phones ==> gateway ==> model end          both ends see one clock, blocks of audio carry stamps
 *
 * Prints a row for each number of calls: CPU of all gateway threads per call-second, added latency both ways, late and
 * lost blocks, memory. docs/performance.md describes the profile; bench/load.sh and bench/compare.sh start it.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "load_calls.h"
#include "net/process.h"

static const char usage[] =
    "usage: bench_load --gateway 'COMMAND' [options]\n"
    "       bench_load --gateway-pid PID --gateway-port PORT --model-port PORT [options]\n\n"
    "COMMAND is run by a shell with MODEL_URL (where the model is) and GATEWAY_PORT (where to listen) in its\n"
    "environment; it has to serve ws://127.0.0.1:$GATEWAY_PORT/media-stream without a token.\n\n"
    "  --calls N[,N]...  one row each (100)\n"
    "  --find STEP       go on by STEP calls until a block is late\n"
    "  --seconds S       of measuring per row (20)\n"
    "  --tls CERT,KEY    PEM files: the model is reached by wss\n"
    "  --turns WORD      server (default): the model finds turns, callers speak stamped noise without end; local: the\n"
    "                    gateway does, callers speak a sentence every ten seconds\n"
    "  --idle            callers and model say nothing (the gateway must not greet them)\n"
    "  --spread          calls begin evenly over ten seconds, as the profile repeats, not all at once\n"
    "  --name TEXT       first column (gateway)\n"
    "  --bare            rows only, no heading\n";

#define OPEN_EVERY_US 7000 /* one call more; coprime to 20 ms, so that the frames of all spread out */
#define SPREAD_US     ((uint64_t)LOAD_PERIOD_BLOCKS * 20000)
#define SETTLE_US     6000000ull
#define STAGES_MAX    64
#define UP_EVERY_US   100000
#define UP_TRIES      600 /* until the gateway answers: under valgrind it takes its time */

enum step { STEP_WAIT_UP, STEP_OPEN, STEP_SETTLE, STEP_MEASURE, STEP_STOP };

struct run {
    struct loop *loop;
    struct timer *timer;
    struct load_model *model;
    struct load_calls *calls;
    struct process *gateway; /* NULL: not ours */
    struct http_client *http;
    int pid;
    uint16_t port, model_port;
    const char *command, *name;
    char *cert, *key;
    uint32_t stages[STAGES_MAX];
    size_t n_stages, stage;
    uint32_t seconds, find;
    bool bare, late, failed;
    bool local;        /* the gateway finds the turns */
    bool idle, spread; /* nobody speaks; calls begin one after the other over a period */
    struct fit fit;
    enum step step;
    uint32_t tries;
    uint64_t rss_idle, cpu_ns, began_us, own_cpu_us;
    struct load_model_counts model_counts;
};

static void finish(struct run *r, const char *problem)
{
    if (problem) {
        ignore_result(fprintf(stderr, "bench_load: %s\n", problem) < 0);
        r->failed = true;
    }
    loop_stop(r->loop);
}

static uint64_t own_cpu_us(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
                                                 (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)
                                           : 0;
}

/* ---- rows ---- */

static void print_heading(const struct run *r)
{
    if (!r->bare) {
        ignore_result(printf("%-10s %5s %8s | %-20s | %-20s | %9s %6s | %7s %7s | %6s %6s | %6s %6s %6s\n", "gateway",
                             "calls", "cpu", r->local ? "turn ms p50 p99  max" : "up ms p50  p99   max",
                             "down ms p50 p99  max", "late", "lost", "RSS", "kB/call", "mark/s", "clear", "gencpu",
                             "genlate", "warn") < 0);
        ignore_result(printf("%-10s %5s %8s | %-20s | %-20s | %9s %6s | %7s %7s | %6s %6s | %6s %6s %6s\n", "", "",
                             "ms/c-s", r->local ? "(end of speech)" : "", "(first of answer)", "up/down", "", "MB", "",
                             "/call", "", "%", "", "") < 0);
    }
}

static void print_row(struct run *r)
{
    const struct load_figures *f = load_calls_figures(r->calls);
    double s = (double)(clock_now_us() - r->began_us) / 1e6;
    double n = load_calls_n(r->calls);
    double cpu_ms = (double)(proc_cpu_ns(r->pid) - r->cpu_ns) / 1e6 / (n * s);
    uint64_t rss = proc_rss_bytes(r->pid);
    const struct hist *up = r->local ? &f->turn : &f->up;
    double own = (double)(own_cpu_us() - r->own_cpu_us) / 1e4 / s;
    char late[32];
    ignore_result(snprintf(late, sizeof(late), "%llu/%llu", (unsigned long long)f->up_late,
                           (unsigned long long)f->down_late) < 0);
    ignore_result(
        printf(
            "%-10s %5.0f %8.3f | %6.2f %6.2f %6.1f | %6.2f %6.2f %6.1f | %9s %6llu | %7.1f %7.1f | %6.1f %6llu | %6.0f "
            "%6llu %6llu\n",
            r->name, n, cpu_ms, hist_ms(up, 0.5), hist_ms(up, 0.99), (double)up->max_us / 1e3, hist_ms(&f->down, 0.5),
            hist_ms(&f->down, 0.99), (double)f->down.max_us / 1e3, late,
            (unsigned long long)(f->up_lost + f->down_lost), (double)rss / 1e6,
            rss > r->rss_idle ? (double)(rss - r->rss_idle) / 1e3 / n : 0.0, (double)f->marks / (n * s),
            (unsigned long long)f->clears, own, (unsigned long long)f->own_late, (unsigned long long)f->warnings) < 0);
    ignore_result(fflush(stdout));
    fit_add(&r->fit, n, (double)rss);
    r->late = f->up_late + f->down_late > 0;
    if (r->idle) {
        return;
    }
    double expected = n * s * 50;
    if (r->local && ((double)f->committed < (double)f->spoken - n / 5 - 1 || f->ended > 0)) {
        ignore_result(printf("  attention: %llu of %llu turns reached the model, %llu calls ended\n",
                             (unsigned long long)f->committed, (unsigned long long)f->spoken,
                             (unsigned long long)f->ended) < 0);
        r->late = true;
    } else if (!r->local && ((double)f->up_blocks < expected * 0.98 || f->ended > 0)) {
        ignore_result(printf("  attention: %llu of %.0f uplink blocks arrived, %llu calls ended\n",
                             (unsigned long long)f->up_blocks, expected, (unsigned long long)f->ended) < 0);
        r->late = true;
    }
}

/* ---- the course ---- */

static void ask_up(struct run *r);

static bool next_stage(struct run *r)
{
    if (r->stage + 1 < r->n_stages) {
        r->stage++;
        return true;
    }
    if (r->find > 0 && !r->late && r->stage + 1 < STAGES_MAX && r->stages[r->stage] + r->find <= CALLS_MAX) {
        r->stages[r->stage + 1] = r->stages[r->stage] + r->find;
        r->stage++;
        r->n_stages = r->stage + 1;
        return true;
    }
    return false;
}

/* The law of the rows: what the gateway takes without calls, and what each one adds. */
static void print_law(const struct run *r)
{
    struct fit_line line;
    if (fit_solve(&r->fit, &line)) {
        ignore_result(printf("%-10s RSS = %.1f MB + %.1f kB a call (largest deviation of a row %.1f kB a call)\n",
                             r->name, line.at_zero / 1e6, line.slope / 1e3, line.off / 1e3) < 0);
        ignore_result(fflush(stdout));
    }
}

static uint64_t open_every_us(const struct run *r)
{
    uint32_t before = r->stage > 0 ? r->stages[r->stage - 1] : 0;
    return r->spread ? SPREAD_US / (r->stages[r->stage] - before) : OPEN_EVERY_US;
}

static void step(void *arg)
{
    struct run *r = arg;
    switch (r->step) {
    case STEP_WAIT_UP:
        ask_up(r);
        break;
    case STEP_OPEN:
        if (load_calls_n(r->calls) < r->stages[r->stage]) {
            if (load_calls_add(r->calls) < 0) {
                finish(r, "a call could not be opened");
                return;
            }
            timer_start(r->timer, open_every_us(r), 0);
            return;
        }
        r->step = STEP_SETTLE;
        timer_start(r->timer, SETTLE_US, 0);
        break;
    case STEP_SETTLE:
        r->step = STEP_MEASURE;
        r->cpu_ns = proc_cpu_ns(r->pid);
        r->own_cpu_us = own_cpu_us();
        r->began_us = clock_now_us();
        load_calls_measure(r->calls, true);
        timer_start(r->timer, (uint64_t)r->seconds * 1000000, 0);
        break;
    case STEP_MEASURE:
        load_calls_measure(r->calls, false);
        print_row(r);
        r->step = next_stage(r) ? STEP_OPEN : STEP_STOP;
        if (r->step == STEP_STOP) {
            print_law(r);
        }
        timer_start(r->timer, 1000, 0);
        break;
    case STEP_STOP:
        if (load_calls_over(r->calls)) {
            finish(r, NULL);
            return;
        }
        load_calls_stop(r->calls);
        timer_start(r->timer, 100000, 0);
        break;
    }
}

static void on_up(const struct http_reply *reply, void *arg)
{
    struct run *r = arg;
    if (reply->err == -ECANCELED) {
        return;
    }
    if (reply->err < 0) {
        if (++r->tries > UP_TRIES) {
            finish(r, "the gateway does not answer");
            return;
        }
        timer_start(r->timer, UP_EVERY_US, 0);
        return;
    }
    r->rss_idle = proc_rss_bytes(r->pid);
    r->step = STEP_OPEN;
    print_heading(r);
    timer_start(r->timer, 1000, 0);
}

static void ask_up(struct run *r)
{
    char url[64];
    ignore_result(snprintf(url, sizeof(url), "http://127.0.0.1:%u/health", r->port) < 0);
    struct http_call_opts o = {.method = "GET", .url = str_from(url), .deadline_ms = 1000};
    if (http_call(r->http, &o, on_up, r, NULL) < 0) {
        finish(r, "no HTTP request possible");
    }
}

static void on_gateway_closed(struct process *p UNUSED, int status, int signo, void *arg)
{
    struct run *r = arg;
    r->gateway = NULL;
    if (r->step != STEP_STOP) {
        ignore_result(fprintf(stderr, "the gateway ended: status %d, signal %d\n", status, signo) < 0);
        finish(r, "no gateway any more");
    } else {
        loop_stop(r->loop);
    }
}

static const struct process_handler process_events = {.on_closed = on_gateway_closed};

/* A port that is free now; the gateway takes it a moment later. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint16_t port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0) {
        port = ntohs(a.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}

static int spawn_gateway(struct run *r)
{
    char model[64], port[16], command[2048];
    r->port = free_port();
    ignore_result(
        snprintf(model, sizeof(model), "%s://127.0.0.1:%u", r->cert ? "wss" : "ws", load_model_port(r->model)) < 0);
    ignore_result(snprintf(port, sizeof(port), "%u", r->port) < 0);
    int n = snprintf(command, sizeof(command), "exec %s", r->command);
    if (n < 0 || (size_t)n >= sizeof(command) || setenv("MODEL_URL", model, 1) != 0 ||
        setenv("GATEWAY_PORT", port, 1) != 0) {
        return -EINVAL;
    }
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    struct process_opts o = {.file = "/bin/sh", .argv = argv, .kill_ms = 5000};
    int err = process_open(r->loop, &o, &process_events, r, &r->gateway);
    if (err == 0) {
        r->pid = process_id(r->gateway);
    }
    return err;
}

static void on_signal(int signo UNUSED, void *arg)
{
    finish(arg, "interrupted");
}

static int run_open(struct run *r)
{
    struct tls_ctx *tls = NULL;
    char url[64];
    int err = loop_new(&r->loop);
    if (err == 0 && r->cert) {
        err = tls_server_new(r->cert, r->key, NULL, &tls);
    }
    err = err < 0 ? err : loop_on_signal(r->loop, SIGINT, on_signal, r);
    err = err < 0 ? err : loop_on_signal(r->loop, SIGTERM, on_signal, r);
    err = err < 0 ? err : http_client_new(r->loop, &r->http);
    err = err < 0 ? err : timer_new(r->loop, step, r, &r->timer);
    if (err == 0) {
        err = load_calls_new(r->loop, &r->calls);
    }
    if (err == 0 && r->local) {
        err = load_calls_set_speech(r->calls);
    }
    if (err == 0 && r->idle) {
        load_calls_set_silent(r->calls);
    }
    err = err < 0 ? err : load_model_open(r->loop, r->model_port, tls, &load_calls_model_events, r->calls, &r->model);
    tls_unref(tls);
    if (err == 0 && r->command) {
        err = spawn_gateway(r);
    }
    if (err == 0) {
        ignore_result(snprintf(url, sizeof(url), "ws://127.0.0.1:%u/media-stream", r->port) < 0);
        err = load_calls_set_url(r->calls, url);
        load_calls_set_model(r->calls, r->model);
        ask_up(r);
    }
    return err;
}

static void run_close(struct run *r)
{
    r->step = STEP_STOP;
    if (r->gateway) {
        process_close(r->gateway);
        loop_run(r->loop); /* until it is gone */
    }
    timer_free(r->timer);
    load_model_close(r->model);
    http_client_free(r->http);
    load_calls_free(r->calls);
    loop_free(r->loop);
    load_model_free(r->model);
}

/* ---- arguments ---- */

static bool take_list(struct run *r, char *value)
{
    struct str rest = str_from(value), part;
    while (str_split(&rest, ',', &part)) {
        int64_t n = 0;
        if (r->n_stages == STAGES_MAX || str_to_i64(part, &n) < 0 || n < 1 || n > CALLS_MAX ||
            (r->n_stages > 0 && n <= r->stages[r->n_stages - 1])) {
            return false;
        }
        r->stages[r->n_stages++] = (uint32_t)n;
    }
    return r->n_stages > 0;
}

static bool take_tls(struct run *r, char *value)
{
    char *comma = strchr(value, ',');
    if (!comma) {
        return false;
    }
    *comma = '\0';
    r->cert = value;
    r->key = comma + 1;
    return true;
}

static bool take(struct run *r, const char *name, char *value)
{
    int64_t n = 0;
    struct str s = str_from(name);
    bool number = str_to_i64(str_from(value), &n) == 0 && n >= 0 && n <= INT32_MAX;
    if (str_is(s, "--gateway")) {
        r->command = value;
    } else if (str_is(s, "--name")) {
        r->name = value;
    } else if (str_is(s, "--turns") && (str_is(str_from(value), "local") || str_is(str_from(value), "server"))) {
        r->local = value[0] == 'l';
    } else if (str_is(s, "--calls")) {
        return take_list(r, value);
    } else if (str_is(s, "--tls")) {
        return take_tls(r, value);
    } else if (str_is(s, "--seconds") && number && n > 0) {
        r->seconds = (uint32_t)n;
    } else if (str_is(s, "--find") && number && n > 0) {
        r->find = (uint32_t)n;
    } else if (str_is(s, "--gateway-pid") && number) {
        r->pid = (int)n;
    } else if (str_is(s, "--gateway-port") && number && n <= 65535) {
        r->port = (uint16_t)n;
    } else if (str_is(s, "--model-port") && number && n <= 65535) {
        r->model_port = (uint16_t)n;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct run r = {.seconds = 20, .name = "gateway"};
    for (int i = 1; i < argc; i++) {
        struct str flag = str_from(argv[i]);
        if (str_is(flag, "--bare")) {
            r.bare = true;
        } else if (str_is(flag, "--idle")) {
            r.idle = true;
        } else if (str_is(flag, "--spread")) {
            r.spread = true;
        } else if (i + 1 >= argc || !take(&r, argv[i], argv[i + 1])) {
            ignore_result(fputs(usage, stderr));
            return 2;
        } else {
            i++;
        }
    }
    if (!r.command && (r.pid == 0 || r.port == 0)) {
        ignore_result(fputs(usage, stderr));
        return 2;
    }
    if (r.n_stages == 0) {
        r.stages[r.n_stages++] = 100;
    }
    int err = run_open(&r);
    if (err < 0) {
        ignore_result(fprintf(stderr, "bench_load: %s\n", err_text(err)) < 0);
        return 2;
    }
    loop_run(r.loop);
    run_close(&r);
    return r.failed ? 2 : 0;
}
