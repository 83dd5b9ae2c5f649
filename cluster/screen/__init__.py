"""What a person sees on the terminal: tables for people, JSON for programs, both on stdout.

Takes what the stages give and a console; shows it and computes no score.
"""
