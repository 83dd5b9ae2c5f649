"""Amounts that the user has planned, or adds by judgement: what a panel takes out of histories and a forecast gets.

Takes nothing but days and amounts, and knows neither files nor models: reading them is `forecasting.data.planned`.
"""
