#include "net/gzip.h"

#include <zlib.h>

#include "base/err.h"

#define WINDOW_GZIP (MAX_WBITS + 16)
#define MEM_LEVEL   8
#define CHUNK       (32u << 10)

/* Runs the stream until it is at its end, whatever it is. */
static int pump(z_stream *z, int (*step)(z_stream *z, int flush), struct buf *out)
{
    for (;;) {
        uint8_t *room = buf_room(out, CHUNK);
        if (!room) {
            return out->err;
        }
        z->next_out = room;
        z->avail_out = CHUNK;
        int rc = step(z, Z_FINISH);
        buf_added(out, CHUNK - z->avail_out);
        if (rc == Z_STREAM_END) {
            return 0;
        }
        /* Z_BUF_ERROR with a full chunk only wants more room. */
        if ((rc != Z_OK && rc != Z_BUF_ERROR) || z->avail_out > 0) {
            return rc == Z_MEM_ERROR ? -ENOMEM : -ERR_SYNTAX;
        }
    }
}

/* zlib does not write to its input; its type says so only on request. */
static Bytef *input(struct span in)
{
    return (Bytef *)(uintptr_t)in.p;
}

int gzip_pack(struct span in, struct buf *out)
{
    z_stream z = {.next_in = input(in), .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX) {
        return -ERR_TOO_BIG;
    }
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return -ENOMEM;
    }
    int err = pump(&z, deflate, out);
    deflateEnd(&z);
    return err;
}

int gzip_unpack(struct span in, struct buf *out)
{
    z_stream z = {.next_in = input(in), .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX) {
        return -ERR_TOO_BIG;
    }
    if (inflateInit2(&z, WINDOW_GZIP) != Z_OK) {
        return -ENOMEM;
    }
    int err = pump(&z, inflate, out);
    inflateEnd(&z);
    return err;
}
