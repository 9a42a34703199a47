/*
 * The tables, version by version. A published step is never edited: a change is a new step. All missing steps run in
 * one transaction under an advisory lock: several gateways may start at the same time.
 */
#include "base/err.h"
#include "store/postgres/impl.h"

static const char step_1[] =
    "CREATE TABLE calls ("
    " n BIGINT GENERATED ALWAYS AS IDENTITY,"
    " id TEXT PRIMARY KEY,"
    " node TEXT NOT NULL DEFAULT ''," /* the gateway that carries or carried it */
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
    " started_us BIGINT NOT NULL DEFAULT 0," /* microseconds since 1970; 0: not yet */
    " answered_us BIGINT NOT NULL DEFAULT 0,"
    " ended_us BIGINT NOT NULL DEFAULT 0,"
    " duration_ms BIGINT NOT NULL DEFAULT 0,"
    " alive_us BIGINT NOT NULL DEFAULT 0," /* last sign of life */
    " recording TEXT NOT NULL DEFAULT '',"
    " journal TEXT NOT NULL DEFAULT '',"
    " in_text BIGINT NOT NULL DEFAULT 0," /* tokens; in_ contains cached_ */
    " in_audio BIGINT NOT NULL DEFAULT 0,"
    " cached_text BIGINT NOT NULL DEFAULT 0,"
    " cached_audio BIGINT NOT NULL DEFAULT 0,"
    " out_text BIGINT NOT NULL DEFAULT 0,"
    " out_audio BIGINT NOT NULL DEFAULT 0,"
    " cost_micro BIGINT," /* millionths; NULL: the model has no price */
    " confirmation TEXT NOT NULL DEFAULT '',"
    " renewals BIGINT NOT NULL DEFAULT 0,"
    /* Written at the end; NULL: the call is live or was killed. */
    " line_echo BIGINT, line_echo_loss_cb BIGINT, line_echo_delay_ms BIGINT, line_gate_closures BIGINT,"
    " line_gated_ms BIGINT, line_gaps BIGINT, line_gap_ms BIGINT, line_late BIGINT, line_doubled BIGINT,"
    " line_odd_frames BIGINT, line_clipped_ms BIGINT, line_zero_ms BIGINT, line_dc_offset BIGINT"
    ");"
    "CREATE INDEX calls_started ON calls (started_us);"
    "CREATE INDEX calls_carrier ON calls (carrier_call_id) WHERE carrier_call_id <> '';"
    "CREATE INDEX calls_live ON calls (node) WHERE ended_us = 0;"
    "CREATE TABLE turns ("
    " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
    " number BIGINT NOT NULL,"          /* 0: the greeting */
    " speech_start_ms BIGINT NOT NULL," /* since the start of the media; -1: did not happen */
    " speech_stop_ms BIGINT NOT NULL,"
    " created_ms BIGINT NOT NULL,"
    " first_audio_ms BIGINT NOT NULL,"
    " first_sent_ms BIGINT NOT NULL,"
    " agent_end_ms BIGINT NOT NULL,"
    " item_ms BIGINT NOT NULL,"
    " heard_ms BIGINT NOT NULL,"
    " tools BIGINT NOT NULL,"
    " interrupted BIGINT NOT NULL,"
    " user_text TEXT NOT NULL DEFAULT '',"
    " agent_text TEXT NOT NULL DEFAULT '',"
    " commit_ms BIGINT NOT NULL DEFAULT -1,"
    " verdict TEXT NOT NULL DEFAULT 'none',"
    " pauses BIGINT NOT NULL DEFAULT 0,"
    " paused_ms BIGINT NOT NULL DEFAULT 0,"
    " end_silence_ms BIGINT NOT NULL DEFAULT 0,"
    " agent TEXT NOT NULL DEFAULT '',"
    /* What the caller waited: end of speech to the first audio sent. */
    " response_ms BIGINT GENERATED ALWAYS AS (CASE WHEN speech_stop_ms >= 0 AND first_sent_ms >= speech_stop_ms "
    "THEN first_sent_ms - speech_stop_ms END) STORED,"
    " PRIMARY KEY (call_id, number)"
    ");"
    "CREATE TABLE lines ("
    " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
    " seq BIGINT NOT NULL,"
    " at_ms BIGINT NOT NULL,"
    " who TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " unheard TEXT NOT NULL DEFAULT '',"
    " estimated BIGINT NOT NULL DEFAULT 0,"
    " agent TEXT NOT NULL DEFAULT '',"
    " PRIMARY KEY (call_id, seq)"
    ");"
    "CREATE TABLE spans ("
    " call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,"
    " span_id TEXT NOT NULL,"
    " seq BIGINT NOT NULL,"
    " trace_id TEXT NOT NULL,"
    " parent_id TEXT NOT NULL DEFAULT '',"
    " type TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " kind BIGINT NOT NULL DEFAULT 1," /* OTLP: 1 internal, 2 server, 3 client */
    " start_us BIGINT NOT NULL,"
    " end_us BIGINT NOT NULL DEFAULT 0," /* 0: not over, or cut off by a kill */
    " failed BIGINT NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT '',"
    " attrs TEXT NOT NULL DEFAULT '{}'," /* JSON */
    " events TEXT NOT NULL DEFAULT '[]',"
    " PRIMARY KEY (call_id, span_id)"
    ");"
    "CREATE INDEX spans_trace ON spans (trace_id);"
    "CREATE TABLE callbacks ("
    " n BIGINT GENERATED ALWAYS AS IDENTITY,"
    " id TEXT PRIMARY KEY,"
    " call_id TEXT REFERENCES calls (id) ON DELETE CASCADE,"
    " phone TEXT NOT NULL,"
    " department TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " scheduled TEXT NOT NULL,"
    " created_us BIGINT NOT NULL,"
    " closed_us BIGINT NOT NULL DEFAULT 0,"
    " note TEXT NOT NULL DEFAULT ''"
    ");"
    "CREATE INDEX callbacks_call ON callbacks (call_id);"
    "CREATE INDEX callbacks_open ON callbacks (created_us) WHERE closed_us = 0;"
    "CREATE TABLE orders ("
    " number TEXT PRIMARY KEY,"
    " email TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL,"
    " item TEXT NOT NULL,"
    " carrier TEXT NOT NULL DEFAULT '',"
    " tracking TEXT NOT NULL DEFAULT '',"
    " detail TEXT NOT NULL DEFAULT '',"
    " days BIGINT NOT NULL DEFAULT 0,"
    " signed_by TEXT NOT NULL DEFAULT ''"
    ");"
    "CREATE INDEX orders_email ON orders (lower(email));";

