/* News of calls, streams, recordings and messages. They come twice, late and in any order. */
#include "carriers/plivo/plivo_impl.h"

enum carrier_outcome plivo_outcome(struct str status)
{
    static const struct {
        const char *word;
        enum carrier_outcome outcome;
    } words[] = {
        {"completed", CARRIER_OUTCOME_COMPLETED}, {"busy", CARRIER_OUTCOME_BUSY},
        {"no-answer", CARRIER_OUTCOME_NO_ANSWER}, {"timeout", CARRIER_OUTCOME_NO_ANSWER},
        {"failed", CARRIER_OUTCOME_FAILED},       {"cancel", CARRIER_OUTCOME_CANCELED},
        {"canceled", CARRIER_OUTCOME_CANCELED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(status, words[i].word)) {
            return words[i].outcome;
        }
    }
    return CARRIER_OUTCOME_NONE;
}

enum carrier_stage plivo_stage(struct str status)
{
    static const struct {
        const char *word;
        enum carrier_stage stage;
    } words[] = {
        {"queued", CARRIER_STAGE_QUEUED},
        {"ringing", CARRIER_STAGE_RINGING},
        {"in-progress", CARRIER_STAGE_ANSWERED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(status, words[i].word)) {
            return words[i].stage;
        }
    }
    return plivo_outcome(status) != CARRIER_OUTCOME_NONE ? CARRIER_STAGE_ENDED : CARRIER_STAGE_UNKNOWN;
}

/* The network's word, which callers of the reference know; else the carrier's own name or number for it. */
static struct str cause_of(const struct params *params)
{
    static const char *const names[] = {"HangupCause", "HangupCauseName", "HangupCauseCode"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str cause = params_get(params, names[i]);
        if (cause.n > 0) {
            return cause;
        }
    }
    return STR("");
}

/*
 * "completed" is also what a call is called that was never answered; what it lasted after an answer is BillDuration,
 * but not every account gets it.
 */
static int64_t talked_s(const struct params *params)
{
    int64_t billed = params_number(params, "BillDuration");
    return billed >= 0 ? billed : params_number(params, "Duration");
}

enum carrier_outcome plivo_outcome_of_code(int64_t code)
{
    switch (code) {
    case 3010:
    case 3020:
    case 3110:
        return CARRIER_OUTCOME_BUSY;
    case 3000:
    case 6010:
        return CARRIER_OUTCOME_NO_ANSWER;
    case 1000:
        return CARRIER_OUTCOME_CANCELED;
    default:
        return CARRIER_OUTCOME_NONE;
    }
}

/* "completed" and "failed" are also what calls are called that nobody took: then the carrier's number, or the network's
 * word, says why. */
static enum carrier_outcome outcome_of(const struct params *params, struct str status)
{
    enum carrier_outcome told = plivo_outcome(status);
    int64_t code = params_number(params, "HangupCauseCode");
    int64_t billed = params_number(params, "BillDuration");
    bool answered = params_get(params, "AnswerTime").n > 0 || billed > 0;
    if ((told != CARRIER_OUTCOME_COMPLETED && told != CARRIER_OUTCOME_FAILED) || answered) {
        return told;
    }
    enum carrier_outcome by_code = plivo_outcome_of_code(code);
    if (by_code != CARRIER_OUTCOME_NONE) {
        return by_code;
    }
    enum carrier_outcome by_cause = carrier_outcome_of_cause(params_get(params, "HangupCause"), talked_s(params));
    if (told == CARRIER_OUTCOME_COMPLETED && billed == 0 && code >= 1000 && code != 4000) {
        told = CARRIER_OUTCOME_FAILED;
    }
    return told == CARRIER_OUTCOME_FAILED && by_cause == CARRIER_OUTCOME_COMPLETED ? told : by_cause;
}

static void tell_progress(struct plivo *p, const struct params *params, const struct carrier_status *s)
{
    const struct carrier_progress progress = {
        .attempt = params_attempt(params),
        .ref = {.call_id = s->call_id, .request_id = params_get(params, "RequestUUID")},
        .stage = plivo_stage(s->status),
        .outcome = outcome_of(params, s->status),
        .duration_s = s->duration_s,
        .cause = s->cause.n > 0 ? s->cause : s->status,
    };
    if (progress.attempt.n > 0 && p->cloud.host->on_progress) {
        p->cloud.host->on_progress(&p->cloud.base, &progress, p->cloud.arg);
    }
}

