/* ringtrip phone --answer: the account that a gateway dials with, and the people it calls. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd_phone.h"
#include "command.h"
#include "peer/exchange/exchange.h"
#include "phone_args.h"

#define CALLEES_MAX 64
#define ARGS_MAX    128

static const char usage[] =
    "usage: ringtrip phone --answer [--listen HOST:PORT] [--deliver URL] [--callee NUMBER=KIND]... [PHONE OPTIONS]\n\n"
    "Plays the outside of a carrier's account: its REST service, which a gateway is told to use with\n"
    "carriers.twilio.api_base or carriers.plivo.api_base, and the people behind the numbers that are called.\n"
    "Nothing leaves this machine.\n\n"
    "  --as CARRIER           twilio (default) or plivo;  --variant WORD  as of ringtrip phone\n"
    "  --listen HOST:PORT     where the REST service listens; default 127.0.0.1:8090, port 0: any\n"
    "  --deliver URL          where webhooks and media really go; default http://127.0.0.1:8000; \"\": where they say\n"
    "  --public-url URL       what the gateway calls itself: signatures name it; default: as its URLs say\n"
    "  --account ID           default AC and 32 zeros, MA and 18 for Plivo;  --auth-token TOKEN  default 32 zeros\n"
    "  --callee NUMBER=KIND   human, machine, busy, no-answer, failed or silent; *=KIND for all others (human)\n"
    "  --prompt-keys KEYS     pressed at each prompt that asks for one (consent): 1, 2 ...; -: nothing, h: hangs up;\n"
    "                         NUMBER=KEYS: at that number's only\n"
    "  --incoming NUMBER=URL  Twilio: a call of the account to this number comes in at URL (Plivo: its application)\n"
    "  --ring-ms N            before anything becomes of a call; default 1500\n"
    "  --fault WORD           twice, early, late, no-callbacks (status callbacks), mute-reply, error-reply, "
    "late-reply\n"
    "                         (of the request), ask-twice (the answer URL), double (two calls), other-id (Plivo: of "
    "the\n"
    "                         request), unheard (the answer URL cannot be reached); several times: all of them\n"
    "  --calls N              leave when so many calls are over\n\n"
    "PHONE OPTIONS are those of ringtrip phone: --say, --wav, --hangup ... what a human says.\n\n"
    "Exit status: 0 done, 1 a request was none that the carrier would have taken, 2 usage.\n";

struct callee {
    char number[64];
    enum exchange_callee_kind kind;
};

struct answerer {
    struct phone_args phone;
    struct phone_item borrowed[PHONE_ARGS_ITEMS]; /* of its items: every callee says them */
    struct exchange_opts opts;
    struct callee callees[CALLEES_MAX];
    size_t n_callees;
    struct {
        struct str number; /* empty: all others */
        struct str keys;
    } keys[CALLEES_MAX];
    size_t n_keys;
    enum exchange_callee_kind other;
    char host[128];
    int64_t ring_ms, max_calls;
    uint32_t over;
    struct loop *loop;
    struct exchange *x;
    struct timer *timer;
    bool stopping;
};

/* ---- what happens ---- */

static void on_dial(struct exchange *x UNUSED, const struct exchange_call *call, struct exchange_callee *ret, void *arg)
{
    struct answerer *a = arg;
    ret->kind = a->other;
    for (size_t i = 0; i < a->n_callees; i++) {
        if (strcmp(a->callees[i].number, call->to) == 0) {
            ret->kind = a->callees[i].kind;
        }
    }
    for (size_t i = 0; i < a->n_keys && ret->kind == EXCHANGE_HUMAN; i++) {
        bool own = str_is(a->keys[i].number, call->to);
        ret->keys = own || (a->keys[i].number.n == 0 && ret->keys.n == 0) ? a->keys[i].keys : ret->keys;
    }
    ret->ring_ms = (uint32_t)a->ring_ms;
    ret->detect_ms = 2000;
    if (a->phone.n_items > 0 && ret->kind == EXCHANGE_HUMAN) {
        ret->items = a->borrowed;
        ret->n_items = a->phone.n_items;
        ret->hangup = a->phone.opts.hangup;
    } else if (ret->kind == EXCHANGE_MACHINE) {
        ret->hangup = (struct phone_when){.kind = PHONE_WHEN_NEVER};
    }
    ignore_result(printf("dial to=%s from=%s callee=%s\n", call->to, call->from, exchange_callee_word(ret->kind)) < 0);
    ignore_result(fflush(stdout));
}

static void on_ended(struct exchange *x UNUSED, const struct exchange_call *call, const struct phone_report *r,
                     void *arg)
{
    struct answerer *a = arg;
    ignore_result(printf("end sid=%s to=%s status=%s duration_s=%u greeting_ms=%d\n", call->sid, call->to, call->status,
                         call->duration_s, r ? (int)r->greeting_ms : -1) < 0);
    ignore_result(fflush(stdout));
    if (++a->over == (uint64_t)a->max_calls && a->max_calls > 0) {
        timer_start(a->timer, 300000, 0); /* the last callbacks leave */
    }
}

