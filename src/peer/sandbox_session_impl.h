/*
 * What the files of the session share: sandbox_session.c (dispatch, items, timers), sandbox_input.c (audio in, VAD,
 * hearing), sandbox_plan.c (what to answer), sandbox_response.c (sending an answer). Private to them.
 */
#ifndef PEER_SANDBOX_SESSION_IMPL_H
#define PEER_SANDBOX_SESSION_IMPL_H

#include "audio/resample.h"
#include "peer/sandbox_convo.h"
#include "peer/sandbox_session.h"
#include "peer/sandbox_vad.h"
#include "wire/openai_server.h"

#define SESSION_MAX_SIDE    4 /* out-of-band responses at a time */
#define RESPONSE_MAX_STEPS  DIALOGUE_MAX_STEPS
#define RESPONSE_MAX_LINES  32 /* sentences of one message */
#define INPUT_MAX_BYTES     (16u << 20)
#define INPUT_MIN_COMMIT_MS 100

struct input {
    struct vad vad;
    struct resample down; /* to 8 kHz, for the VAD */
    int16_t frame[VAD_FRAME_SAMPLES];
    uint32_t frame_n;
    struct buf raw; /* what was appended and not committed, in format; trimmed while nobody speaks */
    enum openai_format format;
    uint64_t clock_ms;    /* of formats before the current one */
    uint64_t clock_bytes; /* appended in the current format */
    bool speaking;
    char item_id[OPENAI_ID_MAX + 1]; /* of the user item to come, from speech_started on */
    bool idle_armed;
    uint64_t idle_from_ms;
};

/* One message or function call of a response being sent. */
struct step {
    enum dialogue_step_kind kind;
    struct str text; /* owned by the response's arena */
    struct str arguments;
};

enum response_phase {
    RESPONSE_WAIT_HEARING, /* the user's last words are still with the recogniser */
    RESPONSE_WAIT_CONTENT, /* thinking time */
    RESPONSE_SENDING,
    RESPONSE_WAIT_DONE, /* all is sent but response.done (fault) */
    RESPONSE_OVER,
};

struct response {
    char id[OPENAI_ID_MAX + 1];
    enum response_phase phase;
    bool out_of_band;
    enum openai_modality modality;
    enum openai_format format;
    int64_t max_output_tokens;
    struct arena memory;
    struct str voice, metadata, instructions, tool_choice, tools_raw, prompt_text;
    bool has_tools, has_input;
    struct step steps[RESPONSE_MAX_STEPS];
    uint32_t n_steps, step;
    struct convo_item *items[RESPONSE_MAX_STEPS]; /* as response.done lists them; the conversation has its own */
    uint32_t n_items;
    /* The message being sent. */
    bool part_open;
    struct str lines[RESPONSE_MAX_LINES];
    uint32_t n_lines, line;
    size_t line_said; /* bytes of the line whose transcript was sent */
    struct clip *clip;
    size_t clip_at;
    struct clip *next_clip; /* of the line after, synthesised ahead */
    uint32_t ticket, next_ticket;
    uint32_t deltas; /* so far; picks the size of the next */
    uint64_t item_audio_bytes;
    uint64_t sent_audio_ms; /* whole response */
    bool midway_done;       /* the faults in the middle of a response have been played */
    uint64_t burst_left_ms;
    uint64_t due_us;
    uint64_t first_audio_us;
    uint64_t output_text_tokens;
};

struct continuous {
    bool on;
    uint64_t due_us;
    uint32_t stage;
    uint32_t turn;
};

struct sandbox_session {
    struct sandbox_session_opts opts;
    struct sandbox_faults faults;
    const struct sandbox_host *host;
    void *arg;
    uint64_t now_us;
    uint64_t expires_us;
    bool closed;
    uint64_t random;
    uint32_t tickets;
    uint32_t calls;
    struct openai_server_session conf;
    struct convo convo;
    struct dialogue_talk talk;
    struct input input;
    struct response *main;
    struct response *side[SESSION_MAX_SIDE];
    struct continuous load;
    char conversation_id[OPENAI_ID_MAX + 1];
    char event_id[OPENAI_ID_MAX + 1];
    uint64_t last_input_tokens;
    struct buf scratch, out;
};

/* ---- sandbox_session.c ---- */
/* "item_" and 21 random letters and digits. */
void session_new_id(struct sandbox_session *s, const char *prefix, char out[OPENAI_ID_MAX + 1]);
/* A fresh event id, valid until the next. */
struct str session_event_id(struct sandbox_session *s);
struct buf *session_begin(struct sandbox_session *s);
void session_send(struct sandbox_session *s);
void session_close(struct sandbox_session *s, uint16_t code, struct str reason);
/* client_event_id: p NULL for none. */
void session_error(struct sandbox_session *s, const struct openai_server_error *e, struct str client_event_id);
void session_send_item(struct sandbox_session *s, enum openai_event_type type, const struct convo_item *item);
/* added and done. */
void session_announce_item(struct sandbox_session *s, const struct convo_item *item);

/* ---- sandbox_input.c ---- */
void input_init(struct sandbox_session *s);
void input_done(struct sandbox_session *s);
/* After the settings changed. */
void input_settings(struct sandbox_session *s);
void input_append(struct sandbox_session *s, struct str base64, struct str event_id);
void input_commit(struct sandbox_session *s, struct str event_id);
void input_clear(struct sandbox_session *s);
void input_heard(struct sandbox_session *s, uint32_t ticket, bool accepted, struct str words);
/* Starts recognition of an item's audio; silence_ms of it ended the speech. */
void input_hear(struct sandbox_session *s, struct convo_item *item, uint32_t silence_ms);
uint64_t input_clock_ms(const struct sandbox_session *s);
/* The idle timeout starts once the response has been heard. */
void input_arm_idle(struct sandbox_session *s, uint64_t audio_ms);

/* ---- sandbox_plan.c ---- */
/* Fills r's steps with what the dialogue answers. False: the recogniser must finish first. */
bool plan_response(struct sandbox_session *s, struct response *r);

/* ---- sandbox_response.c ---- */
/* params NULL: none. */
void response_start(struct sandbox_session *s, const struct openai_server_params *params);
void response_tick(struct sandbox_session *s, struct response *r);
/* reason: "turn_detected", "client_cancelled". */
void response_cancel(struct sandbox_session *s, struct response *r, const char *reason);
void response_said(struct sandbox_session *s, struct response *r, uint32_t ticket, struct clip *clip);
struct response *response_free(struct response *r);

#endif
