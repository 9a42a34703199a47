/*
 * Background noise of a caller's place: a seeded loop of eight seconds at 8 kHz and unit RMS, made once (blocking, some
 * milliseconds; babble speaks through flite) and shared by any number of phones. Immutable afterwards; thread: any.
 */
#ifndef PEER_PHONE_NOISE_H
#define PEER_PHONE_NOISE_H

#include "base/str.h"

enum phone_noise_kind {
    PHONE_NOISE_WHITE,
    PHONE_NOISE_PINK,   /* 3 dB less per octave: a room, a street */
    PHONE_NOISE_BABBLE, /* six voices at once; without flite: noise that is shaped and swells as speech does */
    PHONE_NOISE_HUM,    /* 50 Hz mains, what of it a telephone passes: its harmonics */
    PHONE_NOISE_N
};
/* "white", "pink", "babble", "hum". -EINVAL */
MUST_USE int phone_noise_parse(struct str name, enum phone_noise_kind *ret);
const char *phone_noise_name(enum phone_noise_kind kind);

struct phone_noise;

/* -ENOMEM */
MUST_USE int phone_noise_new(enum phone_noise_kind kind, uint64_t seed, struct phone_noise **ret);
struct phone_noise *phone_noise_free(struct phone_noise *n);
/* Adds n samples from *at on (any value; moved on) at this RMS to out. */
void phone_noise_add(const struct phone_noise *n, uint64_t *at, float rms, float *out, size_t n_out);

#endif
