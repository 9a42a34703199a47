/* Build-time helper: prints a file as the comma-separated bytes of a C array. */
#include <stdio.h>

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fprintf(stderr, "usage: embed_gen FILE\n");
        return 1;
    }
    int c, column = 0;
    while ((c = fgetc(f)) != EOF) {
        printf("%d,%s", c, ++column % 24 == 0 ? "\n" : "");
    }
    fclose(f);
    return 0;
}
