#include "test.h"

#include "base/base64.h"
#include "base/err.h"
#include "hmac.h"
#include "wire/spelling.h"
#include "wire/twilio_sig.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define F     "ffffffffffffffffffffffffffffffff"

/* The signature of url and form (urlencoded, NULL for none). */
static void sign(const char *token, struct str url, const char *form_text, char ret[32])
{
    struct form *form = test_malloc(sizeof(*form));
    struct buf base;
    form_init(form, 1 << 16);
    buf_init(&base, 1 << 16);
    if (form_text) {
        assert_ok(form_decode(form, str_from(form_text)));
    }
    assert_ok(twilio_sign_base(&base, url, form_text ? form : NULL));
    uint8_t mac[20];
    test_hmac_sha1(str_from(token), buf_span(&base), mac);
    ret[base64_encode(ret, span_from(mac, sizeof(mac)))] = 0;
    buf_done(&base);
    form_done(form);
    test_free(form);
}

static const struct {
    const char *token, *url, *form, *want;
} vectors[] = {
    {"12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212",
     "GvWf1cFY/Q7PnoempGyD5oXAezc="},
    {"12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
     "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
    {TOKEN, "https://gw.example.com/twilio/voice",
     "CallSid=CA" F "&AccountSid=AC" TOKEN "&From=%2B15005550001&To=%2B15005550002&CallStatus=ringing&ApiVersion="
     "2010-04-01&Direction=inbound&ForwardedFrom=&CallerName=Zo%C3%AB+%26+Co",
     "sPUg0IM+4MGGQj5bF7UmeojXdes="},
    {TOKEN, "https://gw.example.com/twilio/voice?tenant=a%20b&x=1", "b=2&a=1&A=0&_z=9", "/vGE5FvASL83AhbUFaIA+uM4HC8="},
    {TOKEN, "https://gw.example.com/twilio/voice?CallSid=CA1&From=%2B15005550001&To=%2B15005550002", NULL,
     "vScmRJDluVaSEBOJ8OjePsIoJyU="},
    {TOKEN, "https://gw.example.com/t", "MediaUrl=b&MediaUrl=a&MediaUrl=b&X=1", "qg78Qq8u55C3o7tHYUKTDKMSVs4="},
    {TOKEN, "https://gw.example.com:8443/twilio/voice", "a=1", "Md+hFdxQ6CK8/w+qqVeRe8zsTpg="},
    {TOKEN, "https://gw.example.com/twilio/voice", "a=1", "Kih9W5TfPS6AnRByb/4naJEibf8="},
    {TOKEN, "https://gw.example.com:443/twilio/voice", "a=1", "I93xwO8e+whSxntH4V5wUARwDdw="},
    {TOKEN, "https://gw.example.com/twilio/voice", NULL, "9Bi8CPHzgXFe8kGbneg+MVXclzc="},
    {TOKEN, "http://gw.example.com:80/x", NULL, "WjVt8ncXrVWNi9o2GBK8JFFGEqc="},
    {TOKEN, "https://gw.example.com/t",
     "Body=%E0%A4%A8%E0%A4%AE%E0%A4%B8%E0%A5%8D%E0%A4%A4%E0%A5%87%20%F0%9F%91%8B&From=%2B911234567890",
     "/UyXWFx7YJVegT1Hp6UtGDSKdqA="},
    {TOKEN, "https://gw.example.com/t?q=it's", "a=1", "JSOzNGJe/00a3JUVLZWmspaWoeg="},
    {TOKEN, "https://gw.example.com/t?q=it%27s", "a=1", "4Ij/wCXZN9dH8RFGKiopsoaPOGk="},
    {TOKEN, "wss://gw.example.com/twilio/media", NULL, "XbuEIyqfcj7N6LuncPZwBi5k3OI="},
    {TOKEN, "wss://gw.example.com/twilio/media/", NULL, "3WOChzT7xOuqSQPWtgWioHafx+o="},
    {TOKEN, "wss://gw.example.com/twilio/media/abc123", NULL, "WquUEPcXXYQKs0/hauz8UVNeM1U="},
    {TOKEN, "wss://gw.example.com:443/twilio/media", NULL, "aRgUStiV0RdF4YNQ5EgMLNFyU/A="},
    {TOKEN, "wss://gw.example.com:80/twilio/media", NULL, "6USnSaVOe2zbb9WAfjysnKymIIQ="},
    {TOKEN, "https://gw.example.com/twilio/media", NULL, "R1GVrTSOg+9lJTeSC4KAm6UTTSs="},
    /* JSON bodies: the hash of the body stands in the URL */
    {TOKEN,
     "https://gw.example.com/twilio/json?bodySHA256="
     "42ff93eb1de23bbe340e345b94dc8c818b4dfad5075f7c1e3eb3996c57e5b945",
     NULL, "APJmbBjmkbtKQLyXn2J9j282yZ4="},
    {TOKEN,
     "https://gw.example.com/twilio/json?a=1&bodySHA256="
     "42ff93eb1de23bbe340e345b94dc8c818b4dfad5075f7c1e3eb3996c57e5b945",
     NULL, "4e3EaZWwxq0vrz5H6eRGl9tu4Yc="},
};

TEST(the_vectors_of_the_vendors_library_hold)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char got[32];
        sign(vectors[i].token, str_from(vectors[i].url), vectors[i].form, got);
        if (strcmp(got, vectors[i].want) != 0) {
            fail_msg("vector %zu: %s, want %s", i + 1, got, vectors[i].want);
        }
    }
}

