/* Calls that we started, as every store keeps them. */
#include <stdio.h>

#include "base/err.h"
#include "store/backend.h"

static int put(struct fixture *f, enum store_op_kind kind, const void *row)
{
    struct store_op op = {.kind = kind, .at_us = T0, .u.call = row};
    return ops->write(f->s, &op, 1, NULL);
}

TEST(what_a_call_is_for_and_how_it_went_is_kept)
{
    struct fixture f;
    struct store_dial d;
    struct store_call c;
    set_up(&f, NULL);
    begin(&f, "c1", T0);
    const struct store_dial first = {.call_id = STR("c1"),
                                     .campaign = STR("spring"),
                                     .opening_reason = STR("your trial ends"),
                                     .objective = STR("ask how it was"),
                                     .context = STR("Acme, 25 seats"),
                                     .asked_us = T0 + 1};
    assert_ok(put(&f, STORE_DIAL_PUT, &first));
    const struct store_dial later = {.call_id = STR("c1"),
                                     .request_id = STR("req-1"),
                                     .answered_by = STR("human"),
                                     .outcome = STR("answered"),
                                     .cause = STR("200"),
                                     .detail = STR("fine"),
                                     .ringing_us = T0 + 2,
                                     .answered_us = T0 + 3,
                                     .ended_us = T0 + 4,
                                     .talk_s = 49};
    assert_ok(put(&f, STORE_DIAL_PUT, &later));
    assert_ok(put(&f, STORE_DIAL_PUT, &(struct store_dial){.call_id = STR("c1")})); /* nothing new: nothing lost */
    assert_ok(ops->dial_get(f.s, STR("c1"), &f.a, &d));
    assert_str_is(d.campaign, "spring");
    assert_str_is(d.opening_reason, "your trial ends");
    assert_str_is(d.objective, "ask how it was");
    assert_str_is(d.context, "Acme, 25 seats");
    assert_str_is(d.request_id, "req-1");
    assert_str_is(d.answered_by, "human");
    assert_str_is(d.outcome, "answered");
    assert_str_is(d.cause, "200");
    assert_str_is(d.detail, "fine");
    assert_int_equal(d.asked_us, T0 + 1);
    assert_int_equal(d.ringing_us, T0 + 2);
    assert_int_equal(d.answered_us, T0 + 3);
    assert_int_equal(d.ended_us, T0 + 4);
    assert_int_equal(d.talk_s, 49);
    assert_ok(ops->call_get(f.s, STR("c1"), &f.a, &c));
    assert_str_is(c.outcome, "answered");
    tear_down(&f);
}

TEST(an_outcome_that_comes_after_the_end_is_not_lost)
{
    struct fixture f;
    struct store_call c;
    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_ok(put(&f, STORE_CALL_END,
                  &(struct store_call){.id = STR("c1"), .reason = REASON_AGENT_HANGUP, .cost_micro = STORE_NO_COST}));
    assert_ok(put(&f, STORE_DIAL_PUT, &(struct store_dial){.call_id = STR("c1"), .outcome = STR("answered")}));
    assert_ok(ops->call_get(f.s, STR("c1"), &f.a, &c));
    assert_str_is(c.outcome, "answered");
    assert_int_equal(c.reason, REASON_AGENT_HANGUP);
    tear_down(&f);
}

TEST(a_dial_without_a_call_is_refused_and_too_much_text_too)
{
    struct fixture f;
    struct store_dial d;
    set_up(&f, NULL);
    assert_err(put(&f, STORE_DIAL_PUT, &(struct store_dial){.call_id = STR("none"), .outcome = STR("busy")}), ENOENT);
    assert_err(ops->dial_get(f.s, STR("none"), &f.a, &d), ENOENT);
    begin(&f, "c1", T0);
    assert_err(ops->dial_get(f.s, STR("c1"), &f.a, &d), ENOENT); /* a call that came in */
    char *text = test_malloc(70000);
    memset(text, 'x', 70000);
    assert_err(put(&f, STORE_DIAL_PUT, &(struct store_dial){.call_id = STR("c1"), .context = {text, 70000}}),
               ERR_TOO_BIG);
    test_free(text);
    tear_down(&f);
}

