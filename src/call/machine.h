/*
 * The four machines of a call as explicit tables: what follows from which state on which event. An empty cell is an
 * illegal pair: nothing changes, it is counted and noted. Cells used only by later features (local VAD, pause and
 * verdict, handoff, transfer) stand here already, so that the tables are whole.
 */
#ifndef CALL_MACHINE_H
#define CALL_MACHINE_H

#include "call/call.h"

enum phase_event {
    PH_GREET,    /* both sides up, a greeting is due */
    PH_CONVERSE, /* greeting over, or none */
    PH_FAREWELL,
    PH_TRANSFER,
    PH_TRANSFER_FAILED,
    PH_END,
    PHASE_EVENT_N
};
enum caller_event {
    CA_MAYBE,  /* local detector: something */
    CA_START,  /* speech, confirmed */
    CA_REJECT, /* it was nothing */
    CA_STOP,
    CA_COMMIT,
    CALLER_EVENT_N
};
enum response_event {
    RE_REQUEST, /* we ask */
    RE_CREATED,
    RE_DONE,
    RE_CANCEL,  /* we cancel, or know that the service does */
    RE_REFUSED, /* error for our request */
    RE_LOST,    /* a deadline passed */
    RE_PLAYED,  /* the caller has heard it all, or what was left was cut */
    RESPONSE_EVENT_N
};
enum playout_event {
    PL_AUDIO,
    PL_PAUSE,
    PL_RESUME,
    PL_CUT,
    PL_SENT_ALL, /* the rest is at the carrier, no more will come */
    PL_PLAYED,
    PLAYOUT_EVENT_N
};

/* The next state, or -1 for an illegal pair. */
int phase_next(enum call_phase s, enum phase_event e);
int caller_next(enum caller_state s, enum caller_event e);
int response_next(enum response_state s, enum response_event e);
int playout_next(enum playout_state s, enum playout_event e);

const char *phase_event_name(enum phase_event e);
const char *caller_event_name(enum caller_event e);
const char *response_event_name(enum response_event e);
const char *playout_event_name(enum playout_event e);

#endif
