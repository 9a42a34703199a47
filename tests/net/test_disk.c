#include "net_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "net/disk.h"
#include "net/file.h"

struct fixture {
    struct loop *loop;
    struct disk *disk;
    char dir[64];
};

struct heard {
    struct loop *loop;
    uint32_t errors, closed;
    int err, closed_err;
    uint64_t size;
    bool stop;
};

static void on_error(struct disk_file *f, int err, void *arg)
{
    struct heard *h = arg;
    (void)f;
    h->errors++;
    h->err = err;
    if (h->stop) {
        loop_stop(h->loop);
    }
}

static void on_closed(struct disk_file *f, uint64_t size, int err, void *arg)
{
    struct heard *h = arg;
    (void)f;
    h->closed++;
    h->size = size;
    h->closed_err = err;
    if (h->stop) {
        loop_stop(h->loop);
    }
}

static const struct disk_file_handler handler = {.on_error = on_error, .on_closed = on_closed};

static void fixture_new(struct fixture *f)
{
    *f = (struct fixture){.dir = "/tmp/ringtrip-disk-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    assert_ok(loop_new(&f->loop));
    assert_ok(disk_new(f->loop, &f->disk));
}

static void remove_file(const struct fixture *f, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    assert_int_equal(remove(path), 0);
}

static void fixture_done(struct fixture *f)
{
    disk_free(f->disk);
    loop_free(f->loop);
    assert_int_equal(rmdir(f->dir), 0);
}

static struct disk_file *create(struct fixture *f, const char *name, bool replace, struct heard *h)
{
    char path[200];
    struct disk_file *file;
    *h = (struct heard){.loop = f->loop, .stop = true};
    snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : f->dir, name[0] == '/' ? "" : "/", name);
    assert_ok(disk_file_create(f->disk, path, replace, &handler, h, &file));
    return file;
}

static void assert_content(const struct fixture *f, const char *name, struct span want)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *got = malloc(want.n + 1);
    assert_non_null(got);
    assert_int_equal(fread(got, 1, want.n + 1, file), want.n);
    assert_memory_equal(got, want.p, want.n);
    free(got);
    fclose(file);
}

static int mode_of(const struct fixture *f, const char *name)
{
    char path[200];
    struct stat s;
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    assert_int_equal(stat(path, &s), 0);
    return s.st_mode & 07777;
}

TEST(what_was_appended_is_in_the_file)
{
    struct fixture f;
    struct heard h;
    uint8_t bytes[50000];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 13 + i / 256);
    }
    fixture_new(&f);
    struct disk_file *file = create(&f, "a", false, &h);
    for (size_t at = 0, n = 0; at < sizeof(bytes); at += n) {
        n = MIN(at % 997 + 1, sizeof(bytes) - at);
        disk_file_append(file, span_from(bytes + at, n));
    }
    disk_file_append(file, (struct span){0});
    disk_file_close(file);
    run_loop(f.loop);
    assert_int_equal(h.closed, 1);
    assert_int_equal(h.errors, 0);
    assert_int_equal(h.size, sizeof(bytes));
    assert_int_equal(h.closed_err, 0);
    assert_content(&f, "a", span_from(bytes, sizeof(bytes)));
    assert_int_equal(mode_of(&f, "a"), 0600);
    remove_file(&f, "a");
    fixture_done(&f);
}

TEST(a_patch_comes_after_what_was_appended_before_it)
{
    struct fixture f;
    struct heard h;
    uint8_t want[20000];
    fixture_new(&f);
    struct disk_file *file = create(&f, "a", false, &h);
    memset(want, 'x', sizeof(want));
    for (int i = 0; i < 10; i++) {
        disk_file_append(file, span_from(want, 2000));
        char no[4];
        snprintf(no, sizeof(no), "%03d", i);
        disk_file_patch(file, 8, span_from(no, 3));
    }
    disk_file_close(file);
    run_loop(f.loop);
    memcpy(want + 8, "009", 3);
    assert_content(&f, "a", span_from(want, sizeof(want)));
    assert_int_equal(h.size, sizeof(want));
    remove_file(&f, "a");
    fixture_done(&f);
}

TEST(an_open_file_reaches_the_disk_within_a_second_or_so)
{
    struct fixture f;
    struct heard h;
    fixture_new(&f);
    struct disk_file *file = create(&f, "a", false, &h);
    disk_file_append(file, span_of_str(STR("small")));
    for (int i = 0; i < 50 && access("/", R_OK) == 0; i++) {
        char path[100];
        struct stat s;
        snprintf(path, sizeof(path), "%s/a", f.dir);
        if (stat(path, &s) == 0 && s.st_size == 5) {
            break;
        }
        run_loop_for(f.loop, 100 * 1000);
        assert_true(i < 49);
    }
    disk_file_close(file);
    run_loop(f.loop);
    remove_file(&f, "a");
    fixture_done(&f);
}

