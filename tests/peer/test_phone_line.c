#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/dtmf.h"
#include "audio/g711.h"
#include "base/err.h"
#include "peer/phone/phone_ears.h"
#include "peer/phone/phone_line.h"
#include "peer/phone/phone_packet.h"
#include "peer/phone/phone_sound.h"

#define FRAMES 200

/* A line on a virtual clock: what is heard and said per frame, and what leaves. */
struct wire {
    uint8_t heard[FRAMES * PHONE_FRAME_BYTES];
    uint8_t sent[FRAMES * PHONE_FRAME_BYTES]; /* in: what is said */
};

static struct wire *wire_new(void)
{
    struct wire *w = malloc(sizeof(*w));
    assert_non_null(w);
    memset(w, PHONE_SILENCE_BYTE, sizeof(*w));
    return w;
}

static void run(struct wire *w, const struct phone_line_opts *o, float rms, uint64_t seed)
{
    struct phone_line l;
    assert_ok(phone_line_init(&l, o, rms, seed));
    for (size_t i = 0; i < FRAMES; i++) {
        phone_line_step(&l, w->heard + i * PHONE_FRAME_BYTES, w->sent + i * PHONE_FRAME_BYTES);
    }
    phone_line_done(&l);
}

static double rms_of(const uint8_t *mulaw, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double x = g711_mulaw_decode1(mulaw[i]);
        sum += x * x / (double)n;
    }
    return sqrt(sum);
}

static double db(double a, double b)
{
    return 20.0 * log10(a / b);
}

/* Noise of a fixed seed, so that delays show as exactly one peak of the correlation. */
static void put_noise(uint8_t *out, size_t n, double level)
{
    struct phone_dice d = {99};
    for (size_t i = 0; i < n; i++) {
        out[i] = g711_mulaw_encode1((int16_t)(level * (double)phone_dice_normal(&d)));
    }
}

TEST(a_good_line_changes_nothing)
{
    struct wire *w = wire_new();
    static uint8_t before[sizeof(w->sent)];
    put_noise(w->heard, sizeof(w->heard), 3000);
    put_noise(w->sent, sizeof(w->sent), 2000);
    memcpy(before, w->sent, sizeof(before));
    run(w, &(struct phone_line_opts){0}, 0, 1);
    assert_memory_equal(w->sent, before, sizeof(before));
    free(w);
}

/* Where the echo stands, and how much weaker it is than what was heard. */
static void find_echo(const struct wire *w, size_t *ret_delay, double *ret_db)
{
    const size_t n = 8000, from = 12000;
    double best = 0;
    for (size_t delay = 0; delay < 4000; delay++) {
        double sum = 0;
        for (size_t i = from; i < from + n; i++) {
            sum += (double)g711_mulaw_decode1(w->sent[i]) * g711_mulaw_decode1(w->heard[i - delay]);
        }
        if (sum > best) {
            best = sum;
            *ret_delay = delay;
        }
    }
    *ret_db = db(rms_of(w->sent + from, n), rms_of(w->heard + from - *ret_delay, n));
}

TEST(the_echo_comes_back_at_its_delay_and_loss)
{
    static const struct {
        uint32_t delay_ms, tail_ms;
        double loss;
    } cases[] = {{0, 0, -6}, {40, 0, -12}, {123, 0, -20}, {400, 0, -30}, {80, 120, -15}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire *w = wire_new();
        size_t delay = 0;
        double loss = 0;
        put_noise(w->heard, sizeof(w->heard), 6000);
        run(w,
            &(struct phone_line_opts){.echo = true,
                                      .echo_db = cases[i].loss,
                                      .echo_delay_ms = cases[i].delay_ms,
                                      .echo_tail_ms = cases[i].tail_ms},
            0, 7);
        find_echo(w, &delay, &loss);
        assert_int_equal(delay, cases[i].delay_ms * 8);
        assert_true(fabs(loss - cases[i].loss) < 0.7);
        /* Nothing comes back before its time. */
        assert_int_equal(w->sent[0], cases[i].delay_ms ? PHONE_SILENCE_BYTE : w->sent[0]);
        free(w);
    }
}

