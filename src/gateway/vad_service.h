/*
 * The local speech detector of one worker. Chunks that calls put in during a pass of the loop are run together at its
 * end, in one batch per branch of the network, and every answer goes to its call in the order of arrival, still in
 * the same pass: what a call does about it leaves with that pass. A call that ended meanwhile loses its chunk. Not
 * here: thresholds and turns (src/call), the network (audio/vad), where its weights come from (vad_load.h). Loop
 * thread only.
 */
#ifndef GATEWAY_VAD_SERVICE_H
#define GATEWAY_VAD_SERVICE_H

#include "audio/vad/vad.h"
#include "call/action.h"
#include "gateway/admission.h"
#include "net/loop.h"
#include "obs/metrics.h"

/* More chunks than this in one pass are run all the same (4 ms or so), but counted as an overload. */
#define VAD_SERVICE_BUSY 256

/* What one call keeps between its chunks; all zero is the beginning. */
struct vad_stream {
    struct vad_state state;
    uint64_t flush; /* of the service, when depth was counted */
    uint32_t depth; /* chunks of this call in that flush */
};

struct vad_service_opts {
    struct loop *loop;
    struct metrics *metrics;
    const struct vad_model *model; /* lent */
    /* vad_run, or a test's own. Jobs of one call are of different streams. */
    void (*run)(const struct vad_model *m, enum vad_branch branch, struct vad_job *jobs, size_t n);
    /* The stream of a call; NULL: the call is over. */
    struct vad_stream *(*stream)(struct host_id id, void *arg);
    /* One answer. May put more chunks and end calls; not free the service. */
    void (*answer)(struct host_id id, uint32_t chunk, uint32_t ppm, void *arg);
    void *arg;
};

struct vad_service;

/* A probability as events carry it, in millionths. */
uint32_t vad_to_ppm(float p);
/* -ENOMEM, -ERR_LIMIT (the loop's pass-end places are taken) */
MUST_USE int vad_service_new(const struct vad_service_opts *opts, struct vad_service **ret);
/* Chunks that wait are forgotten. NULL is fine. */
struct vad_service *vad_service_free(struct vad_service *s);
/* Copies the chunk of an ACT_VAD. -EINVAL (a rate or a length that the network does not have), -ENOMEM. */
MUST_USE int vad_service_put(struct vad_service *s, struct host_id id, const struct call_action *act);
/* Chunks that wait for the end of the pass. */
uint32_t vad_service_waiting(const struct vad_service *s);

#endif
