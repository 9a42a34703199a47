#include "test.h"

#include <pthread.h>

#include "base/err.h"
#include "gateway/admission.h"

static struct admission *new_admission(uint32_t calls, uint32_t per_number)
{
    struct admission *a = NULL;
    assert_ok(admission_new(&(struct admission_limits){calls, per_number}, &a));
    return a;
}

TEST(places_are_counted_in_all_and_by_number)
{
    struct admission *a = new_admission(3, 2);
    enum admission_cause cause;
    assert_ok(admission_enter(a, STR("+1"), &cause));
    assert_ok(admission_enter(a, STR("+1"), &cause));
    assert_err(admission_enter(a, STR("+1"), &cause), ERR_LIMIT);
    assert_int_equal(cause, ADMISSION_PER_NUMBER);
    assert_ok(admission_enter(a, STR(""), &cause)); /* no number, not counted by number */
    assert_err(admission_enter(a, STR("+2"), &cause), ERR_LIMIT);
    assert_int_equal(cause, ADMISSION_MAX_CALLS);
    assert_false(admission_open(a, &cause));
    admission_leave(a, STR("+1"));
    assert_true(admission_open(a, &cause));
    assert_ok(admission_enter(a, STR("+1"), &cause));
    assert_int_equal(admission_calls(a), 3);
    for (int i = 0; i < 2; i++) {
        admission_leave(a, STR("+1"));
    }
    admission_leave(a, STR(""));
    assert_int_equal(admission_calls(a), 0);
    admission_free(a);
}

TEST(draining_and_new_limits_count_from_now_on)
{
    struct admission *a = new_admission(1, 0);
    enum admission_cause cause;
    assert_ok(admission_enter(a, STR("+1"), &cause));
    admission_set_limits(a, &(struct admission_limits){2, 0});
    assert_ok(admission_enter(a, STR("+1"), &cause));
    admission_set_limits(a, &(struct admission_limits){1, 0});
    assert_err(admission_enter(a, STR("+1"), &cause), ERR_LIMIT);
    admission_leave(a, STR("+1"));
    admission_leave(a, STR("+1"));
    admission_drain(a);
    assert_err(admission_enter(a, STR("+1"), &cause), ERR_LIMIT);
    assert_int_equal(cause, ADMISSION_DRAINING);
    assert_false(admission_open(a, &cause));
    admission_free(a);
}

static void *race(void *arg)
{
    struct admission *a = arg;
    enum admission_cause cause;
    uintptr_t got = 0;
    for (int i = 0; i < 1000; i++) {
        got += admission_enter(a, STR("+1"), &cause) == 0;
    }
    return (void *)got; /* nobody leaves: the sum over all threads must be the limit */
}

TEST(the_limit_holds_between_threads)
{
    struct admission *a = new_admission(777, 0);
    pthread_t threads[4];
    uintptr_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, a), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *got = NULL;
        assert_int_equal(pthread_join(threads[i], &got), 0);
        sum += (uintptr_t)got;
    }
    assert_int_equal(sum, 777);
    admission_free(a);
}

TEST(a_token_is_good_once_for_its_call_in_its_time)
{
    struct admission *a = new_admission(1, 0);
    struct host_id id = {3, 7};
    struct host_id got = {0};
    char token[ADMISSION_TOKEN_MAX];
    char newer[ADMISSION_TOKEN_MAX];
    assert_ok(admission_token_new(a, STR("CA1"), id, 1000, token));
    assert_int_equal(strlen(token), 32);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 32);
    assert_err(admission_token_use(a, str_from(token), STR("CA2"), 1, &got), ERR_AUTH);
    assert_err(admission_token_use(a, STR(""), STR("CA1"), 1, &got), ERR_AUTH);
    assert_err(admission_token_use(a, (struct str){token, 31}, STR("CA1"), 1, &got), ERR_AUTH);
    assert_ok(admission_token_use(a, str_from(token), STR("CA1"), 999, &got));
    assert_int_equal(got.slot, 3);
    assert_int_equal(got.generation, 7);
    assert_err(admission_token_use(a, str_from(token), STR("CA1"), 999, &got), ERR_AUTH);

    assert_ok(admission_token_new(a, STR("CA1"), id, 1000, token));
    assert_err(admission_token_use(a, str_from(token), STR("CA1"), 1000, &got), ERR_AUTH); /* too late */

    assert_ok(admission_token_new(a, STR("CA1"), id, 1000, token));
    assert_ok(admission_token_new(a, STR("CA1"), id, 2000, newer)); /* asked twice: the same answer, for longer */
    assert_string_equal(newer, token);
    assert_ok(admission_token_use(a, str_from(token), STR("CA1"), 1500, &got));
    assert_err(admission_token_use(a, str_from(newer), STR("CA1"), 1500, &got), ERR_AUTH);
    assert_ok(admission_token_new(a, STR("CA1"), id, 1000, token));
    assert_ok(admission_token_new(a, STR("CA2"), id, 1000, newer)); /* another call: it voids the older one */
    assert_err(admission_token_use(a, str_from(token), STR("CA1"), 1, &got), ERR_AUTH);
    admission_token_drop(a, id);
    assert_err(admission_token_use(a, str_from(newer), STR("CA1"), 1, &got), ERR_AUTH);
    admission_free(a);
}

TEST_MAIN(T(places_are_counted_in_all_and_by_number), T(draining_and_new_limits_count_from_now_on),
          T(the_limit_holds_between_threads), T(a_token_is_good_once_for_its_call_in_its_time))
