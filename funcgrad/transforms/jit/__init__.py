"""jit: stage a function once for each key, compile it, and run the program."""
