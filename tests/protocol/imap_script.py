# SPDX-License-Identifier: ISC
"""Scripted IMAP conversations in the format of imaptest's test files, whose description stands beside them.

parse() reads a file; Runner plays it.  Words of replies are str (bytes as Latin-1); lists are Words.
"""
import calendar
import re
import time


class Words(list):
    """A list in parentheses."""


class Literal(str):
    """What must be equal to the byte; other words are compared without case."""


class LooseLiteral(Literal):
    """~{{{: where a partial range cuts line ends, CRs are not looked at."""


class Mismatch(AssertionError):
    pass


# ---- words ----

class Reader:
    """Words of a line.  In a script literals are already Literal parts: text is a list of str and Literal."""

    def __init__(self, parts):
        self.parts = [p for p in parts if isinstance(p, Literal) or p]

    def peek(self):
        return self.parts[0] if self.parts else None

    def take_char(self):
        c, self.parts[0] = self.parts[0][0], self.parts[0][1:]
        if not self.parts[0]:
            self.parts.pop(0)
        return c

    def at(self, c):
        return self.parts and not isinstance(self.parts[0], Literal) and self.parts[0][0] == c

    def words(self, closing=None):
        found = Words()
        while self.parts:
            if closing and self.at(closing):
                self.take_char()
                return found
            if self.at(" "):
                self.take_char()
                continue
            found.append(self.word())
        if closing:
            raise Mismatch("a list is not closed")
        return found

    def word(self):
        if isinstance(self.parts[0], Literal):
            return self.parts.pop(0)
        if self.at("("):
            self.take_char()
            return self.words(")")
        if self.at('"'):
            return self.quoted()
        return self.atom()

    def quoted(self):
        self.take_char()
        text = ""
        while not self.at('"'):
            if self.at("\\"):
                self.take_char()
            text += self.take_char()
        self.take_char()
        return text

    def atom(self):
        """Brackets belong to it with all that is in them."""
        text, depth = "", 0
        while self.parts and not isinstance(self.parts[0], Literal):
            c = self.parts[0][0]
            if depth == 0 and c in " ()" and text:
                break
            if c == ")" and depth == 0:
                raise Mismatch("a closing parenthesis too many")
            depth += (c == "[") - (c == "]")
            text += self.take_char()
        return text


def words_of_line(line):
    """Of a line of the server with its literals, as imap_client gives it."""
    parts, rest = [], line.decode("latin-1")
    while match := re.search(r"~?\{(\d+)\}", rest):
        n = int(match.group(1))
        end = match.end()
        parts += [rest[:match.start()], Literal(rest[end:end + n])]
        rest = rest[end + n:]
    return Reader([*parts, rest]).words()


# ---- scripts ----

def logical_lines(text):
    """Lines, each a list of str and Literal: {{{ ... }}} is a literal whose last line end is not its own."""
    lines, parts, literal, kind = [], [], None, Literal
    for line in text.split("\n"):
        if literal is not None:
            if not line.startswith("}}}"):
                literal.append(line)
                continue
            parts.append(kind("\r\n".join(literal)))
            line, literal = line[3:], None
        if line.endswith("{{{"):
            kind = LooseLiteral if line.endswith("~{{{") else Literal
            parts.append(re.sub(r"~?\{\{\{$", "", line))
            literal = []
            continue
        lines.append([*parts, line])
        parts = []
    return lines


class Command:
    def __init__(self, connection, text, result=None, tag=None):
        self.connection, self.text, self.result, self.tag = connection, text, result, tag
        self.prefix = None


class Group:
    """Commands sent together and what is expected of the server meanwhile."""

    def __init__(self):
        self.commands, self.expected = [], []

    def is_complete(self):
        return all(c.result is not None for c in self.commands)


RESULTS = ("ok", "no", "bad", '""')


def split_first(parts):
    first, _, rest = parts[0].partition(" ")
    return first, [rest, *parts[1:]]


