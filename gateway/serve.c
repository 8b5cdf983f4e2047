/* The daemon: construction in the order of the floors, signals, reload, drain. */
#include "gateway/serve.h"

#include "gateway/auth/principal.h"
#include "gateway/auth/token_cache.h"
#include "gateway/aws/credentials.h"
#include "gateway/base/crash_point.h"
#include "gateway/base/file.h"
#include "gateway/base/log.h"
#include "gateway/base/metrics.h"
#include "gateway/control/control.h"
#include "gateway/control/policy_note.h"
#include "gateway/control/reconciler.h"
#include "gateway/http/api.h"
#include "gateway/http/server.h"
#include "gateway/issuers.h"
#include "gateway/ledger/ledger.h"
#include "gateway/net/http_client.h"
#include "gateway/upstream/lookoutvision.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Of the time to leave in: for those who were still waiting when the rest of it had passed. */
#define LAST_CALL_MS ((int64_t)2000)
/* And for their answers, once their calls to AWS have been broken off. */
#define LAST_ANSWER_MS ((int64_t)1500)

struct daemon {
    const struct config_sources *sources;
    struct options options;
    struct clock *clock;
    struct metrics *metrics;
    struct metric *reloads_done, *reloads_failed;
    struct http_client *client;
    struct aws_credentials_provider *credentials;
    struct upstream *upstream;
    struct ledger *ledger;
    struct policy_store *policies;
    struct authority_store *authorities;
    struct token_cache *tokens;
    struct control *control;
    struct reconciler *reconciler;
    struct api *api;
    struct http_server *server;
};

/* --- what a reload replaces ---------------------------------------------------------------- */

static int load_policy(const struct options *options, struct policy_store *policies,
                       struct error *err)
{
    char *text = NULL;
    size_t len = 0;
    int result = file_read(options->policy_file, POLICY_MAX_BYTES, &text, &len, err);
    if (result != 0)
        return result;
    result = policy_store_load(policies, text, len, err);
    if (result != 0)
        error_prefix(err, "%s", options->policy_file);
    file_free(&text, len);
    return result;
}

static int load_authority(const struct config_sources *sources, const struct options *options,
                          struct authority **out, struct error *err)
{
    char *folder = config_folder(sources->file);
    if (folder == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the issuers");
    int result = issuers_load(options->issuers, folder, out, err);
    free(folder);
    return result;
}

static void warn_of_fixed_options(const struct options *now, const struct options *wanted)
{
    for (size_t i = 0; i < option_count; i++)
        if (!option_table[i].reloadable && !option_equal(&option_table[i], now, wanted))
            LOG(LOG_WARNING, "reload.needs_restart", log_str("option", option_table[i].name));
}

static size_t value_size(const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_INT:
        return sizeof(int64_t);
    case OPTION_STRING:
    case OPTION_PATH:
        return sizeof(char *);
    case OPTION_JSON:
        return sizeof(json_t *);
    }
    return 0;
}

/* Exchanges the reloadable values, so that freeing `wanted` frees the old ones. */
static void adopt_options(struct options *now, struct options *wanted)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        char old[sizeof(int64_t)];
        size_t size = value_size(option);
        if (!option->reloadable)
            continue;
        memcpy(old, (char *)now + option->offset, size);
        memcpy((char *)now + option->offset, (char *)wanted + option->offset, size);
        memcpy((char *)wanted + option->offset, old, size);
    }
}

/* Everything is read before anything is put in force: a bad reload keeps the old state. */
static int reload(struct daemon *daemon, struct error *err)
{
    struct options wanted;
    struct authority *authority = NULL;
    struct control_settings settings;
    enum log_level level = LOG_INFO;
    int result = config_load(daemon->sources, &wanted, err);
    if (result == 0)
        result = load_authority(daemon->sources, &wanted, &authority, err);
    if (result == 0)
        result = load_policy(&wanted, daemon->policies, err);
    if (result == 0) {
        warn_of_fixed_options(&daemon->options, &wanted);
        authority_store_set(daemon->authorities, authority);
        authority = NULL;
        config_control_settings(&wanted, &settings);
        control_configure(daemon->control, &settings);
        if (log_level_parse(wanted.log_level, &level))
            log_set_level(level);
        adopt_options(&daemon->options, &wanted);
    }
    authority_unref(&authority);
    options_free(&wanted);
    return result;
}

