from pathlib import Path

from perf.documents import Expected, checksum, read, write


def test_the_checksum_sees_what_a_wrong_document_could_be() -> None:
    document = bytes(range(200)) * 41
    swapped = document[8:16] + document[:8] + document[16:]
    others = {document, document[:-1], document + b"x", swapped, document[::-1]}
    assert len({checksum(other) for other in others}) == len(others)


def test_the_checksum_is_the_one_of_the_load_programs() -> None:
    # Words 1 and 2 and a tail of one byte, 3: prefix sums 1, 3 and 6.
    content = (1).to_bytes(8, "little") + (2).to_bytes(8, "little") + b"\x03"
    assert checksum(content) == 1 + 3 + 6


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lines = [Expected("/a.xml"), Expected("/b.xml", 7, 1 << 63)]
    assert read(write(tmp_path / "expected", lines)) == lines
