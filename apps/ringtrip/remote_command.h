/*
 * What the commands share that ask a running gateway over its HTTP API (call, campaigns, approvals): where it is and
 * with which token, one request with its answer, and what is said when there is none or it is a refusal.
 */
#ifndef APPS_RINGTRIP_REMOTE_COMMAND_H
#define APPS_RINGTRIP_REMOTE_COMMAND_H

#include "frame.h"

enum { REMOTE_OPT_URL = FRAME_OPT_N, REMOTE_OPT_TOKEN, REMOTE_OPT_JSON, REMOTE_OPT_N };
#define REMOTE_OPTIONS                                                                                                 \
    FRAME_OPTIONS, [REMOTE_OPT_URL] = {"--url", NULL, true}, [REMOTE_OPT_TOKEN] = {"--token", NULL, true},             \
                   [REMOTE_OPT_JSON] = {"--json", NULL, false}
#define REMOTE_USAGE                                                                                                   \
    FRAME_USAGE "  --url URL           where the gateway is: http://host:port\n"                                       \
                "  --token TOKEN       one of its server.tokens\n"

#define REMOTE_ANSWER_MAX ((size_t)64 << 20)

struct remote {
    struct frame frame;
    const char *url, *token; /* NULL: of the configuration */
    bool json;               /* answers as they are, for programs */
};

/* For a command's frame_command.option: takes the three of REMOTE_OPTIONS. Returns 0. */
int remote_option(struct remote *r, int option, const char *value);

/*
 * One request; body may be empty. The answer's body goes to out. STATUS_OK when the gateway did it; else the exit
 * status, after saying why on standard error: there is no gateway, it refused (with --json its answer also goes to
 * standard output), the configuration is wrong.
 */
int remote_ask(const struct remote *r, const char *method, const char *path, struct str body, struct buf *out);

#endif
