"""Plots and numbers of the xec reconstruction: resolution, baselines, event display and the demo.

Each name is loaded when it is first used, so that importing the package costs nothing.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
