/*
 * A real PostgreSQL server of one test: initdb in a folder of its own, reached over a socket in that folder only, as an
 * unprivileged user (root is given up by the child; the server refuses to run as root), stopped by its pid.
 */
#ifndef TESTS_FAKES_PG_SERVER_H
#define TESTS_FAKES_PG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pg_server {
    char folder[64];
    char bin[128]; /* where initdb, postgres and psql are */
    pid_t pid;     /* 0: does not run */
    uid_t uid;
    gid_t gid;
};

/* False: no PostgreSQL on this machine. Everything else that goes wrong fails the test. */
bool pg_server_open(struct pg_server *s);
/* Stops it and removes its folder. */
void pg_server_close(struct pg_server *s);
/* How it stops: SIGINT politely, SIGQUIT at once, as a crash. Start again with pg_server_start. */
void pg_server_stop(struct pg_server *s, int signo);
void pg_server_start(struct pg_server *s);
/* Makes the database "t<n>" and gives its URL. */
void pg_server_database(struct pg_server *s, int n, char *ret_url, size_t cap);
/* Sessions of clients on the database, after a moment for those that are just leaving. */
int pg_server_sessions(struct pg_server *s, int n);
/* What psql prints for a statement in the database "t<n>", without the line's end. */
void pg_server_ask(struct pg_server *s, int n, const char *sql, char *ret, size_t cap);

#endif
