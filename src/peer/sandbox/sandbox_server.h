/*
 * The sandbox as a server: HTTP and WebSocket on one address, a session per connection, speech in the job pool, client
 * secrets, and the truth about its sessions for tests (sandbox_inspect.h).
 * Loop thread only. Order at the end: sandbox_server_stop, loop_free (which finishes what is under way),
 * sandbox_server_free.
 */
#ifndef PEER_SANDBOX_SERVER_H
#define PEER_SANDBOX_SERVER_H

#include "net/loop.h"
#include "net/tls.h"
#include "peer/sandbox/sandbox_fault.h"
#include "peer/sandbox/sandbox_session.h"

struct sandbox_server;

enum sandbox_speech {
    SANDBOX_SPEECH_FULL,   /* hears and speaks */
    SANDBOX_SPEECH_CANNED, /* deaf: any sound is taken for the next sentence of the dialogue's script */
};

struct sandbox_server_opts {
    const char *host;                /* NULL: 127.0.0.1 */
    uint16_t port;                   /* 0: any free one */
    struct tls_ctx *tls;             /* NULL: plain; kept (referenced) */
    struct str key;                  /* the only one accepted; empty: any, or none. Lent for the server's life */
    const struct dialogue *dialogue; /* outlives the server */
    enum sandbox_speech speech;
    enum sandbox_profile profile;
    struct sandbox_faults faults; /* of every session; a URL may add some */
    double speed;
    uint32_t first_byte_ms;
    uint32_t session_s;
    uint32_t decoders;
    int32_t max_margin;
    const char *model_dir;
    uint32_t answer_s;      /* as in sandbox_session_opts */
    uint32_t keep_sessions; /* that have ended, for /sandbox/...; 0: 256 */
    uint32_t ping_ms;       /* 0: 20000, as the vendor */
    uint64_t seed;          /* of all ids; 0: random */
};

/* ret_err gets a sentence. Errors of hearing_new, http_server_open */
MUST_USE int sandbox_server_open(struct loop *loop, const struct sandbox_server_opts *opts, struct buf *ret_err,
                                 struct sandbox_server **ret);
uint16_t sandbox_server_port(const struct sandbox_server *s);
uint32_t sandbox_server_sessions(const struct sandbox_server *s);
/* Stops listening and ends every session (close 1001). */
void sandbox_server_stop(struct sandbox_server *s);
/* After loop_free. */
struct sandbox_server *sandbox_server_free(struct sandbox_server *s);

#endif
