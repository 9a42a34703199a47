/* ringtrip demo: gateway, offline model and a telephone in one terminal, nothing else needed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "command.h"
#include "gateway/gateway.h"
#include "peer/phone/phone.h"
#include "peer/phone/phone_speech.h"

static const char usage[] =
    "usage: ringtrip demo [--serve] [--say TEXT]... [--wav FILE]... [--verbose]\n\n"
    "Starts a gateway with the offline sandbox as its model, calls it with a simulated telephone, shows the "
    "transcript\n"
    "as it happens, the latency of each turn, and where the stereo recording lies. Keys and configuration files are\n"
    "left alone; records go to RECORDS_DIR (./var), the port is SERVER_PORT (8000, or a free one if that is taken).\n\n"
    "  --say TEXT    what the caller asks; several are said one after the other. Default: the environment's SAY, or\n"
    "                \"Where is my order one two three four\"\n"
    "  --wav FILE    the same from a recording (PCM16 or mu-law; 8, 16 or 24 kHz)\n"
    "  --serve       keep serving after the call\n"
    "  --verbose     show the gateway's log\n\n"
    "Exit status: 0 the agent greeted, heard and answered, and the call was closed properly; 1 not; 2 usage.\n";

#define DEFAULT_SAY "Where is my order one two three four"
#define MAX_ITEMS   20
#define READY_US    30000000ull
#define HANGUP_MS   1200 /* of silence after the last answer: the agent is done */
#define CALL_MAX_MS 90000
#define DIM         "\033[2m"
#define BOLD        "\033[1m"
#define GREEN       "\033[32m"
#define CYAN        "\033[36m"
#define YELLOW      "\033[33m"
#define RED         "\033[31m"
#define RESET       "\033[0m"

struct demo {
    bool serve, verbose, colour;
    struct phone_item items[MAX_ITEMS]; /* own their audio until the phone has it */
    size_t n_items;
    struct gateway *gw;
    struct phone *phone;
    struct timer *timer;
    char url[64];
    struct buf report; /* the phone's view, for people */
    char recording[512], journal[512], call_id[80];
    enum call_reason reason;
    bool phone_over, call_over, failed, stopping;
    uint32_t caller_lines, agent_lines;
};

enum { OPT_SAY, OPT_WAV, OPT_SERVE, OPT_VERBOSE, OPT_HELP };
static const struct option options[] = {
    [OPT_SAY] = {"--say", NULL, true},      [OPT_WAV] = {"--wav", NULL, true},
    [OPT_SERVE] = {"--serve", NULL, false}, [OPT_VERBOSE] = {"--verbose", "-v", false},
    [OPT_HELP] = {"--help", "-h", false},
};

/* ---- output ---- */

static const char *paint(const struct demo *d, const char *colour)
{
    return d->colour ? colour : "";
}

/* "   2.41 s  agent   text"; the colour is that of who and text. */
static void say(const struct demo *d, int32_t at_ms, const char *colour, const char *who, struct str text)
{
    ignore_result(printf("%7.2f s  %s%-7s " STR_FMT "%s\n", (double)MAX(at_ms, 0) / 1000.0, paint(d, colour), who,
                         STR_ARG(text), paint(d, RESET)) < 0);
    ignore_result(fflush(stdout)); /* live, also into a pipe; a closed one shows at the end */
}

static void fail(struct demo *d, const char *text)
{
    d->failed = true;
    ignore_result(fprintf(stderr, "%sringtrip demo: %s%s\n", paint(d, RED), text, paint(d, RESET)) < 0);
}

/* ---- the gateway's view ---- */

static void show_line(struct demo *d, const struct call_action *act)
{
    char text[1024];
    d->caller_lines += act->line.who == PARTY_CALLER;
    d->agent_lines += act->line.who == PARTY_AGENT;
    if (act->line.unheard.n > 0) {
        ignore_result(snprintf(text, sizeof(text), STR_FMT " [interrupted, not heard: " STR_FMT "]",
                               STR_ARG(act->line.text), STR_ARG(act->line.unheard)) < 0); /* cut when longer */
        say(d, act->line.at_ms, CYAN, call_party_name(act->line.who), str_from(text));
        return;
    }
    say(d, act->line.at_ms, act->line.who == PARTY_CALLER ? GREEN : CYAN, call_party_name(act->line.who),
        act->line.text);
}

