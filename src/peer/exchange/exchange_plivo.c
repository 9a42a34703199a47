/* The account as Plivo: its REST service for calls, its callbacks. What else it has: exchange_plivo_account.c */
#include "peer/exchange/exchange_plivo.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"

#define ANSWER_MAX (256u << 10)
#define PAGE_MAX   20
#define RING_MAX_S 600
#define DIGITS_MAX 15

/* ---- answers ---- */

void exchange_plivo_reply(struct http_exchange *x, int status, struct buf *body)
{
    http_respond(x, status, STR("application/json"), STR_NULL, buf_span(body));
}

struct json_w exchange_plivo_begin(struct buf *out)
{
    struct json_w w;
    buf_init(out, ANSWER_MAX);
    w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "api_id", "97ceeb52-58b6-11e1-86da-77300b68f8bb");
    return w;
}

void exchange_plivo_say(struct http_exchange *x, int status, const char *key, const char *text)
{
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kz(&w, key, text);
    json_w_close(&w);
    exchange_plivo_reply(x, status, &out);
    buf_done(&out);
}

static void say_error(const struct exchange *e, struct http_exchange *x, int status, const char *why)
{
    struct buf out;
    char headers[EXCHANGE_HEADERS_MAX];
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kz(&w, "error", why);
    json_w_close(&w);
    http_respond(x, status, STR("application/json"), exchange_refusal_headers(e, headers), buf_span(&out));
    buf_done(&out);
}

void exchange_plivo_refuse(struct exchange *e, struct http_exchange *x, int status, const char *why)
{
    exchange_count_refusal(e, why);
    if (status == 401) { /* in plain text, and in a page's words */
        http_respond(x, 401, STR("text/plain"), STR_NULL,
                     span_of_str(STR("Could not verify your access level for that URL.\nYou have to login with proper "
                                     "credentials")));
        return;
    }
    say_error(e, x, status, why);
}

void exchange_plivo_gone(struct http_exchange *x)
{
    http_respond(x, 204, STR_NULL, STR_NULL, span_from(NULL, 0));
}

/* ---- what a body may hold ---- */

static bool fits(struct json_val v, char type)
{
    switch (type) {
    case 's':
        return v.type == JSON_STRING;
    case 'n':
        return v.type == JSON_NUMBER;
    default:
        return v.type == JSON_TRUE || v.type == JSON_FALSE;
    }
}

bool exchange_plivo_typed(struct exchange *e, struct http_exchange *x, struct json_val body,
                          const struct exchange_plivo_key *keys, size_t n)
{
    char why[96];
    for (size_t i = 0; i < n; i++) {
        struct json_val v = json_get(body, keys[i].name);
        bool there = v.type != JSON_NONE && v.type != JSON_NULL;
        if ((there && !fits(v, keys[i].type)) || (!there && keys[i].required)) {
            ignore_result(snprintf(why, sizeof(why), "%s parameter %s", keys[i].name,
                                   there ? "has the wrong type" : "not present") < 0);
            exchange_plivo_refuse(e, x, 400, why);
            return false;
        }
    }
    return true;
}

struct str exchange_plivo_text(struct json_val body, const char *key, struct buf *scratch)
{
    struct str s = STR("");
    struct json_val v = json_get(body, key);
    bool ok = v.type == JSON_STRING && json_to_str(v, scratch, &s) >= 0;
    return ok ? s : STR("");
}

static uint32_t seconds_of(struct json_val body, const char *key, int64_t max)
{
    int64_t v = 0;
    ignore_result(json_to_i64(json_get(body, key), &v) < 0);
    return v < 0 ? 0 : (uint32_t)MIN(v, max);
}

/* ---- numbers: digits without + ---- */

bool exchange_plivo_is_number(struct str s)
{
    bool ok = s.n >= 7 && s.n <= DIGITS_MAX;
    for (size_t i = 0; i < s.n && ok; i++) {
        ok = s.p[i] >= '0' && s.p[i] <= '9';
    }
    return ok;
}

