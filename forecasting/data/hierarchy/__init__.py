"""How entities of a panel belong together: the groups they are in, on any number of levels, and the units they have.

Takes what `data.groups` and `data.units` name. Gives a `Hierarchy`, or a sentence that names file and row.
"""
