"""Synthetic data with the schema, the identities and the habits of the real kind, from a seed."""

from __future__ import annotations

from forecasting.sample.write import KINDS, Sample, write_sample

__all__ = ["KINDS", "Sample", "write_sample"]
