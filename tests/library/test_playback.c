/* Playback trackers by themselves, and what a session makes of them. */
#include <math.h>

#include "rig.h"

static struct rt_playback_state state_of(struct rt_playback *p)
{
    struct rt_playback_state s = {.struct_size = sizeof(s)};
    assert_int_equal(rt_playback_get_state(p, &s), 0);
    return s;
}

static void nothing_plays_at_first_and_after_an_interruption(void **state)
{
    struct rt_playback *p = NULL;
    (void)state;
    assert_int_equal(rt_playback_new(&p), 0);
    assert_false(state_of(p).playing);
    assert_int_equal(rt_playback_on_play_ms(p, "item", 1, 120), 0);
    assert_true(state_of(p).playing);
    assert_int_equal(state_of(p).content_index, 1);
    rt_playback_on_interrupted(p);
    assert_false(state_of(p).playing);
    assert_string_equal(state_of(p).item_id, "");
    assert_true(state_of(p).elapsed_ms == 0);
    rt_playback_free(p);
    rt_playback_free(NULL);
}

static void milliseconds_add_up_and_another_item_begins_anew(void **state)
{
    struct rt_playback *p = NULL;
    (void)state;
    assert_int_equal(rt_playback_new(&p), 0);
    assert_int_equal(rt_playback_on_play_ms(p, "one", 0, 20.5), 0);
    assert_int_equal(rt_playback_on_play_ms(p, "one", 0, 20.5), 0);
    assert_true(fabs(state_of(p).elapsed_ms - 41) < 0.001);
    assert_int_equal(rt_playback_on_play_ms(p, "two", 0, 5), 0);
    assert_string_equal(state_of(p).item_id, "two");
    assert_true(fabs(state_of(p).elapsed_ms - 5) < 0.001);
    assert_int_equal(rt_playback_on_play_ms(p, "two", 1, 7), 0);
    assert_true(fabs(state_of(p).elapsed_ms - 7) < 0.001);
    rt_playback_free(p);
}

static void bad_reports_change_nothing(void **state)
{
    struct rt_playback *p = NULL;
    struct rt_playback_state s = {.struct_size = 0};
    char long_id[200];
    (void)state;
    memset(long_id, 'x', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    assert_int_equal(rt_playback_new(&p), 0);
    assert_int_equal(rt_playback_on_play_ms(p, "item", 0, -1), -EINVAL);
    assert_int_equal(rt_playback_on_play_ms(p, "item", 0, NAN), -EINVAL);
    assert_int_equal(rt_playback_on_play_ms(p, "item", 0, INFINITY), -EINVAL);
    assert_int_equal(rt_playback_on_play_ms(p, "", 0, 1), -EINVAL);
    assert_int_equal(rt_playback_on_play_ms(p, long_id, 0, 1), -EINVAL);
    assert_int_equal(rt_playback_on_play_ms(p, NULL, 0, 1), -EINVAL);
    assert_int_equal(rt_playback_get_state(p, &s), -EINVAL);
    assert_false(state_of(p).playing);
    rt_playback_free(p);
}

/* Before a session has told the format, bytes cannot be milliseconds; nothing breaks. */
static void bytes_without_a_format_wait_for_it(void **state)
{
    struct rt_playback *p = NULL;
    (void)state;
    assert_int_equal(rt_playback_new(&p), 0);
    assert_int_equal(rt_playback_on_play_bytes(p, "item", 0, 4800), 0);
    assert_true(state_of(p).playing);
    assert_true(state_of(p).elapsed_ms == 0);
    rt_playback_free(p);
}

static void lengths_are_those_of_each_format(void **state)
{
    (void)state;
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCM16_24K), 48);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCM16_16K), 32);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCM16_8K), 16);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCMU), 8);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCMA), 8);
    assert_int_equal(rt_audio_bytes_per_ms((enum rt_audio_format)77), 0);
}

/* ---- in a session ---- */

static struct rt_session *open_session(struct rt_runner **ret, const struct rt_session_opts *o)
{
    struct rt_agent *a = make_agent("helper");
    *ret = make_runner(a, NULL);
    rt_agent_free(a);
    return make_session(*ret, &sandbox, o);
}

