#include "audio/vad/net.h"

#include <stdio.h>

#include "base/err.h"

/* Changes with the layout, so that a block of another build is refused. */
static const char magic[8] = "rtvad 1";
_Static_assert(sizeof(struct vad_head) == VAD_ALIGN, "the floats behind the head stay aligned");

uint32_t vad_chunk_samples(enum vad_branch branch)
{
    return branch == VAD_16K ? 512 : 256;
}

uint32_t vad_rate_hz(enum vad_branch branch)
{
    return branch == VAD_16K ? 16000 : 8000;
}

uint32_t vad_context_samples(enum vad_branch branch)
{
    return vad_chunk_samples(branch) / 8;
}

/* Hands out the parts one after the other; with no memory it only counts. */
struct cursor {
    const float *at;
    size_t used;
};

static const float *part(struct cursor *c, size_t floats)
{
    const float *p = c->at ? c->at + c->used : NULL;
    const size_t unit = VAD_ALIGN / sizeof(float);
    c->used += (floats + unit - 1) / unit * unit;
    return p;
}

static struct vad_layer layer(struct cursor *c, uint32_t in, uint32_t out)
{
    return (struct vad_layer){.w = part(c, (size_t)in * out), .bias = part(c, out), .in = in, .out = out};
}

static size_t lay_out(enum vad_branch branch, const float *floats, struct vad_net *n)
{
    struct cursor c = {.at = floats};
    n->points = branch == VAD_16K ? 256 : 128;
    n->bins = n->points / 2 + 1;
    n->window = part(&c, n->points);
    n->turn = part(&c, (size_t)n->points * 2);
    n->encoder[0] = layer(&c, 3 * n->bins, 128);
    n->encoder[1] = layer(&c, 3 * 128, 64);
    n->encoder[2] = layer(&c, 2 * 64, 64);
    n->encoder[3] = layer(&c, 64, 128);
    n->lstm = layer(&c, 2 * VAD_HIDDEN, 4 * VAD_HIDDEN);
    n->out_w = part(&c, VAD_HIDDEN);
    n->out_bias = part(&c, 1);
    return c.used;
}

size_t vad_net_floats(enum vad_branch branch)
{
    struct vad_net ignored;
    return lay_out(branch, NULL, &ignored);
}

void vad_net_bind(enum vad_branch branch, const float *floats, struct vad_net *ret)
{
    ignore_result(lay_out(branch, floats, ret) == 0); /* the size is known */
}

size_t vad_block_bytes(void)
{
    return sizeof(struct vad_head) + (vad_net_floats(VAD_8K) + vad_net_floats(VAD_16K)) * sizeof(float);
}

/* FNV-1a, 64 bits: tells weights apart, protects from nobody. */
static uint64_t fingerprint(struct span s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        hash = (hash ^ s.p[i]) * 0x100000001b3u;
    }
    return hash;
}

void vad_block_seal(void *block)
{
    struct vad_head head = {.id = ""};
    struct span floats = {(const uint8_t *)block + sizeof(head), vad_block_bytes() - sizeof(head)};
    memcpy(head.magic, magic, sizeof(magic));
    ignore_result(snprintf(head.id, sizeof(head.id), "%016llx", (unsigned long long)fingerprint(floats)) < 0);
    memcpy(block, &head, sizeof(head));
}

int vad_block_open(struct span block, const char **ret_id, struct vad_net ret[VAD_BRANCH_N])
{
    const struct vad_head *head = (const void *)block.p;
    if (block.n != vad_block_bytes() || (uintptr_t)block.p % VAD_ALIGN != 0 ||
        memcmp(head->magic, magic, sizeof(magic)) != 0 || head->id[16] != '\0') {
        return -ERR_CORRUPT;
    }
    const float *floats = (const void *)(head + 1);
    *ret_id = head->id;
    vad_net_bind(VAD_8K, floats, &ret[VAD_8K]);
    vad_net_bind(VAD_16K, floats + vad_net_floats(VAD_8K), &ret[VAD_16K]);
    return 0;
}
