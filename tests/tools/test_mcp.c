/*
 * Servers of the Model Context Protocol as programs and over HTTP: what they offer, what a use of theirs comes to, and
 * what happens when they hang, die, lie, flood or change their minds. The program is this test itself, run again as a
 * server with a temper; the vendor's own server stands in tests/peers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "net/http_server.h"
#include "test.h"
#include "tools/mcp/mcp.h"
#include "wire/mcp.h"

static const char *self; /* how this program was called */

/* ---- a server, one message a line ---- */

static const char welcome[] = "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{\"listChanged\":true}},"
                              "\"serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}";
static const char tools[] =
    "{\"tools\":[{\"name\":\"echo\",\"description\":\"says it again\",\"inputSchema\":{\"type\":\"object\"},"
    "\"annotations\":{\"readOnlyHint\":true}},{\"name\":\"deep.er/x\",\"inputSchema\":{\"type\":\"object\"}}]}";

/* The answer to one message; empty: none. */
static void respond(struct str line, const char *temper, struct buf *out)
{
    struct mcp_message m;
    struct json_val id, params;
    buf_clear(out);
    if (mcp_read(line, &m) < 0 || m.kind != MCP_REQUEST) {
        return;
    }
    id = (struct json_val){.s = m.raw_id};
    params = m.body;
    const char *result = str_is(m.method, "initialize") ? welcome : str_is(m.method, "tools/list") ? tools : NULL;
    buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":" STR_FMT ",", STR_ARG(id.s));
    if (str_is(str_from(temper), "old") && str_is(m.method, "initialize")) {
        buf_puts(out, "\"result\":{\"protocolVersion\":\"1999-01-01\"}}");
    } else if (str_is(str_from(temper), "pages") && str_is(m.method, "tools/list")) {
        bool second = json_get(params, "cursor").type == JSON_STRING;
        buf_printf(out, "\"result\":{\"tools\":[{\"name\":\"%s\",\"inputSchema\":{}}]%s}}", second ? "two" : "one",
                   second ? "" : ",\"nextCursor\":\"2\"");
    } else if (str_is(str_from(temper), "endless") && str_is(m.method, "tools/list")) {
        buf_puts(out, "\"result\":{\"tools\":[],\"nextCursor\":\"again\"}}");
    } else if (result) {
        buf_printf(out, "\"result\":%s}", result);
    } else if (str_is(json_get(params, "name").s, "echo")) {
        buf_puts(out, "\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
        json_put_quoted(out, json_get(params, "arguments").s);
        buf_puts(out, "}]}}");
    } else {
        buf_puts(out, "\"error\":{\"code\":-32602,\"message\":\"no such tool\"}}");
    }
}

static void put_line(struct str text)
{
    fwrite(text.p, 1, text.n, stdout);
    fputc('\n', stdout);
    fflush(stdout);
}

