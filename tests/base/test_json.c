#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

static struct json_val parsed(const char *text)
{
    struct json_val v;
    assert_ok(json_parse(str_from(text), &v));
    return v;
}

TEST(members_come_in_order_with_their_types)
{
    struct json_it it = json_object(parsed(" {\"a\": 1, \"b\":\"x\\\"y\",\"c\":[1,2,{}],\"d\":null,\"e\":true} "));
    struct str key;
    struct json_val v;
    static const struct {
        const char *key;
        enum json_type type;
        const char *text;
    } want[] = {{"a", JSON_NUMBER, "1"},
                {"b", JSON_STRING, "x\\\"y"},
                {"c", JSON_ARRAY, "[1,2,{}]"},
                {"d", JSON_NULL, "null"},
                {"e", JSON_TRUE, "true"}};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(json_next(&it, &key, &v));
        assert_str_is(key, want[i].key);
        assert_int_equal(v.type, want[i].type);
        assert_str_is(v.s, want[i].text);
    }
    assert_false(json_next(&it, &key, &v));
    assert_int_equal(it.err, 0);
}

TEST(malformed_text_is_refused)
{
    static const char *const bad[] = {
        "",      "{",          "}",         "[1,]",       "{\"a\"}", "{\"a\":}",     "{\"a\":1,}",
        "{,}",   "[1 2]",      "01",        "1.",         "-",       "1e",           "tru",
        "nul",   "\"abc",      "\"abc\\\"", "{\"a\":1}x", "[}",      "{\"a\":[1,2}", "'a'",
        "{a:1}", "[\"a\nb\"]", "+1",        ".5",         "[1,,2]",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct json_val v;
        if (json_parse(str_from(bad[i]), &v) != -ERR_SYNTAX) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

TEST(nesting_is_limited)
{
    char deep[2 * (JSON_MAX_DEPTH + 1)];
    struct json_val v;
    memset(deep, '[', JSON_MAX_DEPTH);
    memset(deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    assert_ok(json_parse((struct str){deep, 2 * JSON_MAX_DEPTH}, &v));
    memset(deep, '[', JSON_MAX_DEPTH + 1);
    memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    assert_err(json_parse((struct str){deep, sizeof(deep)}, &v), ERR_SYNTAX);
}

TEST(escapes_are_resolved)
{
    static const struct {
        const char *json;
        const char *text;
    } cases[] = {{"\"a\\n\\t\\\"\\\\\\/\"", "a\n\t\"\\/"},
                 {"\"\\u0041\\u00e9\\u20ac\"", "A\xC3\xA9\xE2\x82\xAC"},
                 {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
                 {"\"\\ud83d!\"", "\xEF\xBF\xBD!"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 1000);
        struct str s;
        assert_ok(json_to_str(parsed(cases[i].json), &b, &s));
        assert_str_is(s, cases[i].text);
        buf_done(&b);
    }
    struct buf b;
    buf_init(&b, 100);
    assert_err(json_unescape(STR("\\x"), &b), ERR_SYNTAX);
    assert_err(json_unescape(STR("\\u12"), &b), ERR_SYNTAX);
    buf_done(&b);
}

TEST(earlier_slices_survive_later_unescapes)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    struct json_val v = parsed("[\"a\\nb\",\"c\\nd\"]");
    struct json_it it = json_array(v);
    struct json_val e;
    struct str one;
    assert_true(json_elem(&it, &e));
    assert_ok(json_to_str(e, &b, &one));
    assert_str_is(one, "a\nb");
    buf_done(&b);
}

TEST(numbers_convert_within_limits)
{
    int64_t i = 0;
    double d = 0;
    assert_ok(json_to_i64(parsed("-42"), &i));
    assert_int_equal(i, -42);
    assert_ok(json_to_i64(parsed("3.9"), &i));
    assert_int_equal(i, 3);
    assert_err(json_to_i64(parsed("1e99"), &i), ERR_RANGE);
    assert_err(json_to_i64(parsed("\"1\""), &i), ERR_TYPE);
    assert_err(json_to_i64((struct json_val){0}, &i), ERR_MISSING);
    assert_ok(json_to_f64(parsed("2.5e2"), &d));
    assert_true(d == 250.0);
}

TEST(paths_reach_inner_members)
{
    struct json_val v = parsed("{\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
    assert_str_is(json_path(v, "session.audio.input.format.type").s, "audio/pcmu");
    assert_int_equal(json_path(v, "session.video.x").type, JSON_NONE);
}

TEST(writer_puts_commas_and_escapes)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_w w = json_w(&b);
    json_w_open(&w);
    json_w_kstr(&w, "t", STR("a\"\x01\xFF\n"));
    json_w_ki64(&w, "i", INT64_MIN);
    json_w_key(&w, "l");
    json_w_array(&w);
    json_w_bool(&w, true);
    json_w_null(&w);
    json_w_f64(&w, 0.25);
    json_w_end(&w);
    json_w_kz(&w, "z", NULL);
    json_w_close(&w);
    assert_str_is(buf_str(&b), "{\"t\":\"a\\\"\\u0001\xEF\xBF\xBD\\n\",\"i\":-9223372036854775808,"
                               "\"l\":[true,null,0.25],\"z\":null}");
    buf_done(&b);
}

/* The scanner and the writer take steps of 16 bytes, and longer ones far from the beginning: every place once. */
TEST(quotes_and_escapes_are_found_wherever_they_are)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 63, 64, 65, 79, 80, 81, 200, 4159, 4160, 4161, 9000};
    static char text[9100];
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        size_t n = lengths[k];
        for (int escaped = 0; escaped < 3; escaped++) { /* none, a quote, a backslash */
            struct buf b;
            struct json_val v;
            struct json_val got;
            memset(text, 'x', sizeof(text));
            text[n] = escaped == 1 ? '"' : escaped == 2 ? '\\' : 'y';
            buf_init(&b, 32768);
            struct json_w w = json_w(&b);
            json_w_open(&w);
            json_w_kstr(&w, "t", (struct str){text, n + 1});
            json_w_kz(&w, "u", "behind");
            json_w_close(&w);
            assert_int_equal(json_open(buf_str(&b), &v), 0);
            got = json_get(v, "t");
            assert_int_equal(got.type, JSON_STRING);
            assert_int_equal(got.escaped, escaped > 0);
            assert_int_equal(got.s.n, n + (escaped ? 2 : 1));
            struct buf plain;
            struct str back;
            buf_init(&plain, 32768);
            assert_int_equal(json_to_str(got, &plain, &back), 0);
            assert_int_equal(back.n, n + 1);
            assert_memory_equal(back.p, text, n + 1);
            assert_str_is(json_get(v, "u").s, "behind");
            buf_done(&plain);
            buf_done(&b);
        }
    }
    static char slashes[40000];
    memset(slashes, '\\', sizeof(slashes)); /* nothing but escapes, and no end */
    memcpy(slashes, "{\"a\":\"", 6);
    slashes[sizeof(slashes) - 1] = '}';
    struct json_val v;
    assert_int_equal(json_open((struct str){slashes, sizeof(slashes)}, &v), 0);
    assert_int_equal(json_get(v, "a").type, JSON_NONE);
}

TEST_MAIN(T(members_come_in_order_with_their_types), T(malformed_text_is_refused), T(nesting_is_limited),
          T(escapes_are_resolved), T(earlier_slices_survive_later_unescapes), T(numbers_convert_within_limits),
          T(paths_reach_inner_members), T(writer_puts_commas_and_escapes),
          T(quotes_and_escapes_are_found_wherever_they_are))
