"""What forecasts of a ledger were worth: accuracy, changes, misses split with hindsight, and alarms.

Takes vintages and actual values, one vintage at a time, and gives sums, tables and alarms.
"""
