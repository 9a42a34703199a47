/* The interfaces of a call, leg and model, and of its carrier: dispatch to the adapter's table. */
#include <errno.h>

#include "call/carrier_ops.h"
#include "call/leg_ops.h"
#include "call/model_ops.h"

int leg_perform(struct leg *leg, const struct call_action *act)
{
    return leg->ops->perform(leg, act);
}

const char *leg_cannot_transfer(struct leg *leg)
{
    return leg->ops->cannot_transfer ? leg->ops->cannot_transfer(leg) : "This line cannot be transferred.";
}

void leg_close(struct leg *leg)
{
    leg->ops->close(leg);
}

void leg_prefetch(const struct leg *leg, unsigned depth)
{
    if (leg->ops->prefetch) {
        leg->ops->prefetch(leg, depth);
    }
}

const char *leg_kind(const struct leg *leg)
{
    return leg->ops->name;
}

int model_perform(struct model *model, const struct call_action *act)
{
    return model->ops->perform(model, act);
}

void model_step_over(struct model *model)
{
    if (model->ops->step_over) {
        model->ops->step_over(model);
    }
}

void model_close(struct model *model)
{
    model->ops->close(model);
}

struct str model_memory(struct model *model)
{
    return model->ops->memory ? model->ops->memory(model) : STR("");
}

void model_prefetch(const struct model *model, unsigned depth)
{
    if (model->ops->prefetch) {
        model->ops->prefetch(model, depth);
    }
}

const char *model_kind(const struct model *model)
{
    return model->ops->name;
}

const char *carrier_cannot(struct carrier *carrier, enum carrier_service service)
{
    return carrier->ops->cannot(carrier, service);
}

int carrier_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                     uint64_t *ret_id)
{
    return carrier->ops->send_sms(carrier, sms, done, arg, ret_id);
}

int carrier_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                 uint64_t *ret_id)
{
    return carrier->ops->dial ? carrier->ops->dial(carrier, dial, done, arg, ret_id) : -ENOTSUP;
}

int carrier_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                   uint64_t *ret_id)
{
    return carrier->ops->hangup ? carrier->ops->hangup(carrier, ref, done, arg, ret_id) : -ENOTSUP;
}

int carrier_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                   uint64_t *ret_id)
{
    return carrier->ops->record ? carrier->ops->record(carrier, ref, done, arg, ret_id) : -ENOTSUP;
}

int carrier_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt)
{
    return carrier->ops->recall ? carrier->ops->recall(carrier, ref, attempt) : -ENOTSUP;
}

int carrier_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done, void *arg,
                       uint64_t *ret_id)
{
    return carrier->ops->find_calls ? carrier->ops->find_calls(carrier, find, done, arg, ret_id) : -ENOTSUP;
}

void carrier_cancel(struct carrier *carrier, uint64_t id)
{
    carrier->ops->cancel(carrier, id);
}

struct str carrier_number(struct carrier *carrier)
{
    return carrier->ops->number ? carrier->ops->number(carrier) : STR("");
}

const char *carrier_kind(const struct carrier *carrier)
{
    return carrier->ops->name;
}

bool carrier_handle(struct carrier *carrier, struct http_exchange *x, const struct http_request *req)
{
    return carrier->ops->handle(carrier, x, req);
}

void carrier_set_opts(struct carrier *carrier, const void *opts)
{
    carrier->ops->set_opts(carrier, opts);
}

void carrier_stats(struct carrier *carrier, struct carrier_stats *ret)
{
    carrier->ops->stats(carrier, ret);
}

struct carrier *carrier_free(struct carrier *carrier)
{
    if (carrier) {
        carrier->ops->free(carrier);
    }
    return NULL;
}
