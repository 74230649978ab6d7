"""Run random programs, shrink the failures, or plant a fault and see when it is found."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .compare import DifferenceError, print_kinds
from .generate import Generator, program
from .laws import check
from .plain import NAMESPACE
from .plants import PLANTS, planted
from .programs import Program
from .shrink import shrink
from .wide import Wide
from .writes import run as writes


@dataclass
class Report:
    """What a number of programs showed."""

    tried: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    found: list[tuple[int, DifferenceError]] = field(default_factory=list)

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.tried + other.tried,
            self.explained + other.explained,
            self.found + other.found,
        )


def run(
    seed: int,
    numbers: range,
    strict: bool = False,
    stop: bool = False,
    only: str | None = None,
    kind: type[Generator] = Generator,
) -> Report:
    """Compare the programs of these numbers."""
    report = Report()
    for number in numbers:
        difference, explained = check(program(seed, number, kind), number, strict, only)
        report.tried += 1
        report.explained.update(explained)
        if difference is not None:
            report.found.append((number, difference))
            if stop:
                break
    return report


def shrunk(
    made: Program, number: int, difference: DifferenceError, strict: bool = False
) -> Program:
    """Return a small program that differs by the same law in the same words."""

    def fails(smaller: Program) -> bool:
        found = checked(smaller, number, strict, difference.by)
        return found is not None and found.kind == difference.kind

    return shrink(made, fails)


def checked(made: Program, number: int, strict: bool, law: str) -> DifferenceError | None:
    """Return how a program fails, None where plain NumPy refuses it too."""
    try:
        with np.errstate(all="ignore"):
            made.function(NAMESPACE)(*made.inputs)
    except Exception:
        return None
    return check(made, number, strict, law)[0]


def _part(work: tuple[int, range, bool, str | None, type[Generator]]) -> Report:
    seed, numbers, strict, only, kind = work
    return run(seed, numbers, strict, only=only, kind=kind)


def parts(args: argparse.Namespace) -> Iterator[Report]:
    """Yield reports, in the order in which workers finish them."""
    end, kind = args.start + args.programs, Wide if args.wide else Generator
    work = [
        (args.seed, range(low, min(low + 200, end)), args.strict, args.law, kind)
        for low in range(args.start, end, 200)
    ]
    if args.workers == 1:
        yield from map(_part, work)
        return
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        yield from pool.imap_unordered(_part, work)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="the number of the first program")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--strict", action="store_true", help="compare derivatives that are nan too"
    )
    parser.add_argument("--show", action="store_true", help="print the programs, do not run them")
    parser.add_argument("--plant", choices=PLANTS, help="a fault to be found")
    parser.add_argument("--law", help="the name of a law to be tried alone, such as missed")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--writes", action="store_true", help="programs that write into arrays")
    parser.add_argument("--wide", action="store_true", help="programs of every dtype and layout")
    args = parser.parse_args(argv)
    kind = Wide if args.wide else Generator
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if args.writes:
        return writes.main(args)
    if args.show:
        for number in range(args.start, args.start + args.programs):
            print(f"# {number}\n{program(args.seed, number, kind).text}\n")
        return 0
    if args.plant:
        with planted(args.plant):
            numbers = range(args.start, args.start + args.programs)
            report = run(args.seed, numbers, args.strict, stop=True)
            conclude(report, args)
        return 0 if report.found else 1
    began, total = time.perf_counter(), Report()
    for report in parts(args):
        total += report
        for number, difference in report.found:
            print(f"program {number}: {difference.kind}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{total.tried} programs, {len(total.found)} differ ", end="", file=sys.stderr)
    conclude(total, args)
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if total.found else 0


def conclude(report: Report, args: argparse.Namespace) -> None:
    """Print one shrunk program for each kind of failure, and the sums."""

    def smaller(number: int, difference: DifferenceError) -> tuple[Program, DifferenceError]:
        made = program(args.seed, number, Wide if args.wide else Generator)
        if args.no_shrink:
            return made, difference
        made = shrunk(made, number, difference, args.strict)
        return made, check(made, number, args.strict, difference.by)[0] or difference

    kinds = print_kinds(report.found, smaller)
    ill = ", ".join(f"{law} {count}" for law, count in report.explained.most_common())
    print(f"\n{report.tried} programs, {len(report.found)} differ in {kinds} ways")
    print(f"differences that rounding explains: {ill or 'none'}")
