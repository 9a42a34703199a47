#include "dialer/campaign_settings.h"

#include <stdio.h>

#include "base/e164.h"
#include "base/err.h"
#include "base/json_doc.h"

#define DAY_MIN  1440
#define MINUTE_S 60
#define ALL_DAYS 0x7Fu

static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
static const char *const amd_words[] = {
    [CARRIER_AMD_OFF] = "off", [CARRIER_AMD_DETECT] = "detect", [CARRIER_AMD_MESSAGE_END] = "message_end"};

/* ------------------------------------------------------------------------------------------------ reading */

/* The first mistake wins. */
struct reader {
    struct arena *a;
    struct buf *err;
    int result;
};

static void wrong(struct reader *r, const char *member, const char *want)
{
    if (r->result >= 0) {
        buf_printf(r->err, "%s must be %s", member, want);
        r->result = -ERR_CONFIG;
    }
}

static void read_text(struct reader *r, const struct json_doc *v, const char *member, size_t max, struct str *ret)
{
    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_STRING || v->text.n > max || memchr(v->text.p, 0, v->text.n)) {
        char want[64];
        ignore_result(snprintf(want, sizeof(want), "a text of at most %zu bytes", max) < 0); /* it fits */
        wrong(r, member, want);
        return;
    }
    *ret = arena_str(r->a, v->text);
    r->result = ret->p ? r->result : -ENOMEM;
}

static void read_count(struct reader *r, const struct json_doc *v, const char *member, uint32_t min, uint32_t max,
                       uint32_t *ret)
{
    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_NUMBER || !v->whole || v->number < min || v->number > max) {
        char want[64];
        ignore_result(snprintf(want, sizeof(want), "a whole number from %u to %u", min, max) < 0); /* it fits */
        wrong(r, member, want);
        return;
    }
    *ret = (uint32_t)v->number;
}

static const struct json_doc *member_of(const struct json_doc *doc, const char *name)
{
    return json_doc_get(doc, str_from(name));
}

/* "09:00", "24:00". */
static int read_clock(struct str s, uint16_t *ret)
{
    int64_t hour = 0, minute = 0;

    if (s.n != 5 || s.p[2] != ':' || str_to_i64((struct str){s.p, 2}, &hour) < 0 ||
        str_to_i64((struct str){s.p + 3, 2}, &minute) < 0 || hour < 0 || hour > 24 || minute < 0 || minute > 59 ||
        hour * 60 + minute > DAY_MIN) {
        return -ERR_SYNTAX;
    }
    *ret = (uint16_t)(hour * 60 + minute);
    return 0;
}

static int read_day(struct str s, uint8_t *days)
{
    for (uint32_t i = 0; i < ARRAY_LEN(day_words); i++) {
        if (str_ieq(s, str_from(day_words[i]))) {
            *days |= (uint8_t)(1u << i);
            return 0;
        }
    }
    return -EINVAL;
}

static void read_days(struct reader *r, const struct json_doc *days, struct campaign_window *w)
{
    static const char want[] = "a list of sun, mon, tue, wed, thu, fri, sat";

    if (!days || days->type == JSON_NULL) {
        return;
    }
    w->days = 0;
    for (uint32_t i = 0; days->type == JSON_ARRAY && i < days->count; i++) {
        const struct json_doc *day = json_doc_at(days, i);
        if (day->type != JSON_STRING || read_day(day->text, &w->days) < 0) {
            wrong(r, "window.days", want);
        }
    }
    if (w->days == 0) {
        wrong(r, "window.days", want);
    }
}

static void read_window(struct reader *r, const struct json_doc *v, struct campaign_window *w)
{
    const struct json_doc *start = json_doc_get(v, STR("start"));
    const struct json_doc *end = json_doc_get(v, STR("end"));

    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_OBJECT) {
        wrong(r, "window", "an object with start, end and days");
        return;
    }
    if (start && (start->type != JSON_STRING || read_clock(start->text, &w->start_min) < 0)) {
        wrong(r, "window.start", "a time of the day such as 09:00");
    }
    if (end && (end->type != JSON_STRING || read_clock(end->text, &w->end_min) < 0)) {
        wrong(r, "window.end", "a time of the day such as 17:00");
    }
    read_days(r, json_doc_get(v, STR("days")), w);
}

static void read_time(struct reader *r, const struct json_doc *v, const char *member, uint64_t *ret)
{
    if (v && v->type != JSON_NULL && (v->type != JSON_STRING || campaign_time_read(v->text, ret) < 0)) {
        wrong(r, member, "a time such as 2026-11-21T13:00:00Z");
    }
}

