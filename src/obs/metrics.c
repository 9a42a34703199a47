#include "obs/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

#define MAX_WORDS   32 /* a test holds that no label has more */
#define MAX_BUCKETS 14

enum kind {
    GAUGE,
    COUNTER,
    MICRO_COUNTER,
    CALL_HISTOGRAM, /* the first of the histograms */
    TURN_HISTOGRAM,
    LOOP_HISTOGRAM,
    PAUSE_HISTOGRAM,
    COUNT_HISTOGRAM,
    DB_HISTOGRAM,
    KIND_N,
};

struct info {
    enum kind kind;
    const char *name;
    const char *label;
    const char *words;
    const char *help;
};

static const struct info infos[METRIC_N] = {
#define X(id, kind, name, label, words, help) [id] = {kind, name, label, words, help},
    METRIC_LIST(X)
#undef X
};

/* Upper bounds in millionths of the unit (mostly microseconds), ended by 0. */
static const uint64_t bounds[KIND_N][MAX_BUCKETS] = {
    [CALL_HISTOGRAM] = {5000000, 15000000, 30000000, 60000000, 120000000, 300000000, 600000000, 1200000000, 1800000000,
                        3600000000},
    [TURN_HISTOGRAM] = {10000, 50000, 100000, 200000, 300000, 400000, 500000, 750000, 1000000, 1500000, 2000000,
                        3000000, 5000000},
    [LOOP_HISTOGRAM] = {50, 100, 250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000},
    [PAUSE_HISTOGRAM] = {50000, 100000, 150000, 200000, 250000, 300000, 400000, 500000, 600000, 800000, 1000000,
                         2000000},
    [COUNT_HISTOGRAM] = {1000000, 2000000, 4000000, 8000000, 16000000, 32000000, 64000000, 128000000, 256000000,
                         512000000},
    [DB_HISTOGRAM] = {6000000, 9000000, 12000000, 15000000, 18000000, 21000000, 24000000, 27000000, 30000000, 35000000,
                      40000000, 50000000},
};

struct histogram {
    atomic_uint_fast64_t buckets[MAX_BUCKETS + 1]; /* the last one: above every bound */
    atomic_uint_fast64_t sum;                      /* in the unit of the bounds */
};

/* One row of words fills cache lines of its own, so that metrics of different threads seldom share one. */
struct metrics {
    _Alignas(64) atomic_uint_fast64_t values[METRIC_N][MAX_WORDS];
    struct histogram histograms[METRIC_N];
    time_t started;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);

    if (m) {
        memset(m, 0, sizeof(*m));
        m->started = time(NULL);
    }
    return m;
}

struct metrics *metrics_free(struct metrics *m)
{
    free(m);
    return NULL;
}

static bool is_histogram(enum metric id)
{
    return infos[id].kind >= CALL_HISTOGRAM;
}

static const uint64_t *bounds_of(enum metric id)
{
    return bounds[infos[id].kind];
}

/* ------------------------------------------------------------------------------------------------ updates */

void metrics_add_at(struct metrics *m, enum metric id, uint32_t word, uint64_t n)
{
    assert((infos[id].kind == COUNTER || infos[id].kind == MICRO_COUNTER) && word < MAX_WORDS);
    atomic_fetch_add_explicit(&m->values[id][word], n, memory_order_relaxed);
}

void metrics_add(struct metrics *m, enum metric id, uint64_t n)
{
    assert(!infos[id].label);
    metrics_add_at(m, id, 0, n);
}

uint32_t metrics_word(enum metric id, struct str word)
{
    struct str rest = str_from(infos[id].words);
    struct str one;
    uint32_t i = 0;

    for (; str_split(&rest, ' ', &one); i++) {
        if (str_eq(one, word)) {
            return i;
        }
    }
    return i ? i - 1 : 0;
}

void metrics_add_word(struct metrics *m, enum metric id, struct str word, uint64_t n)
{
    metrics_add_at(m, id, metrics_word(id, word), n);
}

void metrics_set(struct metrics *m, enum metric id, int64_t value)
{
    assert(infos[id].kind == GAUGE);
    atomic_store_explicit(&m->values[id][0], (uint64_t)value, memory_order_relaxed);
}

void metrics_move(struct metrics *m, enum metric id, int64_t by)
{
    assert(infos[id].kind == GAUGE);
    atomic_fetch_add_explicit(&m->values[id][0], (uint64_t)by, memory_order_relaxed);
}

