#include "test.h"
#include "trace.h"

#include "base/err.h"
#include "wire/openai.h"

static struct buf scratch;

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

/* How often each type comes in the trace of appendix A. */
TEST(the_whole_trace_decodes)
{
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    unsigned seen[OPENAI_EVENT_N] = {0};
    unsigned n = 0;
    for (size_t i = 0; i < t.n; i++) {
        struct openai_event e;
        const char *field = "";
        if (t.line[i].side != 'S') {
            continue;
        }
        int err = openai_decode(t.line[i].message, &scratch, &e, &field);
        if (err < 0) {
            fail_msg("line %zu: %s at %s", i + 1, err_name(err), field);
        }
        assert_int_not_equal(e.type, OPENAI_UNKNOWN);
        assert_str_is(e.type_name, openai_event_name(e.type));
        char id[16];
        snprintf(id, sizeof(id), "event_%03u", ++n);
        assert_str_is(e.event_id, id);
        seen[e.type]++;
    }
    assert_int_equal(n, 39);
    assert_int_equal(seen[OPENAI_ITEM_ADDED], 4);
    assert_int_equal(seen[OPENAI_RESPONSE_DONE], 2);
    assert_int_equal(seen[OPENAI_AUDIO_DELTA], 1);
    assert_int_equal(seen[OPENAI_SPEECH_STARTED], 2);
    trace_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_whole_trace_decodes, setup, teardown),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