TEST(a_clipped_echo_is_cut_before_its_loss)
{
    struct wire *w = wire_new();
    for (size_t i = 0; i < sizeof(w->heard); i++) {
        w->heard[i] = g711_mulaw_encode1((int16_t)(20000.0 * sin((double)i * 0.3)));
    }
    run(w, &(struct phone_line_opts){.echo = true, .echo_db = -12, .echo_clip = true, .echo_delay_ms = 20}, 0, 1);
    int peak = 0;
    for (size_t i = 0; i < sizeof(w->sent); i++) {
        peak = MAX(peak, abs(g711_mulaw_decode1(w->sent[i])));
    }
    assert_in_range(peak, 1950, 2170); /* 8192 less 12 dB, and what mu-law rounds */
    free(w);
}

TEST(noise_lies_as_far_below_the_speech_as_was_asked)
{
    static const double snr[] = {20, 10, 0};
    for (int kind = 0; kind < PHONE_NOISE_N; kind++) {
        for (size_t i = 0; i < ARRAY_LEN(snr); i++) {
            struct wire *w = wire_new();
            run(w,
                &(struct phone_line_opts){.noise = true, .noise_db = snr[i], .noise_kind = (enum phone_noise_kind)kind},
                3000, 5);
            double got = db(3000, rms_of(w->sent, sizeof(w->sent)));
            if (fabs(got - snr[i]) > 1.6) { /* babble and pink swell within the four seconds */
                print_error("%s: %.2f dB, wanted %.1f\n", phone_noise_name((enum phone_noise_kind)kind), got, snr[i]);
                fail();
            }
            free(w);
        }
    }
}

TEST(the_same_seed_gives_the_same_noise_and_another_one_does_not)
{
    const struct phone_line_opts o = {.noise = true, .noise_db = 15, .noise_kind = PHONE_NOISE_WHITE};
    struct wire *a = wire_new(), *b = wire_new(), *c = wire_new();
    run(a, &o, 0, 1);
    run(b, &o, 0, 1);
    run(c, &o, 0, 2);
    assert_memory_equal(a->sent, b->sent, sizeof(a->sent));
    assert_memory_not_equal(a->sent, c->sent, sizeof(a->sent));
    free(a);
    free(b);
    free(c);
}

TEST(gain_offset_and_zero_silence)
{
    struct wire *w = wire_new();
    put_noise(w->sent, 4000, 2000);
    double before = rms_of(w->sent, 4000);
    run(w, &(struct phone_line_opts){.gain_db = 6}, 0, 1);
    assert_true(fabs(db(rms_of(w->sent, 4000), before) - 6) < 0.2);

    memset(w->sent, PHONE_SILENCE_BYTE, sizeof(w->sent));
    run(w, &(struct phone_line_opts){.dc_offset = 500}, 0, 1);
    assert_in_range(g711_mulaw_decode1(w->sent[1000]), 480, 520);

    memset(w->sent, PHONE_SILENCE_BYTE, sizeof(w->sent));
    put_noise(w->sent, PHONE_FRAME_BYTES, 2000);
    run(w, &(struct phone_line_opts){.zero_silence = true}, 0, 1);
    assert_int_not_equal(w->sent[10], 0);
    assert_int_equal(w->sent[PHONE_FRAME_BYTES], 0);
    assert_int_equal(w->sent[sizeof(w->sent) - 1], 0);
    free(w);
}

