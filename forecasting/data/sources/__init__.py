"""One module for each kind of data: the competition's folder, a daily table, a panel, and what stands beside them.

Takes tables and a `DataSpec`; gives the series of a panel.
"""
