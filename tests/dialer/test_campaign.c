/*
 * The scheduler on a virtual clock: a real store in memory, a carrier that answers by script, and a world that breaks
 * at every place: stores that fail before or after the commit, gateways that die and come back, leases that run out.
 * Whatever happens, nobody is called twice for one attempt, nor again after an end that is not known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/zones.h"
#include "dialer/campaign.h"
#include "store/sqlite/sqlite.h"
#include "test.h"

#define T0      1795262400000000u /* Saturday, 21 November 2026, 12:00 UTC */
#define SECOND  1000000u
#define PEOPLE  30
#define WAITING 256

/* Something that will happen. */
struct pending {
    uint64_t at_us;
    enum { PENDING_NONE, PENDING_ANSWER, PENDING_DIALER } kind;
    uint32_t gateway, life; /* for one life of a gateway */
    struct campaign_act act;
    int err;
    struct contact_row contact;
    char attempt_id[40], campaign[16];
    uint64_t next_us, until_us;
    enum dialer_event_kind event;
    enum dialer_outcome outcome;
    bool dialled;
};

struct gateway {
    struct campaigns *machine;
    uint32_t life;
    char owner[24];
    uint64_t renew_us, wake_us;
};

/* What really rang. */
struct call {
    char id[40];
    char phone[24];
    uint64_t at_us;
    enum dialer_outcome outcome;
};

struct world {
    struct store *store;
    const struct campaign_ops *ops;
    struct arena arena;
    struct zone *zone;
    uint64_t now_us;
    uint64_t seed;
    uint32_t faults; /* of a thousand */
    uint32_t n_gateways;
    struct gateway gateways[3];
    struct pending list[WAITING];
    struct call calls[PEOPLE * 8];
    uint32_t n_calls, ids;
    uint32_t pauses;
    struct campaign_settings settings;
    enum dialer_outcome script; /* NONE: by chance */
    int start_err;              /* of dialer_start */
    bool zone_missing;
    uint32_t intents, releases;
};

static uint32_t chance(struct world *w, uint32_t n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % n;
}

static struct pending *later(struct world *w, const struct gateway *g, uint64_t after_us)
{
    for (uint32_t i = 0; i < WAITING; i++) {
        if (w->list[i].kind == PENDING_NONE) {
            w->list[i] = (struct pending){
                .at_us = w->now_us + after_us, .gateway = (uint32_t)(g - w->gateways), .life = g->life};
            return &w->list[i];
        }
    }
    fail_msg("too much at once");
    return NULL;
}

static void step(struct world *w, struct gateway *g, const struct campaign_event *ev);

/* ---- the dialer: does what dialer.h promises ---- */

static enum dialer_outcome by_chance(struct world *w)
{
    static const enum dialer_outcome all[] = {DIALER_ANSWERED, DIALER_ANSWERED,  DIALER_NO_ANSWER, DIALER_BUSY,
                                              DIALER_MACHINE,  DIALER_VOICEMAIL, DIALER_FAILED,    DIALER_UNKNOWN};
    return w->script != DIALER_NONE ? w->script : all[chance(w, ARRAY_LEN(all))];
}

static void dial(struct world *w, struct gateway *g, const struct campaign_act *act)
{
    const struct dialer_request *q = &act->request;
    if (w->start_err < 0) {
        step(w, g,
             &(struct campaign_event){
                 .kind = CAMPAIGN_EV_STARTED, .slot = act->slot, .err = w->start_err, .why = STR("no carrier")});
        return;
    }
    /* The request leaves a little later, or the gateway is gone by then. */
    struct pending *p = later(w, g, 1000 + chance(w, 3 * SECOND));
    p->kind = PENDING_DIALER;
    p->act.request.settle_only = q->settle_only;
    p->event = DIALER_REQUESTED;
    ignore_result(str_copy(p->attempt_id, sizeof(p->attempt_id), q->id));
    char phone[24];
    ignore_result(str_copy(phone, sizeof(phone), q->to));
    p->contact.phone = arena_str(&w->arena, q->to);
}

