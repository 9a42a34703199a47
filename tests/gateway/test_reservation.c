/*
 * The concierge's call to the restaurant, on real sockets: a caller asks for a table, the gateway calls a restaurant
 * through a carrier's account, and the agent of the first call is told what became of it.
 */
#include <stdio.h>

#include "base/err.h"
#include "peer/exchange/exchange.h"
#include "rig.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define TOKEN   "0123456789abcdef0123456789abcdef"
#define OURS    "+15005550006"
#define PUBLIC  "https://voice.example.com"

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
    struct rig r;
    struct exchange *x;
    struct http_client *http;
    struct exchange_callee callee;
    struct phone_item says;
    struct rig_call *caller;
    struct buf dialogue;
    char carrier[512], extra[1024];
    char call_id[80], dialled[80];
    uint32_t ended;
};

static void on_dial(struct exchange *x UNUSED, const struct exchange_call *call, struct exchange_callee *ret, void *arg)
{
    struct fixture *f = arg;
    *ret = f->callee;
    assert_ok(str_copy(f->dialled, sizeof(f->dialled), str_from(call->to)));
}

static void on_ended(struct exchange *x UNUSED, const struct exchange_call *call UNUSED,
                     const struct phone_report *r UNUSED, void *arg)
{
    ((struct fixture *)arg)->ended++;
}

static const struct exchange_handler handler = {.on_dial = on_dial, .on_ended = on_ended};

/* The exchange needs the loop, and the gateway needs its port: the rig comes first, on a loop of ours. */
static void set_up(struct fixture *f, const char *answer, uint32_t wait_s)
{
    struct loop *loop = NULL;
    char base[96];
    *f = (struct fixture){0};
    f->says = (struct phone_item){.kind = PHONE_SAY,
                                  .when = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 200},
                                  .mulaw = rig_tone(),
                                  .label = "restaurant"};
    f->callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .hangup = {.kind = PHONE_WHEN_NEVER}, .max_ms = 30000};
    if (answer) {
        f->callee.items = &f->says;
        f->callee.n_items = 1;
    }
    assert_ok(loop_new(&loop));
    assert_ok(http_client_new(loop, &f->http));
    const struct exchange_opts o = {
        .account_sid = STR(ACCOUNT), .auth_token = STR(TOKEN), .numbers = STR(OURS), .http = f->http};
    assert_ok(exchange_open(loop, &o, &handler, f, &f->x));
    snprintf(f->carrier, sizeof(f->carrier),
             "{account_sid: " ACCOUNT ", auth_token: \"" TOKEN "\", phone_number: \"" OURS
             "\", api_base: \"http://127.0.0.1:%u\"}",
             exchange_port(f->x));
    snprintf(f->extra, sizeof(f->extra),
             "agent: {turn_detection: server_vad}\n"
             "concierge: {agent: caller, poll_ms: 100, wait_s: %u, restaurant: {name: Demo, phone_number: "
             "\"+15550002222\"}}\n"
             "outbound: {ring_s: 5}\n"
             "start_agent: desk\n"
             "agents:\n"
             "  desk: {instructions: You book tables., tools: [initiate_reservation_call, end_call]}\n"
             "  caller: {instructions: You call a restaurant., tools: [end_call]}\n",
             wait_s);
    buf_init(&f->dialogue, 8192);
    buf_printf(&f->dialogue, dialogue, answer ? answer : "your table is booked");
    rig_open(&f->r, &(struct rig_opts){.loop = loop,
                                       .carrier = f->carrier,
                                       .public_url = PUBLIC,
                                       .auth_token = TOKEN,
                                       .records = ", confirmation: true",
                                       .dialogue = buf_cstr(&f->dialogue),
                                       .extra = f->extra});
    snprintf(f->r.sign_base, sizeof(f->r.sign_base), "%s", PUBLIC);
    f->r.call_ms = 60000;
    snprintf(base, sizeof(base), "http://%s", f->r.base);
    snprintf(f->r.stream_base, sizeof(f->r.stream_base), "ws://%s", f->r.base);
    exchange_deliver(f->x, base);
}

static bool idle(void *arg)
{
    return exchange_idle(((struct fixture *)arg)->x);
}

static void tear_down(struct fixture *f)
{
    exchange_stop(f->x);
    wait_until(f->r.loop, idle, f);
    f->x = exchange_free(f->x);
    http_client_free(f->http);
    rig_close(&f->r, false);
    buf_done(&f->dialogue);
}

/* ---- the caller ---- */

