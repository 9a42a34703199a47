/* The words of a record, shared by every store and the API. */
#include "call/store.h"

#include "base/err.h"

static const char *const status_words[] = {
#define X(name, word) [name] = word,
    STORE_STATUS_LIST(X)
#undef X
};

static const char *const direction_words[] = {
#define X(name, word) [name] = word,
    STORE_DIRECTION_LIST(X)
#undef X
};

const char *store_status_word(enum store_status status)
{
    return (uint32_t)status < STORE_STATUS_N ? status_words[status] : "?";
}

const char *store_direction_word(enum store_direction direction)
{
    return (uint32_t)direction < STORE_DIRECTION_N ? direction_words[direction] : "?";
}

int store_status_parse(struct str word, enum store_status *ret)
{
    int i = str_index(word, status_words, STORE_STATUS_N);

    if (i >= 0) {
        *ret = (enum store_status)i;
    }
    return MIN(i, 0);
}

int store_direction_parse(struct str word, enum store_direction *ret)
{
    int i = str_index(word, direction_words, STORE_DIRECTION_N);

    if (i >= 0) {
        *ret = (enum store_direction)i;
    }
    return MIN(i, 0);
}

bool store_may_pass(int err)
{
    return err == -EBUSY || err == -ENOSPC || err == -EIO || err == -ENOMEM || err == -ERR_CLOSED;
}

enum store_status store_status_of(enum call_reason reason)
{
    switch (reason) {
    case REASON_CALLER_HANGUP:
    case REASON_AGENT_HANGUP:
    case REASON_TRANSFERRED:
    case REASON_API_HANGUP:
    case REASON_DRAIN:
    case REASON_CALLER_SILENT:
    case REASON_LIMIT_DURATION:
    case REASON_LIMIT_COST:
    case REASON_GUARDRAIL:
    case REASON_CANCELED:
    case REASON_MACHINE:
    case REASON_VOICEMAIL:
    case REASON_NO_CONSENT:
        return STORE_COMPLETED;
    case REASON_NONE:
    case REASON_CARRIER_CLOSED:
    case REASON_NO_MEDIA:
    case REASON_MODEL_UNREACHABLE:
    case REASON_MODEL_REFUSED:
    case REASON_MODEL_CLOSED:
    case REASON_MODEL_SILENT:
    case REASON_PROTOCOL:
    case REASON_KILLED:
    case REASON_INTERNAL:
    case REASON_NO_ANSWER:
    case REASON_BUSY:
    case REASON_NOT_DIALLED:
    case CALL_REASON_N:
        break;
    }
    return STORE_FAILED;
}
