"""What may happen beside the forecast: abnormal days, alerts and cash.

Takes the blend's forecasts, bands and errors; gives alerts and the cash that covers outflows.
"""
