/* The command line and environment of lookout-emulator. */
#ifndef LOOKOUT_EMULATOR_OPTIONS_H
#define LOOKOUT_EMULATOR_OPTIONS_H

#include "policy/error.h"
#include "tests/emulator/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_SEEDS_MAX   256
#define OPTIONS_SECRET_SIZE 256

struct options {
    const char *listen;
    int64_t port;
    const char *port_file; /* NULL: none */
    int64_t threads;
    const char *certificate;
    const char *key;
    const char *region;
    const char *account;
    const char *access_key_id;
    const char *secret_access_key;
    const char *secret_access_key_file; /* wins over the former */
    const char *session_token;          /* NULL: requests carry none */
    bool log;
    bool help;
    const char *seeds[OPTIONS_SEEDS_MAX]; /* "project/version" */
    size_t seed_count;
    struct settings settings;
    char secret[OPTIONS_SECRET_SIZE]; /* what the file held */
};

/*
 * Defaults, then the environment (LOOKOUT_EMULATOR_STARTING_MS=100 for --starting-ms), then the
 * command line; the secret's file is read. The strings are borrowed from `argv` and the
 * environment. ERROR_INVALID names the option.
 */
int options_parse(struct options *options, int argc, char **argv, struct error *err)
    __attribute__((warn_unused_result));

void options_print_help(FILE *out);

/* Wipes the secret. */
void options_wipe(struct options *options);

#endif
