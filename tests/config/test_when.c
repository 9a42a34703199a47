/* Conditions: what they hold for, how they are refused, how they are printed. */
#include <time.h>

#include "fixture.h"

#define AT(y, mo, d, h, mi) ((int64_t)at_utc(y, mo, d, h, mi) * 1000000)

static int64_t at_utc(int y, int mo, int d, int h, int mi)
{
    struct tm tm = {.tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi};
    return (int64_t)timegm(&tm);
}

static const struct when_pair headers[] = {{{"X-Tier", sizeof("X-Tier") - 1}, {"Gold", sizeof("Gold") - 1}},
                                           {{"x-branch", sizeof("x-branch") - 1}, {"7", sizeof("7") - 1}}};
static const struct when_pair parameters[] = {{{"lang", sizeof("lang") - 1}, {"de", sizeof("de") - 1}}};

static struct when_facts facts(void)
{
    return (struct when_facts){.called = STR("+15550100"),
                               .caller = STR("+4930123"),
                               .carrier = STR("twilio"),
                               .direction = STR("inbound"),
                               .headers = headers,
                               .n_headers = 2,
                               .parameters = parameters,
                               .n_parameters = 1,
                               .wall_us = AT(2026, 11, 20, 9, 30)}; /* a Friday */
}

/* The condition as the when of the only route. */
static bool holds_for(const char *condition, const struct when_facts *f)
{
    struct fixture x;
    struct buf yaml, printed;
    bool got;

    buf_init(&yaml, 1 << 16);
    buf_init(&printed, 1 << 16);
    buf_printf(&yaml, "routes: [{when: %s}]", condition);
    fixture_ok(&x, buf_cstr(&yaml), NULL);
    got = when_holds(x.cfg->routes[0].when, f);
    /* What is printed holds for the same. */
    when_put(x.cfg->routes[0].when, &printed);
    fixture_done(&x);
    buf_clear(&yaml);
    buf_printf(&yaml, "routes: [{when: %s}]", buf_cstr(&printed));
    fixture_ok(&x, buf_cstr(&yaml), NULL);
    assert_int_equal(when_holds(x.cfg->routes[0].when, f), got);
    fixture_done(&x);
    buf_done(&yaml);
    buf_done(&printed);
    return got;
}

#define HOLDS(condition)     assert_true(holds_for(condition, &f))
#define HOLDS_NOT(condition) assert_false(holds_for(condition, &f))

TEST(numbers_match_patterns)
{
    struct when_facts f = facts();
    HOLDS("{called: '+15550100'}");
    HOLDS("{called: '+1 (555) 01-00'}");
    HOLDS("{called: '+1555*'}");
    HOLDS("{called: '+1555?1?0'}");
    HOLDS("{called: ['+49*', '+15550100']}");
    HOLDS("{called: '+49*, *0100'}");
    HOLDS("{called: '*'}");
    HOLDS_NOT("{called: '+1555'}");
    HOLDS_NOT("{called: '+1555?1?'}");
    HOLDS_NOT("{called: []}");
    HOLDS("{to: '+15550100', from: '+4930123'}");
    HOLDS_NOT("{called: '+15550100', caller: '+15550100'}");
    HOLDS_NOT("{caller: anonymous}");
    f.caller = STR("+266696687");
    HOLDS("{caller: anonymous}");
    f.caller = STR("Restricted");
    HOLDS("{caller: anonymous}");
    f.caller = STR("");
    HOLDS("{caller: anonymous}");
    HOLDS_NOT("{caller: '+*'}");
    f.caller = STR("sip:Bob@example.com");
    HOLDS("{caller: 'sip:bob@*'}");
}

TEST(stars_do_not_take_for_ever)
{
    struct when_facts f = facts();
    char digits[2000];
    memset(digits, '1', sizeof(digits));
    f.called = (struct str){digits, sizeof(digits)};
    HOLDS_NOT("{called: '*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*2'}");
    HOLDS("{called: '1*1*1*1*1*1*1*1*1*1*1'}");
}

TEST(what_the_carrier_says)
{
    struct when_facts f = facts();
    HOLDS("{carrier: twilio, direction: inbound}");
    HOLDS_NOT("{direction: outbound}");
    HOLDS("{header: {x-tier: gold}}");
    HOLDS("{header: {X-Tier: [silver, gold], X-Branch: '*'}}");
    HOLDS_NOT("{header: {X-Tier: gold, X-Other: '*'}}");
    HOLDS("{parameter: {lang: de}}");
    HOLDS_NOT("{parameter: {LANG: de}}"); /* names of parameters are exact */
    HOLDS_NOT("{parameter: {lang: [en, fr]}}");
}

