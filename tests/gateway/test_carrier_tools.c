/*
 * Whole calls whose agent sends text messages, transfers and presses keys: caller, gateway, sandbox and the carrier's
 * REST service on one loop.
 */
#include <stdio.h>

#include "audio/dtmf.h"
#include "audio/wav.h"
#include "base/err.h"
#include "fakes/twilio_rest.h"
#include "gateway/replay.h"
#include "gateway/rig.h"

static const char dialogue[] = "name: test\n"
                               "greeting: Hello.\n"
                               "refusal: What?\n"
                               "unavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "instructions:\n"
                               "  nobody answered there: Nobody is there.\n"
                               "script:\n"
                               "  - do it\n"
                               "  - goodbye\n"
                               "intents:\n"
                               "  order:\n"
                               "    rules: [do it]\n"
                               "    say: I will do that for you now.\n"
                               "    call: %s\n"
                               "  goodbye:\n"
                               "    rules: [goodbye]\n"
                               "    say: Goodbye.\n"
                               "    call: {tool: end_call, arguments: {reason: done}}\n"
                               "results:\n"
                               "  %s:\n"
                               "    - when: {status: error}\n"
                               "      say: \"That did not work. {result.message}\"\n"
                               "    - when: {keys: \"*\"}\n"
                               "      say: \"I pressed {result.keys} keys.\"\n"
                               "    - say: \"It is {result.status}, number {result.confirmation_id}.\"\n";

struct fixture {
    struct rig r;
    struct twilio_rest_server rest;
    struct buf yaml, extra, carrier;
    struct rig_call *call;
};

static const struct phone_when at_once[] = {{0}};
static const struct phone_when answered = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 2000};
static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};

/* The carrier stops the stream of a call that it was given other TwiML for. */
static void on_update(struct twilio_rest_server *s UNUSED, const char *call_sid UNUSED, struct str twiml UNUSED,
                      void *arg)
{
    struct fixture *f = arg;
    if (f->call && f->call->phone) {
        phone_hang_up(f->call->phone, "redirected");
    }
}

struct setup {
    const char *tool, *call; /* what the caller's first sentence makes the model call */
    const char *config;      /* YAML behind the agent */
    bool no_account;
};

static void set_up(struct fixture *f, const struct setup *o)
{
    struct rig_opts ro = {0};
    *f = (struct fixture){0};
    buf_init(&f->yaml, 1 << 16);
    buf_init(&f->extra, 1 << 16);
    buf_init(&f->carrier, 1 << 12);
    assert_ok(loop_new(&ro.loop));
    twilio_rest_open(&f->rest, ro.loop);
    f->rest.any_call = true;
    f->rest.on_update = on_update;
    f->rest.arg = f;
    buf_printf(&f->yaml, dialogue, o->call, o->tool);
    buf_printf(&f->extra,
               "agent:\n  turn_detection: server_vad\n  tools: [end_call, %s]\n"
               "departments: {Sales: \"(555) 000-1111\", support: \"sip:desk@pbx.example.com\"}\n%s\n",
               o->tool, o->config ? o->config : "");
    buf_printf(&f->carrier,
               "{account_sid: \"" TWILIO_REST_ACCOUNT "\", auth_token: \"" TWILIO_REST_TOKEN
               "\", verify_signature: false, phone_number: \"" TWILIO_REST_NUMBER "\", api_base: \"%s\"}",
               f->rest.base);
    ro.dialogue = buf_cstr(&f->yaml);
    ro.extra = buf_cstr(&f->extra);
    ro.carrier = o->no_account ? NULL : buf_cstr(&f->carrier);
    rig_open(&f->r, &ro);
}

static void tear_down(struct fixture *f)
{
    rig_stop_gateway(&f->r);
    twilio_rest_close(&f->rest);
    rig_close(&f->r, false);
    buf_done(&f->yaml);
    buf_done(&f->extra);
    buf_done(&f->carrier);
}

static void run_call(struct fixture *f, struct phone_when hangup)
{
    f->call = rig_call(&f->r, at_once, 1, hangup);
    rig_wait_over(f->call);
    assert_int_equal(f->call->err, 0);
}

static void assert_said(struct fixture *f, const char *sentence)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", f->r.last_call) < 0);
    struct rig_reply reply = rig_http(&f->r, "GET", path, NULL, NULL);
    assert_has(rig_json(&reply, "transcript"), sentence);
    buf_done(&reply.body);
}

