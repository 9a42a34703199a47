/* What the files of the SQLite store share. Private to this folder. */
#ifndef STORE_SQLITE_IMPL_H
#define STORE_SQLITE_IMPL_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/sql/campaigns.h"
#include "store/sql/revive.h"
#include "store/sqlite/sqlite.h"

/* X(constant, SQL); prepared when first used. Reading ones run on the reader, the others on the writer. */
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
    ", CASE WHEN confirmation <> '' THEN confirmation ELSE ifnull((SELECT id FROM callbacks WHERE call_id = calls.id " \
    "ORDER BY created_us DESC, rowid DESC LIMIT 1), '') END, renewals"
#define DIAL_COLUMNS                                                                                                   \
    "call_id, campaign, opening_reason, objective, context, request_id, answered_by, outcome, cause, detail, "         \
    "asked_us, ringing_us, answered_us, ended_us, talk_s"
#define CALLBACK_COLUMNS "id, ifnull(call_id, ''), phone, department, reason, scheduled, created_us, closed_us, note"
#define CALLBACK_FILTER  "((?1 AND closed_us = 0) OR (?2 AND closed_us > 0))"
#define FILTER                                                                                                         \
    "(?1 = '' OR (?1 = 'live' AND ended_us = 0) OR status = ?1) AND (?2 = '' OR caller = ?2) "                         \
    "AND started_us >= ?3 AND (?4 = 0 OR started_us < ?4)"
/* A status only moves forward: its place in this list. */
#define STATUS_ORDER     "'initiated ringing in_progress completed failed'"
#define KEEP(column, n)  #column " = CASE WHEN ?" #n " <> '' THEN ?" #n " ELSE " #column " END, "
#define RAISE(column, n) #column " = CASE WHEN ?" #n " > 0 THEN ?" #n " ELSE " #column " END, "

