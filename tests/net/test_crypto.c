#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "net/crypto.h"

static void assert_hex(const uint8_t *bytes, size_t n, const char *want)
{
    char text[129];
    assert_true(n * 2 < sizeof(text));
    crypto_hex(span_from(bytes, n), text);
    assert_string_equal(text, want);
}

TEST(hashes_match_fips_180)
{
    uint8_t sha1[20], sha256[32];
    crypto_sha1(span_of_str(STR("abc")), sha1);
    assert_hex(sha1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    crypto_sha1((struct span){0}, sha1);
    assert_hex(sha1, 20, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    crypto_sha256(span_of_str(STR("abc")), sha256);
    assert_hex(sha256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(span_of_str(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")), sha256);
    assert_hex(sha256, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* Keys and data as fill bytes or text, digests of RFC 2202 (SHA-1) and RFC 4231 (SHA-256). */
struct vector {
    const char *key;
    int key_byte;
    size_t key_n;
    const char *data;
    int data_byte;
    size_t data_n;
    const char *digest;
};

static struct span fill(uint8_t *room, const char *text, int byte, size_t n)
{
    if (text) {
        memcpy(room, text, n);
    } else if (byte == -1) { /* 01 02 03 ... */
        for (size_t i = 0; i < n; i++) {
            room[i] = (uint8_t)(i + 1);
        }
    } else {
        memset(room, byte, n);
    }
    return span_from(room, n);
}

#define TEXT(s) s, 0, sizeof(s) - 1

TEST(hmac_sha1_matches_rfc_2202)
{
    static const struct vector cases[] = {
        {NULL, 0x0b, 20, TEXT("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"},
        {TEXT("Jefe"), TEXT("what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {NULL, 0xaa, 20, NULL, 0xdd, 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {NULL, -1, 25, NULL, 0xcd, 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
        {NULL, 0x0c, 20, TEXT("Test With Truncation"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
        {NULL, 0xaa, 80, TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {NULL, 0xaa, 80, TEXT("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
         "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct vector *c = &cases[i];
        uint8_t key[160], data[160], digest[20];
        crypto_hmac_sha1(fill(key, c->key, c->key_byte, c->key_n), fill(data, c->data, c->data_byte, c->data_n),
                         digest);
        assert_hex(digest, 20, c->digest);
    }
}

TEST(hmac_sha256_matches_rfc_4231)
{
    static const struct vector cases[] = {
        {NULL, 0x0b, 20, TEXT("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {TEXT("Jefe"), TEXT("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {NULL, 0xaa, 20, NULL, 0xdd, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {NULL, -1, 25, NULL, 0xcd, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {NULL, 0xaa, 131, TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {NULL, 0xaa, 131,
         TEXT(
             "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
             "hashed before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct vector *c = &cases[i];
        uint8_t key[160], data[160], digest[32];
        crypto_hmac_sha256(fill(key, c->key, c->key_byte, c->key_n), fill(data, c->data, c->data_byte, c->data_n),
                           digest);
        assert_hex(digest, 32, c->digest);
    }
}

TEST(an_empty_key_is_a_key)
{
    uint8_t with_null[20], with_empty[20];
    crypto_hmac_sha1((struct span){0}, span_of_str(STR("x")), with_null);
    crypto_hmac_sha1(span_from("", 0), span_of_str(STR("x")), with_empty);
    assert_memory_equal(with_null, with_empty, 20);
    assert_hex(with_null, 20, "6244e66451a1c8695db9731ce2c4fd5de25ccf87");
}

TEST(base64url_has_no_padding)
{
    static const struct {
        struct span in;
        const char *want;
    } cases[] = {
        {{(const uint8_t *)"", 0}, ""},           {{(const uint8_t *)"f", 1}, "Zg"},
        {{(const uint8_t *)"fo", 2}, "Zm8"},      {{(const uint8_t *)"foo", 3}, "Zm9v"},
        {{(const uint8_t *)"foob", 4}, "Zm9vYg"}, {{(const uint8_t *)"\xfb\xff\xfe", 3}, "-__-"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t room = (cases[i].in.n * 4 + 2) / 3 + 1;
        char *out = malloc(room); /* exactly as the header asks */
        assert_non_null(out);
        crypto_base64url(cases[i].in, out);
        assert_string_equal(out, cases[i].want);
        free(out);
    }
}

TEST(equal_compares_contents_and_length)
{
    assert_true(crypto_equal(span_of_str(STR("token")), span_of_str(STR("token"))));
    assert_false(crypto_equal(span_of_str(STR("token")), span_of_str(STR("tokeN"))));
    assert_false(crypto_equal(span_of_str(STR("token")), span_of_str(STR("toke"))));
    assert_true(crypto_equal((struct span){0}, span_from("", 0)));
}

TEST(random_bytes_differ)
{
    uint8_t a[600] = {0}, b[600] = {0};
    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 500, b + 500, 100); /* also behind the 256 bytes that getrandom gives at once */
}

TEST_MAIN(T(hashes_match_fips_180), T(hmac_sha1_matches_rfc_2202), T(hmac_sha256_matches_rfc_4231),
          T(an_empty_key_is_a_key), T(base64url_has_no_padding), T(equal_compares_contents_and_length),
          T(random_bytes_differ))
