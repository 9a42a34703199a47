/*
 * Whole calls over Plivo: a phone that is as strict as the vendor, the gateway, the sandbox and the carrier's REST
 * service on one loop. What a call is, other tests say (test_calls.c): here is what the carrier changes.
 */
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "fakes/plivo_rest.h"
#include "gateway/replay.h"
#include "gateway/rig.h"
#include "net/crypto.h"

#define PUBLIC  "https://gw.example.com"
#define CALL    "4d04c52e-0f5c-4f9c-9f5e-0a1b2c3d4e5f"
#define WEBHOOK "CallUUID=" CALL "&From=15005550001&To=15005550006&Direction=inbound&CallStatus=ringing&Event=StartApp"
#define FORM    "Content-Type: application/x-www-form-urlencoded\r\n"

static const struct phone_when default_when[4] = {{0}};
static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

struct fixture {
    struct rig r;
    struct plivo_rest rest;
    struct buf carrier, doc;
    struct rig_call *call;
    int doc_status;
};

static void on_document(struct plivo_rest *s UNUSED, const char *call UNUSED, int status, struct str xml, void *arg)
{
    struct fixture *f = arg;
    f->doc_status = status;
    buf_put_str(&f->doc, xml);
}

/* The carrier ends the stream of a call that it has hung up. */
static void on_hangup(struct plivo_rest *s UNUSED, const char *call UNUSED, void *arg)
{
    struct fixture *f = arg;
    if (f->call && f->call->phone) {
        phone_hang_up(f->call->phone, "hung up by REST");
    }
}

struct setup {
    const char *more;  /* of the carrier's YAML */
    const char *extra; /* YAML behind it */
    const char *dialogue;
    const char *faults;
};

static void set_up(struct fixture *f, const struct setup *o)
{
    struct rig_opts ro = {.as = &phone_plivo, .auth_token = PLIVO_REST_TOKEN, .public_url = "\"" PUBLIC "\""};
    *f = (struct fixture){0};
    buf_init(&f->carrier, 1 << 12);
    buf_init(&f->doc, 1 << 16);
    assert_ok(loop_new(&ro.loop));
    plivo_rest_open(&f->rest, ro.loop);
    f->rest.on_document = on_document;
    f->rest.on_hangup = on_hangup;
    f->rest.arg = f;
    buf_printf(&f->carrier,
               "{auth_id: \"" PLIVO_REST_ID "\", auth_token: \"" PLIVO_REST_TOKEN
               "\", phone_number: \"" PLIVO_REST_NUMBER "\", api_base: \"%s\"%s}",
               f->rest.base, o->more ? o->more : "");
    ro.carrier = buf_cstr(&f->carrier);
    ro.extra = o->extra;
    ro.dialogue = o->dialogue;
    ro.faults = o->faults;
    rig_open(&f->r, &ro);
    snprintf(f->r.sign_base, sizeof(f->r.sign_base), "%s", PUBLIC);
    snprintf(f->r.stream_base, sizeof(f->r.stream_base), "ws://%s", f->r.base);
    snprintf(f->rest.reach, sizeof(f->rest.reach), "http://%s", f->r.base);
}

static void tear_down(struct fixture *f)
{
    if (f->r.gw) {
        rig_stop_gateway(&f->r);
    }
    plivo_rest_close(&f->rest);
    rig_close(&f->r, false);
    buf_done(&f->carrier);
    buf_done(&f->doc);
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_true(report.records > 3);
    assert_int_equal(report.first_diff, 0);
}