TEST(missing_folders_are_made_for_the_owner_alone)
{
    struct fixture f;
    struct heard h;
    fixture_new(&f);
    struct disk_file *file = create(&f, "2026/11/a", false, &h);
    disk_file_close(file);
    run_loop(f.loop);
    assert_int_equal(h.errors, 0);
    assert_int_equal(mode_of(&f, "2026"), 0700);
    assert_int_equal(mode_of(&f, "2026/11"), 0700);
    assert_int_equal(mode_of(&f, "2026/11/a"), 0600);
    remove_file(&f, "2026/11/a");
    remove_file(&f, "2026/11");
    remove_file(&f, "2026");
    fixture_done(&f);
}

TEST(an_existing_file_is_replaced_only_on_request)
{
    struct fixture f;
    struct heard h;
    fixture_new(&f);
    struct disk_file *file = create(&f, "a", false, &h);
    disk_file_append(file, span_of_str(STR("first")));
    disk_file_close(file);
    run_loop(f.loop);

    file = create(&f, "a", false, &h);
    disk_file_append(file, span_of_str(STR("never")));
    run_loop(f.loop);
    assert_int_equal(h.err, -EEXIST);
    assert_int_equal(h.closed, 0);
    disk_file_append(file, span_of_str(STR("dropped")));
    disk_file_patch(file, 0, span_of_str(STR("dropped")));
    assert_int_equal(disk_file_dropped_bytes(file), 7);
    disk_file_close(file);
    run_loop(f.loop);
    assert_int_equal(h.errors, 1);
    assert_int_equal(h.closed_err, -EEXIST);
    assert_content(&f, "a", span_of_str(STR("first")));

    file = create(&f, "a", true, &h);
    disk_file_append(file, span_of_str(STR("2nd")));
    disk_file_close(file);
    run_loop(f.loop);
    assert_int_equal(h.errors, 0);
    assert_content(&f, "a", span_of_str(STR("2nd")));
    remove_file(&f, "a");
    fixture_done(&f);
}

TEST(a_full_disk_is_told_once_and_the_rest_is_dropped)
{
    struct fixture f;
    struct heard h;
    fixture_new(&f);
    struct disk_file *file = create(&f, "/dev/full", true, &h);
    uint8_t block[8192] = {0};
    for (int i = 0; i < 20; i++) {
        disk_file_append(file, span_from(block, sizeof(block)));
    }
    run_loop(f.loop);
    assert_int_equal(h.errors, 1);
    assert_int_equal(h.err, -ENOSPC);
    disk_file_append(file, span_from(block, sizeof(block)));
    assert_int_equal(disk_file_dropped_bytes(file), sizeof(block));
    disk_file_close(file);
    run_loop(f.loop);
    assert_int_equal(h.errors, 1);
    assert_int_equal(h.closed_err, -ENOSPC);
    assert_int_equal(h.size, 0);
    fixture_done(&f);
}

TEST(paths_that_cannot_be_made_are_errors)
{
    static const char *const paths[] = {"/dev/null/x", "/proc/no/such/file", "/dev/null/a/b"};
    struct fixture f;
    struct heard h;
    fixture_new(&f);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct disk_file *file = create(&f, paths[i], false, &h);
        run_loop(f.loop);
        assert_int_equal(h.errors, 1);
        assert_true(h.err < 0);
        disk_file_close(file);
        run_loop(f.loop);
        assert_int_equal(h.closed, 1);
        assert_int_equal(h.closed_err, h.err);
    }
    fixture_done(&f);
}

