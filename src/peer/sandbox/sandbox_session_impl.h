/*
 * What the files of the session share: sandbox_session.c (dispatch, items, timers), sandbox_input.c (audio in, VAD,
 * turns), sandbox_heard.c (hearing), sandbox_plan.c (what to answer), sandbox_response.c (sending an answer),
 * sandbox_message.c (its words and sound), sandbox_mischief.c (faults in the middle of it). Private to them.
 */
#ifndef PEER_SANDBOX_SESSION_IMPL_H
#define PEER_SANDBOX_SESSION_IMPL_H

#include "audio/resample.h"
#include "peer/sandbox/sandbox_convo.h"
#include "peer/sandbox/sandbox_session.h"
#include "peer/sandbox/sandbox_truth.h"
#include "peer/sandbox/sandbox_vad.h"
#include "wire/openai_server.h"

#define SESSION_MAX_SIDE    4 /* out-of-band responses at a time */
#define RESPONSE_MAX_STEPS  DIALOGUE_MAX_STEPS
#define RESPONSE_MAX_LINES  64 /* sentences of one message */
#define INPUT_MAX_BYTES     (16u << 20)
#define INPUT_MIN_COMMIT_MS 100

struct input {
    struct sandbox_vad vad;
    bool vad_on;
    struct resample down; /* to 8 kHz, for the VAD */
    int16_t frame[SANDBOX_VAD_FRAME_SAMPLES];
    uint32_t frame_n;
    struct buf raw; /* what was appended and not committed, in format; trimmed while nobody speaks */
    enum openai_format format;
    uint64_t clock_ms;    /* of formats before the current one */
    uint64_t clock_bytes; /* appended in the current format */
    bool speaking;
    char item_id[OPENAI_ID_MAX + 1]; /* of the user item to come, from speech_started on */
    uint64_t item_start_ms;          /* clock of its first sample */
    bool idle_armed;
    uint64_t idle_from_ms;
};

/* One message or function call of a response being sent. */
struct step {
    enum dialogue_step_kind kind;
    struct str text; /* owned by the response's arena */
    struct str arguments;
};

/* A piece of audio that was sent while transcripts come late (fault). */
struct sounded {
    uint64_t audio_ms; /* of the item, to its end */
    uint64_t told_us;  /* when its words are due */
};
#define MESSAGE_MAX_SOUNDED 512

/* The message being sent: sentences ("lines"), each with the clip that says it. */
struct message {
    bool open;
    struct str lines[RESPONSE_MAX_LINES];
    uint32_t n_lines, line;
    bool line_begun;
    struct clip *clip;
    size_t clip_at;
    struct clip *next_clip; /* of the line after, synthesised ahead */
    uint32_t ticket, next_ticket;
    struct buf text;           /* of the lines that were begun */
    struct speech_words words; /* of text, in the item's audio */
    uint32_t words_told;       /* whose transcript was sent */
    size_t text_told;
    uint64_t audio_bytes;
    struct sounded *sounded; /* NULL: transcripts are on time */
    uint32_t n_sounded;
};

enum response_phase {
    RESPONSE_WAIT_HEARING, /* the user's last words are still with the recogniser */
    RESPONSE_WAIT_CONTENT, /* thinking time */
    RESPONSE_SENDING,
    RESPONSE_WAIT_DONE, /* all is sent but response.done (fault) */
};