void metrics_observe_many(struct metrics *m, enum metric id, uint64_t us, uint64_t n)
{
    const uint64_t *limits = bounds_of(id);
    uint32_t i = 0;

    assert(is_histogram(id));
    while (i < MAX_BUCKETS && limits[i] && us > limits[i]) {
        i++;
    }
    i = i < MAX_BUCKETS && limits[i] ? i : MAX_BUCKETS;
    atomic_fetch_add_explicit(&m->histograms[id].buckets[i], n, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->histograms[id].sum, us * n, memory_order_relaxed);
}

void metrics_observe_us(struct metrics *m, enum metric id, uint64_t us)
{
    metrics_observe_many(m, id, us, 1);
}

void metrics_observe_micro(struct metrics *m, enum metric id, uint64_t micro)
{
    metrics_observe_many(m, id, micro, 1);
}

void metrics_observe(struct metrics *m, enum metric id, uint64_t units)
{
    metrics_observe_many(m, id, units * 1000000, 1);
}

/* ------------------------------------------------------------------------------------------------ reading */

static uint64_t value_at(const struct metrics *m, enum metric id, uint32_t word)
{
    return atomic_load_explicit(&m->values[id][word], memory_order_relaxed);
}

static uint64_t bucket_at(const struct metrics *m, enum metric id, uint32_t i)
{
    return atomic_load_explicit(&m->histograms[id].buckets[i], memory_order_relaxed);
}

int64_t metrics_value_at(const struct metrics *m, enum metric id, uint32_t word)
{
    return (int64_t)value_at(m, id, word);
}

int64_t metrics_value(const struct metrics *m, enum metric id)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < MAX_WORDS; i++) {
        sum += value_at(m, id, i);
    }
    for (uint32_t i = 0; is_histogram(id) && i <= MAX_BUCKETS; i++) {
        sum += bucket_at(m, id, i);
    }
    return (int64_t)sum;
}

/* Seconds or units with what decimals they need: exact, whatever the locale. */
static void put_micro(struct buf *out, uint64_t micro)
{
    char digits[8];
    uint32_t n = 6;
    uint64_t part = micro % 1000000;

    buf_put_u64(out, micro / 1000000);
    if (part == 0) {
        return;
    }
    for (uint32_t i = 6; i-- > 0; part /= 10) {
        digits[i] = (char)('0' + part % 10);
    }
    while (digits[n - 1] == '0') {
        n--;
    }
    buf_putc(out, '.');
    buf_put(out, digits, n);
}

static void print_histogram(const struct metrics *m, enum metric id, struct buf *out)
{
    const uint64_t *limits = bounds_of(id);
    const char *name = infos[id].name;
    uint64_t count = 0;

    for (uint32_t i = 0; i < MAX_BUCKETS && limits[i]; i++) {
        count += bucket_at(m, id, i);
        buf_printf(out, "%s_bucket{le=\"", name);
        put_micro(out, limits[i]);
        buf_puts(out, "\"} ");
        buf_put_u64(out, count);
        buf_putc(out, '\n');
    }
    count += bucket_at(m, id, MAX_BUCKETS);
    buf_printf(out, "%s_bucket{le=\"+Inf\"} ", name);
    buf_put_u64(out, count);
    buf_printf(out, "\n%s_sum ", name);
    put_micro(out, atomic_load_explicit(&m->histograms[id].sum, memory_order_relaxed));
    buf_printf(out, "\n%s_count ", name);
    buf_put_u64(out, count);
    buf_putc(out, '\n');
}

static void print_value(const struct metrics *m, enum metric id, uint32_t word, struct buf *out)
{
    uint64_t v = value_at(m, id, word);

    if (infos[id].kind == MICRO_COUNTER) {
        put_micro(out, v);
    } else if (infos[id].kind == GAUGE) {
        buf_put_i64(out, (int64_t)v);
    } else {
        buf_put_u64(out, v);
    }
    buf_putc(out, '\n');
}

static const char *kind_word(enum metric id)
{
    return infos[id].kind == GAUGE ? "gauge" : is_histogram(id) ? "histogram" : "counter";
}

