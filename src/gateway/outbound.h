/*
 * Calls that this gateway makes: the dialer with what it needs of us. Opens the call behind an attempt (its model
 * listens before anybody rings), writes the attempt's row, tells metrics and whoever listens. Not here: the attempt's
 * life (dialer/attempt.h), campaigns, the HTTP of it (api). Loop thread.
 *
 *     outbound_dial ─▶ dialer_start ─▶ host_new, row of the intent ─▶ (row written, model ready) ─▶ the carrier is
 * asked
 */
#ifndef GATEWAY_OUTBOUND_H
#define GATEWAY_OUTBOUND_H

#include "dialer/dialer.h"

struct gateway;
struct outbound;

MUST_USE int outbound_new(struct gateway *gw, struct outbound **ret);
/* Nothing is asked of carriers any more: before they go. NULL is fine. */
void outbound_stop(struct outbound *o);
/* After the last call is gone. NULL is fine. */
struct outbound *outbound_free(struct outbound *o);
/* The call of this attempt is not over yet. */
bool outbound_lives(const struct outbound *o, struct str id);
/* The end of this call's attempt is still to come. */
bool outbound_follows(const struct outbound *o, struct str id);
/* Attempts whose end is not known yet. */
uint32_t outbound_under_way(const struct outbound *o);
/* What is done about answering machines when a request does not say. */
enum dialer_machine outbound_on_machine(const struct outbound *o);
/* What campaigns dial with; settings that a request leaves open are filled in by outbound_dial alone. */
struct dialer *outbound_dialer(struct outbound *o);

/*
 * dialer_start with the settings of the configuration where the request has none. Also refuses: -ERR_STATE in mode
 * inbound; -ENOENT: no such agent; -ERR_LIMIT: outbound.max_calls, limits.max_calls, limits.max_calls_per_number.
 */
MUST_USE int outbound_dial(struct outbound *o, const struct dialer_request *req, const struct dialer_handler *handler,
                           void *arg, char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *ret_why);

/* routes.c: what carriers say about calls that we made. */
void outbound_on_progress(struct outbound *o, struct carrier *c, const struct carrier_progress *p);
/* text: of ASK and GOODBYE, lent until the next call of this. */
struct outbound_answer {
    enum dialer_answer kind;
    struct str text;
    struct str sound; /* URL of a recording in its place; empty: none */
    uint32_t wait_s, round;
};
void outbound_on_answer(struct outbound *o, const struct dialer_caller *who, struct outbound_answer *ret);

#endif
