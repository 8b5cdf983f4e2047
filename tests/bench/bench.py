#!/usr/bin/python3
"""`make bench': the gateway beside its peers, alternating in one run. Environment:

  BENCH_SECONDS=3            of each measurement
  BENCH_ROUNDS=3             in each of which everybody has a turn
  BENCH_CONNECTIONS=1,16,64
  BENCH_WORKS=...            status,forward,start,refusal,unseen-rs256,unseen-es256
  BENCH_MILLION=1000000      closed rows in the ledger of the second gateway; 0 = no such gateway
  BENCH_TOKENS=60000         never-seen tokens of each algorithm; more than any cache holds
  BENCH_RESULTS=FILE         where the table goes; a whole run's goes to tests/bench/RESULTS.md
  BENCH_KEEP=1               keep the folder of the run, with the logs

The table is printed, too; bench.json in the build folder has every measurement.
"""

import json
import os
import pathlib
import sys
import time

import million
import report
from processes import Void
from stage import BUILD, HERE, HOUR_MS, Stage
from works import (FLOOR, FLOOR_FORWARD, GATEWAY, HAPROXY, LUA_CACHED, LUA_EACH, MILLION, PROXY, UPSTREAM,
                   WRK_BUSY, Target, Work, check_signers, check_verifier, expect, measure, start)

CACHE_ENTRIES = 4096
AWS_PREFIX = "/2020-11-20"


def read_settings():
    connections = [int(c) for c in os.environ.get("BENCH_CONNECTIONS", "1,16,64").split(",")]
    works = os.environ.get("BENCH_WORKS")
    settings = {
        "seconds": int(os.environ.get("BENCH_SECONDS", 3)),
        "rounds": int(os.environ.get("BENCH_ROUNDS", 3)),
        "connections": connections,
        "works": works.split(",") if works else None,
        "million": int(os.environ.get("BENCH_MILLION", 1000000)),
        "tokens": max(int(os.environ.get("BENCH_TOKENS", 60000)), 4 * CACHE_ENTRIES),
    }
    settings["whole"] = (settings["seconds"] >= 3 and settings["rounds"] >= 3 and not works
                         and settings["million"] > 0 and connections == [1, 16, 64])
    return settings


class Gateways:
    """
    Two of them: one keeps statuses for an hour, one not at all. The first holds the model that is
    read, and a full team.
    """

    def __init__(self, stage, label, token, full_token, ledgers=(None, None)):
        self.keeping = stage.start_gateway(f"{label}-keeping", status_cache_ms=HOUR_MS,
                                           ledger=ledgers[0])
        self.asking = stage.start_gateway(f"{label}-asking", ledger=ledgers[1])
        target = Target(label, self.keeping, "/v1")
        expect("the start of the model that is read", start(target, "circuit-boards", token), 202)
        expect("the start that fills the team", start(target, "fills-it", full_token), 202)
        expect("the start over quota", start(target, "over-quota", full_token), 429)


def set_gateways(stage, settings, tokens):
    gateways = {GATEWAY: Gateways(stage, "gateway", tokens["bench"], tokens["full"])}
    made = None
    if settings["million"] > 0:
        ledgers, made = million.make(stage, settings["million"])
        gateways[MILLION] = Gateways(stage, "million", tokens["bench"], tokens["full"], ledgers)
    return gateways, made


