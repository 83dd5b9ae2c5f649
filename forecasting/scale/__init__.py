"""What a model sees of a history, and what becomes of its forecasts: gaps, zero days, amounts of either sign.

Takes a history up to a cutoff; gives one that any model can learn from, and the way back to the unit of the data.
"""
