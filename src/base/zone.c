#include "base/zone.h"

#include <errno.h>
#include <time.h>

#include "base/err.h"

#define MAX_ENTRIES 4096
#define MAX_TYPES   256
#define HEADER_N    44
#define MAX_OFFSET  (26 * 3600)    /* RFC 8536: well within 25 hours and a bit */
#define LAST_SECOND 253402300799LL /* the end of the year 9999 */
#define DAY_S       86400

/* When summer time begins or ends in every year. */
struct rule {
    enum { RULE_MONTH, RULE_DAY_NO_LEAP, RULE_DAY } kind;
    int32_t month, week, weekday; /* RULE_MONTH: week 5 is the last */
    int32_t day;
    int32_t second; /* local time, from midnight */
};

struct zone {
    uint32_t n;
    const int64_t *at;    /* from when on ... */
    const uint8_t *which; /* ... which offset */
    const int32_t *offset;
    int32_t first_offset; /* before the first entry */
    bool ruled;           /* behind the last entry */
    bool summer;          /* the rule knows one */
    int32_t standard_s, summer_s;
    struct rule begin, end;
};

/* ---- fixed offsets ---- */

static bool two_digits(struct str s, size_t at, int32_t *ret)
{
    if (at + 2 > s.n || s.p[at] < '0' || s.p[at] > '9' || s.p[at + 1] < '0' || s.p[at + 1] > '9') {
        return false;
    }
    *ret = (s.p[at] - '0') * 10 + s.p[at + 1] - '0';
    return true;
}

static bool offset_parse(struct str s, int32_t *ret)
{
    int32_t hours = 0, minutes = 0;
    if (str_is(s, "UTC") || str_is(s, "GMT") || str_is(s, "Z")) {
        *ret = 0;
        return true;
    }
    if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-') || !two_digits(s, 1, &hours)) {
        return false;
    }
    if (s.n > 3) {
        size_t at = s.p[3] == ':' ? 4 : 3;
        if (at + 2 != s.n || !two_digits(s, at, &minutes)) {
            return false;
        }
    }
    *ret = (hours * 3600 + minutes * 60) * (s.p[0] == '-' ? -1 : 1);
    return hours <= 14 && minutes < 60;
}

int zone_fixed(struct str text, struct arena *a, struct zone **ret)
{
    int32_t offset = 0;
    if (!offset_parse(text, &offset)) {
        return -ERR_SYNTAX;
    }
    struct zone *z = ARENA_NEW(a, struct zone);
    if (!z) {
        return -ENOMEM;
    }
    z->first_offset = offset;
    *ret = z;
    return 0;
}

/* ---- TZif ---- */

static int64_t be(const uint8_t *p, size_t n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0; /* two's complement of any width */
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return (int64_t)v;
}

struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t count_at(struct span s, size_t i)
{
    return (uint32_t)be(s.p + 20 + 4 * i, 4);
}

static int read_header(struct span s, struct counts *c, uint8_t *version)
{
    if (s.n < HEADER_N || memcmp(s.p, "TZif", 4) != 0) {
        return -ERR_SYNTAX;
    }
    *version = s.p[4];
    *c =
        (struct counts){count_at(s, 0), count_at(s, 1), count_at(s, 2), count_at(s, 3), count_at(s, 4), count_at(s, 5)};
    bool sane = c->isut <= MAX_TYPES && c->isstd <= MAX_TYPES && c->leap <= MAX_ENTRIES && c->time <= MAX_ENTRIES &&
                c->type >= 1 && c->type <= MAX_TYPES && c->chars <= MAX_ENTRIES;
    return sane ? 0 : -ERR_SYNTAX;
}

static size_t body_size(const struct counts *c, size_t width)
{
    return c->time * (width + 1) + c->type * 6u + c->chars + c->leap * (width + 4) + c->isstd + c->isut;
}

