/*
 * Recorded messages and questions over both carriers: the machine hears the very samples, and whoever is asked gets a
 * document that plays them from an address of ours.
 */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"
#include "gateway/sounds.h"
#include "sound_files.h"

static const char *const names[] = {"message.wav", "question.wav", "farewell.wav"};

struct fixture {
    struct dial_bench b;
    char dir[32];
};

static void set_up(struct fixture *f, const struct phone_vendor *as, const char *more)
{
    char extra[256];
    memcpy(f->dir, "recorded.XXXXXX", sizeof("recorded.XXXXXX"));
    assert_non_null(mkdtemp(f->dir));
    write_tone(f->dir, "message.wav", 16000, 1, 2000);
    write_tone(f->dir, "question.wav", 8000, 1, 700);
    write_tone(f->dir, "farewell.wav", 8000, 1, 300);
    snprintf(extra, sizeof(extra), "outbound: {sounds: \"%s\"%s}\n", f->dir, more);
    dial_bench_open(&f->b, as, extra);
}

static void tear_down(struct fixture *f)
{
    dial_bench_close(&f->b);
    remove_sounds(f->dir, names, ARRAY_LEN(names));
}

/* A stretch out of the middle of it, as the very bytes: a rising tone is like itself nowhere else. */
static void hears(struct fixture *f, const char *file)
{
    struct sounds *s = NULL;
    struct buf err;
    buf_init(&err, 1024);
    assert_ok(sounds_read(str_from(f->dir), &err, &s));
    struct str name = str_from(file);
    const struct sound *sound = sounds_find(s, (struct str){name.p, name.n - 4});
    assert_non_null(sound);
    struct str part = {(const char *)sound->mulaw.p + sound->mulaw.n / 2, 1600};
    assert_true(str_search(buf_str(&f->b.heard_audio), part) != SIZE_MAX);
    sounds_free(s);
    buf_done(&err);
}

/* The address that the document plays, without our name; "" when it plays none. */
static struct str played(const struct dial_bench *b)
{
    struct str doc = buf_str(&b->docs);
    size_t at = str_search(doc, STR("<Play>" BENCH_PUBLIC));
    size_t skip = sizeof("<Play>" BENCH_PUBLIC) - 1;
    struct str rest = at == SIZE_MAX ? STR("") : (struct str){doc.p + at + skip, doc.n - at - skip};
    return (struct str){rest.p, str_find(rest, '<')};
}

/* What the carrier would fetch there: so many milliseconds of sound. */
static void fetch(struct dial_bench *b, uint32_t ms)
{
    char path[128];
    struct wav wav;
    assert_ok(str_copy(path, sizeof(path), played(b)));
    struct rig_reply reply = rig_http(&b->r, "GET", path, "", "");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.type, "audio/wav");
    assert_ok(wav_parse(buf_span(&reply.body), &wav, NULL));
    assert_int_equal(wav_frames(&wav), ms * 8);
    buf_done(&reply.body);
    path[strlen(path) - 5] ^= 1; /* of the last digit */
    reply = rig_http(&b->r, "GET", path, "", "");
    assert_int_equal(reply.status, 404);
    buf_done(&reply.body);
}

OVER_CARRIERS(a_machine_hears_the_recording_and_nothing_of_the_model)
{
    struct fixture f;
    set_up(&f, as, ", voicemail_sound: message");
    f.b.callee = (struct exchange_callee){
        .kind = EXCHANGE_MACHINE, .ring_ms = 50, .detect_ms = 300, .hangup = {.kind = PHONE_WHEN_NEVER}};
    for (int i = 0; i < 2; i++) {
        dial_bench_dial(&f.b, i == 0 ? ", \"on_machine\": \"voicemail\""
                                     : ", \"on_machine\": \"voicemail\", \"voicemail_sound\": \"question\"");
        dial_bench_wait(&f.b, "voicemail", "voicemail");
        hears(&f, i == 0 ? "message.wav" : "question.wav");
    }
    /* Words of the request go before the configured recording. */
    dial_bench_dial(&f.b, ", \"on_machine\": \"voicemail\", \"voicemail\": \"Please call us back.\"");
    dial_bench_wait(&f.b, "voicemail", "voicemail");
    tear_down(&f);
}

OVER_CARRIERS(a_recorded_question_is_played_by_the_carrier)
{
    struct fixture f;
    set_up(&f, as, "");
    f.b.callee.keys = STR("1");
    dial_bench_dial(&f.b, ", \"consent\": {\"sound\": \"question\"}");
    dial_bench_wait(&f.b, "answered", "caller-hangup");
    assert_true(f.b.heard);
    fetch(&f.b, 700);
    assert_false(dial_bench_was_told(&f.b, as == &phone_plivo ? "<Speak" : "<Say"));
    f.b.callee.keys = STR("2");
    dial_bench_dial(&f.b, ", \"consent\": {\"prompt\": \"Press 1.\", \"goodbye_sound\": \"farewell\"}");
    dial_bench_wait(&f.b, "consent_denied", "no-consent");
    fetch(&f.b, 300);
    tear_down(&f);
}

TEST(a_recording_that_is_not_there_is_refused_by_name)
{
    static const char *const bodies[] = {
        "{\"to\": \"+15550002222\", \"on_machine\": \"voicemail\", \"voicemail_sound\": \"nothing\"}",
        "{\"to\": \"+15550002222\", \"consent\": {\"sound\": \"nothing\"}}"};
    struct fixture f;
    set_up(&f, &phone_twilio, "");
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct rig_reply reply = dial_bench_ask(&f.b, bodies[i], "");
        assert_int_equal(reply.status, 422);
        assert_has(buf_str(&reply.body), "no recording \\\"nothing\\\"");
        assert_has(buf_str(&reply.body), "farewell"); /* which there are */
        buf_done(&reply.body);
    }
    struct rig_reply both = dial_bench_ask(
        &f.b, "{\"to\": \"+15550002222\", \"consent\": {\"sound\": \"question\", \"prompt\": \"x\"}}", "");
    assert_int_equal(both.status, 422);
    buf_done(&both.body);
    assert_int_equal(dial_bench_stats(&f.b).requests, 0);
    tear_down(&f);
}

TEST_MAIN(TC(a_machine_hears_the_recording_and_nothing_of_the_model), TC(a_recorded_question_is_played_by_the_carrier),
          T(a_recording_that_is_not_there_is_refused_by_name))
