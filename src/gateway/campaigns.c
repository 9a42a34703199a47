#include "gateway/campaigns.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json_doc.h"
#include "base/log.h"
#include "config/zones.h"

#define REFRESH_US      (3ull * 1000000)
#define JOB_BYTES       (2u << 20)
#define LIST_BYTES      (16u << 20)
#define TAKE_AT_ONCE    20
#define VARIABLES_BYTES (64u << 10)

struct campaign_host {
    struct campaign_host_opts o;
    char *owner, *prefix, *timezone;
    struct campaigns *machine;
    struct timer *wake, *refresh, *renew;
    uint64_t lease_us;
    uint32_t jobs;
    bool refreshing, again, renewing, expired, stopped;
    bool closed; /* its owner is done with it; its last job frees it */
};

static uint64_t wall_us(void)
{
    return (uint64_t)clock_wall_us();
}

static void step(struct campaign_host *h, const struct campaign_event *ev);

static void destroy(struct campaign_host *h)
{
    campaigns_free(h->machine);
    free(h->owner);
    free(h->prefix);
    free(h->timezone);
    free(h);
}

/* A job is over. False: nobody waits for what came of it, and h may be gone. */
static bool job_is_wanted(struct campaign_host *h)
{
    bool wanted = !h->closed;
    h->jobs--;
    if (!wanted && h->jobs == 0) {
        destroy(h);
    }
    return wanted;
}

/* ------------------------------------------------------------------------------------------------ one step of a slot
 */

/* One operation of the store: from the loop to the job pool and back. */
struct errand {
    struct campaign_host *h;
    struct campaign_act act; /* its texts live in arena */
    struct arena arena;
    uint64_t now_us, until_us;
    /* LEASE */
    char attempt_id[CARRIER_ATTEMPT_MAX + 1];
    struct contact_row contact;
    struct zone *zone;
    uint64_t next_us;
};

static int do_lease(struct errand *e)
{
    const struct campaign_host_opts *o = &e->h->o;
    const struct campaign_lease l = {
        .campaign_id = e->act.campaign_id, .owner = o->owner, .now_us = e->now_us, .until_us = e->until_us};
    int err = o->ops->lease(o->store, &l, &e->arena, &e->contact, &e->next_us);

    if (err >= 0) {
        struct str name = e->contact.timezone.n ? e->contact.timezone : e->act.timezone;
        if (zone_load(name, &e->arena, &e->zone) < 0) {
            e->zone = NULL; /* fails closed: nobody is called there */
        }
    }
    return err;
}

static int errand_work(void *arg)
{
    struct errand *e = arg;
    const struct campaign_host_opts *o = &e->h->o;

    switch (e->act.kind) {
    case CAMPAIGN_ACT_LEASE:
        return do_lease(e);
    case CAMPAIGN_ACT_INTEND:
        return o->ops->intend(o->store, &e->act.attempt, e->until_us);
    case CAMPAIGN_ACT_NOTE:
        return o->ops->note(o->store, &e->act.news);
    case CAMPAIGN_ACT_CLOSE:
        return o->ops->close(o->store, &e->act.end);
    case CAMPAIGN_ACT_RELEASE:
        return o->ops->release(o->store, &e->act.contact, e->act.next_us, e->act.note);
    case CAMPAIGN_ACT_PAUSE:
        return o->ops->move(o->store, e->act.campaign_id, 1u << CAMPAIGN_RUNNING, CAMPAIGN_PAUSED, e->act.note,
                            e->now_us);
    case CAMPAIGN_ACT_DIAL:
        break;
    }
    return -EINVAL;
}

