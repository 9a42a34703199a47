/*
 * What the commands on the record store share (calls, callbacks): "ringtrip NAME [VERB] [ID]" with the usual options,
 * the store opened, the answer printed, and the exit status.
 */
#ifndef APPS_RINGTRIP_ARCHIVE_COMMAND_H
#define APPS_RINGTRIP_ARCHIVE_COMMAND_H

#include "command.h"
#include "gateway/archive.h"

struct archive_request {
    struct config_source source;
    enum archive_form form;
    const char *verb, *id; /* id NULL with verbs that need none */
    uint32_t limit;
    bool help;
};

/* The options that all of them have: the first entries of each command's table. */
enum {
    ARCHIVE_OPT_CONFIG,
    ARCHIVE_OPT_ENV_FILE,
    ARCHIVE_OPT_LIMIT,
    ARCHIVE_OPT_JSON,
    ARCHIVE_OPT_HELP,
    ARCHIVE_OPT_N,
};
#define ARCHIVE_OPTIONS                                                                                                \
    [ARCHIVE_OPT_CONFIG] = {"--config", "-c", true}, [ARCHIVE_OPT_ENV_FILE] = {"--env-file", NULL, true},              \
    [ARCHIVE_OPT_LIMIT] = {"--limit", "-n", true}, [ARCHIVE_OPT_JSON] = {"--json", NULL, false},                       \
    [ARCHIVE_OPT_HELP] = {"--help", "-h", false}

struct archive_command {
    const char *name;
    const char *usage;
    const char *noun; /* "call": what an ID is of */
    const struct option *options;
    uint32_t n_options;
    const char *const *verbs; /* until NULL; the first stands for none, and takes no ID; the others need one */
    const char *verb_words;   /* "list, show or delete" */

    /* An option of the command's own. 0, or an exit status after saying why. */
    int (*option)(void *arg, int option, const char *value);
    /* Everything was read; NULL: nothing to check. 0, or an exit status after saying why. */
    int (*check)(const struct archive_request *r, void *arg);
    /* Appends what is to be printed. */
    int (*perform)(struct archive *a, const struct archive_request *r, struct buf *out, void *arg);
    /* A sentence for an error of perform. */
    const char *(*say)(int err);
};

/* r: with the defaults; returns the exit status. */
int archive_command_run(const struct archive_command *c, struct archive_request *r, int argc, char **argv, void *arg);

#endif
