"""Fast simulation of photons in the liquid-xenon detector: files like real ones, with the truth.

What it models
--------------
Source: photons from muons that stop in the slanted target (a Gaussian beam spot), sent so that they
cross the inner face uniformly in (u, v) over the fiducial region. Conversion: exponential in the xenon with
a mean free path of 9/7 radiation lengths, truncated where the photon would leave. Shower: a number of
deposits with random shares of the energy; Gamma profile along the photon, widening long-tailed profile
across it (90 % inside the Molière radius), event-by-event fluctuations; what falls outside of the xenon is
lost. Light: exact solid angle of every sensor, absorption, the shadow of the inner cylinder, and a diffuse
share for scattering and reflection (`expected_photons` is this light map, noise-free). Counts: Poisson
photoelectrons with the sensor's efficiency, spread of single photoelectrons, electronic noise, spread of
the gains left after calibration, dead sensors. Times: way of the shower and of the light, the decay time's
statistics of the earliest photoelectrons, electronics; none below a threshold of photons. Pile-up: an
event may have 0 to 4 photons, independent of each other; the first is where the clock of the simulation
begins, the others begin within a window around it. Their light adds up in every sensor, and its time is
when a fraction of all photoelectrons has arrived. The truth is that of the photon of largest energy.

What it does not
----------------
Interactions in the material before the xenon; attenuation that depends on the energy; tracks: a shower
is a cloud of points, and Compton scattering, the few hard photons of a shower and nuclear effects are not
followed; intrinsic fluctuations of scintillation; refraction, reflection and an efficiency that depends on
the angle at a sensor's window; the spectrum of paths of scattered light (it has one mean detour); a
sensor's partial shadow; waveforms, saturation, correlated noise, crosstalk between sensors and anything
that changes from run to run; the energies and rates of accidental photons (those of an event all come from
the target with the same distribution of energies, and each number of photons is as frequent).

Compared with the detector (52.8 MeV): 2.4 million photons are made and about 0.7 million counted; 1 % of
the energy leaks out on average, with a long tail; the readings would allow a resolution of about 1 % in
energy for well contained showers. A network trained on these events learns their simplifications, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xec_data.simulation.configuration import (
    SimulationConfig,
    SimulationError,
    parse_energy,
    parse_photons,
)
from xec_data.simulation.generator import simulate_events
from xec_data.simulation.light_map import expected_photons

if TYPE_CHECKING:
    from xec_data.simulation.file import SimulationSummary, simulate_file

__all__ = [
    "SimulationConfig",
    "SimulationError",
    "SimulationSummary",
    "expected_photons",
    "parse_energy",
    "parse_photons",
    "simulate_events",
    "simulate_file",
]


def __getattr__(name: str) -> Any:
    # Writing files brings uproot; the light map and the events do without.
    if name in ("SimulationSummary", "simulate_file"):
        from xec_data.simulation import file

        return getattr(file, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