TEST(a_campaign_lists_exactly_its_calls_the_newest_first)
{
    struct fixture f;
    struct store_dials page;
    char id[16];
    set_up(&f, NULL);
    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        begin(&f, id, T0 + (uint64_t)i);
        if (i < 6) {
            const struct store_dial d = {.call_id = str_from(id), .campaign = i % 2 ? STR("odd") : STR("even")};
            assert_ok(put(&f, STORE_DIAL_PUT, &d));
        }
    }
    assert_ok(ops->dial_list(f.s, &(struct store_dial_filter){.campaign = STR("odd")}, &f.a, &page));
    assert_int_equal(page.total, 3);
    assert_int_equal(page.n, 3);
    assert_str_is(page.list[0].call_id, "c5");
    assert_str_is(page.calls[0].id, "c5");
    assert_str_is(page.calls[2].id, "c1");
    assert_str_is(page.calls[2].id, "c1");
    assert_ok(ops->dial_list(f.s, &(struct store_dial_filter){.limit = 2, .offset = 3}, &f.a, &page));
    assert_int_equal(page.total, 6);
    assert_int_equal(page.n, 2);
    assert_str_is(page.list[0].call_id, "c2");
    assert_ok(ops->dial_list(f.s, &(struct store_dial_filter){.campaign = STR("none")}, &f.a, &page));
    assert_int_equal(page.total, 0);
    assert_int_equal(page.n, 0);
    tear_down(&f);
}

TEST(deleting_a_call_deletes_what_it_was_for)
{
    struct fixture f;
    struct store_dial d;
    struct store_paths paths;
    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_ok(put(&f, STORE_DIAL_PUT, &(struct store_dial){.call_id = STR("c1"), .context = STR("private")}));
    assert_ok(ops->call_delete(f.s, STR("c1"), &f.a, &paths));
    assert_err(ops->dial_get(f.s, STR("c1"), &f.a, &d), ENOENT);
    tear_down(&f);
}

/* What a dead process had dialled is found out by the next one, or goes on in it. */
TEST(a_call_that_was_closed_as_killed_has_a_later_word)
{
    static const struct {
        const char *outcome;
        enum call_reason reason;
        enum store_status status;
    } cases[] = {
        {"no_answer", REASON_NO_ANSWER, STORE_FAILED},
        {"busy", REASON_BUSY, STORE_FAILED},
        {"failed", REASON_NOT_DIALLED, STORE_FAILED},
        {"canceled", REASON_CANCELED, STORE_COMPLETED},
        {"consent_denied", REASON_NO_CONSENT, STORE_COMPLETED},
        {"answered", REASON_KILLED, STORE_FAILED},
        {"unknown", REASON_KILLED, STORE_FAILED},
    };
    struct fixture f;
    struct store_call c;
    char id[8];
    set_up(&f, NULL);
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(id, sizeof(id), "c%u", i);
        begin(&f, id, T0);
    }
    assert_int_equal(ops->close_stale(f.s, T0 + 5), (int)ARRAY_LEN(cases));
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(id, sizeof(id), "c%u", i);
        assert_ok(put(&f, STORE_DIAL_PUT,
                      &(struct store_dial){.call_id = str_from(id), .outcome = str_from(cases[i].outcome)}));
        assert_ok(ops->call_get(f.s, str_from(id), &f.a, &c));
        assert_int_equal(c.reason, cases[i].reason);
        assert_int_equal(c.status, cases[i].status);
    }
    /* Somebody answers it now: the same call begins again, and has an end of its own. */
    begin(&f, "c5", T0 + 10);
    assert_ok(ops->call_get(f.s, STR("c5"), &f.a, &c));
    assert_int_equal(c.reason, REASON_NONE);
    assert_int_equal(c.ended_us, 0);
    const struct store_call end = {
        .id = STR("c5"), .reason = REASON_AGENT_HANGUP, .ended_us = T0 + 20, .cost_micro = STORE_NO_COST};
    assert_ok(put(&f, STORE_CALL_END, &end));
    assert_ok(ops->call_get(f.s, STR("c5"), &f.a, &c));
    assert_int_equal(c.reason, REASON_AGENT_HANGUP);
    assert_int_equal(c.ended_us, T0 + 20);
    assert_int_equal(c.started_us, T0); /* it is one call */
    /* One that ended otherwise does not. */
    assert_err(put(&f, STORE_CALL_BEGIN, &(struct store_call){.id = STR("c5"), .started_us = T0}), EEXIST);
    tear_down(&f);
}

SUITE_MAIN(T(a_call_that_was_closed_as_killed_has_a_later_word), T(what_a_call_is_for_and_how_it_went_is_kept),
           T(an_outcome_that_comes_after_the_end_is_not_lost),
           T(a_dial_without_a_call_is_refused_and_too_much_text_too),
           T(a_campaign_lists_exactly_its_calls_the_newest_first), T(deleting_a_call_deletes_what_it_was_for))
