"""From measurements to medians and ratios."""

import statistics

FIGURES = ("per_second", "p50_ms", "p99_ms", "cpu_us", "resident_mb", "wrk_busy")

# The ratios that the project promises (at 64 connections): work, of what, to what, least, aim.
PROMISES = (
    ("start", "lookout-gateway", "HAProxy, RS256", 0.75, 1.0),
    ("forward", "lookout-gateway", "nginx + lua, cached, SigV4", 0.9, 1.0),
    ("status", "lookout-gateway", "constant CivetWeb handler", 0.7, 0.8),
    ("unseen-rs256", "lookout-gateway", "nginx + lua, each, SigV4", 1.2, 1.3),
    ("unseen-es256", "lookout-gateway", "nginx + lua, each, SigV4", 1.2, 1.3),
)
# With a million rows at least this part of what it is without.
MILLION_LEAST = 0.9


def median_of(rounds):
    """The median of each figure over the rounds."""
    return {name: statistics.median(seen[name] for seen in rounds) for name in FIGURES}


def ratio_of(rounds, base):
    """
    The median of the ratios within each round: what disturbed a round disturbed both. None where
    one of them was not measured.
    """
    if not rounds or not base:
        return None
    return statistics.median(a["per_second"] / b["per_second"] for a, b in zip(rounds, base))


def added_p50(results, work, name, base):
    """Milliseconds that the one adds to the other's median time at one connection, or None."""
    measured = results.get(work, {}).get(1, {})
    if name not in measured or (base and base not in measured):
        return None
    below = median_of(measured[base])["p50_ms"] if base else 0
    return median_of(measured[name])["p50_ms"] - below


def promises(results, connections, million):
    """Rows of: work, of what, to what, seen, least, aim; those that were measured."""
    rows = []
    for work, name, base, least, aim in PROMISES:
        measured = results.get(work, {}).get(connections, {})
        ratio = ratio_of(measured.get(name), measured.get(base))
        if ratio is not None:
            rows.append((work, name, base, ratio, least, aim))
    for work, by_connections in results.items():
        measured = by_connections.get(connections, {})
        ratio = ratio_of(measured.get(million), measured.get("lookout-gateway"))
        if ratio is not None:
            rows.append((work, million, "lookout-gateway", ratio, MILLION_LEAST, 1.0))
    return rows
