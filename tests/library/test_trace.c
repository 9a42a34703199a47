/* Traces of a program's own: spans without a session, in one, sessions below them, and who hears of it. */
#include <pthread.h>

#include "rig.h"

/* What a processor has heard; the names are looked for in it. */
struct heard {
    pthread_mutex_t lock;
    char lines[8192]; /* "trace/parent name session attributes status\n" of each span that ended */
    int begun, ended;
};

static void on_trace_start(const char *trace_id, const char *session_id, void *arg)
{
    struct heard *h = arg;
    (void)trace_id;
    (void)session_id;
    pthread_mutex_lock(&h->lock);
    h->begun++;
    pthread_mutex_unlock(&h->lock);
}

static void on_trace_end(const char *trace_id, const char *session_id, void *arg)
{
    struct heard *h = arg;
    (void)trace_id;
    (void)session_id;
    pthread_mutex_lock(&h->lock);
    h->ended++;
    pthread_mutex_unlock(&h->lock);
}

static void on_span_end(const struct rt_span *s, void *arg)
{
    struct heard *h = arg;
    pthread_mutex_lock(&h->lock);
    size_t n = strlen(h->lines);
    int put = snprintf(h->lines + n, sizeof(h->lines) - n, "%s/%s %s session=%d %s %s\n", s->trace_id, s->parent_id,
                       s->name, s->session_id[0] != '\0', s->attributes, s->status_text);
    assert_true(put > 0 && (size_t)put < sizeof(h->lines) - n);
    pthread_mutex_unlock(&h->lock);
}

static const struct rt_trace_processor processor = {sizeof(processor), on_trace_start, NULL, on_span_end, on_trace_end};

static struct rt_runner *traced_runner(struct heard *h, int disabled)
{
    struct rt_agent *a = make_agent("helper");
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    rt_runner_opts_init(&o);
    o.agent = a;
    o.env_file = "";
    o.trace_processor = h ? &processor : NULL;
    o.trace_arg = h;
    o.tracing_disabled = disabled;
    assert_int_equal(rt_runner_new(&o, &r, NULL, 0), 0);
    rt_agent_free(a);
    return r;
}

static void a_program_has_traces_of_its_own(void **state)
{
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rt_runner *r = traced_runner(&h, 0);
    struct rt_trace *t = NULL;
    char outer[RT_SPAN_ID_MAX], inner[RT_SPAN_ID_MAX], open[RT_SPAN_ID_MAX], line[256];
    (void)state;
    assert_int_equal(rt_trace_new(r, "nightly work", &t), 0);
    assert_int_equal(strlen(rt_trace_id(t)), 32);
    assert_int_equal(rt_trace_span_attribute(t, NULL, "my.run", "7"), 0);
    assert_int_equal(rt_trace_span_start(t, NULL, "outer", outer), 0);
    assert_int_equal(rt_trace_span_start(t, outer, "inner", inner), 0);
    assert_int_equal(rt_trace_span_start(t, NULL, "left open", open), 0);
    assert_int_equal(rt_trace_span_attribute(t, inner, "my.key", "my value"), 0);
    assert_int_equal(rt_trace_span_end(t, inner, "it was too much"), 0);
    assert_int_equal(rt_trace_span_end(t, inner, NULL), -ENOENT);
    assert_int_equal(rt_trace_span_attribute(t, inner, "my.key", "x"), -ENOENT);
    assert_int_equal(rt_trace_span_start(t, inner, "below what is over", open), -ENOENT);
    assert_int_equal(rt_trace_span_end(t, outer, NULL), 0);
    assert_int_equal(rt_runner_free(r), -RT_ERR_STATE);
    assert_true(snprintf(line, sizeof(line),
                         "%s/%s inner session=0 {\"my.key\":\"my value\",\"error.type\":\"program\"} it was too much\n",
                         rt_trace_id(t), outer) > 0);
    assert_non_null(strstr(h.lines, line));
    assert_int_equal(rt_trace_free(t), 0);
    assert_non_null(strstr(h.lines, " left open session=0 "));
    assert_non_null(strstr(h.lines, "/ nightly work session=0 {\"my.run\":\"7\"}")); /* nothing above it */
    assert_int_equal(h.begun, 1);
    assert_int_equal(h.ended, 1);
    assert_int_equal(rt_runner_free(r), 0);
}