static struct call *find_call(struct world *w, const char *id)
{
    for (uint32_t i = 0; i < w->n_calls; i++) {
        if (strcmp(w->calls[i].id, id) == 0) {
            return &w->calls[i];
        }
    }
    return NULL;
}

static void tell(struct world *w, struct gateway *g, const char *id, enum dialer_event_kind kind, enum dialer_outcome o,
                 bool dialled)
{
    const struct dialer_event d = {.kind = kind,
                                   .id = str_from(id),
                                   .wall_us = w->now_us,
                                   .outcome = o,
                                   .dialled = dialled,
                                   .duration_s = -1,
                                   .ref = {.call_id = str_from(id)}};
    uint32_t slot = campaigns_find(g->machine, d.id);
    if (slot != UINT32_MAX) {
        step(w, g, &(struct campaign_event){.kind = CAMPAIGN_EV_DIALER, .slot = slot, .dialer = &d});
    }
}

static void request_leaves(struct world *w, struct gateway *g, struct pending p)
{
    uint32_t slot = campaigns_find(g->machine, str_from(p.attempt_id));
    struct call *known = find_call(w, p.attempt_id);
    if (p.act.request.settle_only) { /* what the carrier's list says; sometimes it does not say */
        bool found = known && chance(w, 4) > 0;
        tell(w, g, p.attempt_id, DIALER_ENDED, found ? known->outcome : DIALER_UNKNOWN, true);
        return;
    }
    if (!campaigns_may_dial(g->machine, slot, w->now_us)) {
        tell(w, g, p.attempt_id, DIALER_ENDED, DIALER_CANCELED, false);
        return;
    }
    assert_null(known); /* one attempt, one request */
    struct call *c = &w->calls[w->n_calls++];
    *c = (struct call){.at_us = w->now_us, .outcome = by_chance(w)};
    ignore_result(str_copy(c->id, sizeof(c->id), str_from(p.attempt_id)));
    ignore_result(str_copy(c->phone, sizeof(c->phone), p.contact.phone));
    tell(w, g, p.attempt_id, DIALER_REQUESTED, DIALER_NONE, true);
    struct pending *end = later(w, g, (uint64_t)(5 + chance(w, 60)) * SECOND);
    end->kind = PENDING_DIALER;
    end->event = DIALER_ENDED;
    end->outcome = c->outcome;
    end->dialled = true;
    ignore_result(str_copy(end->attempt_id, sizeof(end->attempt_id), str_from(p.attempt_id)));
}

/* ---- the store, with what can go wrong ---- */

static int ask_store(struct world *w, struct gateway *g, struct pending *p)
{
    const struct campaign_act *a = &p->act;
    const struct campaign_lease l = {
        .campaign_id = STR("c"), .owner = str_from(g->owner), .now_us = w->now_us, .until_us = p->until_us};
    switch (a->kind) {
    case CAMPAIGN_ACT_LEASE:
        return w->ops->lease(w->store, &l, &w->arena, &p->contact, &p->next_us);
    case CAMPAIGN_ACT_INTEND:
        w->intents++;
        return w->ops->intend(w->store, &a->attempt, p->until_us);
    case CAMPAIGN_ACT_NOTE:
        return w->ops->note(w->store, &a->news);
    case CAMPAIGN_ACT_CLOSE:
        return w->ops->close(w->store, &a->end);
    case CAMPAIGN_ACT_RELEASE:
        w->releases++;
        return w->ops->release(w->store, &a->contact, a->next_us, a->note);
    case CAMPAIGN_ACT_PAUSE:
        w->pauses++;
        return w->ops->move(w->store, STR("c"), 0, CAMPAIGN_PAUSED, a->note, w->now_us);
    case CAMPAIGN_ACT_DIAL:
        break;
    }
    return -EINVAL;
}

