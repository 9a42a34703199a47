/*
 * What one message costs: an echo of small text messages over loopback, a server process and a load process.
 *     ws_echo [connections] [seconds] [tls-cert.pem tls-key.pem]
 * Each connection sends a masked message of 200 bytes every 20 ms, connections out of phase, as a carrier does. Prints
 * CPU of the server process per message (one receive plus one send), round trip times, and its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "net/http_server.h"
#include "net/ws.h"

enum { MESSAGE_BYTES = 200, PERIOD_US = 20 * 1000, TICK_US = 1000, WARM_UP_US = 1000 * 1000, SAMPLES_MAX = 4000000 };

static _Noreturn void die(const char *what, int err)
{
    fprintf(stderr, "ws_echo: %s: %s\n", what, err_text(err));
    exit(1);
}

static void require(const char *what, int err)
{
    if (err < 0) {
        die(what, err);
    }
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(struct loop *loop, uint64_t us)
{
    struct timer *t;
    require("timer", timer_new(loop, stop, loop, &t));
    timer_start(t, us, 0);
    loop_run(loop);
    timer_free(t);
}

/* ---- the server: what is measured ---- */

struct server {
    struct loop *loop;
    uint64_t messages;
};

static void server_text(struct ws *ws, struct str text, void *arg)
{
    struct server *s = arg;
    s->messages++;
    buf_put_str(ws_begin(ws), text);
    require("echo", ws_end(ws));
}

static void server_closed(struct ws *ws, const struct ws_close *why, void *arg)
{
    (void)ws;
    (void)why;
    (void)arg;
}

static const struct ws_handler server_handler = {.on_text = server_text, .on_closed = server_closed};

static void server_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    (void)req;
    struct ws *ws;
    struct ws_opts opts = {0};
    require("upgrade", http_upgrade(x, STR_NULL, &opts, &server_handler, arg, &ws));
}

