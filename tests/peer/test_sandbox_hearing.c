/*
 * Hearing what flite says: the recogniser with the built-in dialogue's grammar, through telephone mu-law.
 * Skipped where the speech libraries are not built in.
 */
#include "test.h"

#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"
#include "peer/sandbox/sandbox_dialogue.h"
#include "peer/sandbox/sandbox_vad.h"
#include "peer/speech/speech_asr.h"
#include "peer/speech/speech_tts.h"

struct word_array {
    struct str at[1000];
    size_t n;
};

static bool add_word(struct str word, void *arg)
{
    struct word_array *a = arg;
    a->at[a->n++] = word;
    return a->n < ARRAY_LEN(a->at);
}

static bool pronounce(struct str word, struct str *ret, void *arg)
{
    return dialogue_pronunciation(arg, word, ret);
}

static struct dialogue *dialogue;
static struct asr *asr;

static int setup(void **state)
{
    static struct word_array words;
    struct buf err, jsgf;
    buf_init(&err, 2000);
    buf_init(&jsgf, 100000);
    words.n = 0;
    if (!asr_available() || !tts_available()) {
        return 0;
    }
    if (dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &dialogue) < 0) {
        return -1;
    }
    grammar_write_jsgf(dialogue_grammar(dialogue), &jsgf);
    grammar_each_word(dialogue_grammar(dialogue), add_word, &words);
    struct asr_opts opts = {
        .jsgf = buf_str(&jsgf), .words = words.at, .n_words = words.n, .pronounce = pronounce, .arg = dialogue};
    if (asr_new(&opts, &err, &asr) < 0) {
        print_error("%s\n", buf_cstr(&err));
        return -1;
    }
    buf_done(&jsgf);
    buf_done(&err);
    return 0;
}

static int teardown(void **state)
{
    asr = asr_free(asr);
    dialogue = dialogue_free(dialogue);
    return 0;
}

static struct asr_result hear(const char *text)
{
    struct tts_audio a;
    struct asr_result r = {0};
    assert_ok(tts_say(str_from(text), TTS_KAL_8K, &a));
    for (size_t i = 0; i < a.n; i++) {
        a.samples[i] = g711_mulaw_decode1(g711_mulaw_encode1(a.samples[i]));
    }
    assert_ok(asr_hear(asr, a.samples, a.n, 100, &r));
    tts_audio_done(&a);
    return r;
}

/* As the session hears it: silence around, cut off again by level. */
static struct asr_result hear_within(const char *text, uint32_t before_ms, uint32_t after_ms)
{
    struct tts_audio a;
    struct asr_result r = {0};
    struct sandbox_extent e;
    assert_ok(tts_say(str_from(text), TTS_KAL_8K, &a));
    size_t n = a.n + ((size_t)before_ms + after_ms) * 8;
    int16_t *pcm = calloc(n, sizeof(*pcm));
    assert_non_null(pcm);
    for (size_t i = 0; i < n; i++) {
        size_t at = i - (size_t)before_ms * 8;
        pcm[i] = g711_mulaw_decode1(g711_mulaw_encode1(at < a.n ? a.samples[at] : 0));
    }
    assert_true(sandbox_vad_extent(pcm, n, &e));
    uint32_t total_ms = (uint32_t)(e.n / 8);
    assert_ok(asr_hear(asr, pcm + e.from, e.n, total_ms - MIN(total_ms, e.speech_ms), &r));
    free(pcm);
    tts_audio_done(&a);
    return r;
}

static const struct {
    const char *said, *intent;
} sentences[] = {
    {"where is my order one two three four", "order_status"},
    {"please call me back on five five five one two three four", "callback"},
    {"what are your opening hours", "opening_hours"},
    {"i would like to speak to a human", "human"},
    {"please repeat that", "repeat"},
    {"thank you goodbye", "goodbye"},
    {"the green bicycle sleeps under a purple mountain of cheese", NULL},
    {"quantum chromodynamics rarely explains my breakfast preferences", NULL},
};

