/* ringtrip demo: gateway, offline model and a telephone in one terminal, nothing else needed. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "command.h"
#include "demo_screen.h"
#include "gateway/gateway.h"
#include "peer/phone/phone.h"
#include "peer/phone/phone_speech.h"

static const char usage[] =
    "usage: ringtrip demo [--serve] [--say TEXT]... [--wav FILE]... [--verbose]\n\n"
    "Starts a gateway with the offline sandbox as its model, calls it with a simulated telephone, shows the\n"
    "transcript as it happens, the latency of each turn, and where the stereo recording lies. Keys, accounts and\n"
    "configuration files are left alone: of the environment SERVER_PORT (8000, or a free one if that is taken),\n"
    "SERVER_HOST, RECORDS_* (./var), LOG_* and SAY count.\n\n"
    "  --say TEXT    what the caller asks; several are said one after the other. Default: the environment's SAY, or\n"
    "                \"Where is my order one two three four\"\n"
    "  --wav FILE    the same from a recording (PCM16 or mu-law; 8, 16 or 24 kHz)\n"
    "  --serve       keep serving after the call\n"
    "  --verbose     show the gateway's log, too\n\n"
    "Exit status: 0 the agent greeted, heard and answered, and the call was closed properly; 1 not; 2 usage.\n";

#define DEFAULT_SAY "Where is my order one two three four"
#define MAX_ITEMS   20
#define MAX_LIVE    8 /* whose rows have a time */
#define READY_US    30000000ull
#define HANGUP_MS   1200 /* of silence after the last answer: the agent is done */
#define CALL_MAX_MS 90000

/* A call that runs. Its clock is that of the media. */
struct live {
    char id[80]; /* "": none */
    uint64_t start_us;
};

struct demo {
    bool serve, verbose;
    struct screen *screen;
    struct phone_item items[MAX_ITEMS]; /* own their audio until the phone has it */
    size_t n_items;
    struct gateway *gw;
    struct phone *phone;
    struct timer *timer;
    char url[64];
    struct buf noticed; /* by the caller, for people */
    struct live live[MAX_LIVE];
    char recording[512], journal[512], call_id[80];
    enum call_reason reason;
    bool phone_over, call_over, failed, stopping;
};

enum { OPT_SAY, OPT_WAV, OPT_SERVE, OPT_VERBOSE, OPT_HELP };
static const struct option options[] = {
    [OPT_SAY] = {"--say", NULL, true},      [OPT_WAV] = {"--wav", NULL, true},
    [OPT_SERVE] = {"--serve", NULL, false}, [OPT_VERBOSE] = {"--verbose", "-v", false},
    [OPT_HELP] = {"--help", "-h", false},
};

/* ---- output ---- */

