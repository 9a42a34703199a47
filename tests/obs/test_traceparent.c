/* The W3C trace context: what is taken over from whoever calls us, and what is not. */
#include "base/err.h"
#include "obs/traceparent.h"
#include "test.h"

#define GOOD "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

TEST(a_parent_is_taken_apart_and_put_together_again)
{
    struct trace_parent p;
    char text[TRACE_PARENT_TEXT + 1];
    assert_ok(traceparent_parse(STR(GOOD), STR("congo=t61rcWkgMzE, rojo=00f067aa0ba902b7"), &p));
    assert_int_equal(p.trace_id[0], 0x0a);
    assert_int_equal(p.trace_id[15], 0x9c);
    assert_int_equal(p.span_id[7], 0x31);
    assert_true(p.sampled);
    assert_string_equal(p.state, "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7");
    traceparent_print(&p, text);
    assert_string_equal(text, GOOD);
    p.sampled = false;
    traceparent_print(&p, text);
    assert_string_equal(text + 53, "00");
}

TEST(flags_beyond_the_first_are_ignored)
{
    struct trace_parent p;
    assert_ok(traceparent_parse(STR(" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe "), STR(""), &p));
    assert_false(p.sampled);
    assert_ok(traceparent_parse(STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"), STR(""), &p));
    assert_true(p.sampled);
    assert_string_equal(p.state, "");
}

static const struct {
    const char *name;
    const char *text;
} bad[] = {
    {"nothing", ""},
    {"one digit short", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"},
    {"upper case", "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"},
    {"version ff", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    {"version 00 and more", GOOD "-more"},
    {"later version without a dash", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x"},
    {"trace id of zeros", "00-00000000000000000000000000000000-b7ad6b7169203331-01"},
    {"span id of zeros", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"},
    {"no hexadecimal digit", "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01"},
    {"blanks for dashes", "00 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 01"},
    {"flags that are none", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0."},
};

TEST(a_malformed_parent_is_none)
{
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct trace_parent p = {.sampled = true};
        print_message("# %s\n", bad[i].name);
        assert_err(traceparent_parse(str_from(bad[i].text), STR(""), &p), ERR_SYNTAX);
        assert_true(p.sampled); /* untouched */
    }
}

TEST(a_later_version_is_read_as_far_as_we_know_it)
{
    struct trace_parent p;
    char text[TRACE_PARENT_TEXT + 1];
    assert_ok(traceparent_parse(STR("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"), STR(""), &p));
    traceparent_print(&p, text);
    assert_string_equal(text, GOOD); /* and goes on as ours */
}

TEST(a_state_that_is_malformed_or_too_long_is_dropped_alone)
{
    static const char *const states[] = {"=x", "a", "Key=x", "a=b,c", "a=\x01", "a=", "a=b=c", "*a=b"};
    struct trace_parent p;
    char long_one[TRACE_STATE_MAX + 2];
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        assert_ok(traceparent_parse(STR(GOOD), str_from(states[i]), &p));
        assert_string_equal(p.state, "");
    }
    memset(long_one, 'a', sizeof(long_one));
    long_one[1] = '=';
    assert_ok(traceparent_parse(STR(GOOD), (struct str){long_one, sizeof(long_one)}, &p));
    assert_string_equal(p.state, "");
    /* 33 members are one too many. */
    struct str many = STR("a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,"
                          "a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b");
    assert_ok(traceparent_parse(STR(GOOD), many, &p));
    assert_string_equal(p.state, "");
    many.n -= 4;
    assert_ok(traceparent_parse(STR(GOOD), many, &p));
    assert_int_equal(strlen(p.state), many.n);
}

TEST_MAIN(T(a_parent_is_taken_apart_and_put_together_again), T(flags_beyond_the_first_are_ignored),
          T(a_malformed_parent_is_none), T(a_later_version_is_read_as_far_as_we_know_it),
          T(a_state_that_is_malformed_or_too_long_is_dropped_alone))
