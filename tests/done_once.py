"""What tests do once, a process or a run, though many of them need it.

Nothing here decides what comes out: each result is kept under all that it is made of.
"""

import hashlib
from collections import OrderedDict
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import pytest


@contextmanager
def opened_once():
    """Open a bundled network once: that takes most of a small restore.

    An engine serves any number of restorers, and what it gives does not depend on what it gave.
    That files are intact is looked after before, each time.
    """
    from unblur.tasks.restore import opening
    from unblur.weights import find_network

    bundled = find_network("fast").parent
    anew = opening.open_engine
    once = lru_cache(maxsize=24)(anew)

    def open_engine(path, *arguments, **options):
        return (once if path.parent == bundled else anew)(path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_engine", open_engine)
        yield


@contextmanager
def looked_at_once():
    """Look for the shake of a picture once: that takes most of undoing it, seconds each time.

    The same pixels, networks and judge give the same kernels to the last bit, on any number of
    threads, which ``imaging/deblur/test_blind.py`` and ``test_learned_search.py`` see to.
    """
    from unblur.tasks.methods.blind import BlindMethod

    anew, kept = BlindMethod._look, OrderedDict()

    def look(self, pixels, shrink, *, light_alone=False):
        engines = self.network.engine, self.guided._engine, self.edges._edges, self.edges._paths
        content = hashlib.sha256(np.ascontiguousarray(pixels)).digest()
        asked = self.judged, self.threads, shrink, light_alone
        made_of = (*engines, *asked, pixels.shape, pixels.dtype, content)
        looked = kept.get(made_of)
        if looked is None:
            looked = kept[made_of] = anew(self, pixels, shrink, light_alone=light_alone)
            if len(kept) > 24:
                kept.popitem(last=False)
        return looked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlindMethod, "_look", look)
        yield


@contextmanager
def traced_once(folder):
    """Turn a network of the table into a graph once, and give that the weights of each module.

    The exporter takes seconds, whatever the weights are. ``export`` compares what it writes with
    the module, so weights in a wrong place are an error there.

    Args:
        folder: Where graphs are kept, for the other processes of this run of tests, too.
    """
    from unblur.imaging.files import replace_file
    from unblur.tasks.networks import export

    anew = export.trace

    def trace(module, spec):
        # Nor is the graph kept of a network that goes on dropping, or of one that is only run.
        if spec.traced or any(getattr(part, "always", False) for part in module.modules()):
            return anew(module, spec)
        import onnx

        state = {name: x.numpy(force=True) for name, x in module.state_dict().items()}
        made_of = repr((module, spec.multiple_of, spec.channels, _alike(state)))
        kept = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.onnx"
        if not kept.exists():
            written = anew(module, spec).SerializeToString()
            with replace_file(kept, overwrite=True) as part:
                part.write_bytes(written)
        proto = onnx.ModelProto.FromString(kept.read_bytes())
        for tensor in proto.graph.initializer:
            if tensor.name in state:
                tensor.CopyFrom(onnx.numpy_helper.from_array(state[tensor.name], tensor.name))
        return proto

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "trace", trace)
        yield


def _alike(state):
    """What the exporter makes use of: of equal weights it keeps one, and it folds constants."""
    first = {}
    return tuple(
        (name, values.shape, first.setdefault((values.shape, values.tobytes()), len(first)))
        + ((values.flat[0],) if values.size and np.ptp(values) == 0 else ())
        for name, values in state.items()
    )
