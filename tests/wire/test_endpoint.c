/* Addresses of services: what is read of them, and what is written again. */
#include "base/err.h"
#include "test.h"
#include "wire/endpoint.h"

TEST(addresses_fall_into_their_parts)
{
    static const struct {
        const char *text;
        bool tls;
        const char *host, *path, *query;
    } cases[] = {
        {"wss://api.example.com/v1/realtime?model=m", true, "api.example.com", "/v1/realtime", "model=m"},
        {"https://api.example.com", true, "api.example.com", "", ""},
        {"HTTP://127.0.0.1:8765/", false, "127.0.0.1:8765", "/", ""},
        {"ws://[::1]:9/a#fragment?x", false, "[::1]:9", "/a", ""},
        {"wss://h?x=/y", true, "h", "", "x=/y"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct endpoint e;
        assert_int_equal(endpoint_read(str_from(cases[i].text), &e), 0);
        assert_int_equal(e.tls, cases[i].tls);
        assert_str_is(e.host, cases[i].host);
        assert_str_is(e.path, cases[i].path);
        assert_str_is(e.query, cases[i].query);
    }
}

TEST(what_is_no_address_is_refused)
{
    static const char *const bad[] = {"",          "api.example.com", "ftp://x", "wss://",      "wss:///path",
                                      "wss://a b", "wss://a\r\nb",    "wss",     "wss://a\x7f", "://x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct endpoint e;
        assert_int_equal(endpoint_read(str_from(bad[i]), &e), -ERR_CONFIG);
    }
}

TEST(parameters_are_escaped_and_joined)
{
    struct endpoint e;
    struct buf out;
    bool begun = false;
    buf_init(&out, 4096);
    assert_int_equal(endpoint_read(STR("wss://h/p?a=1&model"), &e), 0);
    assert_true(endpoint_has_parameter(&e, "a") && endpoint_has_parameter(&e, "model"));
    assert_false(endpoint_has_parameter(&e, "mode") || endpoint_has_parameter(&e, "1"));
    endpoint_put_origin(&out, &e);
    endpoint_put_query(&out, &e, &begun);
    endpoint_put_parameter(&out, &begun, STR("k y"), STR("a&b=c/\xC3\xA4"));
    assert_str_is(buf_str(&out), "wss://h?a=1&model&k%20y=a%26b%3Dc%2F%C3%A4");
    buf_clear(&out);
    assert_int_equal(endpoint_read(STR("ws://h"), &e), 0);
    endpoint_put_query(&out, &e, &begun);
    endpoint_put_parameter(&out, &begun, STR("a"), STR("1"));
    endpoint_put_parameter(&out, &begun, STR("b"), STR(""));
    assert_str_is(buf_str(&out), "?a=1&b=");
    buf_done(&out);
}

TEST(headers_carry_the_key_unless_they_replace_it)
{
    static const struct str_pair own[] = {{{"X-Trace", sizeof("X-Trace") - 1}, {"1", sizeof("1") - 1}}};
    static const struct str_pair instead[] = {
        {{"authorization", sizeof("authorization") - 1}, {"Basic x", sizeof("Basic x") - 1}}};
    static const struct str_pair bad[] = {{{"X", sizeof("X") - 1}, {"1\r\nEvil: yes", sizeof("1\r\nEvil: yes") - 1}}};
    struct buf out;
    buf_init(&out, 4096);
    struct endpoint_headers h = {
        .auth_header = STR("Authorization"), .api_key = STR("k"), .headers = own, .n_headers = 1};
    assert_int_equal(endpoint_put_headers(&out, &h), 0);
    assert_str_is(buf_str(&out), "X-Trace: 1\r\nAuthorization: Bearer k\r\n");
    buf_clear(&out);
    h.headers = instead;
    assert_int_equal(endpoint_put_headers(&out, &h), 0);
    assert_str_is(buf_str(&out), "authorization: Basic x\r\n");
    buf_clear(&out);
    h = (struct endpoint_headers){.auth_header = STR("api-key"), .api_key = STR("k")};
    assert_int_equal(endpoint_put_headers(&out, &h), 0);
    assert_str_is(buf_str(&out), "api-key: k\r\n");
    h.headers = bad;
    h.n_headers = 1;
    assert_int_equal(endpoint_put_headers(&out, &h), -ERR_CONFIG);
    h = (struct endpoint_headers){.auth_header = STR("a:b"), .api_key = STR("k")};
    assert_int_equal(endpoint_put_headers(&out, &h), -ERR_CONFIG);
    buf_done(&out);
}

TEST_MAIN(T(addresses_fall_into_their_parts), T(what_is_no_address_is_refused), T(parameters_are_escaped_and_joined),
          T(headers_carry_the_key_unless_they_replace_it))
