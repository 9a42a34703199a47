#include "peer/phone/phone_link.h"

#include <stdlib.h>

#include "base/err.h"

uint64_t phone_dice_next(struct phone_dice *d)
{
    uint64_t z = (d->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t phone_dice_below(struct phone_dice *d, uint64_t n)
{
    return n ? phone_dice_next(d) % n : 0; /* the bias of the remainder does not matter at these sizes */
}

bool phone_dice_roll(struct phone_dice *d, double percent)
{
    return percent > 0 && (double)phone_dice_below(d, 1000000) < percent * 10000.0;
}

float phone_dice_unit(struct phone_dice *d)
{
    return (float)(phone_dice_next(d) >> 40) / 16777216.0F;
}

float phone_dice_normal(struct phone_dice *d)
{
    uint32_t sum = 0; /* of twelve numbers of 16 bits, four in each draw */
    for (int i = 0; i < 3; i++) {
        uint64_t z = phone_dice_next(d);
        sum +=
            (uint32_t)(z & 0xFFFF) + (uint32_t)(z >> 16 & 0xFFFF) + (uint32_t)(z >> 32 & 0xFFFF) + (uint32_t)(z >> 48);
    }
    return (float)sum / 65536.0F - 6.0F;
}

void phone_link_init(struct phone_link *l, uint32_t delay_ms, uint32_t jitter_ms, uint64_t seed)
{
    *l = (struct phone_link){
        .delay_us = (uint64_t)delay_ms * 1000, .jitter_us = (uint64_t)jitter_ms * 1000, .dice = {seed}};
}

void phone_link_done(struct phone_link *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->packets[(l->head + i) % l->cap].data);
    }
    free(l->packets);
    free(l->taken);
    *l = (struct phone_link){0};
}

bool phone_link_direct(const struct phone_link *l)
{
    return l->n == 0 && l->delay_us == 0 && l->jitter_us == 0;
}

static int ring_grow(struct phone_link *l)
{
    if (l->n >= PHONE_LINK_PACKETS) {
        return -ERR_LIMIT;
    }
    size_t cap = l->cap ? l->cap * 2 : 64;
    struct phone_packet *packets = malloc(cap * sizeof(*packets));
    if (!packets) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < l->n; i++) {
        packets[i] = l->packets[(l->head + i) % l->cap];
    }
    free(l->packets);
    l->packets = packets;
    l->head = 0;
    l->cap = cap;
    return 0;
}

int phone_link_put(struct phone_link *l, uint64_t now_us, int kind, struct str data)
{
    if (l->n == l->cap) {
        int err = ring_grow(l);
        if (err < 0) {
            return err;
        }
    }
    char *copy = str_dup(data);
    if (!copy) {
        return -ENOMEM;
    }
    /* A late message holds up those behind it, as TCP does. */
    uint64_t due = now_us + l->delay_us + phone_dice_below(&l->dice, l->jitter_us + 1);
    l->last_due_us = MAX(due, l->last_due_us);
    l->packets[(l->head + l->n++) % l->cap] = (struct phone_packet){l->last_due_us, kind, copy, data.n};
    return 0;
}

bool phone_link_take(struct phone_link *l, uint64_t now_us, struct phone_packet *ret)
{
    if (l->n == 0 || l->packets[l->head].due_us > now_us) {
        return false;
    }
    *ret = l->packets[l->head];
    free(l->taken);
    l->taken = ret->data;
    l->head = (l->head + 1) % l->cap;
    l->n--;
    return true;
}

bool phone_link_next(const struct phone_link *l, uint64_t *ret_us)
{
    if (l->n == 0) {
        return false;
    }
    *ret_us = l->packets[l->head].due_us;
    return true;
}
