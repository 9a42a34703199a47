/* What every store owes campaigns (call/campaign_store.h), above all: nobody is called twice. */
#include <pthread.h>
#include <stdio.h>

#include "base/err.h"
#include "call/campaign_store.h"
#include "store/backend.h"

#define SECOND 1000000u
#define BIT(x) (1u << (x))

static const struct campaign_ops *campaigns(void)
{
    return ops->campaigns;
}

static struct campaign_row campaign_of(const char *id)
{
    return (struct campaign_row){.id = str_from(id),
                                 .name = STR("Spring"),
                                 .status = CAMPAIGN_DRAFT,
                                 .settings = STR("{\"agent\":\"caf\xc3\xa9\"}"),
                                 .max_concurrent = 2,
                                 .created_us = T0};
}

static void make(struct fixture *f, const char *id, uint32_t contacts, enum campaign_status status)
{
    struct campaign_row c = campaign_of(id);
    assert_ok(campaigns()->create(f->s, &c));
    for (uint32_t i = 0; i < contacts; i++) {
        char phone[32], name[32];
        bool added = false;
        ignore_result(snprintf(phone, sizeof(phone), "+1555%07u", i) < 0);
        ignore_result(snprintf(name, sizeof(name), "Person %u", i) < 0);
        const struct contact_row row = {.campaign_id = str_from(id), .name = str_from(name), .phone = str_from(phone)};
        assert_ok(campaigns()->add(f->s, &row, 1, T0, &added));
        assert_true(added);
    }
    if (status != CAMPAIGN_DRAFT) {
        assert_ok(campaigns()->move(f->s, str_from(id), BIT(CAMPAIGN_DRAFT), status, STR(""), T0));
    }
}

static int lease_as(struct fixture *f, const char *owner, uint64_t now_us, struct contact_row *ret, uint64_t *next_us)
{
    const struct campaign_lease l = {
        .campaign_id = STR("c"), .owner = str_from(owner), .now_us = now_us, .until_us = now_us + 60 * SECOND};
    return campaigns()->lease(f->s, &l, &f->a, ret, next_us);
}

static struct contact_row lease_ok(struct fixture *f, const char *owner, uint64_t now_us)
{
    struct contact_row c = {0};
    uint64_t next_us = 0;
    assert_ok(lease_as(f, owner, now_us, &c, &next_us));
    return c;
}

static int intend_as(struct fixture *f, const char *owner, const struct contact_row *c, const char *id, uint64_t now_us)
{
    const struct attempt_row t = {.id = str_from(id),
                                  .campaign_id = c->campaign_id,
                                  .contact_id = c->id,
                                  .fence = c->fence,
                                  .owner = str_from(owner),
                                  .phone = c->phone,
                                  .caller_id = STR("+15005550006"),
                                  .agent = STR("sales"),
                                  .created_us = now_us};
    return campaigns()->intend(f->s, &t, now_us + 60 * SECOND);
}

static struct attempt_end end_of(const char *id, uint64_t fence, enum attempt_outcome outcome, enum contact_state state)
{
    return (struct attempt_end){.id = str_from(id),
                                .fence = fence,
                                .outcome = outcome,
                                .ended_us = T0 + 30 * SECOND,
                                .duration_s = 12,
                                .state = state};
}

static struct contact_row contact(struct fixture *f, uint32_t index)
{
    struct campaign_rows rows;
    assert_ok(
        campaigns()->contacts(f->s, &(struct campaign_filter){.campaign_id = STR("c"), .offset = index}, &f->a, &rows));
    assert_true(rows.n > 0);
    return rows.contacts[0];
}

static struct attempt_row attempt(struct fixture *f, const char *id)
{
    struct attempt_row t;
    assert_ok(campaigns()->attempt(f->s, str_from(id), &f->a, &t));
    return t;
}

