/*
 * The agent's own voice comes back, under a whole call with the real speech detector: it neither pauses nor stops for
 * it, whoever speaks over it stops the agent all the same, and the record tells what was found.
 */
#include "ear.h"

#define AGENT_MS 13000

struct line {
    uint32_t delay_ms;
    int32_t loss; /* the echo is so many times softer */
};

static uint32_t ts_ms;
static uint32_t dice;
static uint8_t heard[(AGENT_MS + 10000) * 8]; /* by the caller, from the beginning of the call */
static size_t heard_n, taken;                 /* of s.tones */
static uint32_t cleared;

static int16_t at_rest(void)
{
    dice = dice * 1664525u + 1013904223u;
    return (int16_t)((int32_t)(dice >> 24 & 31) - 16);
}

/* The next 20 ms at the caller's ear: what was sent lies in s.tones, what a clear met is never heard. */
static void play(void)
{
    uint8_t *now = heard + heard_n;
    taken = s.clears == cleared ? taken : s.tones.len;
    cleared = s.clears;
    size_t n = MIN(s.tones.len - taken, (size_t)FRAME);
    assert_true(heard_n + FRAME <= sizeof(heard));
    memset(now, 0xFF, FRAME);
    for (size_t i = 0; i < n; i++) {
        now[i] = buf_span(&s.tones).p[taken + i];
    }
    taken += n;
    heard_n += FRAME;
}

/* The line for so long: rest, echo, and what somebody says. */
static void line_for(const struct line *l, uint32_t ms, const uint8_t *said)
{
    for (uint32_t t = 0; t < ms; t += 20, ts_ms += 20) {
        uint8_t audio[FRAME];
        play();
        for (size_t i = 0; i < FRAME; i++) {
            size_t at = heard_n - FRAME + i;
            size_t delay = (size_t)l->delay_ms * 8;
            int32_t x = at_rest() + (at >= delay ? g711_mulaw_decode1(heard[at - delay]) / l->loss : 0);
            x += said ? g711_mulaw_decode1(said[(size_t)t * 8 + i]) : 0;
            audio[i] = g711_mulaw_encode1((int16_t)CLAMP(x, -32000, 32000));
        }
        struct call_event ev = {.type = EV_LEG_MEDIA};
        ev.leg_media.timestamp_ms = ts_ms;
        ev.leg_media.audio = span_from(audio, sizeof(audio));
        sim_event(&s, &ev);
        later(20);
    }
}

static void prepare(bool guard)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = true;
    s.opts.echo_guard = guard;
    s.lossy = s.live = true; /* what was heard is not what this is about */
    s.keys = true;           /* collects what is played */
    s.hear = hear;
    vad_reset(&ear_stream);
    ts_ms = 100;
    dice = 1;
    heard_n = taken = cleared = 0;
}

/* The agent begins to speak, for AGENT_MS. */
static void begin(const struct line *l)
{
    raise_curtain(false, false);
    s.media = false;
    line_for(l, 1000, NULL);
    static uint8_t audio[AGENT_MS * 8];
    for (size_t i = 0; i < sizeof(audio); i++) {
        audio[i] = ear_sound.p[i] == 0x7F ? 0xFF : ear_sound.p[i]; /* one silence, which the carrier knows */
    }
    sim_created(&s, "r1");
    struct call_event ev = {.type = EV_MODEL_AUDIO};
    ev.model_audio.response_id = STR("r1");
    ev.model_audio.item_id = STR("i1");
    ev.model_audio.audio = span_from(audio, sizeof(audio));
    sim_event(&s, &ev);
}

static const struct line lines[] = {{60, 4}, {180, 4}, {400, 8}};

TEST(the_agent_does_not_interrupt_itself)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        prepare(true);
        begin(&lines[i]);
        line_for(&lines[i], AGENT_MS - 500, NULL);
        assert_int_equal(s.clears, 0);
        assert_int_equal(s.commits, 0);
        assert_not_logged("note=barge-in");
        sim_response_done(&s, "r1", RESPONSE_COMPLETED);
        sim_simple(&s, EV_LEG_STOP);
        assert_logged("echo=1");
        down();
    }
}

/* The same line: what the guard is for. */
TEST(without_the_guard_it_does)
{
    prepare(false);
    begin(&lines[1]);
    line_for(&lines[1], AGENT_MS - 500, NULL);
    assert_logged("note=barge-in");
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    down();
}

TEST(a_voice_over_the_echo_stops_the_agent)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        prepare(true);
        begin(&lines[i]);
        line_for(&lines[i], 5000, NULL);
        assert_int_equal(s.clears, 0);
        line_for(&lines[i], 1000, voice);
        assert_int_equal(s.clears, 1);
        assert_logged("note=barge-in");
        assert_logged("text=\"speech\"");
        sim_response_done(&s, "r1", RESPONSE_CANCELLED);
        down();
    }
}

/* On a line with echo more speech is asked for; on one without the same setting asks for nothing. */
TEST(what_a_line_with_echo_asks_for_is_asked_for_there_alone)
{
    static const struct line clear = {0, 32767};
    for (int echo = 0; echo < 2; echo++) {
        const struct line *l = echo ? &lines[1] : &clear;
        prepare(true);
        s.opts.barge_in.echo_extra_ms = 5000;
        begin(l);
        line_for(l, 5000, NULL);
        line_for(l, 1000, voice);
        assert_int_equal(logged("note=barge-in"), !echo);
        sim_response_done(&s, "r1", echo ? RESPONSE_COMPLETED : RESPONSE_CANCELLED);
        down();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(the_agent_does_not_interrupt_itself), T(without_the_guard_it_does),
                                       T(a_voice_over_the_echo_stops_the_agent),
                                       T(what_a_line_with_echo_asks_for_is_asked_for_there_alone)};
    return cmocka_run_group_tests(tests, ear_open, ear_close);
}
