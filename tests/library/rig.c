#include "rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[512], server[512];

static const char dialogue[] =
    "name: Library\n"
    "greeting: Hello.\n"
    "refusal: Pardon?\n"
    "unavailable: I cannot do that.\n"
    "prompt: Anything else?\n"
    "script: [look it up, tell me a story]\n"
    "intents:\n"
    "  lookup:\n"
    "    keywords: [look up]\n"
    "    rules: [look it up]\n"
    "    say: Let me look.\n"
    "    call: {tool: lookup, arguments: {what: weather}}\n"
    "  strict:\n"
    "    keywords: [strict]\n"
    "    call: {tool: strict, arguments: {what: weather}}\n"
    "  records:\n"
    "    keywords: [records]\n"
    "    call: {tool: transfer_to_records}\n"
    "  story:\n"
    "    keywords: [story]\n"
    "    rules: [tell me a story]\n"
    "    say: Once upon a time there was a telephone that nobody answered, and it rang and rang and rang all through "
    "the "
    "long winter night until somebody came, at last, and spoke into it for a very long time.\n"
    "  name:\n"
    "    keywords: [name]\n"
    "    say: My name is Robin.\n"
    "results:\n"
    "  lookup:\n"
    "    - when: {answer: \"*\"}\n"
    "      say: It is {result.answer}.\n"
    "    - say: That did not work.\n"
    "  strict:\n"
    "    - when: {answer: \"*\"}\n"
    "      say: It is {result.answer}.\n"
    "    - say: That did not work.\n"
    "  transfer_to_records:\n"
    "    - say: Records speaking.\n";

void rig_init(int argc, char **argv)
{
    assert_true(argc > 1);
    assert_true(snprintf(program, sizeof(program), "%s", argv[1]) < (int)sizeof(program));
    assert_true(snprintf(server, sizeof(server), "%s", argc > 2 ? argv[2] : "") < (int)sizeof(server));
}

const char *rig_server_program(void)
{
    return server;
}

const char *rig_sandbox_program(void)
{
    return program;
}

/* ---- the sandbox ---- */

static void write_dialogue(struct sandbox *s)
{
    assert_true(snprintf(s->file, sizeof(s->file), "library-dialogue.XXXXXX") > 0);
    int fd = mkstemp(s->file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, dialogue, sizeof(dialogue) - 1), sizeof(dialogue) - 1);
    close(fd);
}

static void run_sandbox(const char *const *args, const char *file, int in, int out)
{
    const char *argv[24] = {program, "--listen", "127.0.0.1:0", "--die-with-parent", "--dialogue", file};
    int n = 6;
    for (; args && *args && n < 23; args++) {
        argv[n++] = *args;
    }
    dup2(in, 0);
    dup2(out, 1);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void sandbox_start(struct sandbox *s, const char *const *args)
{
    int out[2], in[2];
    char line[256] = "";
    size_t n = 0;
    memset(s, 0, sizeof(*s));
    write_dialogue(s);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        run_sandbox(args, s->file, in[0], out[1]);
    }
    close(out[1]);
    close(in[0]);
    s->out = out[0];
    s->in = in[1];
    while (n + 1 < sizeof(line) && read(s->out, line + n, 1) == 1 && line[n] != '\n') {
        n++;
    }
    line[n] = '\0';
    assert_int_equal(strncmp(line, "listening on ", 13), 0);
    assert_true(snprintf(s->url, sizeof(s->url), "%s", line + 13) < (int)sizeof(s->url));
}

void sandbox_stop(struct sandbox *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
        close(s->out);
        close(s->in);
        unlink(s->file);
        s->pid = 0;
    }
}

struct sandbox sandbox;

int open_sandbox(void **state)
{
    static const char *const quick[] = {"--canned", "--speed", "20", NULL};
    (void)state;
    sandbox_start(&sandbox, quick);
    return 0;
}

int close_sandbox(void **state)
{
    (void)state;
    sandbox_stop(&sandbox);
    return 0;
}