static void on_message(struct exchange *x UNUSED, struct str to, struct str from, struct str body, void *arg UNUSED)
{
    ignore_result(printf("message to=" STR_FMT " from=" STR_FMT " body=\"" STR_FMT "\"\n", STR_ARG(to), STR_ARG(from),
                         STR_ARG(body)) < 0);
    ignore_result(fflush(stdout));
}

static const struct exchange_handler handler = {.on_dial = on_dial, .on_ended = on_ended, .on_message = on_message};

static void on_timer(void *arg)
{
    struct answerer *a = arg;
    if (!a->stopping) {
        a->stopping = true;
        exchange_stop(a->x);
    }
    if (exchange_idle(a->x)) {
        loop_stop(a->loop);
    } else {
        timer_start(a->timer, 20000, 0);
    }
}

static void on_signal(int signo UNUSED, void *arg)
{
    timer_start(((struct answerer *)arg)->timer, 0, 0);
}

/* ---- arguments ---- */

static int add_callee(struct answerer *a, const char *value)
{
    struct str all = str_from(value);
    size_t at = str_find(all, '=');
    enum exchange_callee_kind kind;
    if (at == all.n || exchange_callee_parse((struct str){all.p + at + 1, all.n - at - 1}, &kind) < 0) {
        return usage_error("phone --answer", "NUMBER=KIND (human, machine, busy, no-answer, failed, silent), not",
                           value);
    }
    if (at == 1 && all.p[0] == '*') {
        a->other = kind;
        return 0;
    }
    if (a->n_callees == CALLEES_MAX ||
        str_copy(a->callees[a->n_callees].number, sizeof(a->callees[0].number), (struct str){all.p, at}) < 0) {
        return usage_error("phone --answer", "too many callees, or too long a number, at", value);
    }
    a->callees[a->n_callees++].kind = kind;
    return 0;
}

static int add_keys(struct answerer *a, const char *value)
{
    struct str all = str_from(value);
    size_t at = str_find(all, '=');
    struct str keys = at < all.n ? (struct str){all.p + at + 1, all.n - at - 1} : all;
    if (a->n_keys == CALLEES_MAX || keys.n == 0 || !phone_keys_ok(keys)) {
        return usage_error("phone --answer", "keys (0 to 9, *, #, - for none, h to hang up), not", value);
    }
    a->keys[a->n_keys].number = at < all.n ? (struct str){all.p, at} : STR("");
    a->keys[a->n_keys++].keys = keys;
    return 0;
}

static int add_fault(struct answerer *a, const char *value)
{
    static const struct {
        const char *word;
        uint32_t fault;
    } faults[] = {{"twice", EXCHANGE_TWICE},
                  {"early", EXCHANGE_EARLY},
                  {"mute-reply", EXCHANGE_MUTE_REPLY},
                  {"error-reply", EXCHANGE_ERROR_REPLY},
                  {"no-callbacks", EXCHANGE_NO_CALLBACKS},
                  {"double", EXCHANGE_DOUBLE},
                  {"late", EXCHANGE_LATE},
                  {"late-reply", EXCHANGE_LATE_REPLY},
                  {"ask-twice", EXCHANGE_ASK_TWICE},
                  {"other-id", EXCHANGE_OTHER_ID},
                  {"unheard", EXCHANGE_UNHEARD}};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        if (strcmp(value, faults[i].word) == 0) {
            a->opts.faults |= faults[i].fault;
            return 0;
        }
    }
    return usage_error("phone --answer", "there is no fault", value);
}

static int set_listen(struct answerer *a, const char *value)
{
    struct str all = str_from(value);
    size_t at = str_find(all, ':');
    int64_t port = -1;
    if (at == all.n || str_copy(a->host, sizeof(a->host), (struct str){all.p, at}) < 0 ||
        str_to_i64((struct str){all.p + at + 1, all.n - at - 1}, &port) < 0 || port < 0 || port > 65535) {
        return usage_error("phone --answer", "HOST:PORT, not", value);
    }
    a->opts.port = (uint16_t)port;
    return 0;
}

static int set_incoming(struct answerer *a, const char *value)
{
    struct str all = str_from(value);
    size_t at = str_find(all, '=');
    if (at == 0 || at + 1 >= all.n) {
        return usage_error("phone --answer", "NUMBER=URL, not", value);
    }
    a->opts.incoming_number = (struct str){all.p, at};
    a->opts.incoming_url = (struct str){all.p + at + 1, all.n - at - 1};
    return 0;
}

static int set_number(int64_t *to, const char *value)
{
    return str_to_i64(str_from(value), to) < 0 || *to < 0 ? usage_error("phone --answer", "a number, not", value) : 0;
}

