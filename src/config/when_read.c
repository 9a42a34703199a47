/* Conditions as they are written: YAML into the tree of when.h, checked key by key. */
#include <stdio.h>

#include "base/err.h"
#include "config/draft.h"

#define MAX_CONDITIONS 4096 /* aliases make much of little */
#define MAX_PATTERNS   256
#define MAX_PATTERN    128

enum key {
    KEY_CALLED,
    KEY_CALLER,
    KEY_CARRIER,
    KEY_DIRECTION,
    KEY_HEADER,
    KEY_PARAMETER,
    KEY_DAYS,
    KEY_HOURS,
    KEY_DATES,
    KEY_TIME_ZONE,
    KEY_ANY,
    KEY_ALL,
    KEY_NOT
};

static const struct option_word words_key[] = {{"called", KEY_CALLED, false},
                                               {"caller", KEY_CALLER, false},
                                               {"carrier", KEY_CARRIER, false},
                                               {"direction", KEY_DIRECTION, false},
                                               {"header", KEY_HEADER, false},
                                               {"parameter", KEY_PARAMETER, false},
                                               {"days", KEY_DAYS, false},
                                               {"hours", KEY_HOURS, false},
                                               {"dates", KEY_DATES, false},
                                               {"time_zone", KEY_TIME_ZONE, false},
                                               {"any", KEY_ANY, false},
                                               {"all", KEY_ALL, false},
                                               {"not", KEY_NOT, false},
                                               {"to", KEY_CALLED, true},
                                               {"from", KEY_CALLER, true},
                                               {"headers", KEY_HEADER, true},
                                               {"parameters", KEY_PARAMETER, true},
                                               {"timezone", KEY_TIME_ZONE, true},
                                               {NULL, 0, false}};
static const struct option_word words_carrier[] = {{"twilio", 0, false}, {"plivo", 1, false}, {NULL, 0, false}};
static const struct option_word words_direction[] = {{"inbound", 0, false}, {"outbound", 0, false}, {NULL, 0, false}};
static const struct option_word words_day[] = {
    {"sun", 0, false},      {"mon", 1, false},     {"tue", 2, false},   {"wed", 3, false},     {"thu", 4, false},
    {"fri", 5, false},      {"sat", 6, false},     {"sunday", 0, true}, {"monday", 1, true},   {"tuesday", 2, true},
    {"wednesday", 3, true}, {"thursday", 4, true}, {"friday", 5, true}, {"saturday", 6, true}, {"weekdays", 10, false},
    {"weekend", 11, false}, {"daily", 12, false},  {NULL, 0, false}};

/* One map while it is read. */
struct reading {
    struct draft *d;
    const char *path; /* "routes[2].when", for messages */
    struct when *time;
    struct when **end; /* of the children */
};

static void fail(struct reading *r, const struct yaml_node *n, const char *text, struct str got)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

    draft_fail(r->d, &at, "%s%s%s %s, not \"" STR_FMT "\"", r->path, n->key.p ? "." : "", n->key.p ? n->key.p : "",
               text, (int)MIN(got.n, 60u), got.p ? got.p : "");
}

static struct when *when_new(struct reading *r, enum when_kind kind)
{
    struct when *w = NULL;

    if (r->d->condition_count++ < MAX_CONDITIONS) {
        w = ARENA_NEW(r->d->arena, struct when);
        r->d->out_of_memory = r->d->out_of_memory || !w;
    } else if (r->d->condition_count == MAX_CONDITIONS + 1) {
        struct origin at = {.kind = ORIGIN_DEFAULT};

        draft_fail(r->d, &at, "more than %u conditions", MAX_CONDITIONS);
    }
    if (w) {
        w->kind = kind;
        w->zone_name = STR("");
    }
    return w;
}

static struct when *add(struct reading *r, enum when_kind kind)
{
    struct when *w = when_new(r, kind);

    if (w) {
        *r->end = w;
        r->end = (struct when **)(uintptr_t)&w->next; /* const for readers only */
    }
    return w;
}

/* ------------------------------------------------------------------------------------------------ elements */

