/* Amazon Lookout for Vision (API 2020-11-20, rest-json): StartModel, StopModel, DescribeModel,
 * ListProjects, ListModels. */
#ifndef LOOKOUT_UPSTREAM_LOOKOUTVISION_H
#define LOOKOUT_UPSTREAM_LOOKOUTVISION_H

#include "gateway/aws/credentials.h"
#include "gateway/net/http_client.h"
#include "gateway/upstream/upstream.h"

/* Settings are copied; `credentials`, `client` and `clock` outlive the upstream. */
struct lookoutvision_settings {
    const char
        *endpoint; /* "https://lookoutvision.eu-central-1.amazonaws.com", path prefix allowed */
    const char *region;
    int64_t attempt_timeout_ms; /* of one request on the wire */
    struct pacing_settings start_pacing, stop_pacing, describe_pacing;
    struct pacing_settings list_pacing; /* for each of the two lists */
    struct aws_credentials_provider *credentials;
    struct http_client *client;
    const struct clock *clock;
};

/*
 * Checks endpoint and region. When an answer blames the clock (RequestTimeTooSkewed, or a signature
 * that is "expired" or "not yet current"), the difference to the answer's Date is kept and later
 * requests are signed with it.
 */
int lookoutvision_open(const struct lookoutvision_settings *settings, struct upstream **out,
                       struct error *err) __attribute__((warn_unused_result));
#endif
