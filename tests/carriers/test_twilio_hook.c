/* Webhooks of the Twilio carrier over real HTTP: TwiML, signatures, status callbacks. */
#include <stdio.h>

#include "base/err.h"
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio_bench.h"
#include "test.h"

#define XML(inner) "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>" inner "</Response>"

static void secure(struct bench *b)
{
    b->o.public_url = STR("https://gw.example.com");
    b->o.verify_signature = true;
    b->o.auth_tokens[0] = STR("ffffffffffffffffffffffffffffffff");
    b->o.auth_tokens[1] = STR(BENCH_AUTH_TOKEN);
    b->o.n_auth_tokens = 2;
}

static void admit_all(struct bench *b)
{
    b->answer.kind = CARRIER_ANSWER_CONNECT;
    snprintf(b->answer.token, sizeof(b->answer.token), "tok-1");
    b->answer.params[0] = (struct str_pair){STR("from"), STR("+1 <5&\"")};
    b->answer.n_params = 1;
}

#define STREAM(scheme, host, params)                                                                                   \
    "<Connect><Stream url=\"" scheme "://" host "/media-stream\">" params "</Stream></Connect>"
#define PARAMS "<Parameter name=\"token\" value=\"tok-1\"/><Parameter name=\"from\" value=\"+1 &lt;5&amp;&quot;\"/>"

TEST(an_admitted_call_is_connected_to_the_stream_of_the_host_it_asked)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    admit_all(&b);
    bench_post(&b, "/incoming-call",
               "CallSid=CA1&From=%2B15005550001&To=%2B15005550002&Direction=inbound&CallerName=A+%26%20B",
               "Host: gw.local:9000\r\n");
    assert_int_equal(b.status, 200);
    assert_str_is(buf_str(&b.body),
                  XML(STREAM("ws", "gw.local:9000",
                             PARAMS) "<Redirect method=\"POST\">http://gw.local:9000/twilio/after</Redirect>"));
    assert_str_is(buf_str(&b.log), "incoming sid=CA1 from=+15005550001 to=+15005550002 dir=inbound name=A & B query= "
                                   "signed=0 n=5\n");
    bench_done(&b);
}

TEST(a_configured_public_url_wins_over_every_header)
{
    struct bench b;
    bench_init(&b);
    b.o.public_url = STR("https://gw.example.com/");
    bench_start(&b);
    b.trust_proxy = true;
    admit_all(&b);
    bench_call(&b, "GET", "/twiml?call_id=x1&CallSid=CA9", "", "Host: evil\r\nX-Forwarded-Host: evil\r\n");
    assert_has(buf_str(&b.body), "<Stream url=\"wss://gw.example.com/media-stream\" "
                                 "statusCallback=\"https://gw.example.com/twilio/stream-status\">");
    assert_has(buf_str(&b.body), ">https://gw.example.com/twilio/after</Redirect>");
    assert_has(buf_str(&b.log), "sid=CA9");
    assert_has(buf_str(&b.log), "query=x1");
    bench_done(&b);
}

TEST(forwarded_headers_count_only_from_a_trusted_proxy)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    admit_all(&b);
    static const char headers[] =
        "Host: in.local\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: out.example, mid\r\n";
    bench_post(&b, "/twiml", "CallSid=CA1", headers);
    assert_has(buf_str(&b.body), "\"ws://in.local/media-stream\"");
    b.trust_proxy = true;
    bench_post(&b, "/twiml", "CallSid=CA1", headers);
    assert_has(buf_str(&b.body), "\"wss://out.example/media-stream\"");
    bench_done(&b);
}

TEST(a_host_header_cannot_write_into_the_document)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    admit_all(&b);
    bench_post(&b, "/twiml", "CallSid=CA1", "Host: a\"/><Say>x</Say>\r\n");
    assert_true(b.status == 500 || b.status == 400);
    assert_has_not(buf_str(&b.body), "<Say>");
    bench_done(&b);
}

