/* The tables, version by version. A published step is never edited: a change is a new step. */
#include "base/err.h"
#include "store/sqlite/impl.h"

static const char step_1[] =
    "CREATE TABLE calls ("
    " id TEXT NOT NULL UNIQUE,"
    " carrier TEXT NOT NULL DEFAULT '',"
    " provider TEXT NOT NULL DEFAULT '',"
    " model TEXT NOT NULL DEFAULT '',"
    " agent TEXT NOT NULL DEFAULT '',"
    " direction TEXT NOT NULL DEFAULT 'inbound',"
    " caller TEXT NOT NULL DEFAULT '',"
    " called TEXT NOT NULL DEFAULT '',"
    " carrier_call_id TEXT NOT NULL DEFAULT '',"
    " stream_id TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL DEFAULT 'initiated',"
    " outcome TEXT NOT NULL DEFAULT '',"
    " reason TEXT NOT NULL DEFAULT ''," /* why it ended; empty while it lives */
    " error TEXT NOT NULL DEFAULT '',"
    " started_us INTEGER NOT NULL DEFAULT 0," /* microseconds since 1970; 0: not yet */
    " answered_us INTEGER NOT NULL DEFAULT 0,"
    " ended_us INTEGER NOT NULL DEFAULT 0,"
    " duration_ms INTEGER NOT NULL DEFAULT 0,"
    " alive_us INTEGER NOT NULL DEFAULT 0," /* last sign of life */
    " recording TEXT NOT NULL DEFAULT '',"
    " journal TEXT NOT NULL DEFAULT '',"
    " in_text INTEGER NOT NULL DEFAULT 0," /* tokens; in_ contains cached_ */
    " in_audio INTEGER NOT NULL DEFAULT 0,"
    " cached_text INTEGER NOT NULL DEFAULT 0,"
    " cached_audio INTEGER NOT NULL DEFAULT 0,"
    " out_text INTEGER NOT NULL DEFAULT 0,"
    " out_audio INTEGER NOT NULL DEFAULT 0,"
    " cost_micro INTEGER" /* millionths; NULL: the model has no price */
    ") STRICT;"
    "CREATE INDEX calls_started ON calls (started_us);"
    "CREATE INDEX calls_carrier ON calls (carrier_call_id) WHERE carrier_call_id <> '';"
    "CREATE INDEX calls_live ON calls (id) WHERE ended_us = 0;"
    "CREATE TABLE turns ("
    " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"          /* 0: the greeting */
    " speech_start_ms INTEGER NOT NULL," /* since the start of the media; -1: did not happen */
    " speech_stop_ms INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " first_audio_ms INTEGER NOT NULL,"
    " first_sent_ms INTEGER NOT NULL,"
    " agent_end_ms INTEGER NOT NULL,"
    " item_ms INTEGER NOT NULL,"
    " heard_ms INTEGER NOT NULL,"
    " tools INTEGER NOT NULL,"
    " interrupted INTEGER NOT NULL,"
    " user_text TEXT NOT NULL DEFAULT '',"
    " agent_text TEXT NOT NULL DEFAULT '',"
    /* What the caller waited: end of speech to the first audio sent. */
    " response_ms INTEGER GENERATED ALWAYS AS (CASE WHEN speech_stop_ms >= 0 AND first_sent_ms >= speech_stop_ms "
    "THEN first_sent_ms - speech_stop_ms END) VIRTUAL,"
    " PRIMARY KEY (call_id, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE lines ("
    " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " who TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " unheard TEXT NOT NULL DEFAULT '',"
    " estimated INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (call_id, seq)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE callbacks ("
    " id TEXT NOT NULL UNIQUE,"
    " call_id TEXT REFERENCES calls (id) ON DELETE CASCADE,"
    " phone TEXT NOT NULL,"
    " department TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " scheduled TEXT NOT NULL,"
    " created_us INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX callbacks_call ON callbacks (call_id);"
    "CREATE TABLE orders ("
    " number TEXT NOT NULL PRIMARY KEY,"
    " email TEXT NOT NULL DEFAULT '' COLLATE NOCASE,"
    " status TEXT NOT NULL,"
    " item TEXT NOT NULL,"
    " carrier TEXT NOT NULL DEFAULT '',"
    " tracking TEXT NOT NULL DEFAULT '',"
    " detail TEXT NOT NULL DEFAULT '',"
    " days INTEGER NOT NULL DEFAULT 0,"
    " signed_by TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX orders_email ON orders (email);";