static void on_pause(void *arg)
{
    *(bool *)arg = true;
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

/* Looks every 50 ms, for a minute at most. */
static void wait_for(struct fixture *f, bool (*is_there)(struct fixture *f))
{
    struct timer *timer = NULL;
    bool over = false;
    bool there = false;
    assert_ok(timer_new(f->r.loop, on_pause, &over, &timer));
    for (int i = 0; i < 1200 && !there; i++) {
        over = false;
        timer_start(timer, 50000, 0);
        wait_until(f->r.loop, is_set, &over);
        there = is_there(f);
    }
    timer_free(timer);
    assert_true(there);
}

/* The caller's words are taken as soon as the call is connected. */
static bool has_asked(struct fixture *f)
{
    char path[160];
    if (f->call_id[0] == '\0') {
        struct rig_reply list = rig_http(&f->r, "GET", "/v1/calls?status=in_progress", "", "");
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
        rig_http(&f->r, "POST", path, "Content-Type: application/json\r\n", "{\"text\": \"book it\"}");
    bool taken = reply.status == 200;
    buf_done(&reply.body);
    return taken;
}

static void ask(struct fixture *f)
{
    static const struct phone_when never = {.kind = PHONE_WHEN_NEVER};
    f->caller = rig_call(&f->r, NULL, 0, never);
    wait_for(f, has_asked);
}

static bool is_told(struct fixture *f)
{
    return str_search(buf_str(&f->r.spoken), STR("It is ")) != SIZE_MAX;
}

static void hang_up(struct fixture *f)
{
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s/hangup", f->call_id);
    struct rig_reply reply = rig_http(&f->r, "POST", path, "", "");
    assert_int_equal(reply.status, 202);
    buf_done(&reply.body);
    rig_wait_over(f->caller);
}

static void check_said(struct fixture *f, const char *want)
{
    struct str spoken = buf_str(&f->r.spoken);
    if (str_search(spoken, str_from(want)) == SIZE_MAX) {
        fail_msg("not \"%s\" in:\n" STR_FMT, want, STR_ARG(spoken));
    }
}

static bool is_dialled(struct fixture *f)
{
    return f->dialled[0] != '\0';
}

static bool is_rung_off(struct fixture *f)
{
    return f->ended > 0;
}

/* ---- tests ---- */

TEST(the_agent_is_told_what_the_restaurant_said)
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
        set_up(&f, cases[i].answer, 60);
        ask(&f);
        wait_for(&f, is_told);
        check_said(&f, cases[i].said);
        assert_string_equal(f.dialled, "+15550002222"); /* the configured one, whatever the model says */
        hang_up(&f);
        snprintf(path, sizeof(path), "/calls/%s/status", f.call_id);
        struct rig_reply reply = rig_http(&f.r, "GET", path, "", "");
        assert_str_is(rig_json(&reply, "confirmation_number"), cases[i].number);
        buf_done(&reply.body);
        tear_down(&f);
    }
}

TEST(a_restaurant_that_cannot_be_reached_is_said_so)
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
        set_up(&f, NULL, 60);
        f.callee.kind = cases[i].kind;
        if (cases[i].refuse) {
            exchange_refuse(f.x, cases[i].refuse, 3, 0);
        }
        ask(&f);
        wait_for(&f, is_told);
        check_said(&f, cases[i].said);
        hang_up(&f);
        tear_down(&f);
    }
}

/* Nobody says anything: the time runs out, and the call to the restaurant does not go on alone. */
TEST(a_call_that_takes_too_long_is_hung_up)
{
    struct fixture f;
    set_up(&f, NULL, 3);
    ask(&f);
    wait_for(&f, is_told);
    check_said(&f, "It is error. The call to the restaurant took too long and was ended. Nothing was booked.");
    wait_for(&f, is_rung_off);
    hang_up(&f);
    tear_down(&f);
}

/* The caller is gone before the restaurant has said anything: its call goes on, and its record keeps the number. */
TEST(who_asked_may_hang_up_meanwhile)
{
    struct fixture f;
    char path[160];
    set_up(&f, "your table is booked", 60);
    f.says.when.ms = 1500;
    ask(&f);
    wait_for(&f, is_dialled);
    hang_up(&f);
    wait_for(&f, is_rung_off);
    rig_wait_ended(&f.r, 2);
    snprintf(path, sizeof(path), "/calls/%s/status", f.r.last_call);
    struct rig_reply reply = rig_http(&f.r, "GET", path, "", "");
    assert_str_is(rig_json(&reply, "confirmation_number"), "RT4711");
    buf_done(&reply.body);
    tear_down(&f);
}

TEST_MAIN(T(the_agent_is_told_what_the_restaurant_said), T(a_restaurant_that_cannot_be_reached_is_said_so),
          T(a_call_that_takes_too_long_is_hung_up), T(who_asked_may_hang_up_meanwhile))
