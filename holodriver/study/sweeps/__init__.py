"""The paper's studies: one quantity varied, the rest held."""