TEST(a_campaign_comes_back_as_it_went_in)
{
    struct fixture f;
    struct campaign_row c = campaign_of("c"), got;
    struct campaign_rows rows;
    set_up(&f, NULL);
    c.note = STR("n");
    c.interval_us = 5 * SECOND;
    c.run_start_us = T0 + 1;
    c.run_end_us = T0 + 2;
    assert_ok(campaigns()->create(f.s, &c));
    assert_err(campaigns()->create(f.s, &c), EEXIST);
    c.id = STR("");
    assert_err(campaigns()->create(f.s, &c), EINVAL);
    assert_ok(campaigns()->get(f.s, STR("c"), &f.a, &got));
    assert_str_is(got.id, "c");
    assert_str_is(got.name, "Spring");
    assert_int_equal(got.status, CAMPAIGN_DRAFT);
    assert_str_is(got.note, "n");
    assert_str_is(got.settings, "{\"agent\":\"caf\xc3\xa9\"}");
    assert_int_equal(got.max_concurrent, 2);
    assert_int_equal(got.interval_us, 5 * SECOND);
    assert_int_equal(got.run_start_us, T0 + 1);
    assert_int_equal(got.run_end_us, T0 + 2);
    assert_int_equal(got.created_us, T0);
    assert_int_equal(got.updated_us, T0);
    assert_int_equal(got.started_us, 0);
    assert_err(campaigns()->get(f.s, STR("d"), &f.a, &got), ENOENT);
    make(&f, "d", 0, CAMPAIGN_RUNNING);
    assert_ok(campaigns()->list(f.s, &(struct campaign_filter){0}, &f.a, &rows));
    assert_int_equal(rows.total, 2);
    assert_str_is(rows.campaigns[0].id, "d"); /* the newest first */
    assert_ok(campaigns()->list(f.s, &(struct campaign_filter){.states = BIT(CAMPAIGN_DRAFT) | BIT(CAMPAIGN_PAUSED)},
                                &f.a, &rows));
    assert_int_equal(rows.n, 1);
    assert_str_is(rows.campaigns[0].id, "c");
    assert_ok(campaigns()->list(f.s, &(struct campaign_filter){.offset = 5}, &f.a, &rows));
    assert_int_equal(rows.n, 0);
    assert_int_equal(rows.total, 2);
    tear_down(&f);
}

TEST(a_campaign_moves_only_where_it_may_and_is_not_changed_while_it_runs)
{
    struct fixture f;
    struct campaign_row c = campaign_of("c"), got;
    set_up(&f, NULL);
    make(&f, "c", 0, CAMPAIGN_DRAFT);
    c.name = STR("Summer");
    c.updated_us = T0 + 9;
    assert_ok(campaigns()->change(f.s, &c));
    assert_ok(campaigns()->move(f.s, STR("c"), BIT(CAMPAIGN_DRAFT), CAMPAIGN_RUNNING, STR(""), T0 + 10));
    assert_err(campaigns()->move(f.s, STR("c"), BIT(CAMPAIGN_DRAFT), CAMPAIGN_RUNNING, STR(""), T0 + 11), ERR_STATE);
    assert_err(campaigns()->change(f.s, &c), ERR_STATE);
    assert_ok(
        campaigns()->move(f.s, STR("c"), BIT(CAMPAIGN_RUNNING), CAMPAIGN_PAUSED, STR("too many failures"), T0 + 20));
    assert_ok(campaigns()->move(f.s, STR("c"), BIT(CAMPAIGN_PAUSED), CAMPAIGN_RUNNING, STR(""), T0 + 30));
    assert_ok(campaigns()->get(f.s, STR("c"), &f.a, &got));
    assert_str_is(got.name, "Summer");
    assert_str_is(got.note, "");
    assert_int_equal(got.started_us, T0 + 10); /* the first time */
    assert_int_equal(got.updated_us, T0 + 30);
    assert_err(campaigns()->move(f.s, STR("nobody"), 0, CAMPAIGN_PAUSED, STR(""), T0), ENOENT);
    c.id = STR("nobody");
    assert_err(campaigns()->change(f.s, &c), ENOENT);
    tear_down(&f);
}

