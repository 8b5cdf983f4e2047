#!/usr/bin/python3
"""`make bench-soak': the durable mix for BENCH_MINUTES=10 at BENCH_CONNECTIONS=64.

One durable start, one refusal over quota and two statuses from the cache, in turn; no stop, so the
live rows of the ledger grow all the time. Prints p99 and memory by the minute, then whether both
stayed flat; soak.json in the build folder has them, too. Ends with 1 when they did not.
"""

import json
import os
import statistics
import sys

from processes import Void
from stage import BUILD, HOUR_MS, Stage
from works import StartBooks, Target, expect, run_wrk, start

# What the last third of the minutes may be: p99 of the first third's, as it is the disk's and the
# machine's, too; memory of the second's, since caches, all bounded, fill in the first.
P99_MOST = 1.25
MEMORY_MOST = 1.05
MINUTE_S = int(os.environ.get("BENCH_MINUTE_SECONDS", 60))


def soak(stage, minutes, connections):
    bench = stage.make_tokens("bench", "rs256", "bench", 1)
    full = stage.make_tokens("full", "rs256", "full", 1, 1)
    both = stage.folder / "both.tokens"
    both.write_text(bench.read_text() + full.read_text())
    gateway = stage.start_gateway("gateway", status_cache_ms=HOUR_MS)
    target = Target("gateway", gateway, "/v1")
    expect("a start", start(target, "circuit-boards", bench.read_text().strip()), 202)
    expect("the filling start", start(target, "fills-it", full.read_text().strip()), 202)
    print(f"idle: {gateway.idle_mb:.1f} MB resident, ledger on {stage.file_system}")
    seen = []
    for minute in range(1, minutes + 1):
        books = StartBooks(stage, gateway)
        cpu_before = gateway.cpu_seconds()
        now = run_wrk(gateway.port, connections, MINUTE_S, "mix", "/v1", both, 0, f"m{minute:03d}")
        now["cpu_us"] = (gateway.cpu_seconds() - cpu_before) * 1e6 / now["requests"]
        now["rows"] = books.settle()["rows"]
        quarter = now["requests"] / 4
        if max(abs(now["errors"] - quarter), abs(now["rows"] - quarter)) > 2 * connections:
            raise Void(f"{now['requests']} answers, {now['errors']} of them refusals, "
                       f"{now['rows']} starts: expected a quarter each")
        now["resident_mb"] = gateway.resident_mb()
        seen.append(now)
        print(f"minute {minute:3}: {now['requests'] / now['seconds']:8,.0f} requests/s,"
              f" {now['rows']:9,} starts, p50 {now['p50_ms']:6.3f} ms, p99 {now['p99_ms']:6.2f} ms,"
              f" {now['resident_mb']:6.1f} MB", flush=True)
    return {"idle_mb": gateway.idle_mb, "minutes": seen}


def verdict(minutes):
    """A line for each figure, and whether all are flat."""
    third = max(len(minutes) // 3, 1)
    parts = {"first": minutes[:third], "second": minutes[third:-third] or minutes[:third]}
    flat, lines = True, []
    for figure, unit, base, most in (("p99_ms", "ms", "first", P99_MOST),
                                     ("resident_mb", "MB", "second", MEMORY_MOST)):
        before, after = (statistics.median(minute[figure] for minute in part)
                         for part in (parts[base], minutes[-third:]))
        ok = after <= most * before
        flat = flat and ok
        lines.append(f"{figure}: {before:.2f} {unit} in the {base} third, {after:.2f} {unit} in "
                     f"the last: {after / before:.2f}, at most {most:.2f}: "
                     + ("flat" if ok else "NOT FLAT"))
    return flat, lines


def main():
    minutes = int(os.environ.get("BENCH_MINUTES", 10))
    connections = int(os.environ.get("BENCH_CONNECTIONS", 64))
    with Stage() as stage:
        result = soak(stage, minutes, connections)
    flat, lines = verdict(result["minutes"])
    (BUILD / "soak.json").write_text(json.dumps({**result, "flat": flat}, indent=1) + "\n")
    print("\n".join(lines))
    return 0 if flat else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Void as void:
        sys.exit(f"bench-soak: void: {void}")
