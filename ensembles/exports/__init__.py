"""The CSV files of a run, for people and other programs: the program writes them and never reads them back.
Text that a spreadsheet would run as a formula is marked in them, but for submission.csv, whose ids are exact.

Takes frozen types and gives the bytes of a file; no other room knows the columns.
"""
