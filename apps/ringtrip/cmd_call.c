/* ringtrip call: asks a gateway that runs to call somebody, and follows what becomes of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/control_client.h"

#define WAIT_MAX_S    7200
#define VARIABLES_MAX 32

static const char usage[] =
    "usage: ringtrip call NUMBER [--agent NAME] [--reason TEXT] [--variable NAME=VALUE]... [--wait] [--json]\n\n"
    "Makes a call through a gateway that runs. It is asked over HTTP: at server.listen of the configuration, with the\n"
    "first of server.tokens, unless --url and --token say otherwise. NUMBER as people write it: +1 555 123 4567, or a\n"
    "number of DEFAULT_COUNTRY_CODE.\n\n"
    "  -c, --config FILE      YAML configuration; without: environment and defaults\n"
    "  --env-file FILE        read before the environment; default: .env in this folder, if there is one\n"
    "  --url URL              where the gateway is: http://host:port\n"
    "  --token TOKEN          one of its server.tokens\n"
    "  -a, --agent NAME       who speaks; without: as the routes say\n"
    "  -r, --reason TEXT      why we call: {{opening_reason}}\n"
    "  --objective TEXT       what the call is to reach: {{objective}}\n"
    "  --context TEXT         what else the agent should know: {{context}}\n"
    "  -v, --variable N=V     one more variable of the agent's texts\n"
    "  --campaign NAME        kept with the record\n"
    "  --from NUMBER          caller id; without: the carrier's number\n"
    "  --carrier NAME         twilio or plivo; without: outbound.carrier\n"
    "  --ring SECONDS         how long it may ring\n"
    "  --on-machine WORD      talk, hangup or voicemail\n"
    "  --voicemail TEXT       what is left on a machine\n"
    "  --key TEXT             idempotency key: asked twice, called once\n"
    "  -w, --wait             until the call is over; says how it went\n"
    "  --json                 for programs\n\n"
    "Exit status: 0 the call was taken, with --wait: somebody or something answered; 1 it was refused, with --wait:\n"
    "nobody answered; 2 usage or configuration.\n";

enum {
    OPT_CONFIG,
    OPT_ENV_FILE,
    OPT_URL,
    OPT_TOKEN,
    OPT_AGENT,
    OPT_REASON,
    OPT_OBJECTIVE,
    OPT_CONTEXT,
    OPT_VARIABLE,
    OPT_CAMPAIGN,
    OPT_FROM,
    OPT_CARRIER,
    OPT_RING,
    OPT_ON_MACHINE,
    OPT_VOICEMAIL,
    OPT_KEY,
    OPT_WAIT,
    OPT_JSON,
    OPT_HELP,
    OPT_N
};

static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true},
    [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_URL] = {"--url", NULL, true},
    [OPT_TOKEN] = {"--token", NULL, true},
    [OPT_AGENT] = {"--agent", "-a", true},
    [OPT_REASON] = {"--reason", "-r", true},
    [OPT_OBJECTIVE] = {"--objective", NULL, true},
    [OPT_CONTEXT] = {"--context", NULL, true},
    [OPT_VARIABLE] = {"--variable", "-v", true},
    [OPT_CAMPAIGN] = {"--campaign", NULL, true},
    [OPT_FROM] = {"--from", NULL, true},
    [OPT_CARRIER] = {"--carrier", NULL, true},
    [OPT_RING] = {"--ring", NULL, true},
    [OPT_ON_MACHINE] = {"--on-machine", NULL, true},
    [OPT_VOICEMAIL] = {"--voicemail", NULL, true},
    [OPT_KEY] = {"--key", NULL, true},
    [OPT_WAIT] = {"--wait", "-w", false},
    [OPT_JSON] = {"--json", NULL, false},
    [OPT_HELP] = {"--help", "-h", false},
};

/* The member of the request that a text option is. */
static const char *const members[OPT_N] = {
    [OPT_AGENT] = "agent",         [OPT_REASON] = "opening_reason", [OPT_OBJECTIVE] = "objective",
    [OPT_CONTEXT] = "context",     [OPT_CAMPAIGN] = "campaign_id",  [OPT_FROM] = "from",
    [OPT_CARRIER] = "carrier",     [OPT_ON_MACHINE] = "on_machine", [OPT_VOICEMAIL] = "voicemail",
    [OPT_KEY] = "idempotency_key",
};

