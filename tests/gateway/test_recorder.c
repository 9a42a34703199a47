/* The stereo file: samples, gaps, overlaps, a header that is right at any time. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audio/g711.h"
#include "base/buf.h"
#include "base/err.h"
#include "fakes/wait.h"
#include "gateway/recorder.h"

struct fixture {
    struct loop *loop;
    struct disk *disk;
    struct recorder *r;
    char path[64];
    bool closed;
    int err;
    uint64_t bytes;
};

static void on_error(struct recorder *r UNUSED, int err, void *arg)
{
    struct fixture *f = arg;
    f->err = err;
}

static void on_closed(struct recorder *r UNUSED, uint64_t bytes, int err UNUSED, void *arg)
{
    struct fixture *f = arg;
    f->closed = true;
    f->bytes = bytes;
}

static const struct recorder_handler handler = {.on_error = on_error, .on_closed = on_closed};

static void open_fixture(struct fixture *f, enum audio_format format)
{
    *f = (struct fixture){.path = "recorder.XXXXXX"};
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(unlink(f->path));
    assert_ok(loop_new(&f->loop));
    assert_ok(disk_new(f->loop, &f->disk));
    assert_ok(recorder_open(f->disk, f->path, format, &handler, f, &f->r));
}

static bool is_closed(void *arg)
{
    struct fixture *f = arg;
    return f->closed;
}

/* Closes and gives the file's bytes. */
static void close_fixture(struct fixture *f, struct buf *ret)
{
    recorder_close(f->r);
    wait_until(f->loop, is_closed, f);
    disk_free(f->disk);
    loop_free(f->loop);
    buf_init(ret, 64 << 20);
    int fd = open(f->path, O_RDONLY);
    if (fd >= 0) {
        uint8_t chunk[4096];
        ssize_t n;
        while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
            buf_put(ret, chunk, (size_t)n);
        }
        close(fd);
        unlink(f->path);
    }
}

static int16_t sample_at(const struct buf *file, size_t pair, size_t channel)
{
    const uint8_t *p = buf_ptr(file) + RECORDER_HEADER_BYTES + pair * 4 + channel * 2;
    return (int16_t)(p[0] | p[1] << 8);
}

static uint32_t u32_at(const struct buf *file, size_t at)
{
    const uint8_t *p = buf_ptr(file) + at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

TEST(pairs_become_left_and_right_at_their_time)
{
    struct fixture f;
    struct buf file;
    uint8_t pairs[320];
    open_fixture(&f, AUDIO_PCMU);
    for (size_t i = 0; i < 160; i++) {
        pairs[i * 2] = 0x20;
        pairs[i * 2 + 1] = 0xA0;
    }
    recorder_put(f.r, 0, span_from(pairs, sizeof(pairs)));
    recorder_put(f.r, 400, span_from(pairs, sizeof(pairs))); /* a gap of 240 */
    recorder_put(f.r, 500, span_from(pairs, sizeof(pairs))); /* 60 of it were there already */
    assert_int_equal(recorder_samples(f.r), 660);
    close_fixture(&f, &file);
    assert_int_equal(f.err, 0);
    assert_int_equal(file.len, 44 + 660 * 4);
    assert_int_equal(f.bytes, file.len);
    assert_int_equal(u32_at(&file, 40), 660 * 4);
    assert_int_equal(u32_at(&file, 4), 36 + 660 * 4);
    assert_int_equal(u32_at(&file, 24), 8000);
    assert_int_equal(sample_at(&file, 0, 0), g711_mulaw_decode1(0x20));
    assert_int_equal(sample_at(&file, 159, 1), g711_mulaw_decode1(0xA0));
    assert_int_equal(sample_at(&file, 160, 0), 0);
    assert_int_equal(sample_at(&file, 399, 1), 0);
    assert_int_equal(sample_at(&file, 400, 0), g711_mulaw_decode1(0x20));
    assert_int_equal(sample_at(&file, 659, 1), g711_mulaw_decode1(0xA0));
    buf_done(&file);
}

TEST(linear_pairs_are_kept_as_they_are)
{
    struct fixture f;
    struct buf file;
    const uint8_t pairs[] = {1, 2, 3, 4, 5, 6, 7, 8};
    open_fixture(&f, AUDIO_PCM16_8K);
    recorder_put(f.r, 0, span_from(pairs, sizeof(pairs)));
    close_fixture(&f, &file);
    assert_int_equal(file.len, 44 + 8);
    assert_memory_equal(buf_ptr(&file) + 44, pairs, 8);
    buf_done(&file);
}

TEST(the_header_is_right_while_the_call_goes_on)
{
    struct fixture f;
    struct buf file;
    uint8_t pairs[320];
    uint8_t head[44];
    memset(pairs, 0x55, sizeof(pairs));
    open_fixture(&f, AUDIO_PCMA);
    for (uint64_t i = 0; i < 150; i++) { /* three seconds */
        recorder_put(f.r, i * 160, span_from(pairs, sizeof(pairs)));
    }
    uint32_t promised = 0;
    while (promised == 0) { /* the disk's thread writes within a second or so */
        settle(f.loop);
        int fd = open(f.path, O_RDONLY);
        if (fd >= 0) {
            off_t size = lseek(fd, 0, SEEK_END);
            if (size >= 44 && pread(fd, head, sizeof(head), 0) == 44) {
                promised = (uint32_t)head[40] | (uint32_t)head[41] << 8 | (uint32_t)head[42] << 16;
                assert_true(size >= 44 + (off_t)promised);
            }
            close(fd);
        }
    }
    assert_true(promised >= 8000 * 4);
    close_fixture(&f, &file);
    assert_int_equal(u32_at(&file, 40), 24000 * 4);
    buf_done(&file);
}

TEST(a_file_that_cannot_be_made_is_told_once_and_closed)
{
    struct fixture f = {.path = "recorder.dir"};
    assert_ok(loop_new(&f.loop));
    assert_ok(disk_new(f.loop, &f.disk));
    assert_ok(recorder_open(f.disk, "/proc/no/such/place.wav", AUDIO_PCMU, &handler, &f, &f.r));
    recorder_put(f.r, 0, span_from("ab", 2));
    recorder_close(f.r);
    wait_until(f.loop, is_closed, &f);
    assert_true(f.err < 0);
    disk_free(f.disk);
    loop_free(f.loop);
}

TEST(the_header_of_an_endless_call_stays_in_its_32_bits)
{
    uint8_t head[44];
    recorder_header(head, 8000, 2000000000u);
    static const uint8_t most[] = {0xDB, 0xFF, 0xFF, 0xFF}; /* 2^32 - 1 - 36 */
    assert_memory_equal(head + 40, most, sizeof(most));
}

TEST_MAIN(T(pairs_become_left_and_right_at_their_time), T(linear_pairs_are_kept_as_they_are),
          T(the_header_is_right_while_the_call_goes_on), T(a_file_that_cannot_be_made_is_told_once_and_closed),
          T(the_header_of_an_endless_call_stays_in_its_32_bits))
