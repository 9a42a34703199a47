#include "test.h"

#include "base/err.h"
#include "wire/twiml.h"

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

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

static void wrote(const char *want)
{
    assert_int_equal(out.err, 0);
    assert_str_is(buf_str(&out), want);
    buf_clear(&out);
}

/* The vendor's library emits exactly these. */
TEST(documents_are_written_as_the_vendors_library_does)
{
    struct twiml_w w = twiml_w(&out);
    twiml_w_end(&w);
    wrote(HEAD "<Response/>");
    w = twiml_w(&out);
    twiml_w_open(&w, "Connect");
    twiml_w_attr(&w, "action", STR("https://gw.example.com/twilio/after"));
    twiml_w_attr(&w, "method", STR("POST"));
    twiml_w_open(&w, "Stream");
    twiml_w_attr(&w, "url", STR("wss://gw.example.com/twilio/media"));
    twiml_w_attr(&w, "name", STR("agent-1"));
    twiml_w_attr(&w, "track", STR("inbound_track"));
    twiml_w_attr(&w, "statusCallback", STR("https://gw.example.com/twilio/stream-status"));
    twiml_w_attr(&w, "statusCallbackMethod", STR("POST"));
    twiml_w_attr(&w, "nothing", STR_NULL);
    twiml_w_parameter(&w, STR("tenant"), STR("a & b \"q\" <x>"));
    twiml_w_close(&w);
    twiml_w_close(&w);
    twiml_w_say(&w, STR("bye & <b>"), STR("Polly.Joanna"), STR("en-US"));
    twiml_w_end(&w);
    wrote(HEAD "<Response><Connect action=\"https://gw.example.com/twilio/after\" method=\"POST\"><Stream "
               "url=\"wss://gw.example.com/twilio/media\" name=\"agent-1\" track=\"inbound_track\" "
               "statusCallback=\"https://gw.example.com/twilio/stream-status\" statusCallbackMethod=\"POST\">"
               "<Parameter name=\"tenant\" value=\"a &amp; b &quot;q&quot; &lt;x>\"/></Stream></Connect>"
               "<Say voice=\"Polly.Joanna\" language=\"en-US\">bye &amp; &lt;b&gt;</Say></Response>");
    w = twiml_w(&out);
    twiml_w_pause(&w, 5);
    twiml_w_reject(&w, true);
    twiml_w_redirect(&w, STR("https://gw.example.com/next?a=1&b=2"));
    twiml_w_dial(&w, STR("+15005550006"), STR("+15005550001"), STR_NULL);
    twiml_w_hangup(&w);
    twiml_w_end(&w);
    wrote(HEAD "<Response><Pause length=\"5\"/><Reject reason=\"busy\"/><Redirect method=\"POST\">"
               "https://gw.example.com/next?a=1&amp;b=2</Redirect><Dial callerId=\"+15005550001\">+15005550006</Dial>"
               "<Hangup/></Response>");
}

static int parse(const char *text)
{
    struct twiml_error e = {0};
    int err = twiml_parse(str_from(text), doc, &e);
    assert_true(err == 0 || e.text[0]);
    return err;
}

TEST(whatever_text_is_written_reads_back)
{
    char hostile[256 + 32];
    size_t n = 0;
    for (int c = 1; c < 256; c++) {
        hostile[n++] = (char)c;
    }
    memcpy(hostile + n, "\xEF\xBF\xBE]]>&#0;", 11);
    n += 11;
    struct twiml_w w = twiml_w(&out);
    twiml_w_say(&w, (struct str){hostile, n}, (struct str){hostile, n}, STR("en\n\tUS"));
    twiml_w_end(&w);
    assert_ok(twiml_parse(buf_str(&out), doc, &(struct twiml_error){0}));
    uint32_t say = twiml_child(doc, 0, TWIML_SAY);
    assert_int_not_equal(say, 0);
    assert_str_is(twiml_attr(doc, say, "language"), "en\n\tUS");
    assert_has(doc->nodes[say].text, "&'()*+,-./0123456789:;<=>?@ABC");
    assert_has(doc->nodes[say].text, "]]>&#0;");
    twiml_done(doc);
}

TEST(a_stream_document_becomes_a_tree)
{
    assert_ok(parse(HEAD "<!-- c --><Response><Connect action=\"a\"><Stream url=\"wss://h/p\" track=\"inbound_track\">"
                         "<Parameter name=\"k&amp;\" value=\"v\"/><Parameter name=\"l\" value=\"\"/></Stream></Connect>"
                         "<Say>sor<![CDATA[<r>]]>y &#233;</Say><Hangup/></Response>"));
    assert_int_equal(doc->n_warnings, 0);
    uint32_t connect = twiml_next(doc, 0, 0);
    assert_int_equal(doc->nodes[connect].kind, TWIML_CONNECT);
    uint32_t stream = twiml_child(doc, connect, TWIML_STREAM);
    assert_str_is(twiml_attr(doc, stream, "url"), "wss://h/p");
    assert_null(twiml_attr(doc, stream, "name").p);
    uint32_t k = twiml_next(doc, stream, stream);
    assert_str_is(twiml_attr(doc, k, "name"), "k&");
    uint32_t l = twiml_next(doc, stream, k);
    assert_str_is(twiml_attr(doc, l, "name"), "l");
    assert_int_equal(twiml_attr(doc, l, "value").n, 0);
    assert_int_equal(twiml_next(doc, stream, l), 0);
    uint32_t say = twiml_next(doc, 0, connect);
    assert_str_is(doc->nodes[say].text, "sor<r>y \xC3\xA9");
    uint32_t hangup = twiml_next(doc, 0, say);
    assert_int_equal(doc->nodes[hangup].kind, TWIML_HANGUP);
    assert_int_equal(twiml_next(doc, 0, hangup), 0);
    twiml_done(doc);
}

