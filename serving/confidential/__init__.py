"""Keys and encryption: what lies in the store can be read by whoever holds the keyring, and nobody else."""
