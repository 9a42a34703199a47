/* Log lines: shape, masking, floods, rotation. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "obs/logger.h"
#include "test.h"

#define NOW_US 1795266000123456u /* 2026-11-21T13:00:00.123456Z */

struct fixture {
    char path[64];
    struct logger *l;
    uint64_t now_us;
    struct buf text;
};

static uint64_t fake_wall_us(void *arg)
{
    return ((struct fixture *)arg)->now_us;
}

static void set_up(struct fixture *f, bool json, uint32_t max_per_s)
{
    struct logger_opts o = {
        .json = json, .file = f->path, .max_per_s = max_per_s, .wall_us = fake_wall_us, .wall_arg = f};
    int fd;

    *f = (struct fixture){.path = "logger.XXXXXX", .now_us = NOW_US};
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    buf_init(&f->text, 1 << 22);
    assert_int_equal(logger_new(&o, &f->text, &f->l), 0);
}

static struct str written(struct fixture *f)
{
    FILE *file = fopen(f->path, "r");
    size_t n;

    assert_non_null(file);
    logger_flush(f->l);
    buf_clear(&f->text);
    do {
        uint8_t *room = buf_room(&f->text, 65536);

        n = room ? fread(room, 1, 65536, file) : 0;
        buf_added(&f->text, n);
    } while (n);
    fclose(file);
    return buf_str(&f->text);
}

static void tear_down(struct fixture *f)
{
    logger_free(f->l);
    unlink(f->path);
    buf_done(&f->text);
}

TEST(a_text_line_has_time_level_event_and_scope)
{
    struct fixture f;
    const struct log_scope scope = {.call_id = "c_17", .worker = 2};
    const struct log_scope bare = {.call_id = "", .worker = -1};

    set_up(&f, false, 0);
    logger_sink(LOG_INFO, &scope, "call.begin", "carrier=twilio n=3", f.l);
    logger_sink(LOG_ERROR, &bare, "start", "", f.l);
    logger_sink(LOG_WARN, NULL, "odd", "text=\"a b\"", f.l);
    assert_str_is(written(&f), "2026-11-21T13:00:00.123Z info call.begin call=c_17 worker=2 carrier=twilio n=3\n"
                               "2026-11-21T13:00:00.123Z error start\n"
                               "2026-11-21T13:00:00.123Z warn odd text=\"a b\"\n");
    tear_down(&f);
}

TEST(a_json_line_is_one_object)
{
    struct fixture f;
    const struct log_scope scope = {.call_id = "c_17", .worker = 0};
    struct str rest, line;
    uint32_t n = 0;

    set_up(&f, true, 0);
    logger_sink(LOG_INFO, &scope, "call.begin", "n=3 neg=-4 zip=0123 ok=true who=\"a \\\"b\\\" c\" num=\"5\" x=1.5",
                f.l);
    logger_sink(LOG_DEBUG, NULL, "odd", "no pairs at all = \"open quote", f.l);
    logger_sink(LOG_DEBUG, NULL, "bytes", "a=\xff\x01 b=\"\xc3\xa4\"", f.l);
    rest = written(&f);
    assert_true(
        str_starts(rest, STR("{\"time\":\"2026-11-21T13:00:00.123Z\",\"level\":\"info\",\"event\":\"call.begin\","
                             "\"call\":\"c_17\",\"worker\":0,\"n\":3,\"neg\":-4,\"zip\":\"0123\",\"ok\":true,"
                             "\"who\":\"a \\\"b\\\" c\",\"num\":\"5\",\"x\":\"1.5\"}\n")));
    rest.n--;
    while (str_split(&rest, '\n', &line)) {
        struct json_val doc;

        assert_int_equal(json_parse(line, &doc), 0);
        assert_int_equal(doc.type, JSON_OBJECT);
        n++;
    }
    assert_int_equal(n, 3);
    tear_down(&f);
}

TEST(a_peer_cannot_forge_a_second_line)
{
    struct fixture f;
    struct str text;

    set_up(&f, false, 0);
    logger_sink(LOG_INFO, NULL, "peer", "name=\"x\n2026-11-21T13:00:00.123Z info forged\r\x1b[31m\"", f.l);
    text = written(&f);
    assert_int_equal(str_find(text, '\n'), text.n - 1);
    assert_int_equal(str_find(text, '\x1b'), text.n);
    assert_has(text, "x\\n2026");
    tear_down(&f);
}

