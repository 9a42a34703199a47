/*
 * An agent in writing: its tools, handoffs, approvals and guardrails without a telephone. A program of libringtrip like
 * any other: nothing here but its public headers and the reading of arguments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringtrip/ringtrip.h>

#include "base/str.h"
#include "command.h"

#define LINE_MAX_BYTES 8192
#define ANSWER_MS      60000 /* without any sign of life from the agent */
#define ERR_BYTES      65536
#define CONNECT_MS     60000 /* servers of tools may have to be fetched first */
#define MAX_VARS       32

static const char usage[] =
    "usage: ringtrip chat [--agent NAME] [-c FILE] [--env-file FILE] [--from NUMBER] [--to NUMBER] [--var "
    "NAME=VALUE]\n\n"
    "Talks to an agent in writing: one line each; quit, exit or q leaves. Tools run (those of mcp servers too), "
    "handoffs\n"
    "happen, and a tool that needs an approval asks for it here. Without a key of a provider the offline sandbox "
    "answers.\n\n"
    "  --agent NAME        who begins; without: whom the routes choose, else the first agent of the configuration\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --from NUMBER       who calls, for routes, conditions and {{caller_number}}\n"
    "  --to NUMBER         who is called, likewise\n"
    "  --var NAME=VALUE    a parameter of the call, as {{NAME}}; may be given several times\n\n"
    "Exit status: 0 left or ended by the agent, 1 it did not work, 2 usage or configuration.\n";

enum { OPT_AGENT, OPT_CONFIG, OPT_ENV_FILE, OPT_FROM, OPT_TO, OPT_VAR, OPT_HELP };
static const struct option options[] = {
    [OPT_AGENT] = {"--agent", "-a", true},
    [OPT_CONFIG] = {"--config", "-c", true},
    [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_FROM] = {"--from", NULL, true},
    [OPT_TO] = {"--to", NULL, true},
    [OPT_VAR] = {"--var", NULL, true},
    [OPT_HELP] = {"--help", "-h", false},
};

struct chat {
    struct rt_session *session;
    bool terminal;
    bool at_start; /* of a line of our output */
    bool over;
    int err;         /* why it is over */
    bool owed;       /* an answer was asked for and has not begun */
    unsigned speaks; /* answers under way */
    unsigned tools;  /* that run or wait */
};

/* ---- output ---- */

static void put(struct chat *c, const char *text)
{
    ignore_result(fputs(text, stdout) < 0);
    c->at_start = text[0] ? text[strlen(text) - 1] == '\n' : c->at_start;
}

static void fresh_line(struct chat *c)
{
    if (!c->at_start) {
        put(c, "\n");
    }
}

static void remark(struct chat *c, const char *before, const char *text, const char *after)
{
    fresh_line(c);
    put(c, before);
    put(c, text);
    put(c, after);
    put(c, "\n");
    ignore_result(fflush(stdout) != 0);
}

/* False: the input is at its end. Lines that are too long are cut. */
static bool read_line(struct chat *c, const char *prompt, char *line)
{
    if (c->terminal) {
        fresh_line(c);
        put(c, prompt);
        ignore_result(fflush(stdout) != 0);
        c->at_start = true;
    }
    if (!fgets(line, LINE_MAX_BYTES, stdin)) {
        return false;
    }
    size_t n = strlen(line);
    if (n > 0 && line[n - 1] != '\n') {
        int rest = fgetc(stdin);
        while (rest != EOF && rest != '\n') {
            rest = fgetc(stdin);
        }
    }
    struct str trimmed = str_trim(str_from(line));
    memmove(line, trimmed.p, trimmed.n);
    line[trimmed.n] = '\0';
    return true;
}

/* ---- events ---- */

static void ask_approval(struct chat *c, const struct rt_event *e)
{
    char line[LINE_MAX_BYTES] = "";
    fresh_line(c);
    put(c, "[");
    put(c, e->tool_name);
    put(c, " ");
    put(c, e->arguments);
    put(c, " needs your approval: yes, always or no]\n");
    bool answered = read_line(c, "approve> ", line);
    bool always = answered && str_ieq(str_from(line), STR("always"));
    bool yes = always || (answered && (str_ieq(str_from(line), STR("yes")) || str_ieq(str_from(line), STR("y"))));
    int err = yes ? rt_session_approve(c->session, e->tool_call_id, always)
                  : rt_session_reject(c->session, e->tool_call_id, 0, NULL);
    if (err < 0) {
        remark(c, "[too late: ", rt_error_text(err), "]");
    }
}

static void on_event(struct chat *c, const struct rt_event *e)
{
    switch (e->type) {
    case RT_EVENT_AGENT_START:
        c->owed = false;
        c->speaks++;
        break;
    case RT_EVENT_AGENT_END:
        c->speaks -= c->speaks > 0;
        fresh_line(c);
        break;
    case RT_EVENT_TRANSCRIPT_DELTA:
        put(c, c->at_start && e->text[0] == ' ' ? e->text + 1 : e->text);
        ignore_result(fflush(stdout) != 0);
        break;
    case RT_EVENT_TOOL_APPROVAL_REQUIRED:
        ask_approval(c, e);
        c->owed = true; /* either way the agent says something about it */
        break;
    case RT_EVENT_TOOL_START:
        c->tools++;
        remark(c, "[", e->tool_name, "]");
        break;
    case RT_EVENT_TOOL_END:
        c->tools -= c->tools > 0;
        c->owed = true; /* the agent says what came of it */
        break;
    case RT_EVENT_HANDOFF:
        remark(c, "[now with ", e->to_agent, "]");
        c->owed = true;
        break;
    case RT_EVENT_GUARDRAIL_TRIPPED:
        remark(c, e->response_id[0] ? "[stopped by " : "[refused by ", e->guardrail, "]");
        c->owed = e->response_id[0] != '\0'; /* what never came to the agent is not answered */
        break;
    case RT_EVENT_ERROR:
        remark(c, "[error: ", e->text, "]");
        break;
    case RT_EVENT_END:
        c->over = true;
        c->err = e->err;
        break;
    default:
        break;
    }
}

