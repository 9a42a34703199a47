#include "peer/phone/phone_sound.h"

#include <math.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "audio/tone.h"
#include "base/err.h"
#include "peer/phone/phone_link.h"

#define RATE    8000.0F
#define PI_F    3.14159265F
#define SAMPLES 12000u /* a second and a half */
#define TAU     (2.0F * PI_F)
#define AT(s)   ((size_t)((s)*RATE))
#define FULL    32000.0F

#define TONES_MAX    32u
#define TONE_MS      100u
#define TONE_SAMPLES (2 * TONE_MS * 8)

struct synth {
    float out[SAMPLES];
    size_t n; /* behind the last sample written */
    struct phone_dice dice;
};

/* Two-pole resonator: what a throat, a nose or a table does to what excites it. */
struct resonator {
    float a1, a2, gain, y1, y2;
};

static struct resonator resonator_at(float hz, float width_hz)
{
    float r = expf(-PI_F * width_hz / RATE);
    return (struct resonator){.a1 = 2.0F * r * cosf(TAU * hz / RATE), .a2 = -r * r, .gain = 1.0F - r};
}

static float resonate(struct resonator *f, float x)
{
    float y = f->gain * x + f->a1 * f->y1 + f->a2 * f->y2;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

/* 0 to 1 within attack, then down by half every half seconds. */
static float envelope(float t, float attack, float half)
{
    return t < attack ? t / attack : exp2f(-(t - attack) / half);
}

static void put(struct synth *s, size_t at, float x)
{
    if (at < SAMPLES) {
        s->out[at] += x;
        s->n = MAX(s->n, at + 1);
    }
}

/* Sets the loudest sample of [begin, n) to level. */
static void level_peak(struct synth *s, float level)
{
    float peak = 0;
    for (size_t i = 0; i < s->n; i++) {
        peak = MAX(peak, fabsf(s->out[i]));
    }
    for (size_t i = 0; i < s->n && peak > 0; i++) {
        s->out[i] *= level / peak;
    }
}

/* Noise through a resonance: a burst of breath, a rattle. */
static void burst(struct synth *s, float begin_s, float length_s, struct resonator f, float half_s)
{
    for (size_t i = 0; i < AT(length_s); i++) {
        float x = phone_dice_normal(&s->dice) * envelope((float)i / RATE, 0.004F, half_s);
        put(s, AT(begin_s) + i, resonate(&f, x));
    }
}

/* Two or three explosive bursts, the throat behind them, a hoarse tail. */
static void make_cough(struct synth *s)
{
    size_t bursts = 2 + (size_t)phone_dice_below(&s->dice, 2);
    float at = 0;
    for (size_t i = 0; i < bursts; i++) {
        float throat = 900.0F + 400.0F * phone_dice_unit(&s->dice);
        burst(s, at, 0.18F, resonator_at(throat, 700.0F), 0.035F);
        burst(s, at, 0.14F, resonator_at(450.0F, 300.0F), 0.05F);
        at += 0.22F + 0.08F * phone_dice_unit(&s->dice);
    }
    level_peak(s, 0.55F * FULL);
}

static void make_click(struct synth *s)
{
    struct resonator f = resonator_at(2500.0F, 900.0F);
    for (size_t i = 0; i < AT(0.012F); i++) {
        put(s, i, resonate(&f, i == 0 ? 1.0F : 0));
    }
    level_peak(s, 0.5F * FULL);
}

static void thump(struct synth *s, float begin_s, float hz, float half_s)
{
    struct resonator body = resonator_at(hz, 40.0F), wood = resonator_at(hz * 4.3F, 220.0F);
    for (size_t i = 0; i < AT(half_s * 6.0F); i++) {
        float hit = i < 8 ? phone_dice_normal(&s->dice) * 4.0F : 0.02F * phone_dice_normal(&s->dice);
        float x = hit * exp2f(-(float)i / RATE / half_s);
        put(s, AT(begin_s) + i, resonate(&body, x) + 0.6F * resonate(&wood, x));
    }
}

static void make_knock(struct synth *s)
{
    float at = 0;
    for (int i = 0; i < 3; i++) {
        thump(s, at, 190.0F + 30.0F * phone_dice_unit(&s->dice), 0.02F);
        at += 0.15F + 0.05F * phone_dice_unit(&s->dice);
    }
    level_peak(s, 0.5F * FULL);
}

static void make_door(struct synth *s)
{
    thump(s, 0, 95.0F + 20.0F * phone_dice_unit(&s->dice), 0.06F);
    burst(s, 0, 0.35F, resonator_at(320.0F, 400.0F), 0.06F);
    burst(s, 0.03F, 0.2F, resonator_at(1300.0F, 900.0F), 0.03F);
    level_peak(s, 0.8F * FULL);
}

/* A voice through a closed mouth: pulses of the throat, the nose's low resonance, little above it. */
static void hum_voice(struct synth *s, float begin_s, float length_s, float from_hz, float to_hz)
{
    struct resonator nose = resonator_at(260.0F, 90.0F), mid = resonator_at(1050.0F, 250.0F),
                     high = resonator_at(2250.0F, 300.0F);
    float phase = 0;
    for (size_t i = 0; i < AT(length_s); i++) {
        float t = (float)i / RATE, part = t / length_s;
        phase += (from_hz + (to_hz - from_hz) * part) / RATE;
        float pulse = 0;
        if (phase >= 1.0F) {
            phase -= 1.0F;
            pulse = 1.0F + 0.05F * phone_dice_normal(&s->dice);
        }
        float x = pulse + 0.01F * phone_dice_normal(&s->dice);
        float loud = MIN(MIN(t / 0.03F, (length_s - t) / 0.05F), 1.0F);
        put(s, AT(begin_s) + i, loud * (resonate(&nose, x) + 0.35F * resonate(&mid, x) + 0.15F * resonate(&high, x)));
    }
}

/* "mm-hm": two hummed syllables, the second one higher. */
static void make_mmhm(struct synth *s)
{
    float voice = 95.0F + 110.0F * phone_dice_unit(&s->dice); /* a man or a woman */
    float first = 0.14F + 0.04F * phone_dice_unit(&s->dice);
    hum_voice(s, 0, first, voice, voice * 0.95F);
    burst(s, first, 0.04F, resonator_at(700.0F, 900.0F), 0.01F);
    hum_voice(s, first + 0.03F, 0.2F + 0.06F * phone_dice_unit(&s->dice), voice * 1.15F, voice * 1.3F);
    level_peak(s, 0.3F * FULL);
}

/* A hummed "mm". */
static void make_mm(struct synth *s)
{
    float voice = 95.0F + 110.0F * phone_dice_unit(&s->dice);
    hum_voice(s, 0, 0.2F + 0.1F * phone_dice_unit(&s->dice), voice, voice * 0.85F);
    level_peak(s, 0.3F * FULL);
}

static void make_breath(struct synth *s)
{
    struct resonator f = resonator_at(1400.0F, 1500.0F);
    float length = 0.5F + 0.3F * phone_dice_unit(&s->dice);
    for (size_t i = 0; i < AT(length); i++) {
        float part = (float)i / (length * RATE);
        put(s, i, resonate(&f, phone_dice_normal(&s->dice)) * sinf(PI_F * part));
    }
    level_peak(s, 0.12F * FULL);
}

/* Half a second of noise at full scale: a fault of the line. */
static void make_blast(struct synth *s)
{
    for (size_t i = 0; i < AT(0.5F); i++) {
        put(s, i, FULL * (2.0F * phone_dice_unit(&s->dice) - 1.0F));
    }
}

static const struct {
    const char *name;
    void (*make)(struct synth *s);
} sounds[] = {{"cough", make_cough}, {"click", make_click}, {"knock", make_knock},   {"door", make_door},
              {"mmhm", make_mmhm},   {"mm", make_mm},       {"breath", make_breath}, {"blast", make_blast}};

const char *phone_sound_names(void)
{
    return "cough, click, knock, door, mmhm, mm, breath, blast";
}

static int to_mulaw(const struct synth *s, struct phone_speech *ret)
{
    struct phone_speech out = {malloc(s->n + 1), s->n};
    if (!out.mulaw) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < s->n; i++) {
        float x = MAX(MIN(s->out[i], 32767.0F), -32768.0F);
        out.mulaw[i] = g711_mulaw_encode1((int16_t)x);
    }
    *ret = out;
    return 0;
}

