/* One attempt, as a value: what is told in which order, what is done about it, and that nothing is ever done twice. */
#include "test.h"

#include "base/err.h"
#include "dialer/attempt.h"

#define S UINT64_C(1000000)

static struct attempt a;
static struct attempt_do done;
static uint64_t now;
static uint32_t sends, hangups, ends;

static void note(void)
{
    sends += done.send;
    hangups += done.hangup;
    ends += (done.tell >> DIALER_ENDED) & 1;
}

static void born_of(const struct dialer_request *req)
{
    now = 1000 * S;
    sends = hangups = ends = 0;
    attempt_init(&a, req, now, now - 5 * S);
}

static void born(enum dialer_machine machine, bool settle)
{
    born_of(&(struct dialer_request){.ring_s = 30, .machine = machine, .settle_only = settle});
}

#define DO(call)                                                                                                       \
    do {                                                                                                               \
        done = (struct attempt_do){0};                                                                                 \
        call;                                                                                                          \
        note();                                                                                                        \
    } while (0)

static void ready(void)
{
    DO(attempt_ready(&a, now, &done));
}

static void replied(int err, const char *id, bool unclear)
{
    const struct carrier_result r = {.err = err, .status = err < 0 ? 500 : 201, .id = str_from(id), .unclear = unclear};
    DO(attempt_reply(&a, &r, now, &done));
}

static void told(enum carrier_stage stage, enum carrier_outcome outcome, int64_t duration_s)
{
    const struct carrier_progress p = {.ref = {.call_id = STR("CA1")},
                                       .stage = stage,
                                       .outcome = outcome,
                                       .duration_s = duration_s,
                                       .cause = outcome ? STR("200") : STR("")};
    DO(attempt_progress(&a, &p, now, &done));
}

static void who(enum carrier_answerer answerer)
{
    const struct carrier_progress p = {.ref = {.call_id = STR("CA1")}, .answerer = answerer, .duration_s = -1};
    DO(attempt_progress(&a, &p, now, &done));
}

static void tick(uint64_t seconds)
{
    now += seconds * S;
    DO(attempt_tick(&a, now, &done));
}

static enum attempt_word word;

static void asks_what(uint32_t round, const char *key)
{
    const struct dialer_caller caller = {STR("a"), STR("CA1"), a.question.put, round, str_from(key)};
    DO(word = attempt_picked_up(&a, &caller, now, &done));
}

static void media(void)
{
    DO(attempt_media(&a, now, &done));
}

static void over(enum call_reason reason)
{
    DO(attempt_call_over(&a, reason, now, &done));
}

static void assert_over(enum dialer_outcome outcome)
{
    assert_int_equal(a.state, ATTEMPT_ENDED);
    assert_string_equal(dialer_outcome_word(a.outcome), dialer_outcome_word(outcome));
    assert_int_equal(ends, 1);
    assert_true(sends <= 1);
}

TEST(the_usual_way)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    assert_true(done.send);
    replied(0, "CA1", false);
    assert_int_equal(done.tell, 1 << DIALER_REQUESTED);
    told(CARRIER_STAGE_QUEUED, CARRIER_OUTCOME_NONE, -1);
    assert_int_equal(done.tell, 0);
    told(CARRIER_STAGE_RINGING, CARRIER_OUTCOME_NONE, -1);
    assert_int_equal(done.tell, 1 << DIALER_RINGING);
    told(CARRIER_STAGE_ANSWERED, CARRIER_OUTCOME_NONE, -1);
    assert_int_equal(done.tell, 1 << DIALER_PICKED_UP);
    media();
    assert_int_equal(a.deadline_us, UINT64_MAX);
    over(REASON_AGENT_HANGUP);
    assert_int_equal(a.state, ATTEMPT_ENDING);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 49);
    assert_over(DIALER_ANSWERED);
    assert_int_equal(a.talk_s, 49);
    assert_string_equal(a.cause, "200");
    assert_int_equal(hangups, 0);
}

