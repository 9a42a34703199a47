/*
 * What the commands on the record store share (calls, callbacks): "ringtrip NAME [VERB] [ID]" with the usual options,
 * the store opened, the answer printed, and the exit status.
 */
#ifndef APPS_RINGTRIP_ARCHIVE_COMMAND_H
#define APPS_RINGTRIP_ARCHIVE_COMMAND_H

#include "frame.h"
#include "gateway/archive.h"

struct archive_request {
    struct frame frame;
    enum archive_form form;
    const char *verb, *id; /* id NULL with verbs that need none */
    uint32_t limit;
};

/* The options that all of them have: the first entries of each command's table. */
enum { ARCHIVE_OPT_LIMIT = FRAME_OPT_N, ARCHIVE_OPT_JSON, ARCHIVE_OPT_N };
#define ARCHIVE_OPTIONS                                                                                                \
    FRAME_OPTIONS, [ARCHIVE_OPT_LIMIT] = {"--limit", "-n", true}, [ARCHIVE_OPT_JSON] = {"--json", NULL, false}

struct archive_command {
    struct frame_command frame; /* its option is ours */
    const char *noun;           /* "call": what an ID is of */
    const char *const *verbs;   /* until NULL; the first stands for none, and takes no ID; the others need one */
    const char *verb_words;     /* "list, show or delete" */

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
