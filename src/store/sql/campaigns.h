/*
 * Campaigns in an SQL database (call/campaign_store.h says what the operations do), written once: a struct store that
 * begins with a struct sql_store can offer them as they are.
 */
#ifndef STORE_SQL_CAMPAIGNS_H
#define STORE_SQL_CAMPAIGNS_H

#include "call/campaign_store.h"
#include "store/sql/campaign_sql.h"
#include "store/sql/sql.h"

extern const struct campaign_ops sql_campaigns;

/* Statement texts by enum campaign_sql: plain for a database with one writer at a time; else rows are locked. */
extern const char *const campaign_sql_plain[CAMPAIGN_SQL_N];
extern const char *const campaign_sql_locking[CAMPAIGN_SQL_N];

#endif
