/* Traces of whole calls: what is kept, what is exported, what is passed on, and what is not. */
#include <stdio.h>

#include "base/err.h"
#include "gateway/bare_config.h"
#include "gateway/rig.h"
#include "gateway/snapshot.h"
#include "net/http_server.h"
#include "obs/trace.h"

static const struct phone_when at_once[4] = {{0}};
static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};
/* Longer than the pause between the sentence before the tool and the one after it. */
static const struct phone_when answered = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000};

#define MAX_SPANS 64

struct one {
    struct str id, parent, type, name, kind, status;
    struct json_val attrs;
    double start_ms, duration_ms; /* -1: not ended */
};

/* The trace of the last call, from the API. */
struct view {
    struct rig_reply reply;
    struct str trace_id;
    struct one spans[MAX_SPANS];
    uint32_t n;
};

static struct str text_of(struct json_val v, const char *key)
{
    struct json_val member = json_get(v, key);
    return member.type == JSON_STRING ? member.s : STR("");
}

static double figure_of(struct json_val v, const char *key)
{
    double f = -1;
    return json_to_f64(json_get(v, key), &f) < 0 ? -1 : f;
}

static void look(struct rig *r, const char *call_id, struct view *v)
{
    char path[200];
    struct json_val doc, span;
    *v = (struct view){0};
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/trace", call_id) < 0);
    v->reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(v->reply.status, 200);
    assert_ok(json_parse(buf_str(&v->reply.body), &doc));
    assert_true(text_of(doc, "call_id").n == 36); /* ours, also when it was asked for by the carrier's */
    v->trace_id = text_of(doc, "trace_id");
    struct json_it it = json_array(json_get(doc, "spans"));
    while (json_elem(&it, &span)) {
        assert_true(v->n < MAX_SPANS);
        v->spans[v->n++] = (struct one){.id = text_of(span, "span_id"),
                                        .parent = text_of(span, "parent_id"),
                                        .type = text_of(span, "type"),
                                        .name = text_of(span, "name"),
                                        .kind = text_of(span, "kind"),
                                        .status = text_of(span, "status"),
                                        .attrs = json_get(span, "attributes"),
                                        .start_ms = figure_of(span, "start_ms"),
                                        .duration_ms = figure_of(span, "duration_ms")};
    }
    assert_int_equal(it.err, 0);
}

static void unlook(struct view *v)
{
    buf_done(&v->reply.body);
}

/* The nth span of a type, from 0, or the last one (v->n); fails the test when there is none. */
static const struct one *span_of(const struct view *v, const char *type, uint32_t nth)
{
    const struct one *last = NULL;
    bool wants_last = nth == v->n;
    for (uint32_t i = 0; i < v->n; i++) {
        if (str_is(v->spans[i].type, type)) {
            last = &v->spans[i];
            if (nth-- == 0) {
                return last;
            }
        }
    }
    if (wants_last && last) {
        return last;
    }
    fail_msg("there is no such span: %s", type);
    return NULL;
}

static const struct one *parent_of(const struct view *v, const struct one *s)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (str_eq(v->spans[i].id, s->parent)) {
            return &v->spans[i];
        }
    }
    fail_msg("a span without parent: " STR_FMT, STR_ARG(s->name));
    return NULL;
}

static void assert_nested(const struct view *v)
{
    const struct one *root = span_of(v, "call", 0);
    for (uint32_t i = 0; i < v->n; i++) {
        const struct one *s = &v->spans[i];
        assert_true(s->duration_ms >= 0);
        assert_int_equal(s->id.n, 16);
        if (s == root) {
            continue;
        }
        const struct one *p = parent_of(v, s);
        if (s->start_ms + 0.001 < p->start_ms || s->start_ms > p->start_ms + p->duration_ms + 0.001 ||
            s->start_ms + s->duration_ms > root->start_ms + root->duration_ms + 0.001) {
            fail_msg(STR_FMT " lies outside of " STR_FMT, STR_ARG(s->name), STR_ARG(p->name));
        }
    }
}

