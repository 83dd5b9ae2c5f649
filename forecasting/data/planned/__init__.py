"""What is planned: from a file beside the data to the amounts of a panel's series.

Takes the file that `data.planned` names and the panel. Gives a `Planned`, or a sentence that names file and row.
"""
