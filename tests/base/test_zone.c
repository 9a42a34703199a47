/* Time zones: against the C library's own reading where the system has zone files, and by hand-made bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/zone.h"
#include "test.h"

static int parse(const uint8_t *p, size_t n, struct arena *a, struct zone **ret)
{
    return zone_parse((struct span){p, n}, a, ret);
}

/* A file of version 2 with one type (UTC+1) and the rule. */
static size_t make(uint8_t *out, size_t cap, const char *rule)
{
    static const uint8_t block[] = {'T', 'Z', 'i', 'f', '2', 0, 0, 0, 0, 0, 0,  0,  0, 0, 0,   0,   0,   0,
                                    0,   0,   0,   0,   0,   0, 0, 0, 0, 0, 0,  0,  0, 0, 0,   0,   0,   0,
                                    0,   0,   0,   1,   0,   0, 0, 4, 0, 0, 14, 16, 0, 0, 'C', 'E', 'T', 0};
    int n = snprintf((char *)out + 2 * sizeof(block), cap - 2 * sizeof(block), "\n%s\n", rule);
    memcpy(out, block, sizeof(block));
    memcpy(out + sizeof(block), block, sizeof(block));
    return 2 * sizeof(block) + (size_t)n;
}

static struct zone_time at(const char *rule, int64_t unix_s)
{
    uint8_t file[300];
    struct arena a;
    struct zone *z = NULL;
    struct zone_time t;
    arena_init(&a, 1 << 20);
    assert_ok(parse(file, make(file, sizeof(file), rule), &a, &z));
    zone_at(z, unix_s, &t);
    arena_done(&a);
    return t;
}

TEST(fixed_offsets)
{
    static const struct {
        const char *text;
        int32_t offset;
    } good[] = {{"UTC", 0},        {"GMT", 0},     {"Z", 0},          {"+02:00", 7200},
                {"-0330", -12600}, {"+05", 18000}, {"-14:00", -50400}};
    static const char *const bad[] = {"",       "+",     "+2",      "02:00",         "+15:00",
                                      "+02:60", "+02:0", "+02:000", "Europe/Berlin", "+ab"};
    struct arena a;
    struct zone *z;
    struct zone_time t;
    arena_init(&a, 1 << 20);
    for (uint32_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(zone_fixed(str_from(good[i].text), &a, &z));
        zone_at(z, 1700000000, &t);
        assert_int_equal(t.offset_s, good[i].offset);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(zone_fixed(str_from(bad[i]), &a, &z), ERR_SYNTAX);
    }
    arena_done(&a);
}

TEST(no_zone_is_utc)
{
    struct zone_time t;
    zone_at(NULL, 1795283274, &t); /* 2026-11-21 17:47:54, a Saturday */
    assert_int_equal(t.year, 2026);
    assert_int_equal(t.month, 11);
    assert_int_equal(t.day, 21);
    assert_int_equal(t.weekday, 6);
    assert_int_equal(t.hour, 17);
    assert_int_equal(t.minute, 47);
    assert_int_equal(t.second, 54);
}