void plivo_tell_call(struct plivo *p, const struct params *params)
{
    struct str status = params_get(params, "CallStatus");
    bool hangup = str_is(params_get(params, "Event"), "Hangup");
    const struct carrier_status s = {
        .kind = CARRIER_STATUS_CALL,
        .call_id = params_get(params, "CallUUID"),
        .status = status.n == 0 && hangup ? STR("completed") : status,
        .final = hangup || plivo_outcome(status) != CARRIER_OUTCOME_NONE,
        .sequence = -1,
        .duration_s = talked_s(params),
        .cause = cause_of(params),
        .params = params->list,
        .n_params = params->n,
    };
    p->cloud.stats.statuses++;
    log_info(&p->cloud.scope, "plivo.call", "call_uuid=" STR_FMT " status=" STR_FMT " duration_s=%lld cause=" STR_FMT,
             STR_ARG(s.call_id), STR_ARG(s.status), (long long)s.duration_s, STR_ARG(s.cause));
    if (p->cloud.host->on_status) {
        p->cloud.host->on_status(&p->cloud.base, &s, p->cloud.arg);
    }
    tell_progress(p, params, &s);
}

static void tell_amd(struct plivo *p, const struct params *params)
{
    struct str machine = params_get(params, "Machine");
    const struct carrier_progress progress = {
        .attempt = params_attempt(params),
        .ref = {.call_id = params_get(params, "CallUUID"), .request_id = params_get(params, "RequestUUID")},
        .answerer = str_ieq(machine, STR("true"))    ? CARRIER_ANSWERER_MACHINE
                    : str_ieq(machine, STR("false")) ? CARRIER_ANSWERER_HUMAN
                                                     : CARRIER_ANSWERER_UNSURE,
        .duration_s = -1,
    };
    p->cloud.stats.statuses++;
    if (progress.attempt.n > 0 && p->cloud.host->on_progress) {
        p->cloud.host->on_progress(&p->cloud.base, &progress, p->cloud.arg);
    }
}

/* Two generations of names are in use: DroppedStream and failed, StopStream and stopped. */
static void tell_stream(struct plivo *p, const struct params *params)
{
    struct str event = params_get(params, "Event");
    bool bad = str_is(event, "DroppedStream") || str_is(event, "failed") || str_is(event, "DegradedStream");
    const struct carrier_status s = {
        .kind = CARRIER_STATUS_STREAM,
        .call_id = params_get(params, "CallUUID"),
        .status = event,
        .sequence = -1,
        .duration_s = params_number(params, "Duration"),
        .stream_id = params_get(params, "StreamID"),
        .error = bad ? or_str(params_get(params, "StatusReason"), "no reason was given") : STR(""),
        .params = params->list,
        .n_params = params->n,
    };
    p->cloud.stats.statuses++;
    if (bad) {
        log_warn(&p->cloud.scope, "plivo.stream-error", "stream=" STR_FMT " event=" STR_FMT " error=\"" STR_FMT "\"",
                 STR_ARG(s.stream_id), STR_ARG(event), STR_ARG(s.error));
    }
    if (p->cloud.host->on_status) {
        p->cloud.host->on_status(&p->cloud.base, &s, p->cloud.arg);
    }
}

/* Recordings at the carrier, and what became of text messages. */
static void tell_other(struct plivo *p, const struct params *params)
{
    struct str recording = params_get(params, "RecordUrl");
    p->cloud.stats.statuses++;
    if (recording.n > 0) {
        log_info(&p->cloud.scope, "plivo.recording", "call_uuid=" STR_FMT " id=" STR_FMT " seconds=" STR_FMT,
                 STR_ARG(params_get(params, "CallUUID")), STR_ARG(params_get(params, "RecordingID")),
                 STR_ARG(params_get(params, "RecordingDuration")));
    } else {
        log_info(&p->cloud.scope, "plivo.message", "uuid=" STR_FMT " status=" STR_FMT " error=" STR_FMT,
                 STR_ARG(params_get(params, "MessageUUID")), STR_ARG(params_get(params, "Status")),
                 STR_ARG(params_get(params, "ErrorCode")));
    }
}

void plivo_on_news(struct plivo *p, struct http_exchange *x, const struct http_request *req, enum plivo_news kind)
{
    struct params params;
    params_init(&params);
    int err = params_read(&params, req, PLIVO_SIP_PREFIX);
    enum cloud_verdict verdict = plivo_verify(p, req, kind == PLIVO_NEWS_SMS ? PLIVO_WRITES : PLIVO_ASKS, &params.body);
    if (err < 0 && verdict == CLOUD_UNCHECKED) {
        cloud_respond(x, 200, "OK"); /* nobody would send it again in another form */
    } else if (cloud_admit(&p->cloud, x, req, verdict, PLIVO_SIGNATURE)) {
        switch (kind) {
        case PLIVO_NEWS_CALL:
            plivo_tell_call(p, &params);
            break;
        case PLIVO_NEWS_AMD:
            tell_amd(p, &params);
            break;
        case PLIVO_NEWS_STREAM:
            tell_stream(p, &params);
            break;
        case PLIVO_NEWS_SMS:
        case PLIVO_NEWS_OTHER:
            tell_other(p, &params);
            break;
        }
        cloud_respond(x, 200, "OK");
    }
    params_done(&params);
}
