"""What all sections of a configuration have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the configuration: only keys that exist, and no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
