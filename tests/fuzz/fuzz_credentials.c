/* Shared credentials files: what comes out could stand in a header, and no message quotes them. */
#include "gateway/aws/credentials.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void look_at(const char *value)
{
    MUST(value[0] != '\0');
    for (; *value != '\0'; value++)
        MUST(*value > ' ' && *value <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aws_credentials_provider *provider = NULL;
    struct aws_credentials *credentials = NULL;
    struct error err = {0};
    char path[64];
    int fd = memfd_create("credentials", MFD_CLOEXEC);

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (aws_credentials_from_file(path, "default", &provider, &err) == 0 &&
        aws_credentials_provider_get(provider, &credentials, &err) == 0) {
        look_at(aws_credentials_access_key_id(credentials));
        look_at(aws_credentials_secret_access_key(credentials));
        if (aws_credentials_session_token(credentials) != NULL)
            look_at(aws_credentials_session_token(credentials));
    }
    aws_credentials_unref(&credentials);
    aws_credentials_provider_free(&provider);
    (void)close(fd);
    return 0;
}
