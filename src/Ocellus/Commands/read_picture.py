"""Reads images as the Ocellus server does: the same refusals, and the same pixels for the network. Part of predict.py.

By the server's rules and in its order (Images.cs says why): turned upright by EXIF, resized, in sRGB, transparency laid on white, 16 bits cut to the
upper 8. With Pillow 9.4, which has the server's libjpeg-turbo and LittleCMS, every pixel of all images of the server's tests is the same.
"""
import functools
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, features

HERE = pathlib.Path(__file__).resolve().parent
# What the server accepts.
BYTES_MAX, SIDE_MIN, SIDE_MAX, ASPECT_MAX = 15 << 20, 64, 4096, 20
Image.MAX_IMAGE_PIXELS = None
SCANNED_PIXELS_MAX = 40 * 4096 * 4096
PROFILE_BYTES_MAX = 4 << 20
UPRIGHT = dict(zip(range(2, 9), (Image.FLIP_LEFT_RIGHT, Image.ROTATE_180, Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE,
                                 Image.ROTATE_270, Image.TRANSVERSE, Image.ROTATE_90)))
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
OTHERS = ((b"", "nothing"), (b"GIF8", "GIF"), (b"RIFF", "WebP or another RIFF file"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"BM", "BMP"),
          (b"8BPS", "Photoshop"), (b"%PDF", "PDF"), (b"PK\3\4", "ZIP"), (b"\x1f\x8b", "gzip"))


class Refused(ValueError):
    """An image that the server refuses too."""


def described(kind, width, height, content):
    return f"{kind} of {width:,}×{height:,} pixels in {len(content):,} bytes"


