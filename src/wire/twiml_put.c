/* Writer of TwiML. */
#include <assert.h>
#include <stdio.h>

#include "base/json.h"
#include "wire/twiml.h"

static void put_escape(struct buf *out, char c)
{
    switch (c) {
    case '&':
        buf_puts(out, "&amp;");
        break;
    case '<':
        buf_puts(out, "&lt;");
        break;
    case '>':
        buf_puts(out, "&gt;");
        break;
    case '"':
        buf_puts(out, "&quot;");
        break;
    default: /* white space that attribute normalisation would lose */
        buf_printf(out, "&#x%X;", (unsigned)(uint8_t)c);
    }
}

/* The characters of special get an escape; malformed UTF-8 and what XML 1.0 forbids becomes U+FFFD. */
static void put_text(struct buf *out, struct str s, const char *special)
{
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        struct str rest = {s.p + i, s.n - i};
        size_t n = utf8_len(rest);
        bool blank = c == '\t' || c == '\n' || c == '\r';
        bool noncharacter = n == 3 && memcmp(rest.p, "\xEF\xBF", 2) == 0 && (uint8_t)rest.p[2] >= 0xBE;
        if (n == 0 || ((uint8_t)c < 0x20 && !blank) || noncharacter) {
            buf_puts(out, "\xEF\xBF\xBD");
            i += n ? n : 1;
            continue;
        }
        if (n == 1 && strchr(special, c)) {
            put_escape(out, c);
        } else {
            buf_put(out, rest.p, n);
        }
        i += n;
    }
}

struct twiml_w twiml_w(struct buf *out)
{
    struct twiml_w w = {.out = out};
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    twiml_w_open(&w, "Response");
    return w;
}

static void finish_tag(struct twiml_w *w)
{
    if (w->in_tag) {
        buf_putc(w->out, '>');
        w->in_tag = false;
    }
}

void twiml_w_open(struct twiml_w *w, const char *name)
{
    assert(w->depth < TWIML_DEPTH_MAX);
    finish_tag(w);
    buf_putc(w->out, '<');
    buf_puts(w->out, name);
    w->open[w->depth++] = name;
    w->in_tag = true;
}

void twiml_w_attr(struct twiml_w *w, const char *name, struct str value)
{
    assert(w->in_tag);
    if (!value.p) {
        return;
    }
    buf_putc(w->out, ' ');
    buf_puts(w->out, name);
    buf_puts(w->out, "=\"");
    put_text(w->out, value, "&<\"\t\n\r");
    buf_putc(w->out, '"');
}

void twiml_w_text(struct twiml_w *w, struct str text)
{
    finish_tag(w);
    put_text(w->out, text, "&<>\r");
}

void twiml_w_close(struct twiml_w *w)
{
    assert(w->depth > 0);
    const char *name = w->open[--w->depth];
    if (w->in_tag) {
        buf_puts(w->out, "/>");
        w->in_tag = false;
        return;
    }
    buf_puts(w->out, "</");
    buf_puts(w->out, name);
    buf_putc(w->out, '>');
}

void twiml_w_end(struct twiml_w *w)
{
    while (w->depth) {
        twiml_w_close(w);
    }
}

void twiml_w_say(struct twiml_w *w, struct str text, struct str voice, struct str language)
{
    twiml_w_open(w, "Say");
    twiml_w_attr(w, "voice", voice);
    twiml_w_attr(w, "language", language);
    twiml_w_text(w, text);
    twiml_w_close(w);
}

void twiml_w_pause(struct twiml_w *w, uint32_t seconds)
{
    char digits[12];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + seconds % 10);
        seconds /= 10;
    } while (seconds);
    twiml_w_open(w, "Pause");
    twiml_w_attr(w, "length", (struct str){digits + at, sizeof(digits) - at});
    twiml_w_close(w);
}

void twiml_w_hangup(struct twiml_w *w)
{
    twiml_w_open(w, "Hangup");
    twiml_w_close(w);
}

void twiml_w_reject(struct twiml_w *w, bool busy)
{
    twiml_w_open(w, "Reject");
    twiml_w_attr(w, "reason", busy ? STR("busy") : STR("rejected"));
    twiml_w_close(w);
}

void twiml_w_redirect(struct twiml_w *w, struct str url)
{
    twiml_w_open(w, "Redirect");
    twiml_w_attr(w, "method", STR("POST"));
    twiml_w_text(w, url);
    twiml_w_close(w);
}

void twiml_w_play(struct twiml_w *w, struct str url)
{
    twiml_w_open(w, "Play");
    twiml_w_text(w, url);
    twiml_w_close(w);
}

void twiml_w_gather(struct twiml_w *w, const struct twiml_prompt *p)
{
    char seconds[12];
    int n = snprintf(seconds, sizeof(seconds), "%u", (unsigned)p->wait_s);
    twiml_w_open(w, "Gather");
    twiml_w_attr(w, "action", p->action);
    twiml_w_attr(w, "method", STR("POST"));
    twiml_w_attr(w, "input", STR("dtmf"));
    twiml_w_attr(w, "numDigits", STR("1"));
    twiml_w_attr(w, "finishOnKey", STR("")); /* else # would be no key */
    twiml_w_attr(w, "timeout", (struct str){seconds, (size_t)n});
    if (p->play.n > 0) {
        twiml_w_play(w, p->play);
    } else {
        twiml_w_say(w, p->text, STR_NULL, STR_NULL);
    }
    twiml_w_close(w);
}

void twiml_w_dial(struct twiml_w *w, struct str number, struct str caller_id, struct str action)
{
    twiml_w_open(w, "Dial");
    twiml_w_attr(w, "callerId", caller_id);
    twiml_w_attr(w, "action", action);
    twiml_w_text(w, number);
    twiml_w_close(w);
}

void twiml_w_stream(struct twiml_w *w, struct str url, struct str status_callback)
{
    twiml_w_open(w, "Stream");
    twiml_w_attr(w, "url", url);
    twiml_w_attr(w, "statusCallback", status_callback);
}

void twiml_w_parameter(struct twiml_w *w, struct str name, struct str value)
{
    twiml_w_open(w, "Parameter");
    twiml_w_attr(w, "name", name);
    twiml_w_attr(w, "value", value);
    twiml_w_close(w);
}