static void read_caller_ids(struct reader *r, const struct json_doc *v, struct campaign_settings *s)
{
    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_ARRAY || v->count > CAMPAIGN_CALLER_IDS_MAX) {
        wrong(r, "caller_ids", "a list of at most 50 numbers such as +15005550006");
        return;
    }
    struct str *list = arena_alloc(r->a, sizeof(*list) * MAX(v->count, 1u));
    for (uint32_t i = 0; list && i < v->count; i++) {
        const struct json_doc *id = json_doc_at(v, i);
        if (id->type != JSON_STRING || !e164_is(id->text)) {
            wrong(r, "caller_ids", "a list of at most 50 numbers such as +15005550006");
            return;
        }
        list[i] = arena_str(r->a, id->text);
        r->result = list[i].p ? r->result : -ENOMEM;
    }
    r->result = list ? r->result : -ENOMEM;
    s->caller_ids = list;
    s->n_caller_ids = list ? v->count : 0;
}

static void read_retry(struct reader *r, const struct json_doc *v, struct campaign_settings *s)
{
    static const char want[] = "an object of outcomes and pauses in seconds, such as {\"busy\": 300}; known are "
                               "no_answer, busy, error, machine_detected, voicemail_dropped, consent_timeout";

    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_OBJECT) {
        wrong(r, "retry", want);
        return;
    }
    for (const struct json_doc *m = v->first; m; m = m->next) {
        enum attempt_outcome o = ATTEMPT_NONE;
        bool known = attempt_outcome_parse(m->key, &o) >= 0 &&
                     (o == ATTEMPT_NO_ANSWER || o == ATTEMPT_BUSY || o == ATTEMPT_ERROR ||
                      o == ATTEMPT_MACHINE_DETECTED || o == ATTEMPT_VOICEMAIL_DROPPED || o == ATTEMPT_CONSENT_TIMEOUT);
        if (!known) { /* above all not unknown: that one may have been called */
            wrong(r, "retry", want);
            return;
        }
        read_count(r, m, "each pause in retry", 0, 604800, &s->retry_s[o]);
    }
}

static void read_machine(struct reader *r, const struct json_doc *doc, struct campaign_settings *s)
{
    const struct json_doc *amd = json_doc_get(doc, STR("amd"));
    const struct json_doc *machine = json_doc_get(doc, STR("machine"));

    if (amd && amd->type != JSON_NULL) {
        bool known = false;
        for (uint32_t i = 0; amd->type == JSON_STRING && i < ARRAY_LEN(amd_words); i++) {
            if (str_is(amd->text, amd_words[i])) {
                s->amd = (enum carrier_amd)i;
                known = true;
            }
        }
        if (!known) {
            wrong(r, "amd", "off, detect or message_end");
        }
    }
    if (machine && machine->type != JSON_NULL &&
        (machine->type != JSON_STRING || dialer_machine_parse(machine->text, &s->machine) < 0)) {
        wrong(r, "machine", "talk, hangup or voicemail");
    }
    read_text(r, json_doc_get(doc, STR("voicemail")), "voicemail", CAMPAIGN_TEXT_MAX, &s->voicemail);
    read_text(r, json_doc_get(doc, STR("voicemail_sound")), "voicemail_sound", CAMPAIGN_TEXT_MAX, &s->voicemail_sound);
}

/* A misspelt member would be a limit that nobody keeps. */
static void refuse_unknown(struct reader *r, const struct json_doc *doc)
{
    static const char *const known[] = {"name",    "timezone",       "window",           "run_start",
                                        "run_end", "max_concurrent", "calls_per_second", "agent",
                                        "carrier", "caller_ids",     "opening_reason",   "objective",
                                        "context", "ring_s",         "max_call_s",       "amd",
                                        "machine", "voicemail",      "max_attempts",     "retry",
                                        "breaker", "consent",        "voicemail_sound"};

    for (const struct json_doc *m = doc->first; m && r->result >= 0; m = m->next) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            found = found || str_is(m->key, known[i]);
        }
        if (!found) {
            buf_printf(r->err, "there is no setting \"%.40s\"", m->key.p);
            r->result = -ERR_CONFIG;
        }
    }
}

