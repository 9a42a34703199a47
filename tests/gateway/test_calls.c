/* Whole calls through a real gateway: greeting, tools, barge-in, goodbyes, and models that misbehave. */
#include "gateway/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/replay.h"

static const struct phone_when default_when[4] = {{0}};
static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

/* Milliseconds of audio that the file's header promises; the file must hold at least as much. */
static uint32_t wav_ms(const char *path)
{
    uint8_t head[44];
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, head, sizeof(head)), (ssize_t)sizeof(head));
    assert_ok(fstat(fd, &st));
    close(fd);
    assert_memory_equal(head, "RIFF", 4);
    assert_memory_equal(head + 8, "WAVEfmt ", 8);
    assert_int_equal(head[22], 2); /* channels */
    uint32_t bytes = (uint32_t)head[40] | (uint32_t)head[41] << 8 | (uint32_t)head[42] << 16 | (uint32_t)head[43] << 24;
    assert_true(st.st_size >= 44 + (off_t)bytes);
    assert_int_equal(st.st_mode & 0777, 0600);
    return bytes / 32;
}

/* Within a frame of the call, unless the machine was too busy to send the caller's frames in time. */
static void assert_recording_fits(const struct rig *r, const struct rig_call *c)
{
    int32_t diff = (int32_t)wav_ms(r->last_recording) - (int32_t)r->last_duration_ms;
    int32_t slack_ms = c->late_frames == 0 ? 20 : 500;
    print_message("# recorded %d ms more than %u ms, %llu late frames\n", diff, r->last_duration_ms,
                  (unsigned long long)c->late_frames);
    assert_true(diff >= -slack_ms && diff <= slack_ms);
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, NULL, &report));
    assert_true(report.records > 3);
    assert_int_equal(report.first_diff, 0);
    assert_false(report.torn_tail);
}

/* Reads one record from the API into reply. */
static struct rig_reply record_of(struct rig *r, const char *id)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void assert_record(struct rig *r, const char *path, const char *want)
{
    struct rig_reply reply = record_of(r, r->last_call);
    assert_str_is(rig_json(&reply, path), want);
    buf_done(&reply.body);
}

/* Labels that grow with each call would fill whoever collects them. */
static void assert_figures_name_no_call(struct rig *r, const struct rig_call *c)
{
    const char *const names[] = {r->last_call, c->sid, "5005550001"};
    struct rig_reply reply = rig_http(r, "GET", "/metrics", NULL, NULL);
    assert_int_equal(reply.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(names[i][0] != '\0');
        assert_has_not(buf_str(&reply.body), names[i]);
    }
    buf_done(&reply.body);
}

TEST(a_call_is_greeted_heard_answered_by_a_tool_and_recorded)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = rig_call(&r, default_when, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(c->warnings, 0);
    assert_true(c->greeting_ms >= 0);
    assert_int_equal(c->n_turns, 1);
    assert_true(c->turns[0].answered);
    assert_int_equal(c->hangup, PHONE_SIDE_CALLER);
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_int_equal(r.tools, 1);
    assert_recording_fits(&r, c);
    assert_replays(&r);
    struct rig_reply reply = record_of(&r, r.last_call);
    assert_str_is(rig_json(&reply, "status"), "completed");
    assert_str_is(rig_json(&reply, "reason"), "caller-hangup");
    assert_str_is(rig_json(&reply, "carrier_call_id"), c->sid);
    assert_str_is(rig_json(&reply, "from"), "+15005550001");
    assert_has(rig_json(&reply, "transcript"), "order one two three four");
    assert_has(rig_json(&reply, "turns"), "\"user_text\":\"order one two three four\"");
    assert_has(rig_json(&reply, "turns"), "\"response_ms\":");
    buf_done(&reply.body);
    reply = record_of(&r, c->sid); /* the carrier's id works as well */
    assert_str_is(rig_json(&reply, "id"), r.last_call);
    buf_done(&reply.body);
    assert_figures_name_no_call(&r, c);
    rig_close(&r, false);
}

TEST(the_caller_may_interrupt_and_hears_nothing_late)
{
    static const struct phone_when when[] = {{0}, {0}, {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 600}};
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = rig_call(&r, when, 3, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c); /* the third sentence of the script is goodbye */
    assert_int_equal(c->err, 0);
    assert_int_equal(c->warnings, 0);
    assert_true(c->clears >= 1);
    assert_int_equal(c->after_clear_bytes, 0);
    assert_true(r.notes[NOTE_BARGE_IN] >= 1);
    assert_int_equal(c->hangup, PHONE_SIDE_AGENT);
    assert_int_equal(r.last_reason, REASON_AGENT_HANGUP);
    assert_recording_fits(&r, c);
    assert_replays(&r);
    assert_record(&r, "reason", "agent-hangup");
    rig_close(&r, false);
}

