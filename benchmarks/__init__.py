"""Measurements that take longer than a test; each prints tables and, last, one line of JSON."""
