"""Making the networks: what they learn from, training, export, quantisation."""
