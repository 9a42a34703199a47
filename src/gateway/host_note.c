/* Decisions of a call, as notes: what is counted of them and how loud they are in the log. */
#include "base/log.h"
#include "gateway/host_impl.h"

/* A sound over the agent and what became of it. */
static void count_barge_in(struct host *h, struct str verdict)
{
    h->facts.barge_ins++;
    /* Without a verdict it is the service's: it cancels by itself. */
    metrics_add_word(h->worker->env.metrics, METRIC_BARGE_IN, verdict.n > 0 ? verdict : STR("service"), 1);
}

static void count_resume(struct host *h, uint64_t ms, struct str verdict)
{
    struct metrics *m = h->worker->env.metrics;
    h->facts.pauses++;
    metrics_add_word(m, METRIC_BARGE_IN, verdict, 1);
    metrics_add(m, METRIC_FALSE_PAUSES, 1);
    metrics_observe_us(m, METRIC_PAUSE_SECONDS, ms * 1000);
}

static void count_renewal(struct host *h, uint64_t gap_ms, struct str moment)
{
    struct metrics *m = h->worker->env.metrics;
    h->facts.renewals++;
    metrics_add_word(m, METRIC_RENEWALS, moment, 1);
    if (gap_ms > 0) {
        metrics_observe_us(m, METRIC_GAP_SECONDS, gap_ms * 1000);
    }
}

static void count_note(struct host *h, const struct call_action *act)
{
    struct metrics *m = h->worker->env.metrics;
    struct str text = act->note.text;
    uint64_t value = act->note.value > 0 ? (uint64_t)act->note.value : 0;
    switch (act->note.note) {
    case NOTE_BARGE_IN:
        count_barge_in(h, text);
        break;
    case NOTE_BARGE_IN_IGNORED:
        metrics_add_word(m, METRIC_BARGE_IN, STR("protected"), 1);
        break;
    case NOTE_RESUME:
        count_resume(h, value, text);
        break;
    case NOTE_SOUND_REJECTED:
        metrics_add_word(m, METRIC_SOUNDS_REJECTED, text, 1);
        break;
    case NOTE_SILENCE:
        metrics_add_word(m, METRIC_SILENCE, text, 1);
        break;
    case NOTE_DEAD_AIR:
        metrics_add_word(m, METRIC_DEAD_AIR, text, 1);
        break;
    case NOTE_GUARD_EXPIRED:
        metrics_add_word(m, METRIC_GUARD_EXPIRED, text, 1);
        break;
    case NOTE_LINE:
        metrics_add_word(m, METRIC_LINE, text, 1);
        break;
    case NOTE_LATE_AUDIO:
        metrics_add(m, METRIC_LATE_AUDIO, 1);
        break;
    case NOTE_UNDERRUN:
        metrics_add(m, METRIC_UNDERRUNS, 1);
        break;
    case NOTE_UPLINK_DROP:
        metrics_add(m, METRIC_UPLINK_DROPPED, value);
        break;
    case NOTE_RESPONSE_TIMEOUT:
        metrics_add_word(m, METRIC_RESPONSE_TIMEOUTS, text, 1);
        break;
    case NOTE_RESPONSE_FAILED:
    case NOTE_MODEL_ERROR:
        metrics_add_word(m, METRIC_MODEL_ERRORS, text, 1);
        break;
    case NOTE_HANDOFF:
        metrics_add_word(m, METRIC_HANDOFFS, STR("done"), 1);
        break;
    case NOTE_HANDOFF_REFUSED:
        metrics_add_word(m, METRIC_HANDOFFS, STR("refused"), 1);
        break;
    case NOTE_UPDATE_REFUSED:
        metrics_add_word(m, METRIC_HANDOFFS, STR("update-refused"), 1);
        break;
    case NOTE_UPDATE_TIMEOUT:
        metrics_add_word(m, METRIC_HANDOFFS, STR("update-timeout"), 1);
        break;
    case NOTE_TOOL_UNKNOWN:
        metrics_add_word(m, METRIC_TOOLS, STR("unknown"), 1);
        break;
    case NOTE_TOOL_FILLER:
        metrics_add_word(m, METRIC_TOOL_FILLERS, text, 1);
        break;
    case NOTE_TOOL_BACKGROUND:
        metrics_add_word(m, METRIC_TOOL_BACKGROUND, text, 1);
        break;
    case NOTE_TOOL_TIMEOUT:
        metrics_add_word(m, METRIC_TOOLS, STR("timeout"), 1);
        break;
    case NOTE_RENEWED:
        count_renewal(h, value, text);
        break;
    case NOTE_RENEWAL_FAILED:
        metrics_add(m, METRIC_RENEWAL_FAILURES, 1);
        break;
    case NOTE_FAILOVER:
        metrics_add(m, METRIC_FAILOVERS, 1);
        break;
    case NOTE_LEAVING:
        metrics_add(m, METRIC_LEAVING, 1);
        break;
    case NOTE_NOT_TRUNCATED:
        metrics_add(m, METRIC_NOT_TRUNCATED, 1);
        break;
    case NOTE_RENEWAL:
    case NOTE_REPLAYED:
    case NOTE_FILLER:
        break; /* counted by what they belong to */
    case NOTE_MARK_LOST:
        metrics_add(m, METRIC_MARKS_LOST, 1);
        break;
    case NOTE_TRANSFER:
        if (!str_is(text, "announcing")) {
            metrics_add_word(m, METRIC_TRANSFERS, text, 1);
        }
        break;
    case NOTE_ILLEGAL:
        metrics_add(m, METRIC_CALL_BUGS, 1);
        break;
    case NOTE_ANSWERED:
    case NOTE_GREETING_DONE:
    case NOTE_GREETING_TIMEOUT:
    case NOTE_GREETING_DEVIATION:
    case NOTE_UPLINK_FILL:
    case NOTE_PAUSE:
    case NOTE_TURN_START:
    case NOTE_TURN_END:
    case NOTE_QUEUE_FULL:
    case NOTE_RESPONSE_COLLISION:
    case NOTE_TOOL_DUPLICATE:
    case NOTE_TOOL_LATE:
    case NOTE_TOOL_CONFLICT:
    case NOTE_TOOL_CANCELLED:
    case NOTE_TOOL_RESENT:
    case NOTE_FAREWELL:
    case NOTE_RECORD_LATE:
    case NOTE_GUARD_TRIPPED: /* host_guard.c counts these two */
    case NOTE_GUARD_FAILED:
    case NOTE_HISTORY_FULL:
    case NOTE_CONTROL_REFUSED:
    case NOTE_DTMF:
    case NOTE_KEYS:
    case CALL_NOTE_N:
        break;
    }
}

