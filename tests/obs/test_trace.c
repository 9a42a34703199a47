/* Traces and spans: nesting, times, limits, and whom they are told to. */
#include <stdio.h>

#include "base/err.h"
#include "fakes/alloc_fail.h"
#include "obs/trace.h"
#include "test.h"

#define WALL 1700000000000000u
#define NOW  5000000u

/* Counts up, so that ids differ and are known; begins with zeros, which are no id. */
static uint8_t next_byte;

static void fake_random(void *p, size_t n)
{
    memset(p, next_byte++, n);
}

/* What a processor was told, as text. */
struct ear {
    struct tracer *tracer;
    char text[2000];
    struct trace_span last;
    char last_name[64];
    bool leave;         /* at the next word */
    bool start_another; /* likewise: a span of its own */
};

static const struct trace_processor ear_processor;

static void hear(struct ear *e, const char *what, struct str name)
{
    size_t n = strlen(e->text);
    assert_true(snprintf(e->text + n, sizeof(e->text) - n, "%s " STR_FMT "; ", what, STR_ARG(name)) > 0);
    if (e->leave) {
        tracer_remove(e->tracer, &ear_processor, e);
    }
}

static void ear_trace_start(const struct trace *t, void *arg)
{
    hear(arg, "begin", trace_group(t));
}

static void ear_span_start(const struct trace_span *s, void *arg)
{
    hear(arg, "start", s->name);
}

static void ear_span_end(const struct trace_span *s, void *arg)
{
    struct ear *e = arg;
    hear(e, "end", s->name);
    e->last = *s;
    assert_ok(str_copy(e->last_name, sizeof(e->last_name), s->name));
    if (e->start_another) {
        e->start_another = false;
        span_end(span_start(s->trace, NULL, TRACE_CUSTOM, TRACE_INTERNAL, STR("another"), NOW), NOW);
    }
}

static void ear_trace_end(const struct trace *t, void *arg)
{
    hear(arg, "over", trace_group(t));
}

static const struct trace_processor ear_processor = {
    .name = "ear",
    .on_trace_start = ear_trace_start,
    .on_span_start = ear_span_start,
    .on_span_end = ear_span_end,
    .on_trace_end = ear_trace_end,
};

struct fixture {
    struct tracer *tracer;
    struct trace *trace;
    struct ear ear;
};

static void set_up(struct fixture *f, const struct trace_parent *remote)
{
    const struct trace_opts o = {.group = STR("c1"), .remote = remote, .wall_us = WALL, .now_us = NOW};
    *f = (struct fixture){0};
    next_byte = 0;
    assert_ok(tracer_new(&(struct tracer_opts){.random = fake_random}, &f->tracer));
    f->ear.tracer = f->tracer;
    assert_ok(tracer_add(f->tracer, &ear_processor, &f->ear));
    assert_ok(trace_new(f->tracer, &o, &f->trace));
}

static void tear_down(struct fixture *f)
{
    trace_free(f->trace, NOW + 9000000);
    tracer_free(f->tracer);
}

static struct trace_span *begin(struct fixture *f, const struct trace_span *parent, const char *name, uint64_t at_us)
{
    return span_start(f->trace, parent, TRACE_CUSTOM, TRACE_INTERNAL, str_from(name), NOW + at_us);
}

TEST(spans_nest_below_their_parents_and_the_first_is_the_root)
{
    struct fixture f;
    set_up(&f, NULL);
    struct trace_span *root = begin(&f, NULL, "call", 0);
    struct trace_span *turn = begin(&f, root, "turn", 10);
    struct trace_span *tool = begin(&f, turn, "tool", 20);
    struct trace_span *other = begin(&f, NULL, "other", 30); /* below the root */
    assert_memory_equal(turn->parent_id, root->id, 8);
    assert_memory_equal(tool->parent_id, turn->id, 8);
    assert_memory_equal(other->parent_id, root->id, 8);
    assert_memory_equal(root->parent_id, "\0\0\0\0\0\0\0", 8);
    assert_int_equal(root->start_us, WALL);
    assert_int_equal(tool->start_us, WALL + 20);
    span_end(tool, NOW + 50);
    assert_int_equal(f.ear.last.end_us, WALL + 50);
    assert_int_equal(f.ear.last.seq, 3);
    f.trace = trace_free(f.trace, NOW + 60); /* ends the rest, the newest first */
    assert_string_equal(f.ear.text, "begin c1; start call; start turn; start tool; start other; end tool; end other; "
                                    "end turn; end call; over c1; ");
    tear_down(&f);
}

