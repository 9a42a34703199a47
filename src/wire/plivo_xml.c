#include "wire/plivo_xml.h"

#include <stdio.h>

#include "wire/plivo.h"

#define IN(kind) TWIML_IN(kind)

static void put_number(struct twiml_w *w, const char *name, uint32_t value)
{
    char digits[12];
    int n = snprintf(digits, sizeof(digits), "%u", (unsigned)value);
    if (value > 0) {
        twiml_w_attr(w, name, (struct str){digits, (size_t)n});
    }
}

void plivo_w_stream(struct twiml_w *w, const struct plivo_xml_stream *s)
{
    twiml_w_open(w, "Stream");
    twiml_w_attr(w, "bidirectional", STR("true"));
    twiml_w_attr(w, "keepCallAlive", STR("true"));
    twiml_w_attr(w, "contentType",
                 STR(PLIVO_MULAW ";rate=8000")); /* what the default is, the vendor's pages disagree */
    put_number(w, "streamTimeout", s->timeout_s);
    twiml_w_attr(w, "statusCallbackUrl", s->status_url);
    twiml_w_text(w, s->url);
    twiml_w_close(w);
}

void plivo_w_speak(struct twiml_w *w, struct str text, struct str voice, struct str language)
{
    twiml_w_open(w, "Speak");
    twiml_w_attr(w, "voice", voice);
    twiml_w_attr(w, "language", language);
    twiml_w_text(w, text);
    twiml_w_close(w);
}

void plivo_w_wait(struct twiml_w *w, uint32_t seconds, bool silence)
{
    twiml_w_open(w, "Wait");
    put_number(w, "length", seconds);
    if (silence) {
        twiml_w_attr(w, "silence", STR("true"));
    }
    twiml_w_close(w);
}

void plivo_w_hangup(struct twiml_w *w, const char *reason)
{
    twiml_w_open(w, "Hangup");
    twiml_w_attr(w, "reason", str_from(reason));
    twiml_w_close(w);
}

/* "sip:bob@example.com" stays; the vendor wants numbers without +. */
void plivo_w_dial(struct twiml_w *w, const struct plivo_xml_dial *d)
{
    bool sip = str_starts(d->to, STR("sip:")) || str_starts(d->to, STR("sips:"));
    struct str to = d->to;
    if (!sip && to.n > 0 && to.p[0] == '+') {
        to = (struct str){to.p + 1, to.n - 1};
    }
    twiml_w_open(w, "Dial");
    twiml_w_attr(w, "callerId", d->caller_id);
    twiml_w_attr(w, "action", d->action);
    put_number(w, "timeout", d->ring_s);
    twiml_w_open(w, sip ? "User" : "Number");
    twiml_w_text(w, to);
    twiml_w_close(w);
    twiml_w_close(w);
}

void plivo_w_get_input(struct twiml_w *w, const struct plivo_xml_input *i)
{
    twiml_w_open(w, "GetInput");
    twiml_w_attr(w, "action", i->action);
    twiml_w_attr(w, "method", STR("POST"));
    twiml_w_attr(w, "inputType", STR("dtmf"));
    twiml_w_attr(w, "numDigits", STR("1"));
    twiml_w_attr(w, "finishOnKey", STR("none")); /* else # would be no key */
    put_number(w, "executionTimeout", i->wait_s);
    if (i->play.n > 0) {
        twiml_w_play(w, i->play);
    } else {
        plivo_w_speak(w, i->text, i->voice, STR_NULL);
    }
    twiml_w_close(w);
}

void plivo_w_record(struct twiml_w *w, struct str callback, uint32_t max_s)
{
    twiml_w_open(w, "Record");
    twiml_w_attr(w, "recordSession", STR("true"));
    twiml_w_attr(w, "redirect", STR("false"));
    twiml_w_attr(w, "fileFormat", STR("wav"));
    twiml_w_attr(w, "recordChannelType", STR("stereo"));
    put_number(w, "maxLength", max_s);
    twiml_w_attr(w, "callbackUrl", callback);
    twiml_w_close(w);
}

/* ---- what the vendor accepts ---- */

static const char *const none[] = {NULL};
static const char *const stream_attrs[] = {"bidirectional",
                                           "audioTrack",
                                           "keepCallAlive",
                                           "contentType",
                                           "streamTimeout",
                                           "statusCallbackUrl",
                                           "extraHeaders",
                                           "statusCallbackMethod",
                                           "noiseCancellation",
                                           "noiseCancellationLevel",
                                           NULL};
