"""Steps from recorded rows to the shipped model."""