struct request {
    struct control_request control;
    const char *number;
    const char *texts[OPT_N];
    const char *variables[VARIABLES_MAX];
    uint32_t n_variables;
    int64_t ring_s;
    bool wait, json, help;
};

static int take_value(struct request *r, int got, const char *value)
{
    if (got == OPT_VARIABLE) {
        if (r->n_variables == VARIABLES_MAX || !strchr(value, '=') || value[0] == '=') {
            return usage_error("call", r->n_variables == VARIABLES_MAX ? "too many variables at" : "NAME=VALUE, not",
                               value);
        }
        r->variables[r->n_variables++] = value;
    } else if (got == OPT_RING) {
        if (str_to_i64(str_from(value), &r->ring_s) < 0 || r->ring_s < 1) {
            return usage_error("call", "a number of seconds, not", value);
        }
    } else {
        r->texts[got] = value;
    }
    return 0;
}

static int take_option(struct request *r, int got, const char *value)
{
    switch (got) {
    case OPT_CONFIG:
        r->control.source.path = value;
        return 0;
    case OPT_ENV_FILE:
        r->control.source.dotenv_path = value;
        return 0;
    case OPT_URL:
        r->control.url = value;
        return 0;
    case OPT_TOKEN:
        r->control.token = value;
        return 0;
    case OPT_WAIT:
        r->wait = true;
        return 0;
    case OPT_JSON:
        r->json = true;
        return 0;
    case OPT_HELP:
        r->help = true;
        return 0;
    default:
        return take_value(r, got, value);
    }
}

static int read_request(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_BAD) {
            return STATUS_USAGE;
        }
        if (got == ARGS_WORD && r->number) {
            return usage_error("call", "unexpected argument", value);
        }
        if (got == ARGS_WORD) {
            r->number = value;
        } else if (take_option(r, got, value) != 0) {
            return STATUS_USAGE;
        }
    }
    return r->help || r->number ? STATUS_OK : usage_error("call", "the NUMBER is missing", NULL);
}

static void put_body(const struct request *r, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "to", r->number);
    for (size_t i = 0; i < OPT_N; i++) {
        if (members[i] && r->texts[i]) {
            json_w_kz(&w, members[i], r->texts[i]);
        }
    }
    if (r->ring_s > 0) {
        json_w_ki64(&w, "ring_s", r->ring_s);
    }
    if (r->n_variables > 0) {
        json_w_key(&w, "variables");
        json_w_open(&w);
        for (uint32_t i = 0; i < r->n_variables; i++) {
            struct str all = str_from(r->variables[i]);
            size_t at = str_find(all, '=');
            buf_puts(out, i ? "," : "");
            json_put_quoted(out, (struct str){all.p, at});
            buf_putc(out, ':');
            json_put_quoted(out, (struct str){all.p + at + 1, all.n - at - 1});
        }
        json_w_close(&w);
    }
    json_w_close(&w);
}

/* ---- answers ---- */

static struct str text_at(struct str body, const char *path, char *room, size_t cap)
{
    struct json_val doc;
    struct json_val v = {0};
    if (json_parse(body, &doc) >= 0) {
        v = json_path(doc, path);
    }
    return v.type == JSON_STRING && json_copy_str(v, room, cap) >= 0 ? str_from(room) : STR("");
}

static int refused(const struct request *r, struct str body, int status)
{
    char text[1024];
    struct str why = text_at(body, "error", text, sizeof(text));
    if (r->json) {
        ignore_result(printf(STR_FMT "\n", STR_ARG(body)) < 0);
    }
    ignore_result(
        fprintf(stderr, "ringtrip call: " STR_FMT " (HTTP %d)\n", STR_ARG(why.n ? why : STR("refused")), status) < 0);
    return STATUS_FAILED;
}

static void pause_1s(void)
{
    struct timespec t = {.tv_sec = 1};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {
        continue;
    }
}

/* What is known of the call now; negative: no answer, said on standard error. */
static int ask_record(struct request *r, const char *id, struct buf *out)
{
    char path[128];
    struct buf why;
    buf_init(&why, 8192);
    buf_clear(out, 0);
    r->control.method = "GET";
    r->control.body = STR("");
    r->control.path = path;
    int n = snprintf(path, sizeof(path), "/v1/calls/%s", id);
    int status = n > 0 && (size_t)n < sizeof(path) ? control_ask(&r->control, out, &why) : -EINVAL;
    if (status != 200) {
        ignore_result(fprintf(stderr, "ringtrip call: " STR_FMT "\n",
                              STR_ARG(why.len ? buf_str(&why) : STR("the gateway does not know the call"))) < 0);
    }
    buf_done(&why);
    return status == 200 ? 0 : -ENOENT;
}

