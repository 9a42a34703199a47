/* Agents of a program: handoffs, approvals, conditions, settings in layers, names that must differ. */
#include <pthread.h>

#include "rig.h"

static char asked_by[64]; /* the agent who used a tool last */

static void answer(struct rt_tool_call *call, void *arg)
{
    int *uses = arg;
    ++*uses;
    assert_true(snprintf(asked_by, sizeof(asked_by), "%s", rt_tool_call_agent(call)) < (int)sizeof(asked_by));
    assert_int_equal(rt_tool_call_done(call, "{\"answer\":\"sunny\"}"), 0);
}

static struct rt_tool *make_tool(const char *name, void *arg)
{
    struct rt_tool *t = NULL;
    assert_int_equal(rt_tool_new(name, "Looks something up.", NULL, answer, arg, &t), 0);
    return t;
}

static struct rt_settings *text_settings(void)
{
    struct rt_settings *s = NULL;
    assert_int_equal(rt_settings_new(&s), 0);
    assert_int_equal(rt_settings_set_json(s, "modalities", "[\"text\"]"), 0);
    return s;
}

/* Takes the agent. */
static struct rt_session *open_session(struct rt_agent *agent, struct rt_runner **ret)
{
    struct rt_settings *settings = text_settings();
    *ret = make_runner(agent, settings);
    rt_settings_free(settings);
    rt_agent_free(agent);
    struct rt_session *s = make_session(*ret, &sandbox, NULL);
    assert_int_equal(rt_session_connect(s), 0);
    return s;
}

static void await_words(struct rt_session *s, const char *words)
{
    for (;;) {
        struct rt_event *e = await_event(s, RT_EVENT_TRANSCRIPT_DONE);
        int said = strstr(e->text, words) != NULL;
        rt_event_free(e);
        if (said) {
            return;
        }
    }
}

/* ---- handoffs ---- */

static void a_handoff_changes_who_speaks_and_keeps_the_history(void **state)
{
    struct rt_agent *desk = make_agent("desk"), *records = make_agent("records");
    struct rt_runner *r = NULL;
    struct rt_history *h = NULL;
    int uses = 0;
    (void)state;
    struct rt_tool *tool = make_tool("lookup", &uses);
    assert_int_equal(rt_agent_set_handoff_description(records, "Looks up records."), 0);
    assert_int_equal(rt_agent_add_handoff(desk, records), 0);
    assert_int_equal(rt_agent_add_handoff(desk, records), -EEXIST);
    assert_int_equal(rt_agent_add_handoff(records, desk), 0); /* round in a circle is fine */
    assert_int_equal(rt_agent_add_tool(records, tool), 0);
    struct rt_session *s = open_session(desk, &r);
    rt_agent_free(records); /* the runner has copies */
    rt_tool_free(tool);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0); /* it has no such tool */
    await_words(s, "I cannot do that");
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(rt_session_send_message(s, "I need my records"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_HANDOFF);
    assert_string_equal(e->from_agent, "desk");
    assert_string_equal(e->to_agent, "records");
    rt_event_free(e);
    e = await_event(s, RT_EVENT_TRANSCRIPT_DONE); /* without being asked */
    assert_string_equal(e->agent, "records");
    rt_event_free(e);
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    e = await_event(s, RT_EVENT_TOOL_START);
    assert_string_equal(e->agent, "records");
    rt_event_free(e);
    await_words(s, "It is sunny.");
    assert_int_equal(uses, 1);
    assert_string_equal(asked_by, "records");
    assert_int_equal(rt_session_history(s, &h), 0);
    assert_true(rt_history_count(h) >= 7);
    assert_string_equal(rt_history_item(h, 0)->text, "Please look it up");
    rt_history_free(h);
    done(s, r);
}

struct desk {
    int asked, refuse;
    char arguments[200], agent[64];
};

