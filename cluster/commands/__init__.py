"""The commands, a module for each group of them; `cluster.cli` registers them.

A command reads its options, calls one function of another room and hands what comes back to the screen.
"""
