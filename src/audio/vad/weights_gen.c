/*
 * Build-time program: turns silero_vad.onnx into the block of net.h, and writes an assembly file that puts it into the
 * program. Run by meson, not installed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audio/vad/pack.h"
#include "base/err.h"

#define FILE_MAX (64u << 20)

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "vad_weights_gen: %s: %s\n", what, why);
    return 1;
}

static int read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return -errno;
    }
    uint8_t *room;
    size_t n = 1;
    while (n && (room = buf_room(b, 1u << 16))) {
        n = fread(room, 1, 1u << 16, f);
        buf_added(b, n);
    }
    int err = ferror(f) ? -EIO : b->err;
    fclose(f);
    return err;
}

static int write_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return -errno;
    }
    bool ok = fwrite(p, 1, n, f) == n;
    ok = fclose(f) == 0 && ok;
    return ok ? 0 : -EIO;
}

static int convert(const char *onnx, const char *block_path, const char *asm_path)
{
    struct buf file, text;
    buf_init(&file, FILE_MAX);
    buf_init(&text, 65536);
    void *block = aligned_alloc(VAD_ALIGN, (vad_block_bytes() + VAD_ALIGN - 1) / VAD_ALIGN * VAD_ALIGN);
    int err = block ? read_file(onnx, &file) : -ENOMEM;
    if (err == 0) {
        err = vad_pack(buf_span(&file), &text, block);
    }
    if (err < 0) {
        const char *why = text.len ? buf_cstr(&text) : err_text(err);
        fail(onnx, why ? why : err_text(err));
    }
    if (err == 0 && (err = write_file(block_path, block, vad_block_bytes())) < 0) {
        fail(block_path, err_text(err));
    }
    buf_clear(&text);
    buf_printf(&text,
               "    .section .rodata\n"
               "    .balign %d\n"
               "    .globl vad_weights\n"
               "    .hidden vad_weights\n"
               "    .type vad_weights, %%object\n"
               "vad_weights:\n"
               "    .incbin \"%s\"\n"
               "    .size vad_weights, . - vad_weights\n"
               "    .globl vad_weights_end\n"
               "    .hidden vad_weights_end\n"
               "vad_weights_end:\n"
               "    .byte 0\n"
               "    .section .note.GNU-stack,\"\",%%progbits\n",
               VAD_ALIGN, block_path);
    if (err == 0 && (err = write_file(asm_path, buf_ptr(&text), text.len)) < 0) {
        fail(asm_path, err_text(err));
    }
    buf_done(&text);
    buf_done(&file);
    free(block);
    return err < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: vad_weights_gen MODEL.onnx BLOCK ASSEMBLY\n");
        return 2;
    }
    return convert(argv[1], argv[2], argv[3]);
}
