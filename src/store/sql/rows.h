/* Rows of campaigns from columns, in the order of campaign_sql.h. Private to this folder. */
#ifndef STORE_SQL_ROWS_H
#define STORE_SQL_ROWS_H

#include "store/sql/campaigns.h"

struct str row_text(struct sql_row *row);
int64_t row_number(struct sql_row *row);
uint64_t row_u64(struct sql_row *row); /* below 0: 0 */
void row_campaign(struct sql_row *row, struct campaign_row *ret);
void row_contact(struct sql_row *row, struct contact_row *ret);
void row_attempt(struct sql_row *row, struct attempt_row *ret);
void row_dnc(struct sql_row *row, struct dnc_row *ret);

#endif
