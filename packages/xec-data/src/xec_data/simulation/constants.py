"""Physical constants of the simulation, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Constants:
    """Constants of the target, of liquid xenon and of its light.

    Lengths are cm, times s, energies GeV, angles degrees. "Detector page" means the description of
    the detector that all packages are built from.
    """

    speed_of_light: float = 2.99792458e10  # cm/s, exact

    # Target: EPJ C 78 (2018) 380, sections 3 and 4. A foil of 270 mm × 66 mm at 15° to the beam, which
    # contains the y axis; here it leans towards +x downstream. The beam spot is that of the muons.
    target_slant: float = 15.0
    target_half_length: float = 13.5
    target_half_height: float = 3.3
    beam_spot: float = 1.0

    # Shower. X0 and Molière radius: detector page.
    radiation_length: float = 2.872
    moliere_radius: float = 5.2
    scale_energy: float = 0.0212  # PDG review "Passage of particles through matter": E_s = 21.2 MeV
    # PDG, same review: dE/dt is a Gamma function with b ≈ 0.5 and its maximum at ln(E/E_c) − 0.5 for an
    # electron; behind the conversion point there are two of them with half the photon's energy.
    profile_b: float = 0.5
    profile_maximum: float = -0.5
    conversion_electrons: int = 2
    # Event-by-event stretching of the profile: log-normal, of the size that parametrized showers need
    # (G. Grindhammer and S. Peters, hep-ex/0001020) extrapolated to low energy.
    profile_spread: float = 0.25
    # Lateral distances are cone · depth · √(U/(1 − U)), U uniform: a core that widens with depth and
    # long tails. The value puts 90 % of a 52.8 MeV shower inside the Molière radius (its definition).
    lateral_cone: float = 0.2248

    # Light. Energy per photon, indices and decay time: detector page. Absorption is known to be longer
    # than 100 cm and scattering to lie within 30–45 cm; these are values in the middle of that.
    energy_per_photon: float = 21.6e-9
    effective_index: float = 1.65
    decay_time: float = 45e-9
    absorption_length: float = 200.0
    # Scattered and reflected light: this share of the photons arrives from everywhere, with a density
    # that falls off over the scattering length, and travels this much further than straight light.
    diffuse_share: float = 0.15
    scattering_length: float = 40.0
    diffuse_detour: float = 20.0

    # Photons of the same event begin within ± half of this many decay times: when the later one begins, a
    # seventh of the light of the earlier one or more is still to come. All light of an event is added up
    # here, but photons much further apart would be two pulses in a waveform, which a readout tells apart.
    pile_up_decay_times: float = 4.0

    # Readout: the time is when this fraction of the photoelectrons has arrived.
    time_fraction: float = 0.05
    # Electronics: the first over √photoelectrons and the second, in quadrature; chosen so that, with
    # the decay statistics, all sensors of an event together resolve about the measured 65 ps.
    time_noise: float = 1.0e-9
    time_floor: float = 5e-11
    # Spread of the gains that calibration leaves; the usual size of a few percent.
    gain_spread: float = 0.02

    @property
    def pile_up_window(self) -> float:
        """Full width of the window in s in which photons of the same event begin."""
        return self.pile_up_decay_times * self.decay_time

    @property
    def attenuation_length(self) -> float:
        """Mean free path of a photon in LXe in cm: 9/7 of a radiation length (pair production)."""
        return 9.0 / 7.0 * self.radiation_length

    @property
    def critical_energy(self) -> float:
        """Critical energy in GeV, from the definition of the Molière radius R_M = X0·E_s/E_c."""
        return self.scale_energy * self.radiation_length / self.moliere_radius


@dataclass(frozen=True)
class SensorResponse:
    """Response of a kind of sensor to photons.

    Attributes
    ----------
    efficiency
        Photoelectrons per photon that reaches the active area (detector page).
    single_spread
        Relative spread of the charge of one photoelectron (crosstalk and afterpulses included).
    noise
        Electronic noise in photoelectrons.
    """

    efficiency: float
    single_spread: float
    noise: float


CONSTANTS = Constants()

# Efficiencies: detector page. The spreads give excess noise factors of 1.2 (SiPM) and 1.15 (PMT).
RESPONSES = MappingProxyType(
    {
        "SiPM": SensorResponse(efficiency=0.12, single_spread=0.45, noise=0.7),
        "PMT": SensorResponse(efficiency=0.16, single_spread=0.40, noise=0.7),
    }
)