static void read_breaker(struct reader *r, const struct json_doc *v, struct campaign_settings *s)
{
    if (!v || v->type == JSON_NULL) {
        return;
    }
    if (v->type != JSON_OBJECT) {
        wrong(r, "breaker", "an object with percent, calls and seconds");
        return;
    }
    read_count(r, json_doc_get(v, STR("percent")), "breaker.percent", 0, 100, &s->breaker_percent);
    read_count(r, json_doc_get(v, STR("calls")), "breaker.calls", 1, 1000, &s->breaker_calls);
    read_count(r, json_doc_get(v, STR("seconds")), "breaker.seconds", 1, 86400, &s->breaker_s);
}

static void read_pace(struct reader *r, const struct json_doc *doc, struct campaign_settings *s)
{
    const struct json_doc *v = json_doc_get(doc, STR("calls_per_second"));

    if (v && v->type != JSON_NULL) {
        if (v->type != JSON_NUMBER || !(v->number > 0.0001) || v->number > 100) {
            wrong(r, "calls_per_second", "a number above 0, at most 100");
            return;
        }
        s->calls_per_second = v->number;
    }
    read_count(r, json_doc_get(doc, STR("max_concurrent")), "max_concurrent", 1, 10000, &s->max_concurrent);
    read_count(r, json_doc_get(doc, STR("max_attempts")), "max_attempts", 1, 20, &s->max_attempts);
    read_count(r, json_doc_get(doc, STR("ring_s")), "ring_s", 5, 600, &s->ring_s);
    read_count(r, json_doc_get(doc, STR("max_call_s")), "max_call_s", 0, 86400, &s->max_call_s);
}

static void read_all(struct reader *r, const struct json_doc *doc, struct campaign_settings *s)
{
    const struct {
        const char *name;
        struct str *to;
        size_t max;
    } texts[] = {{"name", &s->name, CAMPAIGN_NAME_MAX},
                 {"timezone", &s->timezone, 64},
                 {"agent", &s->agent, 64},
                 {"carrier", &s->carrier, 64},
                 {"opening_reason", &s->opening_reason, CAMPAIGN_TEXT_MAX},
                 {"objective", &s->objective, CAMPAIGN_TEXT_MAX},
                 {"context", &s->context, CAMPAIGN_TEXT_MAX}};

    refuse_unknown(r, doc);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        read_text(r, member_of(doc, texts[i].name), texts[i].name, texts[i].max, texts[i].to);
    }
    read_window(r, member_of(doc, "window"), &s->window);
    read_time(r, member_of(doc, "run_start"), "run_start", &s->run_start_us);
    read_time(r, member_of(doc, "run_end"), "run_end", &s->run_end_us);
    read_pace(r, doc, s);
    read_caller_ids(r, member_of(doc, "caller_ids"), s);
    read_machine(r, doc, s);
    read_retry(r, member_of(doc, "retry"), s);
    read_breaker(r, member_of(doc, "breaker"), s);
    if (r->result >= 0) {
        r->result = question_read(member_of(doc, "consent"), r->a, r->err, &s->consent);
    }
    if (r->result >= 0 && s->name.n == 0) {
        wrong(r, "name", "given");
    }
    if (r->result >= 0 && s->run_end_us && s->run_end_us <= s->run_start_us) {
        wrong(r, "run_end", "later than run_start");
    }
    if (r->result >= 0 && s->machine == DIALER_MACHINE_VOICEMAIL &&
        (s->voicemail.n + s->voicemail_sound.n == 0 || s->amd == CARRIER_AMD_OFF)) {
        wrong(r, "machine voicemail",
              "accompanied by voicemail, the text, or voicemail_sound, and by amd message_end or detect");
    }
}

int campaign_settings_read(struct str json, struct str default_zone, struct arena *a, struct buf *err,
                           struct campaign_settings *ret)
{
    const struct json_doc *doc = NULL;
    struct reader r = {.a = a, .err = err};
    struct campaign_settings s = {
        .timezone = arena_str(a, default_zone),
        .window = {.start_min = 9 * 60, .end_min = 17 * 60, .days = ALL_DAYS},
        .max_concurrent = 1,
        .calls_per_second = 0.2,
        .machine = DIALER_MACHINE_HANGUP,
        .max_attempts = 3,
        .retry_s = {[ATTEMPT_NO_ANSWER] = 1800, [ATTEMPT_BUSY] = 300, [ATTEMPT_ERROR] = 3600},
        .ring_s = 30,
        .breaker_percent = 50,
        .breaker_calls = 5,
        .breaker_s = 120,
    };

    if (json.n > CAMPAIGN_SETTINGS_MAX || json_doc_parse(json, &doc) < 0 || doc->type != JSON_OBJECT) {
        json_doc_free(doc);
        buf_puts(err, "the body must be one JSON object of at most 65536 bytes");
        return -ERR_CONFIG;
    }
    read_all(&r, doc, &s);
    json_doc_free(doc);
    if (r.result >= 0) {
        *ret = s;
    }
    return r.result;
}