TEST(the_rule_at_the_end_of_a_file_turns_the_clock)
{
    /* In 2026 summer time lasts from the 29th of March, 01:00 UTC, to the 25th of October, 01:00 UTC. */
    assert_int_equal(at("CET-1CEST,M3.5.0,M10.5.0/3", 1774745999).offset_s, 3600);
    assert_int_equal(at("CET-1CEST,M3.5.0,M10.5.0/3", 1774746000).offset_s, 7200);
    assert_int_equal(at("CET-1CEST,M3.5.0,M10.5.0/3", 1792889999).offset_s, 7200);
    assert_int_equal(at("CET-1CEST,M3.5.0,M10.5.0/3", 1792890000).offset_s, 3600);
    /* The south: summer over the turn of the year. */
    assert_int_equal(at("AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600).offset_s, 11 * 3600);
    assert_int_equal(at("AEST-10AEDT,M10.1.0,M4.1.0/3", 1782864000).offset_s, 10 * 3600);
    /* No summer, a name in brackets, minutes, days by number. */
    assert_int_equal(at("<+0545>-5:45", 1782864000).offset_s, 5 * 3600 + 45 * 60);
    assert_int_equal(at("XST0XDT,J60/0,J300/0", 1772323200).offset_s, 3600); /* 2026-03-01 00:00 */
    assert_int_equal(at("XST0XDT,J60/0,J300/0", 1772323199).offset_s, 0);
    assert_int_equal(at("XST0XDT,J60/0,J300/0", 1709251200).offset_s, 3600); /* 2024-03-01, a leap year */
    assert_int_equal(at("XST0XDT,J60/0,J300/0", 1709251199).offset_s, 0);
    assert_int_equal(at("XST0XDT,59/0,300/0", 1772323200).offset_s, 3600);
    assert_int_equal(at("", 1772323200).offset_s, 3600); /* no rule: the type of the file */
}

TEST(broken_files_are_refused)
{
    static const char *const rules[] = {"C-1",
                                        "CET",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.7,M10.5.0",
                                        "CET-1CEST,J0,J3",
                                        "CET-1CEST,M3.5.0,M10.5.0x",
                                        "<CET-1",
                                        "CET-1CEST,M3.5.0/168,M10.5.0",
                                        "CET-99"};
    uint8_t file[300];
    struct arena a;
    struct zone *z;
    arena_init(&a, 1 << 20);
    for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) {
        size_t n = make(file, sizeof(file), rules[i]);
        if (parse(file, n, &a, &z) != -ERR_SYNTAX) {
            fail_msg("%s is taken", rules[i]);
        }
    }
    size_t n = make(file, sizeof(file), "CET-1");
    for (size_t cut = 0; cut < n - 6; cut++) { /* whatever is missing of the blocks */
        assert_err(parse(file, cut, &a, &z), ERR_SYNTAX);
    }
    file[0] = 'X';
    assert_err(parse(file, n, &a, &z), ERR_SYNTAX);
    arena_done(&a);
}

/* The C library reads the same file; both must show the same clock at any time. */
static void compare(const char *name)
{
    char path[200];
    uint8_t bytes[65536];
    struct arena a;
    struct zone *z = NULL;
    assert_true(snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) > 0);
    FILE *f = fopen(path, "rb");
    if (!f) {
        skip();
    }
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    arena_init(&a, 1 << 20);
    assert_ok(parse(bytes, n, &a, &z));
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    for (int64_t s = 86400 * 365; s < 4102444800; s += 86400 * 3 + 4567) { /* 1971 to 2100 */
        time_t t = (time_t)s;
        struct tm tm;
        struct zone_time got;
        assert_non_null(localtime_r(&t, &tm));
        zone_at(z, s, &got);
        if (got.offset_s != tm.tm_gmtoff || got.hour != tm.tm_hour || got.day != tm.tm_mday ||
            got.weekday != tm.tm_wday || got.month != tm.tm_mon + 1 || got.year != tm.tm_year + 1900 ||
            got.minute != tm.tm_min) {
            fail_msg("%s at %lld: offset %d, not %ld", name, (long long)s, got.offset_s, tm.tm_gmtoff);
        }
    }
    arena_done(&a);
}

TEST(clocks_agree_with_the_c_library)
{
    compare("Europe/Berlin");
    compare("America/New_York");
    compare("Australia/Sydney");
    compare("Asia/Kathmandu");
    compare("America/St_Johns");
    compare("Africa/Casablanca");
    compare("America/Sao_Paulo");
    compare("Pacific/Apia");
    compare("UTC");
}

TEST_MAIN(T(fixed_offsets), T(no_zone_is_utc), T(the_rule_at_the_end_of_a_file_turns_the_clock),
          T(broken_files_are_refused), T(clocks_agree_with_the_c_library))
