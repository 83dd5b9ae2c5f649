"""The user's data: formats, sources and checks.

Takes a path and a `DataSpec`; gives a `Panel`, the series that were left out, and findings about the data.
"""
