/* Records and tools with the n-th allocation failing, for every n: an error comes, and the records stay whole. */
#include "base/err.h"
#include "fakes/alloc_fail.h"
#include "obs/logger.h"
#include "obs/metrics.h"
#include "store/sqlite/sqlite.h"
#include "test.h"
#include "tools/builtin/builtin.h"

#define T0 1700000000000000u

/* One life of a store; the first error or 0. */
static int live(void)
{
    const struct store_opts o = {.demo_rows = true};
    struct store_call c = {.id = STR("c1"), .caller = STR("+1"), .cost_micro = STORE_NO_COST};
    struct store_line line = {.call_id = STR("c1"), .seq = 1, .text = STR("words")};
    const struct store_op batch[] = {{.kind = STORE_CALL_BEGIN, .at_us = T0, .u.call = &c},
                                     {.kind = STORE_LINE_ADD, .at_us = T0, .u.line = &line}};
    struct builtin_ctx ctx = {.ops = &store_sqlite, .call_id = STR("c1"), .wall_us = T0};
    struct store_page page;
    struct store_line *lines;
    struct store_paths paths;
    struct buf out;
    struct arena a;
    uint32_t n = 0;
    bool failed;
    int err;

    buf_init(&out, 65536);
    arena_init(&a, 1 << 20);
    err = store_sqlite.open(&o, &out, &ctx.store);
    if (err >= 0) {
        err = store_sqlite.write(ctx.store, batch, ARRAY_LEN(batch), NULL);
    }
    if (err >= 0) {
        err = store_sqlite.call_list(ctx.store, &(struct store_filter){.limit = 5}, &a, &page);
    }
    if (err >= 0) {
        assert_int_equal(page.n, 1);
        err = store_sqlite.line_list(ctx.store, STR("c1"), &a, &lines, &n);
    }
    if (err >= 0) {
        assert_int_equal(n, 1);
        assert_str_is(lines[0].text, "words");
        err = builtin_tool_run(&ctx, STR("check_order_status"), STR("{\"order_number\":\"1001\"}"), &out, &failed);
    }
    if (err >= 0) {
        assert_false(failed);
        buf_clear(&out);
        err = builtin_tool_run(&ctx, STR("schedule_callback"), STR("{\"phone_number\":\"5550001111\"}"), &out, &failed);
    }
    if (err >= 0) {
        assert_false(failed);
        err = store_sqlite.call_delete(ctx.store, STR("c1"), &a, &paths);
    }
    store_sqlite.close(ctx.store);
    arena_done(&a);
    buf_done(&out);
    return err;
}

static int observe(void)
{
    const struct logger_opts o = {.json = true, .file = "/dev/null"};
    struct metrics *m = metrics_new();
    struct logger *l = NULL;
    struct buf out;
    int err = m ? 0 : -ENOMEM;

    buf_init(&out, 1 << 20);
    if (err >= 0) {
        metrics_print(m, &out);
        err = out.err;
    }
    buf_clear(&out);
    if (err >= 0) {
        err = logger_new(&o, &out, &l);
    }
    if (err >= 0) {
        err = logger_add_secret(l, STR("a-long-secret"));
    }
    if (err >= 0) {
        logger_sink(LOG_INFO, NULL, "event", "a=\"b\" c=1", l); /* a line may be lost, the process goes on */
        logger_mask(l, STR("text"), &out);
        err = out.err;
    }
    logger_free(l);
    metrics_free(m);
    buf_done(&out);
    return err;
}

static void torture(int (*fn)(void), bool may_be_lost)
{
    uint64_t n = 0;
    bool failed;

    assert_int_equal(fn(), 0);
    do {
        alloc_fail_at(++n);
        int err = fn();
        failed = alloc_has_failed();
        alloc_fail_at(0);
        if (failed ? err != -ENOMEM && !(may_be_lost && err == 0) : err != 0) {
            fail_msg("allocation %u: %d", (unsigned)n, err);
        }
    } while (failed && n < 5000);
    assert_true(n > 3 && n < 5000);
}

TEST(records_and_tools_survive_every_failing_allocation)
{
    torture(live, false);
}

TEST(logger_and_metrics_survive_every_failing_allocation)
{
    torture(observe, true);
}

TEST_MAIN(T(records_and_tools_survive_every_failing_allocation), T(logger_and_metrics_survive_every_failing_allocation))
