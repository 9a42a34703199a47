/*
 * Campaigns of real gateway processes: a carrier's account on the other side counts who is called. Gateways are killed
 * at every place of the road, two of them share a PostgreSQL database, and the server dies under them.
 */
#include "gateway/process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "fakes/pg_server.h"
#include "gateway/over_carriers.h"
#include "peer/exchange/exchange.h"

#define ACCOUNT       "AC0123456789abcdef0123456789abcdef"
#define PLIVO_ACCOUNT "MA0123456789ABCDEFGH"
#define TOKEN         "0123456789abcdef0123456789abcdef"
#define OURS          "+15005550006"
#define PUBLIC        "https://voice.example.com"
#define PEOPLE        10

struct person {
    char number[24];
    struct exchange_callee callee;
    uint32_t dialled, ended;
};

struct world {
    struct fixture gateways[2]; /* the first one owns loop, http, folder */
    struct exchange *x;
    struct person people[PEOPLE];
    uint32_t n_people, dialled, ended, max_calls;
    char id[80], store[320], provider[160];
    const char *kill_at_dial; /* gateway 0 is killed in the pass in which this number is dialled */
    uint32_t port;            /* of gateway 0; 0: any */
    bool plivo;               /* the account is Plivo's, not Twilio's */
    bool kill_at_end;         /* ... in which a call ends */
};

static void die(struct world *w)
{
    if (w->gateways[0].pid) {
        assert_true(WIFSIGNALED(end_child(&w->gateways[0], SIGKILL)));
    }
}

static struct person *find_person(struct world *w, const char *number)
{
    for (uint32_t i = 0; i < w->n_people; i++) {
        if (strcmp(w->people[i].number, number) == 0) {
            return &w->people[i];
        }
    }
    fail_msg("%s is nobody of ours", number);
    return NULL;
}

static void on_dial(struct exchange *x UNUSED, const struct exchange_call *call, struct exchange_callee *ret, void *arg)
{
    struct world *w = arg;
    struct person *p = find_person(w, call->to);
    p->dialled++;
    w->dialled++;
    *ret = p->callee;
    if (w->kill_at_dial && strcmp(w->kill_at_dial, call->to) == 0) {
        w->kill_at_dial = NULL;
        die(w);
    }
}

static void on_ended(struct exchange *x UNUSED, const struct exchange_call *call, const struct phone_report *r UNUSED,
                     void *arg)
{
    struct world *w = arg;
    find_person(w, call->to)->ended++;
    w->ended++;
    if (w->kill_at_end) {
        w->kill_at_end = false;
        die(w);
    }
}

static const struct exchange_handler exchange_handler = {.on_dial = on_dial, .on_ended = on_ended};

static void add_people(struct world *w, uint32_t n)
{
    static const enum exchange_callee_kind kinds[PEOPLE] = {
        EXCHANGE_HUMAN, EXCHANGE_BUSY, EXCHANGE_NO_ANSWER, EXCHANGE_HUMAN, EXCHANGE_FAIL,
        EXCHANGE_HUMAN, EXCHANGE_BUSY, EXCHANGE_HUMAN,     EXCHANGE_HUMAN, EXCHANGE_NO_ANSWER};
    for (uint32_t i = 0; i < n; i++) {
        struct person *p = &w->people[w->n_people++];
        *p = (struct person){
            .callee = {.kind = kinds[i], .ring_ms = 100, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 200}}};
        ignore_result(snprintf(p->number, sizeof(p->number), "+1415555%04u", 2000 + i) < 0);
    }
}

