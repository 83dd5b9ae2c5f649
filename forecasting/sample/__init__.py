"""Synthetic data with the schema, the identities and the habits of the real kind.

Takes a kind, sizes and a seed; gives files that the sources of data read.
"""