static void reload_or_keep(struct daemon *daemon)
{
    struct error err = {0};
    if (reload(daemon, &err) == 0) {
        metric_add(daemon->reloads_done, 1);
        policy_note(daemon->control, "reloaded");
        LOG(LOG_INFO, "reload.done", log_str("policy", daemon->options.policy_file));
    } else {
        metric_add(daemon->reloads_failed, 1);
        LOG(LOG_ERROR, "reload.failed", log_str("message", err.message),
            log_str("pointer", err.pointer),
            log_str("effect", "the old policy, keys and options stay in force"));
    }
}

/* --- construction -------------------------------------------------------------------------- */

static int open_credentials(const struct options *options, struct aws_credentials_provider **out,
                            struct error *err)
{
    struct aws_credentials_provider *members[2] = {NULL, NULL};
    unsigned count = 0;
    int result = aws_credentials_from_environment(&members[count], err);
    if (result == 0)
        count++;
    if (result == 0 && options->aws_credentials_file[0] != '\0') {
        result = aws_credentials_from_file(options->aws_credentials_file, options->aws_profile,
                                           &members[count], err);
        if (result == 0)
            count++;
    }
    if (result != 0) {
        for (unsigned i = 0; i < count; i++)
            aws_credentials_provider_free(&members[i]);
        return result;
    }
    return aws_credentials_chain(members, count, out, err);
}

static int open_upstream(struct daemon *daemon, struct error *err)
{
    const struct options *options = &daemon->options;
    char endpoint[CONFIG_ENDPOINT_SIZE];
    config_endpoint(options, endpoint);
    struct http_client_settings client = {
        .ca_bundle = options->aws_ca_bundle[0] != '\0' ? options->aws_ca_bundle : NULL,
        .connect_timeout_ms = options->aws_connect_timeout_ms,
        .max_handles = (size_t)options->threads + 1,
    };
    struct lookoutvision_settings settings = {
        .endpoint = endpoint,
        .region = options->aws_region,
        .attempt_timeout_ms = options->aws_attempt_timeout_ms,
        .start_pacing = {.per_second = options->aws_start_per_second},
        .stop_pacing = {.per_second = options->aws_stop_per_second},
        .describe_pacing = {.per_second = options->aws_describe_per_second,
                            .reserved = options->aws_describe_reserved},
        .list_pacing = {.per_second = options->aws_list_per_second},
        .clock = daemon->clock,
    };
    int result = http_client_create(&client, &daemon->client, err);
    if (result == 0)
        result = open_credentials(options, &daemon->credentials, err);
    if (result != 0)
        return result;
    settings.client = daemon->client;
    settings.credentials = daemon->credentials;
    return lookoutvision_open(&settings, &daemon->upstream, err);
}

static int open_ledger(struct daemon *daemon, struct error *err)
{
    char endpoint[CONFIG_ENDPOINT_SIZE];
    config_endpoint(&daemon->options, endpoint);
    struct ledger_settings settings = {
        .path = daemon->options.ledger_file,
        .endpoint = endpoint,
        .region = daemon->options.aws_region,
    };
    return ledger_open(&settings, &daemon->ledger, err);
}

static int open_policy(struct daemon *daemon, struct error *err)
{
    struct authority *authority = NULL;
    int result = policy_store_create(&daemon->policies, err);
    if (result == 0)
        result = load_policy(&daemon->options, daemon->policies, err);
    if (result == 0)
        result = authority_store_create(&daemon->authorities, err);
    if (result == 0)
        result = load_authority(daemon->sources, &daemon->options, &authority, err);
    if (result == 0)
        authority_store_set(daemon->authorities, authority);
    if (result == 0 && daemon->options.token_cache_entries > 0)
        result = token_cache_create((size_t)daemon->options.token_cache_entries, daemon->clock,
                                    &daemon->tokens, err);
    return result;
}