/* Until the agent has said all it has to say. */
static void hear(struct chat *c)
{
    struct rt_event *e = NULL;
    bool waits = true;
    while (waits && !c->over) {
        int got = rt_session_next_event(c->session, ANSWER_MS, &e);
        if (got == 1) {
            on_event(c, e);
            rt_event_free(e);
        } else if (got < 0) {
            c->over = true;
            c->err = got == -RT_ERR_CLOSED ? c->err : got;
        } else {
            remark(c, "[", "no answer", "]");
            c->owed = false;
            c->speaks = c->tools = 0;
        }
        waits = c->owed || c->speaks > 0 || c->tools > 0;
    }
    fresh_line(c);
    ignore_result(fflush(stdout) != 0);
}

static bool is_goodbye(const char *line)
{
    struct str s = str_from(line);
    return str_ieq(s, STR("quit")) || str_ieq(s, STR("exit")) || str_ieq(s, STR("q"));
}

/* What has come by itself: a greeting that is under way, an end. */
static void look_around(struct chat *c, int ms)
{
    struct rt_event *e = NULL;
    while (!c->over && rt_session_next_event(c->session, ms, &e) == 1) {
        on_event(c, e);
        rt_event_free(e);
    }
    if (c->speaks > 0) {
        hear(c);
    }
}

static void talk(struct chat *c)
{
    char line[LINE_MAX_BYTES];
    look_around(c, 300);
    while (!c->over && read_line(c, "> ", line) && !is_goodbye(line)) {
        look_around(c, 0);
        if (line[0] == '\0' || c->over) {
            continue;
        }
        int err = rt_session_send_message(c->session, line);
        if (err < 0) {
            remark(c, "[not sent: ", rt_error_text(err), "]");
            continue;
        }
        c->owed = true;
        hear(c);
    }
}

/* ---- the session ---- */

static int failed(const char *what)
{
    ignore_result(fprintf(stderr, "ringtrip chat: %s\n", what) < 0);
    return STATUS_FAILED;
}

static int run_session(struct rt_runner *runner, const struct rt_session_opts *o)
{
    struct chat c = {.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO), .at_start = true};
    int err = rt_session_new(runner, o, &c.session);
    if (err < 0) {
        return failed(rt_error_text(err));
    }
    int status = STATUS_OK;
    if (rt_session_connect(c.session) < 0) {
        status = failed(rt_session_error(c.session));
    } else {
        talk(&c);
        if (c.err < 0) {
            status = failed(rt_session_error(c.session)[0] ? rt_session_error(c.session) : rt_error_text(c.err));
        }
    }
    err = rt_session_free(c.session);
    return err < 0 ? failed(rt_error_text(err)) : status;
}

static int text_settings(struct rt_settings **ret)
{
    int err = rt_settings_new(ret);
    return err < 0 ? err : rt_settings_set_json(*ret, "modalities", "[\"text\"]");
}

static int chat(struct rt_runner_opts *o, const struct rt_session_opts *session)
{
    struct rt_settings *settings = NULL;
    struct rt_runner *runner = NULL;
    char *err_text = calloc(1, ERR_BYTES);
    int err = err_text ? text_settings(&settings) : -ENOMEM;
    o->settings = settings;
    if (err >= 0) {
        err = rt_runner_new(o, &runner, err_text, ERR_BYTES);
    }
    int status =
        err >= 0 ? run_session(runner, session) : failed(err_text && *err_text ? err_text : rt_error_text(err));
    if (err == -RT_ERR_CONFIG) {
        status = STATUS_USAGE;
    }
    ignore_result(rt_runner_free(runner) < 0); /* its session is gone */
    rt_settings_free(settings);
    free(err_text);
    return status;
}

/* Cuts NAME=VALUE at the sign; the arguments are ours to change. */
static bool add_var(char *text, struct rt_header *vars, struct rt_session_opts *s)
{
    char *eq = strchr(text, '=');
    if (!eq || eq == text || s->variable_count == MAX_VARS) {
        return false;
    }
    *eq = '\0';
    vars[s->variable_count++] = (struct rt_header){text, eq + 1};
    s->variables = vars;
    return true;
}

int cmd_chat(int argc, char **argv)
{
    struct rt_runner_opts o;
    struct rt_session_opts s;
    struct rt_header vars[MAX_VARS];
    struct args a;
    const char *value = NULL;
    int got;
    rt_runner_opts_init(&o);
    rt_session_opts_init(&s);
    s.connect_ms = CONNECT_MS;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        switch (got) {
        case OPT_AGENT:
            o.agent_name = value;
            break;
        case OPT_CONFIG:
            o.config_file = value;
            break;
        case OPT_ENV_FILE:
            o.env_file = value;
            break;
        case OPT_FROM:
            s.user = value;
            break;
        case OPT_TO:
            s.called = value;
            break;
        case OPT_VAR:
            if (!add_var((char *)(uintptr_t)value, vars, &s)) {
                return usage_error("chat", "--var wants NAME=VALUE, at most 32 times, not", value);
            }
            break;
        case OPT_HELP:
            return usage_help(usage);
        case ARGS_WORD:
            return usage_error("chat", "unexpected argument", value);
        default:
            return STATUS_USAGE;
        }
    }
    return chat(&o, &s);
}
