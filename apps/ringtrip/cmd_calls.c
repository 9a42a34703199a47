#include <stdio.h>

#include "base/err.h"
#include "command.h"
#include "gateway/archive.h"

static const char usage[] =
    "usage: ringtrip calls [list] [--status WORD] [--caller NUMBER] [--limit N] [--json]\n"
    "       ringtrip calls show ID [--json]\n"
    "       ringtrip calls trace ID [--json]\n"
    "       ringtrip calls delete ID\n\n"
    "Reads the record store of the configuration; a gateway may be running. ID is ours or the carrier's (CA...).\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --status WORD       initiated, ringing, in_progress, completed, failed or live\n"
    "  --caller NUMBER     exactly this number\n"
    "  --limit N           at most so many, newest first; 1 to 1000, default 20\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 no such call or no store, 2 usage or configuration.\n";

enum { OPT_CONFIG, OPT_ENV_FILE, OPT_STATUS, OPT_CALLER, OPT_LIMIT, OPT_JSON, OPT_HELP };
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true}, [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_STATUS] = {"--status", NULL, true}, [OPT_CALLER] = {"--caller", NULL, true},
    [OPT_LIMIT] = {"--limit", "-n", true},   [OPT_JSON] = {"--json", NULL, false},
    [OPT_HELP] = {"--help", "-h", false},
};

struct request {
    struct config_source source;
    struct store_filter filter;
    enum archive_form form;
    const char *verb, *id;
    bool help;
};

static int read_option(struct request *r, int got, const char *value)
{
    enum store_status known;
    int64_t limit = 0;
    switch (got) {
    case OPT_CONFIG:
        r->source.path = value;
        return 0;
    case OPT_ENV_FILE:
        r->source.dotenv_path = value;
        return 0;
    case OPT_STATUS:
        r->filter.status = str_from(value);
        if (!str_is(r->filter.status, "live") && store_status_parse(r->filter.status, &known) < 0) {
            return usage_error("calls", "there is no status", value);
        }
        return 0;
    case OPT_CALLER:
        r->filter.caller = str_from(value);
        return 0;
    case OPT_LIMIT:
        if (str_to_i64(str_from(value), &limit) < 0 || limit < 1 || limit > 1000) {
            return usage_error("calls", "--limit must be a number from 1 to 1000, not", value);
        }
        r->filter.limit = (uint32_t)limit;
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
            return usage_error("calls", "unexpected argument", value);
        } else if (read_option(r, got, value) != 0) {
            return STATUS_USAGE;
        }
    }
    if (r->help) {
        return 0;
    }
    r->verb = r->verb ? r->verb : "list";
    static const char *const verbs[] = {"list", "show", "trace", "delete"};
    bool list = str_is(str_from(r->verb), "list");
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        known = known || str_is(str_from(r->verb), verbs[i]);
    }
    if (!known) {
        return usage_error("calls", "list, show, trace or delete, not", r->verb);
    }
    if (list == (r->id != NULL)) {
        return usage_error("calls", list ? "unexpected argument" : "which call?", r->id);
    }
    return 0;
}

static int perform(struct archive *a, const struct request *r, struct buf *out)
{
    struct str id = str_from(r->id);
    if (str_is(str_from(r->verb), "list")) {
        return archive_list(a, &r->filter, r->form, out);
    }
    if (str_is(str_from(r->verb), "trace")) {
        return archive_trace(a, id, r->form, out);
    }
    return str_is(str_from(r->verb), "show") ? archive_show(a, id, r->form, out) : archive_delete(a, id);
}

static const char *say(int err)
{
    return err == -ENOENT ? "no such call" : err == -EBUSY ? "the call is not over" : err_text(err);
}

int cmd_calls(int argc, char **argv)
{
    struct request r = {.filter = {.limit = 20}};
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
        ignore_result(fprintf(stderr, "ringtrip calls: %s\n", text ? text : err_text(err)) < 0);
        status = err == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
    } else {
        err = perform(archive, &r, &out);
        if (err < 0) {
            ignore_result(fprintf(stderr, "ringtrip calls: %s\n", say(err)) < 0);
            status = STATUS_FAILED;
        } else if (out.len > 0) {
            bool ok = fwrite(buf_ptr(&out), 1, out.len, stdout) == out.len;
            ok = (r.form == ARCHIVE_TEXT || putchar('\n') != EOF) && ok;
            status = ok ? STATUS_OK : STATUS_FAILED;
        }
    }
    archive_close(archive);
    buf_done(&out);
    return status;
}
