"""Archives and YAML that are small when they are sent and huge when they are read."""

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing

MIB = 1024 * 1024
GIB = 1024 * MIB
_ZEROS = bytes(MIB)


def _packed(first: bytes) -> bytes:
    """Those bytes and 1 GiB of zeros, as gzip."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as file:
        file.write(first)
        for _ in range(1024):
            file.write(_ZEROS)
    return target.getvalue()


def one_large_file() -> bytes:
    """A zip of 1 MiB that unpacks to 1 GiB."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(1024):
            file.write(_ZEROS)
    return target.getvalue()


def nested() -> bytes:
    """A zip in a zip in a zip, the innermost of which is a bomb."""
    inner = one_large_file()
    for depth in range(3):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for n in range(8):
                archive.writestr(f"{depth}-{n}.zip", inner)
        inner = target.getvalue()
    return inner


def many_entries(count: int = 600_000) -> bytes:
    """A zip whose directory lists one empty file under hundreds of thousands of names."""
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.Struct("<4s4B4H3I5H2I")
    directory = b"".join(
        entry.pack(b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0)
        + b"%07d" % number
        for number in range(count)
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(local), 0)
    return local + directory + end


def lying_size() -> bytes:
    """A zip whose directory says that its file is empty."""
    data = bytearray(one_large_file())
    place = data.rindex(b"PK\1\2")
    data[place + 24 : place + 28] = bytes(4)
    return bytes(data)


def bzip2_within_zip() -> bytes:
    """A zip whose file is packed by bzip2, of which 4 KiB can unpack to GiBs at once."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive,
        archive.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(1024):
            file.write(_ZEROS)
    assert len(bz2.compress(_ZEROS)) < 100
    return target.getvalue()


def _member(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def long_name() -> bytes:
    """A tar.gz whose first entry has a name of 1 GiB."""
    return _packed(_member("n", tarfile.GNUTYPE_LONGNAME, GIB))


def long_header() -> bytes:
    """A tar.gz whose first entry has a PAX header of 1 GiB."""
    return _packed(_member("n", tarfile.XHDTYPE, GIB))


def sparse() -> bytes:
    """A tar.gz of a file whose map of holes goes on and on."""
    header = bytearray(_member("s", tarfile.GNUTYPE_SPARSE, 0))
    header[482] = 1  # the map goes on in the next block
    block = bytearray(512)
    for place in range(0, 504, 24):
        block[place : place + 24] = b"%011o\0%011o\0" % (1, 1)
    block[504] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as file:
        file.write(header)
        for _ in range(150):
            file.write(bytes(block) * 2048)
    return target.getvalue()


def long_tar() -> bytes:
    """A tar.gz of 1 GiB of zeros as one file."""
    return _packed(_member("zeros", tarfile.REGTYPE, GIB))


def many_files() -> bytes:
    """A tar.gz of a hundred thousand empty files."""
    target = io.BytesIO()
    with closing(tarfile.open(fileobj=target, mode="w:gz", compresslevel=1)) as archive:
        for number in range(100_000):
            archive.addfile(tarfile.TarInfo(str(number)))
    return target.getvalue()


Make = Callable[[], bytes]
ZIPS: dict[str, Make] = {
    "one large file": one_large_file,
    "many entries": many_entries,
    "a size that lies": lying_size,
    "bzip2": bzip2_within_zip,
}
TARS: dict[str, Make] = {
    "one large file": long_tar,
    "many files": many_files,
    "a long name": long_name,
    "a long header": long_header,
    "a map of holes": sparse,
}


def _levels(first: str, each: str) -> str:
    lines = [f"a0: &a0 {first}"]
    return "\n".join(
        lines + [f"a{n}: &a{n} " + each.replace("*", f"*a{n - 1}") for n in range(1, 12)]
    )


YAMLS: dict[str, str] = {
    "aliases": _levels("[x, x, x, x, x, x, x, x, x, x]", "[" + ", ".join("*" * 10) + "]"),
    "merges": _levels("{x: 1}", "{<<: [" + ", ".join("*" * 10) + "]}"),
    "itself": "a: &a [*a, *a]",
    "keys that are lists": "? " + "[" * 30 + "]" * 30 + "\n: 1",
    "depth": "[" * 500_000,
    "depth by lines": "".join(f"{' ' * n}a:\n" for n in range(1000)),
    "many values": "a: [" + "b," * 520_000 + "]",
    "many objects": "a: [" + "{}," * 340_000 + "]",
    "sexagesimal": "a: 1" + ":1" * 520_000,
    "digits": "a: " + "9" * 1_000_000,
    "hexadecimal": "a: 0x" + "f" * 1_000_000,
    "binary": "a: 0b" + "1" * 1_000_000,
    "a float of digits": "a: 1." + "9" * 1_000_000 + "e999999999",
    "a time": "a: 2001-12-14t21:59:43.10-05:00",
    "a time by its tag": "a: !!timestamp 9999999-99-99",
    "a number by its tag": "a: !!int 1" + ":1" * 520_000,
    "a float by its tag": "a: !!float 1" + ":1" * 520_000 + ".5",
    "bytes": "a: !!binary " + "QUFB" * 200_000,
    "a set": "a: !!set {b, c}",
    "an object": "a: !!python/object/apply:os.system ['touch MARK']",
    "a module": "a: !!python/module:antigravity",
    "an anchor's name": "a: &" + "a" * 500_000 + " b\nc: *" + "a" * 400_000,
    "many documents": "---\na: 1\n" * 100_000,
    "a tag": "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [id]",
}
