#include "fakes/twilio_rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "test.h"
#include "wire/form.h"
#include "wire/twiml.h"

#define PREFIX "/2010-04-01/Accounts/" TWILIO_REST_ACCOUNT "/"

static void problem(struct twilio_rest_server *s, const char *what)
{
    if (!s->problem[0]) {
        snprintf(s->problem, sizeof(s->problem), "%s", what);
    }
}

static void reply(struct http_exchange *x, int status, struct buf *body)
{
    http_respond(x, status, STR("application/json"), STR_NULL, buf_span(body));
}

static void refuse(struct twilio_rest_server *s, struct http_exchange *x, int status, int code, const char *message)
{
    struct buf out;
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    char info[64];
    problem(s, message);
    snprintf(info, sizeof(info), "https://www.twilio.com/docs/errors/%d", code);
    json_w_open(&w);
    json_w_ki64(&w, "code", code);
    json_w_kz(&w, "message", message);
    json_w_kz(&w, "more_info", info);
    json_w_ki64(&w, "status", status);
    json_w_close(&w);
    reply(x, status, &out);
    buf_done(&out);
}

static bool authorized(const struct http_request *req)
{
    static const char pair[] = TWILIO_REST_ACCOUNT ":" TWILIO_REST_TOKEN;
    struct str given = http_header(req, "Authorization");
    uint8_t text[128];
    if (!str_starts(given, STR("Basic ")) || base64_dec_max(given.n - 6) > sizeof(text)) {
        return false;
    }
    int n = base64_decode(text, (struct str){given.p + 6, given.n - 6});
    return n == sizeof(pair) - 1 && memcmp(text, pair, sizeof(pair) - 1) == 0;
}

static bool is_e164(struct str s)
{
    bool ok = s.n >= 8 && s.n <= 16 && s.p[0] == '+';
    for (size_t i = 1; ok && i < s.n; i++) {
        ok = s.p[i] >= '0' && s.p[i] <= '9';
    }
    return ok;
}

static void keep(char *dst, size_t cap, struct str s)
{
    assert_true(s.n < cap);
    memcpy(dst, s.n ? s.p : "", s.n);
    dst[s.n] = '\0';
}

static struct str given(const struct form *f, const char *name)
{
    struct str s = form_get(f, name);
    return s.p ? s : STR("");
}

/* ---- messages ---- */

static void put_message(const struct form *f, uint32_t number, struct buf *out)
{
    char sid[40];
    struct json_w w = json_w(out);
    snprintf(sid, sizeof(sid), "SM%032x", number);
    json_w_open(&w);
    json_w_kz(&w, "sid", sid);
    json_w_kz(&w, "account_sid", TWILIO_REST_ACCOUNT);
    json_w_kstr(&w, "to", given(f, "To"));
    json_w_kstr(&w, "from", given(f, "From"));
    json_w_kstr(&w, "body", given(f, "Body"));
    json_w_kz(&w, "status", form_has(f, "MessagingServiceSid") ? "accepted" : "queued");
    json_w_kz(&w, "direction", "outbound-api");
    json_w_kz(&w, "num_segments", "1");
    json_w_kz(&w, "num_media", "0");
    json_w_kz(&w, "error_code", NULL);
    json_w_kz(&w, "error_message", NULL);
    json_w_kz(&w, "api_version", "2010-04-01");
    json_w_close(&w);
}

static void on_message(struct twilio_rest_server *s, struct http_exchange *x, const struct form *f)
{
    struct str to = given(f, "To");
    struct str body = given(f, "Body");
    bool service = form_has(f, "MessagingServiceSid");
    if (to.n == 0) {
        refuse(s, x, 400, 21604, "A 'To' phone number is required.");
    } else if (!is_e164(to)) {
        refuse(s, x, 400, 21211, "Invalid 'To' Phone Number");
    } else if (!service && given(f, "From").n == 0) {
        refuse(s, x, 400, 21603, "A 'From' phone number is required.");
    } else if (!service && !str_is(given(f, "From"), TWILIO_REST_NUMBER)) {
        refuse(s, x, 400, 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number");
    } else if (body.n == 0) {
        refuse(s, x, 400, 21602, "Message body is required.");
    } else if (body.n > 1600) {
        refuse(s, x, 400, 21617, "The concatenated message body exceeds the 1600 character limit");
    } else {
        struct buf out;
        buf_init(&out, 8192);
        keep(s->to, sizeof(s->to), to);
        keep(s->from, sizeof(s->from), given(f, "From"));
        keep(s->body, sizeof(s->body), body);
        put_message(f, ++s->messages, &out);
        reply(x, 201, &out);
        buf_done(&out);
    }
}

/* ---- calls ---- */

static struct twilio_rest_call *find_call(struct twilio_rest_server *s, struct str sid)
{
    for (size_t i = 0; i < s->n_calls; i++) {
        if (str_is(sid, s->calls[i].sid)) {
            return &s->calls[i];
        }
    }
    return NULL;
}

void twilio_rest_add_call(struct twilio_rest_server *s, const char *sid)
{
    assert_true(s->n_calls < TWILIO_REST_CALLS);
    snprintf(s->calls[s->n_calls++].sid, sizeof(s->calls[0].sid), "%s", sid);
}

static bool valid_twiml(struct str text)
{
    struct twiml *doc = malloc(sizeof(*doc));
    struct twiml_error why;
    assert_non_null(doc);
    bool ok = text.n <= 4000 && twiml_parse(text, doc, &why) == 0;
    if (ok) {
        ok = doc->n_warnings == 0;
        twiml_done(doc);
    }
    free(doc);
    return ok;
}

static void put_call(const char *sid, const char *status, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "sid", sid);
    json_w_kz(&w, "account_sid", TWILIO_REST_ACCOUNT);
    json_w_kz(&w, "status", status);
    json_w_kz(&w, "direction", "inbound");
    json_w_kz(&w, "api_version", "2010-04-01");
    json_w_close(&w);
}

