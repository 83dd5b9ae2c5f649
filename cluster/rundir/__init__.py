"""The run directory: what is stored, where, and by whom.

Takes outcomes and facts; gives them back, checked. A file is written whole or not at all.
"""
