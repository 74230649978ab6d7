"""Faults of the guide: links that lead nowhere in the built site, and words that are misspelt."""

import ast
import re
from collections import namedtuple
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SERVED = {"genindex.html", "search.html", "py-modindex.html"}


class Page(HTMLParser):
    """The anchors and the local links of a page of the site."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        for key in ("href", "src"):
            target = attrs.get(key)
            if target and not re.match(r"[a-z]+:|//", target):
                self.links.append(target)


def dead_links(html):
    """The local links of a built site whose file or anchor is not there."""
    pages = {path: Page(path) for path in html.rglob("*.html")}
    faults = []
    for path, page in pages.items():
        for link in page.links:
            name, anchor = urldefrag(unquote(link))
            target = (path.parent / name.split("?")[0]).resolve() if name else path
            known = target not in pages or not anchor or anchor in pages[target].anchors
            if not target.exists() or not known:
                faults.append(f"{path.relative_to(html)}: nothing at {link}")
    return sorted(set(faults))


Text = namedtuple("Text", "path words")


def prose(text):
    """The words of a page in Markdown, without code, formulas, options and addresses."""
    text = re.sub(r"\A---\n.*?^---\n", "", text, flags=re.M | re.S)
    fence = r"^(`{3,})(?!\{(?:note|tip|warning|important|admonition|dropdown|seealso)).*?^\1`*$"
    text = re.sub(fence, "", text, flags=re.M | re.S)
    text = re.sub(r"^:{3,}.*$|^:[\w-]+:.*$|^\s*[>:]?\s*>>> .*$", "", text, flags=re.M)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.S)
    text = re.sub(r"(`+).*?\1", "", text, flags=re.S)
    text = re.sub(r"\]\([^)]*\)|<[^>]*>|\{[^}]*\}|https?://\S+", " ", text)
    return set(re.findall(r"(?<![\w.])[A-Za-z](?:[a-z']*[a-z])(?![\w(])", text))


def texts():
    """What is checked: pages, docstrings of plates, and README."""
    for path in [ROOT / "README.md", *sorted(HERE.glob("*.md"))]:
        yield Text(path, prose(path.read_text(encoding="utf-8")))
    for path in sorted((HERE / "gallery").rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        comments = "\n".join(re.findall(r"^# (?!%%)(.*)", code, re.M))
        yield Text(path, prose(f"{ast.get_docstring(ast.parse(code))}\n{comments}"))


def misspelt():
    """Words that neither the dictionary nor the guide's own list has."""
    from spellchecker import SpellChecker  # of the docs extra

    listed = (HERE / "words.txt").read_text(encoding="utf-8").split()
    dictionary = SpellChecker()
    dictionary.word_frequency.load_words(listed)
    plain = lambda word: re.sub(r"('s|')$", "", word)
    faults = []
    for path, words in texts():
        unknown = dictionary.unknown({plain(word) for word in words})
        faults += [f"{path.relative_to(ROOT)}: {word!r} is no known word" for word in unknown]
    return sorted(faults)


def report(html):
    """Print the faults of a built site; whether there are any."""
    faults = [*dead_links(html), *misspelt()]
    for fault in faults:
        print(fault)
    if any("known word" in fault for fault in faults):
        print("mend the words, or add true ones to examples/guide/words.txt")
    return bool(faults)
