"""The steps of a run, and what can be done with a finished one.

Takes what the step before gave; each step is one module.
"""
