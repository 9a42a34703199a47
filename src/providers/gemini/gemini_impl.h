/* Inside of the Gemini provider: what its files share. Nobody else includes it. */
#ifndef PROVIDERS_GEMINI_IMPL_H
#define PROVIDERS_GEMINI_IMPL_H

#include <stdio.h>

#include "base/err.h"
#include "providers/gemini/gemini.h"
#include "providers/gemini/gemini_tools.h"
#include "providers/link/link.h"
#include "wire/gemini.h"

#define GEMINI_OWN_ID   40 /* "gr_0123456789abcdef_4294967295" */
#define GEMINI_TEXT_MAX 16384

/* Families of models that differ in what they take and do. */
enum gemini_family {
    GEMINI_25,       /* 2.0 and 2.5: no input while a call is pending */
    GEMINI_31,       /* typed turns go as realtime text */
    GEMINI_38,       /* and whatever comes after it */
    GEMINI_THINKING, /* 3.8 extended thinking: tools never block */
};

enum gemini_response_state {
    GEMINI_NO_RESPONSE,
    GEMINI_PROMISED, /* created, nothing of it has come */
    GEMINI_SPEAKING,
    GEMINI_SPOKEN, /* generation is complete; late words may still come */
};

/* The response that the call knows of. */
struct gemini_response {
    enum gemini_response_state state;
    uint32_t number;
    char id[GEMINI_OWN_ID], item_id[GEMINI_OWN_ID];
    bool has_item, no_tools;
    uint64_t audio_bytes;
    struct buf words; /* of the item, so far */
};

/* The service's own turn: what it generates and believes to be played. */
struct gemini_turn {
    bool open;      /* something of it came, its turnComplete did not */
    bool working;   /* extended thinking: a turn is over, but the service goes on by itself */
    bool generated; /* generationComplete */
    bool stale;     /* what comes of it is not listened to */
    bool absorbs;   /* the next turnComplete is of one that is over for us */
    bool cut;       /* by us: "interrupted" is no word of the caller */
    uint64_t asked_us;
};

/* The caller's turn. */
struct gemini_caller {
    bool open;      /* activityStart is out, or the service hears speech */
    bool told;      /* EV_MODEL_SPEECH_STARTED */
    bool committed; /* the item is told */
    bool worded;    /* its words are told */
    uint64_t since_us;
    char item_id[CALL_ID_MAX];
    struct buf words;
};

struct gemini_model {
    struct link link; /* its deadline: of the setup; then: late words */
    enum gemini_family family;
    struct timer *pulse; /* server detection: the stream may have stopped */
    const struct call_opts *call;
    uint32_t setup_ms, n_tools;
    enum gemini_behaviour behaviour;
    bool manual;     /* activity marks are ours */
    bool interrupts; /* the service cuts itself */
    bool hears, text_only, resumed;
    bool spoke;        /* the model has said something */
    bool silent_tools; /* tools do not block: an output may ask for no answer */
    bool updates;      /* other agents are told by contextUpdate */
    bool history;      /* the service takes content for what was said before, until one is complete */
    enum gemini_scheduling scheduling;
    struct gemini_scratch *scratch;
    struct gemini_scratch own_scratch;

    struct gemini_response response;
    uint64_t born_us; /* sets the ids that are made here apart from those of the call's other sessions */
    uint32_t responses, callers;
    struct gemini_turn turn;
    struct gemini_caller caller;
    bool expects; /* the service will answer by itself: a turn was ended, or tools were answered */
    bool streams; /* audio is on its way, audioStreamEnd was not sent since */
    uint64_t appended_us;
    struct buf turns; /* clientContent that waits for its moment */
    struct buf held;  /* 2.5: audio while a call is pending */
    bool held_start, held_end;
    struct gemini_tools tools;
    struct buf handle;
    struct buf instructions; /* the session's own: they need not be said again */
    char model[GEMINI_ID_MAX + 1], voice[64];

    uint32_t n_bad_messages, n_bad_audio, n_late, n_unknown;
};

static inline struct gemini_model *gemini_of(struct model *model)
{
    return CONTAINER_OF(model, struct gemini_model, link.base);
}

/* gemini_models.c */
enum gemini_family gemini_family(struct str model);

/* gemini_url.c: appends the URL; header lines with \r\n. -ERR_CONFIG */
MUST_USE int gemini_put_url(struct buf *out, const struct gemini_opts *opts);
MUST_USE int gemini_put_headers(struct buf *out, const struct gemini_opts *opts);

struct str gemini_location(const struct gemini_opts *opts);
/* The model as the service names it; the buffer's error. */
MUST_USE int gemini_put_model(struct buf *out, const struct gemini_opts *opts);

/* gemini_setup.c: writes setup into m->setup. -ERR_CONFIG, -ENOMEM */
MUST_USE int gemini_setup_write(struct gemini_model *m, const struct gemini_opts *opts, const struct call_opts *call);
/* Writes contextUpdate, after which the persona speaks. -ERR_CONFIG and others of its tools */
MUST_USE int gemini_setup_update(struct gemini_model *m, struct buf *out, const struct call_persona *persona);

/* gemini_close.c: what a close of the service means. */
void gemini_judge(struct link *link, const struct ws_close *why, struct buf *room, struct link_failure *ret);

/* gemini_events.c: one message of an established session. */
void gemini_on_message(struct gemini_model *m, struct str text);
bool gemini_read(struct gemini_model *m, struct str text, struct gemini_message *ret);
/* The caller's side. */
void gemini_caller_begin(struct gemini_model *m);
void gemini_caller_commit(struct gemini_model *m);
/* The response: created; over, once. */
void gemini_response_begin(struct gemini_model *m);
void gemini_response_end(struct gemini_model *m, enum response_status status, struct str reason);
/* Something new is asked of the service: what it was at is over for us. */
void gemini_supersede(struct gemini_model *m);
/* Words that come late have come by now. */
void gemini_words_due(struct gemini_model *m);

/* gemini_actions.c */
MUST_USE int gemini_perform(struct model *model, const struct call_action *act);
void gemini_flush_turns(struct gemini_model *m);
/* Tools are answered: what was held goes out. */
void gemini_release_held(struct gemini_model *m);
void gemini_pulse(struct gemini_model *m);
/* Answers calls of the service. */
void gemini_send_results(struct gemini_model *m, const struct gemini_result *list, size_t n);

extern const struct model_ops gemini_model_ops;

#endif
