/* ringtrip call: asks a gateway that runs to call somebody, and follows what becomes of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "base/err.h"
#include "remote_command.h"

#define WAIT_MAX_S    7200
#define VARIABLES_MAX 32

static const char usage[] =
    "usage: ringtrip call NUMBER [--agent NAME] [--reason TEXT] [--variable NAME=VALUE]... [--wait] [--json]\n\n"
    "Makes a call through a gateway that runs. It is asked over HTTP: at server.listen of the configuration, with the\n"
    "first of server.tokens, unless --url and --token say otherwise. NUMBER as people write it: +1 555 123 4567, or a\n"
    "number of DEFAULT_COUNTRY_CODE.\n\n" REMOTE_USAGE "  -a, --agent NAME    who speaks; without: as the routes say\n"
    "  -r, --reason TEXT   why we call: {{opening_reason}}\n"
    "  --objective TEXT    what the call is to reach: {{objective}}\n"
    "  --context TEXT      what else the agent should know: {{context}}\n"
    "  -v, --variable N=V  one more variable of the agent's texts\n"
    "  --campaign NAME     kept with the record\n"
    "  --from NUMBER       caller id; without: the carrier's number\n"
    "  --carrier NAME      twilio or plivo; without: outbound.carrier\n"
    "  --ring SECONDS      how long it may ring\n"
    "  --on-machine WORD   talk, hangup or voicemail\n"
    "  --voicemail TEXT    what is left on a machine\n"
    "  --voicemail-sound NAME  a recording of outbound.sounds in its place\n"
    "  --consent TEXT      said to who answers, before the agent: 1 goes on, 2 or nothing ends it\n"
    "  --consent-sound NAME  a recording of outbound.sounds in its place\n"
    "  --key TEXT          idempotency key: asked twice, called once\n"
    "  -w, --wait          until the call is over; says how it went\n"
    "  --json              for programs\n\n"
    "Exit status: 0 the call was taken, with --wait: somebody or something answered; 1 it was refused, with --wait:\n"
    "nobody answered, or did not consent; 2 usage or configuration.\n";

enum {
    OPT_AGENT = REMOTE_OPT_N,
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
    OPT_VOICEMAIL_SOUND,
    OPT_CONSENT,
    OPT_CONSENT_SOUND,
    OPT_KEY,
    OPT_WAIT,
    OPT_N
};

static const struct option options[] = {
    REMOTE_OPTIONS,
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
    [OPT_VOICEMAIL_SOUND] = {"--voicemail-sound", NULL, true},
    [OPT_CONSENT] = {"--consent", NULL, true},
    [OPT_CONSENT_SOUND] = {"--consent-sound", NULL, true},
    [OPT_KEY] = {"--key", NULL, true},
    [OPT_WAIT] = {"--wait", "-w", false},
};

/* The member of the request that a text option is. */
static const char *const members[OPT_N] = {
    [OPT_AGENT] = "agent",          [OPT_REASON] = "opening_reason",
    [OPT_OBJECTIVE] = "objective",  [OPT_CONTEXT] = "context",
    [OPT_CAMPAIGN] = "campaign_id", [OPT_FROM] = "from",
    [OPT_CARRIER] = "carrier",      [OPT_ON_MACHINE] = "on_machine",
    [OPT_VOICEMAIL] = "voicemail",  [OPT_VOICEMAIL_SOUND] = "voicemail_sound",
    [OPT_KEY] = "idempotency_key",
};

