"""Totals, rankings, intervals and paired differences: the one place where they are computed.

Takes forecasts and actual values per target; gives scores.
"""