static int read_body(struct span s, const struct counts *c, size_t width, struct arena *a, struct zone *z)
{
    int64_t *at = arena_alloc(a, sizeof(*at) * MAX(c->time, 1u));
    uint8_t *which = arena_alloc(a, MAX(c->time, 1u));
    int32_t *offset = arena_alloc(a, sizeof(*offset) * c->type);
    if (!at || !which || !offset) {
        return -ENOMEM;
    }
    const uint8_t *types = s.p + c->time * (width + 1);
    bool first_found = false;
    for (uint32_t i = 0; i < c->type; i++) {
        int64_t v = be(types + 6u * i, 4);
        if (v > MAX_OFFSET || v < -MAX_OFFSET) {
            return -ERR_SYNTAX;
        }
        offset[i] = (int32_t)v;
        if (!first_found && types[6u * i + 4] == 0) { /* before all entries: the first standard time */
            first_found = true;
            z->first_offset = offset[i];
        }
    }
    z->first_offset = first_found ? z->first_offset : offset[0];
    for (uint32_t i = 0; i < c->time; i++) {
        at[i] = be(s.p + width * i, width);
        which[i] = s.p[c->time * width + i];
        if (which[i] >= c->type || (i > 0 && at[i] <= at[i - 1])) {
            return -ERR_SYNTAX;
        }
    }
    z->n = c->time;
    z->at = at;
    z->which = which;
    z->offset = offset;
    return 0;
}

/* ---- the rule at the end, a POSIX TZ text ---- */

static bool take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c) {
        return false;
    }
    *s = (struct str){s->p + 1, s->n - 1};
    return true;
}

