"""One self-contained HTML page: which blend was chosen, why, how good it is, and what comes next.

Takes `RunResults`, which hold the files of a run; gives HTML, and charts for image files.
"""
