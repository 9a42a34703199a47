/*
 * The provider OpenAI Realtime: one WebSocket session as a struct model. Loop thread only. GA shape outward; GA and
 * beta names inward. Not here: when to respond, cancel, truncate (the call), resampling, choosing a service (the host).
 *
 * Life: connect -> session.created -> session.update -> session.updated -> EV_MODEL_READY -> events ... -> on_closed.
 * HTTP 101 is no success: a refused key or model comes as an error event and a close. Every failure is one
 * EV_MODEL_FAILED {err, code, message} followed by on_closed:
 *   err      -ERR_AUTH key refused, -ERR_CONFIG model or settings refused, -ETIMEDOUT, -ERR_DNS, -ERR_TLS, -ERR_HTTP,
 *            -ERR_TOO_BIG, -ERR_CLOSED and other results of the socket
 *   code     the service's own ("invalid_api_key", "session_expired"), "http-401", "unknown-format", "ws-1011";
 *            empty when the service said nothing: not reached, timeout, connection lost
 *   message  the service's sentence, with the field it names in front ("session.audio.input.format: ...")
 * Requests carry event_id "rt_<request>", so that EV_MODEL_ERROR names the one that failed.
 */
#ifndef PROVIDERS_OPENAI_H
#define PROVIDERS_OPENAI_H

#include "call/model_ops.h"
#include "net/loop.h"
#include "providers/openai/openai_opts.h"

#define OPENAI_DEFAULT_MODEL "gpt-realtime-2.1"

/* What every service of this protocol can do, for whoever must know it before there is a session. */
#define OPENAI_CAPS                                                                                                    \
    (MODEL_CAN_CANCEL | MODEL_CAN_TRUNCATE | MODEL_HAS_RESPONSE_IDS | MODEL_MAY_INTERRUPT | MODEL_HEARS_SPEECH |       \
     MODEL_HEARS_MEANING | MODEL_TAKES_TURNS | MODEL_ONLY_HEARS)

/*
 * opts is lent until return, call as long as the model lives. Nothing is called before it returns; on failure nothing
 * is called at all. -ERR_CONFIG (URL, tools that are no JSON), -ENOMEM, results of ws_connect.
 */
MUST_USE int openai_open(struct loop *loop, const struct openai_opts *opts, const struct call_opts *call,
                         const struct model_handler *h, void *arg, struct model **ret);

void openai_scratch_init(struct openai_scratch *s);
void openai_scratch_done(struct openai_scratch *s);

/* The current name for a retired model; name itself when it is not retired. The result is lent or static. */
struct str openai_model_current(struct str name);

#endif
