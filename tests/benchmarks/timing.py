"""Times of functions that are compared: one run of each after the other."""

import time


def in_turns(functions, rounds):
    """Return each function's times in seconds, one run of each after the other."""
    for function in functions:
        function()
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, column in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            column.append(time.perf_counter() - start)
    return times
