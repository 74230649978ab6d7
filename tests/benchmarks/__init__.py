"""Benchmarks; ``python -m tests.benchmarks`` runs the broad one, see ``NOTES.md``."""
