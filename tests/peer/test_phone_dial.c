#include "phone_fixture.h"

#include "peer/phone/phone_url.h"
#include "peer/phone/phone_webhook.h"
#include "wire/form.h"
#include "wire/twiml.h"

/* ---- signature and URLs: the vendor's vectors ---- */

#define TOKEN "0123456789abcdef0123456789abcdef"

TEST(signatures_match_the_vendors)
{
    static const struct {
        const char *token, *url;
        const char *fields[10]; /* name, value, ... */
        const char *want;
    } cases[] = {
        {"12345",
         "https://mycompany.com/myapp.php?foo=1&bar=2",
         {"CallSid", "CA1234567890ABCDE", "Caller", "+14158675310", "Digits", "1234", "From", "+14158675310", "To",
          "+18005551212"},
         "GvWf1cFY/Q7PnoempGyD5oXAezc="},
        {TOKEN,
         "https://gw.example.com/twilio/voice?tenant=a%20b&x=1",
         {"b", "2", "a", "1", "A", "0", "_z", "9"},
         "/vGE5FvASL83AhbUFaIA+uM4HC8="},
        {TOKEN,
         "https://gw.example.com/t",
         {"MediaUrl", "b", "MediaUrl", "a", "MediaUrl", "b", "X", "1"},
         "qg78Qq8u55C3o7tHYUKTDKMSVs4="},
        {TOKEN,
         "https://gw.example.com/t",
         {"Body", "नमस्ते 👋", "From", "+911234567890"},
         "/UyXWFx7YJVegT1Hp6UtGDSKdqA="},
        {TOKEN, "https://gw.example.com/twilio/voice", {NULL}, "9Bi8CPHzgXFe8kGbneg+MVXclzc="},
        {TOKEN, "wss://gw.example.com/twilio/media", {NULL}, "XbuEIyqfcj7N6LuncPZwBi5k3OI="},
        {TOKEN, "wss://gw.example.com:443/twilio/media", {NULL}, "aRgUStiV0RdF4YNQ5EgMLNFyU/A="},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone_form form = {.n = 0};
        char got[PHONE_SIGNATURE_BYTES];
        for (size_t k = 0; k + 1 < ARRAY_LEN(cases[i].fields) && cases[i].fields[k]; k += 2) {
            phone_form_add(&form, cases[i].fields[k], str_from(cases[i].fields[k + 1]));
        }
        assert_ok(phone_sign(str_from(cases[i].token), str_from(cases[i].url), &form, got));
        assert_string_equal(got, cases[i].want);
    }
}

