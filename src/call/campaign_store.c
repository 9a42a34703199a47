/* The words of campaigns, shared by every store and the API. */
#include "call/campaign_store.h"

#include "base/err.h"

#define X(name, word) [name] = word,
static const char *const status_words[] = {CAMPAIGN_STATUS_LIST(X)};
static const char *const state_words[] = {CONTACT_STATE_LIST(X)};
static const char *const outcome_words[] = {ATTEMPT_OUTCOME_LIST(X)};
#undef X

static int parse(const char *const *words, uint32_t n, struct str word)
{
    for (uint32_t i = 0; i < n; i++) {
        if (str_is(word, words[i])) {
            return (int)i;
        }
    }
    return -EINVAL;
}

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
    int i = parse(status_words, CAMPAIGN_STATUS_N, word);

    if (i >= 0) {
        *ret = (enum campaign_status)i;
    }
    return MIN(i, 0);
}

int contact_state_parse(struct str word, enum contact_state *ret)
{
    int i = parse(state_words, CONTACT_STATE_N, word);

    if (i >= 0) {
        *ret = (enum contact_state)i;
    }
    return MIN(i, 0);
}

int attempt_outcome_parse(struct str word, enum attempt_outcome *ret)
{
    int i = parse(outcome_words, ATTEMPT_OUTCOME_N, word);

    if (i >= 0) {
        *ret = (enum attempt_outcome)i;
    }
    return MIN(i, 0);
}