class Script:
    def __init__(self, text):
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        if ":" not in head.split("\n")[0]:
            head, body = "", text
        self.header = {}
        for line in head.split("\n"):
            key, _, value = line.partition(":")
            if value:
                self.header[key.strip()] = value.strip()
        self.connections = int(self.header.get("connections", "1"))
        self.groups = []
        for parts in logical_lines(body):
            if (parts[0].strip() or len(parts) > 1) and not parts[0].startswith("#"):
                self.add(parts)

    def add(self, parts):
        if parts[0][:2] in ("* ", "! ", "? "):
            self.groups[-1].expected.append((parts[0][0], Reader([parts[0][2:], *parts[1:]]).words()))
            return
        connection = 1
        if self.connections > 1 and re.match(r"\d+ ", parts[0]):
            number, parts = split_first(parts)
            connection = int(number)
        first, rest = split_first(parts)
        group = self.groups[-1] if self.groups else None
        if re.fullmatch(r"tag\d*", first, re.I):
            self.add_tagged(group, connection, first, rest)
        elif first.lower() in RESULTS:
            if group and not group.is_complete():
                self.end(group.commands[-1], first, rest)
            else:
                self.begin(Command(connection, rest, first.lower()))
        else:
            self.begin(Command(connection, parts))

    def begin(self, command):
        self.groups.append(Group())
        self.groups[-1].commands.append(command)

    def add_tagged(self, group, connection, tag, rest):
        word, tail = split_first(rest)
        if group and word.lower() in RESULTS:
            self.end(next(c for c in group.commands if c.tag == tag and c.result is None), word, tail)
        elif group and not group.is_complete() and group.commands[0].tag:
            group.commands.append(Command(connection, rest, tag=tag))
        else:
            self.begin(Command(connection, rest, tag=tag))

    @staticmethod
    def end(command, result, prefix):
        command.result, command.prefix = result.lower(), prefix[0].strip()


def read_mbox(path):
    """[(message, INTERNALDATE in seconds)]"""
    messages = []
    for part in re.split(r"^From ", path.read_text(encoding="latin-1"), flags=re.M)[1:]:
        head, _, text = part.partition("\n")
        stamp = re.search(r"\w{3} \w{3} +\d+ [\d:]+ \d{4}", head)
        when = calendar.timegm(time.strptime(stamp.group(0), "%a %b %d %H:%M:%S %Y")) if stamp else None
        messages.append((text.replace("\n", "\r\n"), when))
    return messages


# ---- matching ----

class Variables:
    def __init__(self, **known):
        self.known = known

    def expand(self, text):
        """In commands."""
        def value(match):
            if match.group(0) == "$$":
                return "$"
            name = match.group(1) or match.group(2)
            if name.isdigit():
                return name
            return self.known[name]
        return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", value, text)

    def match(self, pattern, text, numbers, bound):
        """Does text fit?  Adds what it sets free variables to into bound.  numbers: of the server now by $n."""
        if pattern == "$":
            return True
        if isinstance(pattern, LooseLiteral):
            return pattern.replace("\r", "") == text.replace("\r", "")
        regex, names, exact = "", [], isinstance(pattern, Literal)
        for part in re.split(r"(\$\$|\$\{case:[^}]*\}|\$\{\w+\}|\$\w+)", pattern):
            name = part.strip("${}")
            if part == "$$":
                regex += r"\$"
            elif part.startswith("${case:"):
                regex += "(?-i:" + re.escape(part[7:-1]) + ")"
            elif not part.startswith("$") or len(part) == 1:
                regex += re.escape(part)
            elif name.isdigit():
                if numbers.get(int(name)) is None:
                    return False
                regex += str(numbers[int(name)])
            elif name in self.known or name in bound:
                regex += re.escape(bound.get(name, self.known.get(name)))
            else:
                regex += "(.*?)"
                names.append(name)
        found = re.fullmatch(regex, text, re.S | (0 if exact else re.I))
        if not found:
            return False
        bound.update(zip(names, found.groups()))
        return True


