/*
 * Whole calls whose agent has webhook tools: caller, gateway, sandbox and the endpoint on one loop. The tool's answer
 * is spoken; a hanging endpoint holds up nothing; nothing secret is kept.
 */
#include <stdio.h>

#include "base/err.h"
#include "gateway/replay.h"
#include "gateway/rig.h"
#include "net/http_server.h"

struct hook {
    struct http_server *server;
    struct http_exchange *held;
    uint32_t requests;
    struct buf seen;
    bool hang;
    const char *answer;
};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct hook *h = arg;
    h->requests++;
    buf_clear(&h->seen);
    buf_printf(&h->seen, STR_FMT " " STR_FMT "|" STR_FMT "|", STR_ARG(req->method), STR_ARG(req->target),
               STR_ARG(http_header(req, "authorization")));
    buf_put(&h->seen, req->body.p, req->body.n);
    if (h->hang) {
        h->held = x;
    } else {
        http_respond(x, 200, STR("application/json"), STR_NULL, span_of_str(str_from(h->answer)));
    }
}

static const struct http_server_handler hook_handler = {.on_request = on_request};

/* The rig's dialogue asks for order 1234; the tool has a name of its own there. */
static const char dialogue[] = "name: test\n"
                               "greeting: Hello.\n"
                               "refusal: What?\n"
                               "unavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "script:\n"
                               "  - order one two three four\n"
                               "  - goodbye\n"
                               "rules:\n"
                               "  digit: one | two | three | four\n"
                               "  order_number: <digit> <digit>+\n"
                               "slots:\n"
                               "  order_number: digits\n"
                               "intents:\n"
                               "  order:\n"
                               "    rules: [\"order [<order_number>]\"]\n"
                               "    say: Looking.\n"
                               "    call: {tool: lookup_parcel, arguments: {number: \"{order_number}\"}}\n"
                               "  goodbye:\n"
                               "    rules: [goodbye]\n"
                               "    say: Goodbye.\n"
                               "    call: {tool: end_call, arguments: {reason: done}}\n"
                               "results:\n"
                               "  lookup_parcel:\n"
                               "    - when: {error: \"*\"}\n"
                               "      say: That did not work.\n"
                               "    - say: \"Your parcel is in {result.city}.\"\n";

static void open_hook(struct hook *h, struct rig *r, const char *pattern, const char *more)
{
    const struct http_server_opts so = {.host = "127.0.0.1"};
    static char extra[2000];
    struct rig_opts o = {.extra = extra, .dialogue = dialogue};
    *h = (struct hook){.answer = "{\"data\":{\"parcel\":{\"city\":\"Lisbon\"}}}"};
    buf_init(&h->seen, 1 << 16);
    assert_ok(loop_new(&o.loop));
    assert_ok(http_server_open(o.loop, &so, &hook_handler, h, &h->server));
    ignore_result(snprintf(extra, sizeof(extra),
                           "agent:\n"
                           "  turn_detection: server_vad\n"
                           "  tools:\n"
                           "    - end_call\n"
                           "    - name: lookup_parcel\n"
                           "      description: Finds a parcel.\n"
                           "      parameters:\n"
                           "        type: object\n"
                           "        properties: {number: {type: string, pattern: '%s'}}\n"
                           "        required: [number]\n"
                           "      webhook:\n"
                           "        url: 'http://127.0.0.1:%u/parcels/{{arguments.number}}'\n"
                           "        headers: {Authorization: 'Bearer key-987654321'}\n"
                           "        response: data.parcel\n"
                           "        %s\n",
                           pattern, http_server_port(h->server), more) < 0);
    rig_open(r, &o);
}

static void close_hook(struct hook *h, struct rig *r)
{
    rig_stop_gateway(r);
    if (h->held) {
        http_respond(h->held, 200, STR("application/json"), STR_NULL, span_of_str(STR("{}")));
    }
    http_server_free(h->server);
    buf_done(&h->seen);
    rig_close(r, false);
}

