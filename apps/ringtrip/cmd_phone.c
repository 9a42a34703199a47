#include "cmd_phone.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "phone_args.h"
#include "phone_input.h"
#include "phone_transcript.h"

enum { EXIT_HELD = 0, EXIT_FAILED = 1, EXIT_NO_CALL = 2 };

struct session {
    struct phone_args args;
    struct loop *loop;
    struct phone *phone; /* NULL: over */
    struct phone_input *input;
    FILE *progress; /* NULL: none */
    bool colour;
    int status;
    int interrupts;
};

static void progress(struct session *s, uint32_t at_ms, const char *colour, const char *who, struct str text)
{
    if (!s->progress) {
        return;
    }
    ignore_result(fprintf(s->progress, "%s%7.2f s  %-7s " STR_FMT "%s\n", s->colour ? colour : "",
                          (double)at_ms / 1000.0, who, STR_ARG(text), s->colour ? "\033[0m" : "") < 0);
    ignore_result(fflush(s->progress)); /* a closed pipe does not end the call */
}

#define DIM    "\033[2m"
#define GREEN  "\033[32m"
#define CYAN   "\033[36m"
#define YELLOW "\033[33m"

static void progress_number(struct session *s, const struct phone_event *ev, const char *fmt_before, const char *after)
{
    char text[PHONE_TEXT_MAX + 64];
    int n = snprintf(text, sizeof(text), "%s%llu%s", fmt_before, (unsigned long long)ev->n, after);
    progress(s, ev->at_ms, ev->kind == PHONE_EVENT_WARNING ? YELLOW : DIM, "phone",
             (struct str){text, (size_t)MIN(MAX(n, 0), (int)sizeof(text) - 1)});
}

static void on_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct session *s = arg;
    char text[PHONE_TEXT_MAX + 8];
    switch (ev->kind) {
    case PHONE_EVENT_STATE:
        progress(s, ev->at_ms, DIM, "phone", str_from(phone_state_name(ev->state)));
        break;
    case PHONE_EVENT_START:
        progress(s, ev->at_ms, DIM, "phone", STR("the stream has started"));
        break;
    case PHONE_EVENT_SAYS:
        progress(s, ev->at_ms, GREEN, "caller", ev->text);
        break;
    case PHONE_EVENT_AGENT_BEGIN:
        progress(s, ev->at_ms, CYAN, "agent", STR("speaks"));
        break;
    case PHONE_EVENT_AGENT_END:
        progress(s, ev->at_ms, CYAN, "agent", STR("is silent"));
        break;
    case PHONE_EVENT_CLEAR:
        progress_number(s, ev, "clear: ", " bytes were still to be played");
        break;
    case PHONE_EVENT_WARNING:
        ignore_result(snprintf(text, sizeof(text), ": " STR_FMT, STR_ARG(ev->text)) < 0);
        progress_number(s, ev, "warning ", text);
        break;
    case PHONE_EVENT_KEYS:
        ignore_result(snprintf(text, sizeof(text), "presses " STR_FMT, STR_ARG(ev->text)) < 0);
        progress(s, ev->at_ms, CYAN, "agent", str_from(text));
        break;
    case PHONE_EVENT_VERB:
        progress(s, ev->at_ms, DIM, "carrier", ev->text);
        break;
    case PHONE_EVENT_TWIML:
    case PHONE_EVENT_SAID:
    case PHONE_EVENT_SENT:
    case PHONE_EVENT_AUDIO:
    case PHONE_EVENT_MARK:
        break;
    }
}

static int write_report(const char *path, const struct buf *json)
{
    FILE *f = str_is(str_from(path), "-") ? stdout : fopen(path, "we");
    if (!f) {
        return -errno;
    }
    bool ok = fwrite(buf_ptr(json), 1, json->len, f) == json->len && fputc('\n', f) != EOF;
    ok = (f == stdout ? fflush(f) : fclose(f)) == 0 && ok;
    return ok ? 0 : -EIO;
}

/* What the gateway wrote, for the report and on the terminal. Asked for and not to be had is a failure. */
static void add_transcript(struct session *s, const struct phone_report *r, struct buf *record)
{
    struct buf why, text;
    const char *env = getenv("RINGTRIP_API_TOKEN");
    const struct phone_transcript_opts o = {
        .url = s->args.opts.url.n ? s->args.opts.url : s->args.opts.ws_url,
        .call_id = r->call_sid,
        .token = s->args.api_token ? s->args.api_token
                 : env             ? env
                                   : "",
        .ca_file = s->args.opts.ca_file,
    };
    buf_init(&why, 4096);
    buf_init(&text, 4u << 20);
    if (phone_transcript_get(&o, record, &why) < 0) {
        ignore_result(fprintf(stderr, "ringtrip phone: no transcript from the gateway: " STR_FMT "\n",
                              STR_ARG(buf_str(&why))) < 0);
        s->status = s->status == EXIT_HELD ? EXIT_FAILED : s->status;
    } else if (s->progress) {
        phone_transcript_text(buf_str(record), &text);
        ignore_result(fprintf(s->progress, "the gateway's transcript:\n" STR_FMT, STR_ARG(buf_str(&text))) < 0);
    }
    buf_done(&why);
    buf_done(&text);
}