static void perform(struct world *w, struct gateway *g, const struct campaign_act *act)
{
    if (act->kind == CAMPAIGN_ACT_DIAL) {
        dial(w, g, act);
        return;
    }
    struct pending *p = later(w, g, 1000 + chance(w, 100000));
    p->kind = PENDING_ANSWER;
    p->act = *act;
    p->until_us = w->now_us + 60u * SECOND;
    ignore_result(snprintf(p->attempt_id, sizeof(p->attempt_id), "a%u", ++w->ids) < 0);
    bool fails = chance(w, 1000) < w->faults;
    bool before = chance(w, 2) == 0; /* the commit never happened; else only its answer is lost */
    p->err = fails && before ? -ERR_CLOSED : ask_store(w, g, p);
    p->err = fails ? -ERR_CLOSED : p->err;
}

static void step(struct world *w, struct gateway *g, const struct campaign_event *ev)
{
    struct campaign_acts *acts = calloc(1, sizeof(*acts));
    assert_non_null(acts);
    campaigns_step(g->machine, ev, w->now_us, acts);
    assert_true(acts->n <= CAMPAIGN_ACTS_MAX);
    for (uint32_t i = 0; i < acts->n; i++) {
        perform(w, g, &acts->list[i]);
    }
    g->wake_us = campaigns_wake_us(g->machine);
    free(acts);
}

static void answer(struct world *w, struct gateway *g, struct pending p)
{
    struct campaign_event ev = {.err = p.err,
                                .slot = p.act.slot,
                                .campaign_id = STR("c"),
                                .contact = &p.contact,
                                .attempt_id = str_from(p.attempt_id),
                                .zone = w->zone_missing ? NULL : w->zone,
                                .next_us = p.next_us,
                                .lease_until_us = p.until_us};
    switch (p.act.kind) {
    case CAMPAIGN_ACT_LEASE:
        ev.kind = CAMPAIGN_EV_LEASED;
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
        return;
    }
    step(w, g, &ev);
}

/* ---- gateways ---- */

static void be_born(struct world *w, struct gateway *g)
{
    struct campaign_row c;
    g->life++;
    ignore_result(snprintf(g->owner, sizeof(g->owner), "gw%u#%u", (uint32_t)(g - w->gateways), g->life) < 0);
    assert_ok(campaigns_new(&(struct campaigns_opts){.owner = str_from(g->owner), .max_calls = 10}, &g->machine));
    g->renew_us = w->now_us + 15 * SECOND;
    assert_ok(w->ops->get(w->store, STR("c"), &w->arena, &c));
    if (c.status == CAMPAIGN_RUNNING) {
        assert_ok(campaigns_put(g->machine, STR("c"), &w->settings, w->now_us));
    }
    step(w, g, &(struct campaign_event){.kind = CAMPAIGN_EV_TICK});
}

/* kill -9: everything in memory is gone, answers under way reach nobody. */
static void die(struct gateway *g)
{
    campaigns_free(g->machine);
    g->machine = NULL;
}

static void renew(struct world *w, struct gateway *g)
{
    const struct campaign_lease l = {
        .owner = str_from(g->owner), .now_us = w->now_us, .until_us = w->now_us + 60u * SECOND};
    struct campaign_rows taken = {.n = 0};
    struct campaign_hold held[16];
    uint32_t n = campaigns_held(g->machine, held, ARRAY_LEN(held));
    g->renew_us = w->now_us + 15 * SECOND;
    if (chance(w, 1000) < w->faults || w->ops->renew(w->store, l.owner, held, n, l.until_us) < 0 ||
        w->ops->take_over(w->store, &l, 5, &w->arena, &taken) < 0) {
        return;
    }
    step(w, g, &(struct campaign_event){.kind = CAMPAIGN_EV_RENEWED, .lease_until_us = l.until_us});
    for (uint32_t i = 0; i < taken.n; i++) {
        step(w, g,
             &(struct campaign_event){
                 .kind = CAMPAIGN_EV_TAKEN, .taken = &taken.attempts[i], .lease_until_us = l.until_us});
    }
}

