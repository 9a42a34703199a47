/*
 * Google's token server and the metadata server of its machines, for tests: on a real socket, strict. A request that a
 * service account's key did not sign, or whose claims are not what they must be, is answered with invalid_grant.
 */
#ifndef TESTS_FAKES_TOKEN_SERVER_H
#define TESTS_FAKES_TOKEN_SERVER_H

#include "base/buf.h"
#include "net/http_server.h"

struct token_server {
    struct http_server *server;
    void *key;            /* EVP_PKEY of the service account */
    char url[80];         /* what is asked */
    char key_file[128];   /* of the service account: written, removed with the server */
    struct buf key_text;  /* what stands in it */
    uint32_t asked, gave; /* requests; tokens: "ya29.token-1", "ya29.token-2" ... */
    uint32_t lasts_s;     /* of the tokens; 0: 3600 */
    int status;           /* 0: 200 with a token; another one with body */
    const char *body;
    bool silent; /* no answer at all */
    struct http_exchange *held;
};

void token_server_open(struct token_server *s, struct loop *loop);
void token_server_close(struct token_server *s);
/* Silent no longer: who waits gets a token. */
void token_server_speak(struct token_server *s);
/* The key file again, with this text. */
void token_server_write(const struct token_server *s, const char *text);

#endif
