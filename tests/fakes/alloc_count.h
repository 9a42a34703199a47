/*
 * Counts what the code under test takes from the heap, for tests of paths that must take nothing. The executable is
 * linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc; shared libraries are not seen.
 */
#ifndef TESTS_FAKES_ALLOC_COUNT_H
#define TESTS_FAKES_ALLOC_COUNT_H

#include <stdint.h>

/* From now on; returns what was counted since the last call. */
uint64_t alloc_count_restart(void);

#endif