/* The next thing that happens. False: nothing will before until. */
static bool happen(struct world *w, uint64_t until_us)
{
    struct pending *next = NULL;
    uint64_t at_us = until_us;
    struct gateway *wakes = NULL, *renews = NULL;
    for (uint32_t i = 0; i < WAITING; i++) {
        if (w->list[i].kind != PENDING_NONE && w->list[i].at_us < at_us) {
            next = &w->list[i];
            at_us = next->at_us;
        }
    }
    for (uint32_t i = 0; i < w->n_gateways; i++) {
        struct gateway *g = &w->gateways[i];
        if (g->machine && g->wake_us < at_us) {
            at_us = g->wake_us;
            wakes = g;
            renews = NULL;
            next = NULL;
        }
        if (g->machine && g->renew_us < at_us) {
            at_us = g->renew_us;
            renews = g;
            wakes = NULL;
            next = NULL;
        }
    }
    w->now_us = MAX(w->now_us + 1, at_us);
    if (renews) {
        renew(w, renews);
    } else if (wakes) {
        step(w, wakes, &(struct campaign_event){.kind = CAMPAIGN_EV_TICK});
    } else if (next) {
        struct pending p = *next;
        struct gateway *g = &w->gateways[p.gateway];
        next->kind = PENDING_NONE;
        if (!g->machine || g->life != p.life) {
            return true; /* whoever asked is dead */
        }
        if (p.kind == PENDING_ANSWER) {
            answer(w, g, p);
        } else if (p.event == DIALER_REQUESTED) {
            request_leaves(w, g, p);
        } else {
            tell(w, g, p.attempt_id, p.event, p.outcome, p.dialled);
        }
    }
    return renews || wakes || next;
}

static void run_for(struct world *w, uint64_t seconds)
{
    uint64_t until_us = w->now_us + seconds * SECOND;
    while (w->now_us < until_us && happen(w, until_us)) {
    }
    w->now_us = MAX(w->now_us, until_us);
}

static void open_world(struct world *w, uint32_t people, const char *settings)
{
    struct buf err;
    buf_init(&err, 4096);
    *w = (struct world){.now_us = T0, .seed = 1, .n_gateways = 1};
    arena_init(&w->arena, 512 << 20);
    assert_ok(store_sqlite.open(&(struct store_opts){0}, &err, &w->store));
    w->ops = store_sqlite.campaigns;
    if (campaign_settings_read(str_from(settings), STR("UTC"), &w->arena, &err, &w->settings) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    assert_ok(zone_load(STR("UTC"), &w->arena, &w->zone));
    const struct campaign_row c = {.id = STR("c"),
                                   .name = STR("c"),
                                   .status = CAMPAIGN_RUNNING,
                                   .settings = STR("{}"),
                                   .max_concurrent = w->settings.max_concurrent,
                                   .interval_us = campaign_interval_us(&w->settings),
                                   .created_us = T0};
    assert_ok(w->ops->create(w->store, &c));
    for (uint32_t i = 0; i < people; i++) {
        char phone[24];
        bool added = false;
        ignore_result(snprintf(phone, sizeof(phone), "+1415%07u", i) < 0);
        const struct contact_row row = {.campaign_id = STR("c"), .phone = str_from(phone)};
        assert_ok(w->ops->add(w->store, &row, 1, T0, &added));
    }
    buf_done(&err);
}

static struct campaign_progress progress(struct world *w)
{
    struct campaign_progress p;
    assert_ok(w->ops->progress(w->store, STR("c"), &p));
    return p;
}

static void close_world(struct world *w)
{
    for (uint32_t i = 0; i < w->n_gateways; i++) {
        die(&w->gateways[i]);
    }
    store_sqlite.close(w->store);
    arena_done(&w->arena);
}

#define ROUND_THE_CLOCK "\"window\":{\"start\":\"00:00\",\"end\":\"24:00\"}"

TEST(a_campaign_calls_everybody_once_and_keeps_the_pace)
{
    struct world w;
    open_world(&w, 10, "{\"name\":\"c\",\"calls_per_second\":0.5,\"max_concurrent\":3," ROUND_THE_CLOCK "}");
    w.script = DIALER_ANSWERED;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 3600);
    assert_int_equal(w.n_calls, 10);
    for (uint32_t i = 1; i < w.n_calls; i++) {
        assert_true(w.calls[i].at_us + 4u * SECOND >= w.calls[i - 1].at_us); /* requests leave up to 3 s late */
    }
    struct campaign_progress p = progress(&w);
    assert_int_equal(p.states[CONTACT_COMPLETED], 10);
    assert_int_equal(p.outcomes[ATTEMPT_ANSWERED_HUMAN], 10);
    assert_int_equal(campaigns_slots(w.gateways[0].machine), 0);
    close_world(&w);
}

