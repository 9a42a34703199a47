#include "test.h"

#include <stdio.h>

#include "base/err.h"
#include "wire/plivo_calls.h"

static struct buf scratch;
static struct plivo_calls calls;

static int setup(void **state UNUSED)
{
    buf_init(&scratch, 1 << 20);
    return 0;
}

static int teardown(void **state UNUSED)
{
    buf_done(&scratch);
    return 0;
}

#define CDR                                                                                                            \
    "{\"api_id\":\"a\",\"call_uuid\":\"u-1\",\"answer_time\":\"2026-01-05 10:00:02+05:30\",\"initiation_time\":"       \
    "\"2026-01-05 09:59:49+05:30\",\"end_time\":\"2026-01-05 "                                                         \
    "10:01:14+05:30\",\"bill_duration\":72,\"call_direction\":"                                                        \
    "\"outbound\",\"from_number\":\"+14155550100\",\"to_number\":\"14155550101\",\"hangup_cause_name\":"               \
    "\"Normal \\\"Hangup\\\"\",\"hangup_cause_code\":4000}"

TEST(a_finished_call_a_page_and_ids_are_read)
{
    assert_ok(plivo_calls_parse(STR(CDR), &scratch, &calls));
    assert_int_equal(calls.n, 1);
    const struct plivo_call *c = &calls.list[0];
    assert_str_is(c->uuid, "u-1");
    assert_str_is(c->from, "+14155550100");
    assert_str_is(c->to, "14155550101");
    assert_str_is(c->direction, "outbound");
    assert_str_is(c->cause, "Normal \"Hangup\"");
    assert_int_equal(c->cause_code, 4000);
    assert_int_equal(c->duration_s, 72);
    assert_int_equal(c->created_s, 1767587389); /* 04:29:49 UTC */
    assert_true(c->answered && c->ended);
    buf_clear(&scratch);
    assert_ok(plivo_calls_parse(STR("{\"meta\":{\"next\":\"/v1/x\"},\"objects\":[" CDR ",7,{},{\"call_uuid\":\"u-2\","
                                    "\"bill_duration\":\"5\",\"answer_time\":null}]}"),
                                &scratch, &calls));
    assert_int_equal(calls.n, 2);
    assert_true(calls.more);
    assert_int_equal(calls.list[1].duration_s, 5);
    assert_false(calls.list[1].answered || calls.list[1].ended);
    buf_clear(&scratch);
    assert_ok(plivo_calls_parse(STR("{\"api_id\":\"a\",\"calls\":[\"u-1\",\"u-2\",3,\"\"]}"), &scratch, &calls));
    assert_int_equal(calls.n, 2);
    assert_false(calls.more);
    assert_str_is(calls.list[1].uuid, "u-2");
    assert_int_equal(calls.list[1].duration_s, -1);
}

TEST(what_is_no_answer_is_refused)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"", -ERR_SYNTAX},    {"<html>", -ERR_SYNTAX},         {"[]", -ERR_SYNTAX},
        {"{}", -ERR_MISSING}, {"{\"calls\":1}", -ERR_MISSING}, {"{\"call_uuid\":7}", -ERR_MISSING},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(plivo_calls_parse(str_from(cases[i].text), &scratch, &calls), cases[i].err);
    }
    struct str whole = STR(CDR);
    for (size_t n = 0; n < whole.n; n++) {
        buf_clear(&scratch);
        assert_true(plivo_calls_parse((struct str){whole.p, n}, &scratch, &calls) < 0);
    }
}

TEST(more_than_a_page_is_said)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_puts(&text, "{\"calls\":[\"u\"");
    for (int i = 0; i < PLIVO_CALLS_MAX; i++) {
        buf_puts(&text, ",\"u\"");
    }
    buf_puts(&text, "]}");
    assert_ok(plivo_calls_parse(buf_str(&text), &scratch, &calls));
    assert_int_equal(calls.n, PLIVO_CALLS_MAX);
    assert_true(calls.more);
    buf_done(&text);
}

TEST(dates_are_read_in_each_spelling)
{
    static const struct {
        const char *text;
        int err;
        int64_t want;
    } cases[] = {
        {"1970-01-01 00:00:00", 0, 0},
        {"2026-01-05 09:59:49.722551", 0, 1767607189},
        {"2026-01-05T09:59:49Z", 0, 1767607189},
        {"2026-01-05 09:59:49+0530", 0, 1767587389},
        {"2026-01-05 09:59:49-01:00", 0, 1767610789},
        {"2026-01-05", -ERR_SYNTAX, 0},
        {"2026-01-05 09:59:49 ", -ERR_SYNTAX, 0},
        {"2026-01-05 09:59:49+5", -ERR_SYNTAX, 0},
        {"2026-13-05 09:59:49", -ERR_RANGE, 0},
        {"1969-01-05 09:59:49", -ERR_RANGE, 0},
        {"2026-01-05 24:59:49", -ERR_RANGE, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t got = 0;
        assert_int_equal(plivo_date_parse(str_from(cases[i].text), &got), cases[i].err);
        assert_int_equal(got, cases[i].want);
    }
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(a_finished_call_a_page_and_ids_are_read),
    U(what_is_no_answer_is_refused),
    U(more_than_a_page_is_said),
    U(dates_are_read_in_each_spelling),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
