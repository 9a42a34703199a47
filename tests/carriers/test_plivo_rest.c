/* What the Plivo carrier asks of its account: the start, calls, lists, messages; and what it makes of bad answers. */
#include <stdio.h>

#include "base/err.h"
#include "carriers/plivo/plivo.h"
#include "fakes/plivo_rest.h"
#include "fakes/wait.h"
#include "test.h"

#define PUBLIC "https://gw.example.com"

struct bench {
    struct loop *loop;
    struct http_client *http;
    struct plivo_rest rest;
    struct plivo *plivo;
    struct carrier *c;
    struct plivo_opts o;
    struct http_server *server; /* that mounts the carrier */
    char at[64];
    bool done;
    struct carrier_result result;
    char id[64], request_id[64], message[256];
    struct carrier_found *found;
    char found_ids[3][64];
    uint32_t n_progress;
    struct carrier_progress progress;
    char attempt[80], cause[64], request[64];
    bool answered;
    int status;
};

static void on_incoming(struct carrier *c UNUSED, const struct carrier_incoming *in UNUSED,
                        struct carrier_answer *ret UNUSED, void *arg UNUSED)
{
    fail_msg("nobody called");
}

static int on_media_start(struct carrier *c UNUSED, const struct carrier_stream *s UNUSED, struct leg *leg UNUSED,
                          const struct leg_handler **h UNUSED, void **harg UNUSED, void *arg UNUSED)
{
    return -ENOENT;
}

static void on_progress(struct carrier *c UNUSED, const struct carrier_progress *p, void *arg)
{
    struct bench *b = arg;
    b->n_progress++;
    b->progress = *p;
    assert_ok(str_copy(b->attempt, sizeof(b->attempt), p->attempt));
    assert_ok(str_copy(b->cause, sizeof(b->cause), p->cause));
    assert_ok(str_copy(b->request, sizeof(b->request), p->ref.request_id));
}

static const struct carrier_host host = {
    .on_incoming = on_incoming, .on_media_start = on_media_start, .on_progress = on_progress};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct bench *b = arg;
    assert_true(carrier_handle(b->c, x, req));
}

static const struct http_server_handler requests = {.on_request = on_request};

static void open_bench(struct bench *b)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    *b = (struct bench){0};
    assert_ok(loop_new(&b->loop));
    assert_ok(http_client_new(b->loop, &b->http));
    plivo_rest_open(&b->rest, b->loop);
    b->o = (struct plivo_opts){
        .auth_id = STR(PLIVO_REST_ID),
        .auth_tokens = {STR(PLIVO_REST_TOKEN)},
        .n_auth_tokens = 1,
        .phone_number = STR("+" PLIVO_REST_NUMBER),
        .public_url = STR(PUBLIC),
        .application = STR("gw"),
        .require_token = true,
        .verify_signature = true,
        .api_base = str_from(b->rest.base),
        .rest_ms = 1000,
    };
    assert_ok(plivo_new(b->loop, b->http, &b->o, &host, b, &b->plivo));
    b->c = plivo_carrier(b->plivo);
    assert_ok(http_server_open(b->loop, &so, &requests, b, &b->server));
    snprintf(b->at, sizeof(b->at), "http://127.0.0.1:%u", (unsigned)http_server_port(b->server));
    snprintf(b->rest.reach, sizeof(b->rest.reach), "%s", b->at);
}

static void close_bench(struct bench *b)
{
    carrier_free(b->c);
    http_server_free(b->server);
    plivo_rest_close(&b->rest);
    http_client_free(b->http);
    loop_free(b->loop);
    test_free(b->found);
}

static void on_done(const struct carrier_result *r, void *arg)
{
    struct bench *b = arg;
    b->done = true;
    b->result = *r;
    assert_ok(str_copy(b->id, sizeof(b->id), r->id));
    assert_ok(str_copy(b->request_id, sizeof(b->request_id), r->request_id));
    assert_ok(str_copy(b->message, sizeof(b->message), r->message));
}