TEST(a_phone_is_once_in_a_campaign)
{
    struct fixture f;
    struct campaign_rows rows;
    const struct contact_row list[] = {
        {.campaign_id = STR("c"),
         .name = STR("Ada"),
         .phone = STR("+15551"),
         .timezone = STR("Europe/Berlin"),
         .agent = STR("sales"),
         .caller_id = STR("+15559"),
         .vars = STR("{\"x\":\"1\"}")},
        {.campaign_id = STR("c"), .name = STR("Bea"), .phone = STR("+15551")},
        {.campaign_id = STR("c"), .name = STR("Cleo"), .phone = STR("+15552")},
    };
    bool added[3] = {false, true, false};
    set_up(&f, NULL);
    make(&f, "c", 0, CAMPAIGN_DRAFT);
    assert_ok(campaigns()->add(f.s, list, 3, T0, added));
    assert_true(added[0]);
    assert_false(added[1]);
    assert_true(added[2]);
    assert_ok(campaigns()->contacts(f.s, &(struct campaign_filter){.campaign_id = STR("c")}, &f.a, &rows));
    assert_int_equal(rows.total, 2);
    assert_str_is(rows.contacts[0].name, "Ada");
    assert_str_is(rows.contacts[0].timezone, "Europe/Berlin");
    assert_str_is(rows.contacts[0].agent, "sales");
    assert_str_is(rows.contacts[0].caller_id, "+15559");
    assert_str_is(rows.contacts[0].vars, "{\"x\":\"1\"}");
    assert_int_equal(rows.contacts[0].state, CONTACT_PENDING);
    assert_str_is(rows.contacts[1].vars, "{}");
    const struct contact_row stray = {.campaign_id = STR("nobody"), .phone = STR("+1")};
    assert_err(campaigns()->add(f.s, &stray, 1, T0, added), ENOENT);
    tear_down(&f);
}

TEST(a_contact_goes_the_whole_road)
{
    struct fixture f;
    struct campaign_progress p;
    set_up(&f, NULL);
    make(&f, "c", 2, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "gw", T0);
    assert_str_is(c.phone, "+15550000000");
    assert_int_equal(c.state, CONTACT_LEASED);
    assert_int_equal(c.fence, 1);
    assert_ok(intend_as(&f, "gw", &c, "a1", T0 + SECOND));
    assert_err(intend_as(&f, "gw", &c, "a2", T0 + SECOND), ERR_STATE); /* one lease, one attempt */
    struct attempt_row t = attempt(&f, "a1");
    assert_int_equal(t.number, 1);
    assert_str_is(t.phone, "+15550000000");
    assert_str_is(t.caller_id, "+15005550006");
    assert_str_is(t.owner, "gw");
    assert_int_equal(t.duration_s, -1);
    assert_int_equal(contact(&f, 0).state, CONTACT_DIALING);
    const struct attempt_news news = {.id = STR("a1"),
                                      .fence = 1,
                                      .state = CONTACT_IN_PROGRESS,
                                      .answered_us = T0 + 5,
                                      .answerer = STR("human"),
                                      .carrier_call_id = STR("CA1")};
    assert_ok(campaigns()->note(f.s, &news));
    assert_ok(
        campaigns()->note(f.s, &(struct attempt_news){.id = STR("a1"), .fence = 1, .state = CONTACT_IN_PROGRESS}));
    assert_int_equal(contact(&f, 0).state, CONTACT_IN_PROGRESS);
    assert_ok(campaigns()->progress(f.s, STR("c"), &p));
    assert_int_equal(p.contacts, 2);
    assert_int_equal(p.states[CONTACT_IN_PROGRESS], 1);
    assert_int_equal(p.states[CONTACT_PENDING], 1);
    assert_int_equal(p.outcomes[ATTEMPT_NONE], 1);
    struct attempt_end e = end_of("a1", 1, ATTEMPT_ANSWERED_HUMAN, CONTACT_COMPLETED);
    e.cause = STR("NORMAL_CLEARING");
    assert_ok(campaigns()->close(f.s, &e));
    e.outcome = ATTEMPT_BUSY;
    assert_err(campaigns()->close(f.s, &e), ERR_STATE); /* the first end wins */
    assert_err(campaigns()->note(f.s, &news), ERR_STATE);
    e.id = STR("nobody");
    assert_err(campaigns()->close(f.s, &e), ENOENT);
    t = attempt(&f, "a1");
    assert_int_equal(t.outcome, ATTEMPT_ANSWERED_HUMAN);
    assert_int_equal(t.answered_us, T0 + 5);
    assert_int_equal(t.ended_us, T0 + 30 * SECOND);
    assert_int_equal(t.duration_s, 12);
    assert_str_is(t.answerer, "human");
    assert_str_is(t.carrier_call_id, "CA1");
    assert_str_is(t.cause, "NORMAL_CLEARING");
    c = contact(&f, 0);
    assert_int_equal(c.state, CONTACT_COMPLETED);
    assert_int_equal(c.last_outcome, ATTEMPT_ANSWERED_HUMAN);
    assert_int_equal(c.attempts, 1);
    assert_str_is(c.owner, "");
    tear_down(&f);
}

