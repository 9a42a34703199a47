#include "net/file.h"

#include <errno.h>
#include <unistd.h>

int file_write_all(int fd, struct span data)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        data = (struct span){data.p + n, data.n - (size_t)n};
    }
    return 0;
}