static void on_handoff(struct rt_tool_call *call, void *arg)
{
    struct desk *d = arg;
    d->asked++;
    assert_true(snprintf(d->arguments, sizeof(d->arguments), "%s", rt_tool_call_arguments(call)) > 0);
    assert_true(snprintf(d->agent, sizeof(d->agent), "%s", rt_tool_call_agent(call)) > 0);
    int err = d->refuse ? rt_tool_call_fail(call, "They are at lunch.") : rt_tool_call_done(call, "not the output");
    assert_int_equal(err, 0);
}

/* A session whose desk hands over to records by a tool of the program's. */
static struct rt_session *open_desk(struct desk *d, const char *schema, rt_enabled_fn enabled, void *arg,
                                    struct rt_runner **ret)
{
    struct rt_agent *desk = make_agent("desk"), *records = make_agent("records");
    struct rt_tool *tool = NULL;
    assert_int_equal(rt_tool_new("transfer_to_records", NULL, schema, on_handoff, d, &tool), 0);
    assert_int_equal(rt_tool_set_enabled_fn(tool, enabled, arg), 0);
    assert_int_equal(rt_agent_add_handoff_tool(desk, records, tool), 0);
    assert_int_equal(rt_agent_add_handoff_tool(desk, records, tool), -EEXIST);
    rt_tool_free(tool);
    struct rt_session *s = open_session(desk, ret);
    rt_agent_free(records);
    return s;
}

