/*
 * What the caller says, and when: a list of items (speech, keys, silence), each waiting for its moment, then the
 * hang-up. Pure: stepped once per 20 ms frame with what is known about the agent's speech. Not here: where speech
 * comes from (phone_speech.h), sockets.
 */
#ifndef PEER_PHONE_SCRIPT_H
#define PEER_PHONE_SCRIPT_H

#include "base/str.h"
#include "peer/phone/phone_playout.h"

enum phone_when_kind {
    PHONE_WHEN_DEFAULT,       /* the first item: greeting-done; after a silence item: after:0; else agent-stops */
    PHONE_WHEN_START,         /* right after the start of the stream */
    PHONE_WHEN_GREETING_DONE, /* the agent spoke and has been silent (ms: for at least so long) */
    PHONE_WHEN_AGENT_STOPS,   /* the same, for speech that began after the item before */
    PHONE_WHEN_AGENT_SPEAKS,  /* ms after the agent began to speak, while it speaks: barge-in */
    PHONE_WHEN_AGENT_TAIL,    /* nothing came for 110 ms and at most ms (100) of agent audio are still to be heard */
    PHONE_WHEN_AFTER,         /* ms after the item before was over (or the start) */
    PHONE_WHEN_NEVER,
};

struct phone_when {
    enum phone_when_kind kind;
    uint32_t ms;
};

/* "start", "greeting-done[:MS]", "agent-stops[:MS]", "agent-speaks[:MS]", "agent-tail[:MS]", "after:MS", "never".
 * -EINVAL, -ERR_RANGE */
MUST_USE int phone_when_parse(struct str s, struct phone_when *ret);
/* Text for people, without the milliseconds. */
const char *phone_when_name(enum phone_when_kind kind);

enum phone_item_kind { PHONE_SAY, PHONE_KEYS, PHONE_SILENCE };

struct phone_item {
    enum phone_item_kind kind;
    struct phone_when when;
    struct span mulaw; /* PHONE_SAY; must outlive the script unless owned is set */
    uint8_t *owned;    /* freed with the item when not NULL */
    uint32_t silence_ms;
    bool wordless; /* PHONE_SAY: a cough and the like; no turn of the caller */
    char keys[33]; /* 0-9 * # A-D */
    const char *label;
};

/* What the script knows of the agent, in frames of the same clock. */
struct phone_agent_view {
    bool speaking;
    uint32_t begin_frame; /* of the speech that is on */
    bool spoke;           /* there is a spell that is over: */
    uint32_t spell_begin_frame, spell_end_frame;
    uint32_t queued_ms; /* received and still to be heard */
    uint32_t quiet_ms;  /* since audio was received */
};

enum phone_script_event {
    PHONE_SCRIPT_NOTHING,
    PHONE_SCRIPT_BEGIN, /* item began: script->items[script->at] */
    PHONE_SCRIPT_END,   /* that item is over */
    PHONE_SCRIPT_HANGUP /* once */
};

enum phone_script_state { PHONE_SCRIPT_WAITING, PHONE_SCRIPT_SAYING, PHONE_SCRIPT_ENDING, PHONE_SCRIPT_OVER };

struct phone_script {
    struct phone_item *items; /* owned copy of the list */
    size_t n, cap;
    size_t at; /* the item waited for or being said */
    enum phone_script_state state;
    struct phone_when hangup;
    bool open_ended;      /* items may still be added: no hang-up when the list is empty (interactive) */
    size_t offset;        /* bytes of the item said; keys: frames of it gone */
    uint32_t begin_frame; /* when the last item began and was over; 0 before the first */
    uint32_t end_frame;
    char key; /* to be sent in this frame, 0: none */
};

void phone_script_init(struct phone_script *s, struct phone_when hangup);
void phone_script_done(struct phone_script *s);
/* Copies the item; takes item->owned. -ENOMEM (owned is then still the caller's), -ERR_LIMIT (1000 items) */
MUST_USE int phone_script_add(struct phone_script *s, const struct phone_item *item);
/* Fills the frame that the microphone picks up in this step. s->key is the key pressed in it. */
enum phone_script_event phone_script_step(struct phone_script *s, uint32_t frame, const struct phone_agent_view *agent,
                                          uint8_t out[PHONE_FRAME_BYTES]);
/* The item that is being said now; NULL: none. */
const struct phone_item *phone_script_item(const struct phone_script *s);
/* What the script waits for, for people: "agent-stops". */
const char *phone_script_waits_for(const struct phone_script *s);

#endif
