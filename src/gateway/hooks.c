#include "gateway/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "net/crypto.h"
#include "net/file.h"

#define BODY_MAX      (4u << 20)
#define WAITING_MAX   10000 /* events in memory, and their bytes; what comes then is dropped and counted */
#define WAITING_BYTES (64u << 20)
#define ENDPOINTS_MAX 8
#define FIRST_RETRY   1000
#define LAST_RETRY_MS 300000
#define PATH_BYTES    512

enum delivery_state {
    DELIVERY_WRITING, /* its file */
    DELIVERY_WAITING, /* for its turn, or for the next try */
    DELIVERY_SENDING,
    DELIVERY_OVER /* its file is to be deleted */
};

/* One event for one endpoint. */
struct delivery {
    struct delivery *next; /* of the endpoint, by number */
    struct endpoint *endpoint;
    enum delivery_state state;
    uint64_t number; /* order of all events */
    uint64_t created_us;
    uint32_t tries;
    bool job; /* under way */
    char path[PATH_BYTES];
    struct buf body;
};

struct endpoint {
    struct hooks *hooks;
    char *url;
    bool wanted; /* by the configuration of now */
    struct delivery *first, *last;
    struct timer *timer;
    uint64_t http_id;
    uint64_t pause_ms;
};

struct hooks {
    struct hooks_opts o;
    char dir[PATH_BYTES - 64];
    const struct config *cfg;
    struct endpoint endpoints[ENDPOINTS_MAX];
    uint32_t n_endpoints;
    uint64_t numbers;
    uint32_t waiting, jobs;
    size_t waiting_bytes;
    bool stopped, recovered;
};

void hooks_sign(struct str secret, uint64_t unix_s, struct str body, char ret[96])
{
    uint8_t mac[32];
    char hex[65];
    struct buf text;
    buf_init(&text, body.n + 32);
    buf_put_u64(&text, unix_s);
    buf_putc(&text, '.');
    buf_put_str(&text, body);
    crypto_hmac_sha256(span_of_str(secret), buf_span(&text), mac);
    crypto_hex(span_from(mac, sizeof(mac)), hex);
    ignore_result(snprintf(ret, 96, "t=%llu,v1=%s", (unsigned long long)unix_s, hex) < 0); /* fits */
    buf_done(&text);
}

/* ---- files (job threads) ---- */

static int make_dir(const char *path)
{
    char dir[PATH_BYTES];
    size_t n = strlen(path);
    if (n >= sizeof(dir)) {
        return -ENAMETOOLONG;
    }
    memcpy(dir, path, n + 1);
    char *slash = strrchr(dir, '/');
    if (slash) {
        *slash = '\0';
        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
            return -errno;
        }
    }
    return 0;
}

/* So that the name is on the disk as well as the file. */
static int sync_dir(const char *path)
{
    char dir[PATH_BYTES];
    int err = str_copy(dir, sizeof(dir), str_from(path));
    char *slash = err < 0 ? NULL : strrchr(dir, '/');
    if (!slash) {
        return err;
    }
    *slash = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    err = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return err;
}

/* First line: where to; then the body. Whole or not at all: written beside and renamed. */
static int write_file(void *arg)
{
    const struct delivery *d = arg;
    char part[PATH_BYTES + 8];
    int err = make_dir(d->path);
    ignore_result(snprintf(part, sizeof(part), "%s.part", d->path) < 0); /* fits */
    int fd = err < 0 ? err : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err < 0 ? err : -errno;
    }
    err = file_write_all(fd, span_of_str(str_from(d->endpoint->url)));
    err = err < 0 ? err : file_write_all(fd, span_of_str(STR("\n")));
    err = err < 0 ? err : file_write_all(fd, buf_span(&d->body));
    err = err >= 0 && fsync(fd) < 0 ? -errno : err;
    close(fd);
    if (err >= 0 && rename(part, d->path) < 0) {
        err = -errno;
    }
    if (err < 0) {
        ignore_result(unlink(part)); /* what is half written is of no use */
        return err;
    }
    return sync_dir(d->path);
}