static void a_program_is_asked_before_a_handoff(void **state)
{
    struct desk d = {0};
    struct rt_runner *r = NULL;
    (void)state;
    struct rt_session *s = open_desk(&d, NULL, NULL, NULL, &r);
    d.refuse = 1;
    assert_int_equal(rt_session_send_message(s, "I need my records"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_string_equal(e->output, "{\"error\":\"They are at lunch.\"}");
    assert_string_equal(e->agent, "desk");
    rt_event_free(e);
    pass_event(s, RT_EVENT_AGENT_END);
    d.refuse = 0;
    assert_int_equal(rt_session_send_message(s, "I need my records"), 0);
    e = await_event(s, RT_EVENT_HANDOFF);
    assert_string_equal(e->from_agent, "desk");
    assert_string_equal(e->to_agent, "records");
    rt_event_free(e);
    e = await_event(s, RT_EVENT_TOOL_END);
    assert_string_equal(e->output, "{\"assistant\":\"records\"}");
    rt_event_free(e);
    await_words(s, "Records speaking.");
    assert_int_equal(d.asked, 2);
    assert_string_equal(d.agent, "desk");
    assert_string_equal(d.arguments, "{}");
    done(s, r);
}

static void arguments_of_a_handoff_that_do_not_fit_keep_the_agent(void **state)
{
    struct desk d = {0};
    struct rt_runner *r = NULL;
    (void)state;
    struct rt_session *s = open_desk(
        &d, "{\"type\":\"object\",\"properties\":{\"reason\":{\"type\":\"string\"}},\"required\":[\"reason\"]}", NULL,
        NULL, &r);
    assert_int_equal(rt_session_send_message(s, "I need my records"), 0); /* the sandbox gives no reason */
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_non_null(strstr(e->output, "The arguments are wrong"));
    assert_string_equal(e->agent, "desk");
    rt_event_free(e);
    assert_int_equal(d.asked, 0);
    done(s, r);
}

static int yes_once(void *arg)
{
    int *times = arg;
    return (*times)++ == 0;
}

static void a_condition_is_asked_again_before_the_handoff(void **state)
{
    struct desk d = {0};
    struct rt_runner *r = NULL;
    int times = 0;
    (void)state;
    struct rt_session *s = open_desk(&d, NULL, yes_once, &times, &r);
    assert_int_equal(rt_session_send_message(s, "I need my records"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_non_null(strstr(e->output, "not available now"));
    rt_event_free(e);
    assert_int_equal(d.asked, 0);
    assert_int_equal(times, 2);
    done(s, r);
}

/* ---- servers of tools ---- */

static void an_agent_uses_the_tools_of_a_server(void **state)
{
    struct rt_agent *a = make_agent("helper");
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    char yaml[2048], why[512] = "";
    (void)state;
    assert_int_equal(rt_agent_add_mcp_server(a, "facts"), 0);
    assert_int_equal(rt_agent_add_mcp_server(a, "facts"), -EEXIST);
    assert_int_equal(rt_agent_add_mcp_server(a, ""), -EINVAL);
    assert_true(snprintf(yaml, sizeof(yaml),
                         "agent: {greeting: {kind: none}, silence: {enabled: false}}\n"
                         "mcp: {facts: {command: [python3, \"%s\", lookup, '{\"answer\":\"sunny\"}', \"300\"]}}\n",
                         rig_server_program()) < (int)sizeof(yaml));
    rt_runner_opts_init(&o);
    o.agent = a;
    o.env_file = "";
    assert_int_equal(rt_runner_new(&o, &r, why, sizeof(why)), -RT_ERR_CONFIG);
    assert_non_null(strstr(why, "\"facts\""));
    o.config_text = yaml;
    assert_int_equal(rt_runner_new(&o, &r, why, sizeof(why)), 0);
    rt_agent_free(a);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_string_equal(e->tool_name, "lookup");
    assert_string_equal(e->output, "{\"answer\":\"sunny\"}");
    rt_event_free(e);
    await_words(s, "It is sunny.");
    done(s, r);
}

static void an_agent_may_be_switched_by_hand_without_a_handoff(void **state)
{
    struct rt_agent *desk = make_agent("desk"), *records = make_agent("records"), *stranger = make_agent("stranger");
    struct rt_runner *r = NULL;
    int uses = 0;
    (void)state;
    struct rt_tool *tool = make_tool("lookup", &uses);
    assert_int_equal(rt_agent_add_tool(records, tool), 0);
    assert_int_equal(rt_agent_add_handoff(desk, records), 0);
    struct rt_session *s = open_session(desk, &r);
    assert_int_equal(rt_session_switch_agent(s, "nobody"), -ENOENT);
    assert_int_equal(rt_session_update_agent(s, stranger), -ENOENT);
    assert_int_equal(rt_agent_set_instructions(records, "Say that you are records."), 0);
    assert_int_equal(rt_session_update_agent(s, records), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    for (;;) {
        struct rt_event *e = NULL;
        assert_int_equal(rt_session_next_event(s, SOON_MS, &e), 1);
        assert_int_not_equal(e->type, RT_EVENT_HANDOFF);
        int last = e->type == RT_EVENT_TOOL_END;
        rt_event_free(e);
        if (last) {
            break;
        }
    }
    rt_agent_free(records);
    rt_agent_free(stranger);
    rt_tool_free(tool);
    done(s, r);
}

static int never(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static void what_is_switched_off_is_not_offered_and_no_conflict(void **state)
{
    struct rt_agent *desk = make_agent("desk"), *records = make_agent("records");
    struct rt_runner *r = NULL;
    int uses = 0, asked = 0;
    (void)state;
    struct rt_tool *off = make_tool("transfer_to_records", &uses);
    struct rt_tool *lookup = make_tool("lookup", &uses);
    assert_int_equal(rt_tool_set_enabled_fn(off, never, &asked), 0);
    assert_int_equal(rt_tool_set_enabled_fn(lookup, never, &asked), 0);
    assert_int_equal(rt_agent_add_tool(desk, off), 0);
    assert_int_equal(rt_agent_add_tool(desk, lookup), 0);
    assert_int_equal(rt_agent_add_handoff(desk, records), 0);
    struct rt_session *s = open_session(desk, &r);
    assert_int_equal(asked, 2);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    await_words(s, "I cannot do that");
    rt_agent_free(records);
    rt_tool_free(off);
    rt_tool_free(lookup);
    done(s, r);
}

static int refused_runner(struct rt_agent *agent, const char *part_of_why)
{
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    char why[256] = "";
    rt_runner_opts_init(&o);
    o.agent = agent;
    o.env_file = "";
    int err = rt_runner_new(&o, &r, why, sizeof(why));
    assert_null(r);
    if (!strstr(why, part_of_why)) {
        fail_msg("\"%s\" does not say \"%s\"", why, part_of_why);
    }
    return err;
}

static void names_that_are_not_unique_are_refused_at_once(void **state)
{
    struct rt_agent *desk = make_agent("desk"), *same = make_agent("desk"), *records = make_agent("records");
    int uses = 0, others = 0;
    (void)state;
    struct rt_tool *clash = make_tool("transfer_to_records", &uses), *one = make_tool("lookup", &uses),
                   *other = make_tool("lookup", &others);
    assert_int_equal(rt_agent_add_handoff(desk, records), 0);
    assert_int_equal(rt_agent_add_tool(desk, clash), 0);
    assert_int_equal(refused_runner(desk, "transfer_to_records"), -EEXIST);
    rt_agent_free(desk);
    desk = make_agent("desk");
    assert_int_equal(rt_agent_add_handoff(desk, records), 0);
    assert_int_equal(rt_agent_add_handoff(records, same), 0);
    assert_int_equal(refused_runner(desk, "two agents are called \"desk\""), -EEXIST);
    rt_agent_free(desk);
    rt_agent_free(same);
    desk = make_agent("desk");
    same = make_agent("other");
    assert_int_equal(rt_agent_add_tool(desk, one), 0);
    assert_int_equal(rt_agent_add_tool(desk, one), -EEXIST);
    assert_int_equal(rt_agent_add_tool(same, other), 0);
    assert_int_equal(rt_agent_add_handoff(desk, same), 0);
    assert_int_equal(refused_runner(desk, "two different tools"), -EEXIST);
    rt_agent_free(desk);
    rt_agent_free(same);
    rt_agent_free(records);
    rt_tool_free(clash);
    rt_tool_free(one);
    rt_tool_free(other);
}

static void a_clone_shares_no_list(void **state)
{
    struct rt_agent *a = make_agent("first"), *b = NULL;
    int uses = 0;
    (void)state;
    struct rt_tool *one = make_tool("lookup", &uses), *two = make_tool("strict", &uses);
    assert_int_equal(rt_agent_add_tool(a, one), 0);
    assert_int_equal(rt_agent_clone(a, "second", &b), 0);
    assert_string_equal(rt_agent_name(b), "second");
    assert_int_equal(rt_agent_add_tool(b, two), 0);
    assert_int_equal(rt_agent_add_tool(a, two), 0); /* it had not got it */
    assert_int_equal(rt_agent_add_tool(b, one), -EEXIST);
    rt_agent_free(a);
    rt_agent_free(b);
    rt_tool_free(one);
    rt_tool_free(two);
}

/* ---- instructions ---- */

static int tell(struct rt_text *out, void *arg)
{
    int *asked = arg;
    ++*asked;
    int err = rt_text_put(out, "You are asked ");
    return err < 0 ? err : rt_text_put(out, "anew.");
}

static int tell_nothing(struct rt_text *out, void *arg)
{
    (void)out;
    (void)arg;
    return -EPERM;
}

static void instructions_are_asked_for_at_each_connect(void **state)
{
    struct rt_agent *a = make_agent("helper");
    int asked = 0;
    (void)state;
    assert_int_equal(rt_agent_set_instructions_fn(a, tell, &asked), 0);
    struct rt_runner *r = make_runner(a, NULL);
    for (int i = 0; i < 2; i++) {
        struct rt_session *s = make_session(r, &sandbox, NULL);
        assert_int_equal(asked, i);
        assert_int_equal(rt_session_connect(s), 0);
        assert_int_equal(asked, i + 1);
        assert_int_equal(rt_session_free(s), 0);
    }
    assert_int_equal(rt_runner_free(r), 0);
    assert_int_equal(rt_agent_set_instructions_fn(a, tell_nothing, NULL), 0);
    r = make_runner(a, NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    assert_int_equal(rt_session_connect(s), -EPERM);
    assert_non_null(strstr(rt_session_error(s), "helper"));
    rt_agent_free(a);
    done(s, r);
}

/* ---- approvals ---- */

static struct rt_session *approval_session(rt_tool_ask_fn ask, int *uses, struct rt_runner **ret)
{
    struct rt_agent *a = make_agent("helper");
    struct rt_tool *tool = make_tool("lookup", uses);
    assert_int_equal(ask ? rt_tool_set_approval_fn(tool, ask, uses) : rt_tool_set_approval(tool, RT_APPROVAL_ALWAYS),
                     0);
    assert_int_equal(rt_agent_add_tool(a, tool), 0);
    rt_tool_free(tool);
    return open_session(a, ret);
}

static void a_use_waits_for_its_approval(void **state)
{
    struct rt_runner *r = NULL;
    int uses = 0;
    struct rt_session *s = approval_session(NULL, &uses, &r);
    char id[129];
    (void)state;
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_APPROVAL_REQUIRED);
    assert_string_equal(e->tool_name, "lookup");
    assert_non_null(strstr(e->arguments, "weather"));
    assert_true(snprintf(id, sizeof(id), "%s", e->tool_call_id) > 0);
    rt_event_free(e);
    assert_int_equal(uses, 0);
    assert_int_equal(rt_session_approve(s, "no such call", 0), -ENOENT);
    assert_int_equal(rt_session_approve(s, id, 0), 0);
    assert_int_equal(rt_session_approve(s, id, 0), -ENOENT); /* decided */
    await_words(s, "It is sunny.");
    assert_int_equal(uses, 1);
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0); /* each use by itself */
    e = await_event(s, RT_EVENT_TOOL_APPROVAL_REQUIRED);
    assert_int_equal(rt_session_reject(s, e->tool_call_id, 0, "Not today, says the user."), 0);
    rt_event_free(e);
    e = await_event(s, RT_EVENT_TOOL_END);
    assert_non_null(strstr(e->output, "Not today, says the user."));
    rt_event_free(e);
    assert_int_equal(uses, 1);
    done(s, r);
}

static void always_holds_for_the_session(void **state)
{
    struct rt_runner *r = NULL;
    int uses = 0;
    struct rt_session *s = approval_session(NULL, &uses, &r);
    (void)state;
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_APPROVAL_REQUIRED);
    assert_int_equal(rt_session_approve(s, e->tool_call_id, 1), 0);
    rt_event_free(e);
    await_words(s, "It is sunny.");
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    await_words(s, "It is sunny."); /* nobody was asked */
    assert_int_equal(uses, 2);
    done(s, r);
}

static int no_need(const struct rt_tool_call *call, void *arg)
{
    (void)arg;
    assert_string_equal(rt_tool_call_name(call), "lookup");
    return 0;
}

static int need(const struct rt_tool_call *call, void *arg)
{
    (void)call;
    (void)arg;
    return 1;
}

static void a_callback_says_which_use_needs_one(void **state)
{
    struct rt_runner *r = NULL;
    int uses = 0;
    struct rt_session *s = approval_session(no_need, &uses, &r);
    (void)state;
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    await_words(s, "It is sunny.");
    assert_int_equal(uses, 1);
    done(s, r);
    s = approval_session(need, &uses, &r);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    pass_event(s, RT_EVENT_TOOL_APPROVAL_REQUIRED);
    assert_int_equal(uses, 1);
    done(s, r); /* and closing does not wait for anybody's decision */
}

/* ---- guardrails ---- */

static int no_robins(const struct rt_guardrail_check *check, struct rt_text *why, void *arg)
{
    ++*(int *)arg;
    assert_string_equal(check->agent, "helper");
    assert_true(strlen(check->session_id) > 8);
    return strstr(check->text, "Robin") ? rt_text_put(why, "It names names.") + 1 : 0;
}

static int cannot_tell(const struct rt_guardrail_check *check, struct rt_text *why, void *arg)
{
    (void)check;
    (void)why;
    ++*(int *)arg;
    return -EIO;
}

static void a_guardrail_stops_what_it_objects_to(void **state)
{
    struct rt_guardrail *names = NULL, *broken = NULL;
    struct rt_agent *a = make_agent("helper");
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    struct rt_settings *settings = text_settings();
    int asked = 0, failed = 0;
    (void)state;
    assert_int_equal(rt_guardrail_new("no names", no_robins, &asked, &names), 0);
    assert_int_equal(rt_guardrail_new("broken", cannot_tell, &failed, &broken), 0);
    assert_int_equal(rt_guardrail_new("", no_robins, NULL, &broken), -EINVAL);
    const struct rt_guardrail *const of_the_run[] = {names, broken};
    assert_int_equal(rt_agent_add_guardrail(a, names), 0); /* the same once more: asked once */
    rt_runner_opts_init(&o);
    o.agent = a;
    o.settings = settings;
    o.env_file = "";
    o.guardrails = of_the_run;
    o.guardrail_count = 2;
    o.guardrail_debounce = 5;
    assert_int_equal(rt_runner_new(&o, &r, NULL, 0), 0);
    rt_guardrail_free(names);
    rt_guardrail_free(broken);
    rt_agent_free(a);
    rt_settings_free(settings);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_GUARDRAIL_TRIPPED);
    assert_string_equal(e->guardrail, "no names");
    assert_non_null(strstr(e->message, "Robin"));
    rt_event_free(e);
    done(s, r);
    assert_true(asked > 0);
    assert_true(failed > 0); /* who cannot tell stops nobody */
}

/* ---- settings ---- */

static void settings_are_checked_by_name_and_type(void **state)
{
    struct rt_settings *s = NULL;
    (void)state;
    assert_int_equal(rt_settings_new(&s), 0);
    assert_int_equal(rt_settings_set(s, "no_such_thing", "x"), -RT_ERR_MISSING);
    assert_int_equal(rt_settings_set(s, "voice", "marin"), 0);
    assert_int_equal(rt_settings_set_json(s, "voice", "{\"id\":\"voice_1\"}"), 0);
    assert_int_equal(rt_settings_set_json(s, "voice", "7"), -RT_ERR_TYPE);
    assert_int_equal(rt_settings_set_json(s, "speed", "9"), -RT_ERR_RANGE);
    assert_int_equal(rt_settings_set_json(s, "speed", "{"), -RT_ERR_SYNTAX);
    assert_int_equal(rt_settings_set(s, "input_audio_format", "pcm"), 0);
    assert_int_equal(rt_settings_set(s, "audio.output.format", "g711_alaw"), 0);
    assert_int_equal(rt_settings_set(s, "audio.output.format", "mp3"), -RT_ERR_RANGE);
    assert_int_equal(rt_settings_set_json(s, "max_output_tokens", "\"inf\""), 0);
    assert_int_equal(rt_settings_set_json(s, "max_output_tokens", "5000"), -RT_ERR_RANGE);
    assert_int_equal(rt_settings_set_json(s, "turn_detection", "{\"type\":\"server_vad\",\"silenceDurationMs\":300}"),
                     0);
    assert_int_equal(rt_settings_set_json(s, "turn_detection", "{}"), -RT_ERR_MISSING);
    assert_int_equal(rt_settings_set_json(s, "temperature", "0.7"), 0);
    assert_int_equal(rt_settings_set_json(s, "temperature", "2.5"), -RT_ERR_RANGE);
    assert_int_equal(rt_settings_set_json(s, "prompt", "{\"id\":\"pmpt_1\"}"), 0);
    assert_int_equal(rt_settings_set_json(s, "prompt", "{\"version\":\"1\"}"), -RT_ERR_MISSING);
    assert_int_equal(rt_settings_set(s, "truncation", "disabled"), 0);
    assert_int_equal(rt_settings_set(s, "truncation", "never"), -RT_ERR_RANGE);
    assert_int_equal(rt_settings_set_json(s, "tracing", "null"), 0);
    assert_int_equal(rt_settings_set(s, "tracing", "sometimes"), -RT_ERR_RANGE);
    assert_int_equal(
        rt_settings_merge_json(s, "{\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"}}},\"speed\":1}"), 0);
    assert_int_equal(rt_settings_merge_json(s, "{\"speed\":1.1,\"nonsense\":2}"), -RT_ERR_MISSING);
    assert_int_equal(rt_settings_merge_json(s, "[]"), -RT_ERR_TYPE);
    rt_settings_free(s);
}

