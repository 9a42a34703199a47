/* Brings the tensors of the model file into the layout of net.h. Inner header of src/audio/vad. */
#ifndef AUDIO_VAD_PACK_H
#define AUDIO_VAD_PACK_H

#include "audio/vad/net.h"

/*
 * Reads the file and fills block, which is aligned to VAD_ALIGN and has vad_block_bytes(). Results as vad_model_onnx,
 * but -ENOMEM.
 */
MUST_USE int vad_pack(struct span file, struct buf *ret_err, void *block);

#endif