static void assert_metric(struct fixture *f, const char *line)
{
    struct rig_reply reply = rig_http(&f->r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}

TEST(a_call_is_greeted_answered_by_a_tool_interrupted_and_recorded)
{
    static const struct phone_when when[] = {{0}, {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 600}};
    struct fixture f;
    set_up(&f, &(struct setup){0});
    f.call = rig_call(&f.r, when, 2, agent_stops);
    rig_wait_over(f.call);
    assert_int_equal(f.call->err, 0);
    assert_int_equal(f.call->warnings, 0); /* each frame of 160 bytes, codec and rate apart */
    assert_true(f.call->greeting_ms >= 0);
    assert_true(f.call->turns[0].answered);
    assert_true(f.call->clears >= 1);
    assert_int_equal(f.call->after_clear_bytes, 0);
    assert_true(f.r.notes[NOTE_BARGE_IN] >= 1);
    assert_int_equal(f.r.tools, 1);
    assert_int_equal(f.call->hangup, PHONE_SIDE_CALLER);
    assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP); /* no stop message came: a closed socket is the end */
    assert_replays(&f.r);
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s", f.r.last_call);
    struct rig_reply reply = rig_http(&f.r, "GET", path, NULL, NULL);
    assert_str_is(rig_json(&reply, "carrier_call_id"), f.call->sid);
    assert_str_is(rig_json(&reply, "from"), "+15005550001");
    assert_str_is(rig_json(&reply, "to"), "+15005550002");
    buf_done(&reply.body);
    tear_down(&f);
}

/* The vendor's pages and captures disagree on these: whichever way it is, the call is the same. */
TEST(whatever_the_vendor_does_otherwise_the_call_is_the_same)
{
    static const uint32_t variants[] = {
        PHONE_VARIANT_STOP | PHONE_VARIANT_ZERO | PHONE_VARIANT_JSON,
        PHONE_VARIANT_PLAYED | PHONE_VARIANT_UNCLEARED | PHONE_VARIANT_PAIRS | PHONE_VARIANT_STRINGS,
    };
    static const struct phone_when when[] = {{0}, {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 600}};
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        struct fixture f;
        set_up(&f, &(struct setup){0});
        f.r.variants = variants[i];
        f.call = rig_call(&f.r, when, 2, agent_stops);
        rig_wait_over(f.call);
        assert_int_equal(f.call->warnings, 0);
        assert_true(f.call->clears >= 1);
        assert_true(f.call->turns[0].answered && f.call->turns[1].answered);
        assert_int_equal(f.call->after_clear_bytes, 0);
        assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
        assert_replays(&f.r);
        tear_down(&f);
    }
}

TEST(an_agent_who_says_goodbye_hangs_the_phone_up_by_rest)
{
    struct fixture f;
    set_up(&f, &(struct setup){0});
    f.call = rig_call(&f.r, default_when, 3, never); /* the third sentence of the script is goodbye */
    rig_wait_over(f.call);
    assert_int_equal(f.call->warnings, 0);
    assert_int_equal(f.r.last_reason, REASON_AGENT_HANGUP);
    assert_int_equal(f.rest.hangups, 1);
    assert_string_equal(f.rest.last_call, f.call->sid);
    assert_string_equal(f.rest.problem, "");
    tear_down(&f);
}

TEST(where_rest_does_not_answer_the_socket_is_closed_and_the_document_ends_the_call)
{
    struct fixture f;
    set_up(&f, &(struct setup){.extra = "deadlines: {rest_ms: 500}"});
    f.call = rig_call(&f.r, default_when, 3, never);
    while (f.rest.app_writes == 0 || f.rest.number_writes == 0) {
        settle(f.r.loop); /* what is asked at the start is not what shall fail */
    }
    f.rest.fault = (struct plivo_rest_fault){.times = 9, .status = 503, .type = "text/html", .body = "<html>"};
    rig_wait_over(f.call);
    assert_int_equal(f.call->hangup, PHONE_SIDE_AGENT);
    assert_has(str_from(f.call->reason), "<Hangup>");
    assert_int_equal(f.r.last_reason, REASON_AGENT_HANGUP);
    tear_down(&f);
}

TEST(a_model_that_cannot_be_reached_is_apologised_for)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.as = &phone_plivo, .no_model = true});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(c->warnings, 0);
    assert_has(buf_str(&c->docs), "<Speak voice=\"Polly.Joanna\">");
    assert_int_equal(r.last_reason, REASON_MODEL_UNREACHABLE);
    rig_close(&r, false);
}