/* What a session that has just connected was told, as the sandbox remembers it. */
static void a_session_wins_over_its_runner_name_by_name(void **state)
{
    struct rt_settings *base = NULL, *own = NULL;
    struct rt_agent *a = make_agent("helper");
    struct rt_session_opts o;
    (void)state;
    assert_int_equal(rt_settings_new(&base), 0);
    assert_int_equal(rt_settings_new(&own), 0);
    assert_int_equal(rt_settings_set(base, "model_name", "gpt-realtime-of-the-runner"), 0);
    struct rt_runner *r = make_runner(a, base);
    rt_session_opts_init(&o);
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    char *known = sandbox_get(&sandbox, "/sandbox/sessions");
    assert_non_null(strstr(known, "gpt-realtime-of-the-runner"));
    assert_null(strstr(known, "gpt-realtime-of-the-session"));
    free(known);
    assert_int_equal(rt_session_free(s), 0);
    assert_int_equal(rt_settings_set(own, "model_name", "gpt-realtime-of-the-session"), 0);
    o.settings = own;
    s = make_session(r, &sandbox, &o);
    rt_settings_free(own); /* copied */
    assert_int_equal(rt_session_connect(s), 0);
    known = sandbox_get(&sandbox, "/sandbox/sessions");
    assert_non_null(strstr(known, "gpt-realtime-of-the-session"));
    free(known);
    rt_settings_free(base);
    rt_agent_free(a);
    done(s, r);
}