#define STATEMENT_LIST(X)                                                                                              \
    X(SQL_BEGIN, "BEGIN IMMEDIATE")                                                                                    \
    X(SQL_COMMIT, "COMMIT")                                                                                            \
    X(SQL_ROLLBACK, "ROLLBACK")                                                                                        \
    X(SQL_CALL_INSERT,                                                                                                 \
      "INSERT INTO calls (id, carrier, provider, model, agent, direction, caller, called, carrier_call_id, "           \
      "stream_id, "                                                                                                    \
      "status, outcome, error, started_us, answered_us, duration_ms, alive_us, recording, journal, " USAGE_COLUMNS     \
      ", cost_micro) VALUES (?1, ?2, ?3, ?4, ?5, ?26, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "   \
      "?19, ?20, ?21, ?22, ?23, ?24, ?25)" REVIVE_CALL(""))                                                            \
    X(SQL_CALL_UPDATE,                                                                                                 \
      "UPDATE calls SET " KEEP(carrier, 2) KEEP(provider, 3) KEEP(model, 4) KEEP(agent, 5) KEEP(caller, 6) KEEP(       \
          called, 7) KEEP(carrier_call_id, 8)                                                                          \
          KEEP(stream_id,                                                                                              \
               9) "status = CASE WHEN ended_us = 0 AND instr(" STATUS_ORDER ", ?10) > instr(" STATUS_ORDER             \
                  ", status) THEN ?10 "                                                                                \
                  "ELSE status END, " KEEP(outcome, 11) KEEP(error, 12) RAISE(started_us, 13) RAISE(answered_us, 14)   \
                      RAISE(duration_ms, 15) RAISE(renewals, 28) "alive_us = max(alive_us, ?16), " KEEP(recording, 17) \
                          KEEP(journal, 18) RAISE(in_text, 19) RAISE(in_audio, 20) RAISE(cached_text, 21)              \
                              RAISE(cached_audio, 22) RAISE(out_text, 23) RAISE(                                       \
                                  out_audio, 24) "cost_micro = CASE WHEN ?19 + ?20 + ?23 + ?24 > "                     \
                                                 "0 THEN ?25 ELSE cost_micro END, confirmation = CASE WHEN "           \
                                                 "confirmation = '' THEN ?27 ELSE confirmation END WHERE id = ?1")     \
    X(SQL_CALL_END, "UPDATE calls SET status = ?2, reason = ?3, ended_us = ?4, (" LINE_COLUMNS                         \
                    ") = (?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) WHERE id = " \
                    "?1 AND ended_us = 0")                                                                             \
    X(SQL_CALL_ALIVE, "UPDATE calls SET alive_us = max(alive_us, ?2) WHERE id = ?1")                                   \
    X(SQL_TURN_PUT,                                                                                                    \
      "INSERT OR REPLACE INTO turns (call_id, number, speech_start_ms, speech_stop_ms, created_ms, first_audio_ms, "   \
      "first_sent_ms, agent_end_ms, item_ms, heard_ms, tools, interrupted, user_text, agent_text, commit_ms, "         \
      "verdict, pauses, paused_ms, end_silence_ms, agent, paused_for) "                                                \
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)")       \
    X(SQL_LINE_PUT, "INSERT OR REPLACE INTO lines (call_id, seq, at_ms, who, text, unheard, estimated, agent) "        \
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                                         \
    X(SQL_SPAN_PUT,                                                                                                    \
      "INSERT OR REPLACE INTO spans (call_id, span_id, seq, trace_id, parent_id, type, name, kind, start_us, end_us, " \
      "failed, error, attrs, events) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")            \
    X(SQL_SPAN_LIST, "SELECT span_id, seq, trace_id, parent_id, type, name, kind, start_us, end_us, failed, error, "   \
                     "attrs, events FROM spans WHERE call_id = ?1 ORDER BY start_us, seq")                             \
    X(SQL_CALLBACK_PUT, "INSERT INTO callbacks (id, call_id, phone, department, reason, scheduled, created_us) "       \
                        "VALUES (?1, nullif(?2, ''), ?3, ?4, ?5, ?6, ?7)")                                             \
    X(SQL_CALL_DELETE, "DELETE FROM calls WHERE id = ?1 RETURNING recording, journal")                                 \
    X(SQL_STALE,                                                                                                       \
      "UPDATE calls SET status = 'failed', reason = 'killed', ended_us = min(max(alive_us, started_us, 1), ?1), "      \
      "duration_ms = CASE WHEN answered_us > 0 THEN max(0, (min(max(alive_us, started_us), ?1) - answered_us) / "      \
      "1000) "                                                                                                         \
      "ELSE duration_ms END WHERE ended_us = 0")                                                                       \
    X(SQL_SWEEP, "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE ended_us > 0 AND ended_us < ?1 AND "       \
                 "started_us < ?1 ORDER BY started_us LIMIT ?2) RETURNING recording, journal")                         \
    X(SQL_CALL_GET, "SELECT " CALL_COLUMNS " FROM calls WHERE id = ?1")                                                \
    X(SQL_CALL_FIND, "SELECT id FROM calls WHERE carrier_call_id = ?1 ORDER BY started_us DESC LIMIT 1")               \
    X(SQL_CALL_LIST,                                                                                                   \
      "SELECT " CALL_COLUMNS " FROM calls WHERE " FILTER " ORDER BY started_us DESC, rowid DESC LIMIT ?5 OFFSET ?6")   \
    X(SQL_CALL_TOTAL, "SELECT count(*) FROM calls WHERE " FILTER)                                                      \
    X(SQL_CALL_COUNTS, "SELECT status, count(*) FROM calls GROUP BY status")                                           \
    X(SQL_TURN_LIST,                                                                                                   \
      "SELECT number, speech_start_ms, speech_stop_ms, created_ms, first_audio_ms, first_sent_ms, agent_end_ms, "      \
      "item_ms, heard_ms, tools, interrupted, user_text, agent_text, commit_ms, verdict, pauses, paused_ms, "          \
      "end_silence_ms, agent, paused_for FROM turns WHERE call_id = ?1 ORDER BY number")                               \
    X(SQL_LINE_LIST,                                                                                                   \
      "SELECT seq, at_ms, who, text, unheard, estimated, agent FROM lines WHERE call_id = ?1 ORDER BY seq")            \
    X(SQL_ORDER_GET,                                                                                                   \
      "SELECT number, email, status, item, carrier, tracking, detail, days, signed_by FROM orders "                    \
      "WHERE (?1 <> '' AND number = ?1) OR (?1 = '' AND ?2 <> '' AND email = ?2) ORDER BY number DESC LIMIT 1")        \
    X(SQL_CALLBACK_LIST, "SELECT " CALLBACK_COLUMNS " FROM callbacks WHERE " CALLBACK_FILTER                           \
                         " ORDER BY created_us DESC, rowid DESC LIMIT ?3 OFFSET ?4")                                   \
    X(SQL_CALLBACK_TOTAL, "SELECT count(*) FROM callbacks WHERE " CALLBACK_FILTER)                                     \
    X(SQL_CALLBACK_GET, "SELECT " CALLBACK_COLUMNS " FROM callbacks WHERE id = ?1")                                    \
    X(SQL_DIAL_PUT,                                                                                                    \
      "INSERT INTO dials (call_id, campaign, opening_reason, objective, context, request_id, answered_by, outcome, "   \
      "cause, detail, asked_us, ringing_us, answered_us, ended_us, talk_s) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "    \
      "?9, ?10, ?11, ?12, ?13, ?14, ?15 WHERE EXISTS (SELECT 1 FROM calls WHERE id = ?1) "                             \
      "ON CONFLICT (call_id) DO UPDATE SET " KEEP(campaign, 2) KEEP(opening_reason, 3) KEEP(objective, 4)              \
          KEEP(context, 5) KEEP(request_id, 6) KEEP(answered_by, 7) KEEP(outcome, 8) KEEP(cause, 9) KEEP(detail, 10)   \
              RAISE(asked_us, 11) RAISE(ringing_us, 12) RAISE(answered_us, 13)                                         \
                  RAISE(ended_us, 14) "talk_s = CASE WHEN ?15 > 0 THEN ?15 ELSE talk_s END")                           \
    X(SQL_DIAL_OUTCOME, "UPDATE calls SET " SETTLE_CALL("?2") " WHERE id = ?1")                                        \
    X(SQL_DIAL_GET, "SELECT " DIAL_COLUMNS " FROM dials WHERE call_id = ?1")                                           \
    X(SQL_DIAL_LIST, "SELECT call_id FROM dials JOIN calls ON calls.id = call_id WHERE ?1 = '' OR campaign = ?1 "      \
                     "ORDER BY started_us DESC, calls.rowid DESC LIMIT ?2 OFFSET ?3")                                  \
    X(SQL_DIAL_TOTAL, "SELECT count(*) FROM dials WHERE ?1 = '' OR campaign = ?1")                                     \
    X(SQL_CALLBACK_CLOSE, "UPDATE callbacks SET closed_us = ?2, note = ?3 WHERE id = ?1 AND closed_us = 0")

