/*
 * Cost of the codecs on the audio path, in ns per operation: bench_codec [rounds]. Best of 200 short batches, since the
 * neighbours' load only ever adds. Prints only; budgets are kept by whoever reads it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/comfort.h"
#include "audio/convert.h"
#include "audio/dtmf.h"
#include "audio/fade.h"
#include "audio/g711.h"
#include "audio/line.h"
#include "audio/place.h"
#include "audio/tone.h"
#include "base/base64.h"
#include "wire/openai.h"
#include "wire/openai_server.h"
#include "wire/twilio.h"

#define BATCHES      200
#define VOICE_FRAMES 100

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Everything the operations touch. */
struct world {
    struct buf media; /* a carrier message with 160 bytes */
    struct buf delta; /* a model message with 16,384 base64 characters */
    struct buf out;
    struct buf scratch;
    uint8_t mulaw[160];
    uint8_t pcm24[960];
    int16_t linear[480];
    int16_t resampled[1440];
    uint8_t bytes[16384];
    char text[16388];
    struct str payload;       /* base64 of 160 bytes */
    struct str large_payload; /* 16,384 characters */
    struct resample up, down, up16, down16;
    struct dtmf dtmf;
    struct line line;
    struct place place;
    struct limit limit;
    struct comfort comfort;
    int16_t room[COMFORT_ROOM_MAX]; /* of comfort */
    int16_t rest[160];              /* of a quiet line */
    struct tone tone;
    uint64_t frame;                         /* number of the next one that is heard */
    int16_t voice[VOICE_FRAMES][160];       /* harmonics in syllables */
    uint8_t voice_mulaw[VOICE_FRAMES][160]; /* the same */
    uint64_t sum;                           /* keeps results alive */
};

static void op_base64_decode(struct world *w)
{
    w->sum += (unsigned)base64_decode(w->bytes, w->payload);
}

static void op_base64_decode_large(struct world *w)
{
    w->sum += (unsigned)base64_decode(w->bytes, w->large_payload);
}

static void op_base64_encode(struct world *w)
{
    w->sum += base64_encode(w->text, span_from(w->mulaw, 160));
}

static void op_base64_encode_large(struct world *w)
{
    w->sum += base64_encode(w->text, span_from(w->bytes, 12288));
}

static void op_media_decode(struct world *w)
{
    struct twilio_msg m;
    w->sum += twilio_decode(buf_str(&w->media), &w->scratch, &m, NULL) == 0 ? m.media.payload.n : 0;
}

static void op_media_encode(struct world *w)
{
    buf_clear(&w->out);
    twilio_put_media(&w->out, STR("MZ0123456789abcdef0123456789abcdef"), span_from(w->bytes, 800));
    w->sum += w->out.len;
}

static void op_delta_decode(struct world *w)
{
    struct openai_event e;
    w->sum += openai_decode(buf_str(&w->delta), &w->scratch, &e, NULL) == 0 ? e.text.n : 0;
}

static void op_append_encode(struct world *w)
{
    buf_clear(&w->out);
    openai_put_append(&w->out, span_from(w->mulaw, 160));
    w->sum += w->out.len;
}

static void op_append_text(struct world *w)
{
    buf_clear(&w->out);
    openai_put_append_text(&w->out, w->payload);
    w->sum += w->out.len;
}

static void op_append_pcm(struct world *w)
{
    buf_clear(&w->out);
    openai_put_append(&w->out, span_from(w->pcm24, 960));
    w->sum += w->out.len;
}

static void op_append_decode(struct world *w)
{
    struct openai_client_event e;
    struct openai_server_error error;
    w->sum += openai_server_decode(buf_str(&w->out), &w->scratch, &e, &error) == 0 ? e.audio.n : 0;
}

static void op_mulaw_decode(struct world *w)
{
    g711_mulaw_decode(span_from(w->mulaw, 160), w->linear);
    w->sum += (uint16_t)w->linear[7];
}

static void op_mulaw_encode(struct world *w)
{
    g711_mulaw_encode(w->linear, 160, w->bytes);
    w->sum += w->bytes[7];
}

static void op_resample_up(struct world *w)
{
    size_t n;
    resample_run(&w->up, w->linear, 160, w->resampled, &n);
    w->sum += n;
}

static void op_resample_down(struct world *w)
{
    size_t n;
    resample_run(&w->down, w->linear, 480, w->resampled, &n);
    w->sum += n;
}

static void op_resample_up16(struct world *w)
{
    size_t n;
    resample_run(&w->up16, w->linear, 160, w->resampled, &n);
    w->sum += n;
}

