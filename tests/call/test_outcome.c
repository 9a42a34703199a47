#include "test.h"

#include "call/action.h"
#include "call/carrier.h"

TEST(hangup_causes_become_outcomes)
{
    static const struct {
        const char *cause;
        int64_t duration_s;
        const char *want;
    } cases[] = {
        {"NO_ANSWER", 0, "no_answer"},
        {"ORIGINATOR_CANCEL", 0, "no_answer"},
        {"USER_BUSY", 0, "busy"},
        {"CALL_REJECTED", 0, "busy"},
        {"UNALLOCATED_NUMBER", 0, "failed"},
        {"INVALID_NUMBER_FORMAT", 0, "failed"},
        {"NO_ROUTE_DESTINATION", 0, "failed"},
        {"NETWORK_OUT_OF_ORDER", 0, "failed"},
        {"SERVICE_UNAVAILABLE", 0, "failed"},
        {"RECOVERY_ON_TIMER_EXPIRE", 0, "failed"},
        {"BEARERCAPABILITY_NOTAVAIL", 0, "failed"},
        {"USER_BUSY", 7, "busy"}, /* the cause comes before the duration */
        {"NORMAL_CLEARING", 0, "completed"},
        {"NORMAL_CLEARING", 30, "completed"},
        {"", 0, "completed"},
        {"", -1, "completed"},
        {"WHATEVER_IT_IS", 1, "completed"},
        {"WHATEVER_IT_IS", 0, "failed"},
        {"WHATEVER_IT_IS", -1, "failed"},
        {"user_busy", 0, "failed"}, /* switches shout */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum carrier_outcome got = carrier_outcome_of_cause(str_from(cases[i].cause), cases[i].duration_s);
        assert_string_equal(carrier_outcome_word(got), cases[i].want);
    }
}

TEST(every_value_has_a_word)
{
    for (int i = 0; i < CARRIER_STAGE_N; i++) {
        assert_string_not_equal(carrier_stage_word((enum carrier_stage)i), "?");
    }
    for (int i = 0; i < CARRIER_OUTCOME_N; i++) {
        assert_string_not_equal(carrier_outcome_word((enum carrier_outcome)i), "?");
    }
    for (int i = 0; i < CARRIER_ANSWERER_N; i++) {
        assert_string_not_equal(carrier_answerer_word((enum carrier_answerer)i), "?");
    }
    assert_string_equal(carrier_stage_word((enum carrier_stage)99), "?");
}

TEST(verdicts_become_words_and_words_verdicts)
{
    char words[CALL_VERDICTS_MAX];
    uint32_t all = ((1u << VERDICT_N) - 1) & ~(1u << VERDICT_NONE);
    assert_int_equal(call_verdicts_find(call_verdicts_words(all, words)), all);
    assert_int_equal(call_verdicts_words(0, words).n, 0);
    assert_str_is(call_verdicts_words(1u << VERDICT_ECHO | 1u << VERDICT_SHORT, words), "short echo");
    assert_int_equal(call_verdicts_find(STR("")), 0);
    assert_int_equal(call_verdicts_find(STR("  echo whatever  short ")), 1u << VERDICT_ECHO | 1u << VERDICT_SHORT);
    assert_int_equal(call_verdict_find(STR("timeout")), VERDICT_TIMEOUT);
    assert_int_equal(call_verdict_find(STR("Timeout")), VERDICT_NONE);
}

TEST_MAIN(T(hangup_causes_become_outcomes), T(every_value_has_a_word), T(verdicts_become_words_and_words_verdicts))
