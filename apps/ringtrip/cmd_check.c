#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "command.h"
#include "gateway/check.h"

static const char usage[] =
    "usage: ringtrip check [-c FILE] [--env-file FILE] [--offline] [--timeout S] [--json] [--print]\n"
    "       ringtrip check [-c FILE] [--called NUMBER] [--caller NUMBER] [--header NAME=VALUE]...\n"
    "                      [--parameter NAME=VALUE]... [--at TIME]\n\n"
    "Looks, without serving, at the configuration; at keys, models and connect times, by opening a session with each\n"
    "provider; at the carrier's account; at the public URL from outside, with its WebSocket upgrade; at certificate,\n"
    "store, disk, port, tools. Each finding passes, warns or fails, and says what to do. It changes nothing. With a\n"
    "call: which agent would take it, by which route, over which provider, with which tools.\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --offline           asks nobody outside of this machine\n"
    "  --timeout S         how long each answer from outside may take; 1 to 60, default 10\n"
    "  --json              {\"findings\": [{\"level\", \"subject\", \"text\", \"remedy\"}], \"level\", \"ok\"}; a "
    "level is\n"
    "                      pass, warn or fail\n"
    "  --print             the effective configuration as YAML, secrets masked, and nothing else\n"
    "  --called, --caller  numbers of a call; --outbound when we place it\n"
    "  --header, --parameter  what else the carrier says of it\n"
    "  --at TIME           when it comes, 2026-12-24T09:30, by the configuration's time_zone; default: now\n\n"
    "Exit status: 0 all passes, 1 something warns, 2 something fails, or usage.\n";

enum {
    OPT_CONFIG,
    OPT_ENV_FILE,
    OPT_JSON,
    OPT_PRINT,
    OPT_OFFLINE,
    OPT_TIMEOUT,
    OPT_CALLED,
    OPT_CALLER,
    OPT_OUTBOUND,
    OPT_HEADER,
    OPT_PARAMETER,
    OPT_AT,
    OPT_HELP
};
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true},       [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_JSON] = {"--json", NULL, false},          [OPT_PRINT] = {"--print", NULL, false},
    [OPT_OFFLINE] = {"--offline", NULL, false},    [OPT_TIMEOUT] = {"--timeout", NULL, true},
    [OPT_CALLED] = {"--called", NULL, true},       [OPT_CALLER] = {"--caller", NULL, true},
    [OPT_OUTBOUND] = {"--outbound", NULL, false},  [OPT_HEADER] = {"--header", NULL, true},
    [OPT_PARAMETER] = {"--parameter", NULL, true}, [OPT_AT] = {"--at", NULL, true},
    [OPT_HELP] = {"--help", "-h", false},
};

struct output {
    bool json;
    bool colour;
    struct buf buf;
    struct json_w w;
};

static void on_finding(const struct check_finding *f, void *arg)
{
    static const char *const colours[CHECK_LEVEL_N] = {"\033[32m", "\033[33m", "\033[31m"};
    struct output *out = arg;
    if (out->json) {
        json_w_open(&out->w);
        json_w_kz(&out->w, "level", check_level_word(f->level));
        json_w_kz(&out->w, "subject", f->subject);
        json_w_kstr(&out->w, "text", f->text);
        json_w_kstr(&out->w, "remedy", f->remedy);
        json_w_close(&out->w);
        return;
    }
    buf_printf(&out->buf, "%s%s%s  %s: " STR_FMT "\n", out->colour ? colours[f->level] : "", check_level_word(f->level),
               out->colour ? "\033[0m" : "", f->subject, STR_ARG(f->text));
    if (f->remedy.n > 0) {
        buf_printf(&out->buf, "      -> " STR_FMT "\n", STR_ARG(f->remedy));
    }
}

enum { EXIT_WARNS = 1, EXIT_FAILS = 2 };

#define MAX_PAIRS 32

/* A call that is asked about. */
struct question {
    bool asked;
    struct check_question q;
    struct when_pair headers[MAX_PAIRS], parameters[MAX_PAIRS];
};

static bool add_pair(struct when_pair *pairs, uint32_t *n, const char *text)
{
    struct str s = str_from(text);
    size_t equals = str_find(s, '=');
    if (equals == 0 || equals == s.n || *n == MAX_PAIRS) {
        return false;
    }
    pairs[(*n)++] = (struct when_pair){{s.p, equals}, {s.p + equals + 1, s.n - equals - 1}};
    return true;
}