/* What a server with this temper does instead when a tool is called. True: it has done it. */
static bool misbehave(struct str line, const char *temper)
{
    struct str t = str_from(temper);
    if (str_search(line, STR("tools/call")) == SIZE_MAX) {
        return false;
    }
    if (str_is(t, "hang")) {
        return true;
    }
    if (str_is(t, "die")) {
        _exit(3);
    }
    if (str_is(t, "flood") || str_is(t, "large")) {
        size_t n = str_is(t, "flood") ? (size_t)5 << 20 : 200000;
        printf("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
        for (size_t i = 0; i < n; i++) {
            fputc('x', stdout);
        }
        put_line(STR("\"}]}}"));
        return true;
    }
    if (str_is(t, "babble")) {
        put_line(STR("this is no JSON"));
        put_line(STR("{\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}"));
        put_line(STR("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}"));
        put_line(STR("{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}"));
        put_line(STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}"));
        return false;
    }
    return false;
}

static int serve(const char *temper)
{
    static char line[1 << 20];
    struct buf out;
    buf_init(&out, 1 << 20);
    while (fgets(line, sizeof(line), stdin)) {
        struct str text = str_trim(str_from(line));
        const char *marker = getenv("MCP_TEST_SEEN");
        if (marker && str_search(text, STR("cancelled")) != SIZE_MAX) {
            FILE *f = fopen(marker, "w");
            fputs(line, f);
            fclose(f);
        }
        if (!misbehave(text, temper)) {
            respond(text, temper, &out);
            if (out.len) {
                put_line(buf_str(&out));
            }
        }
        if (str_is(str_from(temper), "changes") && str_search(text, STR("tools/call")) != SIZE_MAX) {
            put_line(STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"));
        }
    }
    buf_done(&out);
    return 0;
}

/* ---- the hub ---- */

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct http_server *server;
    struct mcp *hub;
    struct mcp_server_opts o;
    struct str argv[3];
    struct mcp_pair env[1];
    uint32_t changes, done;
    enum mcp_outcome outcome;
    struct buf output;
    struct buf seen; /* headers and bodies that the HTTP server got */
    const char *http_temper;
    char url[128];
    struct http_exchange *held[4];
    uint32_t n_held;
};

static void on_changed(void *arg)
{
    ((struct fixture *)arg)->changes++;
}

static void set_up(struct fixture *f, const char *temper)
{
    *f = (struct fixture){.argv = {str_from(self), STR("--serve"), str_from(temper)}};
    buf_init(&f->output, 1 << 20);
    buf_init(&f->seen, 1 << 20);
    assert_ok(loop_new(&f->loop));
    assert_ok(http_client_new(f->loop, &f->client));
    assert_ok(mcp_new(f->loop, f->client, on_changed, f, &f->hub));
    f->o = (struct mcp_server_opts){.name = STR("fake"),
                                    .argv = f->argv,
                                    .n_argv = 3,
                                    .url = STR(""),
                                    .ca_file = STR(""),
                                    .prefix = STR(""),
                                    .start_ms = 8000,
                                    .timeout_ms = 8000};
}

static void tear_down(struct fixture *f)
{
    f->hub = mcp_free(f->hub);
    for (uint32_t i = 0; i < f->n_held; i++) {
        http_respond(f->held[i], 503, STR_NULL, STR_NULL, (struct span){0});
    }
    http_server_free(f->server);
    http_client_free(f->client);
    loop_free(f->loop);
    buf_done(&f->output);
    buf_done(&f->seen);
}

static struct mcp_offer offer_of(struct fixture *f)
{
    struct mcp_offer offer;
    assert_ok(mcp_offer(f->hub, STR("fake"), &offer));
    return offer;
}

static bool is_up(void *arg)
{
    return offer_of(arg).up;
}

static bool is_down(void *arg)
{
    return offer_of(arg).problem.n > 0;
}

static bool is_done(void *arg)
{
    return ((struct fixture *)arg)->done > 0;
}

static void start(struct fixture *f)
{
    assert_ok(mcp_set_servers(f->hub, &f->o, 1));
    wait_until(f->loop, is_up, f);
}

static void on_done(const struct mcp_output *r, void *arg)
{
    struct fixture *f = arg;
    f->done++;
    f->outcome = r->outcome;
    buf_clear(&f->output);
    buf_put_str(&f->output, r->text);
}

static struct mcp_run *run(struct fixture *f, const char *tool, const char *arguments, uint32_t timeout_ms)
{
    struct mcp_run *r;
    f->done = 0;
    assert_ok(mcp_run_tool(
        f->hub,
        &(struct mcp_order){STR("fake"), {.tool = str_from(tool), .arguments = str_from(arguments)}, timeout_ms},
        on_done, f, &r));
    assert_int_equal(f->done, 0);
    return r;
}

static void expect(struct fixture *f, enum mcp_outcome outcome, const char *text)
{
    wait_until(f->loop, is_done, f);
    settle(f->loop);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->outcome, outcome);
    assert_str_is(buf_str(&f->output), text);
}

