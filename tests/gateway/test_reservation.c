/*
 * The concierge's call to the restaurant, on real sockets: a caller asks for a table, the gateway calls a restaurant
 * through a carrier's account, and the agent of the first call is told what became of it.
 */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"

/* One dialogue for both calls. %s: what the restaurant is taken to say. */
static const char dialogue[] = "name: concierge\n"
                               "greeting: Hello.\n"
                               "refusal: What?\n"
                               "unavailable: Not now.\n"
                               "prompt: Anything else?\n"
                               "script: [%s]\n"
                               "intents:\n"
                               "  order:\n"
                               "    rules: [book it]\n"
                               "    say: One moment.\n"
                               "    call:\n"
                               "      tool: initiate_reservation_call\n"
                               "      arguments: {restaurant_name: Demo, party_size: \"4\", date: tomorrow, time: "
                               "\"19:00\", customer_name: Ada}\n"
                               "  booked:\n"
                               "    rules: [your table is booked]\n"
                               "    say: The confirmation number is R T 4 7 1 1. Goodbye.\n"
                               "    call: {tool: end_call, arguments: {resolution: confirmed}}\n"
                               "  vague:\n"
                               "    rules: [just come by]\n"
                               "    say: Thank you. Goodbye.\n"
                               "    call: {tool: end_call, arguments: {resolution: they take no names}}\n"
                               "  full:\n"
                               "    rules: [we are full]\n"
                               "    say: What a pity. Goodbye.\n"
                               "    call: {tool: end_call, arguments: {resolution: \"Rejected: they are full\"}}\n"
                               "results:\n"
                               "  initiate_reservation_call:\n"
                               "    - when: {status: confirmed}\n"
                               "      say: \"It is {result.status}. {result.message} {result.confirmation_number}\"\n"
                               "    - say: \"It is {result.status}. {result.message}\"\n";

struct fixture {
    struct dial_bench b;
    struct phone_item says;
    struct rig_call *caller;
    struct buf dialogue;
    char call_id[80];
};

static void set_up(struct fixture *f, const struct phone_vendor *as, const char *answer, uint32_t wait_s)
{
    char extra[1024];
    *f = (struct fixture){0};
    f->says = (struct phone_item){.kind = PHONE_SAY,
                                  .when = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 200},
                                  .mulaw = rig_tone(),
                                  .label = "restaurant"};
    snprintf(extra, sizeof(extra),
             "agent: {turn_detection: server_vad}\n"
             "concierge: {agent: caller, poll_ms: 100, wait_s: %u, restaurant: {name: Demo, phone_number: "
             "\"" BENCH_CALLED "\"}}\n"
             "outbound: {ring_s: 5}\n"
             "start_agent: desk\n"
             "agents:\n"
             "  desk: {instructions: You book tables., tools: [initiate_reservation_call, end_call]}\n"
             "  caller: {instructions: You call a restaurant., tools: [end_call]}\n",
             wait_s);
    buf_init(&f->dialogue, 8192);
    buf_printf(&f->dialogue, dialogue, answer ? answer : "your table is booked");
    dial_bench_open_with(
        &f->b, &(struct dial_bench_opts){
                   .as = as, .extra = extra, .records = ", confirmation: true", .dialogue = buf_cstr(&f->dialogue)});
    f->b.r.call_ms = 60000;
    f->b.callee = (struct exchange_callee){.hangup = {.kind = PHONE_WHEN_NEVER}, .max_ms = 30000};
    if (answer) {
        f->b.callee.items = &f->says;
        f->b.callee.n_items = 1;
    }
}

static void tear_down(struct fixture *f)
{
    dial_bench_close(&f->b);
    buf_done(&f->dialogue);
}

/* ---- the caller ---- */

static void wait_for(struct fixture *f, bool (*is_there)(void *arg))
{
    assert_true(dial_bench_look(&f->b, is_there, f));
}

/* The caller's words are taken as soon as the call is connected. */
static bool has_asked(void *arg)
{
    struct fixture *f = arg;
    char path[160];
    if (f->call_id[0] == '\0') {
        struct rig_reply list = rig_http(&f->b.r, "GET", "/v1/calls?status=in_progress", "", "");
        size_t at = str_search(buf_str(&list.body), STR("{\"id\":\""));
        if (at != SIZE_MAX) {
            struct str rest = {buf_str(&list.body).p + at + 7, list.body.len - at - 7};
            assert_ok(str_copy(f->call_id, sizeof(f->call_id), (struct str){rest.p, str_find(rest, '"')}));
        }
        buf_done(&list.body);
        return false;
    }
    snprintf(path, sizeof(path), "/v1/calls/%s/text", f->call_id);
    struct rig_reply reply =
        rig_http(&f->b.r, "POST", path, "Content-Type: application/json\r\n", "{\"text\": \"book it\"}");
    bool taken = reply.status == 200;
    buf_done(&reply.body);
    return taken;
}