TEST(a_trace_goes_on_from_whoever_called_us)
{
    struct fixture f;
    struct trace_parent remote, ours;
    assert_ok(traceparent_parse(STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), STR("a=b"), &remote));
    set_up(&f, &remote);
    struct trace_span *root = begin(&f, NULL, "call", 0);
    assert_memory_equal(trace_id(f.trace), remote.trace_id, TRACE_ID_BYTES);
    assert_memory_equal(root->parent_id, remote.span_id, 8);
    span_context(root, &ours);
    assert_memory_equal(ours.trace_id, remote.trace_id, TRACE_ID_BYTES);
    assert_memory_equal(ours.span_id, root->id, 8);
    assert_true(ours.sampled);
    assert_string_equal(ours.state, "a=b");
    tear_down(&f);
}

TEST(an_id_is_never_all_zero)
{
    struct fixture f;
    set_up(&f, NULL); /* the first draw gives zeros */
    assert_int_equal(trace_id(f.trace)[0], 1);
    next_byte = 0;
    assert_int_equal(begin(&f, NULL, "call", 0)->id[0], 1);
    tear_down(&f);
}

TEST(attributes_are_replaced_and_cut_between_characters)
{
    struct fixture f;
    char text[TRACE_MAX_TEXT + 4];
    set_up(&f, NULL);
    struct trace_span *s = begin(&f, NULL, "call", 0);
    span_str(s, "a", STR("old"));
    span_str(s, "a", STR("new"));
    span_int(s, "n", -5);
    span_f64(s, "f", 0.5);
    span_bool(s, "b", true);
    span_strs(s, "list", STR("stop"));
    span_str(s, "empty", STR(""));
    char own[] = "own";
    span_own_str(s, str_from(own), STR("v"));
    own[0] = 'x'; /* copied */
    memset(text, 'a', sizeof(text));
    memcpy(text + TRACE_MAX_TEXT - 1, "\xc3\xa4", 2);
    span_str(s, "long", (struct str){text, sizeof(text)});
    assert_int_equal(s->n_attrs, 7);
    assert_str_is(s->attrs[0].text, "new");
    assert_int_equal(s->attrs[1].i, -5);
    assert_str_is(s->attrs[4].text, "stop");
    assert_str_is(s->attrs[5].key, "own");
    assert_int_equal(s->attrs[6].text.n, TRACE_MAX_TEXT - 1);
    for (int i = 0; i < TRACE_MAX_ATTRS; i++) {
        char key[16];
        assert_true(snprintf(key, sizeof(key), "k%d", i) > 0);
        span_own_str(s, str_from(key), STR("v"));
    }
    assert_int_equal(s->n_attrs, TRACE_MAX_ATTRS);
    assert_int_equal(s->dropped_attrs, 7);
    tear_down(&f);
}

TEST(the_first_error_stays)
{
    struct fixture f;
    set_up(&f, NULL);
    struct trace_span *s = begin(&f, NULL, "tool", 0);
    span_error(s, STR("timeout"), STR("too slow"));
    span_error(s, STR("other"), STR("later"));
    assert_int_equal(s->status, TRACE_ERROR);
    assert_str_is(s->status_text, "too slow");
    assert_str_is(s->attrs[0].key, "error.type");
    assert_str_is(s->attrs[0].text, "timeout");
    tear_down(&f);
}

TEST(events_have_their_moment_and_a_limit)
{
    struct fixture f;
    set_up(&f, NULL);
    struct trace_span *s = begin(&f, NULL, "turn", 0);
    span_event(s, "barge-in", NOW + 7, "verdict", STR("speech"));
    assert_int_equal(s->events[0].at_us, WALL + 7);
    assert_str_is(s->events[0].attrs[0].text, "speech");
    for (int i = 0; i < TRACE_MAX_EVENTS; i++) {
        span_event(s, "x", NOW, NULL, STR_NULL);
    }
    assert_int_equal(s->n_events, TRACE_MAX_EVENTS);
    assert_int_equal(s->dropped_events, 1);
    tear_down(&f);
}

TEST(times_stay_in_order)
{
    struct fixture f;
    set_up(&f, NULL);
    struct trace_span *s = begin(&f, NULL, "turn", 500);
    span_start_at(s, NOW + 100);
    assert_int_equal(s->start_us, WALL + 100);
    span_start_at(s, NOW - 50); /* before the trace began: the caller spoke first */
    assert_int_equal(s->start_us, WALL - 50);
    span_start_at(s, NOW + 100);
    span_end(s, NOW + 20);
    assert_int_equal(f.ear.last.end_us, WALL + 100);
    tear_down(&f);
}

