"""XMP that speaks of its file: which way up, and what else the file holds."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from xml.dom.minidom import Document, Element

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_NOTE = "http://ns.adobe.com/xmp/note/"
_XAP = "http://ns.adobe.com/xap/1.0/"
_GAIN_MAPS = ("http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/")
_IN_EXTENDED = tuple(
    f"http://ns.google.com/photos/1.0/{x}/" for x in ("depthmap", "image", "audio")
)
_FILM_WORDS = ("MotionPhoto", "MicroVideo", "OLivePhoto", "VideoLength")
_TURNS = frozenset("12345678")
GAIN_MAP, FILM = "GainMap", "MotionPhoto"
"""What Google's directory of a file calls them."""


def xmp_orientation(xmp: bytes) -> int | None:
    """Return the orientation that XMP gives its picture, 1 to 8; None where it says nothing."""
    document = _parse(xmp)
    if document is None:
        found = re.search(rb"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])", xmp)
        return int(found[1]) if found else None
    values = (value for value, _ in _orientations(document) if value in _TURNS)
    return next(map(int, values), None)


def upright_xmp(xmp: bytes) -> bytes:
    """Set the orientation of an XMP packet to 1, as an attribute or as an element."""
    xmp = re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]", rb"\g<1>1", xmp)
    if (xmp_orientation(xmp) or 1) == 1:
        return xmp  # all else as it was, to the byte
    document = _parse(xmp)
    assert document is not None
    for _, node in _orientations(document):
        node.nodeValue = "1"
    return _serialised(document)


def has_gain_map(xmp: bytes) -> bool:
    """Tell whether the XMP of a picture says that it is a gain map, or has one."""
    return any(name.encode() in xmp for name in (*_GAIN_MAPS, "urn:com:apple:photo:2020:aux:hdr"))


def mend_xmp(
    xmp: bytes,
    kept: Mapping[str, int | None],
    *,
    extended: bool,
    primary: str,
    padding: int | None = None,
) -> bytes:
    """Make XMP announce what its file holds, and nothing else.

    Args:
        xmp: The packet.
        kept: What stands behind the photo in its file, named as in Google's directory, and the
            bytes it has there, None for as many as before.
        extended: The extended XMP that it speaks of is in the file.
        primary: MIME type of the photo.
        padding: Bytes between the photo and what is behind it, None for as many as before.

    Returns:
        The packet: as it was, to the byte, if nothing in it is wrong.
    """
    document = _parse(xmp)
    if document is None:
        return xmp
    changed = False
    for directory in _directories(document):
        for entry in directory.getElementsByTagNameNS(_RDF, "li"):
            meaning = _value(entry, "Semantic")
            if meaning == "Primary":
                changed |= _put(entry, "Mime", primary)
                changed |= padding is not None and _put(entry, "Padding", str(padding))
            elif meaning is None or meaning not in kept:
                _remove(entry)
                changed = True
            elif (length := kept[meaning]) is not None:
                changed |= _put(entry, "Length", str(length))
        if len(directory.getElementsByTagNameNS(_RDF, "li")) <= 1:  # the photo itself
            _remove(directory)
            changed = True
    for node in list(_properties(document)):
        if _is_gone(node.namespaceURI or "", node.localName or "", kept, extended=extended):
            _remove(node)
            changed = True
    return _serialised(document) if changed else xmp


def _is_gone(space: str, name: str, kept: Mapping[str, int | None], *, extended: bool) -> bool:
    """Tell whether a property speaks of what the file does not hold any more."""
    if name.startswith(_FILM_WORDS):
        return FILM not in kept
    if space in _GAIN_MAPS:
        return GAIN_MAP not in kept
    if space.startswith(_IN_EXTENDED) or (space, name) == (_NOTE, "HasExtendedXMP"):
        return not extended
    return (space, name) == (_XAP, "Thumbnails")  # which show the photo as it was


def extended_reference(guid: str) -> bytes:
    """Return a packet that says no more than that all is in the extended XMP of this name."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + _RDF + '"><rdf:Description '
        f'rdf:about="" xmlns:xmpNote="{_NOTE}" xmpNote:HasExtendedXMP="{guid}"/></rdf:RDF>'
        "</x:xmpmeta>"
    ).encode()


def _parse(xmp: bytes) -> "Document | None":
    from xml.dom import minidom

    text = xmp.strip(b"\0 \t\r\n")
    if b"<!" in text.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        return None  # entities, which no XMP has
    try:
        return minidom.parseString(text)
    except (ExpatError, ValueError, LookupError):
        return None


def _serialised(document: "Document") -> bytes:
    return "\n".join(node.toxml() for node in document.childNodes).encode()


def _descriptions(document: "Document") -> Iterator["Element"]:
    """Those of the picture itself, not of others that it is made of."""
    for root in document.getElementsByTagNameNS(_RDF, "RDF"):
        for node in root.childNodes:
            if node.nodeType == 1 and node.localName == "Description":
                yield node


def _properties(document: "Document") -> Iterator[Any]:
    """The properties of the picture: attributes, or elements."""
    for description in _descriptions(document):
        yield from list((description.attributes or {}).values())
        yield from (node for node in list(description.childNodes) if node.nodeType == 1)


def _orientations(document: "Document") -> Iterator[tuple[str, Any]]:
    """The values of the orientation, and the nodes that hold them."""
    for node in _properties(document):
        if (node.namespaceURI, node.localName) == (_TIFF, "Orientation"):
            holder = node if node.nodeType != 1 else node.firstChild
            if holder is not None and holder.nodeValue is not None:
                yield holder.nodeValue.strip(), holder


def _directories(document: "Document") -> list["Element"]:
    return [
        node
        for node in _properties(document)
        if node.nodeType == 1
        and node.localName == "Directory"
        and "/container/" in (node.namespaceURI or "")
    ]


def _named(entry: "Element", name: str) -> Iterator[Any]:
    """Attributes and elements of this local name within an entry of a directory."""
    for element in (entry, *entry.getElementsByTagName("*")):
        if element.localName == name:
            yield element
        yield from (node for node in (element.attributes or {}).values() if node.localName == name)


def _text(node: Any) -> str:
    if node.nodeType != 1:
        return str(node.nodeValue)
    return "".join(child.nodeValue or "" for child in node.childNodes).strip()


def _value(entry: "Element", name: str) -> str | None:
    return next(map(_text, _named(entry, name)), None)


def _put(entry: "Element", name: str, value: str) -> bool:
    """Set what is there under this name; tells whether it was another value."""
    changed = False
    for node in _named(entry, name):
        if _text(node) != value:
            (node if node.nodeType != 1 else node.firstChild or node).nodeValue = value
            changed = True
    return changed


def _remove(node: Any) -> None:
    if node.nodeType == 1:
        node.parentNode.removeChild(node)
    else:
        node.ownerElement.removeAttributeNode(node)