TEST(what_comes_twice_late_or_before_the_reply_changes_nothing)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    told(CARRIER_STAGE_ANSWERED, CARRIER_OUTCOME_NONE, -1); /* before the reply, and before ringing */
    assert_int_equal(done.tell, 1 << DIALER_REQUESTED | 1 << DIALER_PICKED_UP);
    told(CARRIER_STAGE_RINGING, CARRIER_OUTCOME_NONE, -1);
    told(CARRIER_STAGE_ANSWERED, CARRIER_OUTCOME_NONE, -1);
    assert_int_equal(done.tell, 0);
    assert_int_equal(a.state, ATTEMPT_UP);
    replied(-ERR_HTTP, "", true); /* the service broke down over its answer */
    assert_int_equal(a.state, ATTEMPT_UP);
    replied(-ERR_HTTP, "", false);
    assert_int_equal(a.state, ATTEMPT_UP);
    ready();
    assert_int_equal(sends, 1);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 3);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 3);
    assert_over(DIALER_ANSWERED);
}

TEST(every_final_word_has_its_outcome)
{
    static const struct {
        enum carrier_outcome told;
        enum dialer_outcome want;
        enum call_reason reason;
    } cases[] = {
        {CARRIER_OUTCOME_BUSY, DIALER_BUSY, REASON_BUSY},
        {CARRIER_OUTCOME_NO_ANSWER, DIALER_NO_ANSWER, REASON_NO_ANSWER},
        {CARRIER_OUTCOME_FAILED, DIALER_FAILED, REASON_NOT_DIALLED},
        {CARRIER_OUTCOME_CANCELED, DIALER_CANCELED, REASON_CANCELED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        born(DIALER_MACHINE_TALK, false);
        ready();
        replied(0, "CA1", false);
        told(CARRIER_STAGE_ENDED, cases[i].told, 0);
        assert_over(cases[i].want);
        assert_true(done.end_call);
        assert_int_equal(done.end_reason, cases[i].reason);
    }
}

TEST(a_refusal_is_certain_and_rang_nowhere)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ERR_HTTP, "", false);
    assert_over(DIALER_FAILED);
    assert_false(a.may_have_rung);
    assert_string_equal(a.cause, "http-500");
}

TEST(an_unclear_answer_is_settled_by_a_webhook)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ETIMEDOUT, "", true);
    assert_int_equal(a.state, ATTEMPT_UNCLEAR);
    told(CARRIER_STAGE_RINGING, CARRIER_OUTCOME_NONE, -1);
    assert_int_equal(a.state, ATTEMPT_RINGING);
    assert_true(a.may_have_rung);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_NO_ANSWER, 0);
    assert_over(DIALER_NO_ANSWER);
}

TEST(an_unclear_answer_is_settled_by_the_carriers_list)
{
    const struct carrier_call ringing = {
        .ref = {.call_id = STR("CA1")}, .stage = CARRIER_STAGE_RINGING, .duration_s = -1};
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ETIMEDOUT, "", true);
    tick(3);
    assert_true(done.find);
    tick(60);
    assert_false(done.find); /* one at a time */
    DO(attempt_found(&a, &ringing, true, now, &done));
    assert_int_equal(a.state, ATTEMPT_RINGING);
    assert_string_equal(a.call_id, "CA1");
}

TEST(a_call_that_is_not_in_a_whole_list_was_not_made_but_not_too_soon)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ETIMEDOUT, "", true);
    for (int i = 0; i < 3; i++) {
        tick(3);
        DO(attempt_found(&a, NULL, true, now, &done)); /* the list may lag behind */
        assert_int_equal(a.state, ATTEMPT_UNCLEAR);
    }
    now += 30 * S;
    DO(attempt_found(&a, NULL, false, now, &done)); /* half a list proves nothing */
    DO(attempt_found(&a, NULL, true, now, &done));
    assert_int_equal(a.state, ATTEMPT_UNCLEAR);
    DO(attempt_found(&a, NULL, true, now, &done));
    assert_over(DIALER_FAILED);
    assert_string_equal(a.cause, "not-placed");
}

/* Its age counts from when it left last: the list knows a call that is young no better for one that was turned away. */
TEST(a_request_that_was_repeated_is_as_young_as_its_last_time)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    now += 10 * S;
    assert_true(attempt_repeat(&a, now));
    replied(-ETIMEDOUT, "", true);
    for (int i = 0; i < 2; i++) { /* over 30 s since the first time, not since the second */
        now += (i == 0 ? 24 : 3) * S;
        DO(attempt_found(&a, NULL, true, now, &done));
        assert_int_equal(a.state, ATTEMPT_UNCLEAR);
    }
    assert_false(attempt_repeat(&a, now));
    now += 10 * S;
    DO(attempt_found(&a, NULL, true, now, &done));
    DO(attempt_found(&a, NULL, true, now, &done));
    assert_over(DIALER_FAILED);
    assert_string_equal(a.cause, "not-placed");
}

