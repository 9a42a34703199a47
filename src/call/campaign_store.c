/* The words of campaigns, shared by every store and the API. */
#include "call/campaign_store.h"

#include "base/err.h"

#define X(name, word) [name] = word,
static const char *const status_words[] = {CAMPAIGN_STATUS_LIST(X)};
static const char *const state_words[] = {CONTACT_STATE_LIST(X)};
static const char *const outcome_words[] = {ATTEMPT_OUTCOME_LIST(X)};
#undef X

const char *campaign_status_word(enum campaign_status status)
{
    return (uint32_t)status < CAMPAIGN_STATUS_N ? status_words[status] : "?";
}

const char *contact_state_word(enum contact_state state)
{
    return (uint32_t)state < CONTACT_STATE_N ? state_words[state] : "?";
}

const char *attempt_outcome_word(enum attempt_outcome outcome)
{
    return (uint32_t)outcome < ATTEMPT_OUTCOME_N ? outcome_words[outcome] : "?";
}

int campaign_status_parse(struct str word, enum campaign_status *ret)
{
    int i = str_index(word, status_words, CAMPAIGN_STATUS_N);

    if (i >= 0) {
        *ret = (enum campaign_status)i;
    }
    return MIN(i, 0);
}

int contact_state_parse(struct str word, enum contact_state *ret)
{
    int i = str_index(word, state_words, CONTACT_STATE_N);

    if (i >= 0) {
        *ret = (enum contact_state)i;
    }
    return MIN(i, 0);
}

int attempt_outcome_parse(struct str word, enum attempt_outcome *ret)
{
    int i = str_index(word, outcome_words, ATTEMPT_OUTCOME_N);

    if (i >= 0) {
        *ret = (enum attempt_outcome)i;
    }
    return MIN(i, 0);
}
