#include "test.h"

#include "audio/codec.h"
#include "audio/g711.h"

TEST(samples_are_counted_whole)
{
    assert_int_equal(codec_samples(AUDIO_PCMU, 161), 161);
    assert_int_equal(codec_samples(AUDIO_PCM16_24K, 961), 480);
    assert_int_equal(codec_samples(AUDIO_PCM16_8K, 1), 0);
}

/* Every byte of every format decodes to what encodes to it again. */
TEST(what_was_decoded_encodes_to_the_same_bytes)
{
    for (int f = 0; f < AUDIO_FORMAT_N; f++) {
        uint8_t in[512];
        uint8_t out[512];
        int16_t pcm[512];
        for (size_t i = 0; i < sizeof(in); i++) {
            in[i] = (uint8_t)(i * 7 + i / 256 * 3);
            if (f == AUDIO_PCMU && in[i] == 0x7F) {
                in[i] = 0xFF; /* minus zero has no sample of its own */
            }
        }
        size_t n = codec_decode((enum audio_format)f, span_from(in, sizeof(in)), pcm);
        assert_int_equal(n, codec_samples((enum audio_format)f, sizeof(in)));
        assert_int_equal(codec_encode((enum audio_format)f, pcm, n, out), sizeof(out));
        assert_memory_equal(in, out, sizeof(in));
    }
}

TEST(linear_samples_are_little_endian)
{
    static const uint8_t in[] = {0x34, 0x12, 0x00, 0x80, 0xFF, 0x7F, 0xFF};
    int16_t pcm[3];
    assert_int_equal(codec_decode(AUDIO_PCM16_16K, span_from(in, sizeof(in)), pcm), 3);
    assert_int_equal(pcm[0], 0x1234);
    assert_int_equal(pcm[1], INT16_MIN);
    assert_int_equal(pcm[2], INT16_MAX);
}

TEST_MAIN(T(samples_are_counted_whole), T(what_was_decoded_encodes_to_the_same_bytes),
          T(linear_samples_are_little_endian))