TEST(the_signed_text_is_url_and_sorted_distinct_parameters)
{
    struct form *form = test_malloc(sizeof(*form));
    struct buf base;
    form_init(form, 4096);
    buf_init(&base, 4096);
    assert_ok(form_decode(form, STR("MediaUrl=b&MediaUrl=a&MediaUrl=b&X=1")));
    assert_ok(twilio_sign_base(&base, STR("https://gw.example.com/t"), form));
    assert_str_is(buf_str(&base), "https://gw.example.com/tMediaUrlaMediaUrlbX1");
    buf_done(&base);
    form_done(form);
    test_free(form);
}

/* Does one of the spellings of url carry the signature of vector v (from 1)? */
static bool accepted(unsigned v, const char *url)
{
    struct spelling u;
    bool found = false;
    assert_ok(spelling_init(&u, str_from(url)));
    assert_true(u.n <= SPELLING_MAX);
    assert_str_is(u.url[0], url);
    for (size_t i = 0; i < u.n; i++) {
        char got[32];
        sign(vectors[v - 1].token, u.url[i], vectors[v - 1].form, got);
        found = found || strcmp(got, vectors[v - 1].want) == 0;
    }
    spelling_done(&u);
    return found;
}

TEST(urls_are_accepted_with_and_without_port)
{
    assert_true(accepted(8, vectors[6].url));
    assert_true(accepted(8, vectors[7].url));
    assert_true(accepted(8, vectors[8].url));
    assert_true(accepted(9, vectors[7].url));
    assert_true(accepted(7, vectors[6].url));
    assert_true(accepted(11, "http://gw.example.com/x"));
    /* Upgrades: with and without port 443, with and without a final slash. */
    assert_true(accepted(15, vectors[14].url));
    assert_true(accepted(15, vectors[15].url));
    assert_true(accepted(16, vectors[14].url));
    assert_true(accepted(18, vectors[14].url));
    assert_true(accepted(18, "wss://gw.example.com:443/twilio/media/"));
    /* Another scheme, port or path is another URL. */
    assert_false(accepted(15, vectors[19].url));
    assert_false(accepted(20, vectors[14].url));
    assert_false(accepted(19, vectors[14].url));
    assert_false(accepted(15, vectors[16].url));
    assert_false(accepted(7, vectors[7].url));
}

static void variants(const char *url, const char *want)
{
    struct spelling u;
    struct buf all;
    buf_init(&all, 4096);
    assert_ok(spelling_init(&u, str_from(url)));
    for (size_t i = 0; i < u.n; i++) {
        buf_put_str(&all, u.url[i]);
        buf_putc(&all, ' ');
    }
    assert_str_is(buf_str(&all), want);
    spelling_done(&u);
    buf_done(&all);
}

TEST(ports_are_found_where_they_are)
{
    variants("https://u:p@h/x", "https://u:p@h/x https://u:p@h:443/x ");
    variants("https://u:p@h:9/x?a=b:c", "https://u:p@h:9/x?a=b:c https://u:p@h/x?a=b:c https://u:p@h:443/x?a=b:c ");
    variants("https://[::1]:8443/", "https://[::1]:8443/ https://[::1]/ https://[::1]:443/ ");
    variants("https://[::1]/", "https://[::1]/ https://[::1]:443/ ");
    variants("ws://h", "ws://h ws://h:80 ws://h/ ws://h:80/ ");
    variants("wss://h/p?q=1", "wss://h/p?q=1 wss://h:443/p?q=1 ");
    struct spelling u;
    assert_err(spelling_init(&u, STR("")), ERR_SYNTAX);
    assert_err(spelling_init(&u, STR("/path")), ERR_SYNTAX);
    assert_err(spelling_init(&u, STR("https:///x")), ERR_SYNTAX);
    assert_err(spelling_init(&u, STR("https://:80/x")), ERR_SYNTAX);
    assert_err(spelling_init(&u, STR("https://u@/x")), ERR_SYNTAX);
}

TEST_MAIN(T(the_vectors_of_the_vendors_library_hold), T(the_signed_text_is_url_and_sorted_distinct_parameters),
          T(urls_are_accepted_with_and_without_port), T(ports_are_found_where_they_are))
