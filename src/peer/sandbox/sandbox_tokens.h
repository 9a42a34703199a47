/*
 * Ephemeral tokens of Gemini Live: POST /v1alpha/auth_tokens (or v1beta) gives a name (auth_tokens/...) that opens
 * sessions at the method for tokens in place of a key: so many as `uses` says (1; 0: any number), each begun within a
 * minute. A session that resumes is no use. Not here: what a token may lock of the setup (it is accepted and not looked
 * at), other times than those. Bounded: the oldest go. Loop thread only.
 */
#ifndef PEER_SANDBOX_TOKENS_H
#define PEER_SANDBOX_TOKENS_H

#include "base/buf.h"

#define TOKEN_PREFIX "auth_tokens/"
#define TOKENS_MAX   256

struct token {
    char name[64];
    int64_t starts_until; /* unix seconds */
    uint32_t uses;        /* left */
    bool unlimited;
};

struct tokens {
    struct token list[TOKENS_MAX];
    uint32_t made;
};

bool tokens_is_path(struct str path);
/* Makes one as the body asks and appends the answer {"name":...}. -ERR_SYNTAX, -ERR_RANGE: ret_why, static. */
MUST_USE int tokens_make(struct tokens *t, struct str body, int64_t now_s, struct buf *out, const char **ret_why);
/* Uses it once. False: there is no such token, it was used up, or it came too late. */
bool tokens_use(struct tokens *t, struct str name, int64_t now_s);

#endif
