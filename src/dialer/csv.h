/*
 * Rows of comma-separated text (RFC 4180): quotes, doubled quotes, line breaks inside quotes, CRLF or LF, an optional
 * byte order mark. Semicolons and tabs as well when the first line has more of them. Pure; from outside, so hostile.
 */
#ifndef DIALER_CSV_H
#define DIALER_CSV_H

#include "base/buf.h"

#define CSV_FIELDS_MAX    64
#define CSV_ROW_BYTES_MAX 65536

struct csv {
    struct str rest;
    char delimiter;
    uint32_t line; /* of the row that comes next, from 1 */
};

struct csv_row {
    struct str fields[CSV_FIELDS_MAX]; /* live in room until the next row */
    uint32_t n;
    uint32_t line; /* on which it began */
};

struct csv csv_open(struct str text);
/*
 * 1: a row; 0: the end. Blank lines are passed over. -ERR_SYNTAX: a quote that is not closed or has something behind
 * it; -ERR_TOO_BIG: too many fields or bytes. After an error ret->line is set and reading goes on with the next line.
 */
MUST_USE int csv_next(struct csv *c, struct buf *room, struct csv_row *ret);

#endif
