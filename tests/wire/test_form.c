#include "test.h"

#include "base/err.h"
#include "wire/form.h"

static struct form *form;

static int setup(void **state UNUSED)
{
    form = test_malloc(sizeof(*form));
    form_init(form, 1 << 16);
    return 0;
}

static int teardown(void **state UNUSED)
{
    form_done(form);
    test_free(form);
    return 0;
}

TEST(bodies_decode)
{
    assert_ok(form_decode(form, STR("From=%2B15005550001&To=a+b%20c&Empty=&Bare&&x=1=2&Z%c3%B6=%e2%9c%93")));
    assert_int_equal(form->n, 6);
    assert_str_is(form_get(form, "From"), "+15005550001");
    assert_str_is(form_get(form, "To"), "a b c");
    assert_str_is(form_get(form, "Empty"), "");
    assert_str_is(form_get(form, "Bare"), "");
    assert_str_is(form_get(form, "x"), "1=2");
    assert_str_is(form_get(form, "Z\xC3\xB6"), "\xE2\x9C\x93");
    assert_null(form_get(form, "none").p);
    assert_true(form_has(form, "Empty"));
    assert_false(form_has(form, "empty"));
    assert_ok(form_decode(form, STR("")));
    assert_int_equal(form->n, 0);
    assert_ok(form_decode(form, STR_NULL));
}

TEST(malformed_bodies_are_refused)
{
    static const struct {
        const char *text;
        int err;
    } bad[] = {{"a=%", ERR_SYNTAX},    {"a=%1", ERR_SYNTAX},      {"a=%1g", ERR_SYNTAX},
               {"a%zz=1", ERR_SYNTAX}, {"a=%00", ERR_SYNTAX},     {"a=%C3", ERR_UTF8},
               {"a=\xFF", ERR_UTF8},   {"a=%ED%A0%80", ERR_UTF8}, {"ok=1&a=%", ERR_SYNTAX}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (form_decode(form, str_from(bad[i].text)) != -bad[i].err) {
            fail_msg("%s", bad[i].text);
        }
        assert_int_equal(form->n, 0);
    }
}

TEST(the_number_of_pairs_is_limited)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    for (int i = 0; i < FORM_PAIRS_MAX; i++) {
        buf_puts(&text, "a=1&");
    }
    assert_ok(form_decode(form, buf_str(&text)));
    assert_int_equal(form->n, FORM_PAIRS_MAX);
    buf_puts(&text, "b=2");
    assert_err(form_decode(form, buf_str(&text)), ERR_TOO_BIG);
    buf_done(&text);
    struct form small;
    form_init(&small, 8);
    assert_err(form_decode(&small, STR("a=123456789")), ERR_TOO_BIG);
    form_done(&small);
}

TEST(sorting_is_by_bytes)
{
    assert_ok(form_decode(form, STR("b=2&a=1&A=0&_z=9&a=0&ab=1")));
    form_sort(form);
    static const char *const want[] = {"A", "_z", "a", "a", "ab", "b"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_str_is(form->pairs[i].name, want[i]);
    }
    assert_str_is(form->pairs[2].value, "0");
}

TEST(what_is_encoded_decodes_to_the_same)
{
    char all[255];
    for (int i = 0; i < 255; i++) {
        all[i] = (char)(i % 127 + 1);
    }
    struct buf out;
    buf_init(&out, 4096);
    form_put(&out, STR("na me"), STR("+1 &=%"));
    assert_str_is(buf_str(&out), "na%20me=%2B1%20%26%3D%25");
    form_put(&out, STR("all"), (struct str){all, sizeof(all)});
    assert_ok(form_decode(form, buf_str(&out)));
    assert_str_is(form_get(form, "na me"), "+1 &=%");
    assert_true(str_eq(form_get(form, "all"), (struct str){all, sizeof(all)}));
    buf_done(&out);
}

TEST(one_value_can_be_found_without_the_rest)
{
    struct buf value;
    buf_init(&value, 64);
    assert_true(form_find(STR("token=a%2Bb&x=%"), "token", &value));
    assert_str_is(buf_str(&value), "a+b");
    buf_clear(&value);
    assert_false(form_find(STR("tok=1&Token=2"), "token", &value));
    assert_false(form_find(STR("token=%4"), "token", &value));
    assert_int_equal(value.len, 0);
    assert_true(form_find(STR("token"), "token", &value));
    buf_done(&value);
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(bodies_decode),       U(malformed_bodies_are_refused),        U(the_number_of_pairs_is_limited),
    U(sorting_is_by_bytes), U(what_is_encoded_decodes_to_the_same), U(one_value_can_be_found_without_the_rest),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
