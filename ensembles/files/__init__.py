"""One module for each file of results: its types, and the only code that writes and reads it.

Takes and gives frozen types; no other room knows the names inside a file.
"""
