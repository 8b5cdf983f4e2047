/*
 * lookout-emulator: stands for Amazon Lookout for Vision where the real one is not (it ended on
 * 2025-10-31), for tests, the demo and the container image. It answers on the real wire shapes,
 * checks signatures as AWS does, keeps its own bill, and misbehaves when it is told to.
 *
 *   lookout-emulator --port 4566 --seed-model circuit-boards/1 --starting-ms 5000
 *   curl -d '{"operation":"start","fault":"drop_after"}' http://127.0.0.1:4566/_emulator/faults
 *   curl http://127.0.0.1:4566/_emulator/bill
 *
 * --help lists the options. Models live on the monotonic clock, counted from the wall time of the
 * emulator's start; signatures and the header Date go by the wall clock and the shift that
 * /_emulator/clock was told. Where LOOKOUT_TEST_CLOCK names the file of a movable clock
 * (gateway/base/clock_movable.c), both can be moved from outside.
 *
 * Code map: hosting.h has the models and what is done with them; hosting_token.h what is remembered
 * of client tokens; verifier.h what is refused; faults.h and late.h what can go wrong; settings.h
 * the switches for what AWS documents nowhere; report.h state and bill; service.h joins them;
 * control.h is the endpoint /_emulator/ that a test talks to; wire.h is HTTP.
 */
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "tests/emulator/options.h"
#include "tests/emulator/service.h"
#include "tests/emulator/verifier.h"
#include "tests/emulator/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define SEED_SIZE HOSTING_NAME_SIZE

static int add_seed(struct service *service, const char *seed, struct error *err)
{
    char project[SEED_SIZE];
    const char *slash = strchr(seed, '/');
    int rc;

    if (!slash || strlen(seed) >= sizeof(project))
        return error_set(err, ERROR_INVALID, "--seed-model: saw \"%s\", expected PROJECT/VERSION",
                         seed);
    snprintf(project, sizeof(project), "%.*s", (int)(slash - seed), seed);
    rc = hosting_add(service->hosting, project, slash + 1, service_now_ms(service), err);
    if (rc != 0)
        error_prefix(err, "--seed-model");
    return rc;
}

/* Written beside it and renamed: who waits for the file never reads half a number. */
static int write_port_file(const char *path, int port, struct error *err)
{
    char *beside = NULL;
    FILE *file = NULL;
    int rc = 0;

    if (asprintf(&beside, "%s.%ld", path, (long)getpid()) < 0)
        return error_set(err, ERROR_NOMEM, "no memory for a path");
    file = fopen(beside, "we");
    if (!file || fprintf(file, "%d\n", port) < 0)
        rc = error_set(err, ERROR_IO, "--port-file: %s: %s", beside, strerror(errno));
    if (file && fclose(file) != 0 && rc == 0)
        rc = error_set(err, ERROR_IO, "--port-file: %s: %s", beside, strerror(errno));
    if (rc == 0 && rename(beside, path) != 0)
        rc = error_set(err, ERROR_IO, "--port-file: %s: %s", path, strerror(errno));
    free(beside);
    return rc;
}

/* Until somebody wants the program to end. The signals were blocked before any thread was made. */
static void wait_for_end(const sigset_t *signals)
{
    int seen = 0;

    while (seen == 0)
        if (sigwait(signals, &seen) != 0)
            seen = 0;
}

static int serve(const struct options *options, struct service *service, const sigset_t *signals,
                 struct error *err)
{
    struct wire_config config = {.listen = options->listen,
                                 .port = options->port,
                                 .threads = options->threads,
                                 .certificate = options->certificate,
                                 .key = options->key};
    struct wire *wire = NULL;
    bool ipv6;
    int rc = wire_start(&wire, &config, service, err);

    if (rc != 0)
        return rc;
    if (options->port_file)
        rc = write_port_file(options->port_file, wire_port(wire), err);
    if (rc == 0) {
        ipv6 = strchr(options->listen, ':') != NULL;
        printf("lookout-emulator listens on %s://%s%s%s:%d\n",
               options->certificate ? "https" : "http", ipv6 ? "[" : "", options->listen,
               ipv6 ? "]" : "", wire_port(wire));
        fflush(stdout);
        wait_for_end(signals);
    }
    service_release(service);
    wire_stop(&wire);
    return rc;
}

static int run(const struct options *options, const sigset_t *signals, struct error *err)
{
    struct verifier_config keys = {.region = options->region,
                                   .access_key_id = options->access_key_id,
                                   .secret_access_key = options->secret_access_key,
                                   .session_token = options->session_token};
    struct service_config config = {
        .region = options->region, .account = options->account, .settings = &options->settings};
    struct clock *clock = NULL;
    struct verifier *verifier = NULL;
    struct service *service = NULL;
    int rc = clock_open(&clock, err);

    if (rc != 0)
        return rc;
    log_init(clock, STDERR_FILENO, options->log ? LOG_INFO : LOG_WARNING);
    rc = verifier_create(&verifier, &keys, err);
    if (rc != 0)
        goto out;
    config.clock = clock;
    config.verifier = verifier;
    rc = service_create(&service, &config, err);
    for (size_t i = 0; rc == 0 && i < options->seed_count; i++)
        rc = add_seed(service, options->seeds[i], err);
    if (rc == 0)
        rc = serve(options, service, signals, err);
out:
    service_free(&service);
    verifier_free(&verifier);
    clock_close(&clock);
    return rc;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err = {0};
    sigset_t signals;
    int rc = options_parse(&options, argc, argv, &err);

    if (rc == 0 && options.help) {
        options_print_help(stdout);
        return EX_OK;
    }
    if (rc == 0) {
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
            rc = error_set(&err, ERROR_IO, "signals could not be blocked");
    }
    if (rc == 0)
        rc = run(&options, &signals, &err);
    options_wipe(&options);
    if (rc == 0)
        return EX_OK;
    fprintf(stderr, "lookout-emulator: %s\n", err.message);
    return rc == ERROR_INVALID ? EX_USAGE : EX_UNAVAILABLE;
}
