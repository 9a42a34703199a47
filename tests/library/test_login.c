/* Sessions over Vertex AI: the library logs in by itself, and who connects at once waits for the token. */
#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TOKEN "ya29.of-this-machine"

/* A metadata server that thinks for a while; one request. */
struct metadata {
    pthread_t thread;
    int fd;
    char url[80];
};

static void *serve(void *arg)
{
    static const char body[] = "{\"access_token\":\"" TOKEN "\",\"expires_in\":3600,\"token_type\":\"Bearer\"}";
    const struct metadata *m = arg;
    char request[4096];
    int fd = accept(m->fd, NULL, NULL);
    if (fd >= 0 && read(fd, request, sizeof(request)) > 0) {
        nanosleep(&(struct timespec){.tv_nsec = 500 * 1000 * 1000}, NULL);
        dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                sizeof(body) - 1, body);
    }
    close(fd);
    return NULL;
}

static void metadata_open(struct metadata *m)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(at);
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(m->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(m->fd, 1), 0);
    assert_int_equal(getsockname(m->fd, (struct sockaddr *)&at, &n), 0);
    assert_true(snprintf(m->url, sizeof(m->url), "http://127.0.0.1:%u/token", ntohs(at.sin_port)) > 0);
    assert_int_equal(pthread_create(&m->thread, NULL, serve, m), 0);
}

static void metadata_close(struct metadata *m)
{
    assert_int_equal(pthread_join(m->thread, NULL), 0);
    close(m->fd);
}

/* Without a token the session would fail, and be tried again until one is there, or no longer. */
static void look_for_failures(enum rt_log_level level, const char *call_id, const char *event, const char *fields,
                              void *arg)
{
    (void)level;
    (void)call_id;
    (void)fields;
    if (strcmp(event, "model.failed") == 0) {
        ++*(atomic_int *)arg;
    }
}

static struct rt_runner *runner_with(const struct sandbox *s, const struct metadata *m, atomic_int *failures)
{
    struct rt_runner_opts o;
    struct rt_runner *r = NULL;
    char config[1024], err[512] = "";
    assert_true(snprintf(config, sizeof(config),
                         "providers: {vertex: {kind: sandbox, dialect: live, url: \"%.*s\", project: my-project, "
                         "login: metadata, token_url: \"%s\"}}\n"
                         "agent: {provider: vertex, instructions: Be of help.}\n",
                         (int)(strchr(s->url + 5, (int)'/') - s->url), s->url, m->url) < (int)sizeof(config));
    rt_runner_opts_init(&o);
    o.config_text = config;
    o.env_file = "";
    o.log = look_for_failures;
    o.log_arg = failures;
    int e = rt_runner_new(&o, &r, err, sizeof(err));
    assert_string_equal(err, "");
    assert_int_equal(e, 0);
    return r;
}

/* Its first session comes before the token does. */
static void a_session_waits_for_the_token(void **state)
{
    static const char *const args[] = {"--key", TOKEN, NULL};
    struct sandbox s;
    struct metadata m;
    struct rt_session *session = NULL;
    atomic_int failures = 0;
    (void)state;
    sandbox_start(&s, args);
    metadata_open(&m);
    struct rt_runner *r = runner_with(&s, &m, &failures);
    assert_int_equal(rt_session_new(r, NULL, &session), 0);
    int err = rt_session_connect(session);
    assert_string_equal(err < 0 ? rt_session_error(session) : "", "");
    assert_int_equal(err, 0);
    assert_int_equal(failures, 0);
    rt_session_free(session);
    rt_runner_free(r);
    metadata_close(&m);
    sandbox_stop(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_session_waits_for_the_token)};
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
