/* Settings of campaigns, and the hours in which somebody may be called. */
#include <stdio.h>

#include "base/err.h"
#include "config/zones.h"
#include "dialer/campaign_settings.h"
#include "dialer/import.h"
#include "test.h"

static int read_json(const char *json, struct arena *a, struct buf *err, struct campaign_settings *s)
{
    buf_clear(err);
    return campaign_settings_read(str_from(json), STR("Europe/Berlin"), a, err, s);
}

TEST(what_is_not_said_has_the_known_defaults)
{
    struct campaign_settings s;
    struct arena a;
    struct buf err;
    arena_init(&a, 1 << 20);
    buf_init(&err, 4096);
    assert_ok(read_json("{\"name\":\"Spring\"}", &a, &err, &s));
    assert_str_is(s.name, "Spring");
    assert_str_is(s.timezone, "Europe/Berlin");
    assert_int_equal(s.window.start_min, 9 * 60);
    assert_int_equal(s.window.end_min, 17 * 60);
    assert_int_equal(s.window.days, 0x7F);
    assert_int_equal(s.max_concurrent, 1);
    assert_int_equal(campaign_interval_us(&s), 5000000);
    assert_int_equal(s.max_attempts, 3);
    assert_int_equal(s.retry_s[ATTEMPT_BUSY], 300);
    assert_int_equal(s.retry_s[ATTEMPT_UNKNOWN], 0);
    arena_done(&a);
    buf_done(&err);
}

TEST(settings_come_back_as_they_were_written)
{
    static const char json[] =
        "{\"name\":\"S\",\"timezone\":\"UTC\",\"window\":{\"start\":\"22:30\",\"end\":\"02:00\",\"days\":[\"fri\","
        "\"sat\"]},"
        "\"run_start\":\"2026-11-21T13:00:00+01:00\",\"run_end\":\"2026-12-01T00:00:00Z\",\"max_concurrent\":7,"
        "\"calls_per_second\":2.5,\"agent\":\"sales\",\"carrier\":\"plivo\",\"caller_ids\":[\"+15005550006\",\"+"
        "15005550007\"],"
        "\"opening_reason\":\"r\",\"objective\":\"o\",\"context\":\"c \\\"q\\\"\",\"ring_s\":20,\"max_call_s\":600,"
        "\"amd\":\"message_end\",\"machine\":\"voicemail\",\"voicemail\":\"Call "
        "us\",\"voicemail_sound\":\"message\",\"max_attempts\":4,"
        "\"retry\":{\"busy\":0,\"machine_detected\":60},\"breaker\":{\"percent\":30,\"calls\":9,\"seconds\":60}}";
    struct campaign_settings s, t;
    struct arena a;
    struct buf err, out, again;
    arena_init(&a, 1 << 20);
    buf_init(&err, 4096);
    buf_init(&out, 1 << 16);
    buf_init(&again, 1 << 16);
    assert_ok(read_json(json, &a, &err, &s));
    campaign_settings_write(&s, &out);
    assert_ok(read_json(buf_cstr(&out), &a, &err, &t));
    campaign_settings_write(&t, &again);
    assert_string_equal(buf_cstr(&out), buf_cstr(&again));
    assert_int_equal(t.window.start_min, 22 * 60 + 30);
    assert_int_equal(t.window.days, 1 << 5 | 1 << 6);
    assert_int_equal(t.run_start_us, 1795262400000000u);
    assert_int_equal(t.n_caller_ids, 2);
    assert_str_is(t.caller_ids[1], "+15005550007");
    assert_int_equal(t.amd, CARRIER_AMD_MESSAGE_END);
    assert_int_equal(t.machine, DIALER_MACHINE_VOICEMAIL);
    assert_int_equal(t.retry_s[ATTEMPT_BUSY], 0); /* taken back, and stays so */
    assert_int_equal(t.retry_s[ATTEMPT_NO_ANSWER], 1800);
    assert_int_equal(t.retry_s[ATTEMPT_MACHINE_DETECTED], 60);
    assert_str_is(t.context, "c \"q\"");
    assert_str_is(t.voicemail_sound, "message");
    arena_done(&a);
    buf_done(&err);
    buf_done(&out);
    buf_done(&again);
}