static bool take_number(struct str *s, int32_t max, int32_t *ret)
{
    size_t n = 0;
    *ret = 0;
    while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9') {
        *ret = *ret * 10 + s->p[n++] - '0';
    }
    *s = (struct str){s->p + n, s->n - n};
    return n > 0 && *ret <= max;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_name(struct str *s)
{
    size_t n = 0;
    if (s->n && s->p[0] == '<') {
        n = str_find(*s, '>') + 1;
        if (n > s->n) {
            return false;
        }
    } else {
        while (n < s->n && is_letter(s->p[n])) {
            n++;
        }
    }
    *s = (struct str){s->p + n, s->n - n};
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_clock(struct str *s, int32_t max_hours, int32_t *ret)
{
    bool minus = take(s, '-');
    int32_t hours = 0, minutes = 0, seconds = 0;
    if (!minus) {
        (void)take(s, '+');
    }
    if (!take_number(s, max_hours, &hours)) {
        return false;
    }
    if (take(s, ':') && !take_number(s, 59, &minutes)) {
        return false;
    }
    if (take(s, ':') && !take_number(s, 59, &seconds)) {
        return false;
    }
    *ret = (hours * 3600 + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool take_rule(struct str *s, struct rule *r)
{
    r->second = 2 * 3600;
    if (!take(s, ',')) {
        return false;
    }
    if (take(s, 'M')) {
        r->kind = RULE_MONTH;
        if (!take_number(s, 12, &r->month) || r->month < 1 || !take(s, '.') || !take_number(s, 5, &r->week) ||
            r->week < 1 || !take(s, '.') || !take_number(s, 6, &r->weekday)) {
            return false;
        }
    } else if (take(s, 'J')) {
        r->kind = RULE_DAY_NO_LEAP;
        if (!take_number(s, 365, &r->day) || r->day < 1) {
            return false;
        }
    } else {
        r->kind = RULE_DAY;
        if (!take_number(s, 365, &r->day)) {
            return false;
        }
    }
    return !take(s, '/') || take_clock(s, 167, &r->second);
}

static int read_footer(struct str s, struct zone *z)
{
    if (s.n < 2 || s.p[0] != '\n') {
        return -ERR_SYNTAX;
    }
    s = (struct str){s.p + 1, s.n - 1};
    s.n = str_find(s, '\n');
    if (s.n == 0) {
        return 0; /* no rule: the last entry goes on */
    }
    if (!take_name(&s) || !take_clock(&s, 24, &z->standard_s)) {
        return -ERR_SYNTAX;
    }
    z->standard_s = -z->standard_s; /* POSIX counts westwards */
    z->ruled = true;
    if (s.n == 0) {
        return 0;
    }
    z->summer = true;
    z->summer_s = z->standard_s + 3600;
    if (!take_name(&s)) {
        return -ERR_SYNTAX;
    }
    if (s.n && s.p[0] != ',') {
        if (!take_clock(&s, 24, &z->summer_s)) {
            return -ERR_SYNTAX;
        }
        z->summer_s = -z->summer_s;
    }
    return take_rule(&s, &z->begin) && take_rule(&s, &z->end) && s.n == 0 ? 0 : -ERR_SYNTAX;
}

int zone_parse(struct span s, struct arena *a, struct zone **ret)
{
    struct counts c;
    uint8_t version = 0;
    size_t width = 4;
    int err = read_header(s, &c, &version);
    if (err < 0) {
        return err;
    }
    if (version >= '2') { /* the first block is for old readers: the true one follows */
        size_t skip = HEADER_N + body_size(&c, 4);
        if (skip > s.n) {
            return -ERR_SYNTAX;
        }
        s = (struct span){s.p + skip, s.n - skip};
        width = 8;
        err = read_header(s, &c, &version);
        if (err < 0) {
            return err;
        }
    }
    s = (struct span){s.p + HEADER_N, s.n - HEADER_N};
    size_t body = body_size(&c, width);
    struct zone *z = body > s.n ? NULL : ARENA_NEW(a, struct zone);
    if (!z) {
        return body > s.n ? -ERR_SYNTAX : -ENOMEM;
    }
    err = read_body(s, &c, width, a, z);
    if (err >= 0 && width == 8) {
        err = read_footer((struct str){(const char *)s.p + body, s.n - body}, z);
    }
    if (err >= 0) {
        *ret = z;
    }
    return err;
}

/* ---- the clock ---- */

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds since 1970 of a day's midnight, as if in Greenwich. */
static int64_t midnight(int32_t year, int32_t month, int32_t day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&tm);
}

static int64_t rule_day(const struct rule *r, int32_t year)
{
    if (r->kind == RULE_DAY_NO_LEAP) { /* the 29th of February is never counted */
        return midnight(year, 1, 1) + (int64_t)(r->day - 1 + (is_leap(year) && r->day >= 60)) * DAY_S;
    }
    if (r->kind == RULE_DAY) {
        return midnight(year, 1, 1) + (int64_t)r->day * DAY_S;
    }
    int64_t first = midnight(year, r->month, 1);
    int64_t next = r->month == 12 ? midnight(year + 1, 1, 1) : midnight(year, r->month + 1, 1);
    int64_t weekday = ((first / DAY_S + 4) % 7 + 7) % 7; /* 1970 began on a Thursday */
    int64_t day = first + ((r->weekday - weekday + 7) % 7 + 7 * (r->week - 1)) * DAY_S;
    return day >= next ? day - 7 * DAY_S : day; /* the fifth is the last one */
}

static int32_t year_of(int64_t unix_s)
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    return gmtime_r(&t, &tm) ? tm.tm_year + 1900 : 1970;
}

static int32_t ruled_offset(const struct zone *z, int64_t unix_s)
{
    if (!z->summer) {
        return z->standard_s;
    }
    int32_t year = year_of(unix_s + z->standard_s);
    int64_t begin = rule_day(&z->begin, year) + z->begin.second - z->standard_s;
    int64_t end = rule_day(&z->end, year) + z->end.second - z->summer_s;
    bool summer = begin < end ? unix_s >= begin && unix_s < end : unix_s >= begin || unix_s < end; /* the south */
    return summer ? z->summer_s : z->standard_s;
}

static int32_t offset_at(const struct zone *z, int64_t unix_s)
{
    if (!z) {
        return 0;
    }
    if (z->n == 0 || unix_s < z->at[0]) {
        return z->n == 0 && z->ruled ? ruled_offset(z, unix_s) : z->first_offset;
    }
    if (unix_s >= z->at[z->n - 1] && z->ruled) {
        return ruled_offset(z, unix_s);
    }
    uint32_t low = 0, high = z->n; /* the last entry not after unix_s lies from low to high - 1 */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (z->at[middle] <= unix_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return z->offset[z->which[low]];
}

void zone_at(const struct zone *z, int64_t unix_s, struct zone_time *ret)
{
    unix_s = MIN(MAX(unix_s, 0), LAST_SECOND - MAX_OFFSET);
    int32_t offset = offset_at(z, unix_s);
    time_t t = (time_t)MAX(unix_s + offset, 0);
    struct tm tm = {0};
    ignore_result(gmtime_r(&t, &tm) != NULL); /* within the years of a struct tm */
    *ret = (struct zone_time){
        .year = tm.tm_year + 1900,
        .month = (uint8_t)(tm.tm_mon + 1),
        .day = (uint8_t)tm.tm_mday,
        .weekday = (uint8_t)tm.tm_wday,
        .hour = (uint8_t)tm.tm_hour,
        .minute = (uint8_t)tm.tm_min,
        .second = (uint8_t)tm.tm_sec,
        .offset_s = offset,
    };
}
