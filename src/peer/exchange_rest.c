/* The REST service: who may ask, what is refused, what is answered. */
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "peer/exchange_impl.h"

#define ANSWER_MAX (256u << 10)
#define PAGE_MAX   1000

/* ---- answers ---- */

static void reply(struct http_exchange *x, int status, struct buf *body)
{
    http_respond(x, status, STR("application/json"), STR_NULL, buf_span(body));
}

static void refuse(struct exchange *e, struct http_exchange *x, int status, int code, const char *message)
{
    struct buf out;
    char info[64];
    buf_init(&out, ANSWER_MAX);
    struct json_w w = json_w(&out);
    e->stats.refused++;
    if (!e->stats.problem[0]) {
        ignore_result(snprintf(e->stats.problem, sizeof(e->stats.problem), "%s", message) < 0);
    }
    ignore_result(snprintf(info, sizeof(info), "https://www.twilio.com/docs/errors/%d", code) < 0);
    json_w_open(&w);
    json_w_ki64(&w, "code", code);
    json_w_kz(&w, "message", message);
    json_w_kz(&w, "more_info", info);
    json_w_ki64(&w, "status", status);
    json_w_close(&w);
    reply(x, status, &out);
    buf_done(&out);
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

static bool is_ours(const struct exchange *e, struct str number)
{
    struct str rest = e->o.numbers;
    struct str part;
    bool found = e->o.numbers.n == 0;
    while (!found && str_split(&rest, ' ', &part)) {
        found = str_eq(part, number);
    }
    return found;
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

static bool bad_dial(struct exchange *e, struct http_exchange *x, const struct form *f)
{
    struct str to = given(f, "To");
    struct str amd = given(f, "MachineDetection");
    const struct rule rules[] = {
        {to.n == 0, 400, 21201, "No 'To' number is specified"},
        {!is_number(to) && !str_starts(to, STR("sip:")), 400, 21211, "Invalid 'To' Phone Number"},
        {given(f, "From").n == 0, 400, 21213, "No 'From' number is specified"},
        {!is_ours(e, given(f, "From")), 400, 21210, "The source phone number is not yet verified for your account"},
        {str_eq(to, given(f, "From")), 400, 21211, "'To' and 'From' are the same number"},
        {!is_url(given(f, "Url")), 400, 21205, "Url is not a valid URL"},
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

static void on_dial(struct exchange *e, struct http_exchange *x, const struct form *f)
{
    if (bad_dial(e, x, f)) {
        return;
    }
    struct line *l = exchange_line_new(e, f);
    struct line *second = l && (e->o.faults & EXCHANGE_DOUBLE) ? exchange_line_new(e, f) : NULL;
    if (!l) {
        refuse(e, x, 503, 20503, "Service unavailable");
        return;
    }
    exchange_line_begin(l, (e->o.faults & EXCHANGE_EARLY) != 0);
    if (second) {
        exchange_line_begin(second, false);
    }
    if ((e->o.faults & EXCHANGE_MUTE_REPLY) && e->n_mute < ARRAY_LEN(e->mute)) {
        e->mute[e->n_mute++] = x;
        return;
    }
    if (e->o.faults & EXCHANGE_ERROR_REPLY) {
        http_respond(x, 500, STR("text/html"), STR_NULL, span_of_str(STR("<html>oops</html>")));
        return;
    }
    answer_call(e, x, 201, l);
}

static void on_update(struct exchange *e, struct http_exchange *x, struct str sid, const struct form *f)
{
    struct line *l = exchange_line(e, sid);
    struct str status = given(f, "Status");
    bool ends = str_is(status, "completed") || str_is(status, "canceled");
    bool answered = l && l->state == LINE_UP;
    const struct rule rules[] = {
        {!l, 404, 20404, "The requested resource was not found"},
        {l && l->state == LINE_OVER, 400, 21220, "Call is not in-progress. Cannot redirect."},
        {!ends, 400, 20001, "Nothing to update"},
        {answered && str_is(status, "canceled"), 400, 21220, "Call is in-progress. Cannot cancel."},
    };
    if (!broken(e, x, rules, ARRAY_LEN(rules))) {
        exchange_line_end(l);
        answer_call(e, x, 200, l);
    }
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
        {!service && !is_ours(e, given(f, "From")), 400, 21606, "The 'From' phone number is not a valid Twilio number"},
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

static bool is_authorized(const struct exchange *e, const struct http_request *req)
{
    struct str header = http_header(req, "Authorization");
    uint8_t text[256];
    struct buf want;
    if (!str_starts(header, STR("Basic ")) || base64_dec_max(header.n - 6) > sizeof(text)) {
        return false;
    }
    int n = base64_decode(text, (struct str){header.p + 6, header.n - 6});
    buf_init(&want, 512);
    buf_printf(&want, STR_FMT ":" STR_FMT, STR_ARG(e->o.account_sid), STR_ARG(e->o.auth_token));
    bool same = n >= 0 && str_eq(buf_str(&want), (struct str){(const char *)text, (size_t)n});
    buf_done(&want);
    return same;
}

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
    struct form f;
    form_init(&f, 64u << 10);
    if (!str_starts(type, STR("application/x-www-form-urlencoded")) || form_decode(&f, str_of_span(req->body)) < 0) {
        refuse(e, x, 400, 20001, "The body is no form");
    } else if (str_is(resource, "/Calls")) {
        on_dial(e, x, &f);
    } else if (str_is(resource, "/Messages")) {
        on_message(e, x, &f);
    } else if (str_starts(resource, call)) {
        on_update(e, x, (struct str){resource.p + call.n, resource.n - call.n}, &f);
    } else {
        refuse(e, x, 404, 20404, "The requested resource was not found");
    }
    form_done(&f);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct exchange *e = arg;
    struct str resource = STR("");
    e->stats.requests++;
    if (e->o.refuse_times > 0 && e->o.refuse_status > 0) {
        bool many = e->o.refuse_status == 429;
        e->o.refuse_times--;
        refuse(e, x, e->o.refuse_status,
               many                        ? 20429
               : e->o.refuse_status == 401 ? 20003
                                           : 20500,
               many                        ? "Too Many Requests"
               : e->o.refuse_status == 401 ? "Authenticate"
                                           : "Internal Server Error");
    } else if (!is_authorized(e, req)) {
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

const struct http_server_handler exchange_rest = {.on_request = on_request};
