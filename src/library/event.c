#include "ringtrip/event.h"

#include <stdlib.h>

#include "audio/format.h"

const char *rt_event_name(enum rt_event_type type)
{
    static const char *const names[] = {
#define X(constant, name, alias) [constant] = name,
        RT_EVENT_LIST(X)
#undef X
    };
    return (unsigned)type < RT_EVENT_N ? names[type] : "";
}

const char *rt_event_alias(enum rt_event_type type)
{
    static const char *const names[] = {
#define X(constant, name, alias) [constant] = alias,
        RT_EVENT_LIST(X)
#undef X
    };
    return (unsigned)type < RT_EVENT_N ? names[type] : "";
}

uint32_t rt_audio_bytes_per_ms(enum rt_audio_format format)
{
    switch (format) {
    case RT_AUDIO_PCM16_24K:
        return audio_bytes_per_ms(AUDIO_PCM16_24K);
    case RT_AUDIO_PCM16_16K:
        return audio_bytes_per_ms(AUDIO_PCM16_16K);
    case RT_AUDIO_PCM16_8K:
        return audio_bytes_per_ms(AUDIO_PCM16_8K);
    case RT_AUDIO_PCMU:
        return audio_bytes_per_ms(AUDIO_PCMU);
    case RT_AUDIO_PCMA:
        return audio_bytes_per_ms(AUDIO_PCMA);
    }
    return 0;
}