TEST(six_sentences_are_understood_and_two_refused)
{
    if (!asr) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(sentences); i++) {
        struct asr_result r = hear(sentences[i].said);
        struct dialogue_talk talk;
        struct dialogue_reply reply;
        dialogue_talk_init(&talk, dialogue);
        dialogue_reply_init(&reply);
        if (!sentences[i].intent) {
            if (r.accepted) {
                fail_msg("\"%s\" was heard as \"%s\" (margin %d)", sentences[i].said, r.words, r.margin);
            }
        } else {
            if (!r.accepted || strcmp(r.words, sentences[i].said) != 0) {
                fail_msg("\"%s\" was heard as \"%s\" (accepted %d, margin %d)", sentences[i].said, r.words, r.accepted,
                         r.margin);
            }
            assert_ok(dialogue_hear(&talk, str_from(r.words), false, (struct dialogue_tools){0}, &reply));
            assert_str_is(reply.intent, sentences[i].intent);
        }
        dialogue_reply_done(&reply);
    }
}

TEST(the_same_sound_gives_the_same_result_in_any_order)
{
    if (!asr) {
        skip();
    }
    struct asr_result first[ARRAY_LEN(sentences)];
    for (size_t i = 0; i < ARRAY_LEN(sentences); i++) {
        first[i] = hear(sentences[i].said);
    }
    for (size_t i = ARRAY_LEN(sentences); i-- > 0;) {
        struct asr_result again = hear(sentences[i].said);
        assert_string_equal(again.words, first[i].words);
        assert_int_equal(again.margin, first[i].margin);
    }
}

TEST(noise_silence_and_nothing_are_no_words)
{
    if (!asr) {
        skip();
    }
    static int16_t pcm[8000];
    uint32_t seed = 1;
    struct asr_result r;
    assert_err(asr_hear(asr, pcm, 0, 0, &r), EINVAL);
    assert_ok(asr_hear(asr, pcm, ARRAY_LEN(pcm), 0, &r));
    if (r.accepted) {
        fail_msg("%s %d %u", r.words, r.margin, r.speech_ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
        seed = seed * 1103515245u + 12345u;
        pcm[i] = (int16_t)((int32_t)(seed >> 16 & 0x1fff) - 0x1000);
    }
    assert_ok(asr_hear(asr, pcm, ARRAY_LEN(pcm), 0, &r));
    if (r.accepted) {
        fail_msg("%s %d %u", r.words, r.margin, r.speech_ms);
    }
    assert_ok(asr_hear(asr, pcm, 1, 0, &r));
    if (r.accepted) {
        fail_msg("%s %d %u", r.words, r.margin, r.speech_ms);
    }
}

TEST(what_surrounds_a_sentence_makes_no_difference)
{
    static const struct {
        uint32_t before_ms, after_ms;
    } around[] = {{0, 0}, {300, 100}, {3000, 700}, {8000, 2000}};
    static const char *const said[] = {"yes please",  "where is my order one two three four", "hang up",
                                       "goodbye",     "what are your opening hours",          "call me back",
                                       "no thank you"};
    if (!asr) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        for (size_t k = 0; k < ARRAY_LEN(around); k++) {
            struct asr_result r = hear_within(said[i], around[k].before_ms, around[k].after_ms);
            if (!r.accepted || strncmp(r.words, said[i], strlen(said[i])) != 0) {
                fail_msg("\"%s\" within %u and %u ms was heard as \"%s\" (accepted %d, margin %d, %u ms)", said[i],
                         around[k].before_ms, around[k].after_ms, r.words, r.accepted, r.margin, r.speech_ms);
            }
        }
    }
}

/* Refused, or understood as what they are; never as digits of an order number. */
TEST(sounds_of_listening_are_harmless)
{
    static const struct {
        const char *said, *heard; /* NULL: refused */
    } cases[] = {{"mm hm", NULL},  {"mm hmm", NULL},   {"mhm", NULL},    {"uh huh", "uhhuh"},   {"uh", NULL},
                 {"um", NULL},     {"oh", NULL},       {"ah", NULL},     {"huh", NULL},         {"hmm", NULL},
                 {"okay", "okay"}, {"right", "right"}, {"wait", "wait"}, {"hold on", "hold on"}};
    if (!asr) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct asr_result r = hear_within(cases[i].said, 300, 600);
        if (r.accepted != (cases[i].heard != NULL) || (r.accepted && strcmp(r.words, cases[i].heard) != 0)) {
            fail_msg("\"%s\" was heard as \"%s\" (accepted %d, margin %d, %u ms)", cases[i].said, r.words, r.accepted,
                     r.margin, r.speech_ms);
        }
    }
}

