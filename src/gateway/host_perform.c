/* What a call wants done, done: the actions of call/action.h on leg, model, tools and files. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"

/* ---- leg ---- */

static void perform_leg(struct host *h, const struct call_action *act)
{
    struct call_action told = *act;
    if (act->type == ACT_LEG_HANGUP) {
        h->apologise |= act->leg_hangup.apologise;
        told.leg_hangup.words = host_apology(h);
    }
    if (h->leg) {
        ignore_result(leg_perform(h->leg, &told)); /* on failure the leg closes by itself and says so */
    }
}

/* The leg answers by stopping or by an event of its own; one that cannot even begin is answered for here. */
static void transfer_leg(struct host *h, const struct call_action *act)
{
    int err = h->leg ? leg_perform(h->leg, act) : -ERR_STATE;
    if (err < 0) {
        struct call_event ev = {.type = EV_LEG_TRANSFER_FAILED};
        const char *why = err == -ENOTSUP && h->leg ? leg_cannot_transfer(h->leg) : NULL;
        ev.leg_transfer_failed.err = err;
        ev.leg_transfer_failed.message = str_from(why);
        host_event(h, &ev);
    }
}

/* ---- speech detector ---- */

/* A call that waits for an answer which never comes is deaf: better an end with a reason. */
static void perform_vad(struct host *h, const struct call_action *act)
{
    struct worker *w = h->worker;
    if (!h->vad) {
        h->vad = calloc(1, sizeof(*h->vad));
    }
    int err = h->vad && w->vad ? vad_service_put(w->vad, h->id, act) : -ENOMEM;
    if (err < 0) {
        metrics_add(w->env.metrics, METRIC_CALL_BUGS, err == -EINVAL);
        log_error(&h->log, "vad.failed", "error=%s rate_hz=%u bytes=%zu", err_name(err), act->vad.rate_hz,
                  act->vad.pcm.n);
        host_fail(h, REASON_INTERNAL, "the speech detector cannot be used");
    }
}

/* ---- files ---- */

static void on_recorder_error(struct recorder *r UNUSED, int err, void *arg)
{
    struct host *h = arg;
    metrics_add(h->worker->env.metrics, METRIC_DISK_DROPS, 1);
    log_error(&h->log, "recording.failed", "path=%s error=%s", h->facts.recording, err_name(err));
}

static void on_recorder_closed(struct recorder *r UNUSED, uint64_t bytes UNUSED, int err UNUSED, void *arg)
{
    struct host *h = arg;
    h->recorder = NULL;
    h->files_open--;
    host_settle(h);
}

static const struct recorder_handler recorder_handler = {.on_error = on_recorder_error,
                                                         .on_closed = on_recorder_closed};

void host_open_recorder(struct host *h, enum audio_format format)
{
    const struct worker_env *env = &h->worker->env;
    struct host_facts *f = &h->facts;
    if (h->recorder) {
        return;
    }
    int err = records_path(h->snapshot->cfg->records.dir.p, f->started_wall_us, h->call_id, ".wav", f->recording);
    if (err >= 0) {
        err = recorder_open(env->disk, f->recording, format, &recorder_handler, h, &h->recorder);
    }
    if (err < 0) {
        log_error(&h->log, "recording.failed", "path=%s error=%s", f->recording, err_name(err));
        f->recording[0] = '\0';
        return;
    }
    h->files_open++;
}

static void on_journal_error(struct disk_file *file UNUSED, int err, void *arg)
{
    struct host *h = arg;
    metrics_add(h->worker->env.metrics, METRIC_DISK_DROPS, 1);
    log_error(&h->log, "journal.failed", "path=%s error=%s", h->facts.journal, err_name(err));
}

static void on_journal_closed(struct disk_file *file UNUSED, uint64_t size UNUSED, int err UNUSED, void *arg)
{
    struct host *h = arg;
    h->journal = NULL;
    h->files_open--;
    host_settle(h);
}

static const struct disk_file_handler journal_handler = {.on_error = on_journal_error, .on_closed = on_journal_closed};

