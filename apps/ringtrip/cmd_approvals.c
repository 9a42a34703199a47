#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/control_client.h"

static const char usage[] =
    "usage: ringtrip approvals [list] [--json]\n"
    "       ringtrip approvals approve ID [--always]\n"
    "       ringtrip approvals reject ID [--always] [--message TEXT]\n\n"
    "Tools that wait for somebody's yes in calls of a gateway that runs. It is asked over HTTP: at server.listen of "
    "the\n"
    "configuration, with the first of server.tokens, unless --url and --token say otherwise.\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --url URL           where the gateway is: http://host:port\n"
    "  --token TOKEN       one of its server.tokens\n"
    "  --always            decide so for every later use of the tool in this call\n"
    "  --message TEXT      what the model is told of a rejection\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 nothing waits under this ID or no gateway, 2 usage or configuration.\n";

enum { OPT_CONFIG, OPT_ENV_FILE, OPT_URL, OPT_TOKEN, OPT_ALWAYS, OPT_MESSAGE, OPT_JSON, OPT_HELP };
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true},  [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_URL] = {"--url", NULL, true},        [OPT_TOKEN] = {"--token", NULL, true},
    [OPT_ALWAYS] = {"--always", NULL, false}, [OPT_MESSAGE] = {"--message", "-m", true},
    [OPT_JSON] = {"--json", NULL, false},     [OPT_HELP] = {"--help", "-h", false},
};

struct request {
    struct control_request control;
    const char *verb, *id, *message;
    bool always, json, help;
};

static void read_option(struct request *r, int got, const char *value)
{
    switch (got) {
    case OPT_CONFIG:
        r->control.source.path = value;
        break;
    case OPT_ENV_FILE:
        r->control.source.dotenv_path = value;
        break;
    case OPT_URL:
        r->control.url = value;
        break;
    case OPT_TOKEN:
        r->control.token = value;
        break;
    case OPT_ALWAYS:
        r->always = true;
        break;
    case OPT_MESSAGE:
        r->message = value;
        break;
    case OPT_JSON:
        r->json = true;
        break;
    default:
        r->help = true;
        break;
    }
}

static int take_word(struct request *r, const char *word)
{
    if (!r->verb) {
        r->verb = word;
    } else if (!r->id) {
        r->id = word;
    } else {
        return usage_error("approvals", "unexpected argument", word);
    }
    return 0;
}

static int read_request(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_BAD || (got == ARGS_WORD && take_word(r, value) != 0)) {
            return STATUS_USAGE;
        }
        if (got >= 0) {
            read_option(r, got, value);
        }
    }
    struct str verb = str_from(r->verb ? r->verb : "list");
    bool list = str_is(verb, "list");
    if (!list && !str_is(verb, "approve") && !str_is(verb, "reject")) {
        return usage_error("approvals", "list, approve or reject, not", r->verb);
    }
    if (!r->help && list == (r->id != NULL)) {
        return usage_error("approvals", list ? "unexpected argument" : "the ID is missing", r->id);
    }
    return STATUS_OK;
}

/* Text of a member, unescaped; scratch keeps it. */
static struct str text_of(struct json_val v, const char *key, struct buf *scratch)
{
    struct str text = STR("");
    return json_to_str(json_get(v, key), scratch, &text) < 0 ? STR("") : text;
}

/* One line for people; what a caller or a model chose shows no control characters. */
static void print_field(struct str s, int width)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        ignore_result(putchar(ch < 0x20 || ch == 0x7F ? ' ' : ch) < 0);
        n += (ch & 0xC0) != 0x80;
    }
    ignore_result(printf("%*s", width > n ? width - n : 1, "") < 0);
}

