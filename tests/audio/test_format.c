#include "test.h"

#include <errno.h>

#include "audio/format.h"

TEST(every_spelling_is_understood)
{
    static const struct {
        const char *word;
        enum audio_format format;
    } words[] = {{"pcm16", AUDIO_PCM16_24K},     {"audio/pcm", AUDIO_PCM16_24K}, {"PCM", AUDIO_PCM16_24K},
                 {"g711_ulaw", AUDIO_PCMU},      {"audio/pcmu", AUDIO_PCMU},     {"pcmu", AUDIO_PCMU},
                 {"G711_alaw", AUDIO_PCMA},      {"audio/pcma", AUDIO_PCMA},     {"pcma", AUDIO_PCMA},
                 {"pcm16_16k", AUDIO_PCM16_16K}, {"pcm16_8k", AUDIO_PCM16_8K}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        enum audio_format f = AUDIO_FORMAT_N;
        assert_int_equal(audio_format_parse(str_from(words[i].word), &f), 0);
        assert_int_equal(f, words[i].format);
    }
    enum audio_format f = AUDIO_PCMU;
    assert_int_equal(audio_format_parse(STR("opus"), &f), -EINVAL);
    assert_int_equal(audio_format_parse(STR(""), &f), -EINVAL);
    assert_int_equal(f, AUDIO_PCMU);
}

TEST(arithmetic_holds)
{
    assert_int_equal(audio_bytes_per_ms(AUDIO_PCMU), 8);
    assert_int_equal(audio_bytes_per_ms(AUDIO_PCMA), 8);
    assert_int_equal(audio_bytes_per_ms(AUDIO_PCM16_8K), 16);
    assert_int_equal(audio_bytes_per_ms(AUDIO_PCM16_16K), 32);
    assert_int_equal(audio_bytes_per_ms(AUDIO_PCM16_24K), 48);
    assert_int_equal(audio_silence_byte(AUDIO_PCMU), 0xFF);
    assert_int_equal(audio_silence_byte(AUDIO_PCMA), 0xD5);
    assert_int_equal(audio_silence_byte(AUDIO_PCM16_24K), 0);
    for (unsigned i = 0; i < AUDIO_FORMAT_N; i++) {
        enum audio_format back = AUDIO_FORMAT_N;
        assert_int_equal(audio_format_parse(str_from(audio_format_wire((enum audio_format)i)), &back), 0);
        assert_int_equal(back, i);
        assert_int_equal(audio_format_parse(str_from(audio_format_name((enum audio_format)i)), &back), 0);
        assert_int_equal(back, i);
    }
}

TEST_MAIN(T(every_spelling_is_understood), T(arithmetic_holds))
