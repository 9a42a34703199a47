/*
 * The conversation of one sandbox session: items in order, as the vendor keeps them. Owns everything it holds; texts
 * and media are bounded. Old items drop out silently past CONVO_MAX_ITEMS, their audio past CONVO_MAX_AUDIO, their
 * pictures past CONVO_MAX_IMAGE. Pure.
 */
#ifndef PEER_SANDBOX_CONVO_H
#define PEER_SANDBOX_CONVO_H

#include "base/buf.h"
#include "wire/openai_server.h"

#define CONVO_MAX_ITEMS 512
#define CONVO_MAX_AUDIO (4u << 20)  /* bytes of all items */
#define CONVO_MAX_IMAGE (16u << 20) /* likewise, as data URLs */
#define CONVO_MAX_PARTS 16
#define CONVO_MAX_TEXT  (1u << 20) /* of one item */

struct convo_part {
    enum openai_part_type type;
    bool has_text;
    struct buf text;  /* text or transcript */
    struct buf image; /* data URL; empty for other types, or dropped */
    enum picture_detail detail;
    uint32_t image_tokens;
};

struct convo_item {
    struct convo_item *prev, *next;
    char id[OPENAI_ID_MAX + 1];
    enum openai_item_type type;
    enum openai_status status;
    enum openai_role role;
    struct buf name, call_id, arguments, output, approval_request_id;
    bool approve;
    struct convo_part parts[CONVO_MAX_PARTS];
    uint32_t n_parts;
    struct buf audio; /* bytes in audio_format; may have been dropped */
    enum openai_format audio_format;
    uint64_t audio_ms; /* how much of it there is (or was, before a truncation) */
    uint32_t hearing;  /* ticket of the recogniser that still works on it, 0: none */
    bool refused;      /* heard, but not understood */
    bool truncated;    /* its words were dropped */
    bool answered;     /* a response has taken it up */
};

struct convo {
    struct convo_item *first, *last;
    uint32_t n;
    size_t audio_bytes, image_bytes;
};

struct convo_item *convo_item_new(enum openai_item_type type, enum openai_role role, struct str id);
struct convo_item *convo_item_free(struct convo_item *item);
/* -ENOMEM, -ERR_TOO_BIG (text), -ERR_LIMIT (parts) */
MUST_USE int convo_item_add_part(struct convo_item *item, enum openai_part_type type, bool has_text, struct str text);
/* A picture; url was taken by the decoder. Errors as above. */
MUST_USE int convo_item_add_image(struct convo_item *item, struct str url, enum picture_detail detail);
/* The text of the first part that has one. */
struct str convo_item_text(const struct convo_item *item);
/* The item as the codec writes it; parts has room for CONVO_MAX_PARTS. lends */
void convo_item_wire(const struct convo_item *item, struct openai_part *parts, struct openai_server_item *ret);

void convo_done(struct convo *c);
struct convo_item *convo_find(const struct convo *c, struct str id);
struct convo_item *convo_find_call(const struct convo *c, struct str call_id);
/* Takes item; after NULL puts it first. */
void convo_insert(struct convo *c, struct convo_item *item, struct convo_item *after);
void convo_append(struct convo *c, struct convo_item *item); /* takes */
void convo_remove(struct convo *c, struct convo_item *item); /* frees */
/* Adds audio to an item of the conversation; the oldest audio goes when there is too much. */
void convo_add_audio(struct convo *c, struct convo_item *item, struct span audio);
/* Id of the item before, or an empty view with p NULL: what previous_item_id says. */
struct str convo_previous_id(const struct convo_item *item);

#endif
