from typing import Any

# Made of the C header when the package is built: what it declares has no Python types.
ffi: Any
