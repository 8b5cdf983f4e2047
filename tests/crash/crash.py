#!/usr/bin/python3
"""Kills the gateway, many times, and counts what that broke: `make crash RUNS=N SEED=S`.

  crash.py [--runs N] [--seed S] [--from I] [--jobs J] [--keep FOLDER]
  crash.py --sum FILE...      adds up what several such calls have printed

Run i of a seed is always the same plan, so a range can be split: --from 0 --runs 5000 on one
machine, --from 5000 --runs 5000 on another, their output to files, then --sum. Status 0 when every
count is 0 and, from 10,000 runs on, each named point has killed at least once.
"""

import argparse
import collections
import multiprocessing
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from judge import COUNTS, describe
from plan import Plan
from processes import BUILD, GATEWAY_CRASH, World
from run import Run

FAILURES_MAX = 20  # then the rest is not run: it would only repeat them
EVERY_POINT_RUNS = 10000


class Result:
    def __init__(self, index):
        self.index = index
        self.counts = dict.fromkeys(COUNTS, 0)
        self.killed = []
        self.broken = None
        self.sentences = []
        self.seconds = 0.0

    def failed(self):
        return self.broken is not None or any(self.counts.values())


def play(world, options, index, points):
    """One run in a folder of its own, which is kept only where it failed."""
    result = Result(index)
    began = time.monotonic()
    folder = world.folder / f"run-{index}"
    folder.mkdir()
    run = Run(world, Plan(options.seed, index, points, options.release), folder)
    try:
        run.play()
        found = run.judge()
        result.counts, result.sentences = found.counts, found.sentences
    except Exception:  # whatever it is, it is this run's finding and not the worker's end
        result.broken = traceback.format_exc()
    finally:
        run.close()
    result.killed = run.killed
    if result.failed():
        save(run, folder, options.keep / f"seed-{options.seed}-run-{index}", result)
    shutil.rmtree(folder)
    result.seconds = time.monotonic() - began
    return result


def save(run, folder, target, result):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    try:
        text = describe(run)
    except Exception:  # the ledger itself may be what is broken
        text = traceback.format_exc()
    (target / "report.txt").write_text(
        "\n".join(result.sentences) + "\n" + (result.broken or "") + "\n" + text)


def work(options, indexes, points, results):
    """A worker's life: takes numbers until there is None."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="lookout-crash-") as folder:
        world = World(pathlib.Path(folder), options.binary)
        try:
            while (index := indexes.get()) is not None:
                results.put(play(world, options, index, points))
        finally:
            world.end()


class Tally:
    def __init__(self):
        self.runs = 0
        self.counts = dict.fromkeys(("killed", *COUNTS, "broken"), 0)
        self.points = collections.Counter()
        self.failed = []

    def add(self, result):
        self.runs += 1
        self.counts["killed"] += len(result.killed)
        self.counts["broken"] += result.broken is not None
        self.points.update(result.killed)
        for name in COUNTS:
            self.counts[name] += result.counts[name]
        if result.failed():
            self.failed.append(result.index)

    def read(self, text):
        """What another call has printed."""
        line = re.search(r"^runs=(\d+) (.*)$", text, re.MULTILINE)
        if line is None:
            raise SystemExit("crash: saw no line that begins with runs=")
        self.runs += int(line[1])
        for name, value in re.findall(r"(\w+)=(\d+)", line[2]):
            self.counts[name] += int(value)
        for count, name in re.findall(r"^ +(\d+) kills at (\S+)$", text, re.MULTILINE):
            self.points[name] += int(count)

    def print(self, points):
        print(f"runs={self.runs} " + " ".join(f"{k}={v}" for k, v in self.counts.items()
                                              if k != "broken" or v))
        for name in (*points, "instant"):
            print(f"{self.points[name]:8d} kills at {name}")

    def is_good(self, points):
        bad = any(v for k, v in self.counts.items() if k != "killed")
        missing = [name for name in points if self.points[name] == 0]
        if missing and self.runs >= EVERY_POINT_RUNS:
            print("crash: no kill at " + ", ".join(missing), file=sys.stderr)
            bad = True
        return not bad


def read_points(binary):
    listed = subprocess.run([str(binary), "--crash-points"], check=True,
                            stdout=subprocess.PIPE, text=True)
    return listed.stdout.split()


def report(result, options):
    for sentence in result.sentences:
        print(f"run {result.index}: {sentence}", file=sys.stderr)
    if result.broken:
        print(f"run {result.index}: {result.broken}", file=sys.stderr)
    print(f"run {result.index} failed; all that it left is in {options.keep}; again: make crash "
          f"SEED={options.seed} FROM={result.index} RUNS=1", file=sys.stderr, flush=True)


def run_all(options, points):
    context = multiprocessing.get_context("fork")
    indexes, results = context.SimpleQueue(), context.Queue()
    workers = [context.Process(target=work, args=(options, indexes, points, results))
               for _ in range(options.jobs)]
    tally = Tally()
    for worker in workers:
        worker.start()
    todo = iter(range(options.first, options.first + options.runs))
    begun = 0
    try:
        for _ in range(2 * options.jobs):
            begun += feed(indexes, todo)
        while tally.runs < begun:
            result = results.get(timeout=300)
            tally.add(result)
            if result.failed() and not options.quiet:
                report(result, options)
            if len(tally.failed) < options.failures:
                begun += feed(indexes, todo)
        for _ in workers:
            indexes.put(None)
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
            worker.join()
    return tally


def feed(indexes, todo):
    index = next(todo, None)
    if index is not None:
        indexes.put(index)
    return index is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path, default=BUILD / "tests/crash/failed")
    parser.add_argument("--failures", type=int, default=FAILURES_MAX)
    parser.add_argument("--sum", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    options.quiet, options.release, options.binary = False, True, GATEWAY_CRASH
    points = read_points(options.binary)
    began = time.monotonic()
    if options.sum:
        tally = Tally()
        for path in options.sum:
            tally.read(path.read_text())
    else:
        tally = run_all(options, points)
        print(f"crash: seed {options.seed}, runs {options.first} to "
              f"{options.first + options.runs - 1}, {time.monotonic() - began:.0f} s",
              file=sys.stderr)
    tally.print(points)
    return 0 if tally.is_good(points) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
