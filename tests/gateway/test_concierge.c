/*
 * The concierge as it is shipped: agents and dialogue of examples/concierge, a whole call, and what its record says.
 */
#include <stdio.h>

#include "base/err.h"
#include "gateway/replay.h"
#include "gateway/rig.h"

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(out, 1 << 20);
    for (size_t n = 1; n > 0;) {
        uint8_t *room = buf_room(out, 4096);
        assert_non_null(room);
        n = fread(room, 1, 4096, f);
        buf_added(out, n);
    }
    fclose(f);
}

/* The example from "concierge:" on; the tones of the rig's callers are speech to a detector that goes by loudness. */
static void read_agents(struct buf *out)
{
    struct buf whole;
    read_file(SOURCE_ROOT "/examples/concierge/concierge.yaml", &whole);
    struct str text = buf_str(&whole);
    size_t at = str_search(text, STR("\nconcierge:"));
    assert_true(at != SIZE_MAX);
    buf_init(out, 1 << 20);
    buf_puts(out, "agent: {turn_detection: server_vad}\n");
    struct str rest = {text.p + at, text.n - at};
    for (size_t i = 0; i < rest.n; i++) { /* no environment here: the defaults of ${NAME:-default} */
        bool opens = rest.n - i > 2 && rest.p[i] == '$' && rest.p[i + 1] == '{';
        size_t colon = opens ? str_search((struct str){rest.p + i, rest.n - i}, STR(":-")) : 0;
        size_t end = opens ? str_find((struct str){rest.p + i, rest.n - i}, '}') : 0;
        if (opens) {
            buf_put(out, rest.p + i + colon + 2, end - colon - 2);
            i += end;
        } else {
            buf_putc(out, rest.p[i]);
        }
    }
    buf_done(&whole);
}

static const struct phone_when turns[] = {{0},
                                          {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000},
                                          {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000},
                                          {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000}};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

TEST(a_table_is_booked_from_the_first_word_to_the_record)
{
    struct rig r;
    struct buf agents, dialogue;
    struct replay_report report;
    char path[160];
    read_agents(&agents);
    read_file(SOURCE_ROOT "/examples/concierge/dialogue.yaml", &dialogue);
    rig_open(&r, &(struct rig_opts){
                     .extra = buf_cstr(&agents), .dialogue = buf_cstr(&dialogue), .records = ", confirmation: true"});
    r.call_ms = 45000;
    struct rig_call *c = rig_call(&r, turns, ARRAY_LEN(turns), never);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    if (r.last_reason != REASON_AGENT_HANGUP || r.notes[NOTE_HANDOFF] != 1 || r.tools != 2) {
        ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r.last_call) < 0);
        struct rig_reply record = rig_http(&r, "GET", path, NULL, NULL);
        fail_msg("%u tools, %u handoffs, %s in " STR_FMT, r.tools, r.notes[NOTE_HANDOFF], c->reason,
                 STR_ARG(buf_str(&record.body)));
    }
    assert_int_equal(r.tools, 2); /* find_restaurant and initiate_reservation_call */
    ignore_result(snprintf(path, sizeof(path), "/calls/%s/status", r.last_call) < 0);
    struct rig_reply reply = rig_http(&r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "call_id"), r.last_call);
    assert_str_is(rig_json(&reply, "status"), "completed");
    assert_true(str_starts(rig_json(&reply, "confirmation_number"), STR("DEMO-SIM-")));
    assert_str_is(rig_json(&reply, "error"), "null");
    assert_true(rig_json(&reply, "start_time").n > 0 && rig_json(&reply, "end_time").n > 0);
    int64_t lines = 0;
    assert_ok(str_to_i64(rig_json(&reply, "transcript_lines"), &lines));
    assert_true(lines >= 8);
    buf_done(&reply.body);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r.last_call) < 0);
    reply = rig_http(&r, "GET", path, NULL, NULL);
    assert_has(buf_str(&reply.body), "The confirmation number is DEMO-SIM-");
    assert_has(buf_str(&reply.body), "Demo Restaurant, 123 Demo Street");
    buf_done(&reply.body);
    assert_ok(replay_run(r.last_journal, NULL, &report));
    assert_int_equal(report.first_diff, 0);
    rig_close(&r, false);
    buf_done(&agents);
    buf_done(&dialogue);
}

TEST(the_http_surface_of_the_concierge)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.public_url = "https://concierge.example.com"});
    struct rig_reply reply = rig_http(&r, "GET", "/", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_str_is(rig_json(&reply, "status"), "ok");
    assert_str_is(rig_json(&reply, "public_domain"), "concierge.example.com");
    assert_true(rig_json(&reply, "version").n > 0);
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/health", NULL, NULL);
    assert_str_is(rig_json(&reply, "status"), "healthy");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/calls", NULL, NULL);
    assert_str_is(rig_json(&reply, "total"), "0");
    buf_done(&reply.body);
    reply = rig_http(&r, "GET", "/calls/unknown/status", NULL, NULL);
    assert_int_equal(reply.status, 404);
    assert_str_is(buf_str(&reply.body), "{\"error\":\"Call not found\"}");
    buf_done(&reply.body);
    reply = rig_http(&r, "POST", "/twiml?call_id=c1", "Content-Type: application/x-www-form-urlencoded\r\n",
                     "CallSid=CA0123456789abcdef0123456789abcdef&From=%2B15550001111&To=%2B15550002222");
    assert_int_equal(reply.status, 200);
    assert_has(buf_str(&reply.body), "<Stream url=\"wss://concierge.example.com/media-stream\"");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(a_table_is_booked_from_the_first_word_to_the_record), T(the_http_surface_of_the_concierge))
