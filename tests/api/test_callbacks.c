/* What was promised to callers, over HTTP: the rows are the store's, the answers ours. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"
#include "store/sqlite/sqlite.h"

#define FORWARDED "X-Forwarded-For: 192.0.2.1\r\n" /* not from this machine */

static void add(struct rig *r, const char *id, uint64_t created_us)
{
    char path[300];
    struct store *s = NULL;
    struct buf err;
    ignore_result(snprintf(path, sizeof(path), "%s/ringtrip.db", r->dir) < 0);
    buf_init(&err, 1024);
    assert_ok(store_sqlite.open(&(struct store_opts){.path = path}, &err, &s));
    const struct store_callback c = {.id = str_from(id),
                                     .phone = STR("+15550001111"),
                                     .department = STR("support"),
                                     .reason = STR("a \"late\" parcel"),
                                     .scheduled = STR("tomorrow"),
                                     .created_us = created_us};
    const struct store_op op = {.kind = STORE_CALLBACK_ADD, .at_us = created_us, .u.callback = &c};
    assert_ok(store_sqlite.write(s, &op, 1, NULL));
    store_sqlite.close(s);
    buf_done(&err);
}

/* One request; wants this status and these words in the answer. */
static void ask(struct rig *r, const char *method, const char *path, const char *body, int want, const char *words)
{
    struct rig_reply reply = rig_http(r, method, path, "Content-Type: application/json\r\n", body);
    if (reply.status != want || str_search(buf_str(&reply.body), str_from(words)) == SIZE_MAX) {
        fail_msg("%s %s: %d " STR_FMT ", not %d with %s", method, path, reply.status, STR_ARG(buf_str(&reply.body)),
                 want, words);
    }
    buf_done(&reply.body);
}

TEST(callbacks_are_listed_and_closed)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    ask(&r, "GET", "/v1/callbacks", NULL, 200, "{\"total\":0,\"callbacks\":[]}");
    add(&r, "CB000001", 1700000000000000u);
    add(&r, "CB000002", 1700000001000000u);
    ask(&r, "GET", "/v1/callbacks", NULL, 200, "{\"total\":2,\"callbacks\":[{\"callback_id\":\"CB000002\"");
    ask(&r, "GET", "/v1/callbacks?limit=1&offset=1", NULL, 200, "[{\"callback_id\":\"CB000001\"");
    ask(&r, "GET", "/v1/callbacks/CB000001", NULL, 200,
        "{\"callback_id\":\"CB000001\",\"status\":\"open\",\"phone_number\":\"+15550001111\",\"department\":"
        "\"support\","
        "\"scheduled_time\":\"tomorrow\",\"reason\":\"a \\\"late\\\" parcel\",\"call_id\":null,"
        "\"created_at\":\"2023-11-14T22:13:20.000Z\",\"closed_at\":null,\"note\":null}");
    ask(&r, "POST", "/v1/callbacks/CB000001/close", "{\"note\":\" reached her \"}", 200, "\"note\":\"reached her\"}");
    ask(&r, "POST", "/v1/callbacks/CB000001/close", "", 409, "The callback is closed already");
    ask(&r, "POST", "/v1/callbacks/CB000002/close", NULL, 200, "\"status\":\"closed\"");
    ask(&r, "GET", "/v1/callbacks", NULL, 200, "{\"total\":0,");
    ask(&r, "GET", "/v1/callbacks?status=closed", NULL, 200, "{\"total\":2,");
    ask(&r, "GET", "/v1/callbacks?status=all", NULL, 200, "{\"total\":2,");
    rig_close(&r, false);
}

TEST(wrong_requests_are_told_what_is_wrong)
{
    static const char *const bodies[] = {"[]", "{", "{\"note\":1}", "note=x"};
    struct rig r;
    char longer[STORE_CALLBACK_NOTE_MAX + 32];
    rig_open(&r, &(struct rig_opts){0});
    add(&r, "CB000001", 1700000000000000u);
    ask(&r, "GET", "/v1/callbacks?status=late", NULL, 400, "status must be open, closed or all");
    ask(&r, "GET", "/v1/callbacks?limit=0", NULL, 400, "limit must be");
    ask(&r, "GET", "/v1/callbacks?offset=x", NULL, 400, "offset must be");
    ask(&r, "GET", "/v1/callbacks?status=%zz", NULL, 400, "malformed");
    ask(&r, "GET", "/v1/callbacks/CB000009", NULL, 404, "Callback not found");
    ask(&r, "POST", "/v1/callbacks/CB000009/close", "", 404, "Callback not found");
    ask(&r, "POST", "/v1/callbacks/CB000001", "", 405, "takes GET");
    ask(&r, "GET", "/v1/callbacks/CB%2F1", NULL, 404, "nothing here");
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        ask(&r, "POST", "/v1/callbacks/CB000001/close", bodies[i], 400, "The body must be empty or");
    }
    size_t n = (size_t)snprintf(longer, sizeof(longer), "{\"note\":\"");
    memset(longer + n, 'x', STORE_CALLBACK_NOTE_MAX + 1);
    memcpy(longer + n + STORE_CALLBACK_NOTE_MAX + 1, "\"}", 3);
    ask(&r, "POST", "/v1/callbacks/CB000001/close", longer, 400, "1000 bytes");
    ask(&r, "GET", "/v1/callbacks/CB000001", NULL, 200, "\"status\":\"open\"");
    rig_close(&r, false);
}

TEST(callbacks_are_for_those_with_a_token)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.tokens = "secret"});
    struct rig_reply reply = rig_http(&r, "GET", "/v1/callbacks", FORWARDED, NULL);
    assert_int_equal(reply.status, 401);
    buf_done(&reply.body);
    reply = rig_http(&r, "POST", "/v1/callbacks/CB000001/close", FORWARDED, NULL);
    assert_int_equal(reply.status, 401);
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/v1/callbacks", FORWARDED "Authorization: Bearer secret\r\n", NULL);
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(callbacks_are_listed_and_closed), T(wrong_requests_are_told_what_is_wrong),
          T(callbacks_are_for_those_with_a_token))