static void show_turn(struct demo *d, const struct call_turn *t)
{
    char text[160];
    if (t->first_sent_ms < 0) {
        return;
    }
    if (t->number == 0) {
        ignore_result(snprintf(text, sizeof(text), "greeting began %d ms after the media stream", t->first_sent_ms) <
                      0);
    } else if (t->speech_stop_ms >= 0 && t->first_sent_ms >= t->speech_stop_ms) {
        ignore_result(snprintf(text, sizeof(text), "turn %u answered %d ms after the caller stopped%s", t->number,
                               t->first_sent_ms - t->speech_stop_ms, t->interrupted ? " (interrupted)" : "") < 0);
    } else {
        return;
    }
    say(d, t->agent_end_ms >= 0 ? t->agent_end_ms : t->first_sent_ms, DIM, "latency", str_from(text));
}

static uint32_t call_ms(const struct demo *d)
{
    return d->phone ? phone_now_ms(d->phone) : 0;
}

static void show_action(struct demo *d, const struct call_action *act)
{
    char text[512];
    if (act->type == ACT_LINE) {
        show_line(d, act);
    } else if (act->type == ACT_TURN) {
        show_turn(d, &act->turn);
    } else if (act->type == ACT_TOOL_RUN) {
        ignore_result(snprintf(text, sizeof(text), STR_FMT " " STR_FMT, STR_ARG(act->tool_run.name),
                               STR_ARG(act->tool_run.arguments)) < 0); /* cut when longer */
        say(d, (int32_t)call_ms(d), YELLOW, "tool", str_from(text));
    } else if (act->type == ACT_NOTE && act->note.note == NOTE_BARGE_IN) {
        ignore_result(
            snprintf(text, sizeof(text), "the caller interrupts; %lld ms were heard", (long long)act->note.value) < 0);
        say(d, (int32_t)call_ms(d), DIM, "barge-in", str_from(text));
    }
}

static void both_over(struct demo *d);

static void on_tap(const struct tap_event *e, void *arg)
{
    struct demo *d = arg;
    switch (e->kind) {
    case TAP_MODEL_READY:
        say(d, (int32_t)call_ms(d), DIM, "model", e->ev->model_ready.model);
        break;
    case TAP_ACTION:
        show_action(d, e->action);
        break;
    case TAP_TOOL_RESULT:
        say(d, (int32_t)call_ms(d), YELLOW, "result", e->ev->tool_result.output);
        break;
    case TAP_END:
        if (!d->call_over) { /* later calls of --serve are shown too, but not judged */
            ignore_result(str_copy(d->recording, sizeof(d->recording), str_from(e->recording)));
            ignore_result(str_copy(d->journal, sizeof(d->journal), str_from(e->journal)));
            ignore_result(str_copy(d->call_id, sizeof(d->call_id), str_from(e->call_id)));
            d->reason = e->action->end.reason;
            d->call_over = true;
            both_over(d);
        }
        break;
    case TAP_BEGIN:
    case TAP_LEG_START:
    case TAP_MODEL_FAILED:
    case TAP_SIGNAL:
        break;
    }
}

/* ---- the caller's view ---- */

static void on_phone_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct demo *d = arg;
    if (ev->kind == PHONE_EVENT_SAYS) {
        say(d, (int32_t)ev->at_ms, DIM, "phone", ev->text);
    } else if (ev->kind == PHONE_EVENT_WARNING) {
        say(d, (int32_t)ev->at_ms, RED, "warning", ev->text);
    }
}

static bool all_answered(const struct phone_report *r)
{
    for (size_t i = 0; i < r->turns.n_turns; i++) {
        if (!r->turns.turns[i].answered) {
            return false;
        }
    }
    return r->turns.n_turns > 0;
}

static void judge(struct demo *d, const struct phone_report *r)
{
    if (r->err < 0) {
        fail(d, r->reason);
    } else if (r->greeting_ms < 0) {
        fail(d, "the agent never spoke");
    } else if (!all_answered(r)) {
        fail(d, "the agent left something unanswered");
    } else if (r->warnings_total > 0) {
        fail(d, "the carrier would have warned (see above)");
    }
}

static void on_phone_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct demo *d = arg;
    d->phone = NULL;
    d->phone_over = true;
    judge(d, r);
    phone_report_text(r, NULL, 0, &d->report);
    both_over(d);
}

static const struct phone_handler phone_handler = {.on_event = on_phone_event, .on_closed = on_phone_closed};