TEST(outcomes_are_retried_with_growing_pauses_and_not_for_ever)
{
    struct world w;
    open_world(&w, 1, "{\"name\":\"c\",\"max_attempts\":3,\"retry\":{\"busy\":600}," ROUND_THE_CLOCK "}");
    w.script = DIALER_BUSY;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 86400);
    assert_int_equal(w.n_calls, 3);
    assert_true(w.calls[1].at_us - w.calls[0].at_us >= 600u * SECOND);
    assert_true(w.calls[2].at_us - w.calls[1].at_us >= 1200u * SECOND);
    struct campaign_progress p = progress(&w);
    assert_int_equal(p.states[CONTACT_FAILED], 1);
    assert_int_equal(p.outcomes[ATTEMPT_BUSY], 3);
    close_world(&w);
}

TEST(what_is_not_known_is_never_called_again)
{
    struct world w;
    open_world(&w, 1, "{\"name\":\"c\",\"max_attempts\":9,\"breaker\":{\"percent\":0}," ROUND_THE_CLOCK "}");
    w.script = DIALER_UNKNOWN;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 86400);
    assert_int_equal(w.n_calls, 1);
    assert_int_equal(progress(&w).states[CONTACT_FAILED], 1);
    close_world(&w);
}

TEST(outside_its_hours_nobody_is_called)
{
    struct world w; /* T0 is at noon */
    open_world(&w, 3, "{\"name\":\"c\",\"window\":{\"start\":\"14:00\",\"end\":\"15:00\"}}");
    w.script = DIALER_ANSWERED;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 7199);
    assert_int_equal(w.n_calls, 0);
    assert_int_equal(progress(&w).states[CONTACT_PENDING], 3);
    run_for(&w, 600);
    assert_int_equal(w.n_calls, 3);
    close_world(&w);
}

TEST(a_zone_that_is_not_known_fails_closed)
{
    struct world w;
    open_world(&w, 2, "{\"name\":\"c\"," ROUND_THE_CLOCK "}");
    w.zone_missing = true;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 3600);
    assert_int_equal(w.n_calls, 0);
    struct campaign_rows rows;
    assert_ok(w.ops->contacts(w.store, &(struct campaign_filter){.campaign_id = STR("c")}, &w.arena, &rows));
    assert_str_is(rows.contacts[0].note, "its time zone is not known here");
    assert_true(w.releases < 20); /* looked at now and then, not all the time */
    close_world(&w);
}

TEST(too_many_failures_pause_the_campaign)
{
    struct world w;
    open_world(&w, 30,
               "{\"name\":\"c\",\"calls_per_second\":1,\"max_concurrent\":4,\"max_attempts\":1," ROUND_THE_CLOCK "}");
    struct campaign_row c;
    w.script = DIALER_FAILED;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 3600);
    assert_ok(w.ops->get(w.store, STR("c"), &w.arena, &c));
    assert_int_equal(c.status, CAMPAIGN_PAUSED);
    assert_true(c.note.n > 0);
    assert_true(w.n_calls >= 5 && w.n_calls < 15);
    close_world(&w);
}