TEST(what_cannot_be_is_refused_by_name)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"[]", "one JSON object"},
        {"{\"name\":\"x\"", "one JSON object"},
        {"{}", "name must be given"},
        {"{\"name\":7}", "name must be a text"},
        {"{\"name\":\"x\",\"nmae\":1}", "no setting \"nmae\""},
        {"{\"name\":\"x\",\"window\":{\"start\":\"9\"}}", "window.start"},
        {"{\"name\":\"x\",\"window\":{\"end\":\"24:01\"}}", "window.end"},
        {"{\"name\":\"x\",\"window\":{\"days\":[]}}", "window.days"},
        {"{\"name\":\"x\",\"window\":{\"days\":[\"Monday\"]}}", "window.days"},
        {"{\"name\":\"x\",\"max_concurrent\":0}", "max_concurrent must be a whole number from 1"},
        {"{\"name\":\"x\",\"max_concurrent\":1.5}", "max_concurrent"},
        {"{\"name\":\"x\",\"calls_per_second\":0}", "calls_per_second"},
        {"{\"name\":\"x\",\"calls_per_second\":1e9}", "calls_per_second"},
        {"{\"name\":\"x\",\"caller_ids\":[\"0800\"]}", "caller_ids"},
        {"{\"name\":\"x\",\"retry\":{\"unknown\":60}}", "retry"}, /* it may have been called */
        {"{\"name\":\"x\",\"retry\":{\"answered_human\":60}}", "retry"},
        {"{\"name\":\"x\",\"machine\":\"voicemail\"}", "voicemail"},
        {"{\"name\":\"x\",\"amd\":\"maybe\"}", "amd must be off"},
        {"{\"name\":\"x\",\"run_start\":\"tomorrow\"}", "run_start"},
        {"{\"name\":\"x\",\"run_start\":\"2026-11-21T13:00:00Z\",\"run_end\":\"2026-11-21T13:00:00Z\"}", "run_end"},
        {"{\"name\":\"x\",\"breaker\":{\"percent\":101}}", "breaker.percent"},
    };
    struct campaign_settings s;
    struct arena a;
    struct buf err;
    arena_init(&a, 1 << 20);
    buf_init(&err, 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(read_json(cases[i].json, &a, &err, &s), ERR_CONFIG);
        assert_has(buf_str(&err), cases[i].want);
    }
    arena_done(&a);
    buf_done(&err);
}

static uint64_t at(const char *text)
{
    uint64_t us = 0;
    assert_ok(campaign_time_read(str_from(text), &us));
    return us;
}

TEST(times_are_read_with_their_offset)
{
    uint64_t us = 0;
    assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(at("2024-02-29T12:00:00.5Z"), 1709208000000000u);
    assert_int_equal(at("2026-11-21T13:00:00+01:00"), at("2026-11-21T12:00:00Z"));
    assert_int_equal(at("2026-11-21 13:00:00-0330"), at("2026-11-21T16:30:00Z"));
    static const char *const bad[] = {"",
                                      "2026-11-21",
                                      "2026-13-01T00:00:00Z",
                                      "2026-11-21T25:00:00Z",
                                      "2026-11-21T13:00:00",
                                      "1969-12-31T23:59:59Z",
                                      "2026-11-21T13:00:00+99:00",
                                      "2026-11-21T13:00:00Zx"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_true(campaign_time_read(str_from(bad[i]), &us) < 0);
    }
}

