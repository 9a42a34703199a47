/*
 * Build-time program: prints the constant tables of this folder as C. "g711" gives the companding tables, "resample"
 * the polyphase taps, "dtmf" the detector's waves, "tone" a sine. Run by meson, not installed; so the tables are
 * read-only data and nothing is built at start.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- G.711, after the ITU-T Software Tool Library's description of the two laws ---- */

static int mulaw_decode(int code)
{
    int u = ~code & 0xFF;
    int t = (((u & 0x0F) << 3) + 0x84) << ((u & 0x70) >> 4);
    return u & 0x80 ? 0x84 - t : t - 0x84;
}

static int alaw_decode(int code)
{
    int a = code ^ 0x55;
    int segment = (a & 0x70) >> 4;
    int t = ((a & 0x0F) << 4) + 8;
    if (segment > 0) {
        t = (t + 0x100) << (segment - 1);
    }
    return a & 0x80 ? t : -t;
}

/* x: 14-bit linear. One's complement for negatives, so that the cells of both signs meet at zero. */
static int mulaw_encode(int x)
{
    int magnitude = (x < 0 ? ~x : x) + 33;
    if (magnitude > 0x1FFF) {
        magnitude = 0x1FFF;
    }
    int segment = 0;
    for (int t = magnitude >> 6; t; t >>= 1) {
        segment++;
    }
    int code = segment << 4 | (magnitude >> (segment + 1) & 0x0F);
    return ~(x < 0 ? code | 0x80 : code) & 0xFF;
}

/* x: 12-bit linear; A-law never looks at more bits. */
static int alaw_encode(int x)
{
    int magnitude = x < 0 ? ~x : x;
    int code = magnitude;
    if (magnitude > 15) {
        int segment = 1;
        while (magnitude > 31) {
            magnitude >>= 1;
            segment++;
        }
        code = segment << 4 | (magnitude - 16);
    }
    return (x < 0 ? code : code | 0x80) ^ 0x55;
}

static void print_table(const char *type, const char *name, const int *v, int n)
{
    printf("const %s %s[%d] = {", type, name, n);
    for (int i = 0; i < n; i++) {
        printf("%s%d,", i % 16 ? " " : "\n    ", v[i]);
    }
    printf("\n};\n");
}

static void print_g711(void)
{
    static int v[1 << 14];
    for (int i = 0; i < 256; i++) {
        v[i] = mulaw_decode(i);
    }
    print_table("int16_t", "g711_mulaw_table", v, 256);
    for (int i = 0; i < 256; i++) {
        v[i] = alaw_decode(i);
    }
    print_table("int16_t", "g711_alaw_table", v, 256);
    for (int i = 0; i < 256; i++) {
        v[i] = alaw_encode(mulaw_decode(i) >> 4);
        if (mulaw_decode(i) == 0 && i == 0x7F) {
            v[i] = 0x55; /* minus zero keeps its sign */
        }
    }
    print_table("uint8_t", "g711_mulaw_to_alaw_table", v, 256);
    for (int i = 0; i < 256; i++) {
        v[i] = mulaw_encode(alaw_decode(i) >> 2);
    }
    print_table("uint8_t", "g711_alaw_to_mulaw_table", v, 256);
    /* Indexed by the top bits of the sample taken as unsigned. */
    for (int i = 0; i < 1 << 14; i++) {
        v[i] = mulaw_encode(i < 1 << 13 ? i : i - (1 << 14));
    }
    printf("static ");
    print_table("uint8_t", "g711_mulaw_encode_table", v, 1 << 14);
    for (int i = 0; i < 1 << 12; i++) {
        v[i] = alaw_encode(i < 1 << 11 ? i : i - (1 << 12));
    }
    printf("static ");
    print_table("uint8_t", "g711_alaw_encode_table", v, 1 << 12);
}

/* ---- resampler: Kaiser-windowed sinc, beta 7.5 (77 dB in float) ---- */

#define KAISER_BETA 7.5
#define PHASES_MAX  3
#define TAPS_MAX    96

