/*
 * Who asks the sandbox for a session, and for what: the request decoded, and the vendor's reasons to refuse it. Pure
 * but for the secrets it is checked against. Loop thread only.
 */
#ifndef PEER_SANDBOX_JOIN_H
#define PEER_SANDBOX_JOIN_H

#include "net/http_server.h"
#include "peer/sandbox/sandbox_fault.h"
#include "peer/sandbox/sandbox_secrets.h"

#define JOIN_KEY_BYTES 512

struct join {
    char model[OPENAI_ID_MAX + 1];
    char key[JOIN_KEY_BYTES];
    bool transcription, has_call_id, beta;
    bool protocol_realtime;
    const struct secret *secret; /* the key is one of ours, and still good. lent */
    struct sandbox_faults faults;
    struct buf err; /* a wrong fault= */
};

/* From Authorization, api-key or the offered subprotocols; empty when there is none. */
void join_read_key(const struct http_request *req, char ret[JOIN_KEY_BYTES]);
/* base: faults of every session. */
void join_read(struct join *j, const struct http_request *req, const struct sandbox_faults *base,
               const struct secrets *secrets, int64_t now_s);
void join_done(struct join *j);
/* The vendor's refusals come after the 101, as an error event and a close. key: the only one, or empty. False: welcome.
 */
bool join_refused(const struct join *j, struct str key, struct openai_server_error *e, uint16_t *ret_code);
/* The key itself, or with none set any that does not claim to be a client secret. */
bool join_key_right(struct str key, const char *given);

#endif
