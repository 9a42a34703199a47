#include "archive_command.h"

#include <stdio.h>

#include "base/err.h"

#define MAX_OUTPUT_BYTES (64u << 20)

/* What the reading of options needs: the command, its request, its argument. */
struct reading {
    const struct archive_command *c;
    struct archive_request *r;
    void *arg;
};

static int read_option(void *arg, int option, const char *value)
{
    const struct reading *reading = arg;
    const struct archive_command *c = reading->c;
    int64_t limit = 0;
    if (option == ARCHIVE_OPT_JSON) {
        reading->r->form = ARCHIVE_JSON;
        return 0;
    }
    if (option != ARCHIVE_OPT_LIMIT) {
        return c->option(reading->arg, option, value);
    }
    if (str_to_i64(str_from(value), &limit) < 0 || limit < 1 || limit > 1000) {
        return usage_error(c->frame.name, "--limit must be a number from 1 to 1000, not", value);
    }
    reading->r->limit = (uint32_t)limit;
    return 0;
}

static int check_words(const struct archive_command *c, struct archive_request *r)
{
    r->verb = r->frame.n_words > 0 ? r->frame.words[0] : c->verbs[0];
    r->id = r->frame.words[1];
    bool first = str_is(str_from(r->verb), c->verbs[0]);
    bool known = false;
    for (const char *const *verb = c->verbs; *verb; verb++) {
        known = known || str_is(str_from(r->verb), *verb);
    }
    char which[48];
    if (!known) {
        ignore_result(snprintf(which, sizeof(which), "%s, not", c->verb_words)); /* ours, short */
        return usage_error(c->frame.name, which, r->verb);
    }
    if (first && r->id) {
        return usage_error(c->frame.name, "unexpected argument", r->id);
    }
    if (!first && !r->id) {
        ignore_result(snprintf(which, sizeof(which), "which %s?", c->noun));
        return usage_error(c->frame.name, which, NULL);
    }
    return 0;
}

static int read_args(const struct archive_command *c, struct archive_request *r, int argc, char **argv, void *arg)
{
    struct reading reading = {c, r, arg};
    struct frame_command frame = c->frame;
    frame.option = read_option;
    frame.max_words = 2;
    int status = frame_read(&frame, &r->frame, argc, argv, &reading);
    if (status != FRAME_GO) {
        return status;
    }
    status = check_words(c, r);
    status = status == 0 && c->check ? c->check(r, arg) : status;
    return status == 0 ? FRAME_GO : status;
}

int archive_command_run(const struct archive_command *c, struct archive_request *r, int argc, char **argv, void *arg)
{
    struct archive *archive = NULL;
    struct buf out;
    int status = read_args(c, r, argc, argv, arg);
    if (status != FRAME_GO) {
        return status;
    }
    buf_init(&out, MAX_OUTPUT_BYTES);
    int err = archive_open(&r->frame.source, &out, &archive);
    if (err < 0) {
        const char *text = out.len > 0 ? buf_cstr(&out) : NULL;
        status = err == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
        status = frame_complain(&r->frame, text ? text : err_text(err), status);
    } else {
        err = c->perform(archive, r, &out, arg);
        err = err < 0 ? err : out.err;
        if (err >= 0 && r->form == ARCHIVE_JSON && out.len > 0) {
            buf_putc(&out, '\n');
        }
        status = err < 0 ? frame_complain(&r->frame, c->say(err), STATUS_FAILED) : frame_print(&out);
    }
    archive_close(archive);
    buf_done(&out);
    return status;
}
