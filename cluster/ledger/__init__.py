"""The ledger's place: a folder or URI of immutable files, how forecasts are added to it and how it is read.

Takes finished runs and predictions; gives what `ensembles.ledger` judges.
"""
