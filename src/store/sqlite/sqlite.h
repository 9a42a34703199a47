/*
 * The record store in one SQLite file (write-ahead log, foreign keys, 0600). Two connections, one for writes and one
 * for reads, each behind its own lock: a long listing does not hold up the records of running calls. Times, words and
 * figures stand in plain columns, so that `sqlite3 var/ringtrip.db` is a fine way to look at them.
 */
#ifndef STORE_SQLITE_SQLITE_H
#define STORE_SQLITE_SQLITE_H

#include "call/store.h"

extern const struct store_ops store_sqlite;

#endif