/* How loud a note is in the log. Digits and speech are the caller's own business: debug. */
static enum log_level note_level(enum call_note note)
{
    switch (note) {
    case NOTE_GREETING_TIMEOUT:
    case NOTE_UPLINK_DROP:
    case NOTE_QUEUE_FULL:
    case NOTE_RESPONSE_TIMEOUT:
    case NOTE_RESPONSE_FAILED:
    case NOTE_MODEL_ERROR:
    case NOTE_TOOL_UNKNOWN:
    case NOTE_TOOL_CONFLICT:
    case NOTE_TOOL_RESENT:
    case NOTE_TOOL_TIMEOUT:
    case NOTE_DEAD_AIR:
    case NOTE_RECORD_LATE:
    case NOTE_RENEWAL_FAILED:
    case NOTE_FAILOVER:
    case NOTE_GUARD_TRIPPED:
    case NOTE_GUARD_FAILED:
    case NOTE_GUARD_EXPIRED:
    case NOTE_HANDOFF_REFUSED:
    case NOTE_UPDATE_REFUSED:
    case NOTE_UPDATE_TIMEOUT:
    case NOTE_HISTORY_FULL:
    case NOTE_ILLEGAL:
        return LOG_WARN;
    case NOTE_ANSWERED:
    case NOTE_HANDOFF:
    case NOTE_CONTROL_REFUSED:
    case NOTE_BARGE_IN:
    case NOTE_PAUSE:
    case NOTE_RESUME:
    case NOTE_SILENCE:
    case NOTE_LINE:
    case NOTE_RENEWAL:
    case NOTE_RENEWED:
    case NOTE_REPLAYED:
    case NOTE_LEAVING:
    case NOTE_FILLER:
    case NOTE_FAREWELL:
    case NOTE_TRANSFER:
        return LOG_INFO;
    case NOTE_NOT_TRUNCATED:
    case NOTE_GREETING_DONE:
    case NOTE_GREETING_DEVIATION:
    case NOTE_BARGE_IN_IGNORED:
    case NOTE_LATE_AUDIO:
    case NOTE_UNDERRUN:
    case NOTE_UPLINK_FILL:
    case NOTE_TURN_START:
    case NOTE_TURN_END:
    case NOTE_SOUND_REJECTED:
    case NOTE_RESPONSE_COLLISION:
    case NOTE_TOOL_DUPLICATE:
    case NOTE_TOOL_LATE:
    case NOTE_TOOL_FILLER:
    case NOTE_TOOL_BACKGROUND:
    case NOTE_TOOL_CANCELLED:
    case NOTE_MARK_LOST:
    case NOTE_DTMF:
    case NOTE_KEYS:
    case CALL_NOTE_N:
        break;
    }
    return LOG_DEBUG;
}

/* Events of their own for what people tune by; their texts are fields: p=0.83 start=0.50 end=0.35. */
static void log_note(const struct host *h, const struct call_action *act)
{
    enum log_level level = note_level(act->note.note);
    long long value = (long long)act->note.value;
    struct str text = act->note.text;
    if (!log_enabled(level)) {
        return;
    }
    switch ((int)act->note.note) {
    case NOTE_TURN_START:
        log_write(level, &h->log, "turn.start", "speech_ms=%lld " STR_FMT, value, STR_ARG(text));
        break;
    case NOTE_TURN_END:
        log_write(level, &h->log, "turn.end", "silence_ms=%lld " STR_FMT, value, STR_ARG(text));
        break;
    case NOTE_PAUSE:
        log_write(level, &h->log, "agent.paused", "heard_ms=%lld", value);
        break;
    case NOTE_RESUME:
        log_write(level, &h->log, "agent.resumed", "paused_ms=%lld verdict=" STR_FMT, value, STR_ARG(text));
        break;
    case NOTE_BARGE_IN:
        log_write(level, &h->log, "agent.interrupted", "heard_ms=%lld verdict=" STR_FMT, value, STR_ARG(text));
        break;
    case NOTE_HANDOFF:
        log_write(level, &h->log, "agent.handoff", "to=\"" STR_FMT "\"", STR_ARG(text));
        break;
    case NOTE_HANDOFF_REFUSED:
        log_write(level, &h->log, "agent.handoff-refused", "why=\"" STR_FMT "\"", STR_ARG(text));
        break;
    default:
        log_write(level, &h->log, "call.note", "note=%s value=%lld text=\"" STR_FMT "\"",
                  call_note_name(act->note.note), value, STR_ARG(text));
        break;
    }
}

void record_note(struct host *h, const struct call_action *act)
{
    count_note(h, act);
    log_note(h, act);
    host_tap(h, TAP_ACTION, act, NULL);
}