static void ask(struct fixture *f)
{
    static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};
    f->caller = rig_call(&f->b.r, NULL, 0, never);
    wait_for(f, has_asked);
}

static bool is_told(void *arg)
{
    const struct fixture *f = arg;
    return str_search(buf_str(&f->b.r.spoken), STR("It is ")) != SIZE_MAX;
}

static void hang_up(struct fixture *f)
{
    phone_hang_up(f->caller->phone, "that was all");
    rig_wait_over(f->caller);
}

static void check_said(struct fixture *f, const char *want)
{
    struct str spoken = buf_str(&f->b.r.spoken);
    assert_has(spoken, want);
}

static bool is_dialled(void *arg)
{
    const struct fixture *f = arg;
    return f->b.called[0] != '\0';
}

static bool is_rung_off(void *arg)
{
    const struct fixture *f = arg;
    return f->b.ended > 0;
}

/* ---- tests ---- */

OVER_CARRIERS(the_agent_is_told_what_the_restaurant_said)
{
    static const struct {
        const char *answer, *said, *number;
    } cases[] = {
        {"your table is booked", "It is confirmed. The restaurant has confirmed the table. RT4711", "RT4711"},
        {"just come by", "It is pending. The restaurant was reached, but gave no confirmation number.", "null"},
        {"we are full", "It is rejected. The restaurant has no such table (Rejected: they are full).", "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char path[160];
        set_up(&f, as, cases[i].answer, 60);
        ask(&f);
        wait_for(&f, is_told);
        check_said(&f, cases[i].said);
        assert_string_equal(f.b.called, BENCH_CALLED); /* the configured one, whatever the model says */
        hang_up(&f);
        snprintf(path, sizeof(path), "/calls/%s/status", f.call_id);
        struct rig_reply reply = rig_http(&f.b.r, "GET", path, "", "");
        assert_str_is(rig_json(&reply, "confirmation_number"), cases[i].number);
        buf_done(&reply.body);
        tear_down(&f);
    }
}

OVER_CARRIERS(a_restaurant_that_cannot_be_reached_is_said_so)
{
    static const struct {
        enum exchange_callee_kind kind;
        int refuse;
        const char *said;
    } cases[] = {
        {EXCHANGE_BUSY, 0, "It is error. The restaurant could not be reached (busy). Nothing was booked."},
        {EXCHANGE_NO_ANSWER, 0, "It is error. The restaurant could not be reached (no_answer). Nothing was booked."},
        {EXCHANGE_HUMAN, 401, "It is error. The restaurant could not be reached (failed). Nothing was booked."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        set_up(&f, as, NULL, 60);
        f.b.callee.kind = cases[i].kind;
        if (cases[i].refuse) {
            exchange_refuse(f.b.x, cases[i].refuse, 3, 0);
        }
        ask(&f);
        wait_for(&f, is_told);
        check_said(&f, cases[i].said);
        hang_up(&f);
        tear_down(&f);
    }
}

/* Nobody says anything: the time runs out, and the call to the restaurant does not go on alone. */
OVER_CARRIERS(a_call_that_takes_too_long_is_hung_up)
{
    struct fixture f;
    set_up(&f, as, NULL, 3);
    ask(&f);
    wait_for(&f, is_told);
    check_said(&f, "It is error. The call to the restaurant took too long and was ended. Nothing was booked.");
    wait_for(&f, is_rung_off);
    hang_up(&f);
    tear_down(&f);
}

/* The caller is gone before the restaurant has said anything: its call goes on, and its record keeps the number. */
OVER_CARRIERS(who_asked_may_hang_up_meanwhile)
{
    struct fixture f;
    char path[160];
    set_up(&f, as, "your table is booked", 60);
    f.says.when.ms = 1500;
    ask(&f);
    wait_for(&f, is_dialled);
    hang_up(&f);
    wait_for(&f, is_rung_off);
    rig_wait_ended(&f.b.r, 2);
    snprintf(path, sizeof(path), "/calls/%s/status", f.b.r.last_call);
    struct rig_reply reply = rig_http(&f.b.r, "GET", path, "", "");
    assert_str_is(rig_json(&reply, "confirmation_number"), "RT4711");
    buf_done(&reply.body);
    tear_down(&f);
}

TEST_MAIN(TC(the_agent_is_told_what_the_restaurant_said), TC(a_restaurant_that_cannot_be_reached_is_said_so),
          TC(a_call_that_takes_too_long_is_hung_up), TC(who_asked_may_hang_up_meanwhile))
