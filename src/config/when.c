#include "config/when.h"

#include "base/json.h"

/* ------------------------------------------------------------------------------------------------ patterns */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Linear but for the stars: only the last one is ever tried again. */
static bool matches(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, tried = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            tried = t;
        } else if (p < pattern.n && (pattern.p[p] == '?' || lower(pattern.p[p]) == lower(text.p[t]))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++tried;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') {
        p++;
    }
    return p == pattern.n;
}

/* How carriers say that a caller hides: words, or the letters of one on a keypad. */
static bool is_hidden(struct str number)
{
    static const char *const words[] = {"anonymous", "restricted", "unknown",     "unavailable",
                                        "private",   "blocked",    "+266696687",  "+7378742833",
                                        "+2562533",  "+8656696",   "+86282452253"};

    for (uint32_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_ieq(number, str_from(words[i]))) {
            return true;
        }
    }
    return number.n == 0;
}

static bool matches_any(const struct when *w, struct str text, bool number)
{
    for (uint32_t i = 0; i < w->n_patterns; i++) {
        if (matches(w->patterns[i], text) || (number && str_ieq(w->patterns[i], STR("anonymous")) && is_hidden(text))) {
            return true;
        }
    }
    return false;
}

/* A header may come more than once. */
static bool matches_pair(const struct when *w, const struct when_pair *pairs, uint32_t n, bool ignore_case)
{
    for (uint32_t i = 0; i < n; i++) {
        bool same = ignore_case ? str_ieq(pairs[i].name, w->name) : str_eq(pairs[i].name, w->name);

        if (same && matches_any(w, pairs[i].value, false)) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------ time */

static bool date_holds(const struct when *w, const struct zone_time *t)
{
    uint32_t short_date = t->month * 100u + t->day;
    uint32_t date = (uint32_t)t->year * 10000 + short_date;

    for (uint32_t i = 0; i < w->n_dates; i++) {
        const struct when_dates *d = &w->dates[i];
        uint32_t now = d->from < 10000 ? short_date : date;

        if (d->from <= d->to ? now >= d->from && now <= d->to : now >= d->from || now <= d->to) {
            return true; /* 12-24..01-06 goes over the turn of the year */
        }
    }
    return w->n_dates == 0;
}

static bool day_holds(const struct when *w, const struct zone_time *t)
{
    return (w->days == 0 || (w->days & 1u << t->weekday)) && date_holds(w, t);
}

/* What lies behind midnight belongs to the day on which it began: Friday from 22:00 to 06:00. */
static bool time_holds(const struct when *w, const struct when_facts *facts)
{
    const struct zone *zone = w->zone ? w->zone : facts->zone;
    int64_t now_s = facts->wall_us / 1000000;
    struct zone_time today, yesterday;
    uint32_t minute;

    zone_at(zone, now_s, &today);
    if (w->n_hours == 0) {
        return day_holds(w, &today);
    }
    zone_at(zone, now_s - today.hour * 3600 - today.minute * 60 - today.second - 3 * 3600, &yesterday);
    minute = today.hour * 60u + today.minute;
    for (uint32_t i = 0; i < w->n_hours; i++) {
        const struct when_hours *h = &w->hours[i];
        bool over_night = h->to <= h->from;

        if (day_holds(w, &today) && minute >= h->from && (over_night || minute < h->to)) {
            return true;
        }
        if (over_night && minute < h->to && day_holds(w, &yesterday)) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------ the tree */

static bool all_hold(const struct when *first, const struct when_facts *facts)
{
    for (const struct when *c = first; c; c = c->next) {
        if (!when_holds(c, facts)) {
            return false;
        }
    }
    return true;
}

static bool one_holds(const struct when *first, const struct when_facts *facts)
{
    for (const struct when *c = first; c; c = c->next) {
        if (when_holds(c, facts)) {
            return true;
        }
    }
    return false;
}

/* The reader has bounded the depth. */
bool when_holds(const struct when *w, const struct when_facts *f)
{
    if (!w) {
        return true;
    }
    switch (w->kind) {
    case WHEN_NEVER:
        return false;
    case WHEN_ALL:
        return all_hold(w->first, f);
    case WHEN_ANY:
        return one_holds(w->first, f);
    case WHEN_NOT:
        return !all_hold(w->first, f);
    case WHEN_CALLED:
        return matches_any(w, f->called, true);
    case WHEN_CALLER:
        return matches_any(w, f->caller, true);
    case WHEN_CARRIER:
        return matches_any(w, f->carrier, false);
    case WHEN_DIRECTION:
        return matches_any(w, f->direction, false);
    case WHEN_HEADER:
        return matches_pair(w, f->headers, f->n_headers, true);
    case WHEN_PARAMETER:
        return matches_pair(w, f->parameters, f->n_parameters, false);
    case WHEN_TIME:
        return time_holds(w, f);
    case WHEN_KIND_N:
        break;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------ in the course of a
 * call */

enum ever { EVER_NO, EVER_MAYBE, EVER_YES }; /* in the order of all (the least) and any (the greatest) */

static enum ever ever(const struct when *w, const struct when_facts *f);

static enum ever ever_all(const struct when *first, const struct when_facts *f)
{
    enum ever least = EVER_YES;

    for (const struct when *c = first; c; c = c->next) {
        least = MIN(least, ever(c, f));
    }
    return least;
}

static enum ever ever_any(const struct when *first, const struct when_facts *f)
{
    enum ever most = EVER_NO;

    for (const struct when *c = first; c; c = c->next) {
        most = MAX(most, ever(c, f));
    }
    return most;
}

/* Only the time goes on in a call. */
static enum ever ever(const struct when *w, const struct when_facts *f)
{
    switch (w->kind) {
    case WHEN_TIME:
        return EVER_MAYBE;
    case WHEN_ALL:
        return ever_all(w->first, f);
    case WHEN_ANY:
        return ever_any(w->first, f);
    case WHEN_NOT:
        return EVER_YES - ever_all(w->first, f);
    case WHEN_NEVER:
    case WHEN_CALLED:
    case WHEN_CALLER:
    case WHEN_CARRIER:
    case WHEN_DIRECTION:
    case WHEN_HEADER:
    case WHEN_PARAMETER:
    case WHEN_KIND_N:
        break;
    }
    return when_holds(w, f) ? EVER_YES : EVER_NO;
}

bool when_may_hold(const struct when *w, const struct when_facts *facts)
{
    return !w || ever(w, facts) != EVER_NO;
}

/* ------------------------------------------------------------------------------------------------ print */

static void put_patterns(const struct when *w, struct buf *out)
{
    buf_putc(out, '[');
    for (uint32_t i = 0; i < w->n_patterns; i++) {
        buf_puts(out, i ? ", " : "");
        json_put_quoted(out, w->patterns[i]);
    }
    buf_putc(out, ']');
}

static void put_date(uint32_t date, struct buf *out)
{
    if (date >= 10000) {
        buf_printf(out, "%04u-", date / 10000);
    }
    buf_printf(out, "%02u-%02u", date / 100 % 100, date % 100);
}

static void put_time(const struct when *w, struct buf *out)
{
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    const char *comma = "";

    if (w->days) {
        buf_puts(out, "days: [");
        for (uint32_t i = 0; i < 7; i++) {
            if (w->days & 1u << i) {
                buf_printf(out, "%s%s", comma, days[i]);
                comma = ", ";
            }
        }
        buf_puts(out, "]");
    }
    for (uint32_t i = 0; i < w->n_hours; i++) {
        const struct when_hours *h = &w->hours[i];

        buf_printf(out, "%s\"%02u:%02u-%02u:%02u\"",
                   i        ? ", "
                   : *comma ? ", hours: ["
                            : "hours: [",
                   h->from / 60u, h->from % 60u, h->to / 60u, h->to % 60u);
        comma = ", ";
    }
    buf_puts(out, w->n_hours ? "]" : "");
    for (uint32_t i = 0; i < w->n_dates; i++) {
        buf_puts(out, i ? ", \"" : *comma ? ", dates: [\"" : "dates: [\"");
        put_date(w->dates[i].from, out);
        buf_puts(out, "..");
        put_date(w->dates[i].to, out);
        buf_putc(out, '"');
        comma = ", ";
    }
    buf_puts(out, w->n_dates ? "]" : "");
    if (w->zone_name.n) {
        buf_puts(out, ", time_zone: ");
        json_put_quoted(out, w->zone_name);
    }
}

/* One key with its value. */
static void put_key(const struct when *w, struct buf *out)
{
    static const char *const words[WHEN_KIND_N] = {
        [WHEN_CALLED] = "called",       [WHEN_CALLER] = "caller", [WHEN_CARRIER] = "carrier",
        [WHEN_DIRECTION] = "direction", [WHEN_HEADER] = "header", [WHEN_PARAMETER] = "parameter"};

    switch (w->kind) {
    case WHEN_NEVER:
        buf_puts(out, "any: []");
        return;
    case WHEN_ALL:
    case WHEN_ANY:
        buf_puts(out, w->kind == WHEN_ALL ? "all: [" : "any: [");
        for (const struct when *c = w->first; c; c = c->next) {
            buf_puts(out, c == w->first ? "" : ", ");
            when_put(c, out);
        }
        buf_putc(out, ']');
        return;
    case WHEN_NOT:
        buf_puts(out, "not: ");
        when_put(w->first, out);
        return;
    case WHEN_HEADER:
    case WHEN_PARAMETER:
        buf_printf(out, "%s: {", words[w->kind]);
        json_put_quoted(out, w->name);
        buf_puts(out, ": ");
        put_patterns(w, out);
        buf_putc(out, '}');
        return;
    case WHEN_TIME:
        put_time(w, out);
        return;
    case WHEN_CALLED:
    case WHEN_CALLER:
    case WHEN_CARRIER:
    case WHEN_DIRECTION:
        buf_printf(out, "%s: ", words[w->kind]);
        put_patterns(w, out);
        return;
    case WHEN_KIND_N:
        return;
    }
}

/* A map; several headers become several members of all. */
static void put_map(const struct when *w, struct buf *out)
{
    buf_putc(out, '{');
    put_key(w, out);
    buf_putc(out, '}');
}

void when_put(const struct when *w, struct buf *out)
{
    if (!w) {
        buf_puts(out, "true");
    } else if (w->kind == WHEN_NEVER) {
        buf_puts(out, "false");
    } else {
        put_map(w, out);
    }
}
