"""Networks that reconstruct hidden sensors: masked autoencoder and inpainter."""
