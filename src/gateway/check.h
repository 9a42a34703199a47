/*
 * What is wrong with an installation, before it serves: configuration, keys, model access and the time it takes,
 * carrier account, the public URL from outside, certificate, store, folders, disk, port, tools. Changes nothing: it
 * probes folders and the port, asks the services and the carrier with the keys of the configuration, and opens model
 * sessions without using them. Blocking; start-up only.
 */
#ifndef GATEWAY_CHECK_H
#define GATEWAY_CHECK_H

#include "base/buf.h"
#include "config/config.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_ERROR, CHECK_LEVEL_N };
const char *check_level_word(enum check_level level); /* "pass", "warn", "fail" */

/* One finding; lent until return. */
struct check_finding {
    enum check_level level;
    const char *subject; /* "configuration", "port", ... */
    struct str text;
    struct str remedy; /* what to do about it; empty when the level is CHECK_OK */
};
typedef void (*check_fn)(const struct check_finding *finding, void *arg);

/* A call that is asked about. */
struct check_question {
    struct when_facts facts; /* all but time and zone */
    struct str at;           /* "2026-12-24T09:30" by the configuration's time_zone; empty: now */
};

struct check_opts {
    const struct check_question *question; /* then only who would take that call; NULL: everything */
    bool offline;                          /* nobody outside of this machine is asked */
    uint32_t patience_ms;                  /* for each answer from outside; 0: 10000 */
};

/* Returns the worst level found. */
enum check_level check_run(const struct config_source *source, const struct check_opts *opts, check_fn fn, void *arg);

#endif