static void tell_report(struct session *s, const struct phone_report *r, const struct phone_verdict *verdicts, size_t n)
{
    struct buf text;
    buf_init(&text, 4u << 20);
    phone_report_text(r, verdicts, n, &text);
    if (s->progress || s->status != EXIT_HELD) {
        ignore_result(fprintf(s->progress ? s->progress : stderr, STR_FMT, STR_ARG(buf_str(&text))) < 0);
    }
    buf_done(&text);
}

static void on_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct session *s = arg;
    struct phone_verdict verdicts[PHONE_VERDICTS_MAX];
    struct buf json, record;
    size_t n = phone_expect_check(&s->args.expect, r, verdicts);
    s->phone = NULL;
    s->status = EXIT_HELD;
    for (size_t i = 0; i < n; i++) {
        s->status = verdicts[i].held ? s->status : EXIT_FAILED;
    }
    if (r->err < 0) {
        s->status = EXIT_NO_CALL;
        ignore_result(fprintf(stderr, "ringtrip phone: %s\n", r->reason) < 0);
    }
    tell_report(s, r, verdicts, n);
    buf_init(&json, 64u << 20);
    buf_init(&record, 32u << 20);
    if (s->args.transcript && r->err == 0) {
        add_transcript(s, r, &record);
    }
    phone_report_json(r, verdicts, n, buf_str(&record), &json);
    int err = json.err;
    if (err == 0 && s->args.report_path) {
        err = write_report(s->args.report_path, &json);
    }
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip phone: no report: %s\n", err_text(err)) < 0);
        s->status = EXIT_NO_CALL;
    }
    buf_done(&json);
    buf_done(&record);
    loop_stop(s->loop);
}

static const struct phone_handler handler = {.on_event = on_event, .on_closed = on_closed};

/* The first Ctrl-C hangs up, the second one leaves. */
static void on_signal(int signo UNUSED, void *arg)
{
    struct session *s = arg;
    if (!s->phone) {
        return;
    }
    if (s->interrupts++ == 0) {
        phone_hang_up(s->phone, "interrupted");
    } else {
        phone_close(s->phone);
    }
}

static void on_item(const struct phone_item *item, void *arg)
{
    struct session *s = arg;
    if (!s->phone || phone_say(s->phone, item) < 0) {
        free(item->owned);
    }
}

static void on_problem(const char *text, void *arg UNUSED)
{
    ignore_result(fprintf(stderr, "%s\n", text) < 0);
}

static void on_input_end(bool bye, void *arg)
{
    struct session *s = arg;
    if (s->phone && bye) {
        phone_hang_up(s->phone, "the caller said /bye");
    } else if (s->phone) {
        phone_say_no_more(s->phone);
    }
}

static const struct phone_input_handler input_handler = {
    .on_item = on_item, .on_problem = on_problem, .on_end = on_input_end};

/* Before anybody is called: what could not be written behind it would be lost. Leaves nothing behind. */
static bool writable(const char *path)
{
    if (!path || str_is(str_from(path), "-")) {
        return true;
    }
    bool is_new = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0; /* a link stays, wherever it leads */
    FILE *f = fopen(path, "ae");
    if (!f || fclose(f) != 0) {
        ignore_result(fprintf(stderr, "ringtrip phone: %s cannot be written: %s\n", path, err_text(-errno)) < 0);
        return false;
    }
    if (is_new) {
        ignore_result(unlink(path)); /* else it stays empty */
    }
    return true;
}

static int session_run(struct session *s)
{
    int err = loop_new(&s->loop);
    if (err < 0) {
        return err;
    }
    err = loop_on_signal(s->loop, SIGINT, on_signal, s);
    if (err == 0) {
        err = loop_on_signal(s->loop, SIGTERM, on_signal, s);
    }
    if (err == 0) {
        err = phone_open(s->loop, &s->args.opts, &handler, s, &s->phone);
    }
    if (err == 0) {
        s->args.n_items = 0; /* the phone has them now */
        if (s->args.interactive) {
            err = phone_input_start(s->loop, &input_handler, s, &s->input);
        }
        loop_run(s->loop);
    }
    if (s->input) {
        phone_input_stop(s->input);
    }
    loop_free(s->loop);
    return err;
}

int cmd_phone(int argc, char **argv)
{
    struct session s = {.status = EXIT_NO_CALL};
    struct buf problem;
    for (int i = 1; i < argc; i++) {
        if (str_is(str_from(argv[i]), "--answer")) {
            return cmd_answer(argc, argv);
        }
    }
    buf_init(&problem, 4096);
    int err = phone_args_parse(argc, argv, &s.args, &problem);
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip phone: " STR_FMT "\nTry: ringtrip phone --help\n",
                              STR_ARG(buf_str(&problem))) < 0);
    } else if (s.args.help) {
        ignore_result(fputs(phone_usage, stdout));
        s.status = EXIT_HELD;
    } else {
        bool json_out = s.args.report_path && str_is(str_from(s.args.report_path), "-");
        s.progress = s.args.quiet ? NULL : json_out ? stderr : stdout;
        s.colour = s.progress && isatty(fileno(s.progress)) && !getenv("NO_COLOR");
        bool ready = writable(s.args.opts.record_path) && writable(s.args.report_path);
        err = ready ? session_run(&s) : 0;
        if (err < 0) {
            ignore_result(fprintf(stderr, "ringtrip phone: %s\n", err_text(err)) < 0);
            s.status = EXIT_NO_CALL;
        }
    }
    buf_done(&problem);
    phone_args_done(&s.args);
    return s.status;
}
