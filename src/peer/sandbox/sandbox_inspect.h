/*
 * The way to the truth of the sandbox's sessions, for tests: GET /sandbox/sessions, /sandbox/sessions/<session id> and
 * /sandbox/items/<item id>, as JSON, from loopback only. Keeps what is known of sessions that have ended. No part of
 * the vendor's protocol. Loop thread only.
 */
#ifndef PEER_SANDBOX_INSPECT_H
#define PEER_SANDBOX_INSPECT_H

#include "net/http_server.h"
#include "peer/sandbox/sandbox_truth.h"

struct inspect {
    struct truth *first; /* sessions that have ended, oldest first */
    uint32_t n;
    uint32_t keep; /* so many of them */
};

void inspect_done(struct inspect *in);
/* Takes t, of a session that has ended. */
void inspect_keep(struct inspect *in, struct truth *t);
bool inspect_is_path(struct str path);
/* peer is an address of this machine's loopback: "127.0.0.1:4711", "[::1]:4711". */
bool inspect_is_loopback(struct str peer);
/* Answers x. live: of the n_live sessions that are open; lent. */
void inspect_answer(const struct inspect *in, struct http_exchange *x, const struct http_request *req,
                    const struct truth *const *live, size_t n_live);

#endif