TEST(a_call_becomes_a_tree_of_spans)
{
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){0});
    rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
    look(&r, r.last_call, &v);
    assert_nested(&v);
    assert_int_equal(v.trace_id.n, 32);
    const struct one *root = span_of(&v, "call", 0);
    assert_str_is(root->parent, "");
    assert_str_is(root->kind, "server");
    assert_str_is(root->status, "unset");
    assert_str_is(text_of(root->attrs, "gen_ai.conversation.id"), r.last_call);
    assert_str_is(text_of(root->attrs, "ringtrip.call.reason"), "caller-hangup");
    assert_true(figure_of(root->attrs, "gen_ai.usage.output_tokens") > 0);
    assert_true(root->duration_ms >= r.last_duration_ms);
    const struct one *session = span_of(&v, "session", 0);
    assert_str_is(session->kind, "client");
    assert_str_is(text_of(session->attrs, "ringtrip.session.why"), "first");
    const struct one *turn = span_of(&v, "turn", 1);
    assert_true(parent_of(&v, turn) == root);
    assert_str_is(turn->name, "invoke_agent demo");
    assert_str_is(text_of(turn->attrs, "gen_ai.operation.name"), "invoke_agent");
    assert_int_equal((int)figure_of(turn->attrs, "ringtrip.turn.number"), 1);
    assert_true(figure_of(turn->attrs, "ringtrip.turn.response_ms") >= 0);
    const struct one *tool = span_of(&v, "tool", 0);
    assert_true(parent_of(&v, tool) == turn);
    assert_str_is(tool->name, "execute_tool check_order_status");
    assert_str_is(text_of(tool->attrs, "gen_ai.tool.name"), "check_order_status");
    assert_true(text_of(tool->attrs, "gen_ai.tool.call.id").n > 0);
    assert_true(parent_of(&v, span_of(&v, "response", 0)) == span_of(&v, "turn", 0)); /* the greeting */
    /* The turn's two responses, before the tool and behind it. */
    for (uint32_t i = 1; i <= 2; i++) {
        const struct one *response = span_of(&v, "response", i);
        assert_true(parent_of(&v, response) == turn);
        assert_str_is(response->kind, "client");
        assert_str_is(text_of(response->attrs, "gen_ai.operation.name"), "chat");
        assert_str_is(text_of(response->attrs, "gen_ai.provider.name"), "ringtrip.sandbox");
        assert_true(text_of(response->attrs, "gen_ai.request.model").n > 0);
        assert_true(str_starts(text_of(response->attrs, "gen_ai.response.id"), STR("resp_")));
        assert_true(figure_of(response->attrs, "gen_ai.usage.input_tokens") > 0);
        assert_true(figure_of(response->attrs, "gen_ai.response.time_to_first_chunk") >= 0);
        assert_int_equal(json_get(response->attrs, "gen_ai.response.finish_reasons").type, JSON_ARRAY);
    }
    assert_true(span_of(&v, "response", 1)->start_ms <= tool->start_ms);
    assert_true(span_of(&v, "response", 2)->start_ms + 0.001 >= tool->start_ms + tool->duration_ms);
    /* Nothing of what was said, and no number. */
    assert_has_not(buf_str(&v.reply.body), "order_number");
    assert_has_not(buf_str(&v.reply.body), "Looking");
    assert_has_not(buf_str(&v.reply.body), "ringtrip.call.from");
    unlook(&v);
    /* A call that was deleted has no trace, in either sense. */
    char path[200];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r.last_call) < 0);
    struct rig_reply gone = rig_http(&r, "DELETE", path, NULL, NULL);
    assert_int_equal(gone.status, 200);
    buf_done(&gone.body);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/trace", r.last_call) < 0);
    gone = rig_http(&r, "GET", path, NULL, NULL);
    assert_int_equal(gone.status, 404);
    buf_done(&gone.body);
    rig_close(&r, false);
}

TEST(what_was_said_is_in_the_spans_only_when_that_is_wished_for)
{
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){.extra = "tracing: {content: true}"});
    rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
    look(&r, r.last_call, &v);
    const struct one *turn = span_of(&v, "turn", 1);
    const struct one *tool = span_of(&v, "tool", 0);
    assert_has(text_of(turn->attrs, "gen_ai.input.messages"),
               "{\\\"type\\\":\\\"text\\\",\\\"content\\\":\\\"order one two three four\\\"}");
    assert_has(text_of(turn->attrs, "gen_ai.output.messages"), "Looking.");
    assert_has(text_of(tool->attrs, "gen_ai.tool.call.arguments"), "order_number");
    assert_has(text_of(tool->attrs, "gen_ai.tool.call.result"), "processing");
    assert_true(text_of(span_of(&v, "call", 0)->attrs, "ringtrip.call.from").n > 0);
    unlook(&v);
    rig_close(&r, false);
}

