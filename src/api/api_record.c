#include "api/api_record.h"

#include "base/err.h"

int api_record_read(const struct store_ops *ops, struct store *store, struct arena *a, struct api_record_room *room,
                    struct api_record *ret)
{
    struct str id = room->call.id;
    struct store_turn *turns = NULL;
    struct store_line *lines = NULL;
    int err = ops->turn_list(store, id, a, &turns, &ret->n_turns);
    err = err < 0 ? err : ops->line_list(store, id, a, &lines, &ret->n_lines);
    if (err < 0) {
        return err;
    }
    ret->call = &room->call;
    ret->turns = turns;
    ret->lines = lines;
    ret->dial = NULL;
    if (room->call.direction == STORE_OUTBOUND && ops->dial_get(store, id, a, &room->dial) >= 0) {
        ret->dial = &room->dial;
        /* One write makes both; the call was read before it. */
        room->call.outcome = room->call.outcome.n == 0 ? room->dial.outcome : room->call.outcome;
    }
    return 0;
}
