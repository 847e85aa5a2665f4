"""Telling customers and departments of every change of tier, and hearing what customers say to it (M23)."""