TEST(every_refusal_has_its_document)
{
    static const struct {
        enum carrier_answer_kind kind;
        const char *text;
        const char *want;
    } cases[] = {
        {CARRIER_ANSWER_HANGUP, "", XML("<Hangup/>")},
        {CARRIER_ANSWER_BUSY, "", XML("<Reject reason=\"busy\"/>")},
        {CARRIER_ANSWER_REJECT, "", XML("<Reject reason=\"rejected\"/>")},
        {CARRIER_ANSWER_DIAL, "+15005550006", XML("<Dial>+15005550006</Dial><Hangup/>")},
        {CARRIER_ANSWER_DIAL, "sip:a@b;c", XML("<Dial><Sip>sip:a@b;c</Sip></Dial><Hangup/>")},
        {CARRIER_ANSWER_SAY, "Bye & <b>", XML("<Say>Bye &amp; &lt;b&gt;</Say><Hangup/>")},
        {CARRIER_ANSWER_APOLOGY, "", XML("<Say>Sorry.</Say><Hangup/>")},
    };
    struct bench b;
    bench_init(&b);
    b.o.apology = STR("Sorry.");
    bench_start(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        b.answer = (struct carrier_answer){.kind = cases[i].kind, .text = str_from(cases[i].text)};
        bench_post(&b, "/twilio/after", "CallSid=CA1&From=%2B15005550001", "");
        assert_int_equal(b.status, 200);
        assert_str_is(buf_str(&b.body), cases[i].want);
    }
    bench_done(&b);
}

TEST(configured_documents_replace_apology_and_busy)
{
    struct bench b;
    bench_init(&b);
    b.o.apology_twiml = STR(XML("<Dial>+15005550006</Dial>"));
    b.o.busy_twiml = STR(XML("<Pause/>"));
    bench_start(&b);
    b.answer = (struct carrier_answer){.kind = CARRIER_ANSWER_APOLOGY};
    bench_post(&b, "/twilio/after", "CallSid=CA1", "");
    assert_str_is(buf_str(&b.body), XML("<Dial>+15005550006</Dial>"));
    b.answer.kind = CARRIER_ANSWER_BUSY;
    bench_post(&b, "/twiml", "CallSid=CA1", "");
    assert_str_is(buf_str(&b.body), XML("<Pause/>"));
    bench_done(&b);
}

/* Nobody is asked what now: what came before it has failed. */
TEST(the_fallback_is_the_apology_whatever_the_host_says)
{
    struct bench b;
    bench_init(&b);
    b.o.apology = STR("Sorry.");
    bench_start(&b);
    b.answer = (struct carrier_answer){.kind = CARRIER_ANSWER_CONNECT};
    bench_post(&b, "/twilio/fallback?attempt=a_1", "CallSid=CA1&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fgw%2Ftwiml", "");
    assert_int_equal(b.status, 200);
    assert_str_is(buf_str(&b.body), XML("<Say>Sorry.</Say><Hangup/>"));
    bench_done(&b);
}

TEST(news_of_a_recording_is_taken)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_post(&b, "/twilio/recording", "CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&RecordingDuration=7",
               "");
    assert_int_equal(b.status, 204);
    bench_done(&b);
}

/* ---- signatures ---- */

#define FORM                                                                                                           \
    "CallSid=CAffffffffffffffffffffffffffffffff&AccountSid=AC0123456789abcdef0123456789abcdef&From=%2B15005550001"     \
    "&To=%2B15005550002&CallStatus=ringing&Direction=inbound&ForwardedFrom=&CallerName=Zo%C3%AB%20%26+Co"

TEST(a_signed_form_passes_and_one_changed_byte_does_not)
{
    struct bench b;
    bench_init(&b);
    secure(&b);
    bench_start(&b);
    bench_post(&b, "/twiml", FORM, "X-Twilio-Signature: CAnQ7y0fY8veTIgFzN1TJwnTjhw=\r\n");
    assert_int_equal(b.status, 200);
    assert_has(buf_str(&b.log), "signed=1");
    bench_post(&b, "/twiml", FORM "!", "X-Twilio-Signature: CAnQ7y0fY8veTIgFzN1TJwnTjhw=\r\n");
    assert_int_equal(b.status, 403);
    assert_has(buf_str(&b.body), "X-Twilio-Signature is wrong.");
    bench_post(&b, "/incoming-call", FORM, "X-Twilio-Signature: CAnQ7y0fY8veTIgFzN1TJwnTjhw=\r\n");
    assert_int_equal(b.status, 403);
    bench_post(&b, "/twiml", FORM, "");
    assert_int_equal(b.status, 403);
    assert_has(buf_str(&b.body), "X-Twilio-Signature is missing.");
    struct carrier_stats s;
    carrier_stats(twilio_carrier(b.twilio), &s);
    assert_int_equal(s.bad_signatures, 3);
    assert_int_equal(s.webhooks, 1);
    bench_done(&b);
}

TEST(a_get_is_signed_by_its_url)
{
    struct bench b;
    bench_init(&b);
    secure(&b);
    bench_start(&b);
    bench_call(&b, "GET", "/incoming-call?CallSid=CA1&From=%2B15005550001", "",
               "X-Twilio-Signature: yVo36vsuGAwMyQSG18FcDomEXxI=\r\n");
    assert_int_equal(b.status, 200);
    assert_has(buf_str(&b.log), "sid=CA1 from=+15005550001");
    bench_call(&b, "GET", "/incoming-call?CallSid=CA2&From=%2B15005550001", "",
               "X-Twilio-Signature: yVo36vsuGAwMyQSG18FcDomEXxI=\r\n");
    assert_int_equal(b.status, 403);
    bench_done(&b);
}

