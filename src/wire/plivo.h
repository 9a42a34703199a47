/*
 * Plivo Audio Streaming messages, both ends of the socket: what the carrier says (tolerant decoder for the gateway,
 * writers for the phone simulator) and what a server says (writers for the gateway, strict decoder for the phone).
 * Pure: text in, struct out; slices lend the text or the scratch buffer. Not here: sockets, playout, XML, signatures.
 * Source: Plivo's stream protocol pages of 2026 and captures of real calls; where they disagree both are taken.
 */
#ifndef WIRE_PLIVO_H
#define WIRE_PLIVO_H

#include "base/buf.h"
#include "base/json.h"

#define PLIVO_NAME_MAX  128  /* ids, checkpoint names, encodings, in bytes */
#define PLIVO_TEXT_MAX  4096 /* of a text event */
#define PLIVO_EXTRA_MAX 16   /* pairs of extra headers */
#define PLIVO_KEYS_MAX  64   /* of one sendDTMF */

#define PLIVO_MULAW       "audio/x-mulaw"
#define PLIVO_L16         "audio/x-l16"
#define PLIVO_FRAME_BYTES 160 /* of mu-law in one playAudio: 20 ms, neither more nor less */

enum plivo_event {
    PLIVO_UNKNOWN, /* an event we do not know, or one that only tells: ignore it, event_name says which */
    PLIVO_START,
    PLIVO_MEDIA,
    PLIVO_DTMF,
    PLIVO_PLAYED,  /* "playedStream", formerly "played": all before the checkpoint was heard */
    PLIVO_CLEARED, /* "clearedAudio" */
    PLIVO_STOP,
    PLIVO_TEXT,   /* not the carrier's: what the test programs of the reference systems send in place of speech */
    PLIVO_FAILED, /* "playFailed", "error": reason */
    PLIVO_EVENT_N
};

struct plivo_start {
    struct str call_id;
    struct str account_id; /* an internal number or the auth id: proves nothing; may be empty */
    bool inbound;          /* tracks */
    bool outbound;
    struct str encoding; /* PLIVO_MULAW, PLIVO_L16 */
    uint32_t rate_hz;
};

struct plivo_media {
    bool outbound; /* track */
    bool has_timestamp;
    uint64_t chunk;        /* 0 when absent; for logs only */
    uint64_t timestamp_ms; /* of the epoch */
    struct str payload;    /* base64, not yet checked */
};

struct plivo_msg {
    enum plivo_event event;
    struct str event_name;
    struct str stream_id;     /* empty when absent */
    uint64_t sequence;        /* 0 when absent, and in some events always */
    struct str extra_headers; /* as it came, see plivo_extra; empty when absent */
    bool numbers_as_text;     /* of the encoder: counters and rates as strings; the decoder takes both and leaves it */
    union {
        struct plivo_start start;
        struct plivo_media media;
        char digit;      /* 0-9 * # A-D */
        struct str name; /* PLAYED */
        struct str text; /* TEXT; FAILED and STOP: the reason, may be empty */
    };
};

/*
 * Decodes one carrier message. Numbers may be strings and strings of digits numbers; unknown events and keys pass.
 *   scratch    cleared when it is needed, then holds unescaped text: only when a string carries escapes
 *   ret_field  on error the name of the field ("media.payload"), NULL when the text as a whole is wrong; may be NULL
 * Returns 0; -ERR_SYNTAX, -ERR_MISSING, -ERR_TYPE, -ERR_RANGE (digit, number), -ERR_TOO_BIG (a limit above).
 * Allocates: no, unless strings are escaped. ret and ret_field stay valid as long as text and scratch.
 */
MUST_USE int plivo_decode(struct str text, struct buf *scratch, struct plivo_msg *ret, const char **ret_field);

/*
 * The pairs of extra_headers, in any of its four spellings: {X-PH-a: 1, b: 2}, {"a":"1"}, a=1;b=2, a=1,b=2. A prefix
 * X-PH- is taken off. What cannot be read is left out. Returns how many. The pairs lend text.
 */
uint32_t plivo_extra(struct str text, struct str_pair ret[PLIVO_EXTRA_MAX]);

/* What a server sends: appended to out, whose sticky error tells of failure. */
void plivo_put_audio(struct buf *out, struct span mulaw); /* PLIVO_FRAME_BYTES */
void plivo_put_checkpoint(struct buf *out, struct str stream_id, struct str name);
void plivo_put_clear(struct buf *out, struct str stream_id);

/*
 * What the carrier sends (phone simulator). msg carries event, stream_id, sequence and the member of the event;
 * event_name, when it is not empty, is what the event is called.
 */
void plivo_put_carrier(struct buf *out, const struct plivo_msg *msg);
/* Carrier media with the audio in bytes; msg->media.payload is not looked at. */
void plivo_put_carrier_media(struct buf *out, const struct plivo_msg *msg, struct span audio);

enum plivo_command { PLIVO_CMD_AUDIO, PLIVO_CMD_CHECKPOINT, PLIVO_CMD_CLEAR, PLIVO_CMD_KEYS };

/* What a server did wrong. The vendor has words, not numbers; these are ours. X(constant, word) */
#define PLIVO_FAULT_LIST(X)                                                                                            \
    X(PLIVO_FAULT_NONE, "none")                                                                                        \
    X(PLIVO_FAULT_MESSAGE, "invalid_message")           /* not JSON, unknown event, wrong types, binary */             \
    X(PLIVO_FAULT_CONTENT_TYPE, "invalid_content_type") /* another codec or rate than the stream's, or both in one */  \
    X(PLIVO_FAULT_PAYLOAD, "invalid_payload")           /* not base64, or not whole frames of 20 ms */                 \
    X(PLIVO_FAULT_STREAM, "invalid_stream")             /* another stream's id */                                      \
    X(PLIVO_FAULT_OVERFLOW, "buffer_overflow")          /* more audio than the carrier keeps */
enum plivo_fault {
#define X(name, word) name,
    PLIVO_FAULT_LIST(X)
#undef X
        PLIVO_FAULT_N
};
const char *plivo_fault_word(enum plivo_fault fault);

struct plivo_server_msg {
    enum plivo_command command;
    struct str text;               /* AUDIO: base64 (checked); CHECKPOINT: the name; KEYS. Lends the message, or name */
    char name[PLIVO_NAME_MAX + 1]; /* a checkpoint's name that had escapes */
};

/*
 * Decodes what a server sent as strictly as the vendor: mu-law of 8000 Hz in frames of exactly PLIVO_FRAME_BYTES, codec
 * and rate apart, no unknown keys, our stream's id where one is given.
 *   binary      the WebSocket frame was binary
 *   ret_reason  on error one sentence; static
 * Returns PLIVO_FAULT_NONE or what was wrong.
 */
MUST_USE enum plivo_fault plivo_decode_server(struct str text, bool binary, struct str stream_id,
                                              struct plivo_server_msg *ret, const char **ret_reason);

#endif
