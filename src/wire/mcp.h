/*
 * Model Context Protocol, the client's side: JSON-RPC 2.0 messages that we send and read. Pure, allocates nothing but
 * in the buffers it is given. What is sent: initialize, initialized, tools/list, tools/call, cancelled, answers to the
 * server's own requests. What is understood: answers, requests, notifications, a list of tools, a tool's result. Not
 * here: resources, prompts, sampling. Source: modelcontextprotocol.io, specification 2025-06-18, basic and
 * server/tools.
 */
#ifndef WIRE_MCP_H
#define WIRE_MCP_H

#include "base/json.h"

#define MCP_VERSION      "2025-06-18" /* that we offer */
#define MCP_NAME_MAX     128
#define MCP_DESCRIBE_MAX 8192
#define MCP_SCHEMA_MAX   (32 * 1024)
#define MCP_CURSOR_MAX   1024

/* ---- what we send: one JSON text each, without a line end ---- */

void mcp_put_initialize(struct buf *out, uint64_t id, const char *client, const char *version);
void mcp_put_initialized(struct buf *out);
/* cursor empty: the first page. */
void mcp_put_list(struct buf *out, uint64_t id, struct str cursor);
/* A use of a tool. arguments: a JSON object, taken as it is. traceparent, tracestate: W3C trace context, goes into
 * _meta (OpenTelemetry's conventions for MCP); empty: none. */
struct mcp_use {
    struct str tool, arguments;
    struct str traceparent, tracestate;
};
void mcp_put_call(struct buf *out, uint64_t id, const struct mcp_use *use);
void mcp_put_cancelled(struct buf *out, uint64_t id, const char *reason);
/* id: of the server's request, as it stood in its message. */
void mcp_put_empty_result(struct buf *out, struct str id);
void mcp_put_no_method(struct buf *out, struct str id);

/* ---- what we read ---- */

enum mcp_kind {
    MCP_RESULT,
    MCP_ERROR,
    MCP_REQUEST,
    MCP_NOTIFICATION,
};

/* Slices of the text. */
struct mcp_message {
    enum mcp_kind kind;
    uint64_t id;          /* answers: of our request; 0: not one of ours */
    struct str raw_id;    /* requests: in JSON */
    struct str method;    /* requests and notifications; words without escapes only, else empty */
    struct json_val body; /* result, error or params */
    int64_t code;         /* of an error */
};
/* One message. -ERR_SYNTAX, -ERR_TYPE (not JSON-RPC 2.0), -ERR_MISSING. */
MUST_USE int mcp_read(struct str text, struct mcp_message *ret);

/* The sentence of an error, for people; appended. */
void mcp_error_text(const struct mcp_message *m, struct buf *out);

struct mcp_welcome {
    struct str version; /* of the protocol */
    struct str name, server_version;
    bool tools;         /* it has some */
    bool tells_changes; /* it says when they change */
};
/* The answer to initialize. -ERR_MISSING, -ERR_TYPE */
MUST_USE int mcp_read_welcome(const struct mcp_message *m, struct mcp_welcome *ret);
/* Whether we speak it. */
bool mcp_version_known(struct str version);

/* Texts lie in scratch or in the message. */
struct mcp_tool {
    struct str name;
    struct str description; /* or the title, when there is none */
    struct str schema;      /* of the arguments, JSON */
    bool read_only;         /* annotations.readOnlyHint or idempotentHint: may be tried twice */
};
typedef void (*mcp_tool_fn)(const struct mcp_tool *tool, void *arg);
/*
 * Gives each tool of an answer to tools/list; those without a usable name or schema are counted in *skipped. cursor: of
 * the next page, empty: that was the last. scratch is cleared for each tool; cursor is copied behind them.
 */
MUST_USE int mcp_read_tools(const struct mcp_message *m, struct buf *scratch, mcp_tool_fn fn, void *arg,
                            uint32_t *skipped, char cursor[MCP_CURSOR_MAX]);

/*
 * The answer to tools/call as text for a model: texts one under the other, embedded texts too, a word about what is no
 * text; the structured content when there is nothing else. At most max bytes, cut at a character's end and said so.
 * ret_failed: the tool says that it failed. -ERR_MISSING, -ERR_TYPE, -ENOMEM
 */
MUST_USE int mcp_read_result(const struct mcp_message *m, size_t max, struct buf *out, bool *ret_failed);

/*
 * Server-sent events in one piece, as the streamable HTTP transport answers: appends the data of the next event to
 * data (cleared before) and moves *rest on. False: there is no more.
 */
bool mcp_next_event(struct str *rest, struct buf *data);

#endif