/* With the plus that everything else here has. */
bool exchange_plivo_is_ours(const struct exchange *e, struct str digits)
{
    char plus[DIGITS_MAX + 2];
    int n = snprintf(plus, sizeof(plus), "+%.*s", (int)MIN(digits.n, (size_t)DIGITS_MAX), digits.p ? digits.p : "");
    return n > 0 && (exchange_is_ours(e, digits) || exchange_is_ours(e, (struct str){plus, (size_t)n}));
}

static struct str bare(struct str number)
{
    return number.n > 0 && number.p[0] == '+' ? (struct str){number.p + 1, number.n - 1} : number;
}

/* As people write it; a sip: address stays. */
static struct str with_plus(struct str number, char room[DIGITS_MAX + 2])
{
    struct str digits = bare(number);
    if (!exchange_plivo_is_number(digits)) {
        return number;
    }
    room[0] = '+';
    memcpy(room + 1, digits.p, digits.n);
    return (struct str){room, digits.n + 1};
}

static bool is_url(struct str s)
{
    return str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
}

/* ---- calls ---- */

static const struct exchange_plivo_key call_keys[] = {
    {"from", 's', true},
    {"to", 's', true},
    {"answer_url", 's', true},
    {"answer_method", 's', false},
    {"ring_url", 's', false},
    {"ring_method", 's', false},
    {"hangup_url", 's', false},
    {"hangup_method", 's', false},
    {"fallback_url", 's', false},
    {"fallback_method", 's', false},
    {"caller_name", 's', false},
    {"send_digits", 's', false},
    {"send_on_preanswer", 'b', false},
    {"time_limit", 'n', false},
    {"hangup_on_ring", 'n', false},
    {"machine_detection", 's', false},
    {"machine_detection_time", 'n', false},
    {"machine_detection_url", 's', false},
    {"machine_detection_method", 's', false},
    {"machine_detection_maximum_speech_length", 'n', false},
    {"machine_detection_initial_silence", 'n', false},
    {"machine_detection_maximum_words", 'n', false},
    {"machine_detection_initial_greeting", 'n', false},
    {"machine_detection_silence", 'n', false},
    {"machine_detection_answer_time", 'n', false},
    {"sip_headers", 's', false},
    {"ring_timeout", 'n', false},
    {"parent_call_uuid", 's', false},
    {"error_if_parent_not_found", 'b', false},
};

enum { TEXT_TO, TEXT_FROM, TEXT_ANSWER, TEXT_FALLBACK, TEXT_RING, TEXT_HANGUP, TEXT_MACHINE, TEXT_AMD, TEXT_N };

static const char *bad_dial(const struct exchange *e, const struct str text[TEXT_N], int64_t amd_ms)
{
    struct str to = text[TEXT_TO];
    struct str amd = text[TEXT_MACHINE];
    const struct {
        bool broken;
        const char *why;
    } rules[] = {
        {!exchange_plivo_is_number(bare(to)) && !str_starts(to, STR("sip:")), "to parameter is not a valid number"},
        {!exchange_plivo_is_number(bare(text[TEXT_FROM])), "from parameter is not a valid number"},
        {str_eq(bare(to), bare(text[TEXT_FROM])), "from and to cannot be same"},
        {!exchange_plivo_is_ours(e, bare(text[TEXT_FROM])), "from number is not verified"},
        {!is_url(text[TEXT_ANSWER]), "answer_url is not a valid url"},
        {text[TEXT_FALLBACK].n > 0 && !is_url(text[TEXT_FALLBACK]), "fallback_url is not a valid url"},
        {text[TEXT_RING].n > 0 && !is_url(text[TEXT_RING]), "ring_url is not a valid url"},
        {text[TEXT_HANGUP].n > 0 && !is_url(text[TEXT_HANGUP]), "hangup_url is not a valid url"},
        {text[TEXT_AMD].n > 0 && !is_url(text[TEXT_AMD]), "machine_detection_url is not a valid url"},
        {amd.n > 0 && !str_is(amd, "true") && !str_is(amd, "hangup"), "machine_detection is not valid"},
        {amd_ms != 0 && (amd_ms < 2000 || amd_ms > 10000), "machine_detection_time is not within 2000 and 10000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].broken) {
            return rules[i].why;
        }
    }
    return NULL;
}