TEST(urls_resolve_as_the_carrier_does)
{
    static const struct {
        const char *base, *ref, *want;
    } cases[] = {
        {"https://gw.example.com/a/twiml?x=1", "/next?y=2", "https://gw.example.com/next?y=2"},
        {"https://gw.example.com/a/twiml?x=/1", "next", "https://gw.example.com/a/next"},
        {"https://gw.example.com:8443", "next", "https://gw.example.com:8443/next"},
        {"https://gw.example.com/a", "wss://other/ws", "wss://other/ws"},
        {"not a url", "next", NULL},
        {"https:///path", "next", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        int err = phone_url_resolve(str_from(cases[i].base), str_from(cases[i].ref), &out);
        assert_int_equal(err < 0, cases[i].want == NULL);
        if (cases[i].want) {
            assert_str_is(buf_str(&out), cases[i].want);
        }
        buf_clear(&out);
        buf_done(&out);
    }
    struct buf out;
    buf_init(&out, 1000);
    assert_ok(phone_url_rebase(STR("wss://public/media?x"), STR("ws://127.0.0.1:8000/ignored"), &out));
    assert_str_is(buf_str(&out), "ws://127.0.0.1:8000/media?x");
    buf_done(&out);
}

/* ---- a gateway with documents ---- */

#define THEN(ref)                                                                                                      \
    "<Response><Connect><Stream url=\"ws://@/media-stream\"/></Connect><Redirect>" ref "</Redirect></Response>"

static const struct doc {
    const char *path, *type, *body;
    int status;
} docs[] = {
    /* @ stands for the gateway's host and port. */
    {"/twiml", "text/xml; charset=utf-8",
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"ws://@/media-stream\" "
     "statusCallback=\"http://@/stream-status\"><Parameter name=\"token\" value=\"a &amp; b\"/></Stream></Connect>"
     "<Say>We are\nsorry.</Say><Redirect>/after?x=1</Redirect></Response>",
     200},
    {"/after", "application/xml", "<Response><Pause length=\"1\"/><Hangup/></Response>", 200},
    {"/public", "text/xml",
     "<Response><Connect><Stream url=\"wss://gw.example.com/media-stream?lost=1\"/></Connect></Response>", 200},
    {"/action", "text/xml",
     "<Response><Connect action=\"http://@/done\"><Stream url=\"/media-stream\"/></Connect><Say>never</Say></Response>",
     200},
    {"/done", "text/xml", "<Response><Say>bye</Say></Response>", 200},
    {"/loop", "text/xml", "<Response><Redirect>/loop</Redirect></Response>", 200},
    {"/reject", "text/xml", "<Response><Reject reason=\"busy\"/></Response>", 200},
    {"/broken", "text/xml", "<Response><Connect></Response>", 200},
    {"/html", "text/html", "<html></html>", 200},
    {"/error", "text/xml", "<Response/>", 500},
    {"/scheme", "text/xml", "<Response><Connect><Stream url=\"https://gw.example.com/x\"/></Connect></Response>", 200},
    {"/surplus", "text/xml",
     "<Response><Connect><Stream url=\"ws://@/media-stream\" speed=\"9\"/></Connect></Response>", 200},
    {"/empty", "text/xml", "<Response/>", 200},
    {"/then-error", "text/xml", THEN("/error"), 200},
    {"/then-html", "text/xml", THEN("/html"), 200},
    {"/then-broken", "text/xml", THEN("/broken"), 200},
    {"/then-nowhere", "text/xml", THEN("/nowhere"), 200},
    {"/then-silence", "text/xml", THEN("/silence"), 200},
    {"/then-gone", "text/xml", THEN("http://127.0.0.1:1/"), 200},
    {"/status", "text/plain", "", 204},
    {"/stream-status", "text/plain", "", 200},
};

static bool answer(struct fix *f, struct http_exchange *x, const struct http_request *req)
{
    if (str_is(req->path, "/silence")) {
        f->held = x; /* once a test */
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
        if (!str_is(req->path, docs[i].path)) {
            continue;
        }
        struct buf body;
        buf_init(&body, 10000);
        for (const char *c = docs[i].body; *c; c++) {
            if (*c == '@') {
                buf_puts(&body, f->base);
            } else {
                buf_putc(&body, *c);
            }
        }
        http_respond(x, docs[i].status, str_from(docs[i].type), STR_NULL, buf_span(&body));
        buf_done(&body);
        return true;
    }
    return false;
}

static void hang_up_soon(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_MEDIA && s->n_media == 5) {
        ws_close(s->ws, 1000, STR_NULL);
    }
}

static const struct fix_behaviour server_ends = {.on_request = answer, .on_message = hang_up_soon};
static const struct fix_behaviour caller_ends = {.on_request = answer};

static struct phone_opts dialled(struct fix *f, const char *path, char url[96])
{
    ignore_result(snprintf(url, 96, "http://%s%s", f->base, path) < 0);
    return (struct phone_opts){
        .url = str_from(url), .hangup = {PHONE_WHEN_AFTER, 100}, .auth_token = STR(TOKEN), .seed = 1, .max_ms = 5000};
}

/* The n-th request to a path, from its request line to its body. */
static struct str request_text(const struct fix *f, const char *line)
{
    size_t at = str_search(buf_str(&f->requests), str_from(line));
    assert_true(at != SIZE_MAX);
    struct str rest = {buf_str(&f->requests).p + at, buf_str(&f->requests).n - at};
    rest.n = str_search(rest, STR("\n\n"));
    return rest;
}

static struct str header_of(struct str request, const char *name)
{
    size_t at = str_search(request, str_from(name));
    assert_true(at != SIZE_MAX);
    struct str v = {request.p + at + strlen(name), request.n - at - strlen(name)};
    v.n = str_find(v, '\n');
    return v;
}

static struct str body_of(struct str request)
{
    size_t i = request.n;
    while (i > 0 && request.p[i - 1] != '\n') {
        i--;
    }
    return (struct str){request.p + i, request.n - i};
}

