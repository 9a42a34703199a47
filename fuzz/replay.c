/*
 * The main of a fuzz target without a fuzz engine: feeds it every file of the folders given, then each of them cut
 * short and with single bytes changed, from memory blocks of the exact size, so that a sanitizer sees a byte too far.
 * Prints TAP. A folder without files fails: a corpus that went missing must not pass.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* Longer files are varied at this many places spread over them, to keep a replay within a second. */
#define PLACES_MAX 512

struct input {
    uint8_t *data;
    size_t size;
};

static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    if (size) {
        memcpy(copy, data, size);
    }
    if (LLVMFuzzerTestOneInput(copy, size) != 0) {
        abort();
    }
    free(copy);
}

static void feed_cut(const struct input *in, size_t step)
{
    for (size_t n = 0; n < in->size; n += step) {
        feed(in->data, n);
    }
}

static void feed_changed(const struct input *in, size_t step)
{
    /* Values that matter to text and to binary lengths; a fixed list keeps the replay the same on every machine. */
    static const uint8_t values[] = {0x00, 0xff, 0x7f, 0x80, '"', '\\', '{', '[', '=', '\n'};
    for (size_t at = 0; at < in->size; at += step) {
        uint8_t was = in->data[at];
        in->data[at] = values[at / step % sizeof values];
        feed(in->data, in->size);
        in->data[at] = (uint8_t)(was ^ 1U << at % 8);
        feed(in->data, in->size);
        in->data[at] = was;
    }
}

static int input_read(const char *path, struct input *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return -errno;
    }
    struct stat st;
    int err = fstat(fileno(f), &st) < 0 ? -errno : 0;
    uint8_t *data = err == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (err == 0 && !data) {
        err = -ENOMEM;
    }
    size_t size = err == 0 ? fread(data, 1, (size_t)st.st_size, f) : 0;
    if (err == 0 && size != (size_t)st.st_size) {
        err = -EIO;
    }
    fclose(f);
    if (err < 0) {
        free(data);
        return err;
    }
    *ret = (struct input){data, size};
    return 0;
}

static int replay_file(const char *path)
{
    struct input in = {0};
    int err = input_read(path, &in);
    if (err < 0) {
        return err;
    }
    /* A crash ends the program in the middle of a file: say which one. */
    fprintf(stderr, "# %s\n", path);
    size_t step = in.size / PLACES_MAX + 1;
    feed(in.data, in.size);
    feed_cut(&in, step);
    feed_changed(&in, step);
    free(in.data);
    return 0;
}

/* The number of files replayed, or a negative error. */
static int replay_folder(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0) {
        return -errno;
    }
    int done = 0;
    int err = 0;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && err == 0) {
            char path[PATH_MAX];
            int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            err = len < 0 || (size_t)len >= sizeof path ? -ENAMETOOLONG : replay_file(path);
            done++;
        }
        free(names[i]);
    }
    free(names);
    return err < 0 ? err : done;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    feed(NULL, 0);
    for (int i = 1; i < argc; i++) {
        int n = replay_folder(argv[i]);
        bool fine = n > 0;
        failed |= !fine;
        printf("%s %d - replays %d inputs, each whole, cut and changed\n", fine ? "ok" : "not ok", i, n);
        if (!fine) {
            fprintf(stderr, "%s: %s\n", argv[i], n < 0 ? "cannot be read" : "holds no input");
        }
    }
    printf("1..%d\n", argc - 1);
    return failed;
}
