"""Where files are: local paths and URIs.

Takes an address; gives the file system that opens it, and what of the address may be shown, stored and hashed.
"""