static void on_dial(struct exchange *e, struct http_exchange *x, struct json_val body)
{
    static const char *const names[TEXT_N] = {"to",       "from",       "answer_url",        "fallback_url",
                                              "ring_url", "hangup_url", "machine_detection", "machine_detection_url"};
    struct buf scratch[TEXT_N];
    struct str text[TEXT_N];
    char to[DIGITS_MAX + 2];
    char from[DIGITS_MAX + 2];
    int64_t amd_ms = 0;
    if (!exchange_plivo_typed(e, x, body, call_keys, ARRAY_LEN(call_keys))) {
        return;
    }
    for (size_t i = 0; i < TEXT_N; i++) {
        buf_init(&scratch[i], EXCHANGE_URL_MAX);
        text[i] = exchange_plivo_text(body, names[i], &scratch[i]);
    }
    ignore_result(json_to_i64(json_get(body, "machine_detection_time"), &amd_ms) < 0);
    const char *why = bad_dial(e, text, amd_ms);
    const struct exchange_order o = {
        .to = with_plus(text[TEXT_TO], to),
        .from = with_plus(text[TEXT_FROM], from),
        .url = text[TEXT_ANSWER],
        .fallback_url = text[TEXT_FALLBACK],
        /* Without one of its own the answer URL is told of the end. */
        .status_url = text[TEXT_HANGUP].n > 0 ? text[TEXT_HANGUP] : text[TEXT_ANSWER],
        .ring_url = text[TEXT_RING],
        .amd_url = text[TEXT_AMD],
        .twiml = STR(""),
        .amd = text[TEXT_MACHINE].n > 0,
        .amd_before = text[TEXT_AMD].n == 0,
        .amd_hangs_up = str_is(text[TEXT_MACHINE], "hangup"),
        .ring_s = seconds_of(body, "ring_timeout", RING_MAX_S),
        .max_s = seconds_of(body, "time_limit", 86400),
    };
    if (why) {
        exchange_plivo_refuse(e, x, 400, why);
    } else if (!exchange_dial(e, x, &o)) {
        exchange_plivo_refuse(e, x, 503, "the account is full");
    }
    for (size_t i = 0; i < TEXT_N; i++) {
        buf_done(&scratch[i]);
    }
}

static void answer_dial(struct exchange *e UNUSED, struct http_exchange *x, const struct line *l)
{
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kz(&w, "message", "call fired");
    json_w_kz(&w, "request_uuid", l->view.request_id);
    json_w_close(&w);
    exchange_plivo_reply(x, 201, &out);
    buf_done(&out);
}

/* The words that end a call, and what the vendor calls the reason. */
struct ending {
    const char *status, *word, *cause, *name, *source;
    int64_t code;
};

static struct ending ending_of(const struct line *l)
{
    static const struct ending endings[] = {
        {"busy", "busy", "USER_BUSY", "Busy Line", "Callee", 3010},
        {"no-answer", "no-answer", "NO_ANSWER", "No Answer", "Carrier", 3000},
        {"failed", "failed", "UNALLOCATED_NUMBER", "Invalid Destination Address", "Carrier", 2000},
        {"canceled", "cancel", "ORIGINATOR_CANCEL", "Canceled", "API Request", 1000},
    };
    struct ending e = {"completed", "completed", "NORMAL_CLEARING", "Normal Hangup", "Plivo", 4000};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_is(str_from(l->view.status), endings[i].status)) {
            return endings[i];
        }
    }
    if (l->machine_gone) {
        e = (struct ending){"completed", "completed", "NORMAL_CLEARING", "Machine Detected", "Plivo", 9100};
    } else {
        e.source = l->view.asked_to_end ? "API Request" : l->by_callee ? "Callee" : "Answer XML";
    }
    return e;
}

/* In UTC; suffix: the zone, or a fraction. */
static void put_time(char text[64], uint64_t wall_us, const char *suffix)
{
    time_t at = (time_t)(wall_us / 1000000);
    struct tm tm;
    size_t n = gmtime_r(&at, &tm) ? strftime(text, 40, "%Y-%m-%d %H:%M:%S", &tm) : 0;
    ignore_result(snprintf(text + n, 64 - n, "%s", suffix) < 0);
}

