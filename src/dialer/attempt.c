#include "dialer/attempt.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define SECOND         UINT64_C(1000000)
#define PREPARE_US     (20 * SECOND) /* to write the record and open the model */
#define REPLY_US       (60 * SECOND) /* the carrier's own deadlines are shorter */
#define LATE_US        (20 * SECOND) /* over the ringing time, for the carrier's word that nobody answered */
#define MEDIA_US       (15 * SECOND) /* answer to media */
#define LAST_WORD_US   (5 * SECOND)
#define CERTAIN_US     (30 * SECOND) /* so old must a request be before its absence in the list proves anything */
#define GIVE_UP_US     (90 * SECOND) /* over the ringing time: nobody will tell any more */
#define HANDED_OVER_US (4 * 3600 * SECOND)
#define FIND_MAX       6
#define QUEUE_MAX      20 /* looks at a call that waits in the carrier's queue */

static const char *const state_words[] = {
#define X(name, word) [name] = (word),
    ATTEMPT_STATE_LIST(X)
#undef X
};

const char *attempt_state_word(enum attempt_state state)
{
    return state < ATTEMPT_STATE_N ? state_words[state] : "?";
}

/* ---- small parts ---- */

static void copy_cut(char *dst, size_t cap, struct str s)
{
    size_t n = MIN(s.n, cap - 1);
    memcpy(dst, n ? s.p : "", n);
    dst[n] = '\0';
}

static void tell(struct attempt *a, struct attempt_do *out, enum dialer_event_kind kind)
{
    uint32_t bit = UINT32_C(1) << kind;
    if (kind == DIALER_ANSWERER || !(a->told & bit)) {
        a->told |= bit;
        out->tell |= bit;
    }
}

static void move(struct attempt *a, enum attempt_state state, uint64_t deadline_us)
{
    a->state = state;
    a->deadline_us = deadline_us;
    a->finds = a->blanks = 0;
}

static bool is_over(const struct attempt *a)
{
    return a->state == ATTEMPT_ENDED;
}

struct carrier_call_ref attempt_ref(const struct attempt *a)
{
    return (struct carrier_call_ref){.call_id = str_from(a->call_id), .request_id = str_from(a->request_id)};
}

bool attempt_is(const struct attempt *a, struct str call_id)
{
    return call_id.n == 0 || a->call_id[0] == '\0' || str_is(call_id, a->call_id);
}

static void learn_ref(struct attempt *a, const struct carrier_call_ref *ref)
{
    if (a->call_id[0] == '\0') {
        copy_cut(a->call_id, sizeof(a->call_id), ref->call_id);
    }
    if (a->request_id[0] == '\0') {
        copy_cut(a->request_id, sizeof(a->request_id), ref->request_id);
    }
}

static bool has_ref(const struct attempt *a)
{
    return a->call_id[0] != '\0' || a->request_id[0] != '\0';
}

/* The last moment in which it can still ring; before it was asked, none. */
static uint64_t rings_until(const struct attempt *a)
{
    return a->asked_us + a->ring_us;
}

void attempt_init(struct attempt *a, const struct dialer_request *req, uint64_t now_us, uint64_t asked_us)
{
    *a = (struct attempt){
        .ring_us = req->ring_s * SECOND,
        .machine = req->machine,
        .deadline_us = now_us + PREPARE_US,
        .talk_s = -1,
        .question = {.put = question_is_put(&req->question) || req->reply != QUESTION_NONE,
                     .times = req->question.times,
                     .accept = req->question.accept,
                     .deny = req->question.deny,
                     .round_us = question_round_us(&req->question),
                     .goodbye_us = question_goodbye_us(&req->question)},
    };
    if (req->settle_only) {
        a->reply = req->reply;
        a->asked_us = MAX(asked_us, 1u);
        a->may_have_rung = true;
        a->state = ATTEMPT_UNCLEAR;
        a->deadline_us = now_us; /* the list is asked at once */
    }
}

/* ---- the end ---- */

static bool is_machine(const struct attempt *a)
{
    return a->answerer == CARRIER_ANSWERER_MACHINE || a->answerer == CARRIER_ANSWERER_MACHINE_END;
}

