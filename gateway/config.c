/* Layers of configuration, and what has to fit together. */
#include "gateway/config.h"

#include "gateway/base/file.h"
#include "gateway/base/log.h"
#include "policy/strict_json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES (1024 * 1024)
#define MAX_FILE_DEPTH 10
#define PREFIX         "LOOKOUT_GATEWAY_"

char *config_folder(const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    if (slash == NULL)
        return strdup(".");
    return slash == file ? strdup("/") : strndup(file, (size_t)(slash - file));
}

static int apply_document(struct options *options, const char *file, const json_t *document,
                          struct error *err)
{
    char where[ERROR_POINTER_MAX];
    const char *name = NULL;
    json_t *value = NULL;
    char *folder = config_folder(file);
    int result = folder != NULL ? 0 : error_set(err, ERROR_NOMEM, "out of memory for %s", file);
    /* jansson's iteration wants a pointer to non-const; nothing is changed. */
    json_t *members = (json_t *)(uintptr_t)document;
    json_object_foreach(members, name, value)
    {
        const struct option *option = option_find(name, strlen(name));
        if (result != 0)
            break;
        (void)snprintf(where, sizeof(where), "%s: %s", file, name);
        if (option == NULL || strcmp(option->name, name) != 0)
            result = error_set(err, ERROR_INVALID,
                               "%s: there is no such option; `lookout-gateway --help' lists them",
                               where);
        else
            result = option_set_json(options, option, value, folder, where, err);
    }
    free(folder);
    return result;
}

static int apply_file(struct options *options, const char *file, struct error *err)
{
    static const struct json_limits limits = {MAX_FILE_BYTES, MAX_FILE_DEPTH};
    char *text = NULL;
    size_t len = 0;
    json_t *document = NULL;
    int result = file_read(file, MAX_FILE_BYTES, &text, &len, err);
    if (result != 0)
        return result;
    result = strict_json_parse(text, len, &limits, &document, err);
    if (result == 0 && !json_is_object(document))
        result = error_set(err, ERROR_INVALID, "expected a JSON object of options");
    if (result != 0)
        error_prefix(err, "%s", file);
    else
        result = apply_document(options, file, document, err);
    json_decref(document);
    file_free(&text, len);
    return result;
}

/* "LOOKOUT_GATEWAY_AWS_REGION=…" -> aws_region. */
static int apply_variable(struct options *options, const char *variable, struct error *err)
{
    char name[64];
    const char *rest = variable + strlen(PREFIX);
    const char *equals = strchr(rest, '=');
    size_t len = equals != NULL ? (size_t)(equals - rest) : 0;
    if (len == 0 || len >= sizeof(name))
        return error_set(err, ERROR_INVALID, "%.80s: there is no such option", variable);
    for (size_t i = 0; i < len; i++)
        name[i] = (char)(rest[i] >= 'A' && rest[i] <= 'Z' ? rest[i] - 'A' + 'a' : rest[i]);
    const struct option *option = option_find(name, len);
    if (option == NULL)
        return error_set(err, ERROR_INVALID,
                         "%s%.*s: there is no such option; `lookout-gateway --help' lists them",
                         PREFIX, (int)len, rest);
    char where[96];
    (void)snprintf(where, sizeof(where), "%s%.*s", PREFIX, (int)len, rest);
    return option_set_text(options, option, equals + 1, NULL, where, err);
}

static int apply_environment(struct options *options, char *const *environment, struct error *err)
{
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
            continue;
        int result = apply_variable(options, *environment, err);
        if (result != 0)
            return result;
    }
    return 0;
}