TEST(over_a_limit_spans_are_counted_and_nothing_else_happens)
{
    struct fixture f;
    set_up(&f, NULL);
    f.ear.leave = true; /* its text is too short for all of it */
    for (int i = 0; i < TRACE_MAX_OPEN; i++) {
        assert_non_null(begin(&f, NULL, "x", 0));
    }
    struct trace_span *none = begin(&f, NULL, "one too many", 0);
    assert_null(none);
    assert_int_equal(trace_dropped(f.trace), 1);
    span_str(none, "a", STR("b"));
    span_own_str(none, STR("a"), STR("b"));
    span_strs(none, "a", STR("b"));
    span_int(none, "a", 1);
    span_event(none, "e", NOW, "k", STR("v"));
    span_error(none, STR("e"), STR("t"));
    span_start_at(none, NOW);
    span_rename(none, STR("n"));
    span_end(none, NOW);
    assert_null(span_start(NULL, NULL, TRACE_CALL, TRACE_SERVER, STR("x"), NOW));
    tear_down(&f);
}

TEST(without_a_tracer_there_is_no_trace)
{
    struct trace *t = (struct trace *)&next_byte;
    assert_ok(trace_new(NULL, &(struct trace_opts){0}, &t));
    assert_null(t);
    assert_null(trace_free(t, NOW));
    assert_null(trace_find(t, (const uint8_t *)"12345678"));
}

TEST(an_open_span_is_found_by_its_id)
{
    struct fixture f;
    uint8_t id[TRACE_SPAN_BYTES];
    set_up(&f, NULL);
    begin(&f, NULL, "call", 0);
    struct trace_span *s = begin(&f, NULL, "mine", 0);
    memcpy(id, s->id, sizeof(id));
    assert_ptr_equal(trace_find(f.trace, id), s);
    span_end(s, NOW);
    assert_null(trace_find(f.trace, id));
    tear_down(&f);
}

TEST(a_span_may_be_announced_with_its_first_attributes)
{
    struct fixture f;
    set_up(&f, NULL);
    struct trace_span *s = span_make(f.trace, NULL, TRACE_CALL, TRACE_SERVER, STR("call"), NOW);
    assert_string_equal(f.ear.text, "begin c1; ");
    span_str(s, "a", STR("b"));
    span_announce(s);
    span_announce(s); /* once */
    assert_string_equal(f.ear.text, "begin c1; start call; ");
    span_end(span_make(f.trace, s, TRACE_TOOL, TRACE_INTERNAL, STR("tool"), NOW), NOW); /* never left out */
    assert_string_equal(f.ear.text, "begin c1; start call; start tool; end tool; ");
    span_announce(NULL);
    tear_down(&f);
}

TEST(a_handler_may_leave_and_may_trace)
{
    struct fixture f;
    struct ear second = {0};
    set_up(&f, NULL);
    second.tracer = f.tracer;
    assert_ok(tracer_add(f.tracer, &ear_processor, &second));
    f.ear.leave = true;
    struct trace_span *root = begin(&f, NULL, "call", 0);
    assert_string_equal(f.ear.text, "begin c1; start call; ");
    second.start_another = true;
    span_end(root, NOW);
    assert_string_equal(second.text, "start call; end call; start another; end another; ");
    assert_string_equal(f.ear.text, "begin c1; start call; ");
    tear_down(&f);
}

TEST(there_is_room_for_so_many_processors)
{
    struct fixture f;
    struct ear more[TRACE_MAX_PROCESSORS] = {0};
    set_up(&f, NULL);
    for (int i = 0; i < TRACE_MAX_PROCESSORS - 1; i++) {
        assert_ok(tracer_add(f.tracer, &ear_processor, &more[i]));
    }
    assert_err(tracer_add(f.tracer, &ear_processor, &more[TRACE_MAX_PROCESSORS - 1]), ENOSPC);
    tracer_remove(f.tracer, &ear_processor, &more[3]);
    assert_ok(tracer_add(f.tracer, &ear_processor, &more[TRACE_MAX_PROCESSORS - 1]));
    tear_down(&f);
}

static bool sampled(enum trace_sampler sampler, double ratio, const struct trace_parent *remote, uint8_t first)
{
    const struct trace_opts o = {.remote = remote, .wall_us = WALL, .now_us = NOW};
    struct tracer *tracer = NULL;
    struct trace *t = NULL;
    assert_ok(tracer_new(&(struct tracer_opts){.random = fake_random}, &tracer));
    tracer_set_sampler(tracer, sampler, ratio);
    next_byte = first;
    assert_ok(trace_new(tracer, &o, &t));
    bool yes = trace_sampled(t);
    trace_free(t, NOW);
    tracer_free(tracer);
    return yes;
}

