/*
 * A sentence as a WAV file in the sandbox's voice: a stand-in for what a person will record (outbound.sounds, fillers).
 * Not how the sandbox answers a session: sandbox_voice.h. Blocking.
 */
#ifndef PEER_SANDBOX_SPEAK_H
#define PEER_SANDBOX_SPEAK_H

#include <stdio.h>

#include "base/str.h"

/* PCM16, mono, 8000 Hz. -ENOTSUP (built without flite), -ERR_MISSING (no words), -ERR_TOO_BIG (TTS_TEXT_MAX_BYTES),
 * -ENOMEM, and what writing fails of */
MUST_USE int sandbox_speak(struct str text, FILE *out);

#endif
