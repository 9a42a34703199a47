/*
 * Hold-back: nothing is heard before its words were found harmless. The simulation knows what the caller heard; byte
 * values tell the item.
 */
#include "guard_stage.h"

/* ---- hold-back ---- */

#define MS_PER_WORD 400

/* The words of a text one by one; each is said for so long. */
static size_t word_end(const char *text, size_t at)
{
    while (text[at] == ' ') {
        at++;
    }
    while (text[at] && text[at] != ' ') {
        at++;
    }
    return at;
}

/*
 * Speaks a text at a multiple of real time: each word's audio, and its transcript so much later (or earlier). Returns
 * ms of the item before the word that begins at letter upto.
 */
static uint32_t speak(const char *response, uint8_t item, const char *text, int32_t late_ms, uint32_t speed)
{
    struct {
        uint64_t at_us;
        char text[40];
    } words[64];
    uint32_t n = 0;
    uint64_t start = s.now_us;
    for (size_t at = 0; text[at];) {
        size_t end = word_end(text, at);
        assert_true(end - at < sizeof(words[n].text) && n < ARRAY_LEN(words));
        memcpy(words[n].text, text + at, end - at);
        words[n].text[end - at] = '\0';
        words[n].at_us = start + (uint64_t)n * MS_PER_WORD * 1000 / speed;
        words[n].at_us += late_ms > 0 ? (uint64_t)late_ms * 1000 : 0;
        at = end;
        n++;
    }
    for (uint32_t sound = 0, told = 0; told < n || sound < n;) {
        uint64_t sound_us = sound < n ? start + (uint64_t)sound * MS_PER_WORD * 1000 / speed : UINT64_MAX;
        if (told < n && words[told].at_us <= sound_us) {
            sim_run(&s, words[told].at_us);
            sim_text(&s, response, item, words[told++].text);
        } else {
            sim_run(&s, sound_us);
            sim_audio(&s, response, item, MS_PER_WORD);
            sound++;
        }
        if (s.trips) {
            return n;
        }
    }
    return n;
}

static const char long_text[] =
    "Of course I can help you with that and it will not take long at all but the secret code "
    "of the safe is something else again";
#define BEFORE_PHRASE (18 * MS_PER_WORD) /* eighteen words */

static void hold(void)
{
    init();
    s.opts.guards.n_list = 1;
    s.opts.guards.everywhere = LOCAL;
    s.opts.guards.hold_back = true;
    s.opts.guards.hold_max_ms = 20000;
}

static uint32_t count_words_before(const char *text, const char *phrase)
{
    const char *at = strstr(text, phrase);
    uint32_t n = 0;
    for (size_t i = 0; text + i < at;) {
        i = word_end(text, i);
        n += text + i < at;
    }
    return n;
}

/* Whatever the transcript's lag and the speed of the audio: not a sample of the phrase is heard. */
TEST(held_back_no_part_of_an_objectionable_phrase_is_heard)
{
    assert_int_equal(count_words_before(long_text, "secret") * MS_PER_WORD, BEFORE_PHRASE);
    static const int32_t lags[] = {-1, 0, 200, 500, 2000};
    static const uint32_t speeds[] = {1, 4, 50};
    for (size_t l = 0; l < ARRAY_LEN(lags); l++) {
        for (size_t v = 0; v < ARRAY_LEN(speeds); v++) {
            hold();
            up();
            caller_turn(500, "r1");
            speak("r1", 1, long_text, lags[l], speeds[v]);
            later(3000);
            assert_int_equal(s.trips, 1);
            assert_true(sim_heard(&s, 1) <= BEFORE_PHRASE * 8);
            assert_int_equal(s.leaked_words, 0);
            down();
        }
    }
}

TEST(held_back_harmless_speech_is_heard_to_its_last_sample)
{
    static const int32_t lags[] = {0, 500};
    static const uint32_t speeds[] = {1, 4, 50};
    static const char text[] = "Every word of this sentence may be heard by anybody who cares to listen to the agent";
    for (size_t l = 0; l < ARRAY_LEN(lags); l++) {
        for (size_t v = 0; v < ARRAY_LEN(speeds); v++) {
            hold();
            up();
            caller_turn(500, "r1");
            uint32_t n = speak("r1", 1, text, lags[l], speeds[v]);
            sim_audio_done(&s, "r1", 1, text);
            sim_response_done(&s, "r1", RESPONSE_COMPLETED);
            later(n * MS_PER_WORD + 2000);
            assert_int_equal(sim_heard(&s, 1), n * MS_PER_WORD * 8);
            assert_int_equal(s.trips, 0);
            assert_int_equal(view().playout, PLAYOUT_EMPTY);
            assert_not_logged("note=guardrail-expired");
            assert_not_logged("note=underrun");
            down();
        }
    }
}