static void on_update(struct twilio_rest_server *s, struct http_exchange *x, struct str sid, const struct form *f)
{
    struct str twiml = given(f, "Twiml");
    struct str status = given(f, "Status");
    bool ends = str_is(status, "completed");
    struct twilio_rest_call *call = find_call(s, sid);
    if (!call && s->any_call) {
        char text[40];
        keep(text, sizeof(text), sid);
        twilio_rest_add_call(s, text);
        call = find_call(s, sid);
    }
    if (!call) {
        refuse(s, x, 404, 20404, "The requested resource was not found");
    } else if (call->over) {
        refuse(s, x, 400, 21220, "Call is not in-progress. Cannot redirect.");
    } else if (!ends && !valid_twiml(twiml)) {
        refuse(s, x, 400, 12100, "Document parse failure");
    } else {
        struct buf out;
        buf_init(&out, 8192);
        keep(s->call_sid, sizeof(s->call_sid), sid);
        keep(s->twiml, sizeof(s->twiml), twiml);
        keep(s->status, sizeof(s->status), status);
        call->over = ends;
        s->updates++;
        put_call(call->sid, ends ? "completed" : "in-progress", &out);
        reply(x, 200, &out);
        buf_done(&out);
        if (s->on_update) {
            s->on_update(s, s->call_sid, str_from(s->twiml), s->arg);
        }
    }
}

void twilio_rest_dial(const struct twilio_rest_server *s, const char *attr, char *ret, size_t cap)
{
    struct twiml *doc = malloc(sizeof(*doc));
    struct twiml_error why;
    struct str value = STR("");
    assert_non_null(doc);
    assert_int_equal(twiml_parse(str_from(s->twiml), doc, &why), 0);
    uint32_t dial = twiml_child(doc, 0, TWIML_DIAL);
    assert_true(dial > 0);
    const struct twiml_node *node = &doc->nodes[dial];
    for (uint16_t i = 0; i < node->n_attrs; i++) {
        const struct twiml_attr *a = &doc->attrs[node->first_attr + i];
        value = str_is(a->name, attr) ? a->value : value;
    }
    uint32_t number = twiml_child(doc, dial, TWIML_NUMBER);
    uint32_t sip = twiml_child(doc, dial, TWIML_SIP);
    if (!attr[0] && (number || sip)) {
        value = doc->nodes[number ? number : sip].text;
    }
    keep(ret, cap, value);
    twiml_done(doc);
    free(doc);
}

/* What the vendor insists on when a call is created. */
static void on_dial(struct twilio_rest_server *s, struct http_exchange *x, const struct form *f)
{
    struct str to = given(f, "To");
    struct str timeout = given(f, "Timeout");
    int64_t ring_s = 60;
    if (to.n == 0) {
        refuse(s, x, 400, 21201, "No 'To' number is specified");
    } else if (!is_e164(to) && !str_starts(to, STR("sip:"))) {
        refuse(s, x, 400, 21211, "Invalid 'To' Phone Number");
    } else if (!str_is(given(f, "From"), TWILIO_REST_NUMBER)) {
        refuse(s, x, 400, 21210, "The source phone number provided is not yet verified for your account");
    } else if (!str_starts(given(f, "Url"), STR("https://"))) {
        refuse(s, x, 400, 21205, "Url is not a valid URL");
    } else if (timeout.n && (str_to_i64(timeout, &ring_s) < 0 || ring_s < 1 || ring_s > 600)) {
        refuse(s, x, 400, 20001, "Timeout is not valid");
    } else {
        struct buf out;
        char sid[40];
        buf_init(&out, 8192);
        snprintf(sid, sizeof(sid), "CA%032x", ++s->dials);
        put_call(sid, "queued", &out);
        reply(x, 201, &out);
        buf_done(&out);
    }
}