/* Turn-taking: why the agent was stopped or not, and what was learned about the line. */
static const char step_2[] = "ALTER TABLE turns ADD COLUMN commit_ms INTEGER NOT NULL DEFAULT -1;"
                             "ALTER TABLE turns ADD COLUMN verdict TEXT NOT NULL DEFAULT 'none';"
                             "ALTER TABLE turns ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0;"
                             "ALTER TABLE turns ADD COLUMN paused_ms INTEGER NOT NULL DEFAULT 0;"
                             "ALTER TABLE turns ADD COLUMN end_silence_ms INTEGER NOT NULL DEFAULT 0;"
                             /* Written at the end; NULL: the call is live, older than this step or was killed. */
                             "ALTER TABLE calls ADD COLUMN line_echo INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_echo_loss_cb INTEGER;" /* tenths of a dB */
                             "ALTER TABLE calls ADD COLUMN line_echo_delay_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_gate_closures INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_gated_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_gaps INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_gap_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_late INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_doubled INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_odd_frames INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_clipped_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_zero_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_dc_offset INTEGER;";

/* The trace of a call. */
static const char step_3[] = "CREATE TABLE spans ("
                             " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
                             " span_id TEXT NOT NULL,"
                             " seq INTEGER NOT NULL,"
                             " trace_id TEXT NOT NULL,"
                             " parent_id TEXT NOT NULL DEFAULT '',"
                             " type TEXT NOT NULL,"
                             " name TEXT NOT NULL,"
                             " kind INTEGER NOT NULL DEFAULT 1," /* OTLP: 1 internal, 2 server, 3 client */
                             " start_us INTEGER NOT NULL,"
                             " end_us INTEGER NOT NULL DEFAULT 0," /* 0: not over, or cut off by a kill */
                             " failed INTEGER NOT NULL DEFAULT 0,"
                             " error TEXT NOT NULL DEFAULT '',"
                             " attrs TEXT NOT NULL DEFAULT '{}'," /* JSON */
                             " events TEXT NOT NULL DEFAULT '[]',"
                             " PRIMARY KEY (call_id, span_id)"
                             ") STRICT, WITHOUT ROWID;"
                             "CREATE INDEX spans_trace ON spans (trace_id);";

/* Callbacks are worked off, and a call keeps the confirmation number that was heard in it. */
static const char step_4[] = "ALTER TABLE callbacks ADD COLUMN closed_us INTEGER NOT NULL DEFAULT 0;"
                             "ALTER TABLE callbacks ADD COLUMN note TEXT NOT NULL DEFAULT '';"
                             "CREATE INDEX callbacks_open ON callbacks (created_us) WHERE closed_us = 0;"
                             "ALTER TABLE calls ADD COLUMN confirmation TEXT NOT NULL DEFAULT '';";

/* Several agents speak in a call. */
static const char step_5[] = "ALTER TABLE turns ADD COLUMN agent TEXT NOT NULL DEFAULT '';"
                             "ALTER TABLE lines ADD COLUMN agent TEXT NOT NULL DEFAULT '';";

/* Model sessions that took over from another in the call. */
static const char step_6[] = "ALTER TABLE calls ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;";

/* Calls that we started. */
static const char step_7[] = "CREATE TABLE dials ("
                             " call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,"
                             " campaign TEXT NOT NULL DEFAULT '',"
                             " opening_reason TEXT NOT NULL DEFAULT '',"
                             " objective TEXT NOT NULL DEFAULT '',"
                             " context TEXT NOT NULL DEFAULT '',"
                             " request_id TEXT NOT NULL DEFAULT '',"
                             " answered_by TEXT NOT NULL DEFAULT '',"
                             " outcome TEXT NOT NULL DEFAULT '',"
                             " cause TEXT NOT NULL DEFAULT '',"
                             " detail TEXT NOT NULL DEFAULT '',"
                             " asked_us INTEGER NOT NULL DEFAULT 0," /* 0: the carrier was never asked */
                             " ringing_us INTEGER NOT NULL DEFAULT 0,"
                             " answered_us INTEGER NOT NULL DEFAULT 0,"
                             " ended_us INTEGER NOT NULL DEFAULT 0,"
                             " talk_s INTEGER NOT NULL DEFAULT 0"
                             ") STRICT, WITHOUT ROWID;"
                             "CREATE INDEX dials_campaign ON dials (campaign) WHERE campaign <> '';";

