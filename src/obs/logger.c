#include "obs/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "obs/log_writer.h"

#define MAX_LINE_BYTES   ((size_t)64 * 1024)
#define QUEUE_BYTES      ((size_t)4 * 1024 * 1024)
#define MAX_SECRETS      256
#define MIN_SECRET_BYTES 6
#define RATE_SLOTS       256
#define DEFAULT_PER_S    1000

/* How often an event name was written within the current second. */
struct rate {
    char event[48];
    uint64_t second;
    uint32_t written;
    uint32_t left_out; /* since the last line that was written */
};

struct logger {
    struct log_writer *writer;
    pthread_mutex_t lock; /* guards all below but suppressed */
    uint64_t dropped;     /* lines that the writer had no room for and nobody was told of */
    bool json;
    uint32_t max_per_s;
    uint64_t (*wall_us)(void *arg);
    void *wall_arg;
    char *file;
    struct str secrets[MAX_SECRETS];
    uint32_t n_secrets;
    struct rate rates[RATE_SLOTS];
    struct buf line;
    struct buf scratch;
    atomic_uint_fast64_t suppressed;
};

static uint64_t real_wall_us(void *arg)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int open_file(const char *file)
{
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

    return fd < 0 ? -errno : fd;
}

int logger_new(const struct logger_opts *opts, struct buf *ret_err, struct logger **ret)
{
    struct logger *l = calloc(1, sizeof(*l));
    int fd = STDERR_FILENO;

    if (!l) {
        return -ENOMEM;
    }
    if (opts->file && *opts->file) {
        l->file = str_dup(str_from(opts->file));
        fd = l->file ? open_file(l->file) : -ENOMEM;
    }
    if (fd < 0) {
        buf_printf(ret_err, "the log file %s cannot be opened: %s", opts->file, err_text(fd));
        free(l->file);
        free(l);
        return fd;
    }
    int err = log_writer_new(fd, l->file != NULL, opts->max_queue ? opts->max_queue : QUEUE_BYTES, &l->writer);
    if (err < 0) {
        if (l->file) {
            close(fd);
        }
        free(l->file);
        free(l);
        return err;
    }
    pthread_mutex_init(&l->lock, NULL);
    l->json = opts->json;
    l->max_per_s = opts->max_per_s ? opts->max_per_s : DEFAULT_PER_S;
    l->wall_us = opts->wall_us ? opts->wall_us : real_wall_us;
    l->wall_arg = opts->wall_arg;
    buf_init(&l->line, MAX_LINE_BYTES * 2);
    buf_init(&l->scratch, MAX_LINE_BYTES * 2);
    *ret = l;
    return 0;
}

struct logger *logger_free(struct logger *l)
{
    if (!l) {
        return NULL;
    }
    log_writer_free(l->writer);
    for (uint32_t i = 0; i < l->n_secrets; i++) {
        char *p = (char *)(uintptr_t)l->secrets[i].p; /* ours from str_dup */

        explicit_bzero(p, l->secrets[i].n);
        free(p);
    }
    free(l->file);
    buf_done(&l->line);
    buf_done(&l->scratch);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

int logger_add_secret(struct logger *l, struct str secret)
{
    char *copy;
    int err = 0;

    if (secret.n < MIN_SECRET_BYTES) {
        return -EINVAL;
    }
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < l->n_secrets; i++) {
        if (str_eq(l->secrets[i], secret)) {
            pthread_mutex_unlock(&l->lock);
            return 0;
        }
    }
    copy = l->n_secrets < MAX_SECRETS ? str_dup(secret) : NULL;
    if (copy) {
        l->secrets[l->n_secrets++] = (struct str){copy, secret.n};
    } else {
        err = l->n_secrets < MAX_SECRETS ? -ENOMEM : -ERR_LIMIT;
    }
    pthread_mutex_unlock(&l->lock);
    return err;
}

int logger_reopen(struct logger *l)
{
    int fd;

    if (!l->file) {
        return 0;
    }
    fd = open_file(l->file);
    if (fd < 0) {
        return fd; /* the old one goes on */
    }
    log_writer_switch(l->writer, fd);
    return 0;
}

void logger_flush(struct logger *l)
{
    log_writer_flush(l->writer);
}