TEST(a_retry_waits_for_its_time_and_goes_before_who_was_never_called)
{
    struct fixture f;
    struct contact_row c;
    struct campaign_rows rows;
    uint64_t next_us = 0;
    set_up(&f, NULL);
    make(&f, "c", 2, CAMPAIGN_RUNNING);
    c = lease_ok(&f, "gw", T0);
    assert_ok(intend_as(&f, "gw", &c, "a1", T0));
    struct attempt_end e = end_of("a1", c.fence, ATTEMPT_BUSY, CONTACT_PENDING);
    e.next_us = T0 + 600 * SECOND;
    assert_ok(campaigns()->close(f.s, &e));
    c = lease_ok(&f, "gw", T0 + 1);
    assert_str_is(c.name, "Person 1");
    assert_ok(campaigns()->release(f.s, &c, 0, STR("outside its hours")));
    assert_str_is(contact(&f, 1).note, "outside its hours");
    c = lease_ok(&f, "gw", T0 + 600 * SECOND);
    assert_str_is(c.name, "Person 0");
    assert_int_equal(c.attempts, 1);
    assert_int_equal(c.last_outcome, ATTEMPT_BUSY);
    assert_ok(intend_as(&f, "gw", &c, "a2", T0 + 600 * SECOND));
    assert_int_equal(attempt(&f, "a2").number, 2);
    e = end_of("a2", c.fence, ATTEMPT_CANCELED, CONTACT_PENDING);
    e.uncounted = true; /* nothing was sent */
    e.next_us = T0 + 900 * SECOND;
    assert_ok(campaigns()->close(f.s, &e));
    assert_int_equal(contact(&f, 0).attempts, 1);
    c = lease_ok(&f, "gw", T0 + 700 * SECOND);
    assert_str_is(c.name, "Person 1");
    assert_err(lease_as(&f, "gw", T0 + 700 * SECOND, &c, &next_us), EAGAIN);
    assert_int_equal(next_us, T0 + 900 * SECOND);
    assert_ok(campaigns()->attempts(
        f.s, &(struct campaign_filter){.campaign_id = STR("c"), .contact_id = contact(&f, 0).id}, &f.a, &rows));
    assert_int_equal(rows.total, 2);
    assert_str_is(rows.attempts[0].id, "a2");
    tear_down(&f);
}

TEST(pace_places_and_run_time_hold_over_all_gateways)
{
    struct fixture f;
    struct campaign_row c = campaign_of("c");
    struct contact_row got;
    uint64_t next_us = 0;
    set_up(&f, NULL);
    make(&f, "c", 5, CAMPAIGN_DRAFT);
    assert_err(lease_as(&f, "one", T0, &got, &next_us), ERR_STATE); /* it does not run */
    c.interval_us = 5 * SECOND;
    c.run_start_us = T0 + 10;
    c.run_end_us = T0 + 3600 * (uint64_t)SECOND;
    assert_ok(campaigns()->change(f.s, &c));
    assert_ok(campaigns()->move(f.s, STR("c"), 0, CAMPAIGN_RUNNING, STR(""), T0));
    assert_err(lease_as(&f, "one", T0, &got, &next_us), EAGAIN);
    assert_int_equal(next_us, T0 + 10);
    lease_ok(&f, "one", T0 + SECOND);
    assert_err(lease_as(&f, "two", T0 + 2 * SECOND, &got, &next_us), EAGAIN);
    assert_int_equal(next_us, T0 + 6 * SECOND);
    struct contact_row second = lease_ok(&f, "two", T0 + 6 * SECOND);
    assert_err(lease_as(&f, "one", T0 + 20 * SECOND, &got, &next_us), ERR_LIMIT); /* two at once */
    assert_ok(campaigns()->release(f.s, &second, 0, STR("")));
    second = lease_ok(&f, "one", T0 + 7 * SECOND); /* it was not dialled: its place in the pace is free again */
    assert_err(lease_as(&f, "one", T0 + 3600 * (uint64_t)SECOND, &got, &next_us), EAGAIN);
    assert_int_equal(next_us, 0);
    assert_err(campaigns()->lease(f.s, &(struct campaign_lease){.campaign_id = STR("nobody")}, &f.a, &got, &next_us),
               ENOENT);
    tear_down(&f);
}

