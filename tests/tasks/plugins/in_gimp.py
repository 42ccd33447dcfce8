"""Run by GIMP's Python console, not by pytest: calls the plug-in, notes what became of images."""

import json
import os
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

FOLDER = Path(os.environ["UNBLUR_PICTURES"])
NOTES = Path(os.environ["UNBLUR_NOTES"])
FORMATS = {
    "eight": "R'G'B' u8",
    "sixteen": "R'G'B' u16",
    "float": "R'G'B' u16",
    "grey": "Y' u8",
}
facts = {}


def opened(name):
    """An image of a file, and its layer, called as the file."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(FOLDER / name)))
    layer = image.get_layers()[0]
    layer.set_name(name)
    return image, layer


def called(image, layer, **options):
    """Run the plug-in; what can be said of the image then."""
    procedure = Gimp.get_pdb().lookup_procedure("unblur-restore")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    for name, value in {"method": "network", **options}.items():
        config.set_property(name.replace("_", "-"), value)
    values = procedure.run(config)
    status = values.index(0)
    return {
        "status": status.value_nick,
        "said": str(values.index(1)) if values.length() > 1 else "",
        "layers": [layer.get_name() for layer in image.get_layers()],
    }


def pixels(layer, format):
    """The values of a layer, in rows."""
    part = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    return layer.get_buffer().get(part, 1.0, format, Gegl.AbyssPolicy.NONE)


def offsets(layer):
    """Where a layer lies in its image."""
    _, left, top = layer.get_offsets()
    return [left, top]


for name, format in FORMATS.items():
    image, layer = opened("sixteen.png" if name == "float" else f"{name}.png")
    if name == "float":
        image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    before = pixels(layer, format)
    in_place = name == "grey"
    facts[name] = called(image, layer, new_layer=not in_place, strength=0.5 if in_place else 1.0)
    facts[name]["untouched"] = before == pixels(layer, format)
    (FOLDER / f"{name}.raw").write_bytes(pixels(image.get_layers()[0], format))

image, layer = opened("grey.png")
before = pixels(layer, "Y' u8")
image.select_rectangle(Gimp.ChannelOps.REPLACE, 4, 6, 16, 16)
facts["selected"] = called(image, layer, new_layer=False)
width = layer.get_width()
changed = [i for i, (a, b) in enumerate(zip(before, pixels(layer, "Y' u8"), strict=True)) if a != b]
across, down = [i % width for i in changed], [i // width for i in changed]
facts["selected"]["changed"] = [[min(across), min(down), max(across) + 1, max(down) + 1]]

image, layer = opened("eight.png")
moved = layer.copy()
image.insert_layer(moved, None, 0)
moved.set_name("moved")
moved.set_offsets(7, 9)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 30, 20)
facts["moved"] = called(image, moved)
facts["moved"]["offsets"] = [offsets(layer) for layer in image.get_layers()]
facts["moved"]["mask"] = image.get_layers()[0].get_mask() is not None

image, layer = opened("eight.png")
facts["visible"] = called(image, layer, what="visible")

NOTES.write_text(json.dumps({"command": ["/gone/python", "-m", "unblur"]}))
os.environ["PATH"] = "/usr/bin:/bin"
image, layer = opened("eight.png")
facts["missing"] = called(image, layer)

(FOLDER / "facts.json").write_text(json.dumps(facts))