static uint64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t rss_kb(void)
{
    int64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    char text[128];
    if (f && fgets(text, sizeof(text), f)) {
        struct str rest = str_from(text), all, resident;
        if (!str_split(&rest, ' ', &all) || !str_split(&rest, ' ', &resident) || str_to_i64(resident, &pages) < 0) {
            pages = 0;
        }
    }
    if (f) {
        fclose(f);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

struct report {
    uint64_t cpu_us, messages, rss_kb, passes;
};

/* Each byte on the pipe asks for a report. */
static _Noreturn void server_main(int ask, int answer, const char *cert, const char *key)
{
    struct server s = {0};
    struct http_server *http;
    struct http_server_opts opts = {.host = "127.0.0.1"};
    const struct http_server_handler h = {.on_request = server_request};
    if (cert) {
        require("certificate", tls_server_new(cert, key, NULL, &opts.tls));
    }
    require("loop", loop_new(&s.loop));
    require("listen", http_server_open(s.loop, &opts, &h, &s, &http));
    uint16_t port = http_server_port(http);
    if (write(answer, &port, sizeof(port)) != sizeof(port)) {
        die("pipe", -errno);
    }
    /* The pipe is looked at 50 times a second: the measured loop has nothing but its sockets. */
    for (;;) {
        char c;
        run_for(s.loop, 20 * 1000);
        ssize_t n = read(ask, &c, 1);
        if (n == 0) {
            exit(0);
        }
        if (n == 1) {
            struct loop_stats stats;
            loop_stats(s.loop, &stats);
            struct report r = {cpu_us(), s.messages, rss_kb(), stats.passes};
            if (write(answer, &r, sizeof(r)) != sizeof(r)) {
                die("pipe", -errno);
            }
        }
    }
}

/* ---- the load ---- */

struct load;

struct client {
    struct load *load;
    struct ws *ws;
    uint64_t next_us, sent_us;
};

struct load {
    struct loop *loop;
    struct client *clients;
    uint32_t n, open;
    uint32_t *samples_us;
    uint32_t samples_n;
    uint64_t late;
};

static void client_text(struct ws *ws, struct str text, void *arg)
{
    (void)ws;
    struct client *c = arg;
    if (text.n != MESSAGE_BYTES) {
        die("damaged message", -ERR_CORRUPT);
    }
    if (c->sent_us && c->load->samples_n < SAMPLES_MAX) { /* 0: a late one, counted where it was noticed */
        c->load->samples_us[c->load->samples_n++] = (uint32_t)(clock_now_us() - c->sent_us);
    }
    c->sent_us = 0;
}

static void client_open(struct ws *ws, struct str protocol, void *arg)
{
    (void)ws;
    (void)protocol;
    struct client *c = arg;
    if (++c->load->open == c->load->n) {
        loop_stop(c->load->loop);
    }
}

static void client_closed(struct ws *ws, const struct ws_close *why, void *arg)
{
    (void)ws;
    (void)arg;
    die("connection lost", why->err);
}

static const struct ws_handler client_handler = {
    .on_open = client_open, .on_text = client_text, .on_closed = client_closed};

static void load_tick(void *arg)
{
    struct load *l = arg;
    char text[MESSAGE_BYTES];
    memset(text, 'x', sizeof(text));
    for (uint32_t i = 0; i < l->n; i++) {
        struct client *c = &l->clients[i];
        uint64_t now_us = clock_now_us();
        if (now_us >= c->next_us) {
            c->next_us += PERIOD_US;
            l->late += c->sent_us != 0;
            c->sent_us = now_us;
            require("send", ws_send_text(c->ws, (struct str){text, sizeof(text)}));
        }
    }
}

static struct report ask_server(int ask, int answer)
{
    struct report r;
    if (write(ask, "?", 1) != 1 || read(answer, &r, sizeof(r)) != sizeof(r)) {
        die("pipe", -errno);
    }
    return r;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void connect_all(struct load *l, uint16_t port, const char *cert)
{
    char url[64];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", cert ? "wss" : "ws", port);
    struct ws_client_opts opts = {.url = str_from(url), .connect_deadline_ms = 30000};
    if (cert) {
        require("CA", tls_client_new(cert, NULL, &opts.tls));
    }
    uint64_t start_us = clock_now_us() + 500 * 1000;
    for (uint32_t i = 0; i < l->n; i++) {
        l->clients[i] = (struct client){.load = l, .next_us = start_us + (uint64_t)i * PERIOD_US / l->n};
        require("connect", ws_connect(l->loop, &opts, &client_handler, &l->clients[i], &l->clients[i].ws));
    }
    loop_run(l->loop); /* until all are open */
}

static void measure(struct load *l, int ask, int answer, uint64_t seconds, uint64_t empty_kb)
{
    struct timer *tick;
    require("timer", timer_new(l->loop, load_tick, l, &tick));
    timer_start(tick, TICK_US, TICK_US);
    run_for(l->loop, WARM_UP_US);
    struct report from = ask_server(ask, answer);
    l->samples_n = 0;
    l->late = 0;
    run_for(l->loop, seconds * 1000000);
    struct report to = ask_server(ask, answer);
    uint64_t messages = to.messages - from.messages;
    qsort(l->samples_us, l->samples_n, sizeof(uint32_t), compare);
    printf("connections %u  messages %llu  us/message %.2f  messages/pass %.2f  rtt us p50 %u p99 %u  late %llu  "
           "kB/connection %.1f\n",
           l->n, (unsigned long long)messages, (double)(to.cpu_us - from.cpu_us) / (double)messages,
           (double)messages / (double)(to.passes - from.passes), l->samples_us[l->samples_n / 2],
           l->samples_us[(uint64_t)l->samples_n * 99 / 100], (unsigned long long)l->late,
           (double)(to.rss_kb - empty_kb) / l->n);
}

static uint32_t number(const char *text)
{
    int64_t n = 0;
    if (str_to_i64(str_from(text), &n) < 0 || n < 1 || n > 1000000) {
        fprintf(stderr, "ws_echo: a number is wanted, not %s\n", text);
        exit(2);
    }
    return (uint32_t)n;
}

int main(int argc, char **argv)
{
    struct load l = {.n = argc > 1 ? number(argv[1]) : 400};
    uint64_t seconds = argc > 2 ? number(argv[2]) : 5;
    const char *cert = argc > 4 ? argv[3] : NULL;
    int ask[2], answer[2];
    if (pipe2(ask, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0) {
        die("pipe", -errno);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ask[1]);
        fcntl(ask[0], F_SETFL, O_NONBLOCK);
        server_main(ask[0], answer[1], cert, cert ? argv[4] : NULL);
    }
    close(ask[0]);
    uint16_t port;
    if (read(answer[0], &port, sizeof(port)) != sizeof(port)) {
        die("pipe", -errno);
    }
    l.clients = calloc(l.n, sizeof(*l.clients));
    l.samples_us = calloc(SAMPLES_MAX, sizeof(uint32_t));
    if (!l.clients || !l.samples_us) {
        die("memory", -ENOMEM);
    }
    require("loop", loop_new(&l.loop));
    struct report empty = ask_server(ask[1], answer[0]);
    connect_all(&l, port, cert);
    measure(&l, ask[1], answer[0], seconds, empty.rss_kb);
    close(ask[1]);
    waitpid(pid, NULL, 0);
    return 0;
}
