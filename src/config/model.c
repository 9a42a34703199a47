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

static const char *const voices[] = {"alloy", "ash",     "ballad", "coral", "echo",
                                     "sage",  "shimmer", "verse",  "marin", "cedar"};

static const char *const live_voices[] = {
    "Zephyr",     "Puck",          "Charon",       "Kore",      "Fenrir",     "Leda",    "Orus",    "Aoede",
    "Callirrhoe", "Autonoe",       "Enceladus",    "Iapetus",   "Umbriel",    "Algieba", "Despina", "Erinome",
    "Algenib",    "Rasalgethi",    "Laomedeia",    "Achernar",  "Alnilam",    "Schedar", "Gacrux",  "Pulcherrima",
    "Achird",     "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat"};

static bool is_among(struct str voice, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(voice, list[i])) {
            return true;
        }
    }
    return false;
}

static void put_names(struct buf *out, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", list[i]);
    }
}

bool voice_is_known(struct str voice)
{
    return is_among(voice, voices, ARRAY_LEN(voices)) || str_starts(voice, STR("voice_"));
}

void voice_put_names(struct buf *out)
{
    put_names(out, voices, ARRAY_LEN(voices));
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
    return is_among(voice, live_voices, ARRAY_LEN(live_voices));
}

void live_voice_put_names(struct buf *out)
{
    put_names(out, live_voices, ARRAY_LEN(live_voices));
}
