"""The parts of `benchmarks/accuracy.py`: data sets, folds, methods, statistics, store, report."""
