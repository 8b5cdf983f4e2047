/* For those who run the gateway: is it alive, is it ready, what does it count. */
#include "gateway/http/json_out.h"
#include "gateway/http/routes.h"

void routes_healthz(void *context, struct exchange *exchange)
{
    (void)context;
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_string(body, "Status", "alive");
    exchange_end_json(exchange);
}

struct check {
    const char *name;
    const char *reason; /* where it is not good */
    bool good;
    bool informative; /* shown, but not needed for being ready */
};

static void render_check(struct strbuf *body, const struct check *check)
{
    json_out_open(body, check->name, '{');
    json_out_bool(body, "Ok", check->good);
    if (!check->good)
        json_out_string(body, "Reason", check->reason);
    if (check->informative)
        json_out_bool(body, "Informative", true);
    json_out_close(body, '}');
}

static bool keys_are_loaded(const struct http_context *context)
{
    struct authority *authority = authority_store_acquire(context->authorities);
    bool loaded = authority != NULL;
    authority_unref(&authority);
    return loaded;
}

void routes_readyz(void *context, struct exchange *exchange)
{
    const struct http_context *self = context;
    struct control_readiness now;
    control_readiness(self->control, &now);
    const struct check checks[] = {
        {"ledger",
         now.ledger_reason[0] != '\0' ? now.ledger_reason : "the last write to the ledger failed",
         now.ledger_usable, false},
        {"stops", "stops were sent that the ledger could not record yet", now.unrecorded_stops == 0,
         true},
        {"recovered", "the first pass over the ledger is not done yet", now.recovered, false},
        {"account", "AWS answered from another account", now.account_matches, false},
        {"keys", "no keys to verify tokens with are loaded", keys_are_loaded(self), false},
        {"upstream", "the last call to AWS got no whole answer", now.upstream_reachable, true},
        {"clock", "leases do not end before an answer from AWS has told the time",
         now.clock_trusted, true},
    };
    const size_t count = sizeof(checks) / sizeof(checks[0]);
    bool ready = true;
    for (size_t i = 0; i < count; i++)
        ready = ready && (checks[i].good || checks[i].informative);
    exchange->outcome = ready ? "ready" : "not-ready";
    struct strbuf *body = exchange_begin_json(exchange, ready ? 200 : 503);
    json_out_bool(body, "Ready", ready);
    json_out_open(body, "Checks", '{');
    for (size_t i = 0; i < count; i++)
        render_check(body, &checks[i]);
    json_out_close(body, '}');
    exchange_end_json(exchange);
}

void routes_metrics(void *context, struct exchange *exchange)
{
    const struct http_context *self = context;
    exchange->status = 200;
    exchange->content_type = "text/plain; version=0.0.4";
    strbuf_clear(&exchange->body);
    metrics_render(self->metrics, &exchange->body);
}
