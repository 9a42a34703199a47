#include "gateway/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int mapped_open(const char *path, struct span *ret)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int err = fstat(fd, &st) < 0 ? -errno : 0;
    if (err == 0 && !S_ISREG(st.st_mode)) {
        err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    }
    *ret = (struct span){NULL, 0};
    if (err == 0 && st.st_size > 0) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        err = p == MAP_FAILED ? -errno : 0;
        *ret = err < 0 ? *ret : span_from(p, (size_t)st.st_size);
    }
    ignore_result(close(fd) < 0); /* nothing was written */
    return err;
}

void mapped_close(struct span file)
{
    if (file.n > 0) {
        ignore_result(munmap((void *)(uintptr_t)file.p, file.n) < 0); /* ours, whole */
    }
}
