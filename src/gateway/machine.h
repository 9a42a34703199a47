/*
 * Time that the machine below took from us: of a virtual machine, what its host gave to others while we had work to
 * do. Calls stutter then, and nothing in this process shows why. Linux only; elsewhere there is nothing to read.
 */
#ifndef GATEWAY_MACHINE_H
#define GATEWAY_MACHINE_H

#include <stdint.h>

#include "base/str.h"

/* Ticks since the machine began, over all processors. */
struct machine_time {
    uint64_t stolen, all;
};

/* The first line of /proc/stat: "cpu  user nice system idle iowait irq softirq steal ...". -ERR_SYNTAX: it is none */
MUST_USE int machine_parse(struct str text, struct machine_time *ret);
/* -errno where there is no such file; it is memory of the kernel, so that a loop may read it. */
MUST_USE int machine_read(struct machine_time *ret);
/* So little time between two looks (a second of one processor) tells nothing: a few ticks more or less are half of it.
 */
#define MACHINE_LEAST_TICKS 100
bool machine_tells(const struct machine_time *before, const struct machine_time *now);
/* Of the time between two looks, so many thousandths were taken; 0 when no time has passed. */
uint32_t machine_stolen_permille(const struct machine_time *before, const struct machine_time *now);

#endif
