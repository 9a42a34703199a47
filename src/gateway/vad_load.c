#include "gateway/vad_load.h"

#include "base/err.h"
#include "base/log.h"
#include "gateway/mapped.h"
#include "net/loop.h"

#define SETTING "vad.model_file (RINGTRIP_VAD_MODEL)"

static int load_file(const char *file, struct buf *ret_err, struct vad_model **ret)
{
    struct span bytes;
    struct buf why;
    int err = mapped_open(file, &bytes);
    if (err < 0) {
        buf_printf(ret_err, SETTING ": %s cannot be read: %s", file, err_text(err));
        return err;
    }
    buf_init(&why, 4096);
    err = vad_model_onnx(bytes, &why, ret);
    if (err < 0) {
        buf_printf(ret_err, SETTING ": %s is not usable: " STR_FMT, file,
                   STR_ARG(why.len > 0 ? buf_str(&why) : str_from(err_text(err))));
    }
    buf_done(&why);
    mapped_close(bytes);
    return err;
}

/* A configuration's texts are NUL-terminated. */
int vad_load(struct str file, struct buf *ret_err, struct vad_model **ret)
{
    bool given = file.n > 0;
    uint64_t begin_us = clock_now_us();
    int err = given ? load_file(file.p, ret_err, ret) : vad_model_builtin(ret);
    if (err < 0) {
        if (!given) {
            buf_printf(ret_err, "the built-in speech detector cannot be loaded: %s", err_text(err));
        }
        return err;
    }
    log_info(NULL, "vad.loaded", "model=%s kernel=%s source=%s load_us=%llu", vad_model_id(*ret),
             vad_kernel_name(vad_kernel_best()), given ? file.p : "built-in",
             (unsigned long long)(clock_now_us() - begin_us));
    return 0;
}