static void text_alone_brings_no_audio(void **state)
{
    struct rt_agent *a = make_agent("helper");
    struct rt_runner *r = NULL;
    (void)state;
    struct rt_session *s = open_session(a, &r);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    char *names = names_until(s, RT_EVENT_AGENT_END);
    assert_non_null(strstr(names, "transcript_delta"));
    assert_null(strstr(names, "audio "));
    free(names);
    done(s, r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handoff_changes_who_speaks_and_keeps_the_history),
        cmocka_unit_test(a_program_is_asked_before_a_handoff),
        cmocka_unit_test(arguments_of_a_handoff_that_do_not_fit_keep_the_agent),
        cmocka_unit_test(a_condition_is_asked_again_before_the_handoff),
        cmocka_unit_test(an_agent_uses_the_tools_of_a_server),
        cmocka_unit_test(an_agent_may_be_switched_by_hand_without_a_handoff),
        cmocka_unit_test(what_is_switched_off_is_not_offered_and_no_conflict),
        cmocka_unit_test(names_that_are_not_unique_are_refused_at_once),
        cmocka_unit_test(a_clone_shares_no_list),
        cmocka_unit_test(instructions_are_asked_for_at_each_connect),
        cmocka_unit_test(a_use_waits_for_its_approval),
        cmocka_unit_test(always_holds_for_the_session),
        cmocka_unit_test(a_callback_says_which_use_needs_one),
        cmocka_unit_test(a_guardrail_stops_what_it_objects_to),
        cmocka_unit_test(settings_are_checked_by_name_and_type),
        cmocka_unit_test(a_session_wins_over_its_runner_name_by_name),
        cmocka_unit_test(text_alone_brings_no_audio),
    };
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, open_sandbox, close_sandbox);
}
