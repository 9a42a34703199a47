#include "test.h"

#include "base/base64.h"
#include "base/err.h"

TEST(rfc4648_vectors_both_ways)
{
    static const char *const v[][2] = {{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        char text[16];
        uint8_t back[16];
        size_t n = base64_encode(text, span_of_str(str_from(v[i][0])));
        assert_str_is(((struct str){text, n}), v[i][1]);
        int m = base64_decode(back, str_from(v[i][1]));
        assert_int_equal(m, strlen(v[i][0]));
        assert_memory_equal(back, v[i][0], (size_t)m);
    }
}

TEST(all_bytes_survive_at_every_length)
{
    uint8_t data[300];
    uint8_t back[310];
    char text[404];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + 3);
    }
    for (size_t n = 0; n <= sizeof(data); n++) {
        size_t m = base64_encode(text, span_from(data, n));
        assert_int_equal(m, base64_enc_len(n));
        assert_int_equal(base64_decode(back, (struct str){text, m}), n);
        assert_memory_equal(back, data, n);
    }
}

/* The plain way, as slow as can be: what every twin is held to. */
static int decode_plainly(const char *text, size_t n, uint8_t *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int have = 0;
    int made = 0;
    for (size_t i = 0; i < n && text[i] != '='; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!at) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[made++] = (uint8_t)(bits >> have);
        }
    }
    return made;
}

TEST(long_texts_agree_with_the_plain_way_and_a_wrong_character_is_found_anywhere)
{
    uint32_t dice = 1;
    for (size_t n = 1; n < 400; n++) {
        uint8_t data[400];
        char text[600];
        uint8_t one[500];
        uint8_t other[500];
        for (size_t i = 0; i < n; i++) {
            dice = dice * 1664525 + 1013904223;
            data[i] = (uint8_t)(dice >> 24);
        }
        size_t m = base64_encode(text, span_from(data, n));
        assert_int_equal(decode_plainly(text, m, one), n);
        assert_memory_equal(one, data, n);
        assert_int_equal(base64_decode(other, (struct str){text, m}), n);
        assert_memory_equal(other, data, n);
        size_t at = dice % (m > 4 ? m - 4 : 1);
        char good = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            bool ok = m > 4 && decode_plainly(text, m, one) == (int)n;
            assert_int_equal(m > 4 && base64_decode(other, (struct str){text, m}) == (int)n, ok);
        }
        text[at] = good;
    }
}

TEST(wrong_text_is_refused)
{
    static const char *const bad[] = {
        "Z", "Zg=", "Zg", "Zg==Zg==", "Z===", "====", "Zm9 ", "Zm9\n", "Zm9-", "Zm\xFFv", "=m9v"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t out[16];
        if (base64_decode(out, str_from(bad[i])) != -ERR_BASE64) {
            fail_msg("accepted %s", bad[i]);
        }
    }
}

TEST_MAIN(T(rfc4648_vectors_both_ways), T(all_bytes_survive_at_every_length),
          T(long_texts_agree_with_the_plain_way_and_a_wrong_character_is_found_anywhere), T(wrong_text_is_refused))
