/* Rules of tools in the file: approvals, order, fillers; what is refused and where. */
#include <stdio.h>

#include "config/options.h"
#include "fixture.h"

#define HOOK "webhook: {url: 'https://crm.example.com/c'}"

TEST(rules_of_a_tool_are_read)
{
    struct fixture f;
    fixture_ok(&f,
               "tools:\n"
               "  refund:\n"
               "    description: Pays back.\n"
               "    " HOOK "\n"
               "    timeout_ms: 20s\n"
               "    on_timeout: The till is closed.\n"
               "    mode: sequential\n"
               "    background: true\n"
               "    cancel_on_interrupt: true\n"
               "    filler: {after_ms: 800, words: 'I am looking.'}\n"
               "    approval: {when: ['amount > 100', 'country != DE'], timeout_ms: 30s, on_timeout: approve,\n"
               "               words: 'I ask my boss.'}\n"
               "  plain:\n"
               "    description: Nothing special.\n"
               "    " HOOK "\n"
               "    filler: false\n"
               "    approval: spoken\n"
               "  schedule_callback:\n"
               "    approval: always\n"
               "filler: {words: 'Wait.', after_ms: 2s}\n"
               "approvals: {timeout_ms: 90s, on_timeout: approve, rejection: 'No {{tool}}.', languages: [de, en],\n"
               "            no: [nein, lieber nicht]}\n"
               "agent: {tools: [refund, plain, schedule_callback]}\n",
               NULL);
    const struct config_tool *t = &f.cfg->tools[0];
    assert_int_equal(t->run_ms, 20000);
    assert_str_is(t->rules.timeout_text, "The till is closed.");
    assert_int_equal(t->rules.mode, TOOL_SEQUENTIAL);
    assert_true(t->rules.background && t->rules.cancel_on_interrupt && t->fills);
    assert_int_equal(t->rules.filler.after_ms, 800);
    assert_str_is(t->rules.filler.words, "I am looking.");
    assert_int_equal(t->rules.approval.kind, APPROVAL_WHEN);
    assert_int_equal(t->approve_when.n, 2);
    assert_str_is(t->approve_when.v[1], "country != DE");
    assert_int_equal(t->rules.approval.timeout_ms, 30000);
    assert_int_equal(t->approve_late, CONFIG_POLICY_APPROVE);
    assert_int_equal(f.cfg->tools[1].rules.approval.kind, APPROVAL_SPOKEN);
    assert_false(f.cfg->tools[1].fills);
    assert_int_equal(f.cfg->tools[2].rules.approval.kind, APPROVAL_ALWAYS);
    assert_true(f.cfg->tools[2].builtin);
    assert_int_equal(f.cfg->filler.after_ms, 2000);
    assert_int_equal(f.cfg->approvals.late, CONFIG_POLICY_APPROVE);
    assert_str_is(f.cfg->approvals.rejection, "No {{tool}}.");
    assert_has(f.cfg->approvals.yes_words, "\njawohl\n");
    assert_has(f.cfg->approvals.yes_words, "\nyeah\n");
    assert_str_is(f.cfg->approvals.no_words, "nein\nlieber nicht");
    struct buf dump;
    buf_init(&dump, 1 << 20);
    config_dump_masked(f.cfg, &dump);
    struct fixture again;
    fixture_ok(&again, buf_cstr(&dump), NULL); /* what is printed can be read again */
    assert_int_equal(again.cfg->tools[0].approve_when.n, 2);
    assert_int_equal(again.cfg->tools[0].rules.approval.kind, APPROVAL_WHEN);
    assert_int_equal(again.cfg->tools[0].rules.mode, TOOL_SEQUENTIAL);
    assert_false(again.cfg->tools[1].fills);
    assert_str_is(again.cfg->approvals.no_words, "nein\nlieber nicht");
    fixture_done(&again);
    buf_done(&dump);
    fixture_done(&f);
}

TEST(languages_follow_the_transcription)
{
    struct fixture f;
    fixture_ok(&f, "agent: {transcription: {language: fr}}", NULL);
    assert_true(str_search(f.cfg->approvals.yes_words, STR("yes\n")) == 0);
    assert_has(f.cfg->approvals.yes_words, "\noui\n");
    assert_has(f.cfg->approvals.no_words, "\njamais\n");
    assert_int_equal(f.cfg->filler.after_ms, 1200);
    assert_true(f.cfg->filler.enabled);
    fixture_done(&f);
}

TEST(answers_that_are_tried_again_are_named)
{
    struct fixture f;
    fixture_ok(&f,
               "tools:\n  a: {description: x, " HOOK
               "}\n  b: {description: x, webhook: {url: 'http://h/', retry_on: [429, 500]}}\n"
               "  c: {description: x, webhook: {url: 'http://h/', retry_on: []}}\n",
               NULL);
    assert_int_equal(f.cfg->tools[0].retry_mask, WEBHOOK_RETRY_USUAL);
    assert_int_equal(f.cfg->tools[1].retry_mask, webhook_retry_bit(429) | webhook_retry_bit(500));
    assert_int_equal(f.cfg->tools[2].retry_mask, 0);
    fixture_done(&f);
    assert_int_equal(
        fixture_load(&f, "tools: {b: {description: x, webhook: {url: 'http://h/', retry_on: [404]}}}", NULL),
        -ERR_CONFIG);
    assert_has(buf_str(&f.errors), "webhook.retry_on");
    fixture_done(&f);
}

TEST(mistakes_are_told_where_they_are)
{
    static const struct {
        const char *rules, *want;
    } cases[] = {
        {"approval: {when: 'amount > many'}", "approval.when: \"amount > many\": more and less need a number"},
        {"approval: {when: 'amount'}", "approval.when: \"amount\": it must be a name"},
        {"approval: {mode: always, when: 'a == 1'}", "approval.mode: with conditions it can only be when"},
        {"approval: when", "approval.when is missing"},
        {"approval: maybe", "approval.mode"},
        {"approval: {on_timeout: wait}", "approval.on_timeout"},
        {"mode: serial", "mode"},
        {"filler: {sound: /nowhere/at/all.wav}", "filler.sound: /nowhere/at/all.wav"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char yaml[512];
        snprintf(yaml, sizeof(yaml), "tools:\n  pay:\n    description: x\n    " HOOK "\n    %s\n", cases[i].rules);
        assert_int_equal(fixture_load(&f, yaml, NULL), -ERR_CONFIG);
        if (str_search(buf_str(&f.errors), str_from(cases[i].want)) == SIZE_MAX ||
            !str_starts(buf_str(&f.errors), STR("t.yaml:5:"))) {
            fail_msg("%s: %s", cases[i].rules, buf_cstr(&f.errors));
        }
        fixture_done(&f);
    }
    struct fixture f;
    assert_int_equal(fixture_load(&f, "tools: {end_call: {approval: always}}\nagent: {tools: [end_call]}", NULL),
                     -ERR_CONFIG);
    assert_has(buf_str(&f.errors), "end_call ends the call and waits for nobody");
    fixture_done(&f);
}

TEST_MAIN(T(rules_of_a_tool_are_read), T(languages_follow_the_transcription), T(answers_that_are_tried_again_are_named),
          T(mistakes_are_told_where_they_are))