static int open_control(struct daemon *daemon, struct error *err)
{
    struct control_settings settings;
    config_control_settings(&daemon->options, &settings);
    int result = control_create(&settings, daemon->clock, daemon->ledger, daemon->upstream,
                                daemon->policies, daemon->metrics, &daemon->control, err);
    if (result == 0) {
        policy_note(daemon->control, "loaded");
        result = reconciler_start(daemon->control, &daemon->reconciler, err);
    }
    return result;
}

static int write_port_file(const struct daemon *daemon, struct error *err)
{
    uint16_t ports[HTTP_MAX_LISTENERS] = {0};
    char text[16];
    if (http_server_ports(daemon->server, ports) == 0)
        return error_set(err, ERROR_IO, "the server listens on no port");
    LOG(LOG_INFO, "serve.listening", log_str("addresses", daemon->options.listen),
        log_int("port", ports[0]), log_bool("tls", daemon->options.tls_key_file[0] != '\0'));
    if (daemon->options.port_file[0] == '\0')
        return 0;
    (void)snprintf(text, sizeof(text), "%u\n", ports[0]);
    return file_write(daemon->options.port_file, text, err);
}

static int open_server(struct daemon *daemon, struct error *err)
{
    const struct options *options = &daemon->options;
    const char *addresses[CONFIG_MAX_ADDRESSES];
    char *copy = NULL;
    struct http_settings settings;
    struct http_context context = {
        .control = daemon->control,
        .ledger = daemon->ledger,
        .policies = daemon->policies,
        .authorities = daemon->authorities,
        .tokens = daemon->tokens,
        .metrics = daemon->metrics,
        .clock = daemon->clock,
        .request_deadline_ms = options->request_deadline_ms,
    };
    http_settings_default(&settings);
    settings.listen = addresses;
    if (options->tls_certificate_file[0] != '\0') {
        settings.tls_certificate_file = options->tls_certificate_file;
        settings.tls_key_file = options->tls_key_file;
    }
    settings.threads = options->threads;
    settings.max_head_bytes = options->max_head_bytes;
    settings.max_body_bytes = options->max_body_bytes;
    settings.request_timeout_ms = options->request_timeout_ms;
    settings.keep_alive_timeout_ms = options->keep_alive_timeout_ms;
    settings.body_timeout_ms = options->body_timeout_ms;

    int result = api_create(&context, &daemon->api, err);
    if (result == 0)
        result = config_addresses(options, &copy, addresses, &settings.listen_count, err);
    if (result == 0 && !metrics_complete(daemon->metrics))
        result = error_set(err, ERROR_NOMEM, "out of memory for the metrics");
    if (result == 0)
        result = http_server_start(&settings, daemon->clock, api_handle, daemon->api,
                                   &daemon->server, err);
    if (result == 0)
        result = write_port_file(daemon, err);
    free(copy);
    return result;
}

/* Bottom-up. What was built when it fails is taken down by close_daemon. */
static int open_daemon(struct daemon *daemon, struct error *err)
{
    int result = metrics_create(&daemon->metrics, err);
    if (result != 0)
        return result;
    daemon->reloads_done = metrics_counter(daemon->metrics, "lookout_reloads_total",
                                           "Reloads asked for by SIGHUP.", "outcome=\"done\"");
    daemon->reloads_failed = metrics_counter(daemon->metrics, "lookout_reloads_total",
                                             "Reloads asked for by SIGHUP.", "outcome=\"failed\"");
    result = open_policy(daemon, err);
    if (result == 0)
        result = open_upstream(daemon, err);
    if (result == 0)
        result = open_ledger(daemon, err);
    CRASH_POINT(BOOT_LEDGER_OPENED);
    if (result == 0)
        result = open_control(daemon, err);
    if (result == 0)
        result = open_server(daemon, err);
    CRASH_POINT(BOOT_LISTENING);
    return result;
}

