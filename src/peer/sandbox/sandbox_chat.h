/*
 * The text side of the sandbox: POST /v1/chat/completions, answered by one rule, so that model guardrails can be tried
 * offline. The phrases that the system message has in double quotes are looked for in the last user message (in its
 * "text", when it is a JSON object), whatever their capitals: one of them there is {"tripped": true}. Pure.
 */
#ifndef PEER_SANDBOX_CHAT_H
#define PEER_SANDBOX_CHAT_H

#include "base/buf.h"

/* Appends a chat completion. -ERR_SYNTAX, -ERR_MISSING (no messages), -ERR_TOO_BIG, -ENOMEM */
MUST_USE int chat_answer(struct str body, int64_t now_s, struct buf *out);

#endif
