"""LSTM models: many small networks trained as one program, and one trained by itself.

Takes a history; gives forecasts. A module here is one model, but for what the models share: `settings`, `windows` and
`engine_model`. `engine` trains the networks and knows nothing of days or money. Start with `direct`.
"""