def read(path):
    """A file's bytes, if they may be an image."""
    with open(path, "rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise Refused(f"The image has {pathlib.Path(path).stat().st_size:,} bytes; the maximum is {BYTES_MAX:,}.")
    if not content.startswith((JPEG, PNG)):
        name = next((name for start, name in OTHERS if (content.startswith(start) if start else not content)), "something else")
        raise Refused(f"The image must be JPEG or PNG; received {name} ({len(content):,} bytes).")
    return content


def check(kind, width, height):
    """Refuses sizes that the server refuses."""
    small, large = sorted((width, height))
    rule = (f"sides of at most {SIDE_MAX:,} pixels" if large > SIDE_MAX else f"sides of at least {SIDE_MIN} pixels" if small < SIDE_MIN
            else f"an aspect ratio of at most {ASPECT_MAX}:1" if large > small * ASPECT_MAX else None)
    if rule:
        raise Refused(f"The image must have {rule}; received {kind} of {width:,}×{height:,} pixels.")


def orientation(exif):
    """The orientation in an EXIF block, 1 to 8; 1 if there is none or it is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        for i in range(struct.unpack_from(order + "H", exif, at)[0]):
            tag, kind, count, value = struct.unpack_from(order + "HHIHxx", exif, at + 2 + 12 * i)
            if tag == 0x0112:
                return value if kind == 3 and count == 1 and 1 <= value <= 8 else 1
    except (struct.error, TypeError):
        pass
    return 1


class Jpeg:
    """A JPEG, parsed by its markers. `header` leaves out what Pillow could stumble over and no pixel needs."""

    kind = "JPEG"

    def __init__(self, content):
        self.content, self.size, self.ends, self.broken, self.scans, self.data = content, None, False, None, 0, 0
        self.open, exif, kept, pieces, at, begun = {}, None, [content[:2]], {}, 2, None
        while True:
            at = content.find(b"\xff", at) + 1
            if at == 0 or at >= len(content):
                break
            marker = content[at]
            if marker == 0xFF:
                continue
            at += 1
            if marker <= 1 or 0xD0 <= marker <= 0xD8:
                continue
            self.ends = marker == 0xD9
            length = int.from_bytes(content[at : at + 2], "big")
            if self.ends or at + 2 > len(content) or length < 2 or at + length > len(content):
                self.broken = None if self.ends else at - 2
                break
            body = content[at + 2 : at + length]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and self.size is None and len(body) >= 6:
                self.size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
                self.open = {body[6 + 3 * c]: (1 << 64) - 1 for c in range(body[5]) if 6 + 3 * c < len(body)}
            if marker == 0xDA:
                begun = at - 2 if begun is None else begun
                self.data, self.scans = at + length, self.scans + 1
                self.start(body)
            elif begun is None:
                if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
                    kept.append(content[at - 2 : at + length])
                if marker == 0xE1 and body.startswith(b"Exif\0\0"):
                    exif = exif or body
                if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
                    pieces[body[12]] = body[14:]
            if self.size is None and begun is not None:
                break
            at += length
        if not self.size or not all(self.size):
            raise Refused(f"The JPEG has no readable header; received {len(content):,} bytes that begin as JPEG.")
        self.begun, self.header = len(content) if begun is None else begun, b"".join(kept)
        self.orientation = orientation(exif or b"")
        self.profile = b"".join(pieces[n] for n in range(1, 256) if all(m in pieces for m in range(1, n + 1)))

    def start(self, body):
        """Strikes out the coefficients whose last bit is in a scan."""
        if not body or len(body) < 4 + 2 * body[0]:
            return
        first, last, low = body[1 + 2 * body[0] :][:3]
        for name in body[1 : 1 + 2 * body[0] : 2] if low & 15 == 0 else ():
            for k in range(first, min(last, 63) + 1) if name in self.open else ():
                self.open[name] &= ~(1 << k)

    def decoded(self, end, fraction=1):
        """The pixels of the first `end` bytes, at a fraction of the size; what is missing is grey."""
        content = self.header + self.content[self.begun : max(end, self.begun)] + b"\xff\xd9"
        image = Image.open(io.BytesIO(content), formats=("JPEG",))
        whole = (image.width // fraction, image.height // fraction)
        image.draft(None, whole)
        image.load()
        return image

    def whole(self):
        """The bytes to decode; refuses an image that lacks a visible part. The rules are the server's, explained there (JpegTruncation.cs)."""
        width, height = self.size
        if self.scans * width * height > SCANNED_PIXELS_MAX:
            received = described("JPEG", width, height, self.content)
            raise Refused(f"The image would take too long to decode; received {received} with {self.scans:,} scans, where about ten are usual.")
        end = len(self.content) if self.broken is None else self.broken
        if self.ends:
            return end
        pixels = lambda to: (a := np.asarray(self.decoded(to))).reshape(height, -1, a.shape[2] if a.ndim == 3 else 1)
        flat = lambda part: bool((part == part[:1]).all())
        cut = lambda detail: Refused(f"The image is cut short; received {described('JPEG', width, height, self.content[:end])}, {detail}.")
        if not self.open or any(self.open.values()):
            if self.scans > 1 and flat((rows := pixels(end)).reshape(-1, rows.shape[2])):
                return end
            raise cut("without all of its scans")
        rows = pixels(end)
        without = pixels(self.data) if self.scans > 1 else None
        lines, stride = rows.reshape(height, -1), rows.shape[1] * rows.shape[2]
        differ = (lines != (128 if without is None else without.reshape(height, -1))).any(axis=1)
        last = int(np.flatnonzero(differ)[-1]) if differ.any() else -1
        missing = height - 1 - last if without is None else sum(not flat(row) for row in rows[last + 1 :])
        for y in range(last, max(last - 16, -1), -1) if without is None else ():
            brought = np.flatnonzero(lines[y] != 128)
            missing += (stride - 1 - (int(brought[-1]) if len(brought) else -1)) / stride
        share = missing / height
        few = without is None and share < 0.4 and share / (1 - share) * (end - self.data) <= 64
        if share > 0.03 and (missing > 16 or (without is None and share > 1 / 16)) and not few:
            raise cut(f"the lower {share * 100:.0f} % missing")
        return end

    def pixels(self, smaller):
        """The image as stored. A large one is decoded at a fraction of its size."""
        fraction = 8 if smaller >= 16 else 4 if smaller >= 8 else 2 if smaller >= 4 else 1
        image = self.decoded(self.whole(), fraction)
        # A partial pixel at the edge is left out.
        return image.crop((0, 0, self.size[0] // fraction, self.size[1] // fraction))


class Png:
    """A PNG, parsed by its chunks. Pillow sees only those that pixels need."""

    kind = "PNG"

    def __init__(self, content):
        if len(content) < 24 or content[12:16] != b"IHDR" or not all(size := struct.unpack(">II", content[16:24])):
            raise Refused(f"The PNG has no readable header; received {len(content):,} bytes that begin as PNG.")
        self.content, self.size, self.ends = content, size, False
        self.kept, first, at, data = [], {}, 8, False
        while at + 12 <= len(content) and not self.ends:
            length, name = struct.unpack_from(">I4s", content, at)
            body, at = content[at + 8 : at + 8 + length], at + 12 + length
            self.ends, data = name == b"IEND", data or name == b"IDAT"
            if name in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
                self.kept.append((name, body))
            elif not data:
                first.setdefault(name, body)
        self.clear, self.orientation = first.get(b"tRNS"), orientation(first.get(b"eXIf", b""))
        self.profile = unpacked(first.get(b"iCCP", b""))

    def pixels(self, _):
        """The image as stored, 16 bits cut to the upper 8, transparency laid on white."""
        if not self.ends:
            raise Refused(f"The image is cut short; received {described('PNG', *self.size, self.content)}, without end marker.")
        depth, colour = self.content[24], self.content[25]
        clear = self.clear if self.clear and colour in (0, 2, 3) else None
        image = self.decoded(clear if colour == 3 else None)
        if colour == 3:
            image = image.convert("RGB" if clear is None else "RGBA")
        values = np.asarray(image)
        if depth == 16 and colour == 0:
            values, whole = (values >> 8).astype(np.uint8), values[:, :, None]
        elif depth == 16 and clear is not None and colour == 2:
            whole = values.astype(int) << 8 | np.asarray(self.decoded(None, "RGB;16L"))
        else:
            values = values.astype(np.uint8) * (255 if image.mode == "1" else 1)
            whole = values.reshape(*values.shape[:2], -1)
        if clear is not None and colour != 3 and len(clear) >= 2 * whole.shape[2]:
            key = [v * (255 // ((1 << depth) - 1) if depth < 8 else 1) for v in struct.unpack_from(f">{whole.shape[2]}H", clear)]
            alpha = np.where((whole == key).all(axis=2), 0, 255)[:, :, None]
            values = np.concatenate([values.reshape(*alpha.shape[:2], -1), alpha], axis=2)
        if values.ndim == 3 and values.shape[2] in (2, 4):
            opaque = values[:, :, -1:].astype(np.uint32)
            values = (values[:, :, :-1] * opaque + 255 * (255 - opaque)) // 255
        return Image.fromarray((values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values).astype(np.uint8))

    def decoded(self, clear, raw=None):
        chunks = [chunk for chunk in self.kept if chunk[0] not in (b"IDAT", b"IEND")] + ([(b"tRNS", clear)] if clear else [])
        chunks += [(b"IDAT", b"".join(body for name, body in self.kept if name == b"IDAT")), (b"IEND", b"")]
        content = PNG + b"".join(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks)
        image = Image.open(io.BytesIO(content), formats=("PNG",))
        if raw:
            image.tile = [(*tile[:3], raw) for tile in image.tile]
        image.load()
        return image


def unpacked(chunk):
    """The profile of a PNG's iCCP chunk; empty where it is damaged."""
    try:
        profile = zlib.decompressobj().decompress(chunk[chunk.index(b"\0") + 2 :], PROFILE_BYTES_MAX + 1)
    except (ValueError, zlib.error):
        return b""
    return profile if int.from_bytes(profile[:4], "big") == len(profile) else b""


def usable(profile, space):
    """Whether an ICC profile is complete and for that colour space; otherwise it is ignored (the server's ColourProfile.IsUsable)."""
    length, count = (int.from_bytes(profile[at : at + 4], "big") for at in (0, 128))
    if not (132 <= length <= len(profile) <= PROFILE_BYTES_MAX and profile[36:40] == b"acsp" and profile[16:20] == space
            and profile[20:24] in (b"XYZ ", b"Lab ") and profile[12:16] in (b"mntr", b"scnr", b"prtr", b"spac")
            and 0 < count <= 100 and 132 + 12 * count <= length):
        return False
    tags = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count))
    return all(not tag.startswith(b"D2B") and offset + size <= length for tag, offset, size in tags)


@functools.lru_cache(maxsize=64)
def conversion(profile, mode):
    """From a profile's colours to sRGB; None if LittleCMS cannot, or if nothing would change: then the profile is sRGB by another name."""
    if not features.check("littlecms2"):
        raise Refused("The image is CMYK or has a colour profile, and this Pillow was built without LittleCMS: it cannot be brought to sRGB as the server does it.")
    # Relative colorimetric, without black point compensation.
    srgb = ImageCms.ImageCmsProfile(io.BytesIO((HERE / "srgb.icc").read_bytes()))
    try:
        made = ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), srgb, mode, "RGB", renderingIntent=1, flags=0)
    except (ImageCms.PyCMSError, OSError):
        return None
    if mode == "CMYK":
        return made
    levels = np.minimum(np.arange(9) * 32, 255)
    probe = np.arange(256) if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    after = np.asarray(ImageCms.applyTransform(Image.fromarray(probe.astype(np.uint8)[None]), made))[0].astype(int)
    return made if (abs(after - probe.reshape(len(probe), -1)) > 1).any() else None


def from_cmyk(image, profile):
    """CMYK as RGB, by its own profile or that of a typical press."""
    made = conversion(profile, "CMYK") if usable(profile, b"CMYK") else None
    if made is None:
        made = conversion((HERE / "cmyk.icc").read_bytes(), "CMYK")
    return ImageCms.applyTransform(image, made)


def open_rgb(path, target):
    """The image upright, in sRGB, at the size that `target` gives for its width and height."""
    content = read(path)
    file = (Jpeg if content.startswith(JPEG) else Png)(content)
    check(file.kind, *file.size)
    width, height = file.size if file.orientation < 5 else file.size[::-1]
    size = target(width, height)
    try:
        image = file.pixels(min(width / size[0], height / size[1]))
    except (OSError, SyntaxError, ValueError, struct.error) as problem:
        if isinstance(problem, Refused):
            raise
        raise Refused(f"The image cannot be decoded; received {described(file.kind, *file.size, content)}.") from problem
    if file.orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[file.orientation])
    if image.mode == "CMYK":
        return from_cmyk(image, file.profile).resize(size, Image.LANCZOS)
    mode = image.mode
    made = conversion(file.profile, mode) if usable(file.profile, b"GRAY" if mode == "L" else b"RGB ") else None
    image = image.resize(size, Image.LANCZOS)
    return image.convert("RGB") if made is None else ImageCms.applyTransform(image, made)
