#include "fakes/pg_server.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define READY_MS 60000 /* a machine may be very busy */

static bool find_programs(struct pg_server *s)
{
    static const char *const patterns[] = {"/usr/lib/postgresql/*/bin/postgres", "/usr/local/pgsql/bin/postgres",
                                           "/usr/local/bin/postgres", "/usr/bin/postgres"};
    glob_t found;
    bool ok = false;
    for (size_t i = 0; !ok && i < ARRAY_LEN(patterns); i++) {
        if (glob(patterns[i], 0, NULL, &found) == 0) {
            const char *path = found.gl_pathv[found.gl_pathc - 1]; /* the newest */
            ok = snprintf(s->bin, sizeof(s->bin), "%.*s", (int)(strlen(path) - strlen("/postgres")), path) > 0;
        }
        globfree(&found);
    }
    return ok;
}

/* A child as the server's user, argv[0] by its mere name, its words in the log; its stdout too unless out is given. */
static pid_t run(const struct pg_server *s, char *argv[], int out)
{
    char path[192], log[128];
    ignore_result(snprintf(path, sizeof(path), "%s/%s", s->bin, argv[0]) < 0);
    ignore_result(snprintf(log, sizeof(log), "%s/log", s->folder) < 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        return pid;
    }
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    int in = open("/dev/null", O_RDONLY);
    if (fd < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out >= 0 ? out : fd, 1) < 0 || dup2(fd, 2) < 0 ||
        chdir(s->folder) < 0) {
        _exit(126);
    }
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(s->gid) < 0 || setuid(s->uid) < 0)) {
        _exit(126);
    }
    ignore_result(prctl(PR_SET_PDEATHSIG, SIGQUIT)); /* a test that is killed leaves no server behind */
    argv[0] = path; /* whole: they look for each other beside it, and Debian has them in no PATH */
    execv(path, argv);
    _exit(127);
}

static void wait_ok(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void pg_server_ask(struct pg_server *s, int n, const char *sql, char *ret, size_t cap)
{
    char database[16];
    int pipes[2];
    ignore_result(snprintf(database, sizeof(database), n ? "t%d" : "postgres", n) < 0);
    char *argv[] = {(char[]){"psql"},
                    (char[]){"-XAtq"},
                    (char[]){"-h"},
                    s->folder,
                    (char[]){"-U"},
                    (char[]){"ringtrip"},
                    (char[]){"-d"},
                    database,
                    (char[]){"-c"},
                    (char *)(uintptr_t)sql,
                    NULL};
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t pid = run(s, argv, pipes[1]);
    close(pipes[1]);
    size_t used = 0;
    ssize_t got = 0;
    while (used + 1 < cap && (got = read(pipes[0], ret + used, cap - 1 - used)) > 0) {
        used += (size_t)got;
    }
    close(pipes[0]);
    ret[used] = '\0';
    while (used > 0 && ret[used - 1] == '\n') {
        ret[--used] = '\0';
    }
    wait_ok(pid);
}

static bool is_ready(const struct pg_server *s)
{
    char path[128], line[8][128];
    ignore_result(snprintf(path, sizeof(path), "%s/data/postmaster.pid", s->folder) < 0);
    FILE *file = fopen(path, "r");
    size_t n = 0;
    while (file && n < ARRAY_LEN(line) && fgets(line[n], sizeof(line[n]), file)) {
        n++;
    }
    if (file) {
        fclose(file);
    }
    return n == ARRAY_LEN(line) && strncmp(line[7], "ready", 5) == 0; /* its eighth line says how far it is */
}

static void show_log(const struct pg_server *s)
{
    char path[128], line[512];
    ignore_result(snprintf(path, sizeof(path), "%s/log", s->folder) < 0);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        print_error("%s", line);
    }
    if (file) {
        fclose(file);
    }
}

void pg_server_start(struct pg_server *s)
{
    char data[96];
    ignore_result(snprintf(data, sizeof(data), "%s/data", s->folder) < 0);
    char *argv[] = {(char[]){"postgres"},
                    (char[]){"-D"},
                    data,
                    (char[]){"-k"},
                    s->folder,
                    (char[]){"-c"},
                    (char[]){"listen_addresses="},
                    (char[]){"-c"},
                    (char[]){"fsync=off"}, /* no power fails in a test */
                    (char[]){"-c"},
                    (char[]){"shared_buffers=16MB"},
                    (char[]){"-c"},
                    (char[]){"max_connections=40"},
                    NULL};
    s->pid = run(s, argv, -1);
    for (int waited = 0; !is_ready(s); waited += 20) {
        if (waited > READY_MS || waitpid(s->pid, NULL, WNOHANG) != 0) {
            show_log(s);
            fail_msg("PostgreSQL does not start");
        }
        poll(NULL, 0, 20);
    }
}

void pg_server_stop(struct pg_server *s, int signo)
{
    if (s->pid) {
        assert_int_equal(kill(s->pid, signo), 0);
        assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
        s->pid = 0;
    }
}

static void init_cluster(struct pg_server *s)
{
    char data[96];
    ignore_result(snprintf(data, sizeof(data), "%s/data", s->folder) < 0);
    char *argv[] = {(char[]){"initdb"},
                    (char[]){"-D"},
                    data,
                    (char[]){"-A"},
                    (char[]){"trust"},
                    (char[]){"-U"},
                    (char[]){"ringtrip"},
                    (char[]){"-E"},
                    (char[]){"UTF8"},
                    (char[]){"--locale=C"},
                    (char[]){"--no-sync"},
                    (char[]){"--no-instructions"},
                    NULL};
    wait_ok(run(s, argv, -1));
}

bool pg_server_open(struct pg_server *s)
{
    *s = (struct pg_server){.folder = "/tmp/ringtrip-pg-XXXXXX"};
    if (!find_programs(s)) {
        return false;
    }
    assert_non_null(mkdtemp(s->folder));
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");
        user = user ? user : getpwnam("nobody");
        assert_non_null(user);
        s->uid = user->pw_uid;
        s->gid = user->pw_gid;
        assert_int_equal(chown(s->folder, s->uid, s->gid), 0);
    }
    init_cluster(s);
    pg_server_start(s);
    return true;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *walk UNUSED)
{
    return remove(path);
}

void pg_server_close(struct pg_server *s)
{
    pg_server_stop(s, SIGQUIT);
    assert_int_equal(nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void pg_server_database(struct pg_server *s, int n, char *ret_url, size_t cap)
{
    char sql[64], answer[64];
    ignore_result(snprintf(sql, sizeof(sql), "CREATE DATABASE t%d", n) < 0);
    pg_server_ask(s, 0, sql, answer, sizeof(answer));
    int len = snprintf(ret_url, cap, "postgres:///t%d?host=%s&user=ringtrip", n, s->folder);
    assert_true(len > 0 && (size_t)len < cap);
}

int pg_server_sessions(struct pg_server *s, int n)
{
    char sql[128], answer[32];
    int64_t count = -1;
    ignore_result(snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_stat_activity WHERE datname = 't%d'", n) < 0);
    for (int tries = 0; tries < 200 && count != 0; tries++) {
        pg_server_ask(s, 0, sql, answer, sizeof(answer));
        assert_int_equal(str_to_i64(str_from(answer), &count), 0);
    }
    return (int)count;
}
