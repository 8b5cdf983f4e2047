/* The table of options, and how their values are read. */
#include "gateway/options.h"

#include "policy/strict_json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RELOADABLE true
#define FIXED      false
#define AT(member) offsetof(struct options, member)
#define NO_RANGE   0, 0
#define DAY_MS     (24LL * 3600 * 1000)
#define YEAR_MS    (366 * DAY_MS)

#define MAX_ISSUERS_BYTES (256 * 1024)
#define MAX_ISSUERS_DEPTH 8

/* tests/lint/options-documented.sh reads the first column. */
const struct option option_table[] = {
    {"listen", OPTION_STRING, FIXED, AT(listen), "127.0.0.1:8080", NO_RANGE,
     "addresses to listen on, separated by commas; port 0 takes a free one"},
    {"port_file", OPTION_PATH, FIXED, AT(port_file), "", NO_RANGE,
     "write the port of the first address to this file when it listens"},
    {"tls_certificate_file", OPTION_PATH, FIXED, AT(tls_certificate_file), "", NO_RANGE,
     "PEM certificate chain of the listener; with it all addresses speak TLS 1.2 and 1.3"},
    {"tls_key_file", OPTION_PATH, FIXED, AT(tls_key_file), "", NO_RANGE,
     "PEM private key that belongs to the certificate"},
    {"allow_plain_http", OPTION_BOOL, FIXED, AT(allow_plain_http), "false", NO_RANGE,
     "listen without TLS on more than loopback: tokens then travel readable by everyone between"},
    {"threads", OPTION_INT, FIXED, AT(threads), "64", 1, 1024,
     "connections served at a time: one thread each for a connection's life"},
    {"max_head_bytes", OPTION_INT, FIXED, AT(max_head_bytes), "16384", 4096, 65536,
     "largest request line and header fields together"},
    {"max_body_bytes", OPTION_INT, FIXED, AT(max_body_bytes), "65536", 1024, 1048576,
     "largest request body"},
    {"request_timeout_ms", OPTION_INT, FIXED, AT(request_timeout_ms), "10000", 100, 600000,
     "for a whole request head, a TLS handshake and writing an answer"},
    {"body_timeout_ms", OPTION_INT, FIXED, AT(body_timeout_ms), "10000", 100, 600000,
     "for a whole request body"},
    {"keep_alive_timeout_ms", OPTION_INT, FIXED, AT(keep_alive_timeout_ms), "30000", 100, 600000,
     "between two requests of a connection"},
    {"request_deadline_ms", OPTION_INT, FIXED, AT(request_deadline_ms), "30000", 100, 600000,
     "by then a start, a stop or a status has its answer, whatever it is"},
    {"shutdown_deadline_ms", OPTION_INT, RELOADABLE, AT(shutdown_deadline_ms), "30000", 100, 600000,
     "by then the program has ended after SIGTERM"},
    {"log_level", OPTION_STRING, RELOADABLE, AT(log_level), "info", NO_RANGE,
     "least level that is logged: debug, info, warning or error"},

    {"issuers", OPTION_JSON, RELOADABLE, AT(issuers), "[]", NO_RANGE,
     "who may issue tokens: array of objects, see lookout-gateway(8)"},
    {"token_cache_entries", OPTION_INT, FIXED, AT(token_cache_entries), "4096", 0, 1000000,
     "verified tokens that are remembered for up to 60 s; 0 = none"},

    {"policy_file", OPTION_PATH, RELOADABLE, AT(policy_file), "", NO_RANGE,
     "the policy: which team may run what"},
    {"ledger_file", OPTION_PATH, FIXED, AT(ledger_file), "", NO_RANGE,
     "the ledger: an SQLite database on a disk that keeps what it has synced"},

    {"aws_region", OPTION_STRING, FIXED, AT(aws_region), "", NO_RANGE,
     "the region that is called and signed for"},
    {"aws_endpoint", OPTION_STRING, FIXED, AT(aws_endpoint), "", NO_RANGE,
     "URL of the upstream; empty = https://lookoutvision.REGION.amazonaws.com"},
    {"aws_ca_bundle", OPTION_PATH, FIXED, AT(aws_ca_bundle), "", NO_RANGE,
     "PEM certificates that the upstream's certificate is checked with; empty = the system's"},
    {"aws_credentials_file", OPTION_PATH, FIXED, AT(aws_credentials_file), "", NO_RANGE,
     "shared credentials file, asked when the environment has no AWS_ACCESS_KEY_ID"},
    {"aws_profile", OPTION_STRING, FIXED, AT(aws_profile), "default", NO_RANGE,
     "section of that file"},
    {"aws_connect_timeout_ms", OPTION_INT, FIXED, AT(aws_connect_timeout_ms), "3000", 10, 60000,
     "for name, TCP and TLS of a connection to the upstream"},
    {"aws_attempt_timeout_ms", OPTION_INT, FIXED, AT(aws_attempt_timeout_ms), "10000", 10, 60000,
     "for one request to the upstream"},
    {"aws_start_per_second", OPTION_INT, FIXED, AT(aws_start_per_second), "5", 0, 100000,
     "StartModel calls a second that the account allows; 0 = not paced"},
    {"aws_stop_per_second", OPTION_INT, FIXED, AT(aws_stop_per_second), "5", 0, 100000,
     "the same of StopModel"},
    {"aws_describe_per_second", OPTION_INT, FIXED, AT(aws_describe_per_second), "5", 0, 100000,
     "the same of DescribeModel"},
    {"aws_describe_reserved", OPTION_INT, FIXED, AT(aws_describe_reserved), "2", 0, 100000,
     "of these, kept for the reconciler"},
    {"aws_list_per_second", OPTION_INT, FIXED, AT(aws_list_per_second), "2", 0, 100000,
     "ListProjects calls a second that the search for drift makes, and as many of ListModels"},

    {"lease_minutes", OPTION_INT, RELOADABLE, AT(lease_minutes), "480", 1, 44640,
     "how long a model may run before it is stopped, where neither start nor policy say it"},
    {"lease_warning_minutes", OPTION_INT, RELOADABLE, AT(lease_warning_minutes), "15", 0, 10080,
     "so long before its end a lease is warned of in log and journal; 0 = never"},
    {"stop_allowance_minutes", OPTION_INT, RELOADABLE, AT(stop_allowance_minutes), "15", 1, 1440,
     "what a stop may take: reserved beyond each lease; what runs longer is told as an overrun"},
    {"quiet_ms", OPTION_INT, RELOADABLE, AT(quiet_ms), "900000", 1, DAY_MS,
     "QUIET: after so long nothing that was sent can arrive any more"},
    {"confirm_ms", OPTION_INT, RELOADABLE, AT(confirm_ms), "60000", 1, DAY_MS,
     "between the two observations that a model does not run"},
    {"resend_window_ms", OPTION_INT, RELOADABLE, AT(resend_window_ms), "1800000", 0,
     8 * 3600 * 1000,
     "how long a start of unknown fate is sent again (AWS keeps tokens for 8 hours)"},
    {"unobserved_ms", OPTION_INT, RELOADABLE, AT(unobserved_ms), "300000", 1, DAY_MS,
     "a doubt that could not be watched for longer is charged as if it ran"},
    {"stop_renew_ms", OPTION_INT, RELOADABLE, AT(stop_renew_ms), "600000", 1, DAY_MS,
     "still running so long after an accepted stop: stop anew"},
    {"key_retention_ms", OPTION_INT, RELOADABLE, AT(key_retention_ms), "86400000", 8 * 3600 * 1000,
     YEAR_MS, "how long an idempotency key lives after its reservation closed"},
    {"reconcile_ms", OPTION_INT, RELOADABLE, AT(reconcile_ms), "10000", 10, 3600 * 1000,
     "between two passes of the reconciler"},
    {"drift_scan_minutes", OPTION_INT, RELOADABLE, AT(drift_scan_minutes), "5", 0, 1440,
     "between two searches for models that run without a reservation; 0 = none"},
    {"status_cache_ms", OPTION_INT, RELOADABLE, AT(status_cache_ms), "5000", 0, 3600 * 1000,
     "how old a model's status may be that readers get"},
    {"unknown_cache_ms", OPTION_INT, RELOADABLE, AT(unknown_cache_ms), "30000", 0, 3600 * 1000,
     "the same for models that AWS does not know"},
    {"attempts", OPTION_INT, RELOADABLE, AT(attempts), "4", 1, 20,
     "sends of one start or stop within one request"},
    {"backoff_base_ms", OPTION_INT, RELOADABLE, AT(backoff_base_ms), "200", 1, 60000,
     "upper bound of the first wait between them; doubles, full jitter"},
    {"backoff_cap_ms", OPTION_INT, RELOADABLE, AT(backoff_cap_ms), "5000", 1, 600000,
     "no wait between them is longer"},
};
const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);

