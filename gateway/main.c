/* lookout-gateway: finds the command and hands over. */
#include <config.h>

#include "gateway/commands.h"
#include "gateway/config.h"
#include "gateway/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: lookout-gateway serve [--config FILE] [OPTION...]\n"
    "       lookout-gateway check-config FILE\n"
    "       lookout-gateway policy check FILE | policy explain FILE OPTION...\n"
    "       lookout-gateway ledger verify|show|export|backup|restore FILE ...\n"
    "       lookout-gateway token mint OPTION... | token inspect [FILE]\n"
    "       lookout-gateway --help | --version\n";

static int command_help(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    (void)printf("%s\nOptions of serve. Each can also stand in the file (listen) and in the "
                 "environment\n(LOOKOUT_GATEWAY_LISTEN); flags win over the environment, that "
                 "over the file.\n\n",
                 usage);
    (void)printf(
        "  --config                   the configuration: a JSON object of these options\n");
    options_print_help(stdout);
    return EX_OK;
}

static int command_version(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    (void)printf("%s %s\n", PACKAGE_NAME, PACKAGE_VERSION);
    return EX_OK;
}

static int fail_usage(const char *message)
{
    return commands_fail_usage(message, usage);
}

/* Takes "--config FILE" or "--config=FILE" from the front of the flags. */
static int take_config(int argc, char *const *argv, struct config_sources *sources)
{
    int used = 0;
    if (argc >= 2 && strcmp(argv[0], "--config") == 0) {
        sources->file = argv[1];
        used = 2;
    } else if (argc >= 1 && strncmp(argv[0], "--config=", 9) == 0) {
        sources->file = argv[0] + 9;
        used = 1;
    }
    return used;
}

static int command_serve(int argc, char *const *argv)
{
    struct config_sources sources = {.environment = environ};
    if (argc == 1 && strcmp(argv[0], "--help") == 0)
        return command_help(0, NULL);
    int used = take_config(argc, argv, &sources);
    sources.flags = (const char *const *)argv + used;
    sources.flag_count = argc - used;
    return serve_run(&sources);
}

static int command_check_config(int argc, char *const *argv)
{
    struct config_sources sources = {.environment = environ};
    struct error err = {0};
    if (commands_print_help(argc, argv, usage))
        return EX_OK;
    if (argc != 1)
        return fail_usage("check-config needs one file");
    sources.file = argv[0];
    if (serve_check(&sources, &err) != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
        return EX_CONFIG;
    }
    (void)printf("%s: good\n", argv[0]);
    return EX_OK;
}

static const struct {
    const char *name;
    int (*run)(int argc, char *const *argv);
} commands[] = {
    {"serve", command_serve},   {"check-config", command_check_config},
    {"policy", command_policy}, {"ledger", command_ledger},
    {"token", command_token},   {"--help", command_help},
    {"help", command_help},     {"--version", command_version},
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return fail_usage("a command is missing");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    }
    return fail_usage("there is no such command");
}