static const struct phone_when at_once[] = {{0}};
/* Longer than the pause between the sentence before the tool and the one after it. */
static const struct phone_when answered = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

static struct rig_reply record_of(struct rig *r)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r->last_call) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void assert_said(struct rig *r, const char *sentence)
{
    struct rig_reply reply = record_of(r);
    assert_has(rig_json(&reply, "transcript"), sentence);
    buf_done(&reply.body);
}

static void assert_metric(struct rig *r, const char *line)
{
    struct rig_reply reply = rig_http(r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}

static bool file_holds(const char *path, const char *text)
{
    struct buf b;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(&b, 8 << 20);
    for (size_t n = 1; n > 0;) {
        uint8_t *room = buf_room(&b, 4096);
        assert_non_null(room);
        n = fread(room, 1, 4096, f);
        buf_added(&b, n);
    }
    fclose(f);
    bool found = str_search(buf_str(&b), str_from(text)) != SIZE_MAX;
    buf_done(&b);
    return found;
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_int_equal(report.first_diff, 0);
}

TEST(the_answer_of_an_endpoint_is_spoken)
{
    struct rig r;
    struct hook h;
    open_hook(&h, &r, "^[0-9]{4}$", "method: GET");
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(h.requests, 1);
    assert_str_is(buf_str(&h.seen), "GET /parcels/1234|Bearer key-987654321|");
    assert_int_equal(r.tools, 1);
    assert_said(&r, "Your parcel is in Lisbon.");
    assert_metric(&r, "ringtrip_tool_calls_total{result=\"ok\"} 1");
    assert_replays(&r);
    assert_false(file_holds(r.last_journal, "987654321"));
    assert_true(file_holds(r.last_journal, "Lisbon"));
    close_hook(&h, &r);
}

TEST(arguments_that_do_not_fit_never_leave)
{
    struct rig r;
    struct hook h;
    open_hook(&h, &r, "^[0-9]{9}$", "method: GET");
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_int_equal(h.requests, 0);
    assert_said(&r, "That did not work.");
    assert_metric(&r, "ringtrip_tool_calls_total{result=\"error\"} 1");
    assert_true(file_holds(r.last_journal, "number must have the form"));
    assert_replays(&r);
    close_hook(&h, &r);
}

TEST(a_hanging_endpoint_costs_its_timeout_and_no_more)
{
    struct rig r;
    struct hook h;
    open_hook(&h, &r, "^[0-9]+$", "timeout_ms: 300");
    h.hang = true;
    struct rig_call *c = rig_call(&r, at_once, 1, answered);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(h.requests, 1);
    assert_said(&r, "That did not work.");
    assert_metric(&r, "ringtrip_tool_calls_total{result=\"timeout\"} 1");
    assert_replays(&r);
    close_hook(&h, &r);
}

static bool is_asked(void *arg)
{
    const struct hook *h = arg;
    return h->requests > 0;
}

TEST(a_call_that_ends_takes_its_requests_with_it)
{
    struct rig r;
    struct hook h;
    open_hook(&h, &r, "^[0-9]+$", "timeout_ms: 60000");
    h.hang = true;
    struct rig_call *c = rig_call(&r, at_once, 1, never);
    wait_until(r.loop, is_asked, &h);
    phone_hang_up(c->phone, "enough");
    rig_wait_over(c);
    rig_stop_gateway(&r); /* would wait for the request's minute otherwise */
    http_respond(h.held, 200, STR("application/json"), STR_NULL, span_of_str(STR("{}"))); /* after the call */
    h.held = NULL;
    rig_start_gateway(&r);
    assert_replays(&r);
    close_hook(&h, &r);
}

/* ---- the example ---- */

static const char example_dialogue[] =
    "name: parcels\n"
    "greeting: Hello.\n"
    "refusal: What?\n"
    "unavailable: Not now.\n"
    "prompt: Anything else?\n"
    "script:\n"
    "  - where is one two three four\n"
    "  - pick it up tomorrow\n"
    "rules:\n"
    "  digit: one | two | three | four\n"
    "  number: <digit> <digit>+\n"
    "slots:\n"
    "  number: digits\n"
    "intents:\n"
    "  where:\n"
    "    rules: [\"where is [<number>]\"]\n"
    "    say: Looking.\n"
    "    call: {tool: lookup_parcel, arguments: {number: \"{number}\"}}\n"
    "  pickup:\n"
    "    rules: [pick it up tomorrow]\n"
    "    say: Booking.\n"
    "    call: {tool: book_pickup, arguments: {number: \"{number|1234}\", day: tomorrow}}\n"
    "results:\n"
    "  lookup_parcel:\n"
    "    - when: {error: \"*\"}\n"
    "      say: That did not work.\n"
    "    - say: \"Your parcel is in {result.city}.\"\n"
    "  book_pickup:\n"
    "    - when: {error: \"*\"}\n"
    "      say: That did not work.\n"
    "    - say: It is booked.\n";

/* Text of a file with two of its texts replaced: where the shop is, and how tones are heard. */
static void read_example(struct buf *out, uint16_t port)
{
    static const char address[] = "https://shop.example.com/api", agent[] = "\nagent:\n";
    struct buf text;
    FILE *f = fopen(SOURCE_ROOT "/examples/webhook-tools.yaml", "r");
    assert_non_null(f);
    buf_init(&text, 1 << 16);
    uint8_t *room = buf_room(&text, 16384);
    assert_non_null(room);
    buf_added(&text, fread(room, 1, 16384, f));
    fclose(f);
    struct str rest = buf_str(&text);
    size_t at = str_search(rest, str_from(agent));
    assert_true(at != SIZE_MAX);
    buf_put(out, rest.p, at + strlen(agent));
    buf_puts(out, "  turn_detection: server_vad\n");
    rest = (struct str){rest.p + at + strlen(agent), rest.n - at - strlen(agent)};
    for (uint32_t n = 0; (at = str_search(rest, str_from(address))) != SIZE_MAX; n++) {
        assert_true(n < 2);
        buf_put(out, rest.p, at);
        buf_printf(out, "http://127.0.0.1:%u/api", port);
        rest = (struct str){rest.p + at + strlen(address), rest.n - at - strlen(address)};
    }
    buf_put_str(out, rest);
    buf_done(&text);
}

TEST(the_example_does_what_it_says)
{
    static const struct phone_when when[] = {{0}, {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000}};
    const struct http_server_opts so = {.host = "127.0.0.1"};
    struct rig_opts o = {.dialogue = example_dialogue};
    struct rig r;
    struct hook h = {.answer = "{\"data\":{\"parcel\":{\"city\":\"Lisbon\"}}}"};
    struct buf extra;
    buf_init(&extra, 1 << 16);
    buf_init(&h.seen, 1 << 16);
    assert_ok(loop_new(&o.loop));
    assert_ok(http_server_open(o.loop, &so, &hook_handler, &h, &h.server));
    read_example(&extra, http_server_port(h.server));
    o.extra = buf_cstr(&extra);
    rig_open(&r, &o);
    struct rig_call *c = rig_call(&r, when, 2, answered);
    rig_wait_over(c);
    assert_int_equal(h.requests, 2);
    assert_said(&r, "Your parcel is in Lisbon.");
    assert_said(&r, "It is booked.");
    struct str seen = buf_str(&h.seen);
    assert_true(str_starts(seen, STR("POST /api/pickups|Bearer|{\"parcel\": \"1234\", \"day\": \"tomorrow\", \"note\": "
                                     "null,\n \"phone\": \"+15005550001\", \"request_id\": \"")));
    assert_replays(&r);
    buf_done(&extra);
    close_hook(&h, &r);
}

TEST_MAIN(T(the_answer_of_an_endpoint_is_spoken), T(arguments_that_do_not_fit_never_leave),
          T(a_hanging_endpoint_costs_its_timeout_and_no_more), T(a_call_that_ends_takes_its_requests_with_it),
          T(the_example_does_what_it_says))
