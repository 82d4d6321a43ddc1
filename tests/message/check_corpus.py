# SPDX-License-Identifier: ISC
"""check_corpus.py MESSAGE_CHECK MESSAGE_FIELDS: every message of the public collections, as it stands and with either
line ending, keeps the invariants of src/message/check.c, and is read as other parsers read it.  What differs is listed
below with its reason; a new difference, or one that is gone, fails."""
import calendar
import email
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITES = pathlib.Path(os.environ.get("RESTANTE_SUITES", ROOT.parent / "shared" / "suites"))
SKIP = 77

# Python's email ends a header at the first line that is no field (as RFC 5322 does not say); here only an empty line does.
HEADER_ENDS_EARLY = {
    "mime/MimeKit/messages/feedback-report.txt", "mime/MimeKit/messages/issue358.txt",
    "mime/enmime/mail/qp-utf8-header-no-break.raw", "mime/mail-parser/eml/malformed/019.eml",
    "mime/mail-parser/eml/thirdparty/012.eml",
}
# An inner multipart has the boundary of an outer one, or an empty part without even a line: nobody can be right.
AMBIGUOUS = {
    "mime/MimeKit/mbox/simple.mbox.txt", "mime/mail-parser/eml/malformed/000.eml",
    "mime/mail-parser/eml/malformed/003.eml", "mime/mail-parser/eml/malformed/013.eml",
}
# mail-parser counts the last line feed, or a boundary within a line, in another way, or keeps decoded parts elsewhere.
OTHER_OFFSETS = {"legacy/049.eml", "thirdparty/005.eml", "thirdparty/015.eml"}
# Numbers for months, a date in front of other text, a comment that RFC 5322 allows: not the same opinion of nonsense.
OTHER_DATES = ("20 11 (some", " 4 8 15 16 23", "Tue, 1 Jul 2003 ((invalid)", "by 2002:aa7:cd10")


def messages():
    wanted = [p for p in sorted((SUITES / "mime").rglob("*")) if p.suffix in (".eml", ".raw") or
              (p.suffix == ".txt" and "MimeKit" in p.parts)]
    return wanted + sorted((SUITES / "spam-corpus").rglob("*.eml"))


def run_checker(program, paths):
    """{(path, form): (tree, leaf offsets)}"""
    done = {}
    for i in range(0, len(paths), 500):
        result = subprocess.run([program, *map(str, paths[i:i + 500])], capture_output=True, check=False)
        if result.returncode:
            raise SystemExit("violated by one of the messages after "
                             f"{result.stdout.splitlines()[-1:]}:\n{result.stderr.decode()[-4000:]}")
        for line in result.stdout.decode("utf-8", "replace").splitlines():
            path, form, tree, leaves = line.split("\t")
            done[path, form] = tree, [tuple(map(int, leaf.split(":"))) for leaf in leaves.split()]
    return done


def email_tree(part):
    """As check_messages.c writes it: a multipart without parts is text, only messages are looked into."""
    kind = part.get_content_type()
    below = part.get_payload() if part.is_multipart() else []
    if kind.startswith("message/") and kind not in ("message/rfc822", "message/global"):
        return kind
    if kind.startswith("multipart/") and not below:
        return "text/plain"
    return kind + ("(" + ",".join(map(email_tree, below)) + ")" if below else "")


def compare_trees(done, paths):
    wrong = set()
    for path in paths:
        raw = re.sub(rb"(?<!\r)\n", b"\r\n", path.read_bytes())
        want = email_tree(email.message_from_bytes(raw))
        if done[str(path), "crlf"][0] != want:
            wrong.add(str(path.relative_to(SUITES)))
            print(f"  {path.relative_to(SUITES)}\n    here  {done[str(path), 'crlf'][0][:200]}\n    email {want[:200]}")
    return wrong


def mail_parser_leaves(message):
    leaves = []
    for part in message["parts"]:
        kind = next(iter(part["body"])) if isinstance(part["body"], dict) else part["body"]
        if kind == "Message":
            leaves += mail_parser_leaves(part["body"]["Message"])
        elif kind != "Multipart":
            leaves.append((part["offset_header"], part["offset_body"], part["offset_end"]))
    return leaves


def compare_offsets(done, paths):
    base, wrong, count = SUITES / "mime" / "mail-parser" / "eml", set(), 0
    for path in paths:
        if base not in path.parents or path.parent.name == "malformed":
            continue
        for form, suffix in (("lf", ".json"), ("crlf", ".crlf.json")):
            told = path.with_suffix("").with_suffix("").parent / (path.name[:-4] + suffix)
            if told.exists():
                count += 1
                if done[str(path), form][1] != mail_parser_leaves(json.loads(told.read_text())):
                    wrong.add(str(path.relative_to(base)))
    return wrong, count


def read_fields(program, kind, rows):
    given = b"".join(row["header"].encode("utf-8", "surrogateescape") + b"\0" for row in rows)
    told = subprocess.run([program, kind], input=given, capture_output=True, check=True).stdout.decode()
    return told.split("\n")[:-1]


def seconds(date):
    if date is None:
        return "-"
    zone = (date["tz_hour"] * 60 + date["tz_minute"]) * (-1 if date["tz_before_gmt"] else 1)
    when = [date[k] for k in ("year", "month", "day", "hour", "minute", "second")]
    return f"{calendar.timegm(tuple(when)) - zone * 60} {zone}"


def compare_dates(program):
    rows = json.loads((SUITES / "mime" / "mail-parser" / "date.json").read_text())
    rows = [row for row in rows if not row["header"].startswith(OTHER_DATES)]
    return [(row["header"], told) for row, told in zip(rows, read_fields(program, "date", rows), strict=True)
            if told != seconds(row["expected"])], len(rows)


def one_address(address):
    return (address["name"] or "") + "|" + (address["address"] or "")


def list_of(expected):
    if not expected:
        return ""
    if "List" in expected:
        return "\t".join(map(one_address, expected["List"]))
    entries = []
    for group in expected["Group"]:
        inside = list(map(one_address, group["addresses"]))
        entries += inside if group["name"] is None else [group["name"] + ":", *inside, ";"]
    return "\t".join(entries)


def compare_addresses(program):
    """Comments, which mail-parser makes part of names, and web addresses are left out."""
    rows = json.loads((SUITES / "mime" / "mail-parser" / "address.json").read_text())
    rows = [row for row in rows if not re.search(r"\(|://|mailto:|@node|\. ex|\"  James|@test.com\n|<a@b.com> ",
                                                 row["header"])]
    return [(row["header"], told) for row, told in zip(rows, read_fields(program, "address", rows), strict=True)
            if told != list_of(row["expected"])], len(rows)


def main(checker, fields):
    if not (SUITES / "mime").is_dir():
        print(f"no public test suites at {SUITES} (RESTANTE_SUITES)")
        return SKIP
    paths = messages()
    done = run_checker(checker, paths)
    trees = compare_trees(done, paths)
    offsets, offset_count = compare_offsets(done, paths)
    dates, date_count = compare_dates(fields)
    addresses, address_count = compare_addresses(fields)
    print(f"{len(paths)} messages; differing: trees {len(trees)}, offsets {len(offsets)} of {offset_count}, "
          f"dates {len(dates)} of {date_count}, address lists {len(addresses)} of {address_count}")
    for header, told in dates + addresses:
        print(f"  {header!r}\n    here {told!r}")
    good = trees == HEADER_ENDS_EARLY | AMBIGUOUS and offsets == OTHER_OFFSETS
    return 0 if good and not dates and not addresses else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
