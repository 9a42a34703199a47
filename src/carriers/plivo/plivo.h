/*
 * The carrier Plivo: webhooks, XML, Audio Streaming sockets (each becomes a struct leg), REST: calls, hang-up,
 * transfer, recording, text messages, and at the start the application and number that lead callers to us. One object
 * per loop; loop thread only. Not here: which calls exist, tokens, limits on calls: the host knows them and is asked
 * through struct carrier_host. Wire facts: wire/plivo.h, wire/plivo_xml.h, wire/plivo_sig.h.
 *
 *     POST|GET /answer                  webhook  -> on_incoming -> XML; a hang-up that goes astray: on_status
 *     GET      /ws                      upgrade  -> (on_media_query) ... start -> on_media_start -> leg
 *     POST|GET /plivo/after             XML after <Stream> has ended -> on_after -> XML
 *     POST|GET /plivo/transfer          XML of a transfer under way (?to=, ours alone) -> <Dial>
 *     POST|GET /plivo/asked             XML after its <GetInput>: a key, or none -> on_asked -> XML
 *     POST|GET /plivo/dialled           XML after its <Dial> has ended -> on_dialled -> XML
 *     POST|GET /plivo/apology           XML of a call that is ended with an apology
 *     POST     /hangup, /plivo/ring     call progress -> on_status, on_progress
 *     POST     /plivo/amd               answering-machine detection -> on_progress
 *     POST     /plivo/stream-status     streams -> on_status
 *     POST     /plivo/recording, /plivo/sms    told to the log
 *     POST|GET /fallback                the apology: asked when /answer failed
 *     POST|GET /hold                    silence for two minutes, to park a leg of a test call
 *
 * Signatures (opts.verify_signature): V3 of the account's or the main account's token. Webhooks without one or with a
 * wrong one get 403. An upgrade with a wrong one gets 403; one without must bring a token the host accepts: it rides in
 * the query of the URL, which this vendor keeps.
 */
#ifndef CARRIERS_PLIVO_H
#define CARRIERS_PLIVO_H

#include "call/carrier.h"
#include "call/carrier_host.h"
#include "call/leg.h"
#include "carriers/plivo/plivo_opts.h"
#include "net/http_client.h"
#include "net/http_server.h"

struct plivo;

/* http: for REST, may be NULL when opts name no account. opts is lent until it is freed or carrier_set_opts. */
MUST_USE int plivo_new(struct loop *loop, struct http_client *http, const struct plivo_opts *opts,
                       const struct carrier_host *host, void *arg, struct plivo **ret);
/* The rest of what it does: carrier.h. Freed by carrier_free. */
struct carrier *plivo_carrier(struct plivo *p);

/*
 * Makes the carrier lead callers to us: finds the application by its name or makes it, writes our addresses into it and
 * gives it the number. Nothing else of the account is touched. The result is logged; "Ready! Call +<number> to test".
 * When something is missing for it, that is said in the log and nothing is asked. May be called again.
 */
void plivo_configure(struct plivo *p);

#endif