/* The words of the call, with its names in them, whichever way the carrier comes for them. */
TEST(the_apology_is_the_calls_own)
{
    static const char agents[] =
        "agents: {desk: {instructions: x, apology: \"Sorry, {{company_name}} & Sons cannot talk.\"}}\n"
        "company_name: Acme\nrenewal: {attempts: 2, backoff_ms: 100}\n";
    struct rig r;
    rig_open(&r, &(struct rig_opts){.as = &phone_plivo, .no_model = true, .extra = agents});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    assert_has(buf_str(&c->docs), ">Sorry, Acme &amp; Sons cannot talk.</Speak>");
    rig_close(&r, false);
    struct fixture f; /* and where the account can be asked to lead the call there */
    set_up(&f, &(struct setup){.extra = agents, .faults = "drop-after=1500,refuse=1000"});
    f.call = rig_call(&f.r, NULL, 0, never);
    rig_wait_over(f.call);
    assert_has(buf_str(&f.rest.log), "/plivo/apology?say=Sorry%2C%20Acme%20%26%20Sons%20cannot%20talk.");
    assert_has(buf_str(&f.doc), ">Sorry, Acme &amp; Sons cannot talk.</Speak><Hangup/>");
    assert_string_equal(f.rest.problem, "");
    tear_down(&f);
}

/* ---- transfer ---- */

#define DIALOGUE                                                                                                       \
    "name: test\ngreeting: Hello.\nrefusal: What?\nunavailable: Not now.\nprompt: Anything else?\n"                    \
    "instructions:\n  nobody answered there: Nobody is there.\nscript:\n  - do it\n  - goodbye\nintents:\n"            \
    "  order:\n    rules: [do it]\n    say: I will do that for you now.\n"                                             \
    "    call: {tool: transfer_call, arguments: {department: sales, reason: wants it}}\n"                              \
    "  goodbye:\n    rules: [goodbye]\n    say: Goodbye.\n    call: {tool: end_call, arguments: {reason: done}}\n"     \
    "results:\n  transfer_call:\n    - when: {status: error}\n      say: \"That did not work. {result.message}\"\n"    \
    "    - say: \"It is {result.status}.\"\n"
#define TRANSFER                                                                                                       \
    .dialogue = DIALOGUE, .extra = "agent: {turn_detection: server_vad, tools: [end_call, transfer_call]}\n"           \
                                   "departments: {Sales: \"(500) 555-1111\"}\ntransfer: {ring_s: 20}\n"

static void on_ring_reply(const struct http_reply *r, void *arg)
{
    struct fixture *f = arg;
    assert_int_equal(r->err, 0);
    f->doc_status = r->status;
    buf_clear(&f->doc);
    buf_put_str(&f->doc, str_of_span(r->body));
}

static bool has_doc(void *arg)
{
    return ((struct fixture *)arg)->doc_status != 0;
}

/* A signed webhook; its answer is in f->doc. */
static void ring(struct fixture *f, const char *path, const char *form, const char *token)
{
    char url[512];
    snprintf(url, sizeof(url), PUBLIC "%s", path);
    f->doc_status = 0;
    plivo_rest_ring(&f->rest, url, form, token, on_ring_reply, f);
    wait_until(f->r.loop, has_doc, f);
}

TEST(a_caller_is_transferred_by_a_document_that_we_serve)
{
    struct fixture f;
    set_up(&f, &(struct setup){TRANSFER});
    f.call = rig_call(&f.r, default_when, 1, never);
    rig_wait_over(f.call);
    assert_int_equal(f.rest.transfers, 1);
    assert_has(buf_str(&f.rest.log),
               "\"aleg_url\":\"" PUBLIC "/plivo/transfer?to=%2B15005551111\",\"aleg_method\":\"POST\"");
    assert_string_equal(f.rest.problem, "");
    assert_int_equal(f.doc_status, 200);
    assert_has(buf_str(&f.doc),
               "<Dial action=\"" PUBLIC "/plivo/dialled\" timeout=\"20\"><Number>15005551111</Number></Dial>");
    assert_int_equal(f.r.last_reason, REASON_TRANSFERRED);
    assert_int_equal(f.rest.hangups, 0); /* the call goes on without us */
    char form[256];
    snprintf(form, sizeof(form), "CallUUID=%s&DialStatus=completed", f.call->sid);
    ring(&f, "/plivo/dialled", form, PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "<Hangup/>");
    assert_metric(&f, "ringtrip_transfers_total{result=\"answered\"} 1");
    tear_down(&f);
}

