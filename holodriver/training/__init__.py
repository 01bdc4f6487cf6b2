"""Training of DEHNet: what it learns from, how, and what is made of its weights."""
