/*
 * What the parts of `ringtrip check` share: the finding that is being written, the worst one so far, and one request
 * at a time to somebody outside. Private to check*.c; one thread, blocking.
 */
#ifndef GATEWAY_CHECKER_H
#define GATEWAY_CHECKER_H

#include "gateway/check.h"
#include "gateway/snapshot.h"

struct checker {
    check_fn fn;
    void *arg;
    uint32_t patience_ms;
    enum check_level worst;
    struct buf text;   /* of the next finding, */
    struct buf remedy; /* and what to do about it */
};

void checker_init(struct checker *c, check_fn fn, void *arg);
void checker_done(struct checker *c);
/* The finding that text and remedy hold; both are empty then. */
void checker_say(struct checker *c, enum check_level level, const char *subject);
/* One whose words are known; remedy "" with CHECK_OK. */
void checker_tell(struct checker *c, enum check_level level, const char *subject, const char *text, const char *remedy);

/* A GET and what came of it. */
struct checker_get {
    struct str url;
    struct str user, password; /* Basic auth when user is not empty */
    const char *ca_file;       /* NULL: the system's store */
    /* filled: */
    int err;          /* 0: a status came */
    int status;       /* HTTP */
    struct buf body;  /* ours to free: checker_got */
    char detail[256]; /* a sentence when err < 0 */
    uint64_t took_us;
};
/* Blocks for at most patience_ms. The loop may serve others meanwhile: loop NULL takes one of its own. */
void checker_get(struct checker *c, struct loop *loop, struct checker_get *g);
void checker_got(struct checker_get *g);

/* ---- the parts ---- */

/* check_provider.c: opens a session over each provider that is used, as the first agent would. */
void check_providers(struct checker *c, const struct snapshot *s, bool offline);
/* check_login.c: true when the provider has no login, or lets us in; its access token then goes into token. */
bool check_login(struct checker *c, const struct config_provider *p, struct buf *token);
/* check_account.c: do the carriers know us, and where do they send calls? */
void check_accounts(struct checker *c, const struct config *cfg);
/* check_reach.c: does the public URL lead here? Listens on the port meanwhile; says what is wrong with the port, too.
 */
void check_reach(struct checker *c, const struct config *cfg, struct tls_ctx *tls, bool offline);
/* check_store.c: folder, disk, database. */
void check_store(struct checker *c, const struct config *cfg, bool offline);
/* check_tools.c: what models will not understand, or services refuse, of tools. */
void check_toolset(struct checker *c, const struct snapshot *s);
/* check_agents.c: every agent and every route. */
void check_agents(struct checker *c, const struct config *cfg);
/* check_agents.c: who would take this call. */
void check_call(struct checker *c, const struct snapshot *s, const struct when_facts *call);
/* check_turns.c: what an agent's settings of turn-taking come to. */
void check_turns(struct checker *c, const struct config_agent *agent);

#endif
