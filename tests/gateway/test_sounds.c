/* The folder of recordings: what is taken, in which forms it is kept, and what is refused with which sentence. */
#include "sound_files.h"

#include "audio/codec.h"
#include "base/buf.h"
#include "gateway/sounds.h"

static char dir[] = "sounds.XXXXXX";

static void folder(void)
{
    memcpy(dir, "sounds.XXXXXX", sizeof(dir));
    assert_non_null(mkdtemp(dir));
}

TEST(recordings_of_any_rate_are_kept_as_both_sides_need_them)
{
    static const char *const names[] = {"message.wav", "question-2.wav", "notes.txt"};
    struct sounds *s = NULL;
    struct buf err;
    struct wav wav;
    buf_init(&err, 1024);
    folder();
    write_tone(dir, "message.wav", 44100, 2, 1500);
    write_tone(dir, "question-2.wav", 8000, 1, 500);
    write_bytes(dir, "notes.txt", "not a sound", 11);
    assert_ok(sounds_read(str_from(dir), &err, &s));
    const struct sound *m = sounds_find(s, STR("message"));
    assert_non_null(m);
    assert_int_equal(m->ms, 1500);
    assert_int_equal(m->mulaw.n, 12000);
    assert_ok(wav_parse(m->wav, &wav, NULL));
    assert_int_equal(wav.codec, WAV_PCM16);
    assert_int_equal(wav.rate_hz, 8000);
    assert_int_equal(wav.channels, 1);
    assert_int_equal(wav_frames(&wav), 12000);
    /* The address is that of the sound, and of no other. */
    assert_true(str_starts(str_from(m->path), STR("/sounds/")));
    assert_int_equal(strlen(m->path), 8 + 32 + 4);
    assert_ptr_equal(sounds_at(s, str_from(m->path)), m);
    assert_string_not_equal(m->path, sounds_find(s, STR("question-2"))->path);
    assert_null(sounds_at(s, STR("/sounds/message.wav")));
    assert_null(sounds_at(s, STR("/sounds/")));
    assert_null(sounds_find(s, STR("notes")));
    assert_null(sounds_find(s, STR("")));
    assert_null(sounds_find(NULL, STR("message")));
    sounds_put_unknown(NULL, STR("x"), &err);
    assert_str_is(buf_str(&err), "There is no recording \"x\" in outbound.sounds, which has none.");
    sounds_free(s);
    buf_done(&err);
    remove_sounds(dir, names, ARRAY_LEN(names));
}

static void refused(const char *file, int want, const char *why)
{
    struct sounds *s = NULL;
    struct buf err;
    buf_init(&err, 1024);
    assert_int_equal(sounds_read(str_from(dir), &err, &s), want);
    if (str_search(buf_str(&err), str_from(why)) == SIZE_MAX ||
        (file && str_search(buf_str(&err), str_from(file)) == SIZE_MAX)) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    if (file) {
        remove_sounds(dir, &file, 1);
    }
}

TEST(what_cannot_be_played_stops_the_start_and_is_named)
{
    folder();
    write_bytes(dir, "song.wav", "ID3 of something else", 21);
    refused("song.wav", -ERR_SYNTAX, "RIFF");
    folder();
    write_tone(dir, "long.wav", 8000, 1, 60100);
    refused("long.wav", -ERR_TOO_BIG, "longer than a minute");
    folder();
    write_tone(dir, "silence.wav", 8000, 1, 0);
    refused("silence.wav", -ERR_MISSING, "no sound in it");
    folder();
    write_tone(dir, "a message.wav", 8000, 1, 100);
    refused("a message.wav", -ERR_CONFIG, "a name has letters");
    memcpy(dir, "sounds.no-such", sizeof(dir) - 1);
    refused(NULL, -ENOENT, "cannot be read");
}

TEST_MAIN(T(recordings_of_any_rate_are_kept_as_both_sides_need_them),
          T(what_cannot_be_played_stops_the_start_and_is_named))
