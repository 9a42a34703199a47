/* Limits, readiness, drain, reload. */
#include "gateway/rig.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/spool.h"

#define SID1 "CA11111111111111111111111111111111"
#define SID2 "CA22222222222222222222222222222222"

static void assert_status(struct rig *r, const char *path, int want)
{
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, want);
    buf_done(&reply.body);
}

static struct rig_socket *start_call(struct rig *r, const char *sid)
{
    struct rig_reply reply;
    char token[64];
    rig_webhook(r, sid, token, &reply);
    buf_done(&reply.body);
    assert_int_equal(strlen(token), 32);
    struct rig_socket *s = rig_socket(r, "/media-stream");
    rig_send_start(s, sid, token);
    rig_send_media(s, 1);
    settle(r->loop);
    assert_false(s->closed);
    return s;
}

TEST(over_the_limit_callers_hear_busy_and_ready_is_503)
{
    struct rig r;
    struct rig_reply reply;
    char token[64];
    rig_open(&r, &(struct rig_opts){.extra = "limits: {max_calls: 1}"});
    assert_status(&r, "/ready", 200);
    struct rig_socket *s = start_call(&r, SID1);
    assert_status(&r, "/ready", 503);
    assert_status(&r, "/live", 200);
    assert_status(&r, "/health", 200);
    rig_webhook(&r, SID2, token, &reply);
    assert_int_equal(reply.status, 200);
    assert_has(buf_str(&reply.body), "<Reject reason=\"busy\"/>");
    assert_string_equal(token, "");
    buf_done(&reply.body);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    assert_status(&r, "/ready", 200);
    rig_close(&r, false);
}

TEST(one_number_may_have_so_many_calls)
{
    struct rig r;
    struct rig_reply reply;
    char token[64];
    rig_open(&r, &(struct rig_opts){.extra = "limits: {max_calls_per_number: 1}\n"
                                             "fallback: {busy_twiml: \"<Response><Say>Later</Say></Response>\"}"});
    struct rig_socket *s = start_call(&r, SID1);
    rig_webhook(&r, SID2, token, &reply);
    assert_has(buf_str(&reply.body), "<Say>Later</Say>");
    buf_done(&reply.body);
    assert_status(&r, "/ready", 200); /* others may call */
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    s = start_call(&r, SID2);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 2);
    rig_close(&r, false);
}

static bool closed_listener(void *arg)
{
    struct rig_socket *s = arg;
    return s->closed;
}

TEST(a_drain_lets_the_live_call_end_and_takes_no_new_one)
{
    struct rig r;
    struct rig_reply reply;
    char token[64];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_socket *s = start_call(&r, SID1);
    gateway_stop(r.gw, 60000);
    settle(r.loop);
    assert_status(&r, "/ready", 503);
    rig_webhook(&r, SID2, token, &reply);
    assert_has(buf_str(&reply.body), "<Reject");
    buf_done(&reply.body);
    assert_false(s->closed);
    assert_int_equal(r.ended, 0);
    ws_close(s->ws, 1000, STR_NULL);
    gateway_run(r.gw); /* returns when all is written */
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.last_reason, REASON_CARRIER_CLOSED);
    r.gw = gateway_free(r.gw);
    wait_until(r.loop, closed_listener, s);
    rig_close(&r, false);
}

TEST(a_second_stop_hangs_up_at_once)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_socket *s = start_call(&r, SID1);
    gateway_stop(r.gw, 60000);
    settle(r.loop);
    assert_false(s->closed);
    gateway_stop(r.gw, 0);
    gateway_run(r.gw);
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.last_reason, REASON_DRAIN);
    r.gw = gateway_free(r.gw);
    rig_close(&r, false);
}

TEST(a_new_start_knows_the_calls_of_the_old_one)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_socket *s = start_call(&r, SID1);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    rig_stop_gateway(&r);
    rig_start_gateway(&r);
    struct rig_reply reply = rig_http(&r, "GET", "/calls/" SID1 "/status", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "reason"), "carrier-closed");
    assert_str_is(rig_json(&reply, "call_id"), r.last_call);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(a_call_that_nobody_ended_is_ended_when_the_gateway_is_freed)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    start_call(&r, SID1);
    r.gw = gateway_free(r.gw);
    assert_int_equal(r.ended, 1);
    rig_close(&r, false);
}