TEST(a_program_tells_its_tools_and_runs_them)
{
    struct fixture f;
    set_up(&f, "good");
    start(&f);
    struct mcp_offer offer = offer_of(&f);
    assert_int_equal(offer.n_tools, 2);
    assert_str_is(offer.tools[0].name, "echo");
    assert_str_is(offer.tools[0].description, "says it again");
    assert_true(offer.tools[0].read_only);
    assert_str_is(offer.tools[1].name, "deep_er_x"); /* services take no dots */
    assert_str_is(offer.tools[1].remote, "deep.er/x");
    assert_int_equal(f.changes, 1);
    run(&f, "echo", "{\"a\":[1,\"\\u00e4\"]}", 0);
    expect(&f, MCP_OK, "{\"a\":[1,\"\\u00e4\"]}");
    run(&f, "other", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The tool's server says: no such tool\"}");
    tear_down(&f);
}

TEST(only_wanted_tools_under_a_prefix)
{
    static const struct str wanted[] = {STR("echo"), STR("missing")};
    struct fixture f;
    set_up(&f, "good");
    f.o.tools = wanted;
    f.o.n_tools = 2;
    f.o.prefix = STR("crm_");
    start(&f);
    assert_int_equal(offer_of(&f).n_tools, 1);
    assert_str_is(offer_of(&f).tools[0].name, "crm_echo");
    tear_down(&f);
}

TEST(a_list_comes_in_pages_and_must_end)
{
    struct fixture f;
    set_up(&f, "pages");
    start(&f);
    assert_int_equal(offer_of(&f).n_tools, 2);
    assert_str_is(offer_of(&f).tools[1].name, "two");
    tear_down(&f);
    set_up(&f, "endless");
    assert_ok(mcp_set_servers(f.hub, &f.o, 1));
    wait_until(f.loop, is_down, &f);
    assert_str_is(offer_of(&f).problem, "its list of tools has no end");
    tear_down(&f);
}

TEST(a_program_that_hangs_is_left_after_the_deadline_and_told)
{
    struct fixture f;
    char seen[] = "mcp-seen.XXXXXX";
    set_up(&f, "hang");
    int fd = mkstemp(seen);
    f.env[0] = (struct mcp_pair){STR("MCP_TEST_SEEN"), str_from(seen)};
    f.o.env = f.env;
    f.o.n_env = 1;
    start(&f);
    run(&f, "echo", "{}", 100);
    expect(&f, MCP_TIMEOUT, "{\"error\":\"The tool did not answer in time.\"}");
    char text[200];
    ssize_t n = 0;
    for (int i = 0; i < 200 && n <= 0; i++) {
        settle(f.loop);
        n = pread(fd, text, sizeof(text), 0);
    }
    struct str got = {text, (size_t)MAX(n, 0)};
    assert_has(got, "\"requestId\":3");
    close(fd);
    unlink(seen);
    tear_down(&f);
}

TEST(a_program_that_dies_fails_what_runs_and_comes_back)
{
    struct fixture f;
    struct mcp_run *r;
    set_up(&f, "die");
    start(&f);
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The server of this tool has gone. It is being started again.\"}");
    assert_false(offer_of(&f).up);
    assert_str_is(offer_of(&f).problem, "it ended with status 3");
    assert_int_equal(offer_of(&f).n_tools, 2); /* still known: calls that begin now may find it back */
    assert_int_equal(mcp_run_tool(f.hub,
                                  &(struct mcp_order){STR("fake"), {.tool = STR("echo"), .arguments = STR("{}")}, 0},
                                  on_done, &f, &r),
                     -ERR_CLOSED);
    wait_until(f.loop, is_up, &f);
    assert_int_equal(f.changes, 1); /* they are the same */
    tear_down(&f);
}

TEST(babble_is_survived_and_requests_of_the_server_are_answered)
{
    struct fixture f;
    set_up(&f, "babble");
    start(&f);
    run(&f, "echo", "{\"x\":1}", 0);
    expect(&f, MCP_OK, "{\"x\":1}");
    assert_true(offer_of(&f).up);
    tear_down(&f);
}

TEST(a_large_answer_is_cut_and_a_flood_ends_the_session)
{
    struct fixture f;
    set_up(&f, "large");
    start(&f);
    run(&f, "echo", "{}", 0);
    wait_until(f.loop, is_done, &f);
    assert_int_equal(f.outcome, MCP_OK);
    assert_int_equal(f.output.len, MCP_OUTPUT_MAX);
    assert_true(str_ends(buf_str(&f.output), STR("xx [cut]")));
    tear_down(&f);
    set_up(&f, "flood");
    start(&f);
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The server of this tool has gone. It is being started again.\"}");
    assert_str_is(offer_of(&f).problem, "it sent a message of more than a megabyte");
    tear_down(&f);
}

TEST(another_version_and_no_program_are_said)
{
    struct fixture f;
    set_up(&f, "old");
    assert_ok(mcp_set_servers(f.hub, &f.o, 1));
    wait_until(f.loop, is_down, &f);
    assert_str_is(offer_of(&f).problem, "it speaks another version of the protocol");
    tear_down(&f);
    set_up(&f, "good");
    f.argv[0] = STR("/nowhere/at-all");
    assert_ok(mcp_set_servers(f.hub, &f.o, 1));
    wait_until(f.loop, is_down, &f);
    assert_true(offer_of(&f).problem.n > 0);
    tear_down(&f);
}