static int delete_file(void *arg)
{
    const struct delivery *d = arg;
    return unlink(d->path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- queues ---- */

static void try_head(struct endpoint *e);

static void delivery_free(struct delivery *d)
{
    buf_done(&d->body);
    free(d);
}

static void unlink_delivery(struct delivery *d)
{
    struct endpoint *e = d->endpoint;
    struct delivery **at = &e->first;
    struct delivery *before = NULL;
    while (*at != d) {
        before = *at;
        at = &(*at)->next;
    }
    *at = d->next;
    e->last = e->last == d ? before : e->last;
    e->hooks->waiting--;
    e->hooks->waiting_bytes -= d->body.len;
}

static void deleted(int err, void *arg)
{
    struct delivery *d = arg;
    struct endpoint *e = d->endpoint;
    d->job = false;
    e->hooks->jobs--;
    if (err < 0) {
        log_error(NULL, "webhook.file", "path=%s error=%s", d->path, err_name(err));
    }
    unlink_delivery(d);
    delivery_free(d);
    try_head(e);
}

/* Taken, or given up: its file goes, then the next one's turn comes. */
static void finish(struct delivery *d, const char *result)
{
    struct hooks *h = d->endpoint->hooks;
    metrics_add_word(h->o.metrics, METRIC_WEBHOOKS, str_from(result), 1);
    d->state = DELIVERY_OVER;
    d->job = true;
    h->jobs++;
    int err = job_run(h->o.loop, delete_file, deleted, d);
    if (err < 0) {
        deleted(err, d);
    }
}

static void put_off(struct delivery *d, uint32_t retry_after_s)
{
    struct endpoint *e = d->endpoint;
    uint8_t jitter;
    crypto_random(&jitter, sizeof(jitter));
    uint64_t first = e->hooks->o.first_retry_ms ? e->hooks->o.first_retry_ms : FIRST_RETRY;
    e->pause_ms = MIN(e->pause_ms ? e->pause_ms * 2 : first, (uint64_t)LAST_RETRY_MS);
    uint64_t wait_ms = MAX(e->pause_ms + e->pause_ms * jitter / 1024, (uint64_t)retry_after_s * 1000);
    d->state = DELIVERY_WAITING;
    timer_start(e->timer, MIN(wait_ms, (uint64_t)LAST_RETRY_MS) * 1000, 0);
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct endpoint *e = arg;
    struct hooks *h = e->hooks;
    struct delivery *d = e->first;
    e->http_id = 0;
    if (h->stopped) {
        d->state = DELIVERY_WAITING;
        return;
    }
    if (reply->err >= 0 && reply->status / 100 == 2) {
        e->pause_ms = 0;
        finish(d, "ok");
        return;
    }
    uint64_t age_s = ((uint64_t)clock_wall_us() - MIN(d->created_us, (uint64_t)clock_wall_us())) / 1000000;
    bool over = age_s >= h->cfg->event_hooks.give_up_s;
    log_warn(NULL, over ? "webhook.given-up" : "webhook.failed", "url=%s tries=%u status=%d error=%s waiting=%u",
             e->url, d->tries, reply->status, reply->err < 0 ? err_name(reply->err) : "http", h->waiting);
    if (over) {
        finish(d, "dropped");
    } else {
        metrics_add_word(h->o.metrics, METRIC_WEBHOOKS, STR("error"), 1);
        put_off(d, reply->retry_after_s);
    }
}

static struct str member(struct str body, const char *key, char *room, size_t cap)
{
    struct json_val doc;
    struct json_val v = {0};
    if (json_open(body, &doc) >= 0) {
        v = json_get(doc, key);
    }
    return v.type == JSON_STRING && json_copy_str(v, room, cap) >= 0 ? str_from(room) : STR("");
}

static int send_it(struct delivery *d)
{
    struct hooks *h = d->endpoint->hooks;
    struct str body = buf_str(&d->body);
    struct buf headers;
    char signature[96];
    char id[80];
    char type[64];
    buf_init(&headers, 2048);
    hooks_sign(h->cfg->event_hooks.secret, (uint64_t)clock_wall_us() / 1000000, body, signature);
    buf_printf(&headers,
               "Content-Type: application/json\r\nUser-Agent: ringtrip/" RINGTRIP_VERSION "\r\n"
               "Ringtrip-Signature: %s\r\nRingtrip-Event: " STR_FMT "\r\nRingtrip-Delivery: " STR_FMT "\r\n"
               "Ringtrip-Try: %u\r\n",
               signature, STR_ARG(member(body, "type", type, sizeof(type))),
               STR_ARG(member(body, "id", id, sizeof(id))), d->tries + 1);
    const struct http_call_opts call = {
        .method = "POST",
        .url = str_from(d->endpoint->url),
        .headers = buf_str(&headers),
        .body = buf_span(&d->body),
        .ca_file = h->o.ca_file,
        .deadline_ms = h->cfg->event_hooks.timeout_ms,
        .max_response_bytes = 64u << 10,
    };
    d->tries++;
    int err = headers.err ? headers.err : http_call(h->o.http, &call, on_reply, d->endpoint, &d->endpoint->http_id);
    buf_done(&headers);
    return err;
}

/* Only ever the oldest one of an endpoint. */
static void try_head(struct endpoint *e)
{
    struct delivery *d = e->first;
    struct hooks *h = e->hooks;
    if (!d || d->state != DELIVERY_WAITING || h->stopped || !e->wanted || e->http_id) {
        return;
    }
    d->state = DELIVERY_SENDING;
    int err = send_it(d);
    if (err < 0) {
        log_warn(NULL, "webhook.failed", "url=%s error=%s", e->url, err_name(err));
        put_off(d, 0);
    }
}

static void on_timer(void *arg)
{
    try_head(arg);
}

static void written(int err, void *arg)
{
    struct delivery *d = arg;
    struct endpoint *e = d->endpoint;
    d->job = false;
    e->hooks->jobs--;
    if (err < 0) { /* told all the same, as long as this process lives */
        log_error(NULL, "webhook.file", "path=%s error=%s", d->path, err_name(err));
    }
    d->state = DELIVERY_WAITING;
    if (d == e->first && e->pause_ms == 0) {
        try_head(e);
    }
}

/* ---- endpoints ---- */

static struct endpoint *endpoint_of(struct hooks *h, struct str url)
{
    for (uint32_t i = 0; i < h->n_endpoints; i++) {
        if (str_is(url, h->endpoints[i].url)) {
            return &h->endpoints[i];
        }
    }
    if (h->n_endpoints == ENDPOINTS_MAX) {
        log_error(NULL, "webhook.too-many", "url=" STR_FMT " limit=%d", STR_ARG(url), ENDPOINTS_MAX);
        return NULL;
    }
    struct endpoint *e = &h->endpoints[h->n_endpoints];
    *e = (struct endpoint){.hooks = h, .url = str_dup(url)};
    if (!e->url || timer_new(h->o.loop, on_timer, e, &e->timer) < 0) {
        free(e->url);
        return NULL;
    }
    h->n_endpoints++;
    return e;
}

/* For one event more, to everybody. */
static bool has_room(const struct hooks *h, size_t bytes)
{
    uint32_t n = h->cfg->event_hooks.urls.n;
    return h->waiting + n <= WAITING_MAX && h->waiting_bytes + n * bytes <= WAITING_BYTES;
}

/* Behind what is older: files of an earlier process come in any order. */
static void enqueue(struct endpoint *e, struct delivery *d)
{
    struct delivery **at = &e->first;
    while (*at && (*at)->number < d->number) {
        at = &(*at)->next;
    }
    d->next = *at;
    *at = d;
    e->last = d->next ? e->last : d;
    e->hooks->waiting++;
    e->hooks->waiting_bytes += d->body.len;
}

/* ---- what an earlier process has left (at the start, blocking) ---- */

static bool number_of(const char *name, uint64_t *ret)
{
    int64_t n = 0;
    struct str s = str_from(name);
    size_t at = str_find(s, '-');
    bool ok = at < s.n && str_ends(s, STR(".json")) && str_to_i64((struct str){s.p, at}, &n) >= 0 && n > 0;
    *ret = (uint64_t)n;
    return ok;
}

static void take_left(struct hooks *h, const char *name, uint64_t number)
{
    struct delivery *d = calloc(1, sizeof(*d));
    struct buf text;
    struct stat st;
    buf_init(&text, BODY_MAX);
    int n = d ? snprintf(d->path, sizeof(d->path), "%s/%s", h->dir, name) : -1;
    int fd = n > 0 && (size_t)n < sizeof(d->path) ? open(d->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= BODY_MAX;
    uint8_t *room = ok ? buf_room(&text, (size_t)st.st_size) : NULL;
    ssize_t got = room ? read(fd, room, (size_t)st.st_size) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (got > 0) {
        buf_added(&text, (size_t)got);
    }
    struct str all = buf_str(&text);
    size_t line = str_find(all, '\n');
    struct endpoint *e = ok && got == st.st_size && line < all.n ? endpoint_of(h, (struct str){all.p, line}) : NULL;
    if (e) {
        d->endpoint = e;
        d->number = number;
        d->created_us = number; /* its number is the wall clock */
        d->state = DELIVERY_WAITING;
        buf_init(&d->body, BODY_MAX);
        buf_put(&d->body, all.p + line + 1, all.n - line - 1);
        enqueue(e, d);
    } else {
        log_warn(NULL, "webhook.unreadable", "file=%s/%s", h->dir, name);
        free(d);
    }
    buf_done(&text);
}

/* Also what was meant for an endpoint that the configuration no longer has ends here. */
static void give_up_left(struct hooks *h, const char *name)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", h->dir, name);
    int err = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : unlink(path) < 0 ? -errno : 0;
    log_warn(NULL, "webhook.given-up", "file=%s/%s error=%s", h->dir, name, err < 0 ? err_name(err) : "none");
    metrics_add_word(h->o.metrics, METRIC_WEBHOOKS, STR("dropped"), 1);
}

static void recover(struct hooks *h)
{
    DIR *dir = opendir(h->dir);
    if (!dir) {
        return;
    }
    uint64_t now_us = (uint64_t)clock_wall_us();
    uint64_t oldest_us = now_us - MIN(now_us, (uint64_t)h->cfg->event_hooks.give_up_s * 1000000);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        uint64_t number = 0;
        if (!number_of(entry->d_name, &number)) {
            continue;
        }
        h->numbers = MAX(h->numbers, number);
        if (number < oldest_us) {
            give_up_left(h, entry->d_name);
        } else if (has_room(h, 0)) {
            take_left(h, entry->d_name, number);
        }
    }
    closedir(dir);
    if (h->waiting > 0) {
        log_info(NULL, "webhook.recovered", "events=%u", h->waiting);
    }
}

/* ---- what happens ---- */

bool hooks_want(const struct hooks *h, const char *type)
{
    const struct config_event_hooks *c = h->cfg ? &h->cfg->event_hooks : NULL;
    if (!c || c->urls.n == 0 || h->stopped) {
        return false;
    }
    bool wanted = c->events.n == 0;
    for (uint32_t i = 0; i < c->events.n && !wanted; i++) {
        wanted = str_is(c->events.v[i], type);
    }
    return wanted;
}

/* Numbers grow from process to process: microseconds of the wall clock, never the same twice. */
static uint64_t next_number(struct hooks *h)
{
    h->numbers = MAX(h->numbers + 1, (uint64_t)clock_wall_us());
    return h->numbers;
}

static void put_time(struct json_w *w, uint64_t wall_us)
{
    json_w_ki64(w, "created_at_ms", (int64_t)(wall_us / 1000));
}

static void put_event(struct buf *out, const char *type, struct str call_id, struct str data, uint64_t number)
{
    struct json_w w = json_w(out);
    uint8_t raw[12];
    char hex[25];
    char id[40];
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), hex);
    ignore_result(snprintf(id, sizeof(id), "evt_%s", hex) < 0); /* fits */
    json_w_open(&w);
    json_w_kz(&w, "id", id);
    json_w_kz(&w, "type", type);
    put_time(&w, number);
    json_w_kstr(&w, "call_id", call_id);
    json_w_key(&w, "data");
    json_w_raw(&w, data);
    json_w_close(&w);
}

