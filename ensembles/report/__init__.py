"""One self-contained HTML page: which blend was chosen, why, how good it is, and what comes next.

Takes `ReportData`, which holds the files of a run; gives HTML.
"""
