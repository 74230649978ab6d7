"""Run programs that write, and shrink what fails."""

import multiprocessing
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..compare import DifferenceError, print_kinds
from .generate import program
from .laws import check
from .plain import NAMESPACE
from .program import Program
from .shrink import shrink

# Whether a result of a body is an ndarray depends on more than a name, so that programs are grown
# that write a traced value into one. The error must say so.
PLAIN = re.compile("an ndarray cannot hold|into an ndarray, which cannot hold")


@dataclass
class Report:
    """What a number of programs showed."""

    tried: int = 0
    found: list[tuple[int, DifferenceError]] = field(default_factory=list)
    refused: int = 0  # a traced value would be written into an ndarray, which the errors name

    def __add__(self, other: "Report") -> "Report":
        found, refused = self.found + other.found, self.refused + other.refused
        return Report(self.tried + other.tried, found, refused)


def run(seed: int, numbers: range, stop: bool = False, only: str | None = None) -> Report:
    """Compare the programs of these numbers, by one law if it is named."""
    report = Report()
    for number in numbers:
        difference = check(program(seed, number), number, only)
        report.tried += 1
        if difference is not None and PLAIN.search(difference.detail):
            report.refused += 1
        elif difference is not None:
            report.found.append((number, difference))
            if stop:
                break
    return report


def shrunk(made: Program, number: int, difference: DifferenceError) -> Program:
    """A small program that differs by the same law in the same words."""

    def fails(smaller: Program) -> bool:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outs = smaller.function(NAMESPACE)(*smaller.fresh())
        except Exception:
            return False
        made = type(outs) is tuple and all(isinstance(y, (np.ndarray, np.generic)) for y in outs)
        if not made:
            return False
        found = check(smaller, number, difference.by)
        return found is not None and found.kind == difference.kind

    return shrink(made, fails)


def _part(work: tuple[int, range, str | None]) -> Report:
    seed, numbers, law = work
    return run(seed, numbers, only=law)


def main(args: Any) -> int:
    """Run what the command line asks for; return 1 if a program differs."""
    end, total = args.start + args.programs, Report()
    if args.show:
        for number in range(args.start, end):
            print(f"# {number}\n{program(args.seed, number).text}\n")
        return 0
    step = max(1, min(200, args.programs // args.workers))
    starts = range(args.start, end, step)
    work = [(args.seed, range(k, min(k + step, end)), args.law) for k in starts]
    if args.workers == 1:
        total = sum(map(_part, work), total)
    else:
        with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
            total = sum(pool.imap_unordered(_part, work), total)

    def smaller(number: int, difference: DifferenceError) -> tuple[Program, DifferenceError]:
        made = program(args.seed, number)
        if args.no_shrink:
            return made, difference
        made = shrunk(made, number, difference)
        return made, check(made, number, difference.by) or difference

    kinds = print_kinds(total.found, smaller)
    differ = f"{len(total.found)} differ in {kinds} ways"
    print(f"\n{total.tried} programs, {differ}, {total.refused} refused")
    return 1 if total.found else 0
