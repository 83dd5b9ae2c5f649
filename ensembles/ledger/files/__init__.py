"""The files of a ledger: forecasts as they were issued, actual values as they were reported, and how files list others.

Takes arrays and bytes, gives bytes and arrays; places are the business of `cluster.ledger`.
"""
