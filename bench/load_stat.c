#include "load_stat.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

void hist_clear(struct hist *h)
{
    *h = (struct hist){0};
}

void hist_add(struct hist *h, uint64_t us)
{
    size_t slot = us < 1000      ? us
                  : us < 10000   ? 1000 + (us - 1000) / 10
                  : us < 100000  ? 1900 + (us - 10000) / 100
                  : us < 2000000 ? 2800 + (us - 100000) / 1000
                                 : HIST_SLOTS - 1;
    h->slots[slot]++;
    h->n++;
    h->max_us = MAX(h->max_us, us);
}

static uint64_t slot_us(size_t slot)
{
    return slot < 1000   ? slot + 1
           : slot < 1900 ? 1000 + (slot - 999) * 10
           : slot < 2800 ? 10000 + (slot - 1899) * 100
                         : 100000 + (slot - 2799) * 1000;
}

double hist_ms(const struct hist *h, double share)
{
    uint64_t want = (uint64_t)((double)h->n * share);
    uint64_t seen = 0;
    for (size_t i = 0; i < HIST_SLOTS && h->n > 0; i++) {
        seen += h->slots[i];
        if (seen > want || seen == h->n) {
            uint64_t us = i == HIST_SLOTS - 1 ? h->max_us : MIN(slot_us(i), h->max_us);
            return (double)us / 1000.0;
        }
    }
    return 0;
}

void fit_add(struct fit *f, double x, double y)
{
    if (f->n < FIT_MAX) {
        f->x[f->n] = x;
        f->y[f->n++] = y;
    }
}

bool fit_solve(const struct fit *f, struct fit_line *ret)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        x += f->x[i] / f->n;
        y += f->y[i] / f->n;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        xx += (f->x[i] - x) * (f->x[i] - x);
        xy += (f->x[i] - x) * (f->y[i] - y);
    }
    if (f->n < 2 || xx <= 0) {
        return false;
    }
    *ret = (struct fit_line){.slope = xy / xx};
    ret->at_zero = y - ret->slope * x;
    for (uint32_t i = 0; i < f->n; i++) {
        double off = f->y[i] - (ret->at_zero + ret->slope * f->x[i]);
        ret->off = MAX(ret->off, (off < 0 ? -off : off) / f->x[i]);
    }
    return true;
}

static size_t read_text(const char *path, char *text, size_t cap)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, cap - 1, f) : 0;
    if (f) {
        ignore_result(fclose(f)); /* was only read */
    }
    text[n] = '\0';
    return n;
}

/* The first two numbers of a line. */
static size_t numbers(const char *text, uint64_t ret[2])
{
    size_t n = 0;
    struct str rest = str_from(text), word;
    while (n < 2 && str_split(&rest, ' ', &word)) {
        int64_t v = 0;
        if (str_to_i64(str_trim(word), &v) == 0) {
            ret[n++] = (uint64_t)v;
        }
    }
    return n;
}

/* schedstat counts in nanoseconds, where stat counts in ticks of 10 ms. */
uint64_t proc_cpu_ns(int pid)
{
    char path[320], text[256];
    uint64_t sum = 0, v[2];
    ignore_result(snprintf(path, sizeof(path), "/proc/%d/task", pid) < 0);
    DIR *dir = opendir(path);
    if (!dir) {
        return 0;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        ignore_result(snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, e->d_name) < 0);
        if (e->d_name[0] != '.' && read_text(path, text, sizeof(text)) > 0 && numbers(text, v) == 2) {
            sum += v[0];
        }
    }
    closedir(dir);
    return sum;
}

uint64_t proc_rss_bytes(int pid)
{
    char path[64], text[256];
    uint64_t v[2];
    ignore_result(snprintf(path, sizeof(path), "/proc/%d/statm", pid) < 0);
    if (read_text(path, text, sizeof(text)) == 0 || numbers(text, v) != 2) {
        return 0;
    }
    return v[1] * (uint64_t)sysconf(_SC_PAGESIZE);
}
