"""Forecasts as they were issued, and what became of them: tables of vintages, scores, misses and alarms.

Takes vintages and actual values as arrays and gives tables, sentences and a page. Opens no file.
"""
