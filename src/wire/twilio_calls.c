#include "wire/twilio_calls.h"

#include "base/err.h"
#include "base/json.h"
#include "wire/reader.h"

#define TEXT_MAX 256 /* of one member; longer ones are not of any use to us */

/* ---- dates ---- */

/* n digits from *at on. */
static bool take_number(struct str *at, size_t n, int64_t *ret)
{
    int64_t v = 0;
    if (at->n < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (at->p[i] < '0' || at->p[i] > '9') {
            return false;
        }
        v = v * 10 + (at->p[i] - '0');
    }
    *at = (struct str){at->p + n, at->n - n};
    *ret = v;
    return true;
}

static bool take(struct str *at, const char *text)
{
    struct str s = str_from(text);
    if (!str_starts(*at, s)) {
        return false;
    }
    *at = (struct str){at->p + s.n, at->n - s.n};
    return true;
}

static bool take_month(struct str *at, int64_t *ret)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (take(at, names[i])) {
            *ret = (int64_t)i + 1;
            return true;
        }
    }
    return false;
}

static bool take_zone(struct str *at, int64_t *ret_s)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    bool west = str_starts(*at, STR("-"));
    if (take(at, "GMT") || take(at, "UTC")) {
        *ret_s = 0;
        return true;
    }
    if (!(take(at, "+") || take(at, "-")) || !take_number(at, 2, &hours) || !take_number(at, 2, &minutes)) {
        return false;
    }
    *ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

int twilio_date_parse(struct str text, int64_t *ret)
{
    int64_t day = 0;
    int64_t month = 0;
    int64_t year = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t zone_s = 0;
    struct str at = text;
    if (at.n >= 5 && at.p[3] == ',') {
        at = (struct str){at.p + 5, at.n - 5}; /* the day of the week says nothing new */
    }
    bool ok = take_number(&at, 2, &day) && take(&at, " ") && take_month(&at, &month) && take(&at, " ") &&
              take_number(&at, 4, &year) && take(&at, " ") && take_number(&at, 2, &hour) && take(&at, ":") &&
              take_number(&at, 2, &minute) && take(&at, ":") && take_number(&at, 2, &second) && take(&at, " ") &&
              take_zone(&at, &zone_s) && at.n == 0;
    if (!ok) {
        return -ERR_SYNTAX;
    }
    if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || year < 1970) {
        return -ERR_RANGE;
    }
    *ret = reader_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s;
    return 0;
}

/* ---- calls ---- */

static struct str text_of(struct json_val call, const char *key, struct buf *scratch)
{
    struct json_val v = json_get(call, key);
    struct str s = STR("");
    return v.type == JSON_STRING && v.s.n <= TEXT_MAX && json_to_str(v, scratch, &s) >= 0 ? s : STR("");
}

static int read_call(struct json_val v, struct buf *scratch, struct twilio_call *ret)
{
    struct twilio_call c = {
        .sid = text_of(v, "sid", scratch),
        .to = text_of(v, "to", scratch),
        .from = text_of(v, "from", scratch),
        .status = text_of(v, "status", scratch),
        .direction = text_of(v, "direction", scratch),
        .answered_by = text_of(v, "answered_by", scratch),
        .duration_s = -1,
    };
    if (c.sid.n == 0) {
        return -ERR_MISSING;
    }
    struct json_val duration = json_get(v, "duration"); /* a string by the vendor; a number would do */
    if (duration.type == JSON_STRING) {
        ignore_result(str_to_i64(duration.s, &c.duration_s)); /* else unknown */
    } else {
        ignore_result(json_to_i64(duration, &c.duration_s)); /* likewise */
    }
    c.duration_s = MAX(c.duration_s, -1);
    ignore_result(twilio_date_parse(text_of(v, "date_created", scratch), &c.created_s)); /* null while it is queued */
    *ret = c;
    return scratch->err;
}

/* Room for all that can be unescaped, so that texts lent by scratch do not move under those that follow. */
static int stay_put(struct buf *scratch, struct str text)
{
    return buf_room(scratch, text.n) ? 0 : scratch->err;
}

int twilio_call_parse(struct str text, struct buf *scratch, struct twilio_call *ret)
{
    struct json_val doc;
    int err = json_parse(text, &doc);
    if (err >= 0) {
        err = stay_put(scratch, text);
    }
    if (err < 0) {
        return err;
    }
    return doc.type == JSON_OBJECT ? read_call(doc, scratch, ret) : -ERR_SYNTAX;
}

int twilio_calls_parse(struct str text, struct buf *scratch, struct twilio_calls *ret)
{
    struct json_val doc;
    struct json_val v;
    int err = json_parse(text, &doc);
    ret->n = 0;
    ret->more = false;
    if (err >= 0) {
        err = stay_put(scratch, text);
    }
    if (err < 0) {
        return err;
    }
    struct json_val list = json_get(doc, "calls");
    if (list.type == JSON_NONE && doc.type == JSON_OBJECT) {
        err = read_call(doc, scratch, &ret->list[0]);
        ret->n = err >= 0;
        return err;
    }
    ret->more = json_get(doc, "next_page_uri").type == JSON_STRING;
    struct json_it it = json_array(list);
    while (json_elem(&it, &v)) {
        if (ret->n == TWILIO_CALLS_MAX) {
            ret->more = true;
            break;
        }
        err = v.type == JSON_OBJECT ? read_call(v, scratch, &ret->list[ret->n]) : -ERR_TYPE;
        ret->n += err >= 0;
        if (err == -ENOMEM) {
            return err;
        }
    }
    return it.err;
}
