#include "test.h"

#include "base/base64.h"
#include "base/err.h"
#include "hmac.h"
#include "wire/plivo_sig.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define NONCE "05429567804466091622"
#define GW    "https://gw.example.com"

/* Made with the vendor's Node library. form NULL: GET, or a POST without a body. */
static const struct {
    const char *nonce, *url, *form, *want;
} vectors[] = {
    {NONCE, GW "/plivo/answer", NULL, "WC/RL8oQ1Sn2L8ykiFoSBw0HPKtm7Q2VXu+wC1o7kwQ="},
    {NONCE, GW "/plivo/answer", "", "WC/RL8oQ1Sn2L8ykiFoSBw0HPKtm7Q2VXu+wC1o7kwQ="},
    {NONCE, GW "/plivo/answer?CallUUID=u1&From=14155550101&To=14155550100&Direction=inbound", NULL,
     "2Dqz0e20EQZTlefJ0hEFTEjfH9aqQTrTSw1uJFIxLbw="},
    {NONCE, GW "/plivo/answer?b=2&a=1&b=1&A=0", NULL, "S88yi3QQ6F31jmmEkFwm2q1lf155CGM5JsTCB2Ln04U="},
    {NONCE, GW "/plivo/answer",
     "CallUUID=u1&From=14155550101&To=14155550100&Direction=inbound&CallStatus=ringing&Event=StartApp",
     "Q/1JHCRC8iaw1tjuUXVGWnXZN7RnPNOKUTbq2qYMIAk="},
    {NONCE, GW "/plivo/answer?tenant=7&b=2", "To=14155550100&From=14155550101&A=0&a=1",
     "Yt6xeqFrIrLEu/5vy9bZqykOxyn1Qdl84oWb2JoXgFQ="},
    {NONCE, GW "/plivo/answer?tenant=7", "", "GALBm0R0lQzbWVcw4VbVOf5F4cqcOyo7DHAYMNRo7F0="},
    {NONCE, GW ":8443/plivo/answer", "a=1", "F62NFCrlGFTOx0Ehnx1qlFE52UJXVshOK5uQ/at4pgw="},
    {NONCE, GW, "a=1", "z6Bs3NJBWOoGiIAL/x+fZt75AFRAiyLFOVEBVDqiGtE="},
    {NONCE, GW "/", "a=1", "hl3MdZ5vIZ7JhQZI29eSOKjoaE/OpGiejSIO/4xIj+o="},
    {NONCE, GW "/plivo/answer?x=a%20b%2Bc", "a=1", "6Rh2yg+5/wb80Y1pqge94FXHRbJl79Qo+hUz4hoBtyo="},
    {NONCE, GW "/p", "a=x+y%26z%3D1", "PyO3h63rkKOUmM66DSpy/36xv/HycE2kqyWPnaAa1wM="},
    {NONCE, GW "/p", "Text=h%C3%A9llo%20%E0%A4%A8%E0%A4%AE%E0%A4%B8%E0%A5%8D%E0%A4%A4%E0%A5%87",
     "U1YruzWEhgz9RsgqumkmMm4rcg2EFh3O8N2pB41D7H4="},
    {NONCE, "wss://gw.example.com/plivo/ws", NULL, "tBLfCovnb4WstBOBNd2efaGW34lCnoZ5mLUY1f3Dt5I="},
    {NONCE, "wss://gw.example.com/plivo/ws?c=abc", NULL, "0sleGfq2BygLfCEP6gYVIfdl6MLke/NC/R5lV0mQE/M="},
    {NONCE, GW "/plivo/ws", NULL, "vEfFmH3XSjiA5d0UkQqAKsKYgG8nn5nAhNoorNhKk4s="},
    {NONCE, GW "/plivo/answer/", NULL, "l1NbUZquXN08IOmpCxpCCqfuF/IoO7yLGcjY9g40JAc="},
    {NONCE, GW "/pl%20ivo/answer", NULL, "RuCNENUDRO5XJg+5KKFd4NvMhWFN4gMiYQWeZkEDLns="},
    {NONCE, GW "/p", "a=1", "qBgw2yOlIqRnTZs314Tp+nI3M7jmOh06A1RPedklPDM="},
    {"kjsdhfsd87sd7yisud2", "https://example.com/abcd?foo=bar",
     "CallUUID=4vbcpem8-0u46-x1ha-9af1-438vc92bf374&Digits=1234&From=%2B15551111111&To=%2B15555555555",
     "FpEbbI10Zexgkji5xqQL2Gs51R5UTJeLaAVBc6cJRmA="},
};