static int place_call(struct demo *d)
{
    char url[80];
    ignore_result(snprintf(url, sizeof(url), "%s/twiml", d->url) < 0); /* short */
    const struct phone_opts o = {
        .url = str_from(url),
        .items = d->items,
        .n_items = d->n_items,
        .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = HANGUP_MS},
        .max_ms = CALL_MAX_MS,
    };
    int err = phone_open(gateway_loop(d->gw), &o, &phone_handler, d, &d->phone);
    if (err >= 0) {
        d->n_items = 0; /* the phone owns the audio now */
    }
    return err;
}

/* ---- the course of things ---- */

/* How the user may call this very program: shorter when it lies below where they are. */
static void find_program(char *ret, size_t cap)
{
    char exe[512];
    char here[512];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0 || !getcwd(here, sizeof(here))) {
        ignore_result(str_copy(ret, cap, STR("ringtrip"))); /* it fits */
        return;
    }
    struct str program = {exe, (size_t)n};
    size_t depth = strlen(here);
    if (str_starts(program, str_from(here)) && depth < program.n && exe[depth] == '/') {
        program = (struct str){exe + depth + 1, program.n - depth - 1};
    }
    if (str_copy(ret, cap, program) < 0) {
        ignore_result(str_copy(ret, cap, STR("ringtrip"))); /* it fits */
    }
}

static void print_hints(const struct demo *d)
{
    char program[512];
    find_program(program, sizeof(program));
    const char *b = paint(d, BOLD);
    const char *r = paint(d, RESET);
    ignore_result(
        printf("\n%sServing on %s; Ctrl-C ends it.%s Try in a second terminal:\n\n"
               "  %s phone --url %s/twiml --say 'I want to speak to a human'\n"
               "  curl %s/calls          curl %s/v1/calls/%s\n"
               "  curl %s/metrics        %s calls\n\n"
               "With your own keys: OPENAI_API_KEY, TWILIO_AUTH_TOKEN and PUBLIC_URL in .env (see .env.example),\n"
               "ringtrip check, ringtrip serve, and the number's webhook set to <PUBLIC_URL>/twiml.\n",
               b, d->url, r, program, d->url, d->url, d->url, d->call_id, d->url, program) < 0);
    ignore_result(fflush(stdout));
}

static void print_summary(struct demo *d)
{
    ignore_result(printf("\n%sThe call is over:%s %s\n", paint(d, BOLD), paint(d, RESET), call_reason_text(d->reason)) <
                  0);
    ignore_result(fwrite(buf_ptr(&d->report), 1, d->report.len, stdout));
    ignore_result(printf("recording  %s   (left: caller, right: agent)\n", d->recording[0] ? d->recording : "off") < 0);
    ignore_result(printf("journal    %s\n", d->journal[0] ? d->journal : "off") < 0);
    ignore_result(fflush(stdout));
}

/* Both the phone and the record are done. */
static void both_over(struct demo *d)
{
    if (!d->phone_over || d->stopping) {
        return;
    }
    if (!d->call_over && !d->failed) {
        return; /* the record is still being closed */
    }
    if (d->call_over) {
        if (d->reason != REASON_CALLER_HANGUP && d->reason != REASON_AGENT_HANGUP && !d->failed) {
            fail(d, call_reason_text(d->reason));
        }
        print_summary(d);
    }
    timer_stop(d->timer);
    if (d->serve) {
        if (!d->verbose) {
            log_set_level(LOG_INFO);
        }
        print_hints(d);
    } else {
        d->stopping = true;
        gateway_stop(d->gw, 1);
    }
}

static void on_ready(void *arg)
{
    struct demo *d = arg;
    int err = place_call(d);
    if (err < 0) {
        fail(d, err_text(err));
        d->phone_over = true;
        both_over(d);
    }
    timer_start(d->timer, (CALL_MAX_MS + 20000ull) * 1000, 0);
}

static void on_late(void *arg)
{
    struct demo *d = arg;
    fail(d, d->phone_over ? "the record was not closed in time" : "the sandbox or the call took too long");
    d->stopping = true;
    gateway_stop(d->gw, 1);
}

static void on_signal(int signo UNUSED, void *arg)
{
    struct demo *d = arg;
    if (d->phone) {
        d->failed = true;
        phone_hang_up(d->phone, "interrupted");
    }
    d->stopping = true;
    gateway_stop(d->gw, 0);
}