enum statement {
#define X(name, sql) name,
    STATEMENT_LIST(X)
#undef X
        STATEMENT_N
};

struct connection {
    sqlite3 *db;
    pthread_mutex_t lock;
    sqlite3_stmt *statements[STATEMENT_N];
    sqlite3_stmt *campaigns[CAMPAIGN_SQL_N];
};

struct store {
    struct sql_store sql; /* first */
    struct connection writer;
    struct connection second;
    struct connection *reader; /* &second, or &writer when the store is in memory */
    int lock_fd;               /* -1: not exclusive */
};

/* Our error for SQLite's; 0 for OK, ROW and DONE. */
int db_error(int rc);
/* The statement, reset and without bindings. Holds the connection's lock: the caller. */
MUST_USE int db_statement(struct connection *c, enum statement id, sqlite3_stmt **ret);
/* Runs a statement that gives no rows, and resets it. */
MUST_USE int db_run(sqlite3_stmt *st);
/* A statement without parameters. */
MUST_USE int db_simple(struct connection *c, enum statement id);
/* Ends a transaction: commits when err is 0, else rolls back; returns what became of it. */
MUST_USE int db_finish(struct connection *c, int err);
void db_bind_str(sqlite3_stmt *st, int at, struct str s);
/* Copy of a text column in the arena; sets *err on failure. */
struct str db_column(sqlite3_stmt *st, int at, struct arena *a, int *err);
/* One row or -ENOENT; the statement stays on its row for the caller to read and reset. */
MUST_USE int db_row(sqlite3_stmt *st);
/* Bound and read as unsigned; what SQLite cannot hold is cut. */
void db_bind_u64(sqlite3_stmt *st, int at, uint64_t v);
uint64_t db_column_u64(sqlite3_stmt *st, int at);
/* Room for one more in a list of size-byte elements in the arena; NULL when memory is out. */
void *db_grow(struct arena *a, void *list, uint32_t n, uint32_t *cap, size_t size);

/* Brings the schema up to date. -ERR_CONFIG when the file is of a newer program. */
MUST_USE int schema_migrate(sqlite3 *db, struct buf *ret_err);
MUST_USE int schema_demo_rows(sqlite3 *db);

/* write.c */
int sqlite_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed);
int sqlite_call_delete(struct store *s, struct str id, struct arena *a, struct store_paths *ret);
int sqlite_close_stale(struct store *s, uint64_t now_us);
int sqlite_sweep(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret);
/* read.c */
int sqlite_call_get(struct store *s, struct str id, struct arena *a, struct store_call *ret);
int sqlite_call_find(struct store *s, struct str carrier_call_id, struct arena *a, struct str *ret_id);
int sqlite_call_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_page *ret);
int sqlite_call_counts(struct store *s, struct store_counts *ret);
int sqlite_turn_list(struct store *s, struct str id, struct arena *a, struct store_turn **ret, uint32_t *ret_n);
int sqlite_line_list(struct store *s, struct str id, struct arena *a, struct store_line **ret, uint32_t *ret_n);
int sqlite_span_list(struct store *s, struct str id, struct arena *a, struct store_span **ret, uint32_t *ret_n);
int sqlite_order_get(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret);
/* dials.c */
int sqlite_dial_get(struct store *s, struct str call_id, struct arena *a, struct store_dial *ret);
int sqlite_dial_list(struct store *s, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret);
int dial_put(struct connection *w, const struct store_dial *d); /* in the transaction of a write */
/* read.c: the row on which st stands. */
int read_call(sqlite3_stmt *st, struct arena *a, struct store_call *c);
/* callbacks.c */
int sqlite_callback_list(struct store *s, const struct store_callback_filter *f, struct arena *a,
                         struct store_callbacks *ret);
int sqlite_callback_get(struct store *s, struct str id, struct arena *a, struct store_callback *ret);
/* campaigns.c */
extern const struct sql_face sqlite_face;
/* In the transaction of a write. */
int callback_add(struct connection *w, const struct store_callback *c, uint64_t at_us);
int callback_close(struct connection *w, const struct store_callback *c, uint64_t at_us);

#endif
