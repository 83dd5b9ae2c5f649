"""What may happen beside the forecast: bands, alerts, liquidity.

Takes the blend's forecasts and errors; gives bands, alerts and the cash that covers outflows.
"""
