/*
 * The real programs as children of a test: a serving ringtrip with its own sandbox, its log, a phone, an HTTP client.
 * The environment's RINGTRIP_EXE says where the program is.
 */
#ifndef TESTS_GATEWAY_PROCESS_H
#define TESTS_GATEWAY_PROCESS_H

#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "net/http_client.h"
#include "peer/phone/phone.h"

extern char **environ;

/* Given by the build: the programs under test. */
static inline UNUSED const char *ringtrip(void)
{
    const char *path = getenv("RINGTRIP_EXE");
    assert_non_null(path);
    return path;
}

struct fixture {
    struct loop *loop;
    struct http_client *http;
    char dir[32], config[64], log[64], base[64];
    pid_t pid;
    struct phone *phone;
    bool phone_over, agent_spoke;
    uint32_t phones_over;
    bool done;
    int status;
    struct buf body;
    const char *ca_file; /* with it everything goes over TLS */
};

static inline UNUSED pid_t start(char *const argv[], const char *log)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static inline UNUSED void read_file(const char *path, struct buf *out)
{
    uint8_t chunk[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    buf_clear(out);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        buf_put(out, chunk, (size_t)n);
    }
    close(fd);
}

/* Waits for a line of the log; gives what follows the marker up to a blank. */
static inline UNUSED void wait_log(struct fixture *f, const char *marker, char *ret, size_t cap)
{
    struct buf text;
    uint64_t until_us = clock_now_us() + 20000000;
    buf_init(&text, 1 << 20);
    for (;;) {
        assert_true(clock_now_us() < until_us);
        settle(f->loop);
        read_file(f->log, &text);
        size_t at = str_search(buf_str(&text), str_from(marker));
        if (at != SIZE_MAX) {
            struct str rest = {buf_str(&text).p + at + strlen(marker), text.len - at - strlen(marker)};
            size_t n = MIN(str_find(rest, ' '), str_find(rest, '\n'));
            assert_ok(str_copy(ret, cap, (struct str){rest.p, n}));
            break;
        }
    }
    buf_done(&text);
}

static inline UNUSED void serve(struct fixture *f)
{
    char port[16];
    char path[256];
    assert_ok(str_copy(path, sizeof(path), str_from(ringtrip())));
    char *argv[] = {path, (char[]){"serve"}, (char[]){"-c"}, f->config, NULL};
    unlink(f->log);
    f->pid = start(argv, f->log);
    wait_log(f, "gateway.ready port=", port, sizeof(port));
    ignore_result(snprintf(f->base, sizeof(f->base), "%s://127.0.0.1:%s", f->ca_file ? "https" : "http", port) < 0);
}

/* server: YAML behind the listen key, ", tls: {...}"; "" for none. */
static inline UNUSED void open_fixture(struct fixture *f, const char *server)
{
    *f = (struct fixture){.dir = "process.XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    ignore_result(snprintf(f->config, sizeof(f->config), "%s/test.yaml", f->dir) < 0);
    ignore_result(snprintf(f->log, sizeof(f->log), "%s/log", f->dir) < 0);
    FILE *file = fopen(f->config, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "server: {listen: \"127.0.0.1:0\"%s}\n"
                        "records: {dir: %s/var, min_free_mb: 0}\n"
                        "providers: {sandbox: {kind: sandbox}}\n",
                        server, f->dir) > 0);
    assert_int_equal(fclose(file), 0);
    assert_ok(loop_new(&f->loop));
    assert_ok(http_client_new(f->loop, &f->http));
    buf_init(&f->body, 1 << 20);
}

static inline UNUSED int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                                    struct FTW *at UNUSED)
{
    return remove(path);
}

static inline UNUSED int end_child(struct fixture *f, int signo)
{
    int status = 0;
    assert_int_equal(kill(f->pid, signo), 0);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    return status;
}

static inline UNUSED void close_fixture(struct fixture *f)
{
    http_client_free(f->http);
    loop_free(f->loop);
    buf_done(&f->body);
    assert_int_equal(nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline UNUSED void on_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct fixture *f = arg;
    f->agent_spoke |= ev->kind == PHONE_EVENT_AGENT_BEGIN;
}

static inline UNUSED void on_closed(struct phone *p UNUSED, const struct phone_report *r UNUSED, void *arg)
{
    struct fixture *f = arg;
    f->phone_over = true;
    f->phones_over++;
}

static const struct phone_handler phone_handler = {.on_event = on_event, .on_closed = on_closed};

static inline UNUSED void ring(struct fixture *f)
{
    char url[128];
    ignore_result(snprintf(url, sizeof(url), "%s/twiml", f->base) < 0);
    const struct phone_opts o = {
        .url = str_from(url), .hangup = {.kind = PHONE_WHEN_NEVER}, .max_ms = 60000, .ca_file = f->ca_file};
    assert_ok(phone_open(f->loop, &o, &phone_handler, f, &f->phone));
}

static inline UNUSED bool spoke(void *arg)
{
    struct fixture *f = arg;
    return f->agent_spoke;
}

static inline UNUSED bool over(void *arg)
{
    struct fixture *f = arg;
    return f->phone_over;
}

static inline UNUSED void on_reply(const struct http_reply *reply, void *arg)
{
    struct fixture *f = arg;
    f->status = reply->err < 0 ? reply->err : reply->status;
    buf_clear(&f->body);
    buf_put(&f->body, reply->body.p, reply->body.n);
    f->done = true;
}

static inline UNUSED bool replied(void *arg)
{
    struct fixture *f = arg;
    return f->done;
}

static inline UNUSED void get(struct fixture *f, const char *path, int want)
{
    char url[1024];
    ignore_result(snprintf(url, sizeof(url), "%s%s", f->base, path) < 0);
    f->done = false;
    const struct http_call_opts o = {.method = "GET", .url = str_from(url), .ca_file = f->ca_file};
    assert_ok(http_call(f->http, &o, on_reply, f, NULL));
    wait_until(f->loop, replied, f);
    assert_int_equal(f->status, want);
}

static inline UNUSED struct str member(struct fixture *f, const char *path)
{
    struct json_val doc;
    assert_ok(json_parse(buf_str(&f->body), &doc));
    return json_path(doc, path).s;
}

#endif
