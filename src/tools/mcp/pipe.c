/* A server as a program of ours: one message a line, on its standard input and output. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "tools/mcp/session.h"

#define ENV_MAX 512

static void on_line(struct process *p, struct str line, void *arg)
{
    struct mcp_session *s = arg;
    if (s->process != p || line.n == 0) {
        return; /* of one that was given up */
    }
    if (line.n >= MCP_MESSAGE_MAX) {
        mcp_session_lost(s, "it sent a message of more than a megabyte");
        return;
    }
    mcp_session_message(s, line);
}

static void on_closed(struct process *p, int status, int signo, void *arg)
{
    struct mcp_session *s = arg;
    if (s->process == p) {
        char why[64];
        snprintf(why, sizeof(why), signo ? "it was killed by signal %d" : "it ended with status %d",
                 signo ? signo : status);
        s->process = NULL;
        mcp_session_lost(s, why);
    }
    mcp_session_unref(s);
}

static const struct process_handler handler = {.on_line = on_line, .on_closed = on_closed};

/* Ours, and what is given; the last of a name counts for most programs, so ours of that name are left out. */
static bool overridden(const struct mcp_session *s, const char *pair)
{
    struct str name = str_from(pair);
    name.n = str_find(name, '=');
    for (uint32_t i = 0; i < s->o.n_env; i++) {
        if (str_eq(s->o.env[i].name, name)) {
            return true;
        }
    }
    return false;
}

static int fill_env(const struct mcp_session *s, struct arena *a, const char **env)
{
    size_t n = 0;
    for (char **at = environ; *at && n + s->o.n_env + 1 < ENV_MAX; at++) {
        if (!overridden(s, *at)) {
            env[n++] = *at;
        }
    }
    for (uint32_t i = 0; i < s->o.n_env && n + 1 < ENV_MAX; i++) {
        struct str name = s->o.env[i].name;
        struct str value = s->o.env[i].value;
        char *z = arena_raw(a, name.n + value.n + 2);
        if (!z) {
            return -ENOMEM;
        }
        memcpy(z, name.p, name.n);
        z[name.n] = '=';
        memcpy(z + name.n + 1, value.p, value.n);
        z[name.n + 1 + value.n] = '\0';
        env[n++] = z;
    }
    env[n] = NULL;
    return 0;
}

int mcp_pipe_start(struct mcp_session *s)
{
    const char *argv[MCP_MAX_ARGV + 1];
    const char *env[ENV_MAX];
    struct arena texts;
    for (uint32_t i = 0; i < s->o.n_argv; i++) {
        argv[i] = s->o.argv[i].p;
    }
    argv[s->o.n_argv] = NULL;
    arena_init(&texts, (size_t)1 << 20);
    const struct process_opts o = {.file = argv[0], .argv = argv, .env = env, .max_line = MCP_MESSAGE_MAX};
    int err = fill_env(s, &texts, env);
    err = err < 0 ? err : process_open(s->hub->loop, &o, &handler, s, &s->process);
    arena_done(&texts);
    if (err >= 0) {
        s->refs++; /* until on_closed */
    } else {
        s->process = NULL;
    }
    return err;
}

int mcp_pipe_send(struct mcp_session *s, struct str text)
{
    if (!s->process) {
        return -ERR_CLOSED;
    }
    struct buf line;
    buf_init(&line, text.n + 1);
    buf_put_str(&line, text);
    buf_putc(&line, '\n');
    int err = line.err < 0 ? line.err : process_write(s->process, buf_span(&line));
    buf_done(&line);
    return err;
}

void mcp_pipe_stop(struct mcp_session *s)
{
    struct process *p = s->process;
    s->process = NULL;
    if (p) {
        process_close(p);
    }
}