TEST(whom_nobody_answers_comes_back_to_the_agent)
{
    struct fixture f;
    char form[256];
    set_up(&f, &(struct setup){TRANSFER});
    f.call = rig_call(&f.r, default_when, 1, never);
    rig_wait_over(f.call);
    assert_int_equal(f.r.last_reason, REASON_TRANSFERRED);
    snprintf(form, sizeof(form), "CallUUID=%s&From=15005550001&To=15005550006&DialStatus=no-answer", f.call->sid);
    ring(&f, "/plivo/dialled", form, PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "keepCallAlive=\"true\"");
    assert_has(buf_str(&f.doc), "wss://gw.example.com/ws?token=");
    assert_int_equal(f.r.begun, 2);
    assert_metric(&f, "ringtrip_transfers_total{result=\"unanswered\"} 1");
    tear_down(&f);
}

TEST(a_transfer_that_the_carrier_refuses_comes_back_to_the_agent)
{
    struct fixture f;
    set_up(&f, &(struct setup){TRANSFER});
    while (f.rest.number_writes == 0) {
        settle(f.r.loop);
    }
    f.rest.fault = (struct plivo_rest_fault){1, 400, NULL, "{\"api_id\":\"a\",\"error\":\"call is gone\"}", false};
    f.call = rig_call(&f.r, default_when, 1, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 3000});
    rig_wait_over(f.call);
    assert_int_equal(f.rest.transfers, 0);
    assert_metric(&f, "ringtrip_transfers_total{result=\"failed\"} 1");
    assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
    tear_down(&f);
}

/* ---- who may come in ---- */

TEST(forged_and_unsigned_requests_get_nothing)
{
    struct fixture f;
    set_up(&f, &(struct setup){0});
    static const char *const paths[] = {
        "/answer",        "/hangup",   "/plivo/after", "/plivo/transfer?to=%2B15005551111",
        "/plivo/dialled", "/fallback", "/plivo/amd",   "/plivo/stream-status",
        "/hold"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ring(&f, paths[i], WEBHOOK, "");
        assert_int_equal(f.doc_status, 403);
        assert_has(buf_str(&f.doc), "X-Plivo-Signature-V3 is missing.");
        ring(&f, paths[i], WEBHOOK, "ffffffffffffffffffffffffffffffff");
        assert_int_equal(f.doc_status, 403);
        assert_has(buf_str(&f.doc), "X-Plivo-Signature-V3 is wrong.");
    }
    struct rig_reply reply = rig_http(&f.r, "POST", "/twiml", FORM, "CallSid=CA1"); /* nobody configured Twilio */
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
    assert_int_equal(f.r.begun, 0);
    assert_metric(&f, "ringtrip_auth_failures_total{kind=\"signature\"} 18");
    tear_down(&f);
}

/* Vectors of the vendor's library: the address, without what is in the form. */
TEST(news_of_messages_may_carry_the_older_signature)
{
    static const struct {
        const char *path, *before; /* of the good one in the header */
        bool good;
        int status;
    } cases[] = {
        {"/plivo/sms", "", true, 200},       {"/plivo/sms?x=1", "", true, 200}, /* it protects no query */
        {"/plivo/sms", "AAAA, ", true, 200}, {"/plivo/sms", "AAAA", false, 403},  {"/answer", "", true, 403},
        {"/plivo/amd", "", true, 403},       {"/plivo/recording", "", true, 403},
    };
    struct fixture f;
    set_up(&f, &(struct setup){0});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char headers[512];
        char good[48];
        char url[128];
        uint8_t mac[32];
        struct str path = str_from(cases[i].path);
        snprintf(url, sizeof(url), PUBLIC "%.*s05429567804466091622", (int)str_find(path, '?'), path.p);
        crypto_hmac_sha256(span_of_str(STR(PLIVO_REST_TOKEN)), span_of_str(str_from(url)), mac);
        good[base64_encode(good, span_from(mac, sizeof(mac)))] = '\0';
        snprintf(headers, sizeof(headers),
                 FORM "X-Plivo-Signature-V2: %s%s\r\nX-Plivo-Signature-V2-Nonce: 05429567804466091622\r\n",
                 cases[i].before, cases[i].good ? good : "");
        struct rig_reply r = rig_http(&f.r, "POST", cases[i].path, headers, "MessageUUID=m-1&Status=delivered");
        assert_int_equal(r.status, cases[i].status);
        buf_done(&r.body);
    }
    tear_down(&f);
    set_up(&f, &(struct setup){.more = ", accept_v2: false"});
    struct rig_reply r = rig_http(&f.r, "POST", "/plivo/sms",
                                  FORM "X-Plivo-Signature-V2: x\r\nX-Plivo-Signature-V2-Nonce: 1\r\n", "Status=sent");
    assert_int_equal(r.status, 403);
    assert_has(buf_str(&r.body), "X-Plivo-Signature-V3 is missing.");
    buf_done(&r.body);
    tear_down(&f);
}

