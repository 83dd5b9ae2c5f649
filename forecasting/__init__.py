"""One trial on one machine: data in, forecasts of one member out. Knows nothing of blends or clusters."""