TEST(the_webhook_carries_the_vendors_parameters_signed)
{
    struct fix f;
    char url[96], want[PHONE_SIGNATURE_BYTES];
    fix_init(&f, &caller_ends);
    struct phone_opts o = dialled(&f, "/twiml", url);
    o.from = STR("+4930123456");
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    struct str req = request_text(&f, "POST /twiml\n");
    assert_str_is(header_of(req, "user-agent: "), "TwilioProxy/1.1");
    assert_str_is(header_of(req, "content-type: "), "application/x-www-form-urlencoded; charset=UTF-8");
    assert_int_equal(header_of(req, "i-twilio-idempotency-token: ").n, 36);
    struct form form;
    form_init(&form, 10000);
    assert_ok(form_decode(&form, body_of(req)));
    assert_str_is(form_get(&form, "CallSid"), c->report.call_sid);
    assert_str_is(form_get(&form, "From"), "+4930123456");
    assert_str_is(form_get(&form, "Caller"), "+4930123456");
    assert_str_is(form_get(&form, "CallStatus"), "ringing");
    assert_str_is(form_get(&form, "Direction"), "inbound");
    assert_str_is(form_get(&form, "ApiVersion"), "2010-04-01");
    assert_true(form_has(&form, "ToZip") && form_has(&form, "CalledCity"));
    struct phone_form same = {.n = 0};
    for (size_t i = 0; i < form.n; i++) {
        assert_true(same.n < PHONE_FORM_MAX);
        same.fields[same.n++] = (struct str_pair){form.pairs[i].name, form.pairs[i].value};
    }
    assert_ok(phone_sign(STR(TOKEN), str_from(url), &same, want));
    assert_str_is(header_of(req, "x-twilio-signature: "), want);
    /* The upgrade is signed over the media URL as the TwiML has it. */
    char ws_url[96];
    ignore_result(snprintf(ws_url, sizeof(ws_url), "ws://%s/media-stream", f.base) < 0);
    assert_ok(phone_sign(STR(TOKEN), str_from(ws_url), NULL, want));
    assert_str_is(header_of(request_text(&f, "GET /media-stream\n"), "x-twilio-signature: "), want);
    struct json_val start;
    assert_ok(json_parse(str_from(f.socks[0].lines[1]), &start));
    assert_str_is(json_path(start, "start.customParameters.token").s, "a & b");
    form_done(&form);
    fix_done(&f);
}

TEST(after_the_server_closed_the_twiml_goes_on)
{
    struct fix f;
    char url[96];
    fix_init(&f, &server_ends);
    struct phone_opts o = dialled(&f, "/twiml", url);
    o.hangup.kind = PHONE_WHEN_NEVER;
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->report.hangup, PHONE_SIDE_AGENT);
    assert_has(str_from(c->report.reason), "<Hangup>");
    assert_int_equal(c->report.warnings_total, 0);
    assert_has(str_from(c->json), "\"Say We are sorry.\"");
    assert_has(str_from(c->json), "\"Redirect /after?x=1\"");
    assert_has(str_from(c->json), "\"Pause\"");
    struct str again = request_text(&f, "POST /after?x=1\n");
    assert_has(body_of(again), "CallStatus=in-progress");
    struct str status = request_text(&f, "POST /stream-status\n");
    assert_has(body_of(status), "StreamEvent=stream-started");
    assert_has(buf_str(&f.requests), "StreamEvent=stream-stopped");
    fix_done(&f);
}

TEST(action_replaces_the_rest_of_the_document)
{
    struct fix f;
    char url[96];
    fix_init(&f, &server_ends);
    struct phone_opts o = dialled(&f, "/action", url);
    o.hangup.kind = PHONE_WHEN_NEVER;
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_has(str_from(c->json), "\"Say bye\"");
    assert_has_not(str_from(c->json), "\"Say never\"");
    assert_int_equal(c->report.hangup, PHONE_SIDE_AGENT);
    fix_done(&f);
}

TEST(the_public_name_is_signed_and_another_address_dialled)
{
    struct fix f;
    char url[96], base[64], want[PHONE_SIGNATURE_BYTES];
    fix_init(&f, &caller_ends);
    struct phone_opts o = dialled(&f, "/public", url);
    ignore_result(snprintf(base, sizeof(base), "ws://%s", f.base) < 0);
    o.stream_base = str_from(base);
    o.sign_base = STR("https://gw.example.com");
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(f.n_socks, 1);
    assert_ok(phone_sign(STR(TOKEN), STR("wss://gw.example.com/media-stream"), NULL, want));
    assert_str_is(header_of(request_text(&f, "GET /media-stream\n"), "x-twilio-signature: "), want);
    assert_int_equal(c->report.warnings_total, 1); /* the query string */
    assert_int_equal(c->report.warnings[0].code, TWIML_WARN_SCHEMA);
    fix_done(&f);
}