static void on_record(struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 1024);
    buf_puts(&out, "{\"sid\":\"RE00000000000000000000000000000001\",\"status\":\"in-progress\",\"channels\":2}");
    reply(x, 201, &out);
    buf_done(&out);
}

static void on_get(struct twilio_rest_server *s, struct http_exchange *x, struct str resource)
{
    if (!s->list) {
        refuse(s, x, 404, 20404, "The requested resource was not found");
        return;
    }
    buf_printf(&s->log, "GET " STR_FMT "\n", STR_ARG(resource));
    http_respond(x, 200, STR("application/json"), STR_NULL, span_of_str(str_from(s->list)));
}

/* ---- requests ---- */

static void write_down(struct twilio_rest_server *s, const struct http_request *req, struct str resource,
                       const struct form *f)
{
    buf_printf(&s->log, STR_FMT " " STR_FMT, STR_ARG(req->method), STR_ARG(resource));
    for (size_t i = 0; i < f->n; i++) {
        buf_printf(&s->log, " " STR_FMT "=" STR_FMT, STR_ARG(f->pairs[i].name), STR_ARG(f->pairs[i].value));
    }
    buf_putc(&s->log, '\n');
}

static void serve(struct twilio_rest_server *s, struct http_exchange *x, const struct http_request *req,
                  const struct form *f)
{
    struct str resource = {req->target.p + strlen(PREFIX), req->target.n - strlen(PREFIX)};
    write_down(s, req, resource, f);
    if (str_is(resource, "Messages.json")) {
        on_message(s, x, f);
    } else if (str_is(resource, "Calls.json")) {
        on_dial(s, x, f);
    } else if (str_starts(resource, STR("Calls/")) && str_ends(resource, STR("/Recordings.json"))) {
        on_record(x);
    } else if (str_starts(resource, STR("Calls/")) && str_ends(resource, STR(".json"))) {
        on_update(s, x, (struct str){resource.p + 6, resource.n - 11}, f);
    } else {
        refuse(s, x, 404, 20404, "The requested resource was not found");
    }
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct twilio_rest_server *s = arg;
    struct form f;
    s->requests++;
    if (s->fault.times > 0) {
        s->fault.times--;
        if (s->fault.status == 0) {
            assert_true(s->n_unanswered < ARRAY_LEN(s->unanswered));
            s->unanswered[s->n_unanswered++] = x;
        } else {
            char wait[40] = "";
            if (s->fault.wait_s > 0) {
                snprintf(wait, sizeof(wait), "Retry-After: %u\r\n", s->fault.wait_s);
            }
            http_respond(x, s->fault.status, STR("application/json"), str_from(wait),
                         span_of_str(str_from(s->fault.body ? s->fault.body : "{}")));
        }
        return;
    }
    form_init(&f, 64u << 10);
    bool is_form = str_is(http_header(req, "Content-Type"), "application/x-www-form-urlencoded");
    if (!authorized(req)) {
        refuse(s, x, 401, 20003, "Authenticate");
    } else if (str_starts(req->target, STR(PREFIX "Calls")) && str_is(req->method, "GET")) {
        on_get(s, x, (struct str){req->target.p + strlen(PREFIX), req->target.n - strlen(PREFIX)});
    } else if (!str_starts(req->target, STR(PREFIX)) || !str_is(req->method, "POST")) {
        refuse(s, x, 404, 20404, "The requested resource was not found");
    } else if (!is_form || form_decode(&f, str_of_span(req->body)) < 0) {
        refuse(s, x, 400, 20001, "The body is no form");
    } else {
        serve(s, x, req, &f);
    }
    form_done(&f);
}

static const struct http_server_handler handler = {.on_request = on_request};

void twilio_rest_open(struct twilio_rest_server *s, struct loop *loop)
{
    struct http_server_opts o = {.host = "127.0.0.1"};
    *s = (struct twilio_rest_server){.loop = loop};
    buf_init(&s->log, 1u << 20);
    assert_ok(http_server_open(loop, &o, &handler, s, &s->server));
    snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%u", (unsigned)http_server_port(s->server));
}

void twilio_rest_close(struct twilio_rest_server *s)
{
    for (uint32_t i = 0; i < s->n_unanswered; i++) {
        http_respond(s->unanswered[i], 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    http_server_free(s->server);
    buf_done(&s->log);
}