static void write_config(struct world *w, struct fixture *f, const char *node)
{
    FILE *file = fopen(f->config, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "server: {listen: \"127.0.0.1:%u\", public_url: \"" PUBLIC "\", trusted_proxies: []}\n"
                        "records: {dir: %s/var-%s, min_free_mb: 0, recording: false, journal: false}\n"
                        "%s%s%s"
                        "campaigns: {lease_s: 10, max_calls: %u}\n"
                        "limits: {max_calls_per_number: 100}\n"
                        "outbound: {ring_s: 5}\n"
                        "carriers: {%s: \"%s\", auth_token: \"" TOKEN "\", phone_number: \"" OURS
                        "\", api_base: \"http://127.0.0.1:%u\"}}\n"
                        "providers: {%s}\n",
                        w->port, w->gateways[0].dir, node, w->store[0] ? "store: {url: \"" : "", w->store,
                        w->store[0] ? "\"}\n" : "", w->max_calls,
                        w->plivo ? "plivo: {configure: false, auth_id" : "twilio: {account_sid",
                        w->plivo ? PLIVO_ACCOUNT : ACCOUNT, exchange_port(w->x),
                        w->provider[0] ? w->provider : "sandbox: {kind: sandbox}") > 0);
    assert_int_equal(fclose(file), 0);
}

static void open_world(struct world *w, const struct phone_vendor *as, const char *store_url)
{
    struct fixture *f = &w->gateways[0];
    /* With a store of both, one gateway alone cannot take everybody who is due. */
    *w = (struct world){.max_calls = store_url ? 2 : 50, .plivo = as == &phone_plivo};
    open_fixture(f, "");
    if (store_url) {
        assert_ok(str_copy(w->store, sizeof(w->store), str_from(store_url)));
    }
    const struct exchange_opts o = {.as = as,
                                    .account_sid = w->plivo ? STR(PLIVO_ACCOUNT) : STR(ACCOUNT),
                                    .auth_token = STR(TOKEN),
                                    .numbers = STR(OURS),
                                    .sign_base = STR(PUBLIC),
                                    .http = f->http};
    assert_ok(exchange_open(f->loop, &o, &exchange_handler, w, &w->x));
    write_config(w, f, "one");
}

static void start_gateway(struct world *w)
{
    serve(&w->gateways[0]);
    exchange_deliver(w->x, w->gateways[0].base);
}

static bool is_idle(void *arg)
{
    return exchange_idle(((struct world *)arg)->x);
}

static void close_world(struct world *w)
{
    struct exchange_stats stats;
    exchange_stats(w->x, &stats);
    assert_string_equal(stats.problem, ""); /* nothing that the vendor would have refused */
    for (int i = 0; i < 2; i++) {
        if (w->gateways[i].pid) {
            int status = end_child(&w->gateways[i], SIGTERM);
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
        }
    }
    exchange_stop(w->x);
    wait_until(w->gateways[0].loop, is_idle, w);
    exchange_free(w->x);
    close_fixture(&w->gateways[0]);
}

/* One request to a gateway. */
static void call_api(struct fixture *f, const char *method, const char *path, struct str body, int want)
{
    char url[512];
    ignore_result(snprintf(url, sizeof(url), "%s%s", f->base, path) < 0);
    f->done = false;
    const struct http_call_opts o = {.method = method, .url = str_from(url), .body = span_of_str(body)};
    assert_ok(http_call(f->http, &o, on_reply, f, NULL));
    wait_until(f->loop, replied, f);
    if (f->status != want) {
        fail_msg("%s %s: %d " STR_FMT, method, path, f->status, STR_ARG(buf_str(&f->body)));
    }
}

static void on_campaign(struct world *w, struct fixture *f, const char *method, const char *verb, struct str body,
                        int want)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/campaigns/%s%s", w->id, verb) < 0);
    call_api(f, method, path, body, want);
}

