/*
 * The one table of options: it drives the configuration file, the environment, the flags, the help
 * and what a reload takes over.
 */
#ifndef LOOKOUT_OPTIONS_H
#define LOOKOUT_OPTIONS_H

#include "policy/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The values, by the names that they have everywhere. Strings are owned; "" where unset. */
struct options {
    char *listen;
    char *port_file;
    char *tls_certificate_file, *tls_key_file;
    bool allow_plain_http;
    int64_t threads;
    int64_t max_head_bytes, max_body_bytes;
    int64_t request_timeout_ms, body_timeout_ms, keep_alive_timeout_ms, request_deadline_ms;
    int64_t shutdown_deadline_ms;
    char *log_level;

    json_t *issuers; /* array; see issuers.h */
    int64_t token_cache_entries;

    char *policy_file;
    char *ledger_file;

    char *aws_region, *aws_endpoint, *aws_ca_bundle;
    char *aws_credentials_file, *aws_profile;
    int64_t aws_connect_timeout_ms, aws_attempt_timeout_ms;
    int64_t aws_start_per_second, aws_stop_per_second;
    int64_t aws_describe_per_second, aws_describe_reserved;
    int64_t aws_list_per_second;

    int64_t lease_minutes, lease_warning_minutes, stop_allowance_minutes;
    int64_t quiet_ms, confirm_ms, resend_window_ms, unobserved_ms, stop_renew_ms;
    int64_t key_retention_ms, reconcile_ms, drift_scan_minutes;
    int64_t status_cache_ms, unknown_cache_ms;
    int64_t attempts, backoff_base_ms, backoff_cap_ms;
};

enum option_type {
    OPTION_STRING,
    OPTION_PATH, /* in a file: relative to that file's folder */
    OPTION_INT,
    OPTION_BOOL,
    OPTION_JSON /* an array */
};

struct option {
    const char *name; /* in files; LOOKOUT_GATEWAY_NAME in the environment, --na-me as a flag */
    enum option_type type;
    bool reloadable; /* SIGHUP takes a changed value over */
    size_t offset;   /* in struct options */
    const char *preset;
    int64_t min, max; /* of OPTION_INT */
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

/* Fills in the presets. Free with options_free also after a failure. */
int options_init(struct options *options, struct error *err) __attribute__((warn_unused_result));
void options_free(struct options *options);

/* By the name of files ("aws_region") or of flags ("aws-region"); NULL where there is none. */
const struct option *option_find(const char *name, size_t len);

/*
 * Sets a value from a text; `where` names its source in errors ("--threads"). `folder` is put
 * before relative paths, or is NULL.
 */
int option_set_text(struct options *options, const struct option *option, const char *text,
                    const char *folder, const char *where, struct error *err)
    __attribute__((warn_unused_result));
/* Sets a value from a member of the configuration file, of JSON's own types. */
int option_set_json(struct options *options, const struct option *option, const json_t *value,
                    const char *folder, const char *where, struct error *err)
    __attribute__((warn_unused_result));

bool option_equal(const struct option *option, const struct options *a, const struct options *b);

/* The list for --help: flag, preset, range, reload mark, help. */
void options_print_help(FILE *out);

#endif
