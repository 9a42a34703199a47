/* What is PostgreSQL's own: a server that goes away, hangs or is shared. The rest is in test_records.c. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/pg_server.h"
#include "net/loop.h"
#include "store/postgres/postgres.h"
#include "test.h"

#define T0       1700000000000000u
#define MINUTE   60000000u
#define BUSY_MS  1500u
#define AGAIN_MS 20

static struct pg_server server;
static int databases;

static int open_as(const char *url, const char *node, struct buf *errors, struct store **ret)
{
    const struct store_opts o = {.url = url, .node = node, .exclusive = node != NULL, .busy_ms = BUSY_MS};
    buf_clear(errors);
    return store_postgres.open(&o, errors, ret);
}

static struct store *open_ok(const char *url, const char *node)
{
    struct store *s = NULL;
    struct buf errors;
    buf_init(&errors, 4096);
    if (open_as(url, node, &errors, &s) < 0) {
        fail_msg("%s", buf_cstr(&errors));
    }
    buf_done(&errors);
    return s;
}

static int put(struct store *s, enum store_op_kind kind, const char *id, uint64_t at_us)
{
    const struct store_call c = {.id = str_from(id), .started_us = at_us, .cost_micro = STORE_NO_COST};
    const struct store_op op = {.kind = kind, .at_us = at_us, .u.call = &c};
    return store_postgres.write(s, &op, 1, NULL);
}

static bool is_live(struct store *s, const char *id)
{
    struct store_call c;
    struct arena a;
    arena_init(&a, 1 << 20);
    assert_ok(store_postgres.call_get(s, str_from(id), &a, &c));
    bool live = c.ended_us == 0;
    arena_done(&a);
    return live;
}

/* Until the store takes a row again; how often it refused, or -1. */
static int until_taken(struct store *s, const char *id)
{
    for (int tries = 0; tries < 1000; tries++) {
        int err = put(s, STORE_CALL_BEGIN, id, T0);
        if (err >= 0) {
            return tries;
        }
        assert_true(store_may_pass(err)); /* the scribe tries again and spools in the end */
        poll(NULL, 0, AGAIN_MS);
    }
    return -1;
}

TEST(a_server_that_crashes_is_found_again)
{
    char url[256];
    struct store_counts counts;
    pg_server_database(&server, ++databases, url, sizeof(url));
    struct store *s = open_ok(url, "one");
    assert_ok(put(s, STORE_CALL_BEGIN, "before", T0));
    pg_server_stop(&server, SIGQUIT);
    int err = put(s, STORE_CALL_BEGIN, "during", T0);
    assert_err(err, ERR_CLOSED);
    assert_true(store_may_pass(err));
    uint64_t from_us = clock_now_us();
    for (int i = 0; i < 100; i++) { /* many calls, one server that is away: nobody waits for it each time */
        assert_err(put(s, STORE_CALL_BEGIN, "during", T0), ERR_CLOSED);
    }
    assert_true(clock_now_us() - from_us < 2000000);
    assert_err(store_postgres.call_counts(s, &counts), ERR_CLOSED);
    pg_server_start(&server);
    assert_true(until_taken(s, "after") >= 0);
    assert_true(is_live(s, "before")); /* what was committed is there */
    assert_ok(store_postgres.call_counts(s, &counts));
    assert_int_equal(counts.total, 2);
    store_postgres.close(s);
}

TEST(a_restart_between_two_uses_is_not_even_noticed)
{
    char url[256];
    pg_server_database(&server, ++databases, url, sizeof(url));
    struct store *s = open_ok(url, "one");
    assert_ok(put(s, STORE_CALL_BEGIN, "before", T0));
    pg_server_stop(&server, SIGINT);
    pg_server_start(&server);
    assert_ok(put(s, STORE_CALL_BEGIN, "after", T0));
    assert_true(is_live(s, "before"));
    store_postgres.close(s);
}

static int list_backends(pid_t *pids, size_t max)
{
    char sql[160], answer[256];
    ignore_result(snprintf(sql, sizeof(sql), "SELECT pid FROM pg_stat_activity WHERE datname = 't%d'", databases) < 0);
    pg_server_ask(&server, 0, sql, answer, sizeof(answer));
    struct str rest = str_from(answer), line;
    int64_t pid = 0;
    size_t n = 0;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        assert_true(n < max);
        assert_ok(str_to_i64(line, &pid));
        pids[n++] = (pid_t)pid;
    }
    return (int)n;
}