/* Campaigns, the same as in every store. */
static const char step_8[] = CAMPAIGN_TABLES("INTEGER PRIMARY KEY AUTOINCREMENT");

/* The rest of what a line can do. */
static const char step_9[] = "ALTER TABLE calls ADD COLUMN line_stalls INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_stall_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_linear_ms INTEGER;"
                             "ALTER TABLE calls ADD COLUMN line_rate_hz INTEGER;"; /* by the clock; 0: as agreed */

/* For what an agent paused. */
static const char step_10[] = "ALTER TABLE turns ADD COLUMN paused_for TEXT NOT NULL DEFAULT '';";

static const char *const steps[] = {step_1, step_2, step_3, step_4, step_5, step_6, step_7, step_8, step_9, step_10};

/* Of the shop that the demonstration agent works for; nobody's real orders. */
static const char demo_rows[] =
    "INSERT INTO orders (number, email, status, item, carrier, tracking, detail, days, signed_by) "
    "SELECT * FROM (VALUES"
    " ('1001', 'ada@example.com', 'shipped', 'a reading lamp in green', 'DHL', 'JD014600001001', 'on its way', 2, ''),"
    " ('1002', 'ada@example.com', 'delivered', 'two porcelain mugs', 'UPS', '1Z0000000000001002', '', 1, 'the front "
    "desk'),"
    " ('1234', 'ben@example.com', 'processing', 'a walking map of the Harz', '', '', 'ships within twenty-four hours', "
    "0, ''),"
    " ('4711', 'cleo@example.com', 'delivered', 'a bottle of cologne', 'FedEx', 'FX0000004711', '', 3, 'a neighbour'),"
    " ('5005', 'dan@example.com', 'cancelled', 'a bicycle bell', '', '', 'the refund takes five working days', 0, ''),"
    " ('8080', 'eve@example.com', 'shipped', 'a wireless headset', 'FedEx', 'FX0000008080', 'in the sorting centre', "
    "1, '')"
    ") WHERE NOT EXISTS (SELECT 1 FROM orders);";

static int version_of(sqlite3 *db, int *ret)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        *ret = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    }
    sqlite3_finalize(st);
    return db_error(rc);
}

static int run_step(sqlite3 *db, uint32_t step)
{
    char version[64];
    int rc = sqlite3_exec(db, steps[step], NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_snprintf(sizeof(version), version, "PRAGMA user_version = %u", step + 1);
        rc = sqlite3_exec(db, version, NULL, NULL, NULL);
    }
    return db_error(rc);
}

/* All steps in one transaction that begins before the version is read: two processes may start at the same time. */
int schema_migrate(sqlite3 *db, struct buf *ret_err)
{
    int version = 0;
    int err = db_error(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));

    if (err < 0) {
        return err;
    }
    err = version_of(db, &version);
    if (err >= 0 && (version < 0 || (uint32_t)version > ARRAY_LEN(steps))) {
        buf_printf(ret_err, "the records are of version %d, written by a newer ringtrip; this one knows %u", version,
                   (uint32_t)ARRAY_LEN(steps));
        err = -ERR_CONFIG;
    }
    for (uint32_t i = (uint32_t)version; err >= 0 && i < ARRAY_LEN(steps); i++) {
        err = run_step(db, i);
    }
    if (err >= 0) {
        err = db_error(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
    }
    if (err < 0 && !sqlite3_get_autocommit(db)) {
        ignore_result(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL)); /* the first error is the one to tell */
    }
    return err;
}

int schema_demo_rows(sqlite3 *db)
{
    return db_error(sqlite3_exec(db, demo_rows, NULL, NULL, NULL));
}
