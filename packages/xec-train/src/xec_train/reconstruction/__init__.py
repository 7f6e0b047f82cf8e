"""The objectives ``mae`` and ``inpainting``, which reconstruct hidden sensors."""