/* The program plays nothing of it: then nothing was heard, whatever the clock says. */
static void what_is_not_played_was_not_heard(void **state)
{
    struct rt_playback *p = NULL;
    struct rt_session_opts o;
    struct rt_runner *r = NULL;
    (void)state;
    assert_int_equal(rt_playback_new(&p), 0);
    rt_session_opts_init(&o);
    o.playback = p;
    struct rt_session *s = open_session(&r, &o), *second = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_connect(second), -EBUSY); /* one session at a time */
    assert_int_equal(rt_session_free(second), 0);
    assert_int_equal(rt_session_send_message(s, "Tell me a story"), 0);
    for (int i = 0; i < 4; i++) {
        pass_event(s, RT_EVENT_AUDIO);
    }
    assert_int_equal(rt_session_interrupt(s), 0);
    struct rt_event *e = await_event(s, RT_EVENT_AUDIO_INTERRUPTED);
    assert_int_equal(e->heard_ms, 0);
    rt_event_free(e);
    done(s, r);
    rt_playback_free(p);
}

/* What the program reports is what was heard, in milliseconds or bytes of the session's format. */
static void what_is_reported_was_heard(void **state)
{
    struct rt_playback *p = NULL;
    struct rt_session_opts o;
    struct rt_runner *r = NULL;
    uint32_t reported_ms = 0;
    (void)state;
    assert_int_equal(rt_playback_new(&p), 0);
    rt_session_opts_init(&o);
    o.playback = p;
    o.format = RT_AUDIO_PCMU;
    struct rt_session *s = open_session(&r, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Tell me a story"), 0);
    for (int i = 0; i < 10; i++) {
        struct rt_event *e = await_event(s, RT_EVENT_AUDIO);
        assert_int_equal(rt_playback_on_play_bytes(p, e->item_id, 0, e->audio_bytes), 0);
        reported_ms += (uint32_t)(e->audio_bytes / 8);
        rt_event_free(e);
    }
    struct rt_playback_state at = state_of(p);
    assert_true(fabs(at.elapsed_ms - reported_ms) < 1);
    assert_int_equal(rt_session_interrupt(s), 0);
    struct rt_event *e = await_event(s, RT_EVENT_AUDIO_INTERRUPTED);
    assert_true(e->heard_ms > 0);
    assert_true(e->heard_ms <= reported_ms + 200); /* and never more than that, but for what plays right now */
    rt_event_free(e);
    assert_false(state_of(p).playing); /* the session has told it */
    done(s, r);
    rt_playback_free(p);
}

static void no_state(struct rt_playback_state *ret, void *arg)
{
    ++*(int *)arg;
    ret->playing = 0;
}

static void a_tracker_may_be_the_programs_own(void **state)
{
    const struct rt_playback_ops ops = {.struct_size = sizeof(ops), .get_state = no_state};
    struct rt_session_opts o;
    struct rt_runner *r = NULL;
    int asked = 0;
    (void)state;
    rt_session_opts_init(&o);
    o.playback_ops = &ops;
    o.playback_arg = &asked;
    struct rt_session *s = open_session(&r, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    pass_event(s, RT_EVENT_AUDIO);
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(rt_session_interrupt(s), 0);
    assert_int_equal(rt_session_free(s), 0);
    assert_true(asked > 0);
    assert_int_equal(rt_runner_free(r), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_plays_at_first_and_after_an_interruption),
        cmocka_unit_test(milliseconds_add_up_and_another_item_begins_anew),
        cmocka_unit_test(bad_reports_change_nothing),
        cmocka_unit_test(bytes_without_a_format_wait_for_it),
        cmocka_unit_test(lengths_are_those_of_each_format),
        cmocka_unit_test(what_is_not_played_was_not_heard),
        cmocka_unit_test(what_is_reported_was_heard),
        cmocka_unit_test(a_tracker_may_be_the_programs_own),
    };
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, open_sandbox, close_sandbox);
}