static void on_found(const struct carrier_found *f, void *arg)
{
    struct bench *b = arg;
    b->done = true;
    b->found = test_realloc(b->found, sizeof(*f));
    *b->found = *f;
    for (uint32_t i = 0; i < MIN(f->n, 3u); i++) {
        struct str id = f->calls[i].ref.call_id.n > 0 ? f->calls[i].ref.call_id : f->calls[i].ref.request_id;
        assert_ok(str_copy(b->found_ids[i], sizeof(b->found_ids[i]), id));
    }
}

static bool is_done(void *arg)
{
    return ((struct bench *)arg)->done;
}

static void wait_done(struct bench *b)
{
    wait_until(b->loop, is_done, b);
    b->done = false;
}

/* ---- the start ---- */

static bool has_settled(void *arg)
{
    struct bench *b = arg;
    return b->rest.number_app[0] != '\0' || b->rest.problem[0] != '\0';
}

TEST(an_application_that_is_there_is_changed_only_when_it_leads_elsewhere)
{
    struct bench b;
    open_bench(&b);
    for (size_t i = 0; i < 25; i++) { /* ours stands on the second page; a longer name begins like it */
        struct plivo_rest_app *a = &b.rest.apps[b.rest.n_apps++];
        snprintf(a->id, sizeof(a->id), "%zu", 100 + i);
        snprintf(a->name, sizeof(a->name), "%s", i == 22 ? "gw" : "gw-old");
        snprintf(a->answer_url, sizeof(a->answer_url), "https://elsewhere.example.com/answer");
    }
    plivo_configure(b.plivo);
    plivo_configure(b.plivo); /* while it is under way nothing is begun twice */
    wait_until(b.loop, has_settled, &b);
    assert_string_equal(b.rest.problem, "");
    assert_int_equal(b.rest.n_apps, 25);
    assert_int_equal(b.rest.app_writes, 1);
    assert_string_equal(b.rest.apps[22].answer_url, PUBLIC "/answer");
    assert_string_equal(b.rest.apps[21].answer_url, "https://elsewhere.example.com/answer");
    assert_true(str_ends(str_from(b.rest.number_app), STR("/Application/122/")));
    settle(b.loop);
    uint32_t before = b.rest.requests;
    plivo_configure(b.plivo); /* all is as it should be: it is only looked at */
    while (b.rest.requests < before + 3) {
        settle(b.loop);
    }
    settle(b.loop);
    assert_int_equal(b.rest.requests, before + 3);
    assert_int_equal(b.rest.app_writes, 1);
    assert_int_equal(b.rest.number_writes, 1);
    close_bench(&b);
}

