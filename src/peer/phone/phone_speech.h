/*
 * Where the caller's speech comes from: text spoken by flite, or a WAV file; both as mu-law at 8 kHz, silence at the
 * ends cut off so that onset and end are those of the sound. Blocking (1 ms a second of speech): start-up, a job, or a
 * program without calls. Not here: when it is said (phone_script.h).
 */
#ifndef PEER_PHONE_SPEECH_H
#define PEER_PHONE_SPEECH_H

#include "base/buf.h"

struct phone_speech {
    uint8_t *mulaw; /* owned: free */
    size_t n;
};

/* -ENOTSUP (built without flite), -ERR_TOO_BIG, -ENOMEM, -EINVAL (nothing in it can be spoken) */
MUST_USE int phone_speech_say(struct str text, struct phone_speech *ret);
/*
 * Any WAV that audio/wav.h reads, at 8, 16 or 24 kHz, up to 10 minutes; channels are mixed. -errno, -ENOTSUP (another
 * rate), -ERR_TOO_BIG, -EINVAL (silence only), errors of wav_parse. ret_err gets a sentence; may be NULL.
 */
MUST_USE int phone_speech_load(const char *path, struct phone_speech *ret, struct buf *ret_err);

#endif