static void put_delivery(struct endpoint *e, uint64_t number, struct str body)
{
    struct hooks *h = e->hooks;
    struct delivery *d = calloc(1, sizeof(*d));
    if (!d) {
        log_error(NULL, "webhook.dropped", "url=%s error=%s", e->url, err_name(-ENOMEM));
        metrics_add_word(h->o.metrics, METRIC_WEBHOOKS, STR("dropped"), 1);
        return;
    }
    d->endpoint = e;
    d->number = d->created_us = number;
    ignore_result(snprintf(d->path, sizeof(d->path), "%s/%llu-%u.json", h->dir, (unsigned long long)number,
                           (unsigned)(e - h->endpoints)) < 0); /* the folder's name leaves room */
    buf_init(&d->body, BODY_MAX);
    buf_put_str(&d->body, body);
    enqueue(e, d);
    d->job = true;
    h->jobs++;
    int err = job_run(h->o.loop, write_file, written, d);
    if (err < 0) {
        written(err, d);
    }
}

void hooks_put(struct hooks *h, const char *type, struct str call_id, struct str data)
{
    struct buf body;
    if (!hooks_want(h, type)) {
        return;
    }
    buf_init(&body, BODY_MAX);
    uint64_t number = next_number(h);
    put_event(&body, type, call_id, data, number);
    bool fits = body.err == 0 && has_room(h, body.len);
    if (!fits) {
        log_error(NULL, "webhook.dropped", "type=%s call=" STR_FMT " waiting=%u", type, STR_ARG(call_id), h->waiting);
        metrics_add_word(h->o.metrics, METRIC_WEBHOOKS, STR("dropped"), 1);
    }
    for (uint32_t i = 0; i < h->cfg->event_hooks.urls.n && fits; i++) {
        struct endpoint *e = endpoint_of(h, h->cfg->event_hooks.urls.v[i]);
        if (e) {
            put_delivery(e, number, buf_str(&body));
        }
    }
    buf_done(&body);
}