struct request {
    struct remote remote;
    const char *number;
    const char *texts[OPT_N];
    const char *variables[VARIABLES_MAX];
    uint32_t n_variables;
    int64_t ring_s;
    bool wait;
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

static int take_option(void *arg, int option, const char *value)
{
    struct request *r = arg;
    if (option < REMOTE_OPT_N) {
        return remote_option(&r->remote, option, value);
    }
    if (option == OPT_WAIT) {
        r->wait = true;
        return 0;
    }
    return take_value(r, option, value);
}

/* Both: the gateway says that only one will do. */
static void put_consent(struct json_w *w, const char *prompt, const char *sound)
{
    if (!prompt && !sound) {
        return;
    }
    json_w_key(w, "consent");
    json_w_open(w);
    if (prompt) {
        json_w_kz(w, "prompt", prompt);
    }
    if (sound) {
        json_w_kz(w, "sound", sound);
    }
    json_w_close(w);
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
    put_consent(&w, r->texts[OPT_CONSENT], r->texts[OPT_CONSENT_SOUND]);
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

static void pause_1s(void)
{
    struct timespec t = {.tv_sec = 1};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {
        continue;
    }
}

static void print_end(struct json_val doc, struct str outcome)
{
    char by[32];
    char cause[80];
    char reason[64];
    int64_t talk_s = answer_i64(doc, "dial.talk_s");
    struct str who = answer_str(doc, "dial.answered_by", by, sizeof(by));
    struct str why = answer_str(doc, "dial.cause", cause, sizeof(cause));
    struct str ended = answer_str(doc, "reason", reason, sizeof(reason));
    ignore_result(printf("outcome=" STR_FMT "%s" STR_FMT " duration_s=%lld cause=" STR_FMT " reason=" STR_FMT "\n",
                         STR_ARG(outcome), who.n ? " answered_by=" : "", STR_ARG(who),
                         (long long)(talk_s ? talk_s : answer_i64(doc, "duration_ms") / 1000), STR_ARG(why),
                         STR_ARG(ended)) < 0);
}

/* Prints the record when it says how the call went; FRAME_GO: not yet. */
static int look(const struct request *r, struct buf *body, char *status, size_t status_cap)
{
    char now[32];
    char over[40];
    char outcome[32];
    struct json_val doc;
    if (json_parse(buf_str(body), &doc) < 0) {
        return frame_complain(&r->remote.frame, "the answer is no JSON", STATUS_FAILED);
    }
    struct str s = answer_str(doc, "status", now, sizeof(now));
    if (!r->remote.json && !str_is(s, status) && s.n < status_cap) {
        ignore_result(printf("%s\n", now) < 0);
        ignore_result(fflush(stdout));
        memcpy(status, now, s.n + 1);
    }
    struct str how = answer_str(doc, "dial.outcome", outcome, sizeof(outcome));
    if (how.n == 0 || answer_str(doc, "ended_at", over, sizeof(over)).n == 0) {
        return FRAME_GO;
    }
    if (r->remote.json) {
        buf_putc(body, '\n');
        ignore_result(frame_print(body)); /* the status tells how the call went */
    } else {
        print_end(doc, how);
    }
    bool reached = str_is(how, "answered") || str_is(how, "voicemail") || str_is(how, "machine");
    return reached ? STATUS_OK : STATUS_FAILED;
}

/* Follows the record until it says how the call went. */
static int follow(const struct request *r, const char *id)
{
    char status[32] = "initiated";
    char path[128];
    struct buf body;
    int n = snprintf(path, sizeof(path), "/v1/calls/%s", id);
    int result = n > 0 && (size_t)n < sizeof(path) ? FRAME_GO : STATUS_FAILED;
    buf_init(&body, REMOTE_ANSWER_MAX);
    for (int i = 0; i < WAIT_MAX_S && result == FRAME_GO; i++) {
        pause_1s();
        result = remote_ask(&r->remote, "GET", path, STR(""), &body);
        result = result == STATUS_OK ? look(r, &body, status, sizeof(status)) : result;
    }
    buf_done(&body);
    return result == FRAME_GO ? frame_complain(&r->remote.frame, "the call lasts too long to wait for", STATUS_FAILED)
                              : result;
}

static int make_call(const struct request *r)
{
    struct buf body;
    struct buf answer;
    struct json_val doc;
    char id[80];
    buf_init(&body, 256u << 10);
    buf_init(&answer, REMOTE_ANSWER_MAX);
    put_body(r, &body);
    int result = body.err ? usage_error("call", "the texts are too long", NULL)
                          : remote_ask(&r->remote, "POST", "/v1/calls", buf_str(&body), &answer);
    if (result != STATUS_OK) {
        buf_done(&body);
        buf_done(&answer);
        return result;
    }
    if (json_parse(buf_str(&answer), &doc) < 0 || answer_str(doc, "call_id", id, sizeof(id)).n == 0) {
        result = frame_complain(&r->remote.frame, "the answer names no call", STATUS_FAILED);
    } else if (r->remote.json && !r->wait) {
        buf_putc(&answer, '\n');
        result = frame_print(&answer);
    } else {
        if (!r->remote.json) {
            ignore_result(printf("call_id=%s\n", id) < 0);
            ignore_result(fflush(stdout));
        }
        result = r->wait ? follow(r, id) : STATUS_OK;
    }
    buf_done(&body);
    buf_done(&answer);
    return result;
}

int cmd_call(int argc, char **argv)
{
    static const struct frame_command command = {
        .name = "call",
        .usage = usage,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .max_words = 1,
        .option = take_option,
    };
    struct request r = {0};
    int status = frame_read(&command, &r.remote.frame, argc, argv, &r);
    if (status != FRAME_GO) {
        return status;
    }
    r.number = r.remote.frame.words[0];
    return r.number ? make_call(&r) : usage_error("call", "the NUMBER is missing", NULL);
}
