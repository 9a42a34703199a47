/*
 * One server: its session, what is asked of it, what it offers. mcp.c has the set of them; the transports are pipe.c
 * and remote.c. Private to this folder. Loop thread only.
 */
#ifndef TOOLS_MCP_SESSION_H
#define TOOLS_MCP_SESSION_H

#include "base/arena.h"
#include "net/list.h"
#include "net/process.h"
#include "tools/mcp/mcp.h"
#include "wire/mcp.h"

enum mcp_session_state {
    SESSION_DOWN,     /* waits to be started again */
    SESSION_GREETING, /* initialize is under way */
    SESSION_LISTING,
    SESSION_UP,
};

enum mcp_request_kind { REQUEST_INITIALIZE, REQUEST_LIST, REQUEST_CALL };

/* One that waits for its answer. */
struct mcp_request {
    struct list link; /* session.requests */
    struct mcp_session *session;
    uint64_t id;
    enum mcp_request_kind kind;
    struct timer *deadline; /* NULL: the transport's */
    uint64_t http_id;       /* 0: none under way */
    struct mcp_run *run;    /* of a call; NULL: nobody waits any more */
};

struct mcp_run {
    struct mcp_session *session;
    struct mcp_request *request; /* NULL: answered */
    mcp_done_fn done;
    void *arg;
};

/* Tools as they were told; all texts in the arena. */
struct mcp_list {
    struct arena texts;
    struct mcp_tool_info *v; /* MCP_MAX_TOOLS, in the arena */
    uint32_t n;
    uint32_t skipped;
    uint32_t pages;
};

struct mcp_session {
    struct list link; /* mcp.sessions */
    struct mcp *hub;
    uint32_t refs; /* the hub's, and those of parsers off the loop */
    struct arena own;
    struct mcp_server_opts o; /* texts in own */
    struct str print;         /* the options in one text, to compare */
    enum mcp_session_state state;
    bool leaving; /* not wanted any more */
    bool closed;  /* nothing is sent any more */
    uint64_t last_id;
    struct list requests;
    struct timer *timer; /* start deadline, next try, refresh: by state */
    uint32_t failures;
    char problem[200];
    struct mcp_list tools;     /* that are offered */
    struct mcp_list coming;    /* while they are listed */
    bool list_again;           /* they changed meanwhile */
    char version[32];          /* of the protocol, as agreed */
    const struct mcp_use *use; /* while a call is being sent */

    struct process *process; /* pipe.c */
    struct str http_session; /* remote.c: its id, in id_text */
    char id_text[256];
};

struct mcp {
    struct loop *loop;
    struct http_client *http;
    void (*on_changed)(void *arg), (*on_state)(void *arg);
    void *arg;
    struct list sessions;
    bool freed;
};

MUST_USE int mcp_session_new(struct mcp *m, const struct mcp_server_opts *o, struct str print,
                             struct mcp_session **ret);
void mcp_session_start(struct mcp_session *s);
/* Ends it for good; what runs is cancelled. The hub's reference goes. */
void mcp_session_close(struct mcp_session *s);
void mcp_session_unref(struct mcp_session *s);
/* Starts again later; why is told to people. What runs fails with it. */
void mcp_session_lost(struct mcp_session *s, const char *why);
MUST_USE int mcp_session_call(struct mcp_session *s, const struct mcp_order *o, mcp_done_fn done, void *arg,
                              struct mcp_run **ret);
bool mcp_session_idle(const struct mcp_session *s); /* no tool runs */

/* From the transports: a message came. only: the request that it must answer; 0: any. */
void mcp_session_message(struct mcp_session *s, struct str text);
/* That request comes to nothing. */
void mcp_session_fail(struct mcp_session *s, struct mcp_request *r, enum mcp_outcome outcome, const char *why);
struct mcp_request *mcp_session_find(struct mcp_session *s, uint64_t id);

/* The text of an answer as output; shared with whoever fails. */
void mcp_session_answer(struct mcp_request *r, enum mcp_outcome outcome, struct str text);

/* pipe.c */
MUST_USE int mcp_pipe_start(struct mcp_session *s);
MUST_USE int mcp_pipe_send(struct mcp_session *s, struct str text);
void mcp_pipe_stop(struct mcp_session *s);
/* remote.c: text belongs to r; NULL: nothing is expected. */
MUST_USE int mcp_remote_send(struct mcp_session *s, struct str text, struct mcp_request *r, uint32_t deadline_ms);
void mcp_remote_stop(struct mcp_session *s);

/* offer.c */
MUST_USE int mcp_list_begin(struct mcp_list *l);
void mcp_list_done(struct mcp_list *l);
/* One page. ret_cursor: "" when it was the last. */
MUST_USE int mcp_list_read(struct mcp_list *l, const struct mcp_server_opts *o, const struct mcp_message *m,
                           char cursor[MCP_CURSOR_MAX]);
bool mcp_list_same(const struct mcp_list *a, const struct mcp_list *b);

#endif
