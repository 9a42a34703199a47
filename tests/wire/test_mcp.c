/* The messages of the Model Context Protocol: what we send to the letter, what we take, what we refuse. */
#include "test.h"

#include "base/err.h"
#include "wire/mcp.h"

static struct mcp_message parsed(const char *text)
{
    struct mcp_message m;
    assert_ok(mcp_read(str_from(text), &m));
    return m;
}

#define assert_put(call, want)                                                                                         \
    do {                                                                                                               \
        struct buf b_;                                                                                                 \
        buf_init(&b_, 4096);                                                                                           \
        call;                                                                                                          \
        assert_str_is(buf_str(&b_), want);                                                                             \
        buf_done(&b_);                                                                                                 \
    } while (0)

TEST(requests_are_json_rpc)
{
    assert_put(mcp_put_initialize(&b_, 1, "ringtrip", "1.0"),
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\","
               "\"capabilities\":{},\"clientInfo\":{\"name\":\"ringtrip\",\"version\":\"1.0\"}}}");
    assert_put(mcp_put_initialized(&b_), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    assert_put(mcp_put_list(&b_, 2, STR("")), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}");
    assert_put(mcp_put_list(&b_, 3, STR("a\"b")),
               "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\",\"params\":{\"cursor\":\"a\\\"b\"}}");
    const struct mcp_use use = {.tool = STR("add"), .arguments = STR("{\"a\":1}")};
    const struct mcp_use traced = {STR("add"), STR("{}"),
                                   STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), STR("a=b")};
    assert_put(mcp_put_call(&b_, 5, &traced),
               "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"add\",\"arguments\":{},"
               "\"_meta\":{\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"tracestate\":"
               "\"a=b\"}}}");
    assert_put(mcp_put_call(&b_, 4, &use),
               "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"add\",\"arguments\":"
               "{\"a\":1}}}");
    assert_put(mcp_put_cancelled(&b_, 4, "why"),
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4,\"reason\":"
               "\"why\"}}");
    assert_put(mcp_put_empty_result(&b_, STR("\"x1\"")), "{\"jsonrpc\":\"2.0\",\"id\":\"x1\",\"result\":{}}");
    assert_put(mcp_put_no_method(&b_, STR("7")),
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}");
}

TEST(envelopes_are_told_apart)
{
    struct mcp_message m = parsed("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}");
    assert_int_equal(m.kind, MCP_RESULT);
    assert_int_equal(m.id, 7);
    m = parsed("{\"id\":\"8\",\"result\":{},\"jsonrpc\":\"2.0\"}");
    assert_int_equal(m.id, 8); /* some servers turn numbers into texts */
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":\"abc\",\"result\":{}}");
    assert_int_equal(m.id, 0);
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse \\\"error\\\"\"}}");
    assert_int_equal(m.kind, MCP_ERROR);
    assert_int_equal(m.code, -32700);
    assert_put(mcp_error_text(&m, &b_), "Parse \"error\"");
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-5}}");
    assert_put(mcp_error_text(&m, &b_), "error -5");
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}");
    assert_int_equal(m.kind, MCP_REQUEST);
    assert_str_is(m.raw_id, "\"s\"");
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"roots/list\",\"params\":{}}");
    assert_str_is(m.raw_id, "12");
    m = parsed("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_int_equal(m.kind, MCP_NOTIFICATION);
    assert_str_is(m.method, "notifications/tools/list_changed");
}

TEST(what_is_no_message_is_refused)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"", -ERR_SYNTAX},
        {"nonsense", -ERR_SYNTAX},
        {"[]", -ERR_TYPE},
        {"{}", -ERR_TYPE},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}", -ERR_TYPE},
        {"{\"jsonrpc\":2.0,\"id\":1,\"result\":{}}", -ERR_TYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", -ERR_MISSING},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}", -ERR_TYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -ERR_TYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -ERR_TYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}} x", -ERR_SYNTAX},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":}}", -ERR_SYNTAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mcp_message m;
        assert_int_equal(mcp_read(str_from(cases[i].text), &m), cases[i].err);
    }
}

TEST(the_answer_to_initialize_is_read)
{
    struct mcp_welcome w;
    struct mcp_message m = parsed(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"tools\":"
        "{\"listChanged\":true},\"prompts\":{}},\"serverInfo\":{\"name\":\"files\",\"version\":\"3\"}}}");
    assert_ok(mcp_read_welcome(&m, &w));
    assert_str_is(w.version, "2025-03-26");
    assert_true(mcp_version_known(w.version));
    assert_str_is(w.name, "files");
    assert_true(w.tools && w.tells_changes);
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"1999-01-01\"}}");
    assert_ok(mcp_read_welcome(&m, &w));
    assert_false(mcp_version_known(w.version) || w.tools);
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_int_equal(mcp_read_welcome(&m, &w), -ERR_MISSING);
}

struct seen {
    struct buf text;
    uint32_t n;
};

