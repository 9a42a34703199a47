/* Every statement of the PostgreSQL store: X(constant, SQL); prepared when first used. Private to this folder. */
#ifndef STORE_POSTGRES_SQL_H
#define STORE_POSTGRES_SQL_H

#include "store/sql/revive.h"

/* Advisory locks of ours: the first number of the pair. */
#define PG_LOCK_SCHEMA "1383230060"
#define PG_LOCK_NODE   "1383230061"

#define USAGE_COLUMNS "in_text, in_audio, cached_text, cached_audio, out_text, out_audio"
#define LINE_COLUMNS                                                                                                   \
    "line_echo, line_echo_loss_cb, line_echo_delay_ms, line_gate_closures, line_gated_ms, line_gaps, line_gap_ms, "    \
    "line_late, line_doubled, line_stalls, line_stall_ms, line_odd_frames, line_clipped_ms, line_zero_ms, "            \
    "line_linear_ms, line_rate_hz, line_dc_offset"
#define CALL_COLUMNS                                                                                                   \
    "id, carrier, provider, model, agent, direction, caller, called, carrier_call_id, stream_id, status, outcome, "    \
    "reason, error, started_us, answered_us, ended_us, duration_ms, alive_us, recording, journal, " USAGE_COLUMNS      \
    ", cost_micro, (SELECT count(*) FROM turns WHERE call_id = calls.id), "                                            \
    "(SELECT count(*) FROM lines WHERE call_id = calls.id), " LINE_COLUMNS                                             \
    ", CASE WHEN confirmation <> '' THEN confirmation ELSE coalesce((SELECT id FROM callbacks WHERE call_id = "        \
    "calls.id ORDER BY created_us DESC, n DESC LIMIT 1), '') END, renewals"
#define DIAL_COLUMNS                                                                                                   \
    "call_id, campaign, opening_reason, objective, context, request_id, answered_by, outcome, cause, detail, "         \
    "asked_us, ringing_us, answered_us, ended_us, talk_s"
/* In an upsert a bare name means both the old row and the new one. */
#define KEEP_DIAL(column, n) #column " = CASE WHEN $" #n "::text <> '' THEN $" #n "::text ELSE dials." #column " END, "
#define RAISE_DIAL(column, n)                                                                                          \
#column " = CASE WHEN $" #n "::bigint > 0 THEN $" #n "::bigint ELSE dials." #column " END, "
#define CALLBACK_COLUMNS "id, coalesce(call_id, ''), phone, department, reason, scheduled, created_us, closed_us, note"
#define CALLBACK_FILTER  "(($1::bigint = 1 AND closed_us = 0) OR ($2::bigint = 1 AND closed_us > 0))"
#define FILTER                                                                                                         \
    "($1::text = '' OR ($1::text = 'live' AND ended_us = 0) OR status = $1::text) AND ($2::text = '' OR caller = "     \
    "$2::text) AND started_us >= $3::bigint AND ($4::bigint = 0 OR started_us < $4::bigint)"
/* A status only moves forward: its place in this list. */
#define STATUS_ORDER     "'initiated ringing in_progress completed failed'"
#define KEEP(column, n)  #column " = CASE WHEN $" #n "::text <> '' THEN $" #n "::text ELSE " #column " END, "
#define RAISE(column, n) #column " = CASE WHEN $" #n "::bigint > 0 THEN $" #n "::bigint ELSE " #column " END, "
/* Names of gateways that are connected now: each holds a lock on its own. */
#define NODE_IS_GONE                                                                                                   \
    "NOT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = "                 \
    "current_database() AND l.locktype = 'advisory' AND l.granted AND l.classid = " PG_LOCK_NODE                       \
    "::oid AND l.objid = hashtext(calls.node)::oid)"
#define ALIVE_OF(n, at) "UPDATE calls SET alive_us = greatest(alive_us, $" #at "::bigint) WHERE id = $" #n "::text"

