#include "call/opts.h"

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
    };
}