TEST(a_cancelled_use_and_the_end_of_the_hub_are_told_once)
{
    struct fixture f;
    set_up(&f, "hang");
    start(&f);
    mcp_run_cancel(run(&f, "echo", "{}", 0));
    expect(&f, MCP_CANCELLED, "");
    run(&f, "echo", "{}", 0);
    f.hub = mcp_free(f.hub);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.outcome, MCP_CANCELLED);
    tear_down(&f);
}

TEST(changed_tools_are_asked_for_again)
{
    struct fixture f;
    set_up(&f, "changes");
    start(&f);
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_OK, "{}");
    run(&f, "echo", "{}", 0); /* the list is under way, or was */
    expect(&f, MCP_OK, "{}");
    assert_int_equal(f.changes, 1); /* nothing new */
    assert_true(offer_of(&f).up);
    tear_down(&f);
}

TEST(the_same_settings_keep_the_session_and_others_replace_it)
{
    struct fixture f;
    struct mcp_offer offer;
    set_up(&f, "good");
    start(&f);
    assert_ok(mcp_set_servers(f.hub, &f.o, 1));
    assert_true(offer_of(&f).up); /* it was not started again */
    f.o.prefix = STR("new_");
    assert_ok(mcp_set_servers(f.hub, &f.o, 1));
    assert_false(offer_of(&f).up);
    wait_until(f.loop, is_up, &f);
    assert_str_is(offer_of(&f).tools[0].name, "new_echo");
    assert_ok(mcp_set_servers(f.hub, NULL, 0));
    assert_int_equal(mcp_offer(f.hub, STR("fake"), &offer), -ENOENT);
    tear_down(&f);
}

/* ---- streamable HTTP ---- */

static void respond_http(struct fixture *f, struct http_exchange *x, struct str body)
{
    struct buf out, stream;
    buf_init(&out, 1 << 20);
    buf_init(&stream, 1 << 20);
    respond(body, "good", &out);
    bool first = str_search(body, STR("\"initialize\"")) != SIZE_MAX;
    struct str headers = first ? STR("Mcp-Session-Id: s-1\r\n") : STR_NULL;
    if (out.len == 0) {
        http_respond(x, 202, STR_NULL, STR_NULL, (struct span){0});
    } else if (str_is(str_from(f->http_temper), "stream")) {
        buf_puts(&stream, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n"
                          "event: message\ndata: ");
        buf_put_str(&stream, buf_str(&out));
        buf_puts(&stream, "\n\n");
        http_respond(x, 200, STR("text/event-stream"), headers, buf_span(&stream));
    } else {
        http_respond(x, 200, STR("application/json"), headers, buf_span(&out));
    }
    buf_done(&out);
    buf_done(&stream);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    static const char *const names[] = {"Accept", "Authorization", "Mcp-Session-Id", "MCP-Protocol-Version"};
    struct fixture *f = arg;
    struct str body = str_of_span(req->body);
    buf_printf(&f->seen, STR_FMT " ", STR_ARG(req->method));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str v = http_header(req, names[i]);
        buf_printf(&f->seen, "%s=" STR_FMT " ", names[i], STR_ARG(v));
    }
    buf_printf(&f->seen, STR_FMT "\n", STR_ARG(body));
    struct str parent = http_header(req, "traceparent");
    struct str state = http_header(req, "tracestate");
    if (parent.n > 0) {
        buf_printf(&f->seen, "traceparent=" STR_FMT " tracestate=" STR_FMT "\n", STR_ARG(parent), STR_ARG(state));
    }
    bool call = str_search(body, STR("tools/call")) != SIZE_MAX;
    if (call && str_is(str_from(f->http_temper), "forgets")) {
        f->http_temper = "json";
        http_respond(x, 404, STR_NULL, STR_NULL, (struct span){0});
    } else if (call && str_is(str_from(f->http_temper), "500")) {
        http_respond(x, 500, STR("text/html"), STR_NULL, span_of_str(STR("<html>")));
    } else if (call && str_is(str_from(f->http_temper), "silent")) {
        http_respond(x, 202, STR_NULL, STR_NULL, (struct span){0});
    } else if (call && str_is(str_from(f->http_temper), "hang")) {
        f->held[f->n_held++] = x;
    } else {
        respond_http(f, x, body);
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void set_up_http(struct fixture *f, const char *temper)
{
    static const struct mcp_pair headers[] = {{STR("Authorization"), STR("Bearer t0ken")}};
    const struct http_server_opts opts = {.host = "127.0.0.1"};
    set_up(f, "");
    f->http_temper = temper;
    assert_ok(http_server_open(f->loop, &opts, &handler, f, &f->server));
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/mcp", http_server_port(f->server));
    f->o.n_argv = 0;
    f->o.url = str_from(f->url);
    f->o.headers = headers;
    f->o.n_headers = 1;
    start(f);
}

TEST(a_server_over_http_answers_in_json_or_in_events)
{
    static const char *const tempers[] = {"json", "stream"};
    for (size_t i = 0; i < ARRAY_LEN(tempers); i++) {
        struct fixture f;
        set_up_http(&f, tempers[i]);
        assert_int_equal(offer_of(&f).n_tools, 2);
        run(&f, "echo", "{\"n\":1}", 0);
        expect(&f, MCP_OK, "{\"n\":1}");
        assert_has(buf_str(&f.seen), "POST Accept=application/json, text/event-stream Authorization=Bearer t0ken "
                                     "Mcp-Session-Id= MCP-Protocol-Version= {\"jsonrpc\"");
        assert_has(buf_str(&f.seen),
                   "Mcp-Session-Id=s-1 MCP-Protocol-Version=2025-06-18 {\"jsonrpc\":\"2.0\",\"method\":"
                   "\"notifications/initialized\"}");
        assert_ok(mcp_set_servers(f.hub, NULL, 0));
        settle(f.loop);
        assert_has(buf_str(&f.seen), "DELETE"); /* the session is given back */
        tear_down(&f);
    }
}

TEST(a_use_carries_the_trace_in_headers_and_in_the_message)
{
    struct fixture f;
    struct mcp_run *r;
    set_up_http(&f, "json");
    f.done = 0;
    const struct mcp_order o = {STR("fake"),
                                {.tool = STR("echo"),
                                 .arguments = STR("{}"),
                                 .traceparent = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                                 .tracestate = STR("a=b")},
                                0};
    assert_ok(mcp_run_tool(f.hub, &o, on_done, &f, &r));
    expect(&f, MCP_OK, "{}");
    assert_has(buf_str(&f.seen), "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 tracestate=a=b");
    assert_has(buf_str(&f.seen),
               "\"_meta\":{\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"");
    uint32_t servers = 0, up = 0;
    mcp_count(f.hub, &servers, &up);
    assert_int_equal(servers, 1);
    assert_int_equal(up, 1);
    assert_ok(mcp_set_servers(f.hub, NULL, 0));
    mcp_count(f.hub, &servers, &up);
    assert_int_equal(servers, 0);
    assert_int_equal(up, 0);
    tear_down(&f);
}

TEST(a_session_that_was_forgotten_is_begun_anew)
{
    struct fixture f;
    set_up_http(&f, "forgets");
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The server of this tool has gone. It is being started again.\"}");
    wait_until(f.loop, is_up, &f);
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_OK, "{}");
    tear_down(&f);
}

