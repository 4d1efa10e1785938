"""The plain page for whoever is not signed in: it works without Reflex, which is behind the gate."""

from html import escape
from pathlib import Path

from builder.language import translate
from builder.theme import stylesheet

# In a checkout the command lives in the environment that the Makefile made.
_COMMAND = "make link" if Path(__file__).parents[1].joinpath("Makefile").exists() else "canevas link"

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Canevas</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<script src="/choices.js"></script>
<style>
{tokens}
@font-face {{ font-family: Inter; font-weight: 400; src: url(/fonts/inter-latin-400-normal.woff2); }}
@font-face {{ font-family: Poppins; font-weight: 600; src: url(/fonts/poppins-latin-600-normal.woff2); }}
* {{ box-sizing: border-box; margin: 0; }}
body {{ min-height: 100vh; display: grid; place-items: center; padding: var(--gap-5);
  background: var(--bg-1); color: var(--text-1); font: var(--type-16)/1.6 var(--face-text); }}
main {{ width: 100%; max-width: 27rem; display: grid; gap: var(--gap-4); padding: var(--gap-6);
  background: var(--bg-2); border: 1px solid var(--border); border-radius: var(--round-3); }}
h1 {{ font: 600 var(--type-24)/1.3 var(--face-display); }}
p {{ color: var(--text-2); }}
p[role=alert] {{ color: var(--warning-text); }}
code {{ display: block; padding: var(--gap-3) var(--gap-4); overflow-x: auto; background: var(--bg-1);
  color: var(--text-1); border: 1px solid var(--border); border-radius: var(--round-1);
  font: var(--type-14)/1.5 var(--face-code); }}
</style>
</head>
<body>
<main>
<img src="/logo.svg" alt="" width="48" height="48">
<h1>{title}</h1>
{notice}<p>{how}</p>
<p>{again}</p>
<code>{command}</code>
</main>
</body>
</html>
"""


def sign_in_page(accept_language: str, *, spent: bool = False) -> str:
    """The page as HTML, in the browser's language. spent: says that the link just used no longer works."""
    language = "fr" if accept_language.lower().startswith("fr") else "en"

    def say(text: str) -> str:
        return escape(translate(text, language))

    notice = say("This link was already used, or it is too old.")
    return _PAGE.format(
        language=language,
        tokens=stylesheet(),
        title=say("Sign in"),
        notice=f'<p role="alert">{notice}</p>\n' if spent else "",
        how=say("Open the link that the terminal printed when Canevas started. It signs you in once."),
        command=_COMMAND,
        again=say("For a new link, type this in a terminal on the machine that runs Canevas:"),
    )
