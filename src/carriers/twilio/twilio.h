/*
 * The carrier Twilio: webhooks, TwiML, Media Streams sockets (each becomes a struct leg), REST: dial, hang-up,
 * update, recording, the list of calls, text messages. One object per loop; loop thread only. Not here: which calls
 * exist, tokens, limits on calls: the host knows them and is asked through struct carrier_host. Wire facts:
 * wire/twilio.h, wire/twiml.h, wire/twilio_sig.h.
 *
 *     POST|GET /twiml, /incoming-call   webhook   -> on_incoming -> TwiML
 *     GET      /media-stream            upgrade   -> (on_media_query) ... start -> on_media_start -> leg
 *     POST|GET /twilio/fallback         webhook when the one before gave no TwiML -> the apology
 *     POST     /twilio/after            TwiML after <Connect> has ended -> on_after -> TwiML
 *     POST     /twilio/dialled          TwiML after a transfer's <Dial> has ended -> on_dialled -> TwiML
 *     POST     /twilio/asked            TwiML after <Gather>: a key, or none -> on_asked -> TwiML
 *     POST     /twilio/status           call progress -> on_status, and on_progress with ?attempt=
 *     POST     /twilio/amd              answering-machine detection of a call that we started -> on_progress
 *     POST     /twilio/recording        told to the log
 *     POST     /twilio/stream-status    stream-started, -stopped, -error -> on_status
 *
 * Signatures (opts.verify_signature): webhooks without a signature or with a wrong one get 403. An upgrade with a
 * wrong one gets 403; one without must bring a token the host accepts. The signed URL is rebuilt from opts.public_url
 * and the request target. Without public_url it is taken from X-Forwarded-Proto/-Host when the host trusts the peer,
 * else from Host and whether the connection is TLS: safe against forgery only as far as that Host can be trusted.
 */
#ifndef CARRIERS_TWILIO_H
#define CARRIERS_TWILIO_H

#include "call/carrier.h"
#include "call/carrier_host.h"
#include "call/leg.h"
#include "carriers/twilio/twilio_opts.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "wire/twilio.h"

struct twilio;

/* http: for REST, may be NULL when opts name no account. opts is lent until it is freed or carrier_set_opts. */
MUST_USE int twilio_new(struct loop *loop, struct http_client *http, const struct twilio_opts *opts,
                        const struct carrier_host *host, void *arg, struct twilio **ret);
/* The rest of what it does: carrier.h. Freed by carrier_free. */
struct carrier *twilio_carrier(struct twilio *t);
/* New TwiML for a running call; its stream, if any, ends. done may be NULL. -ERR_STATE when REST is not configured. */
MUST_USE int twilio_update_call(struct twilio *t, struct str call_sid, struct str twiml, carrier_done_fn done,
                                void *arg);

#endif