/* A word, or a list of them; in one word commas separate. False at the end or on failure (reported). */
struct elements {
    struct str v[MAX_PATTERNS];
    const struct yaml_node *from[MAX_PATTERNS];
    uint32_t n;
};

static bool add_words(struct reading *r, const struct yaml_node *n, struct elements *e, bool commas)
{
    struct buf why;
    struct str text, part;
    int err;

    buf_init(&why, 4096);
    err = env_expand(&r->d->env, n->text, &why, &text);
    if (err < 0) {
        struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

        r->d->out_of_memory = r->d->out_of_memory || err == -ENOMEM;
        draft_fail(r->d, &at, "%s: %s", r->path, why.len ? buf_cstr(&why) : err_text(err));
    }
    buf_done(&why);
    while (err >= 0 && text.n) {
        if (commas) {
            ignore_result(str_split(&text, ',', &part));
        } else {
            part = text;
            text.n = 0;
        }
        part = str_trim(part);
        if (part.n == 0) {
            continue;
        }
        if (part.n > MAX_PATTERN || e->n == MAX_PATTERNS) {
            fail(r, n, e->n == MAX_PATTERNS ? "has more than 256 elements" : "must be shorter", part);
            return false;
        }
        e->from[e->n] = n;
        e->v[e->n++] = part;
    }
    return err >= 0;
}

static bool take_elements(struct reading *r, const struct yaml_node *n, struct elements *e, bool commas)
{
    e->n = 0;
    if (n->kind == YAML_SCALAR && !yaml_is_null(n)) {
        return add_words(r, n, e, commas);
    }
    if (n->kind != YAML_LIST) {
        fail(r, n, "must be a text or a list of texts", n->kind == YAML_MAP ? STR("{...}") : n->text);
        return false;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        if (c->kind != YAML_SCALAR || yaml_is_null(c)) {
            fail(r, n, "must be a text or a list of texts", STR("[...]"));
            return false;
        }
        if (!add_words(r, c, e, commas)) {
            return false;
        }
    }
    return true;
}

static struct str keep(struct reading *r, struct str text)
{
    struct str copy = arena_str(r->d->arena, text);

    r->d->out_of_memory = r->d->out_of_memory || !copy.p;
    return copy.p ? copy : STR("");
}

static void keep_patterns(struct reading *r, struct when *w, const struct elements *e)
{
    struct str *v = arena_alloc(r->d->arena, sizeof(*v) * MAX(e->n, 1u));

    if (!v) {
        r->d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < e->n; i++) {
        v[i] = keep(r, e->v[i]);
    }
    w->patterns = v;
    w->n_patterns = e->n;
}

/* ------------------------------------------------------------------------------------------------ numbers, words */

/* People write +1 (555) 010-0100; carriers say +15550100100. */
static struct str plain_number(struct str s, char *out)
{
    size_t n = 0;

    if (s.n == 0 || !strchr("+0123456789*?(", s.p[0])) {
        return s;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr(" ()-./", s.p[i])) {
            out[n++] = s.p[i];
        }
    }
    return (struct str){out, n};
}

static void warn_number(struct reading *r, const struct yaml_node *n, struct str number)
{
    for (size_t i = 0; i < number.n; i++) {
        if (number.p[i] < '0' || number.p[i] > '9') {
            return;
        }
    }
    if (number.n >= 7) {
        draft_warn(r->d, STR_FMT ":%u:%u: %s: " STR_FMT " has no +; carriers give numbers as +" STR_FMT,
                   STR_ARG(r->d->name), n->line, n->col, r->path, STR_ARG(number), STR_ARG(number));
    }
}

static void take_numbers(struct reading *r, const struct yaml_node *n, enum when_kind kind)
{
    struct elements e;
    struct when *w;

    if (!take_elements(r, n, &e, true)) {
        return;
    }
    w = add(r, kind);
    if (!w) {
        return;
    }
    for (uint32_t i = 0; i < e.n; i++) {
        char room[MAX_PATTERN];

        e.v[i] = keep(r, plain_number(e.v[i], room));
        warn_number(r, e.from[i], e.v[i]);
    }
    keep_patterns(r, w, &e);
}