/* Top-down: answer what is under way, let nobody wait any longer, then take apart. */
static void close_daemon(struct daemon *daemon)
{
    if (daemon->server != NULL) {
        int64_t now_ms = clock_monotonic_ms(daemon->clock);
        int64_t end_ms = now_ms + daemon->options.shutdown_deadline_ms;
        bool drained = http_server_drain(daemon->server, end_ms - LAST_CALL_MS);
        if (daemon->control != NULL)
            control_close(daemon->control);
        http_client_end_within(daemon->client,
                               end_ms - LAST_ANSWER_MS - clock_monotonic_ms(daemon->clock));
        if (!drained && !http_server_drain(daemon->server, end_ms))
            LOG(LOG_WARNING, "serve.requests_cut_off",
                log_str("effect", "what they had begun is in the ledger and is taken up again"));
    } else if (daemon->control != NULL) {
        control_close(daemon->control);
    }
    http_server_stop(&daemon->server);
    reconciler_stop(&daemon->reconciler);
    api_free(&daemon->api);
    control_free(&daemon->control);
    ledger_close(&daemon->ledger);
    upstream_free(&daemon->upstream);
    aws_credentials_provider_free(&daemon->credentials);
    http_client_free(&daemon->client);
    token_cache_free(&daemon->tokens);
    authority_store_free(&daemon->authorities);
    policy_store_free(&daemon->policies);
    metrics_free(&daemon->metrics);
}

/* --- running ------------------------------------------------------------------------------- */

/* Blocked in every thread, so that only sigwait sees them. */
static int block_signals(sigset_t *set)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    return pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void run_until_signal(struct daemon *daemon, const sigset_t *set)
{
    for (;;) {
        int signal_number = 0;
        if (sigwait(set, &signal_number) != 0)
            continue;
        if (signal_number != SIGHUP) {
            LOG(LOG_INFO, "serve.leaving", log_int("signal", signal_number));
            return;
        }
        reload_or_keep(daemon);
    }
}

static int exit_status(int result)
{
    switch (result) {
    case 0:
        return EX_OK;
    case ERROR_INVALID:
    case ERROR_NOT_FOUND:
        return EX_CONFIG;
    case ERROR_REFUSED:
        return EX_NOPERM;
    case ERROR_IO:
    case ERROR_RETRY: /* the ledger's disk takes nothing now */
        return EX_IOERR;
    case ERROR_NOMEM:
        return EX_OSERR;
    default:
        return EX_SOFTWARE;
    }
}

int serve_run(const struct config_sources *sources)
{
    struct daemon daemon = {.sources = sources};
    struct error err = {0};
    enum log_level level = LOG_INFO;
    sigset_t signals;

    int result = config_load(sources, &daemon.options, &err);
    if (result == 0 && block_signals(&signals) != 0)
        result = error_set(&err, ERROR_IO, "can't block signals");
    if (result == 0)
        result = clock_open(&daemon.clock, &err);
    if (result != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
        options_free(&daemon.options);
        return exit_status(result);
    }
    (void)log_level_parse(daemon.options.log_level, &level);
    log_init(daemon.clock, STDERR_FILENO, level);

    result = open_daemon(&daemon, &err);
    if (result == 0)
        run_until_signal(&daemon, &signals);
    else
        LOG(LOG_ERROR, "serve.not_started", log_str("class", error_code_name(err.code)),
            log_str("message", err.message), log_str("pointer", err.pointer));
    close_daemon(&daemon);
    LOG(LOG_INFO, "serve.ended");
    options_free(&daemon.options);
    clock_close(&daemon.clock);
    return exit_status(result);
}

int serve_check(const struct config_sources *sources, struct error *err)
{
    struct daemon daemon = {.sources = sources};
    int result = config_load(sources, &daemon.options, err);
    if (result == 0)
        result = clock_open(&daemon.clock, err);
    if (result == 0)
        result = open_policy(&daemon, err);
    if (result == 0)
        result = open_upstream(&daemon, err);
    if (result == 0 && daemon.options.tls_certificate_file[0] != '\0')
        result = http_server_check_tls(daemon.options.tls_certificate_file,
                                       daemon.options.tls_key_file, err);
    close_daemon(&daemon);
    options_free(&daemon.options);
    clock_close(&daemon.clock);
    return result;
}