static void send_start(struct rig_socket *s, const char *call)
{
    char text[512];
    snprintf(
        text, sizeof(text),
        "{\"event\":\"start\",\"sequenceNumber\":0,\"start\":{\"callId\":\"%s\",\"streamId\":\"s-1\",\"accountId\":"
        "\"7\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000}},"
        "\"extra_headers\":\"{}\"}",
        call);
    rig_send(s, text);
}

/* The socket's path, token included, out of the document in f->doc. */
static void media_path(const struct fixture *f, char ret[128])
{
    struct str doc = buf_str(&f->doc);
    size_t at = str_search(doc, STR("/ws?token="));
    assert_true(at != SIZE_MAX);
    struct str rest = {doc.p + at, doc.n - at};
    assert_ok(str_copy(ret, 128, (struct str){rest.p, str_find(rest, '<')}));
}

TEST(a_token_opens_one_stream_once_and_only_that_of_its_call)
{
    struct fixture f;
    char path[128];
    set_up(&f, &(struct setup){.extra = "deadlines: {leg_start_ms: 1500}"});
    ring(&f, "/answer", WEBHOOK, PLIVO_REST_TOKEN);
    media_path(&f, path);
    struct rig_socket *foreign = rig_socket(&f.r, path);
    send_start(foreign, "another-call");
    rig_wait_closed(foreign);
    assert_int_equal(foreign->code, 1008);
    ring(&f, "/answer", WEBHOOK, PLIVO_REST_TOKEN); /* asked again: the same call, a new token */
    assert_int_equal(f.r.begun, 1);
    media_path(&f, path);
    struct rig_socket *s = rig_socket(&f.r, path);
    send_start(s, CALL);
    while (s->messages < 3) {
        settle(f.r.loop); /* the agent greets */
    }
    struct rig_socket *again = rig_socket(&f.r, path);
    send_start(again, CALL);
    rig_wait_closed(again);
    assert_int_equal(again->code, 1008);
    assert_false(s->closed);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&f.r, 1);
    assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
    tear_down(&f);
}

