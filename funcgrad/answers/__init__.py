"""What is wrong with a call that failed, and the cure; loaded by the first error."""
