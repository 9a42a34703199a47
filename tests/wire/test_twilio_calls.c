#include "test.h"

#include "base/err.h"
#include "wire/twilio_calls.h"

TEST(dates_are_read)
{
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {
        {"Thu, 01 Jan 1970 00:00:00 +0000", 0},          {"Mon, 05 Jan 2026 10:00:00 +0000", 1767607200},
        {"Mon, 05 Jan 2026 12:30:00 +0230", 1767607200}, {"Mon, 05 Jan 2026 05:00:00 -0500", 1767607200},
        {"05 Jan 2026 10:00:00 GMT", 1767607200},        {"Thu, 29 Feb 2024 23:59:60 +0000", 1709251200},
        {"Sat, 01 Mar 2025 00:00:00 +0000", 1740787200},
    };
    static const char *const bad[] = {"",
                                      "Mon, 05",
                                      "Mon, 05 Foo 2026 10:00:00 +0000",
                                      "Mon, 05 Jan 2026 10:00:00",
                                      "Mon, 05 Jan 2026 10:00:00 +0000x",
                                      "Mon, 32 Jan 2026 10:00:00 +0000",
                                      "Mon, 05 Jan 2026 24:00:00 +0000",
                                      "Mon, 05 Jan 1969 10:00:00 +0000",
                                      "2026-01-05T10:00:00Z"};
    int64_t t = -1;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(twilio_date_parse(str_from(good[i].text), &t));
        assert_int_equal(t, good[i].want);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_true(twilio_date_parse(str_from(bad[i]), &t) < 0);
    }
}

TEST(a_call_is_read_whatever_is_null)
{
    struct twilio_call c;
    struct buf scratch;
    buf_init(&scratch, 1 << 16);
    assert_ok(twilio_call_parse(STR("{\"sid\":\"CA1\"}"), &scratch, &c)); /* the vendor's own client is content, too */
    assert_str_is(c.sid, "CA1");
    assert_str_is(c.status, "");
    assert_int_equal(c.duration_s, -1);
    assert_int_equal(c.created_s, 0);
    assert_ok(twilio_call_parse(
        STR("{\"sid\":\"CA\\u0031\",\"to\":\"\\u002b1\",\"from\":\"a\\\"b\",\"status\":\"busy\",\"duration\":\"12\","
            "\"answered_by\":null,\"direction\":\"outbound-api\",\"date_created\":\"Mon, 05 Jan 2026 10:00:00 "
            "+0000\"}"),
        &scratch, &c));
    assert_str_is(c.sid, "CA1");
    assert_str_is(c.to, "+1");
    assert_str_is(c.from, "a\"b");
    assert_int_equal(c.duration_s, 12);
    assert_int_equal(c.created_s, 1767607200);
    assert_err(twilio_call_parse(STR("{\"sid\":null}"), &scratch, &c), ERR_MISSING);
    assert_err(twilio_call_parse(STR("[]"), &scratch, &c), ERR_SYNTAX);
    assert_err(twilio_call_parse(STR("<html>"), &scratch, &c), ERR_SYNTAX);
    assert_ok(twilio_call_parse(STR("{\"sid\":\"x\",\"duration\":-5}"), &scratch, &c));
    assert_int_equal(c.duration_s, -1);
    buf_done(&scratch);
}

TEST(a_page_holds_what_fits)
{
    struct twilio_calls *page = test_malloc(sizeof(*page));
    struct buf scratch, text;
    buf_init(&scratch, 1 << 16);
    buf_init(&text, 1 << 16);
    assert_ok(twilio_calls_parse(STR("{\"calls\":[],\"next_page_uri\":null}"), &scratch, page));
    assert_int_equal(page->n, 0);
    assert_false(page->more);
    buf_puts(&text, "{\"calls\":[7,{},");
    for (int i = 0; i < TWILIO_CALLS_MAX + 1; i++) {
        buf_printf(&text, "%s{\"sid\":\"CA%d\"}", i ? "," : "", i);
    }
    buf_puts(&text, "]}");
    assert_ok(twilio_calls_parse(buf_str(&text), &scratch, page));
    assert_int_equal(page->n, TWILIO_CALLS_MAX);
    assert_true(page->more);
    assert_str_is(page->list[0].sid, "CA0");
    assert_ok(twilio_calls_parse(STR("{\"calls\":[{\"sid\":\"a\"}],\"next_page_uri\":\"/n\"}"), &scratch, page));
    assert_true(page->more);
    assert_ok(twilio_calls_parse(STR("{\"sid\":\"CA9\"}"), &scratch, page));
    assert_int_equal(page->n, 1);
    assert_true(twilio_calls_parse(STR("{\"calls\":{}}"), &scratch, page) < 0);
    assert_true(twilio_calls_parse(STR("{}"), &scratch, page) < 0);
    buf_done(&scratch);
    buf_done(&text);
    test_free(page);
}

TEST_MAIN(T(dates_are_read), T(a_call_is_read_whatever_is_null), T(a_page_holds_what_fits))
