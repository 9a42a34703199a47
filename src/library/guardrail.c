#include <stdlib.h>

#include "base/err.h"
#include "library/describe.h"
#include "library/wording.h"

int rt_guardrail_new(const char *name, rt_guardrail_fn fn, void *arg, struct rt_guardrail **ret)
{
    if (!name || !*name || !fn || !ret) {
        return -EINVAL;
    }
    struct rt_guardrail *g = calloc(1, sizeof(*g));
    if (!g) {
        return -ENOMEM;
    }
    g->fn = fn;
    g->arg = arg;
    int err = wording_set(&g->name, name);
    if (err < 0) {
        free(g);
        return err;
    }
    *ret = g;
    return 0;
}

int describe_guardrail_copy(const struct rt_guardrail *guardrail, struct rt_guardrail **ret)
{
    return rt_guardrail_new(guardrail->name, guardrail->fn, guardrail->arg, ret);
}

void rt_guardrail_free(struct rt_guardrail *guardrail)
{
    if (guardrail) {
        free(guardrail->name);
        free(guardrail);
    }
}
