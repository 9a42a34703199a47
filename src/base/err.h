/*
 * Errors. Every fallible function returns int: 0 or more is success, negative is -Exxx of errno.h
 * or one of ours below -4096. Names and texts come from the one list here.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <errno.h>

#include "base/defs.h"

/* X(name, stable kebab-case word for logs and records, text for people) */
#define ERR_LIST(X)                                                                                                    \
    X(ERR_SYNTAX, "syntax", "the text is not well-formed")                                                             \
    X(ERR_MISSING, "missing-field", "a required field is missing")                                                     \
    X(ERR_TYPE, "wrong-type", "a field has the wrong type")                                                            \
    X(ERR_RANGE, "out-of-range", "a value is outside its limits")                                                      \
    X(ERR_BASE64, "bad-base64", "the payload is not base64")                                                           \
    X(ERR_UTF8, "bad-utf8", "the text is not UTF-8")                                                                   \
    X(ERR_TOO_BIG, "too-big", "the message exceeds its limit")                                                         \
    X(ERR_STATE, "wrong-state", "the message is not allowed in this state")                                            \
    X(ERR_CLOSED, "closed", "the connection is closed")                                                                \
    X(ERR_TLS, "tls", "the TLS handshake failed")                                                                      \
    X(ERR_HTTP, "http", "the HTTP peer answered with an error")                                                        \
    X(ERR_WS, "websocket", "the peer broke the WebSocket protocol")                                                    \
    X(ERR_DNS, "dns", "the host name could not be resolved")                                                           \
    X(ERR_AUTH, "auth", "the credentials were refused")                                                                \
    X(ERR_CONFIG, "config", "the configuration is not usable")                                                         \
    X(ERR_CORRUPT, "corrupt", "the stored data is damaged")                                                            \
    X(ERR_REPLAY, "replay-differs", "the replay produced different actions")                                           \
    X(ERR_LIMIT, "limit", "a configured limit is reached")

enum err_code {
    ERR_FIRST_ = 4096,
#define X(name, word, text) name,
    ERR_LIST(X)
#undef X
        ERR_END_
};

/* Short stable word for a negative result ("bad-base64", "ETIMEDOUT"); "ok" for 0 and more. */
const char *err_name(int err);
/* One sentence for people. Never NULL; thread: any. */
const char *err_text(int err);

#endif
