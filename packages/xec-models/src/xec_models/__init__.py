"""Neural networks for the MEG II liquid-xenon detector.

Encoder, regressor, checkpoints, `load_model`; tasks, metrics, run directories. What is listed here is
loaded when it is first used: importing the package does not import torch.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
