"""The sections of the report, each a module with its template beside it.

A module takes the `ReportContext` of a run; gives a `Section`. A new section is found because its module is here.
"""
