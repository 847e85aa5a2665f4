"""Carrying out the Measures: evaluations, decisions, and what follows from them (M19 to M23)."""