/* A pipe that nobody reads holds the writer up, so that data must wait. */
TEST(a_writer_that_cannot_keep_up_costs_a_bounded_amount_of_memory)
{
    struct fixture f;
    struct heard h;
    char path[100];
    fixture_new(&f);
    snprintf(path, sizeof(path), "%s/pipe", f.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct disk_file *file = create(&f, "pipe", true, &h); /* its open blocks until there is a reader */
    static uint8_t block[10000];
    for (int i = 0; i < 200; i++) {
        disk_file_append(file, span_from(block, sizeof(block)));
    }
    run_loop(f.loop);
    assert_int_equal(h.errors, 1);
    assert_int_equal(h.err, -ERR_LIMIT);
    assert_int_equal(disk_file_dropped_bytes(file), (200 - 104) * sizeof(block));
    disk_file_close(file);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    run_loop(f.loop);
    assert_int_equal(h.closed, 1);
    assert_true(h.closed_err < 0);
    close(fd);
    remove_file(&f, "pipe");
    fixture_done(&f);
}

enum { FILES = 300, ROUNDS = 60 };

TEST(many_files_grow_side_by_side)
{
    struct fixture f;
    static struct heard h[FILES];
    struct disk_file *files[FILES];
    uint8_t want[ROUNDS * 160];
    fixture_new(&f);
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        files[i] = create(&f, name, false, &h[i]);
        h[i].stop = false;
    }
    for (int k = 0; k < ROUNDS; k++) {
        for (int i = 0; i < FILES; i++) {
            uint8_t frame[160];
            memset(frame, (i * 7 + k) & 0xff, sizeof(frame));
            disk_file_append(files[i], span_from(frame, sizeof(frame)));
        }
        run_loop_for(f.loop, 100);
    }
    for (int i = 0; i < FILES / 2; i++) {
        disk_file_close(files[i]);
    }
    f.disk = disk_free(f.disk); /* closes the others */
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(h[i].closed, 1);
        assert_int_equal(h[i].errors, 0);
        assert_int_equal(h[i].size, sizeof(want));
        for (int k = 0; k < ROUNDS; k++) {
            memset(want + k * 160, (i * 7 + k) & 0xff, 160);
        }
        assert_content(&f, name, span_from(want, sizeof(want)));
        remove_file(&f, name);
    }
    fixture_done(&f);
}

/* More blocks at once than are kept for use again, each flushed before it is full, a header corrected in between. */
TEST(what_is_flushed_in_small_parts_keeps_its_order)
{
    struct fixture f;
    struct heard h;
    uint8_t want[400 * 100];
    fixture_new(&f);
    struct disk_file *file = create(&f, "parts", false, &h);
    for (size_t i = 0; i < 400; i++) {
        memset(want + i * 100, (int)(i % 251), 100);
        disk_file_append(file, span_from(want + i * 100, 100));
        disk_file_flush(file);
        if (i % 50 == 49) {
            memset(want, (int)i, 8);
            disk_file_patch(file, 0, span_from(want, 8));
        }
    }
    disk_file_flush(file); /* nothing waits */
    disk_file_close(file);
    disk_file_flush(file);
    run_loop(f.loop);
    assert_int_equal(h.size, sizeof(want));
    assert_int_equal(h.closed_err, 0);
    assert_content(&f, "parts", span_from(want, sizeof(want)));
    remove_file(&f, "parts");
    fixture_done(&f);
}

TEST(a_write_that_is_cut_short_keeps_what_fits)
{
    struct fixture f;
    struct heard h;
    static uint8_t bytes[15000];
    struct rlimit was;
    fixture_new(&f);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 9001, .rlim_max = was.rlim_max}), 0);
    struct disk_file *file = create(&f, "short", false, &h);
    disk_file_append(file, span_from(bytes, sizeof(bytes)));
    disk_file_flush(file);
    loop_run(f.loop);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(h.errors, 1);
    assert_err(h.err, EFBIG);
    disk_file_close(file);
    loop_run(f.loop);
    assert_content(&f, "short", span_from(bytes, 9001));
    remove_file(&f, "short");
    fixture_done(&f);
}

TEST(free_space_is_known)
{
    uint64_t bytes = 0;
    assert_ok(disk_free_bytes("/", &bytes));
    assert_true(bytes > 0);
    assert_err(disk_free_bytes("/no/such/path", &bytes), ENOENT);
}

TEST(a_block_is_written_whole_or_the_error_is_told)
{
    char back[4] = "";
    int fds[2];
    assert_ok(pipe2(fds, O_CLOEXEC));
    assert_ok(file_write_all(fds[1], span_of_str(STR("abc"))));
    assert_int_equal(read(fds[0], back, sizeof(back)), 3);
    assert_string_equal(back, "abc");
    close(fds[0]);
    assert_err(file_write_all(fds[1], span_of_str(STR("abc"))), EPIPE);
    assert_ok(file_write_all(fds[1], (struct span){0}));
    close(fds[1]);
    assert_err(file_write_all(fds[1], span_of_str(STR("abc"))), EBADF);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_err(file_write_all(full, span_of_str(STR("abc"))), ENOSPC);
    close(full);
}

TEST_MAIN(T(what_was_appended_is_in_the_file), T(a_patch_comes_after_what_was_appended_before_it),
          T(an_open_file_reaches_the_disk_within_a_second_or_so), T(missing_folders_are_made_for_the_owner_alone),
          T(an_existing_file_is_replaced_only_on_request), T(a_full_disk_is_told_once_and_the_rest_is_dropped),
          T(paths_that_cannot_be_made_are_errors), T(a_writer_that_cannot_keep_up_costs_a_bounded_amount_of_memory),
          T(many_files_grow_side_by_side), T(what_is_flushed_in_small_parts_keeps_its_order), T(free_space_is_known),
          T(a_write_that_is_cut_short_keeps_what_fits), T(a_block_is_written_whole_or_the_error_is_told))