/* Created, filled with everybody, started. */
static void launch(struct world *w, const char *settings)
{
    struct fixture *f = &w->gateways[0];
    char text[512];
    struct buf table;
    ignore_result(
        snprintf(text, sizeof(text),
                 "{\"name\":\"Test\",\"window\":{\"start\":\"00:00\",\"end\":\"24:00\"},\"breaker\":{\"percent\":0},"
                 "\"ring_s\":5%s}",
                 settings) < 0);
    call_api(f, "POST", "/v1/campaigns", str_from(text), 201);
    assert_ok(str_copy(w->id, sizeof(w->id), member(f, "campaign_id")));
    buf_init(&table, 4096);
    buf_puts(&table, "name,phone_number,order\n");
    for (uint32_t i = 0; i < w->n_people; i++) {
        buf_printf(&table, "Person %u,%s,%u\n", i, w->people[i].number, 100 + i);
    }
    on_campaign(w, f, "POST", "/contacts", buf_str(&table), 200);
    assert_str_is(member(f, "refused"), "0");
    on_campaign(w, f, "POST", "/start", STR(""), 200);
    buf_done(&table);
}

static int64_t count(struct world *w, struct fixture *f, const char *path)
{
    int64_t n = -1;
    on_campaign(w, f, "GET", "/progress", STR(""), 200);
    assert_ok(str_to_i64(member(f, path), &n));
    return n;
}

/* Until so many contacts have this state. */
static void wait_state(struct world *w, struct fixture *f, const char *path, int64_t want, uint32_t seconds)
{
    uint64_t until_us = clock_now_us() + seconds * 1000000ull;
    while (count(w, f, path) < want) {
        if (clock_now_us() > until_us) {
            fail_msg("%s: " STR_FMT, path, STR_ARG(buf_str(&f->body)));
        }
        for (int i = 0; i < 10; i++) {
            settle(f->loop);
        }
    }
}

static void run_until(struct world *w, bool (*cond)(const struct world *w), uint32_t seconds)
{
    uint64_t until_us = clock_now_us() + seconds * 1000000ull;
    while (!cond(w)) {
        assert_true(clock_now_us() < until_us);
        settle(w->gateways[0].loop);
    }
}

static bool is_dead(const struct world *w)
{
    return w->gateways[0].pid == 0;
}

OVER_CARRIERS(ten_people_are_called_and_the_report_says_how_it_went)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, PEOPLE);
    start_gateway(&w);
    struct fixture *f = &w.gateways[0];
    launch(&w, ",\"calls_per_second\":20,\"max_concurrent\":4,\"retry\":{\"busy\":1,\"no_answer\":0,\"error\":0},\"max_"
               "attempts\":2");
    wait_state(&w, f, "states.completed", 5, 60);
    wait_state(&w, f, "states.failed", 5, 60);
    assert_int_equal(count(&w, f, "outcomes.answered_human"), 5);
    assert_int_equal(count(&w, f, "outcomes.busy"), 4); /* each of the two twice */
    assert_int_equal(count(&w, f, "outcomes.no_answer"), 2);
    assert_int_equal(count(&w, f, "outcomes.error"), 1);
    assert_str_is(member(f, "status"), "completed");
    for (uint32_t i = 0; i < w.n_people; i++) {
        assert_int_equal(w.people[i].dialled, w.people[i].callee.kind == EXCHANGE_BUSY ? 2 : 1);
    }
    on_campaign(&w, f, "GET", "/attempts", STR(""), 200);
    assert_str_is(member(f, "total"), "12");
    /* The call behind an attempt has a record of the same id. */
    char path[160];
    struct json_val doc, one;
    assert_ok(json_parse(buf_str(&f->body), &doc));
    struct json_it it = json_array(json_get(doc, "attempts"));
    assert_true(json_elem(&it, &one));
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/" STR_FMT, STR_ARG(json_get(one, "call_id").s)) < 0);
    get(f, path, 200);
    assert_str_is(member(f, "direction"), "outbound");
    close_world(&w);
}