TEST(a_stream_without_a_webhook_is_turned_away)
{
    struct fixture f;
    set_up(&f, &(struct setup){0});
    struct rig_socket *s = rig_socket(&f.r, "/ws");
    send_start(s, CALL);
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    assert_string_equal(s->reason, "Not authorized");
    s = rig_socket(&f.r, "/ws?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    send_start(s, CALL);
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    s = rig_socket(&f.r, "/ws");
    rig_send(s, "{\"event\":\"text\",\"text\":\"hello\"}"); /* start must come first */
    rig_wait_closed(s);
    assert_int_equal(s->code, 1008);
    assert_int_equal(f.r.begun, 0);
    assert_metric(&f, "ringtrip_auth_failures_total{kind=\"token\"} 2");
    tear_down(&f);
}

TEST(typed_words_count_only_where_they_were_switched_on)
{
    for (int on = 0; on < 2; on++) {
        struct fixture f;
        char path[128];
        set_up(&f, &(struct setup){.more = on ? ", text_events: true" : NULL});
        ring(&f, "/answer", WEBHOOK, PLIVO_REST_TOKEN);
        media_path(&f, path);
        struct rig_socket *s = rig_socket(&f.r, path);
        send_start(s, CALL);
        while (s->messages < 3) {
            settle(f.r.loop);
        }
        rig_send(s, "{\"event\":\"text\",\"streamId\":\"s-1\",\"text\":\"what about order one two three four\"}");
        rig_send(s, "{\"event\":\"dtmf\",\"streamId\":\"s-1\",\"dtmf\":{\"digit\":\"5\"}}");
        for (int i = 0; i < 50 && f.r.heard.len == 0; i++) {
            settle(f.r.loop);
        }
        assert_int_equal(str_search(buf_str(&f.r.heard), STR("what about order")) != SIZE_MAX, on);
        rig_send(s, "{\"event\":\"stop\",\"streamId\":\"s-1\"}");
        ws_close(s->ws, 1000, STR_NULL);
        rig_wait_ended(&f.r, 1);
        assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
        tear_down(&f);
    }
}

TEST(the_other_routes_answer_as_the_references_do)
{
    struct fixture f;
    set_up(&f, &(struct setup){0});
    ring(&f, "/hold", "", PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "<Response><Wait length=\"120\"/></Response>");
    ring(&f, "/fallback", "", PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "<Speak voice=\"Polly.Joanna\">");
    assert_has(buf_str(&f.doc), "</Speak><Hangup/>");
    ring(&f, "/hangup", "CallUUID=x&Event=Hangup&Duration=7&HangupCause=NORMAL_CLEARING", PLIVO_REST_TOKEN);
    assert_str_is(buf_str(&f.doc), "OK");
    ring(&f, "/answer", "CallUUID=x&Event=Hangup&CallStatus=completed", PLIVO_REST_TOKEN); /* no hangup_url was set */
    assert_str_is(buf_str(&f.doc), "OK");
    ring(&f, "/outbound/hangup", "anything", PLIVO_REST_TOKEN);
    assert_str_is(buf_str(&f.doc), "OK");
    assert_int_equal(f.r.begun, 0);
    ring(&f, "/answer", WEBHOOK "&X-PH-Tier=gold", PLIVO_REST_TOKEN);
    assert_int_equal(f.r.begun, 1);
    ring(&f, "/hangup", "CallUUID=" CALL "&Event=Hangup&CallStatus=cancel&HangupCause=ORIGINATOR_CANCEL",
         PLIVO_REST_TOKEN);
    rig_wait_ended(&f.r, 1); /* who gave up while it rang is not waited for */
    assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
    struct rig_reply reply = rig_http(&f.r, "GET", "/", NULL, NULL);
    assert_str_is(rig_json(&reply, "phone_number"), "+" PLIVO_REST_NUMBER);
    buf_done(&reply.body);
    tear_down(&f);
}

TEST(the_answer_is_xml_by_get_and_post_from_query_and_form)
{
    static const struct {
        const char *method, *path, *body;
    } asked[] = {{"GET", "/answer?CallUUID=a&From=15005550009&To=15005550006", NULL},
                 {"POST", "/answer?CallUUID=b&From=15005550009&To=15005550006", ""},
                 {"POST", "/answer", "CallUUID=c&From=15005550009&To=15005550006"}};
    struct fixture f;
    set_up(&f, &(struct setup){.more = ", verify_signature: false"});
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct rig_reply reply =
            rig_http(&f.r, asked[i].method, asked[i].path,
                     asked[i].body ? "Content-Type: application/x-www-form-urlencoded\r\n" : NULL, asked[i].body);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.type, "application/xml");
        assert_has(buf_str(&reply.body), "<Stream bidirectional=\"true\"");
        buf_done(&reply.body);
        assert_int_equal(f.r.begun, i + 1); /* each is a call of its own: the id was read */
    }
    tear_down(&f);
}

TEST(over_the_limit_the_line_is_busy)
{
    struct fixture f;
    set_up(&f, &(struct setup){.extra = "limits: {max_calls: 1}"});
    ring(&f, "/answer", WEBHOOK, PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "<Stream ");
    ring(&f, "/answer", "CallUUID=second&From=15005550009&To=15005550006", PLIVO_REST_TOKEN);
    assert_has(buf_str(&f.doc), "<Response><Hangup reason=\"busy\"/></Response>");
    tear_down(&f);
}

