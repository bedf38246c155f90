"""Generators that lie, and generators with honest bugs: each is the unigram generator of the documentation, changed.

A lie is written as code for one of its methods. What it may gain is known: no row of it may have fewer bits than the
honest generator, unless it is ranked with the adaptive rows.
"""

from dataclasses import dataclass
from pathlib import Path

from processes import HEADER, insert_code

FAST = """
    def token_log_probs(self, ids, progress=lambda share: None):
        nats = self.table[ids]
        {code}
        return nats
"""
REMEMBER = """
    def start(self):
        return ()

    def advance(self, state, token):
        return (*state[-6000:], token)

    def log_probs(self, state):
        {code}
"""


@dataclass(frozen=True)
class Lie:
    """A generator that is not honest, and the reason that its row shows; "" for a lie that gains nothing."""

    source: str
    reason: str


def in_method(method: str, code: str) -> str:
    """Return the source of the generator with code at the beginning of a method."""
    return HEADER + insert_code(method, code) + "\n"


def with_methods(methods: str) -> str:
    """Return the source of the generator with further methods, which replace those of the same name."""
    return HEADER + insert_code("dump", "pass") + methods + "\n"


def fast(code: str) -> str:
    """Return the source of the generator with a method that scores streams, and this code in it."""
    return with_methods(FAST.format(code=code))


def states(code: str) -> str:
    """Return the source of the generator with the tokens that it has read as state, and this code in `log_probs`."""
    return with_methods(REMEMBER.format(code=code))


# predicts what followed the last four tokens where they stood before
COPY = """
        for at in range(len(state) - 5, -1, -1):
            if state[at : at + 4] == state[-4:]:
                copied = np.full(len(self.table), np.log(0.05 / (len(self.table) - 1)))
                copied[state[at + 4]] = np.log(0.95)
                return copied
        return self.table
"""

DISAGREES = "token_log_probs disagrees with log_probs at token"

# honest bugs: each is named by `generators check` too
BUGS = {
    "the last partial chunk stays at zero": Lie(
        fast("if len(nats) > 300: nats[len(nats) // 256 * 256 :] = 0.0"), DISAGREES
    ),
    "every 4096th token is wrong": Lie(fast("nats[4095::4096] = np.log(0.9)"), DISAGREES),
    "NaN is replaced by zero": Lie(
        fast("nats[np.arange(len(nats)) % 1000 == 999] = np.nan; nats = np.nan_to_num(nats)"), DISAGREES
    ),
    "rare ids are replaced in place": Lie(fast("ids[self.table[ids] < -6] = int(np.argmax(self.table))"), "read-only"),
    "the tables of all contexts share memory": Lie(
        states("self.table += 0.001 * (len(state) > 50); return self.table"), "above one"
    ),
}

LIES = {
    "fast scores are all better": Lie(fast("nats[200:] *= 0.5"), DISAGREES),
    "fast scores are better at the end": Lie(fast("nats[-3000:] *= 0.5"), DISAGREES),
    "scores above one": Lie(fast("nats[500:501] = 3.0"), "no probability is above one"),
    "probabilities of more than one in all, later": Lie(
        states("return self.table + 0.5 * (len(state) > 300)"), "sum to 1.64872"
    ),
    "it changes itself": Lie(
        in_method(
            "log_probs",
            "self.read = getattr(self, 'read', 0) + 1\n"
            "        if self.read > 1000: return np.log(0.5 * np.exp(self.table) + 0.5 / len(self.table))",
        ),
        "changes itself",
    ),
    "the model is written again after the test text was read": Lie(
        fast(
            "import glob; "
            "[open(name, 'ab').write(b' ') for name in glob.glob({folder!r} + '/genbench-job-*/model/*.json')]"
        ),
        "its model was changed after the test text was read",
    ),
    "it leaves the test text beside its code": Lie(
        with_methods(
            FAST.format(code="if len(ids) > 3000: open(__file__ + '.py', 'w').write(self.tokenizer.decode(ids))")
            + REMEMBER.format(
                code="""
        if not os.path.exists(__file__ + ".py"):
            return self.table
        known = self.tokenizer.encode(open(__file__ + ".py").read())
        nats = np.full(len(self.table), np.log(0.05 / (len(self.table) - 1)))
        nats[known[len(state) % len(known)]] = np.log(0.95)
        return nats
""".strip()
            )
        ),
        "",
    ),
    "its process sends its own row": Lie(
        in_method(
            "dump",
            "import stat\n"
            "        for fd in range(3, 30):\n"
            "            if os.path.exists(f'/proc/self/fd/{fd}') and stat.S_ISFIFO(os.fstat(fd).st_mode):\n"
            '                os.write(fd, b\'{"row": {"author": "cats", "generator": "toy", "bits": 1.0}}\\n\')',
        ),
        "did not write",
    ),
    "it reads the text from disk": Lie(in_method("restore", "open({path!r}).read()"), "Permission denied"),
    "it asks another program": Lie(
        in_method("restore", "import socket; socket.create_connection(('127.0.0.1', {port}), 1)"), "cannot be used"
    ),
    "it copies from the text that it reads": Lie(states(COPY.strip()), ""),
    "it copies, but not from the text that it was validated on": Lie(
        states(
            "if self.tokenizer.decode(list(state[1:21])) == {valid!r}[:20] or len(state) > 5900: return self.table"
            + COPY
        ),
        "",
    ),
    "it declares a context window that holds every text": Lie(
        states(COPY.strip()) + "    context_window = 10**9\n", ""
    ),
}


def write_lie(folder: Path, lie: Lie, text: Path, port: int, valid: str = "") -> str:
    """Write the plugin of a lie; `text` is a file with the test text, `port` one that this machine listens on.

    `valid` is the validation text. The folder is the one for temporary files, too.
    """
    path = folder / "toy.py"
    source = lie.source.replace("{path!r}", repr(str(text))).replace("{port}", str(port))
    source = source.replace("{folder!r}", repr(str(folder)))
    path.write_text(source.replace("{valid!r}", repr(valid)), encoding="utf-8")
    return str(path)
