/*
 * Why a call ended: the closed list that records, metrics, logs and the API share. Every call ends with exactly one.
 * The words are stored in databases and read by other programs: never renamed, only added. Pure names, no state.
 */
#ifndef CALL_CLOSE_H
#define CALL_CLOSE_H

#include "base/str.h"

/* X(constant, stable word, status the record ends in: COMPLETED or FAILED, sentence for people) */
#define CALL_CLOSE_LIST(X)                                                                                             \
    X(CLOSE_CALLER_HANGUP, "caller-hangup", COMPLETED, "the caller hung up")                                           \
    X(CLOSE_AGENT_HANGUP, "agent-hangup", COMPLETED, "the agent said goodbye and ended the call")                      \
    X(CLOSE_API_HANGUP, "api-hangup", COMPLETED, "the call was ended through the API")                                 \
    X(CLOSE_SILENCE, "silence", COMPLETED, "nobody spoke for too long")                                                \
    X(CLOSE_DRAINED, "drained", COMPLETED, "the gateway was shutting down")                                            \
    X(CLOSE_LIMIT_DURATION, "limit-duration", COMPLETED, "the call reached its longest duration")                      \
    X(CLOSE_LIMIT_COST, "limit-cost", COMPLETED, "the call reached its highest cost")                                  \
    X(CLOSE_NO_MEDIA, "no-media", FAILED, "no audio came from the carrier")                                            \
    X(CLOSE_CARRIER_CLOSED, "carrier-closed", FAILED, "the carrier's media connection was lost")                       \
    X(CLOSE_CARRIER_ERROR, "carrier-error", FAILED, "the carrier broke its protocol")                                  \
    X(CLOSE_MODEL_UNREACHABLE, "model-unreachable", FAILED, "the model could not be reached or did not become ready")  \
    X(CLOSE_MODEL_REFUSED, "model-refused", FAILED, "the model refused the session (key, model or settings)")          \
    X(CLOSE_MODEL_CLOSED, "model-closed", FAILED, "the model's connection ended during the call")                      \
    X(CLOSE_MODEL_ERROR, "model-error", FAILED, "the model reported an error that the call could not survive")         \
    X(CLOSE_MODEL_SILENT, "model-silent", FAILED, "the model did not answer in time")                                  \
    X(CLOSE_MEMORY, "memory", FAILED, "memory or a queue limit was exhausted")                                         \
    X(CLOSE_KILLED, "killed", FAILED, "the gateway died while the call was live")                                      \
    X(CLOSE_INTERNAL_ERROR, "internal-error", FAILED, "a broken promise inside the gateway")

enum call_close {
    CLOSE_NONE, /* the call has not ended */
#define X(name, word, status, text) name,
    CALL_CLOSE_LIST(X)
#undef X
        CLOSE_N_
};

/* "caller-hangup"; "" for CLOSE_NONE. Never NULL. */
const char *call_close_word(enum call_close c);
/* One sentence for people; "" for CLOSE_NONE. */
const char *call_close_text(enum call_close c);
/* Whether a call that ended so counts as failed. */
bool call_close_failed(enum call_close c);
/* -EINVAL for an unknown word; "" gives CLOSE_NONE. */
MUST_USE int call_close_parse(struct str word, enum call_close *ret);

#endif