static int apply_flags(struct options *options, const char *const *flags, int count,
                       struct error *err)
{
    for (int i = 0; i < count; i++) {
        const char *flag = flags[i];
        const char *equals = strchr(flag, '=');
        size_t len = equals != NULL ? (size_t)(equals - flag) : strlen(flag);
        const struct option *option =
            len > 2 && strncmp(flag, "--", 2) == 0 ? option_find(flag + 2, len - 2) : NULL;
        if (option == NULL)
            return error_set(err, ERROR_INVALID,
                             "%s: there is no such option; `lookout-gateway --help' lists them",
                             flag);
        if (equals == NULL && i + 1 == count)
            return error_set(err, ERROR_INVALID, "%s: its value is missing", flag);
        const char *text = equals != NULL ? equals + 1 : flags[++i];
        char where[64];
        (void)snprintf(where, sizeof(where), "--%s", option->name);
        int result = option_set_text(options, option, text, NULL, where, err);
        if (result != 0)
            return result;
    }
    return 0;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

int config_addresses(const struct options *options, char **copy,
                     const char *addresses[CONFIG_MAX_ADDRESSES], size_t *count, struct error *err)
{
    char *rest = strdup(options->listen);
    *copy = rest;
    *count = 0;
    if (rest == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the addresses");
    while (rest != NULL) {
        char *address = strsep(&rest, ",");
        address += strspn(address, " ");
        if (*count == CONFIG_MAX_ADDRESSES || address[0] == '\0')
            return error_set(err, ERROR_INVALID,
                             "listen: saw \"%s\", expected 1 to %d addresses such as "
                             "127.0.0.1:8080 or [::1]:8080, separated by commas",
                             options->listen, CONFIG_MAX_ADDRESSES);
        addresses[(*count)++] = address;
    }
    return 0;
}

static int check_listener(const struct options *options, struct error *err)
{
    const char *addresses[CONFIG_MAX_ADDRESSES];
    char *copy = NULL;
    size_t count = 0;
    bool has_certificate = options->tls_certificate_file[0] != '\0';
    int result = config_addresses(options, &copy, addresses, &count, err);
    if (result == 0 && has_certificate != (options->tls_key_file[0] != '\0'))
        result = error_set(err, ERROR_INVALID,
                           "tls_certificate_file and tls_key_file belong together: name both");
    for (size_t i = 0; result == 0 && i < count; i++)
        if (!has_certificate && !options->allow_plain_http && !is_loopback(addresses[i]))
            result = error_set(err, ERROR_INVALID,
                               "listen: %s is not loopback, and without TLS everyone between could "
                               "read the tokens: set tls_certificate_file and tls_key_file, or "
                               "accept the risk with allow_plain_http",
                               addresses[i]);
    free(copy);
    return result;
}

static int check_required(const char *name, const char *value, struct error *err)
{
    if (value[0] != '\0')
        return 0;
    return error_set(err, ERROR_INVALID, "%s is not set, and the gateway can't run without it",
                     name);
}

static int check(const struct options *options, struct error *err)
{
    enum log_level level;
    int result = check_listener(options, err);
    if (result == 0)
        result = check_required("policy_file", options->policy_file, err);
    if (result == 0)
        result = check_required("ledger_file", options->ledger_file, err);
    if (result == 0)
        result = check_required("aws_region", options->aws_region, err);
    if (result == 0 && json_array_size(options->issuers) == 0)
        result = error_set(err, ERROR_INVALID,
                           "issuers is empty: without an issuer no token can ever be accepted");
    if (result == 0 && !log_level_parse(options->log_level, &level))
        result = error_set(err, ERROR_INVALID,
                           "log_level: saw \"%s\", expected debug, info, warning or error",
                           options->log_level);
    if (result == 0 && options->aws_describe_per_second > 0 &&
        options->aws_describe_reserved >= options->aws_describe_per_second)
        result = error_set(err, ERROR_INVALID,
                           "aws_describe_reserved (%lld) must be less than "
                           "aws_describe_per_second (%lld): readers need a share, too",
                           (long long)options->aws_describe_reserved,
                           (long long)options->aws_describe_per_second);
    return result;
}

int config_load(const struct config_sources *sources, struct options *out, struct error *err)
{
    int result = options_init(out, err);
    if (result == 0 && sources->file != NULL)
        result = apply_file(out, sources->file, err);
    if (result == 0)
        result = apply_environment(out, sources->environment, err);
    if (result == 0)
        result = apply_flags(out, sources->flags, sources->flag_count, err);
    if (result == 0)
        result = check(out, err);
    return result;
}

void config_control_settings(const struct options *options, struct control_settings *out)
{
    *out = (struct control_settings){
        .quiet_ms = options->quiet_ms,
        .confirm_ms = options->confirm_ms,
        .resend_window_ms = options->resend_window_ms,
        .unobserved_ms = options->unobserved_ms,
        .stop_renew_ms = options->stop_renew_ms,
        .lease_ms = options->lease_minutes * 60 * 1000,
        .stop_allowance_ms = options->stop_allowance_minutes * 60 * 1000,
        .lease_warning_ms = options->lease_warning_minutes * 60 * 1000,
        .key_retention_ms = options->key_retention_ms,
        .drift_scan_ms = options->drift_scan_minutes * 60 * 1000,
        .reconcile_ms = options->reconcile_ms,
        .status_cache_ms = options->status_cache_ms,
        .unknown_cache_ms = options->unknown_cache_ms,
        .attempts = options->attempts,
        .backoff_base_ms = options->backoff_base_ms,
        .backoff_cap_ms = options->backoff_cap_ms,
    };
}

void config_endpoint(const struct options *options, char out[CONFIG_ENDPOINT_SIZE])
{
    if (options->aws_endpoint[0] != '\0')
        (void)snprintf(out, CONFIG_ENDPOINT_SIZE, "%s", options->aws_endpoint);
    else
        (void)snprintf(out, CONFIG_ENDPOINT_SIZE, "https://lookoutvision.%s.amazonaws.com",
                       options->aws_region);
}
