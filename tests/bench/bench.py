#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures what a session costs beside the bare shell and beside other sandboxes, in one run.

Called by `make bench` as root with the staged installation. Works on a private machine
(machine.py); contenders take turns within a round. Ends with status 1 where a number is missing
because somebody did not do the work.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position

from contenders import BARE, EVERYDAY, SESSION, Failed, Stalls, contenders, prove
from machine import run_private
from measurements import Place, rows
from results import Result, Series, markdown
from stage import PREFIX, STAGE

SECONDS = 1800  # the whole run; it takes about ten minutes
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"


def one_round(row, everyone, series, turn):
    """Each contender once, another one first each time."""
    first = turn % len(everyone)
    found = {}
    for contender in everyone[first:] + everyone[:first]:
        if series[contender.label].word:
            continue
        try:
            found[contender.label] = row.measure(contender), row.base(contender)
        except Stalls as late:
            series[contender.label].word = f"stalls ({late})"
        except (Failed, AssertionError) as error:
            series[contender.label].word = "failed"
            print(f"FAILED {row.name}: {error}", flush=True)
    bare = found.get(BARE, (None, None))[0]
    for label, (value, base) in found.items():
        series[label].add(value, base if base is not None else bare)


def measure(row, place, everyone, rounds):
    everyone = [contender for contender in everyone if contender.label not in row.absent]
    present = [contender for contender in everyone if contender.installed()]
    series = {contender.label: Series(row.unit) for contender in everyone}
    for contender in everyone:
        if contender not in present:
            series[contender.label].word = "not run"
    STAGE.policy(row.policy)
    try:
        row.open(place, present)
        for turn in range(min(rounds or row.rounds, row.rounds)):
            one_round(row, present, series, turn)
    except (Failed, AssertionError) as error:
        print(f"FAILED {row.name}: {error}", flush=True)
        for contender in present:
            series[contender.label].word = "failed"
    finally:
        row.close()
        for contender in present:
            contender.account.end_processes()
    result = Result(row.name, row.unit, row.target, series)
    print("\n".join(result.lines()), flush=True)
    return result


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def about(everyone):
    virtual = " in a virtual machine" if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    return {
        "Date": time.strftime("%Y-%m-%d"),
        "Machine": f"{os.cpu_count()} x {processor()}{virtual}",
        "Kernel": platform.release(),
        "Load when it began": f"{os.getloadavg()[0]:.1f}",
        "Peers": ", ".join(filter(None, (contender.said_version() for contender in everyone))),
    }


def run(options, installed):
    # All contenders alike, before whatever else the machine does.
    os.nice(-10)
    # On a disk, as programs are, and not in the memory of the private machine.
    subprocess.run(["mount", "--bind", installed, PREFIX], check=True)
    STAGE.open("bench")
    examples = PREFIX / "share/doc/sandlock/examples"
    shutil.copy(examples / "system.inc", STAGE.policies)
    everyone = contenders(PREFIX)
    place = Place(PREFIX)
    STAGE.policy(EVERYDAY)
    prove(everyone)
    facts = about(everyone)
    print("\n".join(f"{name}: {text}" for name, text in facts.items()), flush=True)
    results = [measure(row, place, everyone, options.rounds) for row in rows()
               if not options.only or any(word in row.name for word in options.only)]
    labels = [contender.label for contender in everyone]
    words = {(label, series.word) for result in results
             for label, series in result.series.items() if series.word}
    good = results and not any(word == "failed" or label in (BARE, SESSION)
                               for label, word in words)
    return json.dumps({
        "good": bool(good), "about": facts, "rows": [result.plain() for result in results],
        "markdown": markdown(results, labels, facts),
    })


def write_into(path, table):
    """Between the two marks of the document."""
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        sys.exit(f"{path}: no place for the table")
    path.write_text(head + BEGIN + table + END + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, help="DESTDIR of the installation to measure")
    parser.add_argument("--out", type=Path, required=True, help="where table.md and bench.json go")
    parser.add_argument("--doc", type=Path, help="a document that takes the table")
    parser.add_argument("--rounds", type=int, help="at most, in each row; below 5: no ratios")
    parser.add_argument("only", nargs="*", help="rows whose names contain one of these")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the bench needs root")
    with tempfile.TemporaryDirectory(prefix="sandlock-bench.", dir="/var/tmp") as scratch:
        installed = f"{scratch}/installed"
        shutil.copytree(f"{options.stage}{PREFIX}", installed)
        text = run_private(options.stage, lambda: run(options, installed), SECONDS)
    if not text:
        sys.exit("the bench did not end")
    outcome = json.loads(text)
    table = outcome.pop("markdown")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(outcome, indent=1) + "\n")
    (options.out / "table.md").write_text(table)
    if options.doc:
        write_into(options.doc, table)
    print(f"{options.out}/table.md and {options.out}/bench.json are written")
    return 0 if outcome["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