/* A machine that is not to be talked to: it is not asked either. */
static bool is_dropped(const struct attempt *a)
{
    return is_machine(a) && a->machine != DIALER_MACHINE_TALK;
}

/* It was taken back, or it rang too long for us: the same to the carrier, not to us. */
static enum dialer_outcome outcome_of_cancel(const struct attempt *a)
{
    return a->reason == REASON_NO_ANSWER ? DIALER_NO_ANSWER
           : a->reason == REASON_MODEL_UNREACHABLE || a->reason == REASON_MODEL_REFUSED ||
                   a->reason == REASON_MODEL_CLOSED || a->reason == REASON_INTERNAL
               ? DIALER_FAILED
               : DIALER_CANCELED;
}

static enum dialer_outcome outcome_of_answer(const struct attempt *a)
{
    if (is_dropped(a)) {
        return a->message_left ? DIALER_VOICEMAIL : DIALER_MACHINE;
    }
    if (!a->question.put || a->reply == QUESTION_ACCEPTED) {
        return DIALER_ANSWERED;
    }
    if (a->reply == QUESTION_DENIED) {
        return DIALER_CONSENT_DENIED;
    }
    /* It was us who ended the call over the question: the model failed, an operator, a shutdown. */
    return a->hung_up && a->reason != REASON_NO_CONSENT ? outcome_of_cancel(a) : DIALER_CONSENT_TIMEOUT;
}

static enum dialer_outcome outcome_of(const struct attempt *a, enum carrier_outcome outcome)
{
    switch (outcome) {
    case CARRIER_OUTCOME_COMPLETED:
        if (!a->answered && a->talk_s <= 0 && a->hung_up) {
            return outcome_of_cancel(a);
        }
        return outcome_of_answer(a);
    case CARRIER_OUTCOME_BUSY:
        return DIALER_BUSY;
    case CARRIER_OUTCOME_NO_ANSWER:
        return DIALER_NO_ANSWER;
    case CARRIER_OUTCOME_CANCELED:
        return outcome_of_cancel(a);
    case CARRIER_OUTCOME_FAILED:
        return DIALER_FAILED;
    case CARRIER_OUTCOME_NONE:
    case CARRIER_OUTCOME_N:
        break;
    }
    return DIALER_UNKNOWN;
}

/* How our side of a call ends that the carrier has ended. */
static enum call_reason reason_of(const struct attempt *a)
{
    switch (a->outcome) {
    case DIALER_NO_ANSWER:
        return REASON_NO_ANSWER;
    case DIALER_BUSY:
        return REASON_BUSY;
    case DIALER_CANCELED:
        return REASON_CANCELED;
    case DIALER_FAILED:
    case DIALER_UNKNOWN:
        return REASON_NOT_DIALLED;
    case DIALER_CONSENT_DENIED:
    case DIALER_CONSENT_TIMEOUT:
        return REASON_NO_CONSENT;
    case DIALER_ANSWERED:
        return a->media ? REASON_CALLER_HANGUP : REASON_NO_MEDIA;
    case DIALER_VOICEMAIL:
    case DIALER_MACHINE:
    case DIALER_NONE:
    case DIALER_OUTCOME_N:
        break;
    }
    return REASON_CALLER_HANGUP;
}

static void end_call(struct attempt *a, enum call_reason reason, struct attempt_do *out)
{
    if (!a->call_over) {
        out->end_call = true;
        out->end_reason = reason;
    }
}

static void finish(struct attempt *a, enum dialer_outcome outcome, struct str cause, struct attempt_do *out)
{
    if (is_over(a)) {
        return;
    }
    a->outcome = outcome;
    if (outcome == DIALER_CONSENT_TIMEOUT && a->reply != QUESTION_TIMEOUT) {
        a->reply = QUESTION_TIMEOUT; /* hung up on the question */
        tell(a, out, DIALER_CONSENT);
    }
    if (a->cause[0] == '\0') {
        copy_cut(a->cause, sizeof(a->cause), cause);
    }
    move(a, ATTEMPT_ENDED, UINT64_MAX);
    end_call(a, a->reason != REASON_NONE ? a->reason : reason_of(a), out);
    tell(a, out, DIALER_ENDED);
}

