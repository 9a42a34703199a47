/* Session settings as one JSON text for each name; NULL: not given. Checked when they are set. */
#ifndef LIBRARY_SETTINGS_H
#define LIBRARY_SETTINGS_H

#include "base/buf.h"
#include "ringtrip/settings.h"

/* X(constant, name) in the order of the documentation */
#define SETTING_LIST(X)                                                                                                \
    X(SETTING_MODEL, "model_name")                                                                                     \
    X(SETTING_VOICE, "voice")                                                                                          \
    X(SETTING_MODALITIES, "modalities")                                                                                \
    X(SETTING_SPEED, "speed")                                                                                          \
    X(SETTING_MAX_TOKENS, "max_output_tokens")                                                                         \
    X(SETTING_INPUT_FORMAT, "input_audio_format")                                                                      \
    X(SETTING_OUTPUT_FORMAT, "output_audio_format")                                                                    \
    X(SETTING_NOISE_REDUCTION, "input_audio_noise_reduction")                                                          \
    X(SETTING_TRANSCRIPTION, "input_audio_transcription")                                                              \
    X(SETTING_TURN_DETECTION, "turn_detection")                                                                        \
    X(SETTING_TOOL_CHOICE, "tool_choice")                                                                              \
    X(SETTING_PARALLEL, "parallel_tool_calls")                                                                         \
    X(SETTING_REASONING, "reasoning")                                                                                  \
    X(SETTING_TRACING, "tracing")                                                                                      \
    X(SETTING_TEMPERATURE, "temperature")                                                                              \
    X(SETTING_PROMPT, "prompt")                                                                                        \
    X(SETTING_TRUNCATION, "truncation")

enum setting {
#define X(constant, name) constant,
    SETTING_LIST(X)
#undef X
        SETTING_N
};

struct rt_settings {
    char *json[SETTING_N];
};

const char *setting_name(enum setting s);
/* base, and what is given in over wins; both may be NULL. *ret shares nothing. -ENOMEM */
MUST_USE int settings_layer(const struct rt_settings *base, const struct rt_settings *over, struct rt_settings **ret);

#endif
