/* A real gateway on a real PostgreSQL server that goes away in mid-call: the call goes on, and nothing of it is lost.
 */
#include "gateway/process.h"

#include "fakes/pg_server.h"

static struct pg_server pg;

static void write_config(struct fixture *f, const char *url)
{
    FILE *file = fopen(f->config, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "server: {listen: \"127.0.0.1:0\"}\n"
                        "records: {dir: %s/var, min_free_mb: 0}\n"
                        "store: {url: \"%s\"}\n"
                        "providers: {sandbox: {kind: sandbox}}\n",
                        f->dir, url) > 0);
    assert_int_equal(fclose(file), 0);
}

static bool spool_is_there(struct fixture *f)
{
    char path[96];
    ignore_result(snprintf(path, sizeof(path), "%s/var/unwritten.jsonl", f->dir) < 0);
    return access(path, F_OK) == 0;
}

TEST(a_call_outlives_its_database_and_its_record_is_whole_in_the_end)
{
    struct fixture f;
    char url[256], id[80], path[160], word[64];
    pg_server_database(&pg, 1, url, sizeof(url));
    open_fixture(&f, "");
    write_config(&f, url);
    serve(&f);
    ring(&f);
    wait_until(f.loop, spoke, &f);
    wait_log(&f, "call.begin call=", id, sizeof(id));
    pg_server_stop(&pg, SIGQUIT);
    wait_log(&f, "postgres.away server=", word, sizeof(word));
    get(&f, "/live", 200);
    get(&f, "/v1/calls", 503);  /* and not a hanging connection */
    assert_false(f.phone_over); /* the call does not care */
    assert_int_equal(kill(f.pid, SIGTERM), 0);
    wait_log(&f, "gateway.draining calls=", word, sizeof(word));
    assert_string_equal(word, "1");
    assert_int_equal(kill(f.pid, SIGTERM), 0); /* hang up now */
    wait_until(f.loop, over, &f);
    int status = 0;
    assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(spool_is_there(&f));

    pg_server_start(&pg);
    f.phone_over = false;
    serve(&f);
    wait_log(&f, "spool.drained rows=", word, sizeof(word));
    assert_false(spool_is_there(&f));
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    get(&f, path, 200);
    assert_str_is(member(&f, "status"), "completed");
    assert_str_is(member(&f, "reason"), "drain");
    assert_true(member(&f, "ended_at").n > 10);
    assert_int_equal(WEXITSTATUS(end_child(&f, SIGTERM)), 0);
    close_fixture(&f);
}

TEST(a_database_that_is_not_there_at_the_start_is_said_in_words)
{
    struct fixture f;
    char path[256], word[128];
    open_fixture(&f, "");
    write_config(&f, "postgres://ada:s3cret@127.0.0.1:1/ringtrip");
    assert_ok(str_copy(path, sizeof(path), str_from(ringtrip())));
    char *argv[] = {path, (char[]){"serve"}, (char[]){"-c"}, f.config, NULL};
    f.pid = start(argv, f.log);
    int status = 0;
    assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 0);
    wait_log(&f, "store.url: the PostgreSQL server ", word, sizeof(word));
    assert_string_equal(word, "127.0.0.1:1/ringtrip");
    struct buf text;
    buf_init(&text, 1 << 20);
    read_file(f.log, &text);
    assert_has_not(buf_str(&text), "s3cret");
    buf_done(&text);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_call_outlives_its_database_and_its_record_is_whole_in_the_end),
                                       T(a_database_that_is_not_there_at_the_start_is_said_in_words)};
    if (!pg_server_open(&pg)) {
        print_message("1..0 # SKIP no PostgreSQL server on this machine\n");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_server_close(&pg);
    return failed;
}
