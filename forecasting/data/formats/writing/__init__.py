"""How days and numbers are written: every way that is understood, and which of them a table uses."""
