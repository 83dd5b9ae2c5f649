"""The parts of the report, one module each.

Takes `ReportData`; gives facts and pictures for a template.
"""