#define HASH "42ff93eb1de23bbe340e345b94dc8c818b4dfad5075f7c1e3eb3996c57e5b945"

TEST(another_body_is_signed_by_its_hash)
{
    static const char headers[] =
        "Content-Type: application/json\r\nX-Twilio-Signature: eT4fn1n0u6AnXk44dpyeHYFg6cI=\r\n";
    struct bench b;
    bench_init(&b);
    secure(&b);
    bench_start(&b);
    bench_call(&b, "POST", "/twilio/status?bodySHA256=" HASH, "{\"CallSid\":\"CA1\",\"note\":\"h\xc3\xa9llo\"}",
               headers);
    assert_int_equal(b.status, 204);
    bench_call(&b, "POST", "/twilio/status?bodySHA256=" HASH, "{\"CallSid\":\"CA1\",\"note\":\"h\xc3\xa9llo\"} ",
               headers);
    assert_int_equal(b.status, 403);
    bench_done(&b);
}

TEST(the_vectors_of_the_vendors_library_hold)
{
    static const struct {
        const char *url, *form, *signature;
        bool want;
    } cases[] = {
        {"https://gw.example.com/twilio/voice",
         "CallSid=CAffffffffffffffffffffffffffffffff&AccountSid=AC0123456789abcdef0123456789abcdef&From=%2B15005550001&"
         "To=%2B15005550002&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound&ForwardedFrom=&CallerName=Zo%C3%"
         "AB+%26%20Co",
         "sPUg0IM+4MGGQj5bF7UmeojXdes=", true},
        {"https://gw.example.com/twilio/voice?tenant=a%20b&x=1", "b=2&a=1&A=0&_z=9",
         "/vGE5FvASL83AhbUFaIA+uM4HC8=", true},
        {"https://gw.example.com/twilio/voice?CallSid=CA1&From=%2B15005550001&To=%2B15005550002", NULL,
         "vScmRJDluVaSEBOJ8OjePsIoJyU=", true},
        {"https://gw.example.com/t", "MediaUrl=b&MediaUrl=a&MediaUrl=b&X=1", "qg78Qq8u55C3o7tHYUKTDKMSVs4=", true},
        {"https://gw.example.com:8443/twilio/voice", "a=1", "Md+hFdxQ6CK8/w+qqVeRe8zsTpg=", true},
        {"https://gw.example.com:8443/twilio/voice", "a=1", "Kih9W5TfPS6AnRByb/4naJEibf8=", true},
        {"https://gw.example.com/twilio/voice", "a=1", "I93xwO8e+whSxntH4V5wUARwDdw=", true},
        {"https://gw.example.com:443/twilio/voice", "a=1", "Kih9W5TfPS6AnRByb/4naJEibf8=", true},
        {"https://gw.example.com/twilio/voice", "a=1", "Md+hFdxQ6CK8/w+qqVeRe8zsTpg=", false},
        {"https://gw.example.com/twilio/voice", NULL, "9Bi8CPHzgXFe8kGbneg+MVXclzc=", true},
        {"http://gw.example.com/x", NULL, "WjVt8ncXrVWNi9o2GBK8JFFGEqc=", true},
        {"https://gw.example.com/t",
         "Body=%E0%A4%A8%E0%A4%AE%E0%A4%B8%E0%A5%8D%E0%A4%A4%E0%A5%87+%F0%9F%91%8B&From=%2B911234567890",
         "/UyXWFx7YJVegT1Hp6UtGDSKdqA=", true},
        {"https://gw.example.com/t?q=it's", "a=1", "JSOzNGJe/00a3JUVLZWmspaWoeg=", true},
        {"https://gw.example.com/t?q=it%27s", "a=1", "4Ij/wCXZN9dH8RFGKiopsoaPOGk=", true},
        {"https://gw.example.com/t?q=it's", "a=1", "4Ij/wCXZN9dH8RFGKiopsoaPOGk=", false},
        {"wss://gw.example.com/twilio/media", NULL, "XbuEIyqfcj7N6LuncPZwBi5k3OI=", true},
        {"wss://gw.example.com/twilio/media", NULL, "3WOChzT7xOuqSQPWtgWioHafx+o=", true},
        {"wss://gw.example.com/twilio/media/", NULL, "XbuEIyqfcj7N6LuncPZwBi5k3OI=", true},
        {"wss://gw.example.com/twilio/media/abc123", NULL, "WquUEPcXXYQKs0/hauz8UVNeM1U=", true},
        {"wss://gw.example.com/twilio/media", NULL, "aRgUStiV0RdF4YNQ5EgMLNFyU/A=", true},
        {"https://gw.example.com/twilio/media", NULL, "R1GVrTSOg+9lJTeSC4KAm6UTTSs=", true},
        {"wss://gw.example.com/twilio/media", NULL, "R1GVrTSOg+9lJTeSC4KAm6UTTSs=", false},
        {"https://gw.example.com/twilio/media", NULL, "XbuEIyqfcj7N6LuncPZwBi5k3OI=", false},
        {"https://gw.example.com/twilio/media/", NULL, "R1GVrTSOg+9lJTeSC4KAm6UTTSs=", false},
    };
    struct bench b;
    struct form form;
    bench_init(&b);
    secure(&b);
    form_init(&form, 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(form_decode(&form, str_from(cases[i].form)));
        struct form *params = cases[i].form ? &form : NULL;
        if (twilio_signature_fits(&b.o, str_from(cases[i].url), params, str_from(cases[i].signature)) !=
            cases[i].want) {
            fail_msg("vector %zu", i);
        }
    }
    form_done(&form);
    bench_done(&b);
}

