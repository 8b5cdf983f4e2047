/* What the commands have in common. */
#include "gateway/commands.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

bool commands_print_help(int argc, char *const *argv, const char *usage)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)printf("%s", usage);
            return true;
        }
    }
    return false;
}

int commands_fail_usage(const char *message, const char *usage)
{
    (void)fprintf(stderr, "lookout-gateway: %s\n%s", message, usage);
    return EX_USAGE;
}
