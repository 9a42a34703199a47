/*
 * Counters, gauges and histograms of one process. The list below is all there is: names, labels and help are constant,
 * a label has a closed set of words, never a call id. Updates are relaxed atomics (any thread, no lock, no allocation);
 * time is observed in microseconds and printed in seconds. docs/metrics.md is printed from the same list.
 */
#ifndef OBS_METRICS_H
#define OBS_METRICS_H

#include "base/buf.h"

/* Words of a label, separated by blanks; what is not among them counts as the last one. */
#define METRIC_RESULT_WORDS "completed failed"
#define METRIC_REASON_WORDS                                                                                            \
    "caller-hangup agent-hangup transferred api-hangup drain carrier-closed no-media model-unreachable model-refused " \
    "model-closed model-silent caller-silent limit-duration limit-cost guardrail protocol killed "                     \
    "no-answer busy not-dialled canceled machine voicemail no-consent internal-error"
#define METRIC_WEBHOOK_WORDS "ok error dropped"
#define METRIC_DIAL_WORDS                                                                                              \
    "answered voicemail machine consent_denied consent_timeout no_answer busy failed canceled unknown"
#define METRIC_CONSENT_WORDS  "accepted denied timeout"
#define METRIC_ANSWERER_WORDS "human machine machine_end unsure"
#define METRIC_REFUSED_WORDS  "max-calls per-number draining sockets other"
#define METRIC_VERDICT_WORDS  "speech service control short backchannel echo timeout guardrail protected"
#define METRIC_OK_WORDS       "ok error"
#define METRIC_SPAN_WORDS     "exported rejected failed dropped over_limit"
#define METRIC_HANDOFF_WORDS  "done refused update-refused update-timeout"
#define METRIC_TOOL_WORDS     "ok error timeout unknown"
#define METRIC_APPROVAL_WORDS                                                                                          \
    "approved rejected timeout-approved timeout-rejected sticky-approved sticky-rejected caller-asked "                \
    "caller-approved caller-rejected gone"
#define METRIC_ATTEMPT_WORDS                                                                                           \
    "answered_human voicemail_dropped machine_detected consent_denied consent_timeout no_answer busy error canceled "  \
    "unknown"
#define METRIC_SMS_WORDS      "sent refused failed"
#define METRIC_REQUEST_WORDS  "ok failed retried"
#define METRIC_TRANSFER_WORDS "ordered failed refused answered unanswered"
#define METRIC_STAGE_WORDS    "created stall cancel"
#define METRIC_TOKEN_WORDS    "in_text in_audio cached_text cached_audio out_text out_audio"
#define METRIC_AUTH_WORDS     "signature token bearer"
#define METRIC_HTTP_WORDS     "2xx 3xx 4xx 5xx 1xx"
#define METRIC_GUARD_WORDS    "regex words shapes length range http model code"
#define METRIC_SIDE_WORDS     "carrier model"
#define METRIC_LINE_WORDS                                                                                              \
    "zero-silence dc-offset full-scale rate-mismatch codec-mismatch frame-size gap late doubled stall other"
#define METRIC_SILENCE_WORDS  "prompt goodbye other"
#define METRIC_DEAD_AIR_WORDS "nudge renewal apology no-audio left-mute endless other"
#define METRIC_RENEWAL_WORDS  "quiet deadline left lost agent other"
#define METRIC_MODEL_ERROR_WORDS                                                                                       \
    "invalid_api_key insufficient_quota rate_limit_exceeded model_not_found session_expired "                          \
    "conversation_already_has_active_response response_cancel_not_active input_audio_buffer_commit_empty "             \
    "invalid_value unknown_parameter server_error other"

