/*
 * Twilio Media Streams messages, both ends of the socket: what the carrier says (tolerant decoder for the gateway,
 * writers for the phone simulator) and what a server says (writers for the gateway, strict decoder for the phone).
 * Pure: text in, struct out; slices lend the text or the scratch buffer. Not here: sockets, playout, TwiML.
 */
#ifndef WIRE_TWILIO_H
#define WIRE_TWILIO_H

#include "base/buf.h"
#include "base/json.h"

#define TWILIO_NAME_MAX        128 /* sids, mark names, encodings, track names, in bytes */
#define TWILIO_PARAM_MAX       32  /* custom parameters of a start */
#define TWILIO_PARAM_BYTES_MAX 500 /* name and value of one parameter, each */

enum twilio_event {
    TWILIO_UNKNOWN, /* an event we do not know: ignore it, event_name says which */
    TWILIO_CONNECTED,
    TWILIO_START,
    TWILIO_MEDIA,
    TWILIO_MARK,
    TWILIO_DTMF,
    TWILIO_STOP,
    TWILIO_EVENT_N
};

enum twilio_track { TWILIO_TRACK_INBOUND, TWILIO_TRACK_OUTBOUND };

struct twilio_connected {
    struct str protocol; /* "Call"; may be empty */
    struct str version;
};

struct twilio_start {
    struct str account_sid; /* may be empty */
    struct str call_sid;
    bool inbound; /* tracks */
    bool outbound;
    struct str encoding; /* "audio/x-mulaw" */
    uint32_t rate_hz;
    uint32_t channels;
    uint32_t n_params;
    struct str_pair params[TWILIO_PARAM_MAX];
};

struct twilio_media {
    enum twilio_track track;
    bool has_timestamp;
    uint64_t chunk;        /* 0 when absent; for logs only */
    uint64_t timestamp_ms; /* since the start of the stream; the first one is not 0 */
    struct str payload;    /* base64, not yet checked: base64_decode it, or pass it on */
};

struct twilio_dtmf {
    char digit;       /* 0-9 * # A-D */
    struct str track; /* "inbound_track"; may be empty */
};

struct twilio_stop {
    struct str account_sid;
    struct str call_sid;
};

struct twilio_msg {
    enum twilio_event event;
    struct str event_name;
    struct str stream_sid; /* empty when absent (connected has none) */
    uint64_t sequence;     /* 0 when absent */
    union {
        struct twilio_connected connected;
        struct twilio_start start;
        struct twilio_media media;
        struct str mark; /* its name */
        struct twilio_dtmf dtmf;
        struct twilio_stop stop;
    };
};

/*
 * Decodes one carrier message. Unknown events and keys pass.
 *   scratch    cleared when it is needed, then holds unescaped text: only when a string carries escapes
 *   ret_field  on error the name of the field ("media.payload"), NULL when the text as a whole is wrong; may be NULL
 * Returns 0; -ERR_SYNTAX, -ERR_MISSING, -ERR_TYPE, -ERR_RANGE (digit, number), -ERR_TOO_BIG (a limit above).
 * Allocates: no, unless strings are escaped. ret and ret_field stay valid as long as text and scratch.
 */
MUST_USE int twilio_decode(struct str text, struct buf *scratch, struct twilio_msg *ret, const char **ret_field);
/* The custom parameter of that name, STR_NULL when absent. */
struct str twilio_start_param(const struct twilio_start *start, const char *name);

/* What a server sends: appended to out, whose sticky error tells of failure. */
void twilio_put_media(struct buf *out, struct str stream_sid, struct span audio);
void twilio_put_mark(struct buf *out, struct str stream_sid, struct str name);
void twilio_put_clear(struct buf *out, struct str stream_sid);

/* What the carrier sends (phone simulator). msg carries event, stream_sid, sequence and the member of the event. */
void twilio_put_carrier(struct buf *out, const struct twilio_msg *msg);
/* Carrier media with the audio in bytes; msg->media.payload is not looked at. */
void twilio_put_carrier_media(struct buf *out, const struct twilio_msg *msg, struct span audio);

enum twilio_command { TWILIO_CMD_MEDIA, TWILIO_CMD_MARK, TWILIO_CMD_CLEAR };

/* The vendor's debugger codes for what a server did wrong. */
enum {
    TWILIO_ERR_MALFORMED = 31950, /* a binary frame */
    TWILIO_ERR_INVALID = 31951,   /* not JSON, unknown event, missing, surplus or wrong fields, wrong streamSid */
};

struct twilio_server_msg {
    enum twilio_command command;
    struct str text; /* media: base64 (checked); mark: the name. Lends the message, or name below */
    char name[TWILIO_PARAM_BYTES_MAX + 1]; /* a mark's name that had escapes */
};

/*
 * Decodes what a server sent as strictly as the vendor: exactly the keys shown, once each, and our streamSid.
 *   binary      the WebSocket frame was binary
 *   ret_reason  on error one sentence; static
 * Returns 0, or the vendor's error number (31950, 31951), which is positive.
 */
MUST_USE int twilio_decode_server(struct str text, bool binary, struct str stream_sid, struct twilio_server_msg *ret,
                                  const char **ret_reason);

#endif
