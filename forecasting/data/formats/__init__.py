"""What files hold, before anybody asks what it means: bytes, rows and cells.

Takes a path; gives tables whose cells know the file and row they stand in.
"""
