/* Words for every enum of the core, each table beside nothing else so that a missing word is seen at once. */
#include "base/err.h"
#include "call/machine.h"

#define NAME_FN(fn, type, table)                                                                                       \
    const char *fn(type v)                                                                                             \
    {                                                                                                                  \
        return (unsigned)v < ARRAY_LEN(table) && (table)[v] ? (table)[v] : "unknown";                                  \
    }

static const char *const phase_names[] = {"setup", "greeting", "conversation", "farewell", "transferring", "ended"};
static const char *const caller_names[] = {"silent", "maybe-speech", "speaking", "ending"};
static const char *const response_names[] = {"none", "requested", "generating", "done", "cancelling"};
static const char *const playout_names[] = {"empty", "playing", "paused", "draining"};
static const char *const phase_events[] = {"greet", "converse", "farewell", "transfer", "transfer-failed", "end"};
static const char *const caller_events[] = {"maybe", "start", "reject", "stop", "commit"};
static const char *const response_events[] = {"request", "created", "done", "cancel", "refused", "lost", "played"};
static const char *const playout_events[] = {"audio", "pause", "resume", "cut", "sent-all", "played"};
static const char *const turn_kinds[] = {"server_vad", "semantic_vad", "manual", "local", "hybrid"};
static const char *const parties[] = {"caller", "agent", "tool"};

static const char *const tool_checks[] = {"run", "ask", "refuse"};
static const char *const approval_outcomes[] = {
#define X(name, word) word,
    APPROVAL_OUTCOME_LIST(X)
#undef X
};
static const char *const renewals[] = {
#define X(name, word) word,
    CALL_RENEWAL_LIST(X)
#undef X
};
static const char *const guard_sides[] = {"output", "input", "tool"};
static const char *const guard_verbs[] = {"cancel", "end_call"};
static const char *const guard_expiries[] = {"release", "mute"};
static const char *const item_roles[] = {"", "user", "assistant", "system"};
static const char *const item_states[] = {"", "in_progress", "completed", "incomplete"};
static const char *const part_kinds[] = {"text", "audio", "image"};
static const char *const interrupts[] = {"normal", "forced", "response", "playback"};
static const char *const item_types[] = {
#define X(name, word) word,
    ITEM_TYPE_LIST(X)
#undef X
};
static const char *const signal_names[] = {
#define X(name, word) word,
    CALL_SIGNAL_LIST(X)
#undef X
};

static const char *const cues[] = {"start", "commit", "discard"};
static const char *const verdict_names[] = {
#define X(name, word) word,
    CALL_VERDICT_LIST(X)
#undef X
};

static const char *const event_names[] = {
#define X(name, word) word,
    CALL_EVENT_LIST(X)
#undef X
};
static const char *const action_names[] = {
#define X(name, word) word,
    CALL_ACTION_LIST(X)
#undef X
};
static const char *const note_names[] = {
#define X(name, word) word,
    CALL_NOTE_LIST(X)
#undef X
};
static const char *const reason_names[] = {
#define X(name, word, text) word,
    CALL_REASON_LIST(X)
#undef X
};
static const char *const reason_texts[] = {
#define X(name, word, text) text,
    CALL_REASON_LIST(X)
#undef X
};

NAME_FN(call_renewal_name, enum call_renewal, renewals)
NAME_FN(item_type_name, enum item_type, item_types)
NAME_FN(item_role_name, enum item_role, item_roles)
NAME_FN(item_status_name, enum item_status, item_states)
NAME_FN(part_kind_name, enum part_kind, part_kinds)
NAME_FN(interrupt_kind_name, enum interrupt_kind, interrupts)
NAME_FN(call_signal_name, enum call_signal_kind, signal_names)
NAME_FN(call_phase_name, enum call_phase, phase_names)
NAME_FN(caller_state_name, enum caller_state, caller_names)
NAME_FN(response_state_name, enum response_state, response_names)
NAME_FN(playout_state_name, enum playout_state, playout_names)
NAME_FN(phase_event_name, enum phase_event, phase_events)
NAME_FN(caller_event_name, enum caller_event, caller_events)
NAME_FN(response_event_name, enum response_event, response_events)
NAME_FN(playout_event_name, enum playout_event, playout_events)
NAME_FN(turn_kind_name, enum turn_kind, turn_kinds)
NAME_FN(turn_cue_name, enum turn_cue, cues)
NAME_FN(call_verdict_name, enum call_verdict, verdict_names)
NAME_FN(guard_side_name, enum guard_side, guard_sides)
NAME_FN(guard_verb_name, enum guard_verb, guard_verbs)
NAME_FN(guard_expiry_name, enum guard_expiry, guard_expiries)
NAME_FN(call_party_name, enum call_party, parties)
NAME_FN(tool_check_name, enum tool_check, tool_checks)
NAME_FN(approval_outcome_name, enum approval_outcome, approval_outcomes)
NAME_FN(call_event_name, enum call_event_type, event_names)
NAME_FN(call_action_name, enum call_action_type, action_names)
NAME_FN(call_note_name, enum call_note, note_names)
NAME_FN(call_reason_name, enum call_reason, reason_names)
NAME_FN(call_reason_text, enum call_reason, reason_texts)

enum call_reason call_reason_parse(const char *word)
{
    for (unsigned i = 0; i < CALL_REASON_N; i++) {
        if (str_is(str_from(word), reason_names[i])) {
            return (enum call_reason)i;
        }
    }
    return REASON_NONE;
}

enum call_verdict call_verdict_find(struct str word)
{
    for (uint32_t i = 0; i < VERDICT_N; i++) {
        if (str_is(word, verdict_names[i])) {
            return (enum call_verdict)i;
        }
    }
    return VERDICT_NONE;
}

struct str call_verdicts_words(uint32_t mask, char ret[CALL_VERDICTS_MAX])
{
    size_t n = 0;
    for (uint32_t i = 0; i < VERDICT_N; i++) {
        size_t len = strlen(verdict_names[i]);
        if ((mask >> i & 1) && n + len + 1 < CALL_VERDICTS_MAX) {
            n += n > 0;
            memcpy(ret + n, verdict_names[i], len);
            ret[n + len] = ' ';
            n += len;
        }
    }
    return (struct str){ret, n};
}

uint32_t call_verdicts_find(struct str words)
{
    uint32_t mask = 0;
    for (struct str word; str_split(&words, ' ', &word);) {
        mask |= 1u << call_verdict_find(word);
    }
    return mask & ~(1u << VERDICT_NONE);
}