/* No carrier, no agent of that name, no recording of that name: the next contact would fare no better. */
static void assert_pauses(int start_err)
{
    struct world w;
    struct campaign_row c;
    open_world(&w, 3, "{\"name\":\"c\"," ROUND_THE_CLOCK "}");
    w.start_err = start_err;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 600);
    assert_ok(w.ops->get(w.store, STR("c"), &w.arena, &c));
    assert_int_equal(c.status, CAMPAIGN_PAUSED);
    assert_str_is(c.note, "no carrier");
    assert_int_equal(w.n_calls, 0);
    struct campaign_rows rows;
    assert_ok(w.ops->contacts(w.store, &(struct campaign_filter){.campaign_id = STR("c")}, &w.arena, &rows));
    assert_int_equal(rows.contacts[0].state, CONTACT_PENDING);
    assert_int_equal(rows.contacts[0].attempts, 0);
    close_world(&w);
}

TEST(what_is_wrong_for_everybody_pauses_the_campaign_and_costs_nobody_an_attempt)
{
    assert_pauses(-ERR_STATE);
    assert_pauses(-ENOENT);
    assert_pauses(-ERR_CONFIG);
}

TEST(an_agent_of_ones_own_that_is_not_there_fails_this_contact_alone)
{
    struct world w;
    struct campaign_row c;
    struct campaign_rows rows;
    bool added = false;
    open_world(&w, 0, "{\"name\":\"c\"," ROUND_THE_CLOCK "}");
    const struct contact_row row = {.campaign_id = STR("c"), .phone = STR("+14155550100"), .agent = STR("nobody")};
    assert_ok(w.ops->add(w.store, &row, 1, T0, &added));
    w.start_err = -ENOENT;
    be_born(&w, &w.gateways[0]);
    run_for(&w, 600);
    assert_ok(w.ops->get(w.store, STR("c"), &w.arena, &c));
    assert_int_not_equal(c.status, CAMPAIGN_PAUSED);
    assert_ok(w.ops->contacts(w.store, &(struct campaign_filter){.campaign_id = STR("c")}, &w.arena, &rows));
    assert_int_equal(rows.contacts[0].state, CONTACT_FAILED);
    close_world(&w);
}

TEST(a_lease_that_may_be_lost_forbids_the_request)
{
    struct world w;
    open_world(&w, 1, "{\"name\":\"c\"," ROUND_THE_CLOCK "}");
    be_born(&w, &w.gateways[0]);
    struct gateway *g = &w.gateways[0];
    while (w.intents == 0) {
        assert_true(happen(&w, w.now_us + SECOND));
    }
    while (campaigns_find(g->machine, STR("a1")) == UINT32_MAX || !campaigns_may_dial(g->machine, 0, w.now_us)) {
        assert_true(happen(&w, w.now_us + SECOND));
    }
    assert_true(campaigns_may_dial(g->machine, 0, w.now_us + 50u * SECOND));
    assert_false(campaigns_may_dial(g->machine, 0, w.now_us + 59u * SECOND)); /* it may arrive too late */
    step(&w, g, &(struct campaign_event){.kind = CAMPAIGN_EV_RENEWED, .lease_until_us = w.now_us + 100u * SECOND});
    assert_true(campaigns_may_dial(g->machine, 0, w.now_us + 59u * SECOND));
    campaigns_drop(g->machine, STR("c")); /* stopped in between */
    assert_false(campaigns_may_dial(g->machine, 0, w.now_us));
    close_world(&w);
}