static void tell_errand(const struct errand *e, int err)
{
    const struct campaign_act *a = &e->act;

    if (err < 0 && store_may_pass(err)) {
        log_warn(NULL, "campaign.store-failed", "campaign=" STR_FMT " error=%s", STR_ARG(a->campaign_id),
                 err_name(err));
    } else if (a->kind == CAMPAIGN_ACT_CLOSE && err >= 0) {
        metrics_add_word(e->h->o.metrics, METRIC_CAMPAIGN_ATTEMPTS, str_from(attempt_outcome_word(a->end.outcome)), 1);
        log_info(NULL, "campaign.attempt-over",
                 "campaign=" STR_FMT " call=" STR_FMT " outcome=%s contact=%s cause=" STR_FMT, STR_ARG(a->campaign_id),
                 STR_ARG(a->end.id), attempt_outcome_word(a->end.outcome), contact_state_word(a->end.state),
                 STR_ARG(a->end.cause));
    } else if (a->kind == CAMPAIGN_ACT_CLOSE && err == -ERR_STATE) {
        log_warn(NULL, "campaign.attempt-lost",
                 "campaign=" STR_FMT " call=" STR_FMT " text=\"another gateway settles it\"", STR_ARG(a->campaign_id),
                 STR_ARG(a->end.id));
    } else if (a->kind == CAMPAIGN_ACT_PAUSE && err >= 0) {
        log_warn(NULL, "campaign.paused", "campaign=" STR_FMT " text=\"" STR_FMT "\"", STR_ARG(a->campaign_id),
                 STR_ARG(a->note));
    } else if (a->kind == CAMPAIGN_ACT_INTEND && err == -EPERM) {
        log_info(NULL, "campaign.do-not-call", "campaign=" STR_FMT, STR_ARG(a->campaign_id));
    }
}

static void take_errand(struct errand *e, int err)
{
    struct campaign_event ev = {
        .err = err, .slot = e->act.slot, .campaign_id = e->act.campaign_id, .lease_until_us = e->until_us};
    bool tells = true;

    tell_errand(e, err);
    switch (e->act.kind) {
    case CAMPAIGN_ACT_LEASE:
        ev.kind = CAMPAIGN_EV_LEASED;
        ev.contact = &e->contact;
        ev.attempt_id = str_from(e->attempt_id);
        ev.zone = e->zone;
        ev.next_us = e->next_us;
        break;
    case CAMPAIGN_ACT_INTEND:
        ev.kind = CAMPAIGN_EV_INTENDED;
        break;
    case CAMPAIGN_ACT_CLOSE:
        ev.kind = CAMPAIGN_EV_CLOSED;
        break;
    case CAMPAIGN_ACT_RELEASE:
        ev.kind = CAMPAIGN_EV_RELEASED;
        break;
    case CAMPAIGN_ACT_NOTE:
    case CAMPAIGN_ACT_PAUSE:
    case CAMPAIGN_ACT_DIAL:
        tells = false;
        break;
    }
    if (tells) {
        step(e->h, &ev);
    }
}

static void errand_done(int err, void *arg)
{
    struct errand *e = arg;

    if (job_is_wanted(e->h)) {
        take_errand(e, err);
    }
    arena_done(&e->arena);
    free(e);
}

static bool keep(struct arena *a, struct str *s)
{
    *s = arena_str(a, *s);
    return s->p != NULL;
}

/* The action's texts may be gone before the job has run. */
static bool keep_all(struct errand *e)
{
    struct campaign_act *a = &e->act;
    struct str *texts[] = {&a->campaign_id,
                           &a->note,
                           &a->timezone,
                           &a->attempt.id,
                           &a->attempt.campaign_id,
                           &a->attempt.owner,
                           &a->attempt.phone,
                           &a->attempt.caller_id,
                           &a->attempt.agent,
                           &a->news.id,
                           &a->news.answerer,
                           &a->news.consent,
                           &a->news.carrier_call_id,
                           &a->news.request_id,
                           &a->end.id,
                           &a->end.answerer,
                           &a->end.carrier_call_id,
                           &a->end.request_id,
                           &a->end.consent,
                           &a->end.cause,
                           &a->end.error,
                           &a->contact.campaign_id};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!keep(&e->arena, texts[i])) {
            return false;
        }
    }
    return true;
}