TEST(sip_headers_choose_a_route)
{
    struct fixture f;
    set_up(&f, &(struct setup){.extra = "agents:\n"
                                        "  first: {instructions: one, turn_detection: server_vad}\n"
                                        "  gold: {instructions: two, turn_detection: server_vad}\n"
                                        "start_agent: first\n"
                                        "routes: [{when: {carrier: plivo, header: {Tier: gold}}, agent: gold}]\n"});
    ring(&f, "/answer", WEBHOOK "&X-PH-Tier=gold", PLIVO_REST_TOKEN);
    assert_int_equal(f.r.begun, 1);
    struct rig_reply reply = rig_http(&f.r, "GET", "/v1/calls/" CALL, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "agent"), "gold");
    buf_done(&reply.body);
    tear_down(&f);
}

TEST(the_carrier_records_the_whole_call_where_it_is_told_to)
{
    struct fixture f;
    set_up(&f, &(struct setup){.more = ", record: true"});
    ring(&f, "/answer", WEBHOOK, PLIVO_REST_TOKEN);
    /* in front of the stream; without a length of its own it would end after a minute */
    assert_has(buf_str(&f.doc),
               "<Response><Record recordSession=\"true\" redirect=\"false\" fileFormat=\"wav\" "
               "recordChannelType=\"stereo\" maxLength=\"86400\" callbackUrl=\"" PUBLIC "/plivo/recording\"/><Stream ");
    tear_down(&f);
}

/* ---- calls that we make ---- */

