#include <string.h>

#include "base/err.h"
#include "library/wording.h"
#include "ringtrip/session.h"

void rt_runner_opts_init(struct rt_runner_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

void rt_session_opts_init(struct rt_session_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

int rt_runner_new(const struct rt_runner_opts *opts, struct rt_runner **ret, char *err_text_out, size_t err_cap)
{
    if (!opts || !ret) {
        return -EINVAL;
    }
    wording_give(err_text_out, err_cap, STR("sessions are not in this build yet"));
    return -ENOSYS;
}

void rt_runner_free(struct rt_runner *runner UNUSED)
{
}
