#include "store/sql/rows.h"

#include "base/err.h"

struct str row_text(struct sql_row *row)
{
    struct str s = arena_str(row->a, row->text(row, row->column++));

    if (!s.p) {
        row->err = -ENOMEM;
        return STR("");
    }
    return s;
}

int64_t row_number(struct sql_row *row)
{
    return row->number(row, row->column++);
}

uint64_t row_u64(struct sql_row *row)
{
    int64_t n = row_number(row);

    return n > 0 ? (uint64_t)n : 0;
}

static uint32_t row_u32(struct sql_row *row)
{
    uint64_t n = row_u64(row);

    return (uint32_t)MIN(n, (uint64_t)UINT32_MAX);
}

/* A word that this program does not know (a newer one wrote it) reads as the last of its list: nothing is begun on it.
 */
static enum campaign_status row_status(struct sql_row *row)
{
    enum campaign_status v = CAMPAIGN_ARCHIVED;
    ignore_result(campaign_status_parse(row_text(row), &v));
    return v;
}

static enum contact_state row_state(struct sql_row *row)
{
    enum contact_state v = CONTACT_CANCELED;
    ignore_result(contact_state_parse(row_text(row), &v));
    return v;
}

static enum attempt_outcome row_outcome(struct sql_row *row)
{
    enum attempt_outcome v = ATTEMPT_UNKNOWN;
    ignore_result(attempt_outcome_parse(row_text(row), &v));
    return v;
}

void row_campaign(struct sql_row *row, struct campaign_row *ret)
{
    ret->id = row_text(row);
    ret->name = row_text(row);
    ret->status = row_status(row);
    ret->note = row_text(row);
    ret->settings = row_text(row);
    ret->max_concurrent = row_u32(row);
    ret->interval_us = row_u64(row);
    ret->run_start_us = row_u64(row);
    ret->run_end_us = row_u64(row);
    ret->created_us = row_u64(row);
    ret->updated_us = row_u64(row);
    ret->started_us = row_u64(row);
}

void row_contact(struct sql_row *row, struct contact_row *ret)
{
    ret->id = row_u64(row);
    ret->campaign_id = row_text(row);
    ret->name = row_text(row);
    ret->phone = row_text(row);
    ret->timezone = row_text(row);
    ret->agent = row_text(row);
    ret->caller_id = row_text(row);
    ret->vars = row_text(row);
    ret->state = row_state(row);
    ret->attempts = row_u32(row);
    ret->last_outcome = row_outcome(row);
    ret->next_us = row_u64(row);
    ret->fence = row_u64(row);
    ret->owner = row_text(row);
    ret->lease_until_us = row_u64(row);
    ret->note = row_text(row);
}

void row_attempt(struct sql_row *row, struct attempt_row *ret)
{
    ret->id = row_text(row);
    ret->campaign_id = row_text(row);
    ret->contact_id = row_u64(row);
    ret->number = row_u32(row);
    ret->fence = row_u64(row);
    ret->owner = row_text(row);
    ret->phone = row_text(row);
    ret->caller_id = row_text(row);
    ret->agent = row_text(row);
    ret->created_us = row_u64(row);
    ret->answered_us = row_u64(row);
    ret->ended_us = row_u64(row);
    ret->duration_s = row_number(row);
    ret->outcome = row_outcome(row);
    ret->answerer = row_text(row);
    ret->consent = row_text(row);
    ret->carrier_call_id = row_text(row);
    ret->request_id = row_text(row);
    ret->cause = row_text(row);
    ret->error = row_text(row);
}

void row_dnc(struct sql_row *row, struct dnc_row *ret)
{
    ret->phone = row_text(row);
    ret->reason = row_text(row);
    ret->added_us = row_u64(row);
}
