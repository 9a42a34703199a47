/* Who we are to the outside: scheme and host of our own addresses, as a carrier must be told them and signs them. */
#ifndef CLOUD_ORIGIN_H
#define CLOUD_ORIGIN_H

#include "base/buf.h"
#include "net/http_server.h"

/*
 * Appends "https://host[:port]", of a websocket "wss://...", nothing when it is unknown.
 *   public_url   "https://voice.example.com", which wins; empty: from the request
 *   behind_proxy the peer is one whose X-Forwarded-Proto and -Host are believed
 * Without public_url it is safe against forgery only as far as the Host header can be trusted.
 */
void origin_put(struct buf *out, struct str public_url, bool behind_proxy, const struct http_request *req,
                bool websocket);

#endif
