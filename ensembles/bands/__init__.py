"""Bands around forecasts: their levels and quantiles, and the rule that makes them.

Takes out-of-fold forecasts with actual values; gives a rule of bands, and the bands of forecasts.
"""