TEST(refusals_silence_and_slowness_over_http)
{
    struct fixture f;
    set_up_http(&f, "500");
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The server of this tool refused.\"}");
    f.http_temper = "silent";
    run(&f, "echo", "{}", 0);
    expect(&f, MCP_FAILED, "{\"error\":\"The server of this tool gave no answer.\"}");
    f.http_temper = "hang";
    run(&f, "echo", "{}", 100);
    expect(&f, MCP_TIMEOUT, "{\"error\":\"The tool did not answer in time.\"}");
    mcp_run_cancel(run(&f, "echo", "{}", 0));
    expect(&f, MCP_CANCELLED, "");
    assert_true(offer_of(&f).up);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    if (argc == 3 && str_is(str_from(argv[1]), "--serve")) {
        return serve(argv[2]);
    }
    self = argv[0];
    const struct CMUnitTest all[] = {
        T(a_program_tells_its_tools_and_runs_them),
        T(only_wanted_tools_under_a_prefix),
        T(a_list_comes_in_pages_and_must_end),
        T(a_program_that_hangs_is_left_after_the_deadline_and_told),
        T(a_program_that_dies_fails_what_runs_and_comes_back),
        T(babble_is_survived_and_requests_of_the_server_are_answered),
        T(a_large_answer_is_cut_and_a_flood_ends_the_session),
        T(another_version_and_no_program_are_said),
        T(a_cancelled_use_and_the_end_of_the_hub_are_told_once),
        T(changed_tools_are_asked_for_again),
        T(the_same_settings_keep_the_session_and_others_replace_it),
        T(a_server_over_http_answers_in_json_or_in_events),
        T(a_use_carries_the_trace_in_headers_and_in_the_message),
        T(a_session_that_was_forgotten_is_begun_anew),
        T(refusals_silence_and_slowness_over_http),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
