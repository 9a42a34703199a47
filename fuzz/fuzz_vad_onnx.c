/*
 * The reader of the model of the voice activity detector: hostile bytes are refused with a reason, never read beyond
 * their end. The first byte of a seed says what the rest is: a model file, or the inside of a graph that is wrapped
 * here.
 */
#include "fuzz.h"

#include "audio/vad/onnx.h"
#include "base/err.h"

static void read_it(struct span file)
{
    struct vad_tensors tensors[VAD_BRANCH_N];
    struct buf why;
    buf_init(&why, 4096);
    int err = vad_onnx_read(file, &why, tensors);
    /* No input of a fuzzer holds two megabytes of weights. */
    REQUIRE(err == -ERR_CORRUPT || err == -ERR_MISSING || err == -ERR_TYPE);
    REQUIRE(why.len > 0 && why.err == 0);
    REQUIRE(vad_onnx_read(file, NULL, tensors) == err);
    buf_done(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] != 'g') {
        read_it(span_from(data, size));
        return 0;
    }
    struct buf model;
    buf_init(&model, 4u << 20);
    buf_putc(&model, 0x3a); /* the graph of a model */
    for (size_t n = size - 1; n; n >>= 7) {
        buf_putc(&model, (char)((n & 0x7F) | (n > 0x7F ? 0x80 : 0)));
    }
    if (size == 1) {
        buf_putc(&model, 0);
    }
    buf_put(&model, data + 1, size - 1);
    read_it(buf_span(&model));
    buf_done(&model);
    return 0;
}