TEST(tracing_may_be_off_or_not_kept)
{
    static const char *const off[] = {"tracing: {enabled: false}", "tracing: {local: false}"};
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        struct rig r;
        struct view v;
        rig_open(&r, &(struct rig_opts){.extra = off[i]});
        rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
        look(&r, r.last_call, &v);
        assert_int_equal(v.n, 0);
        assert_str_is(v.trace_id, "");
        unlook(&v);
        rig_close(&r, false);
    }
}

TEST(a_model_that_cannot_be_reached_is_an_error_of_its_spans)
{
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){.no_model = true});
    rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
    look(&r, r.last_call, &v);
    assert_str_is(span_of(&v, "session", 0)->status, "error");
    assert_true(text_of(span_of(&v, "session", 0)->attrs, "error.type").n > 0);
    assert_str_is(span_of(&v, "call", 0)->status, "error");
    assert_str_is(text_of(span_of(&v, "call", 0)->attrs, "error.type"), "model-unreachable");
    unlook(&v);
    rig_close(&r, false);
}

TEST(a_response_that_fails_or_breaks_off_is_an_error_of_its_span)
{
    static const char *const faults[] = {"fail", "drop"};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct rig r;
        struct view v;
        rig_open(&r, &(struct rig_opts){.faults = faults[i]});
        rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
        look(&r, r.last_call, &v);
        const struct one *response = span_of(&v, "response", 0);
        assert_str_is(response->status, "error");
        assert_true(response->duration_ms >= 0);
        assert_true(text_of(response->attrs, "error.type").n > 0);
        assert_true(i > 0 || str_is(text_of(response->attrs, "error.type"), "rate_limit_exceeded"));
        unlook(&v);
        rig_close(&r, false);
    }
}

TEST(the_trace_of_whoever_called_goes_on)
{
    static const char sid[] = "CA0123456789abcdef0123456789abcdef";
    struct rig r;
    struct view v;
    char body[200];
    rig_open(&r, &(struct rig_opts){0});
    assert_true(
        snprintf(body, sizeof(body), "CallSid=%s&From=%%2B15550001111&To=%%2B15550002222&Direction=inbound", sid) > 0);
    struct rig_reply reply =
        rig_http(&r, "POST", "/twiml",
                 "Content-Type: application/x-www-form-urlencoded\r\n"
                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n",
                 body);
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    look(&r, sid, &v); /* while it waits for its media: the root is there, and not over */
    assert_str_is(v.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_str_is(span_of(&v, "call", 0)->parent, "b7ad6b7169203331");
    assert_true(span_of(&v, "call", 0)->duration_ms < 0);
    assert_str_is(text_of(span_of(&v, "call", 0)->attrs, "ringtrip.call.carrier_id"), sid);
    unlook(&v);
    rig_close(&r, false);
}

/* ---- peers ---- */

/* An endpoint for a tool, or a collector. */
struct peer {
    struct http_server *server;
    struct buf seen;
    struct str answer;
    uint32_t requests;
};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct peer *p = arg;
    p->requests++;
    buf_printf(&p->seen, STR_FMT " " STR_FMT " " STR_FMT "|", STR_ARG(req->method), STR_ARG(req->path),
               STR_ARG(http_header(req, "traceparent")));
    buf_put(&p->seen, req->body.p, req->body.n);
    http_respond(x, 200, STR("application/json"), STR_NULL, span_of_str(p->answer));
}

static const struct http_server_handler peer_handler = {.on_request = on_request};

static uint16_t open_peer(struct peer *p, struct loop *loop, struct str answer)
{
    *p = (struct peer){.answer = answer};
    buf_init(&p->seen, 16 << 20);
    assert_ok(http_server_open(loop, &(struct http_server_opts){.host = "127.0.0.1"}, &peer_handler, p, &p->server));
    return http_server_port(p->server);
}

