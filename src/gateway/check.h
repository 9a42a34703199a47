/*
 * What is wrong with an installation, before it serves: configuration, keys, certificates, folders, port, sandbox.
 * Touches nothing but a probe of the folders and the port. Blocking; start-up only.
 */
#ifndef GATEWAY_CHECK_H
#define GATEWAY_CHECK_H

#include "base/buf.h"
#include "config/config.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_ERROR, CHECK_LEVEL_N };
const char *check_level_word(enum check_level level);

/* One finding; lent until return. subject: "configuration", "port", ... */
typedef void (*check_fn)(enum check_level level, const char *subject, struct str text, void *arg);

/* A call that is asked about. */
struct check_question {
    struct when_facts facts; /* all but time and zone */
    struct str at;           /* "2026-12-24T09:30" by the configuration's time_zone; empty: now */
};

/* question: then only who would take that call; NULL: everything. Returns the number of errors found; -ENOMEM. */
MUST_USE int check_run(const struct config_source *source, const struct check_question *question, check_fn fn,
                       void *arg);

#endif
