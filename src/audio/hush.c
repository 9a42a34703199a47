#include "audio/hush.h"

#include <string.h>

void hush_init(struct hush *h, uint32_t rate_hz, int16_t *room)
{
    *h = (struct hush){.whole = rate_hz / 1000 * HUSH_MS, .x = room};
}

/* n samples to where their position puts them; n is at most the loop. */
static void put(struct hush *h, uint64_t position, const int16_t *pcm, size_t n)
{
    size_t at = position % h->n;
    size_t head = MIN(n, h->n - at);
    memcpy(h->x + at, pcm, head * sizeof(*pcm));
    memcpy(h->x, pcm + head, (n - head) * sizeof(*pcm));
}

void hush_hear(struct hush *h, uint64_t position, const int16_t *pcm, size_t n)
{
    bool first = h->n == 0;
    h->n = h->whole;
    for (size_t done = 0; done < h->n && (done == 0 || first);) {
        size_t part = MIN(n, h->n - done);
        put(h, position + done, pcm, part);
        done += part;
    }
}

void hush_forget(struct hush *h)
{
    h->n = 0;
}

void hush_fill(const struct hush *h, uint64_t position, int16_t *out, size_t n)
{
    while (n > 0 && h->n > 0) {
        size_t at = position % h->n;
        size_t part = MIN(n, h->n - at);
        memcpy(out, h->x + at, part * sizeof(*out));
        out += part;
        n -= part;
        position += part;
    }
    memset(out, 0, n * sizeof(*out));
}
