#include "peer/speech/speech_asr.h"

#include "base/err.h"

bool asr_available(void)
{
    return false;
}

int asr_new(const struct asr_opts *opts, struct buf *ret_err, struct asr **ret)
{
    buf_puts(ret_err, "built without pocketsphinx");
    return -ENOTSUP;
}

struct asr *asr_free(struct asr *a)
{
    return NULL;
}

int asr_hear(struct asr *a, const int16_t *pcm, size_t n, uint32_t silence_ms, struct asr_result *ret)
{
    return -ENOTSUP;
}
