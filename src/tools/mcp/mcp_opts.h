/* What is known of a server of the Model Context Protocol. Texts are lent; types only. */
#ifndef TOOLS_MCP_MCP_OPTS_H
#define TOOLS_MCP_MCP_OPTS_H

#include "base/str.h"

#define MCP_MAX_SERVERS   16
#define MCP_MAX_TOOLS     64 /* of one server */
#define MCP_MAX_ARGV      32
#define MCP_OUTPUT_MAX    12000         /* what the model is given */
#define MCP_MESSAGE_MAX   (1024 * 1024) /* of the server; longer ones end the session */
#define MCP_TOOL_NAME_MAX 64            /* of a function, as services take it */

struct mcp_pair {
    struct str name, value;
};

struct mcp_server_opts {
    struct str name;
    const struct str *argv; /* a program that speaks on its standard input and output; n_argv 0: url */
    uint32_t n_argv;
    const struct mcp_pair *env; /* added to ours */
    uint32_t n_env;
    struct str url; /* streamable HTTP */
    const struct mcp_pair *headers;
    uint32_t n_headers;
    struct str ca_file;      /* empty: the system's store */
    uint32_t start_ms;       /* until it has told its tools */
    uint32_t timeout_ms;     /* of a call */
    uint32_t refresh_s;      /* HTTP: so often it is asked for its tools again; 0: never */
    const struct str *tools; /* only these, by the server's names; n_tools 0: all */
    uint32_t n_tools;
    struct str prefix; /* before the names, as the model sees them */
};

#endif
