/*
 * Cost of the codecs on the audio path, in ns per operation: bench_codec [rounds]. Best of 200 short batches, since the
 * neighbours' load only ever adds. Prints only; budgets are kept by whoever reads it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/convert.h"
#include "audio/g711.h"
#include "base/base64.h"
#include "wire/openai.h"
#include "wire/openai_server.h"
#include "wire/twilio.h"

#define BATCHES 200

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
    struct resample up, down;
    uint64_t sum; /* keeps results alive */
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
    buf_clear(&w->out, 16);
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
    buf_clear(&w->out, 16);
    openai_put_append(&w->out, span_from(w->mulaw, 160));
    w->sum += w->out.len;
}

static void op_append_text(struct world *w)
{
    buf_clear(&w->out, 16);
    openai_put_append_text(&w->out, w->payload);
    w->sum += w->out.len;
}

static void op_append_pcm(struct world *w)
{
    buf_clear(&w->out, 16);
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
};

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
