/* What was odd about a caller's line, where people look for it: record, ringtrip calls show, metrics. */
#include "gateway/rig.h"

#include <stdio.h>

static void assert_has(const struct buf *text, const char *part)
{
    if (str_search(buf_str(text), str_from(part)) == SIZE_MAX) {
        fail_msg("not \"%s\" in: " STR_FMT, part, STR_ARG(buf_str(text)));
    }
}

static void assert_answer_has(struct rig *r, const char *path, const char *part)
{
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_has(&reply.body, part);
    buf_done(&reply.body);
}

TEST(a_line_that_stalls_is_told_everywhere)
{
    struct rig r;
    char path[160];
    rig_open(&r, &(struct rig_opts){0});
    r.packets.stalls[0] = (struct phone_drop){300, 600};
    r.packets.n_stalls = 1;
    rig_wait_over(
        rig_call(&r, (struct phone_when[]){{0}}, 1, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400}));
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r.last_call) < 0);
    struct rig_reply reply = rig_http(&r, "GET", path, NULL, NULL);
    struct json_val line;
    struct json_val v;
    int64_t stalls = 0;
    int64_t stall_ms = 0;
    assert_ok(json_parse(rig_json(&reply, "line"), &line));
    assert_ok(json_to_i64(json_get(line, "stalls"), &stalls));
    assert_ok(json_to_i64(json_get(line, "stall_ms"), &stall_ms));
    assert_true(stalls >= 1); /* a busy machine adds its own */
    assert_true(stall_ms >= 600);
    v = json_get(line, "rate_hz");
    assert_int_equal(v.type, JSON_NULL); /* as agreed */
    buf_done(&reply.body);
    ignore_result(
        snprintf(path, sizeof(path), "%lld stalls, %lld ms of stalls", (long long)stalls, (long long)stall_ms) < 0);
    rig_assert_shown(&r, path);
    assert_answer_has(&r, "/metrics", "ringtrip_line_oddities_total{oddity=\"stall\"} 1");
    rig_close(&r, false);
}

TEST_MAIN(T(a_line_that_stalls_is_told_everywhere))
