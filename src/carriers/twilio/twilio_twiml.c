#include "carriers/twilio/twilio_twiml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"
#define TAIL "</Response>"

/* XML 1.0 has no way to write most control characters: they are left out. */
static void put_escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '&') {
            buf_puts(out, "&amp;");
        } else if (c == '<') {
            buf_puts(out, "&lt;");
        } else if (c == '>') {
            buf_puts(out, "&gt;");
        } else if (c == '"') {
            buf_puts(out, "&quot;");
        } else if ((uint8_t)c >= 0x20 || c == '\t' || c == '\n') {
            buf_putc(out, c);
        }
    }
}

static void put_attribute(struct buf *out, const char *name, struct str value)
{
    buf_putc(out, ' ');
    buf_puts(out, name);
    buf_puts(out, "=\"");
    put_escaped(out, value);
    buf_putc(out, '"');
}

static void put_parameter(struct buf *out, struct str name, struct str value)
{
    buf_puts(out, "<Parameter");
    put_attribute(out, "name", name);
    put_attribute(out, "value", value);
    buf_puts(out, "/>");
}

void twilio_put_connect(struct buf *out, const struct twilio_urls *urls, const struct twilio_answer *answer)
{
    buf_puts(out, HEAD "<Connect><Stream");
    put_attribute(out, "url", urls->stream);
    if (urls->status.n > 0) {
        put_attribute(out, "statusCallback", urls->status);
    }
    buf_putc(out, '>');
    if (answer->token[0]) {
        put_parameter(out, STR(TWILIO_TOKEN_PARAM), str_from(answer->token));
    }
    for (uint32_t i = 0; i < answer->n_params && i < TWILIO_ANSWER_MAX_PARAMS; i++) {
        put_parameter(out, answer->params[i].name, answer->params[i].value);
    }
    buf_puts(out, "</Stream></Connect>");
    if (urls->after.n > 0) {
        buf_puts(out, "<Redirect method=\"POST\">");
        put_escaped(out, urls->after);
        buf_puts(out, "</Redirect>");
    } else {
        buf_puts(out, "<Hangup/>");
    }
    buf_puts(out, TAIL);
}

void twilio_put_say(struct buf *out, struct str sentence)
{
    buf_puts(out, HEAD "<Say>");
    put_escaped(out, sentence);
    buf_puts(out, "</Say><Hangup/>" TAIL);
}

static void put_dial(struct buf *out, struct str to, struct str caller_id)
{
    bool sip = str_starts(to, STR("sip:")) || str_starts(to, STR("sips:"));
    buf_puts(out, HEAD "<Dial");
    if (caller_id.n > 0) {
        put_attribute(out, "callerId", caller_id);
    }
    buf_puts(out, sip ? "><Sip>" : "><Number>");
    put_escaped(out, to);
    buf_puts(out, sip ? "</Sip></Dial><Hangup/>" TAIL : "</Number></Dial><Hangup/>" TAIL);
}

void twilio_put_refusal(struct buf *out, const struct twilio_answer *answer, struct str apology, struct str caller_id)
{
    switch (answer->kind) {
    case TWILIO_ANSWER_BUSY:
        buf_puts(out, HEAD "<Reject reason=\"busy\"/>" TAIL);
        break;
    case TWILIO_ANSWER_REJECT:
        buf_puts(out, HEAD "<Reject/>" TAIL);
        break;
    case TWILIO_ANSWER_DIAL:
        put_dial(out, answer->text, caller_id);
        break;
    case TWILIO_ANSWER_SAY:
        twilio_put_say(out, answer->text.n > 0 ? answer->text : apology);
        break;
    case TWILIO_ANSWER_XML:
        buf_put_str(out, answer->text);
        break;
    case TWILIO_ANSWER_HANGUP:
    case TWILIO_ANSWER_CONNECT:
        buf_puts(out, HEAD "<Hangup/>" TAIL);
        break;
    }
}