TEST(each_bad_document_has_its_number)
{
    static const struct {
        const char *path;
        uint32_t code;
        enum phone_side side;
        bool no_call;
    } cases[] = {
        {"/broken", 12100, PHONE_SIDE_ERROR, true},    {"/html", 12300, PHONE_SIDE_ERROR, true},
        {"/error", 11200, PHONE_SIDE_ERROR, true},     {"/nowhere", 11200, PHONE_SIDE_ERROR, true},
        {"/loop", 11200, PHONE_SIDE_ERROR, true},      {"/scheme", 31922, PHONE_SIDE_ERROR, true},
        {"/surplus", 12200, PHONE_SIDE_CALLER, false}, {"/reject", 0, PHONE_SIDE_AGENT, false},
        {"/empty", 0, PHONE_SIDE_AGENT, false},
    };
    struct fix f;
    char url[ARRAY_LEN(cases)][96];
    fix_init(&f, &caller_ends);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone_opts o = dialled(&f, cases[i].path, url[i]);
        fix_call(&f, &o);
    }
    fix_run(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct phone_report *r = &f.calls[i].report;
        if (r->hangup != cases[i].side || r->warnings[0].code != cases[i].code) {
            print_error("%s: %s %s, first warning %u\n", cases[i].path, phone_side_name(r->hangup), r->reason,
                        r->warnings[0].code);
        }
        assert_int_equal(r->warnings[0].code, cases[i].code);
        assert_int_equal(r->hangup, cases[i].side);
        assert_int_equal(r->err < 0, cases[i].no_call);
    }
    fix_done(&f);
}

/* The talk is over, and what should follow cannot be had: the carrier hangs up, and the report says why. */
TEST(a_next_document_that_cannot_be_had_ends_the_call)
{
    static const struct {
        const char *path;
        uint32_t code;
        const char *why;
    } cases[] = {
        {"/then-error", 11200, "HTTP 500"}, {"/then-nowhere", 11200, "HTTP 404"}, {"/then-html", 12300, "text/html"},
        {"/then-broken", 12100, "line 1"},  {"/then-silence", 11200, "answered"}, {"/then-gone", 11205, "answered"},
    };
    struct fix f;
    char url[ARRAY_LEN(cases)][96];
    fix_init(&f, &server_ends);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone_opts o = dialled(&f, cases[i].path, url[i]);
        o.hangup.kind = PHONE_WHEN_NEVER;
        o.webhook_ms = strcmp(cases[i].path, "/then-silence") == 0 ? 1000 : 0;
        fix_call(&f, &o);
    }
    fix_run(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct phone_report *r = &f.calls[i].report;
        if (r->hangup != PHONE_SIDE_ERROR || r->warnings_total != 1 || r->warnings[0].code != cases[i].code ||
            !strstr(r->reason, cases[i].why)) {
            fail_msg("%s: %s \"%s\", %u warnings, the first is %u", cases[i].path, phone_side_name(r->hangup),
                     r->reason, r->warnings_total, r->warnings[0].code);
        }
        assert_int_equal(r->err, 0); /* there has been a call */
        assert_true(r->duration_ms >= 80);
    }
    fix_done(&f);
}

/* Once, and not in a circle. */
TEST(the_fallback_is_told_what_failed)
{
    static const struct {
        const char *path, *code;
    } cases[] = {{"/error", "11200"},
                 {"/nowhere", "11200"},
                 {"/html", "12300"},
                 {"/broken", "12100"},
                 {"/then-broken", "12100"}};
    char url[96], fallback[96], failed[96];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fix f;
        struct form form;
        fix_init(&f, &server_ends);
        struct phone_opts o = dialled(&f, cases[i].path, url);
        bool later = strncmp(cases[i].path, "/then", 5) == 0;
        ignore_result(snprintf(fallback, sizeof(fallback), "http://%s/done", f.base) < 0);
        ignore_result(snprintf(failed, sizeof(failed), "https://gw.example.com%s", later ? "/broken" : cases[i].path) <
                      0);
        o.hangup.kind = PHONE_WHEN_NEVER;
        o.fallback_url = str_from(fallback);
        o.sign_base = STR("https://gw.example.com");
        struct fix_call *c = fix_call(&f, &o);
        fix_run(&f);
        form_init(&form, 10000);
        assert_ok(form_decode(&form, body_of(request_text(&f, "POST /done\n"))));
        assert_str_is(form_get(&form, "ErrorCode"), cases[i].code);
        assert_str_is(form_get(&form, "ErrorUrl"), failed);
        assert_str_is(form_get(&form, "CallStatus"), later ? "in-progress" : "ringing");
        assert_has(str_from(c->json), "\"Say bye\"");
        assert_int_equal(c->report.hangup, PHONE_SIDE_AGENT);
        form_done(&form);
        fix_done(&f);
    }
    struct fix f;
    fix_init(&f, &caller_ends);
    struct phone_opts o = dialled(&f, "/error", url);
    ignore_result(snprintf(fallback, sizeof(fallback), "http://%s/broken", f.base) < 0);
    o.fallback_url = str_from(fallback);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->report.warnings_total, 2);
    assert_true(c->report.err < 0);
    fix_done(&f);
}

