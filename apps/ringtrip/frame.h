/*
 * The frame of a command that reads the gateway's configuration: the options that all of them have, its words, and the
 * printing of what it made. Commands on the record store put archive_command.h on top, those that ask a running gateway
 * remote_command.h.
 */
#ifndef APPS_RINGTRIP_FRAME_H
#define APPS_RINGTRIP_FRAME_H

#include "base/buf.h"
#include "command.h"
#include "gateway/control_client.h"

#define FRAME_WORDS_MAX 3

/* The first entries of each command's table of options. */
enum { FRAME_OPT_CONFIG, FRAME_OPT_ENV_FILE, FRAME_OPT_HELP, FRAME_OPT_N };
#define FRAME_OPTIONS                                                                                                  \
    [FRAME_OPT_CONFIG] = {"--config", "-c", true}, [FRAME_OPT_ENV_FILE] = {"--env-file", NULL, true},                  \
    [FRAME_OPT_HELP] = {"--help", "-h", false}
#define FRAME_USAGE                                                                                                    \
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"                                    \
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"

struct frame_command {
    const char *name;
    const char *usage;
    const struct option *options;
    uint32_t n_options;
    uint32_t max_words; /* up to FRAME_WORDS_MAX; one more is a usage error */
    /* An option behind FRAME_OPT_N. 0, or an exit status after saying why. */
    int (*option)(void *arg, int option, const char *value);
};

/* What was asked; words and texts are argv's. */
struct frame {
    const char *name; /* of the command */
    struct config_source source;
    const char *words[FRAME_WORDS_MAX];
    uint32_t n_words;
};

enum { FRAME_GO = -1 };

/* FRAME_GO when the command is to go on, else its exit status: the help was printed, or what is wrong was said. */
int frame_read(const struct frame_command *c, struct frame *f, int argc, char **argv, void *arg);
/* Prints all of it. An exit status; what becomes of the part that is still buffered is main's to tell. */
int frame_print(const struct buf *out);
/* "ringtrip NAME: text" on standard error; returns status. */
int frame_complain(const struct frame *f, const char *text, int status);

#endif
