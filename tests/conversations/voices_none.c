/* Built without flite's statistical voices: the phone's own speaks for all. */
#include "voices.h"

const char *voice_name(enum voice v UNUSED)
{
    return "kal";
}

int voice_say(enum voice v UNUSED, struct str text, struct phone_speech *ret)
{
    return phone_speech_say(text, ret);
}