static void close_peer(struct peer *p)
{
    http_server_free(p->server);
    buf_done(&p->seen);
}

static const char dialogue[] = "name: test\n"
                               "greeting: Hello.\n"
                               "refusal: What?\n"
                               "unavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "script:\n"
                               "  - order one two three four\n"
                               "rules:\n"
                               "  digit: one | two | three | four\n"
                               "  order_number: <digit> <digit>+\n"
                               "slots:\n"
                               "  order_number: digits\n"
                               "intents:\n"
                               "  order:\n"
                               "    rules: [\"order [<order_number>]\"]\n"
                               "    say: Looking.\n"
                               "    call: {tool: lookup_parcel, arguments: {number: \"{order_number}\"}}\n";

TEST(a_webhook_tool_is_told_which_span_asks)
{
    struct rig r;
    struct peer hook;
    struct view v;
    char yaml[800];
    char want[80];
    struct rig_opts o = {.extra = yaml, .dialogue = dialogue};
    assert_ok(loop_new(&o.loop));
    uint16_t port = open_peer(&hook, o.loop, STR("{\"city\":\"Lisbon\"}"));
    assert_true(snprintf(yaml, sizeof(yaml),
                         "agent:\n"
                         "  turn_detection: server_vad\n"
                         "  tools:\n"
                         "    - name: lookup_parcel\n"
                         "      description: Finds a parcel.\n"
                         "      parameters: {type: object, properties: {number: {type: string}}}\n"
                         "      webhook: {url: 'http://127.0.0.1:%u/parcels'}\n",
                         port) > 0);
    rig_open(&r, &o);
    rig_wait_over(rig_call(&r, at_once, 1, answered));
    look(&r, r.last_call, &v);
    const struct one *tool = span_of(&v, "tool", 0);
    assert_true(snprintf(want, sizeof(want), "POST /parcels 00-" STR_FMT "-" STR_FMT "-01|", STR_ARG(v.trace_id),
                         STR_ARG(tool->id)) > 0);
    if (!str_starts(buf_str(&hook.seen), str_from(want))) {
        fail_msg(STR_FMT " does not begin with %s", STR_ARG(buf_str(&hook.seen)), want);
    }
    assert_true(tool->duration_ms > 0);
    assert_str_is(tool->status, "unset");
    unlook(&v);
    rig_stop_gateway(&r);
    close_peer(&hook);
    rig_close(&r, false);
}

TEST(a_collector_gets_every_span_by_the_end_of_the_process)
{
    static const char *const wanted[] = {"\"name\":\"call\"",
                                         "\"name\":\"invoke_agent demo\"",
                                         "\"name\":\"execute_tool check_order_status\"",
                                         "\"name\":\"chat gpt",
                                         "{\"key\":\"gen_ai.conversation.id\"",
                                         "{\"stringValue\":\"phone-north\"}",
                                         "\"kind\":3",
                                         "\"name\":\"open_session gpt-realtime-2.1"};
    struct rig r;
    struct peer collector;
    char yaml[300];
    struct rig_opts o = {.extra = yaml};
    assert_ok(loop_new(&o.loop));
    uint16_t port = open_peer(&collector, o.loop, STR("{}"));
    assert_true(snprintf(yaml, sizeof(yaml),
                         "tracing: {service_name: phone-north, export: {endpoint: 'http://127.0.0.1:%u', delay_ms: "
                         "600000}}",
                         port) > 0);
    rig_open(&r, &o);
    rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
    assert_int_equal(collector.requests, 0); /* the delay is not over; the end does not wait for it */
    rig_stop_gateway(&r);
    assert_int_equal(collector.requests, 1);
    assert_true(str_starts(buf_str(&collector.seen), STR("POST /v1/traces |{\"resourceSpans\":[")));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_has(buf_str(&collector.seen), wanted[i]);
    }
    close_peer(&collector);
    rig_close(&r, false);
}