/* Our side does not wait so long: its call is over before the list proves anything. It proves it all the same. */
TEST(a_request_of_which_only_the_list_can_tell_is_looked_for_to_the_end)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ETIMEDOUT, "", true);
    over(REASON_NO_MEDIA);
    assert_int_equal(a.state, ATTEMPT_ENDING);
    for (int i = 0; i < 20 && a.state == ATTEMPT_ENDING; i++) {
        tick(6);
        if (done.find) {
            DO(attempt_found(&a, NULL, true, now, &done));
        }
    }
    assert_over(DIALER_FAILED);
    assert_string_equal(a.cause, "not-placed");
    assert_true(now < 1060 * S);
}

TEST(what_nobody_tells_is_unknown)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(-ETIMEDOUT, "", true);
    for (int i = 0; i < 40 && a.state == ATTEMPT_UNCLEAR; i++) {
        tick(31);
        if (done.find) {
            DO(attempt_found(&a, NULL, false, now, &done));
        }
    }
    assert_over(DIALER_UNKNOWN);
    assert_int_equal(sends, 1);
}

TEST(an_attempt_of_an_earlier_process_is_only_found_out)
{
    const struct carrier_call busy = {.ref = {.call_id = STR("CA1")},
                                      .stage = CARRIER_STAGE_ENDED,
                                      .outcome = CARRIER_OUTCOME_BUSY,
                                      .duration_s = 0,
                                      .cause = STR("busy")};
    born(DIALER_MACHINE_TALK, true);
    ready();
    assert_int_equal(sends, 0);
    tick(0);
    assert_true(done.find);
    DO(attempt_found(&a, &busy, true, now, &done));
    assert_over(DIALER_BUSY);
    assert_int_equal(sends, 0);
}

TEST(the_last_moment_forbids)
{
    born(DIALER_MACHINE_TALK, false);
    DO(attempt_forbid(&a, DIALER_CANCELED, "forbidden", &done));
    assert_over(DIALER_CANCELED);
    ready();
    assert_int_equal(sends, 0);
}

TEST(a_model_that_fails_takes_the_call_back)
{
    born(DIALER_MACHINE_TALK, false);
    over(REASON_MODEL_UNREACHABLE);
    assert_over(DIALER_FAILED);
    assert_int_equal(sends, 0);
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(0, "CA1", false);
    over(REASON_MODEL_UNREACHABLE);
    assert_int_equal(hangups, 1);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_CANCELED, 0);
    assert_over(DIALER_FAILED);
}

TEST(a_call_that_is_taken_back_before_it_has_a_name_is_ended_when_it_gets_one)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    over(REASON_API_HANGUP);
    assert_int_equal(hangups, 0);
    replied(0, "CA1", false);
    assert_int_equal(hangups, 1);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_CANCELED, 0);
    assert_over(DIALER_CANCELED);
}

TEST(ringing_without_end_is_ended)
{
    const struct carrier_call ringing = {
        .ref = {.call_id = STR("CA1")}, .stage = CARRIER_STAGE_RINGING, .duration_s = -1};
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(0, "CA1", false);
    told(CARRIER_STAGE_RINGING, CARRIER_OUTCOME_NONE, -1);
    tick(51);
    assert_true(done.find);
    DO(attempt_found(&a, &ringing, true, now, &done));
    assert_true(done.hangup);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_CANCELED, 0);
    assert_over(DIALER_NO_ANSWER);
}

TEST(without_a_last_word_what_we_know_counts)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    replied(0, "CA1", false);
    media();
    over(REASON_CALLER_HANGUP);
    for (int i = 0; i < 10 && a.state == ATTEMPT_ENDING; i++) {
        tick(31);
        if (done.find) {
            DO(attempt_found(&a, NULL, false, now, &done));
        }
    }
    assert_over(DIALER_ANSWERED);
    assert_int_equal(a.talk_s, -1);
    assert_string_equal(a.cause, "no-last-word");
}

TEST(an_answer_without_media_is_hung_up)
{
    born(DIALER_MACHINE_TALK, false);
    ready();
    asks_what(0, "");
    assert_int_equal(word, ATTEMPT_TALK);
    tick(16);
    assert_true(done.hangup && done.end_call);
    assert_int_equal(done.end_reason, REASON_NO_MEDIA);
}

