#include "wire/plivo_calls.h"

#include "base/err.h"
#include "base/json.h"
#include "wire/reader.h"

#define TEXT_MAX 256 /* of one member; longer ones are not of any use to us */

/* ---- dates ---- */

static bool take_number(struct str *at, size_t n, int64_t *ret)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= at->n || at->p[i] < '0' || at->p[i] > '9') {
            return false;
        }
        v = v * 10 + (at->p[i] - '0');
    }
    *at = (struct str){at->p + n, at->n - n};
    *ret = v;
    return true;
}

static bool take(struct str *at, char c)
{
    if (at->n == 0 || at->p[0] != c) {
        return false;
    }
    *at = (struct str){at->p + 1, at->n - 1};
    return true;
}

/* A fraction, which we have no use for. */
static void skip_fraction(struct str *at)
{
    int64_t digit;
    if (take(at, '.')) {
        while (take_number(at, 1, &digit)) {
        }
    }
}

static bool take_zone(struct str *at, int64_t *ret_s)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    bool west = at->n > 0 && at->p[0] == '-';
    *ret_s = 0;
    if (at->n == 0 || take(at, 'Z')) {
        return true;
    }
    bool ok = (take(at, '+') || take(at, '-')) && take_number(at, 2, &hours) && (take(at, ':') || true) &&
              take_number(at, 2, &minutes);
    *ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return ok;
}

int plivo_date_parse(struct str text, int64_t *ret)
{
    int64_t y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, zone_s = 0;
    struct str at = text;
    bool ok = take_number(&at, 4, &y) && take(&at, '-') && take_number(&at, 2, &mo) && take(&at, '-') &&
              take_number(&at, 2, &d) && (take(&at, ' ') || take(&at, 'T')) && take_number(&at, 2, &h) &&
              take(&at, ':') && take_number(&at, 2, &mi) && take(&at, ':') && take_number(&at, 2, &s);
    if (ok) {
        skip_fraction(&at);
        ok = take_zone(&at, &zone_s) && at.n == 0;
    }
    if (!ok) {
        return -ERR_SYNTAX;
    }
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60) {
        return -ERR_RANGE;
    }
    *ret = reader_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - zone_s;
    return 0;
}

/* ---- calls ---- */

static struct str text_of(struct json_val call, const char *key, struct buf *scratch)
{
    struct json_val v = json_get(call, key);
    struct str s = STR("");
    return v.type == JSON_STRING && v.s.n <= TEXT_MAX && json_to_str(v, scratch, &s) >= 0 ? s : STR("");
}

static struct str either(struct json_val v, const char *a, const char *b, struct buf *scratch)
{
    struct str s = text_of(v, a, scratch);
    return s.n > 0 ? s : text_of(v, b, scratch);
}

/* Numbers, some of them as strings. */
static int64_t number_of(struct json_val call, const char *key)
{
    struct json_val v = json_get(call, key);
    int64_t n = -1;
    int err = v.type == JSON_STRING ? str_to_i64(v.s, &n) : json_to_i64(v, &n);
    return err < 0 || n < 0 ? -1 : n;
}

static bool read_call(struct json_val v, struct buf *scratch, struct plivo_call *ret)
{
    *ret = (struct plivo_call){
        .uuid = text_of(v, "call_uuid", scratch),
        .to = either(v, "to_number", "to", scratch),
        .from = either(v, "from_number", "from", scratch),
        .direction = either(v, "call_direction", "direction", scratch),
        .status = text_of(v, "call_status", scratch),
        .cause = text_of(v, "hangup_cause_name", scratch),
        .request_uuid = text_of(v, "request_uuid", scratch),
        .cause_code = number_of(v, "hangup_cause_code"),
        .duration_s = number_of(v, "bill_duration"),
        .answered = text_of(v, "answer_time", scratch).n > 0,
        .ended = text_of(v, "end_time", scratch).n > 0,
    };
    struct str created = either(v, "initiation_time", "session_start", scratch);
    ignore_result(plivo_date_parse(created, &ret->created_s)); /* else unknown */
    return ret->uuid.n > 0;
}

static bool read_id(struct json_val v, struct buf *scratch, struct plivo_call *ret)
{
    *ret = (struct plivo_call){.cause_code = -1, .duration_s = -1};
    return v.type == JSON_STRING && v.s.n <= TEXT_MAX && json_to_str(v, scratch, &ret->uuid) >= 0 && ret->uuid.n > 0;
}

static void read_list(struct json_val list, bool ids, struct buf *scratch, struct plivo_calls *ret)
{
    struct json_it it = json_array(list);
    struct json_val v;
    while (json_elem(&it, &v)) {
        struct plivo_call one;
        if (!(ids ? read_id(v, scratch, &one) : v.type == JSON_OBJECT && read_call(v, scratch, &one))) {
            continue;
        }
        if (ret->n == PLIVO_CALLS_MAX) {
            ret->more = true;
            break;
        }
        ret->list[ret->n++] = one;
    }
}

int plivo_calls_parse(struct str text, struct buf *scratch, struct plivo_calls *ret)
{
    struct json_val doc;
    ret->n = 0;
    ret->more = false;
    int err = json_parse(text, &doc);
    if (err < 0 || doc.type != JSON_OBJECT) {
        return -ERR_SYNTAX;
    }
    if (!buf_room(scratch, text.n)) { /* at once: texts that it lends must not move */
        return scratch->err;
    }
    struct json_val objects = json_get(doc, "objects");
    struct json_val calls = json_get(doc, "calls");
    if (objects.type == JSON_ARRAY) {
        struct json_val meta = json_get(doc, "meta");
        read_list(objects, false, scratch, ret);
        ret->more = ret->more || (meta.type == JSON_OBJECT && json_get(meta, "next").type == JSON_STRING);
    } else if (calls.type == JSON_ARRAY) {
        read_list(calls, true, scratch, ret);
    } else if (read_call(doc, scratch, &ret->list[0])) {
        ret->n = 1;
    } else {
        return -ERR_MISSING;
    }
    return scratch->err;
}