TEST(a_start_that_fails_or_lacks_something_touches_nothing)
{
    static const struct plivo_rest_fault faults[] = {
        {1, 401, "text/plain", "Could not verify your access level for that URL.", false},
        {1, 500, "text/html", "<html>", false},
        {1, 200, NULL, "[1,2]", false},
        {1, 200, NULL, "{\"objects\":[{\"app_name\":\"gw\",\"app_id\":\"../x\"}]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct bench b;
        open_bench(&b);
        b.rest.fault = faults[i];
        plivo_configure(b.plivo);
        for (int n = 0; n < 20; n++) {
            settle(b.loop);
        }
        assert_int_equal(b.rest.requests, 1);
        assert_int_equal(b.rest.app_writes + b.rest.number_writes, 0);
        close_bench(&b);
    }
    for (int i = 0; i < 4; i++) {
        struct bench b;
        open_bench(&b);
        struct str *const needed[] = {&b.o.auth_id, &b.o.phone_number, &b.o.public_url, &b.o.application};
        *needed[i] = i == 3 ? STR("not a name!") : STR("");
        plivo_configure(b.plivo);
        settle(b.loop);
        assert_int_equal(b.rest.requests, 0);
        close_bench(&b);
    }
}

/* ---- calls that we start ---- */

static const struct carrier_dial dial = {
    .attempt = STR("a-1"), .to = STR("+15005550009"), .ring_s = 20, .amd = CARRIER_AMD_DETECT, .amd_timeout_ms = 99};

TEST(a_call_is_started_with_the_attempt_in_every_address)
{
    struct bench b;
    uint64_t id;
    open_bench(&b);
    assert_ok(carrier_dial(b.c, &dial, on_done, &b, &id));
    wait_done(&b);
    assert_int_equal(b.result.err, 0);
    assert_string_equal(b.request_id, "00000000-0000-4000-a000-000000000001");
    assert_string_equal(b.id, ""); /* the call itself has no name yet */
    assert_string_equal(b.rest.problem, "");
    assert_has(buf_str(&b.rest.log), "\"from\":\"" PLIVO_REST_NUMBER
                                     "\",\"to\":\"15005550009\",\"answer_url\":\"" PUBLIC "/answer?attempt=a-1\"");
    assert_has(buf_str(&b.rest.log), "\"hangup_url\":\"" PUBLIC "/hangup?attempt=a-1\"");
    assert_has(buf_str(&b.rest.log), "\"machine_detection_time\":2000"); /* the least that the vendor takes */
    static const struct carrier_dial bad[] = {
        {.attempt = STR("a 1"), .to = STR("+15005550009")},
        {.attempt = STR(""), .to = STR("+15005550009")},
        {.attempt = STR("a"), .to = STR("15005550009")},
        {.attempt = STR("a"), .to = STR("+1500555000x")},
        {.attempt = STR("a"), .to = STR("+15005550009"), .from = STR("me")},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(carrier_dial(b.c, &bad[i], on_done, &b, &id), -EINVAL);
    }
    b.o.public_url = STR("");
    carrier_set_opts(b.c, &b.o);
    assert_int_equal(carrier_dial(b.c, &dial, on_done, &b, &id), -ERR_STATE);
    assert_non_null(carrier_cannot(b.c, CARRIER_DIAL));
    close_bench(&b);
}

TEST(what_may_have_been_begun_is_never_asked_twice)
{
    static const struct {
        struct plivo_rest_fault fault;
        bool unclear;
        uint32_t requests;
    } cases[] = {
        {{1, 500, NULL, "{\"api_id\":\"a\",\"error\":\"oops\"}", true}, true, 1},
        {{1, 0, NULL, NULL, false}, true, 1},
        {{1, 201, NULL, "{\"message\":\"call fired\"}", true}, true, 1}, /* without a name */
        {{1, 400, NULL, "{\"api_id\":\"a\",\"error\":{\"to\":[\"bad\"]}}", false}, false, 1},
        {{1, 401, "text/plain", "Could not verify your access level for that URL.", false}, false, 1},
        {{1, 402, NULL, "{\"error\":\"no credit\"}", false}, false, 1},
        {{3, 429, NULL, "{\"error\":\"too many\"}", false}, false, 3}, /* not looked at: asked again, and given up */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        uint64_t id;
        open_bench(&b);
        b.rest.fault = cases[i].fault;
        assert_ok(carrier_dial(b.c, &dial, on_done, &b, &id));
        wait_done(&b);
        assert_true(b.result.err < 0);
        assert_int_equal(b.result.unclear, cases[i].unclear);
        assert_int_equal(b.rest.requests, cases[i].requests);
        close_bench(&b);
    }
}

TEST(a_call_is_ended_by_its_name_or_by_that_of_its_request)
{
    struct bench b;
    uint64_t id;
    open_bench(&b);
    assert_ok(carrier_hangup(b.c, &(struct carrier_call_ref){.call_id = STR("c-1"), .request_id = STR("r-1")}, on_done,
                             &b, &id));
    wait_done(&b);
    assert_ok(b.result.err);
    assert_ok(carrier_hangup(b.c, &(struct carrier_call_ref){.request_id = STR("r-1")}, on_done, &b, &id));
    wait_done(&b);
    assert_ok(b.result.err);
    assert_has(buf_str(&b.rest.log), "DELETE Call/c-1/ {}\nDELETE Request/r-1/ {}\n");
    b.rest.fault = (struct plivo_rest_fault){1, 404, NULL, "{\"error\":\"gone\"}", false};
    assert_ok(carrier_hangup(b.c, &(struct carrier_call_ref){.call_id = STR("c-1")}, on_done, &b, &id));
    wait_done(&b);
    assert_ok(b.result.err); /* it is over, which is what was wanted */
    assert_int_equal(carrier_hangup(b.c, &(struct carrier_call_ref){.call_id = STR("../x")}, on_done, &b, &id),
                     -EINVAL);
    assert_int_equal(carrier_hangup(b.c, &(struct carrier_call_ref){{0}}, on_done, &b, &id), -EINVAL);
    close_bench(&b);
}

/* ---- lists ---- */

TEST(a_call_is_looked_for_where_it_can_be)
{
    struct bench b;
    uint64_t id;
    open_bench(&b);
    b.rest.queued = "{\"api_id\":\"a\",\"calls\":[]}";
    b.rest.live = "{\"api_id\":\"a\",\"calls\":[\"c-live\"]}";
    b.rest.finished =
        "{\"api_id\":\"a\",\"meta\":{\"next\":null},\"objects\":["
        "{\"call_uuid\":\"c-new\",\"to_number\":\"15005550009\",\"from_number\":\"+" PLIVO_REST_NUMBER
        "\",\"initiation_time\":\"2026-01-05 10:00:00+00:00\",\"end_time\":\"2026-01-05 10:01:14+00:00\","
        "\"answer_time\":null,\"bill_duration\":0,\"hangup_cause_code\":3010,\"hangup_cause_name\":\"Busy Line\"},"
        "{\"call_uuid\":\"c-old\",\"to_number\":\"15005550009\",\"initiation_time\":\"2026-01-05 08:00:00+00:00\"},"
        "{\"call_uuid\":\"c-else\",\"to_number\":\"15005550001\",\"initiation_time\":\"2026-01-05 10:00:00+00:00\"}]}";
    const struct carrier_find find = {.to = STR("+15005550009"), .since_wall_us = 1767607200u * 1000000ull}; /* 10:00 */
    assert_ok(carrier_find_calls(b.c, &find, on_found, &b, &id));
    wait_done(&b);
    assert_int_equal(b.found->err, 0);
    assert_int_equal(b.found->n, 2);
    assert_string_equal(b.found_ids[0], "c-live");
    assert_string_equal(b.found_ids[1], "c-new");
    assert_int_equal(b.found->calls[1].stage, CARRIER_STAGE_ENDED);
    assert_int_equal(b.found->calls[1].outcome, CARRIER_OUTCOME_BUSY);
    assert_int_equal(b.rest.requests, 3);
    assert_false(b.found->more);
    b.rest.live = b.rest.queued = NULL; /* by its name: not live any more, but finished */
    b.rest.finished =
        "{\"api_id\":\"a\",\"call_uuid\":\"c-1\",\"answer_time\":\"x\",\"end_time\":\"y\",\"bill_duration\":7}";
    assert_ok(carrier_find_calls(b.c, &(struct carrier_find){.ref = {.call_id = STR("c-1")}}, on_found, &b, &id));
    wait_done(&b);
    assert_int_equal(b.found->n, 1);
    assert_int_equal(b.found->calls[0].outcome, CARRIER_OUTCOME_COMPLETED);
    assert_int_equal(b.found->calls[0].duration_s, 7);
    b.rest.finished = NULL;
    assert_ok(carrier_find_calls(b.c, &(struct carrier_find){.ref = {.request_id = STR("r-1")}}, on_found, &b, &id));
    wait_done(&b);
    assert_int_equal(b.found->err, 0);
    assert_int_equal(b.found->n, 0); /* known not to be */
    b.rest.fault = (struct plivo_rest_fault){1, 503, "text/html", "<html>", false};
    assert_ok(carrier_find_calls(b.c, &(struct carrier_find){.ref = {.request_id = STR("r-1")}}, on_found, &b, &id));
    wait_done(&b);
    assert_true(b.found->err < 0); /* not known */
    assert_ok(carrier_find_calls(b.c, &(struct carrier_find){.ref = {.request_id = STR("r-1")}}, on_found, &b, &id));
    carrier_cancel(b.c, id);
    for (int i = 0; i < 10; i++) {
        settle(b.loop);
    }
    assert_false(b.done);
    close_bench(&b);
}

/* ---- what is told of them ---- */

static void on_reply(const struct http_reply *r, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(r->err, 0);
    b->answered = true;
    b->status = r->status;
}

static bool is_answered(void *arg)
{
    return ((struct bench *)arg)->answered;
}

static void tell(struct bench *b, const char *path, const char *form)
{
    char url[256];
    snprintf(url, sizeof(url), PUBLIC "%s", path);
    b->answered = false;
    plivo_rest_ring(&b->rest, url, form, PLIVO_REST_TOKEN, on_reply, b);
    wait_until(b->loop, is_answered, b);
    assert_int_equal(b->status, 200);
}

TEST(news_of_a_call_are_told_by_its_attempt)
{
    struct bench b;
    open_bench(&b);
    tell(&b, "/plivo/ring?attempt=a-1", "CallUUID=c-1&RequestUUID=r-1&Event=Ring&CallStatus=ringing&attempt=forged");
    assert_int_equal(b.n_progress, 1);
    assert_string_equal(b.attempt, "a-1");
    assert_string_equal(b.request, "r-1");
    assert_int_equal(b.progress.stage, CARRIER_STAGE_RINGING);
    tell(&b, "/plivo/amd?attempt=a-1", "CallUUID=c-1&Event=MachineDetection&Machine=true");
    assert_int_equal(b.progress.answerer, CARRIER_ANSWERER_MACHINE);
    assert_int_equal(b.progress.stage, CARRIER_STAGE_UNKNOWN);
    static const struct {
        const char *form;
        enum carrier_outcome outcome;
        int64_t duration_s;
        const char *cause;
    } ends[] = {
        {"CallStatus=completed&HangupCause=NORMAL_CLEARING&BillDuration=7&Duration=9&AnswerTime=x",
         CARRIER_OUTCOME_COMPLETED, 7, "NORMAL_CLEARING"},
        {"CallStatus=busy&HangupCause=USER_BUSY&HangupCauseCode=3010&Duration=0", CARRIER_OUTCOME_BUSY, 0, "USER_BUSY"},
        {"CallStatus=timeout&HangupCauseName=Ring+Timeout+Reached", CARRIER_OUTCOME_NO_ANSWER, -1,
         "Ring Timeout Reached"},
        {"CallStatus=no-answer&HangupCauseCode=3000", CARRIER_OUTCOME_NO_ANSWER, -1, "3000"},
        {"CallStatus=cancel", CARRIER_OUTCOME_CANCELED, -1, "cancel"},
        {"CallStatus=failed&HangupCause=UNALLOCATED_NUMBER", CARRIER_OUTCOME_FAILED, -1, "UNALLOCATED_NUMBER"},
        {"CallStatus=completed&AnswerTime=&BillDuration=0&HangupCauseCode=3020", CARRIER_OUTCOME_BUSY, 0, "3020"},
        {"CallStatus=completed&AnswerTime=&BillDuration=0&HangupCauseCode=8011", CARRIER_OUTCOME_FAILED, 0, "8011"},
        {"CallStatus=completed&AnswerTime=&BillDuration=0&HangupCauseCode=4000", CARRIER_OUTCOME_COMPLETED, 0, "4000"},
        /* accounts that get less than that: the network's word */
        {"CallStatus=completed&Duration=0&HangupCause=USER_BUSY", CARRIER_OUTCOME_BUSY, 0, "USER_BUSY"},
        {"CallStatus=failed&Duration=0&HangupCause=NO_ANSWER", CARRIER_OUTCOME_NO_ANSWER, 0, "NO_ANSWER"},
        {"CallStatus=failed&Duration=0&HangupCause=CALL_REJECTED", CARRIER_OUTCOME_BUSY, 0, "CALL_REJECTED"},
        {"CallStatus=failed&Duration=0&HangupCause=NORMAL_CLEARING", CARRIER_OUTCOME_FAILED, 0, "NORMAL_CLEARING"},
        {"CallStatus=completed&AnswerTime=x&HangupCause=USER_BUSY", CARRIER_OUTCOME_COMPLETED, -1, "USER_BUSY"},
        {"Duration=0&HangupCause=ORIGINATOR_CANCEL", CARRIER_OUTCOME_NO_ANSWER, 0, "ORIGINATOR_CANCEL"},
        {"Duration=0&HangupCause=NO_ROUTE_DESTINATION", CARRIER_OUTCOME_FAILED, 0, "NO_ROUTE_DESTINATION"},
        {"Duration=12&HangupCause=NORMAL_CLEARING", CARRIER_OUTCOME_COMPLETED, 12, "NORMAL_CLEARING"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char form[256];
        snprintf(form, sizeof(form), "CallUUID=c-1&Event=Hangup&%s", ends[i].form);
        tell(&b, "/hangup?attempt=a-1", form);
        assert_int_equal(b.progress.stage, CARRIER_STAGE_ENDED);
        assert_int_equal(b.progress.outcome, ends[i].outcome);
        assert_int_equal(b.progress.duration_s, ends[i].duration_s);
        assert_string_equal(b.cause, ends[i].cause);
    }
    uint32_t before = b.n_progress;
    tell(&b, "/hangup", "CallUUID=c-1&Event=Hangup&CallStatus=completed&attempt=a-1"); /* not in the URL: not ours */
    assert_int_equal(b.n_progress, before);
    tell(&b, "/plivo/stream-status", "CallUUID=c-1&Event=DroppedStream&StatusReason=connection_failed");
    tell(&b, "/plivo/sms", "MessageUUID=m-1&Status=delivered");
    tell(&b, "/plivo/recording", "CallUUID=c-1&RecordUrl=u&RecordingID=r");
    close_bench(&b);
}

TEST(messages_and_recordings_are_asked_for_as_the_vendor_wants_them)
{
    struct bench b;
    uint64_t id;
    open_bench(&b);
    assert_null(carrier_cannot(b.c, CARRIER_SMS));
    assert_ok(carrier_send_sms(b.c, &(struct carrier_sms){.to = STR("+15005550009"), .text = STR("a & \"b\"")}, on_done,
                               &b, &id));
    wait_done(&b);
    assert_ok(b.result.err);
    assert_string_equal(b.id, "m-1");
    assert_has(buf_str(&b.rest.log),
               "\"src\":\"" PLIVO_REST_NUMBER "\",\"dst\":\"15005550009\",\"text\":\"a & \\\"b\\\"\"}");
    assert_int_equal(carrier_send_sms(b.c, &(struct carrier_sms){.to = STR("x"), .text = STR("a")}, on_done, &b, &id),
                     -EINVAL);
    assert_int_equal(carrier_send_sms(b.c, &(struct carrier_sms){.to = STR("+15005550009")}, on_done, &b, &id),
                     -EINVAL);
    b.rest.fault =
        (struct plivo_rest_fault){1, 400, NULL, "{\"api_id\":\"a\",\"error\":\"dst is \\\"bad\\\"\"}", false};
    assert_ok(
        carrier_send_sms(b.c, &(struct carrier_sms){.to = STR("+15005550009"), .text = STR("a")}, on_done, &b, &id));
    wait_done(&b);
    assert_int_equal(b.result.err, -ERR_HTTP);
    assert_string_equal(b.message, "dst is \"bad\"");
    assert_ok(carrier_record(b.c, &(struct carrier_call_ref){.call_id = STR("c-1")}, on_done, &b, &id));
    wait_done(&b);
    assert_ok(b.result.err);
    assert_string_equal(b.id, "r-1");
    assert_int_equal(b.rest.records, 1);
    b.o.auth_id = STR("");
    assert_non_null(carrier_cannot(b.c, CARRIER_SMS));
    close_bench(&b);
}

TEST_MAIN(T(an_application_that_is_there_is_changed_only_when_it_leads_elsewhere),
          T(a_start_that_fails_or_lacks_something_touches_nothing),
          T(a_call_is_started_with_the_attempt_in_every_address), T(what_may_have_been_begun_is_never_asked_twice),
          T(a_call_is_ended_by_its_name_or_by_that_of_its_request), T(a_call_is_looked_for_where_it_can_be),
          T(news_of_a_call_are_told_by_its_attempt), T(messages_and_recordings_are_asked_for_as_the_vendor_wants_them))