TEST(machines_are_treated_as_wished)
{
    born(DIALER_MACHINE_HANGUP, false);
    ready();
    replied(0, "CA1", false);
    media();
    who(CARRIER_ANSWERER_UNSURE);
    assert_false(done.end_call); /* nobody is hung up on for a guess */
    who(CARRIER_ANSWERER_MACHINE);
    assert_false(done.end_call); /* nor called a machine later */
    born(DIALER_MACHINE_HANGUP, false);
    ready();
    media();
    who(CARRIER_ANSWERER_MACHINE);
    assert_true(done.end_call);
    over(REASON_MACHINE);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 4);
    assert_over(DIALER_MACHINE);
    born(DIALER_MACHINE_VOICEMAIL, false);
    ready();
    media();
    who(CARRIER_ANSWERER_MACHINE);
    assert_true(done.await_beep);
    who(CARRIER_ANSWERER_MACHINE_END);
    assert_true(done.leave_message);
    over(REASON_VOICEMAIL);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 9);
    assert_over(DIALER_VOICEMAIL);
}

TEST(a_message_was_left_although_the_carrier_is_sooner_than_our_files)
{
    born(DIALER_MACHINE_VOICEMAIL, false);
    ready();
    media();
    who(CARRIER_ANSWERER_MACHINE_END);
    attempt_message_left(&a);
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, 9);
    over(REASON_VOICEMAIL);
    assert_over(DIALER_VOICEMAIL);
}

/* ---- the question ---- */

static const struct question question = {
    .prompt = STR("Press 1 to talk to us."), .wait_s = 5, .times = 2, .accept = '1', .deny = '2'};

/* Answered, and asked for the first time. */
static void asked(enum dialer_machine machine)
{
    born_of(&(struct dialer_request){.ring_s = 30, .machine = machine, .question = question});
    ready();
    replied(0, "CA1", false);
    asks_what(0, "");
    assert_int_equal(word, ATTEMPT_ASK);
    assert_int_equal(a.round, 1);
    assert_int_equal(a.reply, QUESTION_ASKED);
}

static void ended(int64_t duration_s)
{
    told(CARRIER_STAGE_ENDED, CARRIER_OUTCOME_COMPLETED, duration_s);
}

TEST(who_accepts_is_connected_and_whoever_asks_twice_gets_the_same_answer)
{
    asked(DIALER_MACHINE_TALK);
    asks_what(0, ""); /* our answer got lost */
    assert_int_equal(word, ATTEMPT_ASK);
    assert_int_equal(a.round, 1);
    tick(20); /* it is still being said: nobody hangs up */
    assert_int_equal(a.state, ATTEMPT_UP);
    asks_what(1, "1");
    assert_int_equal(word, ATTEMPT_TALK);
    assert_int_equal(done.tell, 1 << DIALER_CONSENT);
    asks_what(1, "1");
    assert_int_equal(word, ATTEMPT_TALK);
    assert_int_equal(done.tell, 0);
    media();
    asks_what(1, "1");
    assert_int_equal(word, ATTEMPT_HANGUP); /* too late, as ever */
    over(REASON_CALLER_HANGUP);
    ended(30);
    assert_over(DIALER_ANSWERED);
    assert_int_equal(a.reply, QUESTION_ACCEPTED);
}

TEST(who_declines_or_says_nothing_is_not_connected)
{
    asked(DIALER_MACHINE_TALK);
    asks_what(1, "2");
    assert_int_equal(word, ATTEMPT_GOODBYE);
    assert_true(done.end_call);
    assert_int_equal(done.end_reason, REASON_NO_CONSENT);
    asks_what(1, "2");
    assert_int_equal(word, ATTEMPT_GOODBYE); /* the same answer */
    assert_false(done.end_call);
    asks_what(1, "1"); /* too late to change one's mind */
    assert_int_equal(word, ATTEMPT_GOODBYE);
    ended(8);
    assert_over(DIALER_CONSENT_DENIED);
    assert_int_equal(hangups, 0); /* the document ends it */

    asked(DIALER_MACHINE_TALK);
    asks_what(1, "7"); /* means nothing */
    assert_int_equal(word, ATTEMPT_ASK);
    assert_int_equal(a.round, 2);
    asks_what(1, "7"); /* twice: not another round */
    assert_int_equal(word, ATTEMPT_ASK);
    assert_int_equal(a.round, 2);
    asks_what(2, "");
    assert_int_equal(word, ATTEMPT_GOODBYE);
    ended(20);
    assert_over(DIALER_CONSENT_TIMEOUT);
    assert_int_equal(a.reply, QUESTION_TIMEOUT);
}

