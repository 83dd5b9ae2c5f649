"""What a forecast is worth: one score a file, and accuracy measures shown beside it.

Takes forecasts and actual values; gives numbers. Higher scores are better.
"""