TEST(nothing_is_left_after_the_last_call)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    for (uint32_t i = 1; i <= 3; i++) {
        struct rig_socket *s = start_call(&r, i % 2 ? SID1 : SID2);
        ws_abort(s->ws, -ERR_CLOSED);
        rig_wait_ended(&r, i);
    }
    struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), "ringtrip_calls_active 0\n");
    assert_has(buf_str(&reply.body), "ringtrip_audio_queue_bytes 0\n");
    assert_has(buf_str(&reply.body), "ringtrip_unauthenticated_sockets 0\n");
    assert_has(buf_str(&reply.body), "ringtrip_calls_closed_total{reason=\"carrier-closed\"} 3\n");
    buf_done(&reply.body);
    rig_close(&r, false);
}

static uint32_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint32_t n = 0;
    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static bool as_few_descriptors(void *arg)
{
    return open_descriptors() <= *(const uint32_t *)arg;
}

static uint64_t cpu_ms(void)
{
    struct timespec t;
    assert_ok(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_past(void *arg)
{
    const struct rig *r = ((void **)arg)[0];
    return loop_now_us(r->loop) >= *(const uint64_t *)((void **)arg)[1];
}

/* The first call leaves what stays open for the next ones; those leave nothing, and no timer that goes on for ever. */
TEST(descriptors_and_cpu_return_to_the_idle_figure)
{
    struct rig r;
    uint32_t idle = 0;
    rig_open(&r, &(struct rig_opts){0});
    for (uint32_t i = 0; i < 4; i++) {
        rig_wait_over(rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AFTER, .ms = 600}));
        settle(r.loop);
        idle = i == 0 ? open_descriptors() : idle;
    }
    wait_until(r.loop, as_few_descriptors, &idle);
    uint64_t until_us = loop_now_us(r.loop) + 500000, before_ms = cpu_ms();
    wait_until(r.loop, is_past, (void *[]){&r, &until_us});
    uint64_t used_ms = cpu_ms() - before_ms;
    print_message("# %u descriptors, %llu ms of CPU in 500 ms\n", idle, (unsigned long long)used_ms);
    assert_true(used_ms < 250);
    rig_close(&r, false);
}

TEST(on_a_full_disk_calls_go_on_unrecorded)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.min_free_mb = 100000000});
    struct rig_socket *s = start_call(&r, SID1);
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&r, 1);
    assert_string_equal(r.last_recording, "");
    assert_string_equal(r.last_journal, "");
    struct rig_reply reply = rig_http(&r, "GET", "/v1/calls/" SID1, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "recording"), "null");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(rows_that_could_not_be_written_are_written_by_the_next_start)
{
    struct rig r;
    char path[320];
    const struct store_call begin = {.id = STR("late"), .started_us = 1700000000000000, .cost_micro = STORE_NO_COST};
    const struct store_call end = {.id = STR("late"), .reason = REASON_CALLER_HANGUP, .ended_us = 1700000009000000};
    const struct store_op ops[] = {{.kind = STORE_CALL_BEGIN, .at_us = 1, .u.call = &begin},
                                   {.kind = STORE_CALL_END, .at_us = 2, .u.call = &end}};
    rig_open(&r, &(struct rig_opts){0});
    rig_stop_gateway(&r);
    assert_ok(spool_path(str_from(r.dir), path, sizeof(path)));
    assert_ok(spool_put(path, ops, ARRAY_LEN(ops)));
    rig_start_gateway(&r);
    struct rig_reply reply = rig_http(&r, "GET", "/v1/calls/late", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "reason"),
                  "caller-hangup"); /* not "killed": the end came before calls were closed */
    buf_done(&reply.body);
    assert_int_equal(access(path, F_OK), -1);
    rig_close(&r, false);
}

TEST_MAIN(T(over_the_limit_callers_hear_busy_and_ready_is_503), T(one_number_may_have_so_many_calls),
          T(a_drain_lets_the_live_call_end_and_takes_no_new_one), T(a_second_stop_hangs_up_at_once),
          T(a_new_start_knows_the_calls_of_the_old_one), T(a_call_that_nobody_ended_is_ended_when_the_gateway_is_freed),
          T(nothing_is_left_after_the_last_call), T(descriptors_and_cpu_return_to_the_idle_figure),
          T(on_a_full_disk_calls_go_on_unrecorded), T(rows_that_could_not_be_written_are_written_by_the_next_start))