TEST(lines_out_of_range_are_refused)
{
    static const struct phone_line_opts bad[] = {{.echo = true, .echo_delay_ms = 1001},
                                                 {.echo = true, .echo_tail_ms = 401},
                                                 {.echo = true, .echo_db = -91},
                                                 {.noise = true, .noise_db = 121},
                                                 {.gain_db = 61},
                                                 {.dc_offset = 40000}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct phone_line l;
        assert_err(phone_line_init(&l, &bad[i], 0, 1), EINVAL);
        phone_line_done(&l);
    }
    enum phone_noise_kind kind;
    assert_err(phone_noise_parse(STR("brown"), &kind), EINVAL);
    assert_ok(phone_noise_parse(STR("hum"), &kind));
    assert_int_equal(kind, PHONE_NOISE_HUM);
}

TEST(the_level_is_that_of_the_speech_without_its_pauses)
{
    static uint8_t speech[16000];
    struct phone_level v = {0};
    memset(speech, PHONE_SILENCE_BYTE, sizeof(speech));
    phone_level_add(&v, span_from(speech, sizeof(speech)));
    assert_true(phone_level_rms(&v) <= 0);
    put_noise(speech, 4000, 2000);
    phone_level_add(&v, span_from(speech, sizeof(speech)));
    assert_true(fabs(db((double)phone_level_rms(&v), 2000)) < 0.3);
}

/* ---- sounds ---- */

TEST(every_sound_is_loud_short_seeded_and_named)
{
    struct str rest = str_from(phone_sound_names()), name;
    size_t n = 0;
    while (str_split(&rest, ',', &name)) {
        struct phone_speech a, b, c;
        name = str_trim(name);
        assert_ok(phone_sound_make(name, 1, &a));
        assert_ok(phone_sound_make(name, 1, &b));
        assert_ok(phone_sound_make(name, 2, &c));
        assert_in_range(a.n, 50, 12000);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.mulaw, b.mulaw, a.n);
        size_t loud = 0;
        for (size_t i = 0; i < a.n; i += PHONE_FRAME_BYTES) {
            loud += phone_frame_is_loud(a.mulaw + i, MIN((size_t)PHONE_FRAME_BYTES, a.n - i));
        }
        assert_true(loud > 0);
        bool varies = a.n != c.n || memcmp(a.mulaw, c.mulaw, a.n) != 0;
        assert_true(varies || str_is(name, "click"));
        free(a.mulaw);
        free(b.mulaw);
        free(c.mulaw);
        n++;
    }
    assert_int_equal(n, 8);
    struct phone_speech none;
    assert_err(phone_sound_make(STR("sneeze"), 1, &none), EINVAL);
}

/* A backchannel is a voice: pulses at the pitch of one, twice, within what people take for it. */
TEST(mmhm_is_voiced_and_lasts_as_long_as_one)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct phone_speech s;
        assert_ok(phone_sound_make(STR("mmhm"), seed, &s));
        assert_in_range(s.n, 300 * 8, 600 * 8);
        double best = 0, zero = 0;
        size_t at = s.n - 1600, pitch = 0; /* within the second syllable */
        for (size_t lag = 0; lag < 130; lag++) {
            double sum = 0;
            for (size_t i = at; i + lag < at + 800; i++) {
                sum += (double)g711_mulaw_decode1(s.mulaw[i]) * g711_mulaw_decode1(s.mulaw[i + lag]);
            }
            zero = lag == 0 ? sum : zero;
            if (lag >= 20 && sum > best) {
                best = sum;
                pitch = lag;
            }
        }
        assert_in_range(pitch, 8000 / 320, 8000 / 80);
        assert_true(best > 0.5 * zero);
        free(s.mulaw);
    }
}

/* ---- packets ---- */

struct arrival {
    uint64_t offset_ms, chunk;
    size_t n;
    uint8_t first;
};

struct carrier {
    struct arrival list[2000];
    size_t n;
    uint64_t bytes;
};

static void on_packet(const struct phone_media *m, void *arg)
{
    struct carrier *c = arg;
    assert_true(c->n < ARRAY_LEN(c->list));
    c->list[c->n++] = (struct arrival){m->offset_ms, m->chunk, m->audio.n, m->audio.p[0]};
    c->bytes += m->audio.n;
}