static double bessel_i0(double x)
{
    double sum = 1;
    double term = 1;
    for (int k = 1; k < 60; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Tap i of a prototype of n at rate_hz, cut off (-6 dB) at cut_hz; not normalised. */
static double prototype(int i, int n, double cut_hz, double rate_hz)
{
    double t = i - (n - 1) / 2.0;
    double x = 2 * M_PI * cut_hz / rate_hz * t;
    double sinc = fabs(x) < 1e-9 ? 1 : sin(x) / x;
    double r = 2.0 * i / (n - 1) - 1;
    return sinc * bessel_i0(KAISER_BETA * sqrt(1 - r * r));
}

/*
 * Taps that add up to exactly 1.0 in Q(shift): what rounding lost is given to the taps that lost most. Returns false
 * when a 32-bit sum over full-scale samples could overflow.
 */
static bool quantise(const double *exact, int n, int shift, int *q)
{
    int one = 1 << shift;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += exact[i];
    }
    double rest[TAPS_MAX];
    int total = 0;
    for (int i = 0; i < n; i++) {
        double v = exact[i] / sum * one;
        q[i] = (int)lround(v);
        rest[i] = v - q[i];
        total += q[i];
    }
    while (total != one) {
        int step = total < one ? 1 : -1;
        int best = 0;
        for (int i = 1; i < n; i++) {
            best = step * rest[i] > step * rest[best] ? i : best;
        }
        q[best] += step;
        rest[best] -= step;
        total += step;
    }
    int64_t magnitude = 0;
    for (int i = 0; i < n; i++) {
        magnitude += abs(q[i]);
    }
    return magnitude * 32768 + one / 2 <= INT32_MAX;
}

/*
 * up phases of taps each, and their scale, Q15 where 32 bits hold the sum, else Q14. The input is dealt out to `down`
 * streams; a phase's taps are in the order of its streams, of a stream oldest sample first.
 */
static void print_bank(const char *name, int up, int down, int taps, double cut_hz, double rate_hz)
{
    int bank[PHASES_MAX * TAPS_MAX];
    int dealt[PHASES_MAX * TAPS_MAX];
    int shift = 16;
    bool fits = false;
    while (!fits) {
        shift--;
        fits = true;
        for (int phase = 0; phase < up; phase++) {
            double exact[TAPS_MAX];
            for (int k = 0; k < taps; k++) {
                exact[taps - 1 - k] = prototype(k * up + phase, taps * up, cut_hz, rate_hz);
            }
            fits = quantise(exact, taps, shift, bank + phase * taps) && fits;
        }
    }
    for (int i = 0; i < up * taps; i++) {
        int phase = i / taps;
        int stream = i % taps / (taps / down);
        int q = i % (taps / down);
        dealt[i] = bank[phase * taps + q * down + stream];
    }
    printf("enum { %s_shift = %d };\nstatic _Alignas(16) ", name, shift);
    print_table("int16_t", name, dealt, up * taps);
}

static void print_resample(void)
{
    print_bank("taps_8_24", 3, 1, 32, 4000, 24000);
    print_bank("taps_24_8", 1, 3, 96, 4000, 24000);
    print_bank("taps_8_16", 2, 1, 32, 4000, 16000);
    print_bank("taps_16_8", 1, 2, 64, 4000, 16000);
    print_bank("taps_16_24", 3, 2, 32, 8000, 48000);
    print_bank("taps_24_16", 2, 3, 48, 8000, 48000);
}

/* ---- DTMF: a Hann window, the eight frequencies, what their phase does in a hop, and how far it may be off ---- */

#define DTMF_RATE   8000.0
#define DTMF_WINDOW 160
#define DTMF_HOP    64
#define DTMF_N      8

static const double dtmf_hz[DTMF_N] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};

static void print_dtmf(void)
{
    int v[2 * DTMF_N * DTMF_WINDOW];
    for (int i = 0; i < DTMF_WINDOW; i++) { /* Q13 */
        double s = sin(M_PI * (i + 0.5) / DTMF_WINDOW);
        v[i] = (int)lround(8191 * s * s);
    }
    printf("static _Alignas(16) ");
    print_table("int16_t", "dtmf_window", v, DTMF_WINDOW);
    for (int f = 0; f < DTMF_N; f++) { /* Q12, cosine and minus sine */
        for (int i = 0; i < DTMF_WINDOW; i++) {
            double w = 2 * M_PI * dtmf_hz[f] * i / DTMF_RATE;
            v[2 * f * DTMF_WINDOW + i] = (int)lround(4095 * cos(w));
            v[(2 * f + 1) * DTMF_WINDOW + i] = (int)lround(-4095 * sin(w));
        }
    }
    printf("static _Alignas(16) ");
    print_table("int16_t", "dtmf_waves", v, 2 * DTMF_N * DTMF_WINDOW);
    for (int f = 0; f < DTMF_N; f++) { /* Q15: turn back by what the nominal frequency does in a hop */
        double w = 2 * M_PI * dtmf_hz[f] * DTMF_HOP / DTMF_RATE;
        v[2 * f] = (int)lround(32767 * cos(w));
        v[2 * f + 1] = (int)lround(-32767 * sin(w));
    }
    printf("static ");
    print_table("int16_t", "dtmf_turns", v, 2 * DTMF_N);
    for (int f = 0; f < DTMF_N; f++) {          /* Q15: cosine of the largest turn left, times its magnitude */
        double off_hz = 0.025 * dtmf_hz[f] + 1; /* between 1.5 % + 2 Hz, accepted, and 3.5 %, refused */
        double c = cos(2 * M_PI * off_hz * DTMF_HOP / DTMF_RATE);
        v[f] = (int)lround(32767 * c * fabs(c));
    }
    printf("static ");
    print_table("int16_t", "dtmf_limits", v, DTMF_N);
}

/* ---- tones: one period of a sine, Q15 ---- */

#define SINE_BITS 9

static void print_tone(void)
{
    int v[(1 << SINE_BITS) + 1];
    for (int i = 0; i <= 1 << SINE_BITS; i++) {
        v[i] = (int)lround(32767 * sin(2 * M_PI * i / (1 << SINE_BITS)));
    }
    printf("enum { TONE_SINE_SHIFT = %d };\nstatic ", 32 - SINE_BITS);
    print_table("int16_t", "tone_sine", v, (1 << SINE_BITS) + 1);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "g711") == 0) {
        print_g711();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "resample") == 0) {
        print_resample();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "dtmf") == 0) {
        print_dtmf();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "tone") == 0) {
        print_tone();
        return 0;
    }
    fprintf(stderr, "usage: tables_gen g711|resample|dtmf|tone\n");
    return 2;
}
