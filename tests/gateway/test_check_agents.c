/* What `ringtrip check` finds wrong with agents: whom nobody reaches, what a model would not know. */
#include <stdio.h>

#include "base/err.h"
#include "gateway/bare_config.h"
#include "gateway/checker.h"
#include "test.h"

static void keep(const struct check_finding *finding, void *arg)
{
    if (finding->level != CHECK_OK) {
        buf_printf(arg, "%s %s: " STR_FMT "\n", check_level_word(finding->level), finding->subject,
                   STR_ARG(finding->text));
        assert_true(finding->remedy.n > 0);
    }
}

static void assert_warned(const char *yaml, const char *want)
{
    struct config *cfg = bare_config(yaml);
    struct checker c;
    struct buf found;
    buf_init(&found, 1 << 16);
    checker_init(&c, keep, &found);
    check_agents(&c, cfg);
    checker_done(&c);
    assert_str_is(buf_str(&found), want);
    config_unref(cfg);
    buf_done(&found);
}

TEST(an_agent_to_whom_nothing_leads_is_named)
{
    static const char *const leads[] = {"routes: [{when: {caller: '+15550001111'}, agent: b}]", "concierge: {agent: b}",
                                        "start_agent: b\nroutes: [{when: {caller: '+15550001111'}, agent: a}]"};
    static const char agents[] = "agents: {a: {instructions: x}, b: {instructions: y}}\n";
    char yaml[300];
    assert_warned(agents, "warn agent: b: no route and no handoff leads to it\n");
    for (size_t i = 0; i < ARRAY_LEN(leads); i++) {
        assert_true((size_t)snprintf(yaml, sizeof(yaml), "%s%s\n", agents, leads[i]) < sizeof(yaml));
        assert_warned(yaml, "");
    }
    assert_warned("agents: {a: {instructions: x, handoffs: [b]}, b: {instructions: y, handoff_description: z}}", "");
    assert_warned("agents: {a: {instructions: x}, b: {instructions: y, handoffs: [{agent: a, description: z}]}}",
                  "warn agent: b: no route and no handoff leads to it\n");
}

TEST(what_a_model_would_not_know_is_named)
{
    assert_warned(
        "agents: {a: {instructions: x, handoffs: [b]}, b: {instructions: y}}",
        "warn agent: a: it hands over to b, which has no handoff_description: the model knows only the name\n");
    assert_warned("agent: {instructions: 'You work for {{company_name}}.'}",
                  "warn agent: demo: its instructions name {{company_name}}, and company_name is not set\n");
    assert_warned("agent: {instructions: 'You work for {{company_name}}.'}\ncompany_name: Acme", "");
}

TEST_MAIN(T(an_agent_to_whom_nothing_leads_is_named), T(what_a_model_would_not_know_is_named))
