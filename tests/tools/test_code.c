#include "tools/code/code.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "net/crew.h"
#include "test.h"

/* A loop, a crew, and what was told. */
struct bench {
    struct loop *loop;
    struct crew *crew;
    int told;
    enum code_outcome outcome;
    char output[128];
    bool need;
    _Atomic(struct code_call *) kept;
    pthread_t answering;
};

static const struct code_facts facts = {.call_id = {"call", 4},
                                        .tool_call_id = {"tool-1", 6},
                                        .name = {"lookup", 6},
                                        .arguments = {"{\"a\":1}", 7},
                                        .agent = {"desk", 4}};

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    assert_ok(loop_new(&b->loop));
    assert_ok(crew_new(2, &b->crew));
}

static void bench_close(struct bench *b)
{
    crew_free(b->crew);
    loop_free(b->loop);
}

static void on_done(const struct code_result *r, void *arg)
{
    struct bench *b = arg;
    b->told++;
    b->outcome = r->outcome;
    assert_ok(str_copy(b->output, sizeof(b->output), r->output));
    loop_stop(b->loop);
}

static void answer_at_once(struct code_call *call, void *arg UNUSED)
{
    assert_string_equal(code_call_id(call), "call");
    assert_string_equal(code_tool_call_id(call), "tool-1");
    assert_string_equal(code_name(call), "lookup");
    assert_string_equal(code_arguments(call), "{\"a\":1}");
    assert_string_equal(code_agent(call), "desk");
    assert_null(code_context(call));
    assert_false(code_cancelled(call));
    assert_ok(code_answer(call, STR("done"), false));
}

TEST(an_answer_comes_on_the_loop)
{
    struct bench b;
    struct code_call *call = NULL;
    bench_open(&b);
    const struct code_opts o = {.crew = b.crew, .run = answer_at_once, .arg = &b};
    assert_ok(code_run(b.loop, &o, &facts, on_done, &b, &call));
    assert_int_equal(b.told, 0); /* never before it returns */
    loop_run(b.loop);
    assert_int_equal(b.told, 1);
    assert_int_equal(b.outcome, CODE_OK);
    assert_string_equal(b.output, "done");
    bench_close(&b);
}

static void keep_it(struct code_call *call, void *arg)
{
    struct bench *b = arg;
    atomic_store(&b->kept, call);
}

static struct code_call *await_kept(struct bench *b)
{
    struct code_call *call = NULL;
    while (!(call = atomic_load(&b->kept))) {
        sched_yield();
    }
    return call;
}

static void *answer_later(void *arg)
{
    struct bench *b = arg;
    assert_ok(code_answer(await_kept(b), STR("{\"error\":\"no\"}"), true));
    return NULL;
}

TEST(an_answer_may_come_later_and_from_elsewhere)
{
    struct bench b;
    struct code_call *call = NULL;
    bench_open(&b);
    const struct code_opts o = {.crew = b.crew, .run = keep_it, .arg = &b};
    assert_ok(code_run(b.loop, &o, &facts, on_done, &b, &call));
    assert_int_equal(pthread_create(&b.answering, NULL, answer_later, &b), 0);
    loop_run(b.loop);
    pthread_join(b.answering, NULL);
    assert_int_equal(b.outcome, CODE_FAILED);
    assert_string_equal(b.output, "{\"error\":\"no\"}");
    bench_close(&b);
}

TEST(nobody_waits_for_a_cancelled_call_and_its_answer_goes_nowhere)
{
    struct bench b;
    struct code_call *call = NULL;
    bench_open(&b);
    const struct code_opts o = {.crew = b.crew, .run = keep_it, .arg = &b};
    assert_ok(code_run(b.loop, &o, &facts, on_done, &b, &call));
    struct code_call *mine = await_kept(&b);
    code_cancel(call);
    code_cancel(call);
    assert_int_equal(b.told, 0);
    loop_run(b.loop);
    assert_int_equal(b.told, 1);
    assert_int_equal(b.outcome, CODE_CANCELLED);
    assert_true(code_cancelled(mine));
    crew_free(b.crew);
    loop_free(b.loop); /* the program may outlive all of us */
    assert_err(code_answer(mine, STR("late"), false), ERR_CLOSED);
    assert_int_equal(b.told, 1);
}

TEST(an_answer_that_is_too_long_is_a_failure)
{
    static char big[CODE_OUTPUT_MAX + 1];
    struct bench b;
    struct code_call *call = NULL;
    bench_open(&b);
    memset(big, 'x', sizeof(big));
    const struct code_opts o = {.crew = b.crew, .run = keep_it, .arg = &b};
    assert_ok(code_run(b.loop, &o, &facts, on_done, &b, &call));
    assert_err(code_answer(await_kept(&b), (struct str){big, sizeof(big)}, false), ERR_TOO_BIG);
    loop_run(b.loop);
    assert_int_equal(b.outcome, CODE_FAILED);
    assert_str_is(str_from(b.output), "{\"error\":\"The tool failed.\"}");
    bench_close(&b);
}

static bool needs(const struct code_call *call, void *arg)
{
    struct bench *b = arg;
    assert_string_equal(code_name(call), "lookup");
    return b->told == 0;
}

static void on_asked(bool need, void *arg)
{
    struct bench *b = arg;
    b->need = need;
    b->told++;
    loop_stop(b->loop);
}

TEST(a_question_is_answered_on_the_loop)
{
    struct bench b;
    bench_open(&b);
    const struct code_opts o = {.crew = b.crew, .run = keep_it, .asks = needs, .arg = &b};
    assert_ok(code_ask(b.loop, &o, &facts, on_asked, &b));
    loop_run(b.loop);
    assert_true(b.need);
    assert_ok(code_ask(b.loop, &o, &facts, on_asked, &b));
    loop_run(b.loop);
    assert_false(b.need);
    assert_int_equal(b.told, 2);
    bench_close(&b);
}

TEST_MAIN(T(an_answer_comes_on_the_loop), T(an_answer_may_come_later_and_from_elsewhere),
          T(nobody_waits_for_a_cancelled_call_and_its_answer_goes_nowhere), T(an_answer_that_is_too_long_is_a_failure),
          T(a_question_is_answered_on_the_loop))
