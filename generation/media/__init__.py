"""Files judged by what is in them: what kind, how large, how long, and a small picture of each."""

from generation.media.judge import Judged, judged
from generation.media.probe import Probe, probe
from generation.media.thumbnail import thumbnail

__all__ = ["Judged", "Probe", "judged", "probe", "thumbnail"]