static void put_kbare(struct json_w *w, const char *key, const char *number)
{
    json_w_kstr(w, key, bare(str_from(number)));
}

/* A call that is over, as the vendor bills it. */
static void put_finished(struct json_w *w, const struct line *l)
{
    const struct ending end = ending_of(l);
    uint64_t talked_from = l->answered_us ? l->answered_wall_us : l->created_wall_us;
    char began[64];
    char answered[64];
    char ended[64];
    put_time(began, l->created_wall_us, "+00:00");
    put_time(answered, talked_from, "+00:00");
    put_time(ended, talked_from + (uint64_t)l->view.duration_s * 1000000, "+00:00");
    json_w_kz(w, "call_uuid", l->view.sid);
    json_w_kz(w, "initiation_time", began);
    json_w_kz(w, "answer_time", l->answered_us ? answered : NULL);
    json_w_kz(w, "end_time", ended);
    json_w_ki64(w, "bill_duration", l->view.duration_s);
    json_w_ki64(w, "call_duration", l->view.duration_s);
    json_w_kz(w, "call_direction", "outbound");
    json_w_kz(w, "call_state", l->answered_us ? "ANSWER" : "NO_ANSWER");
    json_w_kz(w, "from_number", l->view.from);
    put_kbare(w, "to_number", l->view.to);
    json_w_kz(w, "hangup_cause_name", end.name);
    json_w_ki64(w, "hangup_cause_code", end.code);
    json_w_kz(w, "hangup_source", end.source);
    json_w_kz(w, "total_amount", "0.01700");
}

static void put_live(struct json_w *w, const struct line *l)
{
    char began[64];
    put_time(began, l->created_wall_us, ".000000");
    json_w_kz(w, "call_uuid", l->view.sid);
    json_w_kz(w, "direction", "outbound");
    put_kbare(w, "from", l->view.from);
    put_kbare(w, "to", l->view.to);
    json_w_kz(w, "call_status", l->view.status);
    json_w_kz(w, "session_start", began);
    json_w_kz(w, "request_uuid", l->view.request_id);
}

/* Which of the three lists a call is in. */
static const char *list_of(const struct line *l)
{
    return l->state == LINE_OVER ? "" : l->state == LINE_QUEUED ? "queued" : "live";
}

static struct line *line_of(struct exchange *e, struct str id, bool by_request)
{
    struct line *l = e->lines;
    while (l && !str_is(id, by_request ? l->view.request_id : l->view.sid)) {
        l = l->next;
    }
    return l;
}

static void get_call(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at)
{
    struct str status = form_get(&at->query, "status");
    bool queued = str_is(status, "queued");
    const struct line *l = line_of(e, at->id, queued);
    if (!l || !str_is(status, list_of(l))) {
        exchange_plivo_say(x, 404, "error", "not found"); /* to look is no mistake */
        return;
    }
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    if (status.n > 0) {
        put_live(&w, l);
    } else {
        put_finished(&w, l);
    }
    json_w_close(&w);
    exchange_plivo_reply(x, 200, &out);
    buf_done(&out);
}

static bool is_asked_for(const struct line *l, const struct form *query)
{
    struct str from = form_get(query, "from_number");
    struct str to = form_get(query, "to_number");
    struct str status = form_get(query, "status");
    return (from.n == 0 || str_eq(bare(from), bare(str_from(l->view.from)))) &&
           (to.n == 0 || str_eq(bare(to), bare(str_from(l->view.to)))) && str_is(status, list_of(l));
}

