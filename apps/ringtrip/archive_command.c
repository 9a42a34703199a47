#include "archive_command.h"

#include <stdio.h>

#include "base/err.h"

#define MAX_OUTPUT_BYTES (64u << 20)

static int read_option(const struct archive_command *c, struct archive_request *r, int got, const char *value,
                       void *arg)
{
    int64_t limit = 0;
    switch (got) {
    case ARCHIVE_OPT_CONFIG:
        r->source.path = value;
        return 0;
    case ARCHIVE_OPT_ENV_FILE:
        r->source.dotenv_path = value;
        return 0;
    case ARCHIVE_OPT_LIMIT:
        if (str_to_i64(str_from(value), &limit) < 0 || limit < 1 || limit > 1000) {
            return usage_error(c->name, "--limit must be a number from 1 to 1000, not", value);
        }
        r->limit = (uint32_t)limit;
        return 0;
    case ARCHIVE_OPT_JSON:
        r->form = ARCHIVE_JSON;
        return 0;
    case ARCHIVE_OPT_HELP:
        r->help = true;
        return 0;
    default:
        return got < 0 ? STATUS_USAGE : c->option(arg, got, value);
    }
}

static int check_words(const struct archive_command *c, struct archive_request *r)
{
    r->verb = r->verb ? r->verb : c->verbs[0];
    bool first = str_is(str_from(r->verb), c->verbs[0]);
    bool known = false;
    for (const char *const *verb = c->verbs; *verb; verb++) {
        known = known || str_is(str_from(r->verb), *verb);
    }
    char which[48];
    if (!known) {
        ignore_result(snprintf(which, sizeof(which), "%s, not", c->verb_words)); /* ours, short */
        return usage_error(c->name, which, r->verb);
    }
    if (first && r->id) {
        return usage_error(c->name, "unexpected argument", r->id);
    }
    if (!first && !r->id) {
        ignore_result(snprintf(which, sizeof(which), "which %s?", c->noun));
        return usage_error(c->name, which, NULL);
    }
    return 0;
}

static int read_args(const struct archive_command *c, struct archive_request *r, int argc, char **argv, void *arg)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, c->options, c->n_options, &value)) != ARGS_END) {
        if (got == ARGS_WORD && !r->verb) {
            r->verb = value;
        } else if (got == ARGS_WORD && !r->id) {
            r->id = value;
        } else if (got == ARGS_WORD) {
            return usage_error(c->name, "unexpected argument", value);
        } else {
            int status = read_option(c, r, got, value, arg);
            if (status != 0) {
                return status;
            }
        }
    }
    if (r->help) {
        return 0;
    }
    int status = check_words(c, r);
    return status != 0 || !c->check ? status : c->check(r, arg);
}

static int complain(const struct archive_command *c, const char *text, int status)
{
    ignore_result(fprintf(stderr, "ringtrip %s: %s\n", c->name, text) < 0);
    return status;
}

static int print(const struct archive_request *r, const struct buf *out)
{
    if (out->len == 0) {
        return STATUS_OK;
    }
    bool ok = fwrite(buf_ptr(out), 1, out->len, stdout) == out->len;
    ok = (r->form == ARCHIVE_TEXT || putchar('\n') != EOF) && ok;
    return ok && fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

int archive_command_run(const struct archive_command *c, struct archive_request *r, int argc, char **argv, void *arg)
{
    struct archive *archive = NULL;
    struct buf out;
    int status = read_args(c, r, argc, argv, arg);
    if (status != 0) {
        return status;
    }
    if (r->help) {
        return usage_help(c->usage);
    }
    buf_init(&out, MAX_OUTPUT_BYTES);
    int err = archive_open(&r->source, &out, &archive);
    if (err < 0) {
        const char *text = out.len > 0 ? buf_cstr(&out) : NULL;
        status = complain(c, text ? text : err_text(err), err == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED);
    } else {
        err = c->perform(archive, r, &out, arg);
        err = err < 0 ? err : out.err;
        status = err < 0 ? complain(c, c->say(err), STATUS_FAILED) : print(r, &out);
    }
    archive_close(archive);
    buf_done(&out);
    return status;
}