static void hang_up(struct attempt *a, enum call_reason reason, uint64_t now_us, struct attempt_do *out)
{
    a->reason = a->reason == REASON_NONE ? reason : a->reason;
    a->hung_up = true;
    out->hangup = has_ref(a);
    end_call(a, reason, out);
    move(a, ATTEMPT_ENDING, now_us + LAST_WORD_US);
}

/* ---- asking ---- */

void attempt_ready(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    if (a->state == ATTEMPT_PREPARED) {
        out->send = true;
        a->asked_us = MAX(now_us, 1u);
        move(a, ATTEMPT_ASKED, now_us + REPLY_US);
    }
}

bool attempt_repeat(struct attempt *a, uint64_t now_us)
{
    bool may = a->state == ATTEMPT_ASKED;
    a->asked_us = may ? now_us : a->asked_us;
    return may;
}

void attempt_forbid(struct attempt *a, enum dialer_outcome outcome, const char *cause, struct attempt_do *out)
{
    if (a->state == ATTEMPT_PREPARED) {
        finish(a, outcome, str_from(cause), out);
    }
}

static void placed(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    a->may_have_rung = true;
    if (a->state == ATTEMPT_ASKED || a->state == ATTEMPT_UNCLEAR) {
        move(a, ATTEMPT_PLACED, MAX(rings_until(a), now_us) + LATE_US);
    }
    tell(a, out, DIALER_REQUESTED);
}

static void refused(struct attempt *a, const struct carrier_result *r, struct attempt_do *out)
{
    char cause[ATTEMPT_CAUSE_MAX + 1];
    int n = r->code     ? snprintf(cause, sizeof(cause), "%lld", (long long)r->code)
            : r->status ? snprintf(cause, sizeof(cause), "http-%d", r->status)
                        : snprintf(cause, sizeof(cause), "%s", err_name(r->err));
    finish(a, DIALER_FAILED, (struct str){cause, n > 0 ? MIN((size_t)n, sizeof(cause) - 1) : 0}, out);
}

void attempt_reply(struct attempt *a, const struct carrier_result *r, uint64_t now_us, struct attempt_do *out)
{
    if (is_over(a)) {
        return;
    }
    if (r->err >= 0) {
        bool late = !has_ref(a) && a->state == ATTEMPT_ENDING; /* we gave up before it had a name */
        learn_ref(a, &(struct carrier_call_ref){.call_id = r->id, .request_id = r->request_id});
        if (a->state != ATTEMPT_ENDING) {
            placed(a, now_us, out);
        }
        out->hangup |= late && a->hung_up;
    } else if (a->state == ATTEMPT_ASKED || (a->state == ATTEMPT_ENDING && !has_ref(a))) {
        /* A webhook has come before it: the carrier knows better than its answer. */
        if (r->err == -ECANCELED && !r->unclear) {
            finish(a, outcome_of_cancel(a), STR("forbidden"), out); /* turned away unread, and not sent again */
        } else if (!r->unclear) {
            refused(a, r, out);
        } else if (a->state == ATTEMPT_ASKED) {
            a->may_have_rung = true;
            move(a, ATTEMPT_UNCLEAR, now_us + 3 * SECOND);
        }
    }
}

/* ---- what is told ---- */

static void take_answerer(struct attempt *a, enum carrier_answerer who, struct attempt_do *out)
{
    bool pressed = a->reply == QUESTION_ACCEPTED || a->reply == QUESTION_DENIED;
    if (pressed && who != CARRIER_ANSWERER_NONE) {
        who = CARRIER_ANSWERER_HUMAN; /* whatever it sounds like: machines press no keys */
    }
    /* A person stays one; a machine's greeting may end. */
    bool newer = a->answerer == CARRIER_ANSWERER_NONE ||
                 (a->answerer == CARRIER_ANSWERER_MACHINE && who == CARRIER_ANSWERER_MACHINE_END);
    if (who == CARRIER_ANSWERER_NONE || !newer) {
        return;
    }
    a->answerer = who;
    tell(a, out, DIALER_ANSWERER);
    if (!is_machine(a) || a->call_over) {
        return;
    }
    if (a->machine == DIALER_MACHINE_HANGUP) {
        a->reason = REASON_MACHINE;
        end_call(a, REASON_MACHINE, out);
    } else if (a->machine == DIALER_MACHINE_VOICEMAIL) {
        out->leave_message = who == CARRIER_ANSWERER_MACHINE_END;
        out->await_beep = who == CARRIER_ANSWERER_MACHINE;
        out->recall = a->question.put && a->round > 0 && !a->media; /* it need not hear the question to its end */
    }
}

