/*
 * Uses of tools that wait for somebody's decision, of all calls of a worker: what the API lists, what a program that
 * embeds us is told of. Entries own their texts; the decision itself is the call's (call/approval.c). Loop thread only.
 */
#ifndef GATEWAY_APPROVALS_H
#define GATEWAY_APPROVALS_H

#include "base/str.h"
#include "gateway/admission.h"

#define APPROVAL_ID_MAX 24

struct approval {
    struct approval *next;
    char id[APPROVAL_ID_MAX]; /* "apr_" and 16 hexadecimal digits: hard to guess, for the API */
    struct host_id host;
    struct str call_id, tool_call_id, tool, arguments, agent, caller;
    uint64_t asked_wall_us;
    uint64_t expires_wall_us; /* 0: with the call */
    bool expires_approved;
    char *texts; /* what the texts lie in */
};

struct approvals {
    struct approval *first; /* the oldest */
    uint32_t n;
};

/* id, next and texts of what are not looked at; its texts are copied. -ENOMEM */
MUST_USE int approvals_add(struct approvals *a, const struct approval *what, const struct approval **ret);
const struct approval *approvals_find(const struct approvals *a, struct str id);
/* By the call's own names; NULL: it does not wait. */
const struct approval *approvals_of(const struct approvals *a, struct host_id host, struct str tool_call_id);
/* tool_call_id STR_NULL: all of this call. Returns how many. */
uint32_t approvals_remove(struct approvals *a, struct host_id host, struct str tool_call_id);

/* Told of each that waits, from the step of its call: it must not decide before it returns. fn NULL: nobody. */
struct approval_hook {
    void (*fn)(const struct approval *approval, void *arg);
    void *arg;
};

#endif