TEST(who_hangs_up_on_the_question_did_not_accept)
{
    asked(DIALER_MACHINE_TALK);
    ended(3);
    assert_over(DIALER_CONSENT_TIMEOUT);
    assert_true(done.tell & 1 << DIALER_CONSENT);
    assert_int_equal(done.end_reason, REASON_NO_CONSENT);
}

TEST(a_question_that_nobody_comes_back_from_is_ended)
{
    asked(DIALER_MACHINE_TALK);
    tick(60);
    assert_true(done.hangup && done.end_call);
    assert_int_equal(done.end_reason, REASON_NO_CONSENT);
    for (int i = 0; i < 10 && a.state != ATTEMPT_ENDED; i++) {
        tick(31);
        if (done.find) {
            DO(attempt_found(&a, NULL, false, now, &done));
        }
    }
    assert_over(DIALER_CONSENT_TIMEOUT);
    /* A goodbye that did not end the call is helped along. */
    asked(DIALER_MACHINE_TALK);
    asks_what(1, "2");
    for (int i = 0; i < 10 && a.state != ATTEMPT_ENDED; i++) {
        tick(31);
        if (done.find) {
            DO(attempt_found(&a, NULL, false, now, &done));
        }
    }
    assert_over(DIALER_CONSENT_DENIED);
    assert_int_equal(hangups, 1);
}

TEST(a_machine_is_not_asked)
{
    asked(DIALER_MACHINE_VOICEMAIL);
    who(CARRIER_ANSWERER_MACHINE_END);
    assert_true(done.recall && done.leave_message);
    asks_what(0, ""); /* the carrier comes back for another document */
    assert_int_equal(word, ATTEMPT_TALK);
    media();
    over(REASON_VOICEMAIL);
    ended(20);
    assert_over(DIALER_VOICEMAIL);

    asked(DIALER_MACHINE_HANGUP);
    who(CARRIER_ANSWERER_MACHINE);
    assert_true(done.end_call);
    assert_false(done.recall && done.leave_message);
    over(REASON_MACHINE);
    assert_true(done.hangup);
    ended(4);
    assert_over(DIALER_MACHINE);

    asked(DIALER_MACHINE_VOICEMAIL); /* machines press no keys */
    asks_what(1, "1");
    who(CARRIER_ANSWERER_MACHINE);
    assert_int_equal(a.answerer, CARRIER_ANSWERER_HUMAN);
    assert_false(done.await_beep || done.recall);
}

TEST(what_an_earlier_process_asked_is_not_asked_in_vain)
{
    struct dialer_request req = {.ring_s = 30, .settle_only = true, .question = question, .reply = QUESTION_ASKED};
    born_of(&req);
    asks_what(1, "1");
    assert_int_equal(word, ATTEMPT_TALK);
    assert_int_equal(a.reply, QUESTION_ACCEPTED);

    req.reply = QUESTION_ACCEPTED; /* and it was connected then */
    born_of(&req);
    ended(40);
    assert_over(DIALER_ANSWERED);

    req.reply = QUESTION_ASKED;
    born_of(&req);
    ended(9);
    assert_over(DIALER_CONSENT_TIMEOUT);

    req = (struct dialer_request){.ring_s = 30, .settle_only = true}; /* nothing is known of it but its URL */
    born_of(&req);
    const struct dialer_caller caller = {STR("a"), STR("CA1"), true, 1, STR("1")};
    DO(word = attempt_picked_up(&a, &caller, now, &done));
    assert_int_equal(word, ATTEMPT_GOODBYE);
    ended(9);
    assert_over(DIALER_CONSENT_TIMEOUT);
}

TEST(a_model_that_fails_during_the_question_is_no_answer_to_it)
{
    asked(DIALER_MACHINE_TALK);
    over(REASON_MODEL_CLOSED);
    assert_true(done.hangup);
    ended(5);
    assert_over(DIALER_FAILED);
}

TEST(another_call_gets_nothing)
{
    asked(DIALER_MACHINE_TALK);
    const struct dialer_caller caller = {STR("a"), STR("CA2"), true, 1, STR("1")};
    DO(word = attempt_picked_up(&a, &caller, now, &done));
    assert_int_equal(word, ATTEMPT_HANGUP);
    assert_int_equal(a.reply, QUESTION_ASKED);
}

