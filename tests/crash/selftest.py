#!/usr/bin/python3
"""Breaks the gateway on purpose, one patch of broken/ at a time, and wants each to be found.

A patch is applied to a copy of the files that it names, they are compiled as the crash build is and
linked in place of its own, and runs follow until one fails. A patch that no longer applies is an
error, and so is one that RUNS_MAX runs do not find. Names of patches as arguments: only those.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

from crash import read_points, run_all
from processes import BUILD, SOURCE

BROKEN = pathlib.Path(__file__).parent / "broken"
WORK = BUILD / "tests/crash/broken"
RUNS_MAX = 600


def patched_files(patch):
    return re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.MULTILINE)


def call(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **more)
    if done.returncode != 0:
        raise SystemExit(f"crash-selftest: {shlex.join(map(str, command))}\n{done.stdout}")


def build(patch, folder):
    """The crash build with this patch."""
    shutil.rmtree(folder, ignore_errors=True)
    files = patched_files(patch)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / file, folder / file)
    call(["patch", "--forward", "--fuzz=2", "-p1", "-d", folder, "-i", patch])
    flags = (BUILD / "tests/lint/compile-flags").read_text().split()
    command, objects, libraries = (BUILD / "tests/crash/link-command").read_text().splitlines()
    objects = objects.split()
    ours = []
    for file in files:
        stem = pathlib.Path(file).stem
        objects = [o for o in objects if not o.endswith(f"-{stem}.o")]
        ours.append(folder / f"{stem}.o")
        call([*shlex.split(command), f"-I{folder}", *flags, "-DLOOKOUT_CRASH_POINTS", "-w", "-c", "-o",
              ours[-1], folder / file], cwd=BUILD)
    binary = folder / "lookout-gateway-crash"
    call([*shlex.split(command), "-o", binary, *ours, *objects, *libraries.split()], cwd=BUILD)
    return binary


def find(patch, options):
    """How many runs it took; None where none of them found it."""
    folder = WORK / patch.stem
    options.binary = build(patch, folder)
    options.keep = folder / "failed"
    tally = run_all(options, read_points(options.binary))
    found = {name: n for name, n in tally.counts.items() if n and name != "killed"}
    return (min(tally.failed) + 1 if tally.failed else None), found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("patches", nargs="*", metavar="PATCH")
    asked = parser.parse_args()
    patches = sorted(BROKEN.glob("*.patch"))
    if asked.patches:
        patches = [patch for patch in patches if patch.stem in asked.patches]
    missed = []
    for patch in patches:
        began = time.monotonic()
        options = argparse.Namespace(seed="selftest", first=0, runs=RUNS_MAX, jobs=asked.jobs,
                                     failures=1, quiet=True, release=False)
        runs, found = find(patch, options)
        if runs is None:
            missed.append(patch.stem)
        print(f"{patch.stem:32s} " + (f"found by run {runs}: {found}" if runs else
                                      f"NOT FOUND in {RUNS_MAX} runs")
              + f", {time.monotonic() - began:.0f} s", flush=True)
    print(f"crash-selftest: {len(patches) - len(missed)} of {len(patches)} found")
    return 1 if missed or not patches else 0


if __name__ == "__main__":
    os.environ.setdefault("CC", "cc")
    sys.exit(main())