/* Lines of text; too long ones are cut. */
static void show(struct demo *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void show(struct demo *d, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    screen_text(d->screen, (struct str){text, (size_t)MIN(MAX(n, 0), (int)sizeof(text) - 1)});
}

static void fail(struct demo *d, const char *text)
{
    d->failed = true;
    ignore_result(fprintf(stderr, "ringtrip demo: %s\n", text) < 0);
}

/* ---- the gateway's view ---- */

/* "heard" is what the agent made of the caller's words, which stand above when they are known. */
static void show_line(struct demo *d, const struct call_action *act)
{
    char text[1024];
    bool caller = act->line.who == PARTY_CALLER;
    struct str words = act->line.text;
    if (act->line.unheard.n > 0) {
        ignore_result(snprintf(text, sizeof(text), STR_FMT "%snot heard: " STR_FMT "]", STR_ARG(act->line.text),
                               act->line.text.n ? " [interrupted, " : "[", STR_ARG(act->line.unheard)) < 0); /* cut */
        words = str_from(text);
    }
    screen_row(d->screen, act->line.at_ms, caller ? TONE_CALLER : TONE_AGENT,
               caller ? "heard" : call_party_name(act->line.who), words);
}

static void show_turn(struct demo *d, const struct call_turn *t)
{
    char text[160];
    if (t->first_sent_ms < 0) {
        return;
    }
    if (t->number == 0) {
        ignore_result(
            snprintf(text, sizeof(text), "the greeting began %d ms after the line was open", t->first_sent_ms) < 0);
    } else if (t->speech_stop_ms >= 0 && t->first_sent_ms >= t->speech_stop_ms) {
        ignore_result(snprintf(text, sizeof(text), "turn %u was answered %d ms after the caller stopped%s", t->number,
                               t->first_sent_ms - t->speech_stop_ms, t->interrupted ? " (interrupted)" : "") < 0);
    } else {
        return;
    }
    screen_row(d->screen, t->agent_end_ms >= 0 ? t->agent_end_ms : t->first_sent_ms, TONE_DIM, "latency",
               str_from(text));
}

/* ---- calls that run ---- */

static struct live *find_live(struct demo *d, const char *id)
{
    for (size_t i = 0; i < MAX_LIVE; i++) {
        if (strcmp(d->live[i].id, id) == 0) {
            return &d->live[i];
        }
    }
    return NULL;
}

static uint32_t count_live(const struct demo *d)
{
    uint32_t n = 0;
    for (size_t i = 0; i < MAX_LIVE; i++) {
        n += d->live[i].id[0] != 0;
    }
    return n;
}

static int32_t call_ms(struct demo *d, const char *id)
{
    const struct live *l = find_live(d, id);
    return l ? (int32_t)((loop_now_us(gateway_loop(d->gw)) - l->start_us) / 1000) : 0;
}

/* The calls of others, behind the demonstration. */
static void begin_live(struct demo *d, const struct tap_event *e)
{
    struct live *l = find_live(d, "");
    if (l && str_copy(l->id, sizeof(l->id), str_from(e->call_id)) >= 0) {
        l->start_us = loop_now_us(gateway_loop(d->gw));
    }
    if (d->call_over) {
        show(d, "%sA call%s from " STR_FMT ": %s\n", screen_begin(d->screen, TONE_BOLD), screen_end(d->screen),
             STR_ARG(e->ev->leg_start.caller), e->call_id);
    }
}

static void end_live(struct demo *d, const struct tap_event *e)
{
    struct live *l = find_live(d, e->call_id);
    if (d->call_over) {
        show(d, "%sThe call is over:%s %s; %s\n\n", screen_begin(d->screen, TONE_BOLD), screen_end(d->screen),
             call_reason_text(e->action->end.reason), e->recording[0] ? e->recording : "not recorded");
    }
    if (l) {
        l->id[0] = '\0';
    }
}

static void show_action(struct demo *d, const struct call_action *act, const char *id)
{
    char text[512];
    if (act->type == ACT_LINE) {
        show_line(d, act);
    } else if (act->type == ACT_TURN) {
        show_turn(d, &act->turn);
    } else if (act->type == ACT_TOOL_RUN) {
        ignore_result(snprintf(text, sizeof(text), STR_FMT " " STR_FMT, STR_ARG(act->tool_run.name),
                               STR_ARG(act->tool_run.arguments)) < 0); /* cut when longer */
        screen_row_meanwhile(d->screen, call_ms(d, id), TONE_TOOL, "tool", str_from(text));
    } else if (act->type == ACT_NOTE && act->note.note == NOTE_BARGE_IN) {
        ignore_result(
            snprintf(text, sizeof(text), "the caller interrupts; %lld ms were heard", (long long)act->note.value) < 0);
        screen_row(d->screen, call_ms(d, id), TONE_DIM, "barge-in", str_from(text));
    }
}

static void both_over(struct demo *d);

static void on_tap(const struct tap_event *e, void *arg)
{
    struct demo *d = arg;
    switch (e->kind) {
    case TAP_MODEL_READY:
        if (!d->call_over) {
            screen_row(d->screen, call_ms(d, e->call_id), TONE_DIM, "model", STR("ready"));
        }
        break;
    case TAP_ACTION:
        show_action(d, e->action, e->call_id);
        break;
    case TAP_TOOL_RESULT:
        screen_row_meanwhile(d->screen, call_ms(d, e->call_id), TONE_TOOL, "result", e->ev->tool_result.output);
        break;
    case TAP_END:
        end_live(d, e);
        if (!d->call_over) { /* later calls of --serve are shown too, but not judged */
            ignore_result(str_copy(d->recording, sizeof(d->recording), str_from(e->recording)));
            ignore_result(str_copy(d->journal, sizeof(d->journal), str_from(e->journal)));
            ignore_result(str_copy(d->call_id, sizeof(d->call_id), str_from(e->call_id)));
            d->reason = e->action->end.reason;
            d->call_over = true;
            both_over(d);
        }
        break;
    case TAP_LEG_START:
        begin_live(d, e);
        break;
    case TAP_BEGIN:
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
        screen_row(d->screen, (int32_t)ev->at_ms, TONE_CALLER, "caller", ev->text);
    } else if (ev->kind == PHONE_EVENT_WARNING) {
        screen_row(d->screen, (int32_t)ev->at_ms, TONE_BAD, "warning", ev->text);
    } else if (ev->kind == PHONE_EVENT_AGENT_BEGIN || ev->kind == PHONE_EVENT_AGENT_END) {
        screen_agent_speaks(d->screen, ev->kind == PHONE_EVENT_AGENT_BEGIN);
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

/* In the caller's ear, which is behind the network and the carrier's buffer. */
static void put_noticed(const struct phone_report *r, struct buf *out)
{
    const struct phone_turns *t = &r->turns;
    if (r->greeting_ms >= 0) {
        buf_printf(out, "in the caller's ear: the greeting after %d ms", (int)r->greeting_ms);
    }
    for (size_t i = 0; i < t->n_turns && r->greeting_ms >= 0; i++) {
        if (t->turns[i].answered) {
            buf_printf(out, ", answer %zu after %d ms", i + 1, (int)t->turns[i].gap_ms);
        } else {
            buf_printf(out, ", no answer %zu", i + 1);
        }
    }
    buf_puts(out, out->len ? "\n" : "");
}

static void on_phone_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct demo *d = arg;
    d->phone = NULL;
    d->phone_over = true;
    judge(d, r);
    put_noticed(r, &d->noticed);
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

static void print_hints(struct demo *d)
{
    char program[512];
    find_program(program, sizeof(program));
    show(d,
         "\n%sServing on %s; Ctrl-C ends it.%s Try in a second terminal:\n\n"
         "  %s phone %s/twiml --say 'I want to speak to a human'\n"
         "  %s phone %s/twiml --interactive      # type what you want to say\n"
         "  %s calls                             # the records, also over HTTP:\n"
         "  curl %s/calls\n"
         "  curl %s/metrics\n\n"
         "With your own keys: OPENAI_API_KEY, TWILIO_AUTH_TOKEN and PUBLIC_URL in .env (see .env.example),\n"
         "%s check, %s serve, and the number's webhook set to <PUBLIC_URL>/twiml.\n\n",
         screen_begin(d->screen, TONE_BOLD), d->url, screen_end(d->screen), program, d->url, program, d->url, program,
         d->url, d->url, program, program);
}

static void print_summary(struct demo *d)
{
    show(d, "\n%sThe call is over:%s %s\n" STR_FMT, screen_begin(d->screen, TONE_BOLD), screen_end(d->screen),
         call_reason_text(d->reason), STR_ARG(buf_str(&d->noticed)));
    show(d, "recording  %s   (left: caller, right: agent)\n", d->recording[0] ? d->recording : "off");
    show(d, "journal    %s   (%s)\n", d->journal[0] ? d->journal : "off", "every decision; ringtrip replay FILE");
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
            log_set_level(LOG_WARN);
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
    uint32_t n = count_live(d);
    if (n > 0 && !d->stopping) {
        show(d, "\nThe gateway ends after %u call%s; Ctrl-C again hangs up.\n", n, n > 1 ? "s" : "");
    }
    d->stopping = true;
    gateway_stop(d->gw, 0);
}

/* The demonstration is offline: of the environment it takes the port and where to write, no key, account or address. */
static const char *offline_env(const char *name, void *arg)
{
    static const char *const taken[] = {"SERVER_HOST", "SERVER_PORT", "PORT", "RECORDS_", "LOG_"};
    const struct demo *d = arg;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (str_starts(str_from(name), str_from(taken[i]))) {
            const char *value = getenv(name);
            return !value && !d->verbose && str_is(str_from(name), "LOG_LEVEL") ? "error" : value;
        }
    }
    return NULL;
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
        show(d, "Port 8000 is taken; using a free one.\n");
        buf_clear(err);
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
        show(d, "%sRingtrip at %s%s, model: the offline sandbox. Calling...\n", screen_begin(d->screen, TONE_BOLD),
             d->url, screen_end(d->screen));
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
    struct demo d = {.phone = NULL};
    bool help = false;
    buf_init(&d.noticed, 1u << 16);
    int status = read_args(&d, argc, argv, &help);
    if (status == 0 && help) {
        status = usage_help(usage);
    } else if (status == 0) {
        int err = screen_new(isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), &d.screen);
        status = err < 0 ? STATUS_FAILED : run(&d);
        screen_free(d.screen);
    }
    for (size_t i = 0; i < d.n_items; i++) {
        free(d.items[i].owned);
    }
    buf_done(&d.noticed);
    return status;
}
