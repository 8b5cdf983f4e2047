/* The address of an AWS-compatible service: checked once, then only appended to. */
#ifndef LOOKOUT_UPSTREAM_AWS_ENDPOINT_H
#define LOOKOUT_UPSTREAM_AWS_ENDPOINT_H

#include "policy/error.h"

#define AWS_ENDPOINT_MAX 512 /* bytes of the whole address */

struct aws_endpoint {
    char origin[AWS_ENDPOINT_MAX + 1]; /* "https://host:port" as it was written */
    char host[AWS_ENDPOINT_MAX + 1];   /* header Host: lower case, without the scheme's own port */
    char prefix[AWS_ENDPOINT_MAX + 1]; /* "/base/path", percent-encoded, or "" */
};

/*
 * Parses "http[s]://host[:port][/prefix]". ERROR_INVALID for anything else: another scheme, user
 * name, query or fragment, a port outside 1 to 65535, bytes that a URL can't have.
 */
int aws_endpoint_parse(const char *url, struct aws_endpoint *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
