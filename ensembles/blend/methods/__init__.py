"""One module for each way to weigh what is combined.

Takes forecasts and actual values; gives weights.
"""
