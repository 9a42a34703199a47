/* What the files of the live session share: sandbox_live.c (life, setup), sandbox_live_in.c (what the client sends),
 * sandbox_live_out.c (what the session inside says). Private to them. */
#ifndef PEER_SANDBOX_LIVE_IMPL_H
#define PEER_SANDBOX_LIVE_IMPL_H

#include "audio/resample.h"
#include "peer/sandbox/sandbox_live.h"
#include "wire/gemini_server.h"

#define LIVE_HANDLES 4
#define LIVE_CALLS   16
#define LIVE_TEXT    (256u << 10)

enum live_family { LIVE_25, LIVE_31, LIVE_38, LIVE_THINKING };

/* A call of the response under way, or one that is not answered yet. */
struct live_call {
    bool used, told;
    char id[OPENAI_ID_MAX + 1];
    char name[OPENAI_ID_MAX + 1];
    struct buf args;
};

struct live {
    struct live_opts opts;
    struct sandbox_faults faults;
    const struct live_host *host; /* NULL: kept without a connection */
    void *arg;
    struct sandbox_session *inner; /* NULL before the setup */
    uint64_t now_us, kept_until_us, random;
    enum live_family family;
    bool ready, closed, quiet;
    bool manual, no_interruption, hears, says, blocking, fillers, resumable;
    uint64_t ends_us, away_us;
    uint64_t breaks_us; /* fault */
    bool dead;          /* the session inside came to an end of its own */
    char handles[LIVE_HANDLES][LIVE_HANDLE_BYTES];
    uint32_t handle_n;
    struct sandbox_mark mark; /* what the last handle stands for */

    /* in */
    bool activity; /* marked by the client */
    bool history;  /* content is what was said before, until one is complete */
    uint32_t in_hz;
    struct resample up; /* to 24 kHz, from 8, 16 or 24 */

    /* out */
    bool generating;   /* the inside has a response under way */
    bool turn_open;    /* something of a turn was sent, its turnComplete was not */
    uint64_t heard_us; /* the service believes that the turn is played until then */
    uint64_t turn_over_us;
    uint32_t turn_audio_ms;
    uint64_t prompt_audio_ms;
    bool again;      /* another turn waits for the one that is played */
    struct buf said; /* words that wait for sound */
    struct live_call calls[LIVE_CALLS];

    struct buf out, scratch, decoded;
};

/* sandbox_live.c */
void live_send(struct live *l);
void live_close(struct live *l, uint16_t code, struct str reason);
void live_send_content(struct live *l, const struct gemini_server_content *c);
void live_tell(struct live *l, struct buf *json);
void live_tell_type(struct live *l, const char *type);
void live_new_handle(struct live *l);

/* sandbox_live_in.c */
void live_on_input(struct live *l, const struct gemini_client_input *in);
void live_on_content(struct live *l, const struct gemini_client_message *m);
void live_on_results(struct live *l, struct json_val responses);
void live_tools_clear(struct live *l);
/* Something new is said to the model: what it says or is believed to be heard saying is cut. by_caller: or by us. */
void live_interrupt(struct live *l);

/* sandbox_live_out.c */
void live_on_event(struct live *l, struct str json);
void live_turn_over(struct live *l, struct str reason);

#endif
