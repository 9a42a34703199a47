/*
 * May this request list, place or end calls? Pure apart from its input. A bearer token opens; without one only a
 * program on this machine that came to us directly: the peer is loopback, nothing names a proxy, the Host is a
 * loopback name (no DNS rebinding) and no web page of another origin is behind it.
 */
#ifndef API_API_AUTH_H
#define API_API_AUTH_H

#include "api/api_opts.h"
#include "net/http_server.h"

bool api_auth_ok(const struct api_opts *opts, const struct http_request *req);

#endif
