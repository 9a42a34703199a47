/* Webhook tools in the file: what is read, what is refused and where, and that nothing secret is printed. */
#include "base/json.h"
#include "config/options.h"
#include "fixture.h"

#define HOOK "webhook: {url: 'https://crm.example.com/c'}"

TEST(a_webhook_tool_is_read)
{
    struct fixture f;
    fixture_ok(&f,
               "agent:\n"
               "  tools:\n"
               "    - end_call\n"
               "    - name: lookup_customer\n"
               "      description: Finds a customer.\n"
               "      parameters:\n"
               "        type: object\n"
               "        properties:\n"
               "          id: {type: string, minLength: 3, pattern: '^[0-9]+$'}\n"
               "          vip: {type: [boolean, 'null'], default: false}\n"
               "        required: [id]\n"
               "        additionalProperties: false\n"
               "      webhook:\n"
               "        url: ${CRM}/customers/{{arguments.id}}/?from={{caller}}\n"
               "        method: PUT\n"
               "        headers: {Authorization: 'Bearer ${KEY}', X-Call: '{{ call.id }}'}\n"
               "        body: '{\"id\": \"{{arguments.id}}\", \"vip\": {{arguments.vip}}}'\n"
               "        timeout_ms: 3s\n"
               "        response: data.customer\n"
               "        max_response_bytes: 4096\n"
               "        sign_secret: ${SIGN}\n"
               "        retry: true\n",
               ENV("CRM=https://crm.example.com", "KEY=key-1234567", "SIGN=sign-7654321"));
    const struct config_agent *a = &f.cfg->agent;
    assert_int_equal(a->tools.n, 2);
    assert_str_is(a->tools.v[0], "end_call");
    assert_int_equal(f.cfg->tool_count, 2);
    assert_int_equal(a->tool_refs[1], 0);
    assert_true(f.cfg->tools[1].builtin && !f.cfg->tools[0].builtin);
    const struct config_tool *t = &f.cfg->tools[0];
    assert_str_is(t->name, "lookup_customer");
    assert_str_is(t->description, "Finds a customer.");
    assert_str_is(
        t->parameters,
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"minLength\":3,\"pattern\":\"^[0-9]+$\"},"
        "\"vip\":{\"type\":[\"boolean\",\"null\"],\"default\":false}},\"required\":[\"id\"],"
        "\"additionalProperties\":false}");
    assert_str_is(t->url, "https://crm.example.com/customers/{{arguments.id}}/?from={{caller}}");
    assert_int_equal(t->method, WEBHOOK_PUT);
    assert_int_equal(t->headers.n, 2);
    assert_str_is(t->headers.v[0].value, "Bearer key-1234567");
    assert_int_equal(t->timeout_ms, 3000);
    assert_str_is(t->response, "data.customer");
    assert_int_equal(t->max_response_bytes, 4096);
    assert_str_is(t->sign_secret, "sign-7654321");
    assert_true(t->retry);
    assert_int_equal(f.cfg->warnings.n, 0);
    struct buf dump;
    buf_init(&dump, 1 << 20);
    config_dump_masked(f.cfg, &dump);
    assert_has_not(buf_str(&dump), "key-1234567");
    assert_has_not(buf_str(&dump), "7654321");
    assert_has(buf_str(&dump), "lookup_customer");
    /* What is printed can be read again. */
    struct fixture again;
    fixture_ok(&again, buf_cstr(&dump), NULL);
    assert_int_equal(again.cfg->tool_count, 2);
    assert_str_is(again.cfg->tools[0].parameters, t->parameters.p);
    assert_str_is(again.cfg->tools[0].body, t->body.p);
    fixture_done(&again);
    buf_done(&dump);
    fixture_done(&f);
}