static void begin_errand(struct campaign_host *h, const struct campaign_act *act)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (!e) {
        log_error(NULL, "campaign.out-of-memory", "kind=%d", (int)act->kind);
        return; /* its lease runs out, and it is taken up again */
    }
    e->h = h;
    e->act = *act;
    e->now_us = wall_us();
    e->until_us = e->now_us + h->lease_us;
    arena_init(&e->arena, JOB_BYTES);
    if (act->kind == CAMPAIGN_ACT_LEASE) {
        dialer_id_new(e->attempt_id);
    }
    h->jobs++;
    int err = keep_all(e) ? job_run(h->o.loop, errand_work, errand_done, e) : -ENOMEM;
    if (err < 0) {
        errand_done(err, e);
    }
}

/* ------------------------------------------------------------------------------------------------ dialling */

static bool may_dial(struct str id, void *arg)
{
    const struct campaign_host *h = arg;

    return campaigns_may_dial(h->machine, campaigns_find(h->machine, id), wall_us());
}

static void on_dialer(const struct dialer_event *d, void *arg)
{
    struct campaign_host *h = arg;
    uint32_t slot = campaigns_find(h->machine, d->id);

    if (slot != UINT32_MAX) {
        step(h, &(struct campaign_event){.kind = CAMPAIGN_EV_DIALER, .slot = slot, .dialer = d});
    }
}

static const struct dialer_handler dialer_handler = {.may_dial = may_dial, .on_event = on_dialer};

/* "name" and what was imported with the contact. */
static uint32_t put_variables(const struct contact_row *c, struct arena *a, struct dialer_variable *v)
{
    const struct json_doc *doc = NULL;
    uint32_t n = 0;

    v[n++] = (struct dialer_variable){STR("name"), c->name.p ? c->name : STR("")};
    if (c->vars.n == 0 || json_doc_parse(c->vars, &doc) < 0) {
        return n;
    }
    for (const struct json_doc *m = doc->first; m && n < DIALER_MAX_VARIABLES; m = m->next) {
        if (m->type == JSON_STRING && !str_is(m->key, "name")) {
            v[n] = (struct dialer_variable){arena_str(a, m->key), arena_str(a, m->text)};
            n += v[n].name.p && v[n].value.p;
        }
    }
    json_doc_free(doc);
    return n;
}

static void begin_dial(struct campaign_host *h, const struct campaign_act *act)
{
    struct dialer_variable variables[DIALER_MAX_VARIABLES];
    struct dialer_request req = act->request;
    struct arena a;
    struct buf why;

    arena_init(&a, VARIABLES_BYTES);
    buf_init(&why, 2048);
    req.variables = variables;
    req.n_variables = put_variables(&act->contact, &a, variables);
    int err = h->o.dial(&req, &dialer_handler, h, &why, h->o.arg);
    log_info(NULL, req.settle_only ? "campaign.settling" : "campaign.dialling",
             "campaign=" STR_FMT " call=" STR_FMT " error=%s", STR_ARG(act->campaign_id), STR_ARG(req.id),
             err_name(err));
    if (err < 0) {
        step(h, &(struct campaign_event){
                    .kind = CAMPAIGN_EV_STARTED, .slot = act->slot, .err = err, .why = buf_str(&why)});
    }
    buf_done(&why);
    arena_done(&a);
}

static void step(struct campaign_host *h, const struct campaign_event *ev)
{
    struct campaign_acts *acts = calloc(1, sizeof(*acts));
    uint64_t now_us = wall_us();

    if (!acts) {
        log_error(NULL, "campaign.out-of-memory", "event=%d", (int)ev->kind);
        return;
    }
    campaigns_step(h->machine, ev, now_us, acts);
    for (uint32_t i = 0; i < acts->n; i++) {
        if (acts->list[i].kind == CAMPAIGN_ACT_DIAL) {
            begin_dial(h, &acts->list[i]);
        } else {
            begin_errand(h, &acts->list[i]);
        }
    }
    free(acts);
    metrics_set(h->o.metrics, METRIC_CAMPAIGN_CALLS, campaigns_slots(h->machine));
    uint64_t wake_us = campaigns_wake_us(h->machine);
    timer_start(h->wake, wake_us > now_us ? wake_us - now_us : 1000, 0);
}

static void on_wake(void *arg)
{
    step(arg, &(struct campaign_event){.kind = CAMPAIGN_EV_TICK});
}

/* ------------------------------------------------------------------------------------------------ which campaigns run
 */

