/*
 * The carrier of a program that embeds us: a leg without a wire. Audio comes in pieces of any size and speed and enters
 * the call in frames, no faster than it was spoken; audio for the user is handed to the program, and the marks behind
 * it come back when the program's playback has reached them. Loop thread only. Not here: queues between threads,
 * events, who plays (library/session.c).
 *
 *     embedded_open -> host_bind_leg -> embedded_start (EV_LEG_START) ... embedded_stop or ACT_LEG_HANGUP -> on_closed
 */
#ifndef CARRIERS_EMBEDDED_H
#define CARRIERS_EMBEDDED_H

#include "call/leg.h"
#include "net/loop.h"

struct embedded;

/* What is handed out; lent. */
struct embedded_audio {
    struct span audio;  /* in the leg's format */
    struct str item_id; /* "": silence or a tone of ours, no words of the model */
    uint32_t item_ms;   /* where in the item it begins */
    uint32_t mark;      /* 0: none */
};

/* How far playback has come, when the program tells it. */
struct embedded_position {
    bool playing;
    struct str item_id; /* lent until the next call of position */
    double ms;          /* of the item that were heard */
};

struct embedded_handler {
    void (*on_audio)(const struct embedded_audio *a, void *arg);
    /* What was handed out and is not played yet is not wanted any more. */
    void (*on_clear)(void *arg);
    /* All audio up to an embedded_commit has entered the call. */
    void (*on_commit)(void *arg);
    /* So much of what embedded_audio took is in the call now. */
    void (*on_taken)(size_t bytes, void *arg);
    /* The program's tracker; NULL: what was handed out is played by the clock. */
    void (*position)(struct embedded_position *ret, void *arg);
    /* Last of all, behind the on_closed of the leg. */
    void (*on_gone)(void *arg);
};

struct embedded_opts {
    enum audio_format format;
    bool by_hand; /* the clock of what was handed out starts with embedded_played_from, not with on_audio */
};

/* h outlives the leg. Nothing is called before it returns. -ENOMEM */
MUST_USE int embedded_open(struct loop *loop, const struct embedded_opts *o, const struct embedded_handler *h,
                           void *arg, struct embedded **ret);
/* For host_bind_leg, which says who is told. */
struct leg *embedded_leg(struct embedded *e);
/* The leg has its handler: EV_LEG_START with these names (lent). */
void embedded_start(struct embedded *e, const struct leg_handler *h, void *harg, struct str stream_id,
                    struct str caller);
/* Without a handler yet: the leg is gone, nobody is told. */
void embedded_drop(struct embedded *e);

/* Audio of the user, whole samples; copied. -ENOMEM */
MUST_USE int embedded_audio(struct embedded *e, struct span audio);
/* Behind the audio that was given so far. */
void embedded_commit(struct embedded *e);
/* by_hand: the program has taken what was handed out up to this mark. */
void embedded_played_from(struct embedded *e, uint32_t mark);
/* The tracker knows more than before. */
void embedded_poke(struct embedded *e);
/* The user leaves: EV_LEG_STOP, then the leg closes. Idempotent. */
void embedded_stop(struct embedded *e);

#endif