static void print_one(struct json_val v)
{
    struct buf scratch;
    char waits[32] = "for ever";
    int64_t expires = 0;
    buf_init(&scratch, 1 << 20);
    if (json_to_i64(json_get(v, "expires_at"), &expires) >= 0) {
        long long left = (long long)expires - (long long)time(NULL);
        ignore_result(snprintf(waits, sizeof(waits), "%lld s", left > 0 ? left : 0) < 0);
    }
    print_field(text_of(v, "id", &scratch), 22);
    print_field(str_from(waits), 10);
    print_field(text_of(v, "tool", &scratch), 24);
    print_field(text_of(v, "caller", &scratch), 16);
    struct json_val arguments = json_get(v, "arguments");
    print_field(arguments.type == JSON_STRING ? text_of(v, "arguments", &scratch) : arguments.s, 0);
    ignore_result(putchar('\n') < 0);
    buf_done(&scratch);
}

static int print_list(struct str body)
{
    struct json_val doc;
    struct json_val one;
    if (json_parse(body, &doc) < 0) {
        ignore_result(fputs("ringtrip approvals: the answer is no JSON\n", stderr) < 0);
        return STATUS_FAILED;
    }
    struct json_it it = json_array(json_get(doc, "approvals"));
    uint32_t n = 0;
    while (json_elem(&it, &one)) {
        if (n++ == 0) {
            ignore_result(puts("ID                    TIME LEFT TOOL                    CALLER          ARGUMENTS") <
                          0);
        }
        print_one(one);
    }
    if (n == 0) {
        ignore_result(puts("nothing waits") < 0);
    }
    return STATUS_OK;
}

static void put_decision(const struct request *r, struct buf *body)
{
    struct json_w w = json_w(body);
    json_w_open(&w);
    json_w_kz(&w, "decision", r->verb);
    json_w_kbool(&w, "always", r->always);
    if (r->message) {
        json_w_kz(&w, "message", r->message);
    }
    json_w_close(&w);
}

/* The sentence of an error answer, else the status. */
static int tell_refusal(int status, struct str body)
{
    struct json_val doc;
    struct buf scratch;
    struct str text = STR("");
    buf_init(&scratch, 1 << 16);
    if (json_parse(body, &doc) >= 0) {
        text = text_of(doc, "error", &scratch);
    }
    ignore_result(
        fprintf(stderr, "ringtrip approvals: status %d%s" STR_FMT "\n", status, text.n ? ": " : "", STR_ARG(text)) < 0);
    buf_done(&scratch);
    return STATUS_FAILED;
}

static int show(const struct request *r, int status, struct str body)
{
    if (status != 200) {
        return tell_refusal(status, body);
    }
    if (r->json) {
        return printf(STR_FMT "\n", STR_ARG(body)) < 0 ? STATUS_FAILED : STATUS_OK;
    }
    if (!r->id) {
        return print_list(body);
    }
    return puts(r->verb[0] == 'a' ? "approved" : "rejected") < 0 ? STATUS_FAILED : STATUS_OK;
}

int cmd_approvals(int argc, char **argv)
{
    struct request r = {.control = {.method = "GET", .path = "/v1/approvals"}};
    char path[160];
    struct buf body, out, err;
    int status = read_request(&r, argc, argv);
    if (status != STATUS_OK || r.help) {
        return r.help && status == STATUS_OK ? usage_help(usage) : status;
    }
    buf_init(&body, 1 << 16);
    buf_init(&out, 64u << 20);
    buf_init(&err, 1 << 16);
    if (r.id) {
        int n = snprintf(path, sizeof(path), "/v1/approvals/%s", r.id);
        put_decision(&r, &body);
        r.control.method = "POST";
        r.control.path = path;
        r.control.body = buf_str(&body);
        status = n < 0 || (size_t)n >= sizeof(path) ? usage_error("approvals", "that is no ID", NULL) : STATUS_OK;
    }
    if (status == STATUS_OK) {
        int got = control_ask(&r.control, &out, &err);
        if (got < 0) {
            ignore_result(fprintf(stderr, "ringtrip approvals: %s\n", buf_cstr(&err)) < 0);
            status = got == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
        } else {
            status = show(&r, got, buf_str(&out));
        }
    }
    buf_done(&body);
    buf_done(&out);
    buf_done(&err);
    return status;
}