/* A port that takes connections and says nothing: whoever waits for a model there waits. */
static int listen_silently(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* The intent is written and the model does not come: nothing has been sent when the gateway dies. */
OVER_CARRIERS(killed_before_the_send)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, 1);
    uint16_t port = 0;
    int silent = listen_silently(&port);
    ignore_result(snprintf(w.provider, sizeof(w.provider), "slow: {kind: sandbox, url: \"ws://127.0.0.1:%u/\"}", port) <
                  0);
    write_config(&w, &w.gateways[0], "one");
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":20");
    wait_state(&w, &w.gateways[0], "attempts", 1, 20);
    die(&w);
    assert_int_equal(w.dialled, 0);
    w.provider[0] = '\0';
    write_config(&w, &w.gateways[0], "one");
    start_gateway(&w);
    /* The carrier's list does not show it, which may be the list's fault: nobody knows, nobody dials it again. */
    wait_state(&w, &w.gateways[0], "states.failed", 1, 120);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.unknown"), 1);
    assert_int_equal(w.dialled, 0);
    assert_int_equal(count(&w, &w.gateways[0], "attempts"), 1);
    close(silent);
    close_world(&w);
}

OVER_CARRIERS(killed_after_the_send_before_the_reply)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, 1);
    w.people[0].callee.kind = EXCHANGE_NO_ANSWER;
    w.people[0].callee.ring_ms = 1500;
    w.kill_at_dial = w.people[0].number;
    exchange_set_faults(w.x, EXCHANGE_MUTE_REPLY);
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":20,\"retry\":{\"no_answer\":0}");
    run_until(&w, is_dead, 30);
    assert_int_equal(w.people[0].dialled, 1);
    exchange_set_faults(w.x, 0);
    start_gateway(&w);
    wait_state(&w, &w.gateways[0], "states.failed", 1, 100);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.no_answer"), 1); /* found out, not guessed */
    assert_int_equal(w.people[0].dialled, 1);
    close_world(&w);
}

OVER_CARRIERS(killed_after_the_reply)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, 1);
    w.people[0].callee.kind = EXCHANGE_BUSY;
    w.people[0].callee.ring_ms = 3000;
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":20,\"retry\":{\"busy\":0}");
    /* The carrier has said that it has it; "dialing" is what the contact is from the intent on, before it is asked. */
    char rest[8];
    wait_log(&w.gateways[0], "event=requested", rest, sizeof(rest));
    die(&w);
    start_gateway(&w);
    wait_state(&w, &w.gateways[0], "states.failed", 1, 100);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.busy"), 1);
    assert_int_equal(w.people[0].dialled, 1);
    close_world(&w);
}

/* The call is over, and how it was is written nowhere yet. */
OVER_CARRIERS(killed_before_the_end_is_written)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, 1);
    w.kill_at_end = true;
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":20");
    run_until(&w, is_dead, 60);
    assert_int_equal(w.people[0].dialled, 1);
    start_gateway(&w);
    wait_state(&w, &w.gateways[0], "states.completed", 1, 100);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.answered_human"), 1);
    assert_int_equal(w.people[0].dialled, 1);
    close_world(&w);
}

/* The owner's own way: ten people, the gateway dies in the middle and comes back. */
OVER_CARRIERS(killed_in_the_middle_of_ten)
{
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, PEOPLE);
    w.kill_at_dial = w.people[5].number;
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":4,\"max_concurrent\":3,\"max_attempts\":1");
    run_until(&w, is_dead, 60);
    start_gateway(&w);
    uint64_t until_us = clock_now_us() + 180000000;
    struct fixture *f = &w.gateways[0];
    while (count(&w, f, "states.completed") + count(&w, f, "states.failed") + count(&w, f, "states.canceled") <
           PEOPLE) {
        if (clock_now_us() > until_us) {
            fail_msg(STR_FMT, STR_ARG(buf_str(&f->body)));
        }
        for (int i = 0; i < 20; i++) {
            settle(f->loop);
        }
    }
    for (uint32_t i = 0; i < w.n_people; i++) {
        assert_true(w.people[i].dialled <= 1);
    }
    assert_int_equal(count(&w, f, "attempts"), PEOPLE);
    close_world(&w);
}

/* ---- consent ---- */

#define CONSENT ",\"consent\":{\"prompt\":\"Hello {{name}}, press 1.\"},\"retry\":{\"consent_timeout\":0}"

