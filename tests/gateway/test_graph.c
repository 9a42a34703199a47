/* The picture of the agents as text. */
#include "base/err.h"
#include "gateway/bare_config.h"
#include "gateway/graph.h"
#include "test.h"

struct fixture {
    struct config *cfg;
    struct buf out;
};

static void set_up(struct fixture *f, const char *yaml)
{
    f->cfg = bare_config(yaml);
    buf_init(&f->out, 1 << 20);
}

static void tear_down(struct fixture *f)
{
    config_unref(f->cfg);
    buf_done(&f->out);
}

static const char several[] = "start_agent: triage\n"
                              "agents:\n"
                              "  island: {instructions: x, tools: [end_call]}\n"
                              "  triage: {instructions: x, tools: [end_call], handoffs: [billing]}\n"
                              "  billing:\n"
                              "    instructions: x\n"
                              "    handoff_description: Knows invoices.\n"
                              "    tools: [schedule_callback, end_call]\n"
                              "    handoffs: [triage, {agent: night, enabled: {hours: '18:00-08:00'}}]\n"
                              "  night: {instructions: x, enabled: {days: sat-sun}, tools: []}\n"
                              "routes:\n"
                              "  - {name: invoices, when: {called: '+1555*'}, agent: billing}\n";

TEST(agents_are_boxes_tools_ellipses_handoffs_arrows)
{
    struct fixture f;
    set_up(&f, several);
    assert_ok(graph_put_dot(f.cfg, STR(""), &f.out));
    assert_true(str_starts(buf_str(&f.out), STR("digraph agents {\n")));
    assert_true(str_ends(buf_str(&f.out), STR("}\n")));
    assert_has(buf_str(&f.out), "agent1 [shape=box, style=\"filled,rounded\", fillcolor=\"#ffe066\", label=\"triage\"");
    assert_has(buf_str(&f.out), "label=\"billing\", tooltip=\"Knows invoices.\"");
    assert_has(buf_str(&f.out), "agent3 [shape=box, style=\"filled,rounded,dashed\"");
    assert_has(buf_str(&f.out),
               "[shape=ellipse, style=\"filled\", fillcolor=\"#a8e6a1\", fontsize=11, label=\"end_call\"");
    assert_has(buf_str(&f.out), "start -> agent1 [color");
    assert_has(buf_str(&f.out), "start -> agent2 [color=\"#2b6cb0\", style=dashed, label=\"invoices\"];");
    assert_has(buf_str(&f.out), "agent1 -> agent2 [penwidth=1.6];");
    assert_has(buf_str(&f.out), "agent2 -> agent1 [penwidth=1.6];");
    assert_has(buf_str(&f.out), "agent2 -> agent3 [penwidth=1.6, label=\"hours: 18:00-08:00\"");
    assert_has(buf_str(&f.out), "label=\"island\""); /* nobody reaches it: that should be seen */
    assert_has(buf_str(&f.out), "agent2 -> tool");
    tear_down(&f);
}

TEST(from_one_agent_only_what_it_reaches_is_drawn)
{
    struct fixture f;
    set_up(&f, several);
    assert_ok(graph_put_dot(f.cfg, STR("billing"), &f.out));
    assert_has(buf_str(&f.out), "start -> agent2");
    assert_has(buf_str(&f.out), "label=\"triage\"");
    assert_has_not(buf_str(&f.out), "island");
    assert_has_not(buf_str(&f.out), "invoices\"]");
    buf_clear(&f.out);
    assert_ok(graph_put_dot(f.cfg, STR("night"), &f.out));
    assert_has_not(buf_str(&f.out), "triage");
    assert_has_not(buf_str(&f.out), "ellipse");
    assert_err(graph_put_dot(f.cfg, STR("nobody"), &f.out), ENOENT);
    tear_down(&f);
}

TEST(a_single_agent_is_a_graph_too)
{
    struct fixture f;
    set_up(&f, "agent: {name: demo}\n");
    assert_ok(graph_put_dot(f.cfg, STR(""), &f.out));
    assert_has(buf_str(&f.out), "agent0 [shape=box");
    assert_has(buf_str(&f.out), "label=\"check_order_status\"");
    assert_has(buf_str(&f.out), "agent0 -> tool2");
    tear_down(&f);
}

TEST(no_text_breaks_out_of_its_label)
{
    struct fixture f;
    set_up(&f, "agents:\n"
               "  a: {instructions: x, handoff_description: \"two\\nlines\\t\\\\N\"}\n"
               "  b: {instructions: x}\n"
               "routes:\n"
               "  - {name: 'r\"]; evil [label=\"x\\', agent: b}\n");
    assert_ok(graph_put_dot(f.cfg, STR(""), &f.out));
    assert_has(buf_str(&f.out), "label=\"r\\\"]; evil [label=\\\"x\\\\\"]");
    assert_has(buf_str(&f.out), "tooltip=\"two\\nlines \\\\N\"");
    tear_down(&f);
}

TEST(a_small_buffer_is_an_error)
{
    struct fixture f;
    struct buf small;
    set_up(&f, several);
    buf_init(&small, 200);
    assert_err(graph_put_dot(f.cfg, STR(""), &small), ERR_TOO_BIG);
    buf_done(&small);
    tear_down(&f);
}

TEST_MAIN(T(agents_are_boxes_tools_ellipses_handoffs_arrows), T(from_one_agent_only_what_it_reaches_is_drawn),
          T(a_single_agent_is_a_graph_too), T(no_text_breaks_out_of_its_label), T(a_small_buffer_is_an_error))
