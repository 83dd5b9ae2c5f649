"""How good it was: the leaderboard, a run against its alternatives, runs against each other.

Takes cubes and blends, or what was stored of them; gives rows with scores.
"""