/* Calls that we started. */
static const char step_2[] = "CREATE TABLE dials ("
                             " call_id TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,"
                             " campaign TEXT NOT NULL DEFAULT '',"
                             " opening_reason TEXT NOT NULL DEFAULT '',"
                             " objective TEXT NOT NULL DEFAULT '',"
                             " context TEXT NOT NULL DEFAULT '',"
                             " request_id TEXT NOT NULL DEFAULT '',"
                             " answered_by TEXT NOT NULL DEFAULT '',"
                             " outcome TEXT NOT NULL DEFAULT '',"
                             " cause TEXT NOT NULL DEFAULT '',"
                             " detail TEXT NOT NULL DEFAULT '',"
                             " asked_us BIGINT NOT NULL DEFAULT 0," /* 0: the carrier was never asked */
                             " ringing_us BIGINT NOT NULL DEFAULT 0,"
                             " answered_us BIGINT NOT NULL DEFAULT 0,"
                             " ended_us BIGINT NOT NULL DEFAULT 0,"
                             " talk_s BIGINT NOT NULL DEFAULT 0"
                             ");"
                             "CREATE INDEX dials_campaign ON dials (campaign) WHERE campaign <> '';";

/* Campaigns, the same as in every store. */
static const char step_3[] = CAMPAIGN_TABLES("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");

/* The rest of what a line can do. */
static const char step_4[] = "ALTER TABLE calls ADD COLUMN line_stalls BIGINT, ADD COLUMN line_stall_ms BIGINT,"
                             " ADD COLUMN line_linear_ms BIGINT, ADD COLUMN line_rate_hz BIGINT;"; /* by the clock */

/* For what an agent paused. */
static const char step_5[] = "ALTER TABLE turns ADD COLUMN paused_for TEXT NOT NULL DEFAULT '';";

static const char *const steps[] = {step_1, step_2, step_3, step_4, step_5};

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
    ") v WHERE NOT EXISTS (SELECT 1 FROM orders) ON CONFLICT DO NOTHING";

static int version_of(struct pg_conn *c, uint64_t *ret)
{
    PGresult *r = NULL;
    int err = pg_text(c, "SELECT coalesce(max(version), 0) FROM ringtrip_schema", &r);

    if (err >= 0) {
        struct pg_row w = {.r = r};
        *ret = pg_row_u64(&w);
    }
    PQclear(r);
    return err;
}

static int run_step(struct pg_conn *c, uint64_t step)
{
    char version[96];
    int err = pg_text(c, steps[step], NULL);

    if (err >= 0) {
        int n = snprintf(version, sizeof(version), "INSERT INTO ringtrip_schema (version) VALUES (%llu)",
                         (unsigned long long)(step + 1));
        err = n < 0 || (size_t)n >= sizeof(version) ? -ENOSPC : pg_text(c, version, NULL);
    }
    return err;
}

static int migrate(struct pg_conn *c, struct buf *ret_err)
{
    uint64_t version = 0;
    /* The table exists in nearly every start; asking first spares the right to create. */
    int err = pg_text(c,
                      "SELECT pg_advisory_xact_lock(" PG_LOCK_SCHEMA ", 0);"
                      "SET LOCAL client_min_messages = warning;"
                      "CREATE TABLE IF NOT EXISTS ringtrip_schema (version BIGINT PRIMARY KEY)",
                      NULL);

    err = err < 0 ? err : version_of(c, &version);
    if (err >= 0 && version > ARRAY_LEN(steps)) {
        buf_printf(ret_err, "the records in %s are of version %llu, written by a newer ringtrip; this one knows %zu",
                   c->store->where, (unsigned long long)version, ARRAY_LEN(steps));
        return -ERR_CONFIG;
    }
    for (uint64_t i = version; err >= 0 && i < ARRAY_LEN(steps); i++) {
        err = run_step(c, i);
    }
    if (err == -EACCES) {
        buf_printf(ret_err, "store.url: the role may not create tables in %s: GRANT CREATE ON SCHEMA public TO it",
                   c->store->where);
    }
    return err;
}

int pg_migrate(struct pg_conn *c, struct buf *ret_err)
{
    int err = pg_begin(c);

    return err < 0 ? err : pg_finish(c, migrate(c, ret_err));
}

int pg_demo_rows(struct pg_conn *c)
{
    return pg_text(c, demo_rows, NULL);
}
