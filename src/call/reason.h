/* Why a call ended: the closed list of records, metrics and logs. */
#ifndef CALL_REASON_H
#define CALL_REASON_H

/* X(constant, word, sentence) */
#define CALL_REASON_LIST(X)                                                                                            \
    X(REASON_NONE, "none", "the call is not over")                                                                     \
    X(REASON_CALLER_HANGUP, "caller-hangup", "the caller hung up")                                                     \
    X(REASON_AGENT_HANGUP, "agent-hangup", "the agent ended the call")                                                 \
    X(REASON_TRANSFERRED, "transferred", "the caller was handed over to somebody else")                                \
    X(REASON_API_HANGUP, "api-hangup", "an operator ended the call")                                                   \
    X(REASON_DRAIN, "drain", "the gateway was shutting down")                                                          \
    X(REASON_CARRIER_CLOSED, "carrier-closed", "the carrier's socket broke")                                           \
    X(REASON_NO_MEDIA, "no-media", "no media socket or no audio came")                                                 \
    X(REASON_MODEL_UNREACHABLE, "model-unreachable", "the model could not be opened")                                  \
    X(REASON_MODEL_REFUSED, "model-refused", "the model refused key, model or settings")                               \
    X(REASON_MODEL_CLOSED, "model-closed", "the model closed the session")                                             \
    X(REASON_MODEL_SILENT, "model-silent", "the model stopped answering")                                              \
    X(REASON_CALLER_SILENT, "caller-silent", "the caller said nothing any more")                                       \
    X(REASON_LIMIT_DURATION, "limit-duration", "the call reached its maximum length")                                  \
    X(REASON_LIMIT_COST, "limit-cost", "the call reached its maximum cost")                                            \
    X(REASON_GUARDRAIL, "guardrail", "a guardrail ended the call")                                                     \
    X(REASON_PROTOCOL, "protocol", "a peer broke its protocol")                                                        \
    X(REASON_KILLED, "killed", "the gateway died during the call")                                                     \
    X(REASON_NO_ANSWER, "no-answer", "nobody answered the call that we made")                                          \
    X(REASON_BUSY, "busy", "the number that we called was busy or refused")                                            \
    X(REASON_NOT_DIALLED, "not-dialled", "the carrier could not make the call")                                        \
    X(REASON_CANCELED, "canceled", "the call was taken back before an answer")                                         \
    X(REASON_MACHINE, "machine", "a machine answered, and was hung up on")                                             \
    X(REASON_VOICEMAIL, "voicemail", "a machine answered, and the message was left")                                   \
    X(REASON_NO_CONSENT, "no-consent", "whoever answered did not want to talk to the agent")                           \
    X(REASON_INTERNAL, "internal-error", "an error inside the gateway")

enum call_reason {
#define X(name, word, text) name,
    CALL_REASON_LIST(X)
#undef X
        CALL_REASON_N
};
const char *call_reason_name(enum call_reason reason);
const char *call_reason_text(enum call_reason reason);
/* REASON_NONE for an unknown word. */
enum call_reason call_reason_parse(const char *word);

#endif
