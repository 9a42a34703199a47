/* What became of an attempt, and what that means for its contact. */
#include "dialer/campaign_impl.h"

#define DAY_US (86400ull * SECOND_US)

enum attempt_outcome campaign_outcome_of(enum dialer_outcome o)
{
    switch (o) {
    case DIALER_ANSWERED:
        return ATTEMPT_ANSWERED_HUMAN;
    case DIALER_VOICEMAIL:
        return ATTEMPT_VOICEMAIL_DROPPED;
    case DIALER_MACHINE:
        return ATTEMPT_MACHINE_DETECTED;
    case DIALER_CONSENT_DENIED:
        return ATTEMPT_CONSENT_DENIED;
    case DIALER_CONSENT_TIMEOUT:
        return ATTEMPT_CONSENT_TIMEOUT;
    case DIALER_NO_ANSWER:
        return ATTEMPT_NO_ANSWER;
    case DIALER_BUSY:
        return ATTEMPT_BUSY;
    case DIALER_FAILED:
        return ATTEMPT_ERROR;
    case DIALER_CANCELED:
        return ATTEMPT_CANCELED;
    case DIALER_NONE:
    case DIALER_UNKNOWN:
    case DIALER_OUTCOME_N:
        break;
    }
    return ATTEMPT_UNKNOWN;
}

static bool is_reached(enum attempt_outcome o)
{
    return o == ATTEMPT_ANSWERED_HUMAN || o == ATTEMPT_VOICEMAIL_DROPPED || o == ATTEMPT_CONSENT_DENIED ||
           o == ATTEMPT_CONSENT_TIMEOUT;
}

/* What becomes of the contact. contact.attempts was counted before this attempt. */
void campaign_slot_decide(struct slot *s, const struct lane *l, uint64_t now_us)
{
    struct attempt_end *e = &s->end;
    uint32_t made = s->contact.attempts + 1;
    uint64_t pause_s = l ? l->s.retry_s[e->outcome] : 0;

    if (e->outcome != ATTEMPT_UNKNOWN && pause_s && made < l->s.max_attempts) {
        e->state = CONTACT_PENDING;
        e->next_us = now_us + MIN(pause_s * SECOND_US << MIN(made - 1, 16u), MAX(DAY_US, pause_s * SECOND_US));
    } else {
        e->state = is_reached(e->outcome)           ? CONTACT_COMPLETED
                   : e->outcome == ATTEMPT_CANCELED ? CONTACT_CANCELED
                                                    : CONTACT_FAILED;
    }
}
