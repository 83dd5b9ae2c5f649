"""How much of the work goes into one batch, and when it all ends: arithmetic on numbers alone.

Takes groups of equal trials, what their batches cost, and how many places there are; gives sizes of batches and loads
of places. `cluster.plan` makes batches of them.
"""