/* ---- status ---- */

TEST(status_callbacks_that_overtake_each_other_are_marked)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_post(&b, "/twilio/status", "CallSid=CA1&CallStatus=in-progress&SequenceNumber=2", "");
    bench_post(&b, "/twilio/status", "CallSid=CA1&CallStatus=ringing&SequenceNumber=1", "");
    bench_post(&b, "/twilio/status", "CallSid=CA1&CallStatus=completed&SequenceNumber=3&CallDuration=49&Duration=1",
               "");
    bench_post(&b, "/twilio/status", "CallSid=CA1&CallStatus=completed&SequenceNumber=3&CallDuration=49&Duration=1",
               "");
    bench_post(&b, "/twilio/stream-status", "CallSid=CA1&StreamSid=MZ1&StreamEvent=stream-error&StreamError=broke", "");
    assert_int_equal(b.status, 204);
    assert_str_is(buf_str(&b.log), "status call sid=CA1 is=in-progress final=0 stale=0 seq=2 dur=-1 err=\n"
                                   "status call sid=CA1 is=ringing final=0 stale=1 seq=1 dur=-1 err=\n"
                                   "status call sid=CA1 is=completed final=1 stale=0 seq=3 dur=49 err=\n"
                                   "status call sid=CA1 is=completed final=1 stale=1 seq=3 dur=49 err=\n"
                                   "status stream sid=CA1 is=stream-error final=0 stale=0 seq=-1 dur=-1 err=broke\n");
    bench_done(&b);
}

TEST(bad_requests_are_refused)
{
    struct bench b;
    bench_init(&b);
    bench_start(&b);
    bench_call(&b, "DELETE", "/twiml", "", "");
    assert_int_equal(b.status, 405);
    bench_post(&b, "/twiml", "CallSid=%4", "");
    assert_int_equal(b.status, 400);
    bench_post(&b, "/twiml", "CallSid=%zz", "");
    assert_int_equal(b.status, 400);
    char many[4096];
    size_t n = 0;
    for (int i = 0; i < 200; i++) {
        n += (size_t)snprintf(many + n, sizeof(many) - n, "p%d=%d&", i, i);
    }
    bench_post(&b, "/twiml", many, "");
    assert_int_equal(b.status, 400);
    bench_call(&b, "GET", "/media-stream", "", "");
    assert_int_equal(b.status, 426);
    bench_call(&b, "GET", "/elsewhere", "", "");
    assert_int_equal(b.status, 404);
    assert_str_is(buf_str(&b.log), "");
    bench_done(&b);
}

TEST_MAIN(T(an_admitted_call_is_connected_to_the_stream_of_the_host_it_asked),
          T(a_configured_public_url_wins_over_every_header), T(forwarded_headers_count_only_from_a_trusted_proxy),
          T(a_host_header_cannot_write_into_the_document), T(every_refusal_has_its_document),
          T(configured_documents_replace_apology_and_busy), T(news_of_a_recording_is_taken),
          T(the_fallback_is_the_apology_whatever_the_host_says), T(a_signed_form_passes_and_one_changed_byte_does_not),
          T(a_get_is_signed_by_its_url), T(another_body_is_signed_by_its_hash),
          T(the_vectors_of_the_vendors_library_hold), T(status_callbacks_that_overtake_each_other_are_marked),
          T(bad_requests_are_refused))
