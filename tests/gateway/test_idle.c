/* A gateway without calls gives their memory back. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "gateway/idle.h"
#include "test.h"

#define BLOCKS      20000
#define BLOCK_BYTES 1024

struct fixture {
    struct loop *loop;
    struct timer *watch;
    struct idle *idle;
    size_t enough_kb; /* of resident memory or less: it has come back */
    bool calls, came_back;
    int asked, looks;
};

static size_t resident_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    char line[128] = "";
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    struct str rest = str_from(line);
    int64_t pages = 0;
    struct str word;
    assert_true(str_split(&rest, ' ', &word)); /* of the whole address space */
    assert_true(str_split(&rest, ' ', &word));
    assert_ok(str_to_i64(word, &pages));
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static bool still(void *arg)
{
    struct fixture *f = arg;
    f->asked++;
    return !f->calls;
}

static void watch(void *arg)
{
    struct fixture *f = arg;
    f->looks++;
    f->came_back = resident_kb() <= f->enough_kb;
    if (f->came_back || (f->calls && f->asked > 0 && f->looks > 20) || f->looks > 1000) {
        loop_stop(f->loop);
    }
}

static void open_fixture(struct fixture *f)
{
    assert_ok(loop_new(&f->loop));
    assert_ok(timer_new(f->loop, watch, f, &f->watch));
    assert_ok(idle_new(&(struct idle_opts){.loop = f->loop, .after_ms = 1, .still = still, .arg = f}, &f->idle));
}

static void run(struct fixture *f)
{
    idle_begin(f->idle);
    timer_start(f->watch, 5000, 5000);
    loop_run(f->loop);
}

static void close_fixture(struct fixture *f)
{
    idle_free(f->idle);
    timer_free(f->watch);
    loop_free(f->loop);
}

/* What calls leave behind: much that is free, and a little on top of it that lives. */
static void *leave_behind(void)
{
    static void *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    for (size_t i = 0; i + 1 < BLOCKS; i++) {
        free(blocks[i]);
    }
    return blocks[BLOCKS - 1];
}

TEST(memory_of_calls_that_are_gone_comes_back)
{
    struct fixture f = {0};
    open_fixture(&f);
    size_t before_kb = resident_kb();
    void *lives = leave_behind();
    size_t after_kb = resident_kb();
    assert_in_range(after_kb, before_kb + 15000, SIZE_MAX); /* or there would be nothing to give back */
    f.enough_kb = before_kb + 5000;
    run(&f);
    assert_true(f.came_back);
    assert_int_equal(f.asked, 1);
    free(lives);
    close_fixture(&f);
}

TEST(a_call_that_came_meanwhile_is_left_in_peace)
{
    struct fixture f = {.calls = true};
    open_fixture(&f);
    f.enough_kb = resident_kb() + 5000;
    void *lives = leave_behind();
    run(&f);
    assert_false(f.came_back);
    assert_int_equal(f.asked, 1);
    free(lives);
    close_fixture(&f);
}

TEST_MAIN(T(memory_of_calls_that_are_gone_comes_back), T(a_call_that_came_meanwhile_is_left_in_peace))