static void op_resample_down16(struct world *w)
{
    size_t n;
    resample_run(&w->down16, w->linear, 320, w->resampled, &n);
    w->sum += n;
}

static void op_line(struct world *w)
{
    int16_t pcm[160];
    struct line_frame f = {.audio = span_from(w->voice_mulaw[w->frame % VOICE_FRAMES], 160),
                           .now_ms = w->frame * 20,
                           .clean = w->bytes,
                           .pcm = pcm};
    w->frame++;
    line_run(&w->line, &f);
    w->sum += (uint16_t)pcm[7] + f.n_pcm;
}

static void op_place(struct world *w)
{
    uint32_t at_ms = (uint32_t)w->frame * 20;
    w->sum += place_judge(&w->place, at_ms, 20, span_from(w->voice_mulaw[w->frame % VOICE_FRAMES], 160)).kind;
    w->frame++;
}

static void op_dtmf(struct world *w)
{
    char digits[8];
    w->sum += dtmf_run(&w->dtmf, w->voice[w->frame++ % VOICE_FRAMES], 160, digits);
}

static void op_limit(struct world *w)
{
    int16_t pcm[160];
    memcpy(pcm, w->voice[w->frame++ % VOICE_FRAMES], sizeof(pcm));
    limit_run(&w->limit, pcm, 160);
    w->sum += (uint16_t)pcm[7];
}

static void op_limit_loud(struct world *w)
{
    int16_t pcm[160];
    memcpy(pcm, w->voice[w->frame++ % VOICE_FRAMES], sizeof(pcm));
    pcm[0] = INT16_MAX;
    limit_run(&w->limit, pcm, 160);
    w->sum += (uint16_t)pcm[7];
}

static void op_fade(struct world *w)
{
    fade_in(AUDIO_PCMU, w->bytes, 160, fade_bytes(AUDIO_PCMU));
    w->sum += w->bytes[20];
}

static void op_comfort_hear(struct world *w)
{
    comfort_hear(&w->comfort, w->voice[w->frame++ % VOICE_FRAMES], 160);
    w->sum += w->comfort.n;
}

/* A frame lost after each that was heard: the search for the pitch is in it. */
static void op_comfort_fill(struct world *w)
{
    int16_t pcm[160];
    w->comfort.gap = 0;
    comfort_fill(&w->comfort, pcm, 160);
    w->sum += (uint16_t)pcm[7];
}

static void op_comfort_rest(struct world *w)
{
    int16_t pcm[160];
    comfort_rest(&w->comfort, pcm, 160);
    w->sum += (uint64_t)pcm[80];
}

static void op_hush_hear(struct world *w)
{
    hush_hear(&w->comfort.hush, w->comfort.position, w->rest, 160);
    w->sum += (uint64_t)w->comfort.hush.x[1];
}

static void op_tone(struct world *w)
{
    int16_t pcm[160];
    w->sum += tone_run(&w->tone, pcm, 160) + (uint16_t)pcm[7];
}

static const struct {
    const char *name;
    void (*run)(struct world *w);
} ops[] = {
    {"base64 decode, 216 characters", op_base64_decode},
    {"base64 decode, 16384 characters", op_base64_decode_large},
    {"base64 encode, 160 bytes", op_base64_encode},
    {"base64 encode, 12288 bytes", op_base64_encode_large},
    {"twilio media decode, 160 bytes", op_media_decode},
    {"twilio media encode, 800 bytes", op_media_encode},
    {"openai delta decode, 16384 characters", op_delta_decode},
    {"openai append encode, 960 bytes", op_append_pcm},
    {"openai append from text, 216 characters", op_append_text},
    {"openai append encode, 160 bytes", op_append_encode},
    {"openai append decode (server), 160 bytes", op_append_decode}, /* of what the line before left in out */
    {"mu-law decode, 160 samples", op_mulaw_decode},
    {"mu-law encode, 160 samples", op_mulaw_encode},
    {"resample 8 -> 24 kHz, 20 ms", op_resample_up},
    {"resample 24 -> 8 kHz, 20 ms", op_resample_down},
    {"resample 8 -> 16 kHz, 20 ms", op_resample_up16},
    {"resample 16 -> 8 kHz, 20 ms", op_resample_down16},
    {"order of a frame, 20 ms", op_place},
    {"watch over the line, 20 ms of voice", op_line},
    {"keys in the audio, 20 ms of voice", op_dtmf},
    {"limiter, 20 ms below its knee", op_limit},
    {"limiter, 20 ms with a peak", op_limit_loud},
    {"fade of 5 ms, mu-law", op_fade},
    {"comfort, 20 ms heard", op_comfort_hear},
    {"comfort, 20 ms of a lost voice", op_comfort_fill},
    {"comfort, 20 ms at rest", op_comfort_rest},
    {"line at rest, 20 ms heard", op_hush_hear},
    {"ring-back, 20 ms", op_tone},
};