struct response {
    char id[OPENAI_ID_MAX + 1];
    enum response_phase phase;
    bool out_of_band;
    bool exact;  /* says what the client wrote, and nothing else */
    bool faulty; /* the faults of responses apply to this one */
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
    struct message message;
    uint32_t deltas;        /* so far; picks the size of the next */
    uint64_t sent_audio_ms; /* whole response */
    bool midway_done;       /* the faults in the middle of a response have been played */
    bool stalled;
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
    uint64_t created_us; /* session.created is due (fault); 0: it is out */
    uint64_t ends_us;    /* fault */
    struct buf rest;     /* of a message that broke off in an earlier session, as the client told */
    bool closed;
    uint64_t random;
    uint32_t tickets;
    uint32_t calls;
    uint32_t responses_asked; /* for the faults "after" and "times" */
    struct openai_server_session conf;
    struct convo convo;
    struct truth *truth;
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
uint64_t input_clock_ms(const struct sandbox_session *s);
/* The idle timeout starts once the response has been heard. */
void input_arm_idle(struct sandbox_session *s, uint64_t audio_ms);

/* ---- sandbox_heard.c ---- */
/* How a user item came about. */
enum heard_by { HEARD_BY_VAD, HEARD_BY_CLIENT, HEARD_BY_TIMEOUT, HEARD_BY_ITEM };
/* Starts recognition of an item's audio. speech_ms: how much of it the VAD took for speech, 0: unknown. */
void heard_start(struct sandbox_session *s, struct convo_item *item, enum heard_by by, uint64_t speech_ms);
/* The recogniser has finished; a ticket that no item waits for is ignored. */
void heard_finish(struct sandbox_session *s, uint32_t ticket, bool accepted, struct str words);

/* ---- sandbox_plan.c ---- */
/* Fills r's steps with what the dialogue answers. False: the recogniser must finish first. */
bool plan_response(struct sandbox_session *s, struct response *r);
/* The client has told what was said or called before: the dialogue is brought to where it was then. */
void plan_replayed(struct sandbox_session *s, struct convo_item *item);

/* ---- sandbox_response.c ---- */
/* params NULL: none. */
void response_start(struct sandbox_session *s, const struct openai_server_params *params);
void response_tick(struct sandbox_session *s, struct response *r);
/* When it wants to be ticked; UINT64_MAX: something else must happen first. */
uint64_t response_due_us(const struct response *r);
/* reason: "turn_detected", "client_cancelled". */
void response_cancel(struct sandbox_session *s, struct response *r, const char *reason);
void response_said(struct sandbox_session *s, struct response *r, uint32_t ticket, struct clip *clip);
struct response *response_free(struct response *r);
/* The item being sent, NULL at first; and the conversation's own copy of it: NULL out of band, or when deleted. */
struct convo_item *response_item(const struct response *r);
struct convo_item *response_convo_item(struct sandbox_session *s, struct response *r);
struct openai_server_ref response_ref(struct sandbox_session *s, struct response *r);
/* A new item in the response and, unless out of band, in the conversation. False: out of memory. */
bool response_item_begin(struct sandbox_session *s, struct response *r, const struct step *step);
/* The item is final: both copies get the status, the events go out. */
void response_item_end(struct sandbox_session *s, struct response *r, enum openai_status status);

/* ---- sandbox_message.c ---- */
/* False: out of memory. */
bool message_begin(struct sandbox_session *s, struct response *r, const struct step *step);
/* One delta, or what was due late. False: nothing more can be done now. */
bool message_step(struct sandbox_session *s, struct response *r);
/* All of it is sent, only message_end is missing. */
bool message_is_sent(const struct response *r);
uint64_t message_due_us(const struct response *r);
void message_end(struct sandbox_session *s, struct response *r, enum openai_status status);
void message_said(struct response *r, uint32_t ticket, struct clip *clip);
void message_done(struct message *m);

/* ---- sandbox_mischief.c ---- */
/* Faults that concern responses, and whether they apply to this one. */
bool mischief(const struct sandbox_session *s, const struct response *r, enum sandbox_fault fault);
uint32_t mischief_number(const struct sandbox_session *s, const struct response *r, enum sandbox_fault fault);
/* Whether the next response of the session is among those that "after" and "times" leave. */
bool mischief_next(struct sandbox_session *s);
/* After the first content of a response: what is to happen once, in the middle. */
void mischief_midway(struct sandbox_session *s, struct response *r);
/* An audio delta that is not base64. */
void mischief_put_bad_audio(struct sandbox_session *s, const struct response *r, const struct openai_server_ref *ref);
/* What remains of a cancelled response and comes late; free of effect without that fault. */
struct leftover {
    struct clip *clip; /* NULL: nothing comes late */
    char response_id[OPENAI_ID_MAX + 1];
    char item_id[OPENAI_ID_MAX + 1];
};
struct leftover mischief_leftover(const struct sandbox_session *s, const struct response *r);
void mischief_send_leftover(struct sandbox_session *s, struct leftover *l);

#endif
