/* Reads test data from the source tree, which is not where `make distcheck` runs the tests. */
#include "tests/policy/policy_file.h"

#include "gateway/base/zone_file.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX_BYTES (POLICY_MAX_BYTES + 1)

char *policy_file_read(const char *path, size_t *len)
{
    const char *root = getenv("top_srcdir");
    char full[4096];
    char *text = malloc(FILE_MAX_BYTES + 1);
    FILE *file;

    snprintf(full, sizeof(full), "%s/%s", root != NULL ? root : ".", path);
    file = fopen(full, "rb");
    if (text == NULL || file == NULL) {
        perror(full);
        if (file != NULL)
            fclose(file);
        free(text);
        return NULL;
    }
    *len = fread(text, 1, FILE_MAX_BYTES, file);
    text[*len] = '\0';
    fclose(file);
    return text;
}

struct policy *policy_file_load(const char *path)
{
    struct policy *policy = NULL;
    struct error err = {.message = "not readable"};
    size_t len;
    char *text = policy_file_read(path, &len);

    if (text == NULL || policy_parse(text, len, zone_file_load, NULL, &policy, &err) != 0) {
        fprintf(stderr, "%s: %s: %s\n", path, err.pointer, err.message);
        exit(1);
    }
    free(text);
    return policy;
}
