#include <string.h>

#include "archive_command.h"
#include "base/err.h"
#include "base/json.h"

static const char usage[] =
    "usage: ringtrip callbacks [list] [--status open|closed|all] [--limit N] [--json]\n"
    "       ringtrip callbacks close ID [--note TEXT] [--json]\n\n"
    "What agents promised to callers by schedule_callback. Reads the record store of the configuration; a gateway may "
    "be\n"
    "running. ID is the number that the caller was given (CB123456).\n\n" FRAME_USAGE
    "  --status WORD       open (default), closed or all\n"
    "  --limit N           at most so many, newest first; 1 to 1000, default 100\n"
    "  --note TEXT         kept with the closed callback\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 no such callback, closed before or no store, 2 usage or configuration.\n";

enum { OPT_STATUS = ARCHIVE_OPT_N, OPT_NOTE };
static const struct option options[] = {
    ARCHIVE_OPTIONS,
    [OPT_STATUS] = {"--status", NULL, true},
    [OPT_NOTE] = {"--note", NULL, true},
};
static const char *const verbs[] = {"list", "close", NULL};

struct request {
    struct store_callback_filter filter;
    const char *note;
};

static int read_option(void *arg, int option, const char *value)
{
    struct request *r = arg;
    if (option == OPT_NOTE) {
        r->note = value;
        return 0;
    }
    r->filter.open = str_is(str_from(value), "open");
    r->filter.closed = str_is(str_from(value), "closed");
    if (!r->filter.open && !r->filter.closed && !str_is(str_from(value), "all")) {
        return usage_error("callbacks", "--status must be open, closed or all, not", value);
    }
    return 0;
}

static int check(const struct archive_request *common, void *arg)
{
    const struct request *r = arg;
    if (!common->id && r->note) {
        return usage_error("callbacks", "--note is for close", NULL);
    }
    if (r->note && (strlen(r->note) > STORE_CALLBACK_NOTE_MAX || !utf8_valid(str_from(r->note)))) {
        return usage_error("callbacks", "--note must be at most 1000 bytes of UTF-8", NULL);
    }
    return 0;
}

static int perform(struct archive *a, const struct archive_request *common, struct buf *out, void *arg)
{
    struct request *r = arg;
    if (common->id) {
        return archive_callback_close(a, str_from(common->id), str_from(r->note), common->form, out);
    }
    r->filter.limit = common->limit;
    return archive_callbacks(a, &r->filter, common->form, out);
}

static const char *say(int err)
{
    return err == -ENOENT ? "no such callback" : err == -ERR_STATE ? "it is closed already" : err_text(err);
}

int cmd_callbacks(int argc, char **argv)
{
    static const struct archive_command command = {
        .frame = {.name = "callbacks", .usage = usage, .options = options, .n_options = ARRAY_LEN(options)},
        .noun = "callback",
        .verbs = verbs,
        .verb_words = "list or close",
        .option = read_option,
        .check = check,
        .perform = perform,
        .say = say,
    };
    struct request r = {.filter = {.open = true}};
    return archive_command_run(&command, &(struct archive_request){.limit = 100}, argc, argv, &r);
}