TEST(a_caller_who_hangs_up_in_mid_answer_leaves_a_closed_record)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 100});
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    assert_recording_fits(&r, c);
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(a_model_that_cannot_be_reached_is_apologised_for)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.no_model = true});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_has(buf_str(&c->docs), "<Say");
    assert_int_equal(r.last_reason, REASON_MODEL_UNREACHABLE);
    assert_record(&r, "status", "failed");
    rig_close(&r, false);
}

TEST(the_apology_knows_the_call)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.no_model = true,
                                    .extra = "company_name: Green & Corner\n"
                                             "agents: {desk: {instructions: x, apology: \"Sorry, {{company_name}} "
                                             "cannot talk to {{caller_number}} now. {{unknown}}\"}}\n"});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    struct str docs = buf_str(&c->docs);
    if (str_search(docs, STR(">Sorry, Green &amp; Corner cannot talk to +1")) == SIZE_MAX ||
        str_search(docs, STR(" now. {{unknown}}<")) == SIZE_MAX) {
        fail_msg(STR_FMT, STR_ARG(docs));
    }
    rig_close(&r, false);
}

TEST(the_configured_fallback_is_given_instead_of_the_apology)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.no_model = true,
                                    .extra = "fallback: {twiml: \"<Response><Dial>+15551234567</Dial></Response>\"}"});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    rig_wait_over(c);
    assert_has(buf_str(&c->docs), "<Dial>+15551234567</Dial>");
    rig_close(&r, false);
}

/* Faults of the model and how the call must end: always with a record, never with a hang. */
static const struct {
    const char *faults;
    const char *extra;
    enum call_reason want[2];
} faulty[] = {
    {"no-updated",
     "deadlines: {session_updated_ms: 300, model_ready_ms: 800}",
     {REASON_MODEL_UNREACHABLE, REASON_MODEL_UNREACHABLE}},
    {"no-response", "deadlines: {response_ms: 300}", {REASON_MODEL_SILENT, REASON_MODEL_SILENT}},
    {"close=1011", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"drop", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"expire=1", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"fail=insufficient_quota", "renewal: {enabled: false}", {REASON_MODEL_SILENT, REASON_MODEL_SILENT}},
    {"text-only", "", {REASON_CALLER_HANGUP, REASON_CALLER_HANGUP}},
    {"error,no-created,no-done,late-audio,same-call-id,heard-failed", "", {REASON_CALLER_HANGUP, REASON_CALLER_HANGUP}},
    {"bad-json", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"binary", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"bad-audio", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"huge", "", {REASON_CALLER_HANGUP, REASON_MODEL_CLOSED}},
    {"unknown-events,twice-done,no-limits,obfuscation", "", {REASON_CALLER_HANGUP, REASON_CALLER_HANGUP}},
};

TEST(every_fault_of_the_model_ends_in_a_closed_record)
{
    for (size_t i = 0; i < ARRAY_LEN(faulty); i++) {
        struct rig r;
        rig_open(&r, &(struct rig_opts){.faults = faulty[i].faults, .extra = faulty[i].extra});
        struct rig_call *c = rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AFTER, .ms = 3000});
        rig_wait_over(c);
        print_message("# %s: %s\n", faulty[i].faults, call_reason_name(r.last_reason));
        assert_true(r.last_reason == faulty[i].want[0] || r.last_reason == faulty[i].want[1]);
        assert_replays(&r);
        assert_recording_fits(&r, c);
        rig_close(&r, false);
    }
}

/* A model that talks without end, 400 times faster than anybody listens: a megabyte waits after less than a second. */
TEST(agent_audio_that_waits_is_bounded_and_its_room_comes_back)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.faults = "endless", .speed = 400, .extra = "limits: {audio_pool_mb: 1}"});
    for (uint32_t i = 1; i <= 2; i++) {
        r.notes[NOTE_QUEUE_FULL] = 0;
        struct rig_call *c = rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AFTER, .ms = 1500});
        rig_wait_over(c);
        assert_true(r.notes[NOTE_QUEUE_FULL] > 0);
        assert_true(c->agent_ms > 100); /* the room was free when the call began */
        assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
        assert_replays(&r);
    }
    rig_close(&r, false);
}