TEST(days_hours_and_dates)
{
    struct when_facts f = facts();
    HOLDS("{days: fri}");
    HOLDS("{days: mon-fri}");
    HOLDS("{days: weekdays}");
    HOLDS("{days: [sat, thu-fri]}");
    HOLDS("{days: thu-mon}");
    HOLDS_NOT("{days: weekend}");
    HOLDS("{hours: '09:00-17:00'}");
    HOLDS("{hours: '9:30-9:31'}");
    HOLDS_NOT("{hours: '9-9:30'}");
    HOLDS("{hours: ['6-7', '8-24']}");
    HOLDS("{dates: 2026-11-20}");
    HOLDS("{dates: '11-20'}");
    HOLDS("{dates: '2026-11-01..2026-11-20'}");
    HOLDS("{dates: '10-01..02-01'}");
    HOLDS_NOT("{dates: ['12-24..12-26', '2025-11-20']}");
    HOLDS("{days: fri, hours: '9-10', dates: '11-20'}");
    HOLDS_NOT("{days: sat, hours: '9-10', dates: '11-20'}");
}

TEST(a_night_belongs_to_the_day_on_which_it_began)
{
    struct when_facts f = facts();
    f.wall_us = AT(2026, 11, 20, 23, 0); /* Friday night */
    HOLDS("{days: fri, hours: '22:00-06:00'}");
    f.wall_us = AT(2026, 11, 21, 5, 59);
    HOLDS("{days: fri, hours: '22:00-06:00'}");
    HOLDS_NOT("{days: sat, hours: '22:00-06:00'}");
    f.wall_us = AT(2026, 11, 21, 6, 0);
    HOLDS_NOT("{days: fri, hours: '22:00-06:00'}");
    f.wall_us = AT(2026, 11, 20, 5, 0); /* of Thursday's night */
    HOLDS_NOT("{days: fri, hours: '22:00-06:00'}");
}

TEST(clocks_hang_in_time_zones)
{
    struct when_facts f = facts(); /* 09:30 UTC */
    HOLDS("{hours: '11-12', time_zone: '+02:00'}");
    HOLDS_NOT("{hours: '9-10', time_zone: '+02:00'}");
    struct fixture x;
    fixture_ok(&x, "time_zone: '-09:30'\nroutes: [{when: {days: fri, hours: '0-1'}}]", NULL);
    f.zone = x.cfg->zone;
    assert_true(when_holds(x.cfg->routes[0].when, &f));
    f.zone = NULL;
    assert_false(when_holds(x.cfg->routes[0].when, &f));
    fixture_done(&x);
}

TEST(conditions_nest)
{
    struct when_facts f = facts();
    HOLDS("true");
    HOLDS_NOT("false");
    HOLDS("{}");
    HOLDS("{not: {called: '+49*'}}");
    HOLDS_NOT("{not: {}}");
    HOLDS("{not: {called: '+15550100', caller: '+1*'}}"); /* both would have to hold */
    HOLDS("{any: [{called: '+49*'}, {days: fri}]}");
    HOLDS_NOT("{any: []}");
    HOLDS("{all: []}");
    HOLDS("{all: [{any: [false, {not: {any: [false, false]}}]}, {carrier: twilio}]}");
    HOLDS_NOT("{any: [{called: '*'}], days: sat}");
}

static bool may_hold(const char *condition)
{
    struct when_facts f = facts();
    struct fixture x;
    struct buf yaml;
    bool got;

    buf_init(&yaml, 1 << 16);
    buf_printf(&yaml, "routes: [{when: %s}]", condition);
    fixture_ok(&x, buf_cstr(&yaml), NULL);
    got = when_may_hold(x.cfg->routes[0].when, &f);
    fixture_done(&x);
    buf_done(&yaml);
    return got;
}

TEST(in_a_call_only_the_time_goes_on)
{
    assert_true(when_may_hold(NULL, NULL));
    assert_true(may_hold("{hours: '20-22'}"));
    assert_true(may_hold("{not: {hours: '8-22'}}"));
    assert_true(may_hold("{called: '+15550100', days: sun}"));
    assert_false(may_hold("{called: '+49*', days: sun}"));
    assert_true(may_hold("{any: [{called: '+49*'}, {days: sun}]}"));
    assert_false(may_hold("{any: [{called: '+49*'}, {caller: '+1*'}]}"));
    assert_true(may_hold("{not: {called: '+49*'}}"));
    assert_false(may_hold("{not: {called: '+1555*'}}"));
    assert_true(may_hold("{not: {called: '+1555*', hours: '9-10'}}"));
    assert_false(may_hold("{any: []}"));
    assert_true(may_hold("{not: {any: []}}"));
}

