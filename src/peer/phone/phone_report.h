/*
 * What one call of the phone came to: measurements, warnings with the vendor's numbers, how it ended; as JSON and as
 * lines for people; and the expectations of the command line that are held against it. Filled by phone.c, pure itself.
 */
#ifndef PEER_PHONE_REPORT_H
#define PEER_PHONE_REPORT_H

#include "base/json.h"
#include "peer/phone/phone_truth.h"
#include "peer/phone/phone_turns.h"

#define PHONE_WARNINGS_MAX 50
#define PHONE_TEXT_MAX     160
#define PHONE_DOCS_MAX     8

enum phone_side { PHONE_SIDE_NONE, PHONE_SIDE_CALLER, PHONE_SIDE_AGENT, PHONE_SIDE_LIMIT, PHONE_SIDE_ERROR };
const char *phone_side_name(enum phone_side side);

struct phone_warning {
    uint32_t code; /* vendor's number */
    uint32_t at_ms;
    char text[PHONE_TEXT_MAX];
};

struct phone_report {
    char call_sid[40], stream_sid[40];
    char *url;                  /* owned: webhook, or the media URL in direct mode */
    char *stream_url;           /* owned, NULL: none was opened */
    char *docs[PHONE_DOCS_MAX]; /* owned: TwiML as received */
    size_t n_docs;
    struct buf verbs; /* what TwiML said after the stream, one verb a line */

    enum phone_side hangup;
    char reason[PHONE_TEXT_MAX];
    int err;         /* why there was no call: -Exxx, else 0 */
    int http_status; /* of the webhook */

    uint32_t duration_ms;
    uint32_t quiet_ms;
    struct phone_turns turns;
    bool has_truth;
    struct phone_truth truth; /* empty without */
    int32_t greeting_ms;      /* start to the agent's first sound; -1: it never spoke */

    uint64_t sent_frames, sent_late_frames;
    uint32_t sent_worst_late_ms;
    uint64_t received_messages, received_bytes;
    uint32_t underruns, underrun_ms;                         /* silence of less than 400 ms that cut into sound */
    uint32_t lost_frames;                                    /* thrown away by --loss, both ways */
    uint32_t dropped_packets, doubled_packets, late_packets; /* on purpose */
    uint32_t clears;
    uint64_t cleared_bytes;     /* still queued when a clear came */
    uint64_t after_clear_bytes; /* received after a clear while the caller was still speaking */
    uint32_t marks_received, marks_echoed, marks_cleared, marks_outstanding;

    struct phone_warning warnings[PHONE_WARNINGS_MAX];
    size_t n_warnings; /* kept */
    uint32_t warnings_total;
};

void phone_report_init(struct phone_report *r, uint32_t quiet_ms);
void phone_report_done(struct phone_report *r);
/* text is cut to fit. */
void phone_report_warn(struct phone_report *r, uint32_t code, uint32_t at_ms, const char *text);
void phone_report_end(struct phone_report *r, enum phone_side side, const char *reason);
/* Copies; silently keeps the first PHONE_DOCS_MAX documents. */
void phone_report_doc(struct phone_report *r, struct str twiml);

/* ---- expectations ---- */

#define PHONE_EXPECT_NONE (-1)

struct phone_expect {
    int32_t gap_ms;          /* every answered turn, and every turn is answered */
    int32_t stop_ms;         /* every barge-in, and there is one */
    int32_t overlap_ms;      /* in all */
    int32_t agent_speech_ms; /* at least */
    int32_t turns;           /* answered, at least */
    enum phone_side hangup;  /* NONE: any */
    bool no_late;            /* no frame sent late, no underrun */
    bool no_warnings;
    bool no_after_clear;
};
/* Nothing but no_warnings. */
void phone_expect_init(struct phone_expect *e);

struct phone_verdict {
    const char *name;
    int64_t want, got;
    bool held;
    char text[PHONE_TEXT_MAX]; /* for people, when it did not hold */
};
#define PHONE_VERDICTS_MAX 12
/* Works out all that were asked for; returns their number. */
size_t phone_expect_check(const struct phone_expect *e, const struct phone_report *r,
                          struct phone_verdict ret[PHONE_VERDICTS_MAX]);

/* One JSON object. verdicts may be NULL; record is what the gateway wrote of the call, as JSON; p NULL: nobody asked.
 * out's sticky error tells of failure. */
void phone_report_json(const struct phone_report *r, const struct phone_verdict *verdicts, size_t n, struct str record,
                       struct buf *out);
/* A few lines for people, each ended by a newline. */
void phone_report_text(const struct phone_report *r, const struct phone_verdict *verdicts, size_t n, struct buf *out);

#endif
