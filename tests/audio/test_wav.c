#include "test.h"

#include "audio/g711.h"
#include "audio/wav.h"
#include "base/err.h"

static uint8_t file[4096];
static size_t n_file;

static void put(const void *p, size_t n)
{
    assert_true(n_file + n <= sizeof(file));
    memcpy(file + n_file, p, n);
    n_file += n;
}

static void put_le(uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        file[n_file++] = (uint8_t)(v >> 8 * i & 0xFF);
    }
}

static void head(void)
{
    n_file = 0;
    put("RIFF\xFF\xFF\xFF\xFFWAVE", 12);
}

static void fmt(uint32_t tag, uint32_t channels, uint32_t rate, uint32_t bits)
{
    put("fmt ", 4);
    put_le(16, 4);
    put_le(tag, 2);
    put_le(channels, 2);
    put_le(rate, 4);
    put_le(rate * channels * bits / 8, 4);
    put_le(channels * bits / 8, 2);
    put_le(bits, 2);
}

static void data(uint32_t size, const void *p, size_t n)
{
    put("data", 4);
    put_le(size, 4);
    put(p, n);
}

static struct wav parsed(void)
{
    struct wav w;
    const char *reason = "";
    if (wav_parse(span_from(file, n_file), &w, &reason) < 0) {
        fail_msg("%s", reason);
    }
    return w;
}

TEST(headers_have_the_canonical_bytes)
{
    static const uint8_t want[44] = "RIFF\x64\x01\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1F\x00\x00"
                                    "\x00\x7D\x00\x00\x04\x00\x10\x00"
                                    "data\x40\x01\x00";
    struct wav w = {.codec = WAV_PCM16, .rate_hz = 8000, .channels = 2};
    assert_int_equal(wav_header(file, &w, 320), 44);
    assert_memory_equal(file, want, 44);
    w = (struct wav){.codec = WAV_MULAW, .rate_hz = 8000, .channels = 1};
    assert_int_equal(wav_header(file, &w, 160), 58);
    assert_memory_equal(file + 12, "fmt \x12\x00\x00\x00\x07\x00\x01\x00", 12);
    assert_memory_equal(file + 38,
                        "fact\x04\x00\x00\x00\xA0\x00\x00\x00"
                        "data\xA0\x00\x00\x00",
                        20);
    /* More than a RIFF file can say: "until the end". */
    assert_int_equal(wav_header(file, &w, 5000000000u), 58);
    assert_memory_equal(file + 4, "\xFF\xFF\xFF\xFF", 4);
    assert_memory_equal(file + 54, "\xFF\xFF\xFF\xFF", 4);
}

TEST(what_is_written_parses_back)
{
    static const enum wav_codec codecs[] = {WAV_PCM16, WAV_MULAW, WAV_ALAW, WAV_PCM8};
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    for (size_t c = 0; c < 4; c++) {
        for (size_t r = 0; r < 4; r++) {
            for (uint32_t channels = 1; channels <= 2; channels++) {
                struct wav w = {.codec = codecs[c], .rate_hz = rates[r], .channels = channels};
                n_file = wav_header(file, &w, 320);
                memset(file + n_file, 7, 320);
                n_file += 320;
                struct wav got = parsed();
                assert_int_equal(got.codec, w.codec);
                assert_int_equal(got.rate_hz, w.rate_hz);
                assert_int_equal(got.channels, w.channels);
                assert_int_equal(got.data.n, 320);
                assert_int_equal(wav_frames(&got), 320 / channels / wav_sample_bytes(w.codec));
            }
        }
    }
}

TEST(an_unpatched_or_cut_file_is_read_to_its_end)
{
    static const uint32_t sizes[] = {0xFFFFFFFF, 1000, 6};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        head();
        fmt(1, 1, 8000, 16);
        data(sizes[i], "abcdefg", 7);
        assert_int_equal(parsed().data.n, 6); /* whole samples only */
    }
    head();
    fmt(1, 2, 8000, 16);
    data(0, "", 0);
    assert_int_equal(parsed().data.n, 0);
    assert_int_equal(wav_frames(&(struct wav){.codec = WAV_PCM16, .channels = 2}), 0);
}

TEST(foreign_chunks_are_skipped_with_their_padding)
{
    head();
    put("LIST\x05\x00\x00\x00junk!\x00", 14);
    put("bext\x00\x00\x00\x00", 8);
    fmt(7, 1, 8000, 8);
    put("fact\x04\x00\x00\x00\x03\x00\x00\x00", 12);
    data(3, "\xFF\x80\x00LIST", 7);
    struct wav w = parsed();
    assert_int_equal(w.codec, WAV_MULAW);
    assert_int_equal(w.data.n, 3);
    int16_t pcm[4] = {0};
    assert_int_equal(wav_read_mono(&w, 0, 4, pcm), 3);
    assert_int_equal(pcm[0], 0);
    assert_int_equal(pcm[1], 32124);
    assert_int_equal(pcm[2], -32124);
}

