#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "command.h"
#include "gateway/gateway.h"

static const char usage[] =
    "usage: ringtrip serve [-c FILE] [--env-file FILE] [--port PORT] [--mode MODE]\n\n"
    "Answers calls until SIGINT or SIGTERM; live calls may then end by themselves (deadlines.drain_ms), a second "
    "signal\n"
    "ends them at once. SIGHUP reads the configuration and the certificate again.\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --port PORT         instead of the configured port; 0: any free one\n"
    "  --mode MODE         both, inbound (it never dials) or outbound (calls that come in are refused)\n\n"
    "Exit status: 0 stopped as asked, 1 it could not serve, 2 usage or configuration.\n";

enum { OPT_CONFIG, OPT_ENV_FILE, OPT_PORT, OPT_MODE, OPT_HELP };
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true}, [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_PORT] = {"--port", "-p", true},     [OPT_MODE] = {"--mode", NULL, true},
    [OPT_HELP] = {"--help", "-h", false},
};

static void on_stop(int signo UNUSED, void *arg)
{
    gateway_stop(arg, 0);
}

static void on_reload(int signo UNUSED, void *arg)
{
    gateway_reload(arg);
}

static int serve(const struct gateway_opts *o)
{
    struct gateway *gw = NULL;
    struct buf err;
    buf_init(&err, 64u << 10);
    int e = gateway_open(o, &err, &gw);
    if (e >= 0) {
        struct loop *loop = gateway_loop(gw);
        e = loop_on_signal(loop, SIGINT, on_stop, gw);
        if (e >= 0) {
            e = loop_on_signal(loop, SIGTERM, on_stop, gw);
        }
        if (e >= 0) {
            e = loop_on_signal(loop, SIGHUP, on_reload, gw);
        }
        if (e >= 0) {
            gateway_run(gw);
        }
        gateway_free(gw);
    }
    if (e < 0) {
        const char *text = err.len > 0 ? buf_cstr(&err) : NULL;
        ignore_result(fprintf(stderr, "ringtrip serve: %s\n", text ? text : err_text(e)) < 0);
    }
    buf_done(&err);
    return e >= 0 ? STATUS_OK : e == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
}

static bool read_port(const char *text, uint16_t *ret)
{
    int64_t v = 0;
    if (str_to_i64(str_from(text), &v) < 0 || v < 0 || v > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)v;
    return true;
}

/* As if the file said so; NULL: there is no such mode. */
static const struct str *mode_of(const char *word)
{
    static const struct {
        const char *word;
        struct str yaml;
    } modes[] = {
        {"both", {"mode: both", 10}}, {"inbound", {"mode: inbound", 13}}, {"outbound", {"mode: outbound", 14}}};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (str_is(str_from(word), modes[i].word)) {
            return &modes[i].yaml;
        }
    }
    return NULL;
}

int cmd_serve(int argc, char **argv)
{
    struct gateway_opts o = {0};
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        switch (got) {
        case OPT_CONFIG:
            o.config.path = value;
            break;
        case OPT_ENV_FILE:
            o.config.dotenv_path = value;
            break;
        case OPT_PORT:
            o.port_given = read_port(value, &o.port);
            if (!o.port_given) {
                return usage_error("serve", "--port must be a number from 0 to 65535, not", value);
            }
            break;
        case OPT_MODE:
            o.config.over = mode_of(value);
            if (!o.config.over) {
                return usage_error("serve", "--mode must be both, inbound or outbound, not", value);
            }
            break;
        case OPT_HELP:
            return usage_help(usage);
        case ARGS_WORD:
            return usage_error("serve", "unexpected argument", value);
        default:
            return STATUS_USAGE;
        }
    }
    return serve(&o);
}
