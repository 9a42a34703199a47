/* Calls as the suites write and read them. */
#include "store/backend.h"

struct store_call call_of(const char *id, uint64_t started_us)
{
    return (struct store_call){.id = str_from(id),
                               .carrier = STR("twilio"),
                               .provider = STR("sandbox"),
                               .model = STR("gpt-realtime-2.1"),
                               .agent = STR("demo"),
                               .caller = STR("+15550001111"),
                               .called = STR("+15550002222"),
                               .carrier_call_id = STR("CA1"),
                               .status = STORE_RINGING,
                               .started_us = started_us,
                               .cost_micro = STORE_NO_COST};
}

int write_call(struct fixture *f, enum store_op_kind kind, const struct store_call *c, uint64_t at_us)
{
    const struct store_op op = {.kind = kind, .at_us = at_us, .u.call = c};

    return ops->write(f->s, &op, 1, NULL);
}

void begin(struct fixture *f, const char *id, uint64_t started_us)
{
    struct store_call c = call_of(id, started_us);

    assert_int_equal(write_call(f, STORE_CALL_BEGIN, &c, started_us), 0);
}

void end(struct fixture *f, const char *id, enum call_reason reason, uint64_t at_us)
{
    struct store_call c = {.id = str_from(id), .reason = reason, .ended_us = at_us};

    assert_int_equal(write_call(f, STORE_CALL_END, &c, at_us), 0);
}

struct store_call get(struct fixture *f, const char *id)
{
    struct store_call c;

    assert_int_equal(ops->call_get(f->s, str_from(id), &f->a, &c), 0);
    return c;
}