TEST(mistakes_are_told_with_their_place)
{
    static const struct {
        const char *condition, *want;
    } cases[] = {
        {"{calld: x}", "t.yaml:1:18: unknown key \"calld\" in routes[0].when; did you mean \"called\"?\n"},
        {"maybe",
         "t.yaml:1:17: routes[0].when must be true, false or a map of conditions (called:, caller:, hours:, ...)\n"},
        {"[true]",
         "t.yaml:1:17: routes[0].when must be true, false or a map of conditions (called:, caller:, hours:, ...)\n"},
        {"{called: {a: b}}", "t.yaml:1:26: routes[0].when.called must be a text or a list of texts, not \"{...}\"\n"},
        {"{carrier: twillio}", "t.yaml:1:27: routes[0].when.carrier must be twilio or plivo, not \"twillio\"\n"},
        {"{direction: in}", "t.yaml:1:29: routes[0].when.direction must be inbound or outbound, not \"in\"\n"},
        {"{header: x}", "t.yaml:1:26: routes[0].when.header must be a map of names to patterns, not \"x\"\n"},
        {"{days: [mon, fry]}", "t.yaml:1:30: routes[0].when must be days such as mon-fri, sat, weekend, not \"fry\"\n"},
        {"{hours: '9-25'}", "t.yaml:1:25: routes[0].when.hours must be hours such as 09:00-17:30, not \"9-25\"\n"},
        {"{hours: '9:5-10'}", "t.yaml:1:25: routes[0].when.hours must be hours such as 09:00-17:30, not \"9:5-10\"\n"},
        {"{dates: 13-01}",
         "t.yaml:1:25: routes[0].when.dates must be dates such as 2026-12-24, 12-25 or 12-24..01-06, not "
         "\"13-01\"\n"},
        {"{dates: 2026-12-24..12-26}", "t.yaml:1:25: routes[0].when.dates must be dates such as 2026-12-24, 12-25 or "
                                       "12-24..01-06, not \"2026-12-24..12-26\"\n"},
        {"{hours: 9-10, time_zone: Mars/Base}", "t.yaml:1:42: routes[0].when: \"Mars/Base\" is no time zone of this "
                                                "system; write one such as Europe/Berlin or "
                                                "+02:00\n"},
        {"{time_zone: ../../etc/passwd}",
         "t.yaml:1:29: routes[0].when: \"../../etc/passwd\" is no time zone of this system; "
         "write one such as Europe/Berlin or +02:00\n"},
        {"{any: {called: x}}", "t.yaml:1:23: routes[0].when.any must be a list of conditions, not \"{...}\"\n"},
        {"{not: {calle: x}}", "t.yaml:1:24: unknown key \"calle\" in routes[0].when; did you mean \"called\"?\n"},
        {"{called: '${NOBODY}'}",
         "t.yaml:1:26: routes[0].when: names the environment variable NOBODY, which is not set; "
         "${NOBODY:-} would allow that\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf yaml;
        buf_init(&yaml, 1 << 16);
        buf_printf(&yaml, "routes: [{when: %s}]", cases[i].condition);
        assert_refused(buf_cstr(&yaml), NULL, cases[i].want);
        buf_done(&yaml);
    }
}

TEST(a_number_without_plus_is_pointed_out)
{
    struct fixture f;
    fixture_ok(&f, "routes: [{when: {called: [15550100, '+4930']}}]", NULL);
    assert_int_equal(f.cfg->warnings.n, 1);
    assert_str_is(f.cfg->warnings.v[0],
                  "t.yaml:1:27: routes[0].when: 15550100 has no +; carriers give numbers as +15550100");
    fixture_done(&f);
}

TEST(a_bomb_of_conditions_is_refused)
{
    struct buf yaml;
    struct fixture f;
    buf_init(&yaml, 1 << 16);
    buf_puts(&yaml, "routes:\n- when:\n    all:\n    - &a0 {any: [true, true, true, true, true, true, true, true]}\n");
    for (int i = 1; i < 6; i++) {
        buf_printf(&yaml, "    - &a%d {any: [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]}\n", i, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    assert_int_equal(fixture_load(&f, buf_cstr(&yaml), NULL), -ERR_CONFIG);
    assert_has(buf_str(&f.errors), "more than 4096 conditions");
    fixture_done(&f);
    buf_done(&yaml);
}

TEST_MAIN(T(numbers_match_patterns), T(stars_do_not_take_for_ever), T(what_the_carrier_says), T(days_hours_and_dates),
          T(a_night_belongs_to_the_day_on_which_it_began), T(clocks_hang_in_time_zones), T(conditions_nest),
          T(in_a_call_only_the_time_goes_on), T(mistakes_are_told_with_their_place),
          T(a_number_without_plus_is_pointed_out), T(a_bomb_of_conditions_is_refused))