static void assert_attempts(struct world *w, const char *consent, uint32_t n)
{
    struct fixture *f = &w->gateways[0];
    struct json_val doc, one;
    uint32_t found = 0;
    on_campaign(w, f, "GET", "/attempts", STR(""), 200);
    assert_ok(json_parse(buf_str(&f->body), &doc));
    struct json_it it = json_array(json_get(doc, "attempts"));
    while (json_elem(&it, &one)) {
        found += str_is(json_get(one, "consent").s, consent);
    }
    if (found != n) {
        fail_msg("%u, not %u attempts with consent %s: " STR_FMT, found, n, consent, STR_ARG(buf_str(&f->body)));
    }
}

OVER_CARRIERS(people_are_asked_and_the_report_says_what_they_wanted)
{
    static const char *const keys[] = {"1", "2", "-", "h", "51"};
    struct world w;
    open_world(&w, as, NULL);
    add_people(&w, ARRAY_LEN(keys));
    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++) {
        w.people[i].callee.kind = EXCHANGE_HUMAN;
        w.people[i].callee.keys = str_from(keys[i]);
        w.people[i].callee.key_wait_ms = 200;
    }
    start_gateway(&w);
    launch(&w, ",\"calls_per_second\":20,\"max_concurrent\":5" CONSENT);
    wait_state(&w, &w.gateways[0], "states.completed", 5, 60);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.answered_human"), 2);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.consent_denied"), 1);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.consent_timeout"), 2);
    assert_attempts(&w, "accepted", 2);
    assert_attempts(&w, "denied", 1);
    assert_attempts(&w, "timeout", 2);
    close_world(&w);
}

static bool is_up(const struct world *w)
{
    struct exchange_stats s;
    exchange_stats(w->x, &s);
    return s.answered > 0;
}

/* Killed while the question is being said; what the person does then happens to no gateway, or to the next one. */
static void kill_during_the_question(struct world *w, const struct phone_vendor *as, const char *keys)
{
    open_world(w, as, NULL);
    add_people(w, 1);
    w->people[0].callee.keys = str_from(keys);
    w->people[0].callee.press_ms = 6000;
    w->people[0].callee.key_wait_ms = 1500;
    start_gateway(w);
    int64_t port = 0;
    struct str base = str_from(w->gateways[0].base);
    while (base.n > 0 && base.p[base.n - 1] != ':') {
        base.n--;
    }
    assert_ok(str_to_i64(str_from(base.p + base.n), &port));
    w->port = (uint32_t)port; /* carriers know us by one address */
    launch(w, ",\"calls_per_second\":20" CONSENT);
    run_until(w, is_up, 30);
    for (uint64_t until_us = clock_now_us() + 700000; clock_now_us() < until_us;) {
        settle(w->gateways[0].loop);
    }
    die(w);
    write_config(w, &w->gateways[0], "one");
}

OVER_CARRIERS(killed_during_the_question_and_nobody_presses_anything)
{
    struct world w;
    kill_during_the_question(&w, as, "-");
    for (uint64_t until_us = clock_now_us() + 2000000; clock_now_us() < until_us;) {
        settle(w.gateways[0].loop); /* the carrier finds nobody, and hangs up */
    }
    start_gateway(&w);
    wait_state(&w, &w.gateways[0], "states.completed", 1, 100);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.consent_timeout"), 1);
    assert_attempts(&w, "timeout", 1);
    assert_int_equal(w.people[0].dialled, 1);
    close_world(&w);
}

OVER_CARRIERS(killed_during_the_question_and_the_next_process_hears_the_key)
{
    struct world w;
    kill_during_the_question(&w, as, "1");
    start_gateway(&w);
    wait_state(&w, &w.gateways[0], "states.completed", 1, 100);
    assert_int_equal(count(&w, &w.gateways[0], "outcomes.answered_human"), 1);
    assert_attempts(&w, "accepted", 1);
    assert_int_equal(w.people[0].dialled, 1);
    get(&w.gateways[0], "/v1/calls", 200); /* its record is that of the call, not of the death before */
    assert_has_not(buf_str(&w.gateways[0].body), "\"reason\":\"killed\"");
    assert_has(buf_str(&w.gateways[0].body), "\"outcome\":\"answered\"");
    close_world(&w);
}

