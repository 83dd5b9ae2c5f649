"""What is wrong with the data, as rows: check, severity, count, first place and value, remedy.

Takes the tables that are read anyway; gives findings. Errors are what a run could not use or would count wrongly;
warnings deserve a look; info only tells.
"""