TEST(a_lost_lease_forbids_the_call)
{
    struct fixture f;
    struct campaign_rows taken;
    set_up(&f, NULL);
    make(&f, "c", 1, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "one", T0);
    assert_err(intend_as(&f, "two", &c, "a1", T0 + 1), ERR_STATE);           /* not its owner */
    assert_err(intend_as(&f, "one", &c, "a1", T0 + 60 * SECOND), ERR_STATE); /* too late by its own clock */
    const struct campaign_lease over = {.owner = STR("two"), .now_us = T0 + 61 * SECOND, .until_us = T0 + 120 * SECOND};
    assert_ok(campaigns()->take_over(f.s, &over, 10, &f.a, &taken));
    assert_int_equal(taken.n, 0); /* nothing was dialled: it only waits again */
    assert_int_equal(contact(&f, 0).state, CONTACT_PENDING);
    struct contact_row again = lease_ok(&f, "two", T0 + 61 * SECOND);
    assert_int_equal(again.fence, 2);
    assert_err(intend_as(&f, "one", &c, "a1", T0 + 1), ERR_STATE); /* whatever its clock says */
    assert_err(campaigns()->release(f.s, &c, 0, STR("")), ERR_STATE);
    assert_ok(intend_as(&f, "two", &again, "a2", T0 + 62 * SECOND));
    tear_down(&f);
}

TEST(a_paused_campaign_forbids_the_call)
{
    struct fixture f;
    set_up(&f, NULL);
    make(&f, "c", 1, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "one", T0);
    assert_ok(campaigns()->move(f.s, STR("c"), 0, CAMPAIGN_PAUSED, STR(""), T0));
    assert_err(intend_as(&f, "one", &c, "a1", T0 + 1), ERR_STATE);
    assert_ok(campaigns()->release(f.s, &c, 0, STR("")));
    assert_int_equal(contact(&f, 0).state, CONTACT_PENDING);
    tear_down(&f);
}