TEST(an_operator_ends_a_call_and_deletes_every_trace)
{
    struct rig r;
    char path[160];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_call *c = rig_call(&r, NULL, 0, never);
    struct rig_reply reply = {0};
    while (c->agent_begins == 0) {
        settle(r.loop);
    }
    reply = rig_http(&r, "GET", "/calls", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "total"), "1");
    assert_has(buf_str(&reply.body), "\"status\":\"in_progress\"");
    struct str list = rig_json(&reply, "calls");
    size_t at = str_search(list, STR("\"call_id\":\""));
    char id[64];
    assert_ok(str_copy(id, sizeof(id), (struct str){list.p + at + 11, 36}));
    buf_done(&reply.body);

    ignore_result(snprintf(path, sizeof(path), "/calls/%s", id) < 0);
    reply = rig_http(&r, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 409); /* it is live */
    buf_done(&reply.body);

    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    reply = rig_http(&r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_true(rig_json(&reply, "live.phase").n > 0);
    buf_done(&reply.body);

    ignore_result(snprintf(path, sizeof(path), "/calls/%s/hangup", id) < 0);
    reply = rig_http(&r, "POST", path, NULL, NULL);
    assert_int_equal(reply.status, 202);
    buf_done(&reply.body);
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_API_HANGUP);
    assert_string_equal(r.last_call, id);
    assert_int_equal(c->hangup, PHONE_SIDE_AGENT);

    reply = rig_http(&r, "POST", path, NULL, NULL);
    assert_int_equal(reply.status, 409); /* over */
    buf_done(&reply.body);
    ignore_result(snprintf(path, sizeof(path), "/calls/%s/status", id) < 0);
    reply = rig_http(&r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "call_id"), id);
    assert_str_is(rig_json(&reply, "status"), "completed");
    assert_str_is(rig_json(&reply, "confirmation_number"), "null");
    buf_done(&reply.body);

    assert_int_equal(access(r.last_recording, F_OK), 0);
    ignore_result(snprintf(path, sizeof(path), "/calls/%s", id) < 0);
    reply = rig_http(&r, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    assert_int_equal(access(r.last_recording, F_OK), -1);
    assert_int_equal(access(r.last_journal, F_OK), -1);
    reply = rig_http(&r, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(a_call_over_its_cost_is_ended)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = "limits: {max_cost: 0.000001}\n"
                                             "prices: {gpt-realtime-2.1: {audio_out: 100000, text_out: 100000}}"});
    struct rig_call *c = rig_call(&r, default_when, 2, never);
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_LIMIT_COST);
    assert_int_equal(c->hangup, PHONE_SIDE_AGENT);
    struct rig_reply reply = record_of(&r, r.last_call);
    assert_true(rig_json(&reply, "cost").n > 0 && !str_is(rig_json(&reply, "cost"), "null"));
    assert_str_is(rig_json(&reply, "reason"), "limit-cost");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST(recording_and_journal_switch_separately)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = ""});
    rig_stop_gateway(&r);
    struct str old = buf_str(&r.yaml);
    size_t at = str_search(old, STR("min_free_mb: 0"));
    assert_true(at != SIZE_MAX);
    struct buf yaml;
    buf_init(&yaml, 1 << 16);
    buf_put(&yaml, old.p, at);
    buf_puts(&yaml, "recording: false, ");
    buf_put(&yaml, old.p + at, old.n - at);
    buf_done(&r.yaml);
    r.yaml = yaml;
    rig_start_gateway(&r);
    struct rig_call *c = rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 100});
    rig_wait_over(c);
    assert_string_equal(r.last_recording, "");
    assert_replays(&r);
    assert_record(&r, "recording", "null");
    rig_close(&r, false);
}

TEST(a_signed_webhook_is_a_call_and_a_forged_one_is_not)
{
    static const struct phone_when speaks = {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 100};
    struct rig r;
    rig_open(&r,
             &(struct rig_opts){.carrier = "{auth_token: the-carriers-secret}", .auth_token = "the-carriers-secret"});
    struct rig_call *c = rig_call(&r, NULL, 0, speaks);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(r.last_reason, REASON_CALLER_HANGUP);
    r.auth_token = "somebody-elses-secret";
    c = rig_call(&r, NULL, 0, speaks);
    rig_wait_over(c);
    assert_int_equal(c->http_status, 403);
    assert_int_equal(r.begun, 1);
    struct rig_reply reply = rig_http(&r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), "ringtrip_auth_failures_total{kind=\"signature\"} 1\n");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(a_call_is_greeted_heard_answered_by_a_tool_and_recorded),
          T(the_caller_may_interrupt_and_hears_nothing_late),
          T(a_caller_who_hangs_up_in_mid_answer_leaves_a_closed_record),
          T(a_model_that_cannot_be_reached_is_apologised_for), T(the_apology_knows_the_call),
          T(the_configured_fallback_is_given_instead_of_the_apology),
          T(every_fault_of_the_model_ends_in_a_closed_record),
          T(agent_audio_that_waits_is_bounded_and_its_room_comes_back),
          T(an_operator_ends_a_call_and_deletes_every_trace), T(a_call_over_its_cost_is_ended),
          T(recording_and_journal_switch_separately), T(a_signed_webhook_is_a_call_and_a_forged_one_is_not))
