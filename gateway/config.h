/* The configuration: presets, file, environment and flags laid over each other, and checked as a
 * whole. */
#ifndef LOOKOUT_CONFIG_H
#define LOOKOUT_CONFIG_H

#include "gateway/control/control.h"
#include "gateway/options.h"

/* Where values come from; kept for reloads. Strings are borrowed. */
struct config_sources {
    const char *file;         /* NULL = none */
    const char *const *flags; /* "--threads=8" or "--threads", "8", as in argv */
    int flag_count;
    char *const *environment; /* as environ */
};

/*
 * Loads and checks: flags win over the environment (LOOKOUT_GATEWAY_THREADS), that over the file (a
 * JSON object), that over the presets. An unknown member, variable or flag is an error. `*out` is
 * freed by options_free, also after a failure.
 */
int config_load(const struct config_sources *sources, struct options *out, struct error *err)
    __attribute__((warn_unused_result));

/* The folder that relative paths of the file are relative to; the caller frees it. NULL: no memory.
 */
char *config_folder(const char *file);

/* The control floor's part of the options. */
void config_control_settings(const struct options *options, struct control_settings *out);

/* The upstream's URL: aws_endpoint, or AWS's own of the region. */
#define CONFIG_ENDPOINT_SIZE 512
void config_endpoint(const struct options *options, char out[CONFIG_ENDPOINT_SIZE]);

/* The addresses of `listen`, split; `*copy` holds their text and is freed by the caller. */
#define CONFIG_MAX_ADDRESSES 16
int config_addresses(const struct options *options, char **copy,
                     const char *addresses[CONFIG_MAX_ADDRESSES], size_t *count, struct error *err)
    __attribute__((warn_unused_result));

#endif
