/*
 * The provider Gemini Live: one WebSocket session as a struct model. Loop thread only. Not here: when to answer (the
 * call), resampling (the call: 16 kHz up, 24 kHz down), choosing a service (the host), going on after a close (the
 * call).
 *
 * Life: connect -> setup -> setupComplete -> EV_MODEL_READY -> events ... -> on_closed.
 *
 * The service knows no response ids, no commit, no cancel and no truncate, so that they are made here:
 *   - local and manual turns: the first audio of a turn is preceded by activityStart, a commit becomes activityEnd,
 * which makes the model answer by itself: the response that the call then asks for is that one
 *   - a response is created when it is asked for; what the model says unasked creates one too. It is done at
 *     generationComplete; what it costs is told with turnComplete, when the service believes that it was heard
 *   - a cancelled response is only not listened to any more; the service learns of it by what comes next
 *   - with the service's own detection "interrupted" is the caller's barge-in, in one step
 *   - a tool call ends the response; tools that the service drops when it is interrupted go on, and the same call under
 *     another id gets the same output
 * Every failure is one EV_MODEL_FAILED {err, code, message} followed by on_closed:
 *   err      -ERR_AUTH key refused, -ERR_CONFIG model or settings refused, -ERR_LIMIT quota, -ETIMEDOUT, -ERR_DNS,
 *            -ERR_TLS, -ERR_HTTP, -ERR_TOO_BIG, -ERR_CLOSED and other results of the socket
 *   code     api-key-refused, api-key-missing, location, model-not-found, unknown-field, invalid-argument,
 *            not-supported, session-not-found, session_expired, aborted, quota, service-error, http-NNN, ws-NNNN; empty
 *            when the service said nothing
 *   message  the service's sentence, and what to do about it where we know
 */
#ifndef PROVIDERS_GEMINI_H
#define PROVIDERS_GEMINI_H

#include "call/model_ops.h"
#include "net/loop.h"
#include "providers/gemini/gemini_opts.h"

#define GEMINI_DEFAULT_MODEL    "gemini-3.8-live"
#define GEMINI_DEFAULT_VOICE    "Kore"
#define GEMINI_DEFAULT_HOST     "generativelanguage.googleapis.com"
#define GEMINI_DEFAULT_LOCATION "us-central1" /* of Vertex AI */

/* What every service of this protocol can do, for whoever must know it before there is a session. */
#define GEMINI_CAPS (MODEL_MAY_INTERRUPT | MODEL_HEARS_SPEECH | MODEL_TAKES_TURNS)

/*
 * opts is lent until return, call as long as the model lives. Nothing is called before it returns; on failure nothing
 * is called at all. -ERR_CONFIG (URL, tools whose schema is no JSON object), -ENOMEM, results of ws_connect.
 */
MUST_USE int gemini_open(struct loop *loop, const struct gemini_opts *opts, const struct call_opts *call,
                         const struct model_handler *h, void *arg, struct model **ret);

void gemini_scratch_init(struct gemini_scratch *s);
void gemini_scratch_done(struct gemini_scratch *s);

/* What takes the place of a model that the service has shut down or will; empty: nothing, it is current or unknown. */
struct str gemini_successor(struct str model);

#endif