/* ---- life ---- */

void hooks_set(struct hooks *h, const struct config *cfg)
{
    h->cfg = cfg;
    if (!h->recovered && cfg->event_hooks.urls.n > 0) {
        h->recovered = true;
        recover(h);
    }
    for (uint32_t i = 0; i < h->n_endpoints; i++) {
        h->endpoints[i].wanted = false;
    }
    for (uint32_t i = 0; i < cfg->event_hooks.urls.n; i++) {
        struct endpoint *e = endpoint_of(h, cfg->event_hooks.urls.v[i]);
        if (e) {
            e->wanted = true;
            try_head(e);
        }
    }
}

int hooks_new(const struct hooks_opts *o, struct hooks **ret)
{
    struct hooks *h = calloc(1, sizeof(*h));
    if (!h) {
        return -ENOMEM;
    }
    h->o = *o;
    int err = str_copy(h->dir, sizeof(h->dir), str_from(o->dir));
    if (err < 0) {
        free(h);
        return err;
    }
    *ret = h;
    return 0;
}

void hooks_stop(struct hooks *h)
{
    h->stopped = true;
}

uint32_t hooks_busy(const struct hooks *h)
{
    return h->jobs;
}

uint32_t hooks_waiting(const struct hooks *h)
{
    return h->waiting;
}

struct hooks *hooks_free(struct hooks *h)
{
    if (!h) {
        return NULL;
    }
    for (uint32_t i = 0; i < h->n_endpoints; i++) {
        struct endpoint *e = &h->endpoints[i];
        while (e->first) {
            struct delivery *d = e->first;
            e->first = d->next;
            delivery_free(d);
        }
        timer_free(e->timer);
        free(e->url);
    }
    free(h);
    return NULL;
}
