"""The language in which a catalog says how an indicator follows from the departments' records."""
