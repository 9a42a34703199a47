/* Contacts from a table: each row becomes one, or is refused with its line and a reason. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dialer/import.h"
#include "test.h"

struct fixture {
    struct arena a;
    struct buf err;
    struct import im;
};

static bool zone_known(struct str name, void *arg UNUSED)
{
    return str_is(name, "Europe/Berlin");
}

static int read_table(struct fixture *f, struct str text)
{
    const struct import_opts o = {.campaign_id = STR("c"), .country = STR("US"), .zone_known = zone_known};
    arena_init(&f->a, 256 << 20);
    buf_init(&f->err, 4096);
    return import_read(text, &o, &f->a, &f->err, &f->im);
}

static void done(struct fixture *f)
{
    arena_done(&f->a);
    buf_done(&f->err);
}

TEST(rows_become_contacts)
{
    struct fixture f;
    assert_ok(
        read_table(&f, STR("Name,PHONE_NUMBER,timezone,agent,caller_id,custom_vars,order\n"
                           "\"Ada, L.\",+1 (415) 555-0100,Europe/Berlin,sales,415-555-0199,\"{\"\"n\"\": 7}\",A1\n"
                           "Bea,415 555 0101,,,,,\n"
                           "Again,+14155550100,,,,,\n")));
    assert_int_equal(f.im.n, 2);
    assert_int_equal(f.im.doubled, 1);
    assert_int_equal(f.im.refused, 0);
    const struct contact_row *c = f.im.rows;
    assert_str_is(c[0].campaign_id, "c");
    assert_str_is(c[0].name, "Ada, L.");
    assert_str_is(c[0].phone, "+14155550100");
    assert_str_is(c[0].timezone, "Europe/Berlin");
    assert_str_is(c[0].agent, "sales");
    assert_str_is(c[0].caller_id, "+14155550199");
    assert_str_is(c[0].vars, "{\"n\":\"7\",\"order\":\"A1\"}");
    assert_str_is(c[1].phone, "+14155550101");
    assert_str_is(c[1].vars, "{}");
    assert_int_equal(f.im.lines[1], 3);
    done(&f);
}

TEST(other_names_of_columns_are_known)
{
    static const char *const heads[] = {"phone", "number", "Phone_Number"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct fixture f;
        char text[64];
        ignore_result(snprintf(text, sizeof(text), "%s;context\n+14155550100;sales\n", heads[i]) < 0);
        assert_ok(read_table(&f, str_from(text)));
        assert_int_equal(f.im.n, 1);
        assert_str_is(f.im.rows[0].agent, "sales");
        done(&f);
    }
}

TEST(rows_that_cannot_be_called_are_told)
{
    static const struct {
        const char *row, *reason;
    } cases[] = {
        {",,,", "no phone number"},
        {"12,,,", "is none"},
        {"0049,,,", "is none"},
        {"+14155550100,Mars/Crater,,", "time zone"},
        {"+14155550100,../../etc/passwd,,", "time zone"},
        {"+14155550100,,nobody,", "caller_id"},
        {"+14155550100,,,[1]", "custom_vars must be a JSON object"},
        {"+14155550100,,,{\"a b\":\"x\"}", "names of letters"},
        {"+14155550100,,,{\"a\":{}}", "texts or numbers"},
        {"+14155550100,,,\xff", "not UTF-8"},
        {"\"+14155550100\"x,,,", "quote"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char text[256];
        int n =
            snprintf(text, sizeof(text), "phone,timezone,caller_id,custom_vars\n%s\n+14155550199,,,\n", cases[i].row);
        /* JSON with commas and quotes as it would come: written with quotes around it. */
        if (strchr(cases[i].row, '{') || strchr(cases[i].row, '[')) {
            const char *json = strpbrk(cases[i].row, "{[");
            char quoted[128];
            size_t at = 0;
            for (const char *p = json; *p; p++) {
                quoted[at++] = *p;
                if (*p == '"') {
                    quoted[at++] = '"';
                }
            }
            quoted[at] = '\0';
            n = snprintf(text, sizeof(text), "phone,timezone,caller_id,custom_vars\n%.*s\"%s\"\n+14155550199,,,\n",
                         (int)(json - cases[i].row), cases[i].row, quoted);
        }
        assert_true(n > 0);
        assert_ok(read_table(&f, str_from(text)));
        assert_int_equal(f.im.n, 1); /* the other row is fine */
        assert_int_equal(f.im.refused, 1);
        assert_int_equal(f.im.errors[0].line, 2);
        assert_has(f.im.errors[0].reason, cases[i].reason);
        done(&f);
    }
}

TEST(tables_that_cannot_be_used_are_refused_in_words)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR(""), "empty"},
        {STR("\n\n"), "empty"},
        {STR("name,agent\nAda,x\n"), "among them phone_number"},
        {STR("phone,phone_number\n"), "is there twice"},
        {STR("phone,a b\n"), "column 2 must have a name"},
        {STR("phone,\n"), "column 2 must have a name"},
        {STR("\"phone\n"), "must name the columns"},
        {STR("\x00\x01\xff"), "column 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        assert_err(read_table(&f, cases[i].text), ERR_CONFIG);
        assert_has(buf_str(&f.err), cases[i].want);
        done(&f);
    }
}

TEST(ten_thousand_rows_and_not_one_more)
{
    for (uint32_t extra = 0; extra < 2; extra++) {
        struct fixture f;
        struct buf text;
        buf_init(&text, 4 << 20);
        buf_puts(&text, "phone\n");
        for (uint32_t i = 0; i < IMPORT_ROWS_MAX + extra; i++) {
            buf_printf(&text, "+1415%07u\n", i);
        }
        assert_int_equal(read_table(&f, buf_str(&text)), extra ? -ERR_CONFIG : 0);
        assert_int_equal(f.im.n, IMPORT_ROWS_MAX);
        done(&f);
        buf_done(&text);
    }
}

TEST(many_mistakes_are_counted_and_the_first_ones_told)
{
    struct fixture f;
    struct buf text;
    buf_init(&text, 4 << 20);
    buf_puts(&text, "phone\n");
    for (uint32_t i = 0; i < 500; i++) {
        buf_puts(&text, "nobody\n");
    }
    assert_ok(read_table(&f, buf_str(&text)));
    assert_int_equal(f.im.refused, 500);
    assert_int_equal(f.im.n_errors, IMPORT_ERRORS_MAX);
    assert_int_equal(f.im.errors[IMPORT_ERRORS_MAX - 1].line, IMPORT_ERRORS_MAX + 1);
    done(&f);
    buf_done(&text);
}

TEST_MAIN(T(rows_become_contacts), T(other_names_of_columns_are_known), T(rows_that_cannot_be_called_are_told),
          T(tables_that_cannot_be_used_are_refused_in_words), T(ten_thousand_rows_and_not_one_more),
          T(many_mistakes_are_counted_and_the_first_ones_told))
