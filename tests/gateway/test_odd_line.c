/* What was odd about a caller's line, where people look for it: record, ringtrip calls show, metrics. */
#include "gateway/rig.h"

#include <stdio.h>

#include "audio/g711.h"
#include "base/log.h"

static void assert_answer_has(struct rig *r, const char *path, const char *part)
{
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_has(buf_str(&reply.body), part);
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

static void keep_line(enum log_level level UNUSED, const struct log_scope *scope UNUSED, const char *event,
                      const char *fields, void *arg)
{
    if (strcmp(event, "call.line") == 0) {
        buf_puts(arg, fields);
    }
}

/* Two seconds of a tone beside the middle. */
static struct span beside(int32_t offset)
{
    static uint8_t audio[16000];
    for (size_t i = 0; i < sizeof(audio); i++) {
        audio[i] = g711_mulaw_encode1((int16_t)(offset + (i / 8 % 2 ? 2000 : -2000)));
    }
    return span_from(audio, sizeof(audio));
}

/* No line has a mean of 0. */
TEST(an_offset_is_told_from_where_it_is_one)
{
    static const char nothing[] = "gaps=0 gap_ms=0 late=0 doubled=0 stalls=0 stall_ms=0 odd_frames=0 clipped_ms=0 "
                                  "zero_ms=0 linear_ms=0 rate_hz=0 ";
    for (int odd = 0; odd < 2; odd++) {
        struct rig r;
        struct buf told;
        buf_init(&told, 4096);
        rig_open(&r, &(struct rig_opts){0});
        log_set_sink(keep_line, &told, LOG_INFO);
        r.sounds[0] = beside(odd ? 4000 : 200);
        rig_wait_over(rig_call(&r, (struct phone_when[]){{.kind = PHONE_WHEN_START}}, 1,
                               (struct phone_when){.kind = PHONE_WHEN_AFTER, .ms = 20}));
        log_set_sink(NULL, NULL, LOG_WARN);
        if (odd) {
            assert_has(buf_str(&told), " dc_offset=");
            assert_answer_has(&r, "/v1/calls", "\"total\":1"); /* rows that are on their way are waited for */
            rig_assert_shown(&r, "an offset of ");
        } else { /* a busy machine may add stalls of its own */
            assert_false(str_starts(buf_str(&told), str_from(nothing)));
        }
        buf_done(&told);
        rig_close(&r, false);
    }
}

TEST_MAIN(T(a_line_that_stalls_is_told_everywhere), T(an_offset_is_told_from_where_it_is_one))
