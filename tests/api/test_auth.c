/* Who may use control routes: through a real server, because peers and headers are what decides. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"

#define TOKEN "correct-horse-battery"

static const struct {
    const char *name;
    const char *headers;
    int want;
} cases[] = {
    {"loopback, directly", "", 200},
    {"behind a proxy", "X-Forwarded-For: 127.0.0.1\r\n", 401},
    {"behind a proxy, the standard way", "Forwarded: for=127.0.0.1\r\n", 401},
    {"behind nginx", "X-Real-IP: 10.0.0.1\r\n", 401},
    {"behind a content network", "CF-Connecting-IP: 10.0.0.1\r\n", 401},
    {"via something", "Via: 1.1 tunnel\r\n", 401},
    {"a name of the outside that points here", "Host: evil.example.com\r\n", 401},
    {"an address-like name of the outside", "Host: 127.0.0.1.evil.example.com\r\n", 401},
    {"localhost", "Host: localhost:8000\r\n", 200},
    {"a foreign page", "Origin: https://evil.example.com\r\n", 401},
    {"a foreign page's picture", "Sec-Fetch-Site: cross-site\r\n", 401},
    {"typed into the browser", "Sec-Fetch-Site: none\r\n", 200},
    {"the right token", "Authorization: Bearer " TOKEN "\r\n", 200},
    {"the right token behind a proxy", "Authorization: Bearer " TOKEN "\r\nX-Forwarded-For: 1.2.3.4\r\n", 200},
    {"the second token", "Authorization: bearer another-token-entirely\r\nX-Forwarded-For: 1.2.3.4\r\n", 200},
    {"a wrong token, even from here", "Authorization: Bearer wrong\r\n", 401},
    {"a shorter one", "Authorization: Bearer correct-horse\r\n", 401},
    {"a longer one", "Authorization: Bearer " TOKEN "-staple\r\n", 401},
    {"no token at all", "Authorization: Bearer \r\n", 401},
    {"another scheme", "Authorization: Basic " TOKEN "\r\n", 401},
};

TEST(control_routes_know_friend_from_foe)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.tokens = TOKEN ", another-token-entirely"});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig_reply reply = rig_http(&r, "GET", "/calls", cases[i].headers, NULL);
        if (reply.status != cases[i].want) {
            fail_msg("%s: %d, not %d", cases[i].name, reply.status, cases[i].want);
        }
        if (reply.status == 401) {
            assert_true(rig_json(&reply, "error").n > 0);
        }
        buf_done(&reply.body);
    }
    rig_close(&r, false);
}

TEST(every_control_route_is_closed_and_every_other_open)
{
    static const struct {
        const char *method, *path;
        int want;
    } routes[] = {
        {"GET", "/", 200},
        {"GET", "/health", 200},
        {"GET", "/live", 200},
        {"GET", "/ready", 200},
        {"GET", "/metrics", 200},
        {"GET", "/calls", 401},
        {"GET", "/v1/calls", 401},
        {"GET", "/v1/calls/x", 401},
        {"DELETE", "/calls/x", 401},
        {"DELETE", "/v1/calls/x", 401},
        {"GET", "/calls/x/status", 401},
        {"POST", "/calls/x/hangup", 401},
        {"POST", "/v1/calls/x/hangup", 401},
        {"POST", "/v1/calls/x/record", 401},
    };
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct rig_reply reply = rig_http(&r, routes[i].method, routes[i].path, "X-Forwarded-For: 1.2.3.4\r\n", NULL);
        if (reply.status != routes[i].want) {
            fail_msg("%s %s: %d, not %d", routes[i].method, routes[i].path, reply.status, routes[i].want);
        }
        buf_done(&reply.body);
    }
    rig_close(&r, false);
}

TEST_MAIN(T(control_routes_know_friend_from_foe), T(every_control_route_is_closed_and_every_other_open))