static void assert_metric(struct fixture *f, const char *line)
{
    struct rig_reply reply = rig_http(&f->r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}

static void assert_replays(const struct fixture *f)
{
    struct replay_report report;
    assert_ok(replay_run(f->r.last_journal, NULL, &report));
    assert_int_equal(report.first_diff, 0);
}

#define SMS                                                                                                            \
    .tool = "send_sms",                                                                                                \
    .call = "{tool: send_sms, arguments: {phone_number: \"(555) 000-2222\", message: \"Your code & more\"}}"
#define TRANSFER(where)                                                                                                \
    .tool = "transfer_call", .call = "{tool: transfer_call, arguments: {department: \"" where "\", reason: a "         \
                                     "question}}"

TEST(a_text_message_is_sent_and_the_caller_is_told)
{
    struct fixture f;
    set_up(&f, &(struct setup){SMS});
    run_call(&f, answered);
    assert_int_equal(f.rest.messages, 1);
    assert_string_equal(f.rest.to, "+15550002222");
    assert_string_equal(f.rest.from, TWILIO_REST_NUMBER);
    assert_string_equal(f.rest.body, "Your code & more");
    assert_string_equal(f.rest.problem, "");
    assert_said(&f, "It is sent, number SM00000000000000000000000000000001.");
    assert_metric(&f, "ringtrip_sms_total{result=\"sent\"} 1");
    assert_metric(&f, "ringtrip_tool_calls_total{result=\"ok\"} 1");
    assert_replays(&f);
    tear_down(&f);
}

TEST(a_message_that_the_carrier_refuses_is_told_as_it_said_it)
{
    struct fixture f;
    set_up(&f, &(struct setup){SMS});
    f.rest.fault = (struct twilio_rest_fault){
        1, 400, "{\"code\":21610,\"message\":\"Attempt to send to unsubscribed recipient\",\"status\":400}"};
    run_call(&f, answered);
    assert_said(&f, "That did not work. The carrier refused the message: Attempt to send to unsubscribed recipient "
                    "(error 21610)");
    assert_metric(&f, "ringtrip_sms_total{result=\"refused\"} 1");
    assert_replays(&f);
    tear_down(&f);
}

TEST(without_an_account_messages_and_transfers_say_so)
{
    struct fixture f;
    set_up(&f, &(struct setup){SMS, .no_account = true});
    run_call(&f, answered);
    assert_said(&f, "Text messages are not configured: there is no Twilio account.");
    assert_int_equal(f.rest.requests, 0);
    tear_down(&f);
    set_up(&f, &(struct setup){TRANSFER("Sales"), .no_account = true});
    run_call(&f, answered);
    assert_said(&f, "Transfers are not configured: there is no Twilio account.");
    assert_int_equal(f.r.notes[NOTE_TRANSFER], 0);
    tear_down(&f);
}

/* The request to /twilio/dialled that follows, and its answer. */
static struct rig_reply dialled(struct fixture *f, const char *status)
{
    char form[256];
    ignore_result(snprintf(form, sizeof(form),
                           "CallSid=%s&AccountSid=" TWILIO_REST_ACCOUNT
                           "&From=%%2B15550009999&To=%%2B15005550006&CallStatus=in-progress&Direction=inbound&"
                           "DialCallStatus=%s",
                           f->call->sid, status) < 0);
    struct rig_reply reply =
        rig_http(&f->r, "POST", "/twilio/dialled", "Content-Type: application/x-www-form-urlencoded\r\n", form);
    assert_int_equal(reply.status, 200);
    return reply;
}

TEST(a_caller_is_transferred_when_the_announcement_was_heard)
{
    struct fixture f;
    char value[128];
    set_up(&f, &(struct setup){TRANSFER("sales")});
    run_call(&f, never);
    assert_int_equal(f.rest.updates, 1);
    assert_string_equal(f.rest.call_sid, f.call->sid);
    twilio_rest_dial(&f.rest, "", value, sizeof(value));
    assert_string_equal(value, "+15550001111");
    twilio_rest_dial(&f.rest, "action", value, sizeof(value));
    assert_string_equal(value, ""); /* nobody said how we are reached from outside: tests of the carrier do */
    assert_string_equal(f.rest.problem, "");
    assert_int_equal(f.r.last_reason, REASON_TRANSFERRED);
    assert_said(&f, "I will do that for you now.");
    assert_metric(&f, "ringtrip_transfers_total{result=\"ordered\"} 1");
    assert_metric(&f, "ringtrip_calls_closed_total{reason=\"transferred\"} 1");
    assert_replays(&f);
    struct rig_reply reply = dialled(&f, "completed");
    assert_has(buf_str(&reply.body), "<Hangup/>");
    buf_done(&reply.body);
    assert_metric(&f, "ringtrip_transfers_total{result=\"answered\"} 1");
    tear_down(&f);
}

TEST(whom_nobody_answers_comes_back_to_the_agent)
{
    struct fixture f;
    char token[64] = "";
    set_up(&f, &(struct setup){TRANSFER("support")});
    run_call(&f, never);
    assert_int_equal(f.rest.updates, 1);
    struct rig_reply reply = dialled(&f, "no-answer");
    assert_has(buf_str(&reply.body), "<Stream url=\"ws://127.0.0.1:");
    size_t at = str_search(buf_str(&reply.body), STR("name=\"token\" value=\""));
    assert_true(at != SIZE_MAX);
    struct str text = buf_str(&reply.body);
    struct str rest = {text.p + at + 20, text.n - at - 20};
    assert_ok(str_copy(token, sizeof(token), (struct str){rest.p, str_find(rest, '"')}));
    buf_done(&reply.body);
    struct rig_socket *s = rig_socket(&f.r, "/media-stream");
    rig_send_start(s, f.call->sid, token);
    while (s->messages < 3) { /* the agent speaks: the caller need not say anything first */
        settle(f.r.loop);
    }
    ws_close(s->ws, 1000, STR_NULL);
    rig_wait_ended(&f.r, 2);
    assert_said(&f, "\"unheard\":\"Nobody"); /* this phone returns no marks: it is not known what was heard */
    assert_metric(&f, "ringtrip_transfers_total{result=\"unanswered\"} 1");
    tear_down(&f);
}

TEST(where_nobody_comes_back_the_carrier_says_sorry)
{
    struct fixture f;
    set_up(&f, &(struct setup){TRANSFER("support"),
                               .config = "transfer: {return_to_agent: false, sorry: Nobody & nothing., ring_s: 7}"});
    run_call(&f, never);
    char value[64];
    twilio_rest_dial(&f.rest, "timeout", value, sizeof(value));
    assert_string_equal(value, "7");
    struct rig_reply reply = dialled(&f, "busy");
    assert_has(buf_str(&reply.body), "<Say>Nobody &amp; nothing.</Say><Hangup/>");
    buf_done(&reply.body);
    tear_down(&f);
}

TEST(a_transfer_that_the_carrier_refuses_comes_back_to_the_agent)
{
    struct fixture f;
    set_up(&f, &(struct setup){TRANSFER("Sales")});
    f.rest.fault = (struct twilio_rest_fault){1, 400, "{\"code\":21220,\"message\":\"Call is not in-progress\"}"};
    run_call(&f, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 3000});
    assert_int_equal(f.rest.updates, 0);
    assert_said(&f, "The caller could not be connected: Call is not in-progress (error 21220)");
    assert_metric(&f, "ringtrip_transfers_total{result=\"failed\"} 1");
    assert_int_equal(f.r.last_reason, REASON_CALLER_HANGUP);
    assert_replays(&f);
    tear_down(&f);
}

