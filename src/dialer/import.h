/*
 * Contacts from a table: the first line names the columns, every row that can be called becomes a contact, every other
 * one is reported with its line and the reason. Pure.
 *
 *     name, phone_number (or phone, number), timezone, agent (or context), caller_id, custom_vars (a JSON object);
 *     any other column is one more variable of that name
 */
#ifndef DIALER_IMPORT_H
#define DIALER_IMPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/e164.h"
#include "call/campaign_store.h"

#define IMPORT_ROWS_MAX   10000
#define IMPORT_BYTES_MAX  ((size_t)10 << 20)
#define IMPORT_ERRORS_MAX 200 /* that are told one by one */
#define IMPORT_NAME_MAX   200
#define IMPORT_VARS_MAX   24 /* variables of a contact */
#define IMPORT_VALUE_MAX  2000

struct import_opts {
    struct str campaign_id;
    struct str country; /* of numbers without + */
    /* NULL: every name is taken. */
    bool (*zone_known)(struct str name, void *arg);
    bool (*agent_known)(struct str name, void *arg);
    /* In E.164 form; NULL: base/e164.h. -EINVAL */
    int (*number)(struct str text, struct str country, char ret[E164_MAX]);
    void *arg;
};

struct import_error {
    uint32_t line;
    struct str reason;
};

struct import {
    struct contact_row *rows;
    uint32_t *lines; /* of rows */
    uint32_t n;
    uint32_t doubled; /* the same number stands further above */
    struct import_error *errors;
    uint32_t n_errors; /* in the list */
    uint32_t refused;  /* in all */
};

/* Texts live in a. -ERR_CONFIG: nothing can be imported, err says why in a sentence; -ENOMEM. */
MUST_USE int import_read(struct str text, const struct import_opts *o, struct arena *a, struct buf *err,
                         struct import *ret);

#endif
