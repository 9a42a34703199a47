/*
 * Is a host this machine, by its spelling alone? Then what goes there needs no TLS, and whoever named it is no page of
 * the outside. Exact: "127.example.com" and "localhost.example.com" are names of others. Pure. Not here: looking a name
 * up, addresses of sockets (api_auth.c).
 */
#ifndef BASE_LOOPBACK_H
#define BASE_LOOPBACK_H

#include "base/str.h"

/* "localhost", "127.0.0.1", "::1", "[::1]", each but "::1" also with a port: as in a Host header or an address. */
bool loopback_host(struct str host);
/* The host of "http://127.0.0.1:8000/path". A user and password in front of it make it another's. */
bool loopback_url(struct str url);

#endif
