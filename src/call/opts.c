#include "call/opts.h"

void tool_rules_init(struct tool_rules *r)
{
    *r = (struct tool_rules){.approval = {.timeout_ms = 60000}};
}

void call_opts_init(struct call_opts *o)
{
    *o = (struct call_opts){
        .greeting = {.kind = GREETING_PROMPT, .fallback_ms = 5000},
        .turn = {.kind = TURN_SERVER_VAD,
                 .threshold = -1,
                 .prefix_padding_ms = -1,
                 .silence_duration_ms = -1,
                 .idle_timeout_ms = -1,
                 .create_response = true,
                 .interrupt_response = true},
        .vad = {.rate_hz = 8000,
                .start_ppm = 500000,
                .end_ppm = 350000,
                .min_speech_ms = 96,
                .min_silence_ms = 400,
                .pre_speech_ms = 300,
                .grace_ms = 500},
        .barge_in = {.on = true,
                     .pause = true,
                     .verdict_ms = 420,
                     .pause_ppm = 200000,
                     .min_speech_ms = 224,
                     .echo_extra_ms = 160,
                     .reject_silence_ms = 128,
                     .backchannel_ms = 640,
                     .edge_ms = 1000,
                     .back_ms = 300,
                     .backoff_ms = 10000,
                     .backoff_ppm = 200000},
        .silence = {.on = true,
                    .after_ms = 15000,
                    .again_ms = 10000,
                    .n_prompts = 2,
                    .prompts = {STR("Are you still there?"), STR("I cannot hear you. Are you still on the line?")},
                    .goodbye = STR("I still cannot hear you, so I will hang up now. Goodbye.")},
        .dead_air = {.on = true, .nudge_ms = 8000, .nudges = 1, .max_response_ms = 300000},
        .echo_guard = true,
        .playout = {.lead_ms = 200, .max_lead_ms = 600, .burst_ms = 100},
        .deadlines = {.leg_start_ms = 15000,
                      .model_ready_ms = 8000,
                      .response_ms = 5000,
                      .stall_ms = 15000,
                      .cancel_ms = 3000,
                      .tool_ms = 10000,
                      .farewell_ms = 5000,
                      .hangup_ms = 5000,
                      .media_ms = 20000},
        .limits = {.max_call_s = 3600, .queue_ms = 600000, .uplink_ms = 10000},
        .record = true,
        .approvals = {.yes = STR("yes\nyeah\nyep\nsure\nok\nokay\ncorrect\nright\ngo ahead\nplease do\nof course"),
                      .no = STR("no\nnope\nnot\ndon't\ndo not\nnever\nstop\nwait\ncancel"),
                      .transcript_ms = 3000},
    };
}