static const char *const speak_attrs[] = {"voice", "language", "loop", NULL};
static const char *const play_attrs[] = {"loop", NULL};
static const char *const wait_attrs[] = {"length", "silence", "minSilence", "beep", NULL};
static const char *const dial_attrs[] = {
    "action",         "method",       "redirect",   "timeout",        "timeLimit",       "callerId",
    "callerName",     "confirmSound", "confirmKey", "dialMusic",      "hangupOnStar",    "callbackUrl",
    "callbackMethod", "digitsMatch",  "sipHeaders", "confirmTimeout", "digitsMatchBLeg", NULL};
static const char *const number_attrs[] = {"sendDigits", "sendOnPreanswer", "sendDigitsMode", NULL};
static const char *const user_attrs[] = {"sendDigits", "sendOnPreanswer", "sipHeaders", NULL};
static const char *const redirect_attrs[] = {"method", NULL};
static const char *const record_attrs[] = {"action",
                                           "method",
                                           "redirect",
                                           "timeout",
                                           "finishOnKey",
                                           "maxLength",
                                           "playBeep",
                                           "recordSession",
                                           "startOnDialAnswer",
                                           "fileFormat",
                                           "recordChannelType",
                                           "callbackUrl",
                                           "callbackMethod",
                                           "transcriptionType",
                                           "transcriptionUrl",
                                           "transcriptionMethod",
                                           NULL};
static const char *const hangup_attrs[] = {"reason", "schedule", NULL};
static const char *const dtmf_attrs[] = {"async", NULL};
static const char *const input_attrs[] = {"action",
                                          "method",
                                          "inputType",
                                          "executionTimeout",
                                          "digitEndTimeout",
                                          "speechEndTimeout",
                                          "finishOnKey",
                                          "numDigits",
                                          "speechModel",
                                          "hints",
                                          "language",
                                          "interimSpeechResultsCallback",
                                          "interimSpeechResultsCallbackMethod",
                                          "log",
                                          "redirect",
                                          "profanityFilter",
                                          NULL};
static const char *const digits_attrs[] = {
    "action",   "method",   "timeout",     "digitTimeout", "finishOnKey",        "numDigits", "retries",
    "redirect", "playBeep", "validDigits", "log",          "invalidDigitsSound", NULL};
static const char *const message_attrs[] = {"src", "dst", "type", "callbackUrl", "callbackMethod", NULL};

static const struct twiml_element elements[] = {
    {"Stream", TWIML_STREAM, IN(TWIML_RESPONSE), stream_attrs},
    {"Speak", TWIML_SAY, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), speak_attrs},
    {"Play", TWIML_PLAY, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), play_attrs},
    {"Wait", TWIML_PAUSE, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), wait_attrs},
    {"Dial", TWIML_DIAL, IN(TWIML_RESPONSE), dial_attrs},
    {"Number", TWIML_NUMBER, IN(TWIML_DIAL), number_attrs},
    {"User", TWIML_SIP, IN(TWIML_DIAL), user_attrs},
    {"Redirect", TWIML_REDIRECT, IN(TWIML_RESPONSE), redirect_attrs},
    {"Record", TWIML_RECORD, IN(TWIML_RESPONSE), record_attrs},
    {"Hangup", TWIML_HANGUP, IN(TWIML_RESPONSE), hangup_attrs},
    {"DTMF", TWIML_OTHER, IN(TWIML_RESPONSE), dtmf_attrs},
    {"Message", TWIML_MESSAGE, IN(TWIML_RESPONSE), message_attrs},
    {"PreAnswer", TWIML_OTHER, IN(TWIML_RESPONSE), none},
    {"GetDigits", TWIML_GATHER, IN(TWIML_RESPONSE), digits_attrs},
    {"GetInput", TWIML_GATHER, IN(TWIML_RESPONSE), input_attrs},
    {"Conference", TWIML_CONFERENCE, IN(TWIML_RESPONSE), NULL},
    {"MultiPartyCall", TWIML_OTHER, IN(TWIML_RESPONSE), NULL},
};

const struct twiml_grammar plivo_xml_grammar = {elements, ARRAY_LEN(elements)};
