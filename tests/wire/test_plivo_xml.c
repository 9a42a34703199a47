#include "test.h"

#include "base/err.h"
#include "wire/plivo_xml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

static struct buf out;
static struct twiml *doc;

static int setup(void **state UNUSED)
{
    buf_init(&out, 1 << 17);
    doc = test_calloc(1, sizeof(*doc));
    return 0;
}

static int teardown(void **state UNUSED)
{
    buf_done(&out);
    test_free(doc);
    return 0;
}

static void wrote(struct twiml_w *w, const char *want)
{
    twiml_w_end(w);
    assert_int_equal(out.err, 0);
    assert_str_is(buf_str(&out), want);
    struct twiml_error e = {0};
    assert_ok(twiml_parse_as(&plivo_xml_grammar, buf_str(&out), doc, &e));
    assert_int_equal(doc->n_warnings, 0);
    twiml_done(doc);
    buf_clear(&out);
}

TEST(documents_are_those_of_the_vendor)
{
    struct twiml_w w = twiml_w(&out);
    plivo_w_stream(&w, &(struct plivo_xml_stream){.url = STR("wss://gw.example.com/ws?token=a&b=c"),
                                                  .status_url = STR("https://gw.example.com/s?a=1&b=2"),
                                                  .timeout_s = 3600});
    plivo_w_speak(&w, STR("bye & <b> \"q\""), STR("WOMAN"), STR("en-US"));
    plivo_w_hangup(&w, NULL);
    wrote(&w, HEAD
          "<Response><Stream bidirectional=\"true\" keepCallAlive=\"true\" contentType=\"audio/x-mulaw;rate=8000\" "
          "streamTimeout=\"3600\" statusCallbackUrl=\"https://gw.example.com/s?a=1&amp;b=2\">"
          "wss://gw.example.com/ws?token=a&amp;b=c</Stream>"
          "<Speak voice=\"WOMAN\" language=\"en-US\">bye &amp; &lt;b&gt; \"q\"</Speak><Hangup/></Response>");
    w = twiml_w(&out);
    plivo_w_hangup(&w, "busy");
    wrote(&w, HEAD "<Response><Hangup reason=\"busy\"/></Response>");
    w = twiml_w(&out);
    plivo_w_wait(&w, 120, true);
    wrote(&w, HEAD "<Response><Wait length=\"120\" silence=\"true\"/></Response>");
    w = twiml_w(&out);
    plivo_w_dial(&w, &(struct plivo_xml_dial){.to = STR("+14155550102"),
                                              .caller_id = STR("14155550100"),
                                              .action = STR("https://x/a"),
                                              .ring_s = 30});
    wrote(&w, HEAD "<Response><Dial callerId=\"14155550100\" action=\"https://x/a\" timeout=\"30\">"
                   "<Number>14155550102</Number></Dial></Response>");
    w = twiml_w(&out);
    plivo_w_dial(&w, &(struct plivo_xml_dial){.to = STR("sip:bob@phone.plivo.com")});
    wrote(&w, HEAD "<Response><Dial><User>sip:bob@phone.plivo.com</User></Dial></Response>");
    w = twiml_w(&out);
    plivo_w_record(&w, STR("https://x/r"), 600);
    wrote(&w, HEAD "<Response><Record recordSession=\"true\" redirect=\"false\" fileFormat=\"wav\" "
                   "recordChannelType=\"stereo\" maxLength=\"600\" callbackUrl=\"https://x/r\"/></Response>");
}

TEST(the_vendors_own_documents_are_read)
{
    static const char text[] =
        "<Response><Stream bidirectional=\"true\" keepCallAlive=\"true\" contentType=\"audio/x-mulaw;rate=8000\" "
        "extraHeaders=\"tenant=7,call=abc\" streamTimeout=\"3600\" audioTrack=\"inbound\">"
        " wss://gw.example.com/plivo/ws?c=1&amp;d=2 </Stream><Speak voice=\"WOMAN\">bye</Speak>"
        "<Hangup reason=\"rejected\" schedule=\"5\"/><Dial callerId=\"1\" hangupOnStar=\"true\" sipHeaders=\"A=1\">"
        "<Number sendDigits=\"wwww1\">14155550102</Number><User sipHeaders=\"k=v\">sip:bob@x</User></Dial>"
        "<Redirect method=\"POST\">https://x/n</Redirect><DTMF async=\"true\">12w3</DTMF>"
        "<Wait length=\"5\" silence=\"true\" minSilence=\"2000\" beep=\"true\"/>"
        "<GetDigits action=\"https://x\" numDigits=\"1\"><Speak>press</Speak></GetDigits></Response>";
    struct twiml_error e = {0};
    assert_ok(twiml_parse_as(&plivo_xml_grammar, str_from(text), doc, &e));
    assert_int_equal(doc->n_warnings, 0);
    uint32_t stream = twiml_child(doc, 0, TWIML_STREAM);
    assert_str_is(doc->nodes[stream].text, "wss://gw.example.com/plivo/ws?c=1&d=2");
    assert_str_is(twiml_attr(doc, stream, "keepCallAlive"), "true");
    assert_str_is(doc->nodes[twiml_child(doc, 0, TWIML_SAY)].text, "bye");
    assert_true(twiml_child(doc, 0, TWIML_PAUSE) > 0);
    assert_true(twiml_child(doc, twiml_child(doc, 0, TWIML_DIAL), TWIML_SIP) > 0);
    twiml_done(doc);
}

TEST(what_the_vendor_ends_a_call_for_is_warned_of)
{
    static const char *const texts[] = {
        "<Response><Say>x</Say></Response>",
        "<Response><Pause length=\"1\"/></Response>",
        "<Response><Connect><Stream url=\"wss://x\"/></Connect></Response>",
        "<Response><Stream url=\"wss://x\"/></Response>",
        "<Response><Stream><Parameter name=\"a\" value=\"b\"/></Stream></Response>",
        "<Response><Reject/></Response>",
        "<Response><Dial><Sip>sip:a@b</Sip></Dial></Response>",
        "<Response><speak>x</speak></Response>",
        "<Response><Hangup cause=\"x\"/></Response>",
    };
    struct twiml_error e = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_ok(twiml_parse_as(&plivo_xml_grammar, str_from(texts[i]), doc, &e));
        assert_true(doc->n_warnings > 0);
        twiml_done(doc);
    }
    assert_int_equal(twiml_parse_as(&plivo_xml_grammar, STR("<Response><Speak>"), doc, &e), -ERR_SYNTAX);
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(documents_are_those_of_the_vendor),
    U(the_vendors_own_documents_are_read),
    U(what_the_vendor_ends_a_call_for_is_warned_of),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
