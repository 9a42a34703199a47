/* .env files, paths and what is read from disk. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/env.h"
#include "fixture.h"

struct folder {
    char path[64];
};

static void folder_make(struct folder *d)
{
    assert_int_equal(str_copy(d->path, sizeof(d->path), STR("/tmp/ringtrip-config-XXXXXX")), 0);
    assert_non_null(mkdtemp(d->path));
}

static const char *folder_file(const struct folder *d, const char *name, char path[128])
{
    assert_true((size_t)snprintf(path, 128, "%s/%s", d->path, name) < 128);
    return path;
}

static void folder_write(const struct folder *d, const char *name, const char *text)
{
    char path[128];
    FILE *f = fopen(folder_file(d, name, path), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void folder_remove(const struct folder *d, const char *const *names)
{
    char path[128];

    for (; *names; names++) {
        unlink(folder_file(d, *names, path));
    }
    assert_int_equal(rmdir(d->path), 0);
}

TEST(a_dotenv_file_is_read_as_people_write_it)
{
    static const char text[] = "# comment\n"
                               "\n"
                               "PLAIN=value\n"
                               "  SPACES  =  around it  \r\n"
                               "export EXPORTED=yes\n"
                               "QUOTED=\"a \\\"b\\\" \\n c # no comment\" # comment\n"
                               "SINGLE='raw \\n ${X} # kept'\n"
                               "HASH=a#b # comment\n"
                               "EMPTY=\n"
                               "EQUALS=a=b==\n"
                               "LONG=\"You are Robin.\n"
                               "# not a comment, but a heading\n"
                               "\n"
                               "Say \\\"hello\\\" first.\" # comment\n"
                               "RAW='one\r\n"
                               "two'\n"
                               "TWICE=1\n"
                               "TWICE=2\n"
                               "LAST=no newline";
    static const struct {
        const char *name;
        const char *value;
        uint32_t line;
    } cases[] = {{"PLAIN", "value", 3},
                 {"SPACES", "around it", 4},
                 {"EXPORTED", "yes", 5},
                 {"QUOTED", "a \"b\" \n c # no comment", 6},
                 {"SINGLE", "raw \\n ${X} # kept", 7},
                 {"HASH", "a#b", 8},
                 {"EQUALS", "a=b==", 10},
                 {"LONG", "You are Robin.\n# not a comment, but a heading\n\nSay \"hello\" first.", 11},
                 {"RAW", "one\r\ntwo", 15},
                 {"TWICE", "2", 18},
                 {"LAST", "no newline", 19}};
    struct env e;
    struct arena a;
    struct buf errors;

    arena_init(&a, 1 << 20);
    buf_init(&errors, 1 << 16);
    env_init(&e, &a, fixture_env, NULL);
    assert_int_equal(env_parse_dotenv(&e, STR(".env"), STR(text), &errors), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct env_value v = env_get(&e, cases[i].name);

        assert_str_is(v.value, cases[i].value);
        assert_int_equal(v.line, cases[i].line);
    }
    assert_null(env_get(&e, "EMPTY").value.p);
    assert_null(env_get(&e, "NEVER").value.p);
    buf_done(&errors);
    arena_done(&a);
}

TEST(a_broken_dotenv_file_is_refused_by_line)
{
    struct env e;
    struct arena a;
    struct buf errors;

    arena_init(&a, 1 << 20);
    buf_init(&errors, 1 << 16);
    env_init(&e, &a, fixture_env, NULL);
    assert_int_equal(env_parse_dotenv(&e, STR(".env"), STR("A=1\nnonsense\nB=\"open\n1X=2\nC='a' b\nD=\0\n"), &errors),
                     -ERR_SYNTAX);
    assert_str_is(buf_str(&errors), ".env:2: expected NAME=value\n"
                                    ".env:3: the quote is not closed, or something follows it\n"
                                    ".env:4: expected NAME=value\n"
                                    ".env:5: the quote is not closed, or something follows it\n"
                                    ".env:6: a NUL byte\n");
    buf_done(&errors);
    arena_done(&a);
}

TEST(the_process_wins_over_the_dotenv_file)
{
    const char *const env[] = {"SERVER_PORT=1111", "LOG_LEVEL=", NULL};
    struct config_source src = {.env = fixture_env, .env_arg = (void *)(uintptr_t)env};
    struct config *cfg = NULL;
    struct folder d;
    struct buf errors;
    char path[128];

    folder_make(&d);
    folder_write(&d, ".env", "SERVER_PORT=2222\nLOG_LEVEL=debug\nSERVER_HOST=127.0.0.1\n");
    src.dotenv_path = folder_file(&d, ".env", path);
    buf_init(&errors, 1 << 16);
    assert_int_equal(config_load(&src, &errors, &cfg), 0);
    assert_int_equal(cfg->server.port, 1111);
    assert_str_is(cfg->server.host, "127.0.0.1");
    assert_int_equal(cfg->log.level, LOG_DEBUG);
    config_unref(cfg);
    folder_write(&d, ".env", "A=1\nLIMITS_MAX_CALLS=none\nB\n");
    buf_clear(&errors);
    assert_int_equal(config_load(&src, &errors, &cfg), -ERR_CONFIG);
    assert_has(buf_str(&errors), "/.env:3: expected NAME=value\n");
    assert_has(buf_str(&errors), "/.env:2: LIMITS_MAX_CALLS: must be a whole number from 1 to 100000, not \"none\"\n");
    buf_done(&errors);
    folder_remove(&d, (const char *const[]){".env", NULL});
}

TEST(the_dotenv_file_of_the_working_directory_is_the_default)
{
    struct config_source src = {.env = fixture_env};
    struct config *cfg = NULL;
    struct folder d;
    struct buf errors;
    char before[1024];

    folder_make(&d);
    folder_write(&d, ".env", "SERVER_PORT=4321\n");
    buf_init(&errors, 1 << 16);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(d.path), 0);
    assert_int_equal(config_load(&src, &errors, &cfg), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(cfg->server.port, 4321);
    config_unref(cfg);
    buf_done(&errors);
    folder_remove(&d, (const char *const[]){".env", NULL});
}

TEST(files_in_yaml_count_from_its_folder)
{
    struct config_source src = {.dotenv_path = "", .env = fixture_env};
    struct config *cfg = NULL;
    struct folder d;
    struct buf errors;
    char path[128], want[128];

    folder_make(&d);
    folder_write(&d, "c.yaml",
                 "agent: {instructions_file: prompt.txt}\nserver: {tls: {cert: c.pem, key: /k.pem}}\n"
                 "records: {dir: var}\n");
    folder_write(&d, "prompt.txt", "\n  Be kind.\n\n");
    src.path = folder_file(&d, "c.yaml", path);
    buf_init(&errors, 1 << 16);
    if (config_load(&src, &errors, &cfg) < 0) {
        fail_msg("%s", buf_cstr(&errors));
    }
    assert_str_is(cfg->agent.instructions, "Be kind.");
    assert_str_is(cfg->server.tls_cert, folder_file(&d, "c.pem", want));
    assert_str_is(cfg->server.tls_key, "/k.pem");
    assert_str_is(cfg->records.dir, "var");
    assert_str_is(cfg->source, path);
    config_unref(cfg);
    buf_done(&errors);
    folder_remove(&d, (const char *const[]){"c.yaml", "prompt.txt", NULL});
}

TEST(a_missing_file_and_what_is_no_file_are_told_apart)
{
    struct config_source src = {.path = "/nonexistent/r.yaml", .dotenv_path = "", .env = fixture_env};
    struct config *cfg = NULL;
    struct folder d;
    struct buf errors;
    char path[128];

    buf_init(&errors, 1 << 16);
    assert_int_equal(config_load(&src, &errors, &cfg), -ENOENT);
    assert_str_is(buf_str(&errors), "/nonexistent/r.yaml: there is no such file\n");
    buf_clear(&errors);
    src.path = "/tmp";
    assert_int_equal(config_load(&src, &errors, &cfg), -EINVAL);
    assert_str_is(buf_str(&errors), "/tmp: not a file\n");
    /* A FIFO without a writer must not hang the start. */
    folder_make(&d);
    assert_int_equal(mkfifo(folder_file(&d, "fifo", path), 0600), 0);
    src.path = path;
    buf_clear(&errors);
    assert_int_equal(config_load(&src, &errors, &cfg), -EINVAL);
    assert_null(cfg);
    buf_done(&errors);
    folder_remove(&d, (const char *const[]){"fifo", NULL});
}

TEST_MAIN(T(a_dotenv_file_is_read_as_people_write_it), T(a_broken_dotenv_file_is_refused_by_line),
          T(the_process_wins_over_the_dotenv_file), T(the_dotenv_file_of_the_working_directory_is_the_default),
          T(files_in_yaml_count_from_its_folder), T(a_missing_file_and_what_is_no_file_are_told_apart))
