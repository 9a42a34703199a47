/* Steps of one contact's call: operations of call/campaign_store.h. Private to this folder. */
#ifndef STORE_SQL_DIALING_H
#define STORE_SQL_DIALING_H

#include "call/campaign_store.h"

int sql_lease(struct store *s, const struct campaign_lease *l, struct arena *a, struct contact_row *ret,
              uint64_t *ret_next_us);
int sql_release(struct store *s, const struct contact_row *c, uint64_t next_us, struct str note);
int sql_intend(struct store *s, const struct attempt_row *t, uint64_t until_us);
int sql_note(struct store *s, const struct attempt_news *n);
int sql_close(struct store *s, const struct attempt_end *e);
int sql_take_over(struct store *s, const struct campaign_lease *l, uint32_t limit, struct arena *a,
                  struct campaign_rows *ret);

#endif