TEST(little_is_needed)
{
    struct fixture f;
    fixture_ok(&f, "agent: {tools: [{name: ping, " HOOK "}], tool_choice: ping}", NULL);
    assert_int_equal(f.cfg->agent.tools.n, 1);
    assert_int_equal(f.cfg->tool_count, 1);
    assert_str_is(f.cfg->tools[0].parameters, "{\"type\":\"object\",\"properties\":{},\"required\":[]}");
    assert_int_equal(f.cfg->tools[0].method, WEBHOOK_POST);
    assert_int_equal(f.cfg->tools[0].timeout_ms, 0);
    assert_str_is(f.cfg->tools[0].body, "");
    assert_int_equal(f.cfg->warnings.n, 1); /* no description */
    fixture_done(&f);
}

TEST(what_will_not_be_checked_is_said)
{
    struct fixture f;
    fixture_ok(&f,
               "agent:\n  tools:\n    - name: a\n      description: b\n      parameters:\n        type: object\n"
               "        properties:\n          mail: {type: string, format: email}\n      webhook:\n"
               "        url: http://crm.example.com/\n",
               NULL);
    assert_int_equal(f.cfg->warnings.n, 2);
    assert_str_is(f.cfg->warnings.v[0], "t.yaml:8:32: agent.tools[0].parameters.properties.mail.format is not checked");
    assert_str_is(f.cfg->warnings.v[1],
                  "agent.tools[0].webhook.url is not encrypted: arguments and keys travel in the clear");
    fixture_done(&f);
}

#define TOOL(rest) "agent:\n  tools:\n    - name: a\n      description: b\n" rest

