"""From a program to NumPy source: passes over jaxprs, buffers, text."""
