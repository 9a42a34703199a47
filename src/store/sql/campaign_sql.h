/*
 * The tables and statements of campaigns, in the SQL that SQLite and PostgreSQL have in common. X(constant, SQL);
 * parameters are $1, $2 ... (names to SQLite). LOCK and SKIP: what a reader appends to hold or pass over rows.
 */
#ifndef STORE_SQL_CAMPAIGN_SQL_H
#define STORE_SQL_CAMPAIGN_SQL_H

#define CAMPAIGN_TABLES(SERIAL)                                                                                        \
    "CREATE TABLE campaigns ("                                                                                         \
    " n " SERIAL ","                                                                                                   \
    " id TEXT NOT NULL UNIQUE,"                                                                                        \
    " name TEXT NOT NULL,"                                                                                             \
    " status TEXT NOT NULL,"                                                                                           \
    " note TEXT NOT NULL DEFAULT '',"                                                                                  \
    " settings TEXT NOT NULL,"                                                                                         \
    " max_concurrent BIGINT NOT NULL,"                                                                                 \
    " interval_us BIGINT NOT NULL,"                                                                                    \
    " run_start_us BIGINT NOT NULL,"                                                                                   \
    " run_end_us BIGINT NOT NULL,"                                                                                     \
    " next_dial_us BIGINT NOT NULL DEFAULT 0,"                                                                         \
    " created_us BIGINT NOT NULL,"                                                                                     \
    " updated_us BIGINT NOT NULL,"                                                                                     \
    " started_us BIGINT NOT NULL DEFAULT 0"                                                                            \
    ");"                                                                                                               \
    "CREATE TABLE contacts ("                                                                                          \
    " id " SERIAL ","                                                                                                  \
    " campaign_id TEXT NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,"                                          \
    " name TEXT NOT NULL,"                                                                                             \
    " phone TEXT NOT NULL,"                                                                                            \
    " timezone TEXT NOT NULL DEFAULT '',"                                                                              \
    " agent TEXT NOT NULL DEFAULT '',"                                                                                 \
    " caller_id TEXT NOT NULL DEFAULT '',"                                                                             \
    " vars TEXT NOT NULL DEFAULT '{}',"                                                                                \
    " state TEXT NOT NULL DEFAULT 'pending',"                                                                          \
    " attempts BIGINT NOT NULL DEFAULT 0,"                                                                             \
    " last_outcome TEXT NOT NULL DEFAULT 'none',"                                                                      \
    " next_us BIGINT NOT NULL DEFAULT 0,"                                                                              \
    " fence BIGINT NOT NULL DEFAULT 0,"                                                                                \
    " owner TEXT NOT NULL DEFAULT '',"                                                                                 \
    " lease_until_us BIGINT NOT NULL DEFAULT 0,"                                                                       \
    " note TEXT NOT NULL DEFAULT '',"                                                                                  \
    " created_us BIGINT NOT NULL,"                                                                                     \
    " UNIQUE (campaign_id, phone)"                                                                                     \
    ");"                                                                                                               \
    "CREATE INDEX contacts_state ON contacts (campaign_id, state, next_us);"                                           \
    "CREATE INDEX contacts_lease ON contacts (lease_until_us) WHERE lease_until_us > 0;"                               \
    "CREATE TABLE attempts ("                                                                                          \
    " n " SERIAL ","                                                                                                   \
    " id TEXT NOT NULL UNIQUE,"                                                                                        \
    " campaign_id TEXT NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,"                                          \
    " contact_id BIGINT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,"                                          \
    " number BIGINT NOT NULL,"                                                                                         \
    " fence BIGINT NOT NULL,"                                                                                          \
    " owner TEXT NOT NULL,"                                                                                            \
    " phone TEXT NOT NULL,"                                                                                            \
    " caller_id TEXT NOT NULL DEFAULT '',"                                                                             \
    " agent TEXT NOT NULL DEFAULT '',"                                                                                 \
    " created_us BIGINT NOT NULL,"                                                                                     \
    " answered_us BIGINT NOT NULL DEFAULT 0,"                                                                          \
    " ended_us BIGINT NOT NULL DEFAULT 0,"                                                                             \
    " duration_s BIGINT NOT NULL DEFAULT -1,"                                                                          \
    " outcome TEXT NOT NULL DEFAULT 'none',"                                                                           \
    " answerer TEXT NOT NULL DEFAULT '',"                                                                              \
    " consent TEXT NOT NULL DEFAULT '',"                                                                               \
    " carrier_call_id TEXT NOT NULL DEFAULT '',"                                                                       \
    " request_id TEXT NOT NULL DEFAULT '',"                                                                            \
    " cause TEXT NOT NULL DEFAULT '',"                                                                                 \
    " error TEXT NOT NULL DEFAULT ''"                                                                                  \
    ");"                                                                                                               \
    "CREATE INDEX attempts_contact ON attempts (contact_id);"                                                          \
    "CREATE INDEX attempts_campaign ON attempts (campaign_id, outcome);" /* Nobody is ever called twice at a time,     \
                                                                            whatever a program does. */                \
    "CREATE UNIQUE INDEX attempts_open ON attempts (contact_id) WHERE ended_us = 0;"                                   \
    "CREATE TABLE do_not_call ("                                                                                       \
    " phone TEXT NOT NULL PRIMARY KEY,"                                                                                \
    " reason TEXT NOT NULL DEFAULT '',"                                                                                \
    " added_us BIGINT NOT NULL"                                                                                        \
    ");"

