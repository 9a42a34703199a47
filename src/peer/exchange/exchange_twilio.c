/* The account as Twilio: its REST service for calls and messages, its callbacks. */
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "peer/exchange/exchange_impl.h"

#define ANSWER_MAX (256u << 10)
#define PAGE_MAX   1000

/* ---- answers ---- */

static void reply(struct http_exchange *x, int status, struct buf *body)
{
    http_respond(x, status, STR("application/json"), STR_NULL, buf_span(body));
}

static void say_error(const struct exchange *e, struct http_exchange *x, int status, int code, const char *message)
{
    struct buf out;
    char info[64];
    char headers[EXCHANGE_HEADERS_MAX];
    buf_init(&out, ANSWER_MAX);
    struct json_w w = json_w(&out);
    ignore_result(snprintf(info, sizeof(info), "https://www.twilio.com/docs/errors/%d", code) < 0);
    json_w_open(&w);
    json_w_ki64(&w, "code", code);
    json_w_kz(&w, "message", message);
    json_w_kz(&w, "more_info", info);
    json_w_ki64(&w, "status", status);
    json_w_close(&w);
    http_respond(x, status, STR("application/json"), exchange_refusal_headers(e, headers), buf_span(&out));
    buf_done(&out);
}

static void refuse(struct exchange *e, struct http_exchange *x, int status, int code, const char *message)
{
    exchange_count_refusal(e, message);
    say_error(e, x, status, code, message);
}

static void put_date(struct json_w *w, const char *key, uint64_t wall_us)
{
    char text[64] = "";
    time_t at = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (wall_us && gmtime_r(&at, &tm)) {
        ignore_result(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0);
    }
    json_w_kz(w, key, text[0] ? text : NULL);
}

static void put_call(struct json_w *w, const struct exchange *e, const struct line *l)
{
    char duration[16];
    ignore_result(snprintf(duration, sizeof(duration), "%u", l->view.duration_s) < 0);
    json_w_open(w);
    json_w_kz(w, "sid", l->view.sid);
    json_w_kstr(w, "account_sid", e->o.account_sid);
    json_w_kz(w, "parent_call_sid", NULL);
    json_w_kz(w, "to", l->view.to);
    json_w_kz(w, "from", l->view.from);
    json_w_kz(w, "status", l->view.status);
    json_w_kz(w, "direction", "outbound-api");
    json_w_kz(w, "duration", l->state == LINE_OVER ? duration : NULL);
    json_w_kz(w, "answered_by", l->view.answered_by);
    put_date(w, "date_created", l->created_wall_us);
    json_w_kz(w, "price", NULL);
    json_w_kz(w, "api_version", "2010-04-01");
    json_w_close(w);
}

static void answer_call(const struct exchange *e, struct http_exchange *x, int status, const struct line *l)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    struct json_w w = json_w(&out);
    put_call(&w, e, l);
    reply(x, status, &out);
    buf_done(&out);
}

/* ---- rules ---- */

static bool is_number(struct str s)
{
    bool ok = s.n >= 8 && s.n <= 16 && s.p[0] == '+';
    for (size_t i = 1; ok && i < s.n; i++) {
        ok = s.p[i] >= '0' && s.p[i] <= '9';
    }
    return ok;
}

static struct str given(const struct form *f, const char *name)
{
    struct str s = form_get(f, name);
    return s.p ? s : STR("");
}

static bool in_range(struct str s, int64_t min, int64_t max)
{
    int64_t v = 0;
    return s.n == 0 || (str_to_i64(s, &v) >= 0 && v >= min && v <= max);
}

static bool is_url(struct str s)
{
    return str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
}

struct rule {
    bool broken;
    int status, code;
    const char *message;
};

/* ---- calls ---- */

static bool broken(struct exchange *e, struct http_exchange *x, const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rules[i].broken) {
            refuse(e, x, rules[i].status, rules[i].code, rules[i].message);
            return true;
        }
    }
    return false;
}