void host_open_journal(struct host *h)
{
    const struct worker_env *env = &h->worker->env;
    struct host_facts *f = &h->facts;
    struct buf *out = &h->worker->journal;
    if (!h->snapshot->cfg->records.journal || !records_room(env->records)) {
        return;
    }
    int err = records_path(h->snapshot->cfg->records.dir.p, f->started_wall_us, h->call_id, ".rtj", f->journal);
    if (err >= 0) {
        err = disk_file_create(env->disk, f->journal, false, &journal_handler, h, &h->journal);
    }
    if (err < 0) {
        log_error(&h->log, "journal.failed", "path=%s error=%s", f->journal, err_name(err));
        f->journal[0] = '\0';
        return;
    }
    h->files_open++;
    buf_clear(out);
    journal_begin(&h->journal_writer, out, &h->opts, loop_now_us(env->loop));
    disk_file_append(h->journal, buf_span(out));
}

void host_close_files(struct host *h)
{
    if (h->recorder) {
        recorder_close(h->recorder);
    }
    if (h->journal) {
        disk_file_close(h->journal);
    }
}

static void keep_end(struct host *h, const struct call_action *act)
{
    struct host_facts *f = &h->facts;
    f->end = *act;
    buf_clear(&f->end_text);
    buf_put_str(&f->end_text, act->end.detail);
    f->end.end.detail = f->end_text.err < 0 ? STR("") : buf_str(&f->end_text);
}

void host_perform(struct host *h, const struct call_action *act)
{
    host_trace_action(h, act);
    if (act->type == ACT_GUARD_TRIP) {
        host_tap(h, TAP_SIGNAL, act, NULL);
    }
    switch (act->type) {
    case ACT_LEG_MEDIA:
    case ACT_LEG_MARK:
    case ACT_LEG_CLEAR:
        perform_leg(h, act);
        break;
    case ACT_LEG_HANGUP:
        host_tap(h, TAP_SIGNAL, act, NULL); /* before the carrier can tell of it */
        perform_leg(h, act);
        break;
    case ACT_LEG_TRANSFER:
        transfer_leg(h, act);
        break;
    case ACT_MODEL_OPEN:
        host_open_model(h, act);
        break;
    case ACT_MODEL_APPEND:
    case ACT_MODEL_COMMIT:
    case ACT_MODEL_CLEAR_INPUT:
    case ACT_MODEL_RESPOND:
    case ACT_MODEL_CANCEL:
    case ACT_MODEL_TRUNCATE:
    case ACT_MODEL_TOOL_OUTPUT:
    case ACT_MODEL_UPDATE:
    case ACT_MODEL_ITEM:
    case ACT_MODEL_USER_TEXT:
        host_perform_model(h, act);
        break;
    case ACT_MODEL_CLOSE:
        host_close_model(h, act->session);
        break;
    case ACT_TOOL_CHECK:
        host_check_tool(h, act);
        break;
    case ACT_TOOL_APPROVAL:
        host_ask_approval(h, act);
        break;
    case ACT_TOOL_DECIDED:
        host_approval_decided(h, act);
        break;
    case ACT_TOOL_RUN:
        host_run_tool(h, act);
        break;
    case ACT_TOOL_CANCEL:
        host_cancel_tool(h, act->tool_cancel.tool_call_id);
        break;
    case ACT_GUARD_CHECK:
        host_check_guards(h, act);
        break;
    case ACT_GUARD_TRIP:
        host_guard_tripped(h, act);
        break;
    case ACT_VAD:
        perform_vad(h, act);
        break;
    case ACT_RECORD:
        if (h->recorder) {
            recorder_put(h->recorder, act->record.at_samples, act->record.pairs);
        }
        break;
    case ACT_LINE:
        record_line(h, act);
        break;
    case ACT_TURN:
        record_turn(h, act);
        break;
    case ACT_NOTE:
        record_note(h, act);
        break;
    case ACT_SIGNAL:
        record_resolution(h, &act->signal);
        host_tap(h, TAP_SIGNAL, act, NULL);
        break;
    case ACT_USAGE:
        record_usage(h, act);
        host_tap(h, TAP_SIGNAL, act, NULL);
        break;
    case ACT_END:
        keep_end(h, act);
        break;
    case CALL_ACTION_N:
        break;
    }
}
