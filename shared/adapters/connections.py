"""How Azure is reached, the same for each of its SDKs."""

from __future__ import annotations

from typing import Any, Final

# Without proxies: to look for them, the file of their passwords would be read anew for every call, each time in another
# thread, which costs more than half as much as the call itself.
DIRECTLY: Final[dict[str, Any]] = {"use_env_settings": False}
