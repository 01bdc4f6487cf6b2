"""Monocular depth: estimators, fusion of scales, refinement by the picture, temporal stability, photos and videos."""
