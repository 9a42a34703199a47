/* mcp: servers of the Model Context Protocol, and agents that name them. */
#include "test.h"

#include "fixture.h"

TEST(every_setting_of_a_server_is_read)
{
    static const char *const env[] = {"CRM_TOKEN=s3cret-token", NULL};
    struct fixture f;

    fixture_ok(
        &f,
        "mcp:\n"
        "  files: {command: [prog, -x, /srv], env: {A: b}, tools: [read, find], start_ms: 3s}\n"
        "  crm: {url: https://crm.example.com/mcp, headers: {Authorization: 'Bearer ${CRM_TOKEN}'}, prefix: crm_,\n"
        "    timeout_ms: 4s, refresh_s: 0, approval: always}\n"
        "agent: {mcp: [crm, files]}\n",
        env);
    assert_int_equal(f.cfg->mcp_count, 2);
    const struct config_mcp *m = &f.cfg->mcp[0];
    assert_str_is(m->name, "files");
    assert_int_equal(m->command.n, 3);
    assert_str_is(m->command.v[2], "/srv");
    assert_str_is(m->env.v[0].value, "b");
    assert_int_equal(m->tools.n, 2);
    assert_int_equal(m->start_ms, 3000);
    assert_int_equal(m->timeout_ms, 0); /* deadlines.tool_ms */
    assert_int_equal(m->refresh_s, 300);
    assert_int_equal(m->approval, APPROVAL_NEVER);
    m = &f.cfg->mcp[1];
    assert_str_is(m->url, "https://crm.example.com/mcp");
    assert_str_is(m->headers.v[0].value, "Bearer s3cret-token");
    assert_str_is(m->prefix, "crm_");
    assert_int_equal(m->timeout_ms, 4000);
    assert_int_equal(m->refresh_s, 0);
    assert_int_equal(m->approval, APPROVAL_ALWAYS);
    assert_int_equal(f.cfg->agent.mcp.n, 2);
    struct buf dump;
    buf_init(&dump, 1 << 20);
    config_dump_masked(f.cfg, &dump);
    assert_has(buf_str(&dump), "crm.example.com");
    assert_has_not(buf_str(&dump), "s3cret");
    buf_done(&dump);
    fixture_done(&f);
}

TEST(mistakes_are_named_where_they_stand)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"mcp: [a]", "t.yaml:1:6: mcp must be a map of servers\n"},
        {"mcp: {a: x}", "t.yaml:1:7: mcp.a must be a map of keys (command:, or url:, ...)\n"},
        {"mcp: {'a b': {}}",
         "t.yaml:1:7: the name of a server under mcp is made of letters, digits, - and _, not \"a b\"\n"},
        {"mcp: {a: {}}", "t.yaml:1:7: mcp.a needs either command, a program and its arguments, or url\n"},
        {"mcp: {a: {command: x, url: 'http://h/'}}",
         "t.yaml:1:7: mcp.a needs either command, a program and its arguments, or url\n"},
        {"mcp: {a: {url: 'ws://h/'}}", "t.yaml:1:16: mcp.a.url must begin with https:// or http://\n"},
        {"mcp: {a: {url: 'http://h', env: {A: b}}}",
         "t.yaml:1:33: mcp.a.env is for a program; with url there are headers\n"},
        {"mcp: {a: {command: x, headers: {A: b}}}", "t.yaml:1:32: mcp.a.headers are for a url; a program gets env\n"},
        {"mcp: {a: {command: x, approval: when}}", "t.yaml:1:33: mcp.a.approval must be never, always or spoken\n"},
        {"mcp: {a: {command: x, prefix: 'a.b'}}", "t.yaml:1:31: mcp.a.prefix is made of letters, digits, - and _\n"},
        {"agent: {mcp: [nobody]}", "t.yaml:1:14: agent.mcp: there is no server \"nobody\" under mcp\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(cases[i].yaml, NULL, cases[i].want);
    }
}

TEST_MAIN(T(every_setting_of_a_server_is_read), T(mistakes_are_named_where_they_stand))
