/*
 * A sandbox of our own and sessions against it, for tests that use the library as another program would: the public
 * header and nothing of ours.
 */
#ifndef LIBRARY_RIG_H
#define LIBRARY_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ringtrip/ringtrip.h>

#define SOON_MS 20000 /* longer than anything takes on a busy machine */

/* Path of ringtrip-sandbox; of the first argument of the test program. */
void rig_init(int argc, char **argv);
const char *rig_sandbox_program(void);
/* Path of tests/fakes/mcp_server.py; of the second. */
const char *rig_server_program(void);

struct sandbox {
    int pid, out, in;
    char url[128]; /* ws://127.0.0.1:4711/v1/realtime */
    char file[64];
};
/* The dialogue of these tests, and further arguments that end with NULL. */
void sandbox_start(struct sandbox *s, const char *const *args);
void sandbox_stop(struct sandbox *s);
/* One for all tests of a program, twenty times as fast as life; for cmocka_run_group_tests. */
extern struct sandbox sandbox;
int open_sandbox(void **state);
int close_sandbox(void **state);
/* GET of a path like /sandbox/sessions; the body, for free(). */
char *sandbox_get(const struct sandbox *s, const char *path);

/* An agent with instructions. */
struct rt_agent *make_agent(const char *name);
/* The tool "lookup". */
struct rt_tool *make_lookup(rt_tool_fn fn, void *arg);
/* It as asked by the agent "helper" about the weather; arg: int, how often. */
void answer_sunny(struct rt_tool_call *call, void *arg);
/* A runner whose sessions need no configuration and no environment. */
struct rt_runner *make_runner(const struct rt_agent *agent, const struct rt_settings *settings);
/* A session of it with the sandbox; opts may be NULL. */
struct rt_session *make_session(struct rt_runner *r, const struct sandbox *s, const struct rt_session_opts *opts);

/* Frees both, which nothing may hinder. */
void done(struct rt_session *s, struct rt_runner *r);

/* The next event of this type; others are passed over. Fails the test when it does not come. */
struct rt_event *await_event(struct rt_session *s, enum rt_event_type type);
/* Passes over everything until that comes. */
void pass_event(struct rt_session *s, enum rt_event_type type);
/* Every event up to that one, as their names with blanks behind, once each in a row; for free(). */
char *names_until(struct rt_session *s, enum rt_event_type type);

#endif
