"""What may happen beside the forecast: abnormal days, alerts and liquidity.

Takes the blend's forecasts, bands and errors; gives alerts and the cash that covers outflows.
"""