def make_works(stage, settings, gateways, files):
    upstream = Target(UPSTREAM, stage.upstream, AWS_PREFIX)
    floor = Target(FLOOR, stage.start_floor(), "/v1")
    floor_forward = Target(FLOOR_FORWARD, stage.start_floor(stage.upstream.port), "/v1")
    proxy = Target(PROXY, stage.start_proxy(), AWS_PREFIX)
    lua = stage.start_lua()
    cached = Target(LUA_CACHED, lua, f"/cached{AWS_PREFIX}")
    each = Target(LUA_EACH, lua, f"/each{AWS_PREFIX}")
    haproxy = Target(HAPROXY, stage.start_haproxy(), AWS_PREFIX)
    keeping = [Target(name, each_of.keeping, "/v1") for name, each_of in gateways.items()]
    asking = [Target(name, each_of.asking, "/v1") for name, each_of in gateways.items()]
    token = files["bench"].read_text().strip()
    for target in (cached, each, haproxy, asking[0]):
        check_verifier(target, token)
    check_signers(stage, token)
    pool = settings["tokens"]
    works = [
        Work("status", "Status read from the cache", "status", files["bench"], [*keeping, floor]),
        Work("forward", "Forward: cached token, a read that goes upstream, signed", "forward",
             files["bench"], [*asking, floor_forward, cached, haproxy, proxy, upstream]),
        Work("start", "Durable start: a new model and key each", "start", files["bench"],
             [*keeping, haproxy, cached, proxy], durable=True),
        Work("refusal", "Refusal over quota", "start", files["full"], [*keeping], refused=True),
        Work("unseen-rs256", "Forward with tokens never seen before, RS256", "unseen",
             files["unseen-rs256"], [*asking, each, haproxy], pool=pool),
        Work("unseen-es256", "Forward with tokens never seen before, ES256", "unseen",
             files["unseen-es256"], [*asking, each], pool=pool),
    ]
    wanted = settings["works"] or [work.name for work in works]
    unknown = set(wanted) - {work.name for work in works}
    if unknown:
        raise Void(f"BENCH_WORKS: there is no {', '.join(sorted(unknown))}")
    return [work for work in works if work.name in wanted]


def targets_of(work, connections, settings):
    """The million rows matter where the promise is: at the most connections."""
    return [target for target in work.targets
            if target.name != MILLION or connections == max(settings["connections"])]


def measure_all(stage, works, settings):
    """results[work][connections][target] = the rounds."""
    results = {}
    for work in works:
        for connections in settings["connections"]:
            targets = targets_of(work, connections, settings)
            measured = {target.name: [] for target in targets}
            results.setdefault(work.name, {})[connections] = measured
            for number in range(settings["rounds"]):
                # Nobody is always the one who comes after the same other.
                shift = number % len(targets)
                for target in targets[shift:] + targets[:shift]:
                    seen = measure(stage, work, target, connections, settings["seconds"])
                    measured[target.name].append(seen)
                    busy = " (wrk is the limit)" if seen["wrk_busy"] > WRK_BUSY else ""
                    print(f"{work.name:13} {connections:3} #{number + 1} {target.name:30}"
                          f" {seen['per_second']:9,.0f}/s p99 {seen['p99_ms']:7.2f} ms"
                          f" {seen['cpu_us']:6.1f} µs{busy}", flush=True)
    return results


def write(run, settings):
    text = report.document(run)
    kept = {**run, "works": [work.name for work in run["works"]]}
    (BUILD / "bench.json").write_text(json.dumps(kept, indent=1) + "\n")
    path = os.environ.get("BENCH_RESULTS")
    if path or settings["whole"]:
        pathlib.Path(path or HERE / "RESULTS.md").write_text(text)
    print("\n" + text)


def main():
    settings = read_settings()
    began = time.monotonic()
    with Stage() as stage:
        about = report.machine(stage)
        print("making keys and tokens", flush=True)
        files = {"bench": stage.make_tokens("bench", "rs256", "bench", 1),
                 "full": stage.make_tokens("full", "rs256", "full", 1, 1)}
        for algorithm in ("rs256", "es256"):
            files[f"unseen-{algorithm}"] = stage.make_tokens(
                f"unseen-{algorithm}", algorithm, "bench", settings["tokens"], 1000)
        tokens = {name: files[name].read_text().strip() for name in ("bench", "full")}
        gateways, made = set_gateways(stage, settings, tokens)
        works = make_works(stage, settings, gateways, files)
        results = measure_all(stage, works, settings)
        settings["minutes"] = (time.monotonic() - began) / 60
        write({"machine": about, "settings": settings, "million": made, "works": works,
               "gateways": {name: {"ready_ms": pair.keeping.ready_ms,
                                   "idle_mb": pair.keeping.idle_mb}
                            for name, pair in gateways.items()},
               "results": results}, settings)


if __name__ == "__main__":
    try:
        main()
    except Void as void:
        sys.exit(f"bench: void: {void}")
