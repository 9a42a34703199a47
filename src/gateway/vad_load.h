/*
 * Where the weights of the speech detector come from: the binary, or the file of vad.model_file. Read once at the start
 * of the process, then shared and read-only. Blocking; any thread.
 */
#ifndef GATEWAY_VAD_LOAD_H
#define GATEWAY_VAD_LOAD_H

#include "audio/vad/vad.h"

/* file "": the built-in weights. -errno of the file, -ERR_CORRUPT, -ERR_MISSING, -ERR_TYPE, -ENOMEM; ret_err gets a
 * sentence that names the file. */
MUST_USE int vad_load(struct str file, struct buf *ret_err, struct vad_model **ret);

#endif
