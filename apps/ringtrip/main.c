/* ringtrip: the command line. Finds the subcommand; a misspelt one is answered with the nearest. */
#include <stdio.h>

#include "base/err.h"
#include "base/nearest.h"
#include "cmd_phone.h"
#include "command.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"serve", cmd_serve, "answer calls"},
    {"demo", cmd_demo, "answer one call of our own, entirely offline"},
    {"check", cmd_check, "say what is wrong before the first call: keys, models, carrier, address, store"},
    {"chat", cmd_chat, "talk to an agent in writing, here in the terminal"},
    {"phone", cmd_phone, "place a call with the simulated telephone"},
    {"sandbox", cmd_sandbox, "serve the offline model"},
    {"call", cmd_call, "call somebody through a gateway that runs"},
    {"calls", cmd_calls, "list, show and delete records of calls"},
    {"callbacks", cmd_callbacks, "list and close what was promised to callers"},
    {"graph", cmd_graph, "draw agents, tools and handoffs"},
    {"campaigns", cmd_campaigns, "lists of people to call: create, import, start, watch, stop"},
    {"approvals", cmd_approvals, "list and decide tools that wait for somebody's yes"},
    {"replay", cmd_replay, "run the journal of a call again"},
    {"vad", cmd_vad, "show what the speech detector hears in a file"},
    {"options", cmd_options, "print every setting as .env.example or as a page"},
    {"version", cmd_version, "print the version"},
};

static void print_usage(FILE *f)
{
    ignore_result(fputs("ringtrip answers phone calls with a speech-to-speech model.\n\n"
                        "usage: ringtrip COMMAND [ARGUMENTS]\n\n",
                        f) < 0);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        ignore_result(fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].text) < 0);
    }
    ignore_result(fputs("\nEach command has --help. First steps: ringtrip demo\n", f) < 0);
}

static int unknown(const char *word)
{
    const char *nearest = NULL;
    uint32_t best = 3; /* the words are short: farther away is no typing mistake */
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        uint32_t d = nearest_slip(str_from(word), str_from(commands[i].name));
        if (d < best) {
            best = d;
            nearest = commands[i].name;
        }
    }
    if (nearest) {
        ignore_result(fprintf(stderr, "ringtrip: no command \"%s\"; did you mean \"%s\"?\n", word, nearest) < 0);
    } else {
        ignore_result(fprintf(stderr, "ringtrip: no command \"%s\"; ringtrip --help lists them\n", word) < 0);
    }
    return STATUS_USAGE;
}

/* What was printed may still be on its way: a full disk is told here, for all commands. */
static int delivered(int status)
{
    int err = fflush(stdout) != 0 ? -errno : 0;
    if (err == 0 && !ferror(stdout)) {
        return status;
    }
    if (err != -EPIPE) { /* whoever closed it knows */
        /* What failed before the last of it, nobody kept the reason of. */
        const char *why = err < 0 ? err_text(err) : "not all of it could be written";
        ignore_result(fprintf(stderr, "ringtrip: standard output: %s\n", why) < 0);
    }
    return status == STATUS_OK ? STATUS_FAILED : status;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    struct str word = str_from(argv[1]);
    if (str_is(word, "--help") || str_is(word, "-h") || (str_is(word, "help") && argc == 2)) {
        print_usage(stdout);
        return STATUS_OK;
    }
    if (str_is(word, "--version")) {
        return cmd_version(1, argv + 1);
    }
    if (str_is(word, "help")) { /* help COMMAND is COMMAND --help */
        static char help[] = "--help";
        char *swapped[] = {argv[2], help, NULL};
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
            if (str_is(str_from(argv[2]), commands[i].name)) {
                return commands[i].run(2, swapped);
            }
        }
        return unknown(argv[2]);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_is(word, commands[i].name)) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown(argv[1]);
}

int main(int argc, char **argv)
{
    return delivered(run(argc, argv));
}
