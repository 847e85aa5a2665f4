"""The parts of the benchmark `crisis`."""
