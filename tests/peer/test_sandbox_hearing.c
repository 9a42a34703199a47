/*
 * Hearing what flite says: the recogniser with the built-in dialogue's grammar, through telephone mu-law.
 * Skipped where the speech libraries are not built in.
 */
#include "test.h"

#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"
#include "peer/sandbox_dialogue.h"
#include "peer/speech_asr.h"
#include "peer/speech_tts.h"

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
    assert_non_null(strstr(buf_cstr(&err), "xyzzyplugh"));
    buf_done(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(six_sentences_are_understood_and_two_refused),
        T(the_same_sound_gives_the_same_result_in_any_order),
        T(noise_silence_and_nothing_are_no_words),
        T(a_word_without_phones_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
