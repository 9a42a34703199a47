/* The end of what runs campaigns: a store that is slow to answer outlives it, and nothing begins behind it. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "fakes/wait.h"
#include "gateway/campaigns.h"
#include "obs/metrics.h"

/* A store that answers when it is let. */
static struct {
    atomic_uint renewals;
    atomic_bool answers;
    char owner[32];
} fake;

static int list(struct store *s UNUSED, const struct campaign_filter *f UNUSED, struct arena *a UNUSED,
                struct campaign_rows *ret)
{
    *ret = (struct campaign_rows){.n = 0};
    return 0;
}

static int renew(struct store *s UNUSED, struct str owner UNUSED, const struct campaign_hold *held UNUSED, uint32_t n,
                 uint64_t until_us UNUSED)
{
    assert_int_equal(n, 0);
    atomic_fetch_add(&fake.renewals, 1);
    while (!atomic_load(&fake.answers)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

static int expire(struct store *s UNUSED, struct str prefix UNUSED, struct str owner UNUSED)
{
    return 0;
}

static int take_over(struct store *s UNUSED, const struct campaign_lease *l, uint32_t limit UNUSED,
                     struct arena *a UNUSED, struct campaign_rows *ret)
{
    ignore_result(str_copy(fake.owner, sizeof(fake.owner), l->owner) < 0);
    *ret = (struct campaign_rows){.n = 0};
    return 0;
}

static const struct campaign_ops ops = {.list = list, .renew = renew, .expire = expire, .take_over = take_over};

struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct campaign_host *host;
};

static void set_up(struct fixture *f, bool answers)
{
    atomic_store(&fake.renewals, 0);
    atomic_store(&fake.answers, answers);
    fake.owner[0] = '\0';
    f->metrics = metrics_new();
    assert_non_null(f->metrics);
    assert_ok(loop_new(&f->loop));
    const struct campaign_host_opts o = {
        .loop = f->loop, .ops = &ops, .metrics = f->metrics, .owner = STR("one#1234"), .lease_s = 1};
    assert_ok(campaign_host_new(&o, &f->host));
}

static bool renews(void *arg UNUSED)
{
    return atomic_load(&fake.renewals) > 0;
}

static bool is_idle(void *arg)
{
    const struct fixture *f = arg;
    return renews(NULL) && campaign_host_busy(f->host) == 0;
}

TEST(what_the_store_has_not_answered_ends_by_itself)
{
    struct fixture f;
    set_up(&f, false);
    wait_until(f.loop, renews, NULL);
    assert_int_equal(campaign_host_busy(f.host), 1);
    f.host = campaign_host_free(f.host);
    atomic_store(&fake.answers, true);
    loop_free(f.loop); /* waits for it */
    assert_string_equal(fake.owner, "one#1234");
    metrics_free(f.metrics);
}

TEST(no_lease_is_renewed_behind_the_end)
{
    struct fixture f;
    set_up(&f, true);
    wait_until(f.loop, is_idle, &f);
    campaign_host_stop(f.host);
    wait_until(f.loop, is_idle, &f);
    campaign_host_leave(f.host);
    uint32_t before = atomic_load(&fake.renewals);
    for (uint64_t until_us = clock_now_us() + 600000; clock_now_us() < until_us;) { /* two of its turns */
        settle(f.loop);
    }
    assert_int_equal(atomic_load(&fake.renewals), before);
    f.host = campaign_host_free(f.host);
    loop_free(f.loop);
    metrics_free(f.metrics);
}

TEST_MAIN(T(what_the_store_has_not_answered_ends_by_itself), T(no_lease_is_renewed_behind_the_end))
