"""Hundreds of small networks trained as one program.

Takes a `TrainSpec` and samples; gives trained parameters and losses. It knows nothing of days or money. Start with
`training`.
"""