TEST(an_open_attempt_changes_hands_and_its_first_owner_has_no_say_any_more)
{
    struct fixture f;
    struct campaign_rows taken;
    struct contact_row got;
    uint64_t next_us = 0;
    set_up(&f, NULL);
    make(&f, "c", 1, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "one", T0);
    assert_ok(intend_as(&f, "one", &c, "a1", T0));
    const struct campaign_hold held = {c.id, c.fence};
    assert_int_equal(campaigns()->renew(f.s, STR("one"), &held, 1, T0 + 90 * SECOND), 1);
    assert_int_equal(campaigns()->renew(f.s, STR("one"), NULL, 0, T0 + 900 * SECOND), 0); /* only what it names */
    struct campaign_lease over = {.owner = STR("two"), .now_us = T0 + 80 * SECOND, .until_us = T0 + 200 * SECOND};
    assert_ok(campaigns()->take_over(f.s, &over, 10, &f.a, &taken));
    assert_int_equal(taken.n, 0); /* its owner gave a sign of life */
    over.now_us = T0 + 90 * SECOND;
    assert_ok(campaigns()->take_over(f.s, &over, 10, &f.a, &taken));
    assert_int_equal(taken.n, 1);
    assert_str_is(taken.attempts[0].id, "a1");
    assert_str_is(taken.attempts[0].owner, "two");
    assert_int_equal(taken.attempts[0].fence, 2);
    struct attempt_end e = end_of("a1", 1, ATTEMPT_NO_ANSWER, CONTACT_PENDING);
    assert_err(campaigns()->close(f.s, &e), ERR_STATE);
    assert_err(campaigns()->note(f.s, &(struct attempt_news){.id = STR("a1"), .fence = 1}), ERR_STATE);
    assert_int_equal(campaigns()->renew(f.s, STR("one"), &held, 1, T0 + 900 * SECOND), 0);
    assert_ok(campaigns()->take_over(f.s, &over, 10, &f.a, &taken));
    assert_int_equal(taken.n, 0); /* once */
    e = end_of("a1", 2, ATTEMPT_UNKNOWN, CONTACT_FAILED);
    assert_ok(campaigns()->close(f.s, &e));
    assert_err(lease_as(&f, "two", T0 + 9999 * (uint64_t)SECOND, &got, &next_us), EAGAIN); /* never again by itself */
    assert_int_equal(next_us, 0);
    /* By hand it may. */
    assert_ok(campaigns()->contact_set(f.s, STR("c"), contact(&f, 0).id, CONTACT_PENDING));
    got = lease_ok(&f, "two", T0 + 9999 * (uint64_t)SECOND);
    assert_int_equal(got.attempts, 0);
    tear_down(&f);
}

TEST(leases_of_an_earlier_run_end_at_once)
{
    struct fixture f;
    struct campaign_rows taken;
    set_up(&f, NULL);
    make(&f, "c", 2, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "gw_1#old", T0);
    assert_ok(intend_as(&f, "gw_1#old", &c, "a1", T0));
    lease_ok(&f, "gwX1#old", T0); /* another gateway; an underscore is no pattern */
    assert_int_equal(campaigns()->expire(f.s, STR("gw_1#"), STR("gw_1#new")), 1);
    const struct campaign_lease over = {.owner = STR("gw_1#new"), .now_us = T0 + 1, .until_us = T0 + 60 * SECOND};
    assert_ok(campaigns()->take_over(f.s, &over, 10, &f.a, &taken));
    assert_int_equal(taken.n, 1);
    assert_int_equal(campaigns()->expire(f.s, STR("gw_1#"), STR("gw_1#new")), 0); /* ours live on */
    assert_int_equal(contact(&f, 1).state, CONTACT_LEASED);
    tear_down(&f);
}

TEST(numbers_that_must_not_be_called_are_not)
{
    struct fixture f;
    struct dnc_row *list, got;
    uint32_t n;
    uint64_t total;
    const struct dnc_row rows[] = {{STR("+15550000000"), STR("asked on the phone"), T0},
                                   {STR("+49301234567"), STR(""), T0 + 1}};
    set_up(&f, NULL);
    make(&f, "c", 1, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "gw", T0);
    assert_ok(campaigns()->dnc_add(f.s, rows, 2)); /* between lease and intent */
    assert_err(intend_as(&f, "gw", &c, "a1", T0 + 1), EPERM);
    c = contact(&f, 0);
    assert_int_equal(c.state, CONTACT_CANCELED);
    assert_str_is(c.note, "do_not_call");
    assert_int_equal(c.lease_until_us, 0);
    struct attempt_row t;
    assert_err(campaigns()->attempt(f.s, STR("a1"), &f.a, &t), ENOENT);
    assert_ok(campaigns()->dnc_add(f.s, (struct dnc_row[]){{STR("+15550000000"), STR("twice"), T0 + 5}}, 1));
    assert_ok(campaigns()->dnc_get(f.s, STR("+15550000000"), &f.a, &got));
    assert_str_is(got.reason, "asked on the phone");
    assert_ok(campaigns()->dnc_list(f.s, 0, 0, &f.a, &list, &n, &total));
    assert_int_equal(n, 2);
    assert_int_equal(total, 2);
    assert_str_is(list[0].phone, "+49301234567");
    assert_ok(campaigns()->dnc_remove(f.s, STR("+49301234567")));
    assert_err(campaigns()->dnc_remove(f.s, STR("+49301234567")), ENOENT);
    assert_err(campaigns()->dnc_get(f.s, STR("+49301234567"), &f.a, &got), ENOENT);
    tear_down(&f);
}