/* Frame i holds the byte i % 100. */
static struct carrier *send(const struct phone_packet_opts *o, size_t frames, struct phone_packets *p)
{
    struct carrier *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    assert_ok(phone_packets_init(p, o, 3));
    for (size_t i = 0; i < frames; i++) {
        uint8_t frame[PHONE_FRAME_BYTES];
        memset(frame, (int)(i % 100), sizeof(frame));
        phone_packets_push(p, frame, on_packet, c);
    }
    phone_packets_done(p);
    return c;
}

TEST(keys_as_sound_are_heard_as_keys)
{
    struct phone_speech tones;
    static int16_t pcm[32 * 1600];
    char digits[64];
    struct dtmf d;
    assert_ok(phone_tones_make("0123456789ABCD*#", &tones));
    assert_int_equal(tones.n, 16 * 1600);
    for (size_t i = 0; i < tones.n; i++) {
        pcm[i] = g711_mulaw_decode1(tones.mulaw[i]);
    }
    free(tones.mulaw);
    dtmf_init(&d);
    size_t n = 0;
    for (size_t i = 0; i < 16 * 1600; i += 160) {
        n += dtmf_run(&d, pcm + i, 160, digits + n);
    }
    assert_int_equal(n, 16);
    assert_memory_equal(digits, "0123456789ABCD*#", 16);
    assert_err(phone_tones_make("", &tones), EINVAL);
    assert_err(phone_tones_make("12x", &tones), EINVAL);
    assert_err(phone_tones_make("123456789012345678901234567890123", &tones), EINVAL);
}

TEST(packets_are_frames_unless_told_otherwise)
{
    struct phone_packets p;
    struct carrier *c = send(&(struct phone_packet_opts){0}, 100, &p);
    assert_int_equal(c->n, 100);
    for (size_t i = 0; i < c->n; i++) {
        assert_int_equal(c->list[i].offset_ms, i * 20);
        assert_int_equal(c->list[i].chunk, i + 1);
        assert_int_equal(c->list[i].n, 160);
        assert_int_equal(c->list[i].first, i % 100);
    }
    free(c);
}

TEST(other_sizes_carry_the_time_of_their_first_byte)
{
    static const uint32_t sizes[] = {40, 80, 200, 320, 1600, 4000};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct phone_packets p;
        struct carrier *c = send(&(struct phone_packet_opts){.bytes = sizes[k]}, 100, &p);
        assert_int_equal(c->n, 16000 / sizes[k]);
        for (size_t i = 0; i < c->n; i++) {
            assert_int_equal(c->list[i].n, sizes[k]);
            assert_int_equal(c->list[i].offset_ms, i * sizes[k] / 8);
            assert_int_equal(c->list[i].first, i * sizes[k] / 160 % 100);
        }
        free(c);
    }
}

TEST(another_rate_fills_more_or_fewer_bytes_into_the_same_time)
{
    static const uint32_t rates[] = {4000, 6000, 16000, 48000};
    for (size_t k = 0; k < ARRAY_LEN(rates); k++) {
        struct phone_packets p;
        struct carrier *c = send(&(struct phone_packet_opts){.rate_hz = rates[k]}, 100, &p);
        assert_int_equal(c->bytes, rates[k] * 2);
        assert_int_equal(c->list[10].offset_ms, 200);
        assert_int_equal(c->list[10].n, rates[k] / 50);
        free(c);
    }
}

TEST(some_come_twice)
{
    struct phone_packets p;
    struct carrier *c = send(&(struct phone_packet_opts){.double_percent = 20}, 500, &p);
    size_t twice = 0;
    for (size_t i = 1; i < c->n; i++) {
        twice += c->list[i].chunk == c->list[i - 1].chunk && c->list[i].offset_ms == c->list[i - 1].offset_ms;
    }
    assert_in_range(twice, 60, 140);
    assert_int_equal(c->n, 500 + twice);
    free(c);
}

