/*
 * Tools of servers that speak the Model Context Protocol, as a program of ours over its standard input and output, or
 * over streamable HTTP. A hub keeps a session with each server, learns its tools, and starts it again, later and later,
 * when it fails. Nothing waits for a server: what it offers is there when it has told so. Loop thread only.
 * Source: modelcontextprotocol.io, specification 2025-06-18: lifecycle, transports, tools.
 */
#ifndef TOOLS_MCP_MCP_H
#define TOOLS_MCP_MCP_H

#include "net/http_client.h"
#include "tools/mcp/mcp_opts.h"
#include "wire/mcp.h"

struct mcp;
struct mcp_run;

struct mcp_tool_info {
    struct str name;        /* as the model sees it: prefix and all, only what services take */
    struct str remote;      /* as the server calls it */
    struct str description; /* may be empty */
    struct str schema;      /* JSON */
    bool read_only;
};

/* What a server offers; lent until on_changed or mcp_set_servers. */
struct mcp_offer {
    const struct mcp_tool_info *tools;
    uint32_t n_tools;
    bool up;
    struct str problem; /* why it is not, or was not the last time; empty: it starts for the first time */
};

/* on_changed: some server's tools are others now, also when they came for the first time; from the loop. May be NULL.
 * http outlives the hub. */
MUST_USE int mcp_new(struct loop *loop, struct http_client *http, void (*on_changed)(void *arg), void *arg,
                     struct mcp **ret);
/* Told besides when a server is up or has failed, from the loop; fn must not change the set. NULL: nobody. */
void mcp_on_state(struct mcp *m, void (*fn)(void *arg));
/* Ends the servers; what runs is done with MCP_CANCELLED before this returns. NULL is fine. */
struct mcp *mcp_free(struct mcp *m);
/*
 * The servers that there are from now on. One that is described as before goes on; one that is not wanted any more ends
 * when nothing runs on it. Texts are copied. -ENOMEM, -ERR_LIMIT
 */
MUST_USE int mcp_set_servers(struct mcp *m, const struct mcp_server_opts *servers, uint32_t n);
/* Servers that are wanted, and those of them that are up. */
void mcp_count(const struct mcp *m, uint32_t *ret_servers, uint32_t *ret_up);
/* -ENOENT */
MUST_USE int mcp_offer(const struct mcp *m, struct str server, struct mcp_offer *ret);

enum mcp_outcome { MCP_OK, MCP_FAILED, MCP_TIMEOUT, MCP_CANCELLED, MCP_OUTCOME_N };
const char *mcp_outcome_word(enum mcp_outcome outcome);

struct mcp_output {
    enum mcp_outcome outcome;
    struct str text; /* for the model; lent until the handler returns; empty when cancelled */
};
typedef void (*mcp_done_fn)(const struct mcp_output *output, void *arg);

/*
 * Runs a tool by the server's name for it; use is copied. timeout_ms 0: the server's. Over HTTP the request has the
 * trace context as headers too, unless the server's own have it. done is called once, from the loop, never before this
 * returns. -ENOENT: no such server; -ERR_CLOSED: it is not up; -ENOMEM, -ERR_LIMIT (it does not read): then never.
 */
struct mcp_order {
    struct str server;
    struct mcp_use use;
    uint32_t timeout_ms;
};
MUST_USE int mcp_run_tool(struct mcp *m, const struct mcp_order *o, mcp_done_fn done, void *arg, struct mcp_run **ret);
/* The server is told; done is called with MCP_CANCELLED from a later pass of the loop. Not after done. */
void mcp_run_cancel(struct mcp_run *run);

#endif