struct refresh {
    struct campaign_host *h;
    struct arena arena;
    struct campaign_rows rows;
};

static int refresh_work(void *arg)
{
    struct refresh *r = arg;
    const struct campaign_host_opts *o = &r->h->o;
    const struct campaign_filter f = {.states = 1u << CAMPAIGN_RUNNING, .limit = CAMPAIGN_LIST_MAX};

    if (!r->h->expired) { /* leases of an earlier run of this very gateway: it is dead */
        int n = o->ops->expire(o->store, o->owner_prefix, o->owner);
        if (n < 0) {
            return n;
        }
        r->h->expired = true;
    }
    return o->ops->list(o->store, &f, &r->arena, &r->rows);
}

static void put_campaign(struct campaign_host *h, const struct campaign_row *c)
{
    struct campaign_settings s;
    struct arena a;
    struct buf why;

    arena_init(&a, 4 * CAMPAIGN_SETTINGS_MAX);
    buf_init(&why, 1024);
    int err = campaign_settings_read(c->settings, h->o.timezone, &a, &why, &s);
    err = err < 0 ? err : campaigns_put(h->machine, c->id, &s, wall_us());
    if (err < 0) {
        log_warn(NULL, "campaign.unusable", "campaign=" STR_FMT " error=%s text=\"%s\"", STR_ARG(c->id), err_name(err),
                 why.len ? buf_cstr(&why) : "");
    }
    buf_done(&why);
    arena_done(&a);
}

static void take_refresh(struct refresh *r, int err)
{
    struct campaign_host *h = r->h;

    h->refreshing = false;
    if (err >= 0 && !h->stopped) {
        for (uint32_t i = 0; i < r->rows.n; i++) {
            put_campaign(h, &r->rows.campaigns[i]);
        }
        campaigns_keep_only_put(h->machine);
        metrics_set(h->o.metrics, METRIC_CAMPAIGNS_RUNNING, campaigns_count(h->machine));
        step(h, &(struct campaign_event){.kind = CAMPAIGN_EV_TICK});
    }
    if (h->again) {
        h->again = false;
        campaign_host_poke(h);
    }
}

static void refresh_done(int err, void *arg)
{
    struct refresh *r = arg;

    if (job_is_wanted(r->h)) {
        take_refresh(r, err);
    }
    arena_done(&r->arena);
    free(r);
}

void campaign_host_poke(struct campaign_host *h)
{
    if (h->stopped) {
        return;
    }
    if (h->refreshing) {
        h->again = true;
        return;
    }
    struct refresh *r = calloc(1, sizeof(*r));
    if (!r) {
        return; /* the timer comes again */
    }
    r->h = h;
    arena_init(&r->arena, LIST_BYTES);
    h->refreshing = true;
    h->jobs++;
    int err = job_run(h->o.loop, refresh_work, refresh_done, r);
    if (err < 0) {
        refresh_done(err, r);
    }
}

static void on_refresh(void *arg)
{
    campaign_host_poke(arg);
}

/* ------------------------------------------------------------------------------------------------ leases */

struct renewal {
    struct campaign_host *h;
    struct arena arena;
    struct campaign_rows taken;
    uint64_t until_us;
    struct campaign_lease lease;
    struct campaign_hold *held;
    uint32_t n;
    bool takes; /* what others left, too: not while we are leaving */
};

static int renew_work(void *arg)
{
    struct renewal *r = arg;
    const struct campaign_host_opts *o = &r->h->o;
    int err = o->ops->renew(o->store, o->owner, r->held, r->n, r->until_us);

    return err < 0 || !r->takes ? err : o->ops->take_over(o->store, &r->lease, TAKE_AT_ONCE, &r->arena, &r->taken);
}

