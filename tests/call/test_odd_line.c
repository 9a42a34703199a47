/*
 * Odd lines and bad input under a whole call with the real speech detector: packets late, doubled, reordered, missing,
 * of other sizes; an offset, full-scale noise, 0x00 for silence, another sampling rate. Each is counted, none is taken
 * for somebody while the agent speaks, and behind it a real voice still stops the agent.
 */
#include "ear.h"

static uint32_t ts_ms;
static uint32_t dice;

/* ---- the line ---- */

static void send(uint32_t at_ms, const uint8_t *audio, size_t n)
{
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = at_ms;
    ev.leg_media.audio = span_from(audio, n);
    sim_event(&s, &ev);
}

/* A line at rest: soft noise around zero. */
static void rest(uint8_t *audio, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dice = dice * 1664525u + 1013904223u;
        audio[i] = (uint8_t)((dice >> 24 & 0x80) | (0x7F - (dice >> 16 & 3)));
    }
}

static void rest_for(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 20, ts_ms += 20) {
        uint8_t audio[FRAME];
        rest(audio, sizeof(audio));
        send(ts_ms, audio, sizeof(audio));
        later(20);
    }
}

/* The agent speaks for ten seconds, of which one is over. */
static void begin(void)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = true;
    s.opts.echo_guard = true;
    s.lossy = true;
    s.hear = hear;
    ts_ms = 100;
    dice = 1;
    raise_curtain(false, false);
    s.media = false;
    rest_for(1000);
    s.positions = true;
    s.agent_offset = s.next_offset = 0;
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 14000);
    rest_for(1000);
    assert_int_equal(s.clears, 0);
}

/* Nothing was taken for a caller; then there is one. */
static void finish(void)
{
    assert_int_equal(s.clears, 0);
    assert_int_equal(s.truncates, 0);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    rest_for(500);
    for (size_t i = 0; i + FRAME <= EAR_VOICE; i += FRAME, ts_ms += 20) {
        send(ts_ms, voice + i, FRAME);
        later(20);
    }
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.truncates, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    sim_simple(&s, EV_LEG_STOP);
}

TEST(late_packets)
{
    begin();
    for (uint32_t round = 0; round < 4; round++) {
        uint8_t held[25][FRAME];
        for (uint32_t i = 0; i < ARRAY_LEN(held); i++) {
            rest(held[i], FRAME);
            later(20);
        }
        for (uint32_t i = 0; i < ARRAY_LEN(held); i++, ts_ms += 20) {
            send(ts_ms, held[i], FRAME);
        }
        rest_for(500);
    }
    finish();
    assert_logged("stall");
    assert_logged("gaps=0 gap_ms=0 late=0 doubled=0 stalls=4 stall_ms=2080");
    down();
}

TEST(doubled_packets)
{
    begin();
    for (uint32_t i = 0; i < 250; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        rest(audio, FRAME);
        send(ts_ms, audio, FRAME);
        if (i % 5 == 0) {
            send(ts_ms, audio, FRAME);
        }
        later(20);
    }
    finish();
    assert_logged("gaps=0 gap_ms=0 late=0 doubled=50");
    down();
}

TEST(reordered_packets)
{
    begin();
    for (uint32_t i = 0; i < 250; i += 5, ts_ms += 100) {
        uint8_t audio[5][FRAME];
        static const uint32_t order[] = {0, 2, 1, 3, 4};
        for (uint32_t k = 0; k < 5; k++) {
            rest(audio[k], FRAME);
        }
        for (uint32_t k = 0; k < 5; k++) {
            send(ts_ms + order[k] * 20, audio[order[k]], FRAME);
            later(20);
        }
    }
    finish();
    assert_logged("gaps=50 gap_ms=1000 late=50 doubled=0");
    down();
}