TEST(held_back_speech_begins_before_its_text_is_complete)
{
    hold();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 6000);
    sim_text(&s, "r1", 1, "Every word of this sentence may be heard by anybody who cares");
    later(3000);
    assert_true(sim_heard(&s, 1) > 1500 * 8);
    assert_true(sim_heard(&s, 1) < 2700 * 8);
    down();
}

TEST(held_back_the_beginning_of_a_phrase_waits_for_its_end)
{
    hold();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 20000);
    sim_text(&s, "r1", 1, "Well now, here it is after all that waiting, the very secret");
    later(8000);
    uint32_t heard = sim_heard(&s, 1);
    sim_text(&s, "r1", 1, " cup of tea that I have been longing for since early in the morning today");
    later(8000);
    assert_true(sim_heard(&s, 1) > heard + 2000 * 8);
    assert_int_equal(s.trips, 0);
    sim_text(&s, "r1", 1, " and the secret code");
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.leaked_words, 0);
    down();
}

TEST(held_back_rules_see_every_piece_with_some_context)
{
    hold();
    up();
    caller_turn(500, "r1");
    for (int i = 0; i < 40; i++) {
        sim_text(&s, "r1", 1, " word");
    }
    assert_int_equal(s.checks, 40);
    assert_true(s.last_check.offset > 0);
    assert_true(strlen(s.last_check.text) >= 64 && strlen(s.last_check.text) <= 140);
    assert_string_equal(s.last_check.text + strlen(s.last_check.text) - 5, " word");
    down();
}

TEST(audio_without_text_waits_until_it_expires_and_is_then_released)
{
    hold();
    s.opts.guards.hold_max_ms = 1500;
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    later(1400);
    assert_int_equal(sim_heard(&s, 1), 0);
    later(3400);
    assert_logged("note=guardrail-expired value=1500 text=\"release\"");
    assert_int_equal(sim_heard(&s, 1), 3000 * 8);
    down();
}

TEST(audio_without_text_may_be_given_up_instead)
{
    hold();
    s.opts.guards.hold_max_ms = 1500;
    s.opts.guards.expiry = GUARD_MUTE;
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    later(2000);
    assert_logged("note=guardrail-expired value=1500 text=\"mute\"");
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.truncates, 1);
    assert_int_equal(s.truncated_ms, 0);
    sim_audio(&s, "r1", 1, 3000);
    later(2000);
    assert_int_equal(sim_heard(&s, 1), 0);
    down();
}

TEST(one_that_takes_its_time_may_hold_audio_too)
{
    init();
    s.opts.guards.hold_back = true;
    s.opts.guards.hold_max_ms = 20000;
    s.opts.guards.list[1].holds = true;
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 5000);
    sim_text(&s, "r1", 1, "Every word of this sentence");
    assert_int_equal(s.n_open, 1);
    sim_text(&s, "r1", 1, " may be heard by anybody");
    assert_int_equal(s.n_open, 1); /* one question at a time */
    later(3000);
    assert_int_equal(sim_heard(&s, 1), 0);
    sim_guard(&s, s.open[0].check, REMOTE, 0, 0);
    assert_int_equal(s.n_open, 2); /* about what came meanwhile */
    later(3000);
    uint32_t heard = sim_heard(&s, 1);
    assert_true(heard > 400 * 8 && heard < 1600 * 8);
    sim_guard(&s, s.open[1].check, REMOTE, REMOTE, 0);
    later(1000);
    assert_int_equal(s.trips, 1);
    assert_int_equal(sim_heard(&s, 1), heard);
    down();
}

TEST(the_pace_of_the_voice_is_learned)
{
    static const char text[] = "These are a good many words that are spoken slowly and with care for everybody here";
    hold();
    up();
    caller_turn(500, "r1");
    uint32_t n = speak("r1", 1, text, 0, 50);
    sim_audio_done(&s, "r1", 1, text);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(n * MS_PER_WORD + 2000);
    caller_turn(500, "r2");
    sim_audio(&s, "r2", 2, 8000);
    sim_text(&s, "r2", 2, text); /* 84 letters, 6400 ms; nothing was learned: 3380 ms */
    later(8000);
    assert_true(sim_heard(&s, 2) > 4900 * 8);
    assert_true(sim_heard(&s, 2) < 6000 * 8);
    down();
}

TEST_MAIN(T(held_back_no_part_of_an_objectionable_phrase_is_heard),
          T(held_back_harmless_speech_is_heard_to_its_last_sample),
          T(held_back_speech_begins_before_its_text_is_complete),
          T(held_back_the_beginning_of_a_phrase_waits_for_its_end),
          T(held_back_rules_see_every_piece_with_some_context),
          T(audio_without_text_waits_until_it_expires_and_is_then_released),
          T(audio_without_text_may_be_given_up_instead), T(one_that_takes_its_time_may_hold_audio_too),
          T(the_pace_of_the_voice_is_learned))
