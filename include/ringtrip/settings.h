/**
 * @file settings.h
 * Session settings by name: voice, model, formats, turn detection and so on.
 *
 * Settings come in layers. A session starts with those of its runner; those of the session win over them, name by
 * name; the agent's instructions, tools and handoffs come last. After a handoff or rt_session_update_agent the same is
 * done again with the new agent, so that a custom voice stays.
 *
 *     name                      value
 *     model_name                text, "gpt-realtime-2.1"
 *     voice                     text, or {"id": "voice_..."}
 *     modalities                ["audio"] or ["text"]; also output_modalities
 *     speed                     number
 *     max_output_tokens         1 to 4096 or "inf"
 *     input_audio_format        "pcm16", "g711_ulaw", "g711_alaw" and their other spellings; also audio.input.format
 *     output_audio_format       likewise; also audio.output.format
 *     input_audio_noise_reduction   {"type": "near_field"}, {"type": "far_field"} or null
 *     input_audio_transcription     {"model", "language", "prompt", "keywords", "languages", "delay"} or null
 *     turn_detection            null (turns by hand) or {"type": "semantic_vad" | "server_vad" | "local" ...}
 *     tool_choice               "auto", "none", "required" or the name of a tool
 *     parallel_tool_calls       true or false
 *     reasoning                 {"effort": "low"}
 *     tracing                   "auto", null, or {"workflow_name", "group_id", "metadata"}
 *     prompt                    {"id", "version", "variables"}, stored at the service
 *     truncation                "auto", "disabled" or {"type": "retention_ratio", "retention_ratio", "token_limits"}
 *     temperature               number; a service that has none is not told, and the log says so once
 */
#ifndef RINGTRIP_SETTINGS_H
#define RINGTRIP_SETTINGS_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of settings. Thread: one at a time. */
struct rt_settings;

/** An empty set: every setting has its default. -ENOMEM */
RT_API int rt_settings_new(struct rt_settings **ret);
/** NULL is fine. */
RT_API void rt_settings_free(struct rt_settings *settings);
/** Sets one to a text. -RT_ERR_MISSING: no such setting; -RT_ERR_TYPE, -RT_ERR_RANGE, -ENOMEM. Nothing is changed then.
 */
RT_API int rt_settings_set(struct rt_settings *settings, const char *name, const char *text);
/** Sets one to any JSON value; "null" has the meaning of the table above. Likewise, and -RT_ERR_SYNTAX. */
RT_API int rt_settings_set_json(struct rt_settings *settings, const char *name, const char *json);
/** Sets all members of one JSON object; nested audio.input and audio.output objects are understood. Likewise. */
RT_API int rt_settings_merge_json(struct rt_settings *settings, const char *json);

#ifdef __cplusplus
}
#endif

#endif
