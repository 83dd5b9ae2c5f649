"""A configuration from a table alone.

Takes the path of a table and the user's wishes; gives the keys of a configuration, and a sentence for each decision.
"""
