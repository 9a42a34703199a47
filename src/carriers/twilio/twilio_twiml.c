#include "carriers/twilio/twilio_twiml.h"

#include <stdio.h>

#include "wire/twiml.h"

/* An attribute that is not written when there is nothing to say. */
static struct str given(struct str s)
{
    return s.n > 0 ? s : STR_NULL;
}

void twilio_put_connect(struct buf *out, const struct twilio_own_urls *urls, const struct carrier_answer *answer)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_open(&w, "Connect");
    twiml_w_stream(&w, urls->stream, given(urls->status));
    if (answer->token[0]) {
        twiml_w_parameter(&w, STR(CARRIER_TOKEN_PARAM), str_from(answer->token));
    }
    for (uint32_t i = 0; i < answer->n_params && i < CARRIER_ANSWER_MAX_PARAMS; i++) {
        twiml_w_parameter(&w, answer->params[i].name, answer->params[i].value);
    }
    twiml_w_close(&w);
    twiml_w_close(&w);
    /* When the stream ends, also because this process died, the call must not hang in silence. */
    if (urls->after.n > 0) {
        twiml_w_redirect(&w, urls->after);
    } else {
        twiml_w_hangup(&w);
    }
    twiml_w_end(&w);
}

void twilio_put_say(struct buf *out, struct str sentence)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_say(&w, sentence, STR_NULL, STR_NULL);
    twiml_w_hangup(&w);
    twiml_w_end(&w);
}

static void put_play(struct buf *out, struct str url)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_play(&w, url);
    twiml_w_hangup(&w);
    twiml_w_end(&w);
}

void twilio_put_ask(struct buf *out, const struct carrier_answer *answer, struct str asked_url)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_gather(&w, &(struct twiml_prompt){answer->text, answer->sound, asked_url, answer->ask_s});
    twiml_w_redirect(&w, asked_url); /* nobody pressed anything */
    twiml_w_end(&w);
}

static void put_dial(struct buf *out, struct str to, struct str caller_id)
{
    struct twiml_w w = twiml_w(out);
    if (str_starts(to, STR("sip:")) || str_starts(to, STR("sips:"))) {
        twiml_w_open(&w, "Dial");
        twiml_w_attr(&w, "callerId", given(caller_id));
        twiml_w_open(&w, "Sip");
        twiml_w_text(&w, to);
        twiml_w_close(&w);
        twiml_w_close(&w);
    } else {
        twiml_w_dial(&w, to, given(caller_id), STR_NULL);
    }
    twiml_w_hangup(&w);
    twiml_w_end(&w);
}

void twilio_put_transfer(struct buf *out, struct str to, struct str action, uint32_t ring_s)
{
    bool sip = str_starts(to, STR("sip:")) || str_starts(to, STR("sips:"));
    char seconds[16];
    int n = snprintf(seconds, sizeof(seconds), "%u", ring_s);
    struct twiml_w w = twiml_w(out);
    twiml_w_open(&w, "Dial");
    twiml_w_attr(&w, "action", given(action));
    twiml_w_attr(&w, "timeout", (struct str){seconds, (size_t)n});
    twiml_w_open(&w, sip ? "Sip" : "Number");
    twiml_w_text(&w, to);
    twiml_w_close(&w);
    twiml_w_close(&w);
    if (action.n == 0) {
        twiml_w_hangup(&w);
    }
    twiml_w_end(&w);
}

static void put_reject(struct buf *out, bool busy)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_reject(&w, busy);
    twiml_w_end(&w);
}

static void put_hangup(struct buf *out)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_hangup(&w);
    twiml_w_end(&w);
}

void twilio_put_refusal(struct buf *out, const struct carrier_answer *answer, const struct twilio_words *words)
{
    switch (answer->kind) {
    case CARRIER_ANSWER_BUSY:
        if (words->busy_twiml.n > 0) {
            buf_put_str(out, words->busy_twiml);
        } else {
            put_reject(out, true);
        }
        break;
    case CARRIER_ANSWER_REJECT:
        put_reject(out, false);
        break;
    case CARRIER_ANSWER_DIAL:
        put_dial(out, answer->text, words->caller_id);
        break;
    case CARRIER_ANSWER_SAY:
        if (answer->sound.n > 0) {
            put_play(out, answer->sound);
        } else {
            twilio_put_say(out, answer->text);
        }
        break;
    case CARRIER_ANSWER_APOLOGY:
        if (words->apology_twiml.n > 0) {
            buf_put_str(out, words->apology_twiml);
        } else {
            twilio_put_say(out, answer->text.n > 0 ? answer->text : words->apology);
        }
        break;
    case CARRIER_ANSWER_HANGUP:
    case CARRIER_ANSWER_CONNECT:
    case CARRIER_ANSWER_ASK:
        put_hangup(out);
        break;
    }
}