/* Ids alone of calls under way; pages of those that are over. */
static void list_calls(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at)
{
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    struct str status = form_get(&at->query, "status");
    bool over = status.n == 0;
    int64_t limit = PAGE_MAX;
    int64_t n = 0;
    struct str given = form_get(&at->query, "limit");
    if (given.n > 0 && (str_to_i64(given, &limit) < 0 || limit < 1 || limit > PAGE_MAX)) {
        buf_done(&out);
        exchange_plivo_refuse(e, x, 400, "limit is not within 1 and 20");
        return;
    }
    json_w_key(&w, over ? "objects" : "calls");
    json_w_array(&w);
    for (const struct line *l = e->lines; l && n < limit; l = l->next) {
        if (!is_asked_for(l, &at->query)) {
            continue;
        }
        n++;
        if (over) {
            json_w_open(&w);
            put_finished(&w, l);
            json_w_close(&w);
        } else {
            json_w_str(&w, str_from(str_is(status, "queued") ? l->view.request_id : l->view.sid));
        }
    }
    json_w_end(&w);
    if (over) {
        exchange_plivo_put_meta(&w, n);
    }
    json_w_close(&w);
    exchange_plivo_reply(x, 200, &out);
    buf_done(&out);
}

void exchange_plivo_put_meta(struct json_w *w, int64_t n)
{
    json_w_key(w, "meta");
    json_w_open(w);
    json_w_ki64(w, "limit", PAGE_MAX);
    json_w_ki64(w, "offset", 0);
    json_w_kz(w, "next", NULL);
    json_w_kz(w, "previous", NULL);
    json_w_ki64(w, "total_count", n);
    json_w_close(w);
}

static void end_call(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at, bool by_request)
{
    struct line *l = line_of(e, at->id, by_request);
    if (!l || l->state == LINE_OVER || (by_request && l->state == LINE_UP)) {
        exchange_plivo_say(x, 404, "error", "not found"); /* it may have ended by itself just now */
        return;
    }
    exchange_line_end(l);
    exchange_plivo_gone(x);
}

static void transfer(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                     struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {
        {"legs", 's', false}, {"aleg_url", 's', true}, {"aleg_method", 's', false}, {"bleg_url", 's', false}};
    struct line *l = line_of(e, at->id, false);
    struct buf scratch;
    buf_init(&scratch, EXCHANGE_URL_MAX);
    struct str url = exchange_plivo_text(body, "aleg_url", &scratch);
    if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        buf_done(&scratch);
        return;
    }
    if (!is_url(url)) {
        exchange_plivo_refuse(e, x, 400, "aleg_url is not a valid url");
    } else if (!l || l->state != LINE_UP || exchange_line_redirect(l, url, STR("")) < 0) {
        exchange_plivo_say(x, 404, "error", "call not found");
    } else {
        exchange_plivo_say(x, 202, "message", "call transferred");
    }
    buf_done(&scratch);
}

static void speak(struct exchange *e, struct http_exchange *x, struct line *l, struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {
        {"text", 's', true}, {"voice", 's', false}, {"language", 's', false}, {"legs", 's', false}};
    struct buf scratch;
    if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        return;
    }
    buf_init(&scratch, 4096);
    if (exchange_line_say(l, exchange_plivo_text(body, "text", &scratch)) < 0) {
        exchange_plivo_refuse(e, x, 400, "this cannot be spoken to that call");
    } else {
        exchange_plivo_say(x, 202, "message", "speak started");
    }
    buf_done(&scratch);
}

/* Recordings and keys are taken and not carried out: nobody listens to them here. */
static void begin_recording(struct exchange *e, struct http_exchange *x, const struct line *l, struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {
        {"time_limit", 'n', false},   {"file_format", 's', false},     {"record_channel_type", 's', false},
        {"callback_url", 's', false}, {"callback_method", 's', false}, {"transcription_type", 's', false}};
    if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        return;
    }
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    e->stats.recordings++;
    json_w_kz(&w, "url", "http://recordings.invalid/1.wav");
    json_w_kz(&w, "message", "call recording started");
    json_w_kz(&w, "recording_id", l->view.sid);
    json_w_close(&w);
    exchange_plivo_reply(x, 202, &out);
    buf_done(&out);
}

static void press_keys(struct exchange *e, struct http_exchange *x, struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {{"leg", 's', false}, {"digits", 's', true}};
    if (exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        exchange_plivo_say(x, 202, "message", "digits sent");
    }
}