TEST(secrets_are_masked_wherever_they_stand)
{
    static const char *const hidden[] = {"twilio-token-abc", "abcdefghijklmnop", "eyJhbGciOi.xyz", "dXNlcjpwYXNz",
                                         "ek_0123456789abcdef"};
    struct fixture f;
    struct str text;

    set_up(&f, false, 0);
    assert_int_equal(logger_add_secret(f.l, STR("twilio-token-abc")), 0);
    assert_int_equal(logger_add_secret(f.l, STR("twilio-token-abc")), 0);
    assert_int_equal(logger_add_secret(f.l, STR("short")), -EINVAL);
    logger_sink(LOG_INFO, NULL, "a", "url=https://u:twilio-token-abc@h x=twilio-token-abctwilio-token-abc", f.l);
    logger_sink(LOG_INFO, NULL, "b", "key=sk-proj-abcdefghijklmnop.", f.l);
    logger_sink(LOG_INFO, NULL, "c", "header=\"Authorization: Bearer eyJhbGciOi.xyz\"", f.l);
    logger_sink(LOG_INFO, NULL, "d", "header=\"Basic dXNlcjpwYXNz\" other=ek_0123456789abcdef", f.l);
    logger_sink(LOG_INFO, NULL, "e", "task-list=risk-assessment-of-things desk-abcdefghijklm", f.l);
    text = written(&f);
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        assert_has_not(text, hidden[i]);
    }
    assert_has(text, "url=https://u:***@h x=******");
    assert_has(text, "key=sk-***.");
    assert_has(text, "Authorization: Bearer ***\"");
    assert_has(text, "task-list=risk-assessment-of-things desk-abcdefghijklm");
    tear_down(&f);
}

TEST(a_flood_is_cut_and_counted)
{
    struct fixture f;
    struct str text;
    uint32_t lines = 0;

    set_up(&f, false, 10);
    for (int i = 0; i < 1000; i++) {
        logger_sink(LOG_WARN, NULL, "flood", "x=1", f.l);
    }
    logger_sink(LOG_WARN, NULL, "other", "x=1", f.l); /* has its own measure */
    f.now_us += 1000000;
    logger_sink(LOG_WARN, NULL, "flood", "x=2", f.l);
    text = written(&f);
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    assert_int_equal(lines, 12);
    assert_int_equal(logger_suppressed(f.l), 990);
    assert_has(text, "warn other x=1\n");
    assert_has(text, "warn flood suppressed=990 x=2\n");
    tear_down(&f);
}

TEST(the_file_is_private_and_can_be_rotated)
{
    struct fixture f;
    char moved[80];
    struct stat st;

    set_up(&f, false, 0);
    logger_sink(LOG_INFO, NULL, "before", "", f.l);
    snprintf(moved, sizeof(moved), "%s.1", f.path);
    assert_int_equal(rename(f.path, moved), 0);
    assert_int_equal(logger_reopen(f.l), 0);
    logger_sink(LOG_INFO, NULL, "after", "", f.l);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_has_not(written(&f), "before");
    assert_has(written(&f), "after");
    unlink(moved);
    tear_down(&f);
}

TEST(lines_before_a_rotation_stay_in_the_old_file)
{
    struct fixture f;
    char moved[80], text[8192] = "";

    set_up(&f, false, 100000);
    snprintf(moved, sizeof(moved), "%s.1", f.path);
    for (int i = 0; i < 50; i++) { /* whether they are written already or not */
        logger_sink(LOG_INFO, NULL, "before", "", f.l);
    }
    assert_int_equal(rename(f.path, moved), 0);
    assert_int_equal(logger_reopen(f.l), 0);
    assert_int_equal(logger_reopen(f.l), 0);
    logger_sink(LOG_INFO, NULL, "after", "", f.l);
    assert_str_is(written(&f), "2026-11-21T13:00:00.123Z info after\n");
    FILE *file = fopen(moved, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text), file), 50 * strlen("2026-11-21T13:00:00.123Z info before\n"));
    fclose(file);
    unlink(moved);
    tear_down(&f);
}

/* Sum of what the log says it has dropped. */
static uint64_t dropped_lines(struct str text)
{
    struct str line;
    uint64_t sum = 0;

    while (str_split(&text, '\n', &line)) {
        size_t at = str_search(line, STR("warn log.dropped lines="));
        int64_t n = 0;

        if (at != SIZE_MAX && str_to_i64((struct str){line.p + at + 23, line.n - at - 23}, &n) >= 0) {
            sum += (uint64_t)n;
        }
    }
    return sum;
}

