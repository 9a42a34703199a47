/*
 * What the targets of wire protocols have in common: the first byte chooses who reads the rest, and readers get buffers
 * that are bounded as in the programs.
 */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include "base/base64.h"
#include "base/buf.h"
#include "fuzz.h"

struct world {
    struct buf scratch, other, out; /* decoding; decoding again what was written; writing */
};

typedef void (*reader_fn)(struct world *w, struct str text);

static inline int world_read(const uint8_t *data, size_t size, const reader_fn *readers, size_t n)
{
    struct world w;
    if (size == 0) {
        return 0;
    }
    buf_init(&w.scratch, 1 << 22);
    buf_init(&w.other, 1 << 22);
    buf_init(&w.out, 1 << 22);
    readers[data[0] % n](&w, (struct str){(const char *)data + 1, size - 1});
    buf_done(&w.scratch);
    buf_done(&w.other);
    buf_done(&w.out);
    return 0;
}

#define FUZZ_READERS(...)                                                                                              \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                                       \
    {                                                                                                                  \
        static const reader_fn readers[] = {__VA_ARGS__};                                                              \
        return world_read(data, size, readers, ARRAY_LEN(readers));                                                    \
    }

static inline bool is_base64(struct str text)
{
    uint8_t *bytes = malloc(base64_dec_max(text.n) + 1);
    bool ok = bytes && base64_decode(bytes, text) >= 0;
    free(bytes);
    return ok;
}

#endif