static void signal_all(const pid_t *pids, int n, int signo)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(kill(pids[i], signo), 0);
    }
}

/* A stopped process keeps its socket open and says nothing: the worst kind of being away. */
TEST(a_server_that_hangs_costs_a_deadline_and_not_the_gateway)
{
    char url[256];
    pg_server_database(&server, ++databases, url, sizeof(url));
    struct store *s = open_ok(url, "one");
    pid_t pids[8];
    assert_ok(put(s, STORE_CALL_BEGIN, "before", T0));
    int n = list_backends(pids, ARRAY_LEN(pids));
    signal_all(pids, n, SIGSTOP);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    assert_err(put(s, STORE_CALL_BEGIN, "during", T0), ERR_CLOSED); /* it came back at all */
    assert_err(put(s, STORE_CALL_BEGIN, "during", T0), ERR_CLOSED); /* nor does it connect */
    assert_err(put(s, STORE_CALL_BEGIN, "during", T0), ERR_CLOSED); /* and now it does not even try */
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    signal_all(pids, n, SIGCONT);
    assert_true(until_taken(s, "after") >= 0);
    store_postgres.close(s);
}

TEST(a_lock_that_is_not_given_is_busy_and_keeps_the_connection)
{
    char url[256], pid[32], again[32];
    const char *backend = "SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'ringtrip'";
    pg_server_database(&server, ++databases, url, sizeof(url));
    struct store *s = open_ok(url, "one");
    assert_ok(put(s, STORE_CALL_BEGIN, "c1", T0));
    pg_server_ask(&server, databases, backend, pid, sizeof(pid));
    /* The row is locked by a session that sleeps in its transaction, longer than we wait. */
    pid_t child = fork();
    if (child == 0) {
        char answer[64];
        pg_server_ask(&server, databases, "BEGIN; SELECT 1 FROM calls WHERE id = 'c1' FOR UPDATE; SELECT pg_sleep(4)",
                      answer, sizeof(answer));
        _exit(0);
    }
    char held[32] = "0";
    for (int i = 0; i < 500 && strcmp(held, "1") != 0; i++) {
        pg_server_ask(&server, databases,
                      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND "
                      "wait_event = 'PgSleep' AND pid <> pg_backend_pid()",
                      held, sizeof(held));
    }
    assert_string_equal(held, "1");
    assert_err(put(s, STORE_CALL_ALIVE, "c1", T0 + 5), EBUSY);
    assert_ok(put(s, STORE_CALL_BEGIN, "c2", T0)); /* others are not held up */
    pg_server_ask(&server, databases, backend, again, sizeof(again));
    assert_string_equal(pid, again);
    assert_int_equal(kill(child, SIGKILL), 0);
    store_postgres.close(s);
}

TEST(each_gateway_closes_its_own_calls_and_those_of_the_long_dead)
{
    char url[256];
    struct buf errors;
    struct store *third = NULL;
    buf_init(&errors, 4096);
    pg_server_database(&server, ++databases, url, sizeof(url));
    struct store *one = open_ok(url, "one");
    struct store *two = open_ok(url, "two");
    assert_ok(put(one, STORE_CALL_BEGIN, "of-one", T0));
    assert_ok(put(two, STORE_CALL_BEGIN, "of-two", T0));
    assert_int_equal(store_postgres.close_stale(one, T0 + 60u * MINUTE), 1); /* two is there and may be very silent */
    assert_false(is_live(one, "of-one"));
    assert_true(is_live(one, "of-two"));
    assert_err(open_as(url, "two", &errors, &third), EBUSY);
    assert_has(buf_str(&errors), "another ringtrip with the name \"two\"");
    store_postgres.close(two);
    while (pg_server_sessions(&server, databases) > 2) { /* the server sees that it is gone */
    }
    assert_int_equal(store_postgres.close_stale(one, T0 + 10u * MINUTE), 0); /* not long enough */
    assert_true(is_live(one, "of-two"));
    assert_int_equal(store_postgres.close_stale(one, T0 + 60u * MINUTE), 1);
    assert_false(is_live(one, "of-two"));
    store_postgres.close(one);
    buf_done(&errors);
}

struct starter {
    const char *url;
    char node[16];
    struct store *s;
    int err;
};

