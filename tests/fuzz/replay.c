/* Gives each file that is named to the fuzz target, once. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#define MAX_INPUT (1024 * 1024)

int main(int argc, char **argv)
{
    static char buffer[MAX_INPUT];
    MUST(argc > 1);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size_t len = fread(buffer, 1, MAX_INPUT, file);
        (void)fclose(file);
        /* Of exactly that size, so that a sanitizer sees one byte too far. */
        uint8_t *input = malloc(len > 0 ? len : 1);
        MUST(input != NULL);
        for (size_t k = 0; k < len; k++)
            input[k] = (uint8_t)buffer[k];
        (void)LLVMFuzzerTestOneInput(input, len);
        free(input);
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}