TEST(some_are_overtaken_by_a_few_and_none_is_lost)
{
    struct phone_packets p;
    struct carrier *c = send(&(struct phone_packet_opts){.late_percent = 10}, 500, &p);
    uint64_t newest = 0;
    size_t late = 0;
    bool seen[501] = {0};
    for (size_t i = 0; i < c->n; i++) {
        assert_false(seen[c->list[i].chunk]);
        seen[c->list[i].chunk] = true;
        late += c->list[i].chunk < newest;
        assert_true(c->list[i].chunk + 2 * PHONE_LATE_MAX >= newest);
        newest = MAX(newest, c->list[i].chunk);
        assert_int_equal(c->list[i].offset_ms, (c->list[i].chunk - 1) * 20);
    }
    assert_in_range(late, 25, 80);
    assert_in_range(c->n, 500 - PHONE_LATE_MAX, 500); /* the last ones still wait for others to overtake them */
    free(c);
}

TEST(a_hole_is_a_hole_and_time_goes_on)
{
    struct phone_packets p;
    const struct phone_packet_opts o = {.drops = {{1000, 500}, {1800, 40}}, .n_drops = 2};
    struct carrier *c = send(&o, 100, &p);
    assert_int_equal(c->n, 100 - 25 - 2);
    assert_int_equal(c->list[49].offset_ms, 980);
    assert_int_equal(c->list[50].offset_ms, 1500);
    assert_int_equal(c->list[50].chunk, 76);
    free(c);
}

/* Nothing is lost, nothing changes places: it only comes late, and all at once. */
TEST(a_stall_is_made_up_for_at_once)
{
    struct phone_packets p;
    const struct phone_packet_opts o = {.stalls = {{1000, 500}, {1800, 400}}, .n_stalls = 2};
    struct carrier *c = send(&o, 100, &p); /* two seconds: the second one is not over */
    assert_int_equal(c->n, 90);
    for (size_t i = 0; i < c->n; i++) {
        assert_int_equal(c->list[i].offset_ms, i * 20);
        assert_int_equal(c->list[i].chunk, i + 1);
    }
    free(c);
    c = send(&o, 70, &p);
    assert_int_equal(c->n, 50);
    free(c);
}

TEST(packets_out_of_range_are_refused)
{
    static const struct phone_packet_opts bad[] = {{.bytes = 39},
                                                   {.bytes = 4001},
                                                   {.rate_hz = 3999},
                                                   {.rate_hz = 48001},
                                                   {.late_percent = 101},
                                                   {.double_percent = -1},
                                                   {.n_drops = PHONE_DROPS_MAX + 1},
                                                   {.n_stalls = PHONE_DROPS_MAX + 1}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct phone_packets p;
        assert_err(phone_packets_init(&p, &bad[i], 1), EINVAL);
        phone_packets_done(&p);
    }
}

TEST_MAIN(T(a_good_line_changes_nothing), T(the_echo_comes_back_at_its_delay_and_loss),
          T(a_clipped_echo_is_cut_before_its_loss), T(noise_lies_as_far_below_the_speech_as_was_asked),
          T(the_same_seed_gives_the_same_noise_and_another_one_does_not), T(gain_offset_and_zero_silence),
          T(lines_out_of_range_are_refused), T(the_level_is_that_of_the_speech_without_its_pauses),
          T(every_sound_is_loud_short_seeded_and_named), T(mmhm_is_voiced_and_lasts_as_long_as_one),
          T(keys_as_sound_are_heard_as_keys), T(packets_are_frames_unless_told_otherwise),
          T(other_sizes_carry_the_time_of_their_first_byte),
          T(another_rate_fills_more_or_fewer_bytes_into_the_same_time), T(some_come_twice),
          T(some_are_overtaken_by_a_few_and_none_is_lost), T(a_hole_is_a_hole_and_time_goes_on),
          T(a_stall_is_made_up_for_at_once), T(packets_out_of_range_are_refused))
