"""What can be exported: regressors, inpainters, and what goes into and comes out of each."""
