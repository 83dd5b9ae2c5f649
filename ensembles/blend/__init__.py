"""How members are combined, and which combination is used.

Takes out-of-fold cubes; gives a `Blend`. Candidates are judged on windows that their weights did not see.
"""
