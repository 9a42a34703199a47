/*
 * The texts of Google's token servers: what is asked for with a key file, and what they answer. Two kinds of file: the
 * key of a service account, for which a token of our own is signed (RFC 7523, RS256), and what
 * `gcloud auth application-default login` writes, a refresh token (RFC 6749, 6). Pure but for the signature, which
 * costs a millisecond: for a job thread. Not here: files, requests, when to ask again (gemini_login.h). Source: Google,
 * "Using OAuth 2.0 for Server to Server Applications"; the metadata server's "Access tokens".
 */
#ifndef PROVIDERS_GEMINI_GRANT_H
#define PROVIDERS_GEMINI_GRANT_H

#include "base/buf.h"

#define GEMINI_TOKEN_URL "https://oauth2.googleapis.com/token"
#define GEMINI_SCOPE     "https://www.googleapis.com/auth/cloud-platform"

struct gemini_grant {
    char account[256]; /* who logs in, for people */
    struct buf url;
    struct buf body; /* application/x-www-form-urlencoded; a secret */
};

void gemini_grant_init(struct gemini_grant *g);
void gemini_grant_done(struct gemini_grant *g);
/*
 * file: the whole key file. url: asked in place of the one that the file names; empty: none. now_s: Unix time.
 * -ERR_CONFIG with a sentence in problem; -ENOMEM
 */
MUST_USE int gemini_grant_make(struct gemini_grant *g, struct str file, struct str url, int64_t now_s,
                               struct buf *problem);

/* The answer of a token server or of the metadata server. -ERR_SYNTAX: there is no token that a header can carry in it.
 */
MUST_USE int gemini_grant_answer(struct str answer, struct buf *token, uint32_t *ret_lasts_s);
/* What it says instead: appends "invalid_grant: Invalid JWT Signature.", or nothing. */
void gemini_grant_refusal(struct str answer, struct buf *out);

#endif
