"""Is a run directory what its run wrote? Takes the directory, and the data where the user has them.

Gives one `Check` after the other: digests and layouts of every file, versions, the data, trials trained again.
"""