static void a_session_may_stand_below_a_span_of_the_programs(void **state)
{
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rt_runner *r = traced_runner(&h, 0);
    struct rt_trace *t = NULL;
    struct rt_session_opts o;
    char span[RT_SPAN_ID_MAX], parent[RT_TRACEPARENT_MAX], line[128];
    (void)state;
    assert_int_equal(rt_trace_new(r, "a case", &t), 0);
    assert_int_equal(rt_trace_span_start(t, NULL, "first talk", span), 0);
    assert_int_equal(rt_trace_parent(t, span, parent), 0);
    assert_int_equal(strlen(parent), RT_TRACEPARENT_MAX - 1);
    rt_session_opts_init(&o);
    o.trace_parent = parent;
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_free(s), 0);
    assert_true(snprintf(line, sizeof(line), "%s/%s call session=1 ", rt_trace_id(t), span) > 0);
    assert_int_equal(rt_trace_free(t), 0);
    assert_int_equal(rt_runner_free(r), 0); /* its loop has told all */
    assert_non_null(strstr(h.lines, line));
}

struct spans {
    pthread_mutex_t lock;
    int traces, ended, started, own, tools;
    char own_id[17], attributes[256], status_text[64];
};

static void count_trace(const char *trace_id, const char *session_id, void *arg)
{
    struct spans *s = arg;
    assert_int_equal(strlen(trace_id), 32);
    assert_true(strlen(session_id) > 8);
    pthread_mutex_lock(&s->lock);
    s->traces++;
    pthread_mutex_unlock(&s->lock);
}

static void count_span(const struct rt_span *span, void *arg)
{
    struct spans *s = arg;
    assert_int_equal(span->end_us, 0);
    pthread_mutex_lock(&s->lock);
    s->started++;
    pthread_mutex_unlock(&s->lock);
}

static void count_span_end(const struct rt_span *span, void *arg)
{
    struct spans *s = arg;
    assert_true(span->end_us >= span->start_us);
    pthread_mutex_lock(&s->lock);
    s->tools += strcmp(span->type, "tool") == 0;
    if (strcmp(span->name, "my own work") == 0) {
        s->own++;
        assert_int_equal(span->status, RT_SPAN_ERROR);
        assert_int_equal(strlen(span->parent_id), 16);
        assert_true(snprintf(s->own_id, sizeof(s->own_id), "%s", span->span_id) == 16);
        assert_true(snprintf(s->attributes, sizeof(s->attributes), "%s", span->attributes) > 0);
        assert_true(snprintf(s->status_text, sizeof(s->status_text), "%s", span->status_text) > 0);
    }
    pthread_mutex_unlock(&s->lock);
}

static void count_trace_end(const char *trace_id, const char *session_id, void *arg)
{
    struct spans *s = arg;
    (void)session_id;
    assert_int_equal(strlen(trace_id), 32);
    pthread_mutex_lock(&s->lock);
    s->ended++;
    pthread_mutex_unlock(&s->lock);
}