TEST(text_around_children_stays_together)
{
    assert_ok(parse("<Response><Dial> +1<Number>+2</Number>50 <Sip>sip:x</Sip></Dial></Response>"));
    uint32_t dial = twiml_child(doc, 0, TWIML_DIAL);
    assert_str_is(doc->nodes[dial].text, "+150");
    assert_str_is(doc->nodes[twiml_child(doc, dial, TWIML_NUMBER)].text, "+2");
    assert_str_is(doc->nodes[twiml_child(doc, dial, TWIML_SIP)].text, "sip:x");
    twiml_done(doc);
}

TEST(what_the_schema_does_not_know_is_warned_about)
{
    static const char *const odd[] = {
        "<Response><connect/></Response>",
        "<Response><Stream url=\"x\"/></Response>",
        "<Response><Hangup now=\"1\"/></Response>",
        "<Response><Connect><Stream uri=\"x\"/></Connect></Response>",
        "<Response><Response/></Response>",
        "<Response><Foo><Bar/><Baz x=\"1\"/></Foo></Response>",
        "<Response><Say><Say>x</Say></Say></Response>",
    };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        assert_ok(parse(odd[i]));
        if (doc->n_warnings != 1) {
            fail_msg("%s: %u warnings", odd[i], doc->n_warnings);
        }
        assert_int_equal(doc->warnings[0].line, 1);
        twiml_done(doc);
    }
    assert_ok(parse("<Response><Gather input=\"dtmf\"><Say>x</Say></Gather></Response>"));
    assert_int_equal(doc->n_warnings, 0);
    twiml_done(doc);
}

TEST(bad_documents_are_refused)
{
    static const char *const bad[] = {
        "",
        "hello",
        "<Response>",
        "<Response></response>",
        "<Response/><Response/>",
        "<response/>",
        "<html/>",
        "<Response><Say>a & b</Say></Response>",
        "<Response><Say a=1/></Response>",
        "<Response>\xFF</Response>",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><Response>&a;</Response>",
        "<?xml version=\"1.0\" encoding=\"nonsense\"?><Response/>",
        "<Response>&nbsp;</Response>",
        "{\"a\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (parse(bad[i]) != -ERR_SYNTAX) {
            fail_msg("accepted %s", bad[i]);
        }
    }
}

TEST(documents_are_bounded)
{
    static const char *const unit[] = {"<Hangup/>", "<Foo x=\"1\" y=\"2\" z=\"3\" u=\"4\" v=\"5\" w=\"6\"/>"};
    for (size_t k = 0; k < ARRAY_LEN(unit); k++) {
        buf_clear(&out);
        buf_puts(&out, "<Response>");
        for (int i = 0; i < 200; i++) {
            buf_puts(&out, unit[k]);
        }
        buf_puts(&out, "</Response>");
        assert_int_equal(twiml_parse(buf_str(&out), doc, &(struct twiml_error){0}), -ERR_TOO_BIG);
    }
    buf_clear(&out);
    for (int i = 0; i < 40; i++) {
        buf_puts(&out, i ? "<Foo>" : "<Response>");
    }
    assert_int_equal(twiml_parse(buf_str(&out), doc, &(struct twiml_error){0}), -ERR_TOO_BIG);
    buf_clear(&out);
    for (int i = 0; i < TWIML_TEXT_MAX; i++) {
        buf_putc(&out, ' ');
    }
    buf_puts(&out, "<Response/>");
    assert_int_equal(twiml_parse(buf_str(&out), doc, &(struct twiml_error){0}), -ERR_TOO_BIG);
    /* Text that is moved again and again between children ends at the limit, not in the heap. */
    buf_clear(&out);
    buf_puts(&out, "<Response><Dial>");
    for (int i = 0; i < 120; i++) {
        for (int k = 0; k < 40; k++) {
            buf_puts(&out, "0123456789");
        }
        buf_puts(&out, "<Sip/>");
    }
    buf_puts(&out, "</Dial></Response>");
    assert_int_equal(twiml_parse(buf_str(&out), doc, &(struct twiml_error){0}), -ERR_TOO_BIG);
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(documents_are_written_as_the_vendors_library_does),
    U(whatever_text_is_written_reads_back),
    U(a_stream_document_becomes_a_tree),
    U(text_around_children_stays_together),
    U(what_the_schema_does_not_know_is_warned_about),
    U(bad_documents_are_refused),
    U(documents_are_bounded),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
