#include "gateway/plan_vars.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

#define SHORT_MAX 100
#define TEXT_MAX  4000

void plan_vars_init(struct plan_vars *v, const struct config *cfg, const struct plan *p, const struct plan_facts *f)
{
    v->cfg = cfg;
    v->plan = p;
    v->agent = p->agent;
    v->caller_name = f->caller_name;
    for (uint32_t i = 0; v->caller_name.n == 0 && i < p->facts.n_parameters; i++) {
        if (str_is(p->facts.parameters[i].name, "caller_name")) {
            v->caller_name = p->facts.parameters[i].value;
        }
    }
    v->call_id = f->call_id;
    zone_at(cfg->zone, f->when.wall_us / 1000000, &v->now);
}

/* What strangers wrote: one line, valid UTF-8, not too long. */
static struct str from_outside(struct plan_vars *v, struct str s, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t step = utf8_len((struct str){s.p + i, s.n - i});
        if (n + MAX(step, 1u) > MIN(max, sizeof(v->text))) {
            break;
        }
        if (step == 0 || (uint8_t)s.p[i] < ' ' || s.p[i] == 0x7F) {
            v->text[n++] = ' ';
            i++;
            continue;
        }
        memcpy(v->text + n, s.p + i, step);
        n += step;
        i += step;
    }
    return str_trim((struct str){v->text, n});
}

static struct str outside_or(struct plan_vars *v, struct str s, const char *otherwise)
{
    struct str cut = from_outside(v, s, SHORT_MAX);
    return cut.n > 0 ? cut : str_from(otherwise);
}

/* ---- who ---- */

static bool who(struct plan_vars *v, struct str name, struct str *ret)
{
    const struct when_facts *f = &v->plan->facts;
    if (str_is(name, "caller_name")) {
        *ret = outside_or(v, v->caller_name, "there");
    } else if (str_is(name, "caller_number") || str_is(name, "caller_id")) {
        *ret = outside_or(v, f->caller, "unknown");
    } else if (str_is(name, "called_number")) {
        *ret = outside_or(v, f->called, "unknown");
    } else if (str_is(name, "company_name")) {
        *ret = v->cfg->company_name;
    } else if (str_is(name, "agent_name") || str_is(name, "context_name")) {
        *ret = v->agent->name;
    } else if (str_is(name, "call_id")) {
        *ret = v->call_id;
    } else if (str_is(name, "call_direction")) {
        *ret = f->direction.n > 0 ? f->direction : STR("inbound");
    } else if (str_is(name, "carrier")) {
        *ret = f->carrier;
    } else if (str_is(name, "language")) {
        *ret = v->plan->language;
    } else {
        return false;
    }
    return true;
}

/* ---- when ---- */

static struct str print(struct plan_vars *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct str print(struct plan_vars *v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(v->text, sizeof(v->text), fmt, args);
    va_end(args);
    return (struct str){v->text, n > 0 ? MIN((size_t)n, sizeof(v->text) - 1) : 0};
}

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

static bool when(struct plan_vars *v, struct str name, struct str *ret)
{
    const struct zone_time *t = &v->now;
    if (str_is(name, "current_date")) {
        *ret = print(v, "%04d-%02u-%02u", t->year, t->month, t->day);
    } else if (str_is(name, "current_weekday")) {
        *ret = str_from(days[t->weekday]);
    } else if (str_is(name, "current_time")) {
        *ret = print(v, "%02u:%02u", t->hour, t->minute);
    } else if (str_is(name, "current_datetime_iso")) {
        int32_t east = t->offset_s < 0 ? -t->offset_s : t->offset_s;
        *ret = print(v, "%04d-%02u-%02uT%02u:%02u:%02u%c%02d:%02d", t->year, t->month, t->day, t->hour, t->minute,
                     t->second, t->offset_s < 0 ? '-' : '+', east / 3600, east / 60 % 60);
    } else if (str_is(name, "today")) {
        *ret = print(v, "%s, %s %u, %d", days[t->weekday], months[t->month - 1], t->day, t->year);
    } else {
        return false;
    }
    return true;
}

/* ---- what else ---- */

static bool in_map(const struct config_map *m, struct str name, struct str *ret)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (str_eq(m->v[i].name, name)) {
            *ret = m->v[i].value;
            return true;
        }
    }
    return false;
}

static bool configured(const struct plan_vars *v, struct str name, struct str *ret)
{
    return (v->plan->route && in_map(&v->plan->route->variables, name, ret)) ||
           in_map(&v->agent->variables, name, ret) || in_map(&v->cfg->variables, name, ret);
}

static bool carried(struct plan_vars *v, struct str name, struct str *ret)
{
    const struct when_facts *f = &v->plan->facts;
    for (uint32_t i = 0; i < f->n_parameters; i++) {
        if (str_eq(f->parameters[i].name, name)) {
            *ret = from_outside(v, f->parameters[i].value, TEXT_MAX);
            return true;
        }
    }
    for (uint32_t i = 0; i < f->n_headers; i++) {
        if (str_ieq(f->headers[i].name, name)) {
            *ret = from_outside(v, f->headers[i].value, TEXT_MAX);
            return true;
        }
    }
    return false;
}

/* Empty when nobody gives them. */
static bool is_usual(struct str name)
{
    static const char *const names[] = {"opening_reason", "objective", "context", "campaign_id", "lead_id"};
    for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* The configuration's own words come first: nobody outside can replace them. */
bool plan_var(void *arg, struct str name, struct str *ret)
{
    struct plan_vars *v = arg;
    if (configured(v, name, ret) || who(v, name, ret) || when(v, name, ret) || carried(v, name, ret)) {
        return true;
    }
    *ret = STR("");
    return is_usual(name);
}
