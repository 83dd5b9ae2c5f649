"""The CSV files of a run, for people and other programs: the program writes them and never reads them back.

Takes frozen types and gives the bytes of a file; no other room knows the columns.
"""
