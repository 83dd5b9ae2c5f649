"""How trials become batches, and when all of them end.

Takes the trials of a plan, the places there are and what batches cost; gives batches. `batches` makes them; the rest is
arithmetic on numbers alone: costs, sizes, loads of places.
"""