TEST(mistakes_are_told_with_their_place)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"agent: {tools: [{name: a, webhok: {}}]}", "t.yaml:1:27: unknown key \"webhok\"; did you mean \"webhook\"?\n"},
        {"agent: {tools: [{name: a, webhook: {urll: x}}]}",
         "t.yaml:1:37: unknown key \"urll\"; did you mean \"url\"?\n"},
        {"agent: {tools: [{name: a, webhook: x}]}",
         "t.yaml:1:36: agent.tools[0].webhook must be a map of keys, not a single text\n"},
        {"agent: {tools: [end_call, {" HOOK "}]}", "t.yaml:1:27: agent.tools[1].name is missing\n"},
        {"agent: {tools: [{name: 'a b', " HOOK "}]}",
         "t.yaml:1:24: agent.tools[0].name must be 1 to 64 letters, digits, _ and -, not \"a b\"\n"},
        {"agent: {tools: [{name: end_call, " HOOK "}]}",
         "t.yaml:1:49: agent.tools[0].webhook: end_call is the name of a built-in tool\n"},
        {"agent: {tools: [{name: a, " HOOK "}, {name: a, " HOOK "}]}",
         "t.yaml:1:80: agent.tools[1].name: there is another tool a\n"},
        {"agent: {tools: [{name: a}]}", "t.yaml:1:17: agent.tools[0].webhook.url is missing\n"},
        {TOOL("      webhook: {url: crm.example.com}"),
         "t.yaml:5:22: agent.tools[0].webhook.url must begin with https:// or http://\n"},
        {TOOL("      webhook: {url: 'https://{{caller}}/x'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url must have a host name, without user, password and {{ }}\n"},
        {TOOL("      webhook: {url: 'https://u:p@h/x'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url must have a host name, without user, password and {{ }}\n"},
        {TOOL("      webhook: {url: 'https://h/a b'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url holds a character that cannot stand in an address\n"},
        {TOOL("      webhook: {url: 'https://h/{{callr}}'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url: there is no {{callr}}; did you mean {{caller}}?\n"},
        {TOOL("      webhook: {url: 'https://h/{{arguments.id}}'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url: {{arguments.id}}: parameters.properties has no \"id\"\n"},
        {TOOL("      webhook: {url: 'https://h/{{caller'}"),
         "t.yaml:5:22: agent.tools[0].webhook.url has a {{ without a name and a closing }}\n"},
        {TOOL("      webhook: {url: 'https://h/', method: FETCH}"),
         "t.yaml:5:44: agent.tools[0].webhook.method must be one of POST, GET, PUT, PATCH, DELETE, not \"FETCH\"; did "
         "you mean \"PATCH\"?\n"},
        {TOOL("      webhook: {url: 'https://h/', headers: {content-length: '1'}}"),
         "t.yaml:5:45: agent.tools[0].webhook.headers: Content-Length is ours to send\n"},
        {TOOL("      webhook: {url: 'https://h/', headers: {X-A: \"b\\nc\"}}"),
         "t.yaml:5:45: agent.tools[0].webhook.headers has a name or text that cannot be sent (\"X-A\")\n"},
        {TOOL("      webhook: {url: 'https://h/', body: '{\"a\": {{caller}}'}"),
         "t.yaml:5:42: agent.tools[0].webhook.body must be JSON once the values are put in\n"},
        {TOOL("      webhook: {url: 'https://h/', body: '{\"a\": \"\\{{caller}}\"}'}"), /* would eat the escaping */
         "t.yaml:5:42: agent.tools[0].webhook.body must be JSON once the values are put in\n"},
        {TOOL("      webhook: {url: 'https://h/', method: GET, body: '{}'}"),
         "t.yaml:5:55: agent.tools[0].webhook.body: a GET request has none\n"},
        {TOOL("      webhook: {url: 'https://h/', timeout_ms: 11m}"),
         "t.yaml:5:48: agent.tools[0].webhook.timeout_ms must be a duration in milliseconds (or 250ms, 5s, 2m, 1h) "
         "from 0 to 600000, not \"11m\"\n"},
        {TOOL("      webhook: {url: 'https://h/', ca_file: /none.pem}"),
         "t.yaml:5:45: agent.tools[0].webhook.ca_file: /none.pem: No such file or directory\n"},
        {TOOL("      parameters: {type: string}\n      " HOOK),
         "t.yaml:5:19: agent.tools[0].parameters must have type: object\n"},
        {TOOL("      parameters: text\n      " HOOK),
         "t.yaml:5:19: agent.tools[0].parameters must be a map, the JSON Schema of an object, not a single text\n"},
        {TOOL("      parameters:\n        type: object\n        properties:\n          id: {type: txt}\n      " HOOK),
         "t.yaml:8:16: agent.tools[0].parameters.properties.id.type must be string, number, integer, boolean, object, "
         "array or null, or a list of these\n"},
        {TOOL("      webhook: {url: 'https://h/', headers: {Authorization: '${NO_SUCH}'}}"),
         "t.yaml:5:45: agent.tools[0].webhook.headers names the environment variable NO_SUCH, which is not set; "
         "${NO_SUCH:-} would allow that\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(cases[i].yaml, NULL, cases[i].want);
    }
}

TEST(there_are_not_too_many)
{
    struct buf yaml;
    struct fixture f;
    buf_init(&yaml, 1 << 16);
    buf_puts(&yaml, "agent: {tools: [end_call");
    for (int i = 0; i < CALL_MAX_TOOLS; i++) {
        buf_printf(&yaml, ", {name: t%d, " HOOK "}", i);
    }
    buf_puts(&yaml, "]}");
    assert_int_equal(fixture_load(&f, buf_cstr(&yaml), NULL), -ERR_CONFIG);
    assert_str_is(buf_str(&f.errors), "t.yaml:1:16: agent.tools has more than 64 entries\n");
    fixture_done(&f);
    buf_done(&yaml);
}

TEST(a_bomb_of_aliases_stays_small)
{
    struct buf yaml;
    struct fixture f;
    buf_init(&yaml, 1 << 16);
    buf_puts(&yaml, "log: {level: info}\nagent:\n  tools:\n    - name: a\n      parameters:\n        type: object\n"
                    "        x0: &x0 [aaaaaaaaaaaaaaaaaaaaaaaa]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&yaml, "        x%d: &x%d [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]\n", i, i, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    buf_puts(&yaml, "      " HOOK "\n");
    assert_int_equal(fixture_load(&f, buf_cstr(&yaml), NULL), -ERR_CONFIG);
    assert_true(f.errors.len > 0);
    fixture_done(&f);
    buf_done(&yaml);
}

TEST_MAIN(T(a_webhook_tool_is_read), T(little_is_needed), T(what_will_not_be_checked_is_said),
          T(mistakes_are_told_with_their_place), T(there_are_not_too_many), T(a_bomb_of_aliases_stays_small))