/* X(constant, kind, name, label or NULL, words or NULL, help) */
#define METRIC_LIST(X)                                                                                                 \
    X(METRIC_CALLS_ACTIVE, GAUGE, "ringtrip_calls_active", NULL, NULL, "Calls that are live now.")                     \
    X(METRIC_CALLS, COUNTER, "ringtrip_calls_total", "result", METRIC_RESULT_WORDS, "Calls that have ended.")          \
    X(METRIC_CALLS_CLOSED, COUNTER, "ringtrip_calls_closed_total", "reason", METRIC_REASON_WORDS,                      \
      "Calls that have ended, by close reason.")                                                                       \
    X(METRIC_DIALS, COUNTER, "ringtrip_dials_total", "outcome", METRIC_DIAL_WORDS,                                     \
      "Calls that we tried to make, by what became of them.")                                                          \
    X(METRIC_ANSWERERS, COUNTER, "ringtrip_answerers_total", "who", METRIC_ANSWERER_WORDS,                             \
      "Who answered calls that we made, by the carrier's detection.")                                                  \
    X(METRIC_CONSENTS, COUNTER, "ringtrip_consents_total", "reply", METRIC_CONSENT_WORDS,                              \
      "What came of the question that is put before an agent speaks.")                                                 \
    X(METRIC_CALLS_REFUSED, COUNTER, "ringtrip_calls_refused_total", "cause", METRIC_REFUSED_WORDS,                    \
      "Calls that were answered with busy or fallback instead of an agent.")                                           \
    X(METRIC_CALL_SECONDS, CALL_HISTOGRAM, "ringtrip_call_duration_seconds", NULL, NULL,                               \
      "Length of calls, start to stop of the media stream.")                                                           \
    X(METRIC_TURN_RESPONSE, TURN_HISTOGRAM, "ringtrip_turn_response_seconds", NULL, NULL,                              \
      "End of the caller's speech to the first agent audio sent to the carrier.")                                      \
    X(METRIC_GREETING, TURN_HISTOGRAM, "ringtrip_greeting_seconds", NULL, NULL,                                        \
      "Start of the media stream to the first agent audio sent.")                                                      \
    X(METRIC_BARGE_IN, COUNTER, "ringtrip_barge_in_total", "verdict", METRIC_VERDICT_WORDS,                            \
      "Sounds over the speaking agent: the first three stopped it, protected was let pass, after the others it went "  \
      "on.")                                                                                                           \
    X(METRIC_FALSE_PAUSES, COUNTER, "ringtrip_false_pauses_total", NULL, NULL,                                         \
      "Times the agent paused for a sound that was no interruption, and went on.")                                     \
    X(METRIC_PAUSE_SECONDS, PAUSE_HISTOGRAM, "ringtrip_false_pause_seconds", NULL, NULL, "Length of those pauses.")    \
    X(METRIC_SOUNDS_REJECTED, COUNTER, "ringtrip_sounds_rejected_total", "verdict", METRIC_VERDICT_WORDS,              \
      "Sounds of the caller that did not become a turn.")                                                              \
    X(METRIC_TURN_DETECTION, TURN_HISTOGRAM, "ringtrip_turn_detection_seconds", NULL, NULL,                            \
      "End of the caller's speech to the turn's commit.")                                                              \
    X(METRIC_END_SILENCE, TURN_HISTOGRAM, "ringtrip_end_silence_seconds", NULL, NULL,                                  \
      "Silence that the local detector counted before it ended a turn.")                                               \
    X(METRIC_ECHO_CALLS, COUNTER, "ringtrip_echo_calls_total", NULL, NULL,                                             \
      "Calls on whose line the agent came back as an echo.")                                                           \
    X(METRIC_ECHO_LOSS, DB_HISTOGRAM, "ringtrip_echo_return_loss_db", NULL, NULL,                                      \
      "Echo return loss of those calls, in dB.")                                                                       \
    X(METRIC_GATE_CLOSURES, COUNTER, "ringtrip_echo_gate_closures_total", NULL, NULL,                                  \
      "Times the echo guard replaced caller audio by silence; counted when a call ends.")                              \
    X(METRIC_GATED_SECONDS, MICRO_COUNTER, "ringtrip_echo_gated_seconds_total", NULL, NULL,                            \
      "Caller audio that it replaced; counted when a call ends.")                                                      \
    X(METRIC_LINE, COUNTER, "ringtrip_line_oddities_total", "oddity", METRIC_LINE_WORDS,                               \
      "Calls with this fault of the line.")                                                                            \
    X(METRIC_SILENCE, COUNTER, "ringtrip_silence_prompts_total", "rung", METRIC_SILENCE_WORDS,                         \
      "What was done because the caller said nothing.")                                                                \
    X(METRIC_DEAD_AIR, COUNTER, "ringtrip_dead_air_total", "action", METRIC_DEAD_AIR_WORDS,                            \
      "What was done because the model said nothing, or did not end.")                                                 \
    X(METRIC_RENEWALS, COUNTER, "ringtrip_model_renewals_total", "moment", METRIC_RENEWAL_WORDS,                       \
      "Model sessions that took a running call over.")                                                                 \
    X(METRIC_RENEWAL_FAILURES, COUNTER, "ringtrip_model_renewal_failures_total", NULL, NULL,                           \
      "Model sessions that could not be opened for a running call.")                                                   \
    X(METRIC_LEAVING, COUNTER, "ringtrip_model_leaving_total", NULL, NULL,                                             \
      "Times a service announced that it would close a session.")                                                      \
    X(METRIC_NOT_TRUNCATED, COUNTER, "ringtrip_model_not_truncated_total", NULL, NULL,                                 \
      "Interrupted items of services that cannot be told how much was heard: the model believes more.")                \
    X(METRIC_FAILOVERS, COUNTER, "ringtrip_model_failovers_total", NULL, NULL,                                         \
      "Changes to another provider of the failover list.")                                                             \
    X(METRIC_GAP_SECONDS, PAUSE_HISTOGRAM, "ringtrip_model_gap_seconds", NULL, NULL,                                   \
      "Time that a call was without any model session.")                                                               \
    X(METRIC_VAD_CHUNKS, COUNTER, "ringtrip_vad_chunks_total", NULL, NULL,                                             \
      "Chunks of 32 ms that the local speech detector judged.")                                                        \
    X(METRIC_VAD_LOOKS, COUNTER, "ringtrip_vad_looks_total", NULL, NULL,                                               \
      "Looks of the local speech detector ahead of a full chunk, over the agent.")                                     \
    X(METRIC_VAD_BATCH, COUNT_HISTOGRAM, "ringtrip_vad_batch_chunks", NULL, NULL, "Chunks that were judged together.") \
    X(METRIC_VAD_SECONDS, MICRO_COUNTER, "ringtrip_vad_seconds_total", NULL, NULL,                                     \
      "Time spent in the local speech detector.")                                                                      \
    X(METRIC_VAD_OVERLOADS, COUNTER, "ringtrip_vad_overloads_total", NULL, NULL,                                       \
      "Passes of an event loop with more than 256 chunks to judge.")                                                   \
    X(METRIC_LATE_AUDIO, COUNTER, "ringtrip_late_audio_dropped_total", NULL, NULL,                                     \
      "Audio deltas of cancelled responses that were dropped.")                                                        \
    X(METRIC_UNDERRUNS, COUNTER, "ringtrip_underruns_total", NULL, NULL,                                               \
      "Times the carrier ran out of agent audio within an item.")                                                      \
    X(METRIC_MARKS_LOST, COUNTER, "ringtrip_marks_lost_total", NULL, NULL,                                             \
      "Marks that never came back and were settled by the clock.")                                                     \
    X(METRIC_UPLINK_DROPPED, COUNTER, "ringtrip_uplink_dropped_bytes_total", NULL, NULL,                               \
      "Caller audio lost because the model did not take it.")                                                          \
    X(METRIC_RESPONSE_TIMEOUTS, COUNTER, "ringtrip_response_timeouts_total", "stage", METRIC_STAGE_WORDS,              \
      "Responses that missed a deadline.")                                                                             \
    X(METRIC_MODEL_ERRORS, COUNTER, "ringtrip_model_errors_total", "code", METRIC_MODEL_ERROR_WORDS,                   \
      "Errors reported by the model's service.")                                                                       \
    X(METRIC_MODEL_CONNECTS, COUNTER, "ringtrip_model_connects_total", "result", METRIC_OK_WORDS,                      \
      "Model sessions opened.")                                                                                        \
    X(METRIC_WS_CONNECT, TURN_HISTOGRAM, "ringtrip_ws_connect_seconds", NULL, NULL,                                    \
      "Opening of a model session to its confirmed settings.")                                                         \
    X(METRIC_WS_ERRORS, COUNTER, "ringtrip_ws_errors_total", "side", METRIC_SIDE_WORDS,                                \
      "Sockets that were closed because the peer broke a protocol.")                                                   \
    X(METRIC_TOKENS, COUNTER, "ringtrip_tokens_total", "kind", METRIC_TOKEN_WORDS,                                     \
      "Tokens used; cached ones are contained in the in_ kinds.")                                                      \
    X(METRIC_COST, MICRO_COUNTER, "ringtrip_cost_total", NULL, NULL,                                                   \
      "Cost of the tokens used, in the currency of the price table.")                                                  \
    X(METRIC_TOOLS, COUNTER, "ringtrip_tool_calls_total", "result", METRIC_TOOL_WORDS, "Tool calls of agents.")        \
    X(METRIC_HANDOFFS, COUNTER, "ringtrip_handoffs_total", "result", METRIC_HANDOFF_WORDS,                             \
      "Handoffs between agents, and settings of a running session that the service refused or did not confirm.")       \
    X(METRIC_TOOL_SECONDS, TURN_HISTOGRAM, "ringtrip_tool_seconds", NULL, NULL, "Duration of tool calls.")             \
    X(METRIC_GUARD_TRIPS, COUNTER, "ringtrip_guardrail_trips_total", "kind", METRIC_GUARD_WORDS,                       \
      "Answers, words of callers and tool calls that a guardrail of this kind objected to.")                           \
    X(METRIC_GUARD_LEAKED, COUNTER, "ringtrip_guardrail_leaked_words_total", NULL, NULL,                               \
      "Words that guardrails objected to and callers may have heard all the same.")                                    \
    X(METRIC_GUARD_FAILED, COUNTER, "ringtrip_guardrail_failures_total", "kind", METRIC_GUARD_WORDS,                   \
      "Checks that came to no answer and were passed over.")                                                           \
    X(METRIC_GUARD_EXPIRED, COUNTER, "ringtrip_guardrail_expired_total", "action", "release mute",                     \
      "Held audio that was not checked in time, and what was done with it.")                                           \
    X(METRIC_GUARD_SECONDS, TURN_HISTOGRAM, "ringtrip_guardrail_seconds", NULL, NULL,                                  \
      "Time that endpoints, models and functions took to answer a check.")                                             \
    X(METRIC_TOOL_FILLERS, COUNTER, "ringtrip_tool_fillers_total", "kind", "words sound approval",                     \
      "What callers heard while a tool took its time or somebody had to decide.")                                      \
    X(METRIC_TOOL_BACKGROUND, COUNTER, "ringtrip_tool_background_total", "step", "started reported",                   \
      "Tools in the background: begun, and told about.")                                                               \
    X(METRIC_APPROVALS, COUNTER, "ringtrip_approvals_total", "outcome", METRIC_APPROVAL_WORDS,                         \
      "How it was decided whether a tool may run.")                                                                    \
    X(METRIC_APPROVALS_PENDING, GAUGE, "ringtrip_approvals_pending", NULL, NULL,                                       \
      "Uses of tools that wait for a decision.")                                                                       \
    X(METRIC_WEBHOOKS, COUNTER, "ringtrip_webhook_deliveries_total", "result", METRIC_WEBHOOK_WORDS,                   \
      "Deliveries of events: taken, failed (they are repeated), dropped.")                                             \
    X(METRIC_WEBHOOKS_WAITING, GAUGE, "ringtrip_webhook_waiting", NULL, NULL, "Events that nobody has taken yet.")     \
    X(METRIC_SMS, COUNTER, "ringtrip_sms_total", "result", METRIC_SMS_WORDS, "Text messages that agents sent.")        \
    X(METRIC_CARRIER_REQUESTS, COUNTER, "ringtrip_carrier_requests_total", "result", METRIC_REQUEST_WORDS,             \
      "Requests of the carriers' accounts: answered as hoped, not, or asked again.")                                   \
    X(METRIC_TRANSFERS, COUNTER, "ringtrip_transfers_total", "result", METRIC_TRANSFER_WORDS,                          \
      "Transfers of callers: ordered at the carrier, and what became of them.")                                        \
    X(METRIC_CAMPAIGNS_RUNNING, GAUGE, "ringtrip_campaigns_running", NULL, NULL,                                       \
      "Campaigns that run on this gateway.")                                                                           \
    X(METRIC_CAMPAIGN_CALLS, GAUGE, "ringtrip_campaign_contacts_active", NULL, NULL,                                   \
      "Contacts of campaigns that this gateway has in hand, from lease to the written end.")                           \
    X(METRIC_CAMPAIGN_ATTEMPTS, COUNTER, "ringtrip_campaign_attempts_total", "outcome", METRIC_ATTEMPT_WORDS,          \
      "Attempts of campaigns that are over.")                                                                          \
    X(METRIC_AUDIO_QUEUE, GAUGE, "ringtrip_audio_queue_bytes", NULL, NULL,                                             \
      "Agent audio that waits to be sent, all calls.")                                                                 \
    X(METRIC_MCP_SERVERS, GAUGE, "ringtrip_mcp_servers", NULL, NULL, "Servers of tools that are configured.")          \
    X(METRIC_MCP_UP, GAUGE, "ringtrip_mcp_servers_up", NULL, NULL, "Those of them that can be used now.")              \
    X(METRIC_WATCHERS, GAUGE, "ringtrip_watchers", NULL, NULL, "Streams of events that somebody reads of a call.")     \
    X(METRIC_WATCHERS_DROPPED, COUNTER, "ringtrip_watchers_dropped_total", NULL, NULL,                                 \
      "Streams of events that were ended because nobody read them.")                                                   \
    X(METRIC_SOCKETS, GAUGE, "ringtrip_unauthenticated_sockets", NULL, NULL,                                           \
      "Media sockets that have not proved yet which call they belong to.")                                             \
    X(METRIC_AUTH_FAILURES, COUNTER, "ringtrip_auth_failures_total", "kind", METRIC_AUTH_WORDS,                        \
      "Requests and sockets refused for their signature or token.")                                                    \
    X(METRIC_HTTP, COUNTER, "ringtrip_http_requests_total", "code", METRIC_HTTP_WORDS, "HTTP requests answered.")      \
    X(METRIC_LOOP_PASS, LOOP_HISTOGRAM, "ringtrip_loop_pass_seconds", NULL, NULL,                                      \
      "Busy time of one pass of an event loop.")                                                                       \
    X(METRIC_LOOP_STALLS, COUNTER, "ringtrip_loop_stalls_total", NULL, NULL,                                           \
      "Dispatches of an event loop that took longer than 5 ms.")                                                       \
    X(METRIC_CPU_STOLEN, GAUGE, "ringtrip_cpu_stolen_permille", NULL, NULL,                                            \
      "Thousandths of the processors' time that the host of this machine gave to others since the last look.")         \
    X(METRIC_FRAMES_LATE, COUNTER, "ringtrip_frames_late_total", NULL, NULL,                                           \
      "Times a call was served more than 20 ms after it had asked to be: agent audio may have been late.")             \
    X(METRIC_DISK_DROPS, COUNTER, "ringtrip_disk_drops_total", NULL, NULL,                                             \
      "Writes of recordings and journals that were dropped.")                                                          \
    X(METRIC_STORE_WRITES, TURN_HISTOGRAM, "ringtrip_store_write_seconds", NULL, NULL,                                 \
      "Duration of one transaction of the record store.")                                                              \
    X(METRIC_STORE_ERRORS, COUNTER, "ringtrip_store_errors_total", NULL, NULL,                                         \
      "Transactions of the record store that failed.")                                                                 \
    X(METRIC_STORE_WAITING, GAUGE, "ringtrip_store_waiting_rows", NULL, NULL,                                          \
      "Rows that the record store does not take for now: in the spool, or in memory.")                                 \
    X(METRIC_STORE_LOST, COUNTER, "ringtrip_store_lost_rows_total", NULL, NULL,                                        \
      "Rows of call records that were refused by the store, or lost.")                                                 \
    X(METRIC_TRACE_SPANS, COUNTER, "ringtrip_trace_spans_total", "result", METRIC_SPAN_WORDS,                          \
      "Spans for the collector: taken, refused by it, lost after all tries, dropped because too many waited; and "     \
      "spans "                                                                                                         \
      "that a call had too many of.")                                                                                  \
    X(METRIC_TRACE_EXPORT, TURN_HISTOGRAM, "ringtrip_trace_export_seconds", NULL, NULL,                                \
      "Duration of one request to the collector.")                                                                     \
    X(METRIC_DRAINING, GAUGE, "ringtrip_draining", NULL, NULL, "1 while no new calls are taken because of shutdown.")  \
    X(METRIC_READY, GAUGE, "ringtrip_ready", NULL, NULL, "1 while /ready answers 200.")                                \
    X(METRIC_RELOADS, COUNTER, "ringtrip_config_reloads_total", "result", METRIC_OK_WORDS,                             \
      "Reloads of the configuration.")                                                                                 \
    X(METRIC_LOGINS, COUNTER, "ringtrip_logins_total", "result", METRIC_OK_WORDS,                                      \
      "Access tokens of Vertex AI that were asked for.")                                                               \
    X(METRIC_CALL_BUGS, COUNTER, "ringtrip_call_bugs_total", NULL, NULL,                                               \
      "Broken promises inside single calls; report them.")                                                             \
    X(METRIC_LOG_SUPPRESSED, GAUGE, "ringtrip_log_suppressed_lines", NULL, NULL,                                       \
      "Log lines left out since the start: a flood of one event, or a disk that is too slow.")