TEST(a_gateway_that_is_not_there_is_11205)
{
    struct fix f;
    char url[96];
    fix_init(&f, &caller_ends);
    struct phone_opts o = dialled(&f, "/twiml", url);
    struct http_server *gone;
    struct http_server_opts so = {.host = "127.0.0.1"};
    assert_ok(http_server_open(f.loop, &so, &fix_http_handler, &f, &gone));
    ignore_result(snprintf(url, sizeof(url), "http://127.0.0.1:%u/", http_server_port(gone)) < 0);
    o.url = str_from(url);
    http_server_free(gone);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->report.warnings[0].code, 11205);
    assert_true(c->report.err < 0);
    assert_int_equal(c->report.hangup, PHONE_SIDE_ERROR);
    fix_done(&f);
}

TEST(the_final_status_is_called_back_before_the_end)
{
    struct fix f;
    char url[96], status[96];
    fix_init(&f, &caller_ends);
    struct phone_opts o = dialled(&f, "/twiml", url);
    ignore_result(snprintf(status, sizeof(status), "http://%s/status", f.base) < 0);
    o.status_callback = str_from(status);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    struct form form;
    form_init(&form, 10000);
    assert_ok(form_decode(&form, body_of(request_text(&f, "POST /status\n"))));
    assert_str_is(form_get(&form, "CallStatus"), "completed");
    assert_str_is(form_get(&form, "CallSid"), c->report.call_sid);
    assert_str_is(form_get(&form, "CallbackSource"), "call-progress-events");
    assert_str_is(form_get(&form, "CallDuration"), "1");
    assert_str_is(form_get(&form, "Duration"), "1");
    assert_true(str_ends(form_get(&form, "Timestamp"), STR(" +0000")));
    assert_int_equal(c->report.warnings_total, 0);
    form_done(&form);
    fix_done(&f);
}

static void close_while_dialling(struct fix_call *c, const struct phone_event *ev)
{
    if (ev->kind == PHONE_EVENT_TWIML && c->phone) {
        if (c == &c->fix->calls[0]) {
            phone_close(c->phone);
        } else {
            phone_hang_up(c->phone, "at the document");
        }
    }
}

TEST(hanging_up_while_dialling_ends_the_call)
{
    struct fix f;
    char url[4][96];
    fix_init(&f, &caller_ends);
    f.on_event = close_while_dialling;
    for (size_t i = 0; i < 4; i++) {
        struct phone_opts o = dialled(&f, "/twiml", url[i]);
        struct fix_call *c = fix_call(&f, &o);
        if (i == 2) {
            phone_close(c->phone);
        } else if (i == 3) {
            phone_hang_up(c->phone, "at once");
        }
    }
    fix_run(&f);
    assert_string_equal(f.calls[0].report.reason, "closed");
    assert_string_equal(f.calls[1].report.reason, "at the document");
    assert_string_equal(f.calls[2].report.reason, "closed");
    assert_string_equal(f.calls[3].report.reason, "at once");
    assert_int_equal(f.n_socks, 0);
    fix_done(&f);
}

TEST_MAIN(T(signatures_match_the_vendors), T(urls_resolve_as_the_carrier_does),
          T(the_webhook_carries_the_vendors_parameters_signed), T(after_the_server_closed_the_twiml_goes_on),
          T(action_replaces_the_rest_of_the_document), T(the_public_name_is_signed_and_another_address_dialled),
          T(each_bad_document_has_its_number), T(a_next_document_that_cannot_be_had_ends_the_call),
          T(the_fallback_is_told_what_failed), T(a_gateway_that_is_not_there_is_11205),
          T(the_final_status_is_called_back_before_the_end), T(hanging_up_while_dialling_ends_the_call))
