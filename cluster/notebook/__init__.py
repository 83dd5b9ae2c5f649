"""What a call from Python means: frames and dictionaries become the files and the request of a run.

Takes the arguments of `cluster.api`; gives a `RunRequest`, and how the frame spells ids, columns and dates.
"""