/* Where flite says that a word begins and ends, it does: its own sound there, and quiet in the pauses between. */
TEST(the_times_of_words_are_those_of_the_sound)
{
    static const char text[] = "Tea, tack, pop - and \"Mr. Cook\", it costs $12.50.";
    static const char *const words[] = {"Tea,", "tack,", "pop", "and", "\"Mr.", "Cook\",", "it", "costs", "$12.50."};
    if (!tts_available()) {
        skip();
    }
    struct tts_audio a;
    struct speech_words w = {0};
    assert_ok(tts_say_words(STR(text), TTS_KAL_8K, &a, &w));
    assert_int_equal(w.n, ARRAY_LEN(words));
    uint32_t before_ms = 0;
    for (uint32_t i = 0; i < w.n; i++) {
        assert_int_equal(w.at[i].n, strlen(words[i]));
        assert_memory_equal(text + w.at[i].from, words[i], w.at[i].n);
        assert_true(w.at[i].start_ms >= before_ms && w.at[i].end_ms > w.at[i].start_ms);
        before_ms = w.at[i].end_ms;
    }
    assert_true(before_ms <= a.n / 8);
    /* The pause after a comma, without the last of the plosive. */
    struct sandbox_extent e;
    for (uint32_t i = 0; i < 2; i++) {
        size_t from = (size_t)w.at[i].end_ms * 8, n = (size_t)(w.at[i + 1].start_ms - w.at[i].end_ms) * 8;
        assert_true(n >= 200 * 8);
        assert_false(sandbox_vad_extent(a.samples + from + 400, n - 800, &e) && e.speech_ms > 40);
        assert_true(sandbox_vad_extent(a.samples + (size_t)w.at[i].start_ms * 8,
                                       (size_t)(w.at[i].end_ms - w.at[i].start_ms) * 8, &e));
    }
    speech_words_done(&w);
    tts_audio_done(&a);
}

TEST(odd_texts_have_words_too)
{
    static const char *const texts[] = {
        "", " ", "...", "a", "na\xc3\xafve caf\xc3\xa9", "  two   blanks  ", "- - -", "1234 5678", "x\ty\nz"};
    for (size_t i = 0; tts_available() && i < ARRAY_LEN(texts); i++) {
        struct tts_audio a;
        struct speech_words w = {0};
        struct str text = str_from(texts[i]);
        assert_ok(tts_say_words(text, TTS_KAL_8K, &a, &w));
        for (uint32_t k = 0; k < w.n; k++) {
            assert_true(w.at[k].n > 0 && w.at[k].from + w.at[k].n <= text.n);
            assert_true(k == 0 || w.at[k].from >= w.at[k - 1].from + w.at[k - 1].n);
        }
        speech_words_done(&w);
        assert_ok(speech_words_guess(&w, text, 1000));
        assert_true(w.n == 0 || w.at[w.n - 1].end_ms <= 1000);
        speech_words_done(&w);
        tts_audio_done(&a);
    }
}

TEST(a_word_without_phones_is_named)
{
    if (!asr_available()) {
        skip();
    }
    struct buf err;
    struct asr *a = NULL;
    struct str words[] = {STR("hello"), STR("xyzzyplugh")};
    struct asr_opts opts = {
        .jsgf = STR("#JSGF V1.0;\ngrammar g;\npublic <u> = hello xyzzyplugh;\n"), .words = words, .n_words = 2};
    buf_init(&err, 1000);
    assert_err(asr_new(&opts, &err, &a), ENOENT);
    assert_has(buf_str(&err), "xyzzyplugh");
    buf_done(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(six_sentences_are_understood_and_two_refused),  T(the_same_sound_gives_the_same_result_in_any_order),
        T(what_surrounds_a_sentence_makes_no_difference), T(sounds_of_listening_are_harmless),
        T(the_times_of_words_are_those_of_the_sound),     T(odd_texts_have_words_too),
        T(noise_silence_and_nothing_are_no_words),        T(a_word_without_phones_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
