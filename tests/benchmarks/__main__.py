"""Benchmark that cannot be tuned to: 72 workloads at sizes drawn from a seed, in all libraries.

Run it with ``python -m tests.benchmarks --seed 1``; the peers come with the ``bench`` extra, and
one that is missing is left out. Each library has a process of its own, on one thread, and they
are asked in turns; results are compared first. Times are those of the processes, ratios medians
over the rounds. ``--why NAME`` prints the source that jit writes, with time, bytes and calls.
"""

import argparse
import dataclasses
import json
from fnmatch import fnmatch
from pathlib import Path

from .driver import Library, Row, measure
from .emitted import explain
from .families import WORKLOADS
from .peers import PEERS
from .report import Notes, brief, header, row_line, summary
from .workload import drawn_sizes


def parse():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=0, help="draws sizes and inputs")
    parser.add_argument("--sizes", type=int, default=3, help="how many sizes of each workload")
    parser.add_argument("--nth", type=int, help="only the sizes of this place, from 0")
    parser.add_argument("--size", type=int, help="this size alone")
    parser.add_argument("--only", nargs="+", default=["*"], help="patterns of names or families")
    parser.add_argument("--libraries", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--before", help="another checkout, whose jit takes its turn too")
    parser.add_argument("--rounds", type=int, default=7, help="rounds over the libraries")
    parser.add_argument("--budget", type=float, default=0.02, help="seconds a library and round")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for a first call")
    parser.add_argument("--json", help="file to which each row is appended")
    parser.add_argument("--read", nargs="+", help="print the table of such files, joined")
    parser.add_argument("--brief", action="store_true", help="with --read: a line a workload")
    parser.add_argument("--why", metavar="NAME", help="print jit's source with its costs")
    parser.add_argument("--list", action="store_true", help="print the workloads")
    return parser.parse_args()


def chosen(patterns):
    """Workloads whose name or family fits a pattern."""
    fits = lambda w: any(fnmatch(w.name, p) or fnmatch(w.family, p) for p in patterns)
    return [w for w in WORKLOADS.values() if fits(w)]


def sizes_of(workload, options):
    if options.size:
        return [options.size]
    sizes = drawn_sizes(workload, options.seed, options.sizes)
    return sizes if options.nth is None else sizes[options.nth : options.nth + 1]


def run(options):
    libraries, rows, notes = [Library(name) for name in options.libraries], [], Notes()
    if options.before:
        libraries.append(Library("before", options.before))
    names = [library.name for library in libraries]
    print(*header(names), sep="\n", flush=True)
    try:
        for workload in chosen(options.only):
            for size in sizes_of(workload, options):
                row = measure(libraries, workload, size, options)
                rows.append(row)
                print(row_line(row, names, notes), flush=True)
                if options.json:
                    with open(options.json, "a") as file:
                        print(json.dumps(dataclasses.asdict(row)), file=file)
    finally:
        for library in libraries:
            library.close()
    print(*summary(rows, notes), sep="\n")
    versions = dict.fromkeys(library.version for library in libraries if library.version)
    print(f"\nSeed {options.seed}. {', '.join(versions)}.")


def read(options):
    """Print the table of rows that earlier runs saved; rows of one size are joined."""
    rows, notes = {}, Notes()
    for path in options.read:
        for text in Path(path).read_text().splitlines():
            row = Row(**json.loads(text))
            joined = rows.setdefault((row.workload, row.size), row)
            for name in ("seconds", "ratios", "first", "left_out"):
                setattr(joined, name, getattr(row, name) | getattr(joined, name))
    names = [*options.libraries, *(["before"] if options.before else [])]
    if options.brief:
        print(*brief(rows.values(), names, notes), sep="\n")
    else:
        print(*header(names), sep="\n")
        print(*(row_line(row, names, notes) for row in rows.values()), sep="\n")
    print(*summary(rows.values(), notes), sep="\n")


def main():
    options = parse()
    if options.list:
        for w in WORKLOADS.values():
            print(f"{w.name}: {w.about}; n from {min(w.sizes)} to {max(w.sizes)}; {w.dtype}")
    elif options.read:
        read(options)
    elif options.why:
        workload = WORKLOADS[options.why]
        size = sizes_of(workload, options)[-1]
        print(*explain(workload, size, options.seed), sep="\n")
    else:
        run(options)


if __name__ == "__main__":
    main()