/* 0: taken; 1: not ours; else the exit status of a mistake. */
static int take(struct answerer *a, const char *name, const char *value)
{
    static const char *const names[] = {"--listen",     "--deliver",     "--public-url", "--account",
                                        "--auth-token", "--callee",      "--ring-ms",    "--fault",
                                        "--calls",      "--prompt-keys", "--incoming"};
    size_t i = 0;
    while (i < ARRAY_LEN(names) && strcmp(name, names[i]) != 0) {
        i++;
    }
    if (i == ARRAY_LEN(names)) {
        return 1;
    }
    if (!value) {
        return usage_error("phone --answer", "a value is missing after", name);
    }
    struct str *const texts[] = {NULL, &a->opts.deliver_base, &a->opts.sign_base, &a->opts.account_sid,
                                 &a->opts.auth_token};
    switch (i) {
    case 0:
        return set_listen(a, value);
    case 5:
        return add_callee(a, value);
    case 6:
        return set_number(&a->ring_ms, value);
    case 7:
        return add_fault(a, value);
    case 8:
        return set_number(&a->max_calls, value);
    case 9:
        return add_keys(a, value);
    case 10:
        return set_incoming(a, value);
    default:
        *texts[i] = str_from(value);
        return 0;
    }
}

static int parse(struct answerer *a, int argc, char **argv)
{
    static char placeholder[] = "http://callee.invalid/";
    char *rest[ARGS_MAX];
    int n = 0;
    struct buf err;
    rest[n++] = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--answer") == 0) {
            continue;
        }
        int taken = take(a, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (taken > 1 || n + 2 >= ARGS_MAX) {
            return STATUS_USAGE;
        }
        if (taken == 0) {
            i++;
        } else {
            rest[n++] = argv[i];
        }
    }
    rest[n++] = placeholder;
    buf_init(&err, 4096);
    int result = phone_args_parse(n, rest, &a->phone, &err);
    if (result < 0) {
        ignore_result(fprintf(stderr, "ringtrip phone --answer: " STR_FMT "\n", STR_ARG(buf_str(&err))) < 0);
    }
    buf_done(&err);
    for (size_t i = 0; i < a->phone.n_items; i++) {
        a->borrowed[i] = a->phone.items[i];
        a->borrowed[i].owned = NULL;
    }
    return result < 0 ? STATUS_USAGE : 0;
}

/* ---- life ---- */

static int open_all(struct answerer *a)
{
    int err = loop_new(&a->loop);
    err = err < 0 ? err : http_client_new(a->loop, &a->opts.http);
    err = err < 0 ? err : timer_new(a->loop, on_timer, a, &a->timer);
    err = err < 0 ? err : loop_on_signal(a->loop, SIGINT, on_signal, a);
    err = err < 0 ? err : loop_on_signal(a->loop, SIGTERM, on_signal, a);
    err = err < 0 ? err : exchange_open(a->loop, &a->opts, &handler, a, &a->x);
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip phone --answer: %s:%u cannot be opened: %s\n", a->opts.listen_host,
                              a->opts.port, err_text(err)) < 0);
    }
    return err;
}

static int run(struct answerer *a)
{
    struct exchange_stats stats = {0};
    if (open_all(a) >= 0) {
        ignore_result(printf("listening api_base=http://%s:%u account_sid=" STR_FMT "\n", a->opts.listen_host,
                             exchange_port(a->x), STR_ARG(a->opts.account_sid)) < 0);
        ignore_result(fflush(stdout));
        loop_run(a->loop);
        exchange_stats(a->x, &stats);
        if (stats.problem[0]) {
            ignore_result(fprintf(stderr, "ringtrip phone --answer: refused: %s\n", stats.problem) < 0);
        }
    }
    exchange_free(a->x);
    timer_free(a->timer);
    http_client_free(a->opts.http);
    if (a->loop) {
        loop_free(a->loop);
    }
    return a->x ? stats.refused ? STATUS_FAILED : STATUS_OK : STATUS_USAGE;
}

int cmd_answer(int argc, char **argv)
{
    struct answerer *a = calloc(1, sizeof(*a));
    int status = STATUS_USAGE;
    if (!a) {
        return status;
    }
    *a = (struct answerer){.ring_ms = 1500, .other = EXCHANGE_HUMAN};
    a->opts = (struct exchange_opts){.auth_token = STR("00000000000000000000000000000000"),
                                     .deliver_base = STR("http://127.0.0.1:8000"),
                                     .port = 8090};
    ignore_result(str_copy(a->host, sizeof(a->host), STR("127.0.0.1")));
    status = parse(a, argc, argv);
    a->opts.listen_host = a->host;
    a->opts.as = a->phone.opts.as;
    a->opts.variants = a->phone.opts.variants;
    if (a->opts.account_sid.n == 0) {
        a->opts.account_sid =
            a->opts.as == &phone_plivo ? STR("MA000000000000000000") : STR("AC00000000000000000000000000000000");
    }
    if (a->phone.help) {
        status = usage_help(usage);
    } else if (status == 0) {
        status = run(a);
    }
    phone_args_done(&a->phone);
    free(a);
    return status;
}