static void put_voice(struct world *w)
{
    for (int i = 0; i < VOICE_FRAMES * 160; i++) {
        double t = i / 8000.0;
        double v = 0;
        for (int h = 1; h < 20; h++) {
            v += sin(2 * M_PI * h * (120 * t + 3 * sin(2 * t)) + h) / h;
        }
        w->voice[i / 160][i % 160] = (int16_t)lrint(5000 * fmax(0, sin(2 * M_PI * 2 * t)) * v);
    }
    for (int k = 0; k < VOICE_FRAMES; k++) {
        g711_mulaw_encode(w->voice[k], 160, w->voice_mulaw[k]);
    }
    line_init(&w->line, AUDIO_PCMU);
    place_init(&w->place);
    dtmf_init(&w->dtmf);
    limit_init(&w->limit, 8000, LIMIT_CEILING);
    comfort_init(&w->comfort, 8000, w->room);
    for (size_t i = 0; i < 160; i++) {
        w->rest[i] = (int16_t)((int)(i * 7919 % 101) - 50);
    }
}

static int world_init(struct world *w)
{
    *w = (struct world){0};
    buf_init(&w->media, 1 << 16);
    buf_init(&w->delta, 1 << 16);
    buf_init(&w->out, 1 << 16);
    buf_init(&w->scratch, 1 << 16);
    for (size_t i = 0; i < sizeof(w->bytes); i++) {
        w->bytes[i] = (uint8_t)(i * 131 + (i >> 5));
    }
    for (int i = 0; i < 480; i++) {
        w->linear[i] = (int16_t)lrint(9000 * sin(i * 0.3));
    }
    memcpy(w->pcm24, w->bytes, sizeof(w->pcm24));
    g711_mulaw_encode(w->linear, 160, w->mulaw);
    struct twilio_msg m = {
        .event = TWILIO_MEDIA, .sequence = 1234, .stream_sid = STR("MZ0123456789abcdef0123456789abcdef")};
    m.media = (struct twilio_media){.chunk = 1233, .timestamp_ms = 24660};
    twilio_put_carrier_media(&w->media, &m, span_from(w->mulaw, 160));
    struct openai_server_ref ref = {.response_id = STR("resp_0123456789abcdefghijk"),
                                    .item_id = STR("item_0123456789abcdefghijk")};
    openai_server_put_audio(&w->delta, STR("event_0123456789abcdefghijk"), &ref, span_from(w->bytes, 12288));
    struct twilio_msg got;
    int err = twilio_decode(buf_str(&w->media), &w->scratch, &got, NULL);
    w->payload = err == 0 ? got.media.payload : STR_NULL;
    struct openai_event e;
    err = err < 0 ? err : openai_decode(buf_str(&w->delta), &w->scratch, &e, NULL);
    w->large_payload = err == 0 ? e.text : STR_NULL;
    put_voice(w);
    err = err < 0 ? err : tone_init(&w->tone, 8000, &tone_ringback_us);
    err = err < 0 ? err : resample_init(&w->up16, 8000, 16000);
    err = err < 0 ? err : resample_init(&w->down16, 16000, 8000);
    err = err < 0 ? err : resample_init(&w->up, 8000, 24000);
    return err < 0 ? err : resample_init(&w->down, 24000, 8000);
}

static void world_done(struct world *w)
{
    buf_done(&w->media);
    buf_done(&w->delta);
    buf_done(&w->out);
    buf_done(&w->scratch);
}

static double best_ns(struct world *w, void (*run)(struct world *), int rounds)
{
    double best = 1e18;
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t from = now_ns();
        for (int i = 0; i < rounds; i++) {
            run(w);
        }
        best = fmin(best, (double)(now_ns() - from) / rounds);
    }
    return best;
}

int main(int argc, char **argv)
{
    static struct world w;
    int64_t rounds = 200;
    if (argc > 2 || (argc == 2 && (str_to_i64(str_from(argv[1]), &rounds) < 0 || rounds < 1 || rounds > 10000000))) {
        fprintf(stderr, "usage: bench_codec [rounds]\n");
        return 2;
    }
    if (world_init(&w) < 0) {
        fprintf(stderr, "bench_codec: set-up failed\n");
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        printf("%-42s %8.1f ns\n", ops[i].name, best_ns(&w, ops[i].run, (int)rounds));
    }
    printf("# checksum %llu\n", (unsigned long long)w.sum);
    world_done(&w);
    return 0;
}