/* A pipe takes 64 kB; then the writer hangs, and the queue fills. */
TEST(a_slow_disk_holds_nobody_up_and_what_is_dropped_is_told)
{
    struct fixture f = {.path = "logger.XXXXXX", .now_us = NOW_US};
    char fields[1001];
    char chunk[4096];
    uint64_t told = 0;

    assert_non_null(mkdtemp(f.path));
    assert_int_equal(rmdir(f.path), 0);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    int fd = open(f.path, O_RDWR | O_NONBLOCK); /* its own reader, so that opening does not wait */
    assert_true(fd >= 0);
    buf_init(&f.text, 1 << 22);
    const struct logger_opts o = {
        .file = f.path, .max_per_s = 100000, .max_queue = 20000, .wall_us = fake_wall_us, .wall_arg = &f};
    assert_int_equal(logger_new(&o, &f.text, &f.l), 0);
    memset(fields, 'x', sizeof(fields) - 1);
    fields[1000] = '\0';
    for (int i = 0; i < 500; i++) { /* half a megabyte */
        logger_sink(LOG_INFO, NULL, "big", fields, f.l);
    }
    assert_true(logger_suppressed(f.l) >= 300);
    uint64_t lost = logger_suppressed(f.l);
    buf_clear(&f.text);
    for (int i = 0; told < lost && i < 2000; i++) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n > 0) {
            buf_put(&f.text, chunk, (size_t)n);
        } else {
            logger_sink(LOG_INFO, NULL, "more", "", f.l); /* there is room again */
            logger_flush(f.l);
        }
        told = dropped_lines(buf_str(&f.text));
    }
    assert_int_equal(told, lost);
    assert_int_equal(logger_suppressed(f.l), lost);
    tear_down(&f);
    close(fd);
}

TEST(a_line_that_was_written_last_is_there_after_the_end)
{
    struct fixture f;
    char text[256] = "";

    set_up(&f, false, 0);
    logger_sink(LOG_ERROR, NULL, "last.words", "", f.l);
    f.l = logger_free(f.l);
    FILE *file = fopen(f.path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_has(str_from(text), "error last.words\n");
    tear_down(&f);
}

TEST(a_file_that_cannot_be_opened_is_said)
{
    const struct logger_opts o = {.file = "/nonexistent/x.log"};
    struct logger *l = NULL;
    struct buf err;

    buf_init(&err, 1024);
    assert_int_equal(logger_new(&o, &err, &l), -ENOENT);
    assert_true(str_starts(buf_str(&err), STR("the log file /nonexistent/x.log cannot be opened: ")));
    assert_null(l);
    buf_done(&err);
}

static void *chatter(void *arg)
{
    struct fixture *f = arg;

    for (int i = 0; i < 500; i++) {
        char event[16];

        snprintf(event, sizeof(event), "e%d", i);
        logger_sink(LOG_INFO, NULL, event, "value=0123456789012345678901234567890123456789", f->l);
    }
    return NULL;
}

TEST(lines_of_threads_do_not_mix)
{
    struct fixture f;
    pthread_t threads[4];
    struct str rest, line;
    uint32_t n = 0;

    set_up(&f, false, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, chatter, &f), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    rest = written(&f);
    rest.n--;
    while (str_split(&rest, '\n', &line)) {
        assert_true(str_starts(line, STR("2026-11-21T13:00:00.123Z info e")));
        assert_true(str_ends(line, STR(" value=0123456789012345678901234567890123456789")));
        n++;
    }
    assert_int_equal(n, 2000);
    tear_down(&f);
}

TEST(a_very_long_line_is_cut_not_lost)
{
    struct fixture f;
    char *fields = malloc(200001);
    struct str text;

    assert_non_null(fields);
    memset(fields, '\x02', 200000);
    fields[200000] = '\0';
    set_up(&f, false, 0);
    logger_sink(LOG_INFO, NULL, "long", fields, f.l);
    text = written(&f);
    assert_true(str_ends(text, STR("\\x02\n")));
    assert_true(text.n < 70000);
    tear_down(&f);
    free(fields);
}

TEST_MAIN(T(a_text_line_has_time_level_event_and_scope), T(a_json_line_is_one_object),
          T(a_peer_cannot_forge_a_second_line), T(secrets_are_masked_wherever_they_stand),
          T(a_flood_is_cut_and_counted), T(the_file_is_private_and_can_be_rotated),
          T(a_file_that_cannot_be_opened_is_said), T(lines_of_threads_do_not_mix), T(a_very_long_line_is_cut_not_lost),
          T(lines_before_a_rotation_stay_in_the_old_file), T(a_slow_disk_holds_nobody_up_and_what_is_dropped_is_told),
          T(a_line_that_was_written_last_is_there_after_the_end))