static void see(const struct mcp_tool *t, void *arg)
{
    struct seen *s = arg;
    s->n++;
    buf_printf(&s->text, STR_FMT "|" STR_FMT "|" STR_FMT "|%d\n", STR_ARG(t->name), STR_ARG(t->description),
               STR_ARG(t->schema), t->read_only);
}

TEST(tools_are_listed_and_unusable_ones_counted)
{
    struct seen s = {.n = 0};
    struct buf scratch;
    uint32_t skipped = 0;
    char cursor[MCP_CURSOR_MAX];
    buf_init(&s.text, 65536);
    buf_init(&scratch, 65536);
    struct mcp_message m =
        parsed("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":["
               "{\"name\":\"a.b/c-1\",\"description\":\"adds \\\"things\\\"\",\"inputSchema\":{\"type\":\"object\"},"
               "\"annotations\":{\"readOnlyHint\":true}},"
               "{\"name\":\"titled\",\"title\":\"A title\",\"inputSchema\":{}},"
               "{\"name\":\"no schema\"},{\"name\":\"\",\"inputSchema\":{}},{\"name\":\"bad name\",\"inputSchema\":{}},"
               "{\"name\":\"list\",\"inputSchema\":[]},7],\"nextCursor\":\"p\\u00fc2\"}}");
    assert_ok(mcp_read_tools(&m, &scratch, see, &s, &skipped, cursor));
    assert_str_is(buf_str(&s.text), "a.b/c-1|adds \"things\"|{\"type\":\"object\"}|1\ntitled|A title|{}|0\n");
    assert_int_equal(skipped, 5);
    assert_string_equal(cursor, "p\xc3\xbc"
                                "2");
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":{}}}");
    assert_int_equal(mcp_read_tools(&m, &scratch, see, &s, &skipped, cursor), -ERR_TYPE);
    m = parsed("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    assert_int_equal(mcp_read_tools(&m, &scratch, see, &s, &skipped, cursor), -ERR_MISSING);
    buf_done(&s.text);
    buf_done(&scratch);
}

static void assert_result(const char *result, const char *want, bool fails)
{
    struct buf text, out;
    struct mcp_message m;
    bool failed;
    buf_init(&text, 65536);
    buf_init(&out, 65536);
    buf_printf(&text, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":%s}", result);
    assert_ok(mcp_read(buf_str(&text), &m));
    assert_ok(mcp_read_result(&m, 40, &out, &failed));
    assert_str_is(buf_str(&out), want);
    assert_int_equal(failed, fails);
    buf_done(&text);
    buf_done(&out);
}

TEST(results_become_text)
{
    struct mcp_message m = parsed("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    struct buf out;
    bool failed;
    assert_result("{\"content\":[{\"type\":\"text\",\"text\":\"two\\nlines\"},{\"type\":\"text\",\"text\":\"more\"}]}",
                  "two\nlines\nmore", false);
    assert_result("{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}", "no", true);
    assert_result("{\"content\":[],\"structuredContent\":{\"t\":21.5}}", "{\"t\":21.5}", false);
    assert_result("{\"content\":[{\"type\":\"image\",\"data\":\"AAAA\",\"mimeType\":\"image/png\"}]}",
                  "[image image/png, not shown]", false);
    assert_result("{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"x:1\",\"text\":\"inside\"}}]}",
                  "inside", false);
    assert_result("{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:///a\"}]}", "[resource_link: file:///a]",
                  false);
    /* Cut at the end of a character. */
    assert_result(
        "{\"content\":[{\"type\":\"text\",\"text\":\"0123456789012345678901234567890123\xc3\xa4\xc3\xa4\xc3\xa4x\"}]}",
        "0123456789012345678901234567890123 [cut]", false);
    assert_result(
        "{\"content\":[{\"type\":\"text\",\"text\":\"012345678901234567890123456789012\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\"}]}",
        "012345678901234567890123456789012 [cut]", false);
    buf_init(&out, 4096);
    assert_int_equal(mcp_read_result(&m, 40, &out, &failed), -ERR_MISSING);
    buf_done(&out);
}

TEST(events_of_a_stream_are_taken_one_by_one)
{
    struct str rest = STR(": hello\r\nevent: message\r\ndata: {\"a\":1}\r\n\r\n\n"
                          "id: 4\ndata:{\ndata: }\n\nretry: 3\n\ndata: last");
    struct buf data;
    buf_init(&data, 4096);
    assert_true(mcp_next_event(&rest, &data));
    assert_str_is(buf_str(&data), "{\"a\":1}");
    assert_true(mcp_next_event(&rest, &data));
    assert_str_is(buf_str(&data), "{\n}");
    assert_true(mcp_next_event(&rest, &data));
    assert_str_is(buf_str(&data), "last");
    assert_false(mcp_next_event(&rest, &data));
    buf_done(&data);
}

TEST_MAIN(T(requests_are_json_rpc), T(envelopes_are_told_apart), T(what_is_no_message_is_refused),
          T(the_answer_to_initialize_is_read), T(tools_are_listed_and_unusable_ones_counted), T(results_become_text),
          T(events_of_a_stream_are_taken_one_by_one))
