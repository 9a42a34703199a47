/* The documents that this carrier answers with. */
#include "carriers/plivo/plivo_impl.h"

#define APOLOGY "We are sorry, but we cannot take your call right now. Please try again later. Goodbye."
#define VOICE   "Polly.Joanna"
#define HOLD_S  120

struct plivo_words plivo_words(const struct plivo *p)
{
    return (struct plivo_words){
        .apology = or_str(p->opts->apology, APOLOGY),
        .apology_xml = p->opts->apology_xml,
        .busy_xml = p->opts->busy_xml,
        .voice = or_str(p->opts->voice, VOICE),
        .caller_id = p->opts->phone_number,
    };
}

/* An attribute that is not written when there is nothing to say. */
static struct str given(struct str s)
{
    return s.n > 0 ? s : STR_NULL;
}

void plivo_put_connect(struct buf *out, const struct plivo_urls *urls)
{
    struct twiml_w w = twiml_w(out);
    if (urls->recording.n > 0) {
        /* in front: behind the stream it would begin when all is said */
        plivo_w_record(&w, urls->recording, PLIVO_RECORD_MAX_S);
    }
    plivo_w_stream(&w, &(struct plivo_xml_stream){.url = urls->media, .status_url = given(urls->status)});
    /* When the stream ends, also because this process died, the call must not hang in silence. */
    if (urls->after.n > 0) {
        twiml_w_redirect(&w, urls->after);
    } else {
        plivo_w_hangup(&w, NULL);
    }
    twiml_w_end(&w);
}

static void put_say(struct buf *out, struct str sentence, struct str voice)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_speak(&w, sentence, voice, STR_NULL);
    plivo_w_hangup(&w, NULL);
    twiml_w_end(&w);
}

static void put_play(struct buf *out, struct str url)
{
    struct twiml_w w = twiml_w(out);
    twiml_w_play(&w, url);
    plivo_w_hangup(&w, NULL);
    twiml_w_end(&w);
}

void plivo_put_ask(struct buf *out, const struct carrier_answer *answer, struct str asked_url, struct str voice)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_get_input(&w, &(struct plivo_xml_input){answer->text, voice, answer->sound, asked_url, answer->ask_s});
    twiml_w_redirect(&w, asked_url); /* nobody pressed anything */
    twiml_w_end(&w);
}

static void put_hangup(struct buf *out, const char *reason)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_hangup(&w, reason);
    twiml_w_end(&w);
}

static void put_dial(struct buf *out, struct str to, struct str caller_id)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_dial(&w, &(struct plivo_xml_dial){.to = to, .caller_id = given(plivo_bare(caller_id))});
    plivo_w_hangup(&w, NULL);
    twiml_w_end(&w);
}

void plivo_put_answer(struct buf *out, const struct carrier_answer *answer, const struct plivo_words *words)
{
    struct str document = answer->kind == CARRIER_ANSWER_BUSY      ? words->busy_xml
                          : answer->kind == CARRIER_ANSWER_APOLOGY ? words->apology_xml
                                                                   : STR_NULL;
    if (document.n > 0) {
        buf_put_str(out, document);
        return;
    }
    switch (answer->kind) {
    case CARRIER_ANSWER_BUSY:
        put_hangup(out, "busy");
        break;
    case CARRIER_ANSWER_REJECT:
        put_hangup(out, "rejected");
        break;
    case CARRIER_ANSWER_DIAL:
        put_dial(out, answer->text, words->caller_id);
        break;
    case CARRIER_ANSWER_SAY:
        if (answer->sound.n > 0) {
            put_play(out, answer->sound);
        } else {
            put_say(out, answer->text, words->voice);
        }
        break;
    case CARRIER_ANSWER_APOLOGY:
        put_say(out, answer->text.n > 0 ? answer->text : words->apology, words->voice);
        break;
    case CARRIER_ANSWER_HANGUP:
    case CARRIER_ANSWER_CONNECT:
    case CARRIER_ANSWER_ASK:
        put_hangup(out, NULL);
        break;
    }
}

void plivo_put_transfer(struct buf *out, struct str to, struct str action, uint32_t ring_s)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_dial(&w, &(struct plivo_xml_dial){.to = to, .action = given(action), .ring_s = ring_s});
    if (action.n == 0) {
        plivo_w_hangup(&w, NULL);
    }
    twiml_w_end(&w);
}

void plivo_put_hold(struct buf *out)
{
    struct twiml_w w = twiml_w(out);
    plivo_w_wait(&w, HOLD_S, false);
    twiml_w_end(&w);
}