TEST(extensible_headers_are_read)
{
    head();
    put("fmt ", 4);
    put_le(40, 4);
    put_le(0xFFFE, 2);
    put_le(1, 2);
    put_le(16000, 4);
    put_le(32000, 4);
    put_le(2, 2);
    put_le(16, 2);
    put_le(22, 2);
    put_le(16, 2);
    put_le(4, 4);
    put_le(1, 2);
    put("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71", 14);
    data(4, "\x01\x00\xFF\xFF", 4);
    struct wav w = parsed();
    assert_int_equal(w.codec, WAV_PCM16);
    assert_int_equal(w.rate_hz, 16000);
    int16_t pcm[2];
    assert_int_equal(wav_read_mono(&w, 0, 2, pcm), 2);
    assert_int_equal(pcm[0], 1);
    assert_int_equal(pcm[1], -1);
}

TEST(channels_are_averaged_and_ranges_clamped)
{
    head();
    fmt(1, 2, 8000, 16);
    data(12, "\xFF\x7F\xFF\x7F\x00\x80\x00\x80\x64\x00\x9C\xFF", 12);
    struct wav w = parsed();
    int16_t pcm[3];
    assert_int_equal(wav_read_mono(&w, 0, 99, pcm), 3);
    assert_int_equal(pcm[0], INT16_MAX);
    assert_int_equal(pcm[1], INT16_MIN);
    assert_int_equal(pcm[2], 0);
    assert_int_equal(wav_read_mono(&w, 2, 5, pcm), 1);
    assert_int_equal(wav_read_mono(&w, 7, 5, pcm), 0);
    head();
    fmt(1, 1, 8000, 8);
    data(3, "\x00\x80\xFF", 3);
    w = parsed();
    assert_int_equal(wav_read_mono(&w, 0, 3, pcm), 3);
    assert_int_equal(pcm[0], -32768);
    assert_int_equal(pcm[1], 0);
    assert_int_equal(pcm[2], 32512);
}

static void refused(int err)
{
    struct wav w;
    const char *reason = NULL;
    assert_int_equal(wav_parse(span_from(file, n_file), &w, &reason), -err);
    assert_non_null(reason);
}

TEST(hostile_headers_are_refused_by_name)
{
    n_file = 0;
    refused(ERR_SYNTAX);
    put("RIFX\x00\x00\x00\x00WAVE", 12);
    refused(ERR_SYNTAX);
    head();
    refused(ERR_MISSING);
    data(4, "abcd", 4);
    refused(ERR_MISSING);
    head();
    fmt(1, 1, 8000, 16);
    refused(ERR_MISSING);
    put("LIST\xFF\xFF\xFF\x7F", 8);
    refused(ERR_SYNTAX);
    head();
    put("fmt \x04\x00\x00\x00\x01\x00\x01\x00", 12);
    refused(ERR_SYNTAX);
    static const struct {
        uint32_t tag, channels, rate, bits;
        int err;
    } bad[] = {{1, 0, 8000, 16, ERR_RANGE},   {1, 9, 8000, 16, ERR_RANGE},      {1, 1, 0, 16, ERR_RANGE},
               {1, 1, 192001, 16, ERR_RANGE}, {1, 1, 8000, 24, ERR_TYPE},       {3, 1, 8000, 32, ERR_TYPE},
               {7, 1, 8000, 16, ERR_TYPE},    {0xFFFE, 1, 8000, 16, ERR_SYNTAX}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        head();
        fmt(bad[i].tag, bad[i].channels, bad[i].rate, bad[i].bits);
        data(4, "abcd", 4);
        refused(bad[i].err);
    }
    head();
    fmt(1, 2, 8000, 16);
    file[12 + 8 + 12] = 3; /* block size */
    data(4, "abcd", 4);
    refused(ERR_RANGE);
}

TEST(every_truncation_is_survived)
{
    head();
    put("LIST\x05\x00\x00\x00junk!\x00", 14);
    fmt(1, 2, 8000, 16);
    data(8, "abcdefgh", 8);
    for (size_t n = 0; n <= n_file; n++) {
        uint8_t *copy = test_malloc(n + 1);
        memcpy(copy, file, n);
        struct wav w;
        int err = wav_parse(span_from(copy, n), &w, NULL);
        if (err == 0) {
            int16_t pcm[2];
            assert_true(wav_read_mono(&w, 0, 2, pcm) <= 2);
        }
        test_free(copy);
    }
}

TEST_MAIN(T(headers_have_the_canonical_bytes), T(what_is_written_parses_back),
          T(an_unpatched_or_cut_file_is_read_to_its_end), T(foreign_chunks_are_skipped_with_their_padding),
          T(extensible_headers_are_read), T(channels_are_averaged_and_ranges_clamped),
          T(hostile_headers_are_refused_by_name), T(every_truncation_is_survived))
