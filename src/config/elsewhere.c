#include "config/elsewhere.h"

#define IN_AGENT "it belongs to the agent: "

static const struct {
    enum option_scope scope;
    const char *path;
    const char *hint;
} keys[] = {
    {OPTION_ROOT, "contexts", "write agents"},
    {OPTION_ROOT, "default_provider", "write agent.provider"},
    {OPTION_ROOT, "on_provider_failure", "write failover in the provider and agent.apology"},
    {OPTION_ROOT, "profiles", "the carrier's format is the format"},
    {OPTION_ROOT, "pipelines", "there are speech-to-speech models only"},
    {OPTION_ROOT, "active_pipeline", "there are speech-to-speech models only"},
    {OPTION_ROOT, "asterisk", "calls come over a carrier, carriers.twilio or carriers.plivo"},
    {OPTION_ROOT, "audio_transport", "calls come over a carrier, carriers.twilio or carriers.plivo"},
    {OPTION_ROOT, "audiosocket", "calls come over a carrier, carriers.twilio or carriers.plivo"},
    {OPTION_ROOT, "external_media", "calls come over a carrier, carriers.twilio or carriers.plivo"},
    {OPTION_ROOT, "streaming", "playback is paced by the carrier's marks; see playout"},
    {OPTION_ROOT, "agent.profile", "the carrier's format is the format"},
    {OPTION_ROOT, "agent.background_music", "leave it out: there is none"},
    {OPTION_PROVIDER, "enabled", "leave out a provider that is not wanted"},
    {OPTION_PROVIDER, "base_url", "write url"},
    {OPTION_PROVIDER, "greeting", IN_AGENT "agent.greeting"},
    {OPTION_PROVIDER, "instructions", IN_AGENT "agent.instructions"},
    {OPTION_PROVIDER, "max_output_tokens", IN_AGENT "agent.max_output_tokens"},
    {OPTION_PROVIDER, "max_response_output_tokens", IN_AGENT "agent.max_output_tokens"},
    {OPTION_PROVIDER, "turn_detection", IN_AGENT "agent.turn_detection"},
    {OPTION_PROVIDER, "turn_detection_type", IN_AGENT "agent.turn_detection.type"},
    {OPTION_PROVIDER, "turn_detection_enabled", IN_AGENT "agent.turn_detection; type manual is off"},
    {OPTION_PROVIDER, "modalities", IN_AGENT "agent.output_modalities"},
    {OPTION_PROVIDER, "response_modalities", IN_AGENT "agent.output_modalities"},
    {OPTION_PROVIDER, "input_audio_format", IN_AGENT "agent.input_format"},
    {OPTION_PROVIDER, "output_audio_format", IN_AGENT "agent.output_format"},
    {OPTION_PROVIDER, "provider_input_encoding", IN_AGENT "agent.input_format"},
    {OPTION_PROVIDER, "output_encoding", IN_AGENT "agent.output_format"},
    {OPTION_PROVIDER, "input_encoding", "leave it out: it is the carrier's"},
    {OPTION_PROVIDER, "target_encoding", "leave it out: it is the carrier's"},
    {OPTION_PROVIDER, "input_audio_sample_rate", "leave it out: it is that of agent.input_format"},
    {OPTION_PROVIDER, "output_audio_sample_rate", "leave it out: it is that of agent.output_format"},
    {OPTION_PROVIDER, "input_sample_rate_hz", "leave it out: it is the carrier's"},
    {OPTION_PROVIDER, "provider_input_sample_rate_hz", "leave it out: it is that of agent.input_format"},
    {OPTION_PROVIDER, "output_sample_rate_hz", "leave it out: it is that of agent.output_format"},
    {OPTION_PROVIDER, "target_sample_rate_hz", "leave it out: it is the carrier's"},
    {OPTION_PROVIDER, "output_resampler", "leave it out: there is one, alias-free"},
    {OPTION_PROVIDER, "egress_pacer_enabled", "leave it out: playback is always paced"},
    {OPTION_PROVIDER, "egress_pacer_warmup_ms", "leave it out: playback is paced by the carrier's marks"},
    {OPTION_PROVIDER, "farewell_hangup_delay_sec", "leave it out: we hang up when the goodbye has been played"},
};

const char *elsewhere_hint(enum option_scope scope, struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].scope == scope && str_is(path, keys[i].path)) {
            return keys[i].hint;
        }
    }
    return NULL;
}
