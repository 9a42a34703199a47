/* How a session keeps its connection: its own time limits, pings and size of a message, over those of the service. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

#define LONG_INSTRUCTIONS 100000 /* the service tells them again, in one message */

static const char *const quiet[] = {"--canned", "--speed", "20", NULL};

/* A runner with the program's agent; the service of its configuration is as patient as can be. */
static struct rt_runner *patient_runner(const char *instructions)
{
    struct rt_agent *a = make_agent("helper");
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    char err[512] = "";
    assert_int_equal(rt_agent_set_instructions(a, instructions), 0);
    rt_runner_opts_init(&o);
    o.agent = a;
    o.env_file = "";
    o.config_text = "providers: {p: {kind: sandbox, url: \"ws://127.0.0.1:1\", connect_ms: 60000, ping_ms: none}}";
    assert_int_equal(rt_runner_new(&o, &r, err, sizeof(err)), 0);
    rt_agent_free(a);
    return r;
}

/* Takes connections and never says a word. */
static int deaf_server(char *url, size_t cap)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    assert_true(snprintf(url, cap, "ws://127.0.0.1:%u", ntohs(at.sin_port)) < (int)cap);
    return fd;
}

static void a_handshake_has_the_sessions_own_limit(void **state)
{
    struct rt_runner *r = patient_runner("Be of help.");
    struct rt_session_opts o;
    char url[64];
    int fd = deaf_server(url, sizeof(url));
    (void)state;
    rt_session_opts_init(&o);
    o.url = url;
    o.connect_ms = 50000; /* the test's own limit would be the first */
    o.handshake_ms = 200;
    struct rt_session *s = make_session(r, NULL, &o);
    assert_int_equal(rt_session_connect(s), -ETIMEDOUT);
    assert_true(strlen(rt_session_error(s)) > 0);
    done(s, r);
    close(fd);
}

static void a_service_that_answers_no_pings_is_lost(void **state)
{
    struct rt_runner *r = patient_runner("Be of help.");
    struct rt_session_opts o;
    struct sandbox own;
    (void)state;
    sandbox_start(&own, quiet);
    rt_session_opts_init(&o);
    o.ping_ms = 100;
    o.pong_ms = 300;
    struct rt_session *s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(kill(own.pid, SIGSTOP), 0);
    for (;;) { /* by its configuration nobody would ever notice */
        struct rt_event *e = await_event(s, RT_EVENT_CONNECTION);
        int lost = strcmp(e->text, "disconnected") == 0;
        rt_event_free(e);
        if (lost) {
            break;
        }
    }
    assert_int_equal(kill(own.pid, SIGCONT), 0);
    done(s, r);
    sandbox_stop(&own);
}

static void a_message_has_its_largest_size(void **state)
{
    char *instructions = calloc(1, LONG_INSTRUCTIONS + 1);
    struct rt_session_opts o;
    struct sandbox own;
    (void)state;
    assert_non_null(instructions);
    memset(instructions, 'x', LONG_INSTRUCTIONS);
    struct rt_runner *r = patient_runner(instructions);
    sandbox_start(&own, quiet);
    rt_session_opts_init(&o);
    o.max_message_bytes = 65536;
    struct rt_session *s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), -RT_ERR_TOO_BIG);
    assert_int_equal(rt_session_free(s), 0);
    o.max_message_bytes = 2 * LONG_INSTRUCTIONS;
    s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), 0);
    done(s, r);
    sandbox_stop(&own);
    free(instructions);
}

static void limits_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        uint32_t ping, pong, handshake, message;
        int want;
    } cases[] = {
        {0, 0, 0, 0, 0},
        {RT_NEVER, RT_NEVER, 0, 0, 0},
        {100, 600000, 600000, 65536, 0},
        {99, 0, 0, 0, -EINVAL},
        {0, 600001, 0, 0, -EINVAL},
        {0, 0, RT_NEVER, 0, -EINVAL}, /* everything ends some time */
        {0, 0, 0, 65535, -EINVAL},
        {0, 0, 0, (16u << 20) + 1, -EINVAL},
    };
    struct rt_runner *r = patient_runner("Be of help.");
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rt_session_opts o;
        struct rt_session *s = NULL;
        rt_session_opts_init(&o);
        o.ping_ms = cases[i].ping;
        o.pong_ms = cases[i].pong;
        o.handshake_ms = cases[i].handshake;
        o.max_message_bytes = cases[i].message;
        assert_int_equal(rt_session_new(r, &o, &s), cases[i].want);
        assert_int_equal(rt_session_free(s), 0);
    }
    assert_int_equal(rt_runner_free(r), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_has_the_sessions_own_limit),
        cmocka_unit_test(a_service_that_answers_no_pings_is_lost),
        cmocka_unit_test(a_message_has_its_largest_size),
        cmocka_unit_test(limits_that_make_no_sense_are_refused),
    };
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
