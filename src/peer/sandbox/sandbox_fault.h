/*
 * Ways in which the sandbox can be told to misbehave: for all connections (--faults) or for one (?fault= in its URL),
 * as "name", "name=value" (or "name:value") or several of them joined by commas. Pure.
 */
#ifndef PEER_SANDBOX_FAULT_H
#define PEER_SANDBOX_FAULT_H

#include "base/buf.h"

#define FAULT_VALUE_BYTES 64

/* X(constant, name, default value ("" takes none), what it does) */
#define FAULT_LIST(X)                                                                                                  \
    X(FAULT_TEXT_ONLY, "text-only", "", "responses are text although audio was asked for")                             \
    X(FAULT_PCM_TOLD, "pcm-told", "", "the output format becomes audio/pcm, and session.updated says so")              \
    X(FAULT_PCM_UNTOLD, "pcm-untold", "", "audio comes as audio/pcm although session.updated says otherwise")          \
    X(FAULT_CLOSE, "close", "1011", "closes in the middle of a response with this code")                               \
    X(FAULT_DROP, "drop", "", "drops the connection in the middle of a response, without a close frame")               \
    X(FAULT_EXPIRE, "expire", "5", "the session expires after so many seconds (close 1001)")                           \
    X(FAULT_CLOSE_AFTER, "close-after", "5000", "closes with 1011 so many milliseconds after it was opened")           \
    X(FAULT_DROP_AFTER, "drop-after", "5000", "drops the connection so many milliseconds after it was opened")         \
    X(FAULT_DROP_HEARD, "drop-heard", "1500", "drops the first session after so many milliseconds of caller audio")    \
    X(FAULT_CREATED_LATE, "created-late", "2000", "session.created comes so many milliseconds after the connection")   \
    X(FAULT_REFUSE, "refuse", "2", "so many connections behind the first are refused with HTTP 503")                   \
    X(FAULT_NO_UPDATED, "no-updated", "", "session.update is never answered")                                          \
    X(FAULT_NO_RESPONSE, "no-response", "", "response.create is never answered")                                       \
    X(FAULT_SLOW, "slow", "2000", "milliseconds before the first event of a response's content")                       \
    X(FAULT_STALL, "stall", "3000", "a pause of so many milliseconds in the middle of a response's audio")             \
    X(FAULT_BURSTS, "bursts", "1500", "audio at once, one second at a time, with pauses of so many milliseconds")      \
    X(FAULT_NO_AUDIO, "no-audio", "", "responses without any audio delta, though with a transcript")                   \
    X(FAULT_ENDLESS, "endless", "", "responses never end: they start over")                                            \
    X(FAULT_TRANSCRIPT_LATE, "transcript-late", "500", "transcripts come so many milliseconds behind their audio")     \
    X(FAULT_UNKNOWN, "unknown-events", "", "event types and members that nobody knows, in between")                    \
    X(FAULT_LATE_AUDIO, "late-audio", "", "audio and transcript deltas after a cancelled response is done")            \
    X(FAULT_HUGE, "huge", "10485760", "one event of so many bytes in every response")                                  \
    X(FAULT_SAME_CALL_ID, "same-call-id", "", "every function call has the same call_id, and comes twice")             \
    X(FAULT_FAIL, "fail", "rate_limit_exceeded", "every response fails with this error code")                          \
    X(FAULT_INCOMPLETE, "incomplete", "max_output_tokens", "every response ends incomplete, with this reason")         \
    X(FAULT_NO_CREATED, "no-created", "", "response.created is left out")                                              \
    X(FAULT_ERROR, "error", "server_error", "an error event with this code in the middle of every response")           \
    X(FAULT_NO_DONE, "no-done", "", "response.done never comes, though everything else does")                          \
    X(FAULT_LATE_DONE, "late-done", "3000", "response.done comes so many milliseconds after everything else")          \
    X(FAULT_TWICE_DONE, "twice-done", "", "response.done comes twice")                                                 \
    X(FAULT_NO_LIMITS, "no-limits", "", "rate_limits.updated is left out")                                             \
    X(FAULT_NO_HEARD, "no-heard", "", "input transcription is never delivered")                                        \
    X(FAULT_HEARD_FAILED, "heard-failed", "", "input transcription fails")                                             \
    X(FAULT_OBFUSCATION, "obfuscation", "", "deltas carry the padding member that the live service sends")             \
    X(FAULT_BAD_AUDIO, "bad-audio", "", "audio deltas that are not base64")                                            \
    X(FAULT_BAD_JSON, "bad-json", "", "a text message that is not JSON in every response")                             \
    X(FAULT_BINARY, "binary", "", "a binary message in every response")                                                \
    X(FAULT_AFTER, "after", "1", "so many responses of a session are spared what the others suffer")                   \
    X(FAULT_TIMES, "times", "1", "so many responses suffer, then all is well again")

enum sandbox_fault {
#define X(name, word, value, text) name,
    FAULT_LIST(X)
#undef X
        FAULT_N
};

struct sandbox_faults {
    bool on[FAULT_N];
    char value[FAULT_N][FAULT_VALUE_BYTES];
};

/* Adds the faults that text names. ret_err gets a sentence. -EINVAL */
MUST_USE int faults_parse(struct sandbox_faults *f, struct str text, struct buf *ret_err);
/* The value as a number; 0 when it is none or the fault is off. */
uint32_t fault_number(const struct sandbox_faults *f, enum sandbox_fault fault);
/* One line each, for --help. */
void faults_describe(struct buf *out);

#endif
