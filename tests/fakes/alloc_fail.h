/*
 * Lets the n-th allocation of the code under test fail, once. The executable is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc; shared libraries are not seen.
 */
#ifndef TESTS_FAKES_ALLOC_FAIL_H
#define TESTS_FAKES_ALLOC_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/* The n-th allocation from now on fails (1: the next one); 0: none does. */
void alloc_fail_at(uint64_t n);
/* Whether it came to that since alloc_fail_at. */
bool alloc_has_failed(void);

#endif