class Matcher:
    def __init__(self, variables):
        self.variables = variables

    def line(self, expected, got, numbers):
        """The variables it sets, or None."""
        bound = {}
        self.numbers = numbers
        if expected and not isinstance(expected[0], Words) and expected[0].lower() in ("ok", "no", "bad", "bye"):
            return bound if self.prefix(" ".join(map(flat, expected)), " ".join(map(flat, got)), bound) else None
        return bound if self.top(expected, got, bound) else None

    def prefix(self, expected, text, bound):
        for end in range(len(text), 0, -1):
            if self.variables.match(expected, text[:end], self.numbers, bound):
                return True
        return False

    def top(self, expected, got, bound):
        kind = next((w.lower() for w in got[:2] if isinstance(w, str) and not w.isdigit()), "")
        if len(expected) > len(got) or (len(expected) < len(got) and kind != "expunge"):
            return False
        for i, (e, g) in enumerate(zip(expected, got)):
            if isinstance(e, Words) and isinstance(g, Words):
                if not self.words(e, g, bound, self.default(kind, i)):
                    return False
            elif not self.one(e, g, bound):
                return False
        return True

    @staticmethod
    def default(kind, place):
        if kind == "fetch":
            return {"chain": 2, "extra": True, "kind": "fetch"}
        if kind in ("list", "lsub") and place == 1:
            return {"chain": 1, "extra": True}
        if kind == "status":
            return {"chain": 2, "extra": True}
        return {}

    def one(self, expected, got, bound, how=None):
        if expected == "$":
            return True
        if isinstance(expected, Words) != isinstance(got, Words):
            return False
        if isinstance(expected, Words):
            return self.words(expected, got, bound, how or {})
        return self.variables.match(expected, got, self.numbers, bound)

    def directives(self, expected, how):
        own = [w[2:] for w in expected if isinstance(w, str) and w.startswith("$!")]
        rest = Words(w for w in expected if not (isinstance(w, str) and w.startswith("$!")))
        if own:
            how = {"kind": how.get("kind"), "ignore": [], "ban": []}
        for word in own:
            name, _, value = word.partition("=")
            if name == "unordered":
                how.update(chain=int(value or 1), extra=True)
            elif name in ("extra", "noextra"):
                how["extra"] = name == "extra"
            elif name in ("ignore", "ban"):
                how[name].append(value.lower())
        return rest, how

    def words(self, expected, got, bound, how):
        expected, how = self.directives(expected, how)
        chain = how.get("chain")
        if not chain:
            return len(expected) == len(got) and all(self.one(e, g, bound) for e, g in zip(expected, got))
        left = [got[i:i + chain] for i in range(0, len(got), chain)]
        for i in range(0, len(expected), chain):
            wanted = expected[i:i + chain]
            hit = next((g for g in left if len(g) == len(wanted) and self.link(wanted, g, bound, how)), None)
            if hit is None:
                return False
            left.remove(hit)
        names = [flat(g[0]).lower() for g in left]
        if any(name in how.get("ban", ()) for name in names):
            return False
        return how.get("extra") or all(name in how.get("ignore", ()) for name in names)

    def link(self, wanted, got, bound, how):
        trial = dict(bound)
        is_flags = how.get("kind") == "fetch" and flat(got[0]).lower() == "flags"
        inner = {"chain": 1, "ignore": ["\\recent"]} if is_flags else None
        if not all(self.one(w, g, trial, inner) for w, g in zip(wanted, got)):
            return False
        bound.update(trial)
        return True


def flat(word):
    return "(" + " ".join(map(flat, word)) + ")" if isinstance(word, Words) else word


# ---- playing ----

