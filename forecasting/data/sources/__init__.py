"""The kinds of data a user may have, one module each: a class with a `kind`; beside them what several kinds share.

Takes a path and a `DataSpec`; gives the series of a panel, findings about the tables, and the places of days.
"""