/* False: not one of its options, or wrong. */
static bool ask(struct question *q, int option, const char *value)
{
    q->asked = true;
    switch (option) {
    case OPT_CALLED:
        q->q.facts.called = str_from(value);
        return true;
    case OPT_CALLER:
        q->q.facts.caller = str_from(value);
        return true;
    case OPT_OUTBOUND:
        q->q.facts.direction = STR("outbound");
        return true;
    case OPT_HEADER:
        return add_pair(q->headers, &q->q.facts.n_headers, value);
    case OPT_PARAMETER:
        return add_pair(q->parameters, &q->q.facts.n_parameters, value);
    case OPT_AT:
        q->q.at = str_from(value);
        return true;
    default:
        return false;
    }
}

static int check(const struct config_source *source, const struct question *q, const struct check_opts *opts, bool json)
{
    struct output out = {.json = json, .colour = !json && isatty(STDOUT_FILENO)};
    struct check_opts o = *opts;
    o.question = q->asked ? &q->q : NULL;
    buf_init(&out.buf, 4u << 20);
    out.w = json_w(&out.buf);
    if (json) {
        json_w_open(&out.w);
        json_w_key(&out.w, "findings");
        json_w_array(&out.w);
    }
    enum check_level worst = check_run(source, &o, on_finding, &out);
    if (json) {
        json_w_end(&out.w);
        json_w_kz(&out.w, "level", check_level_word(worst));
        json_w_kbool(&out.w, "ok", worst != CHECK_ERROR);
        json_w_close(&out.w);
        buf_putc(&out.buf, '\n');
    }
    bool written = out.buf.err == 0 && fwrite(buf_ptr(&out.buf), 1, out.buf.len, stdout) == out.buf.len;
    buf_done(&out.buf);
    return !written ? EXIT_FAILS : worst == CHECK_ERROR ? EXIT_FAILS : worst == CHECK_WARNING ? EXIT_WARNS : STATUS_OK;
}

static int print(const struct config_source *source)
{
    struct config *cfg = NULL;
    struct buf out;
    buf_init(&out, 4u << 20);
    int err = config_load(source, &out, &cfg);
    if (err >= 0) {
        buf_clear(&out);
        config_dump_masked(cfg, &out);
    }
    FILE *f = err < 0 ? stderr : stdout;
    bool written = fwrite(buf_ptr(&out), 1, out.len, f) == out.len;
    config_unref(cfg);
    buf_done(&out);
    return err < 0 || !written ? EXIT_FAILS : STATUS_OK;
}

int cmd_check(int argc, char **argv)
{
    struct config_source source = {0};
    struct question q = {.q.facts = {.carrier = STR("twilio"), .direction = STR("inbound")}};
    struct check_opts opts = {0};
    bool json = false;
    bool dump = false;
    int64_t seconds = 0;
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        switch (got) {
        case OPT_CONFIG:
            source.path = value;
            break;
        case OPT_ENV_FILE:
            source.dotenv_path = value;
            break;
        case OPT_JSON:
            json = true;
            break;
        case OPT_PRINT:
            dump = true;
            break;
        case OPT_OFFLINE:
            opts.offline = true;
            break;
        case OPT_TIMEOUT:
            if (str_to_i64(str_from(value), &seconds) < 0 || seconds < 1 || seconds > 60) {
                return usage_error("check", "--timeout must be 1 to 60 seconds, not", value);
            }
            opts.patience_ms = (uint32_t)seconds * 1000;
            break;
        case OPT_HELP:
            return usage_help(usage);
        case ARGS_WORD:
            return usage_error("check", "unexpected argument", value);
        case OPT_CALLED:
        case OPT_CALLER:
        case OPT_OUTBOUND:
        case OPT_HEADER:
        case OPT_PARAMETER:
        case OPT_AT:
            if (!ask(&q, got, value)) {
                return usage_error("check", "not NAME=VALUE", value);
            }
            break;
        default:
            return STATUS_USAGE;
        }
    }
    q.q.facts.headers = q.headers;
    q.q.facts.parameters = q.parameters;
    return dump ? print(&source) : check(&source, &q, &opts, json);
}