TEST(a_campaign_is_removed_with_everything_but_not_while_somebody_is_called)
{
    struct fixture f;
    struct attempt_row t;
    struct campaign_rows rows;
    set_up(&f, NULL);
    make(&f, "c", 1, CAMPAIGN_RUNNING);
    struct contact_row c = lease_ok(&f, "gw", T0);
    assert_ok(intend_as(&f, "gw", &c, "a1", T0));
    assert_err(campaigns()->contact_set(f.s, STR("c"), c.id, CONTACT_CANCELED), ERR_STATE);
    assert_err(campaigns()->contact_set(f.s, STR("c"), 999, CONTACT_CANCELED), ENOENT);
    assert_err(campaigns()->contact_set(f.s, STR("c"), c.id, CONTACT_DIALING), EINVAL);
    assert_err(campaigns()->remove(f.s, STR("c")), ERR_STATE);
    assert_ok(campaigns()->move(f.s, STR("c"), 0, CAMPAIGN_STOPPED, STR(""), T0));
    assert_err(campaigns()->remove(f.s, STR("c")), EBUSY);
    const struct attempt_end e = end_of("a1", c.fence, ATTEMPT_NO_ANSWER, CONTACT_FAILED);
    assert_ok(campaigns()->close(f.s, &e));
    assert_ok(campaigns()->remove(f.s, STR("c")));
    assert_err(campaigns()->remove(f.s, STR("c")), ENOENT);
    assert_err(campaigns()->attempt(f.s, STR("a1"), &f.a, &t), ENOENT);
    assert_ok(campaigns()->contacts(f.s, &(struct campaign_filter){.campaign_id = STR("c")}, &f.a, &rows));
    assert_int_equal(rows.total, 0);
    tear_down(&f);
}

/* ---- several gateways at once, one of them always crashing ---- */

#define PEOPLE   120
#define GATEWAYS 4

struct gateway {
    struct store *s;
    char name[16];
    uint32_t number;
    uint32_t dialled, failed;
};

/* Leases and dials until nobody is left; every fifth contact it "crashes" before the intent, every seventh behind it.
 */
static void *dial_all(void *arg)
{
    struct gateway *g = arg;
    struct arena a;
    uint32_t n = 0;
    arena_init(&a, 32u << 20);
    for (int idle = 0; idle < 3;) {
        struct contact_row c;
        uint64_t next_us = 0;
        char id[32];
        const struct campaign_lease l = {
            .campaign_id = STR("c"), .owner = str_from(g->name), .now_us = T0, .until_us = T0 + 60 * SECOND};
        int err = ops->campaigns->lease(g->s, &l, &a, &c, &next_us);
        idle = err == -EAGAIN ? idle + 1 : 0;
        if (err < 0) {
            g->failed += err != -EAGAIN && err != -ERR_LIMIT && err != -EBUSY;
            continue;
        }
        n++;
        if (n % 5 == 0) {
            continue; /* the lease is never used */
        }
        ignore_result(snprintf(id, sizeof(id), "g%u-%u", g->number, n) < 0);
        const struct attempt_row t = {.id = str_from(id),
                                      .campaign_id = STR("c"),
                                      .contact_id = c.id,
                                      .fence = c.fence,
                                      .owner = str_from(g->name),
                                      .phone = c.phone,
                                      .created_us = T0};
        err = ops->campaigns->intend(g->s, &t, T0 + 60 * SECOND);
        g->failed += err < 0 && err != -EBUSY;
        g->dialled += err >= 0;
        if (err >= 0 && n % 7 != 0) {
            const struct attempt_end e = end_of(id, c.fence, ATTEMPT_ANSWERED_HUMAN, CONTACT_COMPLETED);
            do {
                err = ops->campaigns->close(g->s, &e);
            } while (err == -EBUSY);
            g->failed += err < 0;
        }
        arena_reset(&a);
    }
    arena_done(&a);
    return NULL;
}

