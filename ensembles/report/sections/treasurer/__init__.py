"""The sections of the report that explain amounts to a treasurer, each a module with its template beside it.

They stand on the page among those of the room above, and are found in the same way.
"""
