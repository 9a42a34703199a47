/*
 * Calls of the account to a number of its own: they come in at the number's address, as calls from outside do. The
 * phone is then the one who calls; what it says, the other end of the call is told: by a document, or by a request.
 */
#include <stdlib.h>

#include "base/err.h"
#include "peer/exchange/exchange_impl.h"
#include "peer/phone/phone_speech.h"
#include "wire/twiml.h"

/* The leg that comes in is a call of its own, with an id of its own. Nobody hangs up until the account does. */
int exchange_incoming_open(struct line *l, struct phone_opts *o, struct buf *url)
{
    buf_clear(url);
    int err = exchange_put_delivery(l->e, str_from(l->incoming), url);
    o->url = buf_str(url);
    o->call_sid = STR("");
    o->request_id = STR("");
    o->called = false;
    o->open_ended = o->n_items == 0;
    if (o->open_ended) {
        o->hangup = (struct phone_when){.kind = PHONE_WHEN_NEVER};
    }
    return err;
}

int exchange_line_say(struct line *l, struct str text)
{
    struct phone_speech s;
    if (!l->phone || !l->incoming[0]) {
        return -ERR_STATE;
    }
    int err = phone_speech_say(text, &s);
    if (err < 0) {
        return err;
    }
    const struct phone_item item = {
        .kind = PHONE_SAY, .mulaw = span_from(s.mulaw, s.n), .owned = s.mulaw, .label = "said by the other end"};
    err = phone_say(l->phone, &item);
    if (err < 0) {
        free(s.mulaw);
    }
    return err;
}

/* What the document of the other end says is said to the agent; how long it pauses is the agent's to decide. */
static void say_document(struct line *l)
{
    struct twiml_error error = {0};
    struct twiml *doc = malloc(sizeof(*doc));
    if (!doc || twiml_parse(str_from(l->twiml), doc, &error) < 0) {
        free(doc);
        return;
    }
    for (uint32_t i = twiml_next(doc, 0, 0); i != 0; i = twiml_next(doc, 0, i)) {
        if (str_is(doc->nodes[i].name, "Say")) {
            ignore_result(exchange_line_say(l, doc->nodes[i].text) < 0);
        }
    }
    twiml_done(doc);
    free(doc);
}

void exchange_incoming_begin(struct line *l)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = exchange_party(l);
    if (l->twiml[0]) {
        say_document(l);
        return;
    }
    l->e->vendor->phone->call_form(&form, &who, "in-progress");
    exchange_post(l, str_from(l->url), &form); /* it is asked; what it answers, nobody hears */
}
