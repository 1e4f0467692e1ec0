#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs one suite and ends in the line `N passed, N failed, N skipped`.

Called by the Makefile, one suite a call; `total` adds up what the suites left in --results.
A suite in which nothing passed is a failure, whatever it skipped.
"""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from suite import Counts, run_suite  # pylint: disable=wrong-import-position

PROGRAM_SECONDS = 120  # a hang is a failure, not a wait
TAP = re.compile(r"^(not )?ok\b[ \d]*-? *(.*?)( *# *SKIP.*)?$", re.IGNORECASE)


def run_program(argv, name):
    """One program that speaks TAP; an exit status that its lines do not explain is a failure."""
    counts = Counts()
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS, check=False,
                              env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        status, output = "time-out", (late.stdout or b"").decode(errors="replace")
    for line in output.splitlines():
        match = TAP.match(line)
        if not match:
            continue
        if match.group(3):  # cmocka writes `not ok` before it, too
            counts.skipped += 1
        elif match.group(1):
            counts.failed += 1
        else:
            counts.passed += 1
    if status != 0 and counts.failed == 0:
        counts.failed += 1
    if counts.failed:
        print(output)
    print(f"{name}: {counts}" + (f" (status {status})" if status else ""))
    return counts


def run_programs(programs, under):
    counts = Counts()
    for program in programs:
        counts.add(run_program(under.split() + [program], Path(program).name))
    return counts


def run_total(results, suites):
    counts = Counts()
    for suite in suites:
        try:
            line = (results / suite).read_text().strip()
        except FileNotFoundError:
            line = "0 passed, 1 failed, 0 skipped"
        print(f"{suite + ':':12}{line}")
        counts.add(Counts.parse(line))
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path)
    parser.add_argument("--stage", default="", help="DESTDIR of the installation to test")
    parser.add_argument("--under", default="", help="what each unit test runs under")
    parser.add_argument("--machines", type=int, default=1, help="how many run side by side")
    parser.add_argument("suite", choices=["unit", "live", "root", "kiosk", "suites", "script", "total"])
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()

    name, words = options.suite, options.arguments
    if name == "total":
        counts = run_total(options.results, words)
    elif name == "unit":
        counts = run_programs(words, options.under)
    elif name == "script":
        name = Path(words[0]).name
        counts = run_program(words, name)
    else:
        counts = run_suite(name, options.stage, words, options.machines)
    if counts.passed == 0:
        counts.failed = max(counts.failed, 1)
    if options.results and options.suite != "total":
        options.results.mkdir(parents=True, exist_ok=True)
        (options.results / name).write_text(f"{counts}\n")
    print(counts)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
