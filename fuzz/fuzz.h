/*
 * What a fuzz target offers. It is linked with libFuzzer (-Dfuzz=true, clang) or with replay.c, which feeds it the
 * files of fuzz/corpus/<noun>. A target aborts when a promise is broken; REQUIRE says which.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds in every build, whatever NDEBUG says. */
#define REQUIRE(expr)                                                                                                  \
    do {                                                                                                               \
        if (!(expr)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #expr);                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