static void a_program_hears_of_spans_and_adds_its_own(void **state)
{
    const struct rt_trace_processor p = {sizeof(p), count_trace, count_span, count_span_end, count_trace_end};
    struct spans spans = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct rt_agent *a = make_agent("helper");
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    int count = 0;
    char id[RT_SPAN_ID_MAX] = "";
    (void)state;
    struct rt_tool *tool = make_lookup(answer_sunny, &count);
    assert_int_equal(rt_agent_add_tool(a, tool), 0);
    rt_tool_free(tool);
    rt_runner_opts_init(&o);
    o.agent = a;
    o.env_file = "";
    o.trace_processor = &p;
    o.trace_arg = &spans;
    assert_int_equal(rt_runner_new(&o, &r, NULL, 0), 0);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    assert_int_equal(rt_session_span_start(s, "too early", id), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_span_start(s, "my own work", id), 0);
    assert_int_equal(strlen(id), 16);
    assert_int_equal(rt_session_span_attribute(s, id, "my.key", "my value"), 0);
    assert_int_equal(rt_session_span_attribute(s, "0123456789abcdef", "my.key", "x"), -ENOENT);
    assert_int_equal(rt_session_span_attribute(s, "no id", "my.key", "x"), -ENOENT);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    pass_event(s, RT_EVENT_TOOL_END);
    assert_int_equal(rt_session_span_end(s, id, "it was too much"), 0);
    assert_int_equal(rt_session_span_end(s, id, NULL), -ENOENT);
    rt_agent_free(a);
    done(s, r);
    assert_int_equal(spans.traces, 1);
    assert_int_equal(spans.ended, 1);
    assert_true(spans.started > 3);
    assert_int_equal(spans.tools, 1);
    assert_int_equal(spans.own, 1);
    assert_string_equal(spans.own_id, id);
    assert_non_null(strstr(spans.attributes, "\"my.key\":\"my value\""));
    assert_string_equal(spans.status_text, "it was too much");
}

struct on_loop {
    struct rt_runner *runner;
    int made, ended;
};

static void trace_there(struct rt_session *s, const struct rt_event *e, void *arg)
{
    struct on_loop *l = arg;
    struct rt_trace *t = NULL;
    (void)s;
    if (e->type == RT_EVENT_CONNECTION && strcmp(e->text, "connected") == 0) {
        l->made = rt_trace_new(l->runner, "in a callback", &t);
        l->ended = rt_trace_free(t);
    }
}

static void callbacks_may_trace_too(void **state)
{
    struct rt_runner *r = traced_runner(NULL, 0);
    struct on_loop l = {.runner = r, .made = 1, .ended = 1};
    struct rt_session_opts o;
    (void)state;
    rt_session_opts_init(&o);
    o.on_event = trace_there;
    o.event_arg = &l;
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_free(s), 0);
    assert_int_equal(l.made, 0);
    assert_int_equal(l.ended, 0);
    assert_int_equal(rt_runner_free(r), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct rt_runner *r = traced_runner(NULL, 0), *quiet = traced_runner(NULL, 1);
    struct rt_session_opts o;
    struct rt_session *s = NULL;
    struct rt_trace *t = NULL;
    char id[RT_SPAN_ID_MAX];
    (void)state;
    assert_int_equal(rt_trace_new(quiet, "unheard", &t), -RT_ERR_STATE);
    assert_int_equal(rt_trace_new(r, "", &t), -EINVAL);
    assert_int_equal(rt_trace_new(NULL, "x", &t), -EINVAL);
    assert_int_equal(rt_trace_free(NULL), 0);
    assert_int_equal(rt_trace_new(r, "x", &t), 0);
    assert_int_equal(rt_trace_span_start(t, "no id", "y", id), -ENOENT);
    assert_int_equal(rt_trace_span_start(t, NULL, "", id), -EINVAL);
    assert_int_equal(rt_trace_span_end(t, NULL, NULL), -EINVAL);
    assert_int_equal(rt_trace_free(t), 0);
    rt_session_opts_init(&o);
    o.trace_parent = "00-not-a-parent";
    assert_int_equal(rt_session_new(r, &o, &s), -EINVAL);
    assert_int_equal(rt_runner_free(r), 0);
    assert_int_equal(rt_runner_free(quiet), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_has_traces_of_its_own),
        cmocka_unit_test(a_session_may_stand_below_a_span_of_the_programs),
        cmocka_unit_test(a_program_hears_of_spans_and_adds_its_own),
        cmocka_unit_test(callbacks_may_trace_too),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, open_sandbox, close_sandbox);
}