/* ------------------------------------------------------------------------------------------------ writing */

static void put_clock(struct json_w *w, const char *key, uint16_t minutes)
{
    char text[16];

    ignore_result(snprintf(text, sizeof(text), "%02u:%02u", minutes / 60u, minutes % 60u) < 0); /* it fits */
    json_w_kz(w, key, text);
}

static void put_time(struct json_w *w, const char *key, uint64_t us)
{
    struct zone_time t;
    char text[40];

    if (us == 0) {
        return;
    }
    zone_at(NULL, (int64_t)(us / 1000000), &t);
    ignore_result(snprintf(text, sizeof(text), "%04d-%02u-%02uT%02u:%02u:%02uZ", t.year, t.month, t.day, t.hour,
                           t.minute, t.second) < 0); /* it fits */
    json_w_kz(w, key, text);
}

static void put_window(struct json_w *w, const struct campaign_window *win)
{
    json_w_key(w, "window");
    json_w_open(w);
    put_clock(w, "start", win->start_min);
    put_clock(w, "end", win->end_min);
    json_w_key(w, "days");
    json_w_array(w);
    for (uint32_t i = 0; i < ARRAY_LEN(day_words); i++) {
        if (win->days & 1u << i) {
            json_w_str(w, str_from(day_words[i]));
        }
    }
    json_w_end(w);
    json_w_close(w);
}

static void put_rules(struct json_w *w, const struct campaign_settings *s)
{
    json_w_ki64(w, "max_attempts", s->max_attempts);
    json_w_key(w, "retry");
    json_w_open(w);
    for (uint32_t i = 0; i < ATTEMPT_OUTCOME_N; i++) {
        if (s->retry_s[i]) {
            json_w_ki64(w, attempt_outcome_word((enum attempt_outcome)i), s->retry_s[i]);
        }
    }
    /* A default that was taken back must not return when the object is read again. */
    static const enum attempt_outcome defaults[] = {ATTEMPT_NO_ANSWER, ATTEMPT_BUSY, ATTEMPT_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        if (s->retry_s[defaults[i]] == 0) {
            json_w_ki64(w, attempt_outcome_word(defaults[i]), 0);
        }
    }
    json_w_close(w);
    json_w_key(w, "breaker");
    json_w_open(w);
    json_w_ki64(w, "percent", s->breaker_percent);
    json_w_ki64(w, "calls", s->breaker_calls);
    json_w_ki64(w, "seconds", s->breaker_s);
    json_w_close(w);
}

void campaign_settings_write(const struct campaign_settings *s, struct buf *out)
{
    struct json_w w = json_w(out);

    json_w_open(&w);
    json_w_kstr(&w, "name", s->name);
    json_w_kstr(&w, "timezone", s->timezone);
    put_window(&w, &s->window);
    put_time(&w, "run_start", s->run_start_us);
    put_time(&w, "run_end", s->run_end_us);
    json_w_ki64(&w, "max_concurrent", s->max_concurrent);
    json_w_kf64(&w, "calls_per_second", s->calls_per_second);
    json_w_kstr(&w, "agent", s->agent);
    json_w_kstr(&w, "carrier", s->carrier);
    json_w_key(&w, "caller_ids");
    json_w_array(&w);
    for (uint32_t i = 0; i < s->n_caller_ids; i++) {
        json_w_str(&w, s->caller_ids[i]);
    }
    json_w_end(&w);
    json_w_kstr(&w, "opening_reason", s->opening_reason);
    json_w_kstr(&w, "objective", s->objective);
    json_w_kstr(&w, "context", s->context);
    json_w_ki64(&w, "ring_s", s->ring_s);
    json_w_ki64(&w, "max_call_s", s->max_call_s);
    json_w_kz(&w, "amd", amd_words[s->amd]);
    json_w_kz(&w, "machine", dialer_machine_word(s->machine));
    json_w_kstr(&w, "voicemail", s->voicemail);
    json_w_kstr(&w, "voicemail_sound", s->voicemail_sound);
    json_w_key(&w, "consent");
    question_write(&s->consent, &w);
    put_rules(&w, s);
    json_w_close(&w);
}

uint64_t campaign_interval_us(const struct campaign_settings *s)
{
    return (uint64_t)(1000000.0 / s->calls_per_second);
}

/* ------------------------------------------------------------------------------------------------ times */

