/* A gateway inside a program: what may be given to it, when, and how it ends. Calls: examples.py, by telephone. */
#include "rig.h"

static const char config[] = "server: {listen: \"127.0.0.1:0\"}\n"
                             "records: {recording: false, journal: false, dir: library-gateway}\n"
                             "providers: {far: {kind: openai, url: \"ws://127.0.0.1:1\", api_key: none-at-all}}\n"
                             "agents:\n"
                             "  desk: {instructions: Hello., tools: [end_call]}\n"
                             "  back: {instructions: Hello., tools: []}\n";

static void nothing(struct rt_tool_call *call, void *arg)
{
    (void)arg;
    assert_int_equal(rt_tool_call_done(call, "{}"), 0);
}

static int calm(const struct rt_guardrail_check *check, struct rt_text *why, void *arg)
{
    (void)check;
    (void)why;
    (void)arg;
    return 0;
}

static struct rt_tool *make_tool(const char *name, void *arg)
{
    struct rt_tool *t = NULL;
    assert_int_equal(rt_tool_new(name, "", NULL, nothing, arg, &t), 0);
    return t;
}

static struct rt_gateway *open_gateway(void)
{
    struct rt_gateway_opts o;
    struct rt_gateway *gw = NULL;
    char why[512] = "";
    rt_gateway_opts_init(&o);
    o.config_text = config;
    o.env_file = "";
    int err = rt_gateway_new(&o, &gw, why, sizeof(why));
    assert_string_equal(why, "");
    assert_int_equal(err, 0);
    return gw;
}

static void tools_go_to_agents_that_exist_once(void **state)
{
    struct rt_gateway *gw = open_gateway();
    struct rt_tool *one = make_tool("one", &gw), *other = make_tool("one", &one), *clash = make_tool("end_call", NULL);
    (void)state;
    assert_int_equal(rt_gateway_add_tool(gw, "nobody", one), -ENOENT);
    assert_int_equal(rt_gateway_add_tool(gw, "desk", one), 0);
    assert_int_equal(rt_gateway_add_tool(gw, "desk", one), -EEXIST);
    assert_int_equal(rt_gateway_add_tool(gw, NULL, one), -EEXIST); /* the desk has it */
    assert_int_equal(rt_gateway_add_tool(gw, "back", one), 0);
    assert_int_equal(rt_gateway_add_tool(gw, "back", other), -EEXIST); /* another function of the same name */
    assert_int_equal(rt_gateway_add_tool(gw, "back", clash), -EEXIST); /* the configuration's */
    assert_int_equal(rt_gateway_add_tool(gw, "back", NULL), -EINVAL);
    struct rt_guardrail *guard = NULL;
    assert_int_equal(rt_guardrail_new("calm", calm, NULL, &guard), 0);
    assert_int_equal(rt_gateway_add_guardrail(gw, "nobody", guard), -ENOENT);
    assert_int_equal(rt_gateway_add_guardrail(gw, "desk", guard), 0);
    assert_int_equal(rt_gateway_add_guardrail(gw, NULL, guard), 0);
    rt_guardrail_free(guard);
    rt_tool_free(one);
    rt_tool_free(other);
    rt_tool_free(clash);
    rt_gateway_free(gw);
}

static void on_approval(const struct rt_approval_request *request, void *arg)
{
    (void)request;
    (void)arg;
}

static void it_runs_on_a_thread_of_its_own_once(void **state)
{
    struct rt_gateway *gw = open_gateway();
    struct rt_tool *late = make_tool("late", NULL);
    (void)state;
    assert_int_equal(rt_gateway_wait(gw), 0); /* nothing to wait for */
    assert_int_equal(rt_gateway_set_approval_fn(gw, on_approval, NULL), 0);
    assert_int_equal(rt_gateway_start(gw), 0);
    assert_int_equal(rt_gateway_start(gw), -RT_ERR_STATE);
    assert_int_equal(rt_gateway_run(gw), -RT_ERR_STATE);
    assert_int_equal(rt_gateway_add_tool(gw, NULL, late), -RT_ERR_STATE);
    assert_int_equal(rt_gateway_set_approval_fn(gw, on_approval, NULL), -RT_ERR_STATE);
    assert_true(rt_gateway_port(gw) > 0);
    assert_int_equal(rt_gateway_calls(gw), 0);
    assert_int_equal(rt_gateway_approve(gw, "no such call", "nor such a tool", 0), 0); /* nobody's mistake */
    assert_int_equal(rt_gateway_reject(gw, NULL, "x", 0, NULL), -EINVAL);
    rt_gateway_stop(gw, 1);
    assert_int_equal(rt_gateway_wait(gw), 0);
    assert_int_equal(rt_gateway_wait(gw), 0);
    rt_tool_free(late);
    rt_gateway_free(gw);
}

static void one_that_was_started_is_stopped_when_it_is_freed(void **state)
{
    struct rt_gateway *gw = open_gateway();
    (void)state;
    assert_int_equal(rt_gateway_start(gw), 0);
    rt_gateway_free(gw);
    rt_gateway_free(NULL);
}

static void a_reload_keeps_what_the_program_gave(void **state)
{
    struct rt_gateway *gw = open_gateway();
    struct rt_tool *one = make_tool("one", NULL);
    (void)state;
    assert_int_equal(rt_gateway_add_tool(gw, NULL, one), 0);
    rt_tool_free(one);
    assert_int_equal(rt_gateway_start(gw), 0);
    rt_gateway_reload(gw);
    rt_gateway_stop(gw, 1);
    assert_int_equal(rt_gateway_wait(gw), 0);
    rt_gateway_free(gw);
}

/* A program compiled when the options had fewer members. */
static void options_of_an_older_header_are_understood(void **state)
{
    struct rt_gateway_opts o;
    struct rt_gateway *gw = NULL;
    char why[256] = "";
    (void)state;
    memset(&o, 0x5A, sizeof(o));
    o.struct_size = offsetof(struct rt_gateway_opts, config_text);
    o.config_file = "no/such/file.yaml";
    o.env_file = "";
    o.log = NULL;
    o.log_arg = NULL;
    assert_true(rt_gateway_new(&o, &gw, why, sizeof(why)) < 0);
    assert_non_null(strstr(why, "no/such/file.yaml")); /* and not what stands behind */
    assert_null(gw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_go_to_agents_that_exist_once),
        cmocka_unit_test(it_runs_on_a_thread_of_its_own_once),
        cmocka_unit_test(one_that_was_started_is_stopped_when_it_is_freed),
        cmocka_unit_test(a_reload_keeps_what_the_program_gave),
        cmocka_unit_test(options_of_an_older_header_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