#define CAMPAIGN_COLUMNS                                                                                               \
    "id, name, status, note, settings, max_concurrent, interval_us, run_start_us, run_end_us, created_us, "            \
    "updated_us, started_us"
#define CONTACT_COLUMNS                                                                                                \
    "id, campaign_id, name, phone, timezone, agent, caller_id, vars, state, attempts, last_outcome, next_us, fence, "  \
    "owner, lease_until_us, note"
#define ATTEMPT_COLUMNS                                                                                                \
    "id, campaign_id, contact_id, number, fence, owner, phone, caller_id, agent, created_us, answered_us, ended_us, "  \
    "duration_s, outcome, answerer, consent, carrier_call_id, request_id, cause, error"
/* A list of words with commas around each, ",draft,paused,", or empty for all. */
#define IN_WORDS(column, n) "(CAST($" #n " AS TEXT) = '' OR CAST($" #n " AS TEXT) LIKE '%,' || " column " || ',%')"
#define OF_CAMPAIGN         "campaign_id = $1 AND " IN_WORDS("state", 2)
#define OF_CONTACT          "campaign_id = $1 AND (CAST($2 AS BIGINT) = 0 OR contact_id = CAST($2 AS BIGINT))"
#define PAGE(a, b)          " LIMIT CAST($" #a " AS BIGINT) OFFSET CAST($" #b " AS BIGINT)"
#define ACTIVE_STATES       "('leased', 'dialing', 'amd_pending', 'in_progress')"
#define KEEP_TEXT(column, n)                                                                                           \
#column " = CASE WHEN CAST($" #n " AS TEXT) <> '' THEN CAST($" #n " AS TEXT) ELSE " #column " END"

