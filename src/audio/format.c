#include "audio/format.h"

#include "base/err.h"

static const struct {
    const char *wire;
    const char *name;
} formats[AUDIO_FORMAT_N] = {
#define X(name, wire, word, hz, bytes) {wire, word},
    AUDIO_FORMAT_LIST(X)
#undef X
};

const uint16_t audio_rates_hz[AUDIO_FORMAT_N] = {
#define X(name, wire, word, hz, bytes) [name] = hz,
    AUDIO_FORMAT_LIST(X)
#undef X
};

const uint8_t audio_widths[AUDIO_FORMAT_N] = {
#define X(name, wire, word, hz, bytes) [name] = bytes,
    AUDIO_FORMAT_LIST(X)
#undef X
};

const char *audio_format_wire(enum audio_format f)
{
    return (unsigned)f < AUDIO_FORMAT_N ? formats[f].wire : "unknown";
}

const char *audio_format_name(enum audio_format f)
{
    return (unsigned)f < AUDIO_FORMAT_N ? formats[f].name : "unknown";
}

int audio_format_parse(struct str s, enum audio_format *ret)
{
    static const struct {
        const char *word;
        enum audio_format format;
    } aliases[] = {{"pcm", AUDIO_PCM16_24K}, {"pcmu", AUDIO_PCMU},  {"pcma", AUDIO_PCMA},
                   {"ulaw", AUDIO_PCMU},     {"mulaw", AUDIO_PCMU}, {"alaw", AUDIO_PCMA}};
    for (unsigned i = 0; i < AUDIO_FORMAT_N; i++) {
        if (str_ieq(s, str_from(formats[i].wire)) || str_ieq(s, str_from(formats[i].name))) {
            *ret = (enum audio_format)i;
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        if (str_ieq(s, str_from(aliases[i].word))) {
            *ret = aliases[i].format;
            return 0;
        }
    }
    return -EINVAL;
}

uint8_t audio_silence_byte(enum audio_format f)
{
    return f == AUDIO_PCMU ? 0xFF : f == AUDIO_PCMA ? 0xD5 : 0x00;
}