#ifdef WITH_POSTGRES

static void start_second(struct world *w)
{
    struct fixture *f = &w->gateways[1];
    *f = (struct fixture){.loop = w->gateways[0].loop, .http = w->gateways[0].http};
    memcpy(f->dir, w->gateways[0].dir, sizeof(f->dir));
    ignore_result(snprintf(f->config, sizeof(f->config), "%s/two.yaml", f->dir) < 0);
    ignore_result(snprintf(f->log, sizeof(f->log), "%s/log-two", f->dir) < 0);
    buf_init(&f->body, 1 << 20);
    write_config(w, f, "two");
    serve(f);
}

OVER_CARRIERS(two_gateways_on_one_database_share_the_work_and_call_nobody_twice)
{
    struct pg_server pg;
    struct world w;
    char url[256], owners[256], answer[64] = "";
    if (!pg_server_open(&pg)) {
        skip();
    }
    pg_server_database(&pg, 1, url, sizeof(url));
    open_world(&w, as, url);
    add_people(&w, PEOPLE);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        w.people[i].callee.kind = i % 2 ? EXCHANGE_BUSY : EXCHANGE_NO_ANSWER; /* webhooks go to the first one only */
        w.people[i].callee.ring_ms = 2500;
    }
    start_gateway(&w);
    start_second(&w);
    launch(&w, ",\"calls_per_second\":3,\"max_concurrent\":4,\"max_attempts\":1");
    /* Both of them work, which rows do not tell later: when the database is away for longer than a lease, who comes
     * back first settles what the other has begun. In the middle of it the database goes away and comes back. */
    wait_log(&w.gateways[0], "campaign.dialling campaign=", answer, sizeof(answer));
    wait_log(&w.gateways[1], "campaign.dialling campaign=", answer, sizeof(answer));
    pg_server_stop(&pg, SIGQUIT);
    for (int i = 0; i < 100; i++) {
        settle(w.gateways[0].loop);
    }
    pg_server_start(&pg);
    uint64_t until_us = clock_now_us() + 200000000;
    while (strcmp(answer, "10") != 0) {
        if (clock_now_us() > until_us) {
            pg_server_ask(&pg, 1, "SELECT string_agg(state || ' ' || last_outcome || ' ' || owner, ',') FROM contacts",
                          owners, sizeof(owners));
            fail_msg("%s over: %s", answer, owners);
        }
        pg_server_ask(&pg, 1, "SELECT count(*) FROM contacts WHERE state IN ('completed','failed','canceled')", answer,
                      sizeof(answer));
        for (int i = 0; i < 50; i++) {
            settle(w.gateways[0].loop);
        }
    }
    for (uint32_t i = 0; i < w.n_people; i++) {
        assert_true(w.people[i].dialled <= 1);
    }
    assert_true(w.dialled > 0);
    pg_server_ask(&pg, 1, "SELECT count(*) FROM attempts", answer, sizeof(answer));
    assert_string_equal(answer, "10"); /* one attempt each */
    buf_done(&w.gateways[1].body);
    close_world(&w);
    pg_server_close(&pg);
}

#define POSTGRES_TESTS , TC(two_gateways_on_one_database_share_the_work_and_call_nobody_twice)
#else
#define POSTGRES_TESTS
#endif

TEST_MAIN(TC(ten_people_are_called_and_the_report_says_how_it_went), TC(killed_before_the_send),
          TC(killed_after_the_send_before_the_reply), TC(killed_after_the_reply), TC(killed_before_the_end_is_written),
          TC(killed_in_the_middle_of_ten), TC(people_are_asked_and_the_report_says_what_they_wanted),
          TC(killed_during_the_question_and_nobody_presses_anything),
          TC(killed_during_the_question_and_the_next_process_hears_the_key) POSTGRES_TESTS)
