"""A real HTTP server that speaks the Videsk export API over rows of its own, for demonstrations and tests.

It shares no module with the rest of the product, so that no mistake can cancel itself out.
"""

from .behaviour import Behaviour, Fault
from .gate import Asked
from .records import Records
from .server import Simulator
from .synthetic import SyntheticAccount

__all__ = ["Asked", "Behaviour", "Fault", "Records", "Simulator", "SyntheticAccount"]