static void answered(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    a->answered = true;
    a->reply = a->question.put && a->reply == QUESTION_NONE ? QUESTION_ASKED : a->reply;
    tell(a, out, DIALER_PICKED_UP);
    if (a->state < ATTEMPT_UP) {
        move(a, ATTEMPT_UP, a->media ? UINT64_MAX : now_us + MEDIA_US);
    }
}

/* ---- the question ---- */

static enum attempt_word refuse(struct attempt *a, enum question_reply reply, uint64_t now_us, struct attempt_do *out)
{
    a->reply = reply;
    a->reason = REASON_NO_CONSENT;
    tell(a, out, DIALER_CONSENT);
    end_call(a, REASON_NO_CONSENT, out);
    move(a, ATTEMPT_ENDING, now_us + a->question.goodbye_us); /* the document ends the call */
    return ATTEMPT_GOODBYE;
}

static enum attempt_word talk(struct attempt *a, uint64_t now_us)
{
    if (!a->media) {
        a->deadline_us = now_us + MEDIA_US;
    }
    return ATTEMPT_TALK;
}

static enum attempt_word ask(struct attempt *a, uint64_t now_us)
{
    a->reply = QUESTION_ASKED;
    a->deadline_us = now_us + a->question.round_us;
    return ATTEMPT_ASK;
}

static enum attempt_word weigh(struct attempt *a, const struct dialer_caller *who, uint64_t now_us,
                               struct attempt_do *out)
{
    char key = who->key.n == 1 ? who->key.p[0] : '\0';
    a->question.put |= who->asks; /* its URL knows, whatever we have forgotten */
    if (!a->question.put || a->reply == QUESTION_ACCEPTED || is_dropped(a)) {
        return talk(a, now_us);
    }
    if (a->question.times == 0) {
        return refuse(a, QUESTION_TIMEOUT, now_us, out); /* asked before a restart, and nobody knows what */
    }
    if (a->round == 0) {
        a->round = MIN(who->round, a->question.times); /* before a restart it was put so often */
    }
    if (a->round > 0 && key == a->question.deny) {
        return refuse(a, QUESTION_DENIED, now_us, out);
    }
    if (a->round == 0 || who->round == a->round) { /* else this very request has come before: the same answer */
        if (a->round > 0 && key == a->question.accept) {
            a->reply = QUESTION_ACCEPTED;
            tell(a, out, DIALER_CONSENT);
            return talk(a, now_us);
        }
        if (a->round == a->question.times) {
            return refuse(a, QUESTION_TIMEOUT, now_us, out);
        }
        a->round++;
    }
    return ask(a, now_us);
}

enum attempt_word attempt_picked_up(struct attempt *a, const struct dialer_caller *who, uint64_t now_us,
                                    struct attempt_do *out)
{
    bool refused = a->reply == QUESTION_DENIED || a->reply == QUESTION_TIMEOUT;
    if (is_over(a) || !attempt_is(a, who->carrier_call_id)) {
        return ATTEMPT_HANGUP;
    }
    learn_ref(a, &(struct carrier_call_ref){.call_id = who->carrier_call_id});
    if (a->state == ATTEMPT_ENDING && refused) {
        return ATTEMPT_GOODBYE; /* our answer got lost */
    }
    if (a->state == ATTEMPT_ENDING) {
        a->answered = true; /* while we were taking it back */
        out->hangup = true;
        return ATTEMPT_HANGUP;
    }
    if (a->media) {
        return ATTEMPT_HANGUP; /* too late */
    }
    placed(a, now_us, out);
    answered(a, now_us, out);
    return weigh(a, who, now_us, out);
}