static void mac_of(const struct buf *text, char ret[48])
{
    uint8_t mac[32];
    test_hmac_sha256(STR(TOKEN), buf_span(text), mac);
    ret[base64_encode(ret, span_from(mac, sizeof(mac)))] = 0;
}

TEST(the_vectors_of_the_vendors_library_hold)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct form *form = test_malloc(sizeof(*form));
        struct buf text;
        char got[48];
        form_init(form, 1 << 16);
        buf_init(&text, 1 << 16);
        if (vectors[i].form) {
            assert_ok(form_decode(form, str_from(vectors[i].form)));
        }
        assert_ok(plivo_sign_base(&text, str_from(vectors[i].url), vectors[i].form ? form : NULL,
                                  str_from(vectors[i].nonce)));
        mac_of(&text, got);
        if (strcmp(got, vectors[i].want) != 0) {
            fail_msg("vector %zu: %s over %.*s", i + 1, got, (int)text.len, (const char *)buf_ptr(&text));
        }
        buf_done(&text);
        form_done(form);
        test_free(form);
    }
}

TEST(the_vectors_of_the_older_kind_hold)
{
    static const struct {
        const char *url, *want;
    } cases[] = {
        {GW "/plivo/answer", "ylLtMhX6HxBvEM2HF6K/ysGQb9EfAzy0r4/iyfxnul0="},
        {GW "/plivo/answer?x=1", "ylLtMhX6HxBvEM2HF6K/ysGQb9EfAzy0r4/iyfxnul0="},
        {GW ":8443/plivo/answer/", "5bNawXmti4vQhG78tWLQQDc4AaFSZ7EGUFGPKn0kJUo="},
        {GW, "ZinTUn/aylenAYRSZXJo26PTh8WhQooD5uS1fMFcj+o="},
        {GW "/", "C/c4Aum4hRPAZ36UATa8OjLuFp1rpewIo8a66riL5Ws="},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text;
        char got[48];
        buf_init(&text, 4096);
        assert_ok(plivo_sign_base_v2(&text, str_from(cases[i].url), STR(NONCE)));
        mac_of(&text, got);
        assert_string_equal(got, cases[i].want);
        buf_done(&text);
    }
}

TEST(a_header_may_hold_several_signatures)
{
    struct str list = STR(" AAAA , ,BBBB=,  C ,");
    struct str one;
    assert_true(plivo_next_signature(&list, &one));
    assert_str_is(one, "AAAA");
    assert_true(plivo_next_signature(&list, &one));
    assert_str_is(one, "BBBB=");
    assert_true(plivo_next_signature(&list, &one));
    assert_str_is(one, "C");
    assert_false(plivo_next_signature(&list, &one));
    list = STR("");
    assert_false(plivo_next_signature(&list, &one));
}

TEST(a_query_that_is_no_form_is_not_signed)
{
    struct buf text;
    buf_init(&text, 4096);
    assert_int_equal(plivo_sign_base(&text, STR(GW "/?a=%zz"), NULL, STR("1")), -ERR_SYNTAX);
    buf_done(&text);
    buf_init(&text, 8);
    assert_true(plivo_sign_base(&text, STR(GW "/?a=1"), NULL, STR("1")) < 0);
    buf_done(&text);
}

TEST_MAIN(T(the_vectors_of_the_vendors_library_hold), T(the_vectors_of_the_older_kind_hold),
          T(a_header_may_hold_several_signatures), T(a_query_that_is_no_form_is_not_signed))
