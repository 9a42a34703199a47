/* The real programs: a serving child with its own sandbox is killed in mid-call and started again. */
#include "gateway/process.h"

TEST(a_killed_gateway_leaves_a_record_that_the_next_one_closes)
{
    struct fixture f;
    char sandbox_pid[16];
    char id[64];
    char path[512];
    open_fixture(&f, "");
    serve(&f);
    wait_log(&f, "sandbox.ready pid=", sandbox_pid, sizeof(sandbox_pid));
    ring(&f);
    wait_until(f.loop, spoke, &f);
    uint64_t until_us = clock_now_us() + 2500000; /* long enough for the disk to have been written to */
    while (clock_now_us() < until_us) {
        settle(f.loop);
    }
    wait_log(&f, "call.begin call=", id, sizeof(id));
    assert_true(WIFSIGNALED(end_child(&f, SIGKILL)));
    wait_until(f.loop, over, &f);

    int64_t sandbox = 0;
    assert_ok(str_to_i64(str_from(sandbox_pid), &sandbox));
    until_us = clock_now_us() + 10000000; /* the sandbox notices that its parent is gone */
    while (kill((pid_t)sandbox, 0) == 0) {
        assert_true(clock_now_us() < until_us);
        settle(f.loop);
    }

    serve(&f);
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    get(&f, path, 200);
    assert_str_is(member(&f, "status"), "failed");
    assert_str_is(member(&f, "reason"), "killed");
    assert_true(member(&f, "ended_at").n > 10);
    assert_ok(str_copy(path, sizeof(path), member(&f, "recording")));
    struct buf wav;
    buf_init(&wav, 16 << 20);
    read_file(path, &wav);
    const uint8_t *p = buf_ptr(&wav);
    assert_true(wav.len > 44);
    assert_memory_equal(p, "RIFF", 4);
    uint32_t data = (uint32_t)p[40] | (uint32_t)p[41] << 8 | (uint32_t)p[42] << 16 | (uint32_t)p[43] << 24;
    assert_true(data >= 8000 * 4); /* a second at least, and no more than is there */
    assert_true(44 + (size_t)data <= wav.len);
    buf_done(&wav);
    int status = end_child(&f, SIGTERM);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close_fixture(&f);
}

TEST(sigterm_drains_sighup_reloads_and_says_so)
{
    struct fixture f;
    char word[64];
    open_fixture(&f, "");
    serve(&f);
    ring(&f);
    wait_until(f.loop, spoke, &f);
    assert_int_equal(kill(f.pid, SIGHUP), 0);
    wait_log(&f, "config.reloaded source=", word, sizeof(word));
    FILE *file = fopen(f.config, "a");
    assert_non_null(file);
    assert_true(fputs("sever: {}\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(kill(f.pid, SIGHUP), 0);
    wait_log(&f, "config.reload-failed error=", word, sizeof(word));
    assert_string_equal(word, "config");
    assert_int_equal(kill(f.pid, SIGTERM), 0);
    wait_log(&f, "gateway.draining calls=", word, sizeof(word));
    assert_string_equal(word, "1");
    assert_false(f.phone_over);
    int status = end_child(&f, SIGTERM); /* the second one hangs up */
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    wait_until(f.loop, over, &f);
    wait_log(&f, "reason=", word, sizeof(word));
    assert_string_equal(word, "drain");
    close_fixture(&f);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void serve_with_env(struct fixture *f, char *env)
{
    char port[16];
    char path[256];
    assert_ok(str_copy(path, sizeof(path), str_from(ringtrip())));
    char *argv[] = {path, (char[]){"serve"}, (char[]){"-c"}, f->config, (char[]){"--env-file"}, env, NULL};
    f->pid = start(argv, f->log);
    wait_log(f, "gateway.ready port=", port, sizeof(port));
    ignore_result(snprintf(f->base, sizeof(f->base), "http://127.0.0.1:%s", port) < 0);
}

static bool both_over(void *arg)
{
    const struct fixture *f = arg;
    return f->phones_over == 2;
}

/* A reload reads .env again and is for calls that begin after it; a running call keeps what it was told. */
TEST(a_reload_takes_new_settings_and_env_for_new_calls)
{
    struct fixture f;
    char env[64], word[128], config[600], first[64], path[512];
    open_fixture(&f, "");
    ignore_result(snprintf(env, sizeof(env), "%s/env", f.dir) < 0);
    ignore_result(snprintf(config, sizeof(config),
                           "server: {listen: \"127.0.0.1:0\"}\n"
                           "records: {dir: %s/var, min_free_mb: 0}\n"
                           "providers: {sandbox: {}}\n"
                           "agents:\n"
                           "  early: {instructions: Early., greeting: Early.}\n"
                           "  late: {instructions: Late., greeting: Late.}\n"
                           "start_agent: ${WHO}\n",
                           f.dir) < 0);
    write_text(f.config, config);
    write_text(env, "WHO=early\n");
    serve_with_env(&f, env);
    ring(&f);
    wait_until(f.loop, spoke, &f);
    wait_log(&f, "call.begin call=", first, sizeof(first));
    wait_log(&f, "route=- agent=", word, sizeof(word));
    assert_string_equal(word, "early");
    write_text(env, "WHO=late\n");
    assert_int_equal(kill(f.pid, SIGHUP), 0);
    wait_log(&f, "config.reloaded source=", word, sizeof(word));
    f.agent_spoke = false;
    ring(&f);
    wait_until(f.loop, spoke, &f);
    wait_log(&f, "route=- agent=late", word, sizeof(word)); /* the new call */
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", first) < 0);
    get(&f, path, 200);
    assert_str_is(member(&f, "agent"), "early"); /* the one that still runs */
    assert_str_is(member(&f, "status"), "in_progress");
    /* What is refused is not taken, and why is said; the next call goes by what holds. */
    write_text(env, "WHO=laet\n");
    assert_int_equal(kill(f.pid, SIGHUP), 0);
    wait_log(&f, "there is no agent \"laet\"; did you mean \"", word, sizeof(word));
    assert_true(str_starts(str_from(word), STR("late")));
    assert_false(f.phone_over);
    assert_int_equal(kill(f.pid, SIGTERM), 0);
    wait_log(&f, "gateway.draining calls=", word, sizeof(word));
    int status = end_child(&f, SIGTERM); /* the second one hangs up */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wait_until(f.loop, both_over, &f);
    close_fixture(&f);
}

TEST_MAIN(T(a_reload_takes_new_settings_and_env_for_new_calls),
          T(a_killed_gateway_leaves_a_record_that_the_next_one_closes), T(sigterm_drains_sighup_reloads_and_says_so))