TEST(several_gateways_never_call_one_contact_twice)
{
    struct fixture f, other[GATEWAYS];
    struct gateway gateways[GATEWAYS];
    pthread_t threads[GATEWAYS];
    struct campaign_progress p;
    struct campaign_row c = campaign_of("c");
    uint32_t dialled = 0;
    set_up(&f, NULL);
    make(&f, "c", PEOPLE, CAMPAIGN_DRAFT);
    c.max_concurrent = 1000;
    assert_ok(campaigns()->change(f.s, &c));
    assert_ok(campaigns()->move(f.s, STR("c"), 0, CAMPAIGN_RUNNING, STR(""), T0));
    for (uint32_t i = 0; i < GATEWAYS; i++) {
        gateways[i] = (struct gateway){.number = i};
        ignore_result(snprintf(gateways[i].name, sizeof(gateways[i].name), "gw%u", i) < 0);
        other[i] = f;
        buf_init(&other[i].errors, 4096);
        assert_ok(open_store(&other[i], &(struct store_opts){.node = gateways[i].name}));
        gateways[i].s = other[i].s;
        assert_int_equal(pthread_create(&threads[i], NULL, dial_all, &gateways[i]), 0);
    }
    for (uint32_t i = 0; i < GATEWAYS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(gateways[i].failed, 0);
        dialled += gateways[i].dialled;
        ops->close(other[i].s);
        buf_done(&other[i].errors);
    }
    assert_ok(campaigns()->progress(f.s, STR("c"), &p));
    assert_int_equal(p.attempts, dialled);
    assert_int_equal(p.states[CONTACT_PENDING], 0);
    assert_int_equal(p.states[CONTACT_LEASED] + dialled, PEOPLE); /* one attempt for each who was dialled */
    assert_int_equal(p.states[CONTACT_COMPLETED], p.outcomes[ATTEMPT_ANSWERED_HUMAN]);
    assert_int_equal(p.states[CONTACT_DIALING], p.outcomes[ATTEMPT_NONE]);
    tear_down(&f);
}

TEST(words_of_campaigns_go_both_ways)
{
    for (uint32_t i = 0; i < CAMPAIGN_STATUS_N; i++) {
        enum campaign_status v = CAMPAIGN_STATUS_N;
        assert_ok(campaign_status_parse(str_from(campaign_status_word((enum campaign_status)i)), &v));
        assert_int_equal(v, i);
    }
    for (uint32_t i = 0; i < CONTACT_STATE_N; i++) {
        enum contact_state v = CONTACT_STATE_N;
        assert_ok(contact_state_parse(str_from(contact_state_word((enum contact_state)i)), &v));
        assert_int_equal(v, i);
    }
    for (uint32_t i = 0; i < ATTEMPT_OUTCOME_N; i++) {
        enum attempt_outcome v = ATTEMPT_OUTCOME_N;
        assert_ok(attempt_outcome_parse(str_from(attempt_outcome_word((enum attempt_outcome)i)), &v));
        assert_int_equal(v, i);
    }
    enum contact_state asleep;
    assert_err(contact_state_parse(STR("asleep"), &asleep), EINVAL);
    assert_string_equal(contact_state_word((enum contact_state)77), "?");
}

SUITE_MAIN(T(a_campaign_comes_back_as_it_went_in),
           T(a_campaign_moves_only_where_it_may_and_is_not_changed_while_it_runs), T(a_phone_is_once_in_a_campaign),
           T(a_contact_goes_the_whole_road), T(a_retry_waits_for_its_time_and_goes_before_who_was_never_called),
           T(pace_places_and_run_time_hold_over_all_gateways), T(a_lost_lease_forbids_the_call),
           T(a_paused_campaign_forbids_the_call),
           T(an_open_attempt_changes_hands_and_its_first_owner_has_no_say_any_more),
           T(leases_of_an_earlier_run_end_at_once), T(numbers_that_must_not_be_called_are_not),
           T(a_campaign_is_removed_with_everything_but_not_while_somebody_is_called),
           T(several_gateways_never_call_one_contact_twice), T(words_of_campaigns_go_both_ways))
