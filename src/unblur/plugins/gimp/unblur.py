#!/usr/bin/env python3
"""GIMP 3: undo motion blur, by the command `unblur` that is installed outside of GIMP."""

import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: E402
from unblur_command import METHODS, CommandError, find_command, restore, scratch  # noqa: E402

PROCEDURE = "unblur-restore"
HERE = Path(__file__).resolve().parent
SELECTED, VISIBLE = "layer", "visible"


class Unblur(Gimp.PlugIn):
    """The plug-in: one procedure, in Filters > Enhance."""

    def do_query_procedures(self):
        """The names of what it does."""
        return [PROCEDURE]

    def do_set_i18n(self, _name):
        """There are no translations."""
        return False

    def do_create_procedure(self, name):
        """Where it stands in the menus, and what it asks."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
        procedure.set_image_types("RGB*, GRAY*")
        mask = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(mask.DRAWABLE | mask.DRAWABLES)
        procedure.set_menu_label("_Unblur (motion blur)...")
        procedure.add_menu_path("<Image>/Filters/Enhance")
        procedure.set_documentation(
            "Undo motion blur",
            "Looks for the shake of the camera and undoes it. The result is a new layer, so that "
            "the photo stays as it was. Needs the command unblur; nothing is sent anywhere.",
            None,
        )
        procedure.set_attribution("The unblur authors", "The unblur authors, Apache-2.0", "2026")
        flags = GObject.ParamFlags.READWRITE
        methods = Gimp.Choice.new()
        for number, (method, label) in enumerate(METHODS):
            methods.add(method, number, label, "")
        procedure.add_choice_argument("method", "_Method", None, methods, METHODS[0][0], flags)
        procedure.add_double_argument(
            "strength", "S_trength", "0 changes nothing, 1 restores in full", 0.0, 1.0, 1.0, flags
        )
        what = Gimp.Choice.new()
        what.add(SELECTED, 0, "The selected layers", "")
        what.add(VISIBLE, 1, "The whole image, as it is seen", "")
        procedure.add_choice_argument("what", "R_estore", None, what, SELECTED, flags)
        procedure.add_boolean_argument(
            "new-layer", "Result in a _new layer", "Off: in the layer itself", True, flags
        )
        return procedure

    def run(self, procedure, run_mode, image, drawables, config, _data):
        """What GIMP calls, after the dialog or from a script."""
        if run_mode == Gimp.RunMode.INTERACTIVE and not asked(procedure, config):
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
        try:
            work(image, drawables, config)
        except CommandError as error:
            complaint = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(error), 0)
            return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, complaint)
        Gimp.displays_flush()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def asked(procedure, config):
    """Show the dialog; whether it was closed by its button OK."""
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init(PROCEDURE)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Unblur")
    dialog.get_scale_entry("strength", 1.0)
    dialog.fill(["method", "strength", "what", "new-layer"])
    wanted = dialog.run()
    dialog.destroy()
    return wanted


def work(image, drawables, config):
    """Restore what is asked for; the image changes only when all of it was restored."""
    command = find_command(HERE)
    method, strength = config.get_property("method"), config.get_property("strength")
    visible = config.get_property("what") == VISIBLE
    anew = visible or config.get_property("new-layer")
    sources = [Gimp.Layer.new_from_visible(image, image, "seen")] if visible else drawables
    for source in sources:
        if not isinstance(source, Gimp.Layer):
            raise CommandError(f"{source.get_name()} is no layer; select a layer, not its mask")
        if not anew and source.is_group():
            raise CommandError(f"{source.get_name()} is a group: its result needs a new layer")
    Gimp.progress_init("Undoing motion blur")
    with tempfile.TemporaryDirectory(prefix="unblur-", dir=scratch()) as folder:
        done = []
        for number, source in enumerate(sources):
            blurred = export(image, source, Path(folder) / f"blurred-{number}")
            restored = blurred.with_stem(f"restored-{number}")
            said = restore(
                command,
                blurred,
                restored,
                method=method,
                strength=strength,
                tick=Gimp.progress_pulse,
            )
            Gimp.progress_set_text(said or "Done")
            done.append((source, restored))
        image.undo_group_start()
        try:
            for source, restored in done:
                bring_back(image, source, restored, anew=anew, on_top=visible)
        finally:
            image.undo_group_end()
    Gimp.progress_end()


def export(image, layer, path):
    """Write the pixels of a layer, and nothing else of it, to a PNG file; the path of the file.

    8 and 16 bits are kept; what has more gets 16, the most that the command reads.
    """
    depth, _, encoding = image.get_precision().value_nick.partition("-")
    eight = depth == "u8" and encoding != "linear"
    precision = Gimp.Precision.U8_NON_LINEAR if eight else Gimp.Precision.U16_NON_LINEAR
    width, height = layer.get_width(), layer.get_height()
    base = Gimp.ImageBaseType.GRAY if layer.is_gray() else Gimp.ImageBaseType.RGB
    copy = Gimp.Image.new_with_precision(width, height, base, precision)
    try:
        profile = image.get_color_profile()
        if profile is not None:
            copy.set_color_profile(profile)
        flat = empty_layer(copy, layer, "blurred")
        copy.insert_layer(flat, None, 0)
        copy_pixels(layer.get_buffer(), flat.get_buffer(), width, height)
        path = path.with_suffix(".png")
        procedure = Gimp.get_pdb().lookup_procedure("file-png-export")
        config = procedure.create_config()
        config.set_property("image", copy)
        config.set_property("file", Gio.File.new_for_path(str(path)))
        wanted = {
            "include-color-profile": profile is not None,
            "include-thumbnail": False,
            "save-transparent": True,
            "compression": 1,
        }
        for name, value in wanted.items():
            if procedure.find_argument(name) is not None:
                config.set_property(name, value)
        succeed(procedure.run(config), f"{path} cannot be written")
    finally:
        copy.delete()
    return path


def bring_back(image, source, path, *, anew, on_top):
    """Put the pixels of a file into a new layer above its source, or into the source itself."""
    loaded = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    if loaded is None:
        raise CommandError(f"{path} cannot be read")
    try:
        restored = loaded.get_layers()[0]
        width, height = restored.get_width(), restored.get_height()
        if not anew:
            shadow = source.get_shadow_buffer()
            copy_pixels(restored.get_buffer(), shadow, width, height)
            source.merge_shadow(True)
            source.update(0, 0, width, height)
            return
        name = "Unblurred" if on_top else f"{source.get_name()}, unblurred"
        layer = empty_layer(image, source, name)
        if on_top:
            image.insert_layer(layer, None, 0)
        else:
            image.insert_layer(layer, source.get_parent(), image.get_item_position(source))
            found, left, top = source.get_offsets()
            if found:
                layer.set_offsets(left, top)
        copy_pixels(restored.get_buffer(), layer.get_buffer(), width, height)
        layer.update(0, 0, width, height)
        if not Gimp.Selection.is_empty(image):
            layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    finally:
        loaded.delete()


def empty_layer(image, like, name):
    """A layer of the size and kind of another, which is in no image yet."""
    return Gimp.Layer.new(
        image,
        name,
        like.get_width(),
        like.get_height(),
        like.type(),
        100.0,
        Gimp.LayerMode.NORMAL,
    )


def copy_pixels(source, target, width, height):
    """Copy from buffer to buffer; both know their depth and colours."""
    part = Gegl.Rectangle.new(0, 0, width, height)
    source.copy(part, Gegl.AbyssPolicy.NONE, target, part)
    target.flush()


def succeed(values, otherwise):
    """Raise what a procedure complains of, if it does."""
    if values.index(0) != Gimp.PDBStatusType.SUCCESS:
        reason = values.index(1) if values.length() > 1 else "GIMP does not say why"
        raise CommandError(f"{otherwise}: {reason}")


Gimp.main(Unblur.__gtype__, sys.argv)