/* Days since 1970 of a date in the Gregorian calendar. Source: Howard Hinnant, "chrono-compatible low-level date
 * algorithms", days_from_civil. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

/* Digits of s from at on, n of them. */
static int64_t digits(struct str s, size_t at, size_t n)
{
    int64_t v = -1;
    return at + n <= s.n && str_to_i64((struct str){s.p + at, n}, &v) >= 0 ? v : -1;
}

/* "Z", "+01:00", "-0330"; seconds east. */
static int read_offset(struct str s, int64_t *ret)
{
    bool colon = s.n == 6 && s.p[3] == ':';
    if (str_is(s, "Z") || str_is(s, "z")) {
        *ret = 0;
        return 0;
    }
    if ((s.n != 5 && !colon) || (s.p[0] != '+' && s.p[0] != '-')) {
        return -ERR_SYNTAX;
    }
    int64_t hours = digits(s, 1, 2), minutes = digits(s, colon ? 4 : 3, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) {
        return -ERR_SYNTAX;
    }
    *ret = (hours * 3600 + minutes * 60) * (s.p[0] == '-' ? -1 : 1);
    return 0;
}

int campaign_time_read(struct str text, uint64_t *ret_us)
{
    int64_t y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
    int64_t h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2), offset = 0;

    if (text.n < 20 || text.p[4] != '-' || text.p[7] != '-' || (text.p[10] != 'T' && text.p[10] != ' ') ||
        text.p[13] != ':' || text.p[16] != ':') {
        return -ERR_SYNTAX;
    }
    size_t at = 19;
    if (text.p[at] == '.') { /* a fraction is passed over */
        for (at++; at < text.n && text.p[at] >= '0' && text.p[at] <= '9'; at++) {
        }
    }
    bool ok = y >= 1970 && y < 10000 && mo >= 1 && mo <= 12 && d >= 1 && d <= 31 && h >= 0 && h < 24 && mi >= 0 &&
              mi < 60 && s >= 0 && s < 61 && read_offset((struct str){text.p + at, text.n - at}, &offset) >= 0;
    int64_t unix_s = ok ? days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset : -1;
    if (unix_s < 0) {
        return -ERR_SYNTAX;
    }
    *ret_us = (uint64_t)unix_s * 1000000;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ windows */

static bool is_open(const struct campaign_window *w, const struct zone_time *t)
{
    uint32_t now_min = t->hour * 60u + t->minute;
    uint32_t today = 1u << t->weekday;
    uint32_t yesterday = 1u << (t->weekday + 6) % 7;

    if (w->start_min == w->end_min) {
        return w->days & today;
    }
    if (w->start_min < w->end_min) {
        return (w->days & today) && now_min >= w->start_min && now_min < w->end_min;
    }
    /* Over midnight: the small hours belong to the day before. */
    return ((w->days & today) && now_min >= w->start_min) || ((w->days & yesterday) && now_min < w->end_min);
}

/* The second at which the clock on the wall shows start_min, days from the day of at_s on; near a change of the clocks
 * the nearest there is. */
static int64_t opening_s(const struct campaign_window *w, const struct zone *zone, int64_t at_s, uint32_t days)
{
    uint32_t start_min = w->start_min == w->end_min ? 0 : w->start_min;
    struct zone_time t;

    zone_at(zone, at_s, &t);
    int64_t midnight_local = at_s + t.offset_s - (t.hour * 3600 + t.minute * 60 + t.second) + (int64_t)days * 86400;
    int64_t guess = midnight_local + (int64_t)start_min * MINUTE_S - t.offset_s;
    zone_at(zone, guess, &t);
    return midnight_local + (int64_t)start_min * MINUTE_S - t.offset_s;
}

uint64_t campaign_window_next(const struct campaign_window *w, const struct zone *zone, uint64_t now_us)
{
    int64_t now_s = (int64_t)(now_us / 1000000);
    struct zone_time t;

    if (!zone) {
        return UINT64_MAX;
    }
    zone_at(zone, now_s, &t);
    if (is_open(w, &t)) {
        return now_us;
    }
    for (uint32_t day = 0; day <= 8; day++) {
        /* When the clocks skip the very minute, it opens an hour later; a few minutes of doubt cost nothing. */
        for (int64_t late_s = 0; late_s <= 3600; late_s += 1800) {
            int64_t at_s = opening_s(w, zone, now_s, day) + late_s;
            zone_at(zone, at_s, &t);
            if (at_s > now_s && is_open(w, &t)) {
                return (uint64_t)at_s * 1000000;
            }
        }
    }
    return UINT64_MAX;
}