void attempt_media(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    if (is_over(a) || a->state == ATTEMPT_ENDING) {
        return;
    }
    a->media = true;
    placed(a, now_us, out);
    answered(a, now_us, out);
    a->deadline_us = UINT64_MAX;
}

static void on_stage(struct attempt *a, enum carrier_stage stage, uint64_t now_us, struct attempt_do *out)
{
    if (a->state == ATTEMPT_ENDING) {
        a->answered |= stage == CARRIER_STAGE_ANSWERED;
        return;
    }
    if (stage == CARRIER_STAGE_UNKNOWN) {
        return;
    }
    placed(a, now_us, out);
    if (stage == CARRIER_STAGE_RINGING && a->state < ATTEMPT_UP) {
        tell(a, out, DIALER_RINGING);
        if (a->state < ATTEMPT_RINGING) {
            move(a, ATTEMPT_RINGING, now_us + a->ring_us + LATE_US); /* a queue may have kept it until now */
        }
    } else if (stage == CARRIER_STAGE_ANSWERED) {
        answered(a, now_us, out);
    }
}

void attempt_progress(struct attempt *a, const struct carrier_progress *p, uint64_t now_us, struct attempt_do *out)
{
    if (is_over(a) || !attempt_is(a, p->ref.call_id)) {
        return;
    }
    bool nameless = !has_ref(a);
    learn_ref(a, &p->ref);
    if (a->state == ATTEMPT_PREPARED) {
        a->asked_us = MAX(now_us, 1u); /* started before a crash, and by all signs it was sent */
        move(a, ATTEMPT_ASKED, now_us + REPLY_US);
    }
    if (p->stage == CARRIER_STAGE_ENDED) {
        if (p->outcome == CARRIER_OUTCOME_COMPLETED && p->duration_s > 0) {
            a->answered = true; /* nobody told us, and yet somebody talked */
        }
        placed(a, now_us, out);
        take_answerer(a, p->answerer, out);
        a->talk_s = p->duration_s;
        out->leave_message = out->await_beep = false;
        finish(a, outcome_of(a, p->outcome), p->cause, out);
        return;
    }
    if (a->state == ATTEMPT_ENDING && nameless && a->hung_up) {
        out->hangup = true; /* now it can be named */
    }
    on_stage(a, p->stage, now_us, out);
    take_answerer(a, p->answerer, out);
}

/* ---- the carrier's list ---- */

static void look(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    out->find = !a->finding;
    a->finding = true;
    a->finds++;
    a->deadline_us = now_us + MIN(a->finds * 5, 30u) * SECOND;
}

/* It may have been asked for, and no webhook and no list has named it yet. */
static bool is_nameless(const struct attempt *a)
{
    return a->state == ATTEMPT_UNCLEAR || (a->state == ATTEMPT_ENDING && !has_ref(a));
}

static void found_nothing(struct attempt *a, bool certain, uint64_t now_us, struct attempt_do *out)
{
    bool proves = certain && now_us >= a->asked_us + CERTAIN_US && is_nameless(a);
    a->blanks += proves;
    if (proves && a->blanks >= 2) {
        bool ours = a->state == ATTEMPT_ENDING && a->reason != REASON_NO_MEDIA; /* somebody had taken it back */
        finish(a, ours ? outcome_of_cancel(a) : DIALER_FAILED, STR("not-placed"), out);
    } else if (proves) {
        a->deadline_us = now_us + LAST_WORD_US; /* once more, soon */
    }
}

void attempt_found(struct attempt *a, const struct carrier_call *call, bool certain, uint64_t now_us,
                   struct attempt_do *out)
{
    a->finding = false;
    if (is_over(a) || a->state == ATTEMPT_PREPARED) {
        return;
    }
    if (!call) {
        found_nothing(a, certain, now_us, out);
        return;
    }
    const struct carrier_progress p = {
        .ref = call->ref,
        .stage = call->stage,
        .outcome = call->outcome,
        .answerer = call->answerer,
        .duration_s = call->duration_s,
        .cause = call->cause,
    };
    bool waits = call->stage == CARRIER_STAGE_QUEUED && a->finds < QUEUE_MAX;
    bool overdue = a->state == ATTEMPT_PLACED || a->state == ATTEMPT_RINGING;
    attempt_progress(a, &p, now_us, out);
    if (overdue && !is_over(a) && a->state != ATTEMPT_UP && !waits) {
        hang_up(a, REASON_NO_ANSWER, now_us, out); /* it rings longer than it was told to */
    }
}

