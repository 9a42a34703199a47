#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/archive.h"

static const char usage[] =
    "usage: ringtrip callbacks [list] [--status open|closed|all] [--limit N] [--json]\n"
    "       ringtrip callbacks close ID [--note TEXT] [--json]\n\n"
    "What agents promised to callers by schedule_callback. Reads the record store of the configuration; a gateway may "
    "be\n"
    "running. ID is the number that the caller was given (CB123456).\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --status WORD       open (default), closed or all\n"
    "  --limit N           at most so many, newest first; 1 to 1000, default 100\n"
    "  --note TEXT         kept with the closed callback\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 no such callback, closed before or no store, 2 usage or configuration.\n";

enum { OPT_CONFIG, OPT_ENV_FILE, OPT_STATUS, OPT_LIMIT, OPT_NOTE, OPT_JSON, OPT_HELP };
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true}, [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_STATUS] = {"--status", NULL, true}, [OPT_LIMIT] = {"--limit", "-n", true},
    [OPT_NOTE] = {"--note", NULL, true},     [OPT_JSON] = {"--json", NULL, false},
    [OPT_HELP] = {"--help", "-h", false},
};

struct request {
    struct config_source source;
    struct store_callback_filter filter;
    enum archive_form form;
    const char *verb, *id, *note;
    bool help;
};

static int read_option(struct request *r, int got, const char *value)
{
    int64_t limit = 0;
    switch (got) {
    case OPT_CONFIG:
        r->source.path = value;
        return 0;
    case OPT_ENV_FILE:
        r->source.dotenv_path = value;
        return 0;
    case OPT_STATUS:
        r->filter.open = str_is(str_from(value), "open");
        r->filter.closed = str_is(str_from(value), "closed");
        if (!r->filter.open && !r->filter.closed && !str_is(str_from(value), "all")) {
            return usage_error("callbacks", "--status must be open, closed or all, not", value);
        }
        return 0;
    case OPT_LIMIT:
        if (str_to_i64(str_from(value), &limit) < 0 || limit < 1 || limit > 1000) {
            return usage_error("callbacks", "--limit must be a number from 1 to 1000, not", value);
        }
        r->filter.limit = (uint32_t)limit;
        return 0;
    case OPT_NOTE:
        r->note = value;
        return 0;
    case OPT_JSON:
        r->form = ARCHIVE_JSON;
        return 0;
    case OPT_HELP:
        r->help = true;
        return 0;
    default:
        return STATUS_USAGE;
    }
}

static int check(struct request *r)
{
    r->verb = r->verb ? r->verb : "list";
    bool list = str_is(str_from(r->verb), "list");
    if (!list && !str_is(str_from(r->verb), "close")) {
        return usage_error("callbacks", "list or close, not", r->verb);
    }
    if (list == (r->id != NULL)) {
        return usage_error("callbacks", list ? "unexpected argument" : "which callback?", r->id);
    }
    if (list && r->note) {
        return usage_error("callbacks", "--note is for close", NULL);
    }
    if (r->note && (strlen(r->note) > STORE_CALLBACK_NOTE_MAX || !utf8_valid(str_from(r->note)))) {
        return usage_error("callbacks", "--note must be at most 1000 bytes of UTF-8", NULL);
    }
    return 0;
}

static int read_args(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_WORD && !r->verb) {
            r->verb = value;
        } else if (got == ARGS_WORD && !r->id) {
            r->id = value;
        } else if (got == ARGS_WORD) {
            return usage_error("callbacks", "unexpected argument", value);
        } else if (read_option(r, got, value) != 0) {
            return STATUS_USAGE;
        }
    }
    return r->help ? 0 : check(r);
}

static int perform(struct archive *a, const struct request *r, struct buf *out)
{
    return str_is(str_from(r->verb), "list")
               ? archive_callbacks(a, &r->filter, r->form, out)
               : archive_callback_close(a, str_from(r->id), str_from(r->note), r->form, out);
}

static const char *say(int err)
{
    return err == -ENOENT ? "no such callback" : err == -ERR_STATE ? "it is closed already" : err_text(err);
}

static int print(const struct request *r, struct buf *out)
{
    bool ok = fwrite(buf_ptr(out), 1, out->len, stdout) == out->len;
    ok = (r->form == ARCHIVE_TEXT || putchar('\n') != EOF) && ok;
    return ok ? STATUS_OK : STATUS_FAILED;
}

int cmd_callbacks(int argc, char **argv)
{
    struct request r = {.filter = {.open = true, .limit = 100}};
    struct archive *archive = NULL;
    struct buf out;
    int status = read_args(&r, argc, argv);
    if (status != 0) {
        return status;
    }
    if (r.help) {
        return usage_help(usage);
    }
    buf_init(&out, 64u << 20);
    int err = archive_open(&r.source, &out, &archive);
    if (err < 0) {
        const char *text = out.len > 0 ? buf_cstr(&out) : NULL;
        ignore_result(fprintf(stderr, "ringtrip callbacks: %s\n", text ? text : err_text(err)) < 0);
        status = err == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
    } else {
        err = perform(archive, &r, &out);
        if (err < 0) {
            ignore_result(fprintf(stderr, "ringtrip callbacks: %s\n", say(err)) < 0);
        }
        status = err < 0 ? STATUS_FAILED : print(&r, &out);
    }
    archive_close(archive);
    buf_done(&out);
    return status;
}
