/*
 * Gemini Live, server side: a strict decoder of client messages (both spellings of every name, as the service takes
 * them; an unknown name is refused with the service's own sentence) and writers of server messages, pretty-printed as
 * the service's are. Pure; slices lend the text. For the sandbox; not linked into calls.
 */
#ifndef WIRE_GEMINI_SERVER_H
#define WIRE_GEMINI_SERVER_H

#include "wire/gemini.h"

/* Why a message is refused: a close code and a reason that fits into a close frame. */
struct gemini_refusal {
    uint16_t code;
    char reason[124];
};

enum gemini_client_type {
    GEMINI_CLIENT_SETUP,
    GEMINI_CLIENT_CONTENT,
    GEMINI_CLIENT_INPUT,
    GEMINI_CLIENT_TOOLS,
    GEMINI_CLIENT_CONTEXT, /* setup.system and setup.tools of the session under way */
};

struct gemini_client_setup {
    struct str model;
    bool text_only;
    struct str voice;
    struct json_val system; /* systemInstruction */
    struct json_val tools;  /* array */
    uint32_t n_functions;
    bool non_blocking; /* of any function */
    bool resumption;
    bool history; /* content is not answered until one is complete */
    struct str handle;
    bool manual, no_interruption, hears, says;
    bool thinking, affective, proactive_off;
    uint32_t silence_ms; /* 0: not given */
};

struct gemini_client_input {
    struct str audio; /* base64, either alphabet; p NULL: none */
    uint32_t rate_hz;
    struct str text; /* p NULL: none */
    bool image;      /* a picture came, as video; it was checked */
    bool activity_start, activity_end, stream_end;
};

struct gemini_client_message {
    enum gemini_client_type type;
    struct gemini_client_setup setup;
    struct gemini_client_input input;
    struct json_val turns; /* content: array */
    bool turn_complete;
    struct json_val responses; /* tools: array */
};

/* 0; -ERR_SYNTAX and ret_why. scratch holds unescaped texts, and is cleared before. */
MUST_USE int gemini_server_decode(struct str text, struct buf *scratch, struct gemini_client_message *ret,
                                  struct gemini_refusal *ret_why);
/* A member by its camelCase name, in either spelling. */
struct json_val gemini_server_get(struct json_val v, const char *name);
/* The texts of a content's parts, one behind the other, unescaped into out. */
void gemini_server_content_text(struct json_val content, struct buf *out);
void gemini_server_refuse(struct gemini_refusal *r, uint16_t code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Decodes either alphabet. gives *ret (malloc) and its length; -ERR_BASE64, -ENOMEM */
MUST_USE int gemini_server_audio(struct str base64, uint8_t **ret, size_t *ret_n);

/* ---- writers: each clears out and leaves one whole message ---- */

struct gemini_server_content {
    struct str audio; /* base64 of PCM16 at 24 kHz; empty: none */
    struct str heard, said, thought;
    bool interrupted, generation_complete, turn_complete;
    struct str reason;
    bool usage;
    uint32_t prompt_text, prompt_audio, response_audio;
};

void gemini_server_put_ready(struct buf *out);
void gemini_server_put_content(struct buf *out, const struct gemini_server_content *c);
void gemini_server_put_voice(struct buf *out, bool start, uint64_t offset_ms);
void gemini_server_put_resumption(struct buf *out, struct str handle, bool resumable);
void gemini_server_put_go_away(struct buf *out, uint32_t left_ms);
struct gemini_server_call {
    struct str id, name, args; /* args: a JSON object */
};
void gemini_server_put_calls(struct buf *out, const struct gemini_server_call *calls, size_t n);
void gemini_server_put_cancelled(struct buf *out, const struct str *ids, size_t n);
/* Two blanks a level and a newline at the end. */
void gemini_server_pretty(struct buf *out, struct str json);

#endif
