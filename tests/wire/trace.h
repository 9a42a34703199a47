/* Reads the traces under tests/wire/data: one message a line, "S " or "C " in front. */
#ifndef TESTS_WIRE_TRACE_H
#define TESTS_WIRE_TRACE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "test.h"

#define TRACE_LINES 256

struct trace {
    char *text;
    size_t n;
    struct {
        char side;
        struct str message;
    } line[TRACE_LINES];
};

static inline void trace_open(struct trace *t, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", TEST_DATA_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    t->text = calloc(1, 1 << 20);
    assert_non_null(t->text);
    struct str rest = {t->text, fread(t->text, 1, (1 << 20) - 1, f)};
    fclose(f);
    t->n = 0;
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        if (line.n > 2) {
            assert_true(t->n < TRACE_LINES);
            t->line[t->n].side = line.p[0];
            t->line[t->n++].message = (struct str){line.p + 2, line.n - 2};
        }
    }
    assert_true(t->n > 0);
}

static inline void trace_close(struct trace *t)
{
    free(t->text);
}

#endif
