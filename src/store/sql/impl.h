/* What the files of this folder share. Private. All but sql_face_of run inside a transaction (sql_face.begin). */
#ifndef STORE_SQL_IMPL_H
#define STORE_SQL_IMPL_H

#include "store/sql/campaigns.h"

const struct sql_face *sql_face_of(struct store *s);
/* A change by the writer; how many rows. */
MUST_USE int sql_run(struct store *s, uint32_t id, const struct sql_value *v, uint32_t n);
/* The first column of the last row; how many rows there were. */
MUST_USE int sql_count(struct store *s, enum sql_side side, uint32_t id, const struct sql_value *v, uint32_t n,
                       uint64_t *ret);
/* When the next pending contact of a campaign is due; 0: none waits. */
MUST_USE int sql_next_us(struct store *s, enum sql_side side, struct str id, uint64_t *ret);

/* A campaign's row, held to the end of the transaction. */
struct sql_campaign_lock {
    enum campaign_status status;
    uint64_t max_concurrent, interval_us, run_start_us, run_end_us, next_dial_us;
};
/* -ENOENT */
MUST_USE int sql_lock_campaign(struct store *s, struct str id, struct sql_campaign_lock *ret);

#endif
