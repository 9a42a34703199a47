#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "base/err.h"
#include "remote_command.h"

static const char usage[] =
    "usage: ringtrip approvals [list] [--json]\n"
    "       ringtrip approvals approve ID [--always]\n"
    "       ringtrip approvals reject ID [--always] [--message TEXT]\n\n"
    "Tools that wait for somebody's yes in calls of a gateway that runs. It is asked over HTTP: at server.listen of "
    "the\n"
    "configuration, with the first of server.tokens, unless --url and --token say otherwise.\n\n" REMOTE_USAGE
    "  --always            decide so for every later use of the tool in this call\n"
    "  --message TEXT      what the model is told of a rejection\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 nothing waits under this ID or no gateway, 2 usage or configuration.\n";

enum { OPT_ALWAYS = REMOTE_OPT_N, OPT_MESSAGE };
static const struct option options[] = {
    REMOTE_OPTIONS,
    [OPT_ALWAYS] = {"--always", NULL, false},
    [OPT_MESSAGE] = {"--message", "-m", true},
};

struct request {
    struct remote remote;
    const char *verb, *id, *message; /* id NULL: the list */
    bool always;
};

static int take_option(void *arg, int option, const char *value)
{
    struct request *r = arg;
    switch (option) {
    case OPT_ALWAYS:
        r->always = true;
        return 0;
    case OPT_MESSAGE:
        r->message = value;
        return 0;
    default:
        return remote_option(&r->remote, option, value);
    }
}

static int check_words(struct request *r)
{
    const struct frame *f = &r->remote.frame;
    r->verb = f->n_words > 0 ? f->words[0] : "list";
    r->id = f->words[1];
    struct str verb = str_from(r->verb);
    bool list = str_is(verb, "list");
    if (!list && !str_is(verb, "approve") && !str_is(verb, "reject")) {
        return usage_error("approvals", "list, approve or reject, not", r->verb);
    }
    if (list == (r->id != NULL)) {
        return usage_error("approvals", list ? "unexpected argument" : "the ID is missing", r->id);
    }
    return FRAME_GO;
}

static void put_one(struct buf *out, struct json_val v)
{
    char waits[32] = "for ever";
    int64_t expires = 0;
    if (json_to_i64(json_get(v, "expires_at"), &expires) >= 0) {
        long long left = (long long)expires - (long long)time(NULL);
        ignore_result(snprintf(waits, sizeof(waits), "%lld s", left > 0 ? left : 0) < 0);
    }
    answer_put_text(out, v, "id", 22);
    answer_put_column(out, str_from(waits), 10);
    answer_put_text(out, v, "tool", 24);
    answer_put_text(out, v, "caller", 16);
    struct json_val arguments = json_get(v, "arguments");
    if (arguments.type == JSON_STRING) {
        answer_put_text(out, v, "arguments", 0);
    } else {
        answer_put_column(out, arguments.s, 0);
    }
    buf_putc(out, '\n');
}

static int print_list(const struct request *r, struct str body)
{
    struct json_val doc;
    struct json_val one;
    struct buf out;
    if (json_parse(body, &doc) < 0) {
        return frame_complain(&r->remote.frame, "the answer is no JSON", STATUS_FAILED);
    }
    buf_init(&out, REMOTE_ANSWER_MAX);
    struct json_it it = json_array(json_get(doc, "approvals"));
    while (json_elem(&it, &one)) {
        if (out.len == 0) {
            buf_puts(&out, "ID                    TIME LEFT TOOL                    CALLER          ARGUMENTS\n");
        }
        put_one(&out, one);
    }
    if (out.len == 0) {
        buf_puts(&out, "nothing waits\n");
    }
    int status = frame_print(&out);
    buf_done(&out);
    return status;
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

static int show(const struct request *r, struct buf *answer)
{
    if (r->remote.json) {
        buf_putc(answer, '\n');
        return frame_print(answer);
    }
    if (!r->id) {
        return print_list(r, buf_str(answer));
    }
    return puts(r->verb[0] == 'a' ? "approved" : "rejected") < 0 ? STATUS_FAILED : STATUS_OK;
}

static int ask(const struct request *r)
{
    struct buf path, body, answer;
    buf_init(&path, 4096);
    buf_init(&body, 1u << 20);
    buf_init(&answer, REMOTE_ANSWER_MAX);
    buf_puts(&path, "/v1/approvals");
    if (r->id) {
        buf_putc(&path, '/');
        answer_put_escaped(&path, r->id);
        put_decision(r, &body);
    }
    int status = path.err < 0 || body.err < 0 ? usage_error("approvals", "that is too long", NULL) : STATUS_OK;
    if (status == STATUS_OK) {
        status = remote_ask(&r->remote, r->id ? "POST" : "GET", buf_cstr(&path), buf_str(&body), &answer);
    }
    if (status == STATUS_OK) {
        status = show(r, &answer);
    }
    buf_done(&path);
    buf_done(&body);
    buf_done(&answer);
    return status;
}

int cmd_approvals(int argc, char **argv)
{
    static const struct frame_command command = {
        .name = "approvals",
        .usage = usage,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .max_words = 2,
        .option = take_option,
    };
    struct request r = {0};
    int status = frame_read(&command, &r.remote.frame, argc, argv, &r);
    status = status == FRAME_GO ? check_words(&r) : status;
    return status == FRAME_GO ? ask(&r) : status;
}