int phone_sound_make(struct str name, uint64_t seed, struct phone_speech *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(sounds); i++) {
        if (str_is(name, sounds[i].name)) {
            struct synth *s = calloc(1, sizeof(*s));
            if (!s) {
                return -ENOMEM;
            }
            s->dice = (struct phone_dice){seed * ARRAY_LEN(sounds) + i};
            sounds[i].make(s);
            int err = to_mulaw(s, ret);
            free(s);
            return err;
        }
    }
    return -EINVAL;
}

int phone_tones_make(const char *digits, struct phone_speech *ret)
{
    size_t n = strlen(digits);
    if (n < 1 || n > TONES_MAX || strspn(digits, "0123456789ABCD*#") != n) {
        return -EINVAL;
    }
    struct phone_speech out = {malloc(n * TONE_SAMPLES), n * TONE_SAMPLES};
    if (!out.mulaw) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct tone_spec spec;
        struct tone tone;
        int16_t pcm[TONE_SAMPLES] = {0};
        int err = tone_spec_digit(&spec, digits[i], TONE_MS, TONE_MS);
        err = err < 0 ? err : tone_init(&tone, 8000, &spec);
        if (err < 0) {
            free(out.mulaw);
            return err;
        }
        ignore_result(tone_run(&tone, pcm, TONE_SAMPLES) != TONE_SAMPLES); /* what follows the tone is silence */
        for (size_t k = 0; k < TONE_SAMPLES; k++) {
            out.mulaw[i * TONE_SAMPLES + k] = g711_mulaw_encode1(pcm[k]);
        }
    }
    *ret = out;
    return 0;
}