static void on_part(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                    struct json_val body)
{
    struct line *l = line_of(e, at->id, false);
    bool records = str_is(at->part, "Record");
    bool ends = str_is(at->method, "DELETE");
    if (!l || l->state != LINE_UP) {
        exchange_plivo_say(x, 404, "error", "call not found");
    } else if (records && ends) {
        exchange_plivo_gone(x);
    } else if (records) {
        begin_recording(e, x, l, body);
    } else if (!ends && str_is(at->part, "Speak")) {
        speak(e, x, l, body);
    } else if (!ends && str_is(at->part, "DTMF")) {
        press_keys(e, x, body);
    } else {
        exchange_plivo_refuse(e, x, 405, "method not allowed");
    }
}

static void on_call(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                    struct json_val body)
{
    bool get = str_is(at->method, "GET");
    bool post = str_is(at->method, "POST");
    if (at->part.n > 0) {
        on_part(e, x, at, body);
    } else if (at->id.n == 0 && post) {
        on_dial(e, x, body);
    } else if (at->id.n == 0 && get) {
        list_calls(e, x, at);
    } else if (get) {
        get_call(e, x, at);
    } else if (post) {
        transfer(e, x, at, body);
    } else {
        end_call(e, x, at, false);
    }
}

/* ---- requests ---- */

/* Account/{id}/Kind/id/part/ */
static bool read_path(const struct exchange *e, const struct http_request *req, struct exchange_plivo_path *ret)
{
    struct buf prefix;
    buf_init(&prefix, 256);
    buf_printf(&prefix, "/v1/Account/" STR_FMT "/", STR_ARG(e->o.account_sid));
    bool ours = str_starts(req->path, buf_str(&prefix));
    struct str rest = ours ? (struct str){req->path.p + prefix.len, req->path.n - prefix.len} : STR("");
    buf_done(&prefix);
    ret->method = req->method;
    ret->slash = req->path.n > 0 && req->path.p[req->path.n - 1] == '/';
    if (str_is(rest, "/")) {
        rest = STR(""); /* the client asks for the account itself with two of them */
    }
    struct str *const parts[] = {&ret->kind, &ret->id, &ret->part};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t n = str_find(rest, '/');
        *parts[i] = (struct str){rest.p, n};
        rest = n < rest.n ? (struct str){rest.p + n + 1, rest.n - n - 1} : STR("");
    }
    return ours && rest.n == 0;
}

static void serve(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                  struct json_val body)
{
    bool known = str_is(at->method, "GET") || str_is(at->method, "POST") || str_is(at->method, "DELETE");
    if (!known) {
        exchange_plivo_refuse(e, x, 405, "method not allowed");
    } else if (!at->slash && !(str_is(at->method, "GET") && str_is(at->kind, "Call"))) {
        exchange_plivo_refuse(e, x, 404, "the path does not end with a slash");
    } else if (str_is(at->kind, "Call")) {
        on_call(e, x, at, body);
    } else if (str_is(at->kind, "Request") && str_is(at->method, "DELETE")) {
        end_call(e, x, at, true);
    } else if (!exchange_plivo_account(e, x, at, body)) {
        exchange_plivo_refuse(e, x, 404, "not found");
    }
}

/* A body is JSON, also where the client sends the empty string or none at all. */
static void on_request(struct exchange *e, struct http_exchange *x, const struct http_request *req)
{
    struct exchange_plivo_path at = {.kind = STR("")};
    struct json_val body = {0};
    struct str type = http_header(req, "Content-Type");
    struct str text = str_of_span(req->body);
    bool reads = str_is(req->method, "GET");
    form_init(&at.query, 8192);
    if (!exchange_is_authorized(e, req)) {
        exchange_plivo_refuse(e, x, 401, "wrong credentials");
    } else if (!read_path(e, req, &at)) {
        exchange_plivo_refuse(e, x, 404, "not found");
    } else if (form_decode(&at.query, req->query) < 0) {
        exchange_plivo_refuse(e, x, 400, "the query is no form");
    } else if (!reads && text.n > 0 && !str_starts(type, STR("application/json"))) {
        exchange_plivo_refuse(e, x, 415, "the body is not application/json");
    } else if (!reads && text.n > 0 && (json_parse(text, &body) < 0 || body.type != JSON_OBJECT)) {
        exchange_plivo_refuse(e, x, 400, "the body is no JSON object");
    } else {
        serve(e, x, &at, body);
    }
    form_done(&at.query);
}

