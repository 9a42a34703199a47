/*
 * Sounds of a caller that are no words: a cough, a knock, "mm-hm" and the like, synthesised from a seed, mu-law at
 * 8 kHz at telephone levels. The same name and seed give the same bytes always. Pure; blocking for well under a
 * millisecond. Not here: when they come (phone_script.h).
 */
#ifndef PEER_PHONE_SOUND_H
#define PEER_PHONE_SOUND_H

#include "peer/phone/phone_speech.h"

/* One of phone_sound_names. -EINVAL, -ENOMEM */
MUST_USE int phone_sound_make(struct str name, uint64_t seed, struct phone_speech *ret);
/* Keys as tones of 100 ms, 100 ms apart; 1 to 32 of "0123456789ABCD*#". -EINVAL, -ENOMEM */
MUST_USE int phone_tones_make(const char *digits, struct phone_speech *ret);
/* "cough, click, ...", for messages. */
const char *phone_sound_names(void);

#endif