/* Once a lease had run out, a renewal that comes late says nothing about it: another gateway may have taken it. */
TEST(a_renewal_does_not_bring_back_a_lease_that_had_run_out)
{
    struct world w;
    open_world(&w, 1, "{\"name\":\"c\"," ROUND_THE_CLOCK "}");
    be_born(&w, &w.gateways[0]);
    struct gateway *g = &w.gateways[0];
    while (campaigns_find(g->machine, STR("a1")) == UINT32_MAX || !campaigns_may_dial(g->machine, 0, w.now_us)) {
        assert_true(happen(&w, w.now_us + SECOND));
    }
    w.now_us += 61u * SECOND;
    step(&w, g, &(struct campaign_event){.kind = CAMPAIGN_EV_RENEWED, .lease_until_us = w.now_us + 60u * SECOND});
    assert_false(campaigns_may_dial(g->machine, 0, w.now_us));
    close_world(&w);
}

/* Phones that were called again after an end that nobody may retry. */
static void check_calls(struct world *w)
{
    for (uint32_t i = 0; i < w->n_calls; i++) {
        uint32_t same = 0;
        for (uint32_t k = 0; k < w->n_calls; k++) {
            if (strcmp(w->calls[i].phone, w->calls[k].phone) != 0) {
                continue;
            }
            same++;
            if (k > i) {
                /* Busy, no answer and failures may be tried again; whoever was reached or may have been, not. */
                bool retried = w->calls[i].outcome == DIALER_BUSY || w->calls[i].outcome == DIALER_NO_ANSWER ||
                               w->calls[i].outcome == DIALER_FAILED;
                if (!retried) {
                    fail_msg("seed: %s was called again after %s", w->calls[i].phone,
                             dialer_outcome_word(w->calls[i].outcome));
                }
            }
        }
        assert_true(same <= 3); /* max_attempts */
    }
}

TEST(whatever_breaks_nobody_is_called_twice)
{
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct world w;
        open_world(&w, PEOPLE,
                   "{\"name\":\"c\",\"calls_per_second\":1,\"max_concurrent\":8,\"breaker\":{\"percent\":0},"
                   "\"retry\":{\"busy\":60,\"no_answer\":120,\"error\":90}," ROUND_THE_CLOCK "}");
        w.seed = seed * 7919;
        w.faults = 100; /* every tenth answer of the store is lost, half of them behind the commit */
        w.n_gateways = 2;
        be_born(&w, &w.gateways[0]);
        be_born(&w, &w.gateways[1]);
        for (int crash = 0; crash < 30; crash++) {
            struct gateway *g = &w.gateways[chance(&w, 2)];
            run_for(&w, 1 + chance(&w, 40));
            if (g->machine) {
                die(g);
            } else {
                be_born(&w, g);
            }
        }
        w.faults = 0;
        for (uint32_t i = 0; i < w.n_gateways; i++) {
            if (!w.gateways[i].machine) {
                be_born(&w, &w.gateways[i]);
            }
        }
        run_for(&w, 7200); /* now everything comes to its end */
        check_calls(&w);
        struct campaign_progress p = progress(&w);
        assert_int_equal(p.states[CONTACT_COMPLETED] + p.states[CONTACT_FAILED], PEOPLE);
        assert_int_equal(p.outcomes[ATTEMPT_NONE], 0);
        assert_int_equal(campaigns_slots(w.gateways[0].machine), 0);
        assert_int_equal(campaigns_slots(w.gateways[1].machine), 0);
        close_world(&w);
    }
}

TEST_MAIN(T(a_campaign_calls_everybody_once_and_keeps_the_pace),
          T(outcomes_are_retried_with_growing_pauses_and_not_for_ever), T(what_is_not_known_is_never_called_again),
          T(outside_its_hours_nobody_is_called), T(a_zone_that_is_not_known_fails_closed),
          T(too_many_failures_pause_the_campaign),
          T(what_is_wrong_for_everybody_pauses_the_campaign_and_costs_nobody_an_attempt),
          T(an_agent_of_ones_own_that_is_not_there_fails_this_contact_alone),
          T(a_lease_that_may_be_lost_forbids_the_request), T(a_renewal_does_not_bring_back_a_lease_that_had_run_out),
          T(whatever_breaks_nobody_is_called_twice))