static void *value_at(const struct options *options, const struct option *option)
{
    /* The table's offsets point at members that are not const. */
    return (char *)(uintptr_t)options + option->offset;
}

int options_init(struct options *options, struct error *err)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < option_count; i++) {
        int result = option_set_text(options, &option_table[i], option_table[i].preset, NULL,
                                     option_table[i].name, err);
        if (result != 0)
            return result;
    }
    return 0;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < option_count; i++) {
        void *value = value_at(options, &option_table[i]);
        switch (option_table[i].type) {
        case OPTION_STRING:
        case OPTION_PATH:
            free(*(char **)value);
            break;
        case OPTION_JSON:
            json_decref(*(json_t **)value);
            break;
        case OPTION_INT:
        case OPTION_BOOL:
            break;
        }
    }
    memset(options, 0, sizeof(*options));
}

const struct option *option_find(const char *name, size_t len)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *candidate = option_table[i].name;
        size_t at = 0;
        while (at < len && candidate[at] != '\0' &&
               (candidate[at] == name[at] || (candidate[at] == '_' && name[at] == '-')))
            at++;
        if (at == len && candidate[at] == '\0')
            return &option_table[i];
    }
    return NULL;
}

static int set_string(char **target, const char *folder, const char *text, struct error *err)
{
    char *copy = NULL;
    if (folder != NULL && text[0] != '\0' && text[0] != '/') {
        if (asprintf(&copy, "%s/%s", folder, text) < 0)
            copy = NULL;
    } else {
        copy = strdup(text);
    }
    if (copy == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the configuration");
    free(*target);
    *target = copy;
    return 0;
}

static int set_int(const struct option *option, int64_t value, const char *where, int64_t *target,
                   struct error *err)
{
    if (value < option->min || value > option->max)
        return error_set(err, ERROR_INVALID, "%s: saw %lld, expected a number from %lld to %lld",
                         where, (long long)value, (long long)option->min, (long long)option->max);
    *target = value;
    return 0;
}

static int set_int_text(const struct option *option, const char *text, const char *where,
                        int64_t *target, struct error *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return error_set(err, ERROR_INVALID,
                         "%s: saw \"%s\", expected a whole number from %lld to %lld", where, text,
                         (long long)option->min, (long long)option->max);
    return set_int(option, value, where, target, err);
}

static int set_bool_text(const char *text, const char *where, bool *target, struct error *err)
{
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return error_set(err, ERROR_INVALID, "%s: saw \"%s\", expected true or false", where, text);
    *target = yes;
    return 0;
}

static int set_array(json_t *array, const char *where, json_t **target, struct error *err)
{
    if (!json_is_array(array)) {
        json_decref(array);
        return error_set(err, ERROR_INVALID, "%s: expected an array", where);
    }
    json_decref(*target);
    *target = array;
    return 0;
}

int option_set_text(struct options *options, const struct option *option, const char *text,
                    const char *folder, const char *where, struct error *err)
{
    static const struct json_limits limits = {MAX_ISSUERS_BYTES, MAX_ISSUERS_DEPTH};
    void *value = value_at(options, option);
    json_t *parsed = NULL;
    int result = 0;
    switch (option->type) {
    case OPTION_STRING:
        return set_string(value, NULL, text, err);
    case OPTION_PATH:
        return set_string(value, folder, text, err);
    case OPTION_INT:
        return set_int_text(option, text, where, value, err);
    case OPTION_BOOL:
        return set_bool_text(text, where, value, err);
    case OPTION_JSON:
        result = strict_json_parse(text, strlen(text), &limits, &parsed, err);
        if (result != 0) {
            error_prefix(err, "%s", where);
            return result;
        }
        return set_array(parsed, where, value, err);
    }
    return ERROR_INVALID;
}

int option_set_json(struct options *options, const struct option *option, const json_t *value,
                    const char *folder, const char *where, struct error *err)
{
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_PATH:
        if (!json_is_string(value))
            return error_set(err, ERROR_INVALID, "%s: expected a string", where);
        return option_set_text(options, option, json_string_value(value), folder, where, err);
    case OPTION_INT:
        if (!json_is_integer(value))
            return error_set(err, ERROR_INVALID, "%s: expected a whole number from %lld to %lld",
                             where, (long long)option->min, (long long)option->max);
        return set_int(option, json_integer_value(value), where, value_at(options, option), err);
    case OPTION_BOOL:
        if (!json_is_boolean(value))
            return error_set(err, ERROR_INVALID, "%s: expected true or false", where);
        *(bool *)value_at(options, option) = json_is_true(value);
        return 0;
    case OPTION_JSON:
        return set_array(json_deep_copy(value), where, value_at(options, option), err);
    }
    return ERROR_INVALID;
}

bool option_equal(const struct option *option, const struct options *a, const struct options *b)
{
    const void *left = value_at(a, option);
    const void *right = value_at(b, option);
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_PATH:
        return strcmp(*(char *const *)left, *(char *const *)right) == 0;
    case OPTION_INT:
        return *(const int64_t *)left == *(const int64_t *)right;
    case OPTION_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case OPTION_JSON:
        return json_equal(*(json_t *const *)left, *(json_t *const *)right) != 0;
    }
    return false;
}

void options_print_help(FILE *out)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        char flag[64];
        (void)snprintf(flag, sizeof(flag), "--%s", option->name);
        for (char *c = flag + 2; *c != '\0'; c++)
            if (*c == '_')
                *c = '-';
        (void)fprintf(out, "  %-26s %s", flag, option->help);
        if (option->type == OPTION_INT)
            (void)fprintf(out, " (%lld to %lld)", (long long)option->min, (long long)option->max);
        if (option->preset[0] != '\0')
            (void)fprintf(out, " [%s]", option->preset);
        (void)fprintf(out, "%s\n", option->reloadable ? " (reloadable)" : "");
    }
}
