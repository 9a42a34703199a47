/* Texts that callbacks of a program hand back, and copies of texts that it gives. */
#ifndef LIBRARY_WORDING_H
#define LIBRARY_WORDING_H

#include "base/buf.h"
#include "ringtrip/base.h"

struct rt_text {
    struct buf buf;
};

#define LIBRARY_TEXT_MAX (1u << 20)

void wording_init(struct rt_text *t);
void wording_done(struct rt_text *t);
/* Asks fn; *ret is a heap copy, "" when it puts nothing. What fn returns when negative; -ENOMEM, -ERR_TOO_BIG. gives */
MUST_USE int wording_ask(rt_text_fn fn, void *arg, char **ret);
/* Puts a copy in place of *at; NULL stays NULL. -ENOMEM, *at is then as before. */
MUST_USE int wording_set(char **at, const char *z);
/* As much of text as fits, NUL-terminated. dst may be NULL. */
void wording_give(char *dst, size_t cap, struct str text);

#endif