static void take_renewal(struct renewal *r, int err)
{
    struct campaign_host *h = r->h;

    h->renewing = false;
    if (err >= 0) {
        step(h, &(struct campaign_event){.kind = CAMPAIGN_EV_RENEWED, .lease_until_us = r->until_us});
        for (uint32_t i = 0; i < r->taken.n; i++) {
            const struct attempt_row *t = &r->taken.attempts[i];
            log_warn(NULL, "campaign.taken-over", "campaign=" STR_FMT " call=" STR_FMT, STR_ARG(t->campaign_id),
                     STR_ARG(t->id));
            step(h, &(struct campaign_event){.kind = CAMPAIGN_EV_TAKEN, .taken = t, .lease_until_us = r->until_us});
        }
    } else if (campaigns_slots(h->machine) > 0) {
        log_warn(NULL, "campaign.renew-failed", "error=%s calls=%u", err_name(err), campaigns_slots(h->machine));
    }
}

static void renew_done(int err, void *arg)
{
    struct renewal *r = arg;

    if (job_is_wanted(r->h)) {
        take_renewal(r, err);
    }
    arena_done(&r->arena);
    free(r);
}

static void on_renew(void *arg)
{
    struct campaign_host *h = arg;
    struct renewal *r = h->renewing ? NULL : calloc(1, sizeof(*r));

    if (!r) {
        return;
    }
    uint64_t now_us = wall_us();
    r->h = h;
    r->until_us = now_us + h->lease_us;
    r->takes = !h->stopped;
    r->lease = (struct campaign_lease){.owner = h->o.owner, .now_us = now_us, .until_us = r->until_us};
    arena_init(&r->arena, JOB_BYTES);
    uint32_t slots = campaigns_slots(h->machine);
    r->held = arena_alloc(&r->arena, sizeof(*r->held) * MAX(slots, 1u));
    r->n = r->held ? campaigns_held(h->machine, r->held, slots) : 0;
    h->renewing = true;
    h->jobs++;
    int err = job_run(h->o.loop, renew_work, renew_done, r);
    if (err < 0) {
        renew_done(err, r);
    }
}

/* ------------------------------------------------------------------------------------------------ life */

static int set_up(struct campaign_host *h)
{
    h->owner = str_dup(h->o.owner);
    h->prefix = str_dup(h->o.owner_prefix);
    h->timezone = str_dup(h->o.timezone);
    if (!h->owner || !h->prefix || !h->timezone) {
        return -ENOMEM;
    }
    h->o.owner = str_from(h->owner);
    h->o.owner_prefix = str_from(h->prefix);
    h->o.timezone = str_from(h->timezone);
    h->o.lease_s = h->o.lease_s ? h->o.lease_s : 60;
    h->lease_us = (uint64_t)h->o.lease_s * 1000000;
    const struct campaigns_opts o = {.owner = h->o.owner, .max_calls = h->o.max_calls, .lease_s = h->o.lease_s};
    int err = campaigns_new(&o, &h->machine);
    err = err < 0 ? err : timer_new(h->o.loop, on_wake, h, &h->wake);
    err = err < 0 ? err : timer_new(h->o.loop, on_refresh, h, &h->refresh);
    return err < 0 ? err : timer_new(h->o.loop, on_renew, h, &h->renew);
}

int campaign_host_new(const struct campaign_host_opts *o, struct campaign_host **ret)
{
    struct campaign_host *h = calloc(1, sizeof(*h));

    if (!h) {
        return -ENOMEM;
    }
    h->o = *o;
    int err = set_up(h);
    if (err < 0) {
        campaign_host_free(h);
        return err;
    }
    timer_start(h->refresh, 1000, REFRESH_US);
    timer_start(h->renew, h->lease_us / 8, h->lease_us / 4);
    *ret = h;
    return 0;
}

struct campaign_host *campaign_host_free(struct campaign_host *h)
{
    if (h) {
        timer_free(h->wake);
        timer_free(h->refresh);
        timer_free(h->renew);
        h->closed = true;
        if (h->jobs == 0) {
            destroy(h);
        }
    }
    return NULL;
}

void campaign_host_stop(struct campaign_host *h)
{
    h->stopped = true;
    campaigns_stop(h->machine);
    timer_stop(h->refresh);
}

void campaign_host_leave(struct campaign_host *h)
{
    timer_stop(h->renew);
}

uint32_t campaign_host_busy(const struct campaign_host *h)
{
    return h->jobs + campaigns_unwritten(h->machine);
}
