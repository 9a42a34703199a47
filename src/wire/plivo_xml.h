/*
 * Plivo XML: the documents that we answer, over the writer of wire/twiml.h, and the grammar with which its strict
 * parser reads them for the phone simulator. Pure. Not here: what a document means for a call.
 */
#ifndef WIRE_PLIVO_XML_H
#define WIRE_PLIVO_XML_H

#include "wire/twiml.h"

struct plivo_xml_stream {
    struct str url;        /* with its query */
    struct str status_url; /* p NULL: none */
    uint32_t timeout_s;    /* 0: the carrier's own, a day */
};

/* Attributes with p NULL are left out. Elements are closed. */
void plivo_w_stream(struct twiml_w *w, const struct plivo_xml_stream *s);
void plivo_w_speak(struct twiml_w *w, struct str text, struct str voice, struct str language);
void plivo_w_wait(struct twiml_w *w, uint32_t seconds, bool silence);
/* reason: "busy", "rejected"; NULL: none. As the first element with a reason it refuses without an answer. */
void plivo_w_hangup(struct twiml_w *w, const char *reason);

struct plivo_xml_dial {
    struct str to;        /* a number, or sip:user@host */
    struct str caller_id; /* p NULL: the caller's */
    struct str action;    /* p NULL: the next element is the end */
    uint32_t ring_s;      /* 0: the carrier's own */
};
void plivo_w_dial(struct twiml_w *w, const struct plivo_xml_dial *d);
struct plivo_xml_input {
    struct str text, voice;
    struct str play;   /* URL of a recording in place of text; empty: none */
    struct str action; /* is asked with the key */
    uint32_t wait_s;   /* when all is said, from 5 to 60 */
};
/* Says text and waits for one key. Without one the next element is done. */
void plivo_w_get_input(struct twiml_w *w, const struct plivo_xml_input *i);
/* The whole session, in the background: it must stand in front of the stream. max_s 0: the
 * carrier's own, a minute. */
void plivo_w_record(struct twiml_w *w, struct str callback, uint32_t max_s);

/*
 * twiml_parse_as with it gives the kinds of TwiML for what means the same: Speak is a SAY, Wait a PAUSE, User a SIP,
 * GetInput and GetDigits a GATHER;
 * Stream stands in the Response itself. Where the parser warns, the vendor ends the call: 8011, Invalid Answer XML.
 */
extern const struct twiml_grammar plivo_xml_grammar;
enum { PLIVO_ERR_ANSWER_XML = 8011 };

#endif
