"""Second-order methods: L-BFGS, line searches, and the loop around them."""
