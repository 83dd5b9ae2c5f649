"""The process as a terminal or another program sees it: exit code, signals, output streams and what is printed there.

Takes a command line; gives text and an exit code. Nothing else in the program prints.
"""