TEST(a_collector_that_is_not_there_holds_nothing_up)
{
    struct rig r;
    struct rig_reply reply;
    rig_open(&r, &(struct rig_opts){.extra = "tracing: {export: {endpoint: 'http://127.0.0.1:1', delay_ms: 10}}"});
    struct rig_call *c = rig_call(&r, at_once, 1, agent_stops);
    rig_wait_over(c);
    assert_true(c->turns[0].answered);
    reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), "ringtrip_trace_spans_total{result=\"exported\"} 0");
    buf_done(&reply.body);
    rig_close(&r, false); /* and the end does not wait for a second try */
}

TEST(a_handoff_has_a_span_and_the_new_agent_its_name_on_what_follows)
{
    static const char agents[] =
        "start_agent: front_desk\n"
        "agents:\n"
        "  front_desk: {turn_detection: server_vad, instructions: x, tools: [end_call], handoffs: "
        "[billing]}\n"
        "  billing: {turn_detection: server_vad, instructions: y, tools: [check_order_status]}\n";
    static const char talk[] = "name: test\ngreeting: Hello.\nrefusal: What?\nunavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "script: [please connect me to billing, order one two three four]\n"
                               "rules:\n  digit: one | two | three | four\n  order_number: <digit> <digit>+\n"
                               "slots:\n  order_number: digits\n"
                               "intents:\n  order:\n    rules: [\"order [<order_number>]\"]\n    say: Looking.\n"
                               "    call: {tool: check_order_status, arguments: {order_number: \"{order_number}\"}}\n";
    static const struct phone_when when[] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400}};
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){.extra = agents, .dialogue = talk});
    rig_wait_over(rig_call(&r, when, 2, answered));
    assert_int_equal(r.notes[NOTE_HANDOFF], 1);
    look(&r, r.last_call, &v);
    assert_nested(&v);
    const struct one *handoff = span_of(&v, "handoff", 0);
    assert_str_is(handoff->name, "handoff billing");
    assert_str_is(text_of(handoff->attrs, "ringtrip.handoff.from"), "front_desk");
    assert_str_is(text_of(handoff->attrs, "ringtrip.handoff.to"), "billing");
    assert_str_is(parent_of(&v, handoff)->name, "invoke_agent front_desk");
    const struct one *tool = span_of(&v, "tool", v.n); /* the last one */
    assert_str_is(tool->name, "execute_tool check_order_status");
    assert_str_is(text_of(tool->attrs, "gen_ai.agent.name"), "billing");
    assert_str_is(parent_of(&v, tool)->name, "invoke_agent billing");
    unlook(&v);
    rig_close(&r, false);
}

TEST(another_model_session_has_a_span_that_says_why)
{
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){.faults = "drop,after=1,times=1"});
    rig_wait_over(rig_call(&r, at_once, 1, answered));
    assert_true(r.notes[NOTE_RENEWED] > 0);
    look(&r, r.last_call, &v);
    assert_str_is(text_of(span_of(&v, "session", 0)->attrs, "ringtrip.session.why"), "first");
    assert_str_is(text_of(span_of(&v, "session", 1)->attrs, "ringtrip.session.why"), "closed");
    assert_int_equal((int)figure_of(span_of(&v, "session", 1)->attrs, "ringtrip.session.number"), 1);
    assert_str_is(span_of(&v, "session", 1)->status, "unset");
    unlook(&v);
    rig_close(&r, false);
}

TEST(a_tool_that_nobody_allows_has_an_approval_and_no_execution)
{
    struct rig r;
    struct view v;
    rig_open(&r, &(struct rig_opts){.dialogue = dialogue,
                                    .extra = "tools:\n"
                                             "  lookup_parcel:\n"
                                             "    description: Finds a parcel.\n"
                                             "    parameters: {type: object, properties: {number: {type: string}}}\n"
                                             "    webhook: {url: 'http://127.0.0.1:1/parcels'}\n"
                                             "    approval: {mode: always, timeout_ms: 300, words: \"\"}\n"
                                             "agent: {turn_detection: server_vad, tools: [lookup_parcel]}\n"});
    rig_wait_over(rig_call(&r, at_once, 1, answered));
    look(&r, r.last_call, &v);
    const struct one *approval = span_of(&v, "approval", 0);
    assert_str_is(approval->name, "approve_tool lookup_parcel");
    assert_str_is(text_of(approval->attrs, "ringtrip.approval.outcome"), "timeout-rejected");
    assert_true(approval->duration_ms >= 300);
    assert_str_is(parent_of(&v, approval)->type, "turn");
    unlook(&v);
    rig_close(&r, false);
}

