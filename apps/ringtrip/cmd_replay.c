#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/replay.h"
#include "gateway/vad_load.h"

static const char usage[] =
    "usage: ringtrip replay FILE [--print | --json] [--recompute-vad [--vad-model FILE]]\n\n"
    "Runs the journal of a call (<records.dir>/YYYY/MM/DD/<call id>.rtj) again on its own clock and compares every\n"
    "action with what the call did then.\n\n"
    "  -p, --print         each input and its actions\n"
    "      --json          the result as one object\n"
    "      --recompute-vad run the speech detector again over the caller's audio and compare its answers with those\n"
    "                      in the journal, which the replay goes on to use\n"
    "      --vad-model F   with these weights (default: RINGTRIP_VAD_MODEL, else those built in)\n\n"
    "Exit status: 0 the same, 1 it differs (an action, or a chunk of audio on the other side of a threshold),\n"
    "2 usage or no journal.\n";

enum { OPT_PRINT, OPT_JSON, OPT_VAD, OPT_MODEL, OPT_HELP };
static const struct option options[] = {
    [OPT_PRINT] = {"--print", "-p", false},       [OPT_JSON] = {"--json", NULL, false},
    [OPT_VAD] = {"--recompute-vad", NULL, false}, [OPT_MODEL] = {"--vad-model", NULL, true},
    [OPT_HELP] = {"--help", "-h", false},
};

struct request {
    const char *file, *model;
    bool print, json, vad, help;
};

static void print_line(const char *line, void *arg UNUSED)
{
    ignore_result(puts(line) < 0); /* a closed pipe shows in ferror */
}

static int read_args(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_WORD && !r->file) {
            r->file = value;
        } else if (got == ARGS_WORD) {
            return usage_error("replay", "one file at a time, not also", value);
        } else if (got < 0) {
            return STATUS_USAGE;
        }
        r->print |= got == OPT_PRINT;
        r->json |= got == OPT_JSON;
        r->vad |= got == OPT_VAD;
        r->help |= got == OPT_HELP;
        r->model = got == OPT_MODEL ? value : r->model;
    }
    if (r->help) {
        return 0;
    }
    if (!r->file) {
        return usage_error("replay", "which file?", NULL);
    }
    if (r->print && r->json) {
        return usage_error("replay", "--print or --json, not both", NULL);
    }
    return r->model && !r->vad ? usage_error("replay", "--vad-model goes with --recompute-vad", NULL) : 0;
}

static double mean_diff(const struct replay_vad_report *v)
{
    return v->chunks ? (double)v->sum_diff_ppm / (double)v->chunks / 1e6 : 0;
}

static void print_vad(const struct replay_vad_report *v)
{
    if (v->chunks + v->unanswered + v->unknown == 0) {
        ignore_result(puts("speech detector: the call did not use it") < 0);
        return;
    }
    ignore_result(printf("speech detector: the call ran with weights %s\n", v->weights) < 0);
    ignore_result(printf("speech detector: %llu chunks, difference at most %u.%06u, %.6f on average; "
                         "%llu on the other side of the start threshold, %llu of the end threshold\n",
                         (unsigned long long)v->chunks, v->max_diff_ppm / 1000000, v->max_diff_ppm % 1000000,
                         mean_diff(v), (unsigned long long)v->start_crossed, (unsigned long long)v->end_crossed) < 0);
    if (v->unanswered + v->unknown > 0) {
        ignore_result(printf("speech detector: %llu chunks without an answer in the journal, %llu answers without a "
                             "chunk\n",
                             (unsigned long long)v->unanswered, (unsigned long long)v->unknown) < 0);
    }
}

static void print_text(const struct request *r, const struct replay_report *report)
{
    ignore_result(printf("%llu inputs, %llu actions, %s", (unsigned long long)report->records,
                         (unsigned long long)report->actions, report->first_diff == 0 ? "identical" : "different") < 0);
    if (report->first_diff > 0) {
        ignore_result(printf(" from input %llu on", (unsigned long long)report->first_diff) < 0);
    }
    ignore_result(puts(report->torn_tail ? " (the journal ends in mid-record, as after a kill)" : "") < 0);
    if (r->vad) {
        print_vad(&report->vad);
    }
}

static void put_vad(struct json_w *w, const struct replay_vad_report *v)
{
    json_w_key(w, "vad");
    json_w_open(w);
    json_w_kz(w, "weights", v->weights);
    json_w_ki64(w, "chunks", (int64_t)v->chunks);
    json_w_kf64(w, "max_difference", (double)v->max_diff_ppm / 1e6);
    json_w_kf64(w, "mean_difference", mean_diff(v));
    json_w_ki64(w, "start_threshold_crossed", (int64_t)v->start_crossed);
    json_w_ki64(w, "end_threshold_crossed", (int64_t)v->end_crossed);
    json_w_ki64(w, "unanswered", (int64_t)v->unanswered);
    json_w_ki64(w, "unknown", (int64_t)v->unknown);
    json_w_close(w);
}

static void print_json(const struct request *r, const struct replay_report *report)
{
    struct buf out;
    buf_init(&out, 64u << 10);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "file", r->file);
    json_w_ki64(&w, "records", (int64_t)report->records);
    json_w_ki64(&w, "actions", (int64_t)report->actions);
    json_w_kbool(&w, "identical", report->first_diff == 0);
    json_w_ki64(&w, "first_diff", (int64_t)report->first_diff);
    json_w_kbool(&w, "torn_tail", report->torn_tail);
    if (r->vad) {
        put_vad(&w, &report->vad);
    }
    json_w_close(&w);
    const char *text = buf_cstr(&out);
    ignore_result(puts(text ? text : "{}") < 0);
    buf_done(&out);
}

/* The weights, when they are wanted. */
static int load_model(const struct request *r, struct vad_model **ret)
{
    struct buf why;
    const char *file = r->model ? r->model : getenv("RINGTRIP_VAD_MODEL");
    if (!r->vad) {
        return 0;
    }
    buf_init(&why, 4096);
    int err = vad_load(str_from(file ? file : ""), &why, ret);
    if (err < 0) {
        const char *text = buf_cstr(&why);
        ignore_result(fprintf(stderr, "ringtrip replay: %s\n", text ? text : err_text(err)) < 0);
    }
    buf_done(&why);
    return err;
}

int cmd_replay(int argc, char **argv)
{
    struct request r = {.file = NULL};
    struct replay_report report;
    struct vad_model *model = NULL;
    int status = read_args(&r, argc, argv);
    if (status != 0) {
        return status;
    }
    if (r.help) {
        return usage_help(usage);
    }
    if (load_model(&r, &model) < 0) {
        return STATUS_USAGE;
    }
    const struct replay_opts o = {.print = r.print ? print_line : NULL, .vad = model};
    int err = replay_run(r.file, &o, &report);
    vad_model_free(model);
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip replay: %s: %s\n", r.file, err_text(err)) < 0);
        return STATUS_USAGE;
    }
    if (r.json) {
        print_json(&r, &report);
    } else {
        print_text(&r, &report);
    }
    bool same = report.first_diff == 0 && report.vad.start_crossed + report.vad.end_crossed == 0;
    return same ? STATUS_OK : STATUS_FAILED;
}