#define RECORD_STATEMENT_LIST(X)                                                                                       \
    X(SQL_BEGIN, "BEGIN")                                                                                              \
    X(SQL_COMMIT, "COMMIT")                                                                                            \
    X(SQL_ROLLBACK, "ROLLBACK")                                                                                        \
    X(SQL_NODE_LOCK, "SELECT pg_advisory_lock(" PG_LOCK_NODE ", hashtext($1::text))")                                  \
    X(SQL_NODE_TRY_LOCK, "SELECT pg_try_advisory_lock(" PG_LOCK_NODE ", hashtext($1::text))")                          \
    X(SQL_CALL_INSERT,                                                                                                 \
      "INSERT INTO calls (id, carrier, provider, model, agent, caller, called, carrier_call_id, stream_id, status, "   \
      "outcome, error, started_us, answered_us, duration_ms, alive_us, recording, journal, " USAGE_COLUMNS             \
      ", cost_micro, direction, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "      \
      "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)" REVIVE_CALL(", node = excluded.node"))             \
    X(SQL_CALL_UPDATE,                                                                                                 \
      "UPDATE calls SET " KEEP(carrier, 2) KEEP(provider, 3) KEEP(model, 4) KEEP(agent, 5) KEEP(caller, 6)             \
          KEEP(called, 7) KEEP(carrier_call_id, 8)                                                                     \
              KEEP(stream_id,                                                                                          \
                   9) "status = CASE WHEN ended_us = 0 AND strpos(" STATUS_ORDER ", $10::text) > strpos(" STATUS_ORDER \
                      ", status) THEN $10::text ELSE status END, " KEEP(outcome, 11) KEEP(error, 12)                   \
                          RAISE(started_us, 13) RAISE(answered_us, 14) RAISE(duration_ms, 15)                          \
                              RAISE(renewals, 27) "alive_us = greatest(alive_us, $16::bigint), " KEEP(recording, 17)   \
                                  KEEP(journal, 18) RAISE(in_text, 19) RAISE(in_audio, 20) RAISE(cached_text, 21)      \
                                      RAISE(cached_audio, 22) RAISE(out_text, 23)                                      \
                                          RAISE(out_audio, 24) "cost_micro = CASE WHEN $19::bigint + $20::bigint + "   \
                                                               "$23::bigint + $24::bigint > 0 THEN $25::bigint ELSE "  \
                                                               "cost_micro END, confirmation = CASE WHEN "             \
                                                               "confirmation = '' THEN $26::text ELSE confirmation "   \
                                                               "END WHERE id = $1::text")                              \
    X(SQL_CALL_END,                                                                                                    \
      "UPDATE calls SET status = $2, reason = $3, ended_us = $4, (" LINE_COLUMNS                                       \
      ") = ($5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::bigint, "       \
      "$13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::bigint, $18::bigint, $19::bigint, $20::bigint, "       \
      "$21::bigint) WHERE id = $1 AND ended_us = 0")                                                                   \
    X(SQL_CALL_ALIVE, ALIVE_OF(1, 2))                                                                                  \
    X(SQL_TURN_PUT,                                                                                                    \
      "WITH put AS (INSERT INTO turns (call_id, number, speech_start_ms, speech_stop_ms, created_ms, "                 \
      "first_audio_ms, first_sent_ms, agent_end_ms, item_ms, heard_ms, tools, interrupted, user_text, agent_text, "    \
      "commit_ms, verdict, pauses, paused_ms, end_silence_ms, agent, paused_for) VALUES ($1, $2, $3, $4, $5, $6, "     \
      "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (call_id, number) DO "      \
      "UPDATE SET (speech_start_ms, speech_stop_ms, created_ms, first_audio_ms, first_sent_ms, agent_end_ms, "         \
      "item_ms, heard_ms, tools, interrupted, user_text, agent_text, commit_ms, verdict, pauses, paused_ms, "          \
      "end_silence_ms, agent, paused_for) = (excluded.speech_start_ms, excluded.speech_stop_ms, "                      \
      "excluded.created_ms, excluded.first_audio_ms, excluded.first_sent_ms, excluded.agent_end_ms, "                  \
      "excluded.item_ms, excluded.heard_ms, excluded.tools, excluded.interrupted, excluded.user_text, "                \
      "excluded.agent_text, excluded.commit_ms, excluded.verdict, excluded.pauses, excluded.paused_ms, "               \
      "excluded.end_silence_ms, excluded.agent, excluded.paused_for)) " ALIVE_OF(1, 22))                               \
    X(SQL_LINE_PUT,                                                                                                    \
      "WITH put AS (INSERT INTO lines (call_id, seq, at_ms, who, text, unheard, estimated, agent) VALUES ($1, $2, "    \
      "$3, $4, $5, $6, $7, $8) ON CONFLICT (call_id, seq) DO UPDATE SET (at_ms, who, text, unheard, estimated, "       \
      "agent) = (excluded.at_ms, excluded.who, excluded.text, excluded.unheard, excluded.estimated, "                  \
      "excluded.agent)) " ALIVE_OF(1, 9))                                                                              \
    X(SQL_SPAN_PUT,                                                                                                    \
      "WITH put AS (INSERT INTO spans (call_id, span_id, seq, trace_id, parent_id, type, name, kind, start_us, "       \
      "end_us, failed, error, attrs, events) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "    \
      "ON CONFLICT (call_id, span_id) DO UPDATE SET (seq, trace_id, parent_id, type, name, kind, start_us, end_us, "   \
      "failed, error, attrs, events) = (excluded.seq, excluded.trace_id, excluded.parent_id, excluded.type, "          \
      "excluded.name, excluded.kind, excluded.start_us, excluded.end_us, excluded.failed, excluded.error, "            \
      "excluded.attrs, excluded.events)) " ALIVE_OF(1, 15))                                                            \
    X(SQL_SPAN_LIST, "SELECT span_id, seq, trace_id, parent_id, type, name, kind, start_us, end_us, failed, error, "   \
                     "attrs, events FROM spans WHERE call_id = $1 ORDER BY start_us, seq")                             \
    X(SQL_CALLBACK_PUT, "INSERT INTO callbacks (id, call_id, phone, department, reason, scheduled, created_us) "       \
                        "VALUES ($1, nullif($2::text, ''), $3, $4, $5, $6, $7)")                                       \
    X(SQL_CALL_DELETE, "DELETE FROM calls WHERE id = $1 RETURNING recording, journal")                                 \
    X(SQL_STALE,                                                                                                       \
      "UPDATE calls SET status = 'failed', reason = 'killed', ended_us = least(greatest(alive_us, started_us, 1), "    \
      "$1::bigint), duration_ms = CASE WHEN answered_us > 0 THEN greatest(0, (least(greatest(alive_us, started_us), "  \
      "$1::bigint) - answered_us) / 1000) ELSE duration_ms END WHERE ended_us = 0 AND (node = $2::text OR (alive_us "  \
      "< $1::bigint - 900000000 AND " NODE_IS_GONE "))")                                                               \
    X(SQL_SWEEP,                                                                                                       \
      "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ended_us > 0 AND ended_us < $1::bigint AND "          \
      "started_us < $1::bigint AND (node = $3::text OR " NODE_IS_GONE                                                  \
      ") ORDER BY started_us LIMIT $2::bigint) RETURNING recording, journal")                                          \
    X(SQL_CALL_GET, "SELECT " CALL_COLUMNS " FROM calls WHERE id = $1")                                                \
    X(SQL_CALL_FIND, "SELECT id FROM calls WHERE carrier_call_id = $1 ORDER BY started_us DESC LIMIT 1")               \
    X(SQL_CALL_LIST, "SELECT " CALL_COLUMNS " FROM calls WHERE " FILTER                                                \
                     " ORDER BY started_us DESC, n DESC LIMIT $5::bigint OFFSET $6::bigint")                           \
    X(SQL_CALL_TOTAL, "SELECT count(*) FROM calls WHERE " FILTER)                                                      \
    X(SQL_CALL_COUNTS, "SELECT status, count(*) FROM calls GROUP BY status")                                           \
    X(SQL_TURN_LIST,                                                                                                   \
      "SELECT number, speech_start_ms, speech_stop_ms, created_ms, first_audio_ms, first_sent_ms, agent_end_ms, "      \
      "item_ms, heard_ms, tools, interrupted, user_text, agent_text, commit_ms, verdict, pauses, paused_ms, "          \
      "end_silence_ms, agent, paused_for FROM turns WHERE call_id = $1 ORDER BY number")                               \
    X(SQL_LINE_LIST,                                                                                                   \
      "SELECT seq, at_ms, who, text, unheard, estimated, agent FROM lines WHERE call_id = $1 ORDER BY seq")            \
    X(SQL_ORDER_GET,                                                                                                   \
      "SELECT number, email, status, item, carrier, tracking, detail, days, signed_by FROM orders WHERE ($1::text <> " \
      "'' AND number = $1::text) OR ($1::text = '' AND $2::text <> '' AND lower(email) = lower($2::text)) ORDER BY "   \
      "number DESC LIMIT 1")                                                                                           \
    X(SQL_CALLBACK_LIST, "SELECT " CALLBACK_COLUMNS " FROM callbacks WHERE " CALLBACK_FILTER                           \
                         " ORDER BY created_us DESC, n DESC LIMIT $3::bigint OFFSET $4::bigint")                       \
    X(SQL_CALLBACK_TOTAL, "SELECT count(*) FROM callbacks WHERE " CALLBACK_FILTER)                                     \
    X(SQL_CALLBACK_GET, "SELECT " CALLBACK_COLUMNS " FROM callbacks WHERE id = $1")                                    \
    X(SQL_DIAL_PUT,                                                                                                    \
      "INSERT INTO dials (call_id, campaign, opening_reason, objective, context, request_id, answered_by, outcome, "   \
      "cause, detail, asked_us, ringing_us, answered_us, ended_us, talk_s) SELECT $1::text, $2::text, $3::text, "      \
      "$4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text, $11::bigint, $12::bigint, $13::bigint, " \
      "$14::bigint, $15::bigint WHERE EXISTS (SELECT 1 FROM calls WHERE id = $1::text) ON CONFLICT (call_id) DO "      \
      "UPDATE SET " KEEP_DIAL(campaign, 2) KEEP_DIAL(opening_reason, 3) KEEP_DIAL(objective, 4) KEEP_DIAL(context, 5)  \
          KEEP_DIAL(request_id, 6) KEEP_DIAL(answered_by, 7) KEEP_DIAL(outcome, 8) KEEP_DIAL(cause, 9) KEEP_DIAL(      \
              detail, 10) RAISE_DIAL(asked_us, 11) RAISE_DIAL(ringing_us, 12) RAISE_DIAL(answered_us, 13)              \
              RAISE_DIAL(ended_us, 14) "talk_s = CASE WHEN $15::bigint > 0 THEN $15::bigint ELSE dials.talk_s END")    \
    X(SQL_DIAL_OUTCOME, "UPDATE calls SET " SETTLE_CALL("$2::text") " WHERE id = $1")                                  \
    X(SQL_DIAL_GET, "SELECT " DIAL_COLUMNS " FROM dials WHERE call_id = $1")                                           \
    X(SQL_DIAL_LIST, "SELECT call_id FROM dials JOIN calls ON calls.id = call_id WHERE $1::text = '' OR campaign = "   \
                     "$1::text ORDER BY started_us DESC, n DESC LIMIT $2::bigint OFFSET $3::bigint")                   \
    X(SQL_DIAL_TOTAL, "SELECT count(*) FROM dials WHERE $1::text = '' OR campaign = $1::text")                         \
    X(SQL_CALLBACK_CLOSE, "UPDATE callbacks SET closed_us = $2, note = $3 WHERE id = $1 AND closed_us = 0")

#define STATEMENT_LIST(X) RECORD_STATEMENT_LIST(X)

enum statement {
#define X(name, sql) name,
    STATEMENT_LIST(X)
#undef X
        STATEMENT_N
};

#endif