TEST(an_unknown_department_is_answered_with_the_known_ones)
{
    struct fixture f;
    set_up(&f, &(struct setup){TRANSFER("billing")});
    run_call(&f, answered);
    assert_said(&f, "The departments are: Sales or support.");
    assert_int_equal(f.rest.requests, 0);
    tear_down(&f);
}

/* The keys that can be heard in the agent's half of the recording. */
static void keys_in(const char *path, char *ret, size_t cap)
{
    static uint8_t file[4 << 20];
    FILE *in = fopen(path, "rb");
    struct wav wav;
    struct dtmf d;
    const char *why = NULL;
    size_t n = 0;
    assert_non_null(in);
    size_t bytes = fread(file, 1, sizeof(file), in);
    fclose(in);
    assert_ok(wav_parse(span_from(file, bytes), &wav, &why));
    dtmf_init(&d);
    for (size_t at = 0; at + 160 <= wav_frames(&wav); at += 160) {
        int16_t pcm[160];
        char digits[8];
        assert_int_equal(wav_read_mono(&wav, at, 160, pcm), 160); /* the caller is silent meanwhile */
        size_t found = dtmf_run(&d, pcm, 160, digits);
        for (size_t i = 0; i < found && n + 1 < cap; i++) {
            ret[n++] = digits[i];
        }
    }
    ret[n] = '\0';
}

TEST(keys_are_pressed_behind_the_agents_words)
{
    struct fixture f;
    char keys[32];
    set_up(&f, &(struct setup){.tool = "send_dtmf", .call = "{tool: send_dtmf, arguments: {digits: \"4 7,1#\"}}"});
    run_call(&f, (struct phone_when){.kind = PHONE_WHEN_AGENT_STOPS, .ms = 3000});
    assert_said(&f, "I pressed 4 keys.");
    assert_int_equal(f.r.notes[NOTE_KEYS], 1);
    keys_in(f.r.last_recording, keys, sizeof(keys));
    assert_string_equal(keys, "471#");
    assert_replays(&f);
    tear_down(&f);
}

TEST_MAIN(T(a_text_message_is_sent_and_the_caller_is_told), T(a_message_that_the_carrier_refuses_is_told_as_it_said_it),
          T(without_an_account_messages_and_transfers_say_so),
          T(a_caller_is_transferred_when_the_announcement_was_heard), T(whom_nobody_answers_comes_back_to_the_agent),
          T(where_nobody_comes_back_the_carrier_says_sorry),
          T(a_transfer_that_the_carrier_refuses_comes_back_to_the_agent),
          T(an_unknown_department_is_answered_with_the_known_ones), T(keys_are_pressed_behind_the_agents_words))
