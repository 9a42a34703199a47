/* Figures of the load run: a histogram of microseconds, and what /proc says of another process. */
#ifndef BENCH_LOAD_STAT_H
#define BENCH_LOAD_STAT_H

#include "base/str.h"

/* 1 us wide below 1 ms, 10 us below 10 ms, 100 us below 100 ms, 1 ms below 2 s, then one for the rest. */
#define HIST_SLOTS 4701

struct hist {
    uint32_t slots[HIST_SLOTS];
    uint64_t n;
    uint64_t max_us;
};

void hist_clear(struct hist *h);
void hist_add(struct hist *h, uint64_t us);
/* Upper edge of the slot that holds the share (0..1) of the values, in milliseconds; 0 without values. */
double hist_ms(const struct hist *h, double share);

/* Straight line through points, by least squares. */
#define FIT_MAX 64

struct fit {
    double x[FIT_MAX], y[FIT_MAX];
    uint32_t n;
};

struct fit_line {
    double at_zero, slope;
    double off; /* the largest distance of a point from the line, per x */
};

void fit_add(struct fit *f, double x, double y);
/* False with fewer than two points. */
bool fit_solve(const struct fit *f, struct fit_line *ret);

/* CPU time of all threads in nanoseconds, resident memory in bytes; 0 when the process is gone. */
uint64_t proc_cpu_ns(int pid);
uint64_t proc_rss_bytes(int pid);

#endif