char *sandbox_get(const struct sandbox *s, const char *path)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(s->url, ':');
    char *answer = calloc(1, 1u << 20);
    size_t n = 0;
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned port = 0;
    for (const char *p = colon + 1; *p >= '0' && *p <= '9'; p++) {
        port = port * 10 + (unsigned)(*p - '0');
    }
    at.sin_port = htons((uint16_t)port);
    assert_non_null(answer);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_true(dprintf(fd, "GET %s HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n", path) > 0);
    while ((got = read(fd, answer + n, (1u << 20) - n - 1)) > 0) {
        n += (size_t)got;
    }
    close(fd);
    return answer;
}

/* ---- sessions ---- */

struct rt_agent *make_agent(const char *name)
{
    struct rt_agent *a = NULL;
    assert_int_equal(rt_agent_new(name, &a), 0);
    assert_int_equal(rt_agent_set_instructions(a, "Be of help."), 0);
    return a;
}

struct rt_tool *make_lookup(rt_tool_fn fn, void *arg)
{
    struct rt_tool *t = NULL;
    assert_int_equal(rt_tool_new("lookup", "Looks something up.",
                                 "{\"type\":\"object\",\"properties\":{\"what\":{\"type\":\"string\"}}}", fn, arg, &t),
                     0);
    return t;
}

void answer_sunny(struct rt_tool_call *call, void *arg)
{
    int *count = arg;
    ++*count;
    assert_string_equal(rt_tool_call_name(call), "lookup");
    assert_non_null(strstr(rt_tool_call_arguments(call), "weather"));
    assert_string_equal(rt_tool_call_agent(call), "helper");
    assert_int_equal(rt_tool_call_done(call, "{\"answer\":\"sunny\"}"), 0);
}

struct rt_runner *make_runner(const struct rt_agent *agent, const struct rt_settings *settings)
{
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    char err[512] = "";
    rt_runner_opts_init(&o);
    o.agent = agent;
    o.settings = settings;
    o.env_file = "";
    int e = rt_runner_new(&o, &r, err, sizeof(err));
    assert_string_equal(err, "");
    assert_int_equal(e, 0);
    return r;
}

struct rt_session *make_session(struct rt_runner *r, const struct sandbox *s, const struct rt_session_opts *opts)
{
    struct rt_session_opts o;
    struct rt_session *session = NULL;
    rt_session_opts_init(&o);
    if (opts) {
        o = *opts;
    }
    o.url = o.url ? o.url : s->url;
    assert_int_equal(rt_session_new(r, &o, &session), 0);
    return session;
}

void done(struct rt_session *s, struct rt_runner *r)
{
    assert_int_equal(rt_session_free(s), 0);
    assert_int_equal(rt_runner_free(r), 0);
}

struct rt_event *await_event(struct rt_session *s, enum rt_event_type type)
{
    struct rt_event *e = NULL;
    for (;;) {
        int got = rt_session_next_event(s, SOON_MS, &e);
        if (got != 1) {
            fail_msg("%s did not come: %d %s", rt_event_name(type), got, rt_error_text(got));
        }
        if (e->type == type) {
            return e;
        }
        rt_event_free(e);
    }
}

void pass_event(struct rt_session *s, enum rt_event_type type)
{
    rt_event_free(await_event(s, type));
}

char *names_until(struct rt_session *s, enum rt_event_type type)
{
    char *names = calloc(1, 65536);
    const char *last = "";
    struct rt_event *e = NULL;
    enum rt_event_type got = RT_EVENT_N;
    assert_non_null(names);
    while (got != type) {
        assert_int_equal(rt_session_next_event(s, SOON_MS, &e), 1);
        got = e->type;
        if (strcmp(last, e->name) != 0) {
            assert_true(strlen(names) + strlen(e->name) + 2 < 65536);
            size_t n = strlen(names);
            assert_true(snprintf(names + n, 65536 - n, "%s ", e->name) > 0);
        }
        last = rt_event_name(got);
        rt_event_free(e);
    }
    return names;
}