static void print_end(struct str body, struct str outcome)
{
    char by[32];
    char cause[80];
    char reason[64];
    struct json_val doc;
    int64_t ms = 0;
    int64_t talk_s = 0;
    if (json_parse(body, &doc) >= 0) {
        ignore_result(json_to_i64(json_get(doc, "duration_ms"), &ms));
        ignore_result(json_to_i64(json_path(doc, "dial.talk_s"), &talk_s));
    }
    struct str who = text_at(body, "dial.answered_by", by, sizeof(by));
    struct str why = text_at(body, "dial.cause", cause, sizeof(cause));
    struct str ended = text_at(body, "reason", reason, sizeof(reason));
    ignore_result(printf("outcome=" STR_FMT "%s" STR_FMT " duration_s=%lld cause=" STR_FMT " reason=" STR_FMT "\n",
                         STR_ARG(outcome), who.n ? " answered_by=" : "", STR_ARG(who),
                         (long long)(talk_s ? talk_s : ms / 1000), STR_ARG(why), STR_ARG(ended)) < 0);
}

/* Follows the record until it says how the call went. */
static int follow(struct request *r, const char *id)
{
    char status[32] = "initiated";
    char now[32];
    char outcome[32];
    struct buf body;
    int result = STATUS_FAILED;
    buf_init(&body, 16u << 20);
    for (int i = 0; i < WAIT_MAX_S; i++) {
        pause_1s();
        if (ask_record(r, id, &body) < 0) {
            break;
        }
        struct str s = text_at(buf_str(&body), "status", now, sizeof(now));
        if (!r->json && !str_is(s, status)) {
            ignore_result(printf("%s\n", now) < 0);
            ignore_result(fflush(stdout));
            memcpy(status, now, sizeof(status));
        }
        struct str how = text_at(buf_str(&body), "dial.outcome", outcome, sizeof(outcome));
        struct str over = text_at(buf_str(&body), "ended_at", now, sizeof(now));
        if (how.n > 0 && over.n > 0) {
            if (r->json) {
                ignore_result(printf(STR_FMT "\n", STR_ARG(buf_str(&body))) < 0);
            } else {
                print_end(buf_str(&body), how);
            }
            bool reached = str_is(how, "answered") || str_is(how, "voicemail") || str_is(how, "machine");
            result = reached ? STATUS_OK : STATUS_FAILED;
            break;
        }
    }
    buf_done(&body);
    return result;
}

static int make_call(struct request *r)
{
    struct buf body;
    struct buf answer;
    struct buf why;
    char id[80];
    int result = STATUS_FAILED;
    buf_init(&body, 256u << 10);
    buf_init(&answer, 1u << 20);
    buf_init(&why, 8192);
    put_body(r, &body);
    r->control.method = "POST";
    r->control.path = "/v1/calls";
    r->control.body = buf_str(&body);
    int status = body.err ? body.err : control_ask(&r->control, &answer, &why);
    if (status < 0) {
        ignore_result(fprintf(stderr, "ringtrip call: " STR_FMT "\n", STR_ARG(buf_str(&why))) < 0);
        result = status == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
    } else if (status / 100 != 2 || text_at(buf_str(&answer), "call_id", id, sizeof(id)).n == 0) {
        result = refused(r, buf_str(&answer), status);
    } else {
        if (r->json && !r->wait) {
            ignore_result(printf(STR_FMT "\n", STR_ARG(buf_str(&answer))) < 0);
        } else if (!r->json) {
            ignore_result(printf("call_id=%s\n", id) < 0);
            ignore_result(fflush(stdout));
        }
        result = r->wait ? follow(r, id) : STATUS_OK;
    }
    buf_done(&body);
    buf_done(&answer);
    buf_done(&why);
    return result;
}

int cmd_call(int argc, char **argv)
{
    struct request r = {0};
    int status = read_request(&r, argc, argv);
    if (r.help) {
        return usage_help(usage);
    }
    return status == STATUS_OK ? make_call(&r) : status;
}
