/*
 * Call records in a PostgreSQL database that several gateways share (call/store.h says what the operations do). Two
 * connections, one writing, one reading, each behind its own lock and made again when the server was away. Thread:
 * any; every operation blocks, at most for the deadline.
 */
#ifndef STORE_POSTGRES_POSTGRES_H
#define STORE_POSTGRES_POSTGRES_H

#include "call/store.h"

extern const struct store_ops store_postgres;

#endif