static struct str incoming(struct exchange *e, struct str to)
{
    bool ours = e->o.incoming_number.n > 0 && str_eq(to, e->o.incoming_number);
    return ours ? e->o.incoming_url : STR("");
}

static bool bad_dial(struct exchange *e, struct http_exchange *x, const struct form *f)
{
    struct str to = given(f, "To");
    struct str amd = given(f, "MachineDetection");
    bool twiml = form_has(f, "Twiml");
    bool comes_in = incoming(e, to).n > 0;
    const struct rule rules[] = {
        {to.n == 0, 400, 21201, "No 'To' number is specified"},
        {!is_number(to) && !str_starts(to, STR("sip:")), 400, 21211, "Invalid 'To' Phone Number"},
        {given(f, "From").n == 0, 400, 21213, "No 'From' number is specified"},
        {!exchange_is_ours(e, given(f, "From")), 400, 21210,
         "The source phone number is not yet verified for your account"},
        {str_eq(to, given(f, "From")), 400, 21211, "'To' and 'From' are the same number"},
        {!twiml && !is_url(given(f, "Url")), 400, 21205, "Url is not a valid URL"},
        {given(f, "FallbackUrl").n > 0 && !is_url(given(f, "FallbackUrl")), 400, 21205,
         "FallbackUrl is not a valid URL"},
        {twiml && form_has(f, "Url"), 400, 20001, "Url and Twiml exclude each other"},
        {twiml && !comes_in, 400, 20001, "Twiml is only known for calls to --incoming numbers here"},
        {given(f, "StatusCallback").n > 0 && !is_url(given(f, "StatusCallback")), 400, 21609,
         "The 'StatusCallback' URL is not valid"},
        {!in_range(given(f, "Timeout"), 1, 600), 400, 20001, "Timeout is not valid"},
        {!in_range(given(f, "TimeLimit"), 1, 86400), 400, 20001, "TimeLimit is not valid"},
        {amd.n > 0 && !str_is(amd, "Enable") && !str_is(amd, "DetectMessageEnd"), 400, 20001,
         "MachineDetection is not valid"},
        {!in_range(given(f, "MachineDetectionTimeout"), 3, 59), 400, 20001, "MachineDetectionTimeout is not valid"},
    };
    return broken(e, x, rules, ARRAY_LEN(rules));
}

/* 0 where none was given; checked before. */
static uint32_t seconds_of(const struct form *f, const char *name)
{
    int64_t v = 0;
    ignore_result(form_has(f, name) && str_to_i64(given(f, name), &v) < 0);
    return (uint32_t)v;
}

static void on_dial(struct exchange *e, struct http_exchange *x, const struct form *f)
{
    if (bad_dial(e, x, f)) {
        return;
    }
    const struct exchange_order o = {
        .to = given(f, "To"),
        .from = given(f, "From"),
        .url = given(f, "Url"),
        .fallback_url = given(f, "FallbackUrl"),
        .status_url = given(f, "StatusCallback"),
        .ring_url = STR(""),
        .twiml = given(f, "Twiml"),
        .amd_url = given(f, "AsyncAmdStatusCallback"),
        .amd = form_has(f, "MachineDetection"),
        .end_of_message = str_is(given(f, "MachineDetection"), "DetectMessageEnd"),
        .ring_s = seconds_of(f, "Timeout"),
        .max_s = seconds_of(f, "TimeLimit"),
    };
    if (!exchange_dial(e, x, &o)) {
        refuse(e, x, 503, 20503, "Service unavailable");
    }
}

static void answer_dial(struct exchange *e, struct http_exchange *x, const struct line *l)
{
    answer_call(e, x, 201, l);
}

