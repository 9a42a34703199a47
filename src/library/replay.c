#include "ringtrip/replay.h"

#include <string.h>

#include "base/err.h"
#include "gateway/replay.h"

int rt_replay(const char *file, void (*print)(const char *line, void *arg), void *arg, struct rt_replay_report *ret)
{
    struct replay_report report;
    if (!file || !ret || ret->struct_size < sizeof(ret->struct_size)) {
        return -EINVAL;
    }
    int err = replay_run(file, &(struct replay_opts){.print = print, .arg = arg}, &report);
    if (err < 0) {
        return err;
    }
    struct rt_replay_report full = {
        .struct_size = ret->struct_size,
        .records = report.records,
        .actions = report.actions,
        .identical = report.first_diff == 0,
        .first_diff = report.first_diff,
        .torn_tail = report.torn_tail,
    };
    memcpy(ret, &full, MIN(ret->struct_size, sizeof(full)));
    return 0;
}
