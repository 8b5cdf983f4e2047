/* HTTP/1.1 in front of the service and its control endpoint: CivetWeb, and nothing else of it. */
#ifndef LOOKOUT_EMULATOR_WIRE_H
#define LOOKOUT_EMULATOR_WIRE_H

#include "policy/error.h"
#include "tests/emulator/service.h"

#include <stdint.h>

struct wire_config {
    const char *listen;      /* address; IPv6 without brackets */
    int64_t port;            /* 0: the kernel chooses */
    int64_t threads;         /* connections that are served at a time */
    const char *certificate; /* PEM file with its chain, for TLS; NULL for none */
    const char *key;         /* PEM file; NULL: it stands in `certificate` */
};

struct wire;

/* Listens when it returns. `config` and `service` are borrowed for the life of the wire. */
int wire_start(struct wire **out, const struct wire_config *config, struct service *service,
               struct error *err) __attribute__((warn_unused_result));

int wire_port(const struct wire *wire);

/* Stops listening and ends the workers; call service_release before, or delayed answers hold it. */
void wire_stop(struct wire **wire);

#endif
