#include "call/machine.h"

/* A cell holds the next state plus one, so that an empty cell is 0 and means: illegal. */
#define TO(state) ((state) + 1)

static const uint8_t phase_rules[PHASE_N][PHASE_EVENT_N] = {
    [PHASE_SETUP] = {[PH_GREET] = TO(PHASE_GREETING),
                     [PH_CONVERSE] = TO(PHASE_CONVERSATION),
                     [PH_FAREWELL] = TO(PHASE_FAREWELL),
                     [PH_END] = TO(PHASE_ENDED)},
    [PHASE_GREETING] = {[PH_CONVERSE] = TO(PHASE_CONVERSATION),
                        [PH_FAREWELL] = TO(PHASE_FAREWELL),
                        [PH_TRANSFER] = TO(PHASE_TRANSFERRING),
                        [PH_END] = TO(PHASE_ENDED)},
    [PHASE_CONVERSATION] =
        {[PH_FAREWELL] = TO(PHASE_FAREWELL), [PH_TRANSFER] = TO(PHASE_TRANSFERRING), [PH_END] = TO(PHASE_ENDED)},
    /* A transfer takes precedence over a goodbye that is under way. */
    [PHASE_FAREWELL] =
        {[PH_FAREWELL] = TO(PHASE_FAREWELL), [PH_TRANSFER] = TO(PHASE_TRANSFERRING), [PH_END] = TO(PHASE_ENDED)},
    [PHASE_TRANSFERRING] =
        {[PH_TRANSFER_FAILED] = TO(PHASE_CONVERSATION), [PH_FAREWELL] = TO(PHASE_FAREWELL), [PH_END] = TO(PHASE_ENDED)},
};

static const uint8_t caller_rules[CALLER_N][CALLER_EVENT_N] = {
    /* A commit without speech: idle timeout of the service, or a manual turn. */
    [CALLER_SILENT] =
        {[CA_MAYBE] = TO(CALLER_MAYBE_SPEECH), [CA_START] = TO(CALLER_SPEAKING), [CA_COMMIT] = TO(CALLER_SILENT)},
    [CALLER_MAYBE_SPEECH] =
        {[CA_START] = TO(CALLER_SPEAKING), [CA_REJECT] = TO(CALLER_SILENT), [CA_COMMIT] = TO(CALLER_SILENT)},
    [CALLER_SPEAKING] =
        {[CA_START] = TO(CALLER_SPEAKING), [CA_STOP] = TO(CALLER_ENDING), [CA_COMMIT] = TO(CALLER_SILENT)},
    [CALLER_ENDING] =
        {[CA_START] = TO(CALLER_SPEAKING), [CA_STOP] = TO(CALLER_ENDING), [CA_COMMIT] = TO(CALLER_SILENT)},
};

static const uint8_t response_rules[RESPONSE_N][RESPONSE_EVENT_N] = {
    /* Created without a request: the service's own turn detection. Done without created: cancelled very early. */
    [RESPONSE_NONE] = {[RE_REQUEST] = TO(RESPONSE_REQUESTED),
                       [RE_CREATED] = TO(RESPONSE_GENERATING),
                       [RE_DONE] = TO(RESPONSE_NONE),
                       [RE_PLAYED] = TO(RESPONSE_NONE)},
    [RESPONSE_REQUESTED] = {[RE_CREATED] = TO(RESPONSE_GENERATING),
                            [RE_DONE] = TO(RESPONSE_DONE),
                            [RE_REFUSED] = TO(RESPONSE_NONE),
                            [RE_LOST] = TO(RESPONSE_NONE),
                            [RE_PLAYED] = TO(RESPONSE_REQUESTED)},
    [RESPONSE_GENERATING] = {[RE_CREATED] = TO(RESPONSE_GENERATING),
                             [RE_DONE] = TO(RESPONSE_DONE),
                             [RE_CANCEL] = TO(RESPONSE_CANCELLING),
                             [RE_LOST] = TO(RESPONSE_NONE),
                             [RE_PLAYED] = TO(RESPONSE_GENERATING)},
    [RESPONSE_DONE] = {[RE_REQUEST] = TO(RESPONSE_REQUESTED),
                       [RE_CREATED] = TO(RESPONSE_GENERATING),
                       [RE_DONE] = TO(RESPONSE_DONE),
                       [RE_PLAYED] = TO(RESPONSE_NONE)},
    [RESPONSE_CANCELLING] = {[RE_CREATED] = TO(RESPONSE_GENERATING),
                             [RE_DONE] = TO(RESPONSE_NONE),
                             [RE_REFUSED] = TO(RESPONSE_NONE),
                             [RE_LOST] = TO(RESPONSE_NONE),
                             [RE_PLAYED] = TO(RESPONSE_CANCELLING)},
};

static const uint8_t playout_rules[PLAYOUT_N][PLAYOUT_EVENT_N] = {
    [PLAYOUT_EMPTY] = {[PL_AUDIO] = TO(PLAYOUT_PLAYING), [PL_CUT] = TO(PLAYOUT_EMPTY)},
    [PLAYOUT_PLAYING] = {[PL_AUDIO] = TO(PLAYOUT_PLAYING),
                         [PL_PAUSE] = TO(PLAYOUT_PAUSED),
                         [PL_CUT] = TO(PLAYOUT_EMPTY),
                         [PL_SENT_ALL] = TO(PLAYOUT_DRAINING)},
    [PLAYOUT_PAUSED] =
        {[PL_AUDIO] = TO(PLAYOUT_PAUSED), [PL_RESUME] = TO(PLAYOUT_PLAYING), [PL_CUT] = TO(PLAYOUT_EMPTY)},
    [PLAYOUT_DRAINING] = {[PL_AUDIO] = TO(PLAYOUT_PLAYING),
                          [PL_PAUSE] = TO(PLAYOUT_PAUSED),
                          [PL_CUT] = TO(PLAYOUT_EMPTY),
                          [PL_PLAYED] = TO(PLAYOUT_EMPTY)},
};

int phase_next(enum call_phase s, enum phase_event e)
{
    return (int)phase_rules[s][e] - 1;
}

int caller_next(enum caller_state s, enum caller_event e)
{
    return (int)caller_rules[s][e] - 1;
}

int response_next(enum response_state s, enum response_event e)
{
    return (int)response_rules[s][e] - 1;
}

int playout_next(enum playout_state s, enum playout_event e)
{
    return (int)playout_rules[s][e] - 1;
}