/* Saturday, 21 November 2026. */
TEST(windows_open_and_close_by_the_clock_on_the_wall)
{
    static const struct {
        const char *zone;
        struct campaign_window w;
        const char *now, *open; /* the same: it is open */
    } cases[] = {
        {"UTC", {540, 1020, 0x7F}, "2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z"},
        {"UTC", {540, 1020, 0x7F}, "2026-11-21T16:59:59Z", "2026-11-21T16:59:59Z"},
        {"UTC", {540, 1020, 0x7F}, "2026-11-21T17:00:00Z", "2026-11-22T09:00:00Z"},
        {"UTC", {540, 1020, 0x7F}, "2026-11-21T08:59:59Z", "2026-11-21T09:00:00Z"},
        {"UTC", {540, 1020, 0x3E}, "2026-11-21T12:00:00Z", "2026-11-23T09:00:00Z"}, /* weekdays only: Monday */
        {"Europe/Berlin", {540, 1020, 0x7F}, "2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"},
        {"Europe/Berlin", {540, 1020, 0x7F}, "2026-11-21T16:00:00Z", "2026-11-22T08:00:00Z"},
        {"America/Los_Angeles", {540, 1020, 0x7F}, "2026-11-21T16:00:00Z", "2026-11-21T17:00:00Z"},
        /* over midnight: the small hours belong to the day before */
        {"UTC", {1320, 120, 0x7F}, "2026-11-21T23:00:00Z", "2026-11-21T23:00:00Z"},
        {"UTC", {1320, 120, 0x7F}, "2026-11-21T01:59:00Z", "2026-11-21T01:59:00Z"},
        {"UTC", {1320, 120, 0x7F}, "2026-11-21T02:00:00Z", "2026-11-21T22:00:00Z"},
        {"UTC", {1320, 120, 1 << 6}, "2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z"}, /* Saturday's night */
        {"UTC", {1320, 120, 1 << 6}, "2026-11-21T01:00:00Z", "2026-11-21T22:00:00Z"}, /* Friday's is none */
        /* the whole day */
        {"UTC", {0, 1440, 0x7F}, "2026-11-21T23:59:59Z", "2026-11-21T23:59:59Z"},
        {"UTC", {600, 600, 1 << 0}, "2026-11-21T12:00:00Z", "2026-11-22T00:00:00Z"},
        /* the clocks change: 29 March 2026 02:00 is 03:00, 25 October 03:00 is 02:00 */
        {"Europe/Berlin", {540, 1020, 0x7F}, "2026-03-28T20:00:00Z", "2026-03-29T07:00:00Z"},
        {"Europe/Berlin", {540, 1020, 0x7F}, "2026-10-24T20:00:00Z", "2026-10-25T08:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *zone = NULL;
        struct arena a;
        arena_init(&a, 1 << 20);
        assert_ok(zone_load(str_from(cases[i].zone), &a, &zone));
        uint64_t got = campaign_window_next(&cases[i].w, zone, at(cases[i].now));
        if (got != at(cases[i].open)) {
            fail_msg("%zu: %s in %s: %llu instead of %s", i, cases[i].now, cases[i].zone, (unsigned long long)got,
                     cases[i].open);
        }
        arena_done(&a);
    }
}

TEST(whoever_does_not_know_the_time_there_does_not_call)
{
    const struct campaign_window w = {.start_min = 0, .end_min = 1440, .days = 0x7F};
    assert_true(campaign_window_next(&w, NULL, at("2026-11-21T12:00:00Z")) == UINT64_MAX);
    struct zone *zone = NULL;
    struct arena a;
    arena_init(&a, 1 << 20);
    assert_err(zone_load(STR("Mars/Crater"), &a, &zone), ENOENT);
    assert_err(zone_load(STR("../../etc/passwd"), &a, &zone), ENOENT);
    arena_done(&a);
}

/* Every minute of a year, in zones that change their clocks: a window never opens outside of itself, nor in the past.
 */
TEST(an_opening_is_always_inside_the_window)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"};
    const struct campaign_window w = {.start_min = 135, .end_min = 200, .days = 0x7F}; /* among the skipped minutes */
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        struct zone *zone = NULL;
        struct arena a;
        arena_init(&a, 1 << 20);
        assert_ok(zone_load(str_from(zones[i]), &a, &zone));
        for (uint64_t now_us = at("2026-01-01T00:00:00Z"); now_us < at("2027-01-01T00:00:00Z"); now_us += 1777000000u) {
            uint64_t open = campaign_window_next(&w, zone, now_us);
            assert_true(open >= now_us && open < now_us + 3 * 86400000000u);
            assert_int_equal(campaign_window_next(&w, zone, open), open);
        }
        arena_done(&a);
    }
}

static void read_example(const char *name, struct buf *out)
{
    char path[512];
    uint8_t piece[4096];
    size_t n = 0;
    ignore_result(snprintf(path, sizeof(path), SOURCE_ROOT "/examples/%s", name) < 0);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_put(out, piece, n);
    }
    fclose(file);
}

TEST(the_examples_are_what_the_page_says)
{
    struct campaign_settings s;
    struct import im;
    struct arena a;
    struct buf err, text;
    arena_init(&a, 16 << 20);
    buf_init(&err, 4096);
    buf_init(&text, 1 << 16);
    read_example("campaign.json", &text);
    if (campaign_settings_read(buf_str(&text), STR("UTC"), &a, &err, &s) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    assert_str_is(s.agent, "reminder");
    buf_clear(&text);
    read_example("contacts.csv", &text);
    assert_ok(import_read(buf_str(&text), &(struct import_opts){.campaign_id = STR("c"), .country = STR("US")}, &a,
                          &err, &im));
    assert_int_equal(im.n, 3);
    assert_int_equal(im.refused, 1); /* as docs/campaigns.md shows it */
    assert_str_is(im.rows[0].vars, "{\"order\":\"4711\"}");
    buf_done(&text);
    buf_done(&err);
    arena_done(&a);
}

TEST_MAIN(T(what_is_not_said_has_the_known_defaults), T(settings_come_back_as_they_were_written),
          T(what_cannot_be_is_refused_by_name), T(times_are_read_with_their_offset),
          T(windows_open_and_close_by_the_clock_on_the_wall), T(whoever_does_not_know_the_time_there_does_not_call),
          T(an_opening_is_always_inside_the_window), T(the_examples_are_what_the_page_says))
