/* The sentence that says what an option wants. */
#include "config/draft.h"

static void put_words(struct buf *why, const struct option_word *words)
{
    uint32_t n = 0, seen = 0;

    for (const struct option_word *w = words; w->word; w++) {
        n += !w->hidden;
    }
    buf_puts(why, n == 2 ? "must be " : "must be one of ");
    for (; words->word; words++) {
        if (!words->hidden) {
            buf_printf(why, "%s%s", seen == 0 ? "" : n == 2 ? " or " : ", ", words->word);
            seen++;
        }
    }
}

static void put_range(struct buf *why, const struct option *o, const char *what)
{
    buf_printf(why, "must be %s from %.10g to %.10g", what, o->min, o->max);
    if (o->word0) {
        buf_printf(why, " or %s", o->word0);
    }
}

void wanted_put(struct buf *why, const struct option *o)
{
    if (o->words) {
        put_words(why, o->words);
        return;
    }
    switch (o->type) {
    case OPTION_BOOL:
        buf_puts(why, "must be true or false");
        return;
    case OPTION_U16:
    case OPTION_U32:
    case OPTION_I32:
        put_range(why, o, "a whole number");
        return;
    case OPTION_F64:
    case OPTION_PPM:
        put_range(why, o, "a number");
        return;
    case OPTION_MONEY:
        put_range(why, o, "an amount with at most six decimals,");
        return;
    case OPTION_MS:
        put_range(why, o, "a duration in milliseconds (or 250ms, 5s, 2m, 1h)");
        return;
    case OPTION_SECONDS:
        put_range(why, o, "a duration in seconds (or 30s, 5m, 1h)");
        return;
    case OPTION_URL:
        buf_puts(why, "must be an address such as https://voice.example.com (http, https, ws or wss)");
        return;
    case OPTION_HOSTNAME:
        buf_puts(why, "must be a host name alone, such as voice.example.com");
        return;
    case OPTION_LISTEN:
        buf_puts(why, "must be host:port, [ipv6]:port, :port or a port");
        return;
    case OPTION_AUDIO:
        buf_puts(why, "must be audio/pcmu, audio/pcma or audio/pcm (or g711_ulaw, g711_alaw, pcm16)");
        return;
    case OPTION_MODALITIES:
        buf_puts(why, "must be [audio] or [text]");
        return;
    case OPTION_VOICE:
        buf_puts(why, "must be a name or {id: voice_...}");
        return;
    case OPTION_CHOICE:
        buf_puts(why, "must be auto, none, required or the name of a tool");
        return;
    case OPTION_LIST:
    case OPTION_SECRETS:
        buf_puts(why, "must be a list of words");
        return;
    case OPTION_TEXTS:
        buf_printf(why, "must be a sentence or a list of at most %u", CALL_SILENCE_PROMPTS);
        return;
    case OPTION_WHEN:
        buf_puts(why, "must be true, false or a map of conditions");
        return;
    case OPTION_TOOLS:
        buf_puts(why, "must be a list of tools");
        return;
    case OPTION_HANDOFFS:
        buf_puts(why, "must be a list of agents");
        return;
    case OPTION_BLOCKS:
        buf_puts(why, "must be a list of addresses or blocks such as 10.0.0.0/8");
        return;
    case OPTION_SCHEMA:
        buf_puts(why, "must be a map, the JSON Schema of an object");
        return;
    case OPTION_TRACING:
        buf_puts(why, "must be auto, none or a map with workflow_name, group_id and metadata");
        return;
    case OPTION_PROMPT:
        buf_puts(why, "must be a map with id, version and variables");
        return;
    case OPTION_TRUNCATION:
        buf_puts(why, "must be auto, disabled or a map with type, retention_ratio and token_limits");
        return;
    case OPTION_MAP:
    case OPTION_SECRET_MAP:
        buf_puts(why, "must be a map of names to texts");
        return;
    case OPTION_STR:
    case OPTION_SECRET:
    case OPTION_FILE:
    case OPTION_ENUM:
    case OPTION_DROPPED:
        buf_puts(why, "must be a text");
        return;
    }
}
