/* Where records go: the folder and its disk, and the database. Only looks: a folder or file that is missing stays so.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/checker.h"
#include "gateway/records.h"
#include "gateway/store_choice.h"
#include "net/disk.h"

#define SLOW_MS 250 /* of one look into the store */

/* The nearest folder that exists is what must be writable; the rest is made at the start. */
static void folder(struct checker *c, const struct config *cfg)
{
    char dir[RECORDS_PATH_MAX];
    struct stat st;
    uint64_t free_bytes = 0;
    if (str_copy(dir, sizeof(dir), cfg->records.dir) < 0) {
        checker_tell(c, CHECK_ERROR, "records", "records.dir is too long", "choose a shorter path");
        return;
    }
    while (stat(dir, &st) < 0 && errno == ENOENT) {
        char *slash = strrchr(dir, '/');
        if (!slash || slash == dir) {
            ignore_result(str_copy(dir, sizeof(dir), slash ? STR("/") : STR("."))); /* both fit */
            break;
        }
        *slash = '\0';
    }
    if (access(dir, W_OK | X_OK) < 0) {
        buf_printf(&c->text, "%s: %s is not writable: %s", cfg->records.dir.p, dir, err_text(-errno));
        buf_printf(&c->remedy, "give the user who serves the right to write there, or set records.dir (RECORDS_DIR) to "
                               "a folder of its own");
        checker_say(c, CHECK_ERROR, "records");
        return;
    }
    int err = disk_free_bytes(dir, &free_bytes);
    bool low = err < 0 || free_bytes >> 20 < cfg->records.min_free_mb;
    buf_printf(&c->text, "%s: %llu MB free%s", cfg->records.dir.p, (unsigned long long)(free_bytes >> 20),
               low ? ", less than records.min_free_mb: nothing will be recorded" : "");
    if (low) {
        buf_puts(&c->remedy, "make room, shorten records.retention_days, or lower records.min_free_mb");
    }
    checker_say(c, low ? CHECK_WARNING : CHECK_OK, "disk");
}

static void look_into(struct checker *c, const struct store_ops *ops, struct store *store)
{
    struct store_counts counts = {0};
    uint64_t begun_us = clock_now_us();
    int err = ops->call_counts(store, &counts);
    uint64_t ms = (clock_now_us() - begun_us) / 1000;
    if (err < 0) {
        buf_printf(&c->text, "%s cannot be read: %s", ops->name, err_text(err));
        buf_puts(&c->remedy, "calls go on without it, but their records wait in a spool: repair the database or put a "
                             "backup in its place");
        checker_say(c, CHECK_ERROR, "store");
        return;
    }
    buf_printf(&c->text, "%s, %llu calls, answers in %llu ms", ops->name, (unsigned long long)counts.total,
               (unsigned long long)ms);
    if (ms > SLOW_MS) {
        buf_puts(&c->remedy, "calls do not wait for it, but lists do: put the database on a faster disk or nearer");
    }
    checker_say(c, ms > SLOW_MS ? CHECK_WARNING : CHECK_OK, "store");
}

static void database(struct checker *c, const struct config *cfg)
{
    const struct store_ops *ops = NULL;
    struct store *store = NULL;
    int err = store_choice_open(cfg, STORE_CHOICE_GUEST, &c->text, &ops, &store);
    if (err == -ENOENT && cfg->store.url.n == 0) {
        buf_clear(&c->text);
        buf_printf(&c->text, "%s will be made at the start", cfg->records.database.p);
        checker_say(c, CHECK_OK, "store");
        return;
    }
    if (err < 0) {
        if (c->text.len == 0) {
            buf_puts(&c->text, err_text(err));
        }
        buf_puts(&c->remedy, cfg->store.url.n
                                 ? "look at store.url (STORE_URL), at the server, and at the rights of its "
                                   "user: docs/postgresql.md"
                                 : "look at records.database: it must be a file of this program, not of a "
                                   "newer one, that this user may write");
        checker_say(c, CHECK_ERROR, "store");
        return;
    }
    buf_clear(&c->text);
    look_into(c, ops, store);
    ops->close(store);
}

void check_store(struct checker *c, const struct config *cfg, bool offline)
{
    folder(c, cfg);
    if (!offline || cfg->store.url.n == 0) {
        database(c, cfg);
    }
}
