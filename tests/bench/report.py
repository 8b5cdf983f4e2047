"""What people read: the machine, the table, the promises."""

import os
import pathlib
import platform
import re
import subprocess
import time

from figures import added_p50, median_of, promises
from stage import BUILD, SOURCE
from works import GATEWAY, MILLION, UPSTREAM

# Above it somebody else was at work.
BUSY_LOAD = 0.5
COLUMNS = ("who", "requests/s", "ratio", "p50 ms", "p99 ms", "CPU µs each", "RSS MB", "wrk busy")


def first_line(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.stdout.splitlines()[0].strip() if done.stdout else ""


def versions():
    packages = ("libsqlite3-0", "libcurl4", "libssl3", "libjansson4", "libnginx-mod-http-lua",
                "wrk")
    lines = [first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", package)
             for package in packages]
    commit = first_line("git", "-C", str(SOURCE), "describe", "--always", "--dirty")
    flags = re.search(r"^CFLAGS = (.*)$", (BUILD / "Makefile").read_text(), re.M)
    return [f"lookout-gateway {commit}, CFLAGS {flags[1] if flags else '?'}",
            first_line("nginx", "-v").removeprefix("nginx version: "),
            first_line("haproxy", "-v").split(" 20")[0], *lines]


def machine(stage):
    """What the figures depend on."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", info, re.M)
    load = os.getloadavg()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": model[1] if model else platform.machine(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "ledger_file_system": stage.file_system,
        "sync_ms": stage.sync_ms,
        "load_before": round(load[0], 2),
        "busy": load[0] > BUSY_LOAD,
        "versions": versions(),
    }


def row(name, rounds, base):
    seen = median_of(rounds)
    ratio = f"{seen['per_second'] / base:.2f}" if base else "–"
    return (name, f"{seen['per_second']:,.0f}", ratio, f"{seen['p50_ms']:.3f}",
            f"{seen['p99_ms']:.2f}", f"{seen['cpu_us']:.1f}", f"{seen['resident_mb']:.1f}",
            f"{seen['wrk_busy']:.0%}")


def table(rows):
    """Markdown that is a table in a terminal, too."""
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]

    def line(cells):
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"
    rule = "|" + "|".join("-" * (width + 1) + (":" if i else "-")
                          for i, width in enumerate(widths)) + "|"
    return [line(rows[0]), rule, *map(line, rows[1:])]


def tables(works, results):
    lines = []
    for work in works:
        for connections, measured in sorted(results.get(work.name, {}).items()):
            base = median_of(measured[GATEWAY])["per_second"] if GATEWAY in measured else 0
            rows = [COLUMNS] + [row(name, rounds, base) for name, rounds in measured.items()]
            lines += ["", f"### {work.title}: {connections} connection"
                      + ("s" if connections > 1 else ""), "", *table(rows)]
    return lines


def promise_lines(results, connections):
    rows = [("work", "of", "to", "seen", "at least", "aim", "")]
    for work, name, base, ratio, least, aim in promises(results, connections, MILLION):
        rows.append((work, name, base, f"{ratio:.2f}", f"{least:.2f}", f"{aim:.2f}",
                     "ok" if ratio >= least else "**below**"))
    return table(rows) if len(rows) > 1 else ["not measured"]


def latency_lines(results, sync_ms):
    """The aims at one connection."""
    lines = []
    read = added_p50(results, "forward", GATEWAY, UPSTREAM)
    if read is not None:
        lines.append(f"- a read that goes upstream: {read:.3f} ms over the upstream alone "
                     "(aim: at most 0.150)")
    durable = added_p50(results, "start", GATEWAY, None)
    if durable is not None:
        lines.append(f"- a durable start: {durable - sync_ms:.3f} ms over one sync of the disk, "
                     f"which takes {sync_ms:.3f} ms (aim: at most 0.200)")
    return lines or ["not measured"]


NOTES = """\
How to read it:
- One processor is wrk's as much as it is the gateway's: only ratios within one run say anything.
- "ratio" is the row's requests/s over the gateway's. "CPU µs each" is user and system time of the
  process and its children over the requests. "wrk busy" is the load generator's share of one
  processor.
- p50 and p99 are wrk's: measured from writing a request to its whole answer, and corrected by wrk
  for what a stalled connection did not send (it fills in latencies longer than twice the mean).
- Each figure is the median of the rounds; in a round everybody has a turn, one after the other.
- The gateway logs warnings only, as its peers write no access log; it is not paced; the quotas of
  account and team are lifted; its upstream is the same constant nginx as everybody's.
- A durable start's model is not stopped: the live rows grow from round to round.
- Durable start: each a new model with a new key. A run counts only when the rows in the ledger are
  as many as the answers that the gateway gave, and wrk counted all of them but those under way when
  it hung up (at most one for each connection).
- Forward: 256 models in turn, nothing cached; a run counts only when as many reads went upstream.
- "CivetWeb, bare exchange" is the floor of a forward: CivetWeb of the gateway's build and settings,
  and in its handler one send and one recv on a kept socket; no token, no signature, no HTTP client.
  Its ratio to a peer is the most that a thread for each connection can reach beside that peer.
- HAProxy checks signatures only: no claims, and it signs nothing. nginx + lua checks signature,
  issuer, audience and expiry, and signs. Before the run each of them refused a forged signature,
  changed claims and a missing token, and the emulator took the signatures of gateway and nginx.
"""


def document(run):
    """The whole of RESULTS.md."""
    about = run["machine"]
    settings = run["settings"]
    lines = ["# What the gateway costs, beside its peers", "",
             f"Made by `make bench` on {about['date']}: {settings['rounds']} rounds of "
             f"{settings['seconds']} s for each figure, {settings['minutes']:.0f} minutes.", "",
             f"- {about['processors']} processors: {about['processor']}; kernel {about['kernel']}",
             f"- ledger on {about['ledger_file_system']}, which syncs an appended page in "
             f"{about['sync_ms']:.2f} ms",
             f"- load average before the run: {about['load_before']}"
             + (" - **the machine was busy: rough figures**" if about["busy"] else "")]
    lines += [f"- {version}" for version in about["versions"]]
    lines += ["", f"## What is promised, at {max(settings['connections'])} connections", "",
              *promise_lines(run["results"], max(settings["connections"]))]
    lines += ["", "## Added time at one connection, p50", "",
              *latency_lines(run["results"], about["sync_ms"])]
    lines += ["", "## Start and memory", ""]
    for name, seen in run["gateways"].items():
        lines.append(f"- {name}: ready after {seen['ready_ms']:.0f} ms, then {seen['idle_mb']:.1f} "
                     "MB resident")
    if run["million"]:
        lines.append("- the ledger of {rows:,} closed rows: {megabytes:.0f} MB".format(
            **run["million"]))
    lines += ["", "## All figures", "", NOTES, *tables(run["works"], run["results"]), ""]
    return "\n".join(lines)
