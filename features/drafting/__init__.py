"""A first catalog for a flat table that nobody described: kinds, codes, directions, points, weights."""
