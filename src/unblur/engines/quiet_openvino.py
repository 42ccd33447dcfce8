"""Import OpenVINO without the message that it sends to its makers."""

import sys
from typing import Any, Final

_TELEMETRY: Final = "openvino_telemetry"


def import_openvino() -> Any:
    """Import ``openvino``, which then asks nobody on the internet.

    By itself ``import openvino`` reports to Google Analytics, from a child process, unless the
    user has opted out, and keeps an identifier in ``~/intel``. Where the package that does so
    cannot be imported, it leaves it at that; so that package is hidden for as long as the import
    takes. One that the caller has imported, or uses later, stays as it is.

    Raises:
        ImportError: If OpenVINO is not installed, or cannot be loaded.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get(_TELEMETRY)
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # how Python says: not to be had
        try:
            import openvino
        except ImportError as error:
            # Its native part reports a Ctrl-C, while it is loaded, as a failure of its own.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            raise
        finally:
            if before is not None:
                sys.modules[_TELEMETRY] = before
            else:
                sys.modules.pop(_TELEMETRY, None)
        return openvino
    return sys.modules["openvino"]