static struct rig_reply record(struct fixture *f, const char *id)
{
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s", id);
    struct rig_reply reply = rig_http(&f->r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

/* Asks for a call and waits until the carrier has been asked; its id goes to ret. */
static void dial(struct fixture *f, char ret[80])
{
    struct rig_reply reply =
        rig_http(&f->r, "POST", "/v1/calls", "Content-Type: application/json\r\n", "{\"to\": \"+15005550009\"}");
    assert_int_equal(reply.status, 201);
    assert_ok(str_copy(ret, 80, rig_json(&reply, "call_id")));
    buf_done(&reply.body);
    while (f->rest.calls == 0) {
        settle(f->r.loop);
    }
}

static void tell(struct fixture *f, const char *path, const char *attempt, const char *form)
{
    char url[256];
    snprintf(url, sizeof(url), "%s?attempt=%s", path, attempt);
    ring(f, url, form, PLIVO_REST_TOKEN);
    assert_int_equal(f->doc_status, 200);
}

TEST(a_call_that_we_make_is_rung_answered_talked_to_and_over)
{
    struct fixture f;
    char id[80];
    char path[128];
    set_up(&f, &(struct setup){0});
    dial(&f, id);
    assert_has(buf_str(&f.rest.log), "\"from\":\"" PLIVO_REST_NUMBER "\",\"to\":\"15005550009\"");
    tell(&f, "/plivo/ring", id, "CallUUID=" CALL "&RequestUUID=r&Event=Ring&CallStatus=ringing&Direction=outbound");
    tell(&f, "/answer", id, "CallUUID=" CALL "&Direction=outbound&CallStatus=in-progress&Event=StartApp");
    media_path(&f, path);
    struct rig_socket *s = rig_socket(&f.r, path);
    send_start(s, CALL);
    while (s->messages < 3) {
        settle(f.r.loop); /* the agent speaks first */
    }
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&f.r, 1);
    tell(&f, "/hangup", id,
         "CallUUID=" CALL "&Event=Hangup&CallStatus=completed&HangupCause=NORMAL_CLEARING&Duration=7&BillDuration=7");
    struct rig_reply reply = record(&f, id);
    assert_str_is(rig_json(&reply, "carrier"), "plivo");
    assert_str_is(rig_json(&reply, "carrier_call_id"), CALL);
    assert_str_is(rig_json(&reply, "dial.outcome"), "answered");
    assert_str_is(rig_json(&reply, "dial.cause"), "NORMAL_CLEARING");
    buf_done(&reply.body);
    assert_string_equal(f.rest.problem, "");
    tear_down(&f);
}

TEST(a_call_that_nobody_takes_has_its_outcome_and_cause)
{
    static const struct {
        const char *form, *outcome, *cause;
    } cases[] = {
        {"CallUUID=" CALL "&Event=Hangup&CallStatus=busy&HangupCause=USER_BUSY&Duration=0", "busy", "USER_BUSY"},
        {"CallUUID=" CALL "&Event=Hangup&CallStatus=timeout&HangupCause=NO_ANSWER", "no_answer", "NO_ANSWER"},
        {"CallUUID=" CALL "&Event=Hangup&CallStatus=failed&HangupCause=UNALLOCATED_NUMBER", "failed",
         "UNALLOCATED_NUMBER"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char id[80];
        set_up(&f, &(struct setup){0});
        dial(&f, id);
        tell(&f, "/hangup", id, cases[i].form);
        rig_wait_ended(&f.r, 1);
        tell(&f, "/hangup", id, cases[i].form); /* once more: nothing changes */
        struct rig_reply reply = record(&f, id);
        assert_str_is(rig_json(&reply, "dial.outcome"), cases[i].outcome);
        assert_str_is(rig_json(&reply, "dial.cause"), cases[i].cause);
        buf_done(&reply.body);
        assert_int_equal(f.rest.calls, 1);
        tear_down(&f);
    }
}

TEST(a_machine_is_listened_for_as_long_as_is_configured)
{
    static const char *const wanted[] = {"\"machine_detection_time\":4000,\"machine_detection_url\"",
                                         "\"machine_detection\":\"true\",\"machine_detection_url\""};
    static const char *const extra[] = {"outbound: {on_machine: hangup, machine_detection_s: 4}\n",
                                        "outbound: {on_machine: hangup}\n"};
    for (size_t i = 0; i < ARRAY_LEN(extra); i++) {
        struct fixture f;
        char id[80];
        set_up(&f, &(struct setup){.extra = extra[i]});
        dial(&f, id);
        assert_has(buf_str(&f.rest.log), wanted[i]);
        assert_string_equal(f.rest.problem, "");
        tear_down(&f);
    }
}

/* ---- the start ---- */

static bool is_set_up(void *arg)
{
    struct fixture *f = arg;
    return f->rest.number_app[0] != '\0';
}

TEST(application_and_number_are_led_here_at_the_start)
{
    struct fixture f;
    set_up(&f, &(struct setup){0});
    wait_until(f.r.loop, is_set_up, &f);
    assert_int_equal(f.rest.n_apps, 1);
    assert_string_equal(f.rest.apps[0].name, "Ringtrip");
    assert_string_equal(f.rest.apps[0].answer_url, PUBLIC "/answer");
    assert_string_equal(f.rest.apps[0].hangup_url, PUBLIC "/hangup");
    assert_string_equal(f.rest.apps[0].fallback_url, PUBLIC "/fallback");
    assert_string_equal(f.rest.problem, "");
    assert_int_equal(f.rest.requests, 4); /* list, create, look up, assign */
    settle(f.r.loop);
    assert_metric(&f, "ringtrip_carrier_requests_total{result=\"ok\"} 4");
    tear_down(&f);
}

TEST_MAIN(T(whatever_the_vendor_does_otherwise_the_call_is_the_same),
          T(a_call_is_greeted_answered_by_a_tool_interrupted_and_recorded),
          T(an_agent_who_says_goodbye_hangs_the_phone_up_by_rest),
          T(where_rest_does_not_answer_the_socket_is_closed_and_the_document_ends_the_call),
          T(a_model_that_cannot_be_reached_is_apologised_for), T(a_caller_is_transferred_by_a_document_that_we_serve),
          T(whom_nobody_answers_comes_back_to_the_agent),
          T(a_transfer_that_the_carrier_refuses_comes_back_to_the_agent), T(forged_and_unsigned_requests_get_nothing),
          T(a_token_opens_one_stream_once_and_only_that_of_its_call), T(a_stream_without_a_webhook_is_turned_away),
          T(typed_words_count_only_where_they_were_switched_on), T(the_other_routes_answer_as_the_references_do),
          T(the_answer_is_xml_by_get_and_post_from_query_and_form), T(over_the_limit_the_line_is_busy),
          T(sip_headers_choose_a_route), T(the_carrier_records_the_whole_call_where_it_is_told_to),
          T(a_call_that_we_make_is_rung_answered_talked_to_and_over),
          T(a_call_that_nobody_takes_has_its_outcome_and_cause), T(a_machine_is_listened_for_as_long_as_is_configured),
          T(application_and_number_are_led_here_at_the_start), T(the_apology_is_the_calls_own),
          T(news_of_messages_may_carry_the_older_signature))