static void take_words(struct reading *r, const struct yaml_node *n, enum when_kind kind,
                       const struct option_word *words)
{
    struct elements e;
    struct when *w;

    if (!take_elements(r, n, &e, true)) {
        return;
    }
    for (uint32_t i = 0; i < e.n; i++) {
        bool found = false;

        for (const struct option_word *o = words; o->word; o++) {
            found = found || str_ieq(e.v[i], str_from(o->word));
        }
        if (!found) {
            fail(r, e.from[i], kind == WHEN_CARRIER ? "must be twilio or plivo" : "must be inbound or outbound",
                 e.v[i]);
        }
    }
    w = add(r, kind);
    if (w) {
        keep_patterns(r, w, &e);
    }
}

/* {X-Tier: [gold, silver], X-Branch: "*"}: all of them must be there. */
static void take_pairs(struct reading *r, const struct yaml_node *n, enum when_kind kind)
{
    if (n->kind != YAML_MAP) {
        fail(r, n, "must be a map of names to patterns", n->kind == YAML_LIST ? STR("[...]") : n->text);
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        struct elements e;
        struct when *w;

        if (!take_elements(r, c, &e, false)) {
            continue;
        }
        w = add(r, kind);
        if (w) {
            w->name = keep(r, c->key);
            keep_patterns(r, w, &e);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ time */

static struct when *time_of(struct reading *r)
{
    r->time = r->time ? r->time : add(r, WHEN_TIME);
    return r->time;
}

static bool day_parse(struct str s, int *ret)
{
    for (const struct option_word *w = words_day; w->word; w++) {
        if (str_ieq(s, str_from(w->word))) {
            *ret = w->value;
            return true;
        }
    }
    return false;
}

static bool days_parse(struct str s, uint8_t *ret)
{
    size_t dash = str_find(s, '-');
    int from = 0, to = 0;

    if (!day_parse(str_trim((struct str){s.p, dash}), &from)) {
        return false;
    }
    if (dash == s.n) {
        unsigned bits = from == 10 ? 0x3Eu : from == 11 ? 0x41u : from == 12 ? 0x7Fu : 1u << from;
        *ret = (uint8_t)(*ret | bits);
        return true;
    }
    if (!day_parse(str_trim((struct str){s.p + dash + 1, s.n - dash - 1}), &to) || from > 6 || to > 6) {
        return false;
    }
    for (int day = from;; day = (day + 1) % 7) { /* sat-mon goes over the end of the week */
        *ret |= (uint8_t)(1u << day);
        if (day == to) {
            return true;
        }
    }
}

static void take_days(struct reading *r, const struct yaml_node *n)
{
    struct elements e;
    struct when *w = time_of(r);

    if (!take_elements(r, n, &e, true) || !w) {
        return;
    }
    for (uint32_t i = 0; i < e.n; i++) {
        if (!days_parse(e.v[i], &w->days)) {
            fail(r, e.from[i], "must be days such as mon-fri, sat, weekend", e.v[i]);
        }
    }
}

static bool clock_parse(struct str s, uint16_t *ret)
{
    size_t colon = str_find(s, ':');
    int64_t hour = 0, minute = 0;

    if (s.n == 0 || colon == 0 || colon > 2 || s.p[0] < '0' || s.p[0] > '9' ||
        str_to_i64((struct str){s.p, colon}, &hour) < 0) {
        return false;
    }
    if (colon < s.n && (s.n - colon != 3 || s.p[colon + 1] < '0' || s.p[colon + 1] > '9' ||
                        str_to_i64((struct str){s.p + colon + 1, 2}, &minute) < 0)) {
        return false;
    }
    if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > 24 * 60) {
        return false;
    }
    *ret = (uint16_t)(hour * 60 + minute);
    return true;
}

/* A list of texts, each of which parse turns into one of size bytes. */
struct values {
    size_t size;
    bool (*parse)(struct str s, void *ret);
    const char *wrong; /* what is said of one that cannot be parsed */
    void *list;        /* in the arena */
    uint32_t n;
};

/* False: nothing was read, and why is reported; w may be NULL then. */
static bool take_values(struct reading *r, const struct yaml_node *n, const struct when *w, struct values *v)
{
    struct elements e;
    uint8_t *list;

    if (!take_elements(r, n, &e, true) || !w) {
        return false;
    }
    list = arena_alloc(r->d->arena, v->size * MAX(e.n, 1u));
    if (!list) {
        r->d->out_of_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < e.n; i++) {
        if (!v->parse(e.v[i], list + v->size * i)) {
            fail(r, e.from[i], v->wrong, e.v[i]);
        }
    }
    v->list = list;
    v->n = e.n;
    return true;
}

static bool hours_parse(struct str s, void *arg)
{
    struct when_hours *ret = arg;
    size_t dash = str_find(s, '-');

    return dash < s.n && clock_parse(str_trim((struct str){s.p, dash}), &ret->from) &&
           clock_parse(str_trim((struct str){s.p + dash + 1, s.n - dash - 1}), &ret->to) && ret->from != ret->to &&
           ret->from < 24 * 60;
}

static void take_hours(struct reading *r, const struct yaml_node *n)
{
    struct when *w = time_of(r);
    struct values v = {.size = sizeof(*w->hours), .parse = hours_parse, .wrong = "must be hours such as 09:00-17:30"};

    if (take_values(r, n, w, &v)) {
        w->hours = v.list;
        w->n_hours = v.n;
    }
}

/* "2026-12-24" or "12-24" */
static bool date_parse(struct str s, uint32_t *ret)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t parts[3] = {0, 0, 0};
    uint32_t n = 0;
    struct str part;

    while (str_split(&s, '-', &part)) {
        int64_t value = 0;

        if (n == 3 || part.n == 0 || part.n > 4 || part.p[0] < '0' || part.p[0] > '9' || str_to_i64(part, &value) < 0) {
            return false;
        }
        parts[n++] = (uint32_t)value;
    }
    if (n == 2) {
        parts[2] = parts[1];
        parts[1] = parts[0];
        parts[0] = 0;
    }
    if (n < 2 || (n == 3 && parts[0] < 1970) || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 ||
        parts[2] > days[parts[1] - 1]) {
        return false;
    }
    *ret = parts[0] * 10000 + parts[1] * 100 + parts[2];
    return true;
}

static bool dates_parse(struct str s, void *arg)
{
    struct when_dates *ret = arg;
    size_t dots = str_search(s, STR(".."));

    if (!date_parse(str_trim((struct str){s.p, MIN(dots, s.n)}), &ret->from)) {
        return false;
    }
    ret->to = ret->from;
    return dots == SIZE_MAX ||
           (date_parse(str_trim((struct str){s.p + dots + 2, s.n - dots - 2}), &ret->to) &&
            (ret->from < 10000) == (ret->to < 10000) && (ret->from < 10000 || ret->from <= ret->to));
}

static void take_dates(struct reading *r, const struct yaml_node *n)
{
    struct when *w = time_of(r);
    struct values v = {.size = sizeof(*w->dates),
                       .parse = dates_parse,
                       .wrong = "must be dates such as 2026-12-24, 12-25 or 12-24..01-06"};

    if (take_values(r, n, w, &v)) {
        w->dates = v.list;
        w->n_dates = v.n;
    }
}

static void take_zone(struct reading *r, const struct yaml_node *n)
{
    struct elements e;
    struct when *w = time_of(r);
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

    if (n->kind != YAML_SCALAR || !take_elements(r, n, &e, false) || e.n != 1 || !w) {
        if (n->kind != YAML_SCALAR || w) {
            fail(r, n, "must be the name of a time zone, such as Europe/Berlin", n->text);
        }
        return;
    }
    w->zone_name = keep(r, e.v[0]);
    w->zone = draft_zone(r->d, w->zone_name, &at, r->path);
}

/* ------------------------------------------------------------------------------------------------ the tree */

static const struct when *read_any(struct draft *d, const struct yaml_node *n, const char *path);

static void take_nested(struct reading *r, const struct yaml_node *n, enum when_kind kind)
{
    struct when *w = add(r, kind);
    const struct when *first = NULL;
    const struct when **end = &first;

    if (!w) {
        return;
    }
    if (kind == WHEN_NOT) {
        first = read_any(r->d, n, r->path);
    } else if (n->kind != YAML_LIST) {
        fail(r, n, "must be a list of conditions", n->kind == YAML_MAP ? STR("{...}") : n->text);
    } else {
        for (const struct yaml_node *c = n->first; c && !r->d->out_of_memory; c = c->next) {
            const struct when *child = read_any(r->d, c, r->path);

            if (child) {
                *end = child;
                end = (const struct when **)(uintptr_t)&child->next;
            }
        }
    }
    w->first = first;
}

static void take_key(struct reading *r, enum key key, const struct yaml_node *n)
{
    switch (key) {
    case KEY_CALLED:
    case KEY_CALLER:
        take_numbers(r, n, key == KEY_CALLED ? WHEN_CALLED : WHEN_CALLER);
        return;
    case KEY_CARRIER:
        take_words(r, n, WHEN_CARRIER, words_carrier);
        return;
    case KEY_DIRECTION:
        take_words(r, n, WHEN_DIRECTION, words_direction);
        return;
    case KEY_HEADER:
    case KEY_PARAMETER:
        take_pairs(r, n, key == KEY_HEADER ? WHEN_HEADER : WHEN_PARAMETER);
        return;
    case KEY_DAYS:
        take_days(r, n);
        return;
    case KEY_HOURS:
        take_hours(r, n);
        return;
    case KEY_DATES:
        take_dates(r, n);
        return;
    case KEY_TIME_ZONE:
        take_zone(r, n);
        return;
    case KEY_ANY:
    case KEY_ALL:
        take_nested(r, n, key == KEY_ANY ? WHEN_ANY : WHEN_ALL);
        return;
    case KEY_NOT:
        take_nested(r, n, WHEN_NOT);
        return;
    }
}

static const struct option_word *key_find(struct str word)
{
    for (const struct option_word *w = words_key; w->word; w++) {
        if (str_is(word, w->word)) {
            return w;
        }
    }
    return NULL;
}

static void unknown_key(struct reading *r, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
    const char *near = NULL;

    if (option_word_nearest(words_key, n->key, &near)) {
        draft_fail(r->d, &at, "unknown key \"%.60s\" in %s; did you mean \"%s\"?", n->key.p, r->path, near);
    } else {
        draft_fail(r->d, &at, "unknown key \"%.60s\" in %s", n->key.p, r->path);
    }
}

static const struct when *read_any(struct draft *d, const struct yaml_node *n, const char *path)
{
    struct reading r = {.d = d, .path = path};
    struct when *top = when_new(&r, WHEN_ALL), *first = NULL;

    if (!top) {
        return NULL;
    }
    if (n->kind == YAML_SCALAR && (str_ieq(n->text, STR("true")) || str_ieq(n->text, STR("false")))) {
        top->kind = str_ieq(n->text, STR("true")) ? WHEN_ALL : WHEN_NEVER;
        return top;
    }
    if (n->kind != YAML_MAP) {
        struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

        draft_fail(d, &at, "%s must be true, false or a map of conditions (called:, caller:, hours:, ...)", path);
        return top;
    }
    r.end = &first;
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        const struct option_word *key = key_find(c->key);

        if (!key) {
            unknown_key(&r, c);
        } else {
            take_key(&r, (enum key)key->value, c);
        }
    }
    if (first && !first->next) {
        return first; /* one condition needs no list around it */
    }
    top->first = first;
    return top;
}

const struct when *when_read(struct draft *d, const struct yaml_node *n, const char *path)
{
    const struct when *w = read_any(d, n, path);

    return w && w->kind == WHEN_ALL && !w->first ? NULL : w; /* no condition at all */
}
