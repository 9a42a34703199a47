#include <stdio.h>

#include "command.h"
#include "ringtrip/ringtrip.h"

static const char usage[] =
    "usage: ringtrip replay FILE [--print]\n\n"
    "Runs the journal of a call (<records.dir>/YYYY/MM/DD/<call id>.rtj) again on its own clock and compares every\n"
    "action with what the call did then. --print shows each input and its actions.\n\n"
    "Exit status: 0 the same, 1 it differs, 2 usage or no journal.\n";

enum { OPT_PRINT, OPT_HELP };
static const struct option options[] = {
    [OPT_PRINT] = {"--print", "-p", false},
    [OPT_HELP] = {"--help", "-h", false},
};

static void print_line(const char *line, void *arg UNUSED)
{
    ignore_result(puts(line) < 0); /* a closed pipe shows in ferror */
}

int cmd_replay(int argc, char **argv)
{
    const char *file = NULL;
    bool print = false;
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == OPT_PRINT) {
            print = true;
        } else if (got == OPT_HELP) {
            return usage_help(usage);
        } else if (got == ARGS_WORD && !file) {
            file = value;
        } else if (got == ARGS_WORD) {
            return usage_error("replay", "one file at a time, not also", value);
        } else {
            return STATUS_USAGE;
        }
    }
    if (!file) {
        return usage_error("replay", "which file?", NULL);
    }
    struct rt_replay_report report = {.struct_size = sizeof(report)};
    int err = rt_replay(file, print ? print_line : NULL, NULL, &report);
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip replay: %s: %s\n", file, rt_error_text(err)) < 0);
        return STATUS_USAGE;
    }
    ignore_result(printf("%llu inputs, %llu actions, %s", (unsigned long long)report.records,
                         (unsigned long long)report.actions, report.identical ? "identical" : "different") < 0);
    if (!report.identical) {
        ignore_result(printf(" from input %llu on", (unsigned long long)report.first_diff) < 0);
    }
    ignore_result(puts(report.torn_tail ? " (the journal ends in mid-record, as after a kill)" : "") < 0);
    return ferror(stdout) || !report.identical ? STATUS_FAILED : STATUS_OK;
}
