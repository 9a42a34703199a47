#include "gateway/sandbox_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/process.h"

#define PROGRAM        "ringtrip-sandbox"
#define READY_PREFIX   "listening on "
#define FIRST_PAUSE_US 200000ull
#define MAX_PAUSE_US   10000000ull
#define STEADY_US      10000000ull /* a child that lived so long begins with the first pause again */
#define MAX_ARGS       16

struct sandbox_child {
    struct loop *loop;
    const struct sandbox_child_handler *handler;
    void *arg;
    struct process *process; /* NULL between two lives */
    struct timer *timer;
    char file[512];
    const char *argv[MAX_ARGS + 1];
    char url[128];
    uint64_t started_us;
    uint64_t pause_us;
    bool closing;
};

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool find_in_path(char *ret, size_t cap)
{
    const char *env = getenv("PATH");
    struct str rest = str_from(env);
    struct str dir;
    while (str_split(&rest, ':', &dir)) {
        int n = snprintf(ret, cap, STR_FMT "/" PROGRAM, STR_ARG(dir));
        if (dir.n > 0 && n > 0 && (size_t)n < cap && is_program(ret)) {
            return true;
        }
    }
    return false;
}

int sandbox_child_find(char *ret, size_t cap)
{
    /* Installed side by side, or each in its own folder as the build leaves them. */
    static const char *const places[] = {"/" PROGRAM, "/../ringtrip-sandbox/" PROGRAM,
                                         "/../../apps/ringtrip-sandbox/" PROGRAM};
    char self[400];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = NULL;
    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
    }
    for (size_t i = 0; slash && i < ARRAY_LEN(places); i++) {
        *slash = '\0';
        int len = snprintf(ret, cap, "%s%s", self, places[i]);
        if (len > 0 && (size_t)len < cap && is_program(ret)) {
            return 0;
        }
    }
    return find_in_path(ret, cap) ? 0 : -ENOENT;
}

static void start(void *arg);

static void on_line(struct process *p, struct str line, void *arg)
{
    struct sandbox_child *s = arg;
    struct str prefix = STR(READY_PREFIX);
    if (s->url[0] || !str_starts(line, prefix)) {
        return;
    }
    struct str url = str_trim((struct str){line.p + prefix.n, line.n - prefix.n});
    if (str_copy(s->url, sizeof(s->url), url) < 0) {
        log_error(NULL, "sandbox.bad-ready-line", "bytes=%zu", line.n);
        process_close(p);
        return;
    }
    log_info(NULL, "sandbox.ready", "pid=%d url=%s start_ms=%llu", process_id(p), s->url,
             (unsigned long long)((loop_now_us(s->loop) - s->started_us) / 1000));
    s->handler->on_ready(s->arg);
}

static void finish(struct sandbox_child *s)
{
    timer_free(s->timer);
    s->handler->on_closed(s->arg);
    free(s);
}

static void on_closed(struct process *p UNUSED, int status, int signo, void *arg)
{
    struct sandbox_child *s = arg;
    s->process = NULL;
    s->url[0] = '\0';
    if (s->closing) {
        finish(s);
        return;
    }
    bool steady = loop_now_us(s->loop) - s->started_us > STEADY_US;
    s->pause_us = steady ? FIRST_PAUSE_US : MIN(s->pause_us * 2, MAX_PAUSE_US);
    log_error(NULL, "sandbox.died", "status=%d signal=%d restart_ms=%llu", status, signo,
              (unsigned long long)(s->pause_us / 1000));
    timer_start(s->timer, s->pause_us, 0);
}

static const struct process_handler process_handler = {.on_line = on_line, .on_closed = on_closed};

static int spawn(struct sandbox_child *s)
{
    const struct process_opts o = {.file = s->file, .argv = s->argv};
    s->started_us = loop_now_us(s->loop);
    return process_open(s->loop, &o, &process_handler, s, &s->process);
}

static void start(void *arg)
{
    struct sandbox_child *s = arg;
    int err = spawn(s);
    if (err < 0) {
        s->pause_us = MIN(s->pause_us * 2, MAX_PAUSE_US);
        log_error(NULL, "sandbox.start-failed", "file=%s error=%s", s->file, err_name(err));
        timer_start(s->timer, s->pause_us, 0);
    }
}

int sandbox_child_open(struct loop *loop, const struct sandbox_child_opts *o, const struct sandbox_child_handler *h,
                       void *arg, struct sandbox_child **ret)
{
    struct sandbox_child *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    s->handler = h;
    s->arg = arg;
    s->pause_us = FIRST_PAUSE_US / 2;
    int err =
        o->file ? str_copy(s->file, sizeof(s->file), str_from(o->file)) : sandbox_child_find(s->file, sizeof(s->file));
    size_t n = 0;
    const char *const own[] = {s->file, "--listen", "127.0.0.1:0", "--die-with-parent"};
    for (; n < ARRAY_LEN(own); n++) {
        s->argv[n] = own[n];
    }
    for (size_t i = 0; o->extra_args && o->extra_args[i] && n < MAX_ARGS; i++) {
        s->argv[n++] = o->extra_args[i];
    }
    if (err >= 0) {
        err = timer_new(loop, start, s, &s->timer);
    }
    if (err >= 0) {
        err = spawn(s);
    }
    if (err < 0) {
        timer_free(s->timer);
        free(s);
        return err;
    }
    *ret = s;
    return 0;
}

struct str sandbox_child_url(const struct sandbox_child *s)
{
    return str_from(s->url);
}

/* on_closed must not come before this returns: without a process it is posted to the loop. */
static void close_later(void *arg)
{
    finish(arg);
}

void sandbox_child_close(struct sandbox_child *s)
{
    if (s->closing) {
        return;
    }
    s->closing = true;
    timer_stop(s->timer);
    if (s->process) {
        process_close(s->process);
    } else if (loop_post(s->loop, close_later, s) < 0) {
        finish(s);
    }
}