static void print_head(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void print_metric(const struct metrics *m, enum metric id, struct buf *out)
{
    const struct info *info = &infos[id];
    struct str rest = str_from(info->words);
    struct str word;

    print_head(out, info->name, kind_word(id), info->help);
    if (is_histogram(id)) {
        print_histogram(m, id, out);
    } else if (!info->label) {
        buf_printf(out, "%s ", info->name);
        print_value(m, id, 0, out);
    }
    for (uint32_t i = 0; info->label && str_split(&rest, ' ', &word); i++) {
        buf_printf(out, "%s{%s=\"" STR_FMT "\"} ", info->name, info->label, STR_ARG(word));
        print_value(m, id, i, out);
    }
}

/* ------------------------------------------------------------------------------------------------ the process */

static uint64_t resident_bytes(void)
{
    char text[128] = {0};
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    struct str rest, word;
    int64_t pages = 0;

    if (fd >= 0) {
        close(fd);
    }
    rest = (struct str){text, n > 0 ? (size_t)n : 0};
    if (!str_split(&rest, ' ', &word) || !str_split(&rest, ' ', &word) || str_to_i64(word, &pages) < 0) {
        return 0;
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (!dir) {
        return 0;
    }
    for (const struct dirent *e; (e = readdir(dir));) {
        n += e->d_name[0] != '.';
    }
    closedir(dir);
    return n - 1; /* the folder itself */
}

static void print_process(const struct metrics *m, struct buf *out)
{
    struct rusage use;

    print_head(out, "ringtrip_build_info", "gauge", "Always 1; the version stands in the label.");
    buf_puts(out, "ringtrip_build_info{version=\"" RINGTRIP_VERSION "\"} 1\n");
    print_head(out, "process_start_time_seconds", "gauge", "Start of the process since 1970.");
    buf_printf(out, "process_start_time_seconds %lld\n", (long long)m->started);
    print_head(out, "process_resident_memory_bytes", "gauge", "Memory in use.");
    buf_puts(out, "process_resident_memory_bytes ");
    buf_put_u64(out, resident_bytes());
    buf_putc(out, '\n');
    print_head(out, "process_open_fds", "gauge", "Open file descriptors.");
    buf_puts(out, "process_open_fds ");
    buf_put_u64(out, open_files());
    buf_putc(out, '\n');
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        print_head(out, "process_cpu_seconds_total", "counter", "User and system time of all threads.");
        buf_puts(out, "process_cpu_seconds_total ");
        put_micro(out, (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
                           (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec));
        buf_putc(out, '\n');
    }
}

void metrics_print(const struct metrics *m, struct buf *out)
{
    for (uint32_t id = 0; id < METRIC_N; id++) {
        print_metric(m, (enum metric)id, out);
    }
    print_process(m, out);
}

void metrics_print_json(const struct metrics *m, const struct metrics_json *in, struct buf *out)
{
    struct json_w w = json_w(out);

    json_w_open(&w);
    json_w_ki64(&w, "total_calls", (int64_t)in->total_calls);
    json_w_key(&w, "status_counts");
    json_w_open(&w);
    for (uint32_t i = 0; i < in->n_statuses; i++) {
        json_w_ki64(&w, in->statuses[i].word, (int64_t)in->statuses[i].count);
    }
    json_w_close(&w);
    json_w_key(&w, "server");
    json_w_open(&w);
    json_w_kz(&w, "version", RINGTRIP_VERSION);
    json_w_ki64(&w, "uptime_s", (int64_t)in->uptime_s);
    json_w_kz(&w, "public_url", in->public_url && *in->public_url ? in->public_url : NULL);
    json_w_ki64(&w, "calls_active", metrics_value(m, METRIC_CALLS_ACTIVE));
    json_w_kbool(&w, "draining", metrics_value(m, METRIC_DRAINING) != 0);
    json_w_close(&w);
    json_w_close(&w);
}

void metrics_print_markdown(struct buf *out)
{
    buf_puts(out,
             "# Metrics\n\n"
             "`GET /metrics` in Prometheus text form; with `Accept: application/json` the short JSON counters. "
             "No metric carries a\ncall id or a number of a caller: every label has the closed set of words given "
             "here. Beside these come\n`ringtrip_build_info{version}` and the usual `process_*` figures. This page "
             "is printed from the\nlist in `src/obs/metrics.h`.\n\n"
             "| metric | type | label | meaning |\n|---|---|---|---|\n");
    for (uint32_t id = 0; id < METRIC_N; id++) {
        struct str rest = str_from(infos[id].words);
        struct str word;

        buf_printf(out, "| `%s` | %s | ", infos[id].name, kind_word((enum metric)id));
        if (infos[id].label) {
            buf_printf(out, "`%s`:", infos[id].label);
        }
        while (infos[id].label && str_split(&rest, ' ', &word)) {
            buf_printf(out, " " STR_FMT, STR_ARG(word));
        }
        buf_printf(out, " | %s |\n", infos[id].help);
    }
}