enum metric {
#define X(id, kind, name, label, words, help) id,
    METRIC_LIST(X)
#undef X
        METRIC_N
};

struct metrics;

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *m);

/* Counters: n is added. Only for metrics without a label. */
void metrics_add(struct metrics *m, enum metric id, uint64_t n);
/* word: one of the metric's words, another one counts as the last of them. */
void metrics_add_word(struct metrics *m, enum metric id, struct str word, uint64_t n);
/* Index of a word for metrics_add_at, which saves the search. */
uint32_t metrics_word(enum metric id, struct str word);
void metrics_add_at(struct metrics *m, enum metric id, uint32_t word, uint64_t n);
/* Gauges. */
void metrics_set(struct metrics *m, enum metric id, int64_t value);
void metrics_move(struct metrics *m, enum metric id, int64_t by);
/* Histograms of time. */
void metrics_observe_us(struct metrics *m, enum metric id, uint64_t us);
/* Other histograms: millionths of their unit, and whole units. */
void metrics_observe_micro(struct metrics *m, enum metric id, uint64_t micro);
void metrics_observe(struct metrics *m, enum metric id, uint64_t units);
/* A whole set of pass times at once: n passes of up_to_us each, as loops count them. */
void metrics_observe_many(struct metrics *m, enum metric id, uint64_t us, uint64_t n);

/* For tests and the JSON form: a counter's sum over all words, a gauge's value, a histogram's count. */
int64_t metrics_value(const struct metrics *m, enum metric id);
int64_t metrics_value_at(const struct metrics *m, enum metric id, uint32_t word);

/* Prometheus text exposition 0.0.4, with the process's own figures. Content-Type: METRICS_CONTENT_TYPE */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metrics_print(const struct metrics *m, struct buf *out);
/* The same as a reference page. */
void metrics_print_markdown(struct buf *out);

struct metrics_status {
    const char *word;
    uint64_t count;
};
struct metrics_json {
    uint64_t total_calls;
    const struct metrics_status *statuses;
    uint32_t n_statuses;
    uint64_t uptime_s;
    const char *public_url; /* "" when unknown */
};
/* {"total_calls":N,"status_counts":{"completed":N,...},"server":{...}} as the reference bridge answers /metrics. */
void metrics_print_json(const struct metrics *m, const struct metrics_json *in, struct buf *out);

#endif
