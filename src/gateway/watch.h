/*
 * Who watches one call over HTTP: a stream of server-sent events for each, fed by the call's tap. What a watcher does
 * not take waits in memory, to a limit; behind it the watcher is told so and let go. A watcher changes nothing of the
 * call and never holds it up. Loop thread only; part of the host.
 */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

#include "gateway/tap.h"
#include "net/http_server.h"

struct host;
struct watcher;

struct watch_opts {
    bool raw;   /* events of the model's service too */
    bool audio; /* the agent's audio itself, in base64 */
    bool alias; /* the other spelling where there are two */
};

#define WATCHERS_MAX 16 /* of one call */

/*
 * Takes the exchange over and answers it: 200 and the events from now on, behind one "session" event that tells how
 * things are. -ERR_LIMIT: too many watch already; -ERR_STATE: the call is over; x is as it was then. Otherwise 0.
 */
MUST_USE int watch_begin(struct host *h, struct http_exchange *x, const struct watch_opts *opts);
void watch_tell(struct host *h, const struct tap_event *e);
void watch_tell_raw(struct host *h, const struct call_event *ev);
/* The call is gone: what waits is still sent. */
void watch_end_all(struct host *h);
/* "raw=1&audio=1&names=alias"; -EINVAL: something else stands there. */
MUST_USE int watch_opts_read(struct str query, struct watch_opts *ret);

#endif
