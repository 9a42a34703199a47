/*
 * What is wrong with the caller's end of the line: the agent's voice that comes back from the earpiece into the
 * mouthpiece, noise, a level that is too high or too low, an offset, silence sent as 0x00. Works on 20 ms frames in the
 * linear domain, then mu-law again. Pure and seeded. Not here: packets (phone_packet.h), delay of the network.
 *
 *     heard -> [clip] -> [delay] -> [tail] -> echo loss --+
 *     said  -> gain ----------------------------------------> sum -> offset -> mu-law -> sent
 *     noise -> level from the caller's own ----------------+
 */
#ifndef PEER_PHONE_LINE_H
#define PEER_PHONE_LINE_H

#include "peer/phone/phone_link.h"
#include "peer/phone/phone_noise.h"
#include "peer/phone/phone_playout.h"

#define PHONE_ECHO_DELAY_MAX_MS 1000u
#define PHONE_ECHO_TAIL_MAX_MS  400u

struct phone_line_opts {
    bool echo;
    double echo_db;         /* of what comes back, relative to what is heard; below 0 */
    uint32_t echo_delay_ms; /* up to PHONE_ECHO_DELAY_MAX_MS */
    uint32_t echo_tail_ms;  /* reverberation behind it, up to PHONE_ECHO_TAIL_MAX_MS; the whole keeps echo_db */
    bool echo_clip;         /* the loudspeaker is driven too hard: cut at a quarter of full scale, before the loss */
    bool noise;
    double noise_db; /* speech above the noise: SNR against the caller's own speech, pauses not counted */
    enum phone_noise_kind noise_kind;
    const struct phone_noise *noise_bed; /* lent; NULL: made by the phone */
    double gain_db;                      /* of the caller */
    int32_t dc_offset;                   /* of 16-bit samples */
    bool zero_silence;                   /* frames of nothing but mu-law silence leave as 0x00 */
};

struct phone_line {
    struct phone_line_opts o;
    struct phone_noise *own_bed;
    bool on; /* something is to be done at all */
    float gain, echo_gain, noise_rms;
    uint64_t noise_at;
    float *past; /* what was heard: a ring */
    uint64_t past_n;
    struct {
        uint32_t at; /* samples behind the direct one */
        float gain;
    } taps[64];
    size_t n_taps;
};

/*
 * speech_rms: level of the caller's own speech, of 32768 (phone_line_speech_rms); 0: telephone speech as usual.
 * -EINVAL (out of range), -ENOMEM
 */
MUST_USE int phone_line_init(struct phone_line *l, const struct phone_line_opts *o, float speech_rms, uint64_t seed);
void phone_line_done(struct phone_line *l);
/* said: in, what the caller says; out, what leaves. heard: what the earpiece plays in the same 20 ms. */
void phone_line_step(struct phone_line *l, const uint8_t heard[PHONE_FRAME_BYTES], uint8_t said[PHONE_FRAME_BYTES]);

/* Mean level of the loud frames among these bytes; sum and n go on over several calls. */
struct phone_level {
    double sum;
    uint64_t n;
};
void phone_level_add(struct phone_level *v, struct span mulaw);
float phone_level_rms(const struct phone_level *v); /* 0: nothing loud */

#endif
