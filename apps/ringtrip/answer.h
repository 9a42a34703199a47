/* Reading a gateway's answers in JSON for people: members as text, numbers and columns of a table. */
#ifndef APPS_RINGTRIP_ANSWER_H
#define APPS_RINGTRIP_ANSWER_H

#include "base/json.h"

/* One column; what others wrote shows no control characters. width in characters, at least one blank follows; 0: the
 * last one. */
void answer_put_column(struct buf *out, struct str s, int width);
/* The same of a member that is a text; of anything else an empty one. */
void answer_put_text(struct buf *out, struct json_val v, const char *key, int width);
/* 0 when it is none. */
int64_t answer_i64(struct json_val v, const char *path);
/* The text at "a.b.c" in room; empty when there is none or it is longer. */
struct str answer_str(struct json_val v, const char *path, char *room, size_t cap);

/* Text as part of a path or a query of an address. */
void answer_put_escaped(struct buf *out, const char *text);

#endif
