/*
 * Callers' voices: flite's statistical ones at 8 kHz mu-law, two men and a woman, beside the phone's own diphone voice.
 * The same order of calls in a fresh process gives the same samples. One thread.
 */
#ifndef TESTS_CONVERSATIONS_VOICES_H
#define TESTS_CONVERSATIONS_VOICES_H

#include "peer/phone/phone_speech.h"

enum voice { VOICE_RMS, VOICE_SLT, VOICE_AWB, VOICE_KAL, VOICE_N };
#define VOICES_NATURAL VOICE_KAL /* those before it */
const char *voice_name(enum voice v);
/* As phone_speech_say. -ENOTSUP: built without this voice. */
MUST_USE int voice_say(enum voice v, struct str text, struct phone_speech *ret);

#endif
