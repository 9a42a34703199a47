/* What became of a call, by the words of carriers and of the telephone network. */
#include "base/defs.h"
#include "call/carrier.h"

static const char *const stage_words[CARRIER_STAGE_N] = {
#define X(name, word) [name] = (word),
    CARRIER_STAGE_LIST(X)
#undef X
};

static const char *const outcome_words[CARRIER_OUTCOME_N] = {
#define X(name, word) [name] = (word),
    CARRIER_OUTCOME_LIST(X)
#undef X
};

static const char *const answerer_words[CARRIER_ANSWERER_N] = {
#define X(name, word) [name] = (word),
    CARRIER_ANSWERER_LIST(X)
#undef X
};

const char *carrier_stage_word(enum carrier_stage stage)
{
    return stage < CARRIER_STAGE_N ? stage_words[stage] : "?";
}

const char *carrier_outcome_word(enum carrier_outcome outcome)
{
    return outcome < CARRIER_OUTCOME_N ? outcome_words[outcome] : "?";
}

const char *carrier_answerer_word(enum carrier_answerer answerer)
{
    return answerer < CARRIER_ANSWERER_N ? answerer_words[answerer] : "?";
}

/* Causes of the network (ITU-T Q.850 as switches spell them) that say more than that it failed. */
static const struct {
    const char *word;
    enum carrier_outcome outcome;
} causes[] = {
    {"NO_ANSWER", CARRIER_OUTCOME_NO_ANSWER},
    {"ORIGINATOR_CANCEL", CARRIER_OUTCOME_NO_ANSWER},
    {"USER_BUSY", CARRIER_OUTCOME_BUSY},
    {"CALL_REJECTED", CARRIER_OUTCOME_BUSY},
    {"UNALLOCATED_NUMBER", CARRIER_OUTCOME_FAILED},
    {"INVALID_NUMBER_FORMAT", CARRIER_OUTCOME_FAILED},
    {"NO_ROUTE_DESTINATION", CARRIER_OUTCOME_FAILED},
    {"NETWORK_OUT_OF_ORDER", CARRIER_OUTCOME_FAILED},
    {"SERVICE_UNAVAILABLE", CARRIER_OUTCOME_FAILED},
    {"RECOVERY_ON_TIMER_EXPIRE", CARRIER_OUTCOME_FAILED},
    {"BEARERCAPABILITY_NOTAVAIL", CARRIER_OUTCOME_FAILED},
};

enum carrier_outcome carrier_outcome_of_cause(struct str cause, int64_t duration_s)
{
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        if (str_is(cause, causes[i].word)) {
            return causes[i].outcome;
        }
    }
    return duration_s > 0 || cause.n == 0 || str_is(cause, "NORMAL_CLEARING") ? CARRIER_OUTCOME_COMPLETED
                                                                              : CARRIER_OUTCOME_FAILED;
}
