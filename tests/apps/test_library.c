/* libringtrip as somebody else's program uses it: the public header and nothing of ours. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ringtrip/ringtrip.h>

static char dir[] = "library.XXXXXX";

struct lines {
    pthread_mutex_t lock;
    unsigned n;
    int listening;
};

static void on_log(enum rt_log_level level, const char *call_id, const char *event, const char *fields, void *arg)
{
    struct lines *l = arg;
    pthread_mutex_lock(&l->lock);
    l->n++;
    l->listening |= level == RT_LOG_INFO && call_id[0] == '\0' && strcmp(event, "gateway.listening") == 0 &&
                    strstr(fields, "port=") != NULL;
    pthread_mutex_unlock(&l->lock);
}

static void write_config(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "records: {dir: %s/var}\n%s", dir, text) > 0);
    assert_int_equal(fclose(f), 0);
}

static void *stop_it(void *arg)
{
    rt_gateway_stop(arg, 1);
    return NULL;
}

static void a_gateway_is_made_run_stopped_from_a_thread_and_freed(void **state)
{
    struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char path[64];
    char err[256] = "";
    struct rt_gateway *gw = NULL;
    pthread_t thread;
    (void)state;
    assert_true(snprintf(path, sizeof(path), "%s/good.yaml", dir) > 0);
    write_config(path, "server: {listen: \"127.0.0.1:0\"}\n"
                       "providers: {far: {kind: openai, url: \"ws://127.0.0.1:1\", api_key: none-at-all}}\n");
    struct rt_gateway_opts o = {
        .struct_size = sizeof(o), .config_file = path, .env_file = "", .log = on_log, .log_arg = &lines};
    int e = rt_gateway_new(&o, &gw, err, sizeof(err));
    assert_string_equal(err, "");
    assert_int_equal(e, 0);
    assert_true(rt_gateway_port(gw) > 0);
    rt_gateway_reload(gw);
    assert_int_equal(pthread_create(&thread, NULL, stop_it, gw), 0);
    assert_int_equal(rt_gateway_run(gw), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rt_gateway_free(gw);
    rt_gateway_free(NULL);
    assert_true(lines.n > 0);
    assert_true(lines.listening);
}

static void a_mistake_is_explained_and_leaves_nothing_behind(void **state)
{
    char path[64];
    char err[256] = "";
    char tiny[8] = "xxxxxxx";
    struct rt_gateway *gw = NULL;
    (void)state;
    assert_true(snprintf(path, sizeof(path), "%s/bad.yaml", dir) > 0);
    write_config(path, "server: {lisen: 5}\n");
    struct rt_gateway_opts o = {.struct_size = sizeof(o), .config_file = path, .env_file = ""};
    int e = rt_gateway_new(&o, &gw, err, sizeof(err));
    assert_true(e < 0);
    assert_null(gw);
    assert_non_null(strstr(err, "bad.yaml:2:"));
    assert_true(strlen(rt_error_text(e)) > 0);
    assert_true(rt_gateway_new(&o, &gw, tiny, sizeof(tiny)) < 0);
    assert_int_equal(strlen(tiny), 7); /* cut to fit */
    assert_true(rt_gateway_new(&o, &gw, NULL, 0) < 0);
    o.struct_size = 0;
    assert_true(rt_gateway_new(&o, &gw, err, sizeof(err)) < 0);
    assert_non_null(strstr(err, "struct_size"));
}

static void a_replay_of_nothing_is_an_error(void **state)
{
    struct rt_replay_report report = {.struct_size = sizeof(report)};
    (void)state;
    assert_int_equal(rt_replay("no/such/file", NULL, NULL, &report), -ENOENT);
    assert_true(rt_replay(NULL, NULL, NULL, &report) < 0);
    assert_true(strlen(rt_version()) > 0);
    assert_string_equal(rt_error_text(0), "success");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_is_made_run_stopped_from_a_thread_and_freed),
        cmocka_unit_test(a_mistake_is_explained_and_leaves_nothing_behind),
        cmocka_unit_test(a_replay_of_nothing_is_an_error),
    };
    return mkdtemp(dir) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