class Runner:
    """connect() gives a new imap_client.Imap that is not logged in."""

    def __init__(self, script, messages, connect, user, password, mailbox):
        self.script, self.connect, self.user, self.password = script, connect, user, password
        self.variables = Variables(mailbox=mailbox, mailbox_url=mailbox, user=user, password=password,
                                   username=user.split("@")[0], domain=user.split("@")[1])
        self.mailbox, self.messages, self.next_message = mailbox, messages, 0
        self.clients = []

    def play(self):
        self.clients = [self.connect() for _ in range(self.script.connections)]
        try:
            self.prepare(self.script.header.get("state", "selected"))
            for group in self.script.groups:
                self.play_group(group)
        finally:
            for client in self.clients:
                client.__exit__()

    def prepare(self, state):
        if state == "nonauth":
            return
        for client in self.clients:
            client.ok(f'LOGIN "{self.user}" "{self.password}"')
        first = self.clients[0]
        for line in first.ok('LIST "" *'):
            name = words_of_line(line)[4]
            if name.startswith(self.mailbox):
                first.run(f'DELETE "{name}"')
                first.run(f'UNSUBSCRIBE "{name}"')
        if state in ("created", "appended", "selected"):
            first.ok(f"CREATE {self.mailbox}")
        if state in ("appended", "selected"):
            wanted = self.script.header.get("messages", "all")
            for _ in range(len(self.messages) if wanted == "all" else int(wanted)):
                assert first.run("APPEND " + self.mailbox + self.append_rest(""))[1].startswith(b"OK")
        if state == "selected":
            for client in self.clients:
                client.ok(f"SELECT {self.mailbox}")

    def append_rest(self, options):
        text, when = self.messages[self.next_message % len(self.messages)]
        self.next_message += 1
        date = "" if when is None else time.strftime(' "%d-%b-%Y %H:%M:%S +0000"', time.gmtime(when))
        return f"{options}{date} {{{len(text)}+}}\r\n{text}"

    def encode(self, command):
        parts = [p if isinstance(p, Literal) else self.variables.expand(p) for p in command.text]
        text = "".join(f"{{{len(p)}+}}\r\n{p}" if isinstance(p, Literal) else p for p in parts)
        words = text.split(" ")
        if words[0].lower() == "append" and not any(isinstance(p, Literal) for p in parts) and "{" not in text:
            name = words[1] if len(words) > 1 else self.mailbox
            options = " " + " ".join(words[2:]) if len(words) > 2 else ""
            text = f"append {name}" + self.append_rest(options)
        return text.encode("latin-1")

    def play_group(self, group):
        client = self.clients[group.commands[0].connection - 1]
        tags = {}
        for command in group.commands:
            tag = f"s{next(client.tags)}"
            tags[tag] = command
            self.variables.known["tag"] = tag
            client.send(tag.encode() + b" " + self.encode(command) + b"\r\n")
        lines = []
        while tags:
            line = client.line()
            assert line, f"closed by the server: {lines}"
            if line.startswith(b"* "):
                lines.append(line[2:])
            elif not line.startswith(b"+"):
                tag, _, rest = line.partition(b" ")
                self.check_result(tags.pop(tag.decode()), rest.decode("latin-1"), lines)
        self.check_untagged(group, lines)

    def check_result(self, command, got, lines):
        what = "".join(command.text)
        if command.result != '""' and got.split(" ")[0].lower() != command.result:
            raise Mismatch(f"{what!r}: {got!r} instead of {command.result}; {lines}")
        if command.prefix:
            bound, text = {}, got.partition(" ")[2]
            if not any(self.variables.match(command.prefix, text[:n], {}, bound) for n in range(len(text), 0, -1)):
                raise Mismatch(f"{what!r}: {got!r} does not begin with {command.prefix!r}")
            self.variables.known.update(bound)

    def check_untagged(self, group, lines):
        """Each line with the numbers that messages had when it came."""
        gone, seen = [], []
        for line in lines:
            words = words_of_line(line)
            numbers = {n: n - sum(g < n for g in gone) for n in range(1, 100) if n not in gone}
            seen.append((words, numbers))
            if len(words) == 2 and flat(words[1]).lower() == "expunge":
                gone.append(next((n for n, now in numbers.items() if now == int(words[0])), 0))
        matcher, left = Matcher(self.variables), list(seen)
        for kind, expected in group.expected:
            hit = None
            # A line that fitted before may fit again, if no other does.
            for words, numbers in (left + seen if kind == "*" else seen):
                bound = matcher.line(expected, words, numbers)
                if bound is not None:
                    hit = (words, numbers)
                    break
            what = "".join(map(str, group.commands[-1].text))
            if kind == "!" and hit:
                raise Mismatch(f"{what!r}: {flat(hit[0])} must not come")
            if kind == "*" and not hit:
                raise Mismatch(f"{what!r}: no {flat(expected)} in {lines}")
            if kind == "*":
                left = [other for other in left if other[0] is not hit[0]]
                self.variables.known.update(bound)
        if self.script.header.get("ignore_extra_untagged", "yes") == "no" and left:
            raise Mismatch(f"not expected: {left}")