TEST(missing_packets_up_to_seconds)
{
    static const uint32_t holes_ms[] = {20, 60, 400, 3000};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(holes_ms); i++) {
        later(holes_ms[i]);
        ts_ms += holes_ms[i];
        rest_for(500);
    }
    finish();
    assert_logged("gaps=4 gap_ms=3480 late=0 doubled=0");
    down();
}

TEST(packets_of_other_sizes)
{
    static const size_t sizes[] = {80, 480, 136, 800, 8, 160, 1};
    begin();
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t audio[800];
        size_t n = sizes[i % ARRAY_LEN(sizes)];
        rest(audio, n);
        send(ts_ms, audio, n);
        ts_ms += (uint32_t)n / 8;
        later((uint32_t)n / 8);
    }
    finish();
    assert_logged("frame-size");
    assert_not_logged("odd=0");
    down();
}

static uint8_t encode(int32_t x)
{
    return g711_mulaw_encode1((int16_t)CLAMP(x, INT16_MIN, INT16_MAX));
}

TEST(an_offset)
{
    begin();
    for (uint32_t i = 0; i < 250; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        rest(audio, FRAME);
        for (size_t k = 0; k < FRAME; k++) {
            audio[k] = encode(g711_mulaw_decode1(audio[k]) + 3000);
        }
        send(ts_ms, audio, FRAME);
        later(20);
    }
    assert_logged("dc-offset");
    finish();
    down();
}

TEST(noise_at_full_scale)
{
    begin();
    for (uint32_t i = 0; i < 100; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        for (size_t k = 0; k < FRAME; k++) {
            dice = dice * 1664525u + 1013904223u;
            audio[k] = (uint8_t)(dice >> 24 & 0x8F); /* the loudest codes */
        }
        send(ts_ms, audio, FRAME);
        later(20);
    }
    rest_for(1500);
    assert_logged("full-scale");
    finish();
    assert_not_logged("clipped_ms=0");
    down();
}

TEST(zeros_for_silence)
{
    begin();
    for (uint32_t i = 0; i < 250; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        memset(audio, 0, FRAME);
        memset(audio, 0xFF, i % 3 ? 0 : i % FRAME); /* by two pieces of equipment */
        send(ts_ms, audio, FRAME);
        later(20);
    }
    finish();
    assert_logged("zero-silence");
    assert_not_logged("zero_ms=0 ");
    down();
}

/* 16 kHz in a stream that said 8: twice as much sound as time. */
TEST(another_sampling_rate)
{
    begin();
    for (uint32_t i = 0; i < 900; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        rest(audio, FRAME);
        send(ts_ms, audio, FRAME);
        later(10);
    }
    finish();
    assert_logged("rate-mismatch");
    assert_logged(" rate_hz=1"); /* fifteen thousand and some: what came before was right */
    down();
}

/* What a carrier sends in place of packets in which it hears nobody: steps out of silence, but no onsets. */
static void digital_silence(int32_t noise, uint32_t piece_ms)
{
    begin();
    for (uint32_t i = 0; i < 300; i++, ts_ms += 20) {
        uint8_t audio[FRAME];
        for (size_t k = 0; k < FRAME; k++) {
            dice = dice * 1664525u + 1013904223u;
            audio[k] = encode((int32_t)(dice >> 16) % (4 * noise) - 2 * noise);
        }
        memset(audio, 0xFF, i > 100 && i * 20 / piece_ms % 2 ? FRAME : 0);
        send(ts_ms, audio, FRAME);
        later(20);
    }
    finish();
    down();
}

TEST(pieces_of_digital_silence)
{
    digital_silence(10, 60);
    digital_silence(30, 200);
    digital_silence(100, 60);
    digital_silence(200, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(late_packets),           T(doubled_packets),
                                       T(reordered_packets),      T(missing_packets_up_to_seconds),
                                       T(packets_of_other_sizes), T(an_offset),
                                       T(noise_at_full_scale),    T(zeros_for_silence),
                                       T(another_sampling_rate),  T(pieces_of_digital_silence)};
    return cmocka_run_group_tests(tests, ear_open, ear_close);
}
