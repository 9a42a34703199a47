/*
 * The record store under a conformance suite: one suite, linked once with each of backend_*.c, on a real file or a real
 * server. Every fixture has records of its own.
 */
#ifndef TESTS_STORE_BACKEND_H
#define TESTS_STORE_BACKEND_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/store.h"
#include "test.h"

#define T0 1700000000000000u /* microseconds */

struct fixture {
    char folder[64];
    char path[256]; /* file or URL */
    struct store *s;
    struct arena a;
    struct buf errors;
};

extern const struct store_ops *const ops;
extern const bool backend_keeps_bytes; /* of texts that are no UTF-8; else U+FFFD stands for them */

/* False: this machine has no server for it; the suite is skipped. Once, before anything else. */
bool backend_begin(void);
void backend_end(void);
/* more NULL: the owner, with demonstration orders. */
int open_store(struct fixture *f, const struct store_opts *more);
void set_up(struct fixture *f, const struct store_opts *more);
/* Insists that nothing is left behind. */
void tear_down(struct fixture *f);

struct store_call call_of(const char *id, uint64_t started_us);
int write_call(struct fixture *f, enum store_op_kind kind, const struct store_call *c, uint64_t at_us);
void begin(struct fixture *f, const char *id, uint64_t started_us);
void end(struct fixture *f, const char *id, enum call_reason reason, uint64_t at_us);
struct store_call get(struct fixture *f, const char *id);

#define SUITE_MAIN(...)                                                                                                \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                               \
        if (!backend_begin()) {                                                                                        \
            print_message("1..0 # SKIP no PostgreSQL server on this machine\n");                                       \
            return 0;                                                                                                  \
        }                                                                                                              \
        int failed = cmocka_run_group_tests(tests, NULL, NULL);                                                        \
        backend_end();                                                                                                 \
        return failed;                                                                                                 \
    }

#endif
