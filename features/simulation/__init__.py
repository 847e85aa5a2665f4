"""A synthetic company: every department's tables, and the true probabilities behind them."""
