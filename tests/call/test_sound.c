/* What a call makes of sound at its edges: keys in the audio itself, the last piece of a frame, a cut in mid-word,
 * a model that speaks in linear samples. */
#include "stage.h"

#include <math.h>

#include "audio/g711.h"
#include "audio/limit.h"
#include "audio/tone.h"

#define FRAME 160

static uint32_t ts_ms;

static void begin(void)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = true;
    s.lossy = true;
    ts_ms = 100;
}

static void send(const int16_t *pcm)
{
    uint8_t audio[FRAME];
    for (size_t i = 0; i < FRAME; i++) {
        audio[i] = g711_mulaw_encode1(pcm[i]);
    }
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = ts_ms;
    ev.leg_media.audio = span_from(audio, sizeof(audio));
    sim_event(&s, &ev);
    ts_ms += 20;
    later(20);
}

static void press(const char *digits)
{
    for (; *digits; digits++) {
        struct tone_spec spec;
        struct tone tone;
        assert_ok(tone_spec_digit(&spec, *digits, 100, 100));
        assert_ok(tone_init(&tone, 8000, &spec));
        for (int i = 0; i < 10; i++) {
            int16_t pcm[FRAME] = {0};
            assert_int_equal(tone_run(&tone, pcm, FRAME), FRAME);
            send(pcm);
        }
    }
}

/* A carrier that reports no keys: they are heard, until it reports one. */
TEST(keys_in_the_audio_are_told_to_the_model)
{
    for (int on = 0; on < 2; on++) {
        begin();
        s.opts.dtmf_in_band = on;
        raise_curtain(false, false);
        s.media = false;
        press("42#");
        assert_int_equal(s.user_texts, on);
        assert_true(logged("The caller pressed the keys 4 2 #") == on);
        struct call_event ev = {.type = EV_LEG_DTMF};
        ev.leg_dtmf.digit = '#';
        sim_event(&s, &ev);
        assert_int_equal(s.user_texts, on + 1);
        press("7#"); /* it reports them from now on: the tone is the same key a second time */
        assert_int_equal(s.user_texts, on + 1);
        assert_int_equal(s.commits, 0); /* a tone is no turn */
        down();
    }
}

/* The service ends where it likes; the carrier gets whole frames, filled with the codec's silence. */
TEST(the_last_piece_of_a_frame_is_filled_with_silence)
{
    static const uint32_t odd_ms[] = {1, 7, 19, 20, 33, 1013};
    for (size_t i = 0; i < ARRAY_LEN(odd_ms); i++) {
        begin();
        raise_curtain(false, false);
        sim_created(&s, "r1");
        sim_audio(&s, "r1", 1, odd_ms[i]);
        sim_audio_done(&s, "r1", 1, "Yes.");
        sim_response_done(&s, "r1", RESPONSE_COMPLETED);
        later(2000);
        uint64_t bytes = 0;
        uint64_t said = 0;
        for (uint32_t k = 0; k < s.n_segments; k++) {
            const struct sim_segment *g = &s.segments[k];
            if (g->audio) {
                bytes += (g->end_us - g->start_us) * 8 / 1000;
                said += g->bytes; /* without the 0xFF at its end */
            }
        }
        assert_int_equal(said, odd_ms[i] * 8);
        assert_int_equal(bytes, (odd_ms[i] + 19) / 20 * FRAME);
        down();
    }
}

/* What was cut in mid-word begins again from silence, over 5 ms, and is itself behind that. */
TEST(what_goes_on_after_a_cut_is_faded_in)
{
    begin();
    raise_curtain(false, false);
    later(200);
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 6000);
    later(2000);
    s.ppm = 200000;
    while (s.clears == 0) {
        later(20);
    }
    s.ppm = 10000;
    later(1000);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    int32_t before = 0;
    int32_t full = abs(g711_mulaw_decode1(1));
    for (size_t i = 0; i < 40; i++) {
        int32_t x = abs(g711_mulaw_decode1(s.resumed[i]));
        assert_in_range(x, before, full);
        before = x;
    }
    assert_true(abs(g711_mulaw_decode1(s.resumed[0])) < full / 50);
    for (size_t i = 40; i < sizeof(s.resumed); i++) {
        assert_int_equal(s.resumed[i], 1);
    }
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    down();
}

static void linear_model(void)
{
    begin();
    s.opts.turn.kind = TURN_SERVER_VAD;
    s.opts.vad.on = false;
    s.keys = true; /* bursts that are no constant are collected */
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    struct call_event ev = {.type = EV_MODEL_READY};
    ev.model_ready.in = ev.model_ready.out = AUDIO_PCM16_24K;
    ev.model_ready.model = STR("gemini-live");
    sim_event(&s, &ev);
}

/* A second of a tone at the end of the scale, in pieces that cut frames and samples. */
static void shout(uint32_t hz)
{
    static uint8_t pcm[48000];
    for (uint32_t i = 0; i < sizeof(pcm) / 2; i++) {
        int16_t x = (int16_t)lrint(32767.0 * sin(2.0 * M_PI * hz * i / 24000));
        memcpy(pcm + 2 * (size_t)i, &x, 2); /* little-endian, as all machines are that this runs on */
    }
    for (size_t at = 0; at < sizeof(pcm); at += 4801) {
        struct call_event ev = {.type = EV_MODEL_AUDIO};
        ev.model_audio.response_id = STR("r1");
        ev.model_audio.item_id = STR("i1");
        ev.model_audio.audio = span_from(pcm + at, MIN(4801u, sizeof(pcm) - at));
        sim_event(&s, &ev);
    }
}

/* What a model says in linear samples comes to the telephone whole, and its peaks below what companding overshoots. */
TEST(linear_speech_is_resampled_and_its_peaks_are_limited)
{
    linear_model();
    later(500);
    uint32_t sent = s.sent_bytes;
    later(200);
    assert_in_range(s.sent_bytes - sent, 180 * 48, 220 * 48); /* and hears the caller in its own format */
    sim_created(&s, "r1");
    shout(440);
    sim_audio_done(&s, "r1", 1, "Ahhh.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(2000);
    struct span heard = buf_span(&s.tones);
    assert_in_range(heard.n, 8000, 8000 + FRAME);
    int32_t peak = 0;
    uint32_t crossings = 0;
    for (size_t i = FRAME; i < heard.n; i++) { /* the filter rings before the first sample */
        int32_t x = g711_mulaw_decode1(heard.p[i]);
        peak = MAX(peak, abs(x));
        crossings += (x < 0) != (g711_mulaw_decode1(heard.p[i - 1]) < 0);
    }
    assert_in_range(peak, LIMIT_CEILING * 9 / 10, LIMIT_CEILING + 512); /* half a step of mu-law there */
    assert_in_range(crossings, 860, 865);                               /* 2 * 440 in 0.98 s */
    assert_logged("heard_ms=1000");
    down();
}

TEST_MAIN(T(keys_in_the_audio_are_told_to_the_model), T(the_last_piece_of_a_frame_is_filled_with_silence),
          T(what_goes_on_after_a_cut_is_faded_in), T(linear_speech_is_resampled_and_its_peaks_are_limited))
