/* What the API asks of approvals. */
#include "base/err.h"
#include "gateway/gateway_impl.h"

uint32_t gateway_api_approvals(api_approval_fn fn, void *fn_arg, void *arg)
{
    const struct gateway *gw = arg;
    uint32_t n = 0;
    for (const struct approval *a = gw->worker->approvals.first; a; a = a->next) {
        const struct api_approval one = {.id = str_from(a->id),
                                         .call_id = a->call_id,
                                         .tool_call_id = a->tool_call_id,
                                         .tool = a->tool,
                                         .arguments = a->arguments,
                                         .agent = a->agent,
                                         .caller = a->caller,
                                         .asked_wall_us = a->asked_wall_us,
                                         .expires_wall_us = a->expires_wall_us,
                                         .expires_approved = a->expires_approved};
        fn(&one, fn_arg);
        n++;
    }
    return n;
}

int gateway_api_decide(struct str id, const struct api_decision *decision, void *arg)
{
    struct gateway *gw = arg;
    const struct approval *a = approvals_find(&gw->worker->approvals, id);
    const struct approval_decision d = {
        .approval = a, .approve = decision->approve, .always = decision->always, .message = decision->message};
    return a ? worker_decide(gw->worker, &d) : -ENOENT;
}