TEST(samplers_decide_as_their_names_say)
{
    struct trace_parent yes = {.sampled = true, .trace_id = {1}, .span_id = {1}};
    struct trace_parent no = {.sampled = false, .trace_id = {1}, .span_id = {1}};
    assert_true(sampled(TRACE_PARENT_ALWAYS_ON, 0, NULL, 1));
    assert_true(sampled(TRACE_PARENT_ALWAYS_ON, 0, &yes, 1));
    assert_false(sampled(TRACE_PARENT_ALWAYS_ON, 0, &no, 1));
    assert_false(sampled(TRACE_PARENT_ALWAYS_OFF, 0, NULL, 1));
    assert_true(sampled(TRACE_PARENT_ALWAYS_OFF, 0, &yes, 1));
    assert_true(sampled(TRACE_ALWAYS_ON, 0, &no, 1));
    assert_false(sampled(TRACE_ALWAYS_OFF, 0, &yes, 1));
    /* Bytes of 0x7f are just below the half, bytes of 0x81 above. */
    assert_true(sampled(TRACE_RATIO, 0.5, &no, 1));
    assert_true(sampled(TRACE_RATIO, 0.5, NULL, 0x7f));
    assert_false(sampled(TRACE_RATIO, 0.5, NULL, 0x81));
    assert_false(sampled(TRACE_PARENT_RATIO, 1, &no, 1));
    assert_true(sampled(TRACE_PARENT_RATIO, 1, NULL, 0xff));
    assert_false(sampled(TRACE_RATIO, 0, NULL, 1));
}

static bool runs(struct fixture *f)
{
    const struct trace_opts o = {.group = STR("c1"), .wall_us = WALL, .now_us = NOW};
    bool ok = tracer_new(&(struct tracer_opts){.random = fake_random}, &f->tracer) >= 0 &&
              trace_new(f->tracer, &o, &f->trace) >= 0;
    if (!ok) {
        return false;
    }
    struct trace_span *s = begin(f, NULL, "call", 0);
    span_str(s, "a", STR("b"));
    span_event(s, "e", NOW, "k", STR("v"));
    bool whole = s && s->name.n == 4 && s->n_attrs == 1 && s->attrs[0].text.n == 1 && s->n_events == 1 &&
                 s->events[0].n_attrs == 1;
    assert_true(!s || (s->n_attrs + s->dropped_attrs == 1 && s->n_events + s->dropped_events == 1));
    span_end(s, NOW);
    return whole;
}

TEST(a_span_costs_what_it_holds)
{
    assert_true(sizeof(struct trace_span) <= 256); /* a call has two or three open ones all its life */
}

TEST(without_memory_a_span_is_lost_and_nothing_else)
{
    bool done = false;
    for (uint32_t n = 1; !done; n++) {
        struct fixture f = {0};
        next_byte = 1;
        alloc_fail_at(n);
        done = runs(&f) && !alloc_has_failed();
        alloc_fail_at(0);
        tear_down(&f);
        assert_true(n < 50);
    }
}

TEST(types_have_words)
{
    for (int i = 0; i < TRACE_TYPE_N; i++) {
        assert_non_null(trace_type_word((enum trace_type)i));
    }
    assert_string_equal(trace_type_word(TRACE_GUARDRAIL), "guardrail");
    assert_string_equal(trace_type_word(TRACE_TYPE_N), "custom");
}

TEST_MAIN(T(spans_nest_below_their_parents_and_the_first_is_the_root), T(a_trace_goes_on_from_whoever_called_us),
          T(an_id_is_never_all_zero), T(attributes_are_replaced_and_cut_between_characters), T(the_first_error_stays),
          T(events_have_their_moment_and_a_limit), T(times_stay_in_order),
          T(over_a_limit_spans_are_counted_and_nothing_else_happens), T(without_a_tracer_there_is_no_trace),
          T(an_open_span_is_found_by_its_id), T(a_handler_may_leave_and_may_trace),
          T(a_span_may_be_announced_with_its_first_attributes), T(there_is_room_for_so_many_processors),
          T(samplers_decide_as_their_names_say), T(a_span_costs_what_it_holds),
          T(without_memory_a_span_is_lost_and_nothing_else), T(types_have_words))