static void on_update(struct exchange *e, struct http_exchange *x, struct str sid, const struct form *f)
{
    struct line *l = exchange_line(e, sid);
    struct str status = given(f, "Status");
    struct str twiml = given(f, "Twiml");
    struct str url = given(f, "Url");
    bool ends = str_is(status, "completed") || str_is(status, "canceled");
    bool moves = twiml.n > 0 || url.n > 0;
    bool answered = l && l->state == LINE_UP;
    const struct rule rules[] = {
        {!l, 404, 20404, "The requested resource was not found"},
        {!ends && !moves, 400, 20001, "Nothing to update"},
        {ends && moves, 400, 20001, "Status with Url or Twiml"},
        {status.n > 0 && !ends, 400, 20001, "Status is neither completed nor canceled"},
        {answered && str_is(status, "canceled"), 400, 21220, "Call is in-progress. Cannot cancel."},
        {twiml.n > 4000, 400, 20001, "Twiml is longer than 4000 characters"},
        {twiml.n > 0 && url.n > 0, 400, 20001, "Url and Twiml exclude each other"},
        {url.n > 0 && !is_url(url), 400, 21205, "Url is not a valid URL"},
    };
    if (l && l->state == LINE_OVER) { /* it may have ended by itself just now */
        say_error(e, x, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    if (broken(e, x, rules, ARRAY_LEN(rules))) {
        return;
    }
    if (ends) {
        exchange_line_end(l);
    } else if (exchange_line_redirect(l, url, twiml) < 0) {
        refuse(e, x, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    answer_call(e, x, 200, l);
}

/* Taken and not carried out: nobody listens to it here. */
static void on_record(struct exchange *e, struct http_exchange *x, struct str sid, const struct form *f)
{
    struct line *l = exchange_line(e, sid);
    struct str channels = given(f, "RecordingChannels");
    struct str callback = given(f, "RecordingStatusCallback");
    const struct rule rules[] = {
        {!l, 404, 20404, "The requested resource was not found"},
        {l && l->state != LINE_UP, 400, 21220, "Requested resource is not eligible for recording"},
        {channels.n > 0 && !str_is(channels, "mono") && !str_is(channels, "dual"), 400, 20001,
         "RecordingChannels is neither mono nor dual"},
        {callback.n > 0 && !is_url(callback), 400, 21609, "RecordingStatusCallback is not a valid URL"},
    };
    if (l && l->state == LINE_OVER) { /* likewise */
        say_error(e, x, 400, 21220, "Requested resource is not eligible for recording");
        return;
    }
    if (broken(e, x, rules, ARRAY_LEN(rules))) {
        return;
    }
    struct buf out;
    char recording[40];
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    ignore_result(snprintf(recording, sizeof(recording), "RE%032x", ++e->stats.recordings) < 0);
    json_w_open(&w);
    json_w_kz(&w, "sid", recording);
    json_w_kstr(&w, "account_sid", e->o.account_sid);
    json_w_kz(&w, "call_sid", l->view.sid);
    json_w_kz(&w, "status", "in-progress");
    json_w_ki64(&w, "channels", str_is(channels, "dual") ? 2 : 1);
    json_w_kz(&w, "source", "StartCallRecordingAPI");
    json_w_kz(&w, "duration", NULL);
    json_w_close(&w);
    reply(x, 201, &out);
    buf_done(&out);
}

static void on_list(struct exchange *e, struct http_exchange *x, struct str query)
{
    struct form f;
    struct buf out;
    int64_t size = 50;
    int64_t n = 0;
    form_init(&f, 8192);
    if (form_decode(&f, query) < 0 || (given(&f, "PageSize").n && str_to_i64(given(&f, "PageSize"), &size) < 0)) {
        refuse(e, x, 400, 20001, "The query is no form");
        form_done(&f);
        return;
    }
    buf_init(&out, 4u << 20);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_key(&w, "calls");
    json_w_array(&w);
    for (const struct line *l = e->lines; l && n < MIN(size, PAGE_MAX); l = l->next) {
        struct str to = given(&f, "To");
        struct str from = given(&f, "From");
        if ((to.n == 0 || str_is(to, l->view.to)) && (from.n == 0 || str_is(from, l->view.from))) {
            put_call(&w, e, l);
            n++;
        }
    }
    json_w_end(&w);
    json_w_ki64(&w, "page", 0);
    json_w_ki64(&w, "page_size", size);
    json_w_kz(&w, "next_page_uri", NULL);
    json_w_close(&w);
    reply(x, 200, &out);
    buf_done(&out);
    form_done(&f);
}

/* ---- messages ---- */

static void on_message(struct exchange *e, struct http_exchange *x, const struct form *f)
{
    struct str to = given(f, "To");
    struct str body = given(f, "Body");
    bool service = form_has(f, "MessagingServiceSid");
    const struct rule rules[] = {
        {to.n == 0, 400, 21604, "A 'To' phone number is required."},
        {!is_number(to), 400, 21211, "Invalid 'To' Phone Number"},
        {!service && !exchange_is_ours(e, given(f, "From")), 400, 21606,
         "The 'From' phone number is not a valid Twilio number"},
        {body.n == 0, 400, 21602, "Message body is required."},
        {body.n > 1600, 400, 21617, "The concatenated message body exceeds the 1600 character limit"},
    };
    if (broken(e, x, rules, ARRAY_LEN(rules))) {
        return;
    }
    struct buf out;
    char sid[40];
    buf_init(&out, 16384);
    struct json_w w = json_w(&out);
    ignore_result(snprintf(sid, sizeof(sid), "SM%032x", ++e->stats.messages) < 0);
    json_w_open(&w);
    json_w_kz(&w, "sid", sid);
    json_w_kstr(&w, "account_sid", e->o.account_sid);
    json_w_kstr(&w, "to", to);
    json_w_kstr(&w, "from", given(f, "From"));
    json_w_kstr(&w, "body", body);
    json_w_kz(&w, "status", service ? "accepted" : "queued");
    json_w_kz(&w, "direction", "outbound-api");
    json_w_kz(&w, "num_segments", "1");
    json_w_kz(&w, "error_code", NULL);
    json_w_close(&w);
    reply(x, 201, &out);
    buf_done(&out);
    if (e->h->on_message) {
        e->h->on_message(e, to, given(f, "From"), body, e->arg);
    }
}

/* ---- requests ---- */

/* What stands behind the account in the path, without ".json"; false: another account's, or XML is asked for. */
static bool resource_of(const struct exchange *e, struct str path, struct str *ret)
{
    struct str prefix = STR("/2010-04-01/Accounts/");
    if (!str_starts(path, prefix) || !str_ends(path, STR(".json"))) {
        return false;
    }
    struct str rest = {path.p + prefix.n, path.n - prefix.n - 5};
    if (!str_starts(rest, e->o.account_sid)) {
        return false;
    }
    *ret = (struct str){rest.p + e->o.account_sid.n, rest.n - e->o.account_sid.n};
    return true;
}

static void answer_account(const struct exchange *e, struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kstr(&w, "sid", e->o.account_sid);
    json_w_kz(&w, "friendly_name", "ringtrip phone");
    json_w_kz(&w, "status", "active");
    json_w_kz(&w, "type", "Full");
    json_w_close(&w);
    reply(x, 200, &out);
    buf_done(&out);
}

static void serve_get(struct exchange *e, struct http_exchange *x, const struct http_request *req, struct str resource)
{
    struct str call = STR("/Calls/");
    if (resource.n == 0) {
        answer_account(e, x);
    } else if (str_is(resource, "/Calls")) {
        on_list(e, x, req->query);
    } else {
        struct str sid = str_starts(resource, call) ? (struct str){resource.p + call.n, resource.n - call.n} : STR("");
        const struct line *l = exchange_line(e, sid);
        if (l) {
            answer_call(e, x, 200, l);
        } else {
            refuse(e, x, 404, 20404, "The requested resource was not found");
        }
    }
}

static void serve_post(struct exchange *e, struct http_exchange *x, const struct http_request *req, struct str resource)
{
    struct str type = http_header(req, "Content-Type");
    struct str call = STR("/Calls/");
    struct str records = STR("/Recordings");
    struct form f;
    form_init(&f, 64u << 10);
    if (!str_starts(type, STR("application/x-www-form-urlencoded")) || form_decode(&f, str_of_span(req->body)) < 0) {
        refuse(e, x, 400, 20001, "The body is no form");
    } else if (str_is(resource, "/Calls")) {
        on_dial(e, x, &f);
    } else if (str_is(resource, "/Messages")) {
        on_message(e, x, &f);
    } else if (resource.n > call.n + records.n && str_starts(resource, call) && str_ends(resource, records)) {
        on_record(e, x, (struct str){resource.p + call.n, resource.n - call.n - records.n}, &f);
    } else if (str_starts(resource, call)) {
        on_update(e, x, (struct str){resource.p + call.n, resource.n - call.n}, &f);
    } else {
        refuse(e, x, 404, 20404, "The requested resource was not found");
    }
    form_done(&f);
}

static void on_request(struct exchange *e, struct http_exchange *x, const struct http_request *req)
{
    struct str resource = STR("");
    if (!exchange_is_authorized(e, req)) {
        refuse(e, x, 401, 20003, "Authenticate");
    } else if (!resource_of(e, req->path, &resource)) {
        refuse(e, x, 404, 20404, "The requested resource was not found");
    } else if (str_is(req->method, "GET")) {
        serve_get(e, x, req, resource);
    } else if (str_is(req->method, "POST")) {
        serve_post(e, x, req, resource);
    } else {
        refuse(e, x, 405, 20004, "Method not allowed");
    }
}

static void refuse_all(struct exchange *e, struct http_exchange *x, int status)
{
    bool many = status == 429;
    bool unknown = status == 401;
    refuse(e, x, status,
           many      ? 20429
           : unknown ? 20003
                     : 20500,
           many      ? "Too Many Requests"
           : unknown ? "Authenticate"
                     : "Internal Server Error");
}

/* ---- callbacks ---- */

static const char *sip_code(const char *status)
{
    static const struct {
        const char *status, *code;
    } codes[] = {{"completed", "200"}, {"busy", "486"}, {"no-answer", "480"}, {"canceled", "487"}, {"failed", "404"}};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (str_is(str_from(status), codes[i].status)) {
            return codes[i].code;
        }
    }
    return NULL;
}

static void tell(struct line *l, const char *status, uint32_t number)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = exchange_party(l);
    char sequence[16];
    char duration[16];
    const char *code = sip_code(status);
    if (!l->status_url[0]) {
        return;
    }
    ignore_result(snprintf(sequence, sizeof(sequence), "%u", number) < 0);
    ignore_result(snprintf(duration, sizeof(duration), "%u", l->view.duration_s) < 0);
    phone_form_call(&form, &who, status);
    phone_form_add(&form, "CallbackSource", STR("call-progress-events"));
    phone_form_add(&form, "SequenceNumber", str_from(sequence));
    if (code) {
        phone_form_add(&form, "CallDuration", str_from(duration));
        phone_form_add(&form, "SipResponseCode", str_from(code));
    }
    if (l->view.answered_by) {
        phone_form_add(&form, "AnsweredBy", str_from(l->view.answered_by));
    }
    exchange_post(l, str_from(l->status_url), &form);
}

static void tell_machine(struct line *l, const char *word)
{
    struct phone_form form = {.n = 0};
    phone_form_add(&form, "AccountSid", l->e->o.account_sid);
    phone_form_add(&form, "AnsweredBy", str_from(word));
    phone_form_add(&form, "CallSid", str_from(l->view.sid));
    phone_form_add(&form, "MachineDetectionDuration", STR("2400"));
    exchange_post(l, str_from(l->amd_url), &form);
}

const struct exchange_vendor exchange_twilio = {
    .phone = &phone_twilio,
    .on_request = on_request,
    .answer_dial = answer_dial,
    .tell = tell,
    .tell_machine = tell_machine,
    .refuse = refuse_all,
    .incoming = incoming,
    .ring_s = 60,
};