static void refuse_all(struct exchange *e, struct http_exchange *x, int status)
{
    exchange_plivo_refuse(e, x, status,
                          status == 429   ? "Too many requests"
                          : status == 401 ? "wrong credentials"
                                          : "server error");
}

/* ---- callbacks ---- */

static void add_ending(struct phone_form *f, const struct line *l, const char *seconds, const char *code,
                       const char *ended)
{
    const struct ending end = ending_of(l);
    bool talked = l->answered_us != 0;
    phone_form_add(f, "AnswerTime", talked ? str_from(ended) : STR(""));
    phone_form_add(f, "BillDuration", str_from(seconds));
    phone_form_add(f, "Duration", str_from(seconds));
    phone_form_add(f, "EndTime", str_from(ended));
    phone_form_add(f, "HangupCause", str_from(end.cause));
    phone_form_add(f, "HangupCauseCode", str_from(code));
    phone_form_add(f, "HangupCauseName", str_from(end.name));
    phone_form_add(f, "HangupSource", str_from(end.source));
}

/* Ringing at one address, the end at another; the answer is what the answer URL is asked for. */
static void tell(struct line *l, const char *status, uint32_t sequence UNUSED)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = exchange_party(l);
    char seconds[16];
    char code[16];
    char ended[64];
    if (str_is(str_from(status), "ringing")) {
        phone_plivo.call_form(&form, &who, "ringing");
        for (size_t i = 0; i < form.n; i++) {
            form.fields[i].value = str_is(form.fields[i].name, "Event") ? STR("Ring") : form.fields[i].value;
        }
        if (l->ring_url[0]) {
            exchange_post(l, str_from(l->ring_url), &form);
        }
        return;
    }
    if (l->state != LINE_OVER) {
        return;
    }
    const struct ending end = ending_of(l);
    ignore_result(snprintf(seconds, sizeof(seconds), "%u", l->view.duration_s) < 0);
    ignore_result(snprintf(code, sizeof(code), "%lld", (long long)end.code) < 0);
    put_time(ended, (uint64_t)clock_wall_us(), "");
    phone_plivo.call_form(&form, &who, "completed"); /* the words of an end */
    for (size_t i = 0; i < form.n; i++) {
        form.fields[i].value = str_is(form.fields[i].name, "CallStatus") ? str_from(end.word) : form.fields[i].value;
    }
    add_ending(&form, l, seconds, code, ended);
    exchange_post(l, str_from(l->status_url), &form);
}

static void tell_machine(struct line *l, const char *word)
{
    struct phone_form form = {.n = 0};
    struct str request = str_from(l->view.request_id);
    phone_form_add(&form, "ALegRequestUUID", request);
    phone_form_add(&form, "ALegUUID", str_from(l->view.sid));
    phone_form_add(&form, "CallStatus", STR("in-progress"));
    phone_form_add(&form, "CallUUID", str_from(l->view.sid));
    phone_form_add(&form, "Direction", STR("outbound"));
    phone_form_add(&form, "Event", STR("MachineDetection"));
    phone_form_add(&form, "From", bare(str_from(l->view.from)));
    phone_form_add(&form, "IfMachine", l->amd_hangs_up ? STR("hangup") : STR("continue"));
    phone_form_add(&form, "Machine", str_starts(str_from(word), STR("machine")) ? STR("true") : STR("false"));
    phone_form_add(&form, "RequestUUID", request);
    phone_form_add(&form, "To", bare(str_from(l->view.to)));
    exchange_post(l, str_from(l->amd_url), &form);
}

const struct exchange_vendor exchange_plivo = {
    .phone = &phone_plivo,
    .on_request = on_request,
    .answer_dial = answer_dial,
    .tell = tell,
    .tell_machine = tell_machine,
    .refuse = refuse_all,
    .incoming = exchange_plivo_incoming,
    .ring_s = 120,
    .names_requests = true,
};
