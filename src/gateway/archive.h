/*
 * The records of calls without a running gateway: what `ringtrip calls` shows and deletes. Opens the store of a
 * configuration; a gateway may run on it at the same time. Blocking.
 */
#ifndef GATEWAY_ARCHIVE_H
#define GATEWAY_ARCHIVE_H

#include "base/buf.h"
#include "call/store.h"
#include "config/config.h"

struct archive;

/* -ENOENT: there is no store yet (nothing is made). err gets a sentence. */
MUST_USE int archive_open(const struct config_source *source, struct buf *err, struct archive **ret);
struct archive *archive_close(struct archive *a);

enum archive_form { ARCHIVE_TEXT, ARCHIVE_JSON };

/* Appends a table or {"total", "calls"}. */
MUST_USE int archive_list(struct archive *a, const struct store_filter *f, enum archive_form form, struct buf *out);
/* Appends one call with turns and transcript; id is ours or the carrier's. -ENOENT */
MUST_USE int archive_show(struct archive *a, struct str id, enum archive_form form, struct buf *out);
/* Appends its trace: a tree with times, or what GET /v1/calls/{id}/trace gives. -ENOENT */
MUST_USE int archive_trace(struct archive *a, struct str id, enum archive_form form, struct buf *out);
/* Deletes row, recording and journal. -ENOENT; -EBUSY: it is not over. */
MUST_USE int archive_delete(struct archive *a, struct str id);

/* Callbacks: a table or {"total", "callbacks"}. */
MUST_USE int archive_callbacks(struct archive *a, const struct store_callback_filter *f, enum archive_form form,
                               struct buf *out);
/* Closes one and appends it as it is now. -ENOENT; -ERR_STATE: it was closed before; -ERR_TOO_BIG: the note. */
MUST_USE int archive_callback_close(struct archive *a, struct str id, struct str note, enum archive_form form,
                                    struct buf *out);

#endif
