/* Facts about the services that change over time: checked against their model and voice pages, November 2026. */
#include "config/draft.h"

const char *model_default(void)
{
    return "gpt-realtime-2.1";
}

/* The previews were shut down with the beta interface on 2026-05-12, dated snapshots included. */
bool model_is_retired(struct str model)
{
    return str_starts(model, STR("gpt-4o-realtime-preview")) || str_starts(model, STR("gpt-4o-mini-realtime-preview"));
}

bool voice_is_known(struct str voice)
{
    static const char *const voices[] = {"alloy", "ash",     "ballad", "coral", "echo",
                                         "sage",  "shimmer", "verse",  "marin", "cedar"};

    for (uint32_t i = 0; i < ARRAY_LEN(voices); i++) {
        if (str_is(voice, voices[i])) {
            return true;
        }
    }
    return str_starts(voice, STR("voice_"));
}

const char *live_model_default(void)
{
    return "gemini-3.8-live";
}

const char *live_voice_default(void)
{
    return "Kore";
}

bool live_voice_is_known(struct str voice)
{
    static const char *const voices[] = {
        "Zephyr",     "Puck",          "Charon",       "Kore",      "Fenrir",     "Leda",    "Orus",    "Aoede",
        "Callirrhoe", "Autonoe",       "Enceladus",    "Iapetus",   "Umbriel",    "Algieba", "Despina", "Erinome",
        "Algenib",    "Rasalgethi",    "Laomedeia",    "Achernar",  "Alnilam",    "Schedar", "Gacrux",  "Pulcherrima",
        "Achird",     "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat"};

    for (uint32_t i = 0; i < ARRAY_LEN(voices); i++) {
        if (str_is(voice, voices[i])) {
            return true;
        }
    }
    return false;
}