/* ---- a program's own ---- */

struct ear {
    uint32_t traces, started, ended, over, attributes;
};

static void hear_begin(const struct trace *t, void *arg)
{
    struct ear *e = arg;
    e->traces += trace_group(t).n == 36;
}

static void hear_start(const struct trace_span *s, void *arg)
{
    struct ear *e = arg;
    e->started++;
    e->attributes += s->n_attrs > 2; /* said with the beginning */
    if (s->type == TRACE_TURN) {
        struct trace_span *own = span_start(s->trace, s, TRACE_CUSTOM, TRACE_INTERNAL, STR("crm"), span_clock(s));
        span_own_str(own, STR("crm.customer"), STR("4711"));
        span_end(own, span_clock(s));
    }
}

static void hear_end(const struct trace_span *s, void *arg)
{
    struct ear *e = arg;
    e->ended++;
    assert_true(s->end_us >= s->start_us);
}

static void hear_over(const struct trace *t UNUSED, void *arg)
{
    struct ear *e = arg;
    e->over++;
}

static const struct trace_processor ear_processor = {.name = "ear",
                                                     .on_trace_start = hear_begin,
                                                     .on_span_start = hear_start,
                                                     .on_span_end = hear_end,
                                                     .on_trace_end = hear_over};

TEST(a_program_hears_of_every_span_and_adds_its_own)
{
    struct rig r;
    struct view v;
    struct ear e = {0};
    rig_open(&r, &(struct rig_opts){0});
    assert_ok(tracer_add(gateway_tracer(r.gw), &ear_processor, &e));
    rig_wait_over(rig_call(&r, at_once, 1, agent_stops));
    look(&r, r.last_call, &v);
    assert_int_equal(e.traces, 1);
    assert_int_equal(e.over, 1);
    assert_int_equal(e.started, v.n);
    assert_int_equal(e.ended, v.n);
    const struct one *own = span_of(&v, "custom", 0);
    assert_str_is(own->name, "crm");
    assert_str_is(parent_of(&v, own)->type, "turn");
    assert_str_is(text_of(own->attrs, "crm.customer"), "4711");
    assert_true(e.attributes >= 5);
    unlook(&v);
    tracer_remove(gateway_tracer(r.gw), &ear_processor, &e);
    rig_close(&r, false);
}

static void assert_told(const char *yaml, const char *want)
{
    struct buf err;
    struct snapshot *s = NULL;
    buf_init(&err, 1 << 16);
    assert_ok(snapshot_new(bare_config(yaml), &err, &s));
    assert_str_is(s->opening.openai.tracing, want);
    snapshot_unref(s);
    buf_done(&err);
}

TEST(the_service_is_told_of_its_traces_unless_that_is_off)
{
    assert_told("providers: {sandbox: {}}\n", "\"auto\"");
    assert_told("providers: {sandbox: {}}\nagent: {tracing: null}\n", "");
    assert_told("providers: {sandbox: {}}\nagent: {tracing: {workflow_name: Shop}}\n", "{\"workflow_name\":\"Shop\"}");
    assert_told("providers: {sandbox: {}}\ntracing: {enabled: false}\n", "");
}

TEST_MAIN(T(a_call_becomes_a_tree_of_spans), T(what_was_said_is_in_the_spans_only_when_that_is_wished_for),
          T(tracing_may_be_off_or_not_kept), T(a_model_that_cannot_be_reached_is_an_error_of_its_spans),
          T(a_response_that_fails_or_breaks_off_is_an_error_of_its_span), T(the_trace_of_whoever_called_goes_on),
          T(a_webhook_tool_is_told_which_span_asks), T(a_collector_gets_every_span_by_the_end_of_the_process),
          T(a_collector_that_is_not_there_holds_nothing_up), T(the_service_is_told_of_its_traces_unless_that_is_off),
          T(a_program_hears_of_every_span_and_adds_its_own),
          T(a_handoff_has_a_span_and_the_new_agent_its_name_on_what_follows),
          T(another_model_session_has_a_span_that_says_why),
          T(a_tool_that_nobody_allows_has_an_approval_and_no_execution))