/* The demonstration is offline: keys, accounts and public addresses of the environment are not for it. */
static const char *offline_env(const char *name, void *arg)
{
    static const char *const hidden[] = {"OPENAI_", "GPT_REALTIME_", "REALTIME_", "AZURE_", "TWILIO_",
                                         "PUBLIC_", "TLS_",          "GREETING",  "SYSTEM_"};
    const struct demo *d = arg;
    const char *value = getenv(name);
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        if (str_starts(str_from(name), str_from(hidden[i]))) {
            return NULL;
        }
    }
    return !value && !d->verbose && str_is(str_from(name), "LOG_LEVEL") ? "error" : value;
}

static int open_gateway(struct demo *d, struct buf *err)
{
    struct gateway_opts o = {
        .config = {.dotenv_path = "", .env = offline_env, .env_arg = d},
        .tap = {on_tap, d},
        .on_ready = on_ready,
        .arg = d,
    };
    int e = gateway_open(&o, err, &d->gw);
    const char *port = getenv("SERVER_PORT");
    if (e == -EADDRINUSE && (!port || !port[0])) {
        ignore_result(printf("Port 8000 is taken; using a free one.\n") < 0);
        buf_clear(err, 0);
        o.port_given = true;
        o.port = 0;
        e = gateway_open(&o, err, &d->gw);
    }
    return e;
}

static int run(struct demo *d)
{
    struct buf err;
    buf_init(&err, 64u << 10);
    int e = open_gateway(d, &err);
    if (e >= 0) {
        struct loop *loop = gateway_loop(d->gw);
        ignore_result(snprintf(d->url, sizeof(d->url), "http://127.0.0.1:%u", gateway_port(d->gw)) < 0);
        ignore_result(printf("%sRingtrip at %s%s, model: the offline sandbox. Calling...\n", paint(d, BOLD), d->url,
                             paint(d, RESET)) < 0);
        ignore_result(fflush(stdout));
        e = loop_on_signal(loop, SIGINT, on_signal, d);
        if (e >= 0) {
            e = loop_on_signal(loop, SIGTERM, on_signal, d);
        }
        if (e >= 0) {
            e = timer_new(loop, on_late, d, &d->timer);
        }
    }
    if (e >= 0) {
        timer_start(d->timer, READY_US, 0);
        gateway_run(d->gw);
        timer_free(d->timer);
    } else {
        fail(d, err.len > 0 ? buf_cstr(&err) : err_text(e));
    }
    gateway_free(d->gw);
    buf_done(&err);
    return d->failed ? STATUS_FAILED : STATUS_OK;
}

/* ---- arguments ---- */

static int add_speech(struct demo *d, const char *text, bool file)
{
    struct phone_speech speech;
    struct buf why;
    if (d->n_items == MAX_ITEMS) {
        return usage_error("demo", "at most 20 utterances, not also", text);
    }
    buf_init(&why, 4096);
    int err = file ? phone_speech_load(text, &speech, &why) : phone_speech_say(str_from(text), &speech);
    if (err < 0) {
        const char *sentence = why.len > 0 ? buf_cstr(&why) : err_text(err);
        ignore_result(fprintf(stderr, "ringtrip demo: \"%s\" cannot be said: %s\n", text, sentence) < 0);
    } else {
        d->items[d->n_items++] = (struct phone_item){
            .kind = PHONE_SAY, .mulaw = {speech.mulaw, speech.n}, .owned = speech.mulaw, .label = text};
    }
    buf_done(&why);
    return err < 0 ? STATUS_USAGE : 0;
}

static int read_args(struct demo *d, int argc, char **argv, bool *ret_help)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        int err = 0;
        switch (got) {
        case OPT_SAY:
        case OPT_WAV:
            err = add_speech(d, value, got == OPT_WAV);
            break;
        case OPT_SERVE:
            d->serve = true;
            break;
        case OPT_VERBOSE:
            d->verbose = true;
            break;
        case OPT_HELP:
            *ret_help = true;
            break;
        case ARGS_WORD:
            return usage_error("demo", "unexpected argument", value);
        default:
            return STATUS_USAGE;
        }
        if (err != 0) {
            return err;
        }
    }
    const char *env = getenv("SAY");
    return d->n_items > 0 || *ret_help ? 0 : add_speech(d, env && env[0] ? env : DEFAULT_SAY, false);
}

int cmd_demo(int argc, char **argv)
{
    struct demo d = {.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
    bool help = false;
    buf_init(&d.report, 1u << 20);
    int status = read_args(&d, argc, argv, &help);
    if (status == 0) {
        status = help ? usage_help(usage) : run(&d);
    }
    for (size_t i = 0; i < d.n_items; i++) {
        free(d.items[i].owned);
    }
    buf_done(&d.report);
    return status;
}