uint64_t logger_suppressed(const struct logger *l)
{
    return atomic_load_explicit(&l->suppressed, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------------------ masking */

static bool is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_token_char(char c)
{
    return is_key_char(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

static size_t run(struct str s, bool (*is)(char))
{
    size_t n = 0;

    while (n < s.n && is(s.p[n])) {
        n++;
    }
    return n;
}

/* Bytes at the beginning of s that are to be masked, and how many of them may be shown; 0: none. */
static size_t secret_at(const struct logger *l, struct str s, char before, size_t *ret_shown)
{
    static const struct {
        const char *prefix;
        size_t min; /* characters that must follow */
        bool token; /* the wider set of characters */
    } shapes[] = {{"sk-", 12, false},   {"ek_", 12, false},  {"Bearer ", 4, true},
                  {"bearer ", 4, true}, {"Basic ", 8, true}, {"ya29.", 8, true}};

    for (uint32_t i = 0; i < l->n_secrets; i++) {
        if (str_starts(s, l->secrets[i])) {
            *ret_shown = 0;
            return l->secrets[i].n;
        }
    }
    for (uint32_t i = 0; i < ARRAY_LEN(shapes) && !is_key_char(before); i++) {
        struct str prefix = str_from(shapes[i].prefix);
        size_t n;

        if (!str_starts(s, prefix)) {
            continue;
        }
        n = run((struct str){s.p + prefix.n, s.n - prefix.n}, shapes[i].token ? is_token_char : is_key_char);
        if (n >= shapes[i].min) {
            *ret_shown = prefix.n;
            return prefix.n + n;
        }
    }
    return 0;
}

static void mask(const struct logger *l, struct str text, struct buf *out)
{
    size_t plain = 0;

    for (size_t i = 0; i < text.n;) {
        size_t shown = 0;
        size_t n = secret_at(l, (struct str){text.p + i, text.n - i}, i ? text.p[i - 1] : ' ', &shown);

        if (n == 0) {
            i++;
            continue;
        }
        buf_put(out, text.p + plain, i + shown - plain);
        buf_puts(out, "***");
        i += n;
        plain = i;
    }
    buf_put(out, text.p + plain, text.n - plain);
}

void logger_mask(struct logger *l, struct str text, struct buf *out)
{
    pthread_mutex_lock(&l->lock);
    mask(l, text, out);
    pthread_mutex_unlock(&l->lock);
}

/* ------------------------------------------------------------------------------------------------ lines */

static void put_time(struct buf *out, uint64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec, (uint32_t)(wall_us / 1000 % 1000));
}

/* One line stays one line: control characters of peers must not forge a second one. */
static void put_clean(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];

        if (c < 0x20 || c == 0x7F) {
            buf_printf(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : "\\x%02x", c);
        } else {
            buf_putc(out, (char)c);
        }
    }
}

/* Next "key=value" or "key=\"value\""; false when nothing is left. What is no pair comes with an empty key. */
static bool next_pair(struct str *rest, struct str *ret_key, struct str *ret_value, bool *ret_quoted)
{
    size_t n = 0;

    *ret_quoted = false;
    *rest = str_trim(*rest);
    if (rest->n == 0) {
        return false;
    }
    while (n < rest->n && rest->p[n] != '=' && rest->p[n] != ' ') {
        n++;
    }
    *ret_key = STR_NULL;
    if (n < rest->n && rest->p[n] == '=') {
        *ret_key = (struct str){rest->p, n};
        *rest = (struct str){rest->p + n + 1, rest->n - n - 1};
    }
    n = 0;
    if (ret_key->n && rest->n && rest->p[0] == '"') {
        for (n = 1; n < rest->n && rest->p[n] != '"'; n++) {
            n += rest->p[n] == '\\' && n + 1 < rest->n;
        }
        *ret_quoted = n < rest->n;
        *ret_value = (struct str){rest->p + 1, MIN(n, rest->n) - 1};
        n = MIN(n + 1, rest->n);
    } else {
        while (n < rest->n && rest->p[n] != ' ') {
            n++;
        }
        *ret_value = (struct str){rest->p, n};
    }
    *rest = (struct str){rest->p + n, rest->n - n};
    return true;
}

/* Whole numbers and the literals stay what they are; everything else is a string. */
static bool is_json_word(struct str s)
{
    int64_t number;

    return str_is(s, "true") || str_is(s, "false") || str_is(s, "null") ||
           (str_to_i64(s, &number) >= 0 && s.p[0] != '+' && (s.n == 1 || s.p[0] != '0') && !str_starts(s, STR("-0")));
}

static void put_json_fields(struct json_w *w, struct str fields)
{
    char name[64];
    struct str key, value, message = STR_NULL;
    struct json_val parsed;
    bool quoted;

    while (next_pair(&fields, &key, &value, &quoted)) {
        struct str whole = quoted ? (struct str){value.p - 1, value.n + 2} : value;

        if (key.n == 0 || str_copy(name, sizeof(name), key) < 0 || !utf8_valid(key) || strpbrk(name, "\"\\")) {
            message = value.n ? value : message;
            continue;
        }
        json_w_key(w, name);
        if (quoted && memchr(value.p, '\\', value.n) && json_parse(whole, &parsed) >= 0) {
            json_w_raw(w, whole); /* with its own escapes */
        } else if (!quoted && is_json_word(value)) {
            json_w_raw(w, value);
        } else {
            json_w_str(w, value);
        }
    }
    if (message.n) {
        json_w_kstr(w, "message", message);
    }
}

static void put_json(struct logger *l, enum log_level level, const struct log_scope *scope, const char *event,
                     struct str fields, uint64_t wall_us, uint32_t left_out)
{
    struct json_w w = json_w(&l->scratch);
    char when[40];

    put_time(&l->line, wall_us);
    ignore_result(str_copy(when, sizeof(when), buf_str(&l->line))); /* 24 characters */
    buf_clear(&l->line);
    json_w_open(&w);
    json_w_kz(&w, "time", when);
    json_w_kz(&w, "level", log_level_name(level));
    json_w_kz(&w, "event", event);
    if (scope && scope->call_id && *scope->call_id) {
        json_w_kz(&w, "call", scope->call_id);
    }
    if (scope && scope->worker >= 0) {
        json_w_ki64(&w, "worker", scope->worker);
    }
    if (left_out) {
        json_w_ki64(&w, "suppressed", left_out);
    }
    put_json_fields(&w, fields);
    json_w_close(&w);
}

static void put_text(struct logger *l, enum log_level level, const struct log_scope *scope, const char *event,
                     struct str fields, uint64_t wall_us, uint32_t left_out)
{
    struct buf *out = &l->scratch;

    put_time(out, wall_us);
    buf_printf(out, " %s %s", log_level_name(level), event);
    if (scope && scope->call_id && *scope->call_id) {
        buf_printf(out, " call=%s", scope->call_id);
    }
    if (scope && scope->worker >= 0) {
        buf_printf(out, " worker=%d", scope->worker);
    }
    if (left_out) {
        buf_printf(out, " suppressed=%u", left_out);
    }
    if (fields.n) {
        buf_putc(out, ' ');
        put_clean(out, fields);
    }
}

/* Whether this line may be written, and how many before it were not. */
static bool rate_allows(struct logger *l, const char *event, uint64_t wall_us, uint32_t *ret_left_out)
{
    struct str name = str_from(event);
    uint32_t hash = 2166136261u;
    struct rate *r;

    name.n = MIN(name.n, sizeof(r->event) - 1);
    for (size_t i = 0; i < name.n; i++) {
        hash = (hash ^ (uint8_t)name.p[i]) * 16777619u;
    }
    r = &l->rates[hash % RATE_SLOTS];
    if (!str_is(name, r->event)) {
        *r = (struct rate){.second = wall_us / 1000000}; /* a collision only forgets a count */
        memcpy(r->event, name.p, name.n);
    }
    if (r->second != wall_us / 1000000) {
        r->second = wall_us / 1000000;
        r->written = 0;
    }
    if (r->written >= l->max_per_s) {
        r->left_out++;
        atomic_fetch_add_explicit(&l->suppressed, 1, memory_order_relaxed);
        return false;
    }
    r->written++;
    *ret_left_out = r->left_out;
    r->left_out = 0;
    return true;
}

static void put_one(struct logger *l, enum log_level level, const struct log_scope *scope, const char *event,
                    struct str fields, uint64_t wall_us, uint32_t left_out)
{
    buf_clear(&l->line);
    buf_clear(&l->scratch);
    if (l->json) {
        put_json(l, level, scope, event, fields, wall_us, left_out);
    } else {
        put_text(l, level, scope, event, fields, wall_us, left_out);
    }
    mask(l, buf_str(&l->scratch), &l->line);
    buf_putc(&l->line, '\n');
    if (!log_writer_put(l->writer, buf_str(&l->line))) {
        l->dropped++;
        atomic_fetch_add_explicit(&l->suppressed, 1, memory_order_relaxed);
    }
}

/* Lines that found the queue full are told of as soon as there is room. */
static void put_dropped(struct logger *l, uint64_t wall_us)
{
    uint64_t n = l->dropped;
    char fields[64];

    ignore_result(snprintf(fields, sizeof(fields), "lines=%llu", (unsigned long long)n) < 0); /* fits */
    put_one(l, LOG_WARN, NULL, "log.dropped", str_from(fields), wall_us, 0);
    if (l->dropped == n) {
        l->dropped = 0;
    } else {
        l->dropped = n; /* still no room, and this line is none of theirs */
        atomic_fetch_sub_explicit(&l->suppressed, 1, memory_order_relaxed);
    }
}

void logger_sink(enum log_level level, const struct log_scope *scope, const char *event, const char *fields, void *arg)
{
    struct logger *l = arg;
    struct str text = str_from(fields);
    uint64_t now = l->wall_us(l->wall_arg);
    uint32_t left_out = 0;

    text.n = MIN(text.n, MAX_LINE_BYTES / 8); /* escaped it may be six times as long */
    pthread_mutex_lock(&l->lock);
    if (rate_allows(l, event, now, &left_out)) {
        if (l->dropped > 0 && log_writer_roomy(l->writer)) {
            put_dropped(l, now);
        }
        put_one(l, level, scope, event, text, now, left_out);
    }
    pthread_mutex_unlock(&l->lock);
}
