/* What the subcommands share: exit statuses and the reading of their arguments. */
#ifndef APPS_RINGTRIP_COMMAND_H
#define APPS_RINGTRIP_COMMAND_H

#include "base/str.h"

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* argv[0] is the command's name. Each returns the exit status. */
int cmd_serve(int argc, char **argv);
int cmd_chat(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_sandbox(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_callbacks(int argc, char **argv);
int cmd_approvals(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_campaigns(int argc, char **argv);
int cmd_calls(int argc, char **argv);
int cmd_options(int argc, char **argv);
int cmd_vad(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* One argument of the list: an option ("-c FILE", "--config FILE", "--config=FILE", "--json") or a word. */
struct args {
    int argc;
    char **argv;
    int at;           /* the next one */
    bool words_only;  /* after "--" */
    const char *name; /* of the option just read */
};

struct option {
    const char *name;  /* "--config" */
    const char *brief; /* "-c" or NULL */
    bool takes_value;
};

enum { ARGS_WORD = -1, ARGS_END = -2, ARGS_BAD = -3 };

void args_init(struct args *a, int argc, char **argv);
/* Index of the option in the list (of n), ARGS_WORD, ARGS_END, or ARGS_BAD after saying on standard error what is
 * wrong. *ret_value: the option's value or the word. */
int args_next(struct args *a, const struct option *list, size_t n, const char **ret_value);
/* "ringtrip NAME: text" and where help is, on standard error; returns STATUS_USAGE. */
int usage_error(const char *command, const char *text, const char *what);
/* Prints the help on standard output; returns STATUS_OK. */
int usage_help(const char *text);

#endif
