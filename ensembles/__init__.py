"""Arithmetic on out-of-fold forecasts: combining, choosing, scoring and reporting blends."""
