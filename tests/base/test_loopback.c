#include "test.h"

#include "base/loopback.h"

TEST(a_host_is_near_by_its_whole_spelling)
{
    static const struct {
        const char *host;
        bool near;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:8000", true},
        {"127.1.2.3", true},
        {"localhost", true},
        {"LocalHost:80", true},
        {"[::1]", true},
        {"[::1]:443", true},
        {"::1", true},
        {"", false},
        {":80", false},
        {"127", false},
        {"128.0.0.1", false},
        {"127.example.com", false},
        {"127.0.0.1.example.com", false},
        {"127.0.0.1:80.example.com", false},
        {"localhost.example.com", false},
        {"localhost:80@example.com", false},
        {"localhost@example.com:80", false},
        {"localhosts", false},
        {"[::1].example.com", false},
        {"[::10]", false},
        {"::10", false},
        {"0.0.0.0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (loopback_host(str_from(cases[i].host)) != cases[i].near) {
            fail_msg("%s: not %d", cases[i].host, cases[i].near);
        }
    }
}

TEST(an_address_is_as_near_as_its_host)
{
    static const struct {
        const char *url;
        bool near;
    } cases[] = {
        {"http://127.0.0.1", true},
        {"ws://localhost:9000/path", true},
        {"http://[::1]?a=b", true},
        {"http://localhost#part", true},
        {"http://127.0.0.1.example.com/", false},
        {"http://localhost@example.com/", false},
        {"http://example.com/?next=http://localhost", false},
        {"localhost", false},
        {"http://", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (loopback_url(str_from(cases[i].url)) != cases[i].near) {
            fail_msg("%s: not %d", cases[i].url, cases[i].near);
        }
    }
}

TEST_MAIN(T(a_host_is_near_by_its_whole_spelling), T(an_address_is_as_near_as_its_host))