#define CAMPAIGN_SQL_LIST(X, LOCK, SKIP)                                                                               \
    X(CSQL_CREATE,                                                                                                     \
      "INSERT INTO campaigns (id, name, status, note, settings, max_concurrent, interval_us, run_start_us, "           \
      "run_end_us, created_us, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)")                     \
    X(CSQL_GET, "SELECT " CAMPAIGN_COLUMNS " FROM campaigns WHERE id = $1")                                            \
    X(CSQL_LIST,                                                                                                       \
      "SELECT " CAMPAIGN_COLUMNS " FROM campaigns WHERE " IN_WORDS("status", 1) " ORDER BY n DESC" PAGE(2, 3))         \
    X(CSQL_TOTAL, "SELECT count(*) FROM campaigns WHERE " IN_WORDS("status", 1))                                       \
    X(CSQL_CHANGE,                                                                                                     \
      "UPDATE campaigns SET name = $2, settings = $3, max_concurrent = $4, interval_us = $5, run_start_us = $6, "      \
      "run_end_us = $7, updated_us = $8 WHERE id = $1 AND status NOT IN ('running', 'archived')")                      \
    X(CSQL_MOVE,                                                                                                       \
      "UPDATE campaigns SET status = CAST($3 AS TEXT), note = $4, updated_us = CAST($5 AS BIGINT), started_us = CASE " \
      "WHEN started_us = 0 AND CAST($3 AS TEXT) = 'running' THEN CAST($5 AS BIGINT) ELSE started_us END WHERE id = "   \
      "$1 AND " IN_WORDS("status", 2))                                                                                 \
    X(CSQL_LOCK_CAMPAIGN,                                                                                              \
      "SELECT status, max_concurrent, interval_us, run_start_us, run_end_us, next_dial_us FROM campaigns WHERE id = "  \
      "$1" LOCK)                                                                                                       \
    X(CSQL_OPEN_ATTEMPTS, "SELECT count(*) FROM attempts WHERE campaign_id = $1 AND ended_us = 0")                     \
    X(CSQL_REMOVE, "DELETE FROM campaigns WHERE id = $1")                                                              \
    X(CSQL_ADD,                                                                                                        \
      "INSERT INTO contacts (campaign_id, name, phone, timezone, agent, caller_id, vars, created_us) VALUES ($1, $2, " \
      "$3, $4, $5, $6, $7, $8) ON CONFLICT (campaign_id, phone) DO NOTHING")                                           \
    X(CSQL_CONTACTS, "SELECT " CONTACT_COLUMNS " FROM contacts WHERE " OF_CAMPAIGN " ORDER BY id" PAGE(3, 4))          \
    X(CSQL_CONTACTS_TOTAL, "SELECT count(*) FROM contacts WHERE " OF_CAMPAIGN)                                         \
    X(CSQL_CONTACT, "SELECT " CONTACT_COLUMNS " FROM contacts WHERE campaign_id = $1 AND id = $2" LOCK)                \
    X(CSQL_CONTACT_SET,                                                                                                \
      "UPDATE contacts SET state = CAST($3 AS TEXT), attempts = CASE WHEN CAST($3 AS TEXT) = 'pending' THEN 0 ELSE "   \
      "attempts END, next_us = 0, note = '' WHERE campaign_id = $1 AND id = $2 AND state NOT IN " ACTIVE_STATES)       \
    X(CSQL_ATTEMPTS, "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE " OF_CONTACT " ORDER BY n DESC" PAGE(3, 4))       \
    X(CSQL_ATTEMPTS_TOTAL, "SELECT count(*) FROM attempts WHERE " OF_CONTACT)                                          \
    X(CSQL_ATTEMPT, "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE id = $1")                                          \
    X(CSQL_COUNT_STATES, "SELECT state, count(*) FROM contacts WHERE campaign_id = $1 GROUP BY state")                 \
    X(CSQL_COUNT_OUTCOMES, "SELECT outcome, count(*) FROM attempts WHERE campaign_id = $1 GROUP BY outcome")           \
    X(CSQL_NEXT, "SELECT count(*), coalesce(min(next_us), 0) FROM contacts WHERE campaign_id = $1 AND state = "        \
                 "'pending'")                                                                                          \
    X(CSQL_ACTIVE, "SELECT count(*) FROM contacts WHERE campaign_id = $1 AND state IN " ACTIVE_STATES)                 \
    /* Who has waited for another try comes before who was never called. */                                            \
    X(CSQL_LEASE,                                                                                                      \
      "UPDATE contacts SET state = 'leased', fence = fence + 1, owner = $2, lease_until_us = $4, note = '' WHERE id "  \
      "= (SELECT id FROM contacts WHERE campaign_id = $1 AND state = 'pending' AND next_us <= CAST($3 AS BIGINT) "     \
      "ORDER BY CASE WHEN next_us = 0 THEN 1 ELSE 0 END, next_us, id LIMIT 1" SKIP ") RETURNING " CONTACT_COLUMNS)     \
    X(CSQL_SPEND, "UPDATE campaigns SET next_dial_us = CAST($2 AS BIGINT) + interval_us WHERE id = $1")                \
    X(CSQL_UNSPEND, "UPDATE campaigns SET next_dial_us = next_dial_us - interval_us WHERE id = $1")                    \
    X(CSQL_RELEASE,                                                                                                    \
      "UPDATE contacts SET state = 'pending', owner = '', lease_until_us = 0, next_us = $3, note = $4 WHERE id = $1 "  \
      "AND state = 'leased' AND fence = $2")                                                                           \
    X(CSQL_DNC_GET, "SELECT phone, reason, added_us FROM do_not_call WHERE phone = $1")                                \
    X(CSQL_FORBID,                                                                                                     \
      "UPDATE contacts SET state = 'canceled', last_outcome = 'canceled', owner = '', lease_until_us = 0, note = "     \
      "'do_not_call' WHERE id = $1")                                                                                   \
    X(CSQL_TO_DIALING,                                                                                                 \
      "UPDATE contacts SET state = 'dialing', attempts = attempts + 1, lease_until_us = CAST($5 AS BIGINT) WHERE id "  \
      "= $1 AND state = 'leased' AND fence = $2 AND owner = $3 AND lease_until_us > CAST($4 AS BIGINT)")               \
    X(CSQL_INTEND,                                                                                                     \
      "INSERT INTO attempts (id, campaign_id, contact_id, number, fence, owner, phone, caller_id, agent, created_us) " \
      "SELECT CAST($1 AS TEXT), campaign_id, id, attempts, fence, owner, phone, CAST($3 AS TEXT), CAST($4 AS TEXT), "  \
      "CAST($5 AS BIGINT) FROM contacts WHERE id = $2")                                                                \
    X(CSQL_NOTE,                                                                                                       \
      "UPDATE attempts SET answered_us = CASE WHEN CAST($3 AS BIGINT) > 0 THEN CAST($3 AS BIGINT) ELSE answered_us "   \
      "END, " KEEP_TEXT(answerer, 4) ", " KEEP_TEXT(consent, 5) ", " KEEP_TEXT(carrier_call_id, 6) ", " KEEP_TEXT(     \
          request_id, 7) " WHERE id = $1 AND fence = $2 AND ended_us = 0 RETURNING contact_id")                        \
    /* Only forward: news are written by several threads. */                                                           \
    X(CSQL_CONTACT_STATE,                                                                                              \
      "UPDATE contacts SET state = CAST($3 AS TEXT) WHERE id = $1 AND fence = $2 AND NOT (state = 'in_progress' OR "   \
      "(state = 'amd_pending' AND CAST($3 AS TEXT) = 'dialing'))")                                                     \
    X(CSQL_CLOSE,                                                                                                      \
      "UPDATE attempts SET ended_us = $3, outcome = $4, duration_s = $5, " KEEP_TEXT(answerer, 6) ", " KEEP_TEXT(      \
          consent,                                                                                                     \
          7) ", " KEEP_TEXT(cause,                                                                                     \
                            8) ", " KEEP_TEXT(error,                                                                   \
                                              9) ", " KEEP_TEXT(carrier_call_id,                                       \
                                                                10) ", " KEEP_TEXT(request_id,                         \
                                                                                   11) ", answered_us = CASE WHEN "    \
                                                                                       "CAST($12 AS BIGINT) > 0 THEN " \
                                                                                       "CAST($12 AS BIGINT) ELSE "     \
                                                                                       "answered_us END WHERE id = "   \
                                                                                       "$1 AND fence = $2 AND "        \
                                                                                       "ended_us = 0 RETURNING "       \
                                                                                       "contact_id")                   \
    X(CSQL_SETTLE,                                                                                                     \
      "UPDATE contacts SET state = $3, last_outcome = $4, next_us = $5, attempts = attempts - CAST($6 AS BIGINT), "    \
      "owner = '', lease_until_us = 0, note = '' WHERE id = $1 AND fence = $2")                                        \
    X(CSQL_RENEW, "UPDATE contacts SET lease_until_us = CAST($4 AS BIGINT) WHERE id = $1 AND fence = $2 AND owner = "  \
                  "$3 AND state IN " ACTIVE_STATES)                                                                    \
    X(CSQL_EXPIRE,                                                                                                     \
      "UPDATE contacts SET lease_until_us = 1 WHERE lease_until_us > 0 AND owner <> CAST($2 AS TEXT) AND "             \
      "substr(owner, 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT)")                                                 \
    X(CSQL_UNLEASE,                                                                                                    \
      "UPDATE contacts SET state = 'pending', owner = '', lease_until_us = 0 WHERE id IN (SELECT id FROM contacts "    \
      "WHERE lease_until_us > 0 AND lease_until_us <= CAST($1 AS BIGINT) AND state = 'leased'" SKIP ")")               \
    X(CSQL_TAKE,                                                                                                       \
      "UPDATE contacts SET owner = CAST($2 AS TEXT), lease_until_us = CAST($3 AS BIGINT), fence = fence + 1 WHERE id " \
      "IN (SELECT id FROM contacts WHERE lease_until_us > 0 AND lease_until_us <= CAST($1 AS BIGINT) AND state IN "    \
      "('dialing', 'amd_pending', 'in_progress') ORDER BY id LIMIT CAST($4 AS BIGINT)" SKIP ") RETURNING id, fence")   \
    X(CSQL_TAKE_ATTEMPT, "UPDATE attempts SET owner = $2, fence = $3 WHERE contact_id = $1 AND ended_us = 0 "          \
                         "RETURNING " ATTEMPT_COLUMNS)                                                                 \
    X(CSQL_DNC_ADD, "INSERT INTO do_not_call (phone, reason, added_us) VALUES ($1, $2, $3) ON CONFLICT (phone) DO "    \
                    "NOTHING")                                                                                         \
    X(CSQL_DNC_REMOVE, "DELETE FROM do_not_call WHERE phone = $1")                                                     \
    X(CSQL_DNC_LIST, "SELECT phone, reason, added_us FROM do_not_call ORDER BY added_us DESC, phone" PAGE(1, 2))       \
    X(CSQL_DNC_TOTAL, "SELECT count(*) FROM do_not_call")

enum campaign_sql {
#define X(name, sql) name,
    CAMPAIGN_SQL_LIST(X, "", "")
#undef X
        CAMPAIGN_SQL_N
};

#endif