static void *start_one(void *arg)
{
    struct starter *t = arg;
    struct buf errors;
    buf_init(&errors, 4096);
    t->err = store_postgres.open(
        &(struct store_opts){.url = t->url, .node = t->node, .exclusive = true, .demo_rows = true}, &errors, &t->s);
    buf_done(&errors);
    return NULL;
}

TEST(five_gateways_may_start_on_an_empty_database_at_once)
{
    char url[256], answer[32];
    struct starter starters[5];
    pthread_t threads[5];
    pg_server_database(&server, ++databases, url, sizeof(url));
    for (int i = 0; i < 5; i++) {
        starters[i] = (struct starter){.url = url};
        ignore_result(snprintf(starters[i].node, sizeof(starters[i].node), "n%d", i) < 0);
        assert_int_equal(pthread_create(&threads[i], NULL, start_one, &starters[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(starters[i].err);
        store_postgres.close(starters[i].s);
    }
    pg_server_ask(&server, databases, "SELECT count(*) FROM orders", answer, sizeof(answer));
    assert_string_equal(answer, "6");
}

TEST(a_newer_schema_is_refused_in_words)
{
    char url[256], answer[32];
    struct store *s = NULL;
    struct buf errors;
    buf_init(&errors, 4096);
    pg_server_database(&server, ++databases, url, sizeof(url));
    store_postgres.close(open_ok(url, "one"));
    pg_server_ask(&server, databases, "INSERT INTO ringtrip_schema VALUES (99)", answer, sizeof(answer));
    assert_err(open_as(url, "one", &errors, &s), ERR_CONFIG);
    assert_has(buf_str(&errors), "of version 99, written by a newer ringtrip");
    buf_done(&errors);
}

TEST(what_is_wrong_with_the_url_is_said_without_its_password)
{
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"postgres://ada:s3cret@/nowhere?host=/tmp/no-such-folder-of-a-server", "cannot be used"},
        {"postgres://ada:s3cret@[::1/x", "cannot be read"},
        {"postgres://ada:s3cret@127.0.0.1:1/x", "127.0.0.1:1/x"},
        {"postgres://ada:s3cret@h:5432:5432:/x?what=ever", "store.url"},
    };
    struct buf errors;
    buf_init(&errors, 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store *s = NULL;
        assert_true(open_as(cases[i].url, "one", &errors, &s) < 0);
        assert_null(s);
        assert_has_not(buf_str(&errors), "s3cret");
        assert_has(buf_str(&errors), cases[i].want);
        assert_has_not(buf_str(&errors), "\n");
    }
    char url[256];
    struct store *s = NULL;
    ignore_result(snprintf(url, sizeof(url), "postgres:///nobody_made_it?host=%s&user=ringtrip", server.folder) < 0);
    assert_true(open_as(url, "one", &errors, &s) < 0);
    assert_has(buf_str(&errors), "\"nobody_made_it\" does not exist");
    buf_done(&errors);
}

TEST(a_role_without_the_right_to_create_is_told_what_to_grant)
{
    char url[256], answer[32];
    struct store *s = NULL;
    struct buf errors;
    buf_init(&errors, 4096);
    pg_server_database(&server, ++databases, url, sizeof(url));
    pg_server_ask(&server, databases, "CREATE ROLE meek LOGIN", answer, sizeof(answer));
    ignore_result(snprintf(url, sizeof(url), "postgres:///t%d?host=%s&user=meek", databases, server.folder) < 0);
    assert_err(open_as(url, "one", &errors, &s), EACCES);
    assert_has(buf_str(&errors), "GRANT CREATE ON SCHEMA public");
    buf_done(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_server_that_crashes_is_found_again),
                                       T(a_restart_between_two_uses_is_not_even_noticed),
                                       T(a_server_that_hangs_costs_a_deadline_and_not_the_gateway),
                                       T(a_lock_that_is_not_given_is_busy_and_keeps_the_connection),
                                       T(each_gateway_closes_its_own_calls_and_those_of_the_long_dead),
                                       T(five_gateways_may_start_on_an_empty_database_at_once),
                                       T(a_newer_schema_is_refused_in_words),
                                       T(what_is_wrong_with_the_url_is_said_without_its_password),
                                       T(a_role_without_the_right_to_create_is_told_what_to_grant)};
    if (!pg_server_open(&server)) {
        print_message("1..0 # SKIP no PostgreSQL server on this machine\n");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_server_close(&server);
    return failed;
}