/* Whatever comes in whatever order: one request at most, one end, and after it silence. */
TEST(random_lives_keep_the_promise)
{
    uint32_t seed = 1;
    for (int life = 0; life < 20000; life++) {
        const struct question q = {.prompt = STR("Press 1."), .wait_s = 5, .times = 2, .accept = '1', .deny = '2'};
        born_of(&(struct dialer_request){.ring_s = 30,
                                         .machine = (enum dialer_machine)(life % DIALER_MACHINE_N),
                                         .settle_only = life % 7 == 0,
                                         .question = life % 3 ? (struct question){.prompt = STR("")} : q});
        for (int step = 0; step < 40; step++) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t r = seed >> 16;
            const struct carrier_call call = {.ref = {.call_id = STR("CA1")},
                                              .stage = (enum carrier_stage)(r % CARRIER_STAGE_N),
                                              .outcome = CARRIER_OUTCOME_BUSY,
                                              .duration_s = -1};
            switch (r % 11) {
            case 0:
                ready();
                break;
            case 1:
                replied(r & 256 ? 0 : -ERR_HTTP, "CA1", (r & 512) != 0);
                break;
            case 2:
                told((enum carrier_stage)(r / 16 % CARRIER_STAGE_ENDED), CARRIER_OUTCOME_NONE, -1);
                break;
            case 3:
                who((enum carrier_answerer)(r / 16 % CARRIER_ANSWERER_N));
                break;
            case 4:
                media();
                break;
            case 5:
                over((enum call_reason)(1 + r / 16 % (CALL_REASON_N - 1)));
                break;
            case 6:
                attempt_message_left(&a);
                break;
            case 7:
                DO(attempt_found(&a, r & 256 ? &call : NULL, (r & 512) != 0, now, &done));
                break;
            case 8:
                asks_what(r / 16 % 4, r & 2048 ? "1" : r & 4096 ? "2" : "");
                assert_true(word != ATTEMPT_TALK || !a.question.put || a.reply == QUESTION_ACCEPTED || a.machine);
                break;
            default:
                tick(r % 40);
                break;
            }
            assert_true(sends <= 1);
            assert_true(ends <= 1);
            assert_int_equal(ends, a.state == ATTEMPT_ENDED);
        }
        for (int i = 0; i < 400 && a.state != ATTEMPT_ENDED; i++) { /* time alone ends every life */
            now = MAX(now, a.deadline_us == UINT64_MAX ? now : a.deadline_us);
            if (a.deadline_us == UINT64_MAX) {
                over(REASON_CALLER_HANGUP);
            } else {
                tick(0);
                if (done.find) {
                    DO(attempt_found(&a, NULL, false, now, &done));
                }
            }
        }
        assert_int_equal(a.state, ATTEMPT_ENDED);
        assert_int_equal(ends, 1);
        assert_int_not_equal(a.outcome, DIALER_NONE);
    }
}

TEST_MAIN(T(the_usual_way), T(what_comes_twice_late_or_before_the_reply_changes_nothing),
          T(every_final_word_has_its_outcome), T(a_refusal_is_certain_and_rang_nowhere),
          T(an_unclear_answer_is_settled_by_a_webhook), T(an_unclear_answer_is_settled_by_the_carriers_list),
          T(a_call_that_is_not_in_a_whole_list_was_not_made_but_not_too_soon),
          T(a_request_that_was_repeated_is_as_young_as_its_last_time),
          T(a_request_of_which_only_the_list_can_tell_is_looked_for_to_the_end), T(what_nobody_tells_is_unknown),
          T(an_attempt_of_an_earlier_process_is_only_found_out), T(the_last_moment_forbids),
          T(a_model_that_fails_takes_the_call_back),
          T(a_call_that_is_taken_back_before_it_has_a_name_is_ended_when_it_gets_one), T(ringing_without_end_is_ended),
          T(without_a_last_word_what_we_know_counts), T(an_answer_without_media_is_hung_up),
          T(machines_are_treated_as_wished), T(a_message_was_left_although_the_carrier_is_sooner_than_our_files),
          T(who_accepts_is_connected_and_whoever_asks_twice_gets_the_same_answer),
          T(who_declines_or_says_nothing_is_not_connected), T(who_hangs_up_on_the_question_did_not_accept),
          T(a_question_that_nobody_comes_back_from_is_ended), T(a_machine_is_not_asked),
          T(what_an_earlier_process_asked_is_not_asked_in_vain),
          T(a_model_that_fails_during_the_question_is_no_answer_to_it), T(another_call_gets_nothing),
          T(random_lives_keep_the_promise))