/* ---- our side ---- */

void attempt_message_left(struct attempt *a)
{
    a->message_left = true;
}

void attempt_call_over(struct attempt *a, enum call_reason reason, uint64_t now_us, struct attempt_do *out)
{
    if (a->call_over) {
        return;
    }
    a->call_over = true;
    a->message_left |= reason == REASON_VOICEMAIL;
    if (is_over(a) || a->state == ATTEMPT_ENDING) {
        return;
    }
    if (a->state == ATTEMPT_PREPARED) {
        a->reason = reason;
        finish(a, outcome_of_cancel(a), str_from(call_reason_name(reason)), out);
    } else if (a->media) {
        /* The leg has hung up, or was handed over: then it may go on for long. */
        bool goes_on = reason == REASON_TRANSFERRED;
        a->reason = a->reason == REASON_NONE ? reason : a->reason;
        move(a, ATTEMPT_ENDING, now_us + (goes_on ? HANDED_OVER_US : LAST_WORD_US));
    } else {
        hang_up(a, reason, now_us, out);
    }
}

/* ---- time ---- */

static void tick_unclear(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    if (now_us >= rings_until(a) + GIVE_UP_US && a->finds >= FIND_MAX) {
        finish(a, DIALER_UNKNOWN, STR("no-answer-from-carrier"), out);
    } else {
        look(a, now_us, out);
    }
}

/* One that waits in the carrier's queue is given more time than one that rings. */
static void tick_overdue(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    if (a->finds >= (a->state == ATTEMPT_PLACED ? QUEUE_MAX : FIND_MAX)) {
        hang_up(a, REASON_NO_ANSWER, now_us, out);
    } else {
        look(a, now_us, out);
    }
}

/* Nobody says how it ended: what we know ourselves counts. */
static void tick_ending(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    bool nameless = !has_ref(a) && !a->answered; /* then only a whole list can prove that it was never made */
    if (a->finds < (nameless ? FIND_MAX : 3)) {
        look(a, now_us, out);
    } else if (a->answered) {
        out->hangup |= a->reason == REASON_NO_CONSENT && !a->hung_up; /* its goodbye was to end it */
        finish(a, outcome_of_answer(a), STR("no-last-word"), out);
    } else if (has_ref(a)) {
        finish(a, outcome_of_cancel(a), STR("no-last-word"), out);
    } else {
        finish(a, DIALER_UNKNOWN, STR("no-answer-from-carrier"), out);
    }
}

void attempt_tick(struct attempt *a, uint64_t now_us, struct attempt_do *out)
{
    if (now_us < a->deadline_us) {
        return;
    }
    switch (a->state) {
    case ATTEMPT_PREPARED:
        finish(a, DIALER_FAILED, STR("not-ready"), out);
        break;
    case ATTEMPT_ASKED:
        a->may_have_rung = true;
        move(a, ATTEMPT_UNCLEAR, now_us);
        look(a, now_us, out);
        break;
    case ATTEMPT_UNCLEAR:
        tick_unclear(a, now_us, out);
        break;
    case ATTEMPT_PLACED:
    case ATTEMPT_RINGING:
        tick_overdue(a, now_us, out);
        break;
    case ATTEMPT_UP:
        hang_up(a, a->reply == QUESTION_ASKED ? REASON_NO_CONSENT : REASON_NO_MEDIA, now_us, out);
        break;
    case ATTEMPT_ENDING:
        tick_ending(a, now_us, out);
        break;
    case ATTEMPT_ENDED:
    case ATTEMPT_STATE_N:
        a->deadline_us = UINT64_MAX;
        break;
    }
}
