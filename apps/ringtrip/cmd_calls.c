#include "archive_command.h"
#include "base/err.h"

static const char usage[] =
    "usage: ringtrip calls [list] [--status WORD] [--caller NUMBER] [--limit N] [--json]\n"
    "       ringtrip calls show ID [--json]\n"
    "       ringtrip calls trace ID [--json]\n"
    "       ringtrip calls delete ID\n\n"
    "Reads the record store of the configuration; a gateway may be running. ID is ours or the carrier's "
    "(CA...).\n\n" FRAME_USAGE "  --status WORD       initiated, ringing, in_progress, completed, failed or live\n"
    "  --caller NUMBER     exactly this number\n"
    "  --limit N           at most so many, newest first; 1 to 1000, default 20\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 no such call or no store, 2 usage or configuration.\n";

enum { OPT_STATUS = ARCHIVE_OPT_N, OPT_CALLER };
static const struct option options[] = {
    ARCHIVE_OPTIONS,
    [OPT_STATUS] = {"--status", NULL, true},
    [OPT_CALLER] = {"--caller", NULL, true},
};
static const char *const verbs[] = {"list", "show", "trace", "delete", NULL};

static int read_option(void *arg, int option, const char *value)
{
    struct store_filter *filter = arg;
    enum store_status known;
    if (option == OPT_CALLER) {
        filter->caller = str_from(value);
        return 0;
    }
    filter->status = str_from(value);
    if (!str_is(filter->status, "live") && store_status_parse(filter->status, &known) < 0) {
        return usage_error("calls", "there is no status", value);
    }
    return 0;
}

static int perform(struct archive *a, const struct archive_request *r, struct buf *out, void *arg)
{
    struct store_filter *filter = arg;
    struct str verb = str_from(r->verb);
    struct str id = str_from(r->id);
    if (str_is(verb, "list")) {
        filter->limit = r->limit;
        return archive_list(a, filter, r->form, out);
    }
    if (str_is(verb, "trace")) {
        return archive_trace(a, id, r->form, out);
    }
    return str_is(verb, "show") ? archive_show(a, id, r->form, out) : archive_delete(a, id);
}

static const char *say(int err)
{
    return err == -ENOENT ? "no such call" : err == -EBUSY ? "the call is not over" : err_text(err);
}

int cmd_calls(int argc, char **argv)
{
    static const struct archive_command command = {
        .frame = {.name = "calls", .usage = usage, .options = options, .n_options = ARRAY_LEN(options)},
        .noun = "call",
        .verbs = verbs,
        .verb_words = "list, show, trace or delete",
        .option = read_option,
        .perform = perform,
        .say = say,
    };
    struct store_filter filter = {0};
    return archive_command_run(&command, &(struct archive_request){.limit = 20}, argc, argv, &filter);
}
